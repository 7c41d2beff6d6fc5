"""Foreign pages and programs (ux-security §12 no. 21) against every mutating route of both applications.

Another Origin, a rebinding Host, a missing or wrong form token, a wrong content type, a preflight, framing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cloud.app import create_app, create_guest_app
from cloud.web import access, security
from cloud.wiring import Core
from sync.node.ports import ManualClock
from tests.kit.hub_stores import EVENING_MS, open_hub
from tests.kit.nodes import Rig

SAFE = {"GET", "HEAD", "OPTIONS"}
SAMPLES = {"store": "near", "sale_id": "0" * 32, "epoch": "1", "filename": "hub.css"}
HUB_JSON = {"/api/v1/session", "/api/v1/enrol", "/api/v1/renew", "/api/v1/invites/verify"}
HUB_SEALED = {"/api/v1/handover/near/1/late"}
"""Takes bytes that only a store's node can seal, whatever they are called."""
FOREIGN = (
    {"Origin": "http://evil.test"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.test"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
)


@dataclass
class House:
    """An application with somebody signed in, and how to ask whether that session still stands."""

    name: str
    app: Flask
    client: FlaskClient
    alive: Callable[[], bool]


def routes(app: Flask, *, mutating: bool = True) -> list[tuple[str, str]]:
    """Every (method, address) of an application, its parameters filled in."""
    found: list[tuple[str, str]] = []
    for rule in app.url_map.iter_rules():
        # Every converter takes a 1; where a name is known, something that looks right is better.
        values: dict[str, Any] = {name: SAMPLES.get(name, "1") for name in rule.arguments}
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **values)
        found += [(method, address) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]
    return [(method, address) for method, address in found if (method not in SAFE) == mutating]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    opened = open_hub(tmp_path, ManualClock(EVENING_MS))
    yield opened
    opened.database.close()


@pytest.fixture
def hub(core: Core, tmp_path: Path) -> House:
    app = create_app(core.hub)
    client = app.test_client()
    password = (tmp_path / "console-password.txt").read_text(encoding="ascii").strip()
    assert client.post("/api/v1/session", json={"password": password}).status_code == 200
    return House("hub", app, client, lambda: client.get("/account").status_code == 200)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[House]:
    with Rig(tmp_path) as rig:
        client = rig.client()
        yield House("node", client.application, client, lambda: client.get("/api/v1/sales").status_code == 200)


def guarded(answer: TestResponse) -> None:
    """What stands on every answer, refusals too: no framing, no permission for another site to read it."""
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.status_code < 500, answer.text


def check_foreign(house: House) -> int:
    asked = 0
    for method, address in routes(house.app):
        for headers in FOREIGN:
            answer = house.client.open(address, method=method, headers=headers, data=b"{}", content_type="text/plain")
            assert answer.status_code == 403, (method, address, headers)
            guarded(answer)
            asked += 1
        for host in ("evil.test", "localhost.evil.test", "192.0.2.1", "[2001:db8::1]"):
            answer = house.client.open(address, method=method, headers={"Host": host, "Origin": f"http://{host}"})
            assert answer.status_code == 400, (method, address, host)
            guarded(answer)
        preflight = {"Origin": "http://evil.test", "Access-Control-Request-Method": method}
        guarded(house.client.options(address, headers=preflight))
    assert house.alive()
    return asked


def test_no_mutating_route_of_the_hub_answers_another_site(hub: House) -> None:
    assert check_foreign(hub) >= 20 * len(FOREIGN)


def test_no_mutating_route_of_the_node_answers_another_site(node: House) -> None:
    assert check_foreign(node) >= 10 * len(FOREIGN)


def test_the_guests_listener_takes_the_forms_of_members_only_and_from_its_own_pages(core: Core) -> None:
    app = create_guest_app(core.hub)
    client = app.test_client()
    changing = routes(app)
    forms = {("POST", start) for start in ("/j/", "/m/", "/c/", "/d/")}
    assert {(method, address[:3].lower()) for method, address in changing} == forms
    check_foreign(House("guest", app, client, lambda: client.get("/j/x").status_code == 200))
    for _, address in routes(app, mutating=False):
        taken = ("POST", address) in changing
        for method in ("PUT", "PATCH", "DELETE") if taken else ("POST", "PUT", "PATCH", "DELETE"):
            answer = client.open(address, method=method)
            assert answer.status_code == 405, (method, address)


def test_every_form_of_the_hub_needs_its_token(hub: House) -> None:
    forms = [(method, address) for method, address in routes(hub.app) if not address.startswith("/api/")]
    assert len(forms) >= 15
    for method, address in forms:
        for data in ({}, {"csrf_token": ""}, {"csrf_token": "wrong"}, {"csrf_token": "a.b.c"}):
            answer = hub.client.open(address, method=method, data=data)
            assert (answer.status_code, "form_expired" in answer.text) == (400, True), (method, address)
    assert hub.alive()


def test_what_takes_json_takes_nothing_else(hub: House, node: House) -> None:
    for address in HUB_JSON:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            answer = hub.client.post(address, data=b'{"password": "x"}', content_type=kind)
            assert answer.status_code == 415, (address, kind)
    with_body = {address for method, address in routes(hub.app) if method == "POST" and address.startswith("/api/")}
    assert with_body == HUB_JSON | HUB_SEALED, "a new route: say here that it takes JSON only"
    for method, address in routes(node.app):
        # After this one everything else is refused, whatever it takes.
        if address == "/api/v1/session/lock":
            continue
        if method == "POST" and address.startswith("/api/"):
            answer = node.client.post(address, data=b'{"pin": "x"}', content_type="text/plain")
            # Those without a body ask nothing of it: the Origin check above is what guards them.
            assert answer.status_code in {415, 400, 404, 200, 202, 204, 409}, (address, answer.status_code)
    assert hub.alive()


def test_the_origin_check_is_what_refuses_them(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without it a foreign page signs people out."""
    monkeypatch.setattr(security, "same_origin", lambda _request: True)
    assert hub.client.delete("/api/v1/session", headers={"Origin": "http://evil.test"}).status_code == 204
    assert not hub.alive()


def test_our_own_pages_are_answered(hub: House, node: House) -> None:
    """Negative control: it is not that everything is refused."""
    assert hub.client.delete("/api/v1/session", headers={"Origin": "http://localhost"}).status_code == 204
    assert node.client.delete("/api/v1/session", headers={"Origin": "http://localhost"}).status_code in {200, 204}


# --------------------------------------------------------------------------------------------------- deny by default


def test_every_address_of_the_hub_says_who_may_use_it(hub: House) -> None:
    silent = [rule.endpoint for rule in hub.app.url_map.iter_rules() if access.rule_of(hub.app, rule.endpoint) is None]
    assert silent == []


def test_an_address_without_a_rule_is_refused_to_everybody(hub: House) -> None:
    """Negative control of the one above: what a forgotten rule means."""
    hub.app.debug = False
    hub.app._got_first_request = False
    hub.app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert access.rule_of(hub.app, "forgotten") is None
    answer = hub.client.get("/forgotten")
    assert (answer.status_code, "no_rule" in answer.text, "secret" in answer.text) == (403, True, False)
    assert hub.app.test_client().get("/forgotten").status_code == 403


def test_an_unknown_address_is_no_address(hub: House) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        for address in ("/nothing", "/users/nothing", "/api/v1/users", "/static/../settings.py"):
            assert hub.client.open(address, method=method).status_code in {404, 405, 400}, (method, address)
