"""The newest facts first, each with the chain value before it: what a start looks at."""

from collections.abc import Iterator
from typing import NamedTuple

from sync.node.database import Reader

PAGE = 500


class TailFact(NamedTuple):
    """A fact, and the chain behind the one before it; `before` is None where that one lies in an archive, or is missing."""

    epoch: int
    lane: int
    seq: int
    n: int
    raw: bytes
    chain: bytes
    seal: bytes
    before: bytes | None


def newest_first(reader: Reader) -> Iterator[TailFact]:
    """Walk the journal backwards by commit number."""
    below = 1 << 62
    while True:
        rows = reader.execute(
            "SELECT f.epoch, f.lane, f.seq, f.n, f.raw, f.chain, f.seal, p.chain FROM facts AS f"
            " LEFT JOIN facts AS p ON p.epoch = f.epoch AND p.lane = f.lane AND p.seq = f.seq - 1"
            " WHERE f.n < ? ORDER BY f.n DESC LIMIT ?",
            (below, PAGE),
        )
        yield from (TailFact(*row) for row in rows)
        if len(rows) < PAGE:
            return
        below = rows[-1][3]


def lane_heads(reader: Reader) -> dict[tuple[int, int], tuple[int, bytes]]:
    """Give seq and chain that each (epoch, lane) claims to stand at."""
    rows = reader.execute("SELECT epoch, lane, head_seq, head_chain FROM lanes")
    return {(epoch, lane): (seq, chain) for epoch, lane, seq, chain in rows}
