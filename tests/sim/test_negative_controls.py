"""Each guard of the protocol, switched off: the worlds that hold with it must notice that it is gone."""

import pytest

from scripts.sim_mutants import MUTANTS, WHOLE
from scripts.sim_world import run

FIRST_WORLDS = range(1, 21)
KNOWN = {
    "watermark_ack": 6,
    "session_ignored": 1,
    "rollback_welcomed": 18,
    "rewind_off": 18,
    "late_refusal_obeyed": 19,
    "chain_check_off": 25,
    "stream_unchecked": 5,
    "quiet_store_unasked": 34,
    "doorbell_rung_once": 31,
}
"""A world that notices, for each guard that takes a rare mishap; `sim sync --mutants` finds others when one moves away."""


@pytest.mark.parametrize("name", ["dedupe_off", "contiguity_off", "ack_before_commit"])
def test_one_of_the_first_worlds_notices_that_a_rule_of_ingest_is_off(name):
    caught = next((out for seed in FIRST_WORLDS if (out := run(seed, MUTANTS[name])).violation), None)
    assert caught is not None
    assert run(caught.seed, WHOLE).violation == ""


@pytest.mark.parametrize(("name", "seed"), KNOWN.items())
def test_a_world_notices_that_a_guard_is_off_and_holds_with_it_on(name, seed):
    assert run(seed, MUTANTS[name]).violation
    assert run(seed, WHOLE).violation == ""


def test_every_guard_has_its_world():
    assert set(MUTANTS) - set(KNOWN) == {"dedupe_off", "contiguity_off", "ack_before_commit"}
