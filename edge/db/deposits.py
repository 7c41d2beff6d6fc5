"""Deposits (订金): taken for a day under a name, spent by sales, given back."""

from typing import NamedTuple

from sync.node.database import Reader


class Deposit(NamedTuple):
    """A deposit; what is left of it is `amount_fen − spent_fen − returned_fen`."""

    deposit_id: str
    n: int
    epoch: int
    till: str
    number: int
    receipt_no: str
    day: str
    at_ms: int
    label: str
    for_day: str
    kind: str
    received_fen: int
    change_fen: int
    amount_fen: int
    reference: str
    spent_fen: int
    returned_fen: int

    @property
    def left_fen(self) -> int:
        """What may still be spent or given back."""
        return self.amount_fen - self.spent_fen - self.returned_fen


_COLUMNS = (
    "deposit_id, n, epoch, till, number, receipt_no, day, at_ms, label, for_day, kind, received_fen, change_fen, amount_fen,"
    " reference, spent_fen, returned_fen"
)


def next_number(reader: Reader, till: str, epoch: int) -> int:
    """Give the next gapless deposit number of a till in an epoch, from 1."""
    [(last,)] = reader.execute("SELECT max(number) FROM deposits WHERE till = ? AND epoch = ?", (till, epoch))
    return int(last or 0) + 1


def by_id(reader: Reader, deposit_id: str) -> Deposit | None:
    """Find a deposit."""
    rows = reader.execute(f"SELECT {_COLUMNS} FROM deposits WHERE deposit_id = ?", (deposit_id,))  # noqa: S608
    return Deposit(*rows[0]) if rows else None


def held(reader: Reader, limit: int = 500) -> list[Deposit]:
    """List the deposits that have something left, by day and name."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM deposits WHERE amount_fen > spent_fen + returned_fen ORDER BY for_day, label, n LIMIT ?",  # noqa: S608
        (limit,),
    )
    return [Deposit(*row) for row in rows]


def for_days(reader: Reader, first: str, last: str, limit: int = 500) -> list[Deposit]:
    """List the deposits held for days between two, both included, by day and name."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM deposits WHERE for_day >= ? AND for_day <= ? ORDER BY for_day, label, n LIMIT ?",  # noqa: S608
        (first, last, limit),
    )
    return [Deposit(*row) for row in rows]


def of_time(reader: Reader, from_ms: int, to_ms: int) -> list[Deposit]:
    """List the deposits taken between two instants, the later one not included."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM deposits WHERE at_ms >= ? AND at_ms < ? ORDER BY n",  # noqa: S608
        (from_ms, to_ms),
    )
    return [Deposit(*row) for row in rows]
