"""The twin as a process, over real sockets on the loopback: what a printer, its paper and its page promise."""

import base64
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest
import zxingcpp
from PIL import Image

from drivers.document import Cut, ReceiptDoc, Text
from drivers.errors import Disconnected, Stalled, Unreachable
from drivers.escpos.encoder import encode
from drivers.printer.printing import Outcome, Timeouts, check, print_through
from drivers.printer.profiles import PROFILES
from drivers.transport.tcp import TcpAddress, TcpPort, tcp_ports
from drivers.virtual.faults import Faults
from tests.kit.printers import INVITE_URL, full_receipt, short_receipt
from tests.kit.waiting import PATIENCE_S, until

EPSON = PROFILES["epson-80"]
JOB = encode(short_receipt(), EPSON).data
RECEIPT = encode(full_receipt(), EPSON).data
PATIENCE_MS = int(PATIENCE_S * 1_000)
PATIENT = Timeouts(PATIENCE_MS, PATIENCE_MS, PATIENCE_MS, confirm_ms=PATIENCE_MS, drain_ms=PATIENCE_MS)
"""For what must be answered."""
QUICK = Timeouts(connect_ms=1_000, status_ms=300, write_ms=500, confirm_ms=1_000, drain_ms=300)
"""For a printer that stays silent: all of it is waited out."""


class SteadyClock:
    def monotonic_ms(self):
        return time.monotonic_ns() // 1_000_000


