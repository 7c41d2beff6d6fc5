"""What a printer says back, told apart byte by byte: real-time status, automatic status, GS r, process id, identity.

Pure. The masks are Epson's "transmission status identification", which TM-T88III, TM-U295 and Citizen CT-D150 agree on
(drivers.md §2.4). A reply may be split over reads, two may arrive in one, and automatic status may come in between.
"""

from dataclasses import dataclass
from typing import Final

from drivers.errors import DeviceRejected

JOB_TAG_LENGTH: Final = 4

ASK_PRINTER: Final = b"\x10\x04\x01"
ASK_OFFLINE_CAUSE: Final = b"\x10\x04\x02"
ASK_PAPER: Final = b"\x10\x04\x04"
ASK_PAPER_IN_ORDER: Final = b"\x1dr\x01"

_XON_XOFF: Final = frozenset({0x11, 0x13})
_BLOCK_HEADERS: Final = frozenset({0x37, 0x5F})
_BLOCK_BYTES_MAX: Final = 80


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
class Garbled:
    """Bytes that fit no reply. They are never taken for an answer."""

    value: bytes


Reply = RealTime | AutoStatus | PaperInOrder | ProcessId | Identity | Garbled


def ask_process_id(tag: bytes) -> bytes:
    """Build GS ( H function 48 with a tag of ours, which comes back when printing is done.

    Raises:
        DeviceRejected: the tag is not 4 bytes of 0x20 to 0x7E.
    """
    if len(tag) != JOB_TAG_LENGTH or not all(0x20 <= byte <= 0x7E for byte in tag):
        raise DeviceRejected("a job tag is 4 bytes of 0x20 to 0x7E")
    return b"\x1d(H\x06\x0000" + tag


class StatusReader:
    """Splits the printer's byte stream into replies."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes as they came; give the replies that are complete now."""
        replies: list[Reply] = []
        for byte in data:
            # Serial flow control may interrupt a block; it is never part of one.
            if byte in _XON_XOFF:
                continue
            self._take(byte, replies)
        return replies

    def _take(self, byte: int, replies: list[Reply]) -> None:
        pending = self._pending
        if pending and not _continues(pending, byte):
            replies.append(Garbled(bytes(pending)))
            pending.clear()
        pending.append(byte)
        first = pending[0]
        if len(pending) == 1 and (reply := _single(first)) is not None:
            replies.append(reply)
            pending.clear()
        elif first & 0x93 == 0x10 and len(pending) == 4:
            replies.append(AutoStatus(bytes(pending)))
            pending.clear()
        elif first in _BLOCK_HEADERS and len(pending) > 1 and byte == 0:
            replies.append(_block(bytes(pending)))
            pending.clear()


def _single(byte: int) -> Reply | None:
    """Read a reply of one byte; None when this byte begins a longer one."""
    if byte & 0x93 == 0x12:
        return RealTime(byte)
    if byte & 0x90 == 0:
        return PaperInOrder(byte)
    if byte & 0x93 == 0x10 or byte in _BLOCK_HEADERS:
        return None
    return Garbled(bytes((byte,)))


def _continues(pending: bytearray, byte: int) -> bool:
    if pending[0] & 0x93 == 0x10:
        return byte & 0x90 == 0
    return len(pending) < _BLOCK_BYTES_MAX and (byte == 0 or 0x20 <= byte <= 0x7E)


def _block(block: bytes) -> Reply:
    if block[0] == 0x5F:
        return Identity(block[1:-1].decode("ascii"))
    if block[1] == 0x22 and len(block) == 3 + JOB_TAG_LENGTH:
        return ProcessId(block[2:-1])
    return Garbled(block)
