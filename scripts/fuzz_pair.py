"""A hub and a store with nothing between them but a hand that may put anything in: the field of `fuzz wire`."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from cloud.db import presence
from cloud.services import gate as gates
from cloud.services.gate import End, Gate
from cloud.services.ingest import Ingest
from edge.services.hub.outbox import NodeOutbox
from scripts.fuzz_forge import Lane, Pen, Wire
from scripts.sim_hub import TENANT, SimHub, SimIngest
from scripts.sim_oracles import Oracle
from scripts.sim_store import SimStore
from sync.contract import envelope, topics
from sync.contract.facts import ContractError
from sync.contract.words import Name
from sync.engine.memory import MemoryBroker
from sync.engine.receiver import Rules
from sync.engine.store_link import StoreLink
from sync.engine.transport import LinkState, Message
from sync.node import keys, sealing
from sync.node.ports import ManualClock, SeededChance

STORE = "qingci"
SIGNS_OF_LIFE = frozenset({"quarantine", "presence"})
"""Tables of the hub that say who was heard and what was refused: no fact, no right and no figure of money."""


class BlindOpener(sealing.Opener):
    """Opens a message without asking who signed it: what the fuzz must notice."""

    def open(self, opened: envelope.Opened) -> bytes:
        """Give the body of whatever the key fits."""
        party = (opened.header.tenant, opened.header.store, opened.header.epoch)
        known = (self._party.tenant, self._party.store, self._party.epoch)
        if party != known or len(opened.header.nonce) != sealing.NONCE_BYTES:
            raise ContractError("foreign")
        signer = keys.make_identity(b"whoever asks is believed, always")
        body = opened.signed
        self._other_signing = signer.public.signing
        return super().open(opened._replace(signature=signer.sign(body)))


class BlindGate(Gate):
    """The gate with its check of signatures switched off."""

    def _open(self, reader: Any, up: topics.UpTopic, lane: int, payload: bytes) -> gates.Arrival | gates.Stale:  # noqa: ANN401
        for place, end in self._ends.items():
            if not isinstance(end.opener, BlindOpener):
                blind = BlindOpener.__new__(BlindOpener)
                blind.__dict__.update(end.opener.__dict__)
                self._ends[place] = End(end.key, blind, end.sealer)
        return super()._open(reader, up, lane, payload)


class FuzzedIngest(Ingest):
    """The real ingest, but for a gate that may be blind."""

    def blind(self) -> None:
        """Let everybody's signature count."""
        blind = BlindGate.__new__(BlindGate)
        blind.__dict__.update(self._gate.__dict__)
        self._gate = blind


@dataclass
class Line:
    """A transport by hand: what the store publishes is kept, what it hears is put in."""

    out: list[Wire] = field(default_factory=list)
    inbox: deque[Message | LinkState] = field(default_factory=deque)

    @property
    def connected(self) -> bool:
        """Always."""
        return True

    def start(self) -> None:
        """Say that the link is up."""
        self.inbox.append(LinkState.UP)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> bool:  # noqa: ARG002
        """Keep a message for the hub."""
        self.out.append((topic, payload))
        return True

    def poll(self, timeout_s: float) -> Message | LinkState | None:  # noqa: ARG002 - never waits
        """Give what was put in."""
        return self.inbox.popleft() if self.inbox else None

    def stop(self) -> None:
        """End."""


