"""Builders for the hub's tests: a hub on a real file, and a store that speaks rs1 out of memory."""

from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from cloud.db import migrate
from cloud.db.engine import HubDatabase, open_engine
from cloud.db.stores import CertificateRow, certificates_of
from cloud.services.approvals import Policy
from cloud.services.authority import Authority
from cloud.services.enrol import Enrolment, Grants
from cloud.services.ingest import Ingest
from cloud.services.invites import Invites
from cloud.services.project import Projector
from cloud.services.reports import Reports
from cloud.services.secrets import BrokerUsers
from sync.contract import codes, envelope, facts, messages, operations, times, topics, trade
from sync.contract.enrolling import Enrolled, EnrolRequest
from sync.contract.envelope import MessageKind
from sync.contract.facts import Fact
from sync.contract.messages import Ack, Hello, LaneHead, Reject, Welcome
from sync.contract.operations import PrintSettled
from sync.contract.trade import InviteIssued, SalePaid, SoldLine, Tender
from sync.contract.words import Name
from sync.engine.receiver import Rules
from sync.node import certificates, enrolling, keys, sealing
from sync.node.passwords import Cost, Vault
from sync.node.ports import Clock, IdSource, ManualClock, SeededChance

TENANT = "zhanggui"
QUICK_COST = Cost(memory_kib=64, passes=1, lanes=1)
NAME = Name("青瓷巷店", "Celadon Lane")
DAY = "2026-09-21"


class HubLike(Protocol):
    """What a store's end needs to know of a hub."""

    identity: keys.Identity
    clock: Clock
    zone: tzinfo


@dataclass
class HubKit:
    """A hub's services over one database file, with a clock that tests move."""

    database: HubDatabase
    folder: Path
    rules: Rules = field(default_factory=Rules)
    clock: Any = field(default_factory=ManualClock)
    chance: SeededChance = field(default_factory=lambda: SeededChance("hub"))
    identity: keys.Identity = field(default_factory=lambda: keys.make_identity(b"the hub" * 4))
    policy: Policy = Policy.NEVER
    grants: Grants = field(default_factory=lambda: Grants(TENANT, "127.0.0.1", 1883, "https://example.com"))

    def __post_init__(self):
        self.zone: tzinfo = zone()
        self.authority = Authority(
            self.folder / "authority", b"password", TENANT, clock=self.clock, chance=SeededChance("authority")
        )
        self.users = BrokerUsers(self.folder / "broker-users.json")
        self.rung = 0
        self.enrolment = Enrolment(
            self.database,
            self.identity,
            Vault(b"pepper", QUICK_COST),
            self.users,
            self.grants,
            clock=self.clock,
            chance=self.chance,
            authority=self.authority,
            policy=self.policy,
            on_stream=self._ring,
        )
        self.projector = Projector(self.database, self.zone)
        self.reports = Reports(
            self.database,
            clock=self.clock,
            zone=self.zone,
            cutoff_minutes=240,
            away_after_ms=20_000,
            public_url="https://example.com",
        )
        self.invites = Invites(self.database, clock=self.clock, zone=self.zone, cutoff_minutes=240)
        self.restart()

    def restart(self):
        """Forget what a process forgets."""
        self.ingest = Ingest(
            self.database,
            self.identity,
            tenant=TENANT,
            clock=self.clock,
            chance=self.chance,
            rules=self.rules,
            credit=8,
            on_parted=self.enrolment.handed_over,
            on_told=self.enrolment.shut_out,
        )

    def enrolled(self, store="s1", seed=b"one") -> "StoreKit":
        """Enrol a store's node and give its end of the wire."""
        code = self.enrolment.make_code(store, NAME).code
        identity = keys.make_identity(seed * 16)
        granted = self.enrolment.redeem(request(store, code, identity))
        assert isinstance(granted, Enrolled), granted
        return StoreKit(self, store, granted.epoch, identity)

    def certificates(self, store: str, epoch: int) -> list[CertificateRow]:
        """List what a (store, epoch) was given, newest first."""
        with self.database.read() as reader:
            return certificates_of(reader, store, epoch)

    def refused(self) -> dict[str, int]:
        """Count what was refused, by reason."""
        self.ingest.flush_counts()
        return {row.reason: row.count for row in self.reports.quarantine().reasons}

    def parked(self) -> list[str]:
        """List why facts were parked, oldest first."""
        return [row.reason for row in reversed(self.reports.quarantine().parked)]

    def fact_count(self) -> int:
        """Count the facts."""
        with self.database.read() as reader:
            return int(reader.connection.exec_driver_sql("SELECT count(*) FROM facts").scalar_one())

    def _ring(self):
        self.rung += 1


