"""Payments before their sale, what the gateway was asked and has not answered, and refunds that it is still to be told of."""

from typing import NamedTuple

from sync.node.database import Reader, Row, Tx

OPEN_ATTEMPT = "state IN ('sent', 'unknown', 'cancelling', 'accepted')"
"""Word for word the condition of two partial indexes."""
KEEP_ENDED_MS = 7 * 86_400_000
"""Attempts that came to nothing are remembered so long, to answer a repeat."""


class Payment(NamedTuple):
    """Money taken towards an order; `state` is `open` until a sale uses it (`used`) or it goes back (`returned`)."""

    payment_id: str
    n: int
    order_id: str
    till: str
    day: str
    at_ms: int
    kind: str
    received_fen: int
    change_fen: int
    amount_fen: int
    provider: str
    reference: str
    flagged: bool
    state: str
    sale_id: str


class Move(NamedTuple):
    """One movement of money beside the sales, for the shift of its till.

    `what` is `payment` or `deposit` (taken), `payment_returned` or `deposit_returned` (given back); `kind` is the way it went: `cash`,
    `code`, `static_code`, `card`. `amount_fen` is above zero in all of them.
    """

    n: int
    move_id: str
    till: str
    what: str
    kind: str
    amount_fen: int


class Attempt(NamedTuple):
    """A code payment that the gateway was asked for.

    `state`: `sent` (asked, nothing came yet), `unknown`, `cancelling` (to be reversed), `accepted` (taken on the word of the
    guest's phone; the gateway is still asked), and ended: `taken`, `refused`, `cancelled`. With a `for_day` it is a deposit.
    """

    payment_id: str
    order_id: str
    till: str
    person: str
    amount_fen: int
    label: str
    for_day: str
    at_ms: int
    state: str
    reason: str


class QueuedRefund(NamedTuple):
    """A refund that the gateway is to be told of: `waiting`, `done`, or `refused` (somebody must give the money another way)."""

    refund_no: str
    payment_id: str
    amount_fen: int
    state: str
    reason: str


class Doubt(NamedTuple):
    """A payment of which the facts say that nobody knows."""

    payment_id: str
    order_id: str
    till: str
    amount_fen: int
    at_ms: int


_PAYMENT = (
    "payment_id, n, order_id, till, day, at_ms, kind, received_fen, change_fen, amount_fen, provider, reference, flagged, state,"
    " sale_id"
)
_ATTEMPT = "payment_id, order_id, till, person, amount_fen, label, for_day, at_ms, state, reason"
_QUEUED = "refund_no, payment_id, amount_fen, state, reason"


def by_id(reader: Reader, payment_id: str) -> Payment | None:
    """Find a payment."""
    rows = reader.execute(f"SELECT {_PAYMENT} FROM payments WHERE payment_id = ?", (payment_id,))  # noqa: S608
    return _payment(rows[0]) if rows else None


def taken_for(reader: Reader, order_id: str) -> list[Payment]:
    """List what was paid towards an order and is no sale's yet, oldest first."""
    rows = reader.execute(
        f"SELECT {_PAYMENT} FROM payments WHERE state = 'open' AND order_id = ? ORDER BY n",  # noqa: S608
        (order_id,),
    )
    return [_payment(row) for row in rows]


def unused(reader: Reader, limit: int = 200) -> list[Payment]:
    """List payments that no sale used, oldest first."""
    # Left alone, SQLite goes through all that ever was in the order of n.
    where = "INDEXED BY payments_open WHERE state = 'open' ORDER BY n LIMIT ?"
    rows = reader.execute(f"SELECT {_PAYMENT} FROM payments {where}", (limit,))  # noqa: S608
    return [_payment(row) for row in rows]


def of_time(reader: Reader, from_ms: int, to_ms: int) -> list[Payment]:
    """List the payments between two instants, the later one not included."""
    rows = reader.execute(
        f"SELECT {_PAYMENT} FROM payments WHERE at_ms >= ? AND at_ms < ? ORDER BY n",  # noqa: S608
        (from_ms, to_ms),
    )
    return [_payment(row) for row in rows]


