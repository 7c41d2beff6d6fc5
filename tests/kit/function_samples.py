"""A request for each route of the register that would go through, so that only the table of roles stands in its way.

Addresses are filled in from what the world holds; a body is JSON, or a form's fields where it is one. Whoever adds a route that
changes something adds its sample here: without one nobody can say what the route asks for.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from edge.domain.floor import first_plan
from edge.services.deeds import Done
from edge.services.guests import guest_orders
from edge.services.guests.guest_orders import GuestAskCommand, GuestLine
from tests.kit.gateways import PayRig
from tests.kit.nodes import Rig, sell_body, uuid7_hex
from tests.kit.people import CASHIER, MANAGER, OTHER_MANAGER, PINS

API = "/api/v1"
DAY = "2026-09-21"
ELSEWHERE = "tests/db/test_refund_elsewhere.py"
ORDER, OTHER, EMPTY, LINE, SENT, WAITS, HELD = (uuid7_hex(n) for n in (301, 302, 303, 311, 312, 313, 314))
PAYMENT, DEPOSIT, UNKNOWN, SALE, TERMINAL, JOB, FRESH = (uuid7_hex(n) for n in (321, 322, 323, 331, 341, 351, 361))
UNKNOWN_ID = uuid7_hex(399)
"""Names nothing; for a route that asks the table before it looks."""
BADGE = "ZGS-9Q8R7TV"
REASON = {"reason": "a good reason"}


@dataclass(frozen=True)
class Sample:
    """What is sent; `fresh` = to a node at which nobody is set up yet."""

    body: dict[str, Any] | None = None
    form: dict[str, str] | None = None
    query: str = ""
    names: dict[str, str] = field(default_factory=dict)
    fresh: bool = False
    shown: str = ""
    """The test that shows what the route asks for, where its world is another than this one."""
    about: str = ""
    """The action that the request itself names: that one is asked for whom it is about."""


def asked(**more: Any) -> Sample:
    """A JSON body under a fresh request id."""
    return Sample({"request_id": FRESH, **more})


def steps(*one: dict[str, Any]) -> Sample:
    return asked(steps=list(one))


def taken(kind: str, **more: Any) -> Sample:
    return Sample({"payment_id": FRESH, "kind": kind, "amount_fen": 100, "order_id": ORDER, **more})


def refunded(**what: Any) -> Sample:
    return Sample({"refund_id": FRESH, "sale_id": SALE, **REASON, **what})


def formed(**fields: str) -> Sample:
    return Sample(form={"request_id": FRESH, **fields})


SAMPLES: dict[str, Sample] = {
    # Signing in.
    f"POST {API}/session pin": Sample({"till": "1", "pin": PINS[MANAGER]}),
    f"POST {API}/session badge": Sample({"till": "1", "badge": BADGE}),
    f"POST {API}/session/locale": asked(locale="en"),
    f"POST {API}/session/pin": asked(pin=PINS[MANAGER], new_pin="739482"),
    f"POST {API}/approvals": Sample(
        {"request_id": FRESH, "action": "gift", "target": LINE, "pin": PINS[OTHER_MANAGER]}, about="gift"
    ),
    # Selling.
    f"PUT {API}/till/accepts": Sample({"kinds": ["dish"], "screen": "sale"}),
    f"POST {API}/till/scans": Sample({"text": "101"}),
    f"PUT {API}/till/display": Sample({"show": "welcome"}),
    f"POST {API}/sales": Sample(sell_body(361)),
    f"POST {API}/sales/<sale_id>/reprint": asked(),
    f"POST {API}/invites/verify": Sample({"code": "AAAA"}),
    # Members; the table is asked before anybody is looked for.
    f"POST {API}/members": asked(consents=["membership"], text="v1"),
    f"POST {API}/members/find": Sample({"text": "5678"}),
    f"POST {API}/members/seen": asked(member_id=UNKNOWN_ID, by="phone"),
    f"POST {API}/members/thank": asked(member_id=UNKNOWN_ID, by="review"),
    f"POST {API}/members/redeem": asked(member_id=UNKNOWN_ID, gift_id="cup", shown_points=100),
    f"POST {API}/members/claim": asked(member_id=UNKNOWN_ID, invite="AAAA"),
    f"POST {API}/members/consent": asked(member_id=UNKNOWN_ID, purpose="sms", given=True, text="v1"),
    f"POST {API}/members/profile": asked(member_id=UNKNOWN_ID, said={}),
    f"POST {API}/members/card": asked(member_id=UNKNOWN_ID, card="04A299"),
    f"POST {API}/members/reveal": asked(member_id=UNKNOWN_ID, **REASON),
    f"POST {API}/members/leave": asked(member_id=UNKNOWN_ID),
    f"POST {API}/members/<member_id>/invite": asked(),
    f"POST {API}/members/<member_id>/door": asked(),
    # Orders.
    f"POST {API}/orders table": Sample({"order_id": FRESH, "service": "dine_in", "table": "t9"}),
    f"POST {API}/orders away": Sample({"order_id": FRESH, "service": "takeaway"}),
    f"POST {API}/orders/<order_id>/steps add": steps({"do": "add", "line_id": FRESH, "dish_id": "d101", "qty": 1}),
    f"POST {API}/orders/<order_id>/steps change": steps({"do": "change", "line_id": LINE, "qty_delta": 1}),
    f"POST {API}/orders/<order_id>/steps send": steps({"do": "send"}),
    f"POST {API}/orders/<order_id>/steps fire": steps({"do": "fire", "line_ids": [HELD]}),
    f"POST {API}/orders/<order_id>/steps chase": steps({"do": "chase", "line_ids": [SENT]}),
    f"POST {API}/orders/<order_id>/steps void": steps({"do": "void", "line_id": SENT, **REASON}),
    f"POST {API}/orders/<order_id>/steps price.unit": steps(
        {"do": "price", "line_id": LINE, "unit_fen": 100, **REASON}
    ),
    f"POST {API}/orders/<order_id>/steps price.gift": steps({"do": "price", "line_id": LINE, "gift": True, **REASON}),
    f"POST {API}/orders/<order_id>/steps price.discount": steps(
        {"do": "price", "line_id": LINE, "rate_bp": 500, **REASON}
    ),
    f"POST {API}/orders/<order_id>/steps discount": steps({"do": "discount", "rate_bp": 500, **REASON}),
    f"POST {API}/orders/<order_id>/steps discount.comp": steps({"do": "discount", "comp": True, **REASON}),
    f"POST {API}/orders/<order_id>/steps confirm": Sample(
        {"request_id": FRESH, "steps": [{"do": "confirm", "line_ids": [WAITS]}]}, names={"order_id": OTHER}
    ),
    f"POST {API}/orders/<order_id>/steps edit": steps({"do": "edit", "covers": 3}),
    f"POST {API}/orders/<order_id>/steps edit.held": steps({"do": "edit", "held": True}),
    f"POST {API}/orders/<order_id>/move": asked(table="t9"),
    f"POST {API}/orders/<order_id>/merge": asked(into=OTHER),
    f"POST {API}/orders/<order_id>/split": asked(lines=[{"line_id": LINE, "as_line": UNKNOWN_ID}]),
    f"POST {API}/orders/<order_id>/cancel": Sample({"request_id": FRESH}, names={"order_id": EMPTY}),
    f"POST {API}/dishes/<dish_id>/stock": asked(left=1),
    f"POST {API}/dishes/<dish_id>/price": asked(price_fen=100),
    f"POST {API}/floor": asked(over=0, areas=[]),
    # Money.
    f"POST {API}/orders/<order_id>/bill": Sample({"lines": [{"line_id": LINE}]}),
    f"POST {API}/orders/<order_id>/pay": Sample(
        {"sale_id": FRESH, "tenders": [{"kind": "cash", "received_fen": 10**6}]}
    ),
    f"POST {API}/payments code": taken("code", handle="handle"),
    f"POST {API}/payments static_code": taken("static_code"),
    f"POST {API}/payments card": taken("card", reference="T1"),
    f"POST {API}/payments cash": taken("cash"),
    f"POST {API}/payments/<payment_id>/accept": Sample(names={"payment_id": UNKNOWN}),
    f"POST {API}/payments/<payment_id>/return": asked(**REASON),
    f"POST {API}/deposits": Sample(
        {"deposit_id": FRESH, "kind": "cash", "amount_fen": 100, "label": "Li", "for_day": DAY}
    ),
    f"GET {API}/payments": Sample(query=f"order_id={ORDER}"),
    f"POST {API}/deposits/<deposit_id>/return": asked(**REASON),
    f"POST {API}/gateway/bills/<day>": Sample({"csv": ""}),
    f"PUT {API}/gateway/faults": Sample({}),
    f"POST {API}/refunds/quote": Sample({"sale_id": SALE, "whole": True}),
    f"POST {API}/refunds whole": refunded(whole=True),
    f"POST {API}/refunds lines": refunded(lines=[{"line": 0, "qty": 1}]),
    f"POST {API}/refunds amount": refunded(amount_fen=100),
    f"POST {API}/reversals": Sample({"refund_id": FRESH, "order_id": UNKNOWN_ID, "sale_id": SALE, **REASON}),
    # Shift.
    f"POST {API}/shift/open": asked(float_fen=100),
    **{
        f"POST {API}/shift/cash {move}": Sample({"move_id": FRESH, "move": move, "amount_fen": 100, **REASON})
        for move in ("pay_in", "pay_out", "drop")
    },
    f"POST {API}/drawers/<drawer_id>/open": asked(**REASON),
    "POST /devices/<device_id>/<verb> open": Sample(form={"reason": "change"}, names={"device_id": "drawer"}),
    f"POST {API}/shift/hand-over": asked(to_person=CASHIER.cashier_id),
    f"POST {API}/shift/x/print": asked(),
    f"POST {API}/shift/count": asked(counted=[{"unit_fen": 100, "pieces": 1}]),
    f"POST {API}/shift/close": asked(left_fen=0),
    f"POST {API}/shift/z/<till>/<epoch>/<z>/print": asked(),
    # Kitchen.
    f"POST {API}/kitchen/bump": asked(order_id=ORDER, station="wok", round=1, line_ids=[LINE]),
    f"POST {API}/kitchen/bring-back": asked(),
    # The manager's page.
    f"POST {API}/orders/<order_id>/bill/print": asked(locale="en"),
    f"POST {API}/house/opening": asked(),
    f"POST {API}/bookings/<booking_id>": asked(day=DAY, time="19:00", name="Li", phone4="4471", covers=2),
    f"POST {API}/bookings/<booking_id>/arrive": Sample({"order_id": FRESH}),
    f"POST {API}/bookings/<booking_id>/end": asked(became="no_show"),
    f"POST {API}/menu/try": Sample({"name": "menu.csv", "content": "aWQK"}),
    f"POST {API}/menu/import": asked(name="menu.csv", content="aWQK", over=1),
    f"POST {API}/specials/<special_id>": asked(code="901", name_zh="鱼", name_en="Fish", price_fen=100),
    # Other stores and platforms.
    f"POST {API}/refunds/elsewhere": Sample(shown=f"{ELSEWHERE}::test_the_table_of_roles_is_asked_before_anybody_is"),
    f"POST {API}/refunds/elsewhere/quote": Sample(
        shown=f"{ELSEWHERE}::test_the_table_of_roles_is_asked_before_anybody_is"
    ),
    f"POST {API}/refunds/elsewhere/<refund_id>/again": Sample({}),
    f"POST {API}/refunds/elsewhere/<refund_id>/drop": asked(**REASON),
    **{
        f"POST {API}/platforms/orders/<order_id>/{verb}": Sample(
            shown="tests/db/test_intake.py::test_the_store_declines_or_cancels_with_a_reason_and_the_right_word"
        )
        for verb in ("accept", "ready", "cancel")
    },
    # Slips and devices; most bring nothing but an address.
    f"POST {API}/print-jobs/<job_id>/discard": Sample(REASON),
    f"POST {API}/print-jobs/<job_id>/redirect": Sample({"printer": "counter"}),
    f"POST {API}/printers/<printer_id>/stale": Sample({"answer": "print"}),
    # The house.
    f"POST {API}/people": asked(name="New", role="cashier", locale="en", pin="739482"),
    f"POST {API}/people/<person_id>": asked(name="New", role="cashier", locale="en"),
    f"POST {API}/people/<person_id>/leave": asked(),
    f"POST {API}/people/<person_id>/pin": asked(pin="739482"),
    f"POST {API}/people/<person_id>/badge": asked(badge="ZGS-7K2M4PX"),
    f"POST {API}/people/<person_id>/unlock": asked(),
    "POST /staff/<person_id>/<verb> add": formed(name="New", role="cashier", locale="en", pin="739482"),
    "POST /staff/<person_id>/<verb> change": formed(name="New", role="cashier", locale="en"),
    "POST /staff/<person_id>/<verb> leave": formed(),
    "POST /staff/<person_id>/<verb> pin": formed(pin="739482"),
    "POST /staff/<person_id>/<verb> badge": formed(badge="ZGS-7K2M4PX"),
    "POST /staff/<person_id>/<verb> unlock": formed(),
    f"POST {API}/settings": asked(key="house.packing_fen", value=100),
    f"POST {API}/terminals/codes": Sample({"name": "Tablet", "till": "1"}),
    "POST /terminals/offer": formed(name="Tablet", till="1"),
    f"POST {API}/terminals/<terminal_id>/revoke": asked(),
    "POST /terminals/<terminal_id>/revoke": formed(),
    f"POST {API}/table-codes/<table_id>/renew": asked(over=1),
    "POST /terminals/tables/<table_id>/renew": formed(over="1"),
    "guest POST /T/<code>/ask": Sample({"request_id": FRESH, "lines": [{"line_id": LINE, "dish_id": "d101"}]}),
    "guest POST /J/<code>": Sample(form={"once": FRESH, "purpose_membership": "yes"}),
    "guest POST /j/<code>": Sample(form={"once": FRESH, "purpose_membership": "yes"}),
    "guest POST /C/<code>": Sample(form={"once": FRESH, "purpose_membership": "yes"}),
    "guest POST /c/<code>": Sample(form={"once": FRESH, "purpose_membership": "yes"}),
    f"POST {API}/live-codes/<code_id>/print": Sample(
        {"request_id": FRESH, "where": "hub"}, names={"code_id": "0" * 20}
    ),
    "guest POST /T/<code>/asked": Sample({"order_id": ORDER, "line_ids": [LINE]}),
    "GET /first-start": Sample(fresh=True),
    "POST /first-start": Sample(form={"name_zh": "Store"}, fresh=True),
    "POST /pair": formed(code="AAAA-AAAA"),
}
"""By route, as the register writes it; a route that is not named is asked for as its address stands."""
WITHOUT_BODY = re.compile(
    r"(guest )?(DELETE|GET) .*|POST /api/v1/(session/(seen|lock)|payments/<payment_id>/(query|cancel)|print-jobs/<job_id>/retry"
    r"|devices/<device_id>/\w+|practice)|POST /devices/.*|POST /first-start/\w+"
)
"""What changes something by its address alone, or only reads."""
NAMES = {
    "sale_id": SALE,
    "order_id": ORDER,
    "payment_id": PAYMENT,
    "deposit_id": DEPOSIT,
    "dish_id": "d101",
    "device_id": "counter",
    "printer_id": "counter",
    "drawer_id": "drawer",
    "job_id": JOB,
    "person_id": CASHIER.cashier_id,
    "terminal_id": TERMINAL,
    "table_id": "t1",
    "day": DAY,
    "till": "1",
    "epoch": "1",
    "z": "1",
    "build": "0" * 16,
    "name": "tokens.css",
    "code": "AAAA",
}
"""What stands in an address where a route has a name."""


def sample_of(route: str) -> Sample | None:
    """Give what is sent to a route; None where nobody said."""
    if route in SAMPLES:
        return SAMPLES[route]
    return Sample() if WITHOUT_BODY.fullmatch(route) else None


def address_of(rule: str, verb: str, sample: Sample) -> str:
    """Fill an address in; an id that nobody named names nothing."""
    names = {**NAMES, "verb": verb, **sample.names}
    filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names.get(found[1], UNKNOWN_ID), rule)
    return f"{filled}?{sample.query}" if sample.query else filled


def furnish(rig: Rig) -> PayRig:
    """Make what the samples name: a sale, an order with lines at every stage, money, a shift."""
    paid = PayRig(rig)
    client: Any = rig.client(signed_in=False, node=paid.node)
    assert client.post(f"{API}/session", json={"till": "1", "pin": PINS[MANAGER]}).status_code == 200

    def do(path: str, body: dict[str, Any]) -> None:
        answer = client.post(f"{API}/{path}", json=body)
        assert answer.status_code < 300, (path, answer.text)

    def add(line_id: str, **more: Any) -> dict[str, Any]:
        return {"do": "add", "line_id": line_id, "dish_id": "d101", "qty": 2, **more}

    do(f"people/{MANAGER.cashier_id}/badge", {"request_id": uuid7_hex(398), "badge": BADGE})
    do("sales", sell_body(331))
    at_table = {"service": "dine_in", "covers": 2}
    later = {**add(HELD), "course": 2}
    do("orders", {"order_id": ORDER, "table": "t1", **at_table, "steps": [add(SENT), later, {"do": "send"}, add(LINE)]})
    do("orders", {"order_id": OTHER, "table": "t2", **at_table})
    do("orders", {"order_id": EMPTY, "table": "t3", **at_table})
    asks = GuestAskCommand(request_id=uuid7_hex(397), lines=(GuestLine(line_id=WAITS, dish_id="d102"),))
    tables = {table.id: table for area in first_plan().areas for table in area.tables}
    assert isinstance(guest_orders.ask(paid.node, tables["t2"], asks), Done)
    do("payments", {"payment_id": PAYMENT, "kind": "cash", "amount_fen": 100, "order_id": OTHER})
    do("deposits", {"deposit_id": DEPOSIT, "kind": "cash", "amount_fen": 100, "label": "Li", "for_day": DAY})
    paid.faults(away=True)
    paid.charge(323)
    return paid