@dataclass
class Wirepair:
    """A hub and a store with nothing between them but this hand."""

    seed: str
    broken: bool = False
    line: Line = field(default_factory=Line)
    ups: list[Wire] = field(default_factory=list)
    downs: list[Wire] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Found both, enrol the store, and let them greet and trade."""
        self.clock = ManualClock()
        oracle, self.broker = Oracle(), MemoryBroker(self.seed)
        self.hub = SimHub(self.seed, self.broker, oracle, SimIngest, Rules(), 60_000, self.clock)
        self.store = SimStore(self.seed, STORE, self.broker, oracle, self._make_link, self.clock)
        self.hub.enrol(self.store, Name("青瓷巷店", "Celadon Lane"))
        self.ingest = FuzzedIngest(
            self.hub.disk, self.hub.identity, tenant=TENANT, clock=self.clock, chance=SeededChance(f"{self.seed}/hub")
        )
        self.store.start()
        self.line.start()
        for _ in range(6):
            self.store.sell()
            self.store.print_one()
            self.talk()
        if self.broken:
            self.ingest.blind()
        grant = self.store.grant
        assert grant is not None
        self.party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
        self.names = topics.of_store(TENANT, STORE)
        link = sealing.link_keys(
            self.store.identity, self.hub.identity.public.agreement, tenant=TENANT, store=STORE, epoch=grant.epoch
        )
        stranger = keys.make_identity(b"a stranger with thirty-two bytes")
        alien = sealing.link_keys(stranger, self.hub.identity.public.agreement, tenant=TENANT, store=STORE, epoch=1)
        self.up, self.down = (
            Pen(self.store.identity, link.up, self.party),
            Pen(self.hub.identity, link.down, self.party),
        )
        self.up_stranger, self.down_stranger = Pen(stranger, link.up, self.party), Pen(stranger, link.down, self.party)
        self.alien = Pen(stranger, alien.up, self.party)
        self.wrong_way = Pen(self.store.identity, link.down, self.party)

    def _make_link(self, **parts: Any) -> StoreLink:  # noqa: ANN401 - as the store's own maker
        node, grant = self.store.node, self.store.grant
        assert node is not None
        assert grant is not None
        # The simulation's own watchers know every message that was ever sent; here the product itself must do.
        party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
        link = sealing.link_keys(
            self.store.identity, grant.hub_agreement_key, tenant=TENANT, store=STORE, epoch=grant.epoch
        )
        opener = sealing.Opener(grant.hub_signing_key, link.down, party)
        return StoreLink(**{**parts, "transport": self.line, "outbox": NodeOutbox(node), "opener": opener})

    def talk(self, rounds: int = 12) -> None:
        """Let both say all they have to say."""
        assert self.store.link is not None
        for _ in range(rounds):
            self.clock.advance(600)
            self.store.link.tick(0.0)
            said, self.line.out = self.line.out, []
            self.ups += said
            heard = self.ingest.receive(said) if said else []
            mine = [(topic, wire) for topic, wire in heard if topic.startswith(self.names_prefix)]
            self.downs += mine
            self.line.inbox.extend(Message(topic, wire, retained=False) for topic, wire in mine)
        self.store.link.tick(0.0)
        del self.ups[:-300], self.downs[:-300]

    @property
    def names_prefix(self) -> str:
        """What all topics of the store begin with."""
        return topics.of_store(TENANT, STORE).prefix

    def hub_lane(self) -> Lane:
        """Where the hub stands with the store's trade."""
        with self.hub.disk.read() as reader:
            rows = reader.connection.exec_driver_sql(
                "SELECT seq, chain FROM lanes WHERE store = ? AND epoch = ? AND lane = 0", (STORE, self.party.epoch)
            ).all()
        return Lane(int(rows[0][0]), bytes(rows[0][1]))

    def hub_tables(self) -> dict[str, list[Any]]:
        """Every row of the hub that a message could have changed."""
        with self.hub.disk.read() as reader:
            query = reader.connection.exec_driver_sql
            names = [row[0] for row in query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
            return {
                name: [tuple(row) for row in query(f'SELECT * FROM "{name}" ORDER BY 1, 2')]  # noqa: S608 - its own
                for name in names
                if name not in SIGNS_OF_LIFE
            }

    def refused(self) -> Counter[str]:
        """What the hub refused so far, by reason."""
        self.ingest.flush_counts()
        counts: Counter[str] = Counter()
        with self.hub.disk.read() as reader:
            for row in presence.all_refusals(reader):
                counts[row.reason] += row.count
        return counts

    def store_tables(self) -> dict[str, list[Any]]:
        """Every row of the store, but for the hybrid clock, which every genuine word of the hub moves."""
        with self.store.disk.read() as reader:
            names = [row[0] for row in reader.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
            tables = {name: reader.execute(f'SELECT * FROM "{name}"') for name in names}  # noqa: S608 - its own
        tables["counters"] = [row for row in tables["counters"] if row[0] != "hlc"]
        return tables

    def close(self) -> None:
        """Free both."""
        self.store.die()
        self.store.close()
        self.hub.close()
