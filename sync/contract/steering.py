"""What HQ tells a store to do and how to be: commands with an expiry, and a few settings (protocol §5.7).

A command is a step of the stream `commands.<store>`; its result is a fact of lane 1. A setting is a step of `config` or
`config.<store>`: the key is its name, the value its JSON. Settings that this version does not know are kept and say nothing.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sync.contract import house
from sync.contract.facts import UNREADABLE, ContractError

APPLY_PENDING = "apply_pending"
RUN_VERIFY = "run_verify"
SIGN_OUT = "sign_out"
PRINT_TEST_SLIP = "print_test_slip"
COMMAND_NAMES = (APPLY_PENDING, RUN_VERIFY, SIGN_OUT, PRINT_TEST_SLIP)
CEDE_REFUND = "cede_refund"
REGAIN_REFUND = "regain_refund"
"""Given by the hub itself when another store asks for them; nobody gives them by hand."""
COMMAND_LIFE_MS_MAX = 30 * 86_400_000
QUICK_CASH_MAX = 6
NOTE_FEN_MAX = 1_000_000


class Precondition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must hold at the store for a command to be done: its epoch, its business day, its menu; 0 and empty ask nothing."""

    epoch: int = 0
    day: str = ""
    menu: int = 0


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """An order of HQ. It is done once by its id, never after `expires_ms`, and only where its precondition holds."""

    id: str
    name: str
    args: dict[str, Any]
    made_ms: int
    expires_ms: int
    precondition: Precondition = Precondition()


def read_command(raw: bytes) -> Command:
    """Read a command.

    Raises:
        ContractError: the bytes are none.
    """
    try:
        return _COMMAND.decode(raw)
    except UNREADABLE as error:
        raise ContractError(f"not a command: {error}") from error


def argument_mistake(name: str, args: Mapping[str, Any]) -> str | None:
    """Say in a sentence what is wrong with a command's name or arguments; None when nothing is."""
    wanted = _ARGUMENTS.get(name)
    if wanted is None:
        return f"there is no command {name!r}; there are {', '.join(COMMAND_NAMES)}"
    unknown = sorted(set(args) - set(wanted))
    if unknown:
        return f"{name} takes no {', '.join(unknown)}; it takes {', '.join(wanted) or 'nothing'}"
    for key, (kind, needed) in wanted.items():
        if key not in args:
            if needed:
                return f"{name} needs {key}"
        elif not isinstance(args[key], kind) or isinstance(args[key], bool):
            return f"{name}: {key} is {'a whole number' if kind is int else 'a text'}"
    return None


def setting_mistake(key: str, value: object) -> str | None:
    """Say in a sentence what is wrong with the value of a setting that is known; None when nothing is, or it is not known."""
    match key:
        case "cutoff_minutes":
            return None if _whole(value, 0, 720) else "cutoff_minutes: 0 to 720 minutes after midnight"
        case "invite_days":
            return None if _whole(value, 1, 400) else "invite_days: 1 to 400 days"
        case "quick_cash_fen":
            sound = (
                isinstance(value, list)
                and 1 <= len(value) <= QUICK_CASH_MAX
                and all(_whole(note, 1, NOTE_FEN_MAX) for note in value)
            )
            return None if sound else f"quick_cash_fen: one to {QUICK_CASH_MAX} notes, each 1 to {NOTE_FEN_MAX} fen"
        case "retention_days":
            return None if _whole(value, 30, 3_650) else "retention_days: 30 to 3650 days"
        case _ if key in house.FIELDS:
            return house.field_mistake(key, value)
        case _:
            return None


SETTINGS = ("cutoff_minutes", "invite_days", "quick_cash_fen", "retention_days", *house.FIELDS)
"""Settings that this version knows. Others are kept at the store as they came, for the version that knows them."""


def read_settings(*layers: Mapping[str, bytes]) -> dict[str, Any]:
    """Read settings, a later layer over an earlier; what is not known or not sound is left out."""
    found: dict[str, Any] = {}
    for layer in layers:
        for key, raw in layer.items():
            if key not in SETTINGS:
                continue
            try:
                value = msgspec.json.decode(raw)
            except UNREADABLE:
                continue
            if setting_mistake(key, value) is None:
                found[key] = value
    return found


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


_COMMAND = msgspec.json.Decoder(Command)
_ARGUMENTS: dict[str, dict[str, tuple[type, bool]]] = {
    APPLY_PENDING: {"stream": (str, True), "number": (int, True)},
    RUN_VERIFY: {},
    SIGN_OUT: {"till": (str, False)},
    PRINT_TEST_SLIP: {"printer": (str, True)},
    CEDE_REFUND: {"refund": (str, True), "sale": (str, True), "to": (str, True), "asked": (str, True)},
    REGAIN_REFUND: {"refund": (str, True)},
}