class RunningTwin:
    def __init__(self, folder, *options):
        command = [
            sys.executable,
            "-m",
            "drivers.virtual",
            "printer",
            "--port",
            "0",
            "--web-port",
            "0",
            "--paper-dir",
            str(folder),
            *options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read() if self.process.stderr else ""
        ready = json.loads(line)
        assert ready["ready"] is True
        self.address = TcpAddress("127.0.0.1", ready["port"])
        self.web_port = ready["web_port"]

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def get(self, path):
        status, _, body = self.ask("GET", path)
        assert status == 200, body
        return json.loads(body)

    def switch(self, **change):
        status, _, body = self.ask("POST", "/api/faults", json.dumps(change), {"Content-Type": "application/json"})
        assert status == 200, body
        return json.loads(body)

    def slips(self, after=0):
        return self.get(f"/api/slips?after={after}")["slips"]

    def print(self, data=JOB, *, timeouts=PATIENT, before=lambda: None):
        return print_through(
            tcp_ports(self.address),
            data,
            job_tag=b"A001",
            profile=EPSON,
            clock=SteadyClock(),
            before_first_byte=before,
            timeouts=timeouts,
        )

    def check(self, timeouts=PATIENT):
        return check(tcp_ports(self.address), EPSON, SteadyClock(), timeouts).state

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


@contextmanager
def running(folder, *options):
    twin = RunningTwin(folder, *options)
    try:
        yield twin
    finally:
        twin.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(tmp_path_factory.mktemp("paper")) as twin:
        yield twin


@pytest.fixture
def twin(shared):
    """The twin of this file with every fault taken back."""
    shared.switch(power=True, remembers_open_command=False)
    # A command left open by the test before is gone with the power.
    shared.switch(power=False)
    shared.switch(**msgspec.to_builtins(Faults()))
    return shared


# --------------------------------------------------------------------------------------------------------- printing
def test_a_printed_slip_is_confirmed_and_lies_there_byte_for_byte(twin):
    before = twin.get("/api/state")["slips"]

    outcome = twin.print(RECEIPT)

    assert outcome == Outcome("confirmed", "printed", len(RECEIPT))
    (slip,) = twin.slips(before)
    assert base64.b64decode(slip["bytes_b64"]) == RECEIPT
    assert slip["complete"] is True
    assert slip["qr"] == [INVITE_URL]
    assert "宫保鸡丁" in slip["text"]
    assert slip["reprint"] is False


def test_the_picture_of_the_paper_gives_the_invite_to_an_outside_reader(twin, tmp_path):
    twin.print(RECEIPT)
    newest = twin.get("/api/state")["slips"]

    status, headers, body = twin.ask("GET", f"/api/slips/{newest}.png")

    assert (status, headers["Content-Type"]) == (200, "image/png")
    (tmp_path / "slip.png").write_bytes(body)
    with Image.open(tmp_path / "slip.png") as picture:
        found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert [code.text for code in found] == [INVITE_URL]


def test_raw_holds_every_byte_ever_accepted_questions_included(tmp_path):
    with running(tmp_path) as twin:
        twin.print()

        _, _, raw = twin.ask("GET", "/api/raw")

        assert raw == b"\x10\x04\x01\x10\x04\x02\x10\x04\x04" + JOB + b"\x1d(H\x06\x0000A001"


@pytest.mark.parametrize(
    ("fault", "reason"), [("paper_out", "paper_out"), ("cover_open", "cover_open"), ("mute", "not_answering")]
)
def test_a_fault_holds_the_slip_before_its_first_byte(twin, fault, reason):
    before = twin.get("/api/state")["slips"]
    twin.switch(**{fault: True})

    timeouts = QUICK if fault == "mute" else PATIENT

    outcome = twin.print(before=lambda: pytest.fail("nothing may be committed"), timeouts=timeouts)

    assert outcome == Outcome("held", reason, 0)
    assert twin.check(timeouts) == reason
    twin.switch(**{fault: False})
    assert twin.slips(before) == []
    assert twin.check() == "ready"


def test_paper_that_runs_out_in_between_is_mended_and_the_same_connection_confirms(twin):
    before = twin.get("/api/state")["slips"]
    with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as client:
        client.sendall(b"\x10\x04\x01")
        assert client.recv(10) == b"\x12"
        twin.switch(paper_out=True)
        client.sendall(JOB + b"\x1d(H\x06\x0000ZZ99\x10\x04\x04")
        assert client.recv(10) == b"\x7e"
        assert twin.slips(before) == []
        twin.switch(paper_out=False)
        assert client.recv(10) == b"\x37\x22ZZ99\x00"
    assert [slip["complete"] for slip in twin.slips(before)] == [True]


def test_dying_at_a_byte_resets_the_connection_keeps_what_came_and_refuses_until_power_is_back(twin):
    before = twin.get("/api/state")["slips"]
    twin.switch(die_at_byte=60)

    outcome = twin.print()

    assert outcome == Outcome("unknown", "disconnected", len(JOB))
    assert twin.get("/api/state")["faults"]["power"] is False
    assert twin.print() == Outcome("held", "not_answering", 0)
    assert twin.check() == "not_answering"
    twin.switch(power=True)
    (slip,) = twin.slips(before)
    assert base64.b64decode(slip["bytes_b64"]) == JOB[:60]
    assert slip["complete"] is False
    assert twin.get("/api/state")["faults"]["die_at_byte"] is None
    assert twin.print().state == "confirmed"


def test_dying_shows_as_a_reset_not_as_a_polite_close(twin):
    twin.switch(die_at_byte=1)

    with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as client:
        client.sendall(b"abc")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_at_every_byte_of_a_short_job_the_outcome_and_the_paper_agree(twin):
    job = encode(ReceiptDoc((Text("宫 1"), Cut())), EPSON).data
    confirmed = 0
    for at in range(len(job) + 13):
        before = twin.get("/api/state")["slips"]
        twin.switch(power=True, die_at_byte=at)
        outcome = twin.print(job)
        paper = [(base64.b64decode(slip["bytes_b64"]), slip["complete"]) for slip in twin.slips(before)]
        if outcome.state == "confirmed":
            confirmed += 1
            assert paper == [(job, True)], at
        elif outcome.state == "held":
            assert paper == [], at
        else:
            assert outcome.state == "unknown", at
    assert confirmed == 1 + 1


def test_power_switched_off_and_on_in_mid_job_cuts_the_connection(twin):
    with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as client:
        client.sendall(b"half\x10\x04\x01")
        assert client.recv(1) == b"\x12"
        twin.switch(power=False)
        twin.switch(power=True)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert twin.slips(0)[-1]["text"] == "half"
    assert twin.slips(0)[-1]["complete"] is False


def test_a_slow_printer_is_still_confirmed(twin):
    twin.switch(slow_ms_per_kb=200)

    assert twin.print(RECEIPT).state == "confirmed"


def test_a_printer_slower_than_our_patience_is_unknown(twin):
    def grow_slow():
        twin.switch(slow_ms_per_kb=60_000)

    outcome = twin.print(RECEIPT, before=grow_slow, timeouts=Timeouts(confirm_ms=200, drain_ms=100))

    assert outcome == Outcome("unknown", "no_confirmation", len(RECEIPT))


def test_a_second_client_waits_while_the_first_holds_the_printer(twin):
    with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as first:
        first.sendall(b"\x10\x04\x01")
        assert first.recv(1) == b"\x12"

        assert twin.check(QUICK) == "not_answering"
    until(lambda: twin.check() == "ready")


def test_hostile_bytes_leave_the_twin_well(twin):
    for noise in (
        b"\x1d8L\xff\xff\x3f\x00" + b"x" * 3_000,
        bytes(range(256)) * 20,
        b"\x1dv0\x00\xff\xff\xff\xff",
        b"\x1b" * 500,
    ):
        with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as client:
            client.sendall(noise)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4_096):
                pass

    assert twin.print().state == "confirmed"
    assert twin.get("/api/roll?last=5")["slips"]


