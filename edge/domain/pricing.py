"""The node prices a basket from its own menu; what the browser believes a dish costs is never asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from edge.domain.refusal import Refused
from sync.contract import limits, trade
from sync.contract.menu import Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.orders import OrderLine
from sync.contract.trade import SoldLine, SoldModifier, SoldPart
from sync.contract.words import has_control

MENU_PRICE: Final = -1
"""Said as a price: the menu's, or that of the day."""
NO_PRICES: Final[Mapping[str, int]] = MappingProxyType({})
Fen = Annotated[int, msgspec.Meta(ge=0, le=limits.PRICE_FEN_MAX)]
RateBp = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Reason = Annotated[str, msgspec.Meta(max_length=limits.REASON_CHARS_MAX)]
ApprovalId = Annotated[str, msgspec.Meta(max_length=32)]


class AskedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice within a set menu: a dish of one of its groups."""

    group: str
    dish_id: str


class BasketLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the till asks for: a dish, how many, which choices, a note for the slip; the weight of a dish by weight.

    A line that uses none of the fields from `weight_g` on is encoded as it was before there were any, so that a sale which is asked for
    again after an update is still known by its digest; the factories keep `omit_defaults` from leaving other fields out.
    `unit_fen` is the price of an open-price dish, or another than the menu's by somebody's word.
    """

    dish_id: str
    qty: int
    modifiers: tuple[str, ...] = msgspec.field(default_factory=lambda: ())
    note: str = msgspec.field(default_factory=str)
    weight_g: int = 0
    parts: tuple[AskedPart, ...] = ()
    unit_fen: Annotated[int, msgspec.Meta(ge=MENU_PRICE, le=limits.PRICE_FEN_MAX)] = MENU_PRICE
    rate_bp: RateBp = 0
    discount_fen: Fen = 0
    gift: bool = False
    reason: Reason = ""


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line that is to come onto an open order; `course` None = the dish's own."""

    line_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    dish_id: str
    qty: int
    modifiers: tuple[str, ...] = ()
    parts: tuple[AskedPart, ...] = ()
    note: str = ""
    weight_g: int = 0
    unit_fen: Annotated[int, msgspec.Meta(ge=MENU_PRICE, le=limits.PRICE_FEN_MAX)] = MENU_PRICE
    seat: Annotated[int, msgspec.Meta(ge=0, le=limits.COVERS_MAX)] = 0
    course: Annotated[int, msgspec.Meta(ge=0, le=limits.COURSE_MAX)] | None = None


@dataclass(frozen=True)
class Beside:
    """What of a line's dish does not stand in the line that is sold.

    Attributes:
        packing_fen: for one piece.
        overridden: its price is neither the menu's nor that of the day, nor was it open.
    """

    packing_fen: int = 0
    overridden: bool = False


@dataclass(frozen=True)
class Priced:
    """A basket with the node's prices, before any discount."""

    lines: tuple[SoldLine, ...]
    total_fen: int
    beside: tuple[Beside, ...] = ()


@dataclass(frozen=True)
class _Choice:
    """A dish with what was chosen of it and what one piece of it costs."""

    dish: Dish
    modifiers: tuple[SoldModifier, ...]
    parts: tuple[SoldPart, ...]
    unit_fen: int
    overridden: bool

    @property
    def list_fen(self) -> int:
        """The menu's price, where it has one and another is asked."""
        return MENU_PRICE if self.dish.open_price or self.unit_fen == self.dish.price_fen else self.dish.price_fen

    def amount_fen(self, qty: int, weight_g: int) -> int:
        surcharges = [one.price_fen for one in self.modifiers] + [part.price_fen * part.qty for part in self.parts]
        return trade.line_amount_fen(self.unit_fen, surcharges, qty, weight_g, self.dish.per_g)


