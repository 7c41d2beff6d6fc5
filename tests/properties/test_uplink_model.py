"""The uplink against a model hub: whatever is lost, repeated, exchanged or restarted, everything arrives once, in order."""

from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sync.contract.messages import Ack, LaneCheckpoint, Welcome
from sync.engine.receiver import Duplicate, Gap, Rules, judge_place
from sync.engine.uplink import Effect, KeepAck, Pace, Phase, SendFacts, SendHello, Uplink

CREDIT = 3


class ModelHub:
    """Holds how far each lane has come; judges with the hub's own rules."""

    def __init__(self) -> None:
        self.held = {0: 0, 1: 0}
        self.highest = {0: 0, 1: 0}
        self.session: int | None = None

    def receive(self, message: tuple[Any, ...]) -> tuple[Any, ...]:
        if message[0] == "hello":
            self.session = message[1]
            lanes = {lane: LaneCheckpoint(seq, b"") for lane, seq in self.held.items()}
            return "welcome", self.session, Welcome(nonce=b"", lanes=lanes, credit=CREDIT, streams={}, hub_ms=0)
        _, lane, first, last = message
        if self.session is None:
            return "lost", None, None
        judged = judge_place(first, last - first + 1, LaneCheckpoint(self.held[lane], b""), Rules())
        if isinstance(judged, int):
            assert first <= self.held[lane] + 1
            self.held[lane] = last
            self.highest[lane] = max(self.highest[lane], last)
        gap = judged.from_seq if isinstance(judged, Gap) else None
        assert isinstance(judged, int | Gap | Duplicate)
        word = Ack(session=b"", lane=lane, seq=self.held[lane], chain=b"", credit=CREDIT, hub_ms=0, gap=gap)
        return "ack", self.session, word


class World:
    """A store's uplink, the two directions of the wire, a hub."""

    def __init__(self, uplink: Uplink | None = None) -> None:
        self.uplink = uplink or Uplink(pace=Pace(linger_ms=(250, 2_000)))
        self.hub = ModelHub()
        self.now_ms = 1_000
        self.nonce = 0
        self.heads = {0: 0, 1: 0}
        self.kept = {0: 0, 1: 0}
        self.up: list[tuple[Any, ...]] = []
        self.down: list[tuple[Any, ...]] = []
        self.cut = 250

    def perform(self, effects: list[Effect], *, may_go_back: bool = False) -> None:
        todo = list(effects)
        for _ in range(100):
            if not todo:
                return
            effect = todo.pop(0)
            if isinstance(effect, SendHello):
                self.nonce += 1
                self.up.append(("hello", self.nonce))
            elif isinstance(effect, KeepAck):
                assert may_go_back or effect.seq > self.kept[effect.lane], "an ack went back"
                assert effect.seq <= self.hub.highest[effect.lane], "an ack for what the hub never had"
                self.kept[effect.lane] = effect.seq
            elif isinstance(effect, SendFacts):
                assert 1 <= effect.first <= effect.last <= self.heads[effect.lane]
                last = min(effect.last, effect.first + self.cut - 1)
                self.up.append(("facts", effect.lane, effect.first, last))
                todo += self.uplink.sent(effect.lane, last, self.now_ms)
        raise AssertionError("effects without end")

    def commit(self, lane: int, count: int) -> None:
        self.heads[lane] += count
        self.perform(self.uplink.heads(dict(self.heads), self.now_ms))

    def to_hub(self, at: int) -> None:
        self.down.append(self.hub.receive(self.up.pop(at)))

    def to_store(self, at: int) -> None:
        kind, nonce, message = self.down.pop(at)
        if kind == "lost":
            self.perform(self.uplink.session_lost(self.now_ms))
        elif nonce == self.nonce and kind == "welcome":
            self.perform(self.uplink.welcome(message, self.now_ms), may_go_back=True)
        elif nonce == self.nonce:
            self.perform(self.uplink.ack(message, self.now_ms))

    def wait(self, ms: int) -> None:
        self.now_ms += ms
        self.perform(self.uplink.tick(self.now_ms))

    @property
    def arrived(self) -> bool:
        acked = {lane: state.acked for lane, state in self.uplink.lanes.items()}
        return self.hub.held == self.heads == acked == self.kept

    def heal(self) -> bool:
        """From here on nothing is lost; says whether everything arrives."""
        if self.uplink.phase is Phase.DOWN:
            self.perform(self.uplink.link_up(self.now_ms))
        for _ in range(600):
            while self.up or self.down:
                for _ in range(len(self.up)):
                    self.to_hub(0)
                for _ in range(len(self.down)):
                    self.to_store(0)
            if self.arrived:
                return True
            self.wait(500)
        return False


