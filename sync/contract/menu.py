"""The menu: reference data that both sides read alike, checked as a whole before it comes into force."""

import hashlib
import re
from functools import cached_property

import msgspec

from sync.contract import limits
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.words import Name, has_control

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")


class Category(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page of the till."""

    id: str
    name: Name


class ModifierOption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice within a group, with its surcharge for one piece."""

    id: str
    name: Name
    price_fen: int = 0


class ModifierGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choices that belong together; between `min` and `max` of them may be taken."""

    id: str
    name: Name
    options: tuple[ModifierOption, ...]
    min: int = 0
    max: int = 1


class PartChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A dish within a set menu: `qty` of it for one set, with its surcharge for one set."""

    dish_id: str
    qty: int = 1
    price_fen: int = 0


class PartGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A course of a set menu: between `min` and `max` of its dishes; as many as must be are taken where there are no others."""

    id: str
    name: Name
    choices: tuple[PartChoice, ...]
    min: int = 1
    max: int = 1


class Dish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something on sale. `initials` are the pinyin initials that the till searches by.

    `per_g` is 0 for a dish by the piece; 500 or 1000 make `price_fen` the price of that many grams, and its surcharges are for
    the line. A dish that uses none of the fields from `per_g` on is encoded as it was before there were any (and with every
    other field), so that the digest of a menu stays what it was: the factories keep `omit_defaults` from leaving those out.
    """

    id: str
    code: str
    name: Name
    category: str
    price_fen: int
    station: str = msgspec.field(default_factory=str)
    initials: str = msgspec.field(default_factory=str)
    modifier_groups: tuple[str, ...] = msgspec.field(default_factory=lambda: ())
    per_g: int = 0
    open_price: bool = False
    """时价: the price of the day counts, or what the till says where there is none; `price_fen` is then only a suggestion."""
    tax: str = ""
    """The tax that it falls under, by its id in the rules of the house; empty = the house's usual."""
    course: int = 0
    """The course that it goes with unless the waiter says another; 0 = at once."""
    packing_fen: int = 0
    """What packing one piece costs when it is taken away (打包费)."""
    allergens: tuple[str, ...] = ()
    """What of `ALLERGENS` is in it."""
    parts: tuple[PartGroup, ...] = ()
    """What a set menu consists of."""
    no_discount: bool = False
    """A discount of the whole order leaves it alone."""


ALLERGENS = (
    "gluten", "crustaceans", "egg", "fish", "peanut", "soy", "milk", "nuts",
    "celery", "mustard", "sesame", "sulphites", "lupin", "molluscs",
)  # fmt: skip
"""What a dish can be marked with; the first eight are those of GB 7718, all of them those of the EU."""


class Menu(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A whole menu under one version. It may keep look-ups beside its fields (`dict`); they never cross the wire."""

    currency: str
    categories: tuple[Category, ...]
    dishes: tuple[Dish, ...]
    modifier_groups: tuple[ModifierGroup, ...] = ()
    version: int = 0

    @cached_property
    def by_id(self) -> dict[str, Dish]:
        """Find a dish without walking 2,000 of them."""
        return {dish.id: dish for dish in self.dishes}


def mistakes(menu: Menu) -> list[str]:
    """List everything that is wrong with a menu, in sentences; an empty list means it may come into force."""
    found: list[str] = []
    if not menu.dishes:
        found.append("a menu needs at least one dish")
    categories = {category.id for category in menu.categories}
    groups = {group.id for group in menu.modifier_groups}
    found += _repeated("category", [category.id for category in menu.categories])
    found += _repeated("dish", [dish.id for dish in menu.dishes])
    found += _repeated("dish code", [dish.code for dish in menu.dishes])
    found += _repeated("modifier group", [group.id for group in menu.modifier_groups])
    found += _repeated("modifier", [option.id for group in menu.modifier_groups for option in group.options])
    for category in menu.categories:
        found += _name_mistakes(f"category {category.id}", category.name)
    dishes = {dish.id: dish for dish in menu.dishes}
    for dish in menu.dishes:
        found += _dish_mistakes(dish, categories, groups)
        found += _set_mistakes(dish, dishes)
    for group in menu.modifier_groups:
        found += _group_mistakes(group)
    return found


def checked(raw: bytes) -> Menu:
    """Read a menu from JSON and check it as a whole.

    Raises:
        ContractError: the bytes are no menu, or `mistakes` found some (all of them in one message).
    """
    try:
        menu = msgspec.json.decode(raw, type=Menu)
    except UNREADABLE as error:
        message = f"not a menu: {error}"
        raise ContractError(message) from error
    found = mistakes(menu)
    if found:
        raise ContractError("; ".join(found))
    return menu


def digest(menu: Menu) -> str:
    """Give the SHA-256 (hex) of a menu's content, whatever its version number."""
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(menu, version=0))).hexdigest()


