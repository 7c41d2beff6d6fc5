"""How a row of the audit log hangs on the row before it: h(i) = SHA-256(h(i-1) | canonical row) (ux-security §10.7)."""

import hashlib
from collections.abc import Mapping

import msgspec

GENESIS = hashlib.sha256(b"zhanggui-hub audit log").digest()
"""What the first row hangs on."""


class Entry(msgspec.Struct, frozen=True):
    """A row of the log. `n` counts from 1 without a gap; `detail` is JSON with sorted keys, exactly as it is kept."""

    n: int
    at_ms: int
    actor: str
    action: str
    target: str
    detail: str


class Checkpoint(msgspec.Struct, frozen=True):
    """The hub's signature under the log as it stood behind row `n`; `k` counts checkpoints from 1 without a gap."""

    k: int
    n: int
    chain: bytes
    at_ms: int
    signature: bytes


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are wanted; an empty field wants all. `before` is a row's number, the times are wall ms."""

    actor: str = ""
    actions: tuple[str, ...] = ()
    from_ms: int | None = None
    until_ms: int | None = None
    before: int | None = None


def canonical_detail(detail: Mapping[str, str | int]) -> str:
    """Give the one way to write a row's details."""
    return msgspec.json.encode(dict(detail), order="sorted").decode()


def link(before: bytes, entry: Entry) -> bytes:
    """Give the chain value behind a row."""
    row = [entry.n, entry.at_ms, entry.actor, entry.action, entry.target, entry.detail]
    return hashlib.sha256(before + msgspec.json.encode(row)).digest()


def to_sign(k: int, n: int, chain: bytes, at_ms: int) -> bytes:
    """Give the bytes under a checkpoint's signature."""
    return msgspec.json.encode(["zhanggui-hub audit checkpoint", k, n, chain.hex(), at_ms])
