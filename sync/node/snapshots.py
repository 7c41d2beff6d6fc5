"""Copies of a database as files that may lie anywhere: packed, encrypted in frames, opened whole or not at all.

Bytes: `ZGS1 | header length 4 | header (JSON) | frames`, each frame `length 4 | AES-256-GCM`. A frame is up to 1 MiB of plain
bytes under zstd. Its nonce is the file's random eight bytes and the frame's number; its associated data the header's hash
and whether it is the last one: a frame that is exchanged, repeated, cut off or flipped does not open. The content key is
random for each file, wrapped for whoever made the file and, where its key is known, for the hub as the one who can help.
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.contract.facts import ContractError
from sync.node import boxes, database, keys, packing
from sync.node.boxes import BoxError
from sync.node.ports import Chance

MAGIC = b"ZGS1"
FRAME_PLAIN_BYTES = 1024 * 1024
_FRAME_BYTES_MAX = 2 * FRAME_PLAIN_BYTES
_HEADER_BYTES_MAX = 16 * 1024
_PLACE = b"snapshot content key"
_RECOVERY = b"snapshot recovery"
OWN, RECOVERY = "own", "recovery"


class SnapshotError(ValueError):
    """A copy cannot be made or opened; the message says why and what to do."""


class Readable(Protocol):
    """What is packed: a file, or anything that is read like one."""

    def read(self, size: int, /) -> bytes:
        """Give the next bytes; fewer than asked for only at the end."""
        ...


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy is of, in clear: `of` names the kind, `at` where its content stands (numbers only, by name)."""

    of: str
    made_ms: int
    name: str
    at: dict[str, int] = {}


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The head of the file: what it is of, the frames' nonce, the content key as each holder can open it."""

    meta: Meta
    nonce: str
    wrapped: dict[str, str]


class Keyring:
    """Wraps and unwraps content keys for the owner of an identity; `recovery` is the hub's X25519 public key."""

    def __init__(self, identity: keys.Identity, chance: Chance, recovery: bytes = b"") -> None:
        self._identity = identity
        self._chance = chance
        self._recovery = recovery

    def wrap(self, content_key: bytes) -> dict[str, str]:
        """Give the content key as each holder opens it."""
        own = boxes.shut(self._own_key(), content_key, _PLACE, self._chance)
        wrapped = {OWN: base64.b64encode(own).decode()}
        if self._recovery:
            passing = keys.make_identity(self._chance.token(32))
            key = keys.agree(passing, self._recovery, salt=b"", info=_RECOVERY)
            box = passing.public.agreement + boxes.shut(key, content_key, _PLACE, self._chance)
            wrapped[RECOVERY] = base64.b64encode(box).decode()
        return wrapped

    def unwrap(self, header: Header) -> bytes:
        """Open the content key as its owner, or as the hub that may help.

        Raises:
            SnapshotError: this key file opens neither.
        """
        try:
            return boxes.unlock(self._own_key(), base64.b64decode(header.wrapped.get(OWN, "")), _PLACE)
        except (BoxError, ValueError):
            pass
        try:
            box = base64.b64decode(header.wrapped.get(RECOVERY, ""))
            key = keys.agree(self._identity, box[:32], salt=b"", info=_RECOVERY)
            return boxes.unlock(key, box[32:], _PLACE)
        except (BoxError, ValueError):
            raise SnapshotError(
                "the copy was made with another key file: put the keys.json of then back (a store can also be brought back from "
                "the hub, with `zhanggui-edge enrol --replace`)"
            ) from None

    def _own_key(self) -> bytes:
        return hashlib.sha256(b"zhanggui snapshot" + self._identity.journal).digest()


def seal(source: Readable, target: Path, meta: Meta, keyring: Keyring, chance: Chance) -> None:
    """Pack and encrypt a file; it stands under its name only when it is whole and synced.

    Raises:
        OSError: the folder cannot be written or is full; nothing is left behind.
    """
    content_key, nonce = chance.token(32), chance.token(8)
    header = Header(meta=meta, nonce=nonce.hex(), wrapped=keyring.wrap(content_key))
    head = msgspec.json.encode(header)
    digest, aead = hashlib.sha256(head).digest(), AESGCM(content_key)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = target.with_name(target.name + ".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(MAGIC + len(head).to_bytes(4, "big") + head)
            for number, plain, last in _frames(source):
                frame = aead.encrypt(nonce + number.to_bytes(4, "big"), packing.pack(plain), digest + bytes((last,)))
                out.write(len(frame).to_bytes(4, "big") + frame)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def read_header(path: Path) -> Header:
    """Read what a copy is of; nothing of it is proven yet.

    Raises:
        SnapshotError: it is no copy of ours, or cannot be read.
    """
    try:
        with path.open("rb") as source:
            return _header(source, path)[0]
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}; name a copy that is there") from error


