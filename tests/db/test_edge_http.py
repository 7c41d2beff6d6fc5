"""Bad input by HTTP: a status, a code, a sentence in both languages, and nothing changed in any table."""

import ast
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from edge.app import create_app
from edge.services.care.status import Desk
from edge.services.hub import recovery
from edge.services.node import MenuShelf
from edge.services.ordering.import_menu import load_in_force
from edge.web import problems, words
from edge.web.access import BODY_BYTES_MAX, COOKIE
from edge.web.live import StreamSeats
from sync.contract.codes import Verdict
from tests.kit.nodes import PIN, Rig, sell_body, store_identity, uuid7_hex

ROOT = Path(__file__).resolve().parents[2]
API = "/api/v1"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory):
    with Rig(tmp_path_factory.mktemp("node")) as made:
        made.sell(1)
        yield made


@pytest.fixture(scope="module")
def client(rig):
    return rig.client()


def refused(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.mimetype == "application/json", answer.data[:200]
    body: dict[str, Any] = answer.get_json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert set(body) == {"status", "code", "message", "details"}
    assert "Traceback" not in answer.text
    details: dict[str, Any] = body["details"]
    return details


def both_languages(ask: Any) -> None:
    """The sentence is the catalogue's own for that code, in the language that was asked for."""
    said = set()
    for locale in ("zh-CN", "en"):
        body = ask({"Accept-Language": locale}).get_json()
        assert body["message"] == words.sentence(body["code"], locale)
        said.add(body["message"])
    assert len(said) == 2


LINE = {"dish_id": "d101", "qty": 1}
CASH = {"kind": "cash", "received_fen": 100_000}


def lines(**changes: Any) -> dict[str, Any]:
    return {"lines": [{**LINE, **changes}]}


BAD_SALES: list[tuple[str, dict[str, Any], int, str]] = [
    ("quantity 0", lines(qty=0), 422, "qty_out_of_range"),
    ("quantity below zero", lines(qty=-1), 422, "qty_out_of_range"),
    ("quantity of a milliard", lines(qty=10**9), 422, "qty_out_of_range"),
    ("quantity beyond 64 bits", lines(qty=10**30), 422, "qty_out_of_range"),
    ("quantity one above the bound", lines(qty=1000), 422, "qty_out_of_range"),
    ("quantity as a float", lines(qty=1.0), 400, "malformed"),
    ("quantity as a text", lines(qty="1"), 400, "malformed"),
    ("quantity as a truth", lines(qty=True), 400, "malformed"),
    ("quantity as nothing", lines(qty=None), 400, "malformed"),
    ("a price of the till's own without a word why", lines(unit_fen=1), 422, "reason_missing"),
    ("a total of the till's own", {"total_fen": 1}, 400, "unknown_field"),
    ("a change of the till's own", {"tenders": [{**CASH, "change_fen": 5}]}, 400, "unknown_field"),
    ("another due amount", {"due_fen": 1}, 409, "price_changed"),
    ("a due amount beyond 64 bits", {"due_fen": 10**30}, 409, "price_changed"),
    ("a due amount below zero", {"due_fen": -7900}, 409, "price_changed"),
    ("an unknown dish", lines(dish_id="d999"), 422, "unknown_dish"),
    ("a dish named by half a kilobyte", lines(dish_id="d" * 500), 422, "unknown_dish"),
    ("an unknown modifier", lines(modifiers=["gold"]), 422, "unknown_modifier"),
    ("a modifier of another dish", lines(modifiers=["large"]), 422, "unknown_modifier"),
    ("two where one is allowed", lines(modifiers=["mild", "hot"]), 422, "too_many_modifiers"),
    ("the same modifier twice", lines(modifiers=["mild", "mild"]), 422, "too_many_modifiers"),
    ("a hundred modifiers", lines(modifiers=[f"m{n}" for n in range(100)]), 422, "too_many_modifiers"),
    ("a required modifier missing", lines(dish_id="d103"), 422, "too_few_modifiers"),
    ("one fen short", {"tenders": [{**CASH, "received_fen": 7899}]}, 422, "underpaid"),
    ("nothing received", {"tenders": [{**CASH, "received_fen": 0}]}, 422, "underpaid"),
    ("less than nothing received", {"tenders": [{**CASH, "received_fen": -1}]}, 400, "malformed"),
    ("more cash than exists", {"tenders": [{**CASH, "received_fen": 10**9 + 1}]}, 400, "malformed"),
    ("cash beyond 64 bits", {"tenders": [{**CASH, "received_fen": 10**30}]}, 400, "malformed"),
    ("cash as a float", {"tenders": [{**CASH, "received_fen": 79.0}]}, 400, "malformed"),
    ("two tenders", {"tenders": [CASH, CASH]}, 400, "malformed"),
    ("no tender", {"tenders": []}, 400, "malformed"),
    ("a tender that is not known", {"tenders": [{**CASH, "kind": "gold"}]}, 400, "malformed"),
    ("no line", {"lines": []}, 422, "empty_sale"),
    ("a line more than fits a sale", {"lines": [LINE] * 201}, 413, "too_large"),
    ("a sum above the bound", lines(dish_id="d104", qty=11), 422, "amount_too_large"),
    ("an ESC byte in a note", lines(note="no \x1b@ onion"), 422, "bad_text"),
    ("a GS byte in a note", lines(note="\x1dV\x00"), 422, "bad_text"),
    ("a line break in a note", lines(note="a\nb"), 422, "bad_text"),
    ("a NUL in a note", lines(note="a\x00b"), 422, "bad_text"),
    ("a C1 control in a note", lines(note="a\x9bb"), 422, "bad_text"),
    ("text turned right to left in a note", lines(note="a\u202eb"), 422, "bad_text"),
    ("a note that is too long", lines(note="x" * 61), 422, "bad_text"),
    ("a note that is a number", lines(note=1), 400, "malformed"),
    ("an ESC byte in a dish", lines(dish_id="\x1b@"), 422, "unknown_dish"),
    ("an id that is too short", {"sale_id": "0" * 31}, 400, "malformed"),
    ("an id that is no hex", {"sale_id": "z" * 32}, 400, "malformed"),
    ("an id in capitals", {"sale_id": uuid7_hex(9).upper()}, 400, "malformed"),
    ("an id with dashes", {"sale_id": "01890a5d-ac96-774b-bcce-b302099a8057"}, 400, "malformed"),
    ("a UUID of version 4", {"sale_id": uuid7_hex(9)[:12] + "4" + uuid7_hex(9)[13:]}, 400, "malformed"),
    ("a UUID of another variant", {"sale_id": uuid7_hex(9)[:16] + "c" + uuid7_hex(9)[17:]}, 400, "malformed"),
    ("a locale that is not spoken", {"locale": "fr"}, 400, "malformed"),
    ("an id of another sale", {"sale_id": uuid7_hex(1), **lines(qty=9)}, 409, "sale_id_reused"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "change", "status", "code"), BAD_SALES, ids=[case[0] for case in BAD_SALES])
def test_a_bad_sale_is_refused_and_changes_nothing(rig, client, what, change, status, code):
    before = rig.tables()
    body = sell_body(9, **change)
    refused(client.post(f"{API}/sales", json=body), status, code)
    both_languages(lambda headers: client.post(f"{API}/sales", json=body, headers=headers))
    assert rig.tables() == before


def test_the_same_sale_without_the_fault_is_taken(tmp_path):
    """The negative control of all of the above."""
    with Rig(tmp_path) as rig:
        answer = rig.client().post(f"{API}/sales", json=sell_body(9, due_fen=7900, **lines(qty=2), menu_version=1))
        assert answer.status_code == 409
        answer = rig.client().post(
            f"{API}/sales",
            json=sell_body(9, due_fen=7800, **lines(qty=2, modifiers=["x1"], note="不要葱 🌶"), locale="en"),
        )
        assert answer.status_code == 201, answer.text
        assert answer.get_json()["lines"][0]["note"] == "不要葱 🌶"


BAD_BODIES: list[tuple[str, bytes, str, int, str]] = [
    ("no body", b"", "application/json", 400, "malformed"),
    ("half a body", b'{"sale_id":', "application/json", 400, "malformed"),
    ("bytes that are no text", b'{"sale_id":"\xff\xfe"}', "application/json", 400, "malformed"),
    (
        "half a surrogate pair",
        b'{"sale_id":"\\ud800abcdefghijklmnopqrstuvwxyz01234"}',
        "application/json",
        400,
        "malformed",
    ),
    ("another half", b'{"sale_id":"\\udc00abcdefghijklmnopqrstuvwxyz01234"}', "application/json", 400, "malformed"),
    ("UTF-16", '{"sale_id":"x"}'.encode("utf-16"), "application/json; charset=utf-16", 400, "malformed"),
    ("a list", b"[]", "application/json", 400, "malformed"),
    ("nothing in JSON", b"null", "application/json", 400, "malformed"),
    ("two documents", b"{}{}", "application/json", 400, "malformed"),
    ("a bomb of lists", b"[" * 100_000, "application/json", 400, "malformed"),
    ("a bomb in a field", b'{"lines":' + b"[" * 100_000, "application/json", 400, "malformed"),
    ("a bomb of objects", b'{"lines":[' + b'{"modifiers":[' * 10_000, "application/json", 400, "malformed"),
    ("a bomb in an unknown field", b'{"x":' + b'{"x":' * 50_000, "application/json", 400, "unknown_field"),
    ("a number of five thousand digits", b'{"due_fen":' + b"9" * 5000 + b"}", "application/json", 400, "malformed"),
    ("not a number", b'{"due_fen":NaN}', "application/json", 400, "malformed"),
    ("a form", b"sale_id=1", "application/x-www-form-urlencoded", 415, "not_json"),
    ("plain text", json.dumps(sell_body(9)).encode(), "text/plain", 415, "not_json"),
    ("no type", json.dumps(sell_body(9)).encode(), "", 415, "not_json"),
    ("too much", b'{"sale_id":"' + b"x" * BODY_BYTES_MAX + b'"}', "application/json", 413, "too_large"),
]
COMMANDS = (
    "/sales",
    "/session",
    "/invites/verify",
    f"/sales/{uuid7_hex(1)}/reprint",
    f"/print-jobs/{'0' * 32}/discard",
    f"/print-jobs/{'0' * 32}/redirect",
    "/printers/counter/stale",
    "/drawers/drawer/open",
)


@pytest.mark.parametrize(("what", "body", "kind", "status", "code"), BAD_BODIES, ids=[case[0] for case in BAD_BODIES])
@pytest.mark.parametrize("path", COMMANDS)
def test_a_body_that_is_no_command_is_refused_and_changes_nothing(rig, client, path, what, body, kind, status, code):
    before = rig.tables()
    if path != "/sales" and status == 400:
        # Which of two faults is named first depends on the fields of the command.
        answer = client.post(f"{API}{path}", data=body, content_type=kind)
        assert answer.status_code == 400
        assert answer.get_json()["code"] in {"malformed", "unknown_field"}
    else:
        refused(client.post(f"{API}{path}", data=body, content_type=kind), status, code)
    both_languages(lambda headers: client.post(f"{API}{path}", data=body, content_type=kind, headers=headers))
    assert rig.tables() == before


BAD_REQUESTS: list[tuple[str, str, str, dict[str, Any], int, str]] = [
    ("a method that the address does not take", "PUT", "/sales", {}, 405, "method_not_allowed"),
    ("another one", "DELETE", "/status", {}, 405, "method_not_allowed"),
    ("an address that is not there", "GET", "/nothing", {}, 404, "not_found"),
    ("a sale that is not there", "GET", f"/sales/{uuid7_hex(7)}", {}, 404, "not_found"),
    ("a sale that cannot be", "GET", "/sales/..%2f..%2fetc", {}, 404, "not_found"),
    ("a sale with a NUL", "GET", "/sales/%00", {}, 404, "not_found"),
    ("a reprint of no sale", "POST", f"/sales/{uuid7_hex(7)}/reprint", {"json": {"request_id": "a" * 32}}, 404, "not_found"),
    ("a reprint of nonsense", "POST", "/sales/x/reprint", {"json": {"request_id": "a" * 32}}, 404, "not_found"),
    ("a reprint under no id", "POST", f"/sales/{uuid7_hex(1)}/reprint", {"json": {"request_id": "A" * 32}}, 400, "malformed"),
    ("a reprint under two ids", "POST", f"/sales/{uuid7_hex(1)}/reprint", {"json": {"request_id": "a" * 64}}, 400, "malformed"),
    ("a retry of no slip", "POST", f"/print-jobs/{'0' * 32}/retry", {}, 404, "not_found"),
    ("a discard without a reason", "POST", f"/print-jobs/{'0' * 32}/discard", {"json": {"reason": ""}}, 400, "malformed"),
    ("a discard for blanks", "POST", f"/print-jobs/{'0' * 32}/discard", {"json": {"reason": " "}}, 422, "bad_text"),
    ("a page before the first", "GET", "/sales?after=-1", {}, 400, "malformed"),
    ("a page of text", "GET", "/sales?after=x", {}, 400, "malformed"),
    ("a page with other digits", "GET", "/sales?after=%D9%A1", {}, 400, "malformed"),
    ("a page far too far", "GET", "/sales?after=" + "9" * 30, {}, 400, "malformed"),
    ("a page of none", "GET", "/sales?limit=0", {}, 400, "malformed"),
    ("a page of too many", "GET", "/sales?limit=501", {}, 400, "malformed"),
    ("a day that is no day", "GET", "/totals?day=yesterday", {}, 400, "malformed"),
    ("a day that no calendar has", "GET", "/totals?day=2026-02-30", {}, 400, "malformed"),
    ("a day in other digits", "GET", "/totals?day=%D9%A2%D9%A0%D9%A2%D9%A6-%D9%A0%D9%A1-%D9%A0%D9%A1", {}, 400, "malformed"),
    ("a till that is not there", "POST", "/session", {"json": {"pin": PIN, "till": "9"}}, 422, "unknown_till"),
    ("no till", "POST", "/session", {"json": {"pin": PIN}}, 400, "malformed"),
    ("a PIN as a number", "POST", "/session", {"json": {"pin": 402817, "till": "1"}}, 400, "malformed"),
    ("a PIN of a page", "POST", "/session", {"json": {"pin": "1" * 33, "till": "1"}}, 400, "malformed"),
    ("a code of a page", "POST", "/invites/verify", {"json": {"code": "A" * 401}}, 400, "malformed"),
    ("another host", "GET", "/status", {"base_url": "http://till.example"}, 400, "forbidden_host"),
    ("a host that only looks near", "GET", "/status", {"base_url": "http://127.0.0.1.example"}, 400, "forbidden_host"),
    ("a host that is none", "GET", "/status", {"headers": {"Host": "["}}, 400, "forbidden_host"),
    ("a host with a space", "GET", "/status", {"headers": {"Host": "local host"}}, 400, "forbidden_host"),
    ("another origin", "POST", "/sales", {"json": {}, "headers": {"Origin": "http://evil.example"}}, 403, "forbidden_origin"),
    ("another port's origin", "POST", "/sales", {"json": {}, "headers": {"Origin": "http://localhost:81"}}, 403, "forbidden_origin"),
    ("an origin that is hidden", "POST", "/sales", {"json": {}, "headers": {"Origin": "null"}}, 403, "forbidden_origin"),
    ("a page of another site", "POST", "/sales", {"json": {}, "headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "forbidden_origin"),
    ("a page of a sister site", "DELETE", "/session", {"headers": {"Sec-Fetch-Site": "same-site"}}, 403, "forbidden_origin"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "method", "path", "given", "status", "code"), BAD_REQUESTS, ids=[case[0] for case in BAD_REQUESTS]
)
def test_a_bad_request_is_refused_and_changes_nothing(rig, client, what, method, path, given, status, code):
    before = rig.tables()
    refused(client.open(f"{API}{path}", method=method, **given), status, code)
    headers = given.get("headers", {})
    both_languages(lambda more: client.open(f"{API}{path}", method=method, **{**given, "headers": {**headers, **more}}))
    assert rig.tables() == before


def test_the_own_origin_and_host_are_let_in(client):
    """The negative control of the two guards."""
    for headers in ({"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        refused(client.post(f"{API}/sales", json={}, headers=headers), 400, "malformed")
    for base in ("http://127.0.0.1:8600", "http://localhost", "http://[::1]:8600"):
        assert client.get(f"{API}/status", base_url=base).status_code == 200


STAFF_ONLY = [
    ("GET", "/menu"),
    ("GET", "/sales"),
    ("POST", "/sales"),
    ("GET", f"/sales/{uuid7_hex(1)}"),
    ("GET", f"/sales/{uuid7_hex(1)}/e-receipt"),
    ("POST", f"/sales/{uuid7_hex(1)}/reprint"),
    ("GET", "/totals"),
    ("GET", "/print-jobs"),
    ("POST", f"/print-jobs/{'0' * 32}/retry"),
    ("POST", f"/print-jobs/{'0' * 32}/discard"),
    ("POST", f"/print-jobs/{'0' * 32}/redirect"),
    ("GET", "/devices"),
    ("GET", "/sync"),
    ("GET", "/works"),
    ("POST", "/devices/<device_id>/hold"),
    ("POST", "/devices/<device_id>/release"),
    ("POST", "/devices/<device_id>/retry"),
    ("POST", "/devices/<device_id>/accept"),
    ("POST", "/devices/<device_id>/test"),
    ("POST", "/printers/<printer_id>/stale"),
    ("POST", "/drawers/<drawer_id>/open"),
    ("POST", "/invites/verify"),
    ("PUT", "/till/accepts"),
    ("POST", "/till/scans"),
    ("GET", "/till/weight"),
    ("PUT", "/till/display"),
    *[("POST", f"/session/{what}") for what in ("seen", "lock", "locale", "pin")],
    *[(method, path) for path in ("/people", "/settings", "/approvals") for method in ("GET", "POST")],
    ("POST", "/people/<person_id>"),
    *[("POST", f"/people/<person_id>/{what}") for what in ("leave", "pin", "badge", "unlock")],
    ("GET", "/sales/find"),
    ("GET", f"/sales/{uuid7_hex(1)}/refunds"),
    *[("POST", path) for path in ("/refunds", "/refunds/quote", "/reversals")],
    *[("GET", f"/shift{path}") for path in ("", "/x", "/z", "/z/<till>/<epoch>/<z>")],
    *[("POST", f"/shift/{path}") for path in ("open", "cash", "hand-over", "x/print", "count", "close")],
    ("POST", "/shift/z/<till>/<epoch>/<z>/print"),
    ("GET", "/orders"),
    ("POST", "/orders"),
    ("GET", f"/orders/{uuid7_hex(1)}"),
    *[("POST", f"/orders/{uuid7_hex(1)}/{what}") for what in ("steps", "move", "merge", "split", "cancel")],
    ("GET", "/changes"),
    ("GET", "/floor"),
    ("POST", "/floor"),
    ("GET", "/dishes/today"),
    ("POST", "/dishes/<dish_id>/stock"),
    ("POST", "/dishes/<dish_id>/price"),
    ("GET", "/house"),
    *[(method, f"/orders/{uuid7_hex(1)}/bill") for method in ("GET", "POST")],
    ("POST", f"/orders/{uuid7_hex(1)}/pay"),
    ("POST", f"/orders/{uuid7_hex(1)}/bill/print"),
    *[("GET", f"/refunds/elsewhere{path}") for path in ("", "/open")],
    *[
        ("POST", f"/refunds/elsewhere{path}")
        for path in ("", "/quote", f"/{uuid7_hex(1)}/again", f"/{uuid7_hex(1)}/drop")
    ],
    *[(method, path) for path in ("/payments", "/deposits", "/gateway/bills/<day>") for method in ("GET", "POST")],
    ("GET", "/payments/open"),
    ("GET", f"/payments/{uuid7_hex(1)}"),
    *[("POST", f"/payments/{uuid7_hex(1)}/{what}") for what in ("query", "cancel", "accept", "return")],
    ("POST", f"/deposits/{uuid7_hex(1)}/return"),
    *[(method, "/gateway/faults") for method in ("GET", "PUT")],
    ("GET", "/terminals"),
    ("POST", "/terminals/codes"),
    ("POST", f"/terminals/{uuid7_hex(1)}/revoke"),
    ("GET", "/table-codes"),
    ("POST", "/table-codes/<table_id>/renew"),
    ("GET", "/platforms"),
    ("GET", "/platforms/owed"),
    *[("POST", f"/platforms/orders/{uuid7_hex(1)}/{what}") for what in ("accept", "ready", "cancel")],
    ("POST", "/practice"),
    ("GET", "/house/day"),
    *[(method, "/house/opening") for method in ("GET", "POST")],
    *[("POST", f"/menu/{what}") for what in ("try", "import")],
    ("GET", "/menu/table"),
    ("GET", "/specials"),
    ("POST", f"/specials/{uuid7_hex(1)}"),
    ("GET", "/bookings"),
    *[("POST", f"/bookings/{uuid7_hex(1)}{what}") for what in ("", "/arrive", "/end")],
    *[("GET", f"/members/{what}") for what in (uuid7_hex(1), "gifts")],
    ("POST", "/members"),
    *[
        ("POST", f"/members/{what}")
        for what in ("find", "seen", "thank", "redeem", "claim", "consent", "profile", "card", "reveal", "leave")
    ],
    *[("POST", f"/members/{uuid7_hex(1)}/{what}") for what in ("invite", "door")],
    ("GET", "/live-codes"),
    ("POST", f"/live-codes/{uuid7_hex(1)}/print"),
]
OPEN_TO_ALL = [("GET", "/status"), ("GET", "/health"), ("GET", "/words"), ("GET", "/openapi.json"), ("DELETE", "/session"),
               ("POST", "/session"), ("GET", "/session"), ("GET", "/sign-in"), ("GET", "/events"), ("GET", "/display/events"),
               ("GET", "/kitchen"), ("GET", "/kitchen/events"), ("POST", "/kitchen/bump"), ("POST", "/kitchen/bring-back")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), STAFF_ONLY)
@pytest.mark.parametrize("cookie", ["", "0" * 64, "\u00ff\u00fe", "%ff"])
def test_without_a_session_nothing_of_the_house_is_told_or_done(rig, method, path, cookie):
    stranger = rig.client(signed_in=False)
    if cookie:
        stranger.set_cookie(COOKIE, cookie)
    before = rig.tables()
    refused(stranger.open(f"{API}{path}", method=method, json={}), 401, "not_signed_in")
    both_languages(lambda headers: stranger.open(f"{API}{path}", method=method, json={}, headers=headers))
    assert rig.tables() == before


@pytest.mark.parametrize("raw", ["\xff\xfe", "a\udcff"])
def test_a_cookie_of_bytes_that_are_no_text_is_nobody(rig, raw):
    stranger = rig.client(signed_in=False)
    answer = stranger.get(
        f"{API}/menu",
        environ_overrides={"HTTP_COOKIE": f"{COOKIE}={raw.encode(errors='surrogateescape').decode('latin-1')}"},
    )
    refused(answer, 401, "not_signed_in")


def test_every_address_of_the_api_is_either_for_staff_or_open_on_purpose(rig):
    rules = create_app(Desk(rig.node, lambda: None, list), StreamSeats(1)).url_map.iter_rules()
    named = {(method, _shape(path)) for method, path in STAFF_ONLY + OPEN_TO_ALL}
    found = {
        (method, _shape(rule.rule.removeprefix(API)))
        for rule in rules
        if rule.rule.startswith(API)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert found == named


def _shape(path: str) -> str:
    parts = ["*" if part.startswith("<") or len(part) == 32 else part for part in path.split("/")]
    return "/".join(parts)


def test_a_wrong_pin_says_how_many_tries_are_left_and_then_when_to_come_back(tmp_path):
    with Rig(tmp_path) as rig:
        rig.add_cashier()
        client = rig.client(signed_in=False)
        for left in (4, 3, 2, 1):
            answer = client.post(f"{API}/session", json={"pin": "000001", "till": "1"})
            assert refused(answer, 401, "wrong_pin") == {"tries_left": left}
        answer = client.post(f"{API}/session", json={"pin": "000001", "till": "1"})
        assert refused(answer, 429, "pin_locked") == {"retry_after_s": 30}
        assert answer.headers["Retry-After"] == "30"
        both_languages(lambda headers: client.post(f"{API}/session", json={"pin": PIN, "till": "1"}, headers=headers))


def test_paying_twice_gets_the_same_bytes_and_one_sale(tmp_path):
    with Rig(tmp_path) as rig:
        client = rig.client()
        answers = [client.post(f"{API}/sales", json=sell_body(1)) for _ in range(30)]
        assert [answer.status_code for answer in answers] == [201] + [200] * 29
        assert len({answer.data for answer in answers}) == 1
        assert rig.rows("SELECT count(*) FROM sales") == [(1,)]
        spread = json.dumps(sell_body(1), indent=2, sort_keys=True)
        assert client.post(f"{API}/sales", data=spread, content_type="application/json").status_code == 200


def test_a_node_without_a_menu_or_in_training_says_so(tmp_path):
    with Rig(tmp_path / "a", enrolled=False) as rig:
        client = rig.client()
        refused(client.post(f"{API}/sales", json=sell_body(1)), 409, "training_mode")
        refused(client.get(f"{API}/menu"), 409, "no_menu")
        both_languages(lambda headers: client.get(f"{API}/menu", headers=headers))
        assert client.get(f"{API}/status").get_json()["node"] == {"version": "0.1.0", "epoch": None, "training": True}


@pytest.mark.parametrize(
    ("state", "code"), [(recovery.REPLACING, "being_replaced"), (recovery.RESTORED, "needs_new_epoch")]
)
def test_a_node_that_is_being_brought_back_says_so_and_is_not_in_training(tmp_path, state, code):
    with Rig(tmp_path, enrolled=False) as rig:
        rig.node = replace(rig.node, recovery=state)
        client = rig.client()
        answer = client.post(f"{API}/sales", json=sell_body(1))
        refused(answer, 409, code)
        assert "enrol --replace" in answer.get_json()["message"]
        assert client.get(f"{API}/status").get_json()["node"]["recovery"] == state


def test_a_fault_of_ours_is_a_sentence_and_no_stack_trace(rig, caplog):
    """The negative control of every "never a 5xx" above: this is what one would look like."""
    broken = rig.over(rig.db)
    object.__setattr__(broken, "shelf", MenuShelf(catalogue="no menu at all"))  # type: ignore[arg-type]
    client = rig.client(node=broken)
    answer = client.post(f"{API}/sales", json=sell_body(8))
    refused(answer, 500, "internal")
    both_languages(lambda headers: client.post(f"{API}/sales", json=sell_body(8), headers=headers))
    assert "AttributeError" in caplog.text
    load_in_force(broken)


def test_every_answer_forbids_what_a_page_does_not_need(client):
    for path in ("/till/", f"{API}/status", f"{API}/nowhere", "/till/sw.js"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(rig):
    answer = rig.client(signed_in=False).post(f"{API}/session", json={"pin": PIN, "till": "1"})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie


# Invites


def verdict(client: FlaskClient, code: str) -> dict[str, Any]:
    answer = client.post(f"{API}/invites/verify", json={"code": code})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def know(rig: Rig, seed: str = "node", revoked_ms: int | None = None) -> None:
    public = store_identity(seed).public
    rig.db.write(
        lambda tx: tx.execute(
            "INSERT OR REPLACE INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en, revoked_ms)"
            " VALUES ('qingci', 1, ?, ?, '店', 'Store', ?)",
            (public.key_id, public.signing, revoked_ms),
        )
    )


def test_an_invite_of_one_store_is_valid_at_another_by_its_signature_alone(tmp_path):
    with Rig(tmp_path / "a") as issuer, Rig(tmp_path / "b", store="other", seed="other") as other:
        invite = issuer.sell(1).invite
        client = other.client()
        assert verdict(client, invite.code)["verdict"] == Verdict.UNKNOWN_STORE
        know(other)
        for text in (invite.code, invite.url, invite.code.lower(), f" {invite.url}\r\n"):
            assert verdict(client, text) == {
                "verdict": "valid",
                "store": "qingci",
                "issued_day": "2026-09-21",
                "expires_day": "2026-10-21",
                "short": invite.short,
                "friend": False,
            }
        assert other.rows("SELECT count(*) FROM sales") == [(0,)]
        other.clock.advance(30 * 86_400_000)
        client = other.client()
        assert verdict(client, invite.code)["verdict"] == "valid"
        other.clock.advance(86_400_000)
        assert verdict(other.client(), invite.code)["verdict"] == "expired"


def test_a_code_signed_by_another_key_under_the_stores_name_is_forged(tmp_path):
    with Rig(tmp_path / "a") as issuer, Rig(tmp_path / "b", store="other", seed="other") as other:
        code = issuer.sell(1).invite.code
        know(other)
        client = other.client()
        for at in (20, 60, 100, 139):
            swapped = code[:at] + ("A" if code[at] != "A" else "B") + code[at + 1 :]
            assert verdict(client, swapped)["verdict"] == "forged"


@pytest.mark.parametrize("text", ["A", "\x00", "\x1b@", "A" * 141, "HTTPS://X/J/" + "A" * 141, "二维码", "7" * 400])
def test_text_that_is_no_code_is_forged_and_no_fault(client, text):
    assert verdict(client, text)["verdict"] == "forged"


def test_a_revoked_key_vouches_for_what_it_signed_before_and_for_nothing_after(tmp_path):
    with Rig(tmp_path) as rig:
        client = rig.client()
        early = rig.sell(1).invite.code
        know(rig, revoked_ms=rig.clock.now_ms())
        rig.clock.advance(2 * 86_400_000)
        client = rig.client()
        late = rig.sell(2).invite.code
        assert verdict(client, early)["verdict"] == "valid"
        assert verdict(client, late)["verdict"] == "revoked"


# Words


def codes_in_the_source() -> set[str]:
    """Every code that the node can answer with: the first argument of `Refused` and `Problem`, and the table of statuses."""
    found = set(problems.STATUS) | set(problems._CODE_OF_STATUS.values())
    for path in (ROOT / "edge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"Refused", "Problem", "respond"}
            ):
                found |= {
                    arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                }
    return found


def test_the_search_finds_the_codes_that_are_known_to_be_there():
    assert codes_in_the_source() >= {
        "underpaid",
        "empty_sale",
        "not_signed_in",
        "unknown_till",
        "too_many_streams",
        "internal",
    }


@pytest.mark.parametrize("code", sorted(codes_in_the_source()))
def test_every_code_has_its_own_words_in_both_languages(code):
    tree = tomllib.loads((ROOT / "edge" / "web" / "words.toml").read_text(encoding="utf-8"))["error"]
    assert set(tree.get(code, {})) == {"zh", "en"}, f"edge/web/words.toml lacks [error.{code}]"


def test_a_code_without_words_is_still_an_answer(rig):
    """The net below the test above: a word that is missing must not become a 5xx."""
    assert words.sentence("never_heard_of", "en") == "That did not work (never_heard_of). Try again."
