"""One printer of the settings: its profile, what was learned of it, and its connections, over any transport.

What is remembered of a printer outlives the node (`edge.db.device_memory`): how it confirms and who it says it is, the profile
that a person calibrated, and what must go out first because a slip broke off.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from drivers.document import ReceiptDoc
from drivers.errors import DeviceRejected
from drivers.escpos import encoder, recovery
from drivers.escpos.encoder import JOB_START, Encoded
from drivers.escpos.glyphs import GlyphSource
from drivers.escpos.profile import Confirms, PrinterProfile
from drivers.escpos.raster import SLICE_ROWS_MAX
from drivers.printer import drawer as drawers
from drivers.printer import printing, profiles
from drivers.printer.calibration import calibration_slip
from drivers.printer.drawer import KickOutcome
from drivers.printer.printing import Learned, Outcome, Status
from drivers.transport import address
from drivers.transport.address import SerialAddress
from drivers.transport.open_port import ports_for
from drivers.transport.port import Clock, Port, PortFactory
from edge.db import device_memory
from edge.devices.registry import Entry
from edge.domain.device_rows import DrawerRow, PrinterRow
from edge.domain.device_view import DeviceState
from edge.receipts.calibration import CalibrationSlip, TrialSlip

_MARK: Final = "REPRINT {copy}\n"
"""On a calibration's slip, without Chinese: whether the printer has any is what the slip finds out."""
UNCONFIRMED: Final = "unconfirmed"
NEAR_END: Final = "near_end"

_STATE_OF_CODE: Final[dict[str, DeviceState]] = {
    "not_permitted": "error",
    "not_supported": "error",
    "in_use": "error",
    "rejected": "error",
}


class Memory(Protocol):
    """What is kept of a printer over restarts."""

    def remember(self, key: str, value: str) -> None:
        """Keep something; an empty text forgets it."""
        ...


class Before(Protocol):
    """Called when the first byte is about to leave."""

    def __call__(self) -> None:
        """Commit that it is."""
        ...


class _Kept(msgspec.Struct):
    """`printing.Learned` as it is kept."""

    confirms: Confirms | str
    identity: str


class Noticing:
    """A port that remembers whether it was ever open, and as what: silence and absence are not the same."""

    def __init__(self, real: Port, printer: "PortPrinter") -> None:
        self._real = real
        self._printer = printer

    def open(self, timeout_ms: int) -> None:
        """Connect; see `Port`."""
        self._printer.reached = False
        self._real.open(timeout_ms)
        self._printer.reached = True
        self._printer.connected_as(self._real.identity())

    def write(self, data: bytes, timeout_ms: int) -> int:
        """Hand over bytes; see `Port`."""
        return self._real.write(data, timeout_ms)

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived; see `Port`."""
        return self._real.read(timeout_ms)

    def drain(self, timeout_ms: int) -> None:
        """Let the other side finish; see `Port`."""
        self._real.drain(timeout_ms)

    def identity(self) -> str:
        """Say what the system knows the device as; see `Port`."""
        return self._real.identity()

    def close(self) -> None:
        """Close; see `Port`."""
        self._real.close()


class PortPrinter:
    """A printer behind any port. One thread owns it."""

    def __init__(self, entry: Entry, ports: PortFactory, clock: Clock, memory: Memory) -> None:
        assert isinstance(entry.row, PrinterRow)
        row = entry.row
        where = address.parse(row.address)
        self.row = row
        self.reached = False
        """Whether the last connection came about."""
        self._connection = ""
        self.glyphs: Callable[[], GlyphSource | None] = _system_glyphs
        """Where dots come from for what the printer's own characters cannot say."""
        self._entry = entry
        self._ports = lambda: Noticing(ports(), self)
        self._clock = clock
        self._memory = memory
        self._timeouts = printing.Timeouts(confirm_ms=row.confirm_ms)
        self._bytes_per_s = _bytes_per_s(where) if isinstance(where, SerialAddress) else None
        self._of_row, known = profiles.known(row.profile)
        self._profile = self._of_row
        self._learned = Learned()
        self._on_open = b""
        self._tuned: dict[str, str] = {}
        if not known:
            entry.note("unknown_model", f"{row.profile} -> {self._of_row.name}")
            entry.know(unknown_model=row.profile)
        entry.know(profile=self._profile.name, model=self._profile.model)

    @property
    def profile(self) -> PrinterProfile:
        """How it wants its bytes."""
        return self._profile

    def tune(self, memory: dict[str, str]) -> None:
        """Take over what is remembered of it; a person may have changed that since the last slip."""
        if memory == self._tuned:
            return
        self._tuned = dict(memory)
        self._profile = self._calibrated(memory.get(device_memory.PROFILE, ""))
        self._learned = _learned(memory.get(device_memory.LEARNED, ""))
        self._on_open = _on_open(memory.get(device_memory.ON_OPEN, ""), self._profile)
        self._entry.know(
            profile=self._profile.name,
            model=self._profile.model,
            confirms=self._learned.confirms,
            identity=self._learned.identity,
        )

    def encode(self, document: ReceiptDoc) -> Encoded:
        """Give a slip's bytes; those of a calibration go through the same thread and lock as every other slip.

        The system's fonts are only loaded for what the printer's own characters cannot say.
        """
        if isinstance(document, CalibrationSlip):
            mark = JOB_START + _MARK.format(copy=document.copy).encode("ascii") if document.copy > 0 else b""
            return Encoded(mark + calibration_slip(self._profile, self.glyphs()), 0)
        if isinstance(document, TrialSlip):
            return encoder.encode(document, document.profile, self.glyphs())
        if not self._profile.raster_text:
            encoded = encoder.encode(document, self._profile)
            if not encoded.unprintable:
                return encoded
        return encoder.encode(document, self._profile, self.glyphs())

    def check(self) -> Status:
        """Ask it how it is, over a connection of its own."""
        return printing.check(self._ports, self._profile, self._clock, self._timeouts)

    def clear(self) -> bool:
        """Have it drop what it still holds of a slip that nobody wants any more; True when it said that it did."""
        return printing.clear(self._ports, self._profile, self._clock, self._timeouts)

    def print_slip(self, tag: bytes, data: bytes, before_first_byte: Before) -> Outcome:
        """Print one slip and say what became of it; what was learned on the way is kept first."""
        outcome = printing.print_through(
            self._ports,
            data,
            job_tag=tag,
            profile=self._profile,
            clock=self._clock,
            before_first_byte=before_first_byte,
            timeouts=self._timeouts,
            learned=self._learned,
            on_open=self._on_open,
            bytes_per_s=self._bytes_per_s,
        )
        if outcome.state == "unknown":
            self._expect(recovery.interrupted(data, outcome.bytes_handed))
        elif outcome.state != "held":
            self._expect(b"")
        if outcome.learned is not None and outcome.learned != self._learned:
            self._learned = outcome.learned
            kept = _Kept(self._learned.confirms, self._learned.identity)
            self._keep(device_memory.LEARNED, msgspec.json.encode(kept).decode())
            self._entry.know(confirms=kept.confirms, identity=kept.identity)
        return outcome

    def kick(self, row: DrawerRow, left_ms: int) -> KickOutcome:
        """Open a drawer that hangs on it, once.

        Args:
            left_ms: what is left of the wish's life.
        """
        outcome = drawers.kick(
            self._ports,
            self._profile,
            self._clock,
            pin=row.pin,
            deadline_ms=left_ms,
            open_pin_high=row.open_pin_high,
            on_open=self._on_open,
        )
        if outcome.state in {"sent", "sensed_open"}:
            self._expect(b"")
        return outcome

    def connected_as(self, connection: str) -> None:
        """Keep what the system knows it as; a twin or a cable may have another name after each plugging in."""
        if connection != self._connection:
            self._connection = connection
            self._entry.know(connection=connection)

    def view_of(self, status: Status, *, confirms: bool) -> tuple[DeviceState, str]:
        """Say how it is, as screens call it; see the function of this name."""
        return view_of(status, reached=self.reached, confirms=confirms)

    def _calibrated(self, text: str) -> PrinterProfile:
        if not text:
            return self._of_row
        try:
            return profiles.from_json(msgspec.json.decode(text))
        except (DeviceRejected, msgspec.DecodeError) as error:
            self._entry.note("bad_profile", str(error))
            return self._of_row

    def _expect(self, on_open: bytes) -> None:
        if on_open != self._on_open:
            self._on_open = on_open
            self._keep(device_memory.ON_OPEN, on_open.hex())

    def _keep(self, key: str, value: str) -> None:
        self._memory.remember(key, value)
        self._tuned = {name: kept for name, kept in {**self._tuned, key: value}.items() if kept}


