"""The platforms and their orders as a screen shows them, and what each platform owes the store for a day."""

import msgspec

from edge.db import intake as kept
from edge.db import sales
from edge.db.intake import Kept
from edge.domain import intake
from edge.services.intake import to_sale
from edge.services.node import Node
from sync.contract.intake import PlatformItem
from sync.node.database import Reader

PAST_MAX = 30
"""Orders that are ready or off, as many as are shown."""


class PlatformView(msgspec.Struct, frozen=True, kw_only=True):
    """A platform; `away` = it did not answer the last time. `auto` = orders are accepted by themselves."""

    id: str
    name_zh: str
    name_en: str
    auto: bool
    away: bool


class PlatformOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a platform.

    Attributes:
        why: the code of what keeps it from being accepted; empty where it can be, or was.
        objection: what the platform refused to be told of it.
        receipt_no: of its sale.
    """

    order_id: str
    platform: str
    platform_no: str
    state: intake.State
    items: tuple[PlatformItem, ...]
    total_fen: int
    note: str
    at_ms: int
    n: int
    why: str
    why_dish: str
    sale_id: str
    receipt_no: str
    by: str
    reason: str
    objection: str


class PlatformsView(msgspec.Struct, frozen=True, kw_only=True):
    """The platforms and their orders: `orders` wait or are being cooked, oldest first; `past` are ready or off, latest first."""

    n: int
    platforms: tuple[PlatformView, ...]
    orders: tuple[PlatformOrderView, ...]
    past: tuple[PlatformOrderView, ...]


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """What one platform owes for the orders of a day: accepted less given back. `cancelled` counts those that are off."""

    platform: str
    orders: int
    taken_fen: int
    cancelled: int
    returned_fen: int
    owed_fen: int


class OwedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the platforms owe for a business day."""

    day: str
    platforms: tuple[Owed, ...]


def read(node: Node) -> PlatformsView:
    """Give the platforms and their orders."""
    with node.db.read() as reader:
        objections = kept.objected(reader)
        return PlatformsView(
            n=kept.last_n(reader),
            platforms=tuple(
                PlatformView(
                    id=counter.settings.id,
                    name_zh=counter.settings.name_zh or counter.settings.id,
                    name_en=counter.settings.name_en or counter.settings.name_zh or counter.settings.id,
                    auto=counter.settings.auto,
                    away=node.intake.is_away(counter.settings.id),
                )
                for counter in node.intake.counters.values()
            ),
            orders=tuple(_view(node, reader, one, objections) for one in kept.at_work(reader)),
            past=tuple(_view(node, reader, one, objections) for one in kept.latest(reader, PAST_MAX)),
        )


def owed(node: Node, day: str) -> OwedAnswer:
    """Say what each platform owes for a business day, by the sales and refunds of its orders of that day."""
    with node.db.read() as reader:
        sums: dict[str, list[int]] = {}
        for one in kept.of_day(reader, day):
            if not one.sale_id:
                continue
            counts = sums.setdefault(one.platform, [0, 0, 0, 0])
            counts[0] += 1
            counts[1] += one.order.total_fen
            counts[2] += one.state == "cancelled"
            counts[3] += kept.returned_fen(reader, one.sale_id)
    return OwedAnswer(
        day=day,
        platforms=tuple(
            Owed(platform=platform, orders=n, taken_fen=taken, cancelled=gone, returned_fen=back, owed_fen=taken - back)
            for platform, (n, taken, gone, back) in sorted(sums.items())
        ),
    )


def _view(node: Node, reader: Reader, one: Kept, objections: dict[tuple[str, str], str]) -> PlatformOrderView:
    refusal = to_sale.cannot(node, reader, one) if one.state == "waiting" else None
    sold = sales.found_by_id(reader, one.sale_id) if one.sale_id else []
    return PlatformOrderView(
        order_id=one.order_id,
        platform=one.platform,
        platform_no=one.platform_no,
        state=msgspec.convert(one.state, intake.State),
        items=one.order.items,
        total_fen=one.order.total_fen,
        note=one.order.note,
        at_ms=one.at_ms,
        n=one.n,
        why="" if refusal is None else refusal.code,
        why_dish="" if refusal is None else str(refusal.details.get("dish_id", "")),
        sale_id=one.sale_id,
        receipt_no=sold[0].receipt_no if sold else "",
        by=one.by,
        reason=one.reason,
        objection=objections.get((one.platform, one.platform_no), ""),
    )
