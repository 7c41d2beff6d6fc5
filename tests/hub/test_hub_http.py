"""The hub's console, API and guest page over HTTP, on a real SQLite file filled through the real ingest."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cloud.app import create_app, create_guest_app
from cloud.db import presence
from cloud.domain.audit_chain import Filter
from cloud.services.views import TakingsView
from cloud.web import security, words
from cloud.web.pages import sign_in
from cloud.wiring import Core
from sync.contract import money, receipts, topics
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.node.ports import ManualClock
from tests.kit.hub_store import request
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
JSON_GETS = ("/stores", "/fleet", "/sales", "/totals", "/takings", "/points", "/quarantine")
PAGES = ("/overview", "/stores", "/sales", "/takings", "/parked")


@dataclass
class House:
    core: Core
    clock: ManualClock
    near: StoreByHand
    far: StoreByHand
    sales: list[SalePaid]
    password: str
    token: str

    @property
    def total_fen(self) -> int:
        return sum(sale.total_fen for sale in self.sales)


@pytest.fixture
def house(tmp_path: Path, hub_url: str) -> Iterator[House]:
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock, hub_url)
    near = StoreByHand(core, "near", Name("近店", "Near"), clock)
    far = StoreByHand(core, "far", Name("远店", "Far"), clock)
    sales = [
        near.sell([("宫保鸡丁", 2, 3800), ("米饭", 1, 300)], at_ms=EVENING_MS - 5_000),
        near.sell([("酸梅汤", 3, 1250)], at_ms=EVENING_MS - 4_000, locale="en"),
        near.sell([(NASTY, 1, 1)], at_ms=EVENING_MS - 3_000, note=NASTY[:60], printed=False),
        far.sell([("Soup", 1, 999)], at_ms=EVENING_MS - 3_600_000),
    ]
    near.deliver()
    far.deliver()
    secrets = {path.name: path.read_text().strip() for path in tmp_path.glob("*.txt")}
    yield House(core, clock, near, far, sales, secrets["console-password.txt"], secrets["api-token.txt"])
    core.database.close()


@pytest.fixture
def client(house: House) -> FlaskClient:
    return create_app(house.core.hub).test_client()


@pytest.fixture
def program(house: House, client: FlaskClient) -> FlaskClient:
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {house.token}"
    return client


@pytest.fixture
def person(house: House, client: FlaskClient) -> FlaskClient:
    assert client.post("/api/v1/session", json={"password": house.password}).status_code == 200
    return client


@pytest.fixture
def guest(house: House) -> FlaskClient:
    return create_guest_app(house.core.hub).test_client()


def form_token(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    told = answer.get_json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["message"].endswith((".", "。"))
    assert "details" in told


def code_of(house: House, sale: SalePaid, store: str = "near") -> str:
    view = house.core.hub.reports.sale(store, sale.sale_id)
    assert view is not None
    assert view.invite is not None
    return view.invite.code


# -------------------------------------------------------------------------------------------------- who may come in


def test_nobody_unknown_reads_the_api(client: FlaskClient) -> None:
    for path in JSON_GETS:
        refused(client.get(f"/api/v1{path}"), 401, "not_signed_in")
    refused(client.post("/api/v1/invites/verify", json={"code": "x"}), 401, "not_signed_in")


def test_a_wrong_bearer_token_is_refused_even_beside_a_live_session(person: FlaskClient) -> None:
    assert person.get("/api/v1/stores").status_code == 200
    refused(person.get("/api/v1/stores", headers={"Authorization": "Bearer wrong"}), 401, "not_signed_in")
    refused(person.get("/api/v1/stores", headers={"Authorization": "Basic eDp5"}), 401, "not_signed_in")


def test_pages_lead_to_the_sign_in_and_back(client: FlaskClient, house: House) -> None:
    for path in PAGES:
        answer = client.get(f"{path}?a=b")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next={path}%3Fa%3Db")
    page = client.get("/sign-in?next=/sales%3Fday%3D2026-11-22")
    answer = client.post(
        "/sign-in",
        data={"csrf_token": form_token(page), "password": house.password, "next": "/sales?day=2026-11-22"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sales?day=2026-11-22")
    cookie = next(
        value
        for value in answer.headers.getlist("Set-Cookie")
        if value.startswith("hub_session=") and "=;" not in value
    )
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/sales").status_code == 200


def test_the_way_on_after_signing_in_never_leads_to_another_site(client: FlaskClient, house: House) -> None:
    token = form_token(client.get("/sign-in"))
    for wanted in ("//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "", "/\r\nx"):
        answer = client.post("/sign-in", data={"csrf_token": token, "password": house.password, "next": wanted})
        assert answer.headers["Location"] == "/overview", wanted


def test_a_refreshing_page_is_told_where_to_sign_in(client: FlaskClient) -> None:
    answer = client.get("/overview", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_page_that_refreshes_itself_keeps_no_session_alive(person: FlaskClient, house: House) -> None:
    for _ in range(3):
        house.clock.advance(10 * 60_000)
        assert person.get("/overview").status_code == 200
    house.clock.advance(10 * 60_000)
    assert person.get("/overview", headers={"HX-Request": "true"}).status_code == 200
    house.clock.advance(10 * 60_000)
    assert person.get("/overview").status_code == 303


def test_a_wrong_password_is_refused_and_too_many_lock(client: FlaskClient, house: House) -> None:
    for _ in range(5):
        refused(client.post("/api/v1/session", json={"password": "no"}), 401, "wrong_password")
    locked = client.post("/api/v1/session", json={"password": house.password})
    refused(locked, 429, "signin_locked")
    assert int(locked.headers["Retry-After"]) == 1
    page = client.get("/sign-in")
    answer = client.post("/sign-in", data={"csrf_token": form_token(page), "password": house.password})
    assert answer.status_code == 429
    house.clock.advance(1_000)
    assert client.post("/api/v1/session", json={"password": house.password}).status_code == 200


def test_signing_out_ends_the_session_at_the_hub(person: FlaskClient) -> None:
    cookie = person.get_cookie("hub_session")
    assert cookie is not None
    assert person.delete("/api/v1/session").status_code == 204
    person.set_cookie("hub_session", cookie.value)
    refused(person.get("/api/v1/stores"), 401, "not_signed_in")


def test_forms_without_their_token_are_refused(person: FlaskClient, house: House) -> None:
    sale = house.sales[0]
    for path in ("/sign-in", "/sign-out", "/display", f"/sales/near/{sale.sale_id}/verify"):
        answer = person.post(path, data={"password": house.password})
        assert answer.status_code == 400, path
        assert "form_expired" in answer.text
    assert person.get("/overview").status_code == 200


def test_the_token_check_is_what_refuses_them(house: House) -> None:
    app = create_app(house.core.hub)
    app.config["WTF_CSRF_ENABLED"] = False
    assert app.test_client().post("/sign-out").status_code == 303


# -------------------------------------------------------------------------------------------- hosts, origins, headers


def test_a_foreign_host_is_refused(client: FlaskClient, guest: FlaskClient) -> None:
    for one in (client, guest):
        for path in ("/sign-in", "/api/v1/stores", "/j/x", "/static/seal.svg"):
            answer = one.get(path, headers={"Host": "evil.test"}, buffered=True)
            assert answer.status_code == 400, path
    refused(client.get("/api/v1/stores", headers={"Host": "evil.test"}), 400, "foreign_host")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.test"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_changes_something_is_refused_from_another_site(
    person: FlaskClient, house: House, headers: dict[str, str]
) -> None:
    refused(person.post("/api/v1/session", json={"password": house.password}, headers=headers), 403, "foreign_origin")
    refused(person.delete("/api/v1/session", headers=headers), 403, "foreign_origin")
    token = form_token(person.get("/overview"))
    assert person.post("/sign-out", data={"csrf_token": token}, headers=headers).status_code == 403
    assert person.get("/api/v1/stores").status_code == 200


def test_our_own_forms_pass_though_browsers_call_their_origin_null(person: FlaskClient) -> None:
    token = form_token(person.get("/overview"))
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert person.post("/display", data={"csrf_token": token, "theme": "dark"}, headers=headers).status_code == 303
    assert 'data-theme="dark"' in person.get("/overview").text


def test_every_answer_carries_the_headers(person: FlaskClient, guest: FlaskClient, house: House) -> None:
    answers = [
        person.get(path, buffered=True)
        for path in (*PAGES, "/nothing", "/api/v1/stores", "/api/v1/nothing", "/static/hub.css")
    ]
    answers.append(person.get("/overview", headers={"Host": "evil.test"}))
    answers.append(guest.get(f"/j/{code_of(house, house.sales[0])}"))
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Permissions-Policy" in answer.headers
        assert answer.headers["Cache-Control"] in {"no-store", "no-cache"}
    hashed = re.search(r'href="(/static/hub\.css\?v=[0-9a-f]+)"', person.get("/overview").text)
    assert hashed is not None
    assert "immutable" in person.get(hashed[1], buffered=True).headers["Cache-Control"]


def test_no_page_holds_an_inline_script_style_or_foreign_address(
    person: FlaskClient, guest: FlaskClient, house: House
) -> None:
    sale = house.sales[2]
    texts = [person.get(path).text for path in (*PAGES, f"/sales/near/{sale.sale_id}", "/overview?view=table")]
    texts.append(guest.get(f"/j/{code_of(house, sale)}").text)
    for text in texts:
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=[\"']", text)
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text)


def test_a_nasty_dish_name_is_text_everywhere(person: FlaskClient, house: House) -> None:
    page = person.get(f"/sales/near/{house.sales[2].sale_id}").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


# ---------------------------------------------------------------------------------------------------------- the API


def test_the_api_tells_the_same_totals_everywhere(program: FlaskClient, house: House) -> None:
    sales = program.get("/api/v1/sales").get_json()
    assert {sale["sale_id"] for sale in sales["sales"]} == {sale.sale_id for sale in house.sales}
    assert sum(sale["total_fen"] for sale in sales["sales"]) == house.total_fen
    for path in ("/totals", "/totals?day=2026-11-22", "/takings", "/takings?day=2026-11-22"):
        told = program.get(f"/api/v1{path}").get_json()
        assert (told["sales"], told["amount_fen"]) == (4, house.total_fen), path
    stores = program.get("/api/v1/stores").get_json()["stores"]
    assert [(store["id"], store["state"], store["chain_ok"]) for store in stores] == [
        ("far", "online", True),
        ("near", "online", True),
    ]
    assert sum(store["amount_fen"] for store in stores) == house.total_fen


def test_sales_page_on_by_their_cursor(program: FlaskClient, house: House) -> None:
    seen: list[str] = []
    after = 0
    while True:
        page = program.get(f"/api/v1/sales?limit=1&after={after}").get_json()
        seen += [sale["sale_id"] for sale in page["sales"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert sorted(seen) == sorted(sale.sale_id for sale in house.sales)


def test_one_sale_and_its_evidence(program: FlaskClient, house: House) -> None:
    sale = house.sales[0]
    told = program.get(f"/api/v1/sales/near/{sale.sale_id}").get_json()
    assert (told["receipt_no"], told["total_fen"], told["lines"][0]["qty"]) == ("1-1-000001", 7900, 2)
    evidence = program.get(f"/api/v1/sales/near/{sale.sale_id}/evidence").get_json()
    assert evidence["sale"] == told
    assert evidence["chain"]["lane_ok"]
    assert evidence["path"][0]["step"] == "paid"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sales?limit=0", 400, "bad_parameter"),
        ("/sales?limit=501", 400, "bad_parameter"),
        ("/sales?limit=ten", 400, "bad_parameter"),
        ("/sales?after=-1", 400, "bad_parameter"),
        ("/sales?after=99999999999999999999", 400, "bad_parameter"),
        ("/sales?after=１", 400, "bad_parameter"),
        ("/sales?day=2026-02-30", 400, "bad_parameter"),
        ("/sales?day=22.11.2026", 400, "bad_parameter"),
        ("/sales?day=0001-01-01", 400, "bad_parameter"),
        ("/sales?surprise=1", 400, "bad_parameter"),
        ("/sales?day=2026-11-22&day=2026-11-21", 400, "bad_parameter"),
        ("/sales?store=nowhere", 404, "unknown_store"),
        ("/sales?store=%00", 404, "unknown_store"),
        ("/sales/nowhere/00000000000070008000000000000000", 404, "unknown_store"),
        ("/sales/near/00000000000070008000000000000000", 404, "unknown_sale"),
        ("/sales/near/x", 404, "unknown_sale"),
        ("/sales/far/' OR 1=1 --", 404, "unknown_sale"),
        ("/totals?day=today", 400, "bad_parameter"),
        ("/takings?day=%F0%9F%8D%9C", 400, "bad_parameter"),
        ("/takings?day=%ff%fe", 400, "bad_parameter"),
        ("/nothing", 404, "not_found"),
    ],
)
def test_the_api_refuses_what_it_cannot_read(program: FlaskClient, path: str, status: int, code: str) -> None:
    refused(program.get(f"/api/v1{path}"), status, code)


@pytest.mark.parametrize(
    ("content", "mimetype", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b"[" * 100_000, "application/json", 400, None),
        (b"[]", "application/json", 400, "unknown_field"),
        (b'{"code": 7}', "application/json", 400, "unknown_field"),
        (b'{"code": "x", "more": 1}', "application/json", 400, "unknown_field"),
        (b"", "application/json", 400, "malformed"),
        (b'{"code": "x"}', "text/plain", 415, "not_json"),
        (b'{"code": "' + b"x" * (1024 * 1024) + b'"}', "application/json", 413, "too_large"),
    ],
)
def test_bodies_that_cannot_be_read_are_refused(
    program: FlaskClient, content: bytes, mimetype: str, status: int, code: str | None
) -> None:
    answer = program.post("/api/v1/invites/verify", data=content, content_type=mimetype)
    refused(answer, status, code or answer.get_json()["code"])


def test_the_size_bound_is_what_refuses_large_bodies(house: House) -> None:
    app = create_app(house.core.hub)
    app.config["MAX_CONTENT_LENGTH"] = None
    body = b'{"code": "' + b"x" * security.REQUEST_BYTES_MAX + b'"}'
    headers = {"Authorization": f"Bearer {house.token}"}
    answer = app.test_client().post(
        "/api/v1/invites/verify", data=body, content_type="application/json", headers=headers
    )
    assert answer.status_code == 200


def test_a_wrong_method_is_refused_with_the_right_ones(program: FlaskClient) -> None:
    answer = program.put("/api/v1/stores")
    refused(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_sentences_come_in_the_language_of_the_caller(client: FlaskClient) -> None:
    zh = client.get("/api/v1/stores", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).get_json()["message"]
    en = client.get("/api/v1/stores", headers={"Accept-Language": "en-GB,en;q=0.9"}).get_json()["message"]
    assert (zh, en) == ("还没有登录。", "Not signed in.")


def test_enrolment_answers_a_wrong_code_with_one_sentence(client: FlaskClient, house: House) -> None:
    house.core.hub.enrolment.make_code("near")
    body = msgspec.to_builtins(request("near", "AAAAABBBBB", house.near.identity, node="n"))
    answer = client.post("/api/v1/enrol", json=body)
    refused(answer, 401, "enrol_refused")
    assert "先核对" in answer.get_json()["message"], "a slip of the finger is likelier than a code that is over"
    refused(client.post("/api/v1/enrol", json={**body, "signing_public": "short"}), 422, "bad_key")
    refused(client.post("/api/v1/enrol", json={**body, "code": "AAAAABBBBC"}), 422, "bad_proof")
    refused(client.post("/api/v1/enrol", json={**body, "role": "admin"}), 400, "unknown_field")


def test_every_route_of_the_api_is_in_the_document_and_the_other_way_round(house: House) -> None:
    app = create_app(house.core.hub)
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    told = {(method.upper(), f"/api/v1{path}") for path, methods in document["paths"].items() for method in methods}
    held = {
        (method, re.sub(r"<([a-z_]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and not rule.rule.endswith("openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert told == held
    assert "SaleView" in document["components"]["schemas"]


def test_every_refusal_of_the_services_has_a_sentence() -> None:
    held = words.load()
    for code in ("wrong_password", "signin_locked", "enrol_refused", "enrol_used", "bad_key", "bad_store"):
        assert held.has(f"error.{code}")


def test_a_failure_of_ours_tells_no_trace(house: House) -> None:
    class Broken:
        def stores(self) -> None:
            raise RuntimeError("the disk is on fire")

    hub = replace(house.core.hub, reports=Broken())  # type: ignore[arg-type]  # only what fails is needed
    answer = create_app(hub).test_client().get("/api/v1/stores", headers={"Authorization": f"Bearer {house.token}"})
    refused(answer, 500, "internal")
    assert "fire" not in answer.text


# -------------------------------------------------------------------------------------------------------- the pages


def test_the_overview_shows_stores_takings_and_the_sum(person: FlaskClient, house: House) -> None:
    page = person.get("/overview").text
    assert page.count("data-store=") == 2
    amount = f"{house.total_fen / 100:,.2f}"
    assert re.search(rf'id="stores-total">{amount}<', page)
    assert re.search(rf'id="day-amount">{amount}<', page)
    assert "相连" in page


def test_a_store_that_is_away_is_grey_with_its_time_and_never_zero(person: FlaskClient, house: House) -> None:
    house.clock.advance(3_600_000)
    assert person.get("/overview").status_code == 303
    signed = person.post("/api/v1/session", json={"password": house.password})
    assert signed.status_code == 200
    page = person.get("/overview", headers={"Accept-Language": "en"}).text
    row = re.search(r'<tr data-store="near".*?</tr>', page, re.DOTALL)
    assert row is not None
    assert 'data-state="away" class="stale"' in row[0]
    assert "1 h 0 min ago" in row[0]
    assert "18:45" in row[0]
    assert "Unknown" in row[0]
    assert "Near away 1 h 0 min" in page


def test_what_no_store_told_is_unknown_and_never_zero(person: FlaskClient, house: House) -> None:
    house.core.hub.enrolment.make_code("new", Name("新店", "New"))
    page = person.get("/overview?view=table", headers={"Accept-Language": "en"}).text
    row = re.search(r'<tr data-store="new".*?</tr>', page, re.DOTALL)
    assert row is not None
    assert row[0].count(">Unknown<") == 5, "seen, reaches to, waiting, sales, takings"
    assert ">0.00<" not in row[0]
    last = re.search(r'id="day-sales-before">(.*?)</dd>', page)
    assert last is not None
    assert "Unknown" in last[1]
    before, difference, percent = re.findall(r"<tr[^>]*><th[^>]*>(?:Last|Diff|in %).*?</tr>", page, re.DOTALL)
    for line in (before, difference, percent):
        assert ">–<" in line
        assert line.endswith('<span class="unknown">Unknown</span></td></tr>')
    takings = person.get("/takings?view=table", headers={"Accept-Language": "en"}).text
    lines = {
        (series, store): line
        for line, series, store in re.findall(
            r'(<tr[^>]*data-series="(\w+)" data-store="(\w+)".*?</tr>)', takings, re.DOTALL
        )
    }
    assert all("Unknown" in lines[series, "new"] for series in ("this", "before"))
    assert "Unknown" not in lines["this", "near"]
    assert "Unknown" in lines["before", "near"], "a week ago nobody was enrolled"
    for path in ("/overview?day=2026-11-15", "/takings?day=2026-11-15", "/takings?store=new"):
        page = person.get(path, headers={"Accept-Language": "en"}).text
        assert "HQ does not know what was sold" in page or path.endswith("new"), path
        assert ">0.00<" not in page, path
        assert "No sale on this day" not in page, path


def test_a_day_without_sales_is_zero_where_the_store_said_so(program: FlaskClient, house: House) -> None:
    house.core.hub.enrolment.make_code("new", Name("新店", "New"))

    def known(day: str) -> dict[str, bool]:
        told = program.get(f"/api/v1/takings?day={day}").get_json()
        assert told["known"] == any(store["known"] for store in told["stores"])
        return {store["id"]: store["known"] for store in told["stores"]}

    house.clock.advance(24 * 3_600_000)
    assert known("2026-11-23") == {"far": False, "near": False, "new": False}, "nothing of that day has come"
    with house.core.database.write() as tx:
        presence.note_seen(tx, "near", house.clock.now_ms(), house.clock.now_ms())
    assert known("2026-11-23") == {"far": False, "near": True, "new": False}
    assert known("2026-11-22") == {"far": True, "near": True, "new": False}
    assert known("2026-11-21") == {"far": False, "near": False, "new": False}, "no store was enrolled"
    page = program.get("/api/v1/takings?day=2026-11-23").get_json()
    assert (page["sales"], page["amount_fen"]) == (0, 0)


def test_days_stores_and_pages_stand_in_the_address(person: FlaskClient, house: House) -> None:
    assert house.sales[3].receipt_no in person.get("/sales?store=far").text
    assert "data-sale" not in person.get("/sales?store=far&day=2026-11-21").text
    newest, second = house.core.hub.reports.recent_sales(limit=2)
    page = person.get(f"/sales?before={second.n}").text
    assert page.count("data-sale=") == 2
    assert newest.sale_id not in page
    assert second.sale_id not in page
    assert person.get("/sales?store=nowhere").status_code == 404
    assert person.get("/sales?day=tomorrow").status_code == 400
    assert person.get("/sales?q=%27;drop").status_code == 400
    assert person.get("/overview?view=pie").status_code == 400


def test_a_receipt_is_found_by_a_part_of_its_number(person: FlaskClient, house: House) -> None:
    page = person.get("/sales?q=000003").text
    assert page.count("data-sale=") == 1
    assert house.sales[2].sale_id in page
    assert "data-sale=" not in person.get("/sales?q=zzz").text


def test_the_sale_shows_paper_path_chain_and_four_checks(person: FlaskClient, house: House) -> None:
    sale = house.sales[0]
    page = person.get(f"/sales/near/{sale.sale_id}").text
    assert page.count('data-holds="yes"') == 4
    assert page.count('<li class="link') == 3
    assert "小票打印已确认" in page
    text = re.search(r'id="paper-text">(.*?)</pre>', page, re.DOTALL)
    assert text is not None
    for row in ("1-1-000001", "宫保鸡丁", "76.00", "79.00", "微辣"):
        assert row in text[1]
    assert 'id="paper-qr"' in page
    unprinted = person.get(f"/sales/near/{house.sales[2].sale_id}").text
    assert "打印结果不知道" in unprinted


def test_the_paper_is_in_the_language_it_was_printed_in(person: FlaskClient, house: House) -> None:
    assert "Qty" in person.get(f"/sales/near/{house.sales[1].sale_id}").text
    assert "Qty" not in person.get(f"/sales/near/{house.sales[0].sale_id}").text


def test_verify_again_hashes_again(person: FlaskClient, house: House) -> None:
    path = f"/sales/near/{house.sales[0].sale_id}"
    token = form_token(person.get(path))
    page = person.post(f"{path}/verify", data={"csrf_token": token})
    assert page.status_code == 200
    assert 'id="verified-at"' in page.text
    assert person.get(f"{path}/verify").headers["Location"] == path


def test_previous_and_next_lead_through_the_store(person: FlaskClient, house: House) -> None:
    page = person.get(f"/sales/near/{house.sales[1].sale_id}").text
    assert re.search(rf'id="previous"[^>]*href="/sales/near/{house.sales[0].sale_id}"', page)
    assert re.search(rf'id="next"[^>]*href="/sales/near/{house.sales[2].sale_id}"', page)


def test_unknown_sales_stores_and_pages_are_pages_too(person: FlaskClient, house: House) -> None:
    sale = house.sales[0].sale_id
    for path in (f"/sales/far/{sale}", f"/sales/nowhere/{sale}", "/sales/near/x", "/nothing", f"/sales/NEAR/{sale}"):
        answer = person.get(path)
        assert answer.status_code == 404, path
        assert 'id="problem"' in answer.text


def test_the_takings_page_adds_up(person: FlaskClient, house: House) -> None:
    page = person.get("/takings?view=table").text
    assert re.search(rf'id="takings-total">{house.total_fen / 100:,.2f}<', page)
    held: TakingsView = house.core.hub.reports.takings("2026-11-22")
    for store in held.stores:
        for hour in store.hours:
            assert f'data-fen="{hour.amount_fen}"' in page
    assert 'data-store="far"' not in person.get("/takings?store=near").text


def test_refused_messages_and_their_reason_are_shown(person: FlaskClient, house: House) -> None:
    house.core.ingest.receive([(topics.of_store(house.near.tenant, "near").facts(0), b"\x00" * 200)])
    page = person.get("/parked").text
    assert 'data-reason="garbage"' in page
    assert "不是我们的消息" in page


def test_a_fact_of_a_strange_kind_is_stored_parked_and_shown(person: FlaskClient, house: House) -> None:
    house.near.write(next(iter(house.near.lanes)), "sale.teleported", b"{}", EVENING_MS)
    house.near.deliver()
    page = person.get("/parked").text
    assert "sale.teleported" in page
    assert "种类不认识" in page
    assert "1 条事实搁置" in person.get("/overview").text


def test_a_parked_fact_shows_its_text_to_a_person_only_and_can_be_tried_again(
    person: FlaskClient, house: House
) -> None:
    house.near.write(next(iter(house.near.lanes)), "sale.teleported", b'{"guest":"Wang"}', EVENING_MS)
    house.near.deliver()
    page = person.get("/parked")
    address = re.search(r'href="(/parked/[0-9]+)"', page.text)
    assert address is not None
    assert "Wang" not in page.text, "on demand only"
    assert "&#34;guest&#34;: &#34;Wang&#34;" in person.get(address[1]).text
    assert person.get("/parked/999999999").status_code == 404
    token = form_token(page)
    tried = person.post("/parked/retry", data={"csrf_token": token}, follow_redirects=True)
    assert "再试了 1 条，读懂了 0 条" in tried.text
    one = person.post("/parked/retry", data={"csrf_token": token, "n": address[1].rpartition("/")[2]})
    assert one.headers["Location"] == "/parked?tried=1&understood=0"
    assert person.post("/parked/retry", data={"csrf_token": token, "n": "x"}).status_code == 400
    assert "parked.retried" in [row.action for row in house.core.hub.console.audit_log.page(Filter(), 9)]
    program = create_app(house.core.hub).test_client()
    shown = program.get(address[1], headers={"Authorization": f"Bearer {house.token}"})
    assert shown.status_code in {302, 303, 401, 403}
    assert "Wang" not in shown.text


def test_both_languages_and_the_switch(person: FlaskClient) -> None:
    assert '<html lang="en"' in person.get("/overview", headers={"Accept-Language": "en"}).text
    token = form_token(person.get("/overview"))
    back = person.post("/display", data={"csrf_token": token, "language": "en", "next": "/takings"})
    assert back.headers["Location"] == "/takings"
    page = person.get("/takings", headers={"Accept-Language": "zh-CN"}).text
    assert '<html lang="en"' in page
    assert not re.search(
        "[\u4e00-\u9fff]", re.sub(r'lang="zh-CN"[^<]*<|<svg class="seal".*?</svg>|近店|远店', "", page)
    )
    person.post("/display", data={"csrf_token": token, "language": "klingon", "theme": "plaid"})
    assert '<html lang="en">' in person.get("/takings").text


def test_choices_live_a_year_at_most() -> None:
    assert sign_in.CHOICE_AGE_S <= 365 * 24 * 3600


# -------------------------------------------------------------------------------------------------------- the guest


def test_a_guest_is_told_that_the_invite_is_valid_with_store_and_end(guest: FlaskClient, house: House) -> None:
    code = code_of(house, house.sales[0])
    for path in (f"/j/{code}", f"/J/{code}", f"/j/{code.lower()}"):
        page = guest.get(path, headers={"Accept-Language": "zh-CN"})
        assert page.status_code == 200
        assert "邀请有效" in page.text
        assert "近店" in page.text
        assert "2026 年 12 月 22 日" in page.text
    english = guest.get(f"/j/{code}", headers={"Accept-Language": "en-US,en;q=0.9"}).text
    assert "Valid" in english
    assert "22 December 2026" in english
    assert '<html lang="zh-CN">' in guest.get(f"/j/{code}?lang=zh", headers={"Accept-Language": "en"}).text


def test_a_guest_is_told_of_an_invite_whose_sale_never_reached_the_hub(guest: FlaskClient, house: House) -> None:
    invite = house.near.invite("0" * 32, house.clock.now_ms())
    assert "邀请有效" in guest.get(f"/j/{invite.code}").text


def test_expired_and_forged_are_told_apart(guest: FlaskClient, house: House) -> None:
    code = code_of(house, house.sales[0])
    house.clock.advance(31 * 86_400_000)
    expired = guest.get(f"/j/{code}").text
    assert 'data-verdict="expired"' in expired
    assert "过期" in expired
    swapped = code[:-8] + ("B" if code[-8] == "A" else "A") + code[-7:]
    for forged in (swapped, "hello", "%00", "x" * 4000, "%F0%9F%8D%9C", "%ff", "' OR 1=1"):
        page = guest.get(f"/j/{forged}")
        assert page.status_code == 200, forged
        assert "不是本店的码" in page.text


def test_the_guest_page_sets_no_cookie_has_no_script_and_is_small(guest: FlaskClient, house: House) -> None:
    page = guest.get(f"/j/{code_of(house, house.sales[0])}")
    assert "Set-Cookie" not in page.headers
    assert "<script" not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]
    total = len(page.data) + sum(
        len(guest.get(path, buffered=True).data)
        for path in set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
    )
    assert total <= 30_000


def test_a_guest_finds_the_receipt_behind_its_address(guest: FlaskClient, house: House) -> None:
    sale = house.sales[0]
    path = urlsplit(receipts.url("http://hq.example:8701", "near", sale.sale_id)).path
    page = guest.get(path, headers={"Accept-Language": "zh-CN"})
    assert page.status_code == 200
    assert sale.receipt_no in page.text
    assert money.plain(sale.total_fen) in page.text
    assert (page.headers["Cache-Control"], "Set-Cookie" in page.headers) == ("no-store", False)


def test_a_receipt_that_is_not_here_yet_asks_for_patience_and_looks_like_one_that_never_was(
    guest: FlaskClient, house: House
) -> None:
    sale = house.sales[0]
    never = ("/r/near/" + "0" * 32, "/R/FAR/" + sale.sale_id.upper(), "/r/near/x", "/r/%00/" + sale.sale_id)
    for path in never:
        page = guest.get(path, headers={"Accept-Language": "en"})
        assert page.status_code == 404, path
        assert "not here yet" in page.text


def test_the_guest_listener_serves_nothing_else(guest: FlaskClient) -> None:
    for path in ("/", "/overview", "/sign-in", "/api/v1/stores", "/j/", "/j/a/b"):
        assert guest.get(path).status_code == 404, path
    assert "不是本店的码" in guest.post("/j/x").text
    assert guest.put("/j/x").status_code == 405
