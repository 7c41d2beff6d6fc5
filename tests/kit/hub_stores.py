"""Stores made by hand for tests of the hub: enrolled, selling, and sealing their facts as a node does."""

import base64
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from cloud.settings import BrokerSettings, HubSettings, ListenSettings
from cloud.wiring import Core, open_core
from sync.contract import codes, envelope, facts, ids, messages, operations, times, topics, trade
from sync.contract.enrolling import Enrolled
from sync.contract.envelope import MessageKind
from sync.contract.facts import Fact, Lane
from sync.contract.messages import Heartbeat
from sync.contract.operations import PrintSettled
from sync.contract.trade import InviteIssued, SalePaid, SoldLine, SoldModifier, Tender
from sync.contract.words import Name
from sync.node import certificates, enrolling, keys, sealing
from sync.node.passwords import Cost
from sync.node.ports import ManualClock, SeededChance

CHEAP = Cost(memory_kib=64, passes=1, lanes=1)
"""Tests hash a password many times; what a guess costs is not what they are about."""
PUBLIC_URL = "http://127.0.0.1:8091"
EVENING_MS = 1_795_344_300_000
"""2026-11-22 18:45:00 in Shanghai."""


def hub_settings(folder: Path, database: str = "sqlite") -> HubSettings:
    return HubSettings(
        database=database,
        data_dir=str(folder),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1883),
        public_url=PUBLIC_URL,
    )


def open_hub(folder: Path, clock: ManualClock, database: str = "sqlite") -> Core:
    """Open a real hub on files in a folder, or with its database at a URL, without listeners and threads."""
    return open_core(hub_settings(folder, database), clock=clock, chance=SeededChance("hub"), cost=CHEAP)


@dataclass
class LaneEnd:
    """Where a lane stands at the store, and what was not sent yet."""

    seq: int = 0
    chain: bytes = b""
    waiting: list[bytes] = field(default_factory=list)
    sent_seq: int = 0
    sent_chain: bytes = b""


