"""The node prices a basket from its own menu; what the browser believes a dish costs is never asked."""

from dataclasses import dataclass

import msgspec

from edge.domain.refusal import Refused
from sync.contract import limits, trade
from sync.contract.menu import Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.trade import SoldLine, SoldModifier
from sync.contract.words import has_control


class BasketLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the till asks for: a dish, how many, which choices, a note for the slip; the weight of a dish by weight.

    A line without a weight is encoded as it was before there were weights, so that a sale which is asked for again after an
    update is still known by its digest; the factories keep `omit_defaults` from leaving other fields out.
    """

    dish_id: str
    qty: int
    modifiers: tuple[str, ...] = msgspec.field(default_factory=lambda: ())
    note: str = msgspec.field(default_factory=str)
    weight_g: int = 0


@dataclass(frozen=True)
class Priced:
    """A basket with the node's prices."""

    lines: tuple[SoldLine, ...]
    total_fen: int


class Catalogue:
    """A menu with its look-ups made."""

    def __init__(self, menu: Menu) -> None:
        self.menu = menu
        self._dishes: dict[str, Dish] = {dish.id: dish for dish in menu.dishes}
        self._groups: dict[str, ModifierGroup] = {group.id: group for group in menu.modifier_groups}
        self._options: dict[str, tuple[str, ModifierOption]] = {
            option.id: (group.id, option) for group in menu.modifier_groups for option in group.options
        }

    def price(self, basket: tuple[BasketLine, ...]) -> Priced | Refused:
        """Price a basket, or say which line cannot be sold and why; `details.line` counts from 0."""
        if not basket:
            return Refused("empty_sale")
        if len(basket) > limits.SALE_LINES_MAX:
            return Refused("too_large", {"lines_max": limits.SALE_LINES_MAX})
        sold: list[SoldLine] = []
        for position, line in enumerate(basket):
            priced = self._price_line(line)
            if isinstance(priced, Refused):
                return Refused(priced.code, {"line": position, **priced.details})
            sold.append(priced)
        total_fen = sum(line.amount_fen for line in sold)
        if total_fen > limits.SALE_TOTAL_FEN_MAX:
            return Refused("amount_too_large", {"amount_fen_max": limits.SALE_TOTAL_FEN_MAX})
        return Priced(tuple(sold), total_fen)

    def _price_line(self, line: BasketLine) -> SoldLine | Refused:
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
        surcharges = [choice.price_fen for choice in chosen]
        amount_fen = trade.line_amount_fen(dish.price_fen, surcharges, line.qty, line.weight_g, dish.per_g)
        return SoldLine(
            dish_id=dish.id,
            code=dish.code,
            name=dish.name,
            qty=line.qty,
            unit_fen=dish.price_fen,
            modifiers=chosen,
            note=line.note,
            amount_fen=amount_fen,
            weight_g=line.weight_g,
            per_g=dish.per_g,
        )

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


def _weight_refused(dish: Dish, line: BasketLine) -> Refused | None:
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
