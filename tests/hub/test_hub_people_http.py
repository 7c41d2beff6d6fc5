"""People at the console over HTTP: role by route (ux-security §12 no. 18), sign-in, users, own account, audit page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cloud.app import create_app
from cloud.domain import roles
from cloud.domain.roles import PERSONS, Action, Role
from cloud.services.accounts import Who
from cloud.services.sessions import FRESH_MS, FULL
from cloud.services.tries import Caller
from cloud.settings import ConsoleSettings
from cloud.web import access
from cloud.wiring import Core, open_core
from sync.contract.words import Name
from sync.node.ports import ManualClock, SeededChance
from tests.db.test_mutating_routes import routes
from tests.kit.hub_people import OWN_PASSWORD, code_at
from tests.kit.hub_stores import CHEAP, EVENING_MS, StoreByHand, hub_settings, open_hub

ADMIN = Who("admin")
REFUSED = ("not_your_role", "not_signed_in", "confirm_first", "no_rule")


@dataclass
class Hub:
    core: Core
    clock: ManualClock
    folder: Path
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = create_app(self.core.hub)
        for role in PERSONS:
            if role is not Role.ADMIN:
                self.core.hub.console.accounts.add(role.value, f"The {role.value}", role, ADMIN)

    @property
    def password(self) -> str:
        return (self.folder / "console-password.txt").read_text(encoding="ascii").strip()

    def as_role(self, role: Role | None, app: Flask | None = None) -> FlaskClient:
        """A browser in which somebody of a role signed in just now; None: nobody."""
        client = (app or self.app).test_client()
        if role is Role.PROGRAM:
            token = (self.folder / "api-token.txt").read_text(encoding="ascii").strip()
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        elif role is not None:
            with self.core.database.write() as tx:
                token = self.core.hub.console.sessions.open(tx, role.value, FULL, Caller())
            client.set_cookie("hub_session", token)
        return client


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock)
    yield Hub(core, clock, tmp_path)
    core.database.close()


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Hub]:
    """A hub that people reach from elsewhere: a second factor is required."""
    clock = ManualClock(EVENING_MS)
    settings = msgspec.structs.replace(
        hub_settings(tmp_path), console=ConsoleSettings(public_url="https://hq.example.com", proxy_hops=1)
    )
    core = open_core(settings, clock=clock, chance=SeededChance("hub"), cost=CHEAP)
    yield Hub(core, clock, tmp_path)
    core.database.close()


def send(client: FlaskClient, path: str, where: str | None = None, **fields: str) -> TestResponse:
    """Fill in a form of a page and send it."""
    page = client.get(where or path)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, (page.status_code, page.text[:500])
    return client.post(path, data={**fields, "csrf_token": found[1]})


def code_of(answer: TestResponse) -> str:
    """The refusal of the door, if this is one."""
    if answer.is_json and isinstance(answer.get_json(), dict):
        return str(answer.get_json().get("code", ""))
    return next((code for code in REFUSED if code in answer.text), "")


# ------------------------------------------------------------------------------------------------------- the matrix


@pytest.mark.parametrize("role", [*Role, None])
def test_each_role_reaches_exactly_what_the_table_says(hub: Hub, role: Role | None) -> None:
    app = create_app(hub.core.hub)
    app.config["WTF_CSRF_ENABLED"] = False  # this is about roles; the tokens have a test of their own
    asked = 0
    for mutating in (False, True):
        for method, address in routes(app, mutating=mutating):
            rule = access.rule_of(app, app.url_map.bind("").match(address.partition("?")[0], method)[0])
            allowed = rule == access.OPEN or (
                role is not None and role is not Role.PROGRAM and rule == access.SIGNED_IN
            )
            if isinstance(rule, Action):
                # Written out, not asked of the code under test: the table itself has its own test by hand.
                allowed = role is not None and rule in roles.TABLE[role]
            if role is Role.PROGRAM and not address.startswith("/api/"):
                allowed = rule == access.OPEN  # a token opens no page
            answer = hub.as_role(role, app).open(address, method=method, buffered=True)
            if rule == access.OPEN:
                assert code_of(answer) not in {"not_your_role", "no_rule", "confirm_first"}, (method, address)
            elif allowed:
                assert (answer.status_code, code_of(answer)) != (403, "not_your_role"), (method, address)
                assert not (answer.headers.get("Location") or "").startswith("/sign-in?"), (method, address)
                assert code_of(answer) not in REFUSED, (method, address)
            elif role is None or (role is Role.PROGRAM and not address.startswith("/api/")):
                to_sign_in = (answer.headers.get("Location") or "").startswith("/sign-in")
                assert to_sign_in or code_of(answer) == "not_signed_in", (method, address)
            else:
                assert (answer.status_code, code_of(answer)) == (403, "not_your_role"), (method, address)
            asked += 1
    assert asked > 50


@pytest.mark.parametrize("role", PERSONS)
def test_the_menu_shows_what_the_role_may_do_and_nothing_else(hub: Hub, role: Role) -> None:
    page = hub.as_role(role).get("/account").text
    nav = page[page.index("<nav") : page.index("</nav>")]
    shown = set(re.findall(r'href="/([a-z]+)"', nav))
    wanted = {"sales": Action.VIEW_SALES, "takings": Action.VIEW_SALES, "parked": Action.VIEW_PARKED}
    wanted |= {"users": Action.MANAGE_USERS, "audit": Action.VIEW_AUDIT}
    for place, action in wanted.items():
        assert (place in shown) == roles.may(role, action), place
    assert "account" in shown


def test_what_a_role_may_not_do_stands_on_no_page(hub: Hub) -> None:
    store = StoreByHand(hub.core, "near", Name("近店", "Near"), hub.clock)
    sale = store.sell([("Soup", 1, 999)], at_ms=EVENING_MS)
    store.deliver()
    page = f"/sales/near/{sale.sale_id}"
    assert 'id="verify"' not in hub.as_role(Role.VIEWER).get(page).text
    assert 'id="export"' not in hub.as_role(Role.MARKETER).get(page).text
    assert 'id="export"' in hub.as_role(Role.FINANCE).get(page).text


def test_the_audit_page_is_what_the_table_guards(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with another table the same request is answered."""
    assert hub.as_role(Role.VIEWER).get("/audit").status_code == 403
    monkeypatch.setitem(roles.TABLE, Role.VIEWER, frozenset(Action))
    assert hub.as_role(Role.VIEWER).get("/audit").status_code == 200


