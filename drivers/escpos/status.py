"""What a printer says back, told apart byte by byte: real-time status, automatic status, GS r, process id, identity.

Pure. The masks are Epson's "transmission status identification", which TM-T88III, TM-U295 and Citizen CT-D150 agree on
(drivers.md §2.4). A reply may be split over reads, two may arrive in one, and automatic status may come in between.
"""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceRejected

JOB_TAG_LENGTH: Final = 4

ASK_PRINTER: Final = b"\x10\x04\x01"
ASK_OFFLINE_CAUSE: Final = b"\x10\x04\x02"
ASK_ERROR: Final = b"\x10\x04\x03"
ASK_PAPER: Final = b"\x10\x04\x04"
ASK_PAPER_IN_ORDER: Final = b"\x1dr\x01"
ASK_IDENTITY: Final = b"\x1dIB\x1dIC\x1dID"
"""GS I for maker, model and serial number: up to three `Identity` replies, in this order."""
AUTO_STATUS_ON: Final = b"\x1da\xff"
AUTO_STATUS_OFF: Final = b"\x1da\x00"
CLEAR_BUFFERS: Final = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
RECOVER_AND_CLEAR: Final = b"\x10\x05\x02"
"""DLE ENQ 2, the older way: leave an error whose cause a person took away, and drop the buffers. Ignored without an error."""

_XON_XOFF: Final = frozenset({0x11, 0x13})
_BLOCK_HEADERS: Final = frozenset({0x37, 0x5F})
_BLOCK_BYTES_MAX: Final = 80

Cause = Literal["", "cover_open", "paper_out", "fatal", "cutter", "overheated", "error", "feed_pressed", "offline"]
"""Why a printer does not print; empty when it does. `error` = it reports one without saying which, `offline` = it is offline and
gives no cause at all."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a printer is, as its bits say.

    Attributes:
        cause: what a person is to mend first.
        near_end: the paper is about to end; it prints on.
        drawer_pin_high: the level of pin 3 of the drawer connector; None when this reply does not say.
    """

    cause: Cause = ""
    near_end: bool = False
    drawer_pin_high: bool | None = None


@dataclass(frozen=True, slots=True)
class RealTime:
    """One DLE EOT reply. Which question it answers only the asker knows, so questions are asked one at a time."""

    value: int


@dataclass(frozen=True, slots=True)
class AutoStatus:
    """One automatic status of four bytes, sent unasked whenever something changes."""

    value: bytes

    @property
    def cover_open(self) -> bool:
        """Whether the cover is open."""
        return bool(self.value[0] & 0x20)

    @property
    def paper_out(self) -> bool:
        """Whether the paper has ended."""
        return bool(self.value[2] & 0x0C)

    @property
    def condition(self) -> Condition:
        """How the printer is."""
        printer, error, paper = self.value[:3]
        offline = bool(printer & 0x08)
        cause = _first_cause(
            cover_open=self.cover_open,
            paper_out=self.paper_out,
            error_bits=error,
            feed_pressed=offline and bool(printer & 0x40),
            offline=offline,
        )
        return Condition(cause, bool(paper & 0x03), bool(printer & 0x04))


