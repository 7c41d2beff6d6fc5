"""The facts of open orders (lane 1): opened, changed line by line, sent to the kitchen, moved, merged, split, closed.

Every fact is one step that says only what it changes, so that steps of two waiters who did not see each other merge: a line has
an id of its own, a quantity changes by a difference, a field is what was said last. What a list of steps comes to is folded by
`edge.domain.order`. Nothing here is needed to read a sale (DESIGN §3: lane 0 never needs lane 1).
"""

from typing import Literal

import msgspec

from sync.contract.trade import Adjustment, SoldLine, SoldModifier, SoldPart, TaxLine
from sync.contract.words import Name

Service = Literal["counter", "dine_in", "takeaway", "delivery"]
SERVICES: tuple[Service, ...] = ("counter", "dine_in", "takeaway", "delivery")

OPENED = "order.opened"
CHANGED = "order.changed"
LINE_ADDED = "order.line_added"
LINE_CHANGED = "order.line_changed"
LINE_VOIDED = "order.line_voided"
LINE_PRICED = "order.line_priced"
LINES_CONFIRMED = "order.lines_confirmed"
DISCOUNTED = "order.discounted"
SENT = "order.sent"
FIRED = "order.fired"
CHASED = "order.chased"
MOVED = "order.moved"
MERGED = "order.merged"
SPLIT = "order.split"
SETTLED = "order.settled"
CANCELLED = "order.cancelled"
DISH_STOCKED = "dish.stocked"
DISH_PRICED = "dish.priced"
FLOOR_DRAWN = "floor.drawn"
BUMPED = "kitchen.bumped"
COUNTER_SENT = "kitchen.counter_sent"
BILLED = "order.billed"


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line as it was ordered, with names and prices copied from the menu of that moment.

    `unit_fen` is what one piece (or `per_g` grams) costs without `modifiers` and `parts`. `course` 0 goes with the first send, others wait
    to be fired. `source` is `guest` for what a guest asked for by phone; such a line waits for `order.lines_confirmed`.
    """

    line_id: str
    dish_id: str
    code: str
    name: Name
    qty: int
    unit_fen: int
    list_fen: int = -1
    modifiers: tuple[SoldModifier, ...] = ()
    parts: tuple[SoldPart, ...] = ()
    note: str = ""
    seat: int = 0
    course: int = 0
    weight_g: int = 0
    per_g: int = 0
    station: str = ""
    tax: str = ""
    packing_fen: int = 0
    no_discount: bool = False
    menu: int = 0
    source: str = ""


class OrderOpened(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order began. `table` is an id of the floor plan, empty for none; `label` is what people call it (a name, a number).

    `replaces` names the sale that was reversed to make it again; `from_order` the order that it was split from.
    """

    order_id: str
    service: Service
    till: str
    table: str = ""
    label: str = ""
    covers: int = 0
    replaces: str = ""
    from_order: str = ""
    platform: str = ""
    platform_no: str = ""


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about the whole order is now so; what is None stays as it is. `held` = put aside (挂单)."""

    order_id: str
    service: Service | None = None
    label: str | None = None
    covers: int | None = None
    note: str | None = None
    allergies: str | None = None
    held: bool | None = None


class LineAdded(msgspec.Struct, frozen=True, kw_only=True):
    """A line came onto an order."""

    order_id: str
    line: OrderLine


class LineChanged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that is not at the kitchen yet changed: the quantity by a difference, the rest to what is said; None stays.

    `request_id` is the request that asked for another quantity: by it a late repeat is known where no stored answer is.
    """

    order_id: str
    line_id: str
    qty_delta: int = 0
    note: str | None = None
    modifiers: tuple[SoldModifier, ...] | None = None
    seat: int | None = None
    course: int | None = None
    weight_g: int | None = None
    request_id: str = ""


