"""Settings that the store keeps for itself, over those of the file; HQ's stand over both.

A key is `store.FIELD`, `house.FIELD` or `devices` (all rows at once). A value that this version cannot use is left out at the
start, so that a node never fails to start by what was once set at it. What the process took at its start (tills, devices, the
zone) changes with the next start; the rest holds at once.
"""

import logging
from typing import Annotated, Any, Final

import msgspec

from drivers.transport.address import FileAddress, parse
from edge import settings as file_settings
from edge.db import settings_here as held
from edge.db.staff import Session
from edge.domain.device_rows import read_rows
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.people import permit
from edge.settings import EdgeSettings
from sync.contract.people import SETTINGS_CHANGED, SettingsChanged
from sync.node.database import Reader, Tx

DEVICES: Final = "devices"
SECTIONS: Final = ("store", "house")
NOT_HERE: Final = frozenset({"store.menu_file"})
"""A path on this computer's disk is for whoever has its settings file."""
AT_START: Final = frozenset({DEVICES, "store.tills", "store.timezone"})
VALUE_CHARS_MAX: Final = 20_000

log = logging.getLogger(__name__)


class SettingCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sets one thing."""

    request_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    value: msgspec.Raw


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as it holds; `here` when the store set it, `at_start` when a change needs the next start."""

    key: str
    value: Any
    here: bool = False
    at_start: bool = False


class SettingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that may be set here."""

    settings: tuple[Setting, ...]


def names() -> list[str]:
    """List the keys of this version."""
    fields = {section.name: section.type for section in msgspec.structs.fields(EdgeSettings)}
    return [
        DEVICES,
        *(
            key
            for section in SECTIONS
            for field in msgspec.structs.fields(fields[section])
            if (key := f"{section}.{field.encode_name}") not in NOT_HERE
        ),
    ]


def over(settings: EdgeSettings, values: dict[str, str]) -> EdgeSettings:
    """Lay what the store set over the settings of the file; a value that does not fit is left out.

    Some fit only beside another (the tax of a line beside the taxes), so each is tried until none more fits.
    """
    left = dict(sorted(values.items()))
    fitted = True
    while left and fitted:
        fitted = False
        for key, text in list(left.items()):
            laid = _laid(settings, key, text)
            if laid is not None:
                settings, fitted = laid, True
                del left[key]
    for key in left:
        log.warning("settings.left_out", extra={"key": key})
    return settings


def at_start(settings: EdgeSettings, reader: Reader) -> EdgeSettings:
    """Give the settings that a node starts with."""
    return over(settings, held.values(reader))


def listed(node: Node) -> list[Setting]:
    """List every setting as it holds at the store, without what HQ says over it."""
    with node.db.read() as reader:
        values = held.values(reader)
    now = over(node.settings, values)
    return [Setting(key=key, value=_value(now, key), here=key in values, at_start=key in AT_START) for key in names()]


def change(node: Node, who: Session, command: SettingCommand) -> Done | Refused:
    """Set one thing, as a manager."""
    if not permit.may(who, Action.SETTINGS):
        return Refused("not_allowed", {"action": Action.SETTINGS.value})
    text = bytes(command.value).decode()
    with node.db.read() as reader:
        before = over(node.settings, held.values(reader))
    if command.key not in names() or len(text) > VALUE_CHARS_MAX or _laid(before, command.key, text) is None:
        return Refused("unknown_setting", {"key": command.key})
    answer = Setting(key=command.key, value=msgspec.json.decode(text), here=True, at_start=command.key in AT_START)
    if node.training:
        if node.recovery:
            return Refused(node.idle_code)
        node.db.write(lambda tx: held.put_waiting(tx, command.key, text))
        load(node)
        return Done(msgspec.json.encode(answer), repeated=False)

    def work(deed: Deed) -> Setting:
        deed.write(SETTINGS_CHANGED, SettingsChanged(key=command.key, value=text))
        return answer

    done = deeds.transact(node, who, command.request_id, command, work, vital=True)
    load(node)
    return done


def load(node: Node) -> None:
    """Let what the store set hold from now on."""
    with node.db.read() as reader:
        values = held.values(reader)
    node.rules.put_here(over(node.settings, values) if values else None)


def declare(node: Node) -> int:
    """Write the facts of what was set before there was an epoch; give how many."""
    with node.db.read() as reader:
        pending = held.waiting(reader)
    if node.training or not pending:
        return 0
    place = node.place()

    def work(tx: Tx) -> int:
        for key, text in pending:
            held.drop_waiting(tx, key)
            Deed(node, tx, place, None).write(SETTINGS_CHANGED, SettingsChanged(key=key, value=text))
        return len(pending)

    return node.db.write(work)


def _laid(settings: EdgeSettings, key: str, text: str) -> EdgeSettings | None:
    """Lay one value over settings; None where it does not fit."""
    try:
        value = msgspec.json.decode(text)
        if key == DEVICES:
            rows = read_rows(value, settings.store.tills)
            if rows.problems or not isinstance(value, list) or not all(map(_is_of_a_device, value)):
                return None
            return msgspec.structs.replace(settings, devices=value)
        section, _, field = key.partition(".")
        if section not in SECTIONS or key in NOT_HERE:
            return None
        whole = getattr(settings, section)
        tree = {**msgspec.to_builtins(whole), field: value}
        laid = msgspec.structs.replace(settings, **{section: msgspec.convert(tree, type(whole))})
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    return None if file_settings.mistakes(laid) else laid


def _is_of_a_device(row: dict[str, object]) -> bool:
    """Say whether a row writes to a device: a file anywhere is for whoever has the settings file."""
    address = parse(str(row["address"])) if "address" in row else None
    return not isinstance(address, FileAddress) or (address.path.startswith("/dev/") and ".." not in address.path)


def _value(settings: EdgeSettings, key: str) -> Any:  # noqa: ANN401 - whatever the field holds
    if key == DEVICES:
        return msgspec.to_builtins(settings.devices)
    section, _, field = key.partition(".")
    return msgspec.to_builtins(getattr(settings, section))[field]
