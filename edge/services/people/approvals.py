"""One person's word for another's deed, given at the same till with a PIN or a badge (ux-security §10.5).

What was asked is shown to the approver and signed by the node's key: action, target, amount, rate, who asked, at which till, who
said so, until when. `permit` uses it up. What is refused is journalled too: a wrong PIN, one's own word, a role that may not.
"""

from typing import Annotated

import msgspec

from edge.db import approvals
from edge.db.approvals import Waiting
from edge.db.staff import PIN, Cashier, Session
from edge.domain import roles
from edge.domain.refusal import Refused
from edge.domain.roles import About, Action, Verdict
from edge.services import deeds
from edge.services.care import disk
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people import permit, sign_in
from edge.services.people.sign_in import Shown
from sync.contract.people import APPROVAL_GRANTED, APPROVAL_REFUSED, Approval

AMOUNT_FEN_MAX = 10**12
RATE_BP_MAX = 10_000
KEPT_MS = 3_600_000
"""For so long an approval that nobody came for is kept, so that a late one is told that it is too late."""


class ApproveCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the approver saw, and who they say they are.

    Attributes:
        request_id: also the approval's id.
        action, target, amount_fen, rate_bp: as the refusal `needs_approval` named them.
        person_id: whoever was picked from the list; empty where the PIN alone says it.
        pin, badge: one of them.
    """

    request_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
    action: Action
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    amount_fen: Annotated[int, msgspec.Meta(ge=0, le=AMOUNT_FEN_MAX)] = 0
    rate_bp: Annotated[int, msgspec.Meta(ge=0, le=RATE_BP_MAX)] = 0
    person_id: Annotated[str, msgspec.Meta(max_length=64)] = ""
    pin: Annotated[str, msgspec.Meta(max_length=32)] = ""
    badge: Annotated[str, msgspec.Meta(max_length=sign_in.BADGE_CHARS_MAX)] = ""

    def __repr__(self) -> str:
        """Show nothing of what was shown."""
        return f"ApproveCommand({self.action.value})"


class _Asked(msgspec.Struct, frozen=True):
    """A command without its secret, for the digest that is stored of it."""

    action: str
    target: str
    amount_fen: int
    rate_bp: int


class ApprovalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An approval that waits to be used; `expires_ms` is wall time."""

    approval_id: str
    action: str
    target: str
    amount_fen: int
    rate_bp: int
    approver_id: str
    approver: str
    expires_ms: int


def approve(node: Node, who: Session, command: ApproveCommand) -> Done | Refused:
    """Give the word for what somebody at the till may not do alone.

    Returns:
        The stored `ApprovalAnswer`, or why not: `not_allowed` (nobody can allow that to this role), `approval_own`,
        `approver_not_allowed`, and what `sign_in.recognise` refuses. All but a lock are journalled.
    """
    refusal = deeds.standing(node, vital=True)
    if refusal is not None:
        return refusal
    about = About(sent=True, rate_bp=command.rate_bp, amount_fen=command.amount_fen)
    if roles.decide(who.role, command.action, about) is Verdict.DENIED:
        return _refused(
            node, who, command, permit.NOT_ALLOWED, Refused("not_allowed", {"action": command.action.value})
        )
    shown = Shown(PIN, command.pin) if command.pin else sign_in.badge(command.badge)
    found = sign_in.recognise(node, who.till, shown, command.person_id)
    if isinstance(found, Refused):
        return _refused(node, who, command, permit.WRONG_PIN, found) if found.code == "wrong_pin" else found
    if found.cashier_id == who.cashier_id:
        return _refused(node, who, command, permit.OWN, Refused("approval_own"), found.cashier_id)
    if not roles.may_approve(found.role, command.action, about):
        refused = Refused("approver_not_allowed", {"action": command.action.value})
        return _refused(node, who, command, permit.NOT_ALLOWED, refused, found.cashier_id)
    asked = _Asked(command.action.value, command.target, command.amount_fen, command.rate_bp)
    return deeds.transact(
        node, who, command.request_id, asked, lambda deed: _granted(deed, who, command, found), vital=True
    )


def _granted(deed: Deed, who: Session, command: ApproveCommand, approver: Cashier) -> ApprovalAnswer:
    expires_ms = deed.place.at_ms + permit.VALID_MS
    waiting = Waiting(
        approval_id=command.request_id,
        till=who.till,
        action=command.action.value,
        target=command.target,
        amount_fen=command.amount_fen,
        rate_bp=command.rate_bp,
        requester=who.cashier_id,
        approver=approver.cashier_id,
        expires_ms=expires_ms,
        signature=b"",
    )
    approvals.drop_expired(deed.tx, deed.place.at_ms - KEPT_MS)
    approvals.put(deed.tx, permit.signed(deed.node, waiting))
    deed.write(APPROVAL_GRANTED, _fact(who, command, approver.cashier_id, expires_ms=expires_ms))
    return ApprovalAnswer(
        approval_id=command.request_id,
        action=command.action.value,
        target=command.target,
        amount_fen=command.amount_fen,
        rate_bp=command.rate_bp,
        approver_id=approver.cashier_id,
        approver=approver.name,
        expires_ms=expires_ms,
    )


def _refused(
    node: Node, who: Session, command: ApproveCommand, why: str, refusal: Refused, approver: str = ""
) -> Refused:
    """Journal that somebody tried, and give the refusal."""
    place, body = node.place(), _fact(who, command, approver, refused=why)
    try:
        node.db.write(lambda tx: Deed(node, tx, place, who).write(APPROVAL_REFUSED, body))
    except Exception as error:
        code = disk.refusal_of(error, node.disk)
        if code is None:
            raise
        return Refused(code)
    node.committed.notify()
    return refusal


def _fact(who: Session, command: ApproveCommand, approver: str, *, expires_ms: int = 0, refused: str = "") -> Approval:
    return Approval(
        approval_id=command.request_id,
        action=command.action.value,
        target=command.target,
        requester=who.cashier_id,
        approver=approver,
        amount_fen=command.amount_fen,
        rate_bp=command.rate_bp,
        expires_ms=expires_ms,
        refused=refused,
    )
