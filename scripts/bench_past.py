"""The past of a store for `bench till`: so many orders settled by the product's own use cases, over as many days as they need.

Nothing is written past the product: every basket, table, payment and Z is a deed like any other, with its facts, its chain and its
tables, so `verify` holds afterwards. Only the commits are fewer: many deeds share a transaction, and the disk is not waited for.
"""

import contextlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge import settings as edge_settings
from edge import wiring
from edge.db import journal
from edge.db.staff import Session
from edge.domain.payment import AskedTender
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services.deeds import Done
from edge.services.money import pay_order
from edge.services.money.pay_order import PayCommand, PayLine
from edge.services.money.refunds import RefundCommand, give_back
from edge.services.money.settle_sale import SellCommand, settle_sale
from edge.services.node import Node
from edge.services.ordering import import_menu, orders
from edge.services.ordering.orders import OpenOrderCommand, StepsCommand
from edge.services.shifts import shifts
from edge.services.shifts.shifts import CloseCommand, CountCommand
from scripts.bench_guests import NOTE_FEN, PAST, REASON, AtCounter, AtTable, draw_guests, member_of
from scripts.bench_members_node import count_past
from scripts.bench_processes import BenchError
from sync.contract.facts import Lane
from sync.contract.shifts import Counted
from sync.node import database
from sync.node.database import Reader, Tx
from sync.node.head_note import HeadNote
from sync.node.ports import IdSource, ManualClock

T = TypeVar("T")

DAY_MS = 86_400_000
ORDERS_A_DAY = 1_000
OPEN_MS = 11 * 3_600_000
"""Orders of a day are spread over so long."""
DEEDS_A_COMMIT = 1_000
TILLS = 4
FIRST_GUEST = 1_000_000
"""Ids of the past are other ones than those of the runs."""
CACHE_KB = 400_000


