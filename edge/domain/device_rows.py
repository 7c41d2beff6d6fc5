"""The devices a store has, as its settings say: one row each, read leniently (pure).

A wrong row never stops the node: it becomes a `RowProblem` that names the field and what to do, and stands on the device page
until somebody mends it. All other rows work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from drivers.errors import DeviceRejected
from drivers.transport import address

RECEIPT: Final = "receipt"
"""The station of guests' receipts; every other station is a place in the kitchen, as the menu names it."""

KINDS: Final = ("printer", "drawer", "scanner", "card_reader", "display", "scale")

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
Till = Annotated[str, msgspec.Meta(max_length=8)]


class PrinterRow(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="printer"
):
    """A receipt or kitchen printer."""

    id: str
    address: str
    """`tcp://host:9100`, `serial:///dev/serial/by-id/…?baud=19200`, `usb://04b8:0202`, `file:///dev/usb/lp0`, `virtual://printer/name`."""
    name: str = ""
    """What screens call it; empty = its id."""
    profile: str = "epson-80"
    """A profile or model known to `drivers.printer`; an unknown one becomes the generic one for its width and says so."""
    stations: tuple[str, ...] = (RECEIPT,)
    """What is printed here: `receipt`, or stations of the kitchen as the menu names them."""
    tills: tuple[Till, ...] = ()
    """Tills whose receipts come out here; empty = all."""
    fallback: str = ""
    """The printer that takes over when this one cannot print."""
    fallback_after_s: Annotated[int, msgspec.Meta(ge=5, le=3_600)] = 60
    """How long a slip waits for this printer before it moves to the fallback."""
    ask_after_min: Annotated[int, msgspec.Meta(ge=0, le=1_440)] = 10
    """Slips older than this ask a person first after an outage; 0 = never."""
    confirm_ms: Annotated[int, msgspec.Meta(ge=200, le=60_000)] = 8_000
    """How long to wait for the printer's word that a slip is on paper."""
    roll_url: str = ""
    """Where a virtual printer shows its paper; empty for a real one."""


class DrawerRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="drawer"):
    """A cash drawer on a printer's drawer port."""

    id: str
    printer: str
    """The id of the printer it is plugged into."""
    name: str = ""
    pin: Literal[2, 5] = 2
    """Pin of the connector: 2 for the first drawer, 5 for the second."""
    tills: tuple[Till, ...] = ()
    """Tills that use it; empty = all."""
    open_pin_high: bool | None = None
    """What the sensor says of an open drawer; leave out when it has none or nobody knows."""


class ScannerRow(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="scanner"
):
    """A barcode scanner on a serial port, or a keyboard-like one (`hid://`)."""

    id: str
    address: str
    till: Till
    """The till whose screen gets what is scanned."""
    name: str = ""
    prefix: str = ""
    suffix: str = ""
    """What the scanner puts before and after a code; CR, LF, TAB and silence end a code anyway."""
    silence_ms: Annotated[int, msgspec.Meta(ge=20, le=1_000)] = 60


class CardReaderRow(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="card_reader"
):
    """A reader of member and staff cards."""

    id: str
    address: str
    till: Till
    protocol: Literal["magstripe", "nfc"] = "magstripe"
    name: str = ""


class DisplayRow(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="display"
):
    """A customer display of two lines."""

    id: str
    address: str
    till: Till
    protocol: Literal["cd5220", "escpos-vfd", "led8"] = "cd5220"
    hanzi: bool = False
    """Whether it can show Chinese; without it names are shown in English."""
    name: str = ""


class ScaleRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="scale"):
    """A scale at a till."""

    id: str
    address: str
    till: Till
    protocol: Literal["toledo-8217", "st-gs", "ff-bcd", "ff-bcd-from-1"] = "toledo-8217"
    """What it speaks; the two `ff-bcd` differ by a factor of ten: compare with the scale's own figure once."""
    name: str = ""


