"""Shifts of tills as they are counted: the rows behind the last close, the closes, and a count that waits for its Z."""

from typing import NamedTuple

from edge.domain.shift import Entry, Moved, Tally
from sync.node.database import Reader, Tx

NO_END = 1 << 62
_ENTRY = "n, what, ref, day, at_ms, actor, note, amount_fen"
_SUMS = (
    "count(*), sum(amount_fen), sum(gross_fen), sum(discounts_fen), sum(charges_fen), sum(rounding_fen), sum(taxes_added_fen),"
    " sum(taxes_included_fen), sum(tips_fen), sum(covers)"
)
_SPAN = "till = ? AND n > ? AND n <= ?"
_Z = "till, epoch, z, seq, n, day, at_ms, actor, sales_fen, net_fen, variance_fen, left_fen, grand_total_fen"


class ZRow(NamedTuple):
    """A Z and where its fact lies."""

    till: str
    epoch: int
    z: int
    seq: int
    n: int
    day: str
    at_ms: int
    actor: str
    sales_fen: int
    net_fen: int
    variance_fen: int
    left_fen: int
    grand_total_fen: int


class CountRow(NamedTuple):
    """What was counted in a drawer and waits for its Z: the count as JSON, the journal's number that it was made at, by whom.

    No fact tells of it, and none needs to: the Z does. A node that was built again has the drawer counted again.
    """

    count_id: str
    counted: str
    at_n: int
    actor: str
    at_ms: int


def last_z(reader: Reader, till: str) -> ZRow | None:
    """Give the last close of a till, of whatever epoch; what came behind its number is the running shift."""
    rows = reader.execute(f"SELECT {_Z} FROM z_reports WHERE till = ? ORDER BY n DESC LIMIT 1", (till,))  # noqa: S608
    return ZRow(*rows[0]) if rows else None


def next_z(reader: Reader, till: str, epoch: int) -> int:
    """Give the next gapless number of a Z of a till in an epoch, from 1."""
    [(last,)] = reader.execute("SELECT max(z) FROM z_reports WHERE till = ? AND epoch = ?", (till, epoch))
    return int(last or 0) + 1


def z_of(reader: Reader, till: str, epoch: int, z: int) -> ZRow | None:
    """Find a Z."""
    rows = reader.execute(
        f"SELECT {_Z} FROM z_reports WHERE till = ? AND epoch = ? AND z = ?",  # noqa: S608
        (till, epoch, z),
    )
    return ZRow(*rows[0]) if rows else None


def z_list(reader: Reader, till: str, before_n: int, limit: int) -> list[ZRow]:
    """List the closes of a till before a number, the latest first."""
    rows = reader.execute(
        f"SELECT {_Z} FROM z_reports WHERE till = ? AND n < ? ORDER BY n DESC LIMIT ?",  # noqa: S608
        (till, before_n or NO_END, limit),
    )
    return [ZRow(*row) for row in rows]


def grand_total(reader: Reader, till: str, epoch: int) -> int:
    """Give the running grand total of a till's last Z in an epoch; 0 before the first."""
    rows = reader.execute(
        "SELECT grand_total_fen FROM z_reports WHERE till = ? AND epoch = ? ORDER BY z DESC LIMIT 1", (till, epoch)
    )
    return int(rows[0][0]) if rows else 0


def tallies(reader: Reader, till: str, after_n: int, to_n: int = NO_END) -> list[Tally]:
    """Add up what happened at a till behind a number and up to another, by sort; SQLite adds, so a long shift costs little."""
    rows = reader.execute(
        f"SELECT what, platform, {_SUMS} FROM till_entries WHERE {_SPAN} GROUP BY what, platform ORDER BY 1, 2",  # noqa: S608
        (till, after_n, to_n),
    )
    return [Tally(*row) for row in rows]


