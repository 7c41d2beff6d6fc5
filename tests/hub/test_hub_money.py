"""The hub's read models of money beside sales, on both databases: refunds, shifts, payments, refunds by gateway; replayed they say the same."""

from typing import Any

import msgspec
import pytest

from cloud.app import create_app
from cloud.db import money, sales
from cloud.db.schema import gateway_refunds, payments, refunds, z_reports
from cloud.services.money import Money
from cloud.services.project import MODELS_OF
from cloud.services.sessions import FULL
from cloud.services.tries import Caller
from sync.contract import payments as paid
from sync.contract import refunds as back
from sync.contract import shifts as shift
from sync.contract import trade
from sync.contract.facts import Lane
from sync.contract.payments import DepositTaken, PaymentDoubted, PaymentReturned, PaymentTaken, RefundSettled
from sync.contract.refunds import RefundTender, SaleRefunded
from sync.contract.shifts import Counted, ShiftTotals, TillClosed
from sync.contract.trade import Tender
from sync.contract.words import Name
from sync.node.ports import ManualClock
from tests.kit.hub_store import HubKit, StoreKit, a_sale
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub

SALE, PAYMENT, REFUND, DEPOSIT, DOUBT = (f"0190000000007{n:03d}8000000000000000" for n in range(5))
TOTALS = {name: 0 for name in ShiftTotals.__struct_fields__ if name.endswith("_fen")}


@pytest.fixture
def store(tmp_path, hub_database) -> StoreKit:
    return HubKit(hub_database, tmp_path).enrolled("s1")


def tell(store: StoreKit, *told: tuple[str, msgspec.Struct]) -> None:
    """Let facts of the trade lane reach the hub and its read models."""
    hub = store.hub
    assert isinstance(hub, HubKit)
    first = len(store.lanes[0]) + 1
    if first == 1:
        store.send(store.hello())
    for kind, body in told:
        store.add(store.fact(kind, body))
    store.send(store.batch(first, len(store.lanes[0])))
    hub.projector.catch_up()


def a_refund(**changes) -> SaleRefunded:
    said = {"refund_id": REFUND, "sale_id": SALE, "sale_store": "s1", "sale_receipt_no": "1-1-000001", "sale_day": "2026-09-21",
            "till": "1", "number": 1, "receipt_no": "1-1-R00001", "currency": "CNY", "lines": (), "amount_fen": 3_800, "reason": "菜有问题",
            "tenders": (RefundTender(kind="code", amount_fen=3_800, payment_id=PAYMENT, queued=True),)}  # fmt: skip
    return SaleRefunded(**{**said, **changes})


def a_z(z: int = 1, variance_fen: int = -200) -> TillClosed:
    said: dict[str, Any] = {**TOTALS, "sales": 1, "sales_fen": 3_800, "gross_fen": 3_800, "refunds": 1, "refunds_fen": 3_800, "covers": 2,
                            "voids": 0, "platform_sales": 0, "tenders": (), "first_no": "1-1-000001", "last_no": "1-1-000001"}  # fmt: skip
    return TillClosed(till="1", z=z, float_fen=0, counted=(Counted(unit_fen=100, pieces=8),), counted_fen=800, expected_fen=800 - variance_fen,
                      variance_fen=variance_fen, reason="找错钱", left_fen=0, totals=ShiftTotals(**said), grand_total_fen=3_800, open_orders=1,
                      days=("2026-09-21",), chain="00", chain_seq=1)  # fmt: skip


def states(store: StoreKit) -> dict[str, str]:
    with store.hub.database.read() as reader:  # type: ignore[attr-defined]
        return {
            row.payment_id: row.state
            for row in money.recent_payments(reader, store="s1", day=None, before=None, limit=9)
        }


def everything(store: StoreKit) -> list[list[tuple[Any, ...]]]:
    with store.hub.database.read() as reader:  # type: ignore[attr-defined]
        return [
            [tuple(row) for row in reader.rows(table.select())]
            for table in (refunds, payments, gateway_refunds, z_reports)
        ]


def an_evening(store: StoreKit) -> None:
    taken = PaymentTaken(
        payment_id=PAYMENT, order_id="", till="1", kind="code", received_fen=3_800, change_fen=0, amount_fen=3_800
    )
    sale = a_sale(SALE, 1)
    tender = Tender(kind="code", received_fen=3_800, change_fen=0, amount_fen=3_800, payment_id=PAYMENT)
    deposit = DepositTaken(deposit_id=DEPOSIT, till="1", number=1, receipt_no="1-1-D00001", label="王女士", for_day="2026-09-25", kind="card",
                           received_fen=50_000, change_fen=0, amount_fen=50_000)  # fmt: skip
    doubted = PaymentDoubted(payment_id=DOUBT, order_id="", till="1", amount_fen=900, outcome="unknown")
    tell(
        store,
        (paid.TAKEN, taken),
        (trade.SALE_PAID, msgspec.structs.replace(sale, tenders=(tender,))),
        (paid.DEPOSIT_TAKEN, deposit),
        (paid.DOUBTED, doubted),
        (back.SALE_REFUNDED, a_refund()),
        (shift.CLOSED, a_z()),
    )


def test_an_evening_stands_in_the_read_models_and_a_replay_says_the_same(store):
    an_evening(store)
    assert store.hub.parked() == []
    assert states(store) == {PAYMENT: "used", DEPOSIT: "open", DOUBT: "unknown"}
    seen = Money(store.hub.database)
    (refund,) = seen.refunds(None, None, None, 9)
    assert (refund.receipt_no, refund.amount_fen, refund.ways, refund.sale_known) == (
        "1-1-R00001",
        3_800,
        ("code",),
        True,
    )
    assert seen.refunds_of("s1", SALE) == (refund,)
    (closed,) = seen.shifts("s1", "2026-09-21", None, 9)
    assert (closed.z, closed.net_fen, closed.variance_fen, closed.reason, closed.open_orders) == (
        1,
        0,
        -200,
        "找错钱",
        1,
    )
    assert [one.row.refund_no for one in seen.open_gateway_refunds(None)] == [f"{REFUND}-0"]
    before = everything(store)
    store.hub.projector.replay()
    assert everything(store) == before


