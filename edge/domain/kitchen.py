"""What the kitchen has to cook, piece by piece, and what a slip tells it (pure).

A piece of work (`Item`) is a dish at one station as it was sent in one round: a line of an order, or one part of a set menu. It is
taken down from, marked and settled, and never forgotten: what was voided stays to be seen until the cook has seen it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from edge.domain.order_state import Line, Order
from sync.contract.menu import Menu
from sync.contract.orders import Cooked, SentLine
from sync.contract.trade import SoldLine
from sync.contract.words import Name

What = Literal["send", "added", "void", "fire", "chase", "move", "allergy"]
"""What a slip tells: a first send, a later one, what is not wanted, what is wanted now, asked after, at another table, not to be eaten."""

WHOLE: Final = -1
"""The `part` of a line that is no set menu."""
NUMBER_CHARS: Final = 4


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A dish at one station, as it was sent in one round.

    Attributes:
        part: place within the set menu `of`; `WHOLE` for a line by itself.
        unit: pieces of this dish for one piece of the line.
        qty: pieces that were sent; `void_qty` of them are not wanted any more.
        added: the station had something of the order before (加菜).
        held: waits to be fired (叫起).
        sent_ms: wall times; 0 = not yet. `done_ms` = the kitchen is done with it.
    """

    line_id: str
    name: Name
    qty: int
    round: int
    part: int = WHOLE
    unit: int = 1
    of: Name | None = None
    choices: tuple[Name, ...] = ()
    note: str = ""
    seat: int = 0
    course: int = 0
    weight_g: int = 0
    per_g: int = 0
    added: bool = False
    held: bool = False
    void_qty: int = 0
    sent_ms: int = 0
    fired_ms: int = 0
    void_ms: int = 0
    chased_ms: int = 0
    done_ms: int = 0

    @property
    def left_qty(self) -> int:
        """Pieces that are wanted."""
        return self.qty - self.void_qty


class Slip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one station is told on paper. `called` is the table or the number; `was_called` where it was before it moved."""

    what: What
    called: str
    order_id: str
    round: int
    items: tuple[Item, ...]
    was_called: str = ""
    service: str = ""
    covers: int = 0
    note: str = ""
    allergies: str = ""
    at_ms: int = 0
    till: str = ""


def number_of(order_id: str) -> str:
    """Give the short number of an order, the same on paper and screen."""
    return "#" + order_id[-NUMBER_CHARS:].upper()


def called(order: Order, table_name: str) -> str:
    """Say what people call an order: its table, else what it is labelled, else its number."""
    if table_name:
        return f"{table_name} {order.label}".strip()
    return order.label or f"{order.platform} {order.platform_no}".strip() or number_of(order.order_id)


def items_of(line: Line, sent: SentLine, round_no: int, at_ms: int) -> list[tuple[str, Item]]:
    """Give each station its work of a line that is sent; a set menu goes to the stations of its parts.

    Nothing is for a station without a name: nobody cooks it.
    """
    whole = Item(
        line_id=line.line_id,
        name=line.name,
        qty=sent.qty,
        round=round_no,
        choices=tuple(one.name for one in line.modifiers),
        note=line.note,
        seat=line.seat,
        course=line.course,
        weight_g=line.weight_g,
        per_g=line.per_g,
        held=not sent.fired,
        sent_ms=at_ms,
        fired_ms=at_ms if sent.fired else 0,
    )
    if not line.parts:
        made = [(line.station, whole)]
    else:
        made = [
            (
                part.station or line.station,
                msgspec.structs.replace(
                    whole, name=part.name, of=line.name, part=place, unit=part.qty, qty=sent.qty * part.qty
                ),
            )
            for place, part in enumerate(line.parts)
        ]
    return [(station, item) for station, item in made if station]


def item_of(sale_id: str, place: int, dish: Cooked, at_ms: int) -> Item:
    """Give the work of a dish that was sold over the counter; its line has a name of its own within the sale."""
    line_id = f"{sale_id[:-NUMBER_CHARS]}{place:0{NUMBER_CHARS}x}"
    return Item(line_id=line_id, name=dish.name, qty=dish.qty, round=1, of=dish.of, choices=dish.choices, note=dish.note,
                weight_g=dish.weight_g, per_g=dish.per_g, sent_ms=at_ms, fired_ms=at_ms)  # fmt: skip


def cooked(lines: Iterable[SoldLine], menu: Menu, paper: str) -> tuple[Cooked, ...]:
    """Say what the kitchen has to cook of a basket; a set menu goes to the stations of its parts.

    Args:
        menu: says which station cooks a dish.
        paper: the station of receipts, which cooks nothing.
    """
    found: list[Cooked] = []
    for line in lines:
        dish = menu.by_id.get(line.dish_id)
        own = "" if dish is None else dish.station
        choices = tuple(one.name for one in line.modifiers)
        whole = Cooked(name=line.name, qty=line.qty, station=own, choices=choices, note=line.note, weight_g=line.weight_g,
                       per_g=line.per_g)  # fmt: skip
        if not line.parts:
            found.append(whole)
        for part in line.parts:
            each = msgspec.structs.replace(whole, name=part.name, of=line.name, qty=line.qty * part.qty,
                                           station=part.station or own)  # fmt: skip
            found.append(each)
    return tuple(one for one in found if one.station not in ("", paper))


def take(items: Sequence[Item], qty: int, *, held_last: bool = True) -> list[int]:
    """Say how many pieces of each item go when so many pieces of their line do: what is not done first, then the newest.

    Args:
        items: of one line and one part.
        qty: pieces of the line.
        held_last: what waits to be fired goes behind what was fired, as `edge.domain.order` counts it.
    """
    goes = [0] * len(items)
    wanted = qty * (items[0].unit if items else 1)
    order = sorted(
        range(len(items)), key=lambda at: (items[at].done_ms > 0, items[at].held and held_last, -items[at].round, at)
    )
    for at in order:
        goes[at] = min(wanted, items[at].left_qty)
        wanted -= goes[at]
    return goes


def split(item: Item, qty: int, as_line: str) -> tuple[Item, Item]:
    """Part an item in what stays and what goes to another order's line."""
    stays = msgspec.structs.replace(item, qty=item.qty - qty)
    return stays, msgspec.structs.replace(item, qty=qty, void_qty=0, void_ms=0, line_id=as_line)


def to_cook(items: Iterable[Item]) -> list[tuple[Name, int]]:
    """Sum what is left to cook by dish, most first; what waits to be fired does not count."""
    counted: dict[tuple[str, str], int] = {}
    for item in items:
        if not item.held and not item.done_ms and item.left_qty > 0:
            key = (item.name.zh, item.name.en)
            counted[key] = counted.get(key, 0) + item.left_qty
    return [(Name(*key), qty) for key, qty in sorted(counted.items(), key=lambda one: -one[1])]


def since_ms(items: Iterable[Item]) -> int:
    """Say since when the oldest wanted dish waits; 0 where everything is still held."""
    fired = [item.fired_ms for item in items if not item.held and item.left_qty > 0]
    return min(fired) if fired else 0