def moves(reader: Reader, till: str, after_n: int, to_n: int | None = None) -> list[Move]:
    """List what a till took and gave back beside its sales, behind number `after_n` and up to `to_n`, in commit order."""
    rows = reader.execute(
        "SELECT n, move_id, till, what, kind, amount_fen FROM payment_moves WHERE till = ? AND n > ? AND n <= ? ORDER BY n",
        (till, after_n, (1 << 62) if to_n is None else to_n),
    )
    return [Move(*row) for row in rows]


def move(reader: Reader, n: int) -> Move | None:
    """Find what the fact of a number moved."""
    rows = reader.execute("SELECT n, move_id, till, what, kind, amount_fen FROM payment_moves WHERE n = ?", (n,))
    return Move(*rows[0]) if rows else None


def uses_of_sale(reader: Reader, sale_id: str) -> list[Row]:
    """Give (payment or deposit id, position of the tender, its kind, amount) of what a sale used."""
    return reader.execute(
        "SELECT payment_id, position, kind, amount_fen FROM payment_uses WHERE sale_id = ? ORDER BY position",
        (sale_id,),
    )


def add_attempt(tx: Tx, attempt: Attempt) -> None:
    """Say durably that the gateway is about to be asked, and forget old attempts that came to nothing."""
    tx.execute(f"INSERT INTO gateway_attempts ({_ATTEMPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", attempt)  # noqa: S608


def forget_ended(tx: Tx, now_ms: int) -> None:
    """Forget attempts that ended long ago."""
    tx.execute(
        f"DELETE FROM gateway_attempts WHERE at_ms < ? AND NOT ({OPEN_ATTEMPT})",  # noqa: S608
        (now_ms - KEEP_ENDED_MS,),
    )


def attempt(reader: Reader, payment_id: str) -> Attempt | None:
    """Find what the gateway was asked under an id."""
    rows = reader.execute(f"SELECT {_ATTEMPT} FROM gateway_attempts WHERE payment_id = ?", (payment_id,))  # noqa: S608
    return Attempt(*rows[0]) if rows else None


def open_attempts(reader: Reader) -> list[Attempt]:
    """List what the gateway has not settled, oldest first."""
    rows = reader.execute(f"SELECT {_ATTEMPT} FROM gateway_attempts WHERE {OPEN_ATTEMPT} ORDER BY at_ms")  # noqa: S608
    return [Attempt(*row) for row in rows]


def undecided_for(reader: Reader, order_id: str) -> list[Attempt]:
    """List the attempts towards an order that stand open."""
    rows = reader.execute(
        f"SELECT {_ATTEMPT} FROM gateway_attempts WHERE order_id = ? AND {OPEN_ATTEMPT} ORDER BY at_ms",  # noqa: S608
        (order_id,),
    )
    return [Attempt(*row) for row in rows]


def set_attempt(tx: Tx, payment_id: str, state: str, reason: str = "") -> None:
    """Say where an attempt stands."""
    tx.execute("UPDATE gateway_attempts SET state = ?, reason = ? WHERE payment_id = ?", (state, reason, payment_id))


def lost_doubts(reader: Reader) -> list[Doubt]:
    """List what the facts call unknown and nobody asks for: this file was built again from them."""
    rows = reader.execute(
        "SELECT payment_id, order_id, till, amount_fen, at_ms FROM payment_doubts AS d WHERE outcome = 'unknown'"
        " AND NOT EXISTS (SELECT 1 FROM gateway_attempts AS a WHERE a.payment_id = d.payment_id) ORDER BY n"
    )
    return [Doubt(*row) for row in rows]


