"""A sale is given back by three stores in any order of asking, hearing and losing: never more than was paid goes to the guest.

The ledger is the sum of what left the drawers. One world serves all examples, with a new sale for each: what travels does so by whole
stores, so older sales are in the way as they are in life.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.db import sales
from cloud.services.elsewhere import Elsewhere
from cloud.services.questions import DONE, Questions, Verdict
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.money import elsewhere
from edge.services.money.elsewhere import DropCommand, ElsewhereCommand
from sync.contract.elsewhere import Leave, Reserve, Wanted
from sync.contract.refunds import RefundCeded, RefundTender
from tests.kit.nodes import uuid7_hex
from tests.kit.people import MANAGER, at
from tests.kit.shifts import refunded
from tests.kit.stores_apart import GUEST, SOLD, THIRD, Apart, apart

PAID_FEN = 7_900
AMOUNTS = (100, 1_200, 4_000, 7_900)
NUMBERS = count(1_000)

deeds = st.one_of(
    st.tuples(st.just("home"), st.sampled_from(AMOUNTS), st.booleans()),
    st.tuples(st.just("ask"), st.sampled_from((GUEST, THIRD)), st.sampled_from(AMOUNTS)),
    st.tuples(st.just("again"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("drop"), st.integers(0, 5), st.booleans()),
    st.tuples(st.just("up"), st.sampled_from((SOLD, GUEST, THIRD)), st.none()),
    st.tuples(st.just("down"), st.none(), st.none()),
    st.tuples(st.just("late"), st.sampled_from((60_000, 1_000_000)), st.none()),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    with apart(Path(tmp_path_factory.mktemp("apart")), SOLD, GUEST, THIRD) as made:
        yield made


class Day:
    """One sale, and everything that people try with it."""

    def __init__(self, world: Apart) -> None:
        self.world = world
        self.sale = next(NUMBERS)
        self.code = world.rigs[SOLD].sell(self.sale).invite.code
        world.up(SOLD)
        self.asks: list[tuple[str, dict[str, Any]]] = []

    def home(self, amount_fen: int) -> None:
        refunded(self.world.rigs[SOLD], next(NUMBERS), self.sale, at(MANAGER), amount_fen=amount_fen)

    def ask(self, store: str, amount_fen: int) -> None:
        body = {"refund_id": uuid7_hex(next(NUMBERS)), "text": self.code, "reason": "退", "amount_fen": amount_fen,
                "shown_fen": amount_fen}  # fmt: skip
        self.asks.append((store, body))
        self.again(len(self.asks) - 1)

    def again(self, which: int) -> None:
        if self.asks:
            store, body = self.asks[which % len(self.asks)]
            elsewhere.give_back(self.world.node(store), at(MANAGER), msgspec.convert(body, ElsewhereCommand))

    def drop(self, which: int) -> None:
        if self.asks:
            store, body = self.asks[which % len(self.asks)]
            command = DropCommand(request_id=uuid7_hex(next(NUMBERS)), reason="不退")
            elsewhere.drop(self.world.node(store), at(MANAGER), body["refund_id"], command)

    def lossy(self, *, loses: bool) -> None:
        for line in self.world.lines.values():
            line.loses = loses

    def do(self, deed: tuple[str, Any, Any]) -> None:
        match deed:
            case ("home", amount_fen, _):
                self.home(amount_fen)
            case ("ask", store, amount_fen):
                self.ask(store, amount_fen)
            case ("again", which, loses):
                self.lossy(loses=loses)
                self.again(which)
                self.lossy(loses=False)
            case ("drop", which, loses):
                self.lossy(loses=loses)
                self.drop(which)
                self.lossy(loses=False)
            case ("up", store, _):
                self.world.up(store)
            case ("down", _, _):
                self.world.down(SOLD)
            case ("late", by_ms, _):
                self.world.hub.clock.advance(by_ms)
            case _:
                raise AssertionError(deed)

    def given_fen(self) -> int:
        """What left the drawers of all stores for this sale."""
        asked = "SELECT coalesce(sum(amount_fen), 0) FROM refunds WHERE sale_id = ?"
        return sum(int(rig.rows(asked, (uuid7_hex(self.sale),))[0][0]) for rig in self.world.rigs.values())

    def settle(self) -> None:
        """Let everything travel, everybody ask once more, and what came of it travel again."""
        for _ in range(2):
            for store in self.world.rigs:
                elsewhere.tell_drops(self.world.node(store))
            self.world.heard(SOLD)
            for which in range(len(self.asks)):
                self.again(which)
            for store in self.world.rigs:
                self.world.up(store)


@settings(max_examples=max(25, settings().max_examples // 4))
@given(tried=st.lists(deeds, min_size=3, max_size=14))
def test_never_more_than_was_paid_goes_back_and_nothing_stays_undecided(
    world: Apart, tried: list[tuple[str, Any, Any]]
):
    day = Day(world)
    for deed in tried:
        day.do(deed)
        assert day.given_fen() <= PAID_FEN
    day.settle()
    assert day.given_fen() <= PAID_FEN
    for store in (GUEST, THIRD):
        assert elsewhere.open_asks(world.node(store)) == []
    # What nobody was given may still go back where it was sold, to the last fen.
    left_fen = PAID_FEN - day.given_fen()
    last = refunded(world.rigs[SOLD], next(NUMBERS), day.sale, at(MANAGER), whole=True)
    assert (0 if isinstance(last, Refused) else last.amount_fen) == left_fen
    assert day.given_fen() == PAID_FEN


def test_the_journals_of_such_days_prove_themselves(world: Apart):
    for store in world.rigs:
        assert verify_journal.verify(world.node(store)).ok


def test_negative_control_a_hub_that_decides_by_what_it_knows_pays_twice(world: Apart):
    """So it would be if the hub reserved the amount itself: it has not heard what the sale's store gave back without a network."""

    class Decides(Elsewhere):
        def reserve(self, tx: Any, store: str, epoch: int, body: bytes) -> Verdict:
            asked = msgspec.json.decode(body, type=Reserve)
            wanted = msgspec.json.decode(asked.wanted, type=Wanted)
            sale = sales.sale_by_id(tx, asked.store, asked.sale_id)
            assert sale is not None
            cash = RefundTender(kind="cash", amount_fen=wanted.shown_fen)
            left = RefundCeded(refund_id=asked.refund_id, sale_id=asked.sale_id, to_store=store, lines=(), tenders=(cash,),
                               amount_fen=wanted.shown_fen)  # fmt: skip
            return Verdict(DONE, msgspec.json.encode(Leave(ceded=left)))

    day = Day(world)
    honest = world.questions
    world.questions = Questions(Decides(world.hub.clock, world.hub.invites).handlers(), world.hub.clock)
    day.home(PAID_FEN)
    day.ask(GUEST, PAID_FEN)
    world.questions = honest
    assert day.given_fen() == 2 * PAID_FEN
