"""May this person do that now: the one way in which a use case asks the table of roles (ux-security §10.5)."""

from dataclasses import dataclass

import msgspec

from edge.db import approvals, staff
from edge.db.approvals import Waiting
from edge.db.staff import Session
from edge.domain import roles
from edge.domain.refusal import Refused
from edge.domain.roles import NOTHING_SPECIAL, About, Action, Verdict
from edge.services.deeds import Deed
from edge.services.node import Node
from sync.contract.people import APPROVAL_REFUSED, Approval
from sync.node import keys

VALID_MS = 60_000
"""For so long an approval may be used."""
OWN = "own"
WRONG_PIN = "wrong_pin"
NOT_ALLOWED = "not_allowed"
EXPIRED = "expired"
USED = "used"
ALTERED = "altered"
_DOMAIN = b"zhanggui approval 1\0"


@dataclass(frozen=True)
class Permitted:
    """It may be done; who else said so and under which approval, both empty where nobody had to be asked."""

    approved_by: str
    approval_id: str


NOBODY_ASKED = Permitted("", "")


def may(session: Session | None, action: Action, about: About = NOTHING_SPECIAL) -> bool:
    """Say whether somebody may do or see something without asking anybody; for menus and pages that only read."""
    return session is not None and roles.decide(session.role, action, about) is Verdict.ALLOWED


def permit(
    deed: Deed, action: Action, target: str, about: About = NOTHING_SPECIAL, approval_id: str = ""
) -> Permitted | Refused:
    """Say whether who is signed in may do something, and use up the approval where one is needed.

    The approval is used in the transaction of the deed: a deed that is refused afterwards leaves it unused. One that is replayed,
    too old, of another deed or changed in the file is recorded as refused even though the deed leaves nothing else behind.

    Args:
        target: the id of what it is about: an order, a line, a sale, a drawer.
        about: as far as a rule looks at it; its amount and rate are those that the approval must name.
        approval_id: of the approval that came with the command; empty for none.

    Returns:
        `needs_approval` with {action, target, amount_fen, rate_bp} where another person must say so, with `why` where the
        approval that came does not hold; `not_allowed` with {action} where nobody can allow it to this role.
    """
    who = deed.who
    verdict = Verdict.DENIED if who is None else roles.decide(who.role, action, about)
    if who is None or verdict is Verdict.DENIED:
        return Refused("not_allowed", {"action": action.value})
    if verdict is Verdict.ALLOWED:
        return Permitted("", "")
    needed: dict[str, object] = {
        "action": action.value,
        "target": target,
        "amount_fen": about.amount_fen,
        "rate_bp": about.rate_bp,
    }
    if not approval_id:
        return Refused("needs_approval", needed)
    asked = Approval(
        approval_id=approval_id,
        action=action.value,
        target=target,
        requester=who.cashier_id,
        amount_fen=about.amount_fen,
        rate_bp=about.rate_bp,
    )
    waiting = approvals.find(deed.tx, approval_id)
    why = _fault(deed, who, asked, about, waiting)
    if waiting is None or why:
        approver = waiting.approver if waiting is not None else ""
        deed.note(APPROVAL_REFUSED, msgspec.structs.replace(asked, approver=approver, refused=why))
        return Refused("needs_approval", {**needed, "why": why})
    approvals.take(deed.tx, approval_id)
    return Permitted(waiting.approver, approval_id)


def _fault(deed: Deed, who: Session, asked: Approval, about: About, waiting: Waiting | None) -> str:
    """Say why an approval does not hold for a deed; empty when it does."""
    if waiting is None:
        return USED if approvals.was_granted(deed.tx, asked.approval_id) else ALTERED
    said = (waiting.action, waiting.target, waiting.amount_fen, waiting.rate_bp, waiting.requester, waiting.till)
    meant = (asked.action, asked.target, asked.amount_fen, asked.rate_bp, who.cashier_id, who.till)
    if said != meant or not keys.verified(deed.node.identity.public.signing, signed_text(waiting), waiting.signature):
        return ALTERED
    # Not before it was given either: a clock that was set back does not give it a longer life.
    if not waiting.expires_ms - VALID_MS <= deed.place.at_ms < waiting.expires_ms:
        return EXPIRED
    if waiting.approver == who.cashier_id:
        return OWN
    approver = staff.person(deed.tx, waiting.approver)
    if approver is None or not roles.may_approve(approver.role, Action(asked.action), about):
        return NOT_ALLOWED
    return ""


def signed_text(waiting: Waiting) -> bytes:
    """Give the bytes of an approval that the node's key signs: everything but the signature."""
    return _DOMAIN + msgspec.json.encode(waiting[:-1])


def signed(node: Node, waiting: Waiting) -> Waiting:
    """Sign an approval with the node's key."""
    return waiting._replace(signature=node.identity.sign(signed_text(waiting)))