# ------------------------------------------------------------------------------------------------ the rest of the menu
def talking(twin):
    return socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S)


ASK = b"\x10\x04\x01"


def test_a_late_answer_comes_late_and_whole(twin):
    twin.switch(answer_late_ms=300)
    with talking(twin) as client:
        asked_ms = SteadyClock().monotonic_ms()
        client.sendall(ASK + b"\x10\x04\x02")
        first = client.recv(1)
        assert SteadyClock().monotonic_ms() - asked_ms >= 290
        assert first + client.recv(1) == b"\x12\x12"


def test_a_split_answer_comes_in_pieces_and_adds_up(twin):
    twin.switch(answer_split=True)
    with talking(twin) as client:

        def pieces():
            """Who reads too late finds them together."""
            client.sendall(b"\x1d(H\x06\x0000ZZ99")
            found: list[bytes] = []
            while sum(len(piece) for piece in found) < 7:
                found.append(client.recv(10))
            assert b"".join(found) == b"\x37\x22ZZ99\x00"
            return len(found)

        until(lambda: pieces() > 1)


def test_a_lost_confirmation_leaves_the_slip_unknown_though_it_lies_there(twin):
    before = twin.get("/api/state")["slips"]
    twin.switch(lose_answers=50)

    outcome = twin.print(timeouts=replace(PATIENT, confirm_ms=1_000))

    assert (outcome.state, len(twin.slips(before))) == ("unknown", 1)


def test_automatic_status_between_the_answers_confuses_nobody(twin):
    twin.switch(asb_noise=True)

    assert twin.print().state == "confirmed"


def test_a_hot_head_recovers_by_itself_and_prints_what_waited(twin):
    before = twin.get("/api/state")["slips"]
    with talking(twin) as client:
        client.sendall(ASK)
        assert client.recv(1) == b"\x12"
        twin.switch(overheated_ms=2_000)
        client.sendall(b"\x10\x04\x03")
        assert client.recv(1) == b"\x52"
        client.sendall(JOB + b"\x1d(H\x06\x0000ZZ99")
        assert client.recv(10) == b"\x37\x22ZZ99\x00"
    assert [slip["complete"] for slip in twin.slips(before)] == [True]
    assert twin.get("/api/state")["faults"]["overheated_ms"] == 0


