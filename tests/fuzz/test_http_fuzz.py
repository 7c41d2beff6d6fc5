"""The API of node and hub under everything that their own documents allow and forbid: refusals, never a 5xx, never half a change."""

import os

import pytest
from schemathesis import GenerationMode

from edge.services.care import verify_journal
from edge.web.problems import Problem
from scripts.fuzz_http import break_totals
from tests.kit.http_fuzz import MODES, Answers, Door, fuzz, hub_door, node_door, operations

CASES = 400 if os.environ.get("ZHANGGUI_DEEP") else 6
"""For each operation and mode. `dev.py fuzz http` asks more often, with `--deep` 1,500 times."""
LIMIT_S = 7_200 if os.environ.get("ZHANGGUI_DEEP") else 400


def ask(door: Door, mode: GenerationMode) -> Answers:
    answers = fuzz(door, mode, operations(door), CASES)
    assert answers.faults == []
    assert answers.changed == []
    assert answers.statuses[401] < answers.statuses.total() // 4, answers.statuses
    return answers


@pytest.mark.timeout(LIMIT_S)
def test_whatever_is_asked_of_a_node_is_answered_or_refused(tmp_path):
    with node_door(tmp_path / "node") as (door, rig):
        allowed = ask(door, GenerationMode.POSITIVE)
        ask(door, GenerationMode.NEGATIVE)
        assert {200, 201, 202, 204, 400, 404, 409, 422} <= set(allowed.statuses), allowed.statuses
        assert allowed.cases["node POST /sales"] >= CASES
        assert verify_journal.verify(rig.node).ok


@pytest.mark.timeout(LIMIT_S)
def test_whatever_is_asked_of_a_hub_is_answered_or_refused(tmp_path):
    with hub_door(tmp_path / "hub") as door:
        answers = Answers()
        for mode in MODES:
            answers.add(ask(door, mode))
        assert {200, 400, 404} <= set(answers.statuses), answers.statuses


def test_a_fault_that_only_some_requests_meet_is_found(tmp_path):
    """The negative control: one seeded 500, behind the same door."""
    with node_door(tmp_path / "node") as (door, _):
        break_totals(door)
        totals = [one for one in operations(door) if one.path.endswith("/totals")]
        answers = fuzz(door, GenerationMode.POSITIVE, totals, 30)
        assert 0 < answers.server_errors < 30
        assert all("/totals" in fault for fault in answers.faults)


def test_a_change_that_a_refusal_left_behind_is_found(tmp_path):
    """The negative control of the other look: a refusal that wrote something all the same."""
    with node_door(tmp_path / "node") as (door, rig):

        def careless():
            rig.db.write(lambda tx: tx.execute("UPDATE counters SET value = value + 1 WHERE name = 'n'"))
            raise Problem("malformed")

        door.app.view_functions["api.read_totals"] = careless
        totals = [one for one in operations(door) if one.path.endswith("/totals")]
        assert fuzz(door, GenerationMode.NEGATIVE, totals, 30).changed
