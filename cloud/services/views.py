"""What the hub tells people and programs, as frozen structs; encoded to JSON they are the answers of `/api/v1`."""

import msgspec

from sync.contract.trade import Adjustment, TaxLine
from sync.contract.words import Name


class LaneWaiting(msgspec.Struct, frozen=True):
    """Facts that a store holds and the hub has not acknowledged, by its last heartbeat."""

    trade: int
    operations: int


class LaneVerified(msgspec.Struct, frozen=True):
    """The seq up to which each lane of a store's current epoch is stored and chain-verified."""

    trade: int
    operations: int


class StoreView(msgspec.Struct, frozen=True, kw_only=True):
    """A store as the overview shows it.

    `state` is `online`, `away` or `never`. `waiting` is None when the store never said; when the state is `away` it is
    as old as `last_seen_ms`, and so are the figures behind `data_as_of_ms`. `sales` and `amount_fen` are of all days,
    `day_sales` and `day_amount_fen` of `day`.
    """

    id: str
    name: Name
    epoch: int
    state: str
    last_seen_ms: int | None
    data_as_of_ms: int | None
    waiting: LaneWaiting | None
    verified: LaneVerified
    chain_ok: bool
    fork_seq: int | None = None
    late: int = 0
    """Facts of a replaced computer that came after another took its place."""
    sales: int
    amount_fen: int
    day: str
    day_sales: int
    day_amount_fen: int
    quarantined: int
    parked: int


class ModifierView(msgspec.Struct, frozen=True):
    """A choice on a line, with its surcharge for one piece."""

    id: str
    name: Name
    price_fen: int


class LineView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line as it was sold; `weight_g` and `per_g` (what `unit_fen` is for) stand only on a line by weight."""

    dish_id: str
    code: str
    name: Name
    qty: int
    unit_fen: int
    modifiers: tuple[ModifierView, ...]
    note: str
    amount_fen: int
    weight_g: int = 0
    per_g: int = 0


class TenderView(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over and what was given back."""

    kind: str
    received_fen: int
    change_fen: int
    amount_fen: int


class InviteView(msgspec.Struct, frozen=True, kw_only=True):
    """The invite on the receipt; `url` is what its QR holds."""

    invite_id: str
    code: str
    short: str
    url: str
    expires_day: str


class SaleView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale as the store's fact has it. `n` is the place in the hub's order of arrival, the cursor of the list.

    A basket that was paid in cash has none of the fields behind `invite`.
    """

    n: int
    sale_id: str
    store: str
    store_name: Name
    till: str
    receipt_no: str
    business_day: str
    hour: int
    total_fen: int
    received_fen: int
    change_fen: int
    currency: str
    locale: str
    saved_ms: int
    stored_ms: int
    epoch: int
    lane: int
    seq: int
    lines: tuple[LineView, ...]
    tenders: tuple[TenderView, ...]
    invite: InviteView | None
    adjustments: tuple[Adjustment, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    tip_fen: int = 0
    table: str = ""
    part: str = ""


class SalesPage(msgspec.Struct, frozen=True):
    """A page of sales in order of arrival; `next` is the `after` of the next page, None at the end."""

    sales: tuple[SaleView, ...]
    next: int | None


class PathStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a sale's path. `step`: `paid`, `invite_issued`, `printed`, `print_parked`, `print_discarded`, `stored`.

    `stored` is the hub's commit; all other times are the store's. `copy` and `reason` belong to printing.
    """

    at_ms: int
    step: str
    copy: int | None = None
    reason: str = ""


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its chain: the hash before it, its own, as hex. `kind` is empty for bytes that are no fact."""

    seq: int
    kind: str
    before: str
    this: str


class ChainView(msgspec.Struct, frozen=True, kw_only=True):
    """A sale's place in its lane, hashed again from the stored bytes at the moment of asking.

    `links_ok`: previous, this and next hash onto each other. `lane_ok`: the whole lane does, from its beginning to
    `lane_seq`. `sums_ok`: the lines add up to the total, and the table says what the fact says. `number_once`: the
    receipt number stands once.
    """

    store: str
    epoch: int
    lane: int
    previous: LinkView | None
    this: LinkView
    next: LinkView | None
    links_ok: bool
    lane_ok: bool
    lane_seq: int
    key_id: str
    sums_ok: bool
    number_once: bool


class SaleNeighbours(msgspec.Struct, frozen=True):
    """The sale ids before and after one, in the store's own order."""

    previous: str | None
    next: str | None


class StoreTotal(msgspec.Struct, frozen=True):
    """A store's sum."""

    id: str
    name: Name
    sales: int
    amount_fen: int


class TotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of one business day, or of all days when `day` is None."""

    day: str | None
    stores: tuple[StoreTotal, ...]
    sales: int
    amount_fen: int


class HourTaking(msgspec.Struct, frozen=True):
    """What came in within one local hour, 0 to 23."""

    hour: int
    sales: int
    amount_fen: int


class StoreTakings(msgspec.Struct, frozen=True, kw_only=True):
    """A store's hours of a business day; only hours with sales are listed, in the order of the day.

    `known` is false where the hub holds nothing that could say what was sold: before the store was enrolled, and after the
    last that it told. The figures are 0 then, and mean nothing.
    """

    id: str
    name: Name
    known: bool
    hours: tuple[HourTaking, ...]
    sales: int
    amount_fen: int


class TakingsView(msgspec.Struct, frozen=True, kw_only=True):
    """Takings per store and hour of one business day; `hours` are those of all stores together.

    The sums are those of the stores that are known; `known` is false where none is.
    """

    day: str
    known: bool
    stores: tuple[StoreTakings, ...]
    hours: tuple[HourTaking, ...]
    sales: int
    amount_fen: int


class QuarantineRow(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that were refused for one reason. `store` is empty where the topic names none that is known.

    `harmless` marks what needs nobody (`replayed`: everything in it was held already).
    """

    reason: str
    store: str
    count: int
    first_ms: int
    last_ms: int
    harmless: bool


class ParkedView(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that is stored and could not be understood; it blocks nothing."""

    n: int
    store: str
    epoch: int
    lane: int
    seq: int
    kind: str
    reason: str
    at_ms: int


class ParkedFactView(msgspec.Struct, frozen=True, kw_only=True):
    """A parked fact with its bytes as text, for a person who has to find out; it may name a guest."""

    n: int
    store: str
    epoch: int
    lane: int
    seq: int
    kind: str
    reason: str
    received_ms: int
    text: str


class QuarantineView(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub refused (never stored) and what it parked (stored, not understood). `total` omits the harmless."""

    total: int
    reasons: tuple[QuarantineRow, ...]
    parked_total: int
    parked: tuple[ParkedView, ...]


class InviteVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a code counts: `valid`, `expired`, `forged`, `unknown_store` or `revoked`.

    The verdict needs the signature alone. `reached_hub` says whether the sale behind it has arrived; then `sale_id` and
    `receipt_no` name it. Everything but `verdict` is None where the code does not prove it.
    """

    verdict: str
    store: str | None = None
    store_name: Name | None = None
    issued_day: str | None = None
    expires_day: str | None = None
    short: str | None = None
    reached_hub: bool = False
    sale_id: str | None = None
    receipt_no: str | None = None
