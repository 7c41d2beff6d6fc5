"""The drivers' report card: every rule that is done names its test, and every failure of drivers.md §7 has one."""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.checkout import ROOT

CARD = ROOT / "drivers" / "quality.toml"
DRIVERS = (
    "transport", "printer", "drawer", "spool", "scanner", "card", "display", "scale", "supervisor", "twin",
)  # fmt: skip
FAILURES: dict[str, tuple[str, ...]] = {
    "printer": (
        "no_answer_to_status", "asb_mixed_in", "reply_split", "two_replies_in_one_read", "reset_after_any_byte",
        "sent_then_reset", "half_open_link", "refused", "never_reads", "backlog_full", "idle_close", "second_client",
        "paper_out_in_raster", "cover_open_in_text", "cutter_jam", "head_too_hot", "power_cycle_in_job",
        "other_printer_at_address", "job_bigger_than_buffer", "unknown_glyph", "control_characters",
        "narrow_profile_on_wide_paper", "single_byte_default", "permission_denied", "replug_100", "soak",
    ),
    "spool": (
        "killed_before_write", "killed_before_confirmation", "disk_full", "clock_set_back", "two_tasks",
        "outage_of_500_jobs", "soak",
    ),
    "drawer": ("stale_drawer_job", "soak"),
    "scanner": (
        "half_code_then_unplug", "two_codes_in_one_read", "no_terminator", "wrong_baud", "caps_lock", "input_method",
        "held_trigger", "key_repeat", "grab_lost_on_replug", "nul_and_stx", "qr_of_4_kb",
        "payment_code_on_other_screen", "replug_100", "renumbered", "soak",
    ),
    "card": (
        "only_track_2", "lrc", "read_error", "reversed_swipe", "pan_in_free_text", "pcsc_restart",
        "card_pulled_in_apdu", "two_readers", "replug_100", "renumbered", "soak",
    ),
    "scale": (
        "unstable_for_ever", "overload", "negative", "unit_change", "faster_than_we_read", "replug_100", "renumbered",
        "soak",
    ),
    "display": ("replug_needs_init", "cut_inside_hanzi", "replug_100", "renumbered", "soak"),
    "transport": ("replug_100", "renumbered", "permission_denied"),
    "supervisor": ("renumbered", "permission_denied", "soak"),
}  # fmt: skip
"""The failures of drivers.md §7, in its order, with who must survive them; those under "All" with everybody they concern."""

WITHOUT_GAPS = ("printer", "scanner", "drawer")
"""Drivers of which nothing may be left open; what no test can show of them is no failure of §7, and little."""
UNSHOWN_MAX = 1
FIELDS = {
    "done": {"driver", "rule", "status", "test", "failure"},
    "needs hardware": {"driver", "rule", "status", "why"},
}

Rule = dict[str, Any]


def card() -> list[Rule]:
    rules = tomllib.loads(CARD.read_text(encoding="utf-8"))["rule"]
    assert isinstance(rules, list)
    return rules


@cache
def named_in(path: Path) -> frozenset[str]:
    """The tests of a file; none when there is no such file."""
    return names_of(path.read_text(encoding="utf-8")) if path.is_file() else frozenset()


def names_of(text: str) -> frozenset[str]:
    """The tests in a module's text: functions at its top, and `Class::method`."""
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


def names_a_test(test: object) -> bool:
    path, _, name = str(test).partition("::")
    return path.startswith("tests/") and name.partition("[")[0] in named_in(ROOT / path)


def faults(rules: list[Rule]) -> list[str]:
    """Say what is wrong with a report card."""
    found = [fault for rule in rules for fault in faults_of(rule)]
    for driver in DRIVERS:
        mine = [rule for rule in rules if rule.get("driver") == driver]
        if not mine:
            found.append(f"{driver}: no rule")
        shown = {failure for rule in mine if rule.get("status") == "done" for failure in rule.get("failure", [])}
        known = set(FAILURES.get(driver, ()))
        found += [f"{driver}: nothing shows {failure}" for failure in sorted(known - shown)]
        found += [f"{driver}: {failure} is no failure of drivers.md §7" for failure in sorted(shown - known)]
        unshown = sum(rule.get("status") != "done" for rule in mine)
        if driver in WITHOUT_GAPS and unshown > UNSHOWN_MAX:
            found.append(f"{driver}: {unshown} rules are not shown")
    said = [(rule.get("driver"), rule.get("rule")) for rule in rules]
    found += [
        f"{driver}: said twice: {rule}" for driver, rule in sorted({each for each in said if said.count(each) > 1})
    ]
    return found


