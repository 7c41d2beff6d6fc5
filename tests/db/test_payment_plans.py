"""No question about payments grows with the payments of the past: each is answered from an index."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge.db import deposits, payments
from sync.node.database import Reader, Row, Tx
from tests.kit.nodes import STORE, Rig

QUESTIONS: dict[str, Callable[[Any], object]] = {
    "by id": lambda tx: payments.by_id(tx, "x"),
    "taken for": lambda tx: payments.taken_for(tx, "x"),
    "unused": payments.unused,
    "of time": lambda tx: payments.of_time(tx, 1, 2),
    "moves": lambda tx: payments.moves(tx, "1", 0),
    "move": lambda tx: payments.move(tx, 1),
    "uses of sale": lambda tx: payments.uses_of_sale(tx, "x"),
    "attempt": lambda tx: payments.attempt(tx, "x"),
    "open attempts": payments.open_attempts,
    "undecided for": lambda tx: payments.undecided_for(tx, "x"),
    "forget ended": lambda tx: payments.forget_ended(tx, 1),
    "lost doubts": payments.lost_doubts,
    "missing": payments.missing,
    "refunds in line": payments.refunds_in_line,
    "refunds of time": lambda tx: payments.refunds_of_time(tx, 1, 2),
    "static tenders": lambda tx: payments.static_tenders(tx, 1, 2, ("a", "b")),
    "next number": lambda tx: deposits.next_number(tx, "1", 1),
    "deposit by id": lambda tx: deposits.by_id(tx, "x"),
    "for days": lambda tx: deposits.for_days(tx, "a", "b"),
    "deposits of time": lambda tx: deposits.of_time(tx, 1, 2),
}


class Planned:
    """Asks SQLite how it would answer, and remembers what it would look through from end to end."""

    def __init__(self, inner: Reader | Tx) -> None:
        self.inner = inner
        self.scans: list[str] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        plan = self.inner.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        # An index with a condition holds what is open, and that is little; to go through any other is to go through the past.
        found = [str(row[3]) for row in plan if str(row[3]).startswith("SCAN")]
        self.scans += [scan for scan in found if not scan.endswith(("_open", "_refused"))]
        return self.inner.execute(sql, parameters)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory):
    with Rig(tmp_path_factory.mktemp(STORE)) as made:
        yield made


def scans(rig: Rig, question: Callable[[Any], object]) -> list[str]:
    def ask(tx: Tx) -> list[str]:
        planned = Planned(tx)
        question(planned)
        return planned.scans

    return rig.db.write(ask)


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_is_answered_from_an_index(rig, name):
    assert scans(rig, QUESTIONS[name]) == []


def test_without_the_index_it_would_be_seen(tmp_path: Path):
    """Negative control."""
    with Rig(tmp_path) as rig:
        rig.db.write(lambda tx: tx.execute("DROP INDEX payments_open"))
        assert len(scans(rig, QUESTIONS["taken for"])) == 1
