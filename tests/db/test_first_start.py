"""The first start without a settings file: asked in the browser, kept without one, in training until the hub says which store it is."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest
from cheroot.wsgi import Server

from cloud.app import create_app as create_hub
from cloud.settings import BrokerSettings, ListenSettings
from cloud.wiring import Core, open_core
from drivers.discovery import Candidate
from edge.app import create_app
from edge.domain.roles import Role
from edge.services.care.status import Desk
from edge.services.devices.device_care import DeviceCare
from edge.services.house import first_start, settings_here
from edge.services.house.first_start import FirstStartCommand
from edge.services.hub import enrolment
from edge.services.people import sign_in, staff
from edge.services.people.sign_in import SignedIn
from edge.web.live import StreamSeats
from scripts.demo_client import Door
from sync.contract.words import Name
from sync.node.ports import SeededChance, SystemClock
from tests.kit.hub_store import QUICK_COST
from tests.kit.hub_stores import hub_settings
from tests.kit.nodes import Rig

NAME = Name("青瓷巷店", "Qingci")
PIN = "718293"
FORM = {
    "name_zh": "青瓷巷店", "name_en": "Qingci", "address": "青瓷巷 8 号", "person": "陈店长", "locale": "zh-CN", "both": "1",
    "pin": PIN, "pin_again": PIN, "printer": "",
}  # fmt: skip
FOUND = Candidate(address="usb://04b8:0e15", seen="EPSON TM-T82", kinds=(("printer", 90),))


@dataclass
class Browser:
    """A browser at a node that was started without a file."""

    rig: Rig
    client: Any
    restarts: list[str]


def browser(rig: Rig) -> Browser:
    restarts: list[str] = []
    desk = Desk(rig.node, link=lambda: None, devices=list, asks=True, restart=lambda: restarts.append("again"))
    care = DeviceCare(rig.node, found=lambda: (FOUND,))
    return Browser(rig, create_app(desk, StreamSeats(2), care=care).test_client(), restarts)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Browser]:
    with Rig(tmp_path / "node", enrolled=False, devices=()) as rig:
        yield browser(rig)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Core, str]]:
    settings = msgspec.structs.replace(
        hub_settings(tmp_path / "hub"), web=ListenSettings(port=0), broker=BrokerSettings(port=1)
    )
    core = open_core(settings, clock=SystemClock(), chance=SeededChance("hub"), cost=QUICK_COST)
    server = Server(("127.0.0.1", 0), create_hub(core.hub), numthreads=4, max=4, timeout=10, shutdown_timeout=1)
    server.prepare()
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    yield core, f"http://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    serving.join(5)
    core.database.close()


def test_whoever_opens_a_fresh_node_is_led_to_the_first_start_and_then_to_the_till(fresh: Browser) -> None:
    assert fresh.client.get("/").headers["Location"] == "/first-start"
    page = fresh.client.get("/first-start?lang=en")
    assert page.status_code == 200
    assert "EPSON TM-T82" in page.text
    done = fresh.client.post("/first-start", data=FORM)
    assert (done.status_code, done.headers["Location"]) == (303, "/first-start")
    # The manager who was just made is signed in, and is asked for the enrolment.
    assert 'data-testid="enrol-form"' in fresh.client.get("/first-start").text
    assert fresh.client.get("/").headers["Location"] == "/till/"
    status = fresh.client.get("/api/v1/status").json
    assert (status["store"]["name"], status["signed_in"]) == ({"zh": "青瓷巷店", "en": "Qingci"}, True)
    assert status["node"]["training"] is True
    assert fresh.client.get("/api/v1/session").json["cashier"]["role"] == "manager"


def test_the_printer_that_was_picked_is_a_row_from_the_next_start_on(fresh: Browser) -> None:
    fresh.client.post("/first-start", data={**FORM, "printer": FOUND.address})
    with fresh.rig.db.read() as reader:
        started = settings_here.at_start(fresh.rig.settings, reader)
    [row] = started.devices
    assert (row["kind"], row["id"], row["address"]) == ("printer", "printer-1", FOUND.address)
    assert fresh.client.post("/first-start/restart").status_code == 200
    assert fresh.restarts == ["again"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name_zh": " ", "name_en": ""}, "bad_name"),
        ({"name_zh": "x" * 61}, "bad_name"),
        ({"address": "a\u202e"}, "bad_name"),
        ({"person": ""}, "bad_name"),
        ({"person": "x" * 21}, "bad_name"),
        ({"pin": "123456", "pin_again": "123456"}, "pin_easy"),
        ({"pin_again": "718294"}, "pins_differ"),
        ({"locale": "fr"}, "unknown_setting"),
        ({"printer": "usb://dead:beef"}, "unknown_setting"),
        ({"name_zh": "x" * 1_000}, "malformed"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_kept(fresh: Browser, changes: dict[str, str], code: str) -> None:
    before = fresh.rig.tables()
    answer = fresh.client.post("/first-start?lang=en", data={**FORM, **changes})
    assert answer.status_code == 422
    assert 'data-testid="refused"' in answer.text
    assert fresh.rig.tables() == before
    asked = msgspec.convert({k: v for k, v in {**FORM, **changes}.items() if k != "both"}, FirstStartCommand, strict=False) \
        if code != "malformed" else None  # fmt: skip
    if asked is not None and code != "unknown_setting":
        refused = first_start.set_up(fresh.rig.node, asked, [])
        assert refused is not None
        assert refused.code == code
    # What was typed is still there, but for the PIN.
    assert PIN not in answer.text


def test_a_node_that_has_a_manager_is_not_set_up_by_somebody_else(fresh: Browser) -> None:
    assert fresh.client.post("/first-start", data=FORM).status_code == 303
    stranger = fresh.client.application.test_client()
    again = stranger.post("/first-start", data={**FORM, "person": "x", "pin": "604937", "pin_again": "604937"})
    assert again.status_code == 422
    assert [one.name for one in staff.everybody(fresh.rig.node)] == ["陈店长"]
    assert stranger.get("/first-start").status_code == 401
    for path in ("/first-start/enrol", "/first-start/restart", "/first-start/practice"):
        assert stranger.post(path, data={"hub": "http://127.0.0.1:1", "store": "s1", "code": "x"}).status_code == 401
    assert fresh.restarts == []


def test_two_browsers_at_once_make_one_manager(fresh: Browser) -> None:
    asked = FirstStartCommand(name_zh="店", person="A", pin=PIN, pin_again=PIN)
    start, answers = threading.Barrier(2), []

    def go(pin: str) -> None:
        start.wait()
        answers.append(first_start.set_up(fresh.rig.node, msgspec.structs.replace(asked, pin=pin, pin_again=pin), []))

    threads = [threading.Thread(target=go, args=(pin,)) for pin in (PIN, "604937")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.code if answer else "" for answer in answers) == ["", "already_set_up"]
    assert fresh.rig.rows("SELECT count(*) FROM newcomers") == [(1,)]


def test_the_enrolment_code_makes_it_a_store_at_the_next_start(fresh: Browser, hub: tuple[Core, str]) -> None:
    core, url = hub
    fresh.client.post("/first-start", data=FORM)
    wrong = fresh.client.post("/first-start/enrol", data={"hub": url, "store": "s1", "code": "AAAAA-AAAAA"})
    assert wrong.status_code == 422
    assert fresh.restarts == []
    assert fresh.client.post("/first-start/enrol", data={"hub": url}).status_code == 422
    no_sheet = fresh.client.post(
        "/first-start/enrol", data={"sheet": "wifi:home"}, headers={"Accept-Language": "zh-CN"}
    )
    assert (no_sheet.status_code, "这不是登记单上的码" in no_sheet.text) == (422, True)
    assert "this is no code sheet" not in no_sheet.text, "one page speaks one language"
    code = core.hub.enrolment.make_code("s1", NAME).code
    right = fresh.client.post("/first-start/enrol", data={"hub": url, "store": "s1", "code": code})
    assert (right.status_code, fresh.restarts) == (200, ["again"])
    granted = enrolment.load(fresh.rig.folder)
    assert granted is not None
    assert (granted.store, granted.epoch) == ("s1", 1)
    assert fresh.client.post("/first-start/enrol", data={"hub": url, "store": "s1", "code": code}).status_code == 422


def test_the_staff_page_adds_changes_and_lets_go(fresh: Browser) -> None:
    fresh.client.post("/first-start", data=FORM)
    node = fresh.rig.node

    def act(path: str, **data: str) -> str:
        answer = fresh.client.post(path, data={"request_id": node.ids.uuid7().hex(), **data})
        assert answer.status_code == 303
        return str(answer.headers["Location"]).removeprefix("/staff?")

    assert act("/staff/new/add", name="小李", role="cashier", locale="zh-CN", pin="604937") == "done=added"
    assert act("/staff/new/add", name="小王", role="cashier", locale="zh-CN", pin="604937") == "code=pin_taken"
    assert act("/staff/new/add", name="小王", role="boss", locale="zh-CN", pin="604938") == "code=malformed"
    [one] = [each for each in staff.everybody(node) if each.role is Role.CASHIER]
    page = fresh.client.get("/staff?done=added&lang=en").text
    assert f'data-testid="person-{one.id}"' in page
    assert act(f"/staff/{one.id}/change", name="小李子", role="supervisor", locale="en") == "done=changed"
    assert act(f"/staff/{one.id}/badge", badge="ZGS-7KQ2M4XP") == "done=badge"
    assert act(f"/staff/{one.id}/badge", badge="") == "code=no_badge"
    assert act(f"/staff/{one.id}/pin", pin="604939") == "done=pin"
    assert act(f"/staff/{one.id}/unlock") == "done=unlocked"
    opened = sign_in.sign_in(node, "1", "604939")
    assert isinstance(opened, SignedIn)
    assert (opened.session.cashier_name, opened.session.role, opened.session.locale) == (
        "小李子",
        Role.SUPERVISOR,
        "en",
    )
    assert act(f"/staff/{one.id}/leave") == "done=left"
    assert act(f"/staff/{one.id}/leave") == "code=not_found"
    stranger = fresh.client.application.test_client()
    assert stranger.get("/staff").status_code == 401
    assert stranger.post(f"/staff/{one.id}/leave", data={}).status_code == 401


def lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith('{"ready"'):
            yield json.loads(line)


@pytest.mark.timeout(90)
def test_the_process_starts_without_a_file_and_becomes_the_store_without_being_started_again(
    tmp_path: Path, hub: tuple[Core, str]
) -> None:
    core, url = hub
    data = tmp_path / "data"
    environment = {**os.environ, "EDGE__WEB__PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--data", str(data)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        ready = lines(process)
        address = next(ready)["url"]
        assert not (data / "cashier-pin.txt").exists()
        cookie = post(address, "first-start", FORM)
        code = core.hub.enrolment.make_code("s1", NAME).code
        post(address, "first-start/enrol", {"hub": url, "store": "s1", "code": code}, cookie)
        again = next(ready)["url"]
        door = Door(again.rstrip("/"))
        assert door.ask("POST", "/api/v1/session", {"till": "1", "pin": PIN}).status == 200
        status = door.ask("GET", "/api/v1/status").body
        door.close()
        assert (status["store"]["id"], status["node"]["training"]) == ("s1", False)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        process.stdout.close()
    settings = tmp_path / "edge.toml"
    settings.write_text(f'data_dir = "{data}"\n')
    told = subprocess.run(
        [sys.executable, "-m", "edge", "verify", "--config", str(settings), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(told.stdout.splitlines()[-1])
    assert (report["ok"], report["projections"]["people"]) == (True, True)


def post(address: str, path: str, form: dict[str, str], cookie: str = "") -> str:
    """Send a form as a browser does; gives the cookie that came back."""
    parts = urlsplit(address)
    line = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    line.request("POST", f"/{path}", urlencode(form), headers)
    answer = line.getresponse()
    text = answer.read().decode()
    line.close()
    assert answer.status in {200, 303}, text
    return str(answer.headers.get("Set-Cookie", "")).split(";")[0]
