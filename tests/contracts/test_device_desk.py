"""A desk of twins as a process, reached by the real transports: what its files, its page and its devices promise."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from drivers.card.magstripe import MagstripeReader, MemberCard
from drivers.card.nfc import Ask, NfcReader, Uid
from drivers.display.displays import DISPLAYS
from drivers.display.screen import Screen
from drivers.errors import Disconnected, Refused, Unreachable
from drivers.scale.dialects import DIALECTS
from drivers.scale.reading import ScaleTrouble, Weight
from drivers.scanner.framer import Framer, Scan
from drivers.scanner.keys import KeyReader
from drivers.transport.address import VirtualAddress, parse
from drivers.transport.open_port import ports_for
from drivers.transport.twin_address import read_twin, twin_file
from tests.kit.waiting import PATIENCE_S, process_state, until

ALL = (
    "virtual://printer/kitchen?paper_out=1",
    "virtual://scanner/front",
    "virtual://scanner/wedge?type=hid",
    "virtual://card_reader/stripe",
    "virtual://card_reader/tap?type=nfc",
    "virtual://scale/fruit?dialect=toledo-8217&settle_ms=0",
    "virtual://scale/deli?settle_ms=0",
    "virtual://display/guest",
)
WAIT_MS = int(PATIENCE_S * 1_000)


class RunningDesk:
    def __init__(self, folder, *arguments):
        self.folder = folder
        command = [sys.executable, "-m", "drivers.virtual", "desk", "--dir", str(folder), *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        self.ready = json.loads(line)
        self.web_port = self.ready["web_port"]

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def devices(self):
        status, _, body = self.ask("GET", "/api/devices")
        assert status == 200
        return {f"{device['kind']}/{device['name']}": device for device in json.loads(body)["devices"]}

    def act(self, device, action, value=None, *, expected=200):
        status, _, body = self.ask(
            "POST",
            f"/api/devices/{device}/{action}?lang=en",
            json.dumps({"value": value}),
            {"Content-Type": "application/json"},
        )
        assert status == expected, body
        return json.loads(body)

    def port(self, device):
        """Open a device by its virtual address, as the node does."""
        port = ports_for(parse(f"virtual://{device}"), self.folder)()
        port.open(WAIT_MS)
        return contextlib.closing(port)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


@contextlib.contextmanager
def running(folder, *arguments):
    desk = RunningDesk(folder, *arguments)
    try:
        yield desk
    finally:
        desk.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(tmp_path_factory.mktemp("desk"), *ALL) as desk:
        yield desk


@pytest.fixture
def desk(shared):
    """The desk of this file with everything plugged in."""
    for device, view in shared.devices().items():
        if not view["plugged"]:
            shared.act(device, "replug")
    # Whoever had a device open in the test before has let go of it, and the desk knows.
    until(lambda: not any(view["connected"] for view in shared.devices().values()), shared.devices)
    return shared


def read_until(port, wanted):
    """Read until a function of all that came gives something."""
    data = b""
    for _ in range(50):
        data += port.read(WAIT_MS)
        if found := wanted(data):
            return found
    raise AssertionError(data)


# -------------------------------------------------------------------------------------------------------- rendezvous
def test_every_device_says_in_a_file_where_it_is_and_the_ready_line_says_the_same(desk):
    assert desk.ready["ready"] is True
    for key, told in desk.ready["devices"].items():
        kind, name = key.split("/")
        said = read_twin(VirtualAddress(kind, name), desk.folder)
        assert said == told | {"pid": desk.process.pid}
        assert desk.devices()[key]["address"] == told["address"]
        assert said["page"].startswith(f"http://127.0.0.1:{desk.web_port}/")


def test_when_it_stops_its_files_and_device_files_are_gone(tmp_path):
    with running(tmp_path, *ALL) as desk:
        assert len(list(tmp_path.glob("*-*"))) == len(ALL) + 6
        assert desk.stop() == 0
    assert list(tmp_path.glob("*-*")) == []


def test_a_desk_that_was_killed_leaves_files_that_the_next_one_takes_away(tmp_path):
    with running(tmp_path, "virtual://scanner/old", "virtual://scale/same") as desk:
        desk.process.kill()
        desk.process.communicate(timeout=PATIENCE_S)
    assert (tmp_path / "scanner-old.json").exists()

    with running(tmp_path, "virtual://scale/same") as again:
        assert sorted(path.name for path in tmp_path.glob("*-*")) == ["scale-same", "scale-same.json"]
        with again.port("scale/same") as port:
            assert port.read(WAIT_MS)


def test_two_desks_never_share_a_folder(desk):
    command = [sys.executable, "-m", "drivers.virtual", "desk", "--dir", str(desk.folder), "virtual://scale/x"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert done.returncode == 75
    assert "belongs to a running desk" in done.stderr


def test_a_web_port_that_is_taken_ends_with_75_and_leaves_no_file(desk, tmp_path):
    command = [sys.executable, "-m", "drivers.virtual", "desk", "--dir", str(tmp_path)]
    command += ["--web-port", str(desk.web_port), "virtual://scale/x"]

    assert subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S).returncode == 75
    assert list(tmp_path.glob("*-*")) == []


@pytest.mark.parametrize(
    ("address", "said"),
    [("virtual://scale/x?weight=3", "there is no switch 'weight'"), ("serial:///dev/x", "desk hosts")],
)
def test_a_wrong_address_ends_with_2_and_a_sentence(tmp_path, address, said):
    command = [sys.executable, "-m", "drivers.virtual", "desk", "--dir", str(tmp_path), address]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert (done.returncode, said in done.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_while_somebody_watches_and_somebody_has_a_device_open(tmp_path, number):
    with running(tmp_path, *ALL) as desk, desk.port("scanner/front"), desk.port("card_reader/tap"):
        connection = http.client.HTTPConnection("127.0.0.1", desk.web_port, timeout=PATIENCE_S)
        connection.request("GET", "/events")
        response = connection.getresponse()
        assert response.readline() == b"retry: 1000\n"
        desk.process.send_signal(number)
        assert desk.process.wait(timeout=PATIENCE_S) == 0
        response.close()
        connection.close()


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "drivers.virtual", "desk", *sys.argv[1:]], stdout=subprocess.PIPE, text=True)
print(child.pid, flush=True)
child.stdout.readline()
print("ready", flush=True)
sys.stdin.read()
"""


