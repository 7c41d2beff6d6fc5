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
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from drivers.errors import DeviceError
from drivers.escpos.decoder import decode, marks_paper
from drivers.escpos.profile import PrinterProfile
from drivers.paper.rows import is_reprint, set_rows
from drivers.virtual.printer import Discarded, PaperEvent, Printed, SlipEnded

_HEADER: Final = struct.Struct("<cII")
_PRINTED: Final = b"P"
_CUT: Final = b"C"
_BROKEN_OFF: Final = b"B"
_DISCARDED: Final = b"D"


class PaperInUse(DeviceError):
    """Another twin holds this folder."""

    code = "paper_in_use"
    hint = "give each twin a paper folder of its own"


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip of paper, from 1 upwards; `complete` = it was cut, not broken off."""

    index: int
    data: bytes
    complete: bool
    text: str
    qr: tuple[str, ...]
    reprint: bool
    unknown: tuple[tuple[int, bytes], ...]


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

    def open_slip(self) -> bytes:
        """The bytes of the slip under the head."""
        return bytes(self._open_slip)

    def accept(self, data: bytes) -> None:
        """Note bytes that were accepted; a status question alone is not worth a wait for the disk."""
        if data:
            self._raw.write(data)
            self._raw.flush()

    def append(self, events: Iterable[PaperEvent]) -> None:
        """Put paper events on file, past the reach of a SIGKILL; a finished slip also past a power cut."""
        ended = False
        for event in events:
            kind, payload = _record(event)
            self._journal.write(_HEADER.pack(kind, len(payload), _checksum(kind, payload)) + payload)
            self._apply(kind, payload)
            self._dirty = True
            ended = ended or isinstance(event, SlipEnded)
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
            marked = any(marks_paper(op) for op in decode(bytes(self._open_slip)).ops)
            self.append([SlipEnded(complete=False) if marked else Discarded()])

    def _apply(self, kind: bytes, payload: bytes) -> None:
        if kind == _PRINTED:
            self._open_slip += payload
            return
        if kind in (_CUT, _BROKEN_OFF):
            self.slips.append(self._slip(bytes(self._open_slip), complete=kind == _CUT))
        self._open_slip.clear()

    def _slip(self, data: bytes, *, complete: bool) -> Slip:
        decoded = decode(data, power_on_kanji=self._profile.power_on_kanji)
        return Slip(
            index=len(self.slips) + 1,
            data=data,
            complete=complete,
            text=decoded.text,
            qr=tuple(decoded.qr),
            reprint=is_reprint(set_rows(decoded.ops, self._profile.width_dots)),
            unknown=tuple(decoded.unknown),
        )


def _record(event: PaperEvent) -> tuple[bytes, bytes]:
    match event:
        case Printed():
            return _PRINTED, event.data
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
