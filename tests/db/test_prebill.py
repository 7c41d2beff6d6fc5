"""The bill of an open order on paper before it is paid: what is left, once more when asked again, and never a receipt."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.document import Columns, Text
from drivers.printer.profiles import PROFILES
from edge.db import print_jobs
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.money import payments, prebill
from edge.services.money.payments import TakeCommand
from edge.services.money.prebill import PrebillAnswer, PrebillCommand
from edge.services.ordering.order_work import VoidStep
from edge.services.printing import slip_papers
from tests.kit.nodes import AT_TILL_1, Rig, uuid7_hex
from tests.kit.tables import Floor, add


@pytest.fixture
def floor(tmp_path: Path):
    with Rig(tmp_path) as rig:
        yield Floor(rig)


def bill(floor: Floor, order_id: str, number: int, **said: Any) -> PrebillAnswer | Refused:
    command = msgspec.convert({"request_id": uuid7_hex(number), **said}, PrebillCommand)
    done = prebill.print_bill(floor.rig.node, AT_TILL_1, order_id, command)
    return msgspec.json.decode(done.answer, type=PrebillAnswer) if isinstance(done, Done) else done


def paper(rig: Rig, number: int) -> tuple[str, dict[str, str]]:
    """What the slip says: its texts, and its columns."""
    with rig.db.read() as reader:
        job = print_jobs.by_id(reader, uuid7_hex(number))
    assert job is not None
    found = slip_papers.document(rig.node, job, PROFILES["generic-80"]).elements
    texts = "\n".join(one.text for one in found if isinstance(one, Text))
    return texts, {one.left: one.right for one in found if isinstance(one, Columns)}


def test_the_bill_is_on_paper_before_it_is_paid_and_is_no_receipt(floor):
    order_id = floor.open(1, add(11, qty=3))
    shown = bill(floor, order_id, 50)
    assert isinstance(shown, PrebillAnswer)
    assert (shown.total_fen, shown.left_fen, shown.copy) == (900, 900, 0)
    texts, columns = paper(floor.rig, 50)
    assert "预结单，不是收据" in texts
    assert columns["应付"] == "￥9.00"
    assert floor.rig.rows("SELECT count(*) FROM sales") == [(0,)]
    assert floor.order(order_id).state == "open"
    assert verify_journal.verify(floor.rig.node).ok


def test_a_later_bill_says_that_it_counts_and_the_earlier_one_stays_as_it_was(floor):
    order_id = floor.open(1, add(11, qty=3))
    bill(floor, order_id, 50)
    floor.steps(order_id, add(12, qty=1))
    later = bill(floor, order_id, 51, locale="en")
    assert isinstance(later, PrebillAnswer)
    assert (later.total_fen, later.copy) == (1_200, 1)
    texts, columns = paper(floor.rig, 51)
    assert "Bill no. 2: this one counts" in texts
    assert columns["To pay"] == "￥12.00"
    assert paper(floor.rig, 50)[1]["应付"] == "￥9.00", "it was printed late, and says what its guests were told"


def test_what_was_paid_towards_it_is_taken_off_and_a_part_has_a_bill_of_its_own(floor):
    order_id = floor.open(1, add(11, qty=3), add(12, qty=1, seat=2))
    taken = payments.take(
        floor.rig.node,
        AT_TILL_1,
        TakeCommand(payment_id=uuid7_hex(70), kind="cash", amount_fen=500, received_fen=500, order_id=order_id),
    )
    assert isinstance(taken, Done)
    whole = bill(floor, order_id, 50)
    assert isinstance(whole, PrebillAnswer)
    assert (whole.total_fen, whole.left_fen) == (1_200, 700)
    assert paper(floor.rig, 50)[1]["已付"] == "−5.00"
    seat = bill(floor, order_id, 51, seat=2)
    assert isinstance(seat, PrebillAnswer)
    assert seat.total_fen == 300


def test_a_repeat_prints_once_and_an_order_that_is_over_has_no_bill(floor):
    order_id = floor.open(1, add(11))
    assert bill(floor, order_id, 50) == bill(floor, order_id, 50)
    assert floor.rig.rows("SELECT count(*) FROM print_jobs WHERE document = 'bill'") == [(1,)]
    floor.steps(order_id, VoidStep(line_id=uuid7_hex(11), qty=1))
    refused = bill(floor, order_id, 51)
    assert isinstance(refused, Refused)
    assert refused.code == "empty_sale"
    assert bill(floor, uuid7_hex(99), 52) == Refused("not_found")
