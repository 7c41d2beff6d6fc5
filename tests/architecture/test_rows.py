"""What the product promises to members and to the till, row by row: each one names tests that exist, or says what is missing."""

import tomllib
from copy import deepcopy
from typing import Any

import pytest

from tests.architecture.checkout import ROOT
from tests.architecture.test_quality import names_a_test

TABLE = ROOT / "tests" / "rows.toml"
TILL = frozenset(f"M{number:03}" for number in (23, 31, 32, 34, 166, 175, 180, 184, 189, 190))
"""Rows of membership.md §1 that the till answers for."""
MEMBERS = frozenset(
    f"M{number:03}"
    for number in (
        *(2, 4, 6, *range(37, 41), 42, 54, 55, 56, 58, 59, *range(71, 75), 91),
        *(118, 119, 120, 122, 123, 125, 132, 133, 136, 145, 171, 178, 179, 193, 194, 201),
    )
)
"""Rows of membership.md §1 that members answer for."""
KEYS = {"row": {"id", "what", "tests"}, "missing": {"id", "what", "lacks"}}

Table = dict[str, list[dict[str, Any]]]


def rows() -> Table:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def faults(table: Table) -> list[str]:
    """Say what is wrong with the table."""
    said = [str(entry.get("id")) for part in KEYS for entry in table.get(part, [])]
    found = [f"{row}: neither shown nor said to be missing" for row in sorted((TILL | MEMBERS) - set(said))]
    found += [f"{row}: no row that anybody asked for" for row in sorted(set(said) - (TILL | MEMBERS))]
    found += [f"{row}: said twice" for row in sorted({one for one in said if said.count(one) > 1})]
    for part, wanted in KEYS.items():
        for entry in table.get(part, []):
            if not wanted <= set(entry) <= wanted | {"lacks"} or not all(entry.values()):
                found.append(f"{entry.get('id')}: says {', '.join(sorted(wanted))}, and none of it is empty")
            found += [
                f"{entry.get('id')}: there is no test {one}" for one in entry.get("tests", []) if not names_a_test(one)
            ]
    return found


def test_every_row_names_tests_that_exist_or_says_what_is_missing():
    assert faults(rows()) == []


def changed(**change: object) -> Table:
    table = deepcopy(rows())
    table["row"][0] = {key: value for key, value in {**table["row"][0], **change}.items() if value is not None}
    return table


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tests": ["tests/db/test_members_join.py::test_that_nobody_wrote"]}, "there is no test"),
        ({"tests": ["tests/db/test_members_join.py"]}, "there is no test"),
        ({"tests": []}, "none of it is empty"),
        ({"tests": None}, "says id, tests, what"),
        ({"what": ""}, "none of it is empty"),
        ({"state": "shown"}, "says id, tests, what"),
        ({"id": "M999"}, "no row that anybody asked for"),
        ({"id": "M006"}, "said twice"),
    ],
)
def test_a_wrong_row_is_found(change, fault):
    assert any(fault in each for each in faults(changed(**change)))


@pytest.mark.parametrize("part", KEYS)
def test_a_row_that_is_left_out_is_found(part):
    table = rows()
    gone = table[part].pop()
    assert f"{gone['id']}: neither shown nor said to be missing" in faults(table)