@dataclass
class StoreKit:
    """A store's end: makes facts, seals them, opens the answers. The lists hold a lane's bytes from seq 1 on."""

    hub: "HubLike"
    store: str
    epoch: int
    identity: keys.Identity
    lanes: dict[int, list[bytes]] = field(default_factory=lambda: {0: [], 1: []})
    session: bytes = b""
    sold: int = 0

    def __post_init__(self):
        party = sealing.Party(TENANT, self.store, "node-1", self.epoch)
        link = sealing.link_keys(
            self.identity, self.hub.identity.public.agreement, tenant=TENANT, store=self.store, epoch=self.epoch
        )
        chance = SeededChance(f"{self.store}/{self.epoch}")
        self.chance = chance
        self.ids = IdSource(self.hub.clock, chance)
        self.sealer = sealing.Sealer(self.identity, link.up, party, chance)
        self.opener = sealing.Opener(self.hub.identity.public.signing, link.down, party)
        self.topics = topics.of_store(TENANT, self.store)

    # ------------------------------------------------------------------------------------------------------- facts

    def fact(self, kind: str, body: msgspec.Struct | bytes, lane: int = 0) -> Fact:
        """Make a fact for the next place of a lane."""
        raw_body = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Fact(
            store=self.store,
            epoch=self.epoch,
            lane=lane,
            seq=len(self.lanes[lane]) + 1,
            n=len(self.lanes[0]) + len(self.lanes[1]) + 1,
            id=self.ids.uuid7().hex(),
            kind=kind,
            v=1,
            at_ms=self.hub.clock.now_ms(),
            hlc="0",
            day=DAY,
            body=msgspec.Raw(raw_body),
        )

    def add(self, *made: Fact | bytes, lane: int = 0) -> None:
        """Put facts (or bytes that are none) behind a lane."""
        self.lanes[lane] += [one if isinstance(one, bytes) else facts.encode(one) for one in made]

    def sell(self, amount_fen: int = 3_800, sale_id: str | None = None, number: int | None = None) -> SalePaid:
        """Commit a sale and its invite."""
        self.sold += 1
        sale = a_sale(sale_id or self.ids.uuid7().hex(), number or self.sold, epoch=self.epoch, amount_fen=amount_fen)
        self.add(self.fact(trade.SALE_PAID, sale))
        self.add(self.fact(trade.INVITE_ISSUED, self.invite(sale.sale_id)))
        return sale

    def invite(self, sale_id: str, days_valid: int = 30) -> InviteIssued:
        """Sign an invite of today."""
        claims = codes.InviteClaims(
            self.identity.public.key_id,
            self.chance.token(codes.INVITE_ID_BYTES),
            times.epoch_day(times.business_day(self.hub.clock.now_ms(), self.hub.zone, 240)),
            days_valid,
        )
        return InviteIssued(
            invite_id=claims.invite_id.hex(),
            sale_id=sale_id,
            short=codes.short_code(claims.invite_id),
            code=codes.assemble(claims, self.identity.sign(codes.to_sign(claims))),
            expires_day=times.day_of_epoch(claims.last_day),
        )

    def printed(self, sale_id: str, copy: int = 0) -> None:
        """Commit that a receipt is on paper."""
        body = PrintSettled(job_id="1", document="receipt", subject=sale_id, copy=copy)
        self.add(self.fact(operations.PRINT_CONFIRMED, body, lane=1), lane=1)

    # -------------------------------------------------------------------------------------------------------- wire

    def chain(self, seq: int, lane: int = 0) -> bytes:
        """Give the chain value behind a seq of a lane."""
        value = facts.genesis(self.store, self.epoch, lane)
        for raw in self.lanes[lane][:seq]:
            value = facts.link(value, raw)
        return value

    def batch(self, first: int, last: int, lane: int = 0, **changes) -> tuple[str, bytes]:
        """Seal facts of a lane; `changes` override the header's claims or the `plain` bytes."""
        raws = self.lanes[lane][first - 1 : last]
        claims: dict[str, Any] = {
            "lane": lane,
            "first_seq": first,
            "count": len(raws),
            "chain_before": self.chain(first - 1, lane),
            "chain_after": self.chain(last, lane),
        }
        plain = changes.pop("plain", envelope.frame_facts(raws))
        return self.topics.facts(lane), self.sealer.seal(MessageKind.FACTS, plain, **{**claims, **changes})

    def everything(self) -> list[tuple[str, bytes]]:
        """Seal all facts of both lanes, a batch a lane."""
        return [self.batch(1, len(raws), lane) for lane, raws in self.lanes.items() if raws]

    def hello(self, **changes) -> tuple[str, bytes]:
        """Seal a greeting that states where the lanes stand."""
        self.session = self.chance.token(12)
        heads = {
            lane: LaneHead(
                head_seq=len(raws),
                head_chain=self.chain(len(raws), lane),
                acked_seq=0,
                acked_chain=b"",
                oldest_seq=1,
            )
            for lane, raws in self.lanes.items()
        }
        body = Hello(nonce=self.session, boot="b", software="test", wall_ms=0, hlc=0, lanes=heads, streams={})
        body = msgspec.structs.replace(body, **changes)
        return self.topics.hello, self.sealer.seal(MessageKind.HELLO, messages.encode(body))

    def control(self, topic: str, kind: MessageKind, body: msgspec.Struct) -> tuple[str, bytes]:
        """Seal any other message."""
        return topic, self.sealer.seal(kind, messages.encode(body))

    def read(self, replies: list[tuple[str, bytes]]) -> list[Any]:
        """Open the hub's answers to this store."""
        kinds: dict[MessageKind, type[msgspec.Struct]] = {
            MessageKind.WELCOME: Welcome,
            MessageKind.REJECT: Reject,
            MessageKind.ACK: Ack,
            MessageKind.STREAM: messages.StreamBatch,
            MessageKind.ANSWER: messages.Answer,
        }
        found: list[Any] = []
        for topic, payload in replies:
            if topic.startswith(self.topics.prefix + "/"):
                opened = envelope.take_apart(payload)
                found.append(messages.decode(self.opener.open(opened), kinds[opened.header.kind]))
        return found

    def send(self, *arrived: tuple[str, bytes]) -> list[Any]:
        """Hand messages to the hub and open what comes back."""
        assert isinstance(self.hub, HubKit)
        return self.read(self.hub.ingest.receive(list(arrived)))


