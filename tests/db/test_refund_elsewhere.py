"""A sale of one store is given back at another: asked for online, left by the store that sold it, never twice."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import elsewhere, refunds
from edge.services.money.elsewhere import DropCommand, ElsewhereAnswer, ElsewhereCommand, ElsewhereQuery, SaleElsewhere
from edge.services.printing import slip_papers
from tests.kit.nodes import uuid7_hex
from tests.kit.people import CASHIER, MANAGER, SUPERVISOR, at
from tests.kit.shifts import refunded
from tests.kit.stores_apart import GUEST, SOLD, THIRD, Apart, apart

PAID_FEN = 7_900


@pytest.fixture
def stores(tmp_path: Path):
    with apart(tmp_path, SOLD, GUEST) as made:
        yield made


def receipt(stores: Apart, number: int = 1) -> str:
    """Sell at the one store; gives the code on the receipt, which the guest takes along."""
    sold = stores.rigs[SOLD].sell(number)
    assert sold.total_fen == PAID_FEN
    stores.up(SOLD)
    return sold.invite.url


def ask(stores: Apart, text: str, number: int = 11, store: str = GUEST, who: Any = MANAGER, **said: Any) -> Any:
    body = {"refund_id": uuid7_hex(number), "text": text, "reason": "上错菜", "shown_fen": PAID_FEN, **said}
    if not {"lines", "amount_fen"} & set(said):
        body["whole"] = True
    return elsewhere.give_back(stores.node(store), at(who), msgspec.convert(body, ElsewhereCommand))


def given(answer: ElsewhereAnswer | Refused) -> int:
    """Hold that a refund was given; gives its amount."""
    assert isinstance(answer, ElsewhereAnswer), answer
    assert answer.refund is not None, answer
    return answer.refund.amount_fen


def waits(answer: ElsewhereAnswer | Refused, why: str = "store_silent") -> None:
    assert answer == ElsewhereAnswer(refund_id=answer.refund_id, state="asked", why=why), answer  # type: ignore[union-attr]


def test_a_receipt_of_another_store_is_found_with_what_may_still_go_back(stores):
    code = receipt(stores)
    refunded(stores.rigs[SOLD], 5, 1, at(MANAGER), lines=[{"line": 0, "qty": 1}])
    stores.up(SOLD)
    found = elsewhere.look(stores.node(GUEST), code)
    assert isinstance(found, SaleElsewhere)
    assert (found.store, found.store_name.en, found.receipt_no) == (SOLD, SOLD, "1-1-000001")
    assert (found.total_fen, found.left_fen, [line.left_qty for line in found.lines]) == (PAID_FEN, 4_100, [1, 1])
    quoted = elsewhere.quote(stores.node(GUEST), at(SUPERVISOR), ElsewhereQuery(text=code, whole=True))
    assert not isinstance(quoted, Refused)
    assert (quoted.amount_fen, quoted.verdict) == (4_100, "allowed")
    assert elsewhere.look(stores.node(SOLD), code) == Refused("own_sale")
    assert elsewhere.look(stores.node(GUEST), "nonsense") == Refused("not_a_receipt")
    stores.lines[GUEST].cut = True
    assert elsewhere.look(stores.node(GUEST), code) == Refused("hub_silent")


def test_it_is_given_when_the_store_that_sold_it_has_left_it_and_counts_there_as_gone(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    assert stores.rigs[GUEST].rows("SELECT count(*) FROM refunds") == [(0,)], "nothing is given before its word is here"
    assert [one.amount_fen for one in elsewhere.open_asks(stores.node(GUEST))] == [PAID_FEN]
    stores.heard(SOLD)
    answer = ask(stores, code)
    assert given(answer) == PAID_FEN
    body = answer.refund
    assert (body.receipt_no, body.sale_receipt_no, [one.kind for one in body.tenders]) == (
        "1-1-R00001",
        "1-1-000001",
        ["cash"],
    )
    assert stores.rigs[GUEST].rows("SELECT reason, sale_id FROM drawer_jobs") == [("refund", "")]
    again = ask(stores, code)
    assert again == answer, "asked again it is the same refund"
    assert stores.rigs[GUEST].rows("SELECT count(*) FROM refunds") == [(1,)]
    home = refunded(stores.rigs[SOLD], 6, 1, at(MANAGER), whole=True)
    assert home == Refused("nothing_to_refund", {"left_fen": 0})
    state = refunds.state(stores.node(SOLD), at(MANAGER), uuid7_hex(1))
    assert not isinstance(state, Refused)
    assert [(one.store, one.amount_fen) for one in state.left_to] == [(GUEST, PAID_FEN)]
    assert elsewhere.open_asks(stores.node(GUEST)) == []
    stores.up(GUEST)
    there = elsewhere.look(stores.node(GUEST), code)
    assert isinstance(there, SaleElsewhere)
    assert there.left_fen == 0, "what was left and then given counts once"
    for store in (SOLD, GUEST):
        assert verify_journal.verify(stores.node(store)).ok


def test_the_guests_slip_names_the_dishes_and_the_other_stores_receipt(stores):
    code = receipt(stores)
    ask(stores, code, lines=[{"line": 0, "qty": 1}], shown_fen=3_800)
    stores.heard(SOLD)
    given(ask(stores, code, lines=[{"line": 0, "qty": 1}], shown_fen=3_800))
    rig = stores.rigs[GUEST]
    from drivers.printer.profiles import PROFILES  # noqa: PLC0415
    from edge.db import print_jobs  # noqa: PLC0415

    with rig.db.read() as reader:
        job = next(one for one in print_jobs.open_jobs(reader, 9) if one.document == "refund")
    shown = repr(slip_papers.document(rig.node, job, PROFILES["generic-80"]).elements)
    assert "宫保鸡丁" in shown
    assert "1-1-000001" in shown


def test_a_store_that_refunded_meanwhile_without_a_network_leaves_nothing(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    # The guest's friend was faster at the store that sold it, which hears of the wish only afterwards.
    refunded(stores.rigs[SOLD], 6, 1, at(MANAGER), whole=True)
    stores.heard(SOLD)
    assert ask(stores, code) == Refused("nothing_to_refund")
    assert ask(stores, code) == Refused("refund_dropped"), "that word is the last one under this id"
    assert stores.rigs[GUEST].rows("SELECT count(*) FROM refunds") == [(0,)]


def test_an_answer_lost_on_the_way_is_asked_for_again_and_gives_once(stores):
    code = receipt(stores)
    stores.lines[GUEST].loses = True
    assert ask(stores, code) == Refused("hub_silent"), "not even the sale is known"
    stores.lines[GUEST].loses = False
    waits(ask(stores, code))
    stores.heard(SOLD)
    stores.lines[GUEST].loses = True
    waits(ask(stores, code), "hub_silent")
    stores.lines[GUEST].loses = False
    again = elsewhere.again(stores.node(GUEST), at(CASHIER, "2"), uuid7_hex(11))
    assert given(again) == PAID_FEN
    assert isinstance(again, ElsewhereAnswer)
    assert again.refund is not None
    assert again.refund.till == "2", "it is given where somebody stands at the drawer"
    assert stores.rigs[SOLD].rows("SELECT count(*) FROM refunds_ceded") == [(1,)]


def test_the_table_of_roles_is_asked_before_anybody_is(stores):
    code = receipt(stores)
    refusal = ask(stores, code, who=CASHIER)
    assert isinstance(refusal, Refused)
    assert (refusal.code, refusal.details["amount_fen"]) == ("needs_approval", PAID_FEN)
    assert stores.lines[GUEST].asked == ["sale.look"], "the other store has heard nothing"
    assert ask(stores, code, shown_fen=1) == Refused("refund_changed", {"amount_fen": PAID_FEN})


def test_the_same_id_with_another_wish_is_refused(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    assert ask(stores, code, amount_fen=100, shown_fen=100) == Refused("request_id_reused")


def test_what_is_dropped_is_never_given_and_counts_back_where_it_was_sold(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    stores.heard(SOLD)
    stores.lines[GUEST].cut = True
    dropped = elsewhere.drop(
        stores.node(GUEST), at(MANAGER), uuid7_hex(11), DropCommand(request_id=uuid7_hex(99), reason="客人走了")
    )
    assert isinstance(dropped, Done)
    stores.lines[GUEST].cut = False
    assert ask(stores, code) == Refused("refund_dropped")
    assert refunded(stores.rigs[SOLD], 6, 1, at(MANAGER), whole=True) == Refused("nothing_to_refund", {"left_fen": 0})
    assert elsewhere.tell_drops(stores.node(GUEST)) == 1
    assert elsewhere.tell_drops(stores.node(GUEST)) == 0
    stores.heard(SOLD)
    home = refunded(stores.rigs[SOLD], 6, 1, at(MANAGER), whole=True)
    assert not isinstance(home, Refused)
    assert home.amount_fen == PAID_FEN
    for store in (SOLD, GUEST):
        assert verify_journal.verify(stores.node(store)).ok


def test_a_wish_that_is_dropped_before_the_hub_heard_of_it_is_closed_for_good(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    refund_id = uuid7_hex(11)
    with stores.hub.database.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM commands")
    elsewhere.drop(stores.node(GUEST), at(MANAGER), refund_id, DropCommand(request_id=uuid7_hex(99), reason="客人走了"))
    late = stores.lines[GUEST].ask(
        "refund.reserve",
        msgspec.json.encode({"refund_id": refund_id, "store": SOLD, "sale_id": uuid7_hex(1), "wanted": '{"shown_fen":7900}'}),
        question_id=bytes.fromhex(uuid7_hex(12)),
    )  # fmt: skip
    assert (late.verdict, late.body) == ("refused", b'{"reason":"dropped"}')


def test_a_wish_that_comes_too_late_leaves_nothing(stores):
    code = receipt(stores)
    waits(ask(stores, code))
    stores.hub.clock.advance(16 * 60_000)
    stores.heard(SOLD)
    assert ask(stores, code) == Refused("refund_refused")
    assert stores.rigs[SOLD].rows("SELECT count(*) FROM refunds_ceded") == [(0,)]


def test_two_stores_that_ask_for_the_same_money_do_not_both_get_it(tmp_path):
    with apart(tmp_path, SOLD, GUEST, THIRD) as stores:
        code = receipt(stores)
        waits(ask(stores, code))
        waits(ask(stores, code, 12, THIRD))
        stores.heard(SOLD)
        answers = [ask(stores, code), ask(stores, code, 12, THIRD)]
        assert sorted(type(one).__name__ for one in answers) == ["ElsewhereAnswer", "Refused"]
        stolen = ask(stores, code, 11, THIRD)
        assert isinstance(stolen, Refused), "an id that another store drew gives nothing here"
