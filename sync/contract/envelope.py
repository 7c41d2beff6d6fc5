"""The envelope of every message: a clear, authenticated header, a sealed body, a signature over both.

Bytes: `RS1 | version 1 | header length 2 | header (msgpack array) | sealed body | Ed25519 signature 64`.
The body is zstd, then AES-256-GCM with the header as associated data; the signature covers header and sealed body
(encrypt-then-sign; the header names sender and receiver, so a message cannot be passed on as another's).
This module packs and unpacks; `sync.node.sealing` holds the keys.
"""

import struct
from enum import StrEnum
from typing import NamedTuple

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE, ContractError

MAGIC = b"RS1\x01"
SIGNATURE_BYTES = 64
_PREFIX_BYTES = len(MAGIC) + 2
_LENGTH = struct.Struct(">I")


class MessageKind(StrEnum):
    """What a sealed body holds."""

    HELLO = "hello"
    WELCOME = "welcome"
    REJECT = "reject"
    FACTS = "facts"
    ACK = "ack"
    PULL = "pull"
    STREAM = "stream"
    HEARTBEAT = "heartbeat"
    CHUNK = "chunk"
    QUESTION = "question"
    ANSWER = "answer"
    HANDOVER = "handover"


class Header(msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True):
    """The clear part. For anything but facts `lane`, `first_seq` and `count` are 0 and the chain values empty."""

    kind: MessageKind
    tenant: str
    store: str
    node: str
    epoch: int
    key_id: bytes
    nonce: bytes
    lane: int = 0
    first_seq: int = 0
    count: int = 0
    chain_before: bytes = b""
    chain_after: bytes = b""
    suite: int = 1
    comp: int = 1
    schema_max: int = 1


class Opened(NamedTuple):
    """A message taken apart, nothing yet believed."""

    header: Header
    header_bytes: bytes
    sealed: bytes
    signed: bytes
    signature: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Header)


def encode_header(header: Header) -> bytes:
    """Give the clear bytes, prefix included: the associated data of the seal."""
    packed = _ENCODER.encode(header)
    return MAGIC + len(packed).to_bytes(2, "big") + packed


def take_apart(wire: bytes) -> Opened:
    """Split a message into its parts within the bounds.

    Raises:
        ContractError: not of our form, too large, or cut short.
    """
    if len(wire) > limits.WIRE_BYTES_MAX:
        message = "oversized"
        raise ContractError(message)
    if len(wire) < _PREFIX_BYTES + SIGNATURE_BYTES or not wire.startswith(MAGIC):
        message = "garbage"
        raise ContractError(message)
    header_length = int.from_bytes(wire[len(MAGIC) : _PREFIX_BYTES], "big")
    body_at = _PREFIX_BYTES + header_length
    if header_length > limits.HEADER_BYTES_MAX or len(wire) < body_at + SIGNATURE_BYTES:
        message = "truncated"
        raise ContractError(message)
    try:
        header = _DECODER.decode(wire[_PREFIX_BYTES:body_at])
    except UNREADABLE as error:
        message = "bad_header"
        raise ContractError(message) from error
    return Opened(
        header=header,
        header_bytes=wire[:body_at],
        sealed=wire[body_at:-SIGNATURE_BYTES],
        signed=wire[:-SIGNATURE_BYTES],
        signature=wire[-SIGNATURE_BYTES:],
    )


def frame_facts(raws: list[bytes]) -> bytes:
    """Join facts' bytes, each after its length as four bytes."""
    return b"".join(_LENGTH.pack(len(raw)) + raw for raw in raws)


def unframe_facts(plain: bytes, count: int) -> list[bytes]:
    """Part facts' bytes again.

    Raises:
        ContractError: the lengths do not fit, or there are not `count` of them.
    """
    raws: list[bytes] = []
    at = 0
    while at < len(plain):
        if at + _LENGTH.size > len(plain):
            message = "truncated"
            raise ContractError(message)
        (length,) = _LENGTH.unpack_from(plain, at)
        at += _LENGTH.size
        if length == 0 or length > limits.FACT_BYTES_MAX or at + length > len(plain):
            message = "bad_length"
            raise ContractError(message)
        raws.append(plain[at : at + length])
        at += length
    if len(raws) != count or count > limits.BATCH_FACTS_MAX:
        message = "bad_count"
        raise ContractError(message)
    return raws
