"""What members ask of the node's file is answered from indexes: a bill must not become dearer with every bill before it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.db import members
from edge.db.staff import Session
from edge.services.deeds import Done
from edge.services.members import papers, view
from edge.services.money import book_sale, refunds, settle_sale
from edge.services.money.book_sale import SaleAnswer
from edge.services.money.refunds import RefundCommand
from edge.services.money.settle_sale import SellCommand
from edge.services.node import Node
from sync.node.database import Database, Reader, Row, Tx
from tests.kit.member_tills import PHONE, Till, World, cash, world
from tests.kit.nodes import AT_TILL_1, basket

T = TypeVar("T")
SMALL = {"dish_states"}
"""Tables that are as long as the menu, not as the past."""


class Planned:
    """A reader or transaction that notes which tables each query would go through from end to end."""

    def __init__(self, inner: Any, scans: set[str]) -> None:
        self._inner = inner
        self._scans = scans

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        for row in self._inner.execute(f"EXPLAIN QUERY PLAN {sql}", parameters):
            words = str(row[3]).split()
            if words[0] == "SCAN":
                self._scans.add(words[1])
        return list(self._inner.execute(sql, parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        for one in parameters:
            self.execute(sql, one)


class Watched:
    """The node's file, watched."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.scans: set[str] = set()

    def write(self, work: Callable[[Tx], T]) -> T:
        return self._db.write(lambda tx: work(Planned(tx, self.scans)))

    @contextmanager
    def read(self) -> Iterator[Reader]:
        with self._db.read() as reader:
            yield Planned(reader, self.scans)


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def till(shops: World) -> Till:
    return shops.till()


def pay(node: Node, till: Till, member_id: str) -> SaleAnswer:
    command = SellCommand(
        sale_id=till.new_id(), lines=basket(("d101", 1)), tenders=(cash(100_000),), member_id=member_id
    )
    done = settle_sale.settle_sale(node, AT_TILL_1, command)
    assert isinstance(done, Done), done
    return book_sale.read_answer(done.answer)


def give_back(node: Node, till: Till, sale: SaleAnswer) -> None:
    # Whoever sells may not take back alone what they sold.
    other: Session = AT_TILL_1._replace(cashier_id="c9")
    command = RefundCommand(refund_id=till.new_id(), sale_id=sale.sale_id, reason="cold", whole=True)
    done = refunds.give_back(node, other, command)
    assert isinstance(done, Done), done


def an_evening(till: Till) -> set[str]:
    """Sell to a member and to nobody, take back, find, show and print; gives what was gone through from end to end."""
    member_id = till.join(PHONE).member_id
    watched = Watched(till.rig.db)
    node = replace(till.node, db=watched)
    for whose in (member_id, ""):
        sale = pay(node, till, whose)
        assert papers.of_sale(node, sale.sale_id, sale.business_day) is not None
        give_back(node, till, sale)
    found = view.found(node, PHONE)
    assert found is not None
    assert found.members[0].member_id == member_id
    assert view.member(node, member_id) is not None
    with watched.read() as reader:
        members.risked_behind(reader, [member_id], members.NOWHERE)
        members.earned_on(reader, [member_id], "2026-01-01", "sale")
        members.earning_of_invite(reader, "x")
        members.held_by_invite(reader, "x")
        members.claimed_here(reader, "x")
    return watched.scans - SMALL


def test_nothing_that_grows_is_gone_through_from_end_to_end(till):
    assert an_evening(till) == set()


@pytest.mark.parametrize(
    ("index", "table"),
    [
        ("member_posts_by_member", "member_posts"),
        ("member_posts_by_invite", "member_posts"),
        ("member_posts_by_ref", "member_posts"),
        ("invite_claims_by_member", "invite_claims"),
    ],
)
def test_without_its_index_it_would_be_seen(till, index, table):
    """Negative control."""
    till.rig.db.write(lambda tx: tx.execute(f"DROP INDEX {index}"))
    assert an_evening(till) == {table}
