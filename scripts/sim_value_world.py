"""One seeded world of members: real nodes of three to five stores beside a real hub, on one chance and a clock that only steps move.

Guests join, buy, pay with points, claim receipts and get money back, at stores that the network cuts off, delays and tells things twice;
nodes are replaced while the old one still sells, walls are set forward and back. At last everything is mended and delivered, and the
oracles look: `sim_value_oracle`.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud.db import ledger as rows
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine
from edge.domain.refund import AskedLine
from edge.domain.roles import Role
from edge.services.deeds import Done
from edge.services.members import care, known, visits
from edge.services.members.join import read_answer as read_join
from edge.services.members.visits import ClaimCommand, SeenCommand
from edge.services.money import book_sale, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.refunds import RefundCommand
from edge.services.money.settle_sale import SellCommand
from scripts import sim_value_oracle as oracle
from scripts.sim_value_oracle import BALANCES, Facts, Finding, Reference
from sync.contract import times
from sync.contract.points import Rules
from sync.node.ports import ManualClock
from tests.kit.hub_store import open_file
from tests.kit.member_hub import MemberHub
from tests.kit.member_tills import Till, cash
from tests.kit.member_tills import points as by_points
from tests.kit.nodes import AT_TILL_1

RULES = Rules(version=1, welcome=1_000, points=5, valid_months=1, risk_max=500)
CASHIER = AT_TILL_1._replace(role=Role.CASHIER, cashier_id="c2")
REFUNDER = AT_TILL_1._replace(cashier_id="c9")
"""Whoever sells may not take back alone what they sold."""
STEPS = (45, 75)
STORES = (3, 5)
PEOPLE = 4
OLD_NODES_MAX = 2
OUTAGE_MS = 45 * times.DAY_MS
"""Behind it every grant of a replaced node is over, and every lot has ended."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
SHM = Path("/dev/shm")  # noqa: S108 - memory, for a folder of our own in it


@dataclass(frozen=True)
class Outcome:
    """What became of a world.

    Attributes:
        findings: what did not hold; empty where all did.
        risks: every booking of OFFLINE_RISK, with its store, points, what stood of it at last, its cause and who allowed it.
        done: what happened, by its name.
    """

    seed: int
    facts: int
    findings: tuple[Finding, ...]
    risks: tuple[dict[str, Any], ...]
    done: Counter[str] = field(default_factory=Counter)

    @property
    def violation(self) -> str:
        """The first thing that did not hold; empty where all did."""
        return f"{self.findings[0].law}: {self.findings[0].where}" if self.findings else ""

    def count(self, law: str) -> int:
        """Count what did not hold of a law."""
        return sum(1 for one in self.findings if one.law == law)