class LineVoided(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Pieces of a line are not wanted any more (退菜); `sent_qty` of them stood at the kitchen, which gets a void docket."""

    order_id: str
    line_id: str
    qty: int
    sent_qty: int = 0
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""
    request_id: str = ""


class LinePriced(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line costs something else: another price for one piece, a discount by rate or amount, or nothing at all (赠菜).

    One of `unit_fen` (≥ 0), `rate_bp`, `discount_fen`, `gift` is said; a later word replaces an earlier of the same sort, and a rate or
    an amount of 0 takes it back.
    """

    order_id: str
    line_id: str
    unit_fen: int = -1
    rate_bp: int = -1
    discount_fen: int = -1
    gift: bool | None = None
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""


class LinesConfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """A waiter took over what a guest had asked for by phone, or turned it down (`accepted` false)."""

    order_id: str
    line_ids: tuple[str, ...]
    accepted: bool


class Discounted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole order has a discount (整单折扣) or is on the house (免单, `comp`); rate and amount of 0 take it back."""

    order_id: str
    rate_bp: int = 0
    amount_fen: int = 0
    comp: bool = False
    reason: str = ""
    approved_by: str = ""
    approval_id: str = ""


class SentLine(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line went to the kitchen; those that are not `fired` wait there (叫起)."""

    line_id: str
    qty: int
    fired: bool


class OrderSent(msgspec.Struct, frozen=True, kw_only=True):
    """Lines went to the kitchen; `round` counts the sends of the order from 1."""

    order_id: str
    round: int
    lines: tuple[SentLine, ...]


class OrderFired(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that waited at the kitchen are wanted now (起菜)."""

    order_id: str
    line_ids: tuple[str, ...]


class OrderChased(msgspec.Struct, frozen=True, kw_only=True):
    """Lines are asked after (催菜)."""

    order_id: str
    line_ids: tuple[str, ...]


class OrderMoved(msgspec.Struct, frozen=True, kw_only=True):
    """An order went to another table."""

    order_id: str
    table: str
    from_table: str


class OrderMerged(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of an order went to another one; this one is closed, and who still adds to it is told where they went."""

    order_id: str
    into: str


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line; `as_line` is the line's id where they are now."""

    line_id: str
    qty: int
    as_line: str


class OrderSplit(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces of lines went to another order."""

    order_id: str
    into: str
    lines: tuple[Taken, ...]


class Paid(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a line were paid."""

    line_id: str
    qty: int


class OrderSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A sale paid pieces of an order; `closed` when nothing is left of it."""

    order_id: str
    sale_id: str
    lines: tuple[Paid, ...]
    closed: bool


class OrderCancelled(msgspec.Struct, frozen=True, kw_only=True):
    """An order on which nothing is left ends without a sale."""

    order_id: str
    reason: str


class DishStocked(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a dish are left (0 = sold out, 沽清); −1 = nobody counts any more. Adding lines counts down by itself."""

    dish_id: str
    left: int


class DishPriced(msgspec.Struct, frozen=True, kw_only=True):
    """The price of the day (时价) of a dish at this store; −1 = the menu's again."""

    dish_id: str
    price_fen: int


class Table(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A table on the plan: place and size in cells of the grid, from 0. `name` is what stands on it."""

    id: str
    name: str
    seats: int
    x: int
    y: int
    width: int = 2
    height: int = 2
    round: bool = False
    minimum_fen: int = 0
    """The least that its guests pay for (低消); 0 = no such rule."""


class Area(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A room or a part of it, with its grid."""

    id: str
    name: Name
    tables: tuple[Table, ...]
    columns: int = 24
    rows: int = 14


class FloorDrawn(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of the tables is now this."""

    version: int
    areas: tuple[Area, ...]


class Bumped(msgspec.Struct, frozen=True, kw_only=True):
    """The kitchen is done with lines of one station's docket (`done`), or takes that back."""

    order_id: str
    round: int
    station: str
    line_ids: tuple[str, ...]
    done: bool


class Cooked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dish of a basket that was paid at once, as its station cooks it; of a set menu `of` each part by itself."""

    name: Name
    qty: int
    station: str
    choices: tuple[Name, ...] = ()
    of: Name | None = None
    note: str = ""
    weight_g: int = 0
    per_g: int = 0


class CounterSent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the kitchen has to cook of a sale over the counter; people call it by its receipt's number."""

    sale_id: str
    receipt_no: str
    till: str
    dishes: tuple[Cooked, ...]
    service: str = ""


class OrderBilled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A bill was printed for an open order before it was paid (预结单): what its guests were shown."""

    order_id: str
    till: str
    locale: str
    currency: str
    lines: tuple[SoldLine, ...]
    total_fen: int
    taken_fen: int = 0
    adjustments: tuple[Adjustment, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    service: str = ""
    table: str = ""
    covers: int = 0


OrderStep = (
    OrderOpened
    | OrderChanged
    | LineAdded
    | LineChanged
    | LineVoided
    | LinePriced
    | LinesConfirmed
    | Discounted
    | OrderSent
    | OrderFired
    | OrderChased
    | OrderMoved
    | OrderMerged
    | OrderSplit
    | OrderSettled
    | OrderCancelled
)
"""Every body that changes one order; `order_id` names it."""

STEPS: dict[str, type[OrderStep]] = {
    OPENED: OrderOpened,
    CHANGED: OrderChanged,
    LINE_ADDED: LineAdded,
    LINE_CHANGED: LineChanged,
    LINE_VOIDED: LineVoided,
    LINE_PRICED: LinePriced,
    LINES_CONFIRMED: LinesConfirmed,
    DISCOUNTED: Discounted,
    SENT: OrderSent,
    FIRED: OrderFired,
    CHASED: OrderChased,
    MOVED: OrderMoved,
    MERGED: OrderMerged,
    SPLIT: OrderSplit,
    SETTLED: OrderSettled,
    CANCELLED: OrderCancelled,
}

KINDS: dict[str, type[msgspec.Struct]] = {
    **STEPS,
    DISH_STOCKED: DishStocked,
    DISH_PRICED: DishPriced,
    FLOOR_DRAWN: FloorDrawn,
    BUMPED: Bumped,
    COUNTER_SENT: CounterSent,
    BILLED: OrderBilled,
}
