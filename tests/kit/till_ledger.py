"""What two tills come to, kept as a child would: tables with dishes, heaps of money, numbers on slips. The till's machine holds the product to it.

Nothing of the product is asked or imported: bills are worked out here anew, in whole fen, and money is moved as it moves on the counter.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

PRICES = {"a": 3_801, "b": 333, "c": 1_299, "d": 50}
"""Odd ones, so that every share leaves a remainder."""
COVER_FEN, SERVICE_BP, PACKING_FEN, ROUND_FEN = 200, 1_000, 100, 10
DINE_IN, TAKEAWAY, COUNTER = "dine_in", "takeaway", "counter"
BACK_ORDER = ("card", "static_code", "cash")
"""Money goes back by what leaves a trace first."""
FULL_BP = 10_000


@dataclass
class Dish:
    """A line: how many are wanted, what one costs, how many stand at the kitchen, how many were paid, what is off."""

    unit: int
    wanted: int
    sent: int = 0
    paid: int = 0
    rate_bp: int = 0
    off_fen: int = 0
    gift: bool = False

    @property
    def left(self) -> int:
        return self.wanted - self.paid

    @property
    def free(self) -> int:
        return self.wanted - max(self.sent, self.paid)

    @property
    def own_off(self) -> int:
        """What its own discount comes to, of all its pieces."""
        gross = self.unit * self.wanted
        if self.gift:
            return gross
        off = half_up(Fraction(gross * self.rate_bp, FULL_BP))
        return off + min(self.off_fen, gross - off)


@dataclass
class Guests:
    """An order: where they sit, what they have, what is off all of it, what was paid towards it."""

    service: str
    table: str = ""
    covers: int = 0
    dishes: dict[str, Dish] = field(default_factory=dict)
    rate_bp: int = 0
    off_fen: int = 0
    comp: bool = False
    parts: int = 0
    charged: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def left(self) -> dict[str, int]:
        return {name: dish.left for name, dish in self.dishes.items() if dish.left}

    @property
    def worth(self) -> int:
        return sum(dish.unit * dish.left for dish in self.dishes.values())

    @property
    def plain(self) -> bool:
        """Nothing was said about any price."""
        said = self.rate_bp or self.off_fen or self.comp
        return not said and not any(one.rate_bp or one.off_fen or one.gift for one in self.dishes.values())


@dataclass
class Sold:
    """A paid bill: what it came to, the ways it was paid, what of it still lies here. `exact`: each piece cost what the menu says."""

    till: str
    total: int
    tip: int
    ways: Counter[str]
    pieces: list[tuple[int, int]]
    service: str
    covers: int
    plain: bool
    exact: bool
    whole: bool
    table: str
    back: Counter[str] = field(default_factory=Counter)
    tip_back: int = 0
    gone: Counter[int] = field(default_factory=Counter)
    in_cash: bool = False

    @property
    def left(self) -> int:
        return self.total + self.tip - self.back.total()

    @property
    def tip_left(self) -> int:
        return max(0, min(self.left, self.tip - self.tip_back))


@dataclass
class Till:
    """What lies at a till since its last Z, and the numbers of its slips."""

    drawer: int = 0
    ways: Counter[str] = field(default_factory=Counter)
    sales: int = 0
    sales_fen: int = 0
    refunds_fen: int = 0
    tips: int = 0
    float_fen: int = 0
    receipts: int = 0
    refunds: int = 0
    z: int = 0
    grand: int = 0

    def take(self, way: str, fen: int) -> None:
        self.ways[way] += fen
        if way == "cash":
            self.drawer += fen

    def say_float(self, fen: int) -> None:
        self.drawer += fen - self.float_fen
        self.float_fen = fen

    def close(self) -> None:
        self.z += 1
        self.grand += self.sales_fen
        self.ways.clear()
        self.drawer = self.sales = self.sales_fen = self.refunds_fen = self.tips = self.float_fen = 0


@dataclass
class Due:
    """What a part of a bill comes to, and what of it are charges."""

    fen: int
    charges: Counter[str]


@dataclass
class Settled:
    """How a bill is paid: what of each way, what cash was rounded by, the change."""

    ways: Counter[str]
    fresh: Counter[str]
    rounding: int
    change: int


@dataclass
class Ledger:
    """The house."""

    tills: dict[str, Till] = field(default_factory=lambda: {"1": Till(), "2": Till()})
    orders: dict[str, Guests] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    sold: dict[str, Sold] = field(default_factory=dict)
    days: Counter[str] = field(default_factory=Counter)

    def book(
        self, till: str, guests: Guests, due: Due, paid: Settled, now: Mapping[str, int], about: tuple[str, int, str]
    ) -> Sold:
        """Book a sale: (id, tip, business day) beside what is paid."""
        sale_id, tip, day = about
        total = due.fen + paid.rounding
        heap = self.tills[till]
        heap.receipts, heap.sales, heap.sales_fen, heap.tips = (
            heap.receipts + 1, heap.sales + 1, heap.sales_fen + total, heap.tips + tip)  # fmt: skip
        for way, fen in paid.fresh.items():
            heap.take(way, fen)
        self.days[day] += total
        whole = guests.parts == 0 and dict(now) == {
            name: one.wanted for name, one in guests.dishes.items() if one.wanted
        }
        pieces = [(one.unit, now[name]) for name, one in guests.dishes.items() if now.get(name)]
        exact = guests.plain and guests.service != DINE_IN and not paid.rounding
        sold = Sold(
            till, total, tip, paid.ways, pieces, guests.service, guests.covers, guests.plain, exact, whole, guests.table
        )
        self.sold[sale_id] = sold
        guests.parts += 1
        guests.charged += due.charges
        for name, qty in now.items():
            guests.dishes[name].paid += qty
            guests.dishes[name].sent = guests.dishes[name].wanted
        return sold

    def free_seat(self, table: str) -> str:
        """The table itself where nobody sits at it, else none."""
        return "" if any(one.table == table for one in self.orders.values()) else table

    def close(self, order_id: str) -> None:
        del self.orders[order_id]
        self.closed.append(order_id)


def bill(guests: Guests, now: Mapping[str, int]) -> Due:
    """Work out what so many pieces of each line come to, as a part of the whole bill."""
    rows = {name: one for name, one in guests.dishes.items() if one.wanted}
    gross = {name: one.unit * one.wanted for name, one in rows.items()}
    off = {name: one.own_off for name, one in rows.items()}
    for rate_bp, fen in ((guests.rate_bp, 0), (0, guests.off_fen)):
        if guests.comp:
            break
        nets = [gross[name] - off[name] for name in rows]
        less = half_up(Fraction(sum(nets) * rate_bp, FULL_BP)) + min(fen, sum(nets))
        for name, share in zip(rows, dealt(less, nets), strict=True):
            off[name] += share
    if guests.comp:
        return Due(0, Counter())
    part = 0
    reached = 0
    last = True
    for name, one in rows.items():
        upto = one.paid + now.get(name, 0)
        part += pieces(gross[name], one, now.get(name, 0)) - pieces(off[name], one, now.get(name, 0))
        reached += gross[name] * upto // one.wanted
        last = last and upto == one.wanted
    dishes = sum(gross.values()) - sum(off.values())
    whole = {"packing": PACKING_FEN} if guests.service == TAKEAWAY else {}
    if guests.service == DINE_IN:
        whole = {"cover": guests.covers * COVER_FEN, "service": half_up(Fraction(dishes * SERVICE_BP, FULL_BP))}
    charges = Counter[str]()
    for kind, fen in whole.items():
        upto = fen if last else fen * reached // sum(gross.values())
        charges[kind] = max(0, upto - guests.charged[kind])
    return Due(part + charges.total(), charges)


def settle(
    due: int, tip: int, before: list[tuple[str, int]], other: list[tuple[str, int]], received: int
) -> Settled | None:
    """Pay a bill: what was taken before, then other ways, cash for the rest; None where what was taken before is too much."""
    left = due + tip
    ways, fresh = Counter[str](), Counter[str]()
    for kind, fen in before:
        if fen > left or left == 0:
            return None
        ways[kind] += fen
        left -= fen
    for kind, fen in other:
        ways[kind] += fen
        fresh[kind] += fen
        left -= fen
    if left == 0:
        return Settled(ways, fresh, 0, received)
    rounding = -(max(0, left - tip) % ROUND_FEN)
    ways["cash"] += left + rounding
    fresh["cash"] += left + rounding
    return Settled(ways, fresh, rounding, received - left - rounding)


def allotted(sold: Sold, fen: int) -> Counter[str]:
    """Say by which ways an amount goes back, where nothing went back another way before."""
    found = Counter[str]()
    for kind in BACK_ORDER:
        part = min(fen, sold.ways[kind] - sold.back[kind])
        if part > 0:
            found[kind] = part
            fen -= part
    return found


def pieces(fen: int, dish: Dish, now: int) -> int:
    """The share of so many pieces, counted on over those that were paid before."""
    return fen * (dish.paid + now) // dish.wanted - fen * dish.paid // dish.wanted


def dealt(fen: int, weights: list[int]) -> list[int]:
    """Deal an amount out by weights, the odd fen to the largest remainders, the earlier one first."""
    if not sum(weights):
        return [0] * len(weights)
    exact = [Fraction(fen * weight, sum(weights)) for weight in weights]
    whole = [int(one) for one in exact]
    first = sorted(range(len(exact)), key=lambda at: whole[at] - exact[at])
    for at in first[: fen - sum(whole)]:
        whole[at] += 1
    return whole


def half_up(fen: Fraction) -> int:
    return int(fen + Fraction(1, 2))


def business_day(wall_ms: int) -> str:
    """The day in Shanghai, which ends at four in the morning."""
    return (datetime.fromtimestamp(wall_ms / 1000, tz=UTC) + timedelta(hours=8 - 4)).date().isoformat()