class Catalogue:
    """A menu with its look-ups made."""

    def __init__(self, menu: Menu) -> None:
        self.menu = menu
        self._dishes: dict[str, Dish] = menu.by_id
        self._groups: dict[str, ModifierGroup] = {group.id: group for group in menu.modifier_groups}
        self._options: dict[str, tuple[str, ModifierOption]] = {
            option.id: (group.id, option) for group in menu.modifier_groups for option in group.options
        }

    def price(self, basket: tuple[BasketLine, ...], prices: Mapping[str, int] = NO_PRICES) -> Priced | Refused:
        """Price a basket, or say which line cannot be sold and why; `details.line` counts from 0.

        Args:
            prices: of the day (时价), by dish.
        """
        if not basket:
            return Refused("empty_sale")
        if len(basket) > limits.SALE_LINES_MAX:
            return Refused("too_large", {"lines_max": limits.SALE_LINES_MAX})
        sold: list[SoldLine] = []
        beside: list[Beside] = []
        for position, line in enumerate(basket):
            choice = self._chosen(line, prices)
            if isinstance(choice, Refused):
                return Refused(choice.code, {"line": position, **choice.details})
            sold.append(_sold(choice, line))
            beside.append(Beside(choice.dish.packing_fen, choice.overridden))
        total_fen = sum(line.amount_fen for line in sold)
        if total_fen > limits.SALE_TOTAL_FEN_MAX:
            return Refused("amount_too_large", {"amount_fen_max": limits.SALE_TOTAL_FEN_MAX})
        return Priced(tuple(sold), total_fen, tuple(beside))

    def order_line(
        self, asked: AskedLine, prices: Mapping[str, int] = NO_PRICES, source: str = ""
    ) -> OrderLine | Refused:
        """Price a line for an open order, or say why it cannot be ordered.

        Args:
            prices: of the day (时价), by dish.
            source: `guest` for what a guest asked for by phone.
        """
        choice = self._chosen(asked, prices)
        if isinstance(choice, Refused):
            return choice
        if choice.overridden:
            # Another price is a step of its own, with its own permission.
            return Refused("price_fixed", {"dish_id": choice.dish.id})
        if choice.amount_fen(asked.qty, asked.weight_g) > limits.SALE_TOTAL_FEN_MAX:
            return Refused("amount_too_large", {"amount_fen_max": limits.SALE_TOTAL_FEN_MAX})
        dish = choice.dish
        return OrderLine(
            line_id=asked.line_id,
            dish_id=dish.id,
            code=dish.code,
            name=dish.name,
            qty=asked.qty,
            unit_fen=choice.unit_fen,
            list_fen=choice.list_fen,
            modifiers=choice.modifiers,
            parts=choice.parts,
            note=asked.note,
            seat=asked.seat,
            course=dish.course if asked.course is None else asked.course,
            weight_g=asked.weight_g,
            per_g=dish.per_g,
            station=dish.station,
            tax=dish.tax,
            packing_fen=dish.packing_fen,
            no_discount=dish.no_discount,
            menu=self.menu.version,
            source=source,
        )

    def _chosen(self, line: BasketLine | AskedLine, prices: Mapping[str, int]) -> _Choice | Refused:
        dish = self._dishes.get(line.dish_id)
        if dish is None:
            return Refused("unknown_dish", {"dish_id": line.dish_id[:64]})
        if not 1 <= line.qty <= limits.LINE_QTY_MAX:
            return Refused("qty_out_of_range", {"qty_max": limits.LINE_QTY_MAX})
        unweighable = _weight_refused(dish, line)
        if unweighable is not None:
            return unweighable
        if len(line.note) > limits.NOTE_CHARS_MAX or has_control(line.note):
            return Refused("bad_text", {"chars_max": limits.NOTE_CHARS_MAX})
        chosen = self._choose(dish, line.modifiers)
        if isinstance(chosen, Refused):
            return chosen
        parts = self._parts(dish, line.parts)
        if isinstance(parts, Refused):
            return parts
        of_day = prices.get(dish.id)
        if line.unit_fen < 0 and of_day is None and dish.open_price:
            return Refused("price_missing", {"dish_id": dish.id})
        usual_fen = dish.price_fen if of_day is None else of_day
        unit_fen = usual_fen if line.unit_fen < 0 else line.unit_fen
        is_open = dish.open_price and of_day is None
        return _Choice(dish, chosen, parts, unit_fen, overridden=unit_fen != usual_fen and not is_open)

    def _parts(self, dish: Dish, asked: tuple[AskedPart, ...]) -> tuple[SoldPart, ...] | Refused:
        """Say what a set menu consists of: what was chosen, and what there is no choice about."""
        if len(asked) > limits.SET_PARTS_MAX or len(set(asked)) != len(asked):
            return Refused("wrong_parts", {"dish_id": dish.id})
        groups = {group.id: group for group in dish.parts}
        taken: dict[str, list[str]] = {group: [] for group in groups}
        for part in asked:
            group = groups.get(part.group)
            if group is None or all(choice.dish_id != part.dish_id for choice in group.choices):
                return Refused("wrong_parts", {"dish_id": dish.id, "group": part.group[:64], "part": part.dish_id[:64]})
            taken[part.group].append(part.dish_id)
        sold: list[SoldPart] = []
        for group in dish.parts:
            fixed = group.min == len(group.choices)
            wanted = [choice for choice in group.choices if fixed or choice.dish_id in taken[group.id]]
            if not group.min <= len(wanted) <= group.max:
                return Refused(
                    "wrong_parts", {"dish_id": dish.id, "group": group.id, "min": group.min, "max": group.max}
                )
            for choice in wanted:
                within = self._dishes[choice.dish_id]
                sold.append(SoldPart(dish_id=within.id, code=within.code, name=within.name, qty=choice.qty,
                                     price_fen=choice.price_fen, station=within.station))  # fmt: skip
        return tuple(sold)

    def _choose(self, dish: Dish, modifiers: tuple[str, ...]) -> tuple[SoldModifier, ...] | Refused:
        if len(modifiers) > limits.LINE_MODIFIERS_MAX or len(set(modifiers)) != len(modifiers):
            return Refused("too_many_modifiers", {"dish_id": dish.id})
        taken = dict.fromkeys(dish.modifier_groups, 0)
        chosen: list[SoldModifier] = []
        for modifier in modifiers:
            group_id, option = self._options.get(modifier, ("", None))
            if option is None or group_id not in taken:
                return Refused("unknown_modifier", {"dish_id": dish.id, "modifier": modifier[:64]})
            taken[group_id] += 1
            chosen.append(SoldModifier(option.id, option.name, option.price_fen))
        for group_id, count in taken.items():
            group = self._groups[group_id]
            if count > group.max:
                return Refused("too_many_modifiers", {"dish_id": dish.id, "group": group_id, "max": group.max})
            if count < group.min:
                return Refused("too_few_modifiers", {"dish_id": dish.id, "group": group_id, "min": group.min})
        return tuple(chosen)


