"""The first start of a node that has no settings file: what the store is called, its first manager, its printer, its enrolment.

It is open only while no manager can sign in, so nobody can use it to become one at a store that has people. Everything is kept
in the node's own file: the person as a newcomer, the rest as settings of the store; their facts are written when there is an
epoch. Until the enrolment the node is in training.
"""

import threading
from pathlib import Path
from typing import Annotated

import msgspec

from edge.db import settings_here as held
from edge.db import staff
from edge.db.staff import PIN, Cashier
from edge.domain.device_rows import PrinterRow
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.devices.device_care import Found
from edge.services.house import settings_here
from edge.services.hub import enrolment, recovery
from edge.services.hub.enrolment import EnrolmentError
from edge.services.hub.recovery import RecoveryError
from edge.services.node import Node
from edge.services.people import sign_in
from edge.services.people import staff as people
from edge.services.people.sign_in import Shown
from sync.contract.words import LOCALES, has_control
from sync.node.database import Tx
from sync.node.keys import KeyFileError

TEXT_CHARS_MAX = 60
NODE_ID_FILE = "node-id.txt"
_one_at_a_time = threading.Lock()
_Text = Annotated[str, msgspec.Meta(max_length=200)]


class FirstStartCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the wizard asked. `printer` is the address of a printer that was found; empty for none."""

    name_zh: _Text
    name_en: _Text = ""
    address: _Text = ""
    locale: Annotated[str, msgspec.Meta(max_length=8)] = LOCALES[0]
    languages: tuple[str, ...] = LOCALES
    person: _Text = ""
    pin: Annotated[str, msgspec.Meta(max_length=32)] = ""
    pin_again: Annotated[str, msgspec.Meta(max_length=32)] = ""
    printer: _Text = ""

    def __repr__(self) -> str:
        """Show nothing of the PIN."""
        return "FirstStartCommand(…)"


class EnrolCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the store's place at the hub is: all three, or what a scanner made of the code sheet."""

    hub: _Text = ""
    store: _Text = ""
    code: _Text = ""
    sheet: Annotated[str, msgspec.Meta(max_length=2_000)] = ""

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return "EnrolCommand(…)"


def is_open(node: Node) -> bool:
    """Say whether nobody can manage this node yet."""
    with node.db.read() as reader:
        return not sign_in.managers_with_pin(reader)


def printers(found: list[Found]) -> list[Found]:
    """Of what is plugged in, what may be a printer and can be reached."""
    return [each for each in found if "printer" in each.kinds and each.row]


def set_up(node: Node, asked: FirstStartCommand, found: list[Found]) -> Refused | None:
    """Put the first manager in and keep what the store is.

    Returns:
        None when it is done; `already_set_up`, `bad_name`, `pin_easy`, `pins_differ`, `unknown_setting`.
    """
    refusal = _mistake(node, asked)
    if refusal is not None:
        return refusal
    values = {
        "store.name_zh": asked.name_zh.strip() or asked.name_en.strip(),
        "store.name_en": asked.name_en.strip() or asked.name_zh.strip(),
        "store.address": asked.address.strip(),
        "store.languages": list(asked.languages),
    }
    texts = {key: msgspec.json.encode(value).decode() for key, value in values.items()}
    if asked.printer:
        row = next((each for each in printers(found) if each.address == asked.printer), None)
        if row is None:
            return Refused("unknown_setting", {"key": "devices"})
        texts[settings_here.DEVICES] = msgspec.json.encode(_rows(node, row)).decode()
    person_id = node.ids.uuid7().hex()
    shown = Shown(PIN, asked.pin)
    hashed, bucket = node.vault.hash(asked.pin), sign_in.bucket(node, shown)

    def work(tx: Tx) -> Refused | None:
        # Two browsers may be at it: the first to finish is the one that counts.
        if sign_in.managers_with_pin(tx):
            return Refused("already_set_up")
        staff.put_newcomer(tx, Cashier(person_id, asked.person.strip(), Role.MANAGER, asked.locale))
        staff.set_credential(tx, person_id, PIN, bucket, hashed)
        for key, text in texts.items():
            held.put_waiting(tx, key, text)
        return None

    refusal = node.db.write(work)
    if refusal is not None:
        return refusal
    if not node.training:
        # A replaced node, whose people all lost their PINs.
        people.declare(node)
        settings_here.declare(node)
    settings_here.load(node)
    node.changed.notify()
    return None


def enrol(node: Node, command: EnrolCommand) -> Refused | None:
    """Make this node the store's node; it is that from its next start on.

    Returns:
        None when the hub granted it; `already_enrolled`, `no_code_sheet`, or `enrol_failed` with the hub's or our own sentence.
    """
    folder = Path(node.settings.data_dir)
    with _one_at_a_time:
        # Practice is nobody's node: a one-time code of the hub must not be spent on it.
        if node.practice or enrolment.load(folder) is not None:
            return Refused("already_enrolled")
        hub, store, code, ca = command.hub.strip(), command.store.strip(), command.code.strip(), ""
        try:
            if command.sheet.strip():
                try:
                    sheet = enrolment.read_sheet(command.sheet)
                except EnrolmentError:
                    return Refused("no_code_sheet")
                hub, store, code, ca = sheet.hub, sheet.store, sheet.code, sheet.ca
            if not (hub and store and code):
                return Refused("malformed", {"field": "code"})
            recovery.refuse_plain_enrolment(folder)
            enrolment.enrol(folder, hub, store, code, installation(node), ca_fingerprint=ca)
        except (EnrolmentError, RecoveryError, KeyFileError, OSError, ValueError) as error:
            return Refused("enrol_failed", {"reason": str(error)})
    return None


def installation(node: Node) -> str:
    """Name this installation once: asking again after a lost answer must be the same node asking."""
    path = Path(node.settings.data_dir) / NODE_ID_FILE
    if not path.exists():
        path.write_text(node.ids.uuid7().hex(), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _mistake(node: Node, asked: FirstStartCommand) -> Refused | None:
    if not is_open(node):
        return Refused("already_set_up")
    names = [asked.name_zh.strip() or asked.name_en.strip(), asked.person.strip()]
    texts = [*names, asked.name_en, asked.address]
    if not all(names) or len(names[1]) > people.NAME_CHARS_MAX or any(len(text) > TEXT_CHARS_MAX for text in texts):
        return Refused("bad_name")
    if any(has_control(text) for text in texts):
        return Refused("bad_name")
    if not asked.languages or {asked.locale, *asked.languages} - set(LOCALES):
        return Refused("unknown_setting", {"key": "store.languages"})
    if not sign_in.is_pin(asked.pin):
        return Refused("pin_easy")
    return Refused("pins_differ") if asked.pin != asked.pin_again else None


def _rows(node: Node, printer: Found) -> list[object]:
    """Give the rows of the settings with a receipt printer at the address that was picked."""
    rows = [msgspec.to_builtins(row) for row in node.devices.rows]
    row = PrinterRow(id=_free_id(node), address=printer.address, profile="generic-80")
    return [*rows, msgspec.to_builtins(row)]


def _free_id(node: Node) -> str:
    taken = {row.id for row in node.devices.rows}
    return next(name for number in range(1, len(taken) + 2) if (name := f"printer-{number}") not in taken)