def test_a_head_that_was_cooled_by_hand_is_not_cooled_again_by_the_old_timer(twin):
    twin.switch(overheated_ms=200)
    twin.switch(overheated_ms=0)
    twin.switch(overheated_ms=60_000)
    threading.Event().wait(0.4)

    assert twin.get("/api/state")["faults"]["overheated_ms"] == 60_000


def test_power_that_comes_back_by_itself_makes_a_power_cycle_in_mid_job(twin):
    twin.switch(die_at_byte=10, power_back_ms=200)

    assert twin.print().state == "unknown"
    until(lambda: twin.get("/api/state")["faults"]["power"])
    assert twin.check() == "ready"


def test_a_printer_that_refuses_is_on_and_takes_no_connection(twin):
    twin.switch(refuse=True)
    assert twin.get("/api/state")["state"] == "refuse"
    with pytest.raises(ConnectionRefusedError):
        talking(twin)
    twin.switch(refuse=False)
    assert twin.check() == "ready"


def test_a_printer_that_never_reads_accepts_and_stays_silent(twin):
    before = twin.get("/api/state")["accepted_bytes"]
    twin.switch(never_reads=True)
    with talking(twin) as client:
        client.settimeout(0.2)
        client.sendall(ASK)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert twin.get("/api/state")["accepted_bytes"] == before
        twin.switch(never_reads=False)
        client.settimeout(PATIENCE_S)
        assert client.recv(1) == b"\x12"


def test_somebody_else_holds_the_only_connection_until_he_lets_go(twin):
    twin.switch(held_by_other=True)
    with talking(twin) as client:
        client.settimeout(0.2)
        client.sendall(ASK)
        with pytest.raises(TimeoutError):
            client.recv(1)
        twin.switch(held_by_other=False)
        client.settimeout(PATIENCE_S)
        assert client.recv(1) == b"\x12"


def test_a_silent_connection_is_closed_after_a_while(twin):
    twin.switch(idle_close_s=1)
    with talking(twin) as client:
        client.sendall(ASK)
        assert client.recv(1) == b"\x12"
        assert client.recv(1) == b""


def test_a_picture_broken_off_with_its_connection_swallows_what_the_next_one_sends(twin):
    before = twin.get("/api/state")["slips"]
    with talking(twin) as client:
        client.sendall(b"\x1dv0\x00\x02\x00\x20\x00" + b"\xff" * 10 + ASK)
        assert client.recv(1) == b"\x12"
    with talking(twin) as client:
        client.sendall(b"swallowed line\n" + ASK)
        assert client.recv(1) == b"\x12"
        client.sendall(b"\x00" * 64 + b"\x1b@kept\n\x1dVB\x00" + ASK)
        assert client.recv(1) == b"\x12"
    assert [slip["text"] for slip in twin.slips(before) if slip["complete"]] == ["kept"]


def test_the_wakeup_mode_of_each_slip_is_kept_on_the_paper(tmp_path):
    with running(tmp_path) as twin:
        twin.switch(kanji_off=True)
        twin.switch(power=False)
        twin.switch(power=True)
        with talking(twin) as client:
            client.sendall("宫\n".encode("gbk") + b"\x1dVB\x00" + ASK)
            assert client.recv(1) == b"\x12"
        assert twin.slips()[0]["text"] != "宫"
    with running(tmp_path) as again:
        assert again.slips()[0]["text"] == "╣¼"
        assert again.ask("GET", "/api/slips/1.png")[0] == 200


def test_a_drawer_pulse_is_told_on_the_slip_and_sensed(twin):
    before = twin.get("/api/state")["slips"]
    with talking(twin) as client:
        client.sendall(b"x\n\x1bp\x00\x19\xfa\x1dVB\x00" + ASK)
        client.recv(1)
        client.sendall(ASK)
        assert client.recv(1) == b"\x16"
    assert twin.slips(before)[0]["drawer_pulses"] == 1
    twin.switch(drawer_open=False)


