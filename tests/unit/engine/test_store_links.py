"""One connection for several epochs of a store: each hears what names it, and an old one stays no longer than needed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from sync.contract.envelope import MessageKind
from sync.engine.store_link import LinkStatus
from sync.engine.store_links import PATIENCE_MS, StoreLinks
from sync.engine.switch import Switch
from sync.engine.transport import LinkState, Message
from sync.engine.uplink import Phase
from sync.node import keys, sealing
from sync.node.ports import ManualClock, SeededChance


@dataclass
class Line:
    """A transport whose events the test puts there."""

    events: list[Any] = field(default_factory=list)
    connected: bool = True

    def start(self): ...

    def stop(self): ...

    def publish(self, topic, payload, *, retain=False, qos=1):
        return True

    def poll(self, timeout_s):
        return self.events.pop(0) if self.events else None


def named(epoch: int) -> Message:
    party = sealing.Party("t", "s", "n", epoch)
    sealer = sealing.Sealer(keys.make_identity(b"hub" * 11), b"k" * 32, party, SeededChance("x"))
    return Message("rs1/0/t/s/a", sealer.seal(MessageKind.ACK, b""), retained=False)


def drained(port) -> list[Any]:
    found: list[Any] = []
    while (event := port.poll(0.0)) is not None:
        found.append(event)
    return found


def test_each_epoch_hears_its_own_and_what_names_none_is_for_the_epoch_of_now():
    line, bell = Line(), Message("rs1/t/head", b"no envelope", retained=True)
    switch = Switch(line, 3)
    now, old = switch.port(3), switch.port(2)
    line.events = [LinkState.UP, named(2), named(3), bell, named(1), LinkState.DOWN]
    switch.pump(0.0)
    assert drained(old) == [LinkState.UP, named(2), LinkState.DOWN]
    assert drained(now) == [LinkState.UP, named(3), bell, named(1), LinkState.DOWN]


def test_an_end_that_is_made_while_the_link_is_up_is_told_so():
    line = Line([LinkState.UP])
    switch = Switch(line, 2)
    switch.pump(0.0)
    assert drained(switch.port(1)) == [LinkState.UP]
    switch.drop(1)
    line.events = [LinkState.DOWN]
    switch.pump(0.0)
    assert drained(switch.port(1)) == [], "the link is down: there is nothing to say"


@dataclass
class FakeLink:
    status: LinkStatus = field(default_factory=lambda: LinkStatus(Phase.GREETING, 0, "", None))
    unsent: int = 0
    ticks: int = 0

    def tick(self, timeout_s):
        self.ticks += 1

    def turn(self, phase: Phase):
        self.status = LinkStatus(phase, 0, "", None)


@pytest.fixture
def rig():
    made: dict[int, FakeLink] = {}
    clock = ManualClock()

    def make(epoch, port):
        made[epoch] = FakeLink(unsent=5 if epoch == 2 else 0)
        return made[epoch]

    return StoreLinks(Line(), 3, make, lambda: [1, 2], clock), made, clock


def test_older_epochs_greet_when_the_session_opens_and_go_when_nothing_is_owed(rig):
    links, made, _ = rig
    links.tick(0.0)
    assert links.others == {}, "nothing before the epoch of now has its session"
    made[3].turn(Phase.OPEN)
    links.tick(0.0)
    assert sorted(links.others) == [1, 2]
    for epoch in (1, 2):
        made[epoch].turn(Phase.OPEN)
    links.tick(0.0)
    assert sorted(links.others) == [2], "epoch 1 owes nothing"
    made[2].unsent = 0
    links.tick(0.0)
    assert links.others == {}
    made[3].turn(Phase.GREETING)
    links.tick(0.0)
    made[3].turn(Phase.OPEN)
    links.tick(0.0)
    assert sorted(links.others) == [1, 2], "a hub that was set back may miss their facts again"


def test_an_older_epoch_that_is_refused_or_unheard_is_put_away(rig):
    links, made, clock = rig
    made[3].turn(Phase.OPEN)
    links.tick(0.0)
    made[2].turn(Phase.REFUSED)
    links.tick(0.0)
    assert sorted(links.others) == [1]
    clock.advance(PATIENCE_MS + 1)
    links.tick(0.0)
    assert links.others == {}
