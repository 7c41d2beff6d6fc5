"""What a manager looks at: the figures of a business day, what was out of the ordinary, whether a till was looked through."""

from typing import NamedTuple

from sync.node.database import Reader

HOUR_MS = 3_600_000


class Unusual(NamedTuple):
    """Something out of the ordinary: what, when, who did it, who said so; below zero it cost the house money."""

    n: int
    what: str
    day: str
    at_ms: int
    till: str
    actor: str
    approved_by: str
    amount_fen: int
    label: str
    note: str


class Opening(NamedTuple):
    """A till's day was looked through: when, by whom, and what was not as it should be."""

    day: str
    till: str
    at_ms: int
    actor: str
    wrong: tuple[str, ...]


class Sums(NamedTuple):
    """What the sales of a business day come to."""

    sales: int
    sales_fen: int
    gross_fen: int
    discounts_fen: int
    charges_fen: int
    tips_fen: int
    covers: int
    platform_sales: int
    platform_fen: int


def exceptions(reader: Reader, day: str, limit: int) -> list[Unusual]:
    """List what was out of the ordinary on a business day, the latest first."""
    rows = reader.execute(
        "SELECT n, what, day, at_ms, till, actor, approved_by, amount_fen, label, note FROM exceptions WHERE day = ?"
        " ORDER BY n DESC, what LIMIT ?",
        (day, limit),
    )
    return [Unusual(*row) for row in rows]


def exception_sums(reader: Reader, day: str) -> list[tuple[str, int, int]]:
    """Give how often each sort happened on a business day and what it came to."""
    return [
        (str(what), int(count), int(fen))
        for what, count, fen in reader.execute(
            "SELECT what, count(*), sum(amount_fen) FROM exceptions WHERE day = ? GROUP BY what ORDER BY what", (day,)
        )
    ]


def sums(reader: Reader, day: str) -> Sums:
    """Add up the sales of a business day."""
    [row] = reader.execute(
        "SELECT count(*), sum(s.total_fen), sum(e.gross_fen), sum(e.discounts_fen), sum(e.charges_fen), sum(e.tips_fen),"
        " sum(e.covers), sum(e.platform), sum(CASE WHEN e.platform > 0 THEN s.total_fen ELSE 0 END)"
        " FROM sales s JOIN till_entries e ON e.till = s.till AND e.n = s.n WHERE s.day = ?",
        (day,),
    )
    return Sums(*(int(figure or 0) for figure in row))


def tenders(reader: Reader, day: str) -> list[tuple[str, int, int]]:
    """Give how often each way of paying was used on a business day and what it came to."""
    return [
        (str(kind), int(count), int(fen))
        for kind, count, fen in reader.execute(
            "SELECT t.kind, count(*), sum(t.amount_fen) FROM sales s JOIN sale_tenders t USING (sale_id) WHERE s.day = ?"
            " GROUP BY t.kind ORDER BY sum(t.amount_fen) DESC, t.kind",
            (day,),
        )
    ]


def dishes(reader: Reader, day: str, limit: int) -> list[tuple[str, int, int]]:
    """Give the dishes that brought in most on a business day: pieces and amount before discounts.

    A sale that was taken back to be made anew is counted with the one that stands in its place.
    """
    return [
        (str(dish_id), int(qty), int(fen))
        for dish_id, qty, fen in reader.execute(
            "SELECT l.dish_id, sum(l.qty), sum(l.amount_fen) FROM sales s JOIN sale_lines l USING (sale_id) WHERE s.day = ?"
            " AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.sale_id = s.sale_id AND r.reopened_as <> '')"
            " GROUP BY l.dish_id ORDER BY sum(l.amount_fen) DESC, l.dish_id LIMIT ?",
            (day, limit),
        )
    ]


def last_sale_with(reader: Reader, day: str, dish_id: str) -> str:
    """Give the last sale of a business day that has a dish.

    Raises:
        LookupError: none has.
    """
    rows = reader.execute(
        "SELECT s.sale_id FROM sales s JOIN sale_lines l USING (sale_id) WHERE s.day = ? AND l.dish_id = ?"
        " ORDER BY s.n DESC LIMIT 1",
        (day, dish_id),
    )
    if not rows:
        raise LookupError(f"no sale of {day} has {dish_id}")
    return str(rows[0][0])


def hours(reader: Reader, day: str, offset_ms: int) -> list[tuple[int, int, int]]:
    """Give (hour of the clock, sales, amount) of a business day, in the order of time."""
    rows = reader.execute(
        "SELECT (at_ms + ?) / ? AS hour, count(*), sum(total_fen) FROM sales WHERE day = ? GROUP BY hour ORDER BY hour",
        (offset_ms, HOUR_MS, day),
    )
    return [(int(hour) % 24, int(count), int(fen)) for hour, count, fen in rows]


def refunds(reader: Reader, day: str) -> tuple[int, int, int]:
    """Give how many refunds were given on a business day, what they came to, and how much of that were tips."""
    rows = reader.execute("SELECT count(*), sum(amount_fen), sum(tip_fen) FROM refunds WHERE day = ?", (day,))
    count, amount_fen, tips_fen = rows[0]
    return int(count), int(amount_fen or 0), int(tips_fen or 0)


def opening(reader: Reader, day: str, till: str) -> Opening | None:
    """Say whether a till's day was looked through."""
    rows = reader.execute("SELECT at_ms, actor, wrong FROM openings WHERE day = ? AND till = ?", (day, till))
    return Opening(day, till, rows[0][0], rows[0][1], tuple(rows[0][2].split())) if rows else None


def first_entry(reader: Reader, till: str, after_n: int) -> tuple[str, int] | None:
    """Give day and number of the first thing that counted at a till behind a number; None when nothing did."""
    rows = reader.execute(
        "SELECT day, n FROM till_entries WHERE till = ? AND n > ? ORDER BY n LIMIT 1", (till, after_n)
    )
    return (str(rows[0][0]), int(rows[0][1])) if rows else None


def names(reader: Reader) -> dict[str, str]:
    """Give the names of everybody who ever worked here by their ids."""
    rows = [
        *reader.execute("SELECT person_id, name FROM newcomers"),
        *reader.execute("SELECT person_id, name FROM people"),
    ]
    return {str(person_id): str(name) for person_id, name in rows}
