"""Finds out who a member is as soon as both are here: the sealed profile from a fact and the key from a question, in any order."""

from cloud.db import ledger as rows
from cloud.db import members
from cloud.db.engine import Tx
from cloud.db.ledger import By
from cloud.domain import moves
from cloud.domain.booking import Conflict
from cloud.services.members import grants, merge, people
from cloud.services.members.shared import LedgerBook, Shared, post
from sync.node import member_seal


def reindex(tx: Tx, shared: Shared, member_id: str, by: By) -> list[Conflict]:
    """Let a member be found by what the profile says now; merge them where somebody has the same phone.

    The caller holds the book.

    Returns:
        What that brought to light: a welcome gift that was given twice.
    """
    row = members.member(tx, member_id)
    if row is None or row.left_ms is not None:
        return []
    profile = people.open_profile(shared, row)
    if profile is None:
        return []
    members.clear_index(tx, member_id, (members.PHONE, members.TAIL, members.GIFT))
    if not profile.phone:
        return []
    digest = people.phone_digest(shared, profile.phone)
    members.put_index(tx, members.PHONE, digest, member_id)
    members.put_index(tx, members.TAIL, people.tail_digest(shared, profile.phone[-people.TAIL_DIGITS :]), member_id)
    gift = member_seal.phone_digest(shared.secrets.gifts, profile.phone)
    members.put_index(tx, members.GIFT, gift, member_id)
    found = settle_welcome(tx, shared, member_id, by)
    merge.consider(tx, shared, member_id, digest, by)
    return found


def settle_welcome(tx: Tx, shared: Shared, member_id: str, by: By) -> list[Conflict]:
    """See that a phone has one welcome gift: a second one is taken back."""
    earning = rows.journal_of(tx, f"earn:welcome:{member_id}")
    if earning is None:
        return []
    found = []
    for digest in members.digests_of(tx, [member_id], members.GIFT):
        holder = members.gift_of(tx, digest)
        if not holder:
            members.note_gift(tx, digest, member_id)
        elif holder != member_id:
            points = rows.given_by(tx, earning.idem)
            deed = moves.take_gift(LedgerBook(tx, shared), member_id, points, earning.ref, shared.day())
            if post(tx, deed, by):
                grants.recall_for_debt(tx, members.resolve(tx, member_id))
                found.append(Conflict("gift_doubled", members.resolve(tx, member_id), earning.idem, points))
    return found
