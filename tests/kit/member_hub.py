"""A hub with members over a real database, and stores that write the facts of members and ask about them."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from cloud.db import ledger as rows
from cloud.db import members as member_rows
from cloud.db.engine import HubDatabase
from cloud.services.members import asks, booker, cards, proof
from cloud.services.members.expiry import Expiry
from cloud.services.members.grants import Grants
from cloud.services.members.referral import Referrals
from cloud.services.members.shared import Policy, Secrets, Shared
from cloud.services.questions import Questions
from cloud.services.streams import append, state_at_head
from sync.contract import ledger, member_asks, member_cards, refunds, trade
from sync.contract import members as kinds
from sync.contract import streams as names
from sync.contract.grants import Grant
from sync.contract.member_cards import MemberCard, Profile
from sync.contract.members import (
    Consent,
    InviteClaimed,
    MemberJoined,
    MemberLeft,
    Origin,
    PointsEarned,
    PointsReversed,
    PointsSpent,
    ReferralBound,
    SpentLot,
)
from sync.contract.messages import Answer, Question
from sync.contract.points import Rules
from sync.contract.refunds import RefundTender, SaleRefunded
from sync.contract.trade import SalePaid
from sync.node import member_seal
from sync.node.member_keys import MemberKeys
from sync.node.ports import SeededChance
from tests.kit.hub_store import DAY, HubKit, StoreKit, a_sale

FAR = "2027-09-30"
ALL = ("membership", "sharing", "profiling")


@dataclass
class MemberHub:
    """A hub and its stores by name; `settle` sends all that stores wrote and lets the hub follow."""

    database: HubDatabase
    folder: Path
    policy: Policy = field(default_factory=Policy)
    rules: Rules | None = None

    def __post_init__(self) -> None:
        self.kit = HubKit(self.database, self.folder)
        self.clock = self.kit.clock
        self.keys = MemberKeys(self.folder / "member-keys.db", b"k" * 32, SeededChance("keys"))
        self.shared = Shared(
            self.database,
            self.clock,
            SeededChance("members"),
            self.keys,
            Secrets(b"p" * 32, b"t" * 32, b"g" * 32),
            self.kit.zone,
            240,
            policy=self.policy,
            signer=self.kit.identity,
        )
        self.booker = booker.Booker(self.shared)
        self.grants = Grants(self.shared)
        self.referrals = Referrals(self.shared)
        self.expiry = Expiry(self.shared)
        self.questions = Questions(asks.handlers(self.shared), self.clock)
        self.stores: dict[str, MemberStore] = {}
        if self.rules is not None:
            with self.database.write() as tx:
                raw = msgspec.json.encode(self.rules)
                append(tx, names.RULES, op="put", key=member_cards.rules_key(self.rules.version), value=raw)

    def store(self, name: str = "s1") -> "MemberStore":
        """Give a store, enrolled when it is asked for first."""
        if name not in self.stores:
            self.stores[name] = MemberStore(self, self.kit.enrolled(name, name.encode() * 8))
        return self.stores[name]

    def replace(self, name: str) -> "MemberStore":
        """Give a store a new node: its epoch is one higher, and the old one has no rights any more."""
        old = self.stores.pop(name)
        fresh = MemberStore(self, self.kit.enrolled(name, (name + "'").encode() * 8))
        assert fresh.epoch == old.epoch + 1
        self.stores[name] = fresh
        return fresh

    def settle(self, *stores: "MemberStore") -> int:
        """Send what was written (of all stores, or of some) and book it."""
        for store in stores or tuple(self.stores.values()):
            store.send()
        return self.booker.catch_up()

    # --------------------------------------------------------------------------------------------------- what it says

    def points(self, member_id: str) -> int:
        """Say what a member has, usable or not, at the hub and put aside."""
        with self.database.read() as reader:
            return sum(lot.left for lot in cards.all_lots(reader, self._whole(reader, member_id)))

    def free(self, member_id: str) -> int:
        """Say what is put aside for nobody."""
        return self.balance(ledger.member_account(member_id, ledger.MEMBER_POINTS))

    def debt(self, member_id: str) -> int:
        """Say what a member owes."""
        return -self.balance(ledger.member_account(member_id, ledger.MEMBER_DEBT))

    def risk(self, store: str) -> int:
        """Say what stands as a store's own risk."""
        return -self.balance(ledger.risk_account(store))

    def balance(self, account: str) -> int:
        with self.database.read() as reader:
            return rows.balance(reader, account)

    def conflicts(self) -> list[str]:
        """Name the conflicts, the oldest first."""
        with self.database.read() as reader:
            return [one.kind for one in reversed(rows.conflicts(reader))]

    def proven(self) -> None:
        """See that every law of the book holds."""
        with self.database.read() as reader:
            found = proof.prove(reader)
        assert found.wrongs == []

    def resolve(self, member_id: str) -> str:
        with self.database.read() as reader:
            return member_rows.resolve(reader, member_id)

    def stream(self, name: str, store: str) -> dict[str, bytes]:
        """Give what a store's own stream comes to."""
        with self.database.read() as reader:
            return state_at_head(reader, names.own(name, store))

    def card(self, store: str, member_id: str) -> MemberCard | None:
        """Give a member's card as a store has it."""
        raw = self.stream(names.MEMBERS, store).get(member_id)
        return None if raw is None else member_cards.read_card(raw)

    def granted(self, store: str) -> list[Grant]:
        """Give a store's grants as it has them."""
        return [member_cards.read_grant(raw) for _, raw in sorted(self.stream(names.GRANTS, store).items())]

    def _whole(self, reader: Any, member_id: str) -> list[str]:
        who = member_rows.resolve(reader, member_id)
        return [who, *member_rows.merged_into(reader, who)]


