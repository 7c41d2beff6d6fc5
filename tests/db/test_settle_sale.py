"""One sale under one id: stored once, answered alike, whatever is repeated, raced or cut."""

import threading
from pathlib import Path

import msgspec
import pytest

from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.money import read_sales
from edge.services.money.settle_sale import Settled, read_answer, settle_sale
from edge.services.ordering import import_menu
from sync.node.database import InlineDatabase
from tests.kit.nodes import (
    AT_TILL_1,
    AT_TILL_2,
    STORE,
    BreakingStorage,
    PowerCut,
    Rig,
    basket,
    sell_command,
    uuid7_hex,
)


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield made


def counts(rig: Rig) -> dict[str, int]:
    tables = ("sales", "sale_lines", "sale_tenders", "invites", "print_jobs", "requests")
    return {table: rig.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables} | {
        "trade": rig.rows("SELECT count(*) FROM facts WHERE lane = 0")[0][0]
    }


ONE_SALE = {"sales": 1, "sale_lines": 2, "sale_tenders": 1, "invites": 1, "print_jobs": 1, "requests": 1, "trade": 2}


def test_a_sale_is_priced_numbered_invited_and_queued_for_paper_in_one_commit(rig):
    answer = rig.sell(1)
    assert (answer.total_fen, answer.received_fen, answer.change_fen) == (7_900, 100_000, 92_100)
    assert (answer.receipt_no, answer.store, answer.till, answer.business_day) == (
        "1-1-000001",
        STORE,
        "1",
        "2026-09-21",
    )
    assert counts(rig) == ONE_SALE
    assert rig.rows("SELECT state, copy, label FROM print_jobs") == [("queued", 0, "1-1-000001")]
    assert verify_journal.verify(rig.node).ok


def test_thirty_submits_after_one_another_make_one_sale_and_one_answer(rig):
    answers = [settle_sale(rig.node, AT_TILL_1, sell_command(1)) for _ in range(30)]
    assert all(isinstance(answer, Settled) for answer in answers)
    assert len({answer.answer for answer in answers if isinstance(answer, Settled)}) == 1
    assert [isinstance(answer, Settled) and answer.repeated for answer in answers] == [False] + [True] * 29
    assert counts(rig) == ONE_SALE


def test_eight_submits_at_once_make_one_sale_and_one_answer(rig):
    start = threading.Barrier(8)
    answers: list[Settled | Refused] = []

    def submit() -> None:
        start.wait()
        answers.append(settle_sale(rig.node, AT_TILL_1, sell_command(1)))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.answer for answer in answers if isinstance(answer, Settled)}) == 1
    assert sorted(isinstance(answer, Settled) and answer.repeated for answer in answers) == [False] + [True] * 7
    assert counts(rig) == ONE_SALE


def test_without_the_stored_answer_a_repeat_would_not_be_known(rig):
    """The negative control of the two above: what makes a repeat harmless is the row in `requests`."""
    rig.sell(1)
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))
    with pytest.raises(Exception, match=r"UNIQUE constraint failed: sales\.sale_id"):
        settle_sale(rig.node, AT_TILL_1, sell_command(1))


def test_the_same_id_with_other_content_is_refused_and_what_was_confirmed_stays(rig):
    first = rig.sell(1)
    before = rig.tables()
    other = sell_command(1, basket(("d102", 3)))
    assert settle_sale(rig.node, AT_TILL_1, other) == Refused("sale_id_reused")
    assert rig.tables() == before
    again = settle_sale(rig.node, AT_TILL_1, sell_command(1))
    assert isinstance(again, Settled)
    assert read_answer(again.answer) == first


