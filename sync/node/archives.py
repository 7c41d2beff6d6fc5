"""Archive files: facts of sealed days, packed once, hashed, never written again (protocol §5.9).

A file is written under another name, synced and moved into place, so it is there whole or not at all. Nothing here trusts
a file: what is read must come to the hash that the caller kept elsewhere.
"""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import zstandard

ZSTD_LEVEL = 9
"""Packed once at night and hardly ever read: a third smaller than the level of the wire."""
PLAIN_BYTES_MAX = 256 * 1024 * 1024


class ArchivedFact(NamedTuple):
    """A fact with everything that its row had."""

    epoch: int
    lane: int
    seq: int
    n: int
    fact_id: bytes
    kind: str
    at_ms: int
    raw: bytes
    chain: bytes
    seal: bytes


class ArchiveLost(RuntimeError):
    """An archive file is missing or is not what was archived; the message names it and says what to do."""


class ArchiveFiles(Protocol):
    """Where archive files lie."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place, synced; one that stands under the name is replaced."""
        ...

    def read(self, name: str) -> bytes:
        """Give a file's bytes.

        Raises:
            ArchiveLost: there is no such file, or it cannot be read.
        """
        ...

    def size(self, name: str) -> int | None:
        """Give a file's size; None where there is none."""
        ...


class ArchiveFolder:
    """Archive files in a folder of their own, mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._folder / f"{name}.part"
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / name)
        # The new name itself must survive a power cut, or rows would be deleted whose archive never was there.
        entry = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(entry)
        finally:
            os.close(entry)

    def read(self, name: str) -> bytes:
        """Give a file's bytes."""
        path = self._folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ArchiveLost(_lost(name, f"cannot be read: {error.strerror}")) from error

    def size(self, name: str) -> int | None:
        """Give a file's size."""
        with contextlib.suppress(OSError):
            return (self._folder / name).stat().st_size
        return None


class MemoryArchives:
    """Archive files in memory, for a simulation."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place."""
        self.files[name] = data

    def read(self, name: str) -> bytes:
        """Give a file's bytes."""
        if name not in self.files:
            raise ArchiveLost(_lost(name, "is not there"))
        return self.files[name]

    def size(self, name: str) -> int | None:
        """Give a file's size."""
        return len(self.files[name]) if name in self.files else None


def pack(rows: list[ArchivedFact]) -> tuple[bytes, bytes]:
    """Give an archive's bytes and their SHA-256."""
    data = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True).compress(msgspec.msgpack.encode(rows))
    return data, hashlib.sha256(data).digest()


def unpack(name: str, data: bytes, digest: bytes) -> list[ArchivedFact]:
    """Give the facts of an archive.

    Raises:
        ArchiveLost: the bytes are not those that were archived under this hash.
    """
    if hashlib.sha256(data).digest() != digest:
        raise ArchiveLost(_lost(name, "is not what was archived"))
    try:
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=PLAIN_BYTES_MAX)
        return msgspec.msgpack.decode(plain, type=list[ArchivedFact])
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ArchiveLost(_lost(name, f"cannot be unpacked: {error}")) from error


def _lost(name: str, what: str) -> str:
    return f"the archive {name} {what}; put it back from a copy of the node's archive folder"
