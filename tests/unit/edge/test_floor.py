"""A plan of the tables holds together, or every mistake in it is named."""

from typing import Any

import msgspec
import pytest

from edge.domain import floor
from sync.contract import limits
from sync.contract.orders import Area, Table
from sync.contract.words import Name

HALL = Name("大厅", "Hall")


def table(number: int = 1, **said: Any) -> Table:
    return Table(**{"id": f"t{number}", "name": f"A{number}", "seats": 4, "x": 0, "y": 0, **said})


def area(*tables: Table, **said: Any) -> Area:
    return Area(**{"id": "hall", "name": HALL, "tables": tables, **said})


def test_the_first_plan_holds_together():
    plan = floor.first_plan()
    assert floor.mistakes(plan.areas) == []
    assert (plan.version, sum(len(each.tables) for each in plan.areas)) == (0, 14)


def test_tables_side_by_side_hold_together():
    """The negative control of the cases below."""
    assert floor.mistakes((area(table(1), table(2, x=2), table(3, y=2, round=True, minimum_fen=88_800)),)) == []


@pytest.mark.parametrize(
    ("areas", "said"),
    [
        ((), "1 to 200 tables"),
        ((area(),), "1 to 200 tables"),
        ((area(*[table(n) for n in range(201)]),), "1 to 200 tables"),
        ((area(table(1)), area(table(2))), "area 'hall' stands twice"),
        ((area(table(1), table(1, x=2)),), "table 't1' stands twice"),
        ((area(table(1), table(2, x=2, name="A1")),), "table name 'A1' stands twice"),
        ((area(table(1), table(2, x=1, y=1)),), "table 'A2' stands on table 'A1'"),
        ((area(table(1, x=23)),), "outside the 24 × 14 cells"),
        ((area(table(1, y=13)),), "outside the 24 × 14 cells"),
        ((area(table(1, x=-1)),), "outside the 24 × 14 cells"),
        ((area(table(1, width=0)),), "outside the 24 × 14 cells"),
        ((area(table(1, width=10**9)),), "outside the 24 × 14 cells"),
        ((area(table(1, seats=0)),), "1 to 60 seats"),
        ((area(table(1, seats=61)),), "1 to 60 seats"),
        ((area(table(1, minimum_fen=-1)),), "the minimum lies outside"),
        ((area(table(1, minimum_fen=limits.PRICE_FEN_MAX + 1)),), "the minimum lies outside"),
        ((area(table(1, name=" ")),), "needs a name"),
        ((area(table(1, name="A\x1b1")),), "needs a name"),
        ((area(table(1, name="A" * 13)),), "needs a name"),
        ((area(table(1, id="t 1")),), "an id is up to 32"),
        ((area(table(1), id=""),), "area '': an id is up to 32"),
        ((area(table(1), name=Name("大厅", " ")),), "a name in both languages"),
        ((area(table(1), name=Name("大\u202e厅", "Hall")),), "a name in both languages"),
        ((area(table(1), columns=0),), "its grid is 1 to 60"),
        ((area(table(1), rows=61),), "its grid is 1 to 60"),
    ],
)
def test_a_mistake_is_named(areas, said):
    assert any(said in mistake for mistake in floor.mistakes(areas)), floor.mistakes(areas)


def test_the_largest_plan_fits_a_fact():
    names = [f"{n:012d}" for n in range(floor.TABLES_MAX)]
    tables = [table(n, id=f"{n:032d}", name=names[n], x=2 * (n % 30), y=2 * (n // 30), seats=60, round=True,
                    minimum_fen=limits.PRICE_FEN_MAX) for n in range(floor.TABLES_MAX)]  # fmt: skip
    areas = (area(*tables, columns=60, rows=60),)
    assert floor.mistakes(areas) == []
    assert len(msgspec.json.encode(areas)) < limits.FACT_BYTES_MAX - 2_000
