"""HQ's menu and prices come into force: complete, at their day, as one new local menu (protocol §5.7).

What holds is worked out anew from what is held each time something came down and each time the business day changed, so
nothing is missed and nothing is done twice. Of menus the store's own stands before the tenant's; prices are laid over it,
the store's own last. A tenant-wide price list is for the tenant-wide menu: a store with a menu of its own has its own prices.
Price lists say nothing while no menu of HQ is in force.
"""

import logging
from enum import Enum
from typing import NamedTuple

from edge.db import stream_appliers, streams
from edge.db.journal import Place
from edge.services.node import Node
from edge.services.ordering import import_menu
from sync.contract import menu as menus
from sync.contract import publications
from sync.contract import streams as contract
from sync.contract.facts import ContractError
from sync.contract.menu import Menu
from sync.contract.publications import Head
from sync.node.database import Reader, Tx

log = logging.getLogger(__name__)


class NoMenu(Enum):
    """HQ has published no menu for this store."""

    NO_MENU = "no menu of HQ"


NO_MENU = NoMenu.NO_MENU


class Waiting(NamedTuple):
    """A publication that waits for its day."""

    stream: str
    number: int
    effective_from: str


class _Chosen(NamedTuple):
    stream: str
    head: Head
    document: bytes

    @property
    def name(self) -> str:
        return f"{self.stream}#{self.head.number}"


def come_into_force(node: Node) -> bool:
    """Bring into force what is due and complete; False when that is in force already.

    What this version cannot read stays out of force, and what is in force stays: a newer node will read it.
    """
    if node.training:
        return False
    place = node.place()

    def work(tx: Tx) -> Menu | None:
        due = bring_due(tx, node, place)
        return None if due is NO_MENU else due

    try:
        menu = node.db.write(work)
    except ContractError as error:
        log.error("menu.refused", extra={"reason": str(error)[:200]})  # noqa: TRY400 - the sentence says it all
        return False
    if menu is None:
        return False
    import_menu.shown(node, menu, place.at_ms)
    log.info("menu.in_force", extra={"version": menu.version, "dishes": len(menu.dishes)})
    return True


def bring_due(tx: Tx, node: Node, place: Place) -> Menu | NoMenu | None:
    """Write what is due of HQ as the menu in force, within a transaction of the caller's, who shows it after the commit.

    Returns:
        The menu, None when it is in force already, `NO_MENU` when HQ has published none.

    Raises:
        ContractError: this version cannot read what is due.
    """
    chosen = _chosen(tx, place.store, place.day)
    if chosen is None:
        return NO_MENU
    menu_from, lists = chosen
    menu = publications.priced(
        menus.checked(menu_from.document), *(publications.read_prices(one.document) for one in lists)
    )
    for one in (menu_from, *lists):
        streams.note_begun(tx, one.stream, one.head.number, place.at_ms)
    return import_menu.bring(tx, node, place, menu, menu_from.name, tuple(one.name for one in lists))


def waiting(reader: Reader, store: str, day: str) -> list[Waiting]:
    """List the publications that are held complete and wait for their day."""
    found: list[Waiting] = []
    for stream in _streams_of(store):
        heads = publications.heads_of(stream_appliers.items(reader, stream))
        pending = publications.pending(heads, day, streams.begun(reader, stream))
        found += [Waiting(stream, head.number, head.effective_from) for head in pending]
    return sorted(found, key=lambda one: (one.effective_from, one.stream, one.number))


def _streams_of(store: str) -> list[str]:
    return [stream for name in (contract.MENU, contract.PRICES) for stream in (name, contract.own(name, store))]


def _chosen(reader: Reader, store: str, day: str) -> tuple[_Chosen, list[_Chosen]] | None:
    own = _in_force(reader, contract.own(contract.MENU, store), day)
    menu = own or _in_force(reader, contract.MENU, day)
    if menu is None:
        return None
    shared = None if own is not None else _in_force(reader, contract.PRICES, day)
    lists = (shared, _in_force(reader, contract.own(contract.PRICES, store), day))
    return menu, [one for one in lists if one is not None]


def _in_force(reader: Reader, stream: str, day: str) -> _Chosen | None:
    items = stream_appliers.items(reader, stream)
    head = publications.in_force(publications.heads_of(items), day, streams.begun(reader, stream))
    return None if head is None else _Chosen(stream, head, publications.document_of(items, head))