def view_of(status: Status, *, reached: bool, confirms: bool) -> tuple[DeviceState, str]:
    """Say how a printer is, as screens call it: state and cause.

    Args:
        status: what it said.
        reached: whether there was a connection at all: silence is `unknown`, absence is `absent`.
        confirms: False when the last slip was handed over without a word that it is on paper.
    """
    if status.cause == "one_way":
        return "degraded", UNCONFIRMED
    match status.state:
        case "ready" if status.near_end:
            return "degraded", NEAR_END
        case "ready":
            return ("ready", "") if confirms else ("degraded", UNCONFIRMED)
        case "paper_out" | "cover_open":
            return "error", status.state
        case "error":
            return "error", status.cause or "error"
        case "not_answering" if not reached:
            return _STATE_OF_CODE.get(status.cause, "absent"), status.cause or "not_answering"
        case _:
            # No answer is never well.
            return "unknown", status.state


def port_printer(entry: Entry, twins_dir: Path, clock: Clock, memory: Memory) -> PortPrinter:
    """Build a printer at the address of its row."""
    assert isinstance(entry.row, PrinterRow)
    return PortPrinter(entry, ports_for(address.parse(entry.row.address), twins_dir), clock, memory)


def _learned(text: str) -> Learned:
    if not text:
        return Learned()
    kept = msgspec.json.decode(text, type=_Kept)
    confirms: Any = kept.confirms
    return Learned(confirms, kept.identity)


def _on_open(text: str, profile: PrinterProfile) -> bytes:
    """Give what must go out first; after the death of a node nobody knows how much was taken, so the longest is assumed."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        slice_head = (
            b"\x1dv0\x00" + (profile.width_dots // 8).to_bytes(2, "little") + SLICE_ROWS_MAX.to_bytes(2, "little")
        )
        return recovery.interrupted(slice_head, len(slice_head))


def _bytes_per_s(where: SerialAddress) -> int:
    return where.baud // (1 + where.bits + (where.parity != "N") + where.stop)


def _system_glyphs() -> GlyphSource | None:
    from drivers.paper.glyphs import system_glyphs  # noqa: PLC0415 - fonts cost memory that most nodes never need

    return system_glyphs()
