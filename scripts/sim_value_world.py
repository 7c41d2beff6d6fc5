"""One seeded world of members: real nodes of three to five stores beside a real hub, on one chance and a clock that only steps move.

Guests and HQ do what they do (`sim_value_guests`, `sim_value_hq`) at stores that the network cuts off, delays and tells things twice;
nodes are replaced while the old one still sells, walls are set forward and back. At last everything is mended, delivered and cooled, and
the oracles look: `sim_value_oracle`, `sim_value_reference`.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud.db import ledger as rows
from cloud.services.elsewhere import Elsewhere
from cloud.services.members import asks
from cloud.services.questions import Questions
from edge.services.members import care
from scripts import sim_value_oracle as oracle
from scripts.sim_value_guests import Guests
from scripts.sim_value_hq import HeadOffice
from scripts.sim_value_oracle import BALANCES, OVERSPENT, Facts, Finding
from scripts.sim_value_reference import COOL_MS, People, Reference
from scripts.sim_value_shops import RULES, Shop, open_hub, open_shop
from sync.contract import times
from sync.node.ports import ManualClock
from tests.kit.member_hub import MemberHub

STEPS = (40, 70)
STORES = (3, 5)
OLD_NODES_MAX = 2
OUTAGE_MS = 100 * times.DAY_MS
"""Behind it every grant of a replaced node is over, and every lot has ended, whatever walls said."""
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
OFTEN = 0.7
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


class ValueWorld:
    """A hub and its stores, and the chance that all of it hangs on."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._rng = random.Random(f"value/{seed}")
        self._folder = folder
        self.database = open_hub(folder)
        self.hub = MemberHub(self.database, folder, rules=RULES)
        self._clock: ManualClock = self.hub.kit.clock
        handlers = asks.handlers(self.hub.shared) | Elsewhere(self._clock, self.hub.kit.invites).handlers()
        self.hub.questions = Questions(handlers, self._clock)
        self.done: Counter[str] = Counter()
        self.guests = Guests(self._rng, self.hub, self.done)
        self.hq = HeadOffice(self._rng, self.hub, self.done, self.guests.phones)
        self.shops = [self._open(f"s{number}") for number in range(1, self._rng.randint(*STORES) + 1)]
        self.old: list[Shop] = []
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
            (12, self.hq.do),
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
            self.guests.do(self._rng.choice(self.shops + self.old), self.shops)
            weights, faults = zip(*self._faults, strict=True)
            self._rng.choices(faults, weights)[0]()

    def mend(self) -> None:
        """Deliver everything, also what replaced nodes owe, let everybody hear of it, and let what cools have cooled."""
        for shop in self.old:
            shop.late()
        for shop in self.shops:
            shop.wall.off_ms = 0
            shop.till.online = True
            shop.till.questions.lost.clear()
        self._sync()
        for shop in self.shops:
            self.guests.end(shop)
        self._sync()
        for wait_ms in (COOL_MS, times.DAY_MS):
            self._clock.advance(wait_ms + MINUTE_MS)
            self.hq.settle()
            for shop in self.shops:
                self.guests.regret(shop)
            self._sync()

    def judge(self) -> list[Finding]:
        """Hold everything against the reference."""
        facts = Facts(shop.till for shop in self._everywhere())
        people = People(self.hub, self.hq)
        reference = Reference(facts, self.hub, self.hq, people, self.guests.phones)
        parted = people.parted(self.guests.phones)
        with self.database.read() as reader:
            found = oracle.breached(reader, facts, parted) + oracle.odd_conflicts(reader, parted)
        given = {one.issue_id: one.points for one in self.hq.issued}
        found += oracle.overspent(facts, given, parted)
        found += oracle.sums(self.hub) + oracle.taken_of_sales(facts) + oracle.gifts(facts)
        found += reference.compare() + reference.merged_away()
        found += [Finding(OVERSPENT, f"{one.points} by hand and by one person alone") for one in self.hq.alone]
        for shop in self.shops:
            found += oracle.views(self.hub, shop)
        return found

    def outlive(self) -> list[Finding]:
        """Let so much time pass that everything is over: grants of replaced nodes come back, what ended is gone, the sums stay."""
        self._clock.advance(OUTAGE_MS)
        for _ in range(2):
            self.hub.grants.nightly()
            self._sync()
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
            found = rows.risks(reader, oracle.ROWS_MAX)
        return [
            {"store": one.store, "points": one.qty, "open": one.open, "cause": one.cause, "by": one.approved_by}
            for one in reversed(found)
        ]

    def written(self) -> int:
        """Count the facts that all nodes wrote."""
        return sum(shop.till.rig.rows("SELECT count(*) FROM facts")[0][0] for shop in self._everywhere())

    # ------------------------------------------------------------------------------------------------- what the network does

    def _deliver(self) -> None:
        """One store's facts arrive, or all's; the booker follows now, later, or only a little."""
        for shop in self._some():
            shop.till.send()
        if self._rng.random() < OFTEN:
            self.hub.booker.run_once(self._rng.choice((1, 3, 500)))
        self.done["deliver"] += 1

    def _tell_down(self) -> None:
        for shop in self._some():
            shop.hear()
            if shop.till.online and self._rng.random() < OFTEN:
                care.care(shop.till.node)
        self.done["tell_down"] += 1

    def _repeat(self) -> None:
        """A message of a store arrives once more, or what a replaced node owed arrives at last."""
        shop = self._rng.choice(self.shops + self.old)
        if shop.fenced:
            shop.late()
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
        lost = self._rng.choice(self.shops).till.questions.lost
        if lost:
            lost.clear()
        else:
            names = ("member.key", "member.keys", "member.find", "grant.ask", "refund.reserve")
            lost.update(self._rng.sample(names, 2))
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
        self.shops[at] = self._open(gone.name)
        self.done["replace"] += 1

    # --------------------------------------------------------------------------------------------------------------- parts

    def _some(self) -> list[Shop]:
        return self._rng.sample(self.shops, self._rng.randint(1, len(self.shops)))

    def _sync(self) -> None:
        """Everything up, booked, everything down, and what follows from it up and down, too."""
        for cares in (True, False):
            for shop in self.shops:
                shop.till.send()
            self.hub.booker.catch_up()
            for shop in self.shops:
                shop.hear()
                if cares:
                    care.care(shop.till.node)

    def _open(self, name: str) -> Shop:
        self.done["open"] += 1
        return open_shop(self.hub, self._folder, name, self.done["open"] - 1)

    def _everywhere(self) -> list[Shop]:
        return [*self.shops, *self.old]


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