# ---------------------------------------------------------------------------------------------------- re-authentication


def test_users_need_a_person_confirmed_within_five_minutes(hub: Hub) -> None:
    admin = hub.as_role(Role.ADMIN)
    assert admin.get("/users").status_code == 200
    token = send(admin, "/users/disable", "/users", account="viewer")
    assert token.status_code == 200
    hub.clock.advance(FRESH_MS)
    assert admin.get("/users").headers["Location"] == "/confirm?next=/users"
    late = send(admin, "/users/enable", "/account", account="viewer")
    assert (late.status_code, code_of(late)) == (403, "confirm_first")
    assert send(admin, "/confirm", "/confirm?next=/users", old="wrong", next="/users").status_code == 401
    done = send(admin, "/confirm", "/confirm?next=/users", old=hub.password, next="/users")
    assert done.headers["Location"] == "/users"
    assert send(admin, "/users/enable", "/users", account="viewer").status_code == 200


# ----------------------------------------------------------------------------------------------------------- sign-in


def test_the_whole_first_sign_in_with_a_phone(strict: Hub) -> None:
    browser = strict.app.test_client()
    https: dict[str, Any] = {
        "base_url": "https://hq.example.com",
        "headers": {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.44"},
    }

    def post(path: str, page: TestResponse, **fields: str) -> TestResponse:
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found is not None
        return browser.post(path, data={**fields, "csrf_token": found[1]}, **https)

    first = post("/sign-in", browser.get("/sign-in", **https), account="admin", password=strict.password, next="/sales")
    assert first.headers["Location"] == "/sign-in/set-up?next=/sales"
    assert browser.get("/sales", **https).headers["Location"].startswith("/sign-in")
    page = browser.get("/sign-in/set-up?next=/sales", **https)
    assert 'id="qr"' in page.text
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page.text)
    assert found is not None
    secret = found[1].replace(" ", "")
    again = post("/sign-in/set-up", page, code="000000", next="/sales")
    assert (again.status_code, secret in again.text.replace(" ", "")) == (422, True)
    codes = post("/sign-in/set-up", page, code=code_at(secret, strict.clock.now_ms()), next="/sales")
    assert codes.status_code == 200
    kept = re.findall(r"<li><code>([0-9A-Z-]+)</code>", codes.text)
    assert len(kept) == 10
    cookies = [one for one in codes.headers.getlist("Set-Cookie") if "=;" not in one]
    assert {one.partition("=")[0] for one in cookies} >= {"__Host-hub_session", "__Host-hub_browser"}
    assert all("Secure" in one and "HttpOnly" in one and "SameSite=Strict" in one for one in cookies)
    assert browser.get("/sales", **https).status_code == 200
    assert secret not in browser.get("/account", **https).text
    post("/sign-out", browser.get("/account", **https))
    second = post("/sign-in", browser.get("/sign-in", **https), account="admin", password=strict.password)
    assert second.headers["Location"].startswith("/sign-in/code")
    strict.clock.advance(60_000)
    page = browser.get("/sign-in/code", **https)
    assert post("/sign-in/code", page, code="123456").status_code == 401
    done = post("/sign-in/code", page, code=code_at(secret, strict.clock.now_ms()), next="/audit")
    assert done.headers["Location"] == "/audit"
    log = browser.get("/audit", **https).text
    assert "192.0.2.44" in log
    assert secret not in log
    assert not any(code in log for code in kept)


