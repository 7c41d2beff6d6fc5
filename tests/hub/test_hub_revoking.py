"""A node whose key is revoked while it sells: it hears so from the hub itself, sealed, before the broker is closed to it.

And a copy of a node: both ends hear the hub, and the one that was left behind hears that it was replaced.
"""

import msgspec
import pytest

from cloud.services.enrol import TELL_MS
from scripts.bench_stores import MemoryOutbox
from sync.contract import messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Heartbeat, Reject, Welcome
from sync.engine.store_link import HEARTBEAT_MS, LinkIdentity, StoreLink
from sync.engine.transport import LinkState, Message
from sync.engine.uplink import SILENCE_MS, Phase
from sync.node import keys, sealing
from sync.node.ports import SeededChance
from tests.kit.hub_store import TENANT, HubKit, StoreKit


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def store(hub):
    return hub.enrolled()


def users(hub: HubKit) -> set[str]:
    return set(msgspec.json.decode((hub.folder / "broker-users.json").read_bytes()))


def beat(store: StoreKit) -> tuple[str, bytes]:
    said = Heartbeat(
        wall_ms=1, waiting={0: 0, 1: 0}, oldest_waiting_ms=None, day="2026-01-01", day_sales=0, day_amount_fen=0
    )
    return store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, said)


def test_a_connected_node_is_told_before_the_broker_is_closed_to_it(hub, store):
    store.sell()
    store.send(store.hello())
    assert hub.enrolment.revoke("s1", 1)
    assert users(hub) == {"store-s1-1"}, "it could not hear us otherwise"
    (ack,) = store.send(beat(store))
    assert isinstance(ack, Ack)
    assert (ack.session, ack.credit) == (b"", 0), "its session is over: it greets"
    assert store.send(store.batch(1, 2)) == []
    assert hub.fact_count() == 0, "nothing is taken meanwhile"
    (answer,) = store.send(store.hello())
    assert isinstance(answer, Reject)
    assert (answer.reason, answer.nonce) == ("revoked", store.session)
    assert users(hub) == {"store-s1-1"}, "that it was sent is not yet that it was heard"
    store.send(store.hello(told="revoked"))
    assert users(hub) == set()
    assert hub.certificates("s1", 1)[0].revoked_ms == hub.clock.now_ms()


def test_a_node_that_was_heard_long_ago_or_said_goodbye_is_shut_out_at_once(hub, store):
    other = hub.enrolled("s2", b"two")
    for one in (store, other):
        one.send(one.hello())
    store.send((store.topics.state, b""))
    hub.enrolment.revoke("s1", 1)
    assert users(hub) == {"store-s2-1"}
    hub.clock.advance(TELL_MS + 1)
    hub.enrolment.revoke("s2", 1)
    assert users(hub) == set()


def test_who_never_says_that_it_heard_is_shut_out_a_minute_later_even_by_another_process(hub, store):
    store.send(store.hello())
    hub.enrolment.revoke("s1", 1)
    hub.enrolment.shut_out_due()
    hub.clock.advance(TELL_MS - 1)
    hub.enrolment.shut_out_due()
    assert users(hub) == {"store-s1-1"}
    hub.clock.advance(1)
    HubKit(hub.database, hub.folder, clock=hub.clock).enrolment.shut_out_due()
    assert users(hub) == set()
    assert hub.certificates("s1", 1)[0].revoked_ms is not None


def test_a_clock_that_was_set_back_buys_a_revoked_node_no_time(hub, store):
    store.send(store.hello())
    hub.enrolment.revoke("s1", 1)
    hub.clock.step_wall(-3_600_000)
    hub.enrolment.shut_out_due()
    assert users(hub) == set()


def test_nobody_is_shut_out_by_its_own_word(hub, store):
    store.send(store.hello(told="revoked"))
    assert not hub.enrolment.shut_out("s1", 1)
    hub.enrolment.shut_out_due()
    assert users(hub) == {"store-s1-1"}


