"""A menu from a file comes into force at this node, checked as a whole, with the fact that says so."""

import json
import tomllib
from pathlib import Path

import msgspec

from edge.db import journal, menus, projections
from edge.db.journal import Draft
from edge.domain.pricing import Catalogue
from edge.services.node import Node
from sync.contract import menu as menus_contract
from sync.contract import operations
from sync.contract.facts import ContractError
from sync.contract.operations import MenuImported
from sync.node.database import Tx


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
    """Put the newest menu of the node's file on the shelf."""
    with node.db.read() as reader:
        held = menus.newest(reader)
    if held is not None:
        node.shelf.put(Catalogue(msgspec.json.decode(held[2], type=menus_contract.Menu)))


def bring_into_force(node: Node, menu: menus_contract.Menu) -> int:
    """Bring a menu into force under the next version, unless its content is in force already.

    Returns:
        The version in force.

    Raises:
        ContractError: the node is not enrolled, so there is no journal to say it in.
    """
    digest = menus_contract.digest(menu)
    with node.db.read() as reader:
        held = menus.newest(reader)
    if held is not None and held[1] == digest:
        return held[0]
    if node.training:
        raise ContractError("a node that is not enrolled has no menu of its own")
    version = 1 if held is None else held[0] + 1
    menu = msgspec.structs.replace(menu, version=version)
    place = node.place()
    draft = Draft(
        fact_id=node.ids.uuid7(),
        lane=1,
        kind=operations.MENU_IMPORTED,
        v=1,
        body=MenuImported(version=version, dishes=len(menu.dishes), sha256=digest),
    )

    def work(tx: Tx) -> None:
        menus.insert(tx, (version, digest, msgspec.json.encode(menu)), place.at_ms)
        for fact in journal.append(tx, place, node.identity, [draft]):
            projections.project(tx, fact)

    node.db.write(work)
    node.shelf.put(Catalogue(menu))
    node.changed.notify()
    return version
