"""Refunds as they are looked for: by sale, by their own number, and the next number of a till."""

from typing import NamedTuple

from edge.db import elsewhere
from edge.domain.refund import Earlier
from sync.contract.refunds import RefundTender
from sync.node.database import Reader


class RefundRow(NamedTuple):
    """A refund and where its fact lies."""

    refund_id: str
    sale_id: str
    epoch: int
    seq: int
    n: int
    till: str
    receipt_no: str
    day: str
    at_ms: int
    amount_fen: int
    tip_fen: int
    whole: int
    reopened_as: str


_COLUMNS = "refund_id, sale_id, epoch, seq, n, till, receipt_no, day, at_ms, amount_fen, tip_fen, whole, reopened_as"


def next_number(reader: Reader, till: str, epoch: int) -> int:
    """Give the next gapless refund number of a till in an epoch, from 1."""
    [(last,)] = reader.execute("SELECT max(number) FROM refunds WHERE till = ? AND epoch = ?", (till, epoch))
    return int(last or 0) + 1


def by_id(reader: Reader, refund_id: str) -> RefundRow | None:
    """Find a refund."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM refunds WHERE refund_id = ?", (refund_id,))  # noqa: S608
    return RefundRow(*rows[0]) if rows else None


def by_receipt_no(reader: Reader, number: str) -> RefundRow | None:
    """Find the refund of a number as it stands on paper."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM refunds WHERE receipt_no = ?", (number,))  # noqa: S608
    return RefundRow(*rows[0]) if rows else None


def of_sale(reader: Reader, sale_id: str) -> list[RefundRow]:
    """List the refunds of a sale, oldest first."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM refunds WHERE sale_id = ? ORDER BY n", (sale_id,))  # noqa: S608
    return [RefundRow(*row) for row in rows]


def earlier(reader: Reader, sale_id: str) -> Earlier:
    """Add up what went back of a sale before, here or at a store to which it was left."""
    left = [one.body for one in elsewhere.ceded_of(reader, sale_id)]
    refunds = of_sale(reader, sale_id)
    if not refunds and not left:
        return Earlier()
    pieces = reader.execute(
        "SELECT line, sum(qty) FROM refund_lines JOIN refunds USING (refund_id) WHERE sale_id = ? GROUP BY line",
        (sale_id,),
    )
    tenders = reader.execute(
        "SELECT t.kind, t.amount_fen, t.payment_id, t.reference, t.queued FROM refunds AS r JOIN refund_tenders AS t"
        " USING (refund_id) WHERE r.sale_id = ? ORDER BY r.n, t.position",
        (sale_id,),
    )
    gone = {int(line): int(qty) for line, qty in pieces}
    for line in (line for one in left for line in one.lines):
        gone[line.line] = gone.get(line.line, 0) + line.qty
    return Earlier(
        amount_fen=sum(row.amount_fen for row in refunds) + sum(one.amount_fen for one in left),
        tip_fen=sum(row.tip_fen for row in refunds) + sum(one.tip_fen for one in left),
        pieces=gone,
        tenders=[
            RefundTender(kind=kind, amount_fen=amount, payment_id=payment, reference=reference, queued=bool(queued))
            for kind, amount, payment, reference, queued in tenders
        ]
        + [tender for one in left for tender in one.tenders],
    )


def remade_by(reader: Reader, sale_id: str) -> list[str]:
    """Name the sales that were made anew for a reversed one."""
    rows = reader.execute("SELECT by_sale FROM remade_sales WHERE sale_id = ? ORDER BY by_sale", (sale_id,))
    return [str(row[0]) for row in rows]


def day_totals(reader: Reader, day: str) -> tuple[int, int]:
    """Give how many refunds a business day had, and their amount in fen."""
    rows = reader.execute("SELECT refunds, amount_fen FROM day_refunds WHERE day = ?", (day,))
    return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)
