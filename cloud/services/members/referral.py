"""邀新有礼: who brought whom, and when both are rewarded (membership.md §6.8). Only the hub rewards, so no store can do it twice.

bound → cooling (the friend's first paid bill after joining) → rewarded | refused (why) | review (a person looks) → …;
a refund of the whole bill while it cools waits for the next bill, and later takes the reward back.
"""

import logging

import msgspec

from cloud.db import ledger as rows
from cloud.db import members
from cloud.db import referrals as table
from cloud.db.engine import HubDatabase, Turn, Tx
from cloud.db.ledger import By
from cloud.db.referrals import ReferralRow
from cloud.domain import moves
from cloud.services.members import cards, grants
from cloud.services.members.shared import BadDeed, LedgerBook, Shared, everybody, post
from sync.contract import times

SELF, STAFF, EXISTING, MONTH_MAX, LEFT, BY_PERSON = (
    "self",
    "staff",
    "existing",
    "month_max",
    "left",
    "by_person",
)
FLAGGED = ("same_table", "same_device", "same_phone", "velocity")
"""Reasons for a person to look: families do dine together."""
ROUND = 200
HOUR_MS = 3_600_000

log = logging.getLogger(__name__)


def bind(tx: Tx, shared: Shared, friend: str, referrer: str, flags: tuple[str, ...], store: str, at_ms: int) -> None:
    """Note who brought a friend; the first word holds. The caller holds the book."""
    if table.referral_of(tx, friend) is not None:
        return
    plain = " ".join(flag for flag in dict.fromkeys(flags) if flag.isidentifier() and flag.isascii())
    table.insert_referral(tx, ReferralRow(friend, referrer, store, plain[:120], at_ms))
    look(tx, shared, friend)


def flag(tx: Tx, friend: str, word: str) -> None:
    """Note something about a referral that a person should look at; what was decided already stays so. The caller holds the book."""
    row = table.referral_of(tx, friend)
    if row is None or row.looked or word in row.flags.split() or row.state not in {table.BOUND, table.COOLING}:
        return
    table.put_referral(tx, msgspec.structs.replace(row, flags=f"{row.flags} {word}".strip()))


def look(tx: Tx, shared: Shared, friend: str) -> None:
    """See how far a referral has come, for something changed: a bill, a refund, a merge. The caller holds the book."""
    row = table.referral_of(tx, friend)
    if row is None or row.state not in {table.BOUND, table.COOLING, table.REVIEW}:
        return
    refused = _refusal(tx, row)
    if refused:
        table.put_referral(tx, _decided(row, table.REFUSED, refused, "system", shared.clock.now_ms()))
        return
    if row.state == table.BOUND:
        _seek_bill(tx, shared, row)


def on_sale(tx: Tx, shared: Shared, member_id: str) -> None:
    """A member paid a bill."""
    for one in everybody(tx, members.resolve(tx, member_id)):
        look(tx, shared, one)


def on_refund(tx: Tx, shared: Shared, sale_id: str, by: By) -> None:
    """Money of a sale went back: if it was all of it, the referral that it counted for goes with it."""
    found = table.of_sale(tx, sale_id)
    sale = members.sale(tx, sale_id)
    if not found or sale is None or members.returned_fen(tx, sale_id) < sale.total_fen:
        return
    for row in found:
        if row.state in {table.COOLING, table.REVIEW}:
            back = msgspec.structs.replace(row, state=table.BOUND, reason="", sale_id="", paid_ms=None, due_ms=None)
            table.put_referral(tx, back)
            look(tx, shared, row.friend)
        elif row.state == table.REWARDED:
            _take_back(tx, shared, row, by)


def on_merge(tx: Tx, shared: Shared, loser: str, survivor: str) -> None:
    """Two members are one: whoever was a member before was brought by nobody, and nobody brings themselves."""
    for one in everybody(tx, survivor):
        look(tx, shared, one)
    for row in table.by_referrer(tx, [loser, survivor]):
        look(tx, shared, row.friend)


