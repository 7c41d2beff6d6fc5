"""The simulated broker: its faults happen, are counted, and a seed determines them."""

from typing import Any

import pytest

from sync.engine.memory import PARTITION, FaultPlan, MemoryBroker, MemoryTransport
from sync.engine.transport import Inbox, LinkState, Message, Will, topic_matches

ROUGH = FaultPlan(loss=0.2, duplicate=0.2, reorder=0.2, delay_ms_max=50, corrupt=0.1)


def pair(broker: MemoryBroker) -> tuple[MemoryTransport, MemoryTransport]:
    store, hub = broker.transport("store", []), broker.transport("hub", ["up/#"])
    for transport in (store, hub):
        transport.start()
        broker.advance(broker.now_ms)
        assert transport.poll(0) is LinkState.UP
    return store, hub


def taken(transport: MemoryTransport) -> list[Any]:
    items = []
    while (item := transport.poll(0)) is not None:
        items.append(item)
    return items


def payloads(transport: MemoryTransport) -> list[bytes]:
    return [item.payload for item in taken(transport) if isinstance(item, Message)]


def run(seed: str, *, up: FaultPlan = ROUGH, others: int = 0, count: int = 200) -> tuple[list[bytes], dict[str, int]]:
    broker = MemoryBroker(seed, up=up)
    store, hub = pair(broker)
    bystanders = [broker.transport(f"other-{number}", []) for number in range(others)]
    for bystander in bystanders:
        bystander.start()
    for number in range(count):
        assert store.publish("up/u", b"%05d" % number)
        broker.advance(broker.now_ms + 10)
        for bystander in bystanders:
            bystander.publish("elsewhere", b"x")
    broker.advance(broker.now_ms + 10_000)
    return payloads(hub), dict(broker.faults)


def test_without_a_plan_everything_arrives_once_and_in_order() -> None:
    got, faults = run("calm", up=FaultPlan())
    assert got == [b"%05d" % number for number in range(200)]
    assert sum(faults.values()) == 0


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    assert run("a") == run("a")
    assert run("a") != run("b")


def test_every_fault_happens_and_is_counted() -> None:
    got, faults = run("a")
    assert set(faults) == {"loss", "duplicate", "reorder", "delay", "corrupt"}
    assert min(faults.values()) > 0
    assert len(got) == 200 - faults["loss"] + faults["duplicate"]
    sound = [payload for payload in got if len(payload) == 5]
    assert sound != sorted(sound)


def test_another_link_leaves_the_faults_of_this_one_as_they_were() -> None:
    assert run("a")[0] == run("a", others=3)[0]


def test_a_partition_in_one_direction_leaves_the_other_open() -> None:
    broker = MemoryBroker("p")
    store, hub = pair(broker)
    talker = broker.transport("talker", ["down"])
    talker.start()
    broker.advance(1)
    assert talker.poll(0) is LinkState.UP
    talker.up.plan = PARTITION
    assert talker.publish("up/u", b"lost")
    assert store.publish("down", b"heard")
    broker.advance(10)
    assert payloads(hub) == []
    assert payloads(talker) == [b"heard"]
    assert talker.connected


def test_a_cut_link_stays_down_until_mended_and_its_will_is_said() -> None:
    broker = MemoryBroker("c")
    _, hub = pair(broker)
    store = broker.transport("cut", [])
    store.start()
    broker.advance(1)
    store.cut()
    broker.advance(60_000)
    assert taken(store) == [LinkState.UP, LinkState.DOWN]
    store.mend()
    broker.advance(66_000)
    assert taken(store) == [LinkState.UP]
    assert hub.connected


def test_a_second_client_with_the_same_id_throws_the_first_out() -> None:
    broker = MemoryBroker("t")
    store, _ = pair(broker)
    clone = broker.transport("store", [])
    clone.start()
    broker.advance(broker.now_ms)
    assert clone.connected
    assert not store.connected
    broker.advance(broker.now_ms + 10_000)
    assert broker.faults["takeover"] > 1


def test_a_killed_process_leaves_its_will_and_never_comes_back() -> None:
    broker = MemoryBroker("k")
    _, hub = pair(broker)
    doomed = broker.transport("doomed", [], will=Will("up/st", b"gone"))
    doomed.start()
    broker.advance(1)
    doomed.crash()
    broker.advance(60_000)
    assert not doomed.connected
    assert not doomed.publish("up/u", b"ghost")
    assert payloads(hub) == [b"gone"]


def test_a_wiped_broker_forgets_what_it_retained() -> None:
    broker = MemoryBroker("w")
    store, _ = pair(broker)
    assert store.publish("head", b"v1", retain=True)
    broker.advance(1)
    assert broker.retained == {"head": b"v1"}
    broker.wipe()
    assert broker.retained == {}


def test_time_jumps_to_what_is_due_next() -> None:
    broker = MemoryBroker("n", up=FaultPlan(delay_ms_max=500))
    store, hub = pair(broker)
    assert store.publish("up/u", b"later")
    while (due_ms := broker.next_due_ms()) is not None:
        broker.advance(due_ms)
    assert payloads(hub) == [b"later"]


@pytest.mark.parametrize(
    ("topic_filter", "topic", "matches"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+/c", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("+", "a", True),
        ("+", "/a", False),
        ("/+", "/a", True),
    ],
)
def test_subscriptions_match_as_mqtt_says(topic_filter: str, topic: str, *, matches: bool) -> None:
    assert topic_matches(topic_filter, topic) is matches


def test_an_inbox_folds_a_flapping_link_that_nobody_reads() -> None:
    inbox = Inbox(2)
    for _ in range(1_000):
        inbox.tell(LinkState.UP)
        inbox.tell(LinkState.DOWN)
    inbox.tell(LinkState.UP)
    inbox.tell(LinkState.UP)
    assert [inbox.take(0), inbox.take(0)] == [LinkState.UP, None]


def test_an_inbox_keeps_link_changes_in_their_place_between_messages() -> None:
    inbox = Inbox(2)
    first, second = Message("a", b"1", retained=False), Message("a", b"2", retained=False)
    inbox.tell(LinkState.UP)
    assert inbox.add(first)
    inbox.tell(LinkState.DOWN)
    inbox.tell(LinkState.UP)
    assert inbox.add(second)
    assert not inbox.add(second)
    assert [inbox.take(0) for _ in range(6)] == [LinkState.UP, first, LinkState.DOWN, LinkState.UP, second, None]
    assert inbox.dropped == 1
