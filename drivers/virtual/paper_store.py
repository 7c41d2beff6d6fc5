"""The twin's paper on disk: append-only, forced to disk before anything is confirmed, whole again after a SIGKILL.

Two files in one folder that one process holds at a time: `paper.journal`, framed records of what took effect (each with a
length and a CRC, so that a torn last record is seen and dropped), and `raw.bin`, every byte ever accepted.
"""

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from drivers.errors import DeviceError
from drivers.escpos.decoder import Decoded, decode, marks_paper
from drivers.escpos.ops import DrawerPulse
from drivers.escpos.profile import PrinterProfile
from drivers.paper.rows import is_reprint, set_rows
from drivers.virtual.printer import Discarded, PaperEvent, Printed, SlipEnded

_HEADER: Final = struct.Struct("<cII")
_PRINTED: Final = b"P"
_PRINTED_KANJI: Final = b"K"
_PRINTED_SINGLE: Final = b"S"
_CUT: Final = b"C"
_BROKEN_OFF: Final = b"B"
_DISCARDED: Final = b"D"


class PaperInUse(DeviceError):
    """Another twin holds this folder."""

    code = "paper_in_use"
    hint = "give each twin a paper folder of its own"


@dataclass(frozen=True)
class Slip:
    """One slip of paper, from 1 upwards; what stands on it is read when somebody looks, not while it is printed.

    Attributes:
        complete: it was cut, not broken off.
        profile: the printer as it was, power-on mode included.
    """

    index: int
    data: bytes
    complete: bool
    profile: PrinterProfile

    @cached_property
    def _decoded(self) -> Decoded:
        return decode(self.data, power_on_kanji=self.profile.power_on_kanji)

    @property
    def text(self) -> str:
        """What stands on it."""
        return self._decoded.text

    @property
    def qr(self) -> tuple[str, ...]:
        """The contents of its QR codes."""
        return tuple(self._decoded.qr)

    @property
    def unknown(self) -> tuple[tuple[int, bytes], ...]:
        """Bytes that no command explains, with their offsets."""
        return tuple(self._decoded.unknown)

    @cached_property
    def reprint(self) -> bool:
        """Whether its first line carries the mark of a reprint."""
        return is_reprint(set_rows(self._decoded.ops, self.profile.width_dots))

    @cached_property
    def drawer_pulses(self) -> int:
        """How often it kicked the drawer."""
        return sum(isinstance(op, DrawerPulse) for op in self._decoded.ops)


class PaperStore:
    """The paper of one twin. Not thread-safe: its twin holds a lock."""

    def __init__(self, folder: Path, profile: PrinterProfile) -> None:
        """Open the folder, made when missing, and read the paper back; an open slip ends there, broken off.

        Raises:
            PaperInUse: another process has it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._profile = profile
        self._closing = contextlib.ExitStack()
        lock = self._closing.enter_context((folder / "lock").open("ab"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._closing.close()
            raise PaperInUse(f"{folder} belongs to a running twin") from error
        self.slips: list[Slip] = []
        self._open_slip = bytearray()
        self._open_profile = profile
        self._journal: BinaryIO = self._closing.enter_context((folder / "paper.journal").open("a+b"))
        self._raw: BinaryIO = self._closing.enter_context((folder / "raw.bin").open("a+b"))
        self._dirty = False
        self._read_back()
        _sync_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Force everything to disk and let the folder go."""
        self._dirty = True
        self.sync()
        self._closing.close()

    @property
    def open_bytes(self) -> int:
        """Bytes of the slip under the head."""
        return len(self._open_slip)

    @property
    def raw_bytes(self) -> int:
        """How many bytes were ever accepted."""
        return self._raw.seek(0, os.SEEK_END)

    def raw(self) -> bytes:
        """Every byte ever accepted, status questions included."""
        self._raw.seek(0)
        return self._raw.read()

    def open_slip(self) -> Slip:
        """The slip under the head, as far as it goes; its index is that of the next one."""
        return Slip(len(self.slips) + 1, bytes(self._open_slip), complete=False, profile=self._open_profile)

    def accept(self, data: bytes) -> None:
        """Note bytes that were accepted; a status question alone is not worth a wait for the disk."""
        if data:
            self._raw.write(data)
            self._raw.flush()

    def append(self, events: Iterable[PaperEvent]) -> None:
        """Put paper events on file, past the reach of a SIGKILL; a finished slip also past a power cut."""
        ended = False
        for kind, payload in _records(events):
            self._journal.write(_HEADER.pack(kind, len(payload), _checksum(kind, payload)) + payload)
            self._apply(kind, payload)
            self._dirty = True
            ended = ended or kind in (_CUT, _BROKEN_OFF)
        self._journal.flush()
        if ended:
            self.sync()

    def sync(self) -> None:
        """Force what is written to the disk, if anything is new."""
        if self._dirty:
            for file in (self._journal, self._raw):
                file.flush()
                os.fsync(file.fileno())
            self._dirty = False

    def _read_back(self) -> None:
        self._journal.seek(0)
        content = self._journal.read()
        at = 0
        while at + _HEADER.size <= len(content):
            kind, length, checksum = _HEADER.unpack_from(content, at)
            payload = content[at + _HEADER.size : at + _HEADER.size + length]
            if len(payload) < length or checksum != _checksum(kind, payload):
                break
            self._apply(kind, payload)
            at += _HEADER.size + length
        if at < len(content):
            # A record torn by the crash: its bytes never took effect as far as anybody was told.
            self._journal.truncate(at)
            self._dirty = True
        if self._open_slip:
            kanji = self._open_profile.power_on_kanji
            marked = any(marks_paper(op) for op in decode(bytes(self._open_slip), power_on_kanji=kanji).ops)
            self.append([SlipEnded(complete=False) if marked else Discarded()])

    def _apply(self, kind: bytes, payload: bytes) -> None:
        if kind in (_PRINTED, _PRINTED_KANJI, _PRINTED_SINGLE):
            if not self._open_slip:
                kanji = self._profile.power_on_kanji if kind == _PRINTED else kind == _PRINTED_KANJI
                self._open_profile = replace(self._profile, power_on_kanji=kanji)
            self._open_slip += payload
            return
        if kind in (_CUT, _BROKEN_OFF):
            slip = Slip(len(self.slips) + 1, bytes(self._open_slip), kind == _CUT, self._open_profile)
            self.slips.append(slip)
        self._open_slip.clear()


def _records(events: Iterable[PaperEvent]) -> Iterable[tuple[bytes, bytes]]:
    """Write events as records, those of one kind that follow each other as one."""
    for kind, group in groupby(map(_record, events), key=itemgetter(0)):
        if kind in (_CUT, _BROKEN_OFF, _DISCARDED):
            yield from group
        else:
            yield kind, b"".join(payload for _, payload in group)


def _record(event: PaperEvent) -> tuple[bytes, bytes]:
    match event:
        case Printed(kanji=None):
            return _PRINTED, event.data
        case Printed():
            return (_PRINTED_KANJI if event.kanji else _PRINTED_SINGLE), event.data
        case SlipEnded():
            return (_CUT if event.complete else _BROKEN_OFF), b""
        case Discarded():
            return _DISCARDED, b""


def _checksum(kind: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(kind))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
