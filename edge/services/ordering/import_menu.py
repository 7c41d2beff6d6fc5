"""A menu from a file comes into force at this node, checked as a whole, with the fact that says so."""

import json
import tomllib
from pathlib import Path

import msgspec

from edge.db import journal, menus, projections, specials, streams
from edge.db.journal import Draft, Place
from edge.domain import specials as special_rules
from edge.domain.pricing import Catalogue
from edge.services.node import Node
from sync.contract import menu as menus_contract
from sync.contract import operations
from sync.contract import streams as contract
from sync.contract.facts import ContractError
from sync.contract.operations import MenuImported
from sync.node.database import Reader, Tx


class MenuError(ValueError):
    """The menu file cannot come into force; the message names every mistake."""


def read_file(path: Path) -> menus_contract.Menu:
    """Read and check a menu file, TOML or JSON.

    Raises:
        MenuError: with the file's name and everything that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return menus_contract.checked(json.dumps(tree).encode())
    except OSError as error:
        raise MenuError(f"{path}: not readable: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise MenuError(f"{path}: {error}") from error


def load_in_force(node: Node) -> None:
    """Put the newest menu of the node's file on the shelf, and the one before it for baskets of its time."""
    with node.db.read() as reader:
        held = menus.newest(reader, 2)
    for _, _, raw, imported_ms in reversed(held):
        node.shelf.put(Catalogue(msgspec.json.decode(raw, type=menus_contract.Menu)), imported_ms)


def from_file(node: Node, menu: menus_contract.Menu) -> int:
    """Bring the menu of the node's file into force, unless HQ's menu is: once HQ published one, the file says nothing.

    A file that came into force before says nothing new either: what was imported at the store since then stays.

    Returns:
        The version in force.

    Raises:
        ContractError: the node is not enrolled, so there is no journal to say it in.
    """
    with node.db.read() as reader:
        held = menus.newest(reader)
        seen = menus.file_seen(reader)
        if held and (streams.any_begun(reader, contract.MENU) or seen == menus_contract.digest(menu)):
            return held[0][0]
    version = bring_into_force(node, menu)
    node.db.write(lambda tx: menus.note_file(tx, menus_contract.digest(menu)))
    return version


def bring_into_force(node: Node, menu: menus_contract.Menu) -> int:
    """Bring a menu into force under the next version, unless its content is in force already.

    Returns:
        The version in force.

    Raises:
        ContractError: the node is not enrolled, so there is no journal to say it in.
    """
    with node.db.read() as reader:
        held = menus.newest(reader)
    if held and held[0][1] == menus_contract.digest(menu):
        return held[0][0]
    if node.training:
        raise ContractError("a node that is not enrolled has no menu of its own")
    place = node.place()
    brought = node.db.write(lambda tx: bring(tx, node, place, menu))
    if brought is None:
        # Only the dishes of the day stand beside it, and they did before.
        assert held
        return held[0][0]
    shown(node, brought, place.at_ms)
    return brought.version


def bring(
    tx: Tx, node: Node, place: Place, menu: menus_contract.Menu, source: str = "", prices: tuple[str, ...] = ()
) -> menus_contract.Menu | None:
    """Write a menu with the dishes of the day as the one in force, with its fact; None when its content is in force already.

    Args:
        tx: the transaction; the caller puts the menu on the shelf after its commit (`shown`).
        node: the node.
        place: where the fact belongs.
        menu: what is to hold.
        source: the publication of HQ that it is, as `stream#number`; empty for a file.
        prices: the price lists of HQ that were laid over it.
    """
    today = [one.dish for one in specials.every(tx, place.day) if one.dish is not None]
    menu = special_rules.laid(menu, today)
    digest = menus_contract.digest(menu)
    held = menus.newest(tx)
    if held and held[0][1] == digest:
        return None
    version = menus.next_version(tx)
    menu = msgspec.structs.replace(menu, version=version)
    body = MenuImported(version=version, dishes=len(menu.dishes), sha256=digest, menu=source, prices=prices)
    menus.insert(tx, (version, digest, msgspec.json.encode(menu)), place.at_ms)
    draft = Draft(fact_id=node.ids.uuid7(), lane=1, kind=operations.MENU_IMPORTED, v=1, body=body)
    for fact in journal.append(tx, place, node.identity, [draft]):
        projections.project(tx, fact)
    return menu


def own(reader: Reader) -> menus_contract.Menu | None:
    """Give the menu in force without the dishes of the day; None before the first."""
    held = menus.newest(reader)
    if not held:
        return None
    menu = msgspec.json.decode(held[0][2], type=menus_contract.Menu)
    return special_rules.without(menu, specials.ids(reader))


def shown(node: Node, menu: menus_contract.Menu, at_ms: int) -> None:
    """Sell by a menu that was committed."""
    node.shelf.put(Catalogue(menu), at_ms)
    node.committed.notify()
    node.changed.notify()