def _sold(choice: _Choice, line: BasketLine) -> SoldLine:
    dish = choice.dish
    return SoldLine(
        dish_id=dish.id,
        code=dish.code,
        name=dish.name,
        qty=line.qty,
        unit_fen=choice.unit_fen,
        modifiers=choice.modifiers,
        note=line.note,
        amount_fen=choice.amount_fen(line.qty, line.weight_g),
        weight_g=line.weight_g,
        per_g=dish.per_g,
        list_fen=choice.list_fen,
        parts=choice.parts,
        tax=dish.tax,
        no_discount=dish.no_discount,
    )


def _weight_refused(dish: Dish, line: BasketLine | AskedLine) -> Refused | None:
    """Say why a line's weight does not fit its dish: none where there must be one, one where there may be none, out of bounds."""
    if dish.per_g == 0:
        return None if line.weight_g == 0 else Refused("weight_not_taken", {"dish_id": dish.id})
    if line.weight_g == 0:
        return Refused("weight_missing", {"dish_id": dish.id})
    if not 1 <= line.weight_g <= limits.LINE_WEIGHT_G_MAX:
        return Refused("weight_out_of_range", {"weight_g_min": 1, "weight_g_max": limits.LINE_WEIGHT_G_MAX})
    if line.qty != 1:
        return Refused("qty_out_of_range", {"qty_max": 1})
    return None
