"""A real store and a real hub over real brokers: facts outlive the broker's death, and a rogue changes nothing."""

import contextlib
import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud.db.journal import lane_of
from cloud.jobs import LinkWorker
from cloud.services.verify import first_bad_seq
from edge.db import journal
from edge.services.hub.outbox import NodeOutbox
from sync.contract import envelope, topics
from sync.contract.enrolling import Enrolled
from sync.contract.envelope import MessageKind
from sync.contract.facts import genesis
from sync.engine.store_link import LinkIdentity, StoreLink
from sync.engine.transport import Message
from sync.engine.uplink import Pace, Phase
from sync.node import keys, sealing
from sync.node.ports import SeededChance, SystemClock
from tests.broker.conftest import Clients, everything
from tests.kit.hub_store import NAME, TENANT, HubKit, open_file, request
from tests.kit.nodes import HUB, Rig
from tests.kit.waiting import until

STORE = "s1"
REPEAT_MS = 7_000
"""Longer than the hub may take to write its counts."""
NAMES = topics.of_store(TENANT, STORE)


@dataclass
class Ends:
    """Both ends of the wire, worked from this one thread; the transports alone have threads of their own."""

    clients: Clients
    rig: Rig
    hub: HubKit
    link: StoreLink
    worker: LinkWorker

    def until(self, holds: Callable[[], bool]) -> None:
        """Let both ends work until something holds."""

        def held() -> bool:
            if holds():
                return True
            self.link.tick(0.02)
            self.worker.step(0.02)
            return False

        until(held, lambda: (self.link.status, self.heads(), self.hub.refused()), look_s=0)

    def heads(self) -> dict[int, tuple[int, int]]:
        """Give acknowledged and last seq of each lane, as the store has them."""
        with self.rig.db.read() as reader:
            return {lane: (head.acked_seq, head.head_seq) for lane, head in journal.heads(reader, 1).items()}

    def settled(self) -> bool:
        """Say whether the store was told that everything is stored."""
        return all(acked == head > 0 for acked, head in self.heads().values())

    def at_store(self) -> list[tuple[int, int, bytes, bytes]]:
        """Give what the store wrote."""
        return [
            (lane, seq, raw, chain)
            for lane, seq, raw, chain in self.rig.rows("SELECT lane, seq, raw, chain FROM facts ORDER BY lane, seq")
        ]

    def at_hub(self) -> list[tuple[Any, ...]]:
        """Give what the hub stored of it."""
        return self.hub_rows("SELECT lane, seq, raw, chain FROM facts ORDER BY lane, seq")

    def hub_rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.hub.database.read() as reader:
            return [tuple(row) for row in reader.connection.exec_driver_sql(sql)]

    def everything_but_counts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give every row of the hub but who was heard when, and what was refused."""
        self.hub.projector.catch_up()
        names = [row[0] for row in self.hub_rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        return {
            name: self.hub_rows(f'SELECT * FROM "{name}" ORDER BY 1, 2')
            for name in names
            if name not in {"presence", "store_streams", "quarantine", "alembic_version"}
        }


def enrolled(hub: HubKit, rig: Rig) -> None:
    """Let the rig's node in at this hub."""
    grant = rig.node.enrolment
    assert grant is not None
    code = hub.enrolment.make_code(STORE, NAME).code
    answer = hub.enrolment.redeem(request(STORE, code, rig.identity, node=grant.node))
    assert isinstance(answer, Enrolled), answer
    rig.node = replace(rig.node, enrolment=msgspec.structs.replace(grant, tenant=TENANT))


def store_link(rig: Rig, clients: Clients) -> StoreLink:
    """Build the store's end as `edge.wiring` does."""
    grant = rig.node.enrolment
    assert grant is not None
    party = sealing.Party(TENANT, STORE, grant.node, grant.epoch)
    link_keys = sealing.link_keys(rig.identity, HUB.public.agreement, tenant=TENANT, store=STORE, epoch=grant.epoch)
    chance = SeededChance("link")
    return StoreLink(
        identity=LinkIdentity(party, "boot", "test", HUB.public.signing),
        sealer=sealing.Sealer(rig.identity, link_keys.up, party, chance),
        opener=sealing.Opener(HUB.public.signing, link_keys.down, party),
        outbox=NodeOutbox(rig.node),
        transport=clients.make(f"store-{STORE}-1", [NAMES.welcome, NAMES.ack, NAMES.data, topics.doorbell(TENANT)]),
        clock=SystemClock(),
        chance=chance,
        pace=Pace(linger_ms=(50, 50)),
    )


