"""Dishes of the day: what the store cooks today though its menu lacks it, whoever wrote that menu; sold by every till at once.

They are laid over the menu in force, HQ's or the store's own, and go by themselves when their last business day is over.
"""

from typing import Annotated

import msgspec

from edge.db import menus as kept_menus
from edge.db import specials
from edge.db.journal import Place
from edge.db.specials import Special
from edge.db.staff import Session
from edge.domain import specials as special_rules
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.hub import hub_menu
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.people.permit import permit
from sync.contract import limits, times
from sync.contract import menu as menus
from sync.contract.facts import ContractError
from sync.contract.house_day import DISH_SPECIAL, DishSpecial
from sync.contract.menu import Dish, Menu
from sync.contract.words import Name
from sync.node.database import Reader, Tx

DAYS_MAX = 60
"""A dish that is sold for longer belongs into the menu."""

_Id = Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
_Text = Annotated[str, msgspec.Meta(max_length=limits.NAME_CHARS_MAX)]
_Key = Annotated[str, msgspec.Meta(max_length=48)]


class SpecialCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A dish of the day as it is to be sold up to a business day; `on` false takes it off. No category = the one of specials."""

    request_id: _Id
    on: bool = True
    code: _Key = ""
    name_zh: _Text = ""
    name_en: _Text = ""
    price_fen: Annotated[int, msgspec.Meta(ge=0, le=limits.PRICE_FEN_MAX)] = 0
    category: _Key = ""
    station: _Key = ""
    until: Annotated[str, msgspec.Meta(max_length=10)] = ""


class SpecialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A dish of the day; `dish` None where it was taken off. `menu_version` is the menu that sells it."""

    special_id: str
    until: str
    dish: Dish | None
    menu_version: int


class SpecialsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The dishes of the day, with the business day that it is."""

    day: str
    specials: tuple[SpecialAnswer, ...]


class _Named(msgspec.Struct, frozen=True):
    special_id: str
    asked: SpecialCommand


def dish_id_of(special_id: str) -> str:
    """Give the id that a dish of the day has on the menu."""
    return f"special-{special_id}"


def keep(node: Node, who: Session, special_id: str, asked: SpecialCommand) -> Done | Refused:
    """Sell a dish of the day, change it or take it off. The answer is `SpecialAnswer`.

    Refused with `bad_special` {mistakes} when the menu cannot have it, `malformed` when its last day is none of the next `DAYS_MAX`.
    """
    brought: list[Menu] = []

    def work(deed: Deed) -> msgspec.Struct | Refused:
        brought.clear()
        permitted = permit(deed, Action.DAY_PRICE, special_id)
        if isinstance(permitted, Refused):
            return permitted
        base = import_menu.own(deed.tx)
        if base is None:
            return Refused("no_menu")
        until = asked.until or deed.place.day
        if not _is_soon(deed.place.day, until):
            return Refused("malformed", {"field": "until", "expected": f"one of the next {DAYS_MAX} days"})
        dish = _dish(special_id, asked) if asked.on else None
        if dish is not None:
            wrong = _mistakes(deed.tx, base, dish, deed.place.day)
            if wrong:
                return Refused("bad_special", {"mistakes": wrong[:5]})
        deed.write(DISH_SPECIAL, DishSpecial(dish_id=dish_id_of(special_id), until=until, dish=dish))
        menu = _lay(deed.tx, node, deed.place)
        brought.extend([] if menu is None else [menu])
        [(version, *_)] = kept_menus.newest(deed.tx)
        return SpecialAnswer(special_id=special_id, until=until, dish=dish, menu_version=version)

    done = deeds.transact(node, who, asked.request_id, _Named(special_id, asked), work)
    if isinstance(done, Done) and not done.repeated and brought:
        import_menu.shown(node, brought[0], node.clock.now_ms())
    return done


def today(node: Node) -> SpecialsAnswer:
    """List the dishes of the day, and those that are to come off later."""
    if node.enrolment is None:
        return SpecialsAnswer(day="", specials=())
    day = node.place().day
    with node.db.read() as reader:
        found = tuple(_said(node, one) for one in specials.every(reader, day))
    return SpecialsAnswer(day=day, specials=found)


def renew(node: Node) -> bool:
    """Take off what was for yesterday; done anew it changes nothing. HQ's menu comes into force by `hub_menu`, with its specials."""
    if node.training:
        return False
    place = node.place()
    with node.db.read() as reader:
        if not specials.ids(reader):
            return False
    menu = node.db.write(lambda tx: _lay(tx, node, place))
    if menu is None:
        return False
    import_menu.shown(node, menu, place.at_ms)
    return True


def _lay(tx: Tx, node: Node, place: Place) -> Menu | None:
    try:
        due = hub_menu.bring_due(tx, node, place)
        if due is not hub_menu.NO_MENU:
            return due
    except ContractError:
        # A newer node will read it; until then what is in force stays, with its dishes of the day.
        pass
    base = import_menu.own(tx)
    return None if base is None else import_menu.bring(tx, node, place, base)


def _is_soon(day: str, until: str) -> bool:
    try:
        return 0 <= times.epoch_day(until) - times.epoch_day(day) <= DAYS_MAX
    except ValueError:
        return False


def _dish(special_id: str, asked: SpecialCommand) -> Dish:
    zh, en = asked.name_zh.strip(), asked.name_en.strip()
    return Dish(
        id=dish_id_of(special_id),
        code=asked.code.strip(),
        name=Name(zh or en, en or zh),
        category=asked.category or special_rules.CATEGORY.id,
        price_fen=asked.price_fen,
        station=asked.station.strip(),
    )


def _mistakes(reader: Reader, base: Menu, dish: Dish, day: str) -> list[str]:
    """Hold a dish against the menu and the other dishes of the day; it may take the place of its own earlier word."""
    others = [one.dish for one in specials.every(reader, day) if one.dish is not None and one.dish_id != dish.id]
    menu = special_rules.laid(base, others)
    codes = {one.code for one in menu.dishes}
    if dish.code in codes:
        return [f"dish code {dish.code!r} stands twice"]
    known = {one.id for one in menu.categories} | {special_rules.CATEGORY.id}
    if dish.category not in known:
        return [f"there is no category {dish.category!r}"]
    return menus.mistakes(special_rules.laid(menu, [dish]))


def _said(node: Node, one: Special) -> SpecialAnswer:
    catalogue = node.shelf.catalogue
    return SpecialAnswer(
        special_id=one.dish_id.removeprefix("special-"),
        until=one.until,
        dish=one.dish,
        menu_version=0 if catalogue is None else catalogue.menu.version,
    )
