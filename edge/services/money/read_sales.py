"""Sales and totals as the screens and other programs read them: from the stored answers and projections."""

from edge.db import print_jobs, sales
from edge.services.money.settle_sale import SaleAnswer, read_answer
from edge.services.node import Node

PAGE_MAX = 500


def page(node: Node, after: int, limit: int) -> tuple[list[SaleAnswer], int | None]:
    """List sales in commit order behind number `after`; the second value is where the next page begins."""
    wanted = max(1, min(limit, PAGE_MAX))
    with node.db.read() as reader:
        rows = sales.page(reader, after, wanted)
        answers = [
            _answer(reader_answer) for row in rows if (reader_answer := sales.stored_answer(reader, row.sale_id))
        ]
    return answers, rows[-1].n if len(rows) == wanted else None


def one(node: Node, sale_id: str) -> tuple[SaleAnswer, list[print_jobs.Job]] | None:
    """Find a sale and its slips."""
    with node.db.read() as reader:
        stored = sales.stored_answer(reader, sale_id) if sales.by_id(reader, sale_id) else None
        return None if stored is None else (_answer(stored), print_jobs.of_subject(reader, sale_id))


def totals(node: Node, day: str | None) -> list[tuple[str, int, int]]:
    """Give (day, sales, amount in fen) of one business day or of all."""
    with node.db.read() as reader:
        return [(row[0], row[1], row[2]) for row in sales.day_totals(reader, day)]


def _answer(stored: sales.StoredAnswer) -> SaleAnswer:
    return read_answer(stored.answer)
