"""What the scratch world is given of the store: its people with their PINs, its terminals, its tables, its menu. Nothing goes back.

Of money, orders, stock, numbers and the journal it is given nothing, and it has keys of its own: what it signs (invites, approvals, table
codes) is believed by nobody.
"""

import base64
from pathlib import Path
from typing import Final

import msgspec

from edge.db import floor, journal, practice, staff
from edge.services.deeds import Deed
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.node import Node
from edge.services.ordering import import_menu
from edge.services.people import staff as people
from edge.settings import EdgeSettings
from sync.contract import orders
from sync.contract.menu import Menu
from sync.contract.words import Name
from sync.node.database import Tx
from sync.node.keys import Identity

STORE: Final = "practice"
EPOCH: Final = 1
NOWHERE: Final = "https://practice.invalid"
"""Where the codes on its slips lead: nowhere (RFC 2606)."""
MENU: Final = Path(__file__).parent / "menu.toml"
"""A small menu for a node that has none yet."""


def grant(name: Name, identity: Identity) -> Enrolment:
    """Make the epoch of a scratch world; no hub granted it."""
    return Enrolment(
        tenant=STORE,
        store=STORE,
        epoch=EPOCH,
        node="0" * 32,
        hub_signing=base64.b64encode(bytes(32)).decode(),
        hub_agreement=base64.b64encode(bytes(32)).decode(),
        name=name,
        broker=Broker(host="127.0.0.1", port=1, username="", token=""),
        public_url=NOWHERE,
        key_id=identity.public.key_id.hex(),
    )


def settings_of(real: Node, folder: Path) -> EdgeSettings:
    """Give the settings of a scratch world: the store's, without what reaches out of it."""
    settings = real.settings
    return msgspec.structs.replace(
        settings,
        data_dir=str(folder),
        twins_dir=str(folder / "twins"),
        store=msgspec.structs.replace(real.store_rules, menu_file=""),
        house=msgspec.structs.replace(real.house, fapiao_url=""),
        web=msgspec.structs.replace(settings.web, lan_host="", guest_host=""),
    )


def fill(real: Node, scratch: Node) -> None:
    """Give a fresh scratch world its people, terminals, tables and menu."""
    with real.db.read() as reader:
        everybody = staff.cashiers(reader)
        copied = practice.copied(reader)
        drawn = floor.drawn(reader)
    place = scratch.place()

    def work(tx: Tx) -> None:
        journal.open_epoch(tx, STORE, EPOCH)
        for one in everybody:
            staff.put_newcomer(tx, one)
        practice.keep(tx, copied)
        if drawn is not None:
            Deed(scratch, tx, place, None).write(orders.FLOOR_DRAWN, drawn.plan)

    scratch.db.write(work)
    people.declare(scratch)
    import_menu.bring_into_force(scratch, _menu_of(real))


def _menu_of(real: Node) -> Menu:
    if real.shelf.catalogue is not None:
        return msgspec.structs.replace(real.shelf.catalogue.menu, version=0)
    file = real.settings.store.menu_file
    return import_menu.read_file(Path(file) if file else MENU)
