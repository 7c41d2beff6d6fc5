"""What is proved where: every number of the test table and every group of faults names tests that exist, or what is missing."""

import tomllib
from typing import Any

import pytest

from scripts.sim_mutants import MUTANTS
from tests.architecture.checkout import ROOT
from tests.architecture.test_quality import names_a_test

TABLE = ROOT / "tests" / "proofs.toml"
README = ROOT / "tests" / "README.md"
WORLDS = ROOT / "scripts" / "sim_faults.py"
NUMBERS = range(1, 41)
"""The test table of ux-security.md §12."""
GROUPS = range(1, 13)
"""The fault list of sync.md §6."""
STATES = {"shown": {"tests"}, "partly": {"tests", "lacks"}, "missing": {"lacks"}}
"""What an entry says in each state, beside its number, what it is about, and its state."""
EXTRAS = {"note", "worlds", "mutants"}

Entry = dict[str, Any]
Proofs = dict[str, list[Entry]]


def proofs() -> Proofs:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def faults(table: Proofs) -> list[str]:
    """Say what is wrong with the table."""
    kinds = WORLDS.read_text(encoding="utf-8")
    found = []
    for part, key, wanted in (("row", "number", NUMBERS), ("fault", "group", GROUPS)):
        said = [entry.get(key) for entry in table[part]]
        found += [f"{key} {number}: not there" for number in wanted if number not in said]
        found += [f"{key} {number}: no such {key}, or said twice" for number in strays(said, wanted)]
        found += [f"{key} {entry.get(key)}: {fault}" for entry in table[part] for fault in faults_of(entry, key, kinds)]
    return found


def strays(said: list[Any], wanted: range) -> list[Any]:
    return sorted({each for each in said if each not in wanted or said.count(each) > 1}, key=str)


def faults_of(entry: Entry, key: str, kinds: str) -> list[str]:
    wanted = STATES.get(entry.get("state", ""))
    if wanted is None:
        return [f"state is one of {', '.join(STATES)}"]
    found = []
    if not wanted | {key, "what", "state"} <= set(entry) <= wanted | {key, "what", "state"} | EXTRAS:
        found.append(f"{entry['state']} says {', '.join(sorted(wanted))}")
    if "tests" in wanted and not entry.get("tests"):
        found.append("names no test")
    found += [f"there is no test {test}" for test in entry.get("tests", []) if not names_a_test(test)]
    found += [f"no world knows {kind}" for kind in entry.get("worlds", []) if f'"{kind}"' not in kinds]
    found += [f"no guard is called {name}" for name in entry.get("mutants", []) if name not in MUTANTS]
    return found


def as_lines(table: Proofs) -> list[str]:
    """The lines of the tables in tests/README.md."""
    return [line_of(entry, key) for part, key in (("row", "number"), ("fault", "group")) for entry in table[part]]


def line_of(entry: Entry, key: str) -> str:
    files = " ".join(
        dict.fromkeys(f"`{test.partition('::')[0].removeprefix('tests/')}`" for test in entry.get("tests", []))
    )
    missing = {"shown": "", "partly": "; not: ", "missing": "**missing**: "}[entry["state"]]
    return f"| {entry[key]} | {entry['what']} | {files}{missing}{entry.get('lacks', '')} |"


def test_every_number_and_every_group_names_tests_that_exist_or_says_what_is_missing():
    assert faults(proofs()) == []


def test_the_readme_says_the_same():
    text = README.read_text(encoding="utf-8").splitlines()
    assert [line for line in as_lines(proofs()) if line not in text] == []


def changed(part: str, at: int, **change: object) -> Proofs:
    table = proofs()
    table[part][at] = {key: value for key, value in {**table[part][at], **change}.items() if value is not None}
    return table


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tests": ["tests/db/test_power_cut.py::test_that_nobody_wrote"]}, "there is no test"),
        ({"tests": ["tests/db/test_power_cut.py"]}, "there is no test"),
        ({"tests": []}, "names no test"),
        ({"state": "done"}, "state is one of"),
        ({"state": "partly"}, "partly says"),
        ({"lacks": "everything"}, "shown says"),
        ({"worlds": ["sunshine"]}, "no world knows sunshine"),
        ({"mutants": ["two_heads"]}, "no guard is called two_heads"),
        ({"number": None}, "number 1: not there"),
        ({"number": 2}, "said twice"),
    ],
)
def test_a_wrong_row_is_found(change, fault):
    assert any(fault in each for each in faults(changed("row", 0, **change)))


@pytest.mark.parametrize("part", ["row", "fault"])
def test_an_entry_that_is_taken_out_is_found_here_and_in_the_readme(part):
    whole, without = proofs(), proofs()
    gone = without[part].pop()
    assert any("not there" in each for each in faults(without))
    assert len(as_lines(without)) == len(as_lines(whole)) - 1
    assert line_of(gone, "number" if part == "row" else "group") in as_lines(whole)