class Referrals:
    """What happens to referrals by the clock and by a person's word. Any thread may use it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._database: HubDatabase = shared.database

    def settle_due(self) -> int:
        """Reward, refuse or hand to a person what has cooled; gives how many were settled."""
        total = 0
        while True:
            with self._database.write(Turn.PROJECTOR) as tx:
                rows.hold(tx)
                found = table.due(tx, self._shared.clock.now_ms(), ROUND)
                for row in found:
                    _settle(tx, self._shared, row)
            total += len(found)
            if len(found) < ROUND:
                break
        if total:
            self._shared.on_stream()
            log.info("referrals.settled", extra={"count": total})
        return total

    def decide(self, tx: Tx, friend: str, *, allow: bool, by: By) -> ReferralRow:
        """Say yes or no to a referral that waits for a person.

        Raises:
            BadDeed: none of this friend waits.
        """
        rows.hold(tx)
        row = table.referral_of(tx, friend)
        if row is None or row.state != table.REVIEW:
            raise BadDeed("no referral of this member waits for a decision")
        if allow:
            passed = msgspec.structs.replace(
                row, state=table.COOLING, reason="", looked=1, decided_by=by.actor, decided_ms=by.at_ms
            )
            table.put_referral(tx, passed)
            if (row.due_ms or 0) <= by.at_ms:
                _settle(tx, self._shared, passed)
        else:
            table.put_referral(tx, _decided(row, table.REFUSED, BY_PERSON, by.actor, by.at_ms))
        found = table.referral_of(tx, friend)
        assert found is not None
        return found


def _refusal(tx: Tx, row: ReferralRow) -> str:
    """Say why a referral can never be rewarded; empty where nothing stands against it yet."""
    friend, referrer = members.resolve(tx, row.friend), members.resolve(tx, row.referrer)
    if friend == referrer:
        return SELF
    found = members.members_of(tx, [friend, referrer])
    if any(one.left_ms is not None for one in found.values()):
        return LEFT
    if "staff" in row.flags.split() or any(one.staff for one in found.values()):
        return STAFF
    return EXISTING if friend != row.friend or _was_here(tx, friend) else ""


def _was_here(tx: Tx, friend: str) -> bool:
    """Say whether somebody with this phone had the welcome gift before: who left and joins again is no new guest."""
    holders = {members.gift_of(tx, digest) for digest in members.digests_of(tx, [friend], members.GIFT)}
    return any(one and members.resolve(tx, one) != friend for one in holders)


def _seek_bill(tx: Tx, shared: Shared, row: ReferralRow) -> None:
    friend = members.member(tx, row.friend)
    if friend is None:
        return
    cool_ms = shared.rulebook.now(tx).referral_cool_days * times.DAY_MS
    for sale in members.first_sales_after(tx, everybody(tx, row.friend), friend.joined_ms):
        if sale.total_fen > members.returned_fen(tx, sale.sale_id):
            cooling = msgspec.structs.replace(
                row, state=table.COOLING, sale_id=sale.sale_id, paid_ms=sale.at_ms, due_ms=sale.at_ms + cool_ms
            )
            table.put_referral(tx, cooling)
            return


def _settle(tx: Tx, shared: Shared, row: ReferralRow) -> None:
    now_ms = shared.clock.now_ms()
    refused = _refusal(tx, row)
    if not refused and not row.looked and (reason := _doubt(tx, shared, row)):
        table.put_referral(tx, msgspec.structs.replace(row, state=table.REVIEW, reason=reason))
        return
    rules = shared.rulebook.now(tx)
    referrer, friend = members.resolve(tx, row.referrer), members.resolve(tx, row.friend)
    if not refused and members.member(tx, referrer) is None:
        # Their store has not told of them yet: nobody is rewarded before the hub knows who that is.
        table.put_referral(tx, msgspec.structs.replace(row, due_ms=now_ms + times.DAY_MS))
        return
    if not refused and _rewarded_in_month(tx, shared, row) >= rules.referral_month_max > 0:
        refused = MONTH_MAX
    if refused:
        table.put_referral(tx, _decided(row, table.REFUSED, refused, row.decided_by or "system", now_ms))
        return
    deed = moves.reward(LedgerBook(tx, shared), referrer, friend, shared.day(), rules)
    # The amounts, as a refund must take back what these rules gave.
    post(tx, deed, shared.by_system(f"{rules.referral_referrer}+{rules.referral_friend}"))
    table.put_referral(tx, _decided(row, table.REWARDED, "", row.decided_by or "system", now_ms))
    cards.publish(tx, shared, [referrer, friend])


def _doubt(tx: Tx, shared: Shared, row: ReferralRow) -> str:
    """Say why a person should look; empty for no reason."""
    for flag in row.flags.split():
        if flag in FLAGGED:
            return flag
    whole = everybody(tx, members.resolve(tx, row.referrer))
    phones = set(members.digests_of(tx, [row.friend], members.PHONE))
    if phones & set(members.digests_of(tx, whole, members.PHONE)):
        # Somebody said that the two are two, or they would be one by now.
        return "same_phone"
    policy = shared.policy
    for span_ms, most in ((times.DAY_MS, policy.friends_a_day), (HOUR_MS, policy.friends_an_hour)):
        if table.count_bound(tx, whole, row.bound_ms - span_ms, row.bound_ms + span_ms) > most:
            return "velocity"
    return ""


def _rewarded_in_month(tx: Tx, shared: Shared, row: ReferralRow) -> int:
    whole = everybody(tx, members.resolve(tx, row.referrer))
    month = shared.day(row.paid_ms)[:7]
    found = table.by_referrer(tx, whole, 1_000)
    return sum(one.state == table.REWARDED and shared.day(one.paid_ms)[:7] == month for one in found)


def _take_back(tx: Tx, shared: Shared, row: ReferralRow, by: By) -> None:
    referrer, friend = members.resolve(tx, row.referrer), members.resolve(tx, row.friend)
    given = rows.journal_of(tx, f"referral:{row.friend}")
    if given is not None:
        theirs, ours = (int(part) for part in given.reason.split("+"))
        parts = ((referrer, theirs), (friend, ours))
        post(tx, moves.take_reward(LedgerBook(tx, shared), parts, row.friend, shared.day()), by)
        for who in (referrer, friend):
            grants.recall_for_debt(tx, who)
    table.put_referral(tx, _decided(row, table.TAKEN_BACK, "refunded", by.actor, by.at_ms))
    cards.publish(tx, shared, [referrer, friend])


def _decided(row: ReferralRow, state: str, reason: str, by: str, at_ms: int) -> ReferralRow:
    return msgspec.structs.replace(row, state=state, reason=reason, decided_by=by, decided_ms=at_ms)
