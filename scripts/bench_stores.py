"""The hundred stores of `bench sync`: each a real link over the real broker, with its facts in memory, all returning at once."""

import hashlib
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cloud import settings as hub_settings
from cloud.wiring import open_core
from edge import settings as edge_settings
from edge import wiring
from edge.db import journal
from scripts.bench_processes import BenchError
from sync.contract import facts, limits, topics
from sync.contract.enrolling import Enrolled
from sync.contract.facts import Fact
from sync.contract.messages import Heartbeat, LaneHead, Snapshot, StreamBatch, StreamHead
from sync.contract.words import Name
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.store_link import Batch, LinkIdentity, StoreLink
from sync.engine.stream_link import Fetch
from sync.engine.uplink import Phase
from sync.node import certificates, enrolling, keys, sealing
from sync.node.passwords import Cost
from sync.node.ports import IdSource, SystemChance, SystemClock

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
DRIVERS = 2
"""Threads that drive the links; each has every second."""
IDLE_S = 0.03


@dataclass(frozen=True)
class Granted:
    """What a store needs to speak: who it is, whom it believes, its rights at the broker."""

    party: sealing.Party
    identity: keys.Identity
    hub: keys.PublicKeys
    username: str
    token: str


@dataclass
class MemoryOutbox:
    """`sync.engine.store_link.Outbox` out of memory: what is measured is the hub, not a hundred files on one disk."""

    store: str
    epoch: int
    raws: dict[int, list[bytes]]
    chains: dict[int, list[bytes]] = field(default_factory=dict)
    acked: dict[int, int] = field(default_factory=dict)
    acked_at_ms: int = 0

    def __post_init__(self) -> None:
        """Chain the facts."""
        for lane, raws in self.raws.items():
            chain = facts.genesis(self.store, self.epoch, lane)
            self.chains[lane] = [chain]
            for raw in raws:
                chain = facts.link(chain, raw)
                self.chains[lane].append(chain)
            self.acked[lane] = 0

    @property
    def done(self) -> bool:
        """Whether the hub has acknowledged everything."""
        return all(self.acked[lane] == len(raws) for lane, raws in self.raws.items())

    def heads(self) -> dict[int, LaneHead]:
        """Where the lanes stand."""
        return {
            lane: LaneHead(
                head_seq=len(raws),
                head_chain=self.chains[lane][-1],
                acked_seq=self.acked[lane],
                acked_chain=self.chains[lane][self.acked[lane]],
                oldest_seq=1,
            )
            for lane, raws in self.raws.items()
        }

    def read(self, lane: int, first: int, last: int) -> Batch:
        """Read facts for sending, cut where a batch is large enough."""
        taken: list[bytes] = []
        size = 0
        for raw in self.raws[lane][first - 1 : last]:
            if taken and size + len(raw) > limits.BATCH_PLAIN_BYTES_TARGET:
                break
            taken.append(raw)
            size += len(raw)
        return Batch(taken, self.chains[lane][first - 1], self.chains[lane][first - 1 + len(taken)])

    def keep_ack(self, lane: int, seq: int, chain: bytes, proof: bytes) -> None:  # noqa: ARG002 - the port's shape
        """Note the hub's word."""
        self.acked[lane] = seq

    def keep_durable(self, lane: int, seq: int) -> None:
        """Nothing is ever archived here."""

    def keep_fenced(self) -> None:
        """No store of a benchmark is replaced."""

    def keep_revoked(self) -> None:
        """No key of a benchmark is revoked."""

    def stream_heads(self) -> dict[str, StreamHead]:
        """No streams."""
        return {}

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """No stream is followed, so none comes."""
        raise AssertionError(batch.stream)

    def fetches(self) -> dict[str, Fetch]:
        """No snapshot is on its way."""
        return {}

    def begin_fetch(self, stream: str, snapshot: Snapshot) -> frozenset[bytes]:  # noqa: ARG002 - the port's shape
        """No stream is followed, so none is fetched."""
        raise AssertionError(stream)

    def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:  # noqa: ARG002 - the port's shape
        """No stream is followed, so no piece comes."""
        raise AssertionError(stream)

    def take_snapshot(self, stream: str) -> int | None:
        """No stream is followed, so none is taken."""
        raise AssertionError(stream)

    def heartbeat(self) -> Heartbeat:
        """What waits; a day without figures."""
        waiting = {lane: len(raws) - self.acked[lane] for lane, raws in self.raws.items()}
        return Heartbeat(
            wall_ms=SystemClock().now_ms(),
            waiting=waiting,
            oldest_waiting_ms=None,
            day="2026-01-01",
            day_sales=0,
            day_amount_fen=0,
        )

    def merge_time(self, hub_ms: int, asked_ms: int) -> None:
        """No clock of its own."""

    def compare_time(self, hub_ms: int, asked_ms: int) -> None:
        """No clock of its own."""

    def hlc(self) -> int:
        """No hybrid clock of its own."""
        return 0