class StoreByHand:
    """One store of the hub under test."""

    def __init__(self, core: Core, store: str, name: Name, clock: ManualClock) -> None:
        self.core = core
        self.store = store
        self.clock = clock
        self.chance = SeededChance(store)
        self.identity = keys.make_identity(store.encode())
        made = core.hub.enrolment.make_code(store, name)
        tls_key = certificates.seeded_key(store.encode())
        request = enrolling.make_request(self.identity, tls_key, store=store, code=made.code, node=f"node-{store}")
        granted = core.hub.enrolment.redeem(request)
        assert isinstance(granted, Enrolled)
        self.epoch = granted.epoch
        self.tenant = granted.tenant
        link = sealing.link_keys(
            self.identity, base64.b64decode(granted.hub_agreement), tenant=self.tenant, store=store, epoch=self.epoch
        )
        party = sealing.Party(self.tenant, store, f"node-{store}", self.epoch)
        self.sealer = sealing.Sealer(self.identity, link.up, party, self.chance)
        self.lanes = {lane: self._lane(lane) for lane in Lane}
        self.n = 0
        self.number = 0

    def sell(
        self,
        lines: list[tuple[str, int, int]],
        *,
        at_ms: int | None = None,
        note: str = "",
        locale: str = "zh-CN",
        printed: bool = True,
        days_valid: int = 30,
    ) -> SalePaid:
        """Sell lines of (name, pieces, fen apiece) for cash, with an invite and, if wanted, a confirmed print."""
        now_ms = self.clock.now_ms() if at_ms is None else at_ms
        self.number += 1
        sale_id = ids.uuid7(now_ms, self.chance.token(10)).hex()
        sold = tuple(
            SoldLine(
                dish_id=f"d{place}",
                code=str(100 + place),
                name=Name(name, name),
                qty=qty,
                unit_fen=unit,
                modifiers=(SoldModifier("mild", Name("微辣", "Mild"), 0),),
                note=note,
                amount_fen=qty * unit,
            )
            for place, (name, qty, unit) in enumerate(lines)
        )
        total = sum(line.amount_fen for line in sold)
        received = (total // 10_000 + 1) * 10_000
        sale = SalePaid(
            sale_id=sale_id,
            till="1",
            number=self.number,
            receipt_no=trade.receipt_no("1", self.epoch, self.number),
            currency="CNY",
            lines=sold,
            tenders=(Tender(kind="cash", received_fen=received, change_fen=received - total, amount_fen=total),),
            total_fen=total,
            locale=locale,
        )
        self.write(Lane.TRADE, trade.SALE_PAID, msgspec.json.encode(sale), now_ms)
        self.write(
            Lane.TRADE, trade.INVITE_ISSUED, msgspec.json.encode(self.invite(sale_id, now_ms, days_valid)), now_ms
        )
        if printed:
            slip = PrintSettled(job_id=sale_id, document="receipt", subject=sale_id, copy=0)
            self.write(Lane.OPERATIONS, operations.PRINT_CONFIRMED, msgspec.json.encode(slip), now_ms + 400)
        return sale

    def invite(self, sale_id: str, now_ms: int, days_valid: int = 30) -> InviteIssued:
        """Sign an invite as this store."""
        day = times.epoch_day(times.business_day(now_ms, self.core.hub.zone, 240))
        claims = codes.InviteClaims(self.identity.public.key_id, self.chance.token(10), day, days_valid)
        return InviteIssued(
            invite_id=claims.invite_id.hex(),
            sale_id=sale_id,
            short=codes.short_code(claims.invite_id),
            code=codes.assemble(claims, self.identity.sign(codes.to_sign(claims))),
            expires_day=times.day_of_epoch(claims.last_day),
        )

    def write(self, lane: Lane, kind: str, body: bytes, at_ms: int) -> None:
        """Write one fact into a lane."""
        held = self.lanes[lane]
        self.n += 1
        raw = facts.encode(
            Fact(
                store=self.store,
                epoch=self.epoch,
                lane=int(lane),
                seq=held.seq + 1,
                n=self.n,
                id=ids.uuid7(at_ms, self.chance.token(10)).hex(),
                kind=kind,
                v=1,
                at_ms=at_ms,
                hlc=str(at_ms << 16),
                day=times.business_day(at_ms, self.core.hub.zone, 240),
                actor="c1",
                versions={"menu": 1},
                body=msgspec.Raw(body),
            )
        )
        held.seq += 1
        held.chain = facts.link(held.chain, raw)
        held.waiting.append(raw)

    def batch(self, lane: Lane) -> tuple[str, bytes]:
        """Seal everything of a lane that was not sent yet."""
        held = self.lanes[lane]
        wire = self.sealer.seal(
            MessageKind.FACTS,
            envelope.frame_facts(held.waiting),
            lane=int(lane),
            first_seq=held.sent_seq + 1,
            count=len(held.waiting),
            chain_before=held.sent_chain,
            chain_after=held.chain,
        )
        held.waiting, held.sent_seq, held.sent_chain = [], held.seq, held.chain
        return topics.of_store(self.tenant, self.store).facts(int(lane)), wire

    def deliver(self) -> None:
        """Send what waits, with a heartbeat, through the hub's real ingest, and let the projector follow."""
        batches = [self.batch(lane) for lane in Lane if self.lanes[lane].waiting]
        beat = Heartbeat(
            wall_ms=self.clock.now_ms(),
            waiting={0: 0, 1: 0},
            oldest_waiting_ms=None,
            day=self.core.hub.reports.business_day_now(),
            day_sales=self.number,
            day_amount_fen=0,
        )
        topic = topics.of_store(self.tenant, self.store).heartbeat
        sealed = self.sealer.seal(MessageKind.HEARTBEAT, messages.encode(beat))
        self.core.ingest.receive([*batches, (topic, sealed)])
        self.core.projector.catch_up()

    def _lane(self, lane: Lane) -> LaneEnd:
        start = facts.genesis(self.store, self.epoch, int(lane))
        return LaneEnd(chain=start, sent_chain=start)
