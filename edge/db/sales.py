"""Sales as the screens read them, and the numbers that receipts carry."""

from typing import NamedTuple

from sync.node.database import Reader, Row, Tx


class SaleRow(NamedTuple):
    """Where a sale's fact lies, and how it is listed."""

    sale_id: str
    epoch: int
    seq: int
    n: int
    day: str
    at_ms: int


class FoundSale(NamedTuple):
    """A sale as a search shows it."""

    sale_id: str
    receipt_no: str
    till: str
    day: str
    at_ms: int
    total_fen: int


class StoredAnswer(NamedTuple):
    """What was answered to a request: the digest of the request and the bytes of the answer."""

    digest: bytes
    answer: bytes


_COLUMNS = "sale_id, epoch, seq, n, day, at_ms"
_FOUND = "sale_id, receipt_no, till, day, at_ms, total_fen"
SEARCH_ROWS_MAX = 5_000
"""A search looks at so many sales at most, the latest first."""


def next_number(reader: Reader, till: str, epoch: int) -> int:
    """Give the next gapless receipt number of a till in an epoch, from 1."""
    [(last,)] = reader.execute("SELECT max(number) FROM sales WHERE till = ? AND epoch = ?", (till, epoch))
    return int(last or 0) + 1


def by_id(reader: Reader, sale_id: str) -> SaleRow | None:
    """Find a sale."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM sales WHERE sale_id = ?", (sale_id,))  # noqa: S608
    return SaleRow(*rows[0]) if rows else None


def by_receipt_no(reader: Reader, number: str) -> str | None:
    """Find the sale of a receipt number as it stands on paper."""
    rows = reader.execute("SELECT sale_id FROM sales WHERE receipt_no = ?", (number,))
    return str(rows[0][0]) if rows else None


def of_invite(reader: Reader, invite_id: str) -> str | None:
    """Find the sale whose receipt carries an invite."""
    rows = reader.execute("SELECT sale_id FROM invites WHERE invite_id = ?", (invite_id,))
    return str(rows[0][0]) if rows else None


def found_by_id(reader: Reader, sale_id: str) -> list[FoundSale]:
    """Give a sale as a search shows it; an empty list when there is none."""
    rows = reader.execute(f"SELECT {_FOUND} FROM sales WHERE sale_id = ?", (sale_id,))  # noqa: S608
    return [FoundSale(*row) for row in rows]


def found_between(reader: Reader, days: tuple[str, str], total_fen: int | None) -> list[FoundSale]:
    """List the sales of business days, both included, the latest first; with a total only those of that amount."""
    rows = reader.execute(
        f"SELECT {_FOUND} FROM sales WHERE day BETWEEN ? AND ? AND (? IS NULL OR total_fen = ?)"  # noqa: S608
        " ORDER BY day DESC, n DESC LIMIT ?",
        (*days, total_fen, total_fen, SEARCH_ROWS_MAX),
    )
    return [FoundSale(*row) for row in rows]


def page(reader: Reader, after: int, limit: int) -> list[SaleRow]:
    """List sales in commit order behind number `after`."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM sales WHERE n > ? ORDER BY n LIMIT ?", (after, limit))  # noqa: S608
    return [SaleRow(*row) for row in rows]


def day_totals(reader: Reader, day: str | None = None) -> list[Row]:
    """Give (day, sales, amount in fen), of one day or of all."""
    if day is None:
        return reader.execute("SELECT day, sales, amount_fen FROM day_totals ORDER BY day")
    return reader.execute("SELECT day, sales, amount_fen FROM day_totals WHERE day = ?", (day,))


def stored_answer(reader: Reader, request_id: str) -> StoredAnswer | None:
    """Find what was answered to a request before."""
    rows = reader.execute("SELECT digest, answer FROM requests WHERE request_id = ?", (request_id,))
    return StoredAnswer(*rows[0]) if rows else None


def store_answer(tx: Tx, request_id: str, digest: bytes, answer: bytes, at_ms: int) -> None:
    """Keep the answer under the request's id, in the transaction that it answers for."""
    tx.execute(
        "INSERT INTO requests (request_id, digest, answer, at_ms) VALUES (?, ?, ?, ?)",
        (request_id, digest, answer, at_ms),
    )


def replace_answer(tx: Tx, request_id: str, answer: bytes) -> None:
    """Complete an answer that is being built again from facts."""
    tx.execute("UPDATE requests SET answer = ? WHERE request_id = ?", (answer, request_id))
