"""Each guard of the protocol, switched off: the worlds that hold with it must notice that it is gone."""

import functools

import pytest

from scripts.sim_mutants import MUTANTS, WHOLE
from scripts.sim_world import run

KNOWN = {
    "ack_before_commit": 1,
    "cursor_outside": 1,
    "deleted_before_ack": 1,
    "fence_keeps_rights": 1,
    "fence_untold": 1,
    "late_facts_refused": 1,
    "session_ignored": 1,
    "counter_nonces": 2,
    "no_new_epoch": 3,
    "rollback_welcomed": 7,
    "chain_check_off": 3,
    "contiguity_off": 3,
    "dedupe_by_batch": 3,
    "dedupe_off": 3,
    "watermark_ack": 3,
    "credit_ignored": 5,
    "normal_instead_of_full": 4,
    "quiet_store_unasked": 7,
    "stream_unchecked": 5,
    "old_epoch_dropped": 6,
    "stale_worker_lease": 7,
    "rewind_off": 9,
    "doorbell_rung_once": 27,
    "welcome_lower_ignored": 20,
    "late_refusal_obeyed": 62,
}
"""A world that notices, for each guard; `sim sync --mutants` finds others when one moves away."""


@functools.cache
def unbroken(seed: int) -> str:
    return run(seed, WHOLE).violation


@pytest.mark.parametrize(("name", "seed"), KNOWN.items())
def test_a_world_notices_that_a_guard_is_off_and_holds_with_it_on(name, seed):
    assert run(seed, MUTANTS[name]).violation
    assert unbroken(seed) == ""


def test_every_guard_has_its_world():
    assert set(MUTANTS) == set(KNOWN)