def test_the_same_id_with_other_content_at_once_makes_one_sale_and_one_refusal(rig):
    start = threading.Barrier(2)
    answers: list[Settled | Refused] = []

    def submit(qty: int) -> None:
        start.wait()
        answers.append(settle_sale(rig.node, AT_TILL_1, sell_command(1, basket(("d102", qty)))))

    threads = [threading.Thread(target=submit, args=(qty,)) for qty in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Refused("sale_id_reused") in answers
    assert sum(isinstance(answer, Settled) for answer in answers) == 1
    assert counts(rig)["sales"] == 1


def test_a_cut_at_any_statement_leaves_nothing_and_the_retry_makes_the_sale(tmp_path):
    with Rig(tmp_path) as rig:
        rig.sell(1)
        untouched = rig.tables()
        calm = BreakingStorage(rig.db, at=0)
        at = 0
        while True:
            at += 1
            calm = BreakingStorage(rig.db, at=at)
            try:
                settled = settle_sale(rig.over(calm), AT_TILL_1, sell_command(2))
            except PowerCut:
                assert rig.tables() == untouched, f"something stayed after a cut at statement {at}"
                continue
            break
        assert calm.statements == at - 1
        assert at > 15, "the transaction has far more statements than that: the cuts did not happen"
        assert isinstance(settled, Settled)
        assert read_answer(settled.answer).receipt_no == "1-1-000002"
        assert counts(rig) == {key: 2 * value for key, value in ONE_SALE.items()}
        assert verify_journal.verify(rig.node).ok


def test_every_cut_followed_by_a_restart_and_a_retry_makes_exactly_one_sale(tmp_path):
    with Rig(tmp_path) as rig:
        for at in range(1, 16, 3):
            with pytest.raises(PowerCut):
                settle_sale(rig.over(BreakingStorage(rig.db, at=at)), AT_TILL_1, sell_command(at))
            rig.restart()
            rig.sell(at)
        assert rig.rows("SELECT number FROM sales ORDER BY n") == [(number,) for number in range(1, 6)]
        assert verify_journal.verify(rig.node).ok


def test_the_cuts_would_be_seen_if_statements_committed_one_by_one(tmp_path):
    """The negative control: over a storage without transactions, a cut leaves half a sale."""

    class Torn(BreakingStorage):
        def write(self, work):
            tx = inline.tx
            return work(_Through(tx, self))

    class _Through:
        def __init__(self, tx, storage):
            self.tx, self.storage = tx, storage

        def execute(self, sql, parameters=()):
            self.storage.statement()
            return self.tx.execute(sql, parameters)

        def executemany(self, sql, parameters):
            self.storage.statement()
            self.tx.executemany(sql, parameters)

    with Rig(tmp_path) as rig:
        rig.db.close()
        inline = InlineDatabase(str(tmp_path / "node.db"))
        torn = Torn(inline, at=24)  # type: ignore[arg-type]
        with pytest.raises(PowerCut):
            settle_sale(rig.over(torn), AT_TILL_1, sell_command(1))
        facts_of_trade = inline.tx.execute("SELECT count(*) FROM facts WHERE lane = 0")[0][0]
        complete = inline.tx.execute("SELECT count(*) FROM requests")[0][0]
        inline.close()
        assert (facts_of_trade, complete) != (0, 0)
        assert complete == 0


def test_receipt_numbers_are_gapless_per_till_with_refusals_and_cuts_between(rig):
    for number in range(1, 13):
        till = AT_TILL_1 if number % 3 else AT_TILL_2
        if number % 4 == 0:
            refused = settle_sale(rig.node, till, sell_command(100 + number, basket(("no such", 1))))
            assert isinstance(refused, Refused)
        rig.sell(number, till)
    for name, count in (("1", 8), ("2", 4)):
        numbers = rig.rows("SELECT number, receipt_no FROM sales WHERE till = ? ORDER BY number", (name,))
        assert numbers == [(number, f"{name}-1-{number:06d}") for number in range(1, count + 1)]


def test_receipt_numbers_are_gapless_with_two_tills_at_once(rig):
    def till(who, first):
        for number in range(first, first + 10):
            rig.sell(number, who)

    threads = [threading.Thread(target=till, args=(who, first)) for who, first in
               ((AT_TILL_1, 1), (AT_TILL_2, 100), (AT_TILL_1, 200))]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in rig.rows("SELECT number FROM sales WHERE till = '1' ORDER BY 1")] == list(range(1, 21))
    assert [row[0] for row in rig.rows("SELECT number FROM sales WHERE till = '2' ORDER BY 1")] == list(range(1, 11))
    assert verify_journal.verify(rig.node).ok


def test_the_numbers_go_on_after_a_restart(rig):
    rig.sell(1)
    rig.restart()
    assert rig.sell(2).receipt_no == "1-1-000002"


def test_a_repeat_after_a_restart_gets_the_stored_answer(rig):
    first = settle_sale(rig.node, AT_TILL_1, sell_command(1))
    rig.restart()
    again = settle_sale(rig.node, AT_TILL_1, sell_command(1))
    assert isinstance(first, Settled)
    assert isinstance(again, Settled)
    assert (again.answer, again.repeated) == (first.answer, True)


def test_a_repeat_is_answered_even_when_the_menu_and_the_prices_have_changed(rig):
    first = rig.sell(1)
    menu = rig.node.shelf.catalogue.menu
    dearer = tuple(msgspec.structs.replace(dish, price_fen=1) for dish in menu.dishes)
    import_menu.bring_into_force(rig.node, msgspec.structs.replace(menu, dishes=dearer))
    again = settle_sale(rig.node, AT_TILL_1, sell_command(1))
    assert isinstance(again, Settled)
    assert read_answer(again.answer) == first
    assert rig.sell(2).total_fen == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lines": ()}, "empty_sale"),
        ({"lines": basket(("d101", 0))}, "qty_out_of_range"),
        ({"lines": basket(("d101", -1))}, "qty_out_of_range"),
        ({"lines": basket(("d101", 10**9))}, "qty_out_of_range"),
        ({"lines": basket(("gone", 1))}, "unknown_dish"),
        ({"lines": basket(("d103", 1))}, "too_few_modifiers"),
        ({"tenders": ()}, "malformed"),
        ({"due_fen": 1}, "price_changed"),
        ({"sale_id": "0" * 32}, "malformed"),
        ({"sale_id": uuid7_hex(1).upper()}, "malformed"),
        ({"locale": "fr"}, "malformed"),
    ],
)
def test_a_refusal_changes_no_table(rig, change, code):
    before = rig.tables()
    refused = settle_sale(rig.node, AT_TILL_1, msgspec.structs.replace(sell_command(1), **change))
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert rig.tables() == before


def test_a_node_that_is_not_enrolled_takes_no_sale(tmp_path):
    with Rig(tmp_path, enrolled=False) as rig:
        assert settle_sale(rig.node, AT_TILL_1, sell_command(1)) == Refused("training_mode")
        assert rig.rows("SELECT count(*) FROM facts") == [(0,)]


def test_without_a_printer_nothing_is_queued(tmp_path):
    with Rig(tmp_path, devices=()) as rig:
        rig.sell(1)
        assert rig.rows("SELECT count(*) FROM print_jobs") == [(0,)]


def test_sales_are_paged_in_commit_order(rig):
    for number in range(1, 6):
        rig.sell(number)
    first, behind = read_sales.page(rig.node, 0, 3)
    assert behind is not None
    second, end = read_sales.page(rig.node, behind, 3)
    assert [sale.sale_id for sale in first + second] == [uuid7_hex(number) for number in range(1, 6)]
    assert end is None
    assert read_sales.totals(rig.node, None) == [("2026-09-21", 5, 5 * 7_900)]