def test_a_step_that_is_not_mine_leads_to_the_one_that_is(strict: Hub) -> None:
    for path in ("/sign-in/code", "/sign-in/set-up", "/sign-in/password"):
        assert strict.app.test_client().get(path).headers["Location"].startswith("/sign-in?")
    half = strict.app.test_client()
    send(half, "/sign-in", account="admin", password=strict.password)
    assert half.get("/sign-in/code").headers["Location"].startswith("/sign-in/set-up")


def test_a_program_that_signs_in_is_told_what_is_missing(strict: Hub) -> None:
    answer = strict.app.test_client().post("/api/v1/session", json={"password": strict.password})
    assert (answer.status_code, code_of(answer)) == (401, "finish_on_page")
    assert "Set-Cookie" not in answer.headers


def test_the_console_is_reached_by_its_public_name_and_no_other(strict: Hub) -> None:
    client = strict.app.test_client()
    assert client.get("/sign-in", base_url="https://hq.example.com").status_code == 200
    assert client.get("/sign-in", base_url="https://evil.test").status_code == 400


def test_ten_wrong_ones_from_one_address_lock_nobody_elsewhere(strict: Hub) -> None:
    def sign_in(address: str, password: str) -> int:
        wish = {"account": "viewer", "password": password}
        return (
            strict.app.test_client()
            .post("/api/v1/session", json=wish, headers={"X-Forwarded-For": address})
            .status_code
        )

    made = strict.core.hub.console.accounts.reset_password("viewer", ADMIN)
    password = getattr(made, "password", "")
    answers = [sign_in("203.0.113.9", "no") for _ in range(20)]
    assert answers[-1] == 429
    assert sign_in("203.0.113.9", password) == 429
    assert sign_in("192.0.2.1", password) == 401, "finish_on_page: the password was right"


# ----------------------------------------------------------------------------------------------- users and own account


def test_an_admin_adds_a_user_who_chooses_a_password(hub: Hub) -> None:
    admin = hub.as_role(Role.ADMIN)
    page = send(admin, "/users/add", "/users", account="mei", name="<b>Mei</b>", role="finance")
    found = re.search(r'id="made-password">([0-9A-Z-]+)<', page.text)
    assert found is not None
    assert "<b>Mei" not in page.text
    assert found[1] not in admin.get("/users").text, "shown once"
    browser = hub.app.test_client()
    assert (
        send(browser, "/sign-in", account="mei", password=found[1]).headers["Location"].startswith("/sign-in/password")
    )
    assert browser.get("/audit").status_code == 303
    differs = send(browser, "/sign-in/password", password=OWN_PASSWORD, again="something else entirely")
    assert differs.status_code == 422
    done = send(browser, "/sign-in/password", password=OWN_PASSWORD, again=OWN_PASSWORD, next="/audit")
    assert done.headers["Location"] == "/audit"
    assert browser.get("/audit").status_code == 200
    send(admin, "/users/role", "/users", account="mei", role="viewer")
    assert browser.get("/audit").status_code == 303, "a changed role signs out at once"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("add", {"account": "", "name": "x", "role": "viewer"}, 422),
        ("add", {"account": "mei", "name": "x", "role": "program"}, 422),
        ("add", {"account": "viewer", "name": "x", "role": "viewer"}, 409),
        ("role", {"account": "viewer", "role": "emperor"}, 422),
        ("role", {"account": "nobody", "role": "viewer"}, 404),
        ("role", {"account": "\x00", "role": "viewer"}, 404),
        ("disable", {"account": "admin"}, 409),
        ("reset-password", {"account": "admin"}, 409),
        ("reset-second-factor", {}, 404),
    ],
)
def test_what_cannot_be_done_to_a_user_is_said(hub: Hub, path: str, fields: dict[str, str], status: int) -> None:
    answer = send(hub.as_role(Role.ADMIN), f"/users/{path}", "/users", **fields)
    assert (answer.status_code, 'id="refusal"' in answer.text) == (status, True)