def test_a_copy_of_a_replaced_node_hears_that_it_was_replaced_beside_its_fork(hub, store):
    store.send(store.hello())
    store.sell()
    clone = StoreKit(hub, "s1", 1, store.identity)
    clone.lanes = {lane: list(raws) for lane, raws in store.lanes.items()}
    clone.sold = store.sold
    hub.clock.advance(5)
    store.sell()
    clone.sell(amount_fen=100)
    store.send(store.batch(1, 4))
    (answer,) = clone.send(clone.hello())
    assert (answer.reason, answer.fenced) == ("fork", False)
    assert hub.reports.stores()[0].fork_seq == 4
    new = hub.enrolled("s1", b"new")
    new.sell()
    assert isinstance(new.send(new.hello())[0], Welcome)
    new.send(new.batch(1, 2))
    now = hub.reports.stores()[0]
    assert (now.chain_ok, now.fork_seq) == (True, None), "the store of now is taken in"
    (answer,) = clone.send(clone.hello())
    assert (answer.reason, answer.fenced) == ("fork", True)


# ------------------------------------------------------------------------------------------------------- both ends


class Line:
    """A transport straight into the hub; it can be deaf to it."""

    def __init__(self, hub: HubKit) -> None:
        self.hub = hub
        self.events: list[LinkState | Message] = [LinkState.UP]
        self.connected = True
        self.hub_hears = True

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def publish(self, topic, payload, *, retain=False, qos=1):
        if self.hub_hears:
            self.events += [Message(*reply, retained=False) for reply in self.hub.ingest.receive([(topic, payload)])]
        return True

    def poll(self, timeout_s):
        return self.events.pop(0) if self.events else None


class Book(MemoryOutbox):
    """Facts in memory; notes what a node would keep in its file."""

    kept: tuple[str, ...] = ()

    def keep_revoked(self) -> None:
        self.kept += ("revoked",)

    def keep_fenced(self) -> None:
        self.kept += ("fenced",)


def end_of(hub: HubKit, store: StoreKit) -> tuple[StoreLink, Line, Book]:
    party = sealing.Party(TENANT, store.store, "node-1", store.epoch)
    link = sealing.link_keys(
        store.identity, hub.identity.public.agreement, tenant=TENANT, store=store.store, epoch=store.epoch
    )
    line, chance = Line(hub), SeededChance("end")
    book = Book(store=store.store, epoch=store.epoch, raws={0: [], 1: []})
    made = StoreLink(
        identity=LinkIdentity(party, "b", "test", hub.identity.public.signing),
        sealer=sealing.Sealer(store.identity, link.up, party, chance),
        opener=sealing.Opener(hub.identity.public.signing, link.down, party),
        outbox=book, transport=line, clock=hub.clock, chance=chance, streams=(),
    )  # fmt: skip
    return made, line, book


def run(hub: HubKit, link: StoreLink, length_ms: int) -> None:
    for _ in range(length_ms // 250):
        link.tick(0.0)
        hub.clock.advance(250)


def test_a_running_node_learns_of_its_revocation_within_a_heartbeat_and_the_broker_is_closed_then(hub, store):
    link, _, book = end_of(hub, store)
    run(hub, link, 1_000)
    assert link.status.phase is Phase.OPEN
    assert hub.enrolment.revoke("s1", 1)
    run(hub, link, HEARTBEAT_MS + 1_000)
    assert book.kept == ("revoked",)
    assert (link.status.phase, link.status.refusal) == (Phase.REFUSED, "revoked")
    assert users(hub) == set()


def test_a_hub_that_does_not_know_the_store_is_told_from_one_that_is_away(hub, store):
    stranger = StoreKit(hub, "s1", 2, keys.make_identity(b"new" * 16))
    link, line, book = end_of(hub, stranger)
    run(hub, link, SILENCE_MS + 1_000)
    assert (link.status.trouble, link.status.refusal) == ("hub_silent", "")
    assert hub.refused()["unknown_key"] > 0
    bell = sealing.seal_doorbell(hub.identity, messages.Doorbell(streams={}, hub_ms=hub.clock.now_ms()))
    line.events.append(Message(topics.doorbell(TENANT), bell, retained=False))
    run(hub, link, SILENCE_MS + 1_000)
    assert link.status.trouble == "hub_ignores"
    assert book.kept == (), "no word of the hub's: nothing ends here"
