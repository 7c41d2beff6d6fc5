"""Points by hand, with a reason; above a limit a second person says yes, and nobody says yes to their own."""

import msgspec

from cloud.db import ledger as rows
from cloud.db import referrals as table
from cloud.db.engine import Tx
from cloud.db.ledger import By
from cloud.db.referrals import IssueRow
from cloud.domain import moves
from cloud.services.members import cards, grants
from cloud.services.members.shared import BadDeed, LedgerBook, Shared, post, standing
from sync.contract import times

WAITING, DONE, REFUSED = "waiting", "done", "refused"
POINTS_MAX = 1_000_000
REASON_CHARS_MIN = 3
REASON_CHARS_MAX = 200


def ask(tx: Tx, shared: Shared, member_id: str, points: int, by: By) -> IssueRow:
    """Give a member points (below zero: take them), or put it before a second person where it is much.

    Raises:
        NoMember: there is no such member.
        BadDeed: no points, too many, or no reason.
    """
    rows.hold(tx)
    row = standing(tx, member_id)
    if not 0 < abs(points) <= POINTS_MAX:
        raise BadDeed(f"give a number of points from 1 to {POINTS_MAX:,}, or below zero to take some")
    if not REASON_CHARS_MIN <= len(by.reason.strip()) <= REASON_CHARS_MAX:
        raise BadDeed("say why, in a few words: it stays in the book")
    since_ms = by.at_ms - times.DAY_MS
    alone = abs(points) + table.issued_since(tx, by.actor, since_ms) <= shared.policy.alone_max
    made = IssueRow(
        shared.new_id(), row.member_id, points, by.reason.strip(), by.actor, by.at_ms, DONE if alone else WAITING
    )
    table.insert_issue(tx, made)
    if alone:
        _do(tx, shared, made, by)
    return made


def decide(tx: Tx, shared: Shared, issue_id: str, *, allow: bool, by: By) -> IssueRow:
    """Say yes or no to what another person asked for.

    Raises:
        NoMember: the member left meanwhile.
        BadDeed: it waits no more, or it is one's own.
    """
    rows.hold(tx)
    found = table.issue(tx, issue_id)
    if found is None or found.state != WAITING:
        raise BadDeed("this waits for nobody any more")
    if found.asked_by == by.actor:
        raise BadDeed("a second person must say yes: nobody allows their own")
    if allow:
        standing(tx, found.member_id)
    table.decide_issue(tx, issue_id, DONE if allow else REFUSED, by.actor, by.at_ms)
    if allow:
        _do(tx, shared, found, by._replace(reason=found.reason))
    decided = table.issue(tx, issue_id)
    assert decided is not None
    return decided


def _do(tx: Tx, shared: Shared, row: IssueRow, by: By) -> None:
    book, day = LedgerBook(tx, shared), shared.day()
    who = msgspec.structs.replace(row, member_id=book.resolve(row.member_id))
    if row.points > 0:
        deed = moves.issue(book, who.member_id, row.points, row.issue_id, day, shared.rulebook.now(tx))
    else:
        deed = moves.withdraw(book, who.member_id, -row.points, row.issue_id, day)
    post(tx, deed, by)
    grants.recall_for_debt(tx, who.member_id)
    cards.publish(tx, shared, [who.member_id])
