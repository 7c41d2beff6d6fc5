"""Forgets a member: the key is destroyed here and at the stores, the index rows go, the book stays under a pseudonym (PIPL art. 47).

One thing outlives them for `Policy.gift_ms`: a digest of the phone, under a key of its own, that says "a welcome gift was given" and to
which pseudonym. Without it whoever leaves and joins again has the gift again, as often as they like; with it for good the house would keep
more of somebody than that purpose needs (PIPL arts. 6, 19, 47; membership.md §5.2). A year is as long as the gift's points live.

What they had ends, and so does what they owed. A backup that is put back brings sealed profiles, but no key: the file of keys
is in no backup, and what it forgot is forgotten again at the next start (`settle`).
"""

import logging

from cloud.db import devices, members
from cloud.db import grants as grant_rows
from cloud.db import ledger as rows
from cloud.db.engine import Tx
from cloud.db.ledger import By
from cloud.domain import moves
from cloud.services.members import cards, grants, referral
from cloud.services.members.shared import LedgerBook, Shared, everybody, post

log = logging.getLogger(__name__)


def leave(tx: Tx, shared: Shared, member_id: str, by: By) -> list[str]:
    """Forget a member and all who turned out to be them. The caller holds the book; done again it changes nothing.

    Returns:
        The ids that were forgotten.
    """
    who = members.resolve(tx, member_id)
    whole = everybody(tx, who)
    for row in grant_rows.standing_of(tx, whole):
        if row.state == grant_rows.OPEN:
            grants.recall(tx, row)
    post(tx, moves.leave(LedgerBook(tx, shared), who, shared.day()), by)
    for one in whole:
        # Before the commit: whatever becomes of it, nobody reads the profile any more, and `settle` finishes the rest.
        shared.keys.forget(one, by.at_ms)
        members.set_left(tx, one, by.at_ms)
        devices.forget(tx, one)
    cards.publish(tx, shared, [who])
    for one in whole:
        referral.look(tx, shared, one)
    log.info("member.forgotten", extra={"count": len(whole)})
    return whole


def settle(shared: Shared) -> int:
    """At a start: finish what was forgotten, whether a commit was lost or an older database was put back.

    Returns:
        How many members that were.
    """
    with shared.database.read() as reader:
        left = members.left(reader)
    forgotten = set(shared.keys.forgotten())
    for member_id in left - forgotten:
        shared.keys.forget(member_id, shared.clock.now_ms())
    late = sorted(forgotten - left)
    if late:
        with shared.database.write() as tx:
            rows.hold(tx)
            late = [one for one in late if members.member(tx, one) is not None]
            for member_id in late:
                leave(tx, shared, member_id, shared.by_system("forgotten"))
    return len(late)
