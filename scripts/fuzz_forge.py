"""Messages that no honest sender makes: damaged, replayed, forged and oversized ones, each with the name of what is wrong.

A forger here may know more than a real one could: the link's key, even the sender's signing key. What is made with those is
wrong in another way (its place, its size, its claims), so nothing of it may be applied either.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sync.contract import envelope, facts, limits
from sync.contract.envelope import Header, MessageKind
from sync.contract.facts import Fact
from sync.node import keys, sealing

Wire = tuple[str, bytes]
Claims = dict[str, object]


@dataclass(frozen=True)
class Pen:
    """Seals as one party to one other, with every claim of the header open to the writer."""

    signer: keys.Identity
    key: bytes
    party: sealing.Party

    def seal(
        self, kind: MessageKind, plain: bytes, claims: Claims | None = None, *, packed: bytes | None = None
    ) -> bytes:
        """Give wire bytes.

        Args:
            kind: what the body is said to be.
            plain: the body.
            claims: fields of the header to claim something else in.
            packed: already compressed, or what is said to be; None = compress the body.
        """
        said = claims or {}
        nonce = said.get("nonce", b"")
        nonce = nonce if isinstance(nonce, bytes) and nonce else b"fuzzed nonce"
        base = Header(
            kind=kind,
            tenant=self.party.tenant,
            store=self.party.store,
            node=self.party.node,
            epoch=self.party.epoch,
            key_id=self.signer.public.key_id,
            nonce=nonce,
        )
        head = envelope.encode_header(msgspec.structs.replace(base, **{**said, "nonce": nonce}))
        body = zstandard.ZstdCompressor(level=3).compress(plain) if packed is None else packed
        sealed = AESGCM(self.key).encrypt((nonce + bytes(12))[:12], body, head)
        return head + sealed + self.signer.sign(head + sealed)

    def under(self, **changes: object) -> "Pen":
        """Give the same pen under another name."""
        return replace(self, party=replace(self.party, **changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Lane:
    """Where the receiver stands: the next fact is `seq + 1` behind `chain`."""

    seq: int
    chain: bytes


def next_facts(party: sealing.Party, lane: Lane, count: int, chance: random.Random) -> tuple[list[bytes], bytes]:
    """Make facts that would be taken if an honest store had sealed them; gives them and the chain behind them."""
    raws, chain = [], lane.chain
    for number in range(1, count + 1):
        fact = Fact(
            store=party.store,
            epoch=party.epoch,
            lane=0,
            seq=lane.seq + number,
            n=lane.seq + number + 1_000_000,
            id=chance.randbytes(16).hex(),
            kind="sale.paid",
            v=1,
            at_ms=1_790_000_000_000,
            hlc="0",
            day="2026-09-21",
            body=msgspec.Raw(b"{}"),
        )
        raws.append(facts.encode(fact))
        chain = facts.link(chain, raws[-1])
    return raws, chain


def facts_of(pen: Pen, lane: Lane, chance: random.Random, claims: Claims | None = None) -> bytes:
    """Seal the next facts of a lane, but for what `claims` says instead."""
    raws, chain = next_facts(pen.party, lane, 2, chance)
    said: Claims = {
        "first_seq": lane.seq + 1,
        "count": len(raws),
        "chain_before": lane.chain,
        "chain_after": chain,
    }
    return pen.seal(MessageKind.FACTS, envelope.frame_facts(raws), {**said, **(claims or {})})


# -------------------------------------------------------------------------------------------------- damage on the way


def flipped(payload: bytes, chance: random.Random) -> bytes:
    """Change one to eight bits."""
    out = bytearray(payload)
    for _ in range(chance.randint(1, 8)):
        out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def truncated(payload: bytes, chance: random.Random) -> bytes:
    """Leave the end off."""
    return payload[: chance.randrange(len(payload))]


def lengthened(payload: bytes, chance: random.Random) -> bytes:
    """Put bytes behind, in front, or in the middle."""
    at = chance.choice((0, len(payload), chance.randrange(len(payload))))
    return payload[:at] + chance.randbytes(chance.randint(1, 200)) + payload[at:]


def noise(payload: bytes, chance: random.Random) -> bytes:
    """Keep nothing but, perhaps, the beginning."""
    start = payload[: chance.choice((0, 4, 6))]
    return start + chance.randbytes(chance.randint(0, 2_000))


def oversized(payload: bytes, chance: random.Random) -> bytes:
    """Make it larger than the wire allows."""
    return payload + bytes(limits.WIRE_BYTES_MAX + chance.randint(1, 4_096) - len(payload))


def spliced(payload: bytes, other: bytes, chance: random.Random) -> bytes:
    """Join the beginning of one message to the end of another."""
    return payload[: chance.randrange(1, len(payload))] + other[chance.randrange(len(other)) :]


DAMAGE: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "flipped": flipped,
    "truncated": truncated,
    "lengthened": lengthened,
    "noise": noise,
    "oversized": oversized,
}

# ------------------------------------------------------------------------------------------------------ bombs and games


def bomb(chance: random.Random) -> bytes:
    """Compress far more than a body may hold, with and without an honest size in the frame."""
    size = limits.BODY_PLAIN_BYTES_MAX + chance.randint(1, 4 * 1024 * 1024)
    if chance.random() < 0.5:  # noqa: PLR2004 - heads or tails
        return zstandard.ZstdCompressor(level=3).compress(bytes(size))
    stream = zstandard.ZstdCompressor(level=3, write_content_size=False).compressobj()
    return stream.compress(bytes(size)) + stream.flush()


def packed_nonsense(chance: random.Random) -> bytes:
    """Make msgpack that is deep, huge in its claims, or of wrong types."""
    kind = chance.randrange(5)
    if kind == 0:
        return b"\x91" * chance.randint(100, 60_000) + b"\xc0"
    if kind == 1:
        return b"\xdd\xff\xff\xff\xff" + chance.randbytes(20)
    if kind == 2:  # noqa: PLR2004
        return b"\xdf\xff\xff\xff\xff" + chance.randbytes(20)
    if kind == 3:  # noqa: PLR2004
        return b"\x81\xa5nonce\xcf" + b"\xff" * 8
    return chance.randbytes(chance.randint(1, 300))


def places(lane: Lane, chance: random.Random) -> Claims:
    """Claim a place in a lane that cannot be."""
    claims: tuple[Claims, ...] = (
        {"first_seq": 0},
        {"first_seq": -1},
        {"first_seq": 2**63},
        {"first_seq": 2**63 - 1},
        {"first_seq": 2**53 + 1},
        {"count": 0},
        {"count": -5},
        {"count": 3},
        {"count": 1},
        {"count": limits.BATCH_FACTS_MAX + 1},
        {"count": 2**40},
        {"chain_after": bytes(32)},
        {"chain_after": lane.chain[:31]},
        {"chain_before": b""},
        {"lane": 1},
        {"lane": 7},
        {"lane": -1},
    )
    return chance.choice(claims)


def headers(chance: random.Random) -> Claims:
    """Claim something else that cannot be in a header."""
    claims: tuple[Claims, ...] = (
        {"suite": 0},
        {"suite": 2**31},
        {"comp": 0},
        {"comp": 9},
        {"key_id": b""},
        {"key_id": chance.randbytes(8)},
        {"key_id": chance.randbytes(300)},
        {"nonce": b"short"},
        {"nonce": bytes(13)},
        {"epoch": 0},
        {"epoch": 2},
        {"epoch": -1},
        {"epoch": 2**40},
        {"tenant": "another"},
        {"store": "another"},
        {"store": "s" * 900},
    )
    return chance.choice(claims)
