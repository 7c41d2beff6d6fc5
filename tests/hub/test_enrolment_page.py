"""The console's page of enrolment: the code sheet as a QR code, and the second person's yes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cloud.app import create_app
from cloud.wiring import Core
from edge.services.hub import enrolment
from sync.contract.enrolling import Enrolled, Waiting
from sync.contract.words import Name
from sync.node import keys
from sync.node.ports import ManualClock
from tests.kit.hub_store import request
from tests.kit.hub_stores import EVENING_MS, open_hub

OLD = keys.make_identity(b"node" * 8)
NEW = keys.make_identity(b"othr" * 8)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[Core]:
    held = open_hub(tmp_path, ManualClock(EVENING_MS))
    code = held.hub.enrolment.make_code("s1", Name("店", "Store")).code
    assert isinstance(held.hub.enrolment.redeem(request("s1", code, OLD)), Enrolled)
    yield held
    held.database.close()


@pytest.fixture
def admin(core: Core) -> FlaskClient:
    client = create_app(core.hub).test_client()
    password = (core.hub.settings.folder / "console-password.txt").read_text().strip()
    assert client.post("/api/v1/session", json={"password": password}).status_code == 200
    return client


def form_token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def act(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    token = form_token(client.get("/enrolment").text)
    answer = client.post(path, data={"csrf_token": token, **fields})
    return answer.status_code, answer.text


def waiting(core: Core) -> tuple[str, str]:
    code = core.hub.enrolment.make_code("s1").code
    told = core.hub.enrolment.redeem(request("s1", code, NEW))
    assert isinstance(told, Waiting)
    return code, told.fingerprint


def test_a_new_code_is_shown_once_with_its_sheet(core: Core, admin: FlaskClient) -> None:
    status, page = act(admin, "/enrolment/code", store="s1")
    assert status == 200
    assert "data:image/png;base64," in page
    found = re.search(r'id="sheet-text">([^<]+)<', page)
    assert found is not None
    sheet = enrolment.read_sheet(found[1].replace("&amp;", "&"))
    assert (sheet.store, sheet.ca) == ("s1", core.authority.fingerprint)
    assert sheet.code in page
    assert sheet.code not in admin.get("/enrolment").text
    assert isinstance(core.hub.enrolment.redeem(request("s1", sheet.code, NEW)), Waiting)
    assert act(admin, "/enrolment/code", store="s9")[0] == 422


def test_a_person_says_yes_with_the_last_group_as_the_store_reads_it(core: Core, admin: FlaskClient) -> None:
    code, shown = waiting(core)
    assert shown in admin.get("/enrolment").text
    asked = {"store": "s1", "fingerprint": shown, "decision": "approve"}
    for wrong in ("", "XXXX", shown[:4] if shown[:4] != shown[-4:] else "0000"):
        assert act(admin, "/enrolment/decide", **asked, last_group=wrong)[0] == 422
        assert isinstance(core.hub.enrolment.redeem(request("s1", code, NEW)), Waiting)
    assert act(admin, "/enrolment/decide", **asked, last_group=shown[-4:].lower())[0] == 303
    granted = core.hub.enrolment.redeem(request("s1", code, NEW))
    assert isinstance(granted, Enrolled)
    assert granted.epoch == 2
    assert act(admin, "/enrolment/decide", **asked, last_group=shown[-4:])[0] == 409


def test_no_needs_no_comparing(core: Core, admin: FlaskClient) -> None:
    code, shown = waiting(core)
    assert act(admin, "/enrolment/decide", store="s1", fingerprint=shown, decision="refuse")[0] == 303
    assert not isinstance(core.hub.enrolment.redeem(request("s1", code, NEW)), Waiting | Enrolled)
    assert shown not in admin.get("/enrolment").text


def test_nobody_else_sees_it_or_decides(core: Core) -> None:
    _, shown = waiting(core)
    client = create_app(core.hub).test_client()
    assert client.get("/enrolment").status_code == 303
    answer = client.post("/enrolment/decide", data={"store": "s1", "fingerprint": shown, "decision": "approve"})
    assert answer.status_code in {400, 401}
    token = (core.hub.settings.folder / "api-token.txt").read_text().strip()
    program = create_app(core.hub).test_client()
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    assert program.get("/enrolment").status_code in {303, 403}
    assert len(core.hub.enrolment.waiting()) == 1


def test_the_ca_is_public_and_the_way_to_renew_too(core: Core) -> None:
    client = create_app(core.hub).test_client()
    told = client.get("/api/v1/ca").get_json()
    assert told == {"ca": core.authority.ca, "fingerprint": core.authority.fingerprint}
    assert client.post("/api/v1/renew", json={}).status_code == 400