def zone():
    """The time zone of the tests."""
    return ZoneInfo("Asia/Shanghai")


def open_file(path: Path) -> HubDatabase:
    """Open a hub's database on a file through the released steps."""
    database = open_engine(f"sqlite:///{path}")
    migrate.migrate(database)
    return database


def request(store: str, code: str, identity: keys.Identity, node: str = "node-1") -> EnrolRequest:
    """Make the request of a node."""
    tls_key = certificates.seeded_key(identity.public.signing)
    return enrolling.make_request(identity, tls_key, store=store, code=code, node=node)


def a_sale(sale_id: str, number: int, *, epoch: int = 1, amount_fen: int = 3_800) -> SalePaid:
    """Make a sale of one dish."""
    line = SoldLine(
        dish_id="d101",
        code="101",
        name=Name("宫保鸡丁", "Kung Pao chicken"),
        qty=1,
        unit_fen=amount_fen,
        amount_fen=amount_fen,
    )
    received_fen = amount_fen + 200
    return SalePaid(
        sale_id=sale_id,
        till="1",
        number=number,
        receipt_no=trade.receipt_no("1", epoch, number),
        currency="CNY",
        lines=(line,),
        tenders=(Tender(kind="cash", received_fen=received_fen, change_fen=200, amount_fen=amount_fen),),
        total_fen=amount_fen,
        locale="zh-CN",
    )