def test_the_gateways_word_takes_a_refund_out_of_the_line_or_says_that_it_never_will(store):
    an_evening(store)
    seen = Money(store.hub.database)
    tell(store, (paid.REFUND_SETTLED, RefundSettled(refund_no=f"{REFUND}-0", payment_id=PAYMENT, amount_fen=3_800, outcome="refused",
                                                    reason="closed")))  # fmt: skip
    assert [(one.row.outcome, one.row.reason) for one in seen.open_gateway_refunds("s1")] == [("refused", "closed")]
    tell(
        store,
        (
            paid.REFUND_SETTLED,
            RefundSettled(refund_no=f"{REFUND}-0", payment_id=PAYMENT, amount_fen=3_800, outcome="done"),
        ),
    )
    assert seen.open_gateway_refunds("s1") == ()


def test_a_doubt_ends_and_a_payment_that_nobody_used_goes_back(store):
    an_evening(store)
    tell(
        store,
        (paid.DOUBTED, PaymentDoubted(payment_id=DOUBT, order_id="", till="1", amount_fen=900, outcome="cancelled")),
    )
    assert states(store)[DOUBT] == "cancelled"
    taken = PaymentTaken(
        payment_id=DOUBT,
        order_id="",
        till="1",
        kind="code",
        received_fen=900,
        change_fen=0,
        amount_fen=900,
        flagged=True,
    )
    returned = PaymentReturned(payment_id=DOUBT, till="1", amount_fen=900, reason="cancelled", queued=True)
    tell(store, (paid.TAKEN, taken), (paid.RETURNED, returned))
    assert states(store)[DOUBT] == "returned"
    assert f"{DOUBT}-0" in {one.row.refund_no for one in Money(store.hub.database).open_gateway_refunds(None)}


def test_what_claims_an_id_that_stands_is_parked_and_the_first_holds(store):
    an_evening(store)
    tell(
        store,
        (back.SALE_REFUNDED, a_refund(amount_fen=1, tenders=(RefundTender(kind="cash", amount_fen=1),))),
        (shift.CLOSED, a_z()),
    )
    assert store.hub.parked() == ["refund_id_twice", "z_twice"]
    assert [one.amount_fen for one in Money(store.hub.database).refunds(None, None, None, 9)] == [3_800]


def test_a_value_that_is_none_is_parked_and_blocks_nothing(store):
    tell(store, (back.SALE_REFUNDED, a_refund(refund_id="nonsense")), (back.SALE_REFUNDED, a_refund()))
    assert store.hub.parked() == ["bad_value"]
    assert len(Money(store.hub.database).refunds(None, None, None, 9)) == 1


def test_read_models_of_an_older_code_are_rebuilt_once(store):
    an_evening(store)
    hub = store.hub
    with hub.database.write() as tx:
        for table in (refunds, payments, gateway_refunds, z_reports):
            tx.run(table.delete())
    hub.projector.retry_once_for("1.0")
    assert len(Money(hub.database).refunds(None, None, None, 9)) == 1
    with hub.database.read() as reader:
        assert sales.note_of(reader, MODELS_OF) is not None
    with hub.database.write() as tx:
        tx.run(refunds.delete())
    hub.projector.retry_once_for("1.0")
    assert Money(hub.database).refunds(None, None, None, 9) == (), "once"


def test_the_pages_show_refunds_shifts_and_payments_in_both_languages(tmp_path):
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock)
    near = StoreByHand(core, "near", Name("近店", "Near"), clock)
    sale = near.sell([("宫保鸡丁", 1, 3_800)])
    refund = a_refund(sale_id=sale.sale_id, sale_store="near")
    deposit = DepositTaken(deposit_id=DEPOSIT, till="1", number=1, receipt_no="1-1-D00001", label="王女士", for_day="2026-09-25", kind="card",
                           received_fen=50_000, change_fen=0, amount_fen=50_000)  # fmt: skip
    for kind, body in ((back.SALE_REFUNDED, refund), (shift.CLOSED, a_z()), (paid.DEPOSIT_TAKEN, deposit)):
        near.write(Lane.TRADE, kind, msgspec.json.encode(body), clock.now_ms())
    near.deliver()
    client = create_app(core.hub).test_client()
    with core.database.write() as tx:
        client.set_cookie("hub_session", core.hub.console.sessions.open(tx, "admin", FULL, Caller()))
    for language, said in (("zh", ("退款", "−2.00", "订金")), ("en", ("Refunds", "−2.00", "Deposit"))):
        client.set_cookie("hub_language", {"zh": "zh-CN", "en": "en"}[language])
        pages = {name: client.get(f"/{name}?store=near") for name in ("refunds", "shifts", "payments")}
        assert {answer.status_code for answer in pages.values()} == {200}
        for (name, page), word in zip(pages.items(), said, strict=True):
            assert word in page.text, (name, language)
        assert "1-1-R00001" in pages["refunds"].text
        assert f"/sales/near/{sale.sale_id}" in pages["refunds"].text
        assert "1-1-Z1" in pages["shifts"].text
    assert "1-1-R00001" in client.get(f"/sales/near/{sale.sale_id}").text
    assert client.get("/refunds?store=nowhere").status_code == 404
    core.database.close()