class _ManyAtOnce:
    """A storage whose deeds share transactions: what `Database` promises, but for the disk."""

    def __init__(self, path: Path) -> None:
        self._raw: Any = database.connect(path)
        # Nobody else has the file open, and what is half written is thrown away: no log, no journal, no waiting.
        self._raw.execute("PRAGMA journal_mode=OFF")
        self._raw.execute("PRAGMA synchronous=OFF")
        self._raw.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        self._tx = database.tx_of(self._raw)
        self._deeds = 0

    def write(self, work: Callable[[Tx], T]) -> T:
        if not self._raw.in_transaction:
            self._raw.execute("BEGIN IMMEDIATE")
        # A refusal ends the whole benchmark, so nothing needs to be taken back.
        result = work(self._tx)
        self._deeds += 1
        if self._deeds % DEEDS_A_COMMIT == 0:
            self._raw.execute("COMMIT")
        return result

    @contextlib.contextmanager
    def read(self) -> Iterator[Reader]:
        yield self._tx

    def close(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("COMMIT")
        self._raw.execute("PRAGMA journal_mode=WAL")
        self._raw.close()


class Past:
    """A store's file that grows by a past, in steps; its last day is yesterday."""

    def __init__(self, config: Path, orders: int, seed: int, members: int = 0) -> None:
        """Prepare a file for so many orders in all; the node does not run while any are written.

        Args:
            members: how many it knows already; they are among the guests. 0 = none.
        """
        self._settings = edge_settings.load(config)
        self._dice = random.Random(seed)
        self._orders = orders
        self._members = members
        self._written = 0
        self.facts = 0

    def grow(self, upto: int, say: Callable[[str], None]) -> None:
        """Write orders until there are so many.

        Raises:
            BenchError: the node refused something.
        """
        opened, db = wiring.open_node(self._settings)
        epoch = opened.place().epoch
        try:
            import_menu.bring_into_force(opened, import_menu.read_file(Path(self._settings.store.menu_file)))
        finally:
            db.close()
        storage = _ManyAtOnce(db.path)
        try:
            self._write(opened, storage, upto, say)
            with storage.read() as reader:
                heads = journal.heads(reader, epoch)
                self.facts = sum(head.head_seq for head in heads.values())
                reached = journal.counter(reader, "n")
            if self._members:
                count_past(replace(opened, db=storage), self._members, (epoch, heads[Lane.TRADE].head_seq))
        finally:
            storage.close()
        # As a node leaves it: the number of the last commit stands beside the file.
        HeadNote(db.path).put(reached)

    def _write(self, opened: Node, storage: _ManyAtOnce, upto: int, say: Callable[[str], None]) -> None:
        days = -(-self._orders // ORDERS_A_DAY)
        begin_ms = opened.clock.now_ms() // DAY_MS * DAY_MS - days * DAY_MS
        clock = ManualClock(begin_ms)
        node = replace(opened, db=storage, clock=clock, ids=IdSource(clock, opened.chance))
        catalogue = node.shelf.catalogue
        assert catalogue is not None
        menu = json.loads(msgspec.json.encode(catalogue.menu))
        people = [Session(str(till + 1), "C1", "bench", Role.MANAGER) for till in range(TILLS)]
        first = FIRST_GUEST + self._written
        guests = draw_guests(menu, upto - self._written, self._dice, first=first, mix=PAST, members=self._members)
        for number, guest in enumerate(guests, start=self._written):
            day, order = divmod(number, ORDERS_A_DAY)
            clock.step_wall(begin_ms + day * DAY_MS + order * OPEN_MS // ORDERS_A_DAY - clock.now_ms())
            who = people[number % TILLS]
            if isinstance(guest, AtCounter):
                sale = msgspec.json.decode(guest.sale, type=SellCommand)
                _done(settle_sale(node, who, msgspec.structs.replace(sale, member_id=_whose(guest))))
                if guest.refund:
                    _done(give_back(node, who, msgspec.json.decode(guest.refund, type=RefundCommand)))
            else:
                _dine(node, who, guest, f"t{number % TILLS + 1}")
            if order == ORDERS_A_DAY - 1 or number == upto - 1:
                for one in people:
                    _close(node, one)
            if (number + 1) % 25_000 == 0:
                say(f"{number + 1} of {self._orders} past orders are in the file")
        self._written = upto


def _dine(node: Node, who: Session, guest: AtTable, table: str) -> None:
    opening = json.dumps({**guest.opening, "table": table})
    _done(orders.open_order(node, who, msgspec.json.decode(opening, type=OpenOrderCommand)))
    for steps in guest.later:
        _done(orders.change(node, who, guest.order_id, msgspec.json.decode(steps, type=StepsCommand)))
    parts: list[tuple[str, ...]] = [guest.first_part, ()] if guest.first_part else [()]
    for sale_id, line_ids in zip(guest.sale_ids, parts, strict=True):
        lines = tuple(PayLine(line_id=line_id) for line_id in line_ids)
        bill = pay_order.read_bill(node, guest.order_id, lines)
        if isinstance(bill, Refused):
            raise BenchError(f"a bill of the past was refused: {bill.code}")
        cash = AskedTender(kind="cash", received_fen=bill.cash_fen)
        paid = PayCommand(sale_id=sale_id, lines=lines, tenders=(cash,), member_id=_whose(guest))
        _done(pay_order.pay_order(node, who, guest.order_id, paid))


def _whose(guest: AtCounter | AtTable) -> str:
    return member_of(guest.member) if guest.member >= 0 else ""


def _close(node: Node, who: Session) -> None:
    """Count a till and close it; what is counted is what should be there, but for the small change."""
    counted = msgspec.json.decode(
        _done(shifts.count_drawer(node, who, CountCommand(request_id=_fresh(node), counted=())))
    )
    notes = (Counted(unit_fen=NOTE_FEN, pieces=counted["expected_fen"] // NOTE_FEN),)
    _done(shifts.count_drawer(node, who, CountCommand(request_id=_fresh(node), counted=notes)))
    _done(shifts.close_till(node, who, CloseCommand(request_id=_fresh(node), left_fen=0, reason=REASON)))


def _fresh(node: Node) -> str:
    return node.ids.uuid7().hex()


def _done(result: Done | Refused) -> bytes:
    if isinstance(result, Refused):
        raise BenchError(f"the past could not be written: {result.code} {result.details}")
    return result.answer