class MemberStore:
    """A store: what it writes goes out with `MemberHub.settle`."""

    def __init__(self, hub: MemberHub, kit: StoreKit) -> None:
        self.hub = hub
        self.kit = kit
        self.name = kit.store
        self.epoch = kit.epoch
        self._sent = 0
        self._ids = 0

    def new_id(self) -> str:
        return self.kit.ids.uuid7().hex()

    def write(self, kind: str, body: msgspec.Struct, *, day: str = DAY, at_ms: int | None = None) -> None:
        """Write a fact into lane 0."""
        fact = self.kit.fact(kind, body)
        fact = msgspec.structs.replace(fact, day=day, at_ms=fact.at_ms if at_ms is None else at_ms)
        self.kit.add(fact)

    def send(self) -> None:
        """Send what was written since."""
        total = len(self.kit.lanes[0])
        if total > self._sent:
            self.hub.kit.ingest.receive([self.kit.batch(self._sent + 1, total)])
            self._sent = total

    def send_again(self) -> None:
        """Send everything once more."""
        self.hub.kit.ingest.receive([self.kit.batch(1, len(self.kit.lanes[0]))])

    # ----------------------------------------------------------------------------------------------------- what happens

    def join(
        self,
        phone: str = "",
        *,
        agreed: tuple[str, ...] = ALL,
        give_key: bool = True,
        by_member: str = "",
        welcome: int = 0,
        profile: Profile | None = None,
    ) -> str:
        """Let somebody join here; gives the member's id."""
        member_id = self.new_id()
        key = member_seal.make_key(self.kit.chance)
        told = profile or Profile(phone=phone, name="王女士")
        sealed = member_seal.seal(told, member_id, key, self.kit.chance) if phone or profile else ""
        consents = tuple(
            Consent(purpose=one, given=True, text="v1", channel="till")  # type: ignore[arg-type]
            for one in agreed
        )
        body = MemberJoined(
            member_id=member_id,
            origin=Origin(place="till", store=self.name, by_member=by_member),
            consents=consents,
            key_id=member_seal.key_id(key),
            sealed=sealed,
        )
        self.write(kinds.JOINED, body)
        self.keys = getattr(self, "keys", {})
        self.keys[member_id] = key
        if welcome:
            self.earn(member_id, welcome, by="welcome", idem=f"welcome:{member_id}")
        if sealed and give_key:
            assert self.give_key(member_id).verdict == "done"
        return member_id

    def give_key(self, member_id: str) -> Answer:
        """Hand the hub the key of a member who joined here."""
        key = self.keys[member_id]
        given = member_asks.MemberKey(
            member_id=member_id, key_id=member_seal.key_id(key), key=base64.b64encode(key).decode()
        )
        return self.ask(member_asks.KEY, member_asks.GiveKey(key=given))

    def sell(
        self, member_id: str, amount_fen: int = 10_000, *, earns: int = 0, at_ms: int | None = None, day: str = DAY
    ) -> SalePaid:
        """Sell to a member; the sale earns so much."""
        self.kit.sold += 1
        sale = a_sale(self.new_id(), self.kit.sold, epoch=self.epoch, amount_fen=amount_fen)
        sale = msgspec.structs.replace(sale, member_id=member_id)
        self.write(trade.SALE_PAID, sale, at_ms=at_ms, day=day)
        if earns:
            self.earn(member_id, earns, idem=f"sale:{sale.sale_id}", ref=f"sale:{sale.sale_id}")
        return sale

    def hold(self, points: int, **changes: Any) -> tuple[str, SalePaid]:
        """Sell to somebody unknown: the receipt holds the points; gives the invite's id and the sale."""
        sale = self.sell("")
        invite_id = self.kit.chance.token(10).hex()
        ref = f"sale:{sale.sale_id}"
        self.earn("", points, idem=ref, ref=ref, invite_id=invite_id, **changes)
        return invite_id, sale

    def earn(
        self,
        member_id: str,
        points: int,
        *,
        by: str = "event",
        idem: str = "",
        ref: str = "",
        invite_id: str = "",
        from_day: str = DAY,
        last_day: str = FAR,
        day: str = DAY,
        as_sale: bool = True,
    ) -> str:
        """Give points; gives the id of the post."""
        post_id = self.new_id()
        body = PointsEarned(
            post_id=post_id,
            idem=idem or f"{by}:{post_id}",
            by="sale" if as_sale and ref.startswith("sale:") else by,  # type: ignore[arg-type]
            ref=ref,
            points=points,
            from_day=from_day,
            last_day=last_day,
            member_id=member_id,
            invite_id=invite_id,
        )
        self.write(kinds.POINTS_EARNED, body, day=day)
        return post_id

    def spend(
        self, member_id: str, lots: tuple[SpentLot, ...] = (), *, risk: int = 0, sale_id: str = "", day: str = DAY
    ) -> str:
        """Spend points on a sale; gives the sale's id."""
        sale_id = sale_id or self.new_id()
        total = sum(lot.qty for lot in lots) + risk
        body = PointsSpent(
            post_id=self.new_id(),
            member_id=member_id,
            on="bill",
            ref=f"sale:{sale_id}",
            points=total,
            worth_fen=total,
            lots=lots,
            risk=risk,
            approved_by="boss" if risk else "",
        )
        self.write(kinds.POINTS_SPENT, body, day=day)
        return sale_id

    def spend_granted(self, member_id: str, qty: int) -> str:
        """Spend from what this store was granted, as a node does, without asking whether there is enough."""
        parts = []
        for grant in self.hub.granted(self.name):
            for lot in grant.lots:
                take = min(lot.qty, qty)
                if take and grant.member_id == member_id:
                    parts.append(SpentLot(grant_id=grant.grant_id, lot_id=lot.lot_id, qty=take))
                    qty -= take
        assert qty == 0, "the store was granted less"
        return self.spend(member_id, tuple(parts))

    def refund(self, sale: SalePaid, amount_fen: int | None = None) -> str:
        """Give money back."""
        refund_id = self.new_id()
        amount = sale.total_fen if amount_fen is None else amount_fen
        self._ids += 1
        body = SaleRefunded(
            refund_id=refund_id,
            sale_id=sale.sale_id,
            sale_store=self.name,
            sale_receipt_no=sale.receipt_no,
            sale_day=DAY,
            till="1",
            number=self._ids,
            receipt_no=refunds.refund_no("1", self.epoch, self._ids),
            currency="CNY",
            lines=(),
            tenders=(RefundTender(kind="cash", amount_fen=amount),),
            amount_fen=amount,
            reason="cold",
            whole=amount == sale.total_fen,
        )
        self.write(refunds.SALE_REFUNDED, body)
        return refund_id

    def reverse(self, sale_id: str, member_id: str = "", *, day: str = DAY, **changes: Any) -> None:
        """Say what a refund does to points."""
        body = PointsReversed(
            post_id=self.new_id(), refund_id=self.new_id(), sale_id=sale_id, member_id=member_id, **changes
        )
        self.write(kinds.POINTS_REVERSED, body, day=day)

    def claim(self, invite_id: str, member_id: str, *, day: str = DAY) -> None:
        """Claim a receipt's points for a member."""
        body = InviteClaimed(invite_id=invite_id, member_id=member_id, sale_store=self.name)
        self.write(kinds.INVITE_CLAIMED, body, day=day)

    def release(self, grant_id: str, rest: int) -> None:
        """Give a grant back."""
        self.write(kinds.GRANT_RELEASED, kinds.GrantReleased(grant_id=grant_id, rest=rest))

    def bring(self, friend: str, referrer: str, *flags: str) -> None:
        """Say who brought a friend."""
        self.write(kinds.REFERRAL_BOUND, ReferralBound(friend=friend, referrer=referrer, flags=flags))

    def leave(self, member_id: str) -> None:
        """Let somebody leave."""
        self.write(kinds.LEFT, MemberLeft(member_id=member_id))

    # ----------------------------------------------------------------------------------------------------- what it asks

    def ask(self, name: str, body: msgspec.Struct, question_id: bytes | None = None) -> Answer:
        """Ask the hub, as its ingest would have it answered."""
        question = Question(id=question_id or self.kit.chance.token(16), name=name, body=msgspec.json.encode(body))
        with self.hub.database.write() as tx:
            return self.hub.questions(tx, self.name, self.epoch, question)

    def find(self, **what: str) -> member_asks.Found:
        """Ask who somebody is."""
        answer = self.ask(member_asks.FIND, member_asks.Find(salt="0" * 32, **what))
        assert answer.verdict == "done", answer
        return msgspec.json.decode(answer.body, type=member_asks.Found)
