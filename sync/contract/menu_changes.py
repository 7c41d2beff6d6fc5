"""What a new menu changes: new, gone, changed with the old and the new, dish by dish (pure)."""

from collections.abc import Sequence

import msgspec

from sync.contract import money
from sync.contract.menu import Dish, Menu

PRICE = "price"
_FIELDS = (
    "name", "category", "station", "per_g", "modifier_groups", "initials", "id", "open_price", "tax", "course",
    "packing_fen", "allergens", "parts", "no_discount",
)  # fmt: skip


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. `what` is `new`, `gone` or `changed`; `old_fen` and `new_fen` are there where a price changed."""

    what: str
    code: str
    name: str
    field: str = ""
    old: str = ""
    new: str = ""
    old_fen: int | None = None
    new_fen: int | None = None


def menu_changes(before: Menu | None, after: Menu) -> list[Change]:
    """List what a menu changes, in the order of its dishes, then what is gone, then the groups and categories."""
    held = {} if before is None else {dish.code: dish for dish in before.dishes}
    found: list[Change] = []
    for dish in after.dishes:
        old = held.pop(dish.code, None)
        if old is None:
            found.append(Change(what="new", code=dish.code, name=dish.name.zh, new=money.plain(dish.price_fen)))
        else:
            found += _dish_changes(old, dish)
    found += [
        Change(what="gone", code=dish.code, name=dish.name.zh, old=money.plain(dish.price_fen))
        for dish in held.values()
    ]
    if before is not None:
        found += _part_changes("group", before.modifier_groups, after.modifier_groups)
        found += _part_changes("category", before.categories, after.categories)
    return found


def too_big(change: Change) -> bool:
    """Say whether a price changes by more than half of what it was."""
    if change.old_fen is None or change.new_fen is None or not change.old_fen:
        return False
    return 2 * abs(change.new_fen - change.old_fen) > change.old_fen


def _dish_changes(old: Dish, new: Dish) -> list[Change]:
    found = [] if old.price_fen == new.price_fen else [price_change(old, new)]
    for field in _FIELDS:
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            found.append(
                Change(what="changed", code=new.code, name=new.name.zh, field=field, old=_text(was), new=_text(now))
            )
    return found


def price_change(old: Dish, new: Dish) -> Change:
    """Say that a price changes."""
    return Change(
        what="changed",
        code=new.code,
        name=new.name.zh,
        field=PRICE,
        old=money.plain(old.price_fen),
        new=money.plain(new.price_fen),
        old_fen=old.price_fen,
        new_fen=new.price_fen,
    )


def _part_changes(field: str, before: Sequence[msgspec.Struct], after: Sequence[msgspec.Struct]) -> list[Change]:
    was = {str(getattr(one, "id", "")): one for one in before}
    now = {str(getattr(one, "id", "")): one for one in after}
    found: list[Change] = []
    for key in [*now, *(key for key in was if key not in now)]:
        if was.get(key) != now.get(key):
            what = "new" if key not in was else "gone" if key not in now else "changed"
            found.append(
                Change(what=what, code=key, name=field, field=field, old=_text(was.get(key)), new=_text(now.get(key)))
            )
    return found


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
