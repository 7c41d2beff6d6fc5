"""A receipt's points are claimed by whoever joins with its invite (支付即会员); forged, expired, used and refunded told apart."""

from typing import NamedTuple

from edge.db import members
from edge.domain.refusal import Refused
from edge.services.deeds import Deed
from edge.services.guests.verify_invite import verify_invite
from edge.services.members import known
from edge.services.node import Node
from sync.contract import codes, times
from sync.contract import members as contract
from sync.contract.codes import Verdict
from sync.contract.members import InviteClaimed


class Invite(NamedTuple):
    """An invite whose signature holds."""

    invite_id: str
    store: str
    issued_day: str


def read(node: Node, text: str) -> Invite | Refused:
    """Judge a scanned or typed invite by its signature.

    Returns:
        `invite_forged`, `invite_expired`, `invite_revoked`, `invite_unknown_store`.
    """
    judged = verify_invite(node, text)
    code = codes.find(text)
    apart = None if code is None else codes.take_apart(code)
    if judged.verdict is not Verdict.VALID or apart is None or judged.store is None or judged.issued_day is None:
        verdict = Verdict.FORGED if judged.verdict is Verdict.VALID else judged.verdict
        return Refused(f"invite_{verdict.value}")
    return Invite(apart.claims.invite_id.hex(), judged.store, judged.issued_day)


def of_sale(node: Node, sale_id: str) -> Invite | Refused:
    """Give the invite of one of our own sales, so that nobody need scan what was just printed."""
    with node.db.read() as reader:
        found = members.invite_of_sale(reader, sale_id)
    if found is None:
        return Refused("not_found")
    assert node.enrolment is not None
    return Invite(found[0], node.enrolment.store, found[1])


def look(node: Node, invite: Invite) -> Refused | None:
    """Say why nobody can have a receipt's points any more, for a page that is only read; `standing` has the word that counts.

    Returns:
        `claim_used`, `claim_refunded`, `claim_late`.
    """
    today = times.epoch_day(times.business_day(node.clock.now_ms(), node.zone, node.store_rules.cutoff_minutes))
    with node.db.read() as reader:
        if members.claimed_here(reader, invite.invite_id):
            return Refused("claim_used")
        held = members.earning_of_invite(reader, invite.invite_id)
        rules = known.rules(reader) if held is None else known.rules_of(reader, held.rules)
        if held is not None and members.held_by_invite(reader, invite.invite_id) <= 0:
            return Refused("claim_refunded")
    return Refused("claim_late") if today > times.epoch_day(invite.issued_day) + rules.claim_days else None


def standing(deed: Deed, invite: Invite, member_id: str) -> Refused | None:
    """Say why a receipt's points cannot be claimed by a member, as far as this store knows; the hub has the last word.

    Returns:
        `claim_used`, `claim_late`, `claim_refunded`, `claim_empty` (the receipt holds none, or was a member's).
    """
    tx = deed.tx
    owner = members.claimed_here(tx, invite.invite_id)
    if owner:
        return Refused("claim_done" if members.resolve(tx, owner) == members.resolve(tx, member_id) else "claim_used")
    held = members.earning_of_invite(tx, invite.invite_id)
    rules = known.rules(tx) if held is None else known.rules_of(tx, held.rules)
    if times.epoch_day(deed.place.day) > times.epoch_day(invite.issued_day) + rules.claim_days:
        return Refused("claim_late")
    if invite.store != deed.place.store:
        return None
    if held is None:
        return Refused("claim_empty")
    return Refused("claim_refunded") if members.held_by_invite(tx, invite.invite_id) <= 0 else None


def claim(deed: Deed, invite: Invite, member_id: str) -> int | Refused:
    """Let a member have what a receipt holds; gives the points as far as this store knows them (0 for another store's)."""
    refusal = standing(deed, invite, member_id)
    if refusal is not None:
        return refusal
    body = InviteClaimed(invite_id=invite.invite_id, member_id=member_id, sale_store=invite.store)
    deed.write(contract.INVITE_CLAIMED, body)
    return members.held_by_invite(deed.tx, invite.invite_id)