class Wall:
    """A store's own clock: its wall may be wrong, its hours are as long as everybody's."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.off_ms = 0

    def now_ms(self) -> int:
        """What the wall shows."""
        return self._clock.now_ms() + self.off_ms

    def monotonic_ms(self) -> int:
        """The ms since the world began."""
        return self._clock.monotonic_ms()

    def advance(self, ms: int) -> None:
        """Let time pass, for everybody."""
        self._clock.advance(ms)


class Shop:
    """A node of a store, with what its people remember."""

    def __init__(self, till: Till, wall: Wall) -> None:
        self.till = till
        self.wall = wall
        self.members: dict[str, str] = {}
        """Who somebody is here, by phone."""
        self.sales: list[SaleAnswer] = []
        self.fenced = False


class ValueWorld:
    """A hub and its stores, and the chance that all of it hangs on."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._rng = random.Random(f"value/{seed}")
        self._folder = folder
        self.database = open_file(folder / "hub.db")
        self.hub = MemberHub(self.database, folder, rules=RULES)
        self._clock: ManualClock = self.hub.kit.clock
        self.done: Counter[str] = Counter()
        self.phones: dict[str, str] = {}
        self._invites: list[str] = []
        self._people = [f"1380000{number:04d}" for number in range(PEOPLE)]
        self.shops = [self._open(f"s{number}") for number in range(1, self._rng.randint(*STORES) + 1)]
        self.old: list[Shop] = []
        self._deeds: list[tuple[int, Callable[[Shop], None]]] = [
            (10, self._join),
            (20, self._sell),
            (20, self._spend),
            (10, self._sell_to_nobody),
            (12, self._claim),
            (16, self._refund),
            (6, self._sign_in),
        ]
        self._faults: list[tuple[int, Callable[[], None]]] = [
            (30, self._deliver),
            (12, self._tell_down),
            (10, self._repeat),
            (12, self._cut_or_mend),
            (6, self._lose_answers),
            (5, self._set_wall),
            (8, self._pass_time),
            (5, self._night),
            (3, self._replace),
        ]

    def close(self) -> None:
        """Let everything go."""
        for shop in self._everywhere():
            shop.till.close()
        self.hub.keys.close()
        self.database.close()

    def live(self) -> None:
        """Let everything happen that this seed lets happen."""
        for _ in range(self._rng.randint(*STEPS)):
            self._clock.advance(self._rng.randint(1, 20) * MINUTE_MS)
            sellers = self.shops + self.old
            shop = self._rng.choice(sellers)
            weights, deeds = zip(*self._deeds, strict=True)
            self._rng.choices(deeds, weights)[0](shop)
            weights, faults = zip(*self._faults, strict=True)
            self._rng.choices(faults, weights)[0]()

    def mend(self) -> None:
        """Deliver everything, also what replaced nodes owe, and let everybody hear of it."""
        for shop in self.old:
            shop.till.online = True
            shop.till.send()
            shop.till.online = False
        for shop in self.shops:
            shop.wall.off_ms = 0
            shop.till.online = True
            shop.till.questions.lost.clear()
        for _ in range(3):
            for shop in self.shops:
                shop.till.sync()

    def judge(self) -> list[Finding]:
        """Hold everything against the reference."""
        facts = Facts(shop.till for shop in self._everywhere())
        with self.database.read() as reader:
            claimed = {one.body["invite_id"]: "" for one in facts["invite.claimed"]}
            claimed = {invite_id: rows.claimed_by(reader, invite_id) for invite_id in claimed}
            found = oracle.breached(reader, facts) + oracle.odd_conflicts(reader)
        found += oracle.overspent(facts)
        found += oracle.sums(self.hub)
        found += Reference(facts, self.hub.resolve, lambda invite_id: claimed.get(invite_id, "")).compare(self.hub)
        found += oracle.merged_away(self.hub, facts, self.phones)
        for shop in self.shops:
            found += self._views(shop)
        return found

    def outlive(self) -> list[Finding]:
        """Let so much time pass that everything is over: grants of replaced nodes come back, what ended is gone, the sums stay."""
        self._clock.advance(OUTAGE_MS)
        for _ in range(2):
            self.hub.grants.nightly()
            for shop in self.shops:
                shop.till.sync()
        self.hub.expiry.run()
        found = oracle.sums(self.hub)
        with self.database.read() as reader:
            left = {
                account: balance
                for account, balance in rows.balances_like(reader, "").items()
                if balance and (account.startswith("g:") or account.endswith(":points")) and account[:2] in {"g:", "m:"}
            }
        return found + [Finding(BALANCES, f"{account} still holds {qty} that ended") for account, qty in left.items()]

    def risks(self) -> list[dict[str, Any]]:
        """List every booking of OFFLINE_RISK with its cause."""
        with self.database.read() as reader:
            found = rows.risks(reader, oracle.CONFLICTS_MAX)
        return [
            {"store": one.store, "points": one.qty, "open": one.open, "cause": one.cause, "by": one.approved_by}
            for one in reversed(found)
        ]

    def written(self) -> int:
        """Count the facts that all nodes wrote."""
        return sum(shop.till.rig.rows("SELECT count(*) FROM facts")[0][0] for shop in self._everywhere())

    # ------------------------------------------------------------------------------------------------------- what guests do

    def _join(self, shop: Shop) -> None:
        self._member(shop, self._rng.choice(self._people), again=True)

    def _member(self, shop: Shop, phone: str, *, again: bool = False) -> str:
        """Say who somebody is at a store; they join, or are found, where the store does not know them."""
        if phone not in shop.members or again:
            done = shop.till.try_join(phone)
            if not self._did("join", done):
                return ""
            assert isinstance(done, Done)
            shop.members[phone] = read_join(done.answer).member_id
            self.phones.setdefault(shop.members[phone], phone)
        return shop.members[phone]

    def _sell(self, shop: Shop) -> None:
        if member_id := self._member(shop, self._rng.choice(self._people)):
            self._pay(shop, "sell", member_id)

    def _spend(self, shop: Shop) -> None:
        phones = sorted(shop.members) or self._people
        if member_id := self._member(shop, self._rng.choice(phones)):
            self._pay(shop, "spend", member_id, by_points(100 * self._rng.randint(1, 12)))

    def _sell_to_nobody(self, shop: Shop) -> None:
        if (sale := self._pay(shop, "sell_to_nobody", "")) is not None:
            self._invites.append(sale.invite.url)

    def _pay(self, shop: Shop, name: str, member_id: str, *tenders: AskedTender) -> SaleAnswer | None:
        dishes = ("d101", "d102")[: self._rng.randint(1, 2)]
        lines = tuple(BasketLine(dish_id=dish_id, qty=self._rng.randint(1, 3)) for dish_id in dishes)
        command = SellCommand(
            sale_id=shop.till.new_id(), lines=lines, tenders=(*tenders, cash(100_000)), member_id=member_id
        )
        # A manager may lend what is not put aside here, a cashier may not.
        who = AT_TILL_1 if self._rng.random() < 0.4 else CASHIER  # noqa: PLR2004 - a chance
        done = settle_sale.settle_sale(shop.till.node, who, command)
        if not self._did(name, done):
            return None
        assert isinstance(done, Done)
        sale = book_sale.read_answer(done.answer)
        shop.sales.append(sale)
        return sale

    def _claim(self, shop: Shop) -> None:
        if not self._invites:
            return
        if member_id := self._member(shop, self._rng.choice(self._people)):
            invite = self._rng.choice(self._invites[-6:])
            command = ClaimCommand(request_id=shop.till.new_id(), member_id=member_id, invite=invite)
            self._did("claim", visits.claim(shop.till.node, AT_TILL_1, command))

    def _refund(self, shop: Shop) -> None:
        if not shop.sales:
            return
        sale = self._rng.choice(shop.sales[-8:])
        how: dict[str, Any] = {"whole": True}
        if self._rng.random() < 0.6:  # noqa: PLR2004 - a chance
            at = self._rng.randrange(len(sale.lines))
            how = {"lines": (AskedLine(at, 1),)}
        command = RefundCommand(refund_id=shop.till.new_id(), sale_id=sale.sale_id, reason="cold", **how)
        self._did("refund", refunds.give_back(shop.till.node, REFUNDER, command))

    def _sign_in(self, shop: Shop) -> None:
        if member_id := self._member(shop, self._rng.choice(self._people)):
            command = SeenCommand(request_id=shop.till.new_id(), member_id=member_id, by="phone", sign_in=True)
            self._did("sign_in", visits.seen(shop.till.node, AT_TILL_1, command))

    def _did(self, name: str, done: object) -> bool:
        ok = isinstance(done, Done)
        self.done[name if ok else f"{name}_refused"] += 1
        return ok

    # ------------------------------------------------------------------------------------------------- what the network does

    def _deliver(self) -> None:
        """One store's facts arrive, or all's; the booker follows now, later, or only a little."""
        for shop in self._rng.sample(self.shops, self._rng.randint(1, len(self.shops))):
            shop.till.send()
        if self._rng.random() < 0.7:  # noqa: PLR2004 - a chance
            self.hub.booker.run_once(self._rng.choice((1, 3, 500)))
        self.done["deliver"] += 1

    def _tell_down(self) -> None:
        for shop in self._rng.sample(self.shops, self._rng.randint(1, len(self.shops))):
            shop.till.pull()
            if shop.till.online and self._rng.random() < 0.7:  # noqa: PLR2004 - a chance
                care.care(shop.till.node)
        self.done["tell_down"] += 1

    def _repeat(self) -> None:
        """A message of a store arrives once more, or what a replaced node owed arrives at last."""
        shop = self._rng.choice(self.shops + self.old)
        if shop.fenced:
            shop.till.online = True
            shop.till.send()
            shop.till.online = False
        lane = shop.till.kit.lanes[0]
        if lane:
            first = self._rng.randint(1, len(lane))
            self.hub.kit.ingest.receive([shop.till.kit.batch(first, self._rng.randint(first, len(lane)))])
        self.hub.booker.catch_up()
        self.done["repeat"] += 1

    def _cut_or_mend(self) -> None:
        shop = self._rng.choice(self.shops)
        shop.till.online = not shop.till.online
        self.done["mend" if shop.till.online else "cut"] += 1

    def _lose_answers(self) -> None:
        shop = self._rng.choice(self.shops)
        lost = shop.till.questions.lost
        if lost:
            lost.clear()
        else:
            lost.update(self._rng.sample(("member.key", "member.keys", "member.find", "grant.ask"), 2))
        self.done["lose_answers"] += 1

    def _set_wall(self) -> None:
        shop = self._rng.choice(self.shops)
        shop.wall.off_ms = self._rng.choice((-30, -2, 0, 0, 2, 30, 80)) * HOUR_MS
        self.done["set_wall"] += 1

    def _pass_time(self) -> None:
        self._clock.advance(self._rng.choice((3, 12, 30)) * HOUR_MS)
        self.done["pass_time"] += 1

    def _night(self) -> None:
        self.hub.expiry.run()
        self.hub.grants.nightly()
        self.done["night"] += 1

    def _replace(self) -> None:
        """A store gets another computer; the old one goes on selling, and knows of nothing."""
        if len(self.old) >= OLD_NODES_MAX:
            return
        at = self._rng.randrange(len(self.shops))
        gone = self.shops[at]
        gone.fenced = True
        gone.till.online = False
        self.old.append(gone)
        self.shops[at] = self._open(gone.till.name)
        self.done["replace"] += 1

    # --------------------------------------------------------------------------------------------------------------- parts

    def _open(self, name: str) -> Shop:
        number = self.done["open"]
        self.done["open"] += 1
        wall = Wall(self.hub.kit.clock)
        self.hub.clock = wall
        till = Till(self.hub, name, self._folder / f"node-{number}", f"{name}-{number}")
        self.hub.clock = self.hub.kit.clock
        till._numbers = 10_000 * number  # noqa: SLF001 - ids of two computers of one store must differ
        self.hub.stores[name] = till  # type: ignore[assignment]
        till.sync()
        return Shop(till, wall)

    def _everywhere(self) -> list[Shop]:
        return [*self.shops, *self.old]

    def _views(self, shop: Shop) -> list[Finding]:
        """See that a store shows of a member what the book says."""
        found = []
        with shop.till.rig.db.read() as reader:
            for member_id in sorted(set(shop.members.values())):
                one = known.find(shop.till.node, reader, member_id, opens=False)
                if one is None or one.card is None:
                    found.append(Finding(BALANCES, f"{shop.till.name} does not know {member_id}"))
                elif one.points != (has := self.hub.points(member_id)):
                    found.append(Finding(BALANCES, f"{shop.till.name} shows {one.points} of {member_id}, not {has}"))
        return found


def run(seed: int) -> Outcome:
    """Live one world and judge it."""
    with tempfile.TemporaryDirectory(prefix="sim-value-", dir=SHM if SHM.is_dir() else None) as folder:
        world = ValueWorld(seed, Path(folder))
        try:
            world.live()
            world.mend()
            found = world.judge()
            risks = world.risks()
            if not found:
                found = world.outlive()
            return Outcome(seed, world.written(), tuple(found), tuple(risks), world.done)
        finally:
            world.close()
