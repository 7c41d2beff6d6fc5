"""Money before its sale: taken once, used once, given back once; deposits from hand to hand; and all of it by HTTP."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from drivers.document import Columns, Text
from drivers.printer.profiles import PROFILES
from edge.app import create_app
from edge.db import deposits as deposit_rows
from edge.db import payments as db
from edge.db import print_jobs
from edge.db.print_jobs import Job
from edge.db.staff import Cashier, Session
from edge.domain.refusal import Refused
from edge.domain.roles import Role
from edge.services import deeds
from edge.services.care import verify_journal
from edge.services.care.status import Desk
from edge.services.deeds import Deed, Done
from edge.services.money import deposits, money_views, payments
from edge.services.money.deposits import DepositCommand, ReturnDepositCommand
from edge.services.money.gateway_desk import GatewayDesk
from edge.services.money.gateway_fake import FakeGateway
from edge.services.money.money_views import MoneyView
from edge.services.money.payments import ReturnCommand, TakeCommand
from edge.services.printing import slip_papers
from edge.web.live import StreamSeats
from sync.contract import times
from sync.contract.orders import MERGED, OPENED, OrderMerged, OrderOpened
from sync.contract.trade import Tender
from tests.kit.gateways import WECHAT_CODE, PayRig
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, COUNTER, PIN, Rig, sell_body, uuid7_hex

ORDER = uuid7_hex(9_000)
DRAWER = {"kind": "drawer", "id": "drawer", "printer": "counter"}
CASHIER = Session("1", "c9", "小王", Role.CASHIER)
API = "/api/v1"


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path, devices=(COUNTER, DRAWER)) as made:
        yield made
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def taken(number: int, kind: str = "cash", amount_fen: int = 3_000, **more: Any) -> TakeCommand:
    fields = {"payment_id": uuid7_hex(number), "kind": kind, "amount_fen": amount_fen, "order_id": ORDER, **more}
    return msgspec.convert(fields, TakeCommand)


def take(rig: Rig, asked: TakeCommand, who: Session = AT_TILL_1) -> MoneyView | Refused:
    done = payments.take(rig.node, who, asked)
    return msgspec.json.decode(done.answer, type=MoneyView) if isinstance(done, Done) else done


def in_deed(rig: Rig, work: Callable[[Deed], Tender | Refused]) -> Tender | Refused:
    """Ask something in a transaction that leaves nothing behind."""
    found: list[Tender | Refused] = []

    def peek(deed: Deed) -> Refused:
        found.append(work(deed))
        return Refused("only_looked")

    deeds.transact(
        rig.node, AT_TILL_1, rig.node.ids.uuid7().hex(), TakeCommand(payment_id="", kind="cash", amount_fen=0), peek
    )
    return found[0]


def moves(rig: Rig, till: str = "1") -> list[tuple[str, str, int]]:
    with rig.db.read() as reader:
        return [(each.what, each.kind, each.amount_fen) for each in db.moves(reader, till, 0)]


def test_cash_card_and_static_code_are_taken_each_in_its_way(rig):
    cash = take(rig, taken(1, received_fen=5_000))
    assert isinstance(cash, MoneyView)
    assert (cash.state, cash.change_fen, cash.flagged) == ("taken", 2_000, False)
    card = take(rig, taken(2, "card", reference="POS-0042"))
    assert isinstance(card, MoneyView)
    assert (card.reference, card.flagged) == ("POS-0042", False)
    static = take(rig, taken(3, "static_code"), AT_TILL_2)
    assert isinstance(static, MoneyView)
    assert static.flagged, "somebody must look it up in the bill file"
    with rig.db.read() as reader:
        assert [each.kind for each in payments.taken_for(reader, ORDER)] == ["cash", "card", "static_code"]
    assert moves(rig) == [("payment", "cash", 3_000), ("payment", "card", 3_000)]
    assert moves(rig, "2") == [("payment", "static_code", 3_000)]
    assert rig.rows("SELECT job_id, reason FROM drawer_jobs") == [(uuid7_hex(1), "payment")], (
        "only cash opens the drawer"
    )


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (taken(1, amount_fen=0), "amount_out_of_range"),
        (taken(1, amount_fen=-5), "amount_out_of_range"),
        (taken(1, amount_fen=10**12), "amount_out_of_range"),
        (taken(1, received_fen=2_999), "underpaid"),
        (taken(1, received_fen=10**12), "malformed"),
        (taken(1, reference="x"), "malformed"),
        (taken(1, "card"), "reference_missing"),
        (taken(1, "card", reference="4111111111111111"), "bad_reference"),
        (taken(1, "card", reference="4111-1111-1111-1111"), "bad_reference"),
        (taken(1, "card", reference="a b"), "bad_reference"),
        (taken(1, "card", reference="A1", received_fen=4_000), "malformed"),
        (taken(1, "static_code", received_fen=1), "malformed"),
        (taken(1, order_id="x"), "malformed"),
        (taken(1, "code"), "malformed"),
    ],
)
def test_wrong_money_is_refused_and_nothing_is_kept(rig, asked, code):
    before = rig.tables()
    refused = take(rig, asked)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert rig.tables() == before


def test_a_repeat_is_the_same_payment_also_when_the_stored_answer_is_gone(rig):
    first = take(rig, taken(1))
    assert take(rig, taken(1)) == first
    assert take(rig, taken(1, amount_fen=4_000)) == Refused("request_id_reused")
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))
    assert take(rig, taken(1)) == first
    rig.db.write(lambda tx: tx.execute("DELETE FROM requests"))
    assert take(rig, taken(1, amount_fen=4_000)) == Refused("request_id_reused")
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'payment.taken'") == [(1,)]


def test_a_payment_is_used_whole_by_one_sale_only(rig):
    take(rig, taken(1, received_fen=5_000))
    tender = in_deed(rig, lambda deed: payments.tender_of(deed, uuid7_hex(1), 3_000))
    assert tender == Tender(
        kind="cash", received_fen=5_000, change_fen=2_000, amount_fen=3_000, payment_id=uuid7_hex(1)
    )
    small = in_deed(rig, lambda deed: payments.tender_of(deed, uuid7_hex(1), 2_999))
    assert isinstance(small, Refused)
    assert small.code == "payment_exceeds"
    assert in_deed(rig, lambda deed: payments.tender_of(deed, uuid7_hex(2), 3_000)) == Refused(
        "not_found", {"payment_id": uuid7_hex(2)}
    )


def test_change_that_was_given_with_an_earlier_share_is_not_told_again(rig):
    client = rig.client()
    take(rig, taken(1, received_fen=5_000, order_id=""))
    body = sell_body(7, tenders=[{"kind": "cash", "payment_id": uuid7_hex(1)}, {"kind": "cash", "received_fen": 6_000}])
    told = client.post(f"{API}/sales", json=body).get_json()
    assert [tender["change_fen"] for tender in told["tenders"]] == [2_000, 1_100]
    assert (told["total_fen"], told["received_fen"], told["change_fen"]) == (7_900, 9_000, 1_100)
    assert client.get(f"{API}/sales/{body['sale_id']}").get_json()["change_fen"] == 1_100


def test_a_sale_uses_what_was_paid_before_and_the_payment_is_gone_for_others(rig):
    client = rig.client()
    take(rig, taken(1, "card", amount_fen=3_000, order_id="", reference="A1"))
    body = sell_body(7, tenders=[{"kind": "card", "payment_id": uuid7_hex(1)}, {"kind": "cash", "received_fen": 4_900}])
    sold = client.post(f"{API}/sales", json=body)
    assert sold.status_code == 201, sold.text
    found = money_views.one(rig.node, uuid7_hex(1))
    assert found is not None
    assert (found.state, found.sale_id, found.left_fen) == ("used", body["sale_id"], 0)
    with rig.db.read() as reader:
        assert db.uses_of_sale(reader, body["sale_id"]) == [(uuid7_hex(1), 0, "card", 3_000)]
        assert db.unused(reader) == []
    again = client.post(f"{API}/sales", json=sell_body(8, tenders=body["tenders"]))
    assert (again.status_code, again.get_json()["code"]) == (409, "payment_used")
    back = payments.give_back(rig.node, AT_TILL_1, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(50), reason="x"))
    assert back == Refused("payment_used", {"sale_id": body["sale_id"]})
    assert moves(rig) == [("payment", "card", 3_000)], "the sale's tender is not counted a second time"


def test_cash_goes_back_once_with_a_reason_and_another_persons_word(rig):
    take(rig, taken(1))
    no_reason = payments.give_back(
        rig.node, AT_TILL_1, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(50), reason=" ")
    )
    assert isinstance(no_reason, Refused)
    assert no_reason.code == "bad_text"
    asked = ReturnCommand(request_id=uuid7_hex(51), reason="客人走了")
    alone = payments.give_back(rig.node, CASHIER, uuid7_hex(1), asked)
    assert isinstance(alone, Refused)
    assert (alone.code, alone.details["action"], alone.details["amount_fen"]) == (
        "needs_approval",
        "return_payment",
        3_000,
    )
    assert isinstance(payments.give_back(rig.node, AT_TILL_1, uuid7_hex(1), asked), Done)
    twice = payments.give_back(rig.node, AT_TILL_2, uuid7_hex(1), ReturnCommand(request_id=uuid7_hex(52), reason="x"))
    assert twice == Refused("payment_returned")
    assert moves(rig) == [("payment", "cash", 3_000), ("payment_returned", "cash", 3_000)]
    assert rig.rows("SELECT reason FROM drawer_jobs ORDER BY created_ms, job_id") == [("payment",), ("return",)]
    assert isinstance(in_deed(rig, lambda deed: payments.tender_of(deed, uuid7_hex(1), 3_000)), Refused)


def test_payments_go_with_the_lines_when_tables_are_merged(rig):
    ids = [uuid7_hex(9_100), uuid7_hex(9_101)]
    for number, order_id in enumerate(ids):
        opened = OrderOpened(order_id=order_id, service="takeaway", till="1", label=str(number))
        in_fact(rig, OPENED, opened)
    take(rig, taken(1, order_id=ids[0]))
    in_fact(rig, MERGED, OrderMerged(order_id=ids[0], into=ids[1]))
    with rig.db.read() as reader:
        assert [each.payment_id for each in db.taken_for(reader, ids[1])] == [uuid7_hex(1)]
    late = take(rig, taken(2, order_id=ids[0]))
    assert late == Refused("order_closed", {"into": ids[1]})


def in_fact(rig: Rig, kind: str, body: msgspec.Struct) -> None:
    def work(deed: Deed) -> TakeCommand:
        deed.write(kind, body)
        return TakeCommand(payment_id="", kind="cash", amount_fen=0)

    request_id = rig.node.ids.uuid7().hex()
    assert isinstance(
        deeds.transact(rig.node, AT_TILL_1, request_id, TakeCommand(payment_id="", kind="cash", amount_fen=0), work),
        Done,
    )


# ------------------------------------------------------------------------------------------------------------ deposits


def deposit(number: int, kind: str = "cash", amount_fen: int = 50_000, **more: Any) -> DepositCommand:
    fields = {"deposit_id": uuid7_hex(number), "kind": kind, "amount_fen": amount_fen, "label": "王先生 6 位",
              "for_day": "2026-10-01", **more}  # fmt: skip
    return msgspec.convert(fields, DepositCommand)


def held(rig: Rig, asked: DepositCommand, who: Session = AT_TILL_1) -> MoneyView | Refused:
    done = deposits.take(rig.node, who, asked)
    return msgspec.json.decode(done.answer, type=MoneyView) if isinstance(done, Done) else done


def test_deposits_have_gapless_numbers_and_are_listed_by_their_day(rig):
    first = held(rig, deposit(1))
    assert isinstance(first, MoneyView)
    assert (first.state, first.receipt_no, first.left_fen) == ("held", "1-1-D00001", 50_000)
    assert held(rig, deposit(1)) == first
    for wrong in (
        deposit(2, label=" "),
        deposit(2, label="a\x1bb"),
        deposit(2, for_day="2026-13-01"),
        deposit(2, amount_fen=0),
    ):
        assert isinstance(held(rig, wrong), Refused)
    second = held(rig, deposit(2, "card", reference="A7", for_day="2026-09-30", label="李"))
    assert isinstance(second, MoneyView)
    assert second.receipt_no == "1-1-D00002"
    assert held(rig, deposit(3), AT_TILL_2).receipt_no == "2-1-D00001"  # type: ignore[union-attr]
    listed = deposits.for_days(rig.node, "2026-09-30", "2026-10-31")
    assert not isinstance(listed, Refused)
    assert [each.payment_id for each in listed] == [uuid7_hex(2), uuid7_hex(1), uuid7_hex(3)]
    assert isinstance(deposits.for_days(rig.node, "x", "2026-10-31"), Refused)


def test_money_that_lies_here_is_listed_whatever_its_day_and_no_day_is_a_slip_of_the_finger(rig):
    today = rig.node.today()
    last = times.day_of_epoch(times.epoch_day(today) + deposits.LIST_DAYS_MAX)
    for number, day in enumerate(("2025-12-24", "2099-12-31", times.day_of_epoch(times.epoch_day(last) + 1)), start=1):
        refused = held(rig, deposit(number, for_day=day))
        assert isinstance(refused, Refused)
        assert refused.code == "deposit_day"
    assert deposits.held(rig.node) == ()
    for number, day in ((4, last), (5, today)):
        assert isinstance(held(rig, deposit(number, for_day=day)), MoneyView)
    rig.clock.step_wall(60 * times.DAY_MS)
    assert [each.for_day for each in deposits.held(rig.node)] == [today, last], (
        "a feast that was put off is still listed"
    )
    returning = msgspec.convert({"request_id": uuid7_hex(9), "reason": "x"}, ReturnDepositCommand)
    assert isinstance(deposits.give_back(rig.node, AT_TILL_1, uuid7_hex(5), returning), Done)
    assert [each.for_day for each in deposits.held(rig.node)] == [last]


def test_a_deposit_is_spent_in_parts_and_the_rest_goes_back(rig):
    client = rig.client()
    held(rig, deposit(1, amount_fen=9_000))
    spent = [{"kind": "deposit", "payment_id": uuid7_hex(1)}]
    sold = client.post(f"{API}/sales", json=sell_body(7, tenders=spent))
    assert sold.status_code == 201, sold.text
    found = money_views.one(rig.node, uuid7_hex(1))
    assert found is not None
    assert (found.state, found.left_fen) == ("held", 1_100)
    second = client.post(f"{API}/sales", json=sell_body(8, tenders=[*spent, {"kind": "cash", "received_fen": 6_000}]))
    assert second.status_code == 422, "60.00 and the 11.00 that are left of it do not pay 79.00"
    asked = ReturnDepositCommand(request_id=uuid7_hex(50), reason="剩下的退")
    assert isinstance(deposits.give_back(rig.node, CASHIER, uuid7_hex(1), asked), Refused)
    assert isinstance(deposits.give_back(rig.node, AT_TILL_1, uuid7_hex(1), asked), Done)
    gone = deposits.give_back(
        rig.node, AT_TILL_1, uuid7_hex(1), ReturnDepositCommand(request_id=uuid7_hex(51), reason="x")
    )
    assert isinstance(gone, Refused)
    assert gone.code == "deposit_gone"
    third = client.post(f"{API}/sales", json=sell_body(9, tenders=spent))
    assert (third.status_code, third.get_json()["code"]) == (409, "payment_returned")
    assert moves(rig) == [("deposit", "cash", 9_000), ("deposit_returned", "cash", 1_100)]
    with rig.db.read() as reader:
        row = deposit_rows.by_id(reader, uuid7_hex(1))
    assert row is not None
    assert (row.spent_fen, row.returned_fen) == (7_900, 1_100)


def test_a_deposit_by_code_goes_through_the_gateway_both_ways(rig):
    pay = PayRig(rig)
    found = pay.charge(1, 20_000, label="王先生", for_day="2026-10-01")
    assert isinstance(found, MoneyView)
    assert (found.state, found.receipt_no, found.label) == ("held", "1-1-D00001", "王先生")
    back = deposits.give_back(
        pay.node, AT_TILL_1, uuid7_hex(1), ReturnDepositCommand(request_id=uuid7_hex(50), reason="取消")
    )
    assert isinstance(back, Done)
    assert payments.send_refunds(pay.node) == 1
    assert pay.fake.taken_fen() == 0


def slips(rig: Rig) -> list[list[str]]:
    with rig.db.read() as reader:
        jobs = [Job(*row) for row in reader.execute(f"SELECT {print_jobs._COLUMNS} FROM print_jobs ORDER BY position")]
    documents = [slip_papers.document(rig.node, job, PROFILES["epson-80"]) for job in jobs]
    return [
        [f"{each.left} {each.right}" if isinstance(each, Columns) else each.text for each in document.elements
         if isinstance(each, Columns | Text)]
        for document in documents
    ]  # fmt: skip


def test_the_guest_gets_a_slip_of_a_deposit_and_of_what_goes_back(rig):
    held(rig, deposit(1))
    deposits.give_back(rig.node, AT_TILL_1, uuid7_hex(1), ReturnDepositCommand(request_id=uuid7_hex(50), reason="x"))
    pay = PayRig(rig)
    pay.charge(2, 1_200)
    payments.give_back(pay.node, AT_TILL_1, uuid7_hex(2), ReturnCommand(request_id=uuid7_hex(51), reason="x"))
    taken_slip, deposit_back, code_back = slips(rig)
    said = {
        "单号 No. 1-1-D00001",
        "姓名 Name 王先生 6 位",
        "用餐日期 For the day 2026-10-01",
        "已收订金 ￥500.00",
    }
    assert {*said, "现金 Cash 500.00"} <= set(taken_slip), "whoever left money reads one of the languages of the store"
    assert {"单号 No. 1-1-D00001", "退款 ￥−500.00", "退 现金 Back, cash 500.00"} <= set(deposit_back)
    assert {"单号 No. FAKE0000000001", "退款 ￥−12.00", "退 扫码 Back, code 12.00"} <= set(code_back)
    assert any("原路退回" in line for line in code_back)
    assert not any("原路退回" in line for line in deposit_back)


# ---------------------------------------------------------------------------------------------------------------- HTTP


class House:
    """The app over a node with the fake gateway; codes are scanned through the very route of the page."""

    def __init__(self, rig: Rig) -> None:
        rig.add_cashier()
        self.fake = FakeGateway(rig.clock, rig.node.zone)
        node = replace(rig.node, gateway=GatewayDesk(self.fake))
        self.client: FlaskClient = create_app(Desk(node, link=lambda: None, devices=list), StreamSeats(2)).test_client()
        assert self.client.post(f"{API}/session", json={"pin": PIN, "till": "1"}).status_code == 200

    def scan(self) -> str:
        accepts = {"kinds": ["payment"], "screen": "pay", "page": "p"}
        assert self.client.put(f"{API}/till/accepts", json=accepts).status_code == 204
        scanned = self.client.post(f"{API}/till/scans", json={"text": WECHAT_CODE}).get_json()
        assert WECHAT_CODE not in str(scanned)
        return str(scanned["handle"])

    def post(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        answer = self.client.post(f"{API}{path}", json=body)
        return answer.status_code, answer.get_json()


def test_a_code_from_scan_to_paid_to_returned_by_http(rig):
    house = House(rig)
    body = {"payment_id": uuid7_hex(1), "kind": "code", "amount_fen": 7_900, "order_id": ORDER, "handle": house.scan()}
    status, paid = house.post("/payments", body)
    assert (status, paid["state"], paid["provider"]) == (201, "taken", "wechat")
    assert house.post("/payments", body)[1] == paid
    assert house.post("/payments", {**body, "payment_id": uuid7_hex(2)})[1]["code"] == "code_gone"
    assert house.client.get(f"{API}/payments?order_id={ORDER}").get_json() == {"payments": [paid]}
    status, back = house.post(f"/payments/{uuid7_hex(1)}/return", {"request_id": uuid7_hex(50), "reason": "x"})
    assert (status, back["queued"], back["refund_no"]) == (201, True, f"{uuid7_hex(1)}-0")
    assert [each["state"] for each in house.client.get(f"{API}/payments/open").get_json()["refunds"]] == ["waiting"]


def test_an_unknown_code_is_accepted_for_work_and_decided_by_http(rig):
    house = House(rig)
    assert house.client.put(f"{API}/gateway/faults", json={"guest_confirms": -1}).status_code == 200
    body = {"payment_id": uuid7_hex(1), "kind": "code", "amount_fen": 7_900, "order_id": ORDER, "handle": house.scan()}
    status, found = house.post("/payments", body)
    assert (status, found["state"], found["reason"]) == (202, "unknown", "guest_confirms")
    status, refused = house.post("/payments", {**body, "payment_id": uuid7_hex(2), "handle": house.scan()})
    assert (status, refused["code"], refused["details"]["payment_id"]) == (409, "payment_undecided", uuid7_hex(1))
    assert house.post(f"/payments/{uuid7_hex(1)}/query")[1]["state"] == "unknown"
    assert house.post(f"/payments/{uuid7_hex(1)}/cancel")[1]["state"] == "cancelled"
    assert house.post(f"/payments/{uuid7_hex(1)}/accept")[1]["code"] == "payment_settled"
    assert house.client.get(f"{API}/payments/{uuid7_hex(1)}").get_json()["state"] == "cancelled"


def test_bad_input_by_http_is_a_sentence_and_changes_nothing(rig):
    house = House(rig)
    before = rig.tables()
    good = {"payment_id": uuid7_hex(1), "kind": "cash", "amount_fen": 100}
    for path, body, status, code in [
        ("/payments", {**good, "payment_id": "x"}, 400, "malformed"),
        ("/payments", {**good, "amount_fen": 1.5}, 400, "malformed"),
        ("/payments", {**good, "amount_fen": 10**30}, 400, "malformed"),
        ("/payments", {**good, "kind": "gold"}, 400, "malformed"),
        ("/payments", {**good, "price": 1}, 400, "unknown_field"),
        ("/payments", {**good, "kind": "code", "handle": ""}, 409, "code_gone"),
        ("/payments/x/cancel", None, 404, "not_found"),
        (f"/payments/{uuid7_hex(5)}/cancel", None, 404, "not_found"),
        (f"/payments/{uuid7_hex(5)}/query", None, 404, "not_found"),
        (f"/payments/{uuid7_hex(5)}/return", {"request_id": uuid7_hex(6), "reason": "x"}, 404, "not_found"),
        (f"/deposits/{uuid7_hex(5)}/return", {"request_id": uuid7_hex(6), "reason": "x"}, 404, "not_found"),
        ("/gateway/bills/2026-99-99", {}, 400, "malformed"),
        ("/gateway/bills/2026-09-21", {"csv": "hello"}, 422, "bad_bill"),
    ]:
        answered, said = house.post(path, body)
        assert (answered, said["code"]) == (status, code), (path, body, said)
    for path in ("/payments?order_id=x", "/payments/x", "/gateway/bills/x"):
        assert house.client.get(f"{API}{path}").status_code == 404
    assert house.client.get(f"{API}/deposits?from=x").status_code == 400
    assert rig.tables("sessions") == {name: rows for name, rows in before.items() if name != "sessions"}
    assert WECHAT_CODE not in str(rig.tables())


def test_who_is_not_signed_in_or_no_manager_is_refused(rig):
    house = House(rig)
    stranger = house.client.application.test_client()
    for method, path in [("POST", "/payments"), ("GET", "/payments/open"), ("POST", f"/payments/{uuid7_hex(1)}/cancel"),
                         ("POST", "/deposits"), ("GET", "/deposits"), ("GET", "/gateway/faults")]:  # fmt: skip
        assert stranger.open(f"{API}{path}", method=method, json={}).status_code == 401, path
    rig.add_person(Cashier("c9", "小王", Role.CASHIER), "739164")
    assert stranger.post(f"{API}/session", json={"pin": "739164", "till": "2"}).status_code == 200
    assert stranger.get(f"{API}/gateway/faults").status_code == 403
    assert stranger.post(f"{API}/gateway/bills/2026-09-21", json={}).status_code == 403
    assert stranger.get(f"{API}/payments/open").status_code == 200
