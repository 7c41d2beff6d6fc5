"""Kitchen dockets: one for each station that cooks something, at its printer or, when that cannot print, at its fall-back."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.document import Columns, Text
from drivers.printer.printing import Outcome
from edge.db import device_memory
from edge.db.print_jobs import Job
from edge.devices.registry import Registry, Turn
from edge.domain import slip_rules
from edge.domain.pricing import BasketLine
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.money.settle_sale import Settled, settle_sale
from edge.services.ordering import import_menu
from edge.services.printing import slips, spool
from edge.services.printing.spool import NodeSpool
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, COUNTER, MENU, BreakingStorage, PowerCut, Rig, basket, sell_command
from tests.kit.queues import (
    CONFIRMED,
    PAPER_OUT,
    READY,
    UNKNOWN,
    ScriptedPrinter,
    kinds,
    lines,
    queue_of,
    run_dry,
)

WOK: dict[str, Any] = {
    "kind": "printer", "id": "wok", "name": "炒锅", "address": "tcp://127.0.0.1:9101", "stations": ["wok"],
    "fallback": "counter", "fallback_after_s": 60,
}  # fmt: skip
BAR: dict[str, Any] = {"kind": "printer", "id": "bar", "address": "tcp://127.0.0.1:9102", "stations": ["bar"]}
STATIONS = {"d101": "wok", "d103": "bar", "d104": "attic"}
NO_WORD = Outcome("unknown", "no_confirmation", 40)


def cooking_menu():
    dishes = tuple(msgspec.structs.replace(dish, station=STATIONS.get(dish.id, "")) for dish in MENU.dishes)
    return msgspec.structs.replace(MENU, dishes=dishes)


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, WOK, BAR)) as made:
        import_menu.bring_into_force(made.node, cooking_menu())
        yield made


def jobs(rig: Rig) -> list[Job]:
    return slips.open_jobs(rig.node)


def places(rig: Rig) -> list[tuple[str, str, str, str]]:
    return [
        (row[0], row[1], row[2], row[3])
        for row in rig.rows("SELECT document, station, printer, moved_from FROM print_jobs ORDER BY position")
    ]


def docket_of(rig: Rig, station: str = "wok") -> Job:
    [job] = [job for job in jobs(rig) if job.station == station]
    return job


def paper(rig: Rig, job: Job) -> list[str]:
    return lines(NodeSpool(rig.node, job.printer).document(job))


# What is printed where


def test_a_sale_makes_a_receipt_and_a_docket_for_each_station_that_some_printer_serves(rig):
    rig.sell(1, lines=(*basket(("d101", 2), ("d102", 1)), BasketLine(dish_id="d103", qty=1, modifiers=("large",))))
    assert places(rig) == [
        ("receipt", "receipt", "counter", ""),
        ("docket", "wok", "wok", ""),
        ("docket", "bar", "bar", ""),
    ]


def test_a_station_that_no_printer_serves_and_a_dish_of_no_station_make_no_docket(rig):
    rig.sell(1, lines=basket(("d102", 1), ("d105", 1)))
    assert places(rig) == [("receipt", "receipt", "counter", "")]


def test_a_docket_says_number_station_till_and_its_own_lines_in_big_type_and_no_price(rig):
    line = BasketLine(dish_id="d101", qty=2, modifiers=("hot", "x1"), note="不要香菜")
    rig.sell(1, lines=(line, BasketLine(dish_id="d103", qty=1, modifiers=("small",))))
    document = NodeSpool(rig.node, "wok").document(docket_of(rig))
    big = [element.text for element in document.elements if isinstance(element, Text) and element.size == 2]
    said = " ".join(
        element.text if isinstance(element, Text) else f"{element.left} {element.right}"
        for element in document.elements
        if isinstance(element, Text | Columns)
    )
    assert big == ["1-1-000001", "2 × 宫保鸡丁", "  中文Hot·中文Extra 1", "  备注 不要香菜"]
    assert "wok" in said
    assert "收银台 1" in said
    assert "豆浆" not in said
    assert "." not in said
    assert "￥" not in said


def test_a_docket_printed_after_the_menu_changed_has_the_lines_of_the_menu_that_it_was_sold_by(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    import_menu.bring_into_force(rig.node, MENU)
    assert "1 × 宫保鸡丁" in paper(rig, docket_of(rig))


def test_tills_have_their_own_receipt_printers_and_what_names_a_till_goes_first(tmp_path):
    second = {**COUNTER, "id": "counter-2", "address": "tcp://127.0.0.1:9103", "tills": ["2"]}
    with Rig(tmp_path, devices=(COUNTER, second)) as rig:
        rig.sell(1)
        rig.sell(2, AT_TILL_2)
        assert [place[2] for place in places(rig)] == ["counter", "counter-2"]


def test_every_printer_prints_its_own_slips_only(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    wok, counter = ScriptedPrinter(), ScriptedPrinter()
    run_dry(queue_of(rig, wok, "wok"))
    assert (len(wok.paper), len(counter.paper), len(jobs(rig))) == (1, 0, 1)
    run_dry(queue_of(rig, counter))
    assert (len(wok.paper), len(counter.paper), len(jobs(rig))) == (1, 1, 0)


def test_a_cut_at_any_statement_leaves_neither_sale_nor_docket(rig):
    untouched = rig.tables()
    at = 0
    while True:
        at += 1
        try:
            settled = settle_sale(rig.over(BreakingStorage(rig.db, at=at)), AT_TILL_1, sell_command(1))
        except PowerCut:
            assert rig.tables() == untouched
            continue
        break
    assert isinstance(settled, Settled)
    assert len(jobs(rig)) == 2


# The fall-back


def waits_at_the_wok(rig, seconds: int):
    """A docket at a printer without paper, tried now and again so many seconds later."""
    rig.sell(1, lines=basket(("d101", 1)))
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device, "wok")
    queue.step()
    rig.clock.advance(seconds * 1_000)
    queue.step()
    return queue, device


def test_a_docket_that_waits_too_long_moves_to_the_fall_back_and_says_for_whom_it_was(rig):
    waits_at_the_wok(rig, 60)
    moved = docket_of(rig)
    assert (moved.state, moved.printer, moved.moved_from, moved.copy) == ("queued", "counter", "wok", 0)
    assert paper(rig, moved)[0] == "原打印机 炒锅 / ORIGINAL PRINTER 炒锅"
    assert kinds(rig, "print.moved") == ["print.moved"]
    counter = ScriptedPrinter()
    run_dry(queue_of(rig, counter))
    assert len(counter.paper) == 2
    assert verify_journal.verify(rig.node).ok


def test_before_the_deadline_it_stays(rig):
    """The negative control of the deadline."""
    waits_at_the_wok(rig, 59)
    assert docket_of(rig).printer == "wok"


def test_a_docket_that_did_not_move_does_not_say_that_it_did(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    assert not any("ORIGINAL" in line for line in paper(rig, docket_of(rig)))


def test_a_printer_that_works_again_keeps_its_slips_and_the_wait_begins_anew(rig):
    queue, device = waits_at_the_wok(rig, 59)
    device.status = READY
    run_dry(queue)
    rig.sell(2, lines=basket(("d101", 1)))
    device.status = PAPER_OUT
    queue.step()
    rig.clock.advance(59_000)
    queue.step()
    assert docket_of(rig).printer == "wok"


def test_a_wall_clock_that_is_set_neither_hurries_nor_holds_up_the_fall_back(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    queue = queue_of(rig, ScriptedPrinter(status=PAPER_OUT), "wok")
    queue.step()
    rig.clock.step_wall(3_600_000)
    queue.step()
    assert docket_of(rig).printer == "wok"
    rig.clock.step_wall(-7_200_000)
    rig.clock.advance(60_000)
    queue.step()
    assert docket_of(rig).printer == "counter"


def test_a_moved_slip_never_moves_again_by_itself(tmp_path):
    """Two printers without paper that are each other's fall-back would hand a docket to and fro for ever."""
    other = {**COUNTER, "fallback": "wok", "fallback_after_s": 5}
    with Rig(tmp_path, devices=(other, WOK)) as rig:
        import_menu.bring_into_force(rig.node, cooking_menu())
        rig.sell(1, lines=basket(("d101", 1)))
        empty = ScriptedPrinter(status=PAPER_OUT)
        queues = [queue_of(rig, empty, "wok"), queue_of(rig, empty)]
        for _ in range(10):
            for queue in queues:
                queue.step()
            rig.clock.advance(30_000)
        assert kinds(rig, "print.moved") == ["print.moved"] * 2, "the receipt once, the docket once"
        assert {place[3] for place in places(rig)} == {"counter", "wok"}