DeviceRow = PrinterRow | DrawerRow | ScannerRow | CardReaderRow | DisplayRow | ScaleRow
AddressedRow = PrinterRow | ScannerRow | CardReaderRow | DisplayRow | ScaleRow
Row = TypeVar("Row", bound=DeviceRow)

_SCHEMES: Final[dict[str, tuple[type, ...]]] = {
    "printer": (address.TcpAddress, address.SerialAddress, address.UsbAddress, address.FileAddress, address.VirtualAddress),
    "scanner": (address.SerialAddress, address.HidAddress, address.VirtualAddress),
    "card_reader": (address.SerialAddress, address.HidAddress, address.PcscAddress, address.VirtualAddress),
    "display": (address.SerialAddress, address.TcpAddress, address.VirtualAddress),
    "scale": (address.SerialAddress, address.TcpAddress, address.VirtualAddress),
}  # fmt: skip


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be used; the screen has a sentence for each `code`, the command line shows `detail`.

    Attributes:
        position: which row, from 1.
        id: what the row calls itself; empty when it does not say.
        field: the field to mend.
        code: `not_a_row`, `unknown_kind`, `bad_field`, `bad_id`, `same_id`, `bad_address`, `wrong_address`, `same_address`,
            `no_such_printer`, `bad_fallback`, `no_such_till` or `no_station`.
        detail: what to write instead, in English.
    """

    position: int
    id: str
    field: str
    code: str
    detail: str


@dataclass(frozen=True)
class DeviceRows:
    """The rows that can be used, in the order of the settings, and those that cannot."""

    rows: tuple[DeviceRow, ...] = ()
    problems: tuple[RowProblem, ...] = ()

    def of(self, kind: type[Row]) -> list[Row]:
        """The rows of one kind."""
        return [row for row in self.rows if isinstance(row, kind)]

    def printer(self, device_id: str) -> PrinterRow | None:
        """Find a printer by its id."""
        return next((row for row in self.of(PrinterRow) if row.id == device_id), None)

    def printer_for(self, station: str, till: str) -> PrinterRow | None:
        """Find the printer that prints a station's slips of a till; one that names the till goes before one for all."""
        fitting = [row for row in self.of(PrinterRow) if station in row.stations]
        named = [row for row in fitting if till in row.tills]
        return next(iter(named or [row for row in fitting if not row.tills]), None)

    def drawer_for(self, till: str) -> DrawerRow | None:
        """Find the drawer of a till; one that names the till goes before one for all."""
        drawers = self.of(DrawerRow)
        named = [row for row in drawers if till in row.tills]
        return next(iter(named or [row for row in drawers if not row.tills]), None)


def read_rows(raw: object, tills: Sequence[str]) -> DeviceRows:
    """Read the `[[devices]]` rows of the settings; what cannot be used is a problem beside the rest."""
    if not isinstance(raw, (list, tuple)):
        return DeviceRows((), (RowProblem(1, "", "devices", "not_a_row", "write each device as a [[devices]] table"),))
    rows: list[tuple[int, DeviceRow]] = []
    problems: list[RowProblem] = []
    for position, tree in enumerate(raw, start=1):
        read = _row(position, tree)
        if isinstance(read, RowProblem):
            problems.append(read)
        else:
            rows.append((position, read))
    # A drawer needs a printer that can be used, so rows are judged until nothing more falls out.
    while fallen := _misfits(rows, tills):
        problems += fallen
        out = {problem.position for problem in fallen}
        rows = [(position, row) for position, row in rows if position not in out]
    printers = {row.id for _, row in rows if isinstance(row, PrinterRow)}
    for at, (position, row) in enumerate(rows):
        if isinstance(row, PrinterRow) and row.fallback and (row.fallback == row.id or row.fallback not in printers):
            # The printer itself is well: it prints, without somebody to stand in for it.
            others = _list(printers - {row.id})
            detail = f"{row.fallback!r} is no other usable printer; others are {others}"
            problems.append(RowProblem(position, row.id, "fallback", "bad_fallback", detail))
            rows[at] = (position, msgspec.structs.replace(row, fallback=""))
    return DeviceRows(tuple(row for _, row in rows), tuple(sorted(problems, key=lambda problem: problem.position)))