def moved(reader: Reader, till: str, after_n: int, to_n: int = NO_END) -> list[Moved]:
    """Add up the money that moved at a till behind a number and up to another: with sales and refunds, and beside them."""
    span = (till, after_n, to_n)
    tenders = reader.execute(
        "SELECT kind, count(*) FILTER (WHERE taken_fen > 0), sum(taken_fen), sum(returned_fen) FROM till_tenders"  # noqa: S608
        f" WHERE {_SPAN} GROUP BY kind ORDER BY kind",
        span,
    )
    beside = reader.execute(
        f"SELECT what, kind, count(*), sum(amount_fen) FROM payment_moves WHERE {_SPAN} GROUP BY what, kind ORDER BY 1, 2",  # noqa: S608
        span,
    )
    return [Moved("tender", *row) for row in tenders] + [
        Moved(what, kind, 0, 0, fen) if what.endswith("_returned") else Moved(what, kind, count, fen, 0)
        for what, kind, count, fen in beside
    ]


def beside(reader: Reader, till: str, after_n: int, to_n: int = NO_END) -> list[Entry]:
    """List floats, cash in and out, and hand-overs at a till behind a number and up to another, in the order of the journal."""
    rows = reader.execute(
        f"SELECT {_ENTRY} FROM till_entries INDEXED BY till_entries_beside WHERE {_SPAN}"  # noqa: S608
        " AND what IN ('opened', 'pay_in', 'pay_out', 'drop', 'handed_over') ORDER BY n",
        (till, after_n, to_n),
    )
    return [Entry(*row) for row in rows]


def receipts(reader: Reader, till: str, after_n: int, to_n: int = NO_END) -> tuple[str, str]:
    """Give the numbers of the first and the last receipt behind a number and up to another; empty where there is none."""
    found = [
        reader.execute(
            f"SELECT receipt_no FROM till_entries WHERE {_SPAN} AND what = 'sale' ORDER BY n {order} LIMIT 1",  # noqa: S608
            (till, after_n, to_n),
        )
        for order in ("ASC", "DESC")
    ]
    first, last = (str(rows[0][0]) if rows else "" for rows in found)
    return first, last


def days(reader: Reader, till: str, after_n: int, to_n: int = NO_END) -> tuple[str, ...]:
    """List the business days of sales and refunds: a late sale counts on its own day, whatever shift it is in."""
    rows = reader.execute(
        f"SELECT DISTINCT day FROM till_entries WHERE {_SPAN} AND what IN ('sale', 'refund') ORDER BY day",  # noqa: S608
        (till, after_n, to_n),
    )
    return tuple(str(row[0]) for row in rows)


def last_n(reader: Reader, till: str) -> int:
    """Give the number of the last fact that counts in a till's shifts, its close included; 0 for none."""
    tables = ("till_entries", "payment_moves", "z_reports")
    found = [reader.execute(f"SELECT max(n) FROM {table} WHERE till = ?", (till,))[0][0] for table in tables]  # noqa: S608
    return max(int(n or 0) for n in found)


def waiting_count(reader: Reader, till: str) -> CountRow | None:
    """Give the count of a till that waits for its Z."""
    rows = reader.execute("SELECT count_id, counted, at_n, actor, at_ms FROM till_counts WHERE till = ?", (till,))
    return CountRow(*rows[0]) if rows else None


def keep_count(tx: Tx, till: str, row: CountRow) -> None:
    """Keep a count until its Z, in place of the one before."""
    tx.execute(
        "INSERT OR REPLACE INTO till_counts (till, count_id, counted, at_n, actor, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (till, *row),
    )


def cash_move(reader: Reader, move_id: str) -> int | None:
    """Give when (wall ms) a cash move was made that is known under its id; None for none."""
    rows = reader.execute(
        "SELECT at_ms FROM till_entries WHERE what IN ('pay_in', 'pay_out', 'drop') AND ref = ?", (move_id,)
    )
    return int(rows[0][0]) if rows else None


def begin_before(reader: Reader, till: str, n: int) -> int:
    """Give the number behind which the shift began that a fact of a till is in."""
    [(begin,)] = reader.execute("SELECT max(n) FROM z_reports WHERE till = ? AND n <= ?", (till, n))
    return int(begin or 0)