# ------------------------------------------------------------------------------------------------------------ disk
def test_the_paper_outlives_a_kill_of_the_twin_at_any_moment(tmp_path):
    with running(tmp_path) as twin:
        assert twin.print(RECEIPT).state == "confirmed"
        with socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S) as client:
            client.sendall("半张小票\n".encode("gbk") + b"\x10\x04\x01")
            assert client.recv(1) == b"\x12"
            twin.kill()

    with running(tmp_path) as again:
        first, second = again.slips()
        assert base64.b64decode(first["bytes_b64"]) == RECEIPT
        assert (second["text"], second["complete"]) == ("半张小票", False)
        assert again.print().state == "confirmed"
        assert [slip["index"] for slip in again.slips()] == [1, 2, 3]


def test_a_record_torn_by_the_crash_is_dropped_and_the_rest_stays(tmp_path):
    with running(tmp_path) as twin:
        twin.print()
    with (tmp_path / "paper.journal").open("ab") as journal:
        journal.write(b"P\x10\x00\x00\x00garbage")

    with running(tmp_path) as again:
        assert len(again.slips()) == 1
        again.print()
    with running(tmp_path) as third:
        assert len(third.slips()) == 2


def test_two_twins_never_share_one_roll_of_paper(tmp_path):
    with running(tmp_path):
        command = [
            sys.executable,
            "-m",
            "drivers.virtual",
            "printer",
            "--port",
            "0",
            "--web-port",
            "0",
            "--paper-dir",
            str(tmp_path),
        ]
        assert subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S).returncode == 75


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_also_while_somebody_watches_and_somebody_prints(tmp_path, number):
    with (
        running(tmp_path) as twin,
        socket.create_connection((twin.address.host, twin.address.port), timeout=PATIENCE_S),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", twin.web_port, timeout=PATIENCE_S)
        connection.request("GET", "/events")
        response = connection.getresponse()
        assert response.readline() == b"retry: 1000\n"
        twin.process.send_signal(number)
        assert twin.process.wait(timeout=PATIENCE_S) == 0
        response.close()
        connection.close()


# ------------------------------------------------------------------------------------------------------------- web
def test_watchers_are_told_of_each_new_slip_and_of_the_state(twin):
    newest = twin.get("/api/state")["slips"]
    connection = http.client.HTTPConnection("127.0.0.1", twin.web_port, timeout=PATIENCE_S)
    connection.request("GET", f"/events?after={newest}")
    response = connection.getresponse()
    assert response.getheader("Content-Type", "").startswith("text/event-stream")

    twin.print(RECEIPT)

    events: list[tuple[str, int | None]] = []
    # Which of the two comes first is nobody's promise; the connection's time limit ends the wait for one that never comes.
    while not {("slip", newest + 1), ("state", None)} <= set(events):
        line = response.readline().decode()
        if line.startswith("event: "):
            kind = line.removeprefix("event: ").strip()
            body = json.loads(response.readline().decode().removeprefix("data: "))
            events.append((kind, body.get("index")))
    response.close()
    connection.close()


def test_too_many_watchers_are_told_so_and_places_come_free_again(tmp_path):
    with running(tmp_path) as twin:
        watching = []
        for _ in range(8):
            connection = http.client.HTTPConnection("127.0.0.1", twin.web_port, timeout=PATIENCE_S)
            connection.request("GET", "/events")
            watching.append((connection, connection.getresponse()))
        status, _, body = twin.ask("GET", "/events")
        assert (status, json.loads(body)["code"]) == (503, "too_many_watchers")
        for connection, response in watching:
            response.close()
            connection.close()

        def free_again():
            # A state change makes the twin write to the closed streams, which frees their places.
            twin.switch(mute=not twin.get("/api/state")["faults"]["mute"])
            connection = http.client.HTTPConnection("127.0.0.1", twin.web_port, timeout=PATIENCE_S)
            connection.request("GET", "/events")
            response = connection.getresponse()
            response.close()
            connection.close()
            return response.status == 200

        until(free_again)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        '{"paper_out": 1}',
        '{"papers_out": true}',
        '{"die_at_byte": -1}',
        '{"die_at_byte": 1.5}',
        '{"slow_ms_per_kb": 60001}',
        '{"power": null}',
        "\ud800",
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence_and_changes_nothing(twin, body):
    before = twin.get("/api/state")["faults"]

    status, _, answer = twin.ask(
        "POST",
        "/api/faults",
        body.encode("utf-8", "surrogatepass"),
        {"Content-Type": "application/json", "Accept-Language": "en"},
    )

    assert status == 400
    assert json.loads(answer)["code"] == "malformed"
    assert json.loads(answer)["message"].startswith("The request cannot be read")
    assert twin.get("/api/state")["faults"] == before


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/faults", {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/faults", {"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ("GET", "/", {"Host": "evil.example"}, 403),
        ("GET", "/api/slips?after=x", {}, 400),
        ("GET", "/api/slips/999999.png", {}, 404),
        ("GET", "/nothing", {}, 404),
        ("DELETE", "/api/faults", {}, 405),
    ],
)
def test_what_is_not_for_here_is_refused(twin, method, path, headers, status):
    answer_status, _, body = twin.ask(method, path, '{"paper_out": true}' if method == "POST" else None, headers)

    assert answer_status == status
    assert json.loads(body)["status"] == status
    assert twin.get("/api/state")["faults"]["paper_out"] is False


