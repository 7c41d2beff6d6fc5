"""A note beside the database of how far it was: so that a start sees when its newest commits are gone.

A log of SQLite that was cut short, or a file put back in place, opens without a word at an earlier commit. The note is written
after each commit and without fsync: it may be behind the file, never before it, so a note that is ahead means loss.
"""

import contextlib
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Final

NOTE_NAME: Final = "node.head"
_NOTE: Final = struct.Struct(">QQ")
_BYTES: Final = _NOTE.size + 4


class HeadNote:
    """The commit number that a database file reached. It is of one very file: a restored copy is another one."""

    def __init__(self, database: Path) -> None:
        """Look at the note of a database; nothing is opened or read yet."""
        self._database = database
        self._path = database.with_name(NOTE_NAME)
        self._lock = threading.Lock()
        self._last = 0

    def read(self) -> int | None:
        """Give the number noted for this very file; None when there is no note of it."""
        try:
            raw = self._path.read_bytes()[:_BYTES]
            inode = self._database.stat().st_ino
        except OSError:
            return None
        if len(raw) != _BYTES or int.from_bytes(raw[_NOTE.size :], "big") != zlib.crc32(raw[: _NOTE.size]):
            return None
        noted_inode, number = _NOTE.unpack(raw[: _NOTE.size])
        return int(number) if noted_inode == inode else None

    @property
    def orphaned(self) -> bool:
        """Whether a note stands here and the file it speaks of is gone."""
        return self._path.exists() and not self._database.exists()

    def put(self, number: int) -> None:
        """Note a commit number unless a higher one is noted; trouble with the note is no trouble of the commit."""
        with self._lock, contextlib.suppress(OSError):
            if number <= self._last:
                return
            packed = _NOTE.pack(self._database.stat().st_ino, number)
            file = os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.pwrite(file, packed + zlib.crc32(packed).to_bytes(4, "big"), 0)
            finally:
                os.close(file)
            self._last = number