def faults_of(rule: Rule) -> list[str]:
    found = []
    fields = FIELDS.get(rule.get("status", ""))
    if rule.get("driver") not in DRIVERS:
        found.append("unknown driver")
    if fields is None:
        found.append(f"status is one of {', '.join(FIELDS)}")
    elif not fields - {"failure"} <= set(rule) <= fields:
        found.append(f"fields are {', '.join(sorted(fields))}")
    if rule.get("status") == "done" and not names_a_test(rule.get("test")):
        found.append(f"there is no test {rule.get('test')}")
    if not all(isinstance(failure, str) for failure in rule.get("failure", [])):
        found.append("failure is a list of words")
    if not (isinstance(rule.get("rule"), str) and rule["rule"].endswith(".") and " " in rule["rule"]):
        found.append("a rule is a sentence")
    return [f"{rule.get('driver')}: {rule.get('rule')}: {fault}" for fault in found]


def test_every_rule_is_shown_by_a_test_that_exists_and_every_failure_of_the_reference_has_one():
    assert faults(card()) == []


def good() -> Rule:
    return next(rule for rule in card() if rule["driver"] == "card" and rule["status"] == "done")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"test": "tests/unit/drivers/test_scanner_framer.py::test_that_nobody_wrote"}, "there is no test"),
        ({"test": "tests/unit/drivers/test_nothing.py::test_anything"}, "there is no test"),
        ({"test": "tests/unit/drivers/test_scanner_framer.py"}, "there is no test"),
        ({"test": "tests/kit/till_world.py::descriptors"}, "there is no test"),
        ({"status": "to do"}, "status is one of"),
        ({"status": "needs hardware"}, "fields are"),
        ({"driver": "toaster"}, "unknown driver"),
        ({"rule": "framer"}, "a rule is a sentence"),
        ({"why": "because"}, "fields are"),
        ({"failure": ["no_such_failure"]}, "no failure of drivers.md"),
    ],
)
def test_a_wrong_rule_is_found(change, fault):
    wrong = {**good(), **change}
    found = [each for each in faults([*card(), wrong]) if "said twice" not in each]
    assert len(found) == 1
    assert fault in found[0]


@pytest.mark.parametrize("driver", FAILURES)
def test_a_failure_that_nothing_shows_any_more_is_found(driver):
    for failure in FAILURES[driver]:
        without = [rule for rule in card() if not (rule["driver"] == driver and failure in rule.get("failure", []))]
        assert f"{driver}: nothing shows {failure}" in faults(without)


def test_a_failure_is_not_shown_by_a_rule_that_needs_hardware():
    hidden = [
        {
            "driver": rule["driver"],
            "rule": rule["rule"],
            "status": "needs hardware",
            "why": "no time",
            "failure": ["lrc"],
        }
        if "lrc" in rule.get("failure", [])
        else rule
        for rule in card()
    ]
    assert "card: nothing shows lrc" in faults(hidden)


@pytest.mark.parametrize("driver", WITHOUT_GAPS)
def test_more_than_one_thing_that_is_not_shown_of_printer_scanner_or_drawer_is_found(driver):
    gap = {"driver": driver, "rule": "It works some day.", "status": "needs hardware", "why": "no time"}
    assert f"{driver}: 2 rules are not shown" in faults([*card(), gap])


def test_a_driver_without_rules_is_found():
    assert "twin: no rule" in faults([rule for rule in card() if rule["driver"] != "twin"])


def test_a_test_is_found_by_its_name_in_a_class_and_with_its_parameters():
    assert names_a_test("tests/architecture/test_quality.py::test_a_driver_without_rules_is_found[any]")
    text = "class TestGroup:\n    def test_inside(self): ...\n    def helper(self): ...\n"
    assert names_of(text) == {"TestGroup::test_inside"}