def child_of_a_killed_parent(folder, *options):
    """Start a desk from another process and kill that one; give the desk's process id."""
    command = [sys.executable, "-c", PARENT, *options, "--dir", str(folder), "virtual://scale/x"]
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert parent.stdout.readline() == "ready\n"
    parent.kill()
    parent.communicate(timeout=PATIENCE_S)
    return pid


def alive(pid):
    return process_state(pid) not in {"", "Z", "X"}


def test_with_parent_it_ends_when_its_parent_is_killed_and_leaves_no_file(tmp_path):
    pid = child_of_a_killed_parent(tmp_path, "--with-parent")

    until(lambda: not alive(pid))
    assert list(tmp_path.glob("*-*")) == []


def test_negative_control_without_it_the_desk_outlives_its_parent(tmp_path):
    pid = child_of_a_killed_parent(tmp_path)
    try:
        threading.Event().wait(1.5)
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGTERM)
        until(lambda: not alive(pid))


# ------------------------------------------------------------------------------------------------- the real transports
def test_a_scan_arrives_over_the_serial_transport(desk):
    with desk.port("scanner/front") as port:
        desk.act("scanner/front", "scan", "6901234567892")

        assert read_until(port, lambda data: Framer().feed(data, 0)) == [Scan("6901234567892")]


def test_a_scan_arrives_over_the_keyboard_transport(desk):
    with desk.port("scanner/wedge") as port:
        desk.act("scanner/wedge", "scan", "INVITE-12345")

        assert read_until(port, lambda data: KeyReader().feed(data, 0)) == [Scan("INVITE-12345")]


def test_a_swipe_arrives_over_the_serial_transport(desk):
    def read(data):
        reader = MagstripeReader()
        return reader.feed(data, 0) + reader.tick(10_000) if data.endswith(b"\r") else None

    with desk.port("card_reader/stripe") as port:
        desk.act("card_reader/stripe", "swipe", "member")

        (card,) = read_until(port, read)
        assert isinstance(card, MemberCard)


def test_a_tapped_card_tells_its_number_over_the_records_of_the_card_service(desk):
    driver = NfcReader()
    with desk.port("card_reader/tap") as port:
        until(lambda: desk.devices()["card_reader/tap"]["connected"])
        desk.act("card_reader/tap", "tap", "04A2B3C4D5E680")
        (ask,) = driver.feed(port.read(WAIT_MS), 0)
        assert isinstance(ask, Ask)
        port.write(ask.apdu, WAIT_MS)

        assert driver.feed(port.read(WAIT_MS), 10) == [Uid("04A2B3C4D5E680")]


def test_a_card_that_lies_there_is_told_to_whoever_connects(desk):
    desk.act("card_reader/tap", "card_in", "01020304")
    try:
        with desk.port("card_reader/tap") as port:
            assert port.read(WAIT_MS)[:1] == b"I"
    finally:
        desk.act("card_reader/tap", "card_out")


