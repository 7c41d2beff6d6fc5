"""A menu from a file that a manager hands in: tried first, with every mistake by its line and every change; then taken as a whole.

Once HQ has published a menu the store has that one; what the store may still say is dishes and prices of the day.
"""

import hashlib
from typing import Annotated

import msgspec

from edge.db import menus as kept
from edge.db import streams
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.people.permit import permit
from sync.contract import menu_changes, menu_table
from sync.contract import streams as contract
from sync.contract.menu import Menu
from sync.contract.menu_changes import PRICE, Change
from sync.contract.menu_table import Carte
from sync.contract.sheets import File, Mistake, UnreadableFile
from sync.node import tables
from sync.node.database import Reader

FILE_BYTES_MAX = 2 * 1024 * 1024
BODY_BYTES_MAX = 3 * 1024 * 1024
"""A file travels as base64 within JSON."""
TOLD_MAX = 500
"""So many mistakes and changes are told one by one; how many there are is told in any case."""
THE_MENU = "menu"

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
_Content = Annotated[bytes, msgspec.Meta(max_length=FILE_BYTES_MAX)]


class TryMenuCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file to be looked at: CSV, XLSX, JSON or TOML by the ending of its name."""

    name: _Name
    content: _Content


class TakeMenuCommand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file to be taken; `over` is the version of the menu that its changes were shown against."""

    request_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    name: _Name
    content: _Content
    over: int


class MenuTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a file would do.

    Attributes:
        over: version of the menu in force; 0 for none.
        dishes: that the file has.
        mistakes: everything that keeps it from being taken, up to `TOLD_MAX` of `mistakes_n`.
        changes: what it changes, up to `TOLD_MAX` of `changes_n`.
        big: codes of dishes whose price changes by more than half; `free` of those that cost nothing.
        of_hq: HQ publishes this store's menu, so that no file can be taken.
    """

    over: int
    dishes: int
    mistakes_n: int
    mistakes: tuple[Mistake, ...]
    changes_n: int
    changes: tuple[Change, ...]
    big: tuple[str, ...]
    free: tuple[str, ...]
    of_hq: bool


class MenuTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The menu that is in force now."""

    version: int
    dishes: int


class _Asked(msgspec.Struct, frozen=True):
    name: str
    sha256: str
    over: int


def look_at(node: Node, asked: TryMenuCommand) -> MenuTrial | Refused:
    """Say what a file would do, and write nothing; refused where no menu could be taken, so that nobody mends a file in vain."""
    if node.training:
        return Refused(node.idle_code)
    with node.db.read() as reader:
        before, version, of_hq = import_menu.own(reader), _version(reader), is_of_hq(reader)
    carte = _read(asked.name, asked.content, before)
    if isinstance(carte, list):
        return _trial(version, carte, None, of_hq=of_hq)
    changes = menu_changes.menu_changes(before, carte.menu)
    return _trial(version, carte.mistakes, carte.menu, changes, of_hq=of_hq)


def take(node: Node, who: Session, asked: TakeMenuCommand) -> Done | Refused:
    """Bring the menu of a file into force as a whole. The answer is `MenuTaken`.

    Refused with `menu_of_hq`, `stale_menu` {version} when another menu came into force meanwhile, `menu_mistakes` {count}.
    """
    brought: list[Menu] = []

    def work(deed: Deed) -> msgspec.Struct | Refused:
        brought.clear()
        permitted = permit(deed, Action.IMPORT_MENU, THE_MENU)
        if isinstance(permitted, Refused):
            return permitted
        if is_of_hq(deed.tx):
            return Refused("menu_of_hq")
        if _version(deed.tx) != asked.over:
            return Refused("stale_menu", {"version": _version(deed.tx)})
        carte = _read(asked.name, asked.content, import_menu.own(deed.tx))
        mistakes = carte if isinstance(carte, list) else carte.mistakes
        if isinstance(carte, list) or mistakes:
            return Refused("menu_mistakes", {"count": len(mistakes)})
        menu = import_menu.bring(deed.tx, node, deed.place, carte.menu)
        if menu is not None:
            brought.append(menu)
        return MenuTaken(version=_version(deed.tx), dishes=len(carte.menu.dishes))

    said = _Asked(asked.name, hashlib.sha256(asked.content).hexdigest(), asked.over)
    done = deeds.transact(node, who, asked.request_id, said, work)
    if isinstance(done, Done) and not done.repeated and brought:
        import_menu.shown(node, brought[0], node.clock.now_ms())
    return done


def as_table(node: Node) -> bytes:
    """Give the menu in force as CSV that `take` reads back; the dishes of the day are not of it."""
    with node.db.read() as reader:
        menu = import_menu.own(reader)
    return tables.as_csv([list(menu_table.COLUMNS)] if menu is None else menu_table.rows_of(menu))


def is_of_hq(reader: Reader) -> bool:
    """Say whether HQ publishes this store's menu."""
    return streams.any_begun(reader, contract.MENU)


def _version(reader: Reader) -> int:
    held = kept.newest(reader)
    return held[0][0] if held else 0


def _read(name: str, content: bytes, base: Menu | None) -> Carte | list[Mistake]:
    try:
        return tables.read_menu(File(name, content), base)
    except UnreadableFile as error:
        return error.mistakes


def _trial(
    version: int, mistakes: list[Mistake], menu: Menu | None, changes: list[Change] | None = None, *, of_hq: bool
) -> MenuTrial:
    found = changes or []
    return MenuTrial(
        over=version,
        dishes=0 if menu is None else len(menu.dishes),
        mistakes_n=len(mistakes),
        mistakes=tuple(sorted(mistakes, key=lambda one: one.line)[:TOLD_MAX]),
        changes_n=len(found),
        changes=tuple(found[:TOLD_MAX]),
        big=tuple(one.code for one in found if one.field == PRICE and menu_changes.too_big(one)),
        free=tuple(dish.code for dish in menu.dishes if not dish.price_fen and not mistakes)
        if menu is not None
        else (),
        of_hq=of_hq,
    )
