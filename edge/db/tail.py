"""The newest facts first, each with the chain value before it: what a start looks at."""

from collections.abc import Iterator
from typing import NamedTuple

from sync.node.database import Reader

PAGE = 500


class TailFact(NamedTuple):
    """A fact, the chain behind the one before it, and where its lane says that it stands.

    `before` is None where that one lies in an archive, or is missing; the head where the file knows of no such lane.
    """

    epoch: int
    lane: int
    seq: int
    n: int
    raw: bytes
    chain: bytes
    seal: bytes
    before: bytes | None
    head_seq: int | None
    head_chain: bytes | None


def newest_first(reader: Reader) -> Iterator[TailFact]:
    """Walk the journal backwards by commit number."""
    below = 1 << 62
    while True:
        rows = reader.execute(
            "SELECT f.epoch, f.lane, f.seq, f.n, f.raw, f.chain, f.seal, p.chain, l.head_seq, l.head_chain"
            " FROM facts AS f LEFT JOIN lanes AS l ON l.epoch = f.epoch AND l.lane = f.lane"
            " LEFT JOIN facts AS p ON p.epoch = f.epoch AND p.lane = f.lane AND p.seq = f.seq - 1"
            " WHERE f.n < ? ORDER BY f.n DESC LIMIT ?",
            (below, PAGE),
        )
        yield from (TailFact(*row) for row in rows)
        if len(rows) < PAGE:
            return
        below = rows[-1][3]