def _repeated(what: str, keys: list[str]) -> list[str]:
    seen: set[str] = set()
    twice: list[str] = []
    for key in keys:
        if key in seen:
            twice.append(f"{what} {key!r} stands twice")
        seen.add(key)
    return twice


def _name_mistakes(where: str, name: Name) -> list[str]:
    if not name.zh.strip() or not name.en.strip():
        return [f"{where} needs a name in both languages"]
    if max(len(name.zh), len(name.en)) > limits.NAME_CHARS_MAX:
        return [f"{where}: a name may have {limits.NAME_CHARS_MAX} characters"]
    if has_control(name.zh) or has_control(name.en):
        return [f"{where}: the name holds a control character"]
    return []


def _dish_mistakes(dish: Dish, categories: set[str], groups: set[str]) -> list[str]:
    where = f"dish {dish.id!r}"
    found = _name_mistakes(where, dish.name)
    if _ID.fullmatch(dish.id) is None or _ID.fullmatch(dish.code) is None:
        found.append(f"{where}: id and code are letters, digits, dot, dash")
    if not 0 <= dish.price_fen <= limits.PRICE_FEN_MAX:
        found.append(f"{where}: the price lies outside 0 to {limits.PRICE_FEN_MAX} fen")
    if dish.per_g and dish.per_g not in limits.PER_G:
        found.append(
            f"{where}: a price by weight is for {' or '.join(map(str, limits.PER_G))} g; per_g is {dish.per_g}"
        )
    if dish.category not in categories:
        found.append(f"{where}: there is no category {dish.category!r}")
    found += [f"{where}: there is no modifier group {group!r}" for group in dish.modifier_groups if group not in groups]
    return found


def _set_mistakes(dish: Dish, dishes: dict[str, Dish]) -> list[str]:
    where = f"dish {dish.id!r}"
    found: list[str] = []
    if not 0 <= dish.course <= limits.COURSE_MAX:
        found.append(f"{where}: the course is 0 to {limits.COURSE_MAX}")
    if not 0 <= dish.packing_fen <= limits.PRICE_FEN_MAX:
        found.append(f"{where}: the packing lies outside 0 to {limits.PRICE_FEN_MAX} fen")
    if len(dish.tax) > limits.TAX_ID_CHARS_MAX or (dish.tax and _ID.fullmatch(dish.tax) is None):
        found.append(f"{where}: a tax is named by at most {limits.TAX_ID_CHARS_MAX} letters, digits, dot, dash")
    found += [f"{where}: there is no allergen {one!r}; there are {', '.join(ALLERGENS)}"
              for one in dish.allergens if one not in ALLERGENS]  # fmt: skip
    if dish.parts and dish.per_g:
        found.append(f"{where}: a set menu is not sold by weight")
    if len(dish.parts) > limits.SET_GROUPS_MAX:
        found.append(f"{where}: a set menu has at most {limits.SET_GROUPS_MAX} groups")
    found += _repeated(f"{where}: group", [group.id for group in dish.parts])
    for group in dish.parts:
        found += _part_mistakes(f"{where}, group {group.id!r}", group, dishes)
    return found


def _part_mistakes(where: str, group: PartGroup, dishes: dict[str, Dish]) -> list[str]:
    found = _name_mistakes(where, group.name)
    if not 0 <= group.min <= group.max <= len(group.choices) <= limits.SET_CHOICES_MAX or not group.choices:
        found.append(f"{where}: min and max do not fit its {len(group.choices)} choices")
    found += _repeated(f"{where}: dish", [choice.dish_id for choice in group.choices])
    for choice in group.choices:
        within = dishes.get(choice.dish_id)
        if within is None:
            found.append(f"{where}: there is no dish {choice.dish_id!r}")
        elif within.parts or within.per_g:
            found.append(f"{where}: {choice.dish_id!r} is a set menu or sold by weight, and cannot be within one")
        if not 1 <= choice.qty <= limits.SET_QTY_MAX:
            found.append(f"{where}: the quantity is 1 to {limits.SET_QTY_MAX}")
        if not 0 <= choice.price_fen <= limits.PRICE_FEN_MAX:
            found.append(f"{where}: a surcharge lies outside 0 to {limits.PRICE_FEN_MAX} fen")
    return found


def _group_mistakes(group: ModifierGroup) -> list[str]:
    where = f"modifier group {group.id!r}"
    found = _name_mistakes(where, group.name)
    if not group.options or not 0 <= group.min <= group.max <= len(group.options):
        found.append(f"{where}: min and max do not fit its {len(group.options)} options")
    for option in group.options:
        found += _name_mistakes(f"modifier {option.id!r}", option.name)
        if not 0 <= option.price_fen <= limits.PRICE_FEN_MAX:
            found.append(f"modifier {option.id!r}: the surcharge lies outside 0 to {limits.PRICE_FEN_MAX} fen")
    return found
