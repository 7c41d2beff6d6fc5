"""The projector gives way to a backlog that comes in, but never for good: HQ's figures follow however long it lasts."""

import threading

import pytest

from cloud import jobs
from cloud.jobs import HELD_BACK_MAX, THEN_BATCHES, ProjectorWorker

PATIENCE_S = 60


class Facts:
    """A projector that always has more to do; it notes how often somebody asked for a hurry before each batch."""

    def __init__(self, batches: int, *, hurry: bool) -> None:
        self.asked = 0
        self.before: list[int] = []
        self.enough = threading.Event()
        self._batches = batches
        self._hurry = hurry

    def in_a_hurry(self) -> bool:
        self.asked += 1
        return self._hurry

    def run_once(self) -> int:
        self.before.append(self.asked)
        self.asked = 0
        if len(self.before) == self._batches:
            self.enough.set()
        return 0 if self.enough.is_set() else 1_000


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(jobs, "CALM_MS", 1)


def run(facts: Facts) -> list[int]:
    worker = ProjectorWorker(facts, hurry=facts.in_a_hurry)
    worker.start()
    try:
        assert facts.enough.wait(PATIENCE_S)
    finally:
        worker.stop()
    return facts.before


def test_without_a_backlog_it_works_at_once(quick):
    assert run(Facts(5, hurry=False)) == [1] * 5


def test_in_a_backlog_it_gives_way_then_works_then_gives_way_again(quick):
    before = run(Facts(2 * THEN_BATCHES, hurry=True))
    assert before[0] == HELD_BACK_MAX
    assert before[1:THEN_BATCHES] == [1] * (THEN_BATCHES - 1), "its share is taken without a pause"
    assert before[THEN_BATCHES] >= HELD_BACK_MAX, "and then it gives way again"