def test_the_card_service_restarts_the_connection_breaks_and_it_comes_back(desk):
    with desk.port("card_reader/tap") as port:
        until(lambda: desk.devices()["card_reader/tap"]["connected"])
        desk.act("card_reader/tap", "restart")
        with pytest.raises(Disconnected):
            read_until(port, lambda data: None)
    until(lambda: desk.devices()["card_reader/tap"]["plugged"])
    with desk.port("card_reader/tap"):
        pass


@pytest.mark.parametrize(("device", "dialect"), [("scale/fruit", "toledo-8217"), ("scale/deli", "st-gs")])
def test_a_weight_arrives_over_the_serial_transport(desk, device, dialect):
    driver = DIALECTS[dialect]()
    readings: list[Weight | ScaleTrouble] = []
    desk.act(device, "load", 486)
    with desk.port(device) as port:
        for _ in range(20):
            if driver.question:
                port.write(driver.question, WAIT_MS)
            readings = driver.feed(port.read(WAIT_MS))
            if Weight(486_000, stable=True) in readings:
                return
    raise AssertionError(readings)


def test_what_a_driver_writes_stands_on_the_display(desk):
    driver = DISPLAYS["cd5220"](hanzi=True)
    with desk.port("display/guest") as port:
        port.write(driver.initial() + driver.show(Screen("宫保鸡丁", "应收 76.00")), WAIT_MS)

        until(lambda: desk.devices()["display/guest"]["lines"][1].startswith("应收 76.00"))
    assert desk.devices()["display/guest"]["lines"][0].startswith("宫保鸡丁")


def test_faults_of_a_printers_address_hold_from_the_start(desk):
    with desk.port("printer/kitchen") as port:
        port.write(b"\x10\x04\x04", WAIT_MS)
        assert port.read(WAIT_MS) == b"\x7e"


@pytest.mark.parametrize("device", ["scanner/front", "scanner/wedge", "card_reader/tap", "scale/deli", "display/guest"])
def test_an_unplugged_device_is_gone_for_its_driver_and_comes_back_under_the_same_address(desk, device):
    address = desk.devices()[device]["address"]
    with desk.port(device) as port:
        until(lambda: desk.devices()[device]["connected"])
        desk.act(device, "unplug")
        with pytest.raises(Disconnected):
            read_until(port, lambda data: None)
    with pytest.raises(Unreachable):
        desk.port(device)
    desk.act(device, "replug")
    assert desk.devices()[device]["address"] == address
    with desk.port(device):
        pass


def test_a_hundred_times_unplugged_and_plugged_leaves_the_desk_as_it_was(desk):
    def size():
        process = Path(f"/proc/{desk.process.pid}")
        return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))

    def cycle():
        desk.act("scanner/front", "unplug")
        desk.act("scanner/front", "replug")
        return size()

    # A request of the test itself may still be on its way out when its answer is here: the largest of ten counts those,
    # and anything left behind by a cycle would be a hundred more.
    threads, descriptors = (max(of) for of in zip(*(cycle() for _ in range(10)), strict=True))
    for _ in range(100):
        cycle()
    until(lambda: all(now <= then for now, then in zip(size(), (threads, descriptors), strict=True)))


# --------------------------------------------------------------------------------------------------------------- script
STEPS = """
[[steps]]
at_ms = 0
device = "scale/x"
do = "load"
value = 250
[[steps]]
at_ms = 100
device = "scanner/a"
do = "scan"
value = "FIRST-0001"
[[steps]]
at_ms = 200
device = "scanner/a"
do = "fault"
value = { suffix = "lf" }
[[steps]]
at_ms = 300
device = "scanner/a"
do = "scan"
value = "SECOND-0002"
[[steps]]
at_ms = 400
device = "scanner/a"
do = "unplug"
"""


def test_a_script_happens_by_itself_in_its_order(tmp_path):
    steps = tmp_path / "steps.toml"
    steps.write_text(STEPS, encoding="utf-8")

    with running(tmp_path / "desk", "--script", str(steps), "virtual://scanner/a", "virtual://scale/x") as desk:
        until(lambda: not desk.devices()["scanner/a"]["plugged"])

        scanner, scale = desk.devices()["scanner/a"], desk.devices()["scale/x"]
        assert [entry["text"] for entry in scanner["history"]] == ["SECOND-0002", "FIRST-0001"]
        assert scanner["faults"]["suffix"] == "lf"
        assert scale["load_g"] == 250


