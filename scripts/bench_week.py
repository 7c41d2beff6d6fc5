"""A busy week in a node's file: orders settled by the product's own use case, with what the devices had to say about each."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from edge import settings as edge_settings
from edge import wiring
from edge.db import journal, projections
from edge.db.journal import Draft
from edge.db.staff import Session
from edge.services.money.settle_sale import SellCommand, Settled, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu
from scripts.bench_guests import make_orders
from scripts.bench_processes import BenchError
from sync.contract import operations
from sync.contract.operations import DrawerSettled, PrintSettled
from sync.node.database import Tx
from sync.node.ports import IdSource, ManualClock

DAYS = 7
DAY_MS = 86_400_000
OPEN_MS = 11 * 3_600_000
"""Orders of a day are spread over so long."""
SLIPS = ("receipt", "docket", "docket")
OPERATIONS_PER_ORDER = len(SLIPS) + 1
BATCH_ORDERS = 200


def write_week(config: Path, orders: int, seed: int, say: Callable[[str], None]) -> int:
    """Sell `orders` in the node's file, spread over the last seven days; gives the number of facts.

    Raises:
        BenchError: an order was refused.
    """
    settings = edge_settings.load(config)
    opened, db = wiring.open_node(settings)
    try:
        import_menu.bring_into_force(opened, import_menu.read_file(Path(settings.store.menu_file)))
        now_ms = opened.clock.now_ms()
        clock = ManualClock(now_ms - DAYS * DAY_MS)
        node = replace(opened, clock=clock, ids=IdSource(clock, opened.chance))
        catalogue = node.shelf.catalogue
        assert catalogue is not None
        menu = msgspec.json.decode(msgspec.json.encode(catalogue.menu))
        bodies = make_orders(menu, orders, random.Random(seed))
        per_day = -(-orders // DAYS)
        for at, body in enumerate(bodies):
            day, order = divmod(at, per_day)
            at_ms = now_ms - (DAYS - day) * DAY_MS + order * OPEN_MS // per_day
            clock.step_wall(at_ms - clock.now_ms())
            settled = settle_sale(node, Session("1", "C1", "bench"), msgspec.json.decode(body, type=SellCommand))
            if not isinstance(settled, Settled):
                raise BenchError(f"order {at} was refused: {settled.code}")
            _say_devices(node, msgspec.json.decode(body, type=SellCommand).sale_id, at)
            if (at + 1) % (10 * BATCH_ORDERS) == 0:
                say(f"{at + 1} of {orders} orders are in the store's file")
        with db.read() as reader:
            return sum(head.head_seq for head in journal.heads(reader, node.place().epoch).values())
    finally:
        db.close()


def _say_devices(node: Node, sale_id: str, at: int) -> None:
    """Write what the printers and the drawer told of an order, in one transaction."""
    place = node.place()
    drafts = [
        Draft(
            node.ids.uuid7(), 1, operations.PRINT_CONFIRMED, 1,
            PrintSettled(job_id=f"{at:08d}-{number}", document=document, subject=sale_id, copy=0),
        )
        for number, document in enumerate(SLIPS)
    ]  # fmt: skip
    drawer = DrawerSettled(
        job_id=f"{at:08d}-d", drawer="drawer", till="1", reason="sale", sale_id=sale_id, outcome="sent"
    )
    drafts.append(Draft(node.ids.uuid7(), 1, operations.DRAWER_OPENED, 1, drawer))

    def work(tx: Tx) -> None:
        for fact in journal.append(tx, place, node.identity, drafts):
            projections.project(tx, fact)

    node.db.write(work)
