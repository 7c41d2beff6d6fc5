"""Keys: made where they live, kept in files of mode 0600 apart from the database, never sent anywhere.

A node and the hub each hold an Ed25519 pair (signatures) and an X25519 pair (key agreement).
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sync.contract import codes

KEY_ID_BYTES = codes.KEY_ID_BYTES
SEAL_BYTES = 16


class KeyFileError(ValueError):
    """A file of keys is damaged, gone, or not the right one; the message is a sentence and holds nothing of it."""


class _KeyFile(msgspec.Struct, frozen=True):
    signing: str
    agreement: str
    journal: str


@dataclass(frozen=True)
class PublicKeys:
    """What others know of a node or a hub: two public keys of 32 bytes."""

    signing: bytes
    agreement: bytes

    @property
    def key_id(self) -> bytes:
        """Eight bytes that name the signing key."""
        return key_id(self.signing)


@dataclass(frozen=True)
class Identity:
    """The private keys of this process's owner. `journal` keys the per-fact seals of the local journal."""

    signing: Ed25519PrivateKey
    agreement: X25519PrivateKey
    journal: bytes

    @cached_property
    def public(self) -> PublicKeys:
        """The public halves: worked out once, for every sale asks for them."""
        return PublicKeys(self.signing.public_key().public_bytes_raw(), self.agreement.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Sign with Ed25519: 64 bytes."""
        return self.signing.sign(message)

    def seal_of(self, chain: bytes) -> bytes:
        """Give the keyed seal of a chain value: whoever rewrites the journal without the key file cannot make it."""
        return hmac.digest(self.journal, chain, "sha256")[:SEAL_BYTES]


def key_id(public_signing: bytes) -> bytes:
    """Name a public signing key by the first eight bytes of its SHA-256."""
    return hashlib.sha256(public_signing).digest()[:KEY_ID_BYTES]


def load_or_make(path: Path) -> Identity:
    """Read the identity from its file, or make one at first start (mode 0600, fsynced before use)."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = _KeyFile(
            signing=_text(Ed25519PrivateKey.generate().private_bytes_raw()),
            agreement=_text(X25519PrivateKey.generate().private_bytes_raw()),
            journal=_text(os.urandom(32)),
        )
        write_secret(path, msgspec.json.encode(made))
    return load(path)


def load(path: Path) -> Identity:
    """Read the identity from its file.

    Raises:
        FileNotFoundError: there is none.
        KeyFileError: the file is damaged, or not one of ours.
    """
    try:
        held = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
        return Identity(
            Ed25519PrivateKey.from_private_bytes(base64.b64decode(held.signing)),
            X25519PrivateKey.from_private_bytes(base64.b64decode(held.agreement)),
            base64.b64decode(held.journal),
        )
    except (ValueError, msgspec.MsgspecError) as error:
        # What the parser says may quote the file: none of it goes on.
        raise KeyFileError(f"{path} is damaged") from error


def make_identity(chance: bytes) -> Identity:
    """Derive an identity from 32 bytes, for simulations and tests."""
    parts = [hashlib.sha256(chance + bytes((part,))).digest() for part in range(3)]
    return Identity(
        Ed25519PrivateKey.from_private_bytes(parts[0]), X25519PrivateKey.from_private_bytes(parts[1]), parts[2]
    )


def write_secret(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that only its owner may read, durably: temporary file, fsync, rename, fsync of the folder.

    With `mode` its group may, too, whatever the process's umask.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.fchmod(handle, mode)
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def verified(public_signing: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature is the key's own."""
    try:
        Ed25519PublicKey.from_public_bytes(public_signing).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def agree(own: Identity, other_agreement: bytes, *, salt: bytes, info: bytes) -> bytes:
    """Agree on a 32-byte key: HKDF-SHA256 over X25519 (protocol §5.11: a fresh key per epoch and direction)."""
    shared = own.agreement.exchange(X25519PublicKey.from_public_bytes(other_agreement))
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(shared)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
