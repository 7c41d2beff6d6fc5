"""The fact: something that happened at a store, written once, chained, never changed (DESIGN §3)."""

import hashlib
from enum import IntEnum

import msgspec


class Lane(IntEnum):
    """The two ordered lanes of a store; trade always drains before operations."""

    TRADE = 0
    OPERATIONS = 1


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact as it is encoded: the bytes of this struct are what the chain covers and what the wire carries.

    `id` is a UUIDv7 in hex made before the commit, `n` the node's commit number over both lanes, `at_ms` wall time,
    `hlc` the hybrid logical time as a decimal string (browsers cannot hold it in a number), `day` the business day.
    `versions` names the reference data in force, such as `{"menu": 3}`.
    """

    store: str
    epoch: int
    lane: int
    seq: int
    n: int
    id: str
    kind: str
    v: int
    at_ms: int
    hlc: str
    day: str
    actor: str | None = None
    device: str | None = None
    versions: dict[str, int] = {}
    body: msgspec.Raw = msgspec.Raw(b"{}")


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Fact)


class ContractError(ValueError):
    """Bytes that do not say what the contract asks for: keep them, park them, tell HQ."""


class UnknownKind(ContractError):
    """A fact of a kind that this version does not know: newer code may have written it."""


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes from outside: not well formed or of another shape, no UTF-8, nested too deeply."""


def encode(fact: Fact) -> bytes:
    """Encode a fact, once: these bytes are stored, chained and sent, and never made again."""
    return _ENCODER.encode(fact)


def decode(raw: bytes) -> Fact:
    """Read a fact back.

    Raises:
        ContractError: the bytes are no fact.
    """
    try:
        return _DECODER.decode(raw)
    except UNREADABLE as error:
        message = f"not a fact: {error}"
        raise ContractError(message) from error


def genesis(store: str, epoch: int, lane: int) -> bytes:
    """Give the value before the first fact of a lane (DESIGN §3)."""
    return hashlib.sha256(f"rs1|{store}|{epoch}|{lane}".encode()).digest()


def number_floor(epoch: int) -> int:
    """Give the number behind which an epoch counts its facts: `n` starts at one above it.

    Epochs never share a number. A replaced node may still hold facts that its hub has not seen; were the numbers counted
    on, the next node would give the same ones out again, and one file could not hold both. A browser's 2^53 are enough for
    two million epochs of four thousand million facts.
    """
    return (epoch - 1) << 32


def link(before: bytes, raw: bytes) -> bytes:
    """Chain one fact's bytes to what came before: SHA-256(before ‖ bytes)."""
    return hashlib.sha256(before + raw).digest()