def _row(position: int, tree: Any) -> DeviceRow | RowProblem:  # noqa: ANN401 - whatever the settings hold
    if not isinstance(tree, dict):
        return RowProblem(position, "", "devices", "not_a_row", "write each device as a [[devices]] table")
    device_id = tree.get("id")
    shown = device_id if isinstance(device_id, str) else ""
    if tree.get("kind") not in KINDS:
        return RowProblem(position, shown, "kind", "unknown_kind", f"kind is one of {', '.join(KINDS)}")
    try:
        row: DeviceRow = msgspec.convert(tree, DeviceRow, strict=True)
    except msgspec.ValidationError as error:
        return RowProblem(position, shown, _field_in(str(error)), "bad_field", str(error))
    if _ID.fullmatch(row.id) is None:
        return RowProblem(position, shown, "id", "bad_id", "an id has 1 to 32 of a-z, 0-9 and -, such as counter-1")
    if isinstance(row, DrawerRow):
        return row
    try:
        where = address.parse(row.address)
    except DeviceRejected as error:
        return RowProblem(position, row.id, "address", "bad_address", str(error))
    kind = str(tree["kind"])
    if not isinstance(where, _SCHEMES[kind]) or (isinstance(where, address.VirtualAddress) and where.kind != kind):
        detail = f"a {kind} cannot be at {row.address!r}"
        return RowProblem(position, row.id, "address", "wrong_address", detail)
    return row


def _misfits(rows: list[tuple[int, DeviceRow]], tills: Sequence[str]) -> list[RowProblem]:
    """Find rows that do not fit the others: repeated ids and addresses, printers and tills that are not there."""
    found: list[RowProblem] = []
    ids: set[str] = set()
    addresses: set[str] = set()
    printers = {row.id for _, row in rows if isinstance(row, PrinterRow)}
    for position, row in rows:
        problem = _misfit(row, printers, tills)
        if row.id in ids:
            problem = ("id", "same_id", f"{row.id!r} stands twice; give each device an id of its own")
        where = "" if isinstance(row, DrawerRow) else address.place(address.parse(row.address))
        if problem is None and where in addresses:
            problem = ("address", "same_address", f"another device is at {where}; two rows cannot share one connection")
        if problem is not None:
            found.append(RowProblem(position, row.id, *problem))
            continue
        ids.add(row.id)
        if where:
            addresses.add(where)
    return found


def _misfit(row: DeviceRow, printers: set[str], tills: Sequence[str]) -> tuple[str, str, str] | None:
    known = ", ".join(tills)
    if isinstance(row, DrawerRow) and row.printer not in printers:
        return (
            "printer",
            "no_such_printer",
            f"there is no usable printer {row.printer!r}; printers are {_list(printers)}",
        )
    if isinstance(row, PrinterRow):
        if not row.stations:
            return ("stations", "no_station", 'name at least one station, such as stations = ["receipt"]')
    wanted = row.tills if isinstance(row, (PrinterRow, DrawerRow)) else (row.till,)
    strange = [till for till in wanted if till not in tills]
    if strange:
        return ("till" if not isinstance(row, (PrinterRow, DrawerRow)) else "tills", "no_such_till",
                f"there is no till {strange[0]!r}; tills are {known}")  # fmt: skip
    return None


def _field_in(message: str) -> str:
    """Take the field's name out of msgspec's sentence: its path when it has one, else the name in backticks."""
    path = re.search(r"`\$\.([a-z_]+)", message)
    named = re.search(r"field `([a-z_A-Z0-9]+)`", message)
    return path.group(1) if path else named.group(1) if named else "?"


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