def another_places_facts(
    samples: Sequence[Fact], store: str, epoch: int, count: int, ids: IdSource
) -> dict[int, list[bytes]]:
    """Write facts of a real store as if they had happened at another, from seq 1 on, over and over up to `count`."""
    made: dict[int, list[bytes]] = {0: [], 1: []}
    for at in range(count):
        one = samples[at % len(samples)]
        raws = made[one.lane]
        raws.append(
            facts.encode(
                Fact(
                    store=store, epoch=epoch, lane=one.lane, seq=len(raws) + 1, n=at + 1, id=ids.uuid7().hex(), kind=one.kind,
                    v=one.v, at_ms=one.at_ms, hlc=one.hlc, day=one.day, actor=one.actor, device=one.device,
                    versions=one.versions, body=one.body,
                )
            )
        )  # fmt: skip
    return made


def enrol_many(config: Path, count: int) -> list[Granted]:
    """Enrol stores at a hub that is stopped, by its own services; only the codes' hashes are cheap.

    Raises:
        BenchError: a store was refused.
    """
    settings = hub_settings.load(config)
    core = open_core(settings, clock=SystemClock(), chance=SystemChance(), cost=CHEAP)
    made: list[Granted] = []
    try:
        for number in range(1, count + 1):
            store, node = f"return-{number}", f"{number:032x}"
            own = keys.make_identity(hashlib.sha256(store.encode()).digest())
            code = core.hub.enrolment.make_code(store, Name(f"{number} 号店", f"Store {number}")).code
            tls_key = certificates.seeded_key(own.public.signing)
            granted = core.hub.enrolment.redeem(enrolling.make_request(own, tls_key, store=store, code=code, node=node))
            if not isinstance(granted, Enrolled):
                raise BenchError(f"{store} was not enrolled")
            party = sealing.Party(tenant=granted.tenant, store=store, node=node, epoch=granted.epoch)
            made.append(Granted(party, own, core.identity.public, granted.broker.username, granted.broker.token))
    finally:
        core.database.close()
    return made


def backlogs(config: Path, stores: Sequence[Granted], count: int) -> list[MemoryOutbox]:
    """Give each store `count` facts such as the node of these settings wrote."""
    node, db = wiring.open_node(edge_settings.load(config))
    try:
        with db.read() as reader:
            samples = [facts.decode(stored.raw) for _, stored in itertools.islice(journal.by_number(reader), count)]
    finally:
        db.close()
    return [
        MemoryOutbox(
            one.party.store,
            one.party.epoch,
            another_places_facts(samples, one.party.store, one.party.epoch, count, node.ids),
        )
        for one in stores
    ]


def return_at_once(stores: Sequence[tuple[Granted, MemoryOutbox]], broker_port: int, limit_s: float) -> list[float]:
    """Connect all stores in one moment and wait until everything of each is acknowledged.

    Returns:
        Seconds from the common start to the last acknowledgement of each store, in their order.

    Raises:
        BenchError: not all were done within `limit_s`.
    """
    clock = SystemClock()
    links = [(_link(granted, outbox, broker_port), outbox) for granted, outbox in stores]
    begun_ms = clock.monotonic_ms()
    ending = threading.Event()
    threads = [
        threading.Thread(target=_drive, args=(links[at::DRIVERS], clock, ending), name=f"stores-{at}")
        for at in range(DRIVERS)
    ]
    for (transport, _), _ in links:
        transport.start()
    for thread in threads:
        thread.start()
    while not all(outbox.acked_at_ms for _, outbox in links) and clock.monotonic_ms() - begun_ms < limit_s * 1000:
        ending.wait(0.05)
    ending.set()
    for thread in threads:
        thread.join()
    for (transport, _), _ in links:
        transport.stop()
    late = sum(not outbox.acked_at_ms for _, outbox in links)
    if late:
        raise BenchError(f"{late} of {len(links)} stores were not drained within {limit_s:.0f} s")
    return [(outbox.acked_at_ms - begun_ms) / 1000 for _, outbox in links]


def _drive(
    links: Sequence[tuple[tuple[MqttTransport, StoreLink], MemoryOutbox]], clock: SystemClock, ending: threading.Event
) -> None:
    while not ending.is_set():
        for (_, link), outbox in links:
            link.tick(0)
            if not outbox.acked_at_ms and outbox.done and link.status.phase is Phase.OPEN:
                outbox.acked_at_ms = clock.monotonic_ms()
        ending.wait(IDLE_S)


def _link(granted: Granted, outbox: MemoryOutbox, port: int) -> tuple[MqttTransport, StoreLink]:
    clock, chance = SystemClock(), SystemChance()
    party = granted.party
    names = topics.of_store(party.tenant, party.store)
    transport = MqttTransport(
        MqttSettings(host="127.0.0.1", port=port),
        client_id=f"{party.store}-{party.node[-12:]}",
        username=granted.username,
        password=granted.token,
        subscriptions=(names.welcome, names.ack, names.data),
        clock=clock,
        chance=chance,
    )
    link_keys = sealing.link_keys(
        granted.identity, granted.hub.agreement, tenant=party.tenant, store=party.store, epoch=party.epoch
    )
    link = StoreLink(
        identity=LinkIdentity(party, "bench", "bench", granted.hub.signing),
        sealer=sealing.Sealer(granted.identity, link_keys.up, party, chance),
        opener=sealing.Opener(granted.hub.signing, link_keys.down, party),
        outbox=outbox,
        transport=transport,
        clock=clock,
        chance=chance,
        streams=(),
    )
    return transport, link
