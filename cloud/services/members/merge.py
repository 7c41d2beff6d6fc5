"""Two members who turn out to be one (membership.md §6.1): an event in the book, never a change of what was.

Two stores that enrol the same phone while they are cut off are the normal case. The survivor is the older member, then the
smaller id: whatever arrives first, the same one stands. A merge can be undone for thirty days.
"""

from cloud.db import ledger as rows
from cloud.db import members
from cloud.db.engine import Tx
from cloud.db.ledger import By
from cloud.db.members import MergeRow
from cloud.domain import moves
from cloud.services.members import cards, grants, people, referral
from cloud.services.members.shared import BadDeed, LedgerBook, NoMember, Shared, everybody, post
from sync.contract import times

UNDO_MS = 30 * times.DAY_MS
SAME_PHONE = "same_phone"


def consider(tx: Tx, shared: Shared, member_id: str, phone_digest: str, by: By) -> None:
    """Merge a member with whoever has the same phone, unless a person said that they are two. The caller holds the book."""
    me = members.resolve(tx, member_id)
    for other in members.found_by(tx, members.PHONE, phone_digest):
        them = members.resolve(tx, other)
        if them == me or _was_undone(tx, me, them):
            continue
        rows_of = members.members_of(tx, [me, them])
        if len(rows_of) < 2 or any(row.left_ms is not None for row in rows_of.values()):  # noqa: PLR2004 - two people
            continue
        survivor, loser = sorted(rows_of.values(), key=lambda row: (row.joined_ms, row.member_id))
        merge(tx, shared, loser.member_id, survivor.member_id, by._replace(reason=SAME_PHONE))
        me = survivor.member_id


def merge(tx: Tx, shared: Shared, loser: str, survivor: str, by: By) -> str:
    """Merge a member into another; both stand, and the caller holds the book.

    Returns:
        The id of the merge.
    """
    merge_id = shared.new_id()
    deed = moves.merge(LedgerBook(tx, shared), loser, survivor, merge_id, shared.day())
    post(tx, deed, by)
    members.set_merged(tx, loser, survivor, by.at_ms)
    rows.move_risks(tx, loser, survivor)
    members.insert_merge(tx, MergeRow(merge_id, loser, survivor, by.at_ms, by.actor, by.reason))
    for store in members.stores_of(tx, [loser]).get(loser, ()):
        members.note_guest(tx, store, survivor, by.at_ms)
    _combine(tx, shared, loser, survivor, by.at_ms)
    # What stores hold of either now belongs to somebody who may owe.
    grants.recall_for_debt(tx, survivor)
    referral.on_merge(tx, shared, loser, survivor)
    # Whoever turned out to be the loser before is the survivor now: their cards say so, too.
    cards.publish(tx, shared, everybody(tx, survivor))
    return merge_id


def by_hand(tx: Tx, shared: Shared, loser: str, survivor: str, by: By) -> str:
    """Merge a member into another because a person says so. The caller holds the book.

    Raises:
        NoMember: one of them is not there (any more).
        BadDeed: they are the same, or one of them is merged already.
    """
    if loser == survivor:
        raise BadDeed("a member cannot be merged into themselves; name the other one")
    found = members.members_of(tx, [loser, survivor])
    for member_id in (loser, survivor):
        row = found.get(member_id)
        if row is None or row.left_ms is not None:
            raise NoMember(f"there is no member {member_id[:8]}… (any more)")
        if row.merged_into:
            raise BadDeed(f"{member_id[:8]}… was merged already; merge the member who stands")
    return merge(tx, shared, loser, survivor, by)


def undo(tx: Tx, shared: Shared, merge_id: str, by: By) -> str:
    """Take a merge back: what is left of what came with it goes back. The caller holds the book.

    Returns:
        The member who stands again.

    Raises:
        BadDeed: there is no such merge, it was undone already, or thirty days are over.
    """
    row = members.merge_of(tx, merge_id)
    if row is None or row.undone_ms is not None:
        raise BadDeed("there is no such merge, or it was taken back already")
    if by.at_ms - row.at_ms > UNDO_MS:
        raise BadDeed("a merge can be taken back for thirty days; this one is older")
    if members.resolve(tx, row.loser) != members.resolve(tx, row.survivor):
        raise BadDeed("they are two members already")
    moved = rows.lot_sums_of(tx, f"merge:{merge_id}")
    members.set_merged(tx, row.loser, "", None)
    deed = moves.part(
        LedgerBook(tx, shared), moved, row.loser, members.resolve(tx, row.survivor), merge_id, shared.day()
    )
    post(tx, deed, by)
    members.undo_merge(tx, merge_id, by.at_ms)
    cards.publish(tx, shared, [*everybody(tx, row.loser), *everybody(tx, members.resolve(tx, row.survivor))])
    return row.loser


def carry(tx: Tx, shared: Shared, member_id: str, at_ms: int) -> None:
    """Carry a profile that was put right under a merged member's id into the one that stands: the newer word holds."""
    survivor = members.resolve(tx, member_id)
    found = members.members_of(tx, [member_id, survivor])
    if survivor == member_id or survivor not in found or member_id not in found:
        return
    newer, older = people.open_profile(shared, found[member_id]), people.open_profile(shared, found[survivor])
    if newer is not None and older is not None:
        people.reseal(tx, shared, found[survivor], people.combined(newer, older), at_ms)


def _was_undone(tx: Tx, first: str, second: str) -> bool:
    pair = {first, second}
    return any(row.undone_ms is not None and {row.loser, row.survivor} == pair for row in members.merges_of(tx, first))


def _combine(tx: Tx, shared: Shared, loser: str, survivor: str, at_ms: int) -> None:
    """Carry what only the other one said into the profile that stands: an allergy above all."""
    found = members.members_of(tx, [loser, survivor])
    profiles = [people.open_profile(shared, found[one]) for one in (survivor, loser) if one in found]
    mine, other = profiles if len(profiles) == 2 else (None, None)  # noqa: PLR2004 - two people
    if other is not None and mine is not None:
        both = people.combined(mine, other)
        if both != mine:
            people.reseal(tx, shared, found[survivor], both, at_ms)
