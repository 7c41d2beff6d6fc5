"""Ways of paying beside each other: who pays first, who gives change, what is rounded, what is refused."""

import pytest

from edge.domain import payment
from edge.domain.payment import AskedTender, Payment
from edge.domain.refusal import Refused
from sync.contract.trade import Tender


def cash(received_fen):
    return AskedTender(kind="cash", received_fen=received_fen)


def card(amount_fen=-1, reference="T-77"):
    return AskedTender(kind="card", amount_fen=amount_fen, reference=reference)


STATIC = AskedTender(kind="static_code")


def before(**known):
    """Payments that were taken before, by id: their amounts."""

    def tender_of(payment_id, wanted_fen):
        amount_fen = min(known[payment_id], wanted_fen)
        return Tender(kind="code", received_fen=amount_fen, change_fen=0, amount_fen=amount_fen, payment_id=payment_id)

    return tender_of


def pay(*args, **more) -> Payment:
    """Pay what must be possible."""
    paid = payment.pay(*args, **more)
    assert isinstance(paid, Payment), paid
    return paid


def amounts(paid):
    return [(one.kind, one.received_fen, one.change_fen, one.amount_fen) for one in paid.tenders]


def code(payment_id):
    return AskedTender(kind="code", payment_id=payment_id)


def test_cash_pays_what_the_others_leave_and_alone_gives_change():
    paid = pay(10_000, (cash(10_000), card(2_500), code("a")), prepaid=before(a=3_000))
    assert amounts(paid) == [("cash", 10_000, 5_500, 4_500), ("card", 2_500, 0, 2_500), ("code", 3_000, 0, 3_000)]


def test_what_names_no_amount_pays_the_rest():
    paid = pay(10_000, (STATIC, card(4_000)))
    assert amounts(paid) == [("static_code", 6_000, 0, 6_000), ("card", 4_000, 0, 4_000)]
    assert [one.flagged for one in paid.tenders] == [True, False]
    assert paid.tenders[1].reference == "T-77"


def test_a_tip_comes_on_top_and_is_never_rounded():
    paid = pay(1_239, (cash(2_000),), tip_fen=101, rounding="jiao_down")
    assert (amounts(paid), paid.rounding_fen) == ([("cash", 2_000, 669, 1_331)], -9)


def test_only_what_cash_pays_is_rounded():
    paid = pay(10_009, (card(10_000), cash(0)), rounding="jiao_down")
    assert (amounts(paid), paid.rounding_fen) == ([("card", 10_000, 0, 10_000), ("cash", 0, 0, 0)], -9)
    by_card = pay(1_239, (card(),), rounding="yuan_down")
    assert (amounts(by_card), by_card.rounding_fen) == ([("card", 1_239, 0, 1_239)], 0)


def test_rounding_up_asks_for_more():
    assert payment.pay(1_235, (cash(1_235),), rounding="jiao_near") == Refused(
        "underpaid", {"due_fen": 1_240, "missing_fen": 5}
    )
    assert pay(1_235, (cash(1_240),), rounding="jiao_near").rounding_fen == 5


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ((card(9_999),), Refused("underpaid", {"due_fen": 10_000, "missing_fen": 1})),
        ((card(10_001),), Refused("overpaid", {"left_fen": 10_000})),
        ((card(10_000), STATIC), Refused("overpaid", {"left_fen": 0})),
        ((card(10_000), cash(1)), Refused("overpaid", {"due_fen": 10_000, "left_fen": 0})),
        ((card(5_000), cash(4_999)), Refused("underpaid", {"due_fen": 10_000, "missing_fen": 1})),
        ((card(reference=""),), Refused("reference_missing")),
        ((card(reference="6222021234567890128"),), Refused("bad_reference", {"chars_max": 32})),
        ((code("nobody"),), Refused("not_found", {"payment_id": "nobody"})),
    ],
)
def test_what_cannot_be_paid_says_why(asked, refusal):
    assert payment.pay(10_000, asked) == refusal


@pytest.mark.parametrize(
    "asked",
    [
        (),
        (cash(1), cash(1)),
        (AskedTender(kind="code"),),
        (AskedTender(kind="deposit"),),
        (AskedTender(kind="platform"),),
        (code("a"), code("a")),
        (STATIC,) * 41,
    ],
)
def test_what_is_no_way_to_pay_is_malformed(asked):
    refusal = payment.pay(100, asked, prepaid=before(a=50))
    assert isinstance(refusal, Refused)
    assert refusal.code == "malformed"


def test_a_platform_pays_for_its_own_orders():
    asked = (AskedTender(kind="platform", reference="MT-1"),)
    assert amounts(pay(5_000, asked, platform=True)) == [("platform", 5_000, 0, 5_000)]