@contextlib.contextmanager
def both_ends(clients: Clients, tmp_path: Path) -> Iterator[Ends]:
    """Stand up a hub and a store over a broker's clients."""
    database = open_file(tmp_path / "hub.db")
    hub = HubKit(database, tmp_path, identity=HUB)
    with Rig(tmp_path, store=STORE) as rig:
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
        yield Ends(clients, rig, hub, store_link(rig, clients), worker)
    database.close()


@pytest.fixture
def ends(clients: Clients, tmp_path: Path) -> Iterator[Ends]:
    with both_ends(clients, tmp_path) as made:
        yield made


def test_facts_outlive_the_brokers_death_and_arrive_once_and_whole(ends: Ends):
    broker = ends.clients.broker
    for number in range(5):
        ends.rig.sell(number)
    ends.until(ends.settled)
    broker.kill()
    try:
        for number in range(5, 45):
            ends.rig.sell(number)
        ends.until(lambda: ends.link.status.phase is Phase.DOWN)
        assert not ends.settled()
    finally:
        broker.start()
    for number in range(45, 50):
        ends.rig.sell(number)
        ends.link.tick(0.0)
    ends.until(ends.settled)
    assert len(ends.at_store()) == 50 * 2 + ends.heads()[1][1]
    assert ends.at_hub() == ends.at_store()
    with ends.hub.database.read() as reader:
        for lane in (0, 1):
            row = lane_of(reader, STORE, 1, lane)
            assert row is not None
            assert first_bad_seq(reader, row) is None


def test_a_rogues_batches_are_quarantined_with_their_reason_and_change_nothing_else(ends: Ends):
    ear = ends.clients.up("hub", [NAMES.facts(0)])
    numbers = itertools.count()
    for number in itertools.islice(numbers, 3):
        ends.rig.sell(number)
    heard: list[Message] = []

    def overheard() -> bool:
        """Say whether a batch of the store came by; the embedded broker may also hand over what nobody asked for."""
        heard.extend(
            one for one in everything(ear, 0, quiet_s=0) if isinstance(one, Message) and one.topic == NAMES.facts(0)
        )
        if not heard and ends.settled():
            # The broker lost what the hub got: brokers may. The same sale again would be no news.
            ends.rig.sell(next(numbers))
        return bool(heard)

    ends.until(overheard)
    ends.until(ends.settled)
    batch, topic = heard[0].payload, NAMES.facts(0)
    counted = Counter(ends.hub.refused())
    before, heads, session = ends.everything_but_counts(), ends.heads(), ends.link.status.since_ms
    rogue = ends.clients.up(f"store-{STORE}-1", [])
    sent = {
        "garbage": (topic, b"not one of ours, but long enough to be taken for a message of some kind or another.."),
        "truncated": (topic, batch[:100]),
        "bad_signature": (topic, batch[:-1] + bytes([batch[-1] ^ 1])),
        "misplaced": (NAMES.facts(1), batch),
        "bad_topic": (f"{NAMES.prefix}/u/9", batch),
        "unknown_key": (topic, strangers_batch()),
        "replayed": (topic, batch),
    }
    again = 0
    clock = SystemClock()

    def all_counted() -> bool:
        """Say whether each was refused; a rogue repeats what the broker lost on the way, as brokers may."""
        nonlocal again
        missing = sent.keys() - (Counter(ends.hub.refused()) - counted).keys()
        if missing and clock.monotonic_ms() >= again:
            again = clock.monotonic_ms() + REPEAT_MS
            for name in missing:
                rogue.publish(*sent[name])
        return not missing

    ends.until(all_counted)
    assert (Counter(ends.hub.refused()) - counted).keys() == sent.keys(), "each under its own reason and no other"
    assert ends.everything_but_counts() == before
    assert ends.heads() == heads
    assert (ends.link.status.phase, ends.link.status.since_ms) == (Phase.OPEN, session), "the store noticed nothing"
    ends.rig.sell(next(numbers))
    ends.until(ends.settled)
    assert ends.at_hub() == ends.at_store()


def strangers_batch() -> bytes:
    """Seal a batch for the store's place with keys that nobody enrolled."""
    stranger = keys.make_identity(hashlib.sha256(b"stranger").digest())
    link_keys = sealing.link_keys(stranger, HUB.public.agreement, tenant=TENANT, store=STORE, epoch=1)
    party = sealing.Party(TENANT, STORE, "0" * 32, 1)
    sealer = sealing.Sealer(stranger, link_keys.up, party, SeededChance("stranger"))
    start = genesis(STORE, 1, 0)
    return sealer.seal(
        MessageKind.FACTS,
        envelope.frame_facts([b"{}"]),
        lane=0,
        first_seq=1,
        count=1,
        chain_before=start,
        chain_after=start,
    )