class Uplinks(RuleBasedStateMachine):
    """Every fault of the wire and of either end, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.perform(self.world.uplink.link_up(self.world.now_ms))

    @rule(lane=st.integers(0, 1), count=st.sampled_from([1, 2, 7, 249, 250, 600]))
    def facts_are_committed(self, lane: int, count: int) -> None:
        self.world.commit(lane, count)

    @rule(ms=st.sampled_from([1, 50, 250, 500, 2_000, 5_000, 60_000]))
    def time_passes(self, ms: int) -> None:
        self.world.wait(ms)

    @rule(cut=st.sampled_from([1, 3, 40, 250]))
    def facts_grow_or_shrink(self, cut: int) -> None:
        self.world.cut = cut

    @precondition(lambda self: self.world.up)
    @rule(data=st.data())
    def the_hub_gets_a_message(self, data: st.DataObject) -> None:
        self.world.to_hub(data.draw(st.integers(0, len(self.world.up) - 1)))

    @precondition(lambda self: self.world.down)
    @rule(data=st.data())
    def the_store_gets_a_message(self, data: st.DataObject) -> None:
        self.world.to_store(data.draw(st.integers(0, len(self.world.down) - 1)))

    @precondition(lambda self: self.world.up or self.world.down)
    @rule(data=st.data(), twice=st.booleans())
    def a_message_is_lost_or_repeated(self, data: st.DataObject, twice: bool) -> None:
        queue = data.draw(st.sampled_from([one for one in (self.world.up, self.world.down) if one]))
        at = data.draw(st.integers(0, len(queue) - 1))
        if twice:
            queue.append(queue[at])
        else:
            queue.pop(at)

    @rule()
    def the_link_falls_and_comes_back(self) -> None:
        self.world.uplink.link_down()
        self.world.up.clear()
        self.world.perform(self.world.uplink.link_up(self.world.now_ms))

    @rule()
    def the_hub_restarts(self) -> None:
        self.world.hub.session = None

    @rule(lane=st.integers(0, 1), back=st.integers(0, 300))
    def the_hub_is_restored_from_an_earlier_copy(self, lane: int, back: int) -> None:
        self.world.hub.session = None
        self.world.hub.held[lane] = max(0, self.world.hub.held[lane] - back)

    @invariant()
    def the_window_is_kept(self) -> None:
        assert len(self.world.uplink._flights) <= max(CREDIT, 4)

    @invariant()
    def no_fact_is_skipped(self) -> None:
        for lane, state in self.world.uplink.lanes.items():
            assert state.acked < state.next <= max(self.world.heads[lane], state.acked) + 1

    def teardown(self) -> None:
        assert self.world.heal(), (self.world.heads, self.world.hub.held, self.world.uplink)


TestUplinks = Uplinks.TestCase
TestUplinks.settings = hypothesis_settings(stateful_step_count=40)


class Deaf(Uplink):
    """The negative control: it never greets again within a link."""

    def session_lost(self, now_ms: int) -> list[Effect]:
        return []


class Forgetful(Deaf):
    """The other negative control: it never goes back either."""

    def _rewind_lane(self, lane: int) -> None:
        pass


def one_loss(uplink: Uplink) -> bool:
    world = World(uplink)
    world.perform(world.uplink.link_up(world.now_ms))
    world.to_hub(0)
    world.to_store(0)
    world.commit(0, 5)
    world.wait(250)
    assert world.up == [("facts", 0, 1, 5)]
    world.up.clear()
    return world.heal()


def test_a_lost_batch_arrives_and_would_not_if_the_uplink_never_went_back():
    assert one_loss(Uplink())
    assert one_loss(Deaf())
    assert not one_loss(Forgetful())


def late_greeting(uplink: Uplink) -> bool:
    """Two greetings, and the hub gets the older one last: it answers to a session that the store has given up."""
    world = World(uplink)
    world.commit(0, 1)
    world.perform(world.uplink.link_up(world.now_ms))
    world.wait(2_000)
    assert world.up == [("hello", 1), ("hello", 2)]
    world.to_hub(1)
    world.to_hub(0)
    return world.heal()


def test_a_greeting_that_came_late_does_not_hold_the_facts_up_for_ever():
    assert late_greeting(Uplink())
    assert not late_greeting(Deaf())