def test_the_page_is_strict_about_where_things_come_from_and_speaks_both_languages(twin):
    for language, title in (("zh-CN", "虚拟小票机"), ("en", "Virtual printer")):
        status, headers, body = twin.ask("GET", "/", headers={"Accept-Language": language})
        page = body.decode()
        assert status == 200
        assert title in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert " style=" not in page
        assert "<style" not in page
        assert " on" + "click" not in page
        assert page.count("<script") == 1


def test_both_doors_are_on_the_loopback_only(twin):
    for port in (twin.address.port, twin.web_port):
        with socket.socket() as elsewhere:
            elsewhere.settimeout(2)
            # 127.0.0.2 is this machine too, but not the address they are bound to.
            assert elsewhere.connect_ex(("127.0.0.2", port)) != 0


# ------------------------------------------------------------------------------------------------- the port contract
@contextmanager
def listening(backlog=1):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        yield listener, TcpPort(TcpAddress("127.0.0.1", listener.getsockname()[1]))


def test_a_port_nobody_listens_on_is_unreachable():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            TcpPort(TcpAddress("127.0.0.1", bound.getsockname()[1])).open(500)


def test_a_port_that_accepts_and_never_reads_stalls_within_its_time():
    with listening() as (listener, port):
        port.open(500)
        peer, _ = listener.accept()
        with peer, pytest.raises(Stalled):
            write_for_ever(port)
        port.close()


def write_for_ever(port):
    while True:
        port.write(b"x" * 65_536, 50)


def test_reading_gives_nothing_in_time_then_what_came_then_says_it_is_over():
    with listening() as (listener, port):
        port.open(500)
        peer, _ = listener.accept()
        assert port.read(20) == b""
        peer.sendall(b"\x12")
        assert port.read(500) == b"\x12"
        peer.close()
        with pytest.raises(Disconnected):
            port.read(500)
        port.close()
        port.close()


def test_draining_lets_a_slow_reader_have_everything():
    with listening() as (listener, port):
        port.open(500)
        peer, _ = listener.accept()
        with peer:
            port.write(b"tail", 500)
            port.drain(20)
            port.close()
            received = b""
            while chunk := peer.recv(10):
                received += chunk
        assert received == b"tail"


def test_the_port_sends_small_writes_at_once_and_notices_a_dead_link():
    with listening() as (_, port):
        port.open(500)
        assert port._socket is not None
        assert port._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert port._socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert port._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 4_000
        port.close()
