"""Online questions and published prices over real brokers: a lost answer is unknown, and asked again it is the same."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pytest

from cloud.db import streams as table
from cloud.jobs import LinkWorker
from cloud.services.ingest import Ingest
from cloud.services.publish import Order, Publisher
from cloud.services.questions import Questions as AtHub
from cloud.services.questions import Verdict
from edge.services.hub import follow_hub
from edge.services.hub.outbox import NodeOutbox
from sync.contract import streams, topics
from sync.contract.messages import Answer
from sync.contract.sheets import File
from sync.engine.mqtt import MqttTransport
from sync.engine.questions import Questions, Unknown
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.transport import LinkState, Message
from sync.engine.uplink import Pace, Phase
from sync.node import sealing
from sync.node.ports import SeededChance, SystemClock
from tests.broker.conftest import Clients
from tests.broker.test_store_to_hub import NAMES, STORE, enrolled
from tests.kit.down import PRICED
from tests.kit.hub_store import TENANT, HubKit, open_file, zone
from tests.kit.nodes import HUB, Rig
from tests.kit.waiting import until

ID = b"0123456789abcdef"


@dataclass
class LosesAnswers:
    """A store's transport that loses answers to questions while it is told to."""

    inner: MqttTransport
    losing: bool = False
    lost: list[Message] = field(default_factory=list)

    @property
    def connected(self) -> bool:
        return self.inner.connected

    def start(self) -> None:
        self.inner.start()

    def stop(self) -> None:
        self.inner.stop()

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> bool:
        return self.inner.publish(topic, payload, qos=qos, retain=retain)

    def poll(self, timeout_s: float) -> Message | LinkState | None:
        event = self.inner.poll(timeout_s)
        if self.losing and isinstance(event, Message) and event.topic == NAMES.answer:
            self.lost.append(event)
            return None
        return event


@dataclass
class Ends:
    """Both ends of the wire in a thread of their own; the test is somebody who asks."""

    rig: Rig
    hub: HubKit
    link: StoreLink
    worker: LinkWorker
    line: LosesAnswers
    questions: Questions
    calls: list[bytes]
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.is_set():
            self.link.tick(0.01)
            self.worker.step(0.01)

    def until(self, holds) -> None:
        until(holds, lambda: (self.link.status, self.hub.refused()))


@pytest.fixture
def ends(clients: Clients, tmp_path) -> Iterator[Ends]:
    database = open_file(tmp_path / "hub.db")
    hub = HubKit(database, tmp_path, identity=HUB)
    calls: list[bytes] = []

    def count(_tx, _store, _epoch, body: bytes) -> Verdict:
        calls.append(body)
        return Verdict("done", b"%d" % len(calls))

    hub.ingest = Ingest(
        database, HUB, tenant=TENANT, clock=hub.clock, chance=hub.chance, questions=AtHub({"count": count}, hub.clock)
    )
    with Rig(tmp_path / "node", store=STORE) as rig:
        enrolled(hub, rig)
        worker = LinkWorker(
            clients.make("hub", topics.hub_subscriptions(TENANT)),
            hub.ingest,
            database,
            hub.identity,
            tenant=TENANT,
            clock=SystemClock(),
            on_facts=lambda: None,
        )
        wanted = [NAMES.welcome, NAMES.ack, NAMES.data, NAMES.answer, topics.doorbell(TENANT)]
        line = LosesAnswers(clients.make(f"store-{STORE}-1", wanted))
        grant = rig.node.enrolment
        assert grant is not None
        party = sealing.Party(TENANT, STORE, grant.node, grant.epoch)
        keys = sealing.link_keys(rig.identity, HUB.public.agreement, tenant=TENANT, store=STORE, epoch=grant.epoch)
        chance, questions = SeededChance("link"), Questions()
        link = StoreLink(
            identity=LinkIdentity(party, "boot", "test", HUB.public.signing),
            sealer=sealing.Sealer(rig.identity, keys.up, party, chance),
            opener=sealing.Opener(HUB.public.signing, keys.down, party),
            outbox=NodeOutbox(rig.node),
            transport=line,
            clock=SystemClock(),
            chance=chance,
            streams=streams.followed_by(STORE),
            questions=questions,
            pace=Pace(linger_ms=(50, 50)),
        )
        made = Ends(rig, hub, link, worker, line, questions, calls)
        thread = threading.Thread(target=made.run)
        thread.start()
        yield made
        made.stopping.set()
        thread.join()
    database.close()


def test_an_answer_lost_on_the_way_is_unknown_and_asked_again_it_is_the_same(ends: Ends):
    ends.until(lambda: ends.link.status.phase is Phase.OPEN)
    ends.line.losing = True

    def unheard() -> bool:
        """Ask until an answer was lost: the broker may lose the question, too."""
        assert ends.questions.ask("count", b"{}", question_id=ID, timeout_s=2.0) == Unknown(ID), "silence is never no"
        return bool(ends.line.lost)

    ends.until(unheard)
    assert ends.calls == [b"{}"], "the hub did it"
    ends.line.losing = False
    found: list[Answer | Unknown] = []

    def told() -> bool:
        """Ask until the broker, which may lose anything, brings it."""
        found.append(ends.questions.ask("count", b"{}", question_id=ID, timeout_s=2.0))
        return isinstance(found[-1], Answer)

    ends.until(told)
    assert found[-1] == Answer(id=ID, verdict="done", body=b"1")
    assert ends.calls == [b"{}"], "and did it once"


def test_what_hq_publishes_reaches_the_till_over_the_broker_and_hq_sees_who_has_it(ends: Ends):
    publisher = Publisher(
        ends.hub.database, clock=ends.hub.clock, zone=zone(), cutoff_minutes=240, on_stream=ends.worker.ring_doorbell
    )
    ends.until(lambda: ends.link.status.phase is Phase.OPEN)
    assert publisher.publish(Order(what="menu", file=File("m.json", msgspec.json.encode(PRICED)))).ok
    assert publisher.publish(Order(what="prices", file=File("p.csv", b"code,price\n101,44.00\n"), stores=(STORE,))).ok

    def dear() -> bool:
        follow_hub.follow(ends.rig.node)
        catalogue = ends.rig.node.shelf.catalogue
        assert catalogue is not None
        return catalogue.menu.dishes[0].price_fen == 4_400

    ends.until(dear)

    def seen() -> bool:
        with ends.hub.database.read() as reader:
            held = {row.stream: row.version for row in table.holdings(reader, STORE)}
        return held.get("menu", 0) >= 2 and held.get(f"prices.{STORE}", 0) >= 2

    ends.until(seen)