@dataclass(frozen=True, slots=True)
class PaperInOrder:
    """One GS r 1 reply: it comes in order with the print data, so everything before it has been worked off."""

    value: int

    @property
    def paper_out(self) -> bool:
        """Whether the paper has ended."""
        return bool(self.value & 0x0C)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """The reply to GS ( H: the printing of everything before the question is done."""

    tag: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """The reply to GS I: maker, model or serial number."""

    text: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The reply to DLE DC4 8: the buffers are empty."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """Bytes that fit no reply. They are never taken for an answer."""

    value: bytes


Reply = RealTime | AutoStatus | PaperInOrder | ProcessId | Identity | Cleared | Garbled


def ask_process_id(tag: bytes) -> bytes:
    """Build GS ( H function 48 with a tag of ours, which comes back when printing is done.

    Raises:
        DeviceRejected: the tag is not 4 bytes of 0x20 to 0x7E.
    """
    if len(tag) != JOB_TAG_LENGTH or not all(0x20 <= byte <= 0x7E for byte in tag):
        raise DeviceRejected("a job tag is 4 bytes of 0x20 to 0x7E")
    return b"\x1d(H\x06\x0000" + tag


def condition_of(printer: int, cause: int, error: int | None, paper: int) -> Condition:
    """Judge the replies to DLE EOT 1, 2, 3 and 4 by their bits; `error` is None when it was not asked or not answered."""
    offline = bool(printer & 0x08)
    first = _first_cause(
        cover_open=bool(cause & 0x04),
        paper_out=bool(cause & 0x20 or paper & 0x60),
        error_bits=error or 0,
        error=bool(cause & 0x40),
        feed_pressed=offline and bool(cause & 0x08),
        offline=offline,
    )
    return Condition(first, bool(paper & 0x0C), bool(printer & 0x04))


def offline_cause(cause: int, error: int | None = None) -> Cause:
    """Judge the reply to DLE EOT 2, with that to DLE EOT 3 when there is one."""
    return condition_of(0, cause, error, 0).cause


def _first_cause(
    *, cover_open: bool, paper_out: bool, error_bits: int, feed_pressed: bool, offline: bool, error: bool = False
) -> Cause:
    """Choose among the causes what a person can see and mend first. Error bits stand alike in DLE EOT 3 and automatic status."""
    found: tuple[tuple[bool, Cause], ...] = (
        (cover_open, "cover_open"),
        (paper_out, "paper_out"),
        (bool(error_bits & 0x20), "fatal"),
        (bool(error_bits & 0x08), "cutter"),
        (bool(error_bits & 0x40), "overheated"),
        (error, "error"),
        (feed_pressed, "feed_pressed"),
        (offline, "offline"),
    )
    return next((cause for holds, cause in found if holds), "")


class StatusReader:
    """Splits the printer's byte stream into replies.

    By the manuals nothing but XOFF comes between the bytes of one reply. Where a byte that cuts in can be told from those it
    cuts, it is told all the same, since cheap printers and serial adapters keep no such promise.
    """

    def __init__(self) -> None:
        self._auto = bytearray()
        self._block = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes as they came; give the replies that are complete now."""
        replies: list[Reply] = []
        for byte in data:
            # Serial flow control may interrupt a block; it is never part of one.
            if byte not in _XON_XOFF:
                self._take(byte, replies)
        return replies

    def _take(self, byte: int, replies: list[Reply]) -> None:
        if self._auto and self._in_auto_status(byte, replies):
            return
        if self._block and self._in_block(byte, replies):
            return
        if byte & 0x93 == 0x12:
            replies.append(RealTime(byte))
        elif byte & 0x90 == 0:
            replies.append(PaperInOrder(byte))
        elif byte & 0x93 == 0x10:
            self._auto.append(byte)
        elif byte in _BLOCK_HEADERS:
            self._block.append(byte)
        else:
            replies.append(Garbled(bytes((byte,))))

    def _in_auto_status(self, byte: int, replies: list[Reply]) -> bool:
        """Take the byte as one of the three that follow the first; False when the four were broken off before it."""
        if byte & 0x90 == 0:
            self._auto.append(byte)
            if len(self._auto) == 4:
                replies.append(AutoStatus(bytes(self._auto)))
                self._auto.clear()
            return True
        if byte & 0x93 == 0x12:
            replies.append(RealTime(byte))
            return True
        replies.append(Garbled(bytes(self._auto)))
        self._auto.clear()
        return False

    def _in_block(self, byte: int, replies: list[Reply]) -> bool:
        """Take the byte as one of a block, which is text up to a NUL; False when it begins a reply of its own."""
        if byte == 0:
            replies.append(_block(bytes(self._block) + b"\x00"))
            self._block.clear()
            return True
        if 0x20 <= byte <= 0x7E and len(self._block) < _BLOCK_BYTES_MAX:
            self._block.append(byte)
            return True
        if byte < 0x20 and byte & 0x93 in {0x10, 0x12}:
            return False
        replies.append(Garbled(bytes(self._block)))
        self._block.clear()
        return False


def _block(block: bytes) -> Reply:
    if block[0] == 0x5F:
        return Identity(block[1:-1].decode("ascii"))
    if block == b"\x37\x25\x00":
        return Cleared()
    if block[1] == 0x22 and len(block) == 3 + JOB_TAG_LENGTH:
        return ProcessId(block[2:-1])
    return Garbled(block)
