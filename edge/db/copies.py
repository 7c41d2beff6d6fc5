"""What is asked of a copy of the node's file: whether its pages and chains hold, how far it reaches, what each day came to."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sync.contract import facts
from sync.node.database import Reader, Row, Tx

PAGE = 2_000


class Drill(NamedTuple):
    """A drill that was held: the record as it was signed."""

    at_ms: int
    ok: bool
    record: bytes
    signature: bytes


def reach(reader: Reader) -> tuple[int, int]:
    """Give the last number and how many facts there are."""
    [(n, count)] = reader.execute("SELECT coalesce(max(n), 0), count(*) FROM facts")
    return int(n), int(count)


def first_bad(reader: Reader) -> str:
    """Hash every lane of the file again; gives the first place that does not hold, empty when all do."""
    for (epoch, lane), rows in _lanes(reader):
        chain: bytes | None = None
        seq = 0
        for number, raw, kept in rows:
            if chain is not None and (number != seq + 1 or facts.link(chain, raw) != kept):
                return f"epoch {epoch}, lane {lane}, seq {number}"
            chain, seq = kept, number
        [(head_seq, head_chain)] = reader.execute(
            "SELECT head_seq, head_chain FROM lanes WHERE epoch = ? AND lane = ?", (epoch, lane)
        ) or [(0, b"")]
        if (seq, chain) != (head_seq, head_chain):
            return f"epoch {epoch}, lane {lane}, seq {seq}"
    return ""


def digests(reader: Reader, upto: dict[tuple[int, int], tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Hash the bytes of facts as they lie here, of each (epoch, lane) from one seq to another."""
    found: dict[tuple[int, int], str] = {}
    for (epoch, lane), (first, last) in sorted(upto.items()):
        digest = hashlib.sha256()
        for seq, raw, chain in _walk(reader, epoch, lane, first, last):
            digest.update(seq.to_bytes(8, "big") + raw + chain)
        found[epoch, lane] = digest.hexdigest()
    return found


def spans(reader: Reader) -> dict[tuple[int, int], tuple[int, int]]:
    """Give the first and last seq that lie here, of each (epoch, lane)."""
    rows = reader.execute("SELECT epoch, lane, min(seq), max(seq) FROM facts GROUP BY epoch, lane")
    return {(epoch, lane): (first, last) for epoch, lane, first, last in rows}


def days(reader: Reader, upto_n: int) -> list[Row]:
    """Sum the sales up to a number: (day, sales, fen, lines, pieces) of each day."""
    return reader.execute(
        "SELECT sales.day, count(DISTINCT sales.sale_id), sum(sale_lines.amount_fen), count(*), sum(sale_lines.qty)"
        " FROM sales JOIN sale_lines USING (sale_id) WHERE sales.n <= ? GROUP BY sales.day ORDER BY sales.day",
        (upto_n,),
    )


def totals(reader: Reader, upto_n: int) -> list[Row]:
    """Sum the totals of the sales up to a number: (day, sales, fen) of each day."""
    return reader.execute(
        "SELECT day, count(*), sum(total_fen) FROM sales WHERE n <= ? GROUP BY day ORDER BY day", (upto_n,)
    )


def kept_totals(reader: Reader) -> list[Row]:
    """Give the totals that a file keeps of each day."""
    return reader.execute("SELECT day, sales, amount_fen FROM day_totals ORDER BY day")


def keep_drill(tx: Tx, drill: Drill) -> None:
    """Keep a drill's signed record."""
    tx.execute("INSERT OR REPLACE INTO drills (at_ms, ok, record, signature) VALUES (?, ?, ?, ?)", drill)


def newest_drill(reader: Reader) -> Drill | None:
    """Find the newest drill."""
    if not reader.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'drills'"):
        return None
    rows = reader.execute("SELECT at_ms, ok, record, signature FROM drills ORDER BY at_ms DESC LIMIT 1")
    return Drill(rows[0][0], bool(rows[0][1]), rows[0][2], rows[0][3]) if rows else None


def _lanes(reader: Reader) -> Iterator[tuple[tuple[int, int], Iterator[tuple[int, bytes, bytes]]]]:
    for (epoch, lane), (first, last) in sorted(spans(reader).items()):
        yield (epoch, lane), _walk(reader, epoch, lane, first, last)


def _walk(reader: Reader, epoch: int, lane: int, first: int, last: int) -> Iterator[tuple[int, bytes, bytes]]:
    while first <= last:
        rows = reader.execute(
            "SELECT seq, raw, chain FROM facts WHERE epoch = ? AND lane = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
            (epoch, lane, first, last, PAGE),
        )
        for seq, raw, chain in rows:
            yield int(seq), bytes(raw), bytes(chain)
        if len(rows) < PAGE:
            return
        first = rows[-1][0] + 1