def test_a_script_with_a_mistake_starts_nothing(tmp_path):
    steps = tmp_path / "steps.toml"
    steps.write_text(STEPS.replace("scale/x", "scale/y"), encoding="utf-8")
    command = [sys.executable, "-m", "drivers.virtual", "desk", "--dir", str(tmp_path / "desk")]
    command += ["--script", str(steps), "virtual://scanner/a", "virtual://scale/x"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert done.returncode == 2
    assert "step 1: there is no device 'scale/y'" in done.stderr
    assert not twin_file(VirtualAddress("scanner", "a"), tmp_path / "desk").exists()


# ----------------------------------------------------------------------------------------------------------------- web
def test_the_page_and_the_roll_of_each_printer_are_served_under_a_strict_policy(desk):
    for path in ("/", "/printer/kitchen/"):
        status, headers, body = desk.ask("GET", path)
        assert status == 200
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert b"<script>" not in body
    for path in ("/static/desk.js", "/static/slip.js", "/printer/kitchen/static/roll.js"):
        assert desk.ask("GET", path)[0] == 200


def test_faults_by_the_roll_page_and_by_the_desk_are_the_same_switches(desk):
    desk.act("printer/kitchen", "fault", {"near_end": True})
    _, _, body = desk.ask("GET", "/printer/kitchen/api/state")
    assert json.loads(body)["faults"]["near_end"] is True
    desk.ask("POST", "/printer/kitchen/api/faults", '{"near_end": false}', {"Content-Type": "application/json"})
    assert desk.devices()["printer/kitchen"]["faults"]["near_end"] is False


@pytest.mark.parametrize(
    ("device", "action", "value", "status", "code"),
    [
        ("scanner/front", "dance", None, 422, "cannot"),
        ("scanner/front", "scan", None, 422, "cannot"),
        ("scanner/front", "scan", "", 422, "cannot"),
        ("scanner/front", "scan", "x" * 9_000, 422, "cannot"),
        ("scanner/front", "fault", {"suffix": "x"}, 422, "cannot"),
        ("scale/deli", "load", "much", 422, "cannot"),
        ("printer/kitchen", "fault", {"paper": 1}, 422, "cannot"),
        ("scanner/absent", "scan", "1", 404, "not_found"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_changes_nothing(desk, device, action, value, status, code):
    before = desk.devices()

    refused = desk.act(device, action, value, expected=status)

    assert refused["code"] == code
    assert refused["message"]
    assert desk.devices() == before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ('{"value": "1"}', {}, 415),
        ("{", {"Content-Type": "application/json"}, 400),
        ('{"values": 1}', {"Content-Type": "application/json"}, 400),
        ('{"value": "1"}', {"Content-Type": "application/json", "Origin": "http://elsewhere.example"}, 403),
        ('{"value": "1"}', {"Content-Type": "application/json", "Host": "elsewhere.example"}, 403),
        ('{"value": "' + "1" * 20_000 + '"}', {"Content-Type": "application/json"}, 413),
    ],
    ids=["no json", "broken", "unknown field", "other origin", "other host", "too large"],
)
def test_only_small_json_of_this_machines_own_pages_is_heard(desk, body, headers, status):
    before = desk.devices()["scanner/front"]

    assert desk.ask("POST", "/api/devices/scanner/front/scan", body, headers)[0] == status
    assert desk.devices()["scanner/front"] == before


def test_watchers_are_told_of_a_change(desk):
    connection = http.client.HTTPConnection("127.0.0.1", desk.web_port, timeout=PATIENCE_S)
    connection.request("GET", "/events")
    response = connection.getresponse()

    desk.act("scale/deli", "load", 123)

    loads = []
    while 123 not in loads:
        line = response.readline().decode()
        if line.startswith("data: "):
            devices = json.loads(line.removeprefix("data: "))["devices"]
            loads += [device["load_g"] for device in devices if device["name"] == "deli"]
    response.close()
    connection.close()


def test_a_wrong_switch_costs_a_nodes_desk_only_its_own_device_which_says_why(tmp_path):
    wrong, well = "virtual://scale/foo?dialect=nope", "virtual://scanner/front"
    desk = RunningDesk(tmp_path, "--with-parent", wrong, well, "virtual://printer/odd?paper_out=banana")
    try:
        assert list(desk.devices()) == ["scanner/front"]
        with desk.port("scanner/front"):
            pass
        for device, said in (("scale/foo", "dialect"), ("printer/odd", "paper_out")):
            with pytest.raises(Refused, match=said):
                desk.port(device)
    finally:
        desk.process.terminate()
        desk.process.communicate(timeout=PATIENCE_S)
    assert not twin_file(VirtualAddress("scale", "foo"), tmp_path).exists()