def doubt_outcome(reader: Reader, payment_id: str) -> str:
    """Give what the facts say of a doubted payment; empty where it was never doubted."""
    rows = reader.execute("SELECT outcome FROM payment_doubts WHERE payment_id = ?", (payment_id,))
    return str(rows[0][0]) if rows else ""


def missing(reader: Reader) -> list[Payment]:
    """List payments that were taken on the guest's word and that the gateway then denied, the latest first."""
    names = ", ".join(f"p.{name.strip()}" for name in _PAYMENT.split(","))
    rows = reader.execute(
        f"SELECT {names} FROM payment_doubts AS d JOIN payments AS p USING (payment_id) WHERE d.outcome = 'refused'"  # noqa: S608
        " ORDER BY d.n DESC LIMIT 50"
    )
    return [_payment(row) for row in rows]


def refunds_in_line(reader: Reader) -> list[QueuedRefund]:
    """List the refunds that the gateway is still to be told of, or refused."""
    rows = reader.execute(f"SELECT {_QUEUED} FROM gateway_queue WHERE state <> 'done' ORDER BY refund_no")  # noqa: S608
    return [QueuedRefund(*row) for row in rows]


def refund(reader: Reader, refund_no: str) -> QueuedRefund | None:
    """Find a refund in line, or one that went through."""
    rows = reader.execute(f"SELECT {_QUEUED} FROM gateway_queue WHERE refund_no = ?", (refund_no,))  # noqa: S608
    return QueuedRefund(*rows[0]) if rows else None


def refunds_of_time(reader: Reader, from_ms: int, to_ms: int) -> list[Row]:
    """Give (refund number, amount, whether it waits) of refunds by code.

    Those that the gateway made between two instants, and those from before the later one that it has not been told of.
    """
    return reader.execute(
        "SELECT refund_no, amount_fen, 0 FROM gateway_queue WHERE state = 'done' AND settled_ms >= ? AND settled_ms < ?"
        " UNION ALL SELECT q.refund_no, q.amount_fen, 1 FROM gateway_queue AS q JOIN gateway_refunds AS r USING (refund_no)"
        " WHERE q.state <> 'done' AND q.state = 'waiting' AND r.at_ms < ?",
        (from_ms, to_ms, to_ms),
    )


def refund_amount(reader: Reader, refund_no: str) -> int | None:
    """Give the amount of a refund by code, of whatever day."""
    rows = reader.execute("SELECT amount_fen FROM gateway_refunds WHERE refund_no = ?", (refund_no,))
    return int(rows[0][0]) if rows else None


def static_tenders(reader: Reader, from_ms: int, to_ms: int, days: tuple[str, str]) -> list[Row]:
    """Give (sale id, amount) of tenders by the shop's static code that stand in their sale only, between two instants.

    Args:
        days: the business days that the instants may belong to.
    """
    return reader.execute(
        "SELECT s.sale_id, t.amount_fen FROM sales AS s JOIN sale_tenders AS t USING (sale_id) WHERE s.day IN (?, ?)"
        " AND s.at_ms >= ? AND s.at_ms < ? AND t.kind = 'static_code' AND NOT EXISTS"
        " (SELECT 1 FROM payment_uses AS u WHERE u.sale_id = t.sale_id AND u.position = t.position) ORDER BY s.n",
        (*days, from_ms, to_ms),
    )


def keep_bill(tx: Tx, day: str, report: bytes, at_ms: int) -> None:
    """Keep what the bill file of a day came to."""
    tx.execute("INSERT OR REPLACE INTO gateway_bills (day, report, at_ms) VALUES (?, ?, ?)", (day, report, at_ms))


def kept_bill(reader: Reader, day: str) -> bytes | None:
    """Give what the bill file of a day came to."""
    rows = reader.execute("SELECT report FROM gateway_bills WHERE day = ?", (day,))
    return bytes(rows[0][0]) if rows else None


def _payment(row: Row) -> Payment:
    found = Payment(*row)
    return found._replace(flagged=bool(found.flagged))