def test_my_account_changes_the_password_and_ends_other_sessions(hub: Hub) -> None:
    one, other = hub.as_role(Role.ADMIN), hub.as_role(Role.ADMIN)
    wrong = send(one, "/account/password", "/account", old="no", password=OWN_PASSWORD, again=OWN_PASSWORD)
    assert wrong.status_code == 401
    done = send(one, "/account/password", "/account", old=hub.password, password=OWN_PASSWORD, again=OWN_PASSWORD)
    assert (done.status_code, 'id="done"' in done.text) == (200, True)
    assert one.get("/account").status_code == 200
    assert other.get("/account").status_code == 303


def test_my_sessions_end_one_by_one_and_all_together(hub: Hub) -> None:
    one, other, third = (hub.as_role(Role.VIEWER) for _ in range(3))
    names = re.findall(r'data-session="([0-9a-f]{16})"', one.get("/account").text)
    assert len(names) == 3
    foreign = re.findall(r'data-session="([0-9a-f]{16})"', hub.as_role(Role.ADMIN).get("/account").text)
    assert send(one, "/account/sessions/end", "/account", session=foreign[0]).status_code == 404
    assert send(one, "/account/sessions/end-all", "/account").headers["Location"] == "/sign-in"
    assert [client.get("/account").status_code for client in (one, other, third)] == [303, 303, 303]


def test_a_second_factor_is_set_up_from_my_account(hub: Hub) -> None:
    viewer = hub.as_role(Role.VIEWER)
    page = viewer.get("/account/second-factor")
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page.text)
    assert found is not None
    code = code_at(found[1].replace(" ", ""), hub.clock.now_ms())
    done = send(viewer, "/account/second-factor", code=code)
    assert 'id="recovery-codes"' in done.text
    assert viewer.get("/account").status_code == 200
    hub.clock.advance(FRESH_MS)
    assert viewer.get("/account/second-factor").headers["Location"].startswith("/confirm")


# ------------------------------------------------------------------------------------------------------- the audit page


def test_the_audit_page_pages_filters_and_proves(hub: Hub) -> None:
    finance = hub.as_role(Role.FINANCE)
    for number in range(60):
        hub.core.hub.console.audit_log.record("admin", "thing.done", f"t{number}")
    page = finance.get("/audit")
    assert page.text.count("<tr data-n=") == 50
    found = re.search(r'id="older" href="([^"]+)"', page.text)
    assert found is not None
    assert "<tr data-n=" in finance.get(found[1].replace("&amp;", "&")).text
    assert finance.get("/audit?what=user.added").text.count("<tr data-n=") == 5
    assert finance.get("/audit?who=nobody").text.count("<tr data-n=") == 0
    assert finance.get("/audit?day=2026-11-22").text.count("<tr data-n=") == 50
    assert finance.get("/audit?day=2026-11-21").text.count("<tr data-n=") == 0
    for bad in ("who=%00", "what=%ff", "day=2026-13-01", "before=0", "day=1970-01-01"):
        assert finance.get(f"/audit?{bad}").status_code in {200, 400}, bad
    proved = send(finance, "/audit/verify", "/audit")
    assert 'data-proof="whole"' in proved.text
    with hub.core.database.write() as tx:
        tx.connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        tx.connection.exec_driver_sql("UPDATE audit SET target = 'x' WHERE n = 9")
    damaged = send(finance, "/audit/verify", "/audit")
    assert 'data-proof="changed"' in damaged.text
    assert "第 9 行" in damaged.text


def test_who_looks_locked_out_is_shown_to_those_who_may_see_it(hub: Hub) -> None:
    for _ in range(30):
        hub.core.hub.console.sign_in.sign_in("admin", "no", Caller("203.0.113.5"))
        hub.clock.advance(20_000)
    assert "登录被锁" in hub.as_role(Role.ADMIN).get("/overview").text
    assert "登录被锁" not in hub.as_role(Role.VIEWER).get("/overview").text


def test_an_export_and_a_verification_are_rows(hub: Hub) -> None:
    store = StoreByHand(hub.core, "near", Name("近店", "Near"), hub.clock)
    sale = store.sell([("Soup", 1, 999)], at_ms=EVENING_MS)
    store.deliver()
    finance = hub.as_role(Role.FINANCE)
    assert finance.get(f"/api/v1/sales/near/{sale.sale_id}/evidence").status_code == 200
    assert hub.as_role(Role.PROGRAM).get(f"/api/v1/sales/near/{sale.sale_id}/evidence").status_code == 200
    send(finance, f"/sales/near/{sale.sale_id}/verify", f"/sales/near/{sale.sale_id}")
    page = finance.get("/audit").text
    assert page.count('data-action="evidence.exported"') == 2
    assert page.count('data-action="chain.verified"') == 1
    assert ">program<" in page
