"""Dishes of the day laid over a menu (pure): what a store cooks today though HQ's menu or the menu file does not know it."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from sync.contract.menu import Category, Dish, Menu
from sync.contract.words import Name

CATEGORY: Final = Category("today-special", Name("今日特选", "Today's specials"))
"""Where a dish of the day stands that names no category of the menu; it comes last, where it moves no other page of the
till, and is gone with the last of them."""


def without(menu: Menu, special_ids: Collection[str]) -> Menu:
    """Take the dishes of the day out of a menu that was in force."""
    if not special_ids:
        return menu
    dishes = tuple(dish for dish in menu.dishes if dish.id not in special_ids)
    return msgspec.structs.replace(menu, dishes=dishes, categories=_categories(menu, dishes))


def laid(menu: Menu, specials: Sequence[Dish]) -> Menu:
    """Lay dishes of the day over a menu; one whose id or code the menu has meanwhile itself stays away."""
    ids, codes = {dish.id for dish in menu.dishes}, {dish.code for dish in menu.dishes}
    known = {category.id for category in menu.categories}
    found = [
        dish if dish.category in known else msgspec.structs.replace(dish, category=CATEGORY.id)
        for dish in specials
        if dish.id not in ids and dish.code not in codes
    ]
    if not found:
        return menu
    dishes = (*menu.dishes, *found)
    return msgspec.structs.replace(menu, dishes=dishes, categories=_categories(menu, dishes))


def _categories(menu: Menu, dishes: Sequence[Dish]) -> tuple[Category, ...]:
    own = tuple(category for category in menu.categories if category.id != CATEGORY.id)
    return (*own, CATEGORY) if any(dish.category == CATEGORY.id for dish in dishes) else own