def test_a_printer_that_a_person_holds_keeps_its_slips(rig):
    slips.hold(rig.node, "wok", held=True)
    waits_at_the_wok(rig, 600)
    assert docket_of(rig).printer == "wok"


def test_a_test_slip_never_moves(rig):
    job_id = slips.test_slip(rig.node, "wok")
    assert isinstance(job_id, str)
    refused = slips.redirect(rig.node, job_id, "bar")
    assert refused == Refused("not_reprintable", {"state": "queued", "document": "test"})
    waits_at_the_wok(rig, 60)
    assert {(job.document, job.printer) for job in jobs(rig) if job.station != "receipt"} == {
        ("test", "wok"),
        ("docket", "counter"),
    }


# A docket of which nobody knows whether it is on paper


def test_a_docket_without_word_is_repeated_by_itself_with_its_mark(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    device = ScriptedPrinter([NO_WORD, CONFIRMED])
    run_dry(queue_of(rig, device, "wok"))
    assert [b"REPRINT" in slip for slip in device.paper] == [False, True]
    assert kinds(rig) == ["print.parked", "print.confirmed"]
    assert verify_journal.verify(rig.node).ok


def test_a_receipt_without_word_waits_for_a_person(rig):
    """The negative control: it is the docket that repeats itself."""
    rig.sell(1, lines=basket(("d102", 1)))
    device = ScriptedPrinter([UNKNOWN])
    run_dry(queue_of(rig, device))
    assert (len(device.paper), jobs(rig)[0].state) == (1, "unknown")


def test_a_docket_that_gets_no_word_twice_goes_to_the_fall_back_marked(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    device = ScriptedPrinter([NO_WORD, NO_WORD])
    run_dry(queue_of(rig, device, "wok"))
    moved = docket_of(rig)
    assert (moved.state, moved.printer, moved.copy) == ("queued", "counter", 2)
    assert paper(rig, moved)[:2] == ["补打 REPRINT 2", "原打印机 炒锅 / ORIGINAL PRINTER 炒锅"]
    assert verify_journal.verify(rig.node).ok


def test_a_docket_without_word_moves_marked_when_its_printer_is_down_until_the_deadline(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    device = ScriptedPrinter([NO_WORD], status=PAPER_OUT)
    queue = queue_of(rig, device, "wok")
    run_dry(queue)
    rig.clock.advance(60_000)
    queue.step()
    assert (docket_of(rig).printer, docket_of(rig).copy) == ("counter", 1)


def test_a_docket_that_never_gets_a_word_anywhere_waits_for_a_person_in_the_end(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    mute = ScriptedPrinter([NO_WORD] * 50)
    run_dry(queue_of(rig, mute, "wok"))
    run_dry(queue_of(rig, mute))
    stuck = docket_of(rig)
    assert (stuck.state, stuck.attempt) == ("unknown", slip_rules.TRIES_IN_ALL)
    assert len([slip for slip in mute.paper if b"\xb9\xac" in slip]) <= slip_rules.TRIES_IN_ALL + 1


def test_a_docket_in_the_hands_of_a_node_that_died_repeats_itself_with_its_mark(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    NodeSpool(rig.node, "wok").begin(docket_of(rig))
    rig.restart()
    assert spool.recover(rig.node) == 1
    again = docket_of(rig)
    assert (again.state, again.copy, again.printer) == ("queued", 1, "wok")


def test_a_docket_that_cannot_be_built_waits_for_a_person_and_is_not_tried_for_ever(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    rig.db.write(lambda tx: tx.execute("UPDATE print_jobs SET subject = 'nothing' WHERE document = 'docket'"))
    queue = queue_of(rig, ScriptedPrinter(), "wok")
    with pytest.raises(LookupError):
        queue.step()
    run_dry(queue)
    assert (docket_of(rig).state, docket_of(rig).reason) == ("unknown", "error")


# A person sends a slip elsewhere


def test_a_waiting_slip_sent_elsewhere_is_unmarked_and_says_for_whom_it_was(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    sent = slips.redirect(rig.node, docket_of(rig).job_id, "bar")
    assert isinstance(sent, Job)
    assert (sent.state, sent.printer, sent.moved_from, sent.copy) == ("queued", "bar", "wok", 0)
    assert kinds(rig, "print.moved") == ["print.moved"]


def test_a_parked_slip_sent_elsewhere_is_marked(rig):
    rig.sell(1, lines=basket(("d102", 1)))
    run_dry(queue_of(rig, ScriptedPrinter([UNKNOWN])))
    sent = slips.redirect(rig.node, jobs(rig)[0].job_id, "bar")
    assert isinstance(sent, Job)
    assert (sent.state, sent.copy) == ("queued", 1)
    bar = ScriptedPrinter()
    run_dry(queue_of(rig, bar, "bar"))
    assert b"REPRINT 1" in bar.paper[0]
    assert verify_journal.verify(rig.node).ok


def test_a_slip_sent_back_to_its_own_printer_has_moved_nowhere(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    for printer in ("bar", "wok"):
        slips.redirect(rig.node, docket_of(rig).job_id, printer)
    assert (docket_of(rig).printer, docket_of(rig).moved_from) == ("wok", "")


def test_what_cannot_be_sent_elsewhere_is_refused_and_changes_nothing(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    job = docket_of(rig)
    before = rig.tables()
    assert slips.redirect(rig.node, job.job_id, "attic") == Refused("not_found", {"printer": "attic"})
    assert slips.redirect(rig.node, "0" * 32, "bar") == Refused("not_found")
    same = slips.redirect(rig.node, job.job_id, "wok")
    assert same == Refused("not_reprintable", {"state": "queued", "printer": "wok"})
    assert rig.tables() == before
    NodeSpool(rig.node, "wok").begin(job)
    assert slips.redirect(rig.node, job.job_id, "bar") == Refused("not_reprintable", {"state": "sending"})


def test_a_slip_that_moved_while_its_printer_was_being_asked_is_not_printed_twice(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    job = docket_of(rig)
    wok = ScriptedPrinter([CONFIRMED], asked=lambda: slips.redirect(rig.node, job.job_id, "bar"))
    queue_of(rig, wok, "wok").step()
    bar = ScriptedPrinter()
    run_dry(queue_of(rig, bar, "bar"))
    assert (len(wok.paper), len(bar.paper)) == (0, 1)


# Printers that come and go in the settings


def test_slips_of_a_printer_that_left_the_settings_are_held_and_can_be_sent_elsewhere(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    rig.settings = msgspec.structs.replace(rig.settings, devices=(COUNTER, BAR))
    rig.restart()
    spool.recover(rig.node)
    homeless = docket_of(rig)
    assert (homeless.state, homeless.reason, homeless.asked) == ("held", "no_printer", 1)
    refused = slips.retry(rig.node, homeless.job_id)
    assert refused == Refused("not_reprintable", {"state": "held", "printer": "wok"})
    sent = slips.redirect(rig.node, homeless.job_id, "bar")
    assert isinstance(sent, Job)
    assert paper(rig, sent)[0] == "原打印机 wok / ORIGINAL PRINTER wok"
    assert verify_journal.verify(rig.node).ok


def test_slips_of_a_printer_that_is_back_in_the_settings_print_by_themselves(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    for devices in ((COUNTER, BAR), (COUNTER, WOK, BAR)):
        rig.settings = msgspec.structs.replace(rig.settings, devices=devices)
        rig.restart()
        spool.recover(rig.node)
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device, "wok"))
    assert len(device.paper) == 1


def test_a_retry_of_a_slip_without_a_printer_goes_to_who_serves_its_station_now(rig):
    rig.sell(1, lines=basket(("d101", 1)))
    heir = {**BAR, "stations": ["bar", "wok"]}
    rig.settings = msgspec.structs.replace(rig.settings, devices=(COUNTER, heir))
    rig.restart()
    spool.recover(rig.node)
    sent = slips.retry(rig.node, docket_of(rig).job_id)
    assert isinstance(sent, Job)
    assert (sent.state, sent.printer) == ("queued", "bar")


def test_slips_of_the_time_of_one_printer_print_at_the_receipt_printer_of_now(rig):
    rig.sell(1, lines=basket(("d102", 1)))
    rig.db.write(lambda tx: tx.execute("UPDATE print_jobs SET printer = ''"))
    others = ScriptedPrinter()
    for printer in ("wok", "bar"):
        run_dry(queue_of(rig, others, printer))
    device = ScriptedPrinter()
    run_dry(queue_of(rig, device))
    assert (len(others.paper), len(device.paper)) == (0, 1)


def test_a_wrong_row_costs_only_its_own_device(tmp_path):
    wrong = {**WOK, "address": "telnet://x"}
    with Rig(tmp_path, devices=(COUNTER, wrong, BAR)) as rig:
        import_menu.bring_into_force(rig.node, cooking_menu())
        rig.sell(1, lines=basket(("d101", 1)))
        assert [row.id for row in rig.node.devices.rows] == ["counter", "bar"]
        assert [problem.code for problem in rig.node.devices.problems] == ["bad_address"]
        assert places(rig) == [("receipt", "receipt", "counter", "")]


def test_what_is_remembered_of_a_printer_is_kept_over_restarts_and_forgotten_when_empty(rig):
    NodeSpool(rig.node, "wok").remember("learned", "x")
    rig.restart()
    assert NodeSpool(rig.node, "wok").recall() == {"learned": "x"}
    assert NodeSpool(rig.node, "bar").recall() == {}
    NodeSpool(rig.node, "wok").remember("learned", "")
    assert rig.rows("SELECT * FROM device_memory") == []
    assert device_memory.HELD not in NodeSpool(rig.node, "wok").recall()


def test_the_registry_tells_once_that_a_printer_is_down_and_once_that_it_is_up(rig):
    told: list[Turn] = []
    registry = Registry(rig.node.devices.rows, rig.clock, lambda: None, told.append)
    device = ScriptedPrinter(status=PAPER_OUT)
    queue = queue_of(rig, device, "wok", registry=registry)
    for _ in range(5):
        queue.step()
    device.status = READY
    for _ in range(5):
        queue.step()
    assert [(turn.device, turn.up, turn.cause) for turn in told] == [("wok", False, "paper_out"), ("wok", True, "")]
