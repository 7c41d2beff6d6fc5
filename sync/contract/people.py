"""The facts of people at a store (lane 1): who may sign in and as what, and what one person allowed another.

No PIN and no badge number is ever in a fact, not even as a hash: a node that was replaced asks everybody for a new PIN.
"""

import msgspec

PERSON_SET = "person.set"
PERSON_LEFT = "person.left"
PIN_SET = "person.pin_set"
APPROVAL_GRANTED = "approval.granted"
APPROVAL_REFUSED = "approval.refused"
SETTINGS_CHANGED = "settings.changed"


class PersonSet(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody may sign in: what they are called at the till, their role, their language."""

    person_id: str
    name: str
    role: str
    locale: str


class PersonLeft(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody may not sign in any more."""

    person_id: str


class PinSet(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody has a new PIN or badge; `what` is `pin` or `badge`."""

    person_id: str
    what: str


class Approval(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person was asked to allow another something (ux-security §10.5).

    `target` is the id of what it is about, `amount_fen` the amount that was shown, `rate_bp` the rate. A refused one says why:
    `own` (nobody allows themselves), `wrong_pin`, `not_allowed`, `expired`, `used`, `altered`.
    """

    approval_id: str
    action: str
    target: str
    requester: str
    approver: str = ""
    amount_fen: int = 0
    rate_bp: int = 0
    expires_ms: int = 0
    refused: str = ""


class SettingsChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A setting of the store was changed at the store; `value` is JSON."""

    key: str
    value: str


KINDS: dict[str, type[msgspec.Struct]] = {
    PERSON_SET: PersonSet,
    PERSON_LEFT: PersonLeft,
    PIN_SET: PinSet,
    APPROVAL_GRANTED: Approval,
    APPROVAL_REFUSED: Approval,
    SETTINGS_CHANGED: SettingsChanged,
}