def unseal(path: Path, target: Path, keyring: Keyring) -> Meta:
    """Decrypt a copy into a file, durably.

    Raises:
        SnapshotError: it was changed, cut off, or made with another key; the target is not there then.
        OSError: the target cannot be written.
    """
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            meta = Meta(of="", made_ms=0, name="")
            for meta, plain in opened(path, keyring):  # noqa: B007 - the last one is as good as the first
                out.write(plain)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return meta


def opened(path: Path, keyring: Keyring) -> Iterator[tuple[Meta, bytes]]:
    """Decrypt a copy piece by piece; what was given counts only when the last piece came.

    Raises:
        SnapshotError: it was changed, cut off, or made with another key.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise SnapshotError(f"{path}: {error.strerror}; name a copy that is there") from error
    with source:
        header, head = _header(source, path)
        aead, digest = AESGCM(keyring.unwrap(header)), hashlib.sha256(head).digest()
        nonce = bytes.fromhex(header.nonce)
        number, last = 0, False
        while not last:
            frame, last = _next_frame(source, path)
            try:
                packed = aead.decrypt(nonce + number.to_bytes(4, "big"), frame, digest + bytes((last,)))
                plain = packing.unpack(packed, FRAME_PLAIN_BYTES)
            except (InvalidTag, ContractError, ValueError):
                raise SnapshotError(f"{path} is damaged or was changed: take an older copy") from None
            yield header.meta, plain
            number += 1


def copy_database(path: Path, target: Path) -> None:
    """Write a database as it is at this moment into a new file (`VACUUM INTO`); writers go on meanwhile.

    Raises:
        SnapshotError: the disk is full or the file damaged; there is no copy then.
    """
    target.unlink(missing_ok=True)
    raw = database.connect(path)
    try:
        raw.execute("VACUUM INTO ?", (str(target),))
    except database.DatabaseError as error:
        target.unlink(missing_ok=True)
        raise SnapshotError(f"no copy of {path} could be made: {error}; free space in {target.parent}") from error
    finally:
        raw.close()
    target.chmod(0o600)


def sync_folder(folder: Path) -> None:
    """Make names in a folder outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _frames(source: Readable) -> Iterator[tuple[int, bytes, bool]]:
    number, plain = 0, source.read(FRAME_PLAIN_BYTES)
    while True:
        following = source.read(FRAME_PLAIN_BYTES)
        yield number, plain, not following
        if not following:
            return
        number, plain = number + 1, following


def _header(source: BinaryIO, path: Path) -> tuple[Header, bytes]:
    start = source.read(len(MAGIC) + 4)
    size = int.from_bytes(start[len(MAGIC) :], "big")
    if not start.startswith(MAGIC) or size > _HEADER_BYTES_MAX:
        raise SnapshotError(f"{path} is no copy of ours; name one that the node or the hub made")
    head = source.read(size)
    try:
        header = msgspec.json.decode(head, type=Header)
        if len(bytes.fromhex(header.nonce)) != 8:  # noqa: PLR2004 - as `seal` makes it
            raise ValueError(header.nonce)
    except (msgspec.DecodeError, ValueError):
        raise SnapshotError(f"{path} is damaged at its beginning: take an older copy") from None
    return header, head


def _next_frame(source: BinaryIO, path: Path) -> tuple[bytes, bool]:
    length = source.read(4)
    size = int.from_bytes(length, "big")
    frame = source.read(size) if len(length) == 4 and 0 < size <= _FRAME_BYTES_MAX else b""  # noqa: PLR2004
    if not frame or len(frame) != size:
        raise SnapshotError(f"{path} is cut off: take an older copy")
    here = source.tell()
    last = not source.read(1)
    source.seek(here)
    return frame, last
