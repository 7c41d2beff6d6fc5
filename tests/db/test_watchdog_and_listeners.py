"""Life under a service manager: ready when it serves, pinged only while every part answers, a port that outlives the process."""

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import pytest

from cloud import wiring as hub_wiring
from cloud.settings import BrokerSettings, HubSettings, ListenSettings
from edge import wiring
from edge.db.migrations import steps
from edge.settings import EdgeSettings, WebSettings
from scripts.demo_client import Door
from sync.node import listeners, watchdog
from sync.node.database import Database, Writer
from sync.node.listeners import WrongSocketError
from sync.node.ports import ManualClock
from sync.node.watchdog import Notifier, Pulse, Vitals, Watchdog
from tests.kit.machine import Manager, machine
from tests.kit.nodes import uuid7_hex
from tests.kit.waiting import PATIENCE_S, until

PID = 4_711


@pytest.fixture
def manager_ear(tmp_path):
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(PATIENCE_S)
        yield ear


def lines(ear: socket.socket) -> list[str]:
    return ear.recv(4096).decode().split("\n")


def hears(ear: socket.socket, *wanted: str) -> None:
    """Listen until these lines come together; what a busy machine made it say before is over then."""
    while not set(wanted) <= set(lines(ear)):
        pass


def silent(ear: socket.socket, for_s: float) -> bool:
    ear.settimeout(for_s)
    try:
        return not lines(ear)
    except TimeoutError:
        return True
    finally:
        ear.settimeout(PATIENCE_S)


def settings_in(folder) -> EdgeSettings:
    return EdgeSettings(data_dir=str(folder / "data"), web=WebSettings(port=0), log_level="WARNING")


def told_by_systemd(folder, usec: int) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(usec), "HOME": "/"}


def health(port: int) -> tuple[int, dict[str, Any]]:
    with contextlib.closing(Door(f"http://127.0.0.1:{port}")) as door:
        answer = door.ask("GET", "/api/v1/health")
        return answer.status, answer.body


# The watchdog


def test_a_node_is_ready_when_it_serves_pings_while_it_works_and_says_that_it_stops(tmp_path, manager_ear):
    told = told_by_systemd(tmp_path, 300_000)
    running = wiring.start(settings_in(tmp_path), told)
    try:
        assert told == {"HOME": "/"}
        hears(manager_ear, "READY=1")
        assert watchdog.web_answers("127.0.0.1", running.port, "/api/v1/health")
        for _ in range(3):
            hears(manager_ear, "WATCHDOG=1")
    finally:
        running.stop()
    hears(manager_ear, "STOPPING=1")


def test_a_writer_that_hangs_ends_the_pings_and_one_that_goes_on_brings_them_back(tmp_path, manager_ear):
    running = wiring.start(settings_in(tmp_path), told_by_systemd(tmp_path, 300_000))
    hold, held = threading.Event(), threading.Event()

    def hang(tx):
        held.set()
        hold.wait(PATIENCE_S)

    hanging = threading.Thread(target=running.db.write, args=(hang,))
    try:
        hears(manager_ear, "WATCHDOG=1")
        hanging.start()
        assert held.wait(PATIENCE_S)
        hears(manager_ear, "STATUS=no answer from: writer")
        status, told = health(running.port)
        assert (status, told["ok"], told["checks"]) == (503, False, {"readable": True, "writer": False})
        assert silent(manager_ear, 1.0)
        hold.set()
        hears(manager_ear, "WATCHDOG=1")
        status, told = health(running.port)
        assert (status, told["ok"], told["checks"]) == (200, True, {"readable": True, "writer": True})
        assert told["step"] == list(steps._migrations)[-1].name
    finally:
        hold.set()
        hanging.join()
        running.stop()


def test_the_hub_says_the_same_and_pings_only_while_its_link_and_its_projector_come_round(tmp_path, manager_ear):
    settings = HubSettings(
        data_dir=str(tmp_path / "hub"),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
    )
    running = hub_wiring.start(settings, environment=told_by_systemd(tmp_path, 300_000))
    try:
        hears(manager_ear, "READY=1")
        hears(manager_ear, "WATCHDOG=1")
        assert set(running.core.vitals) == {"link", "projector", "booker", "guest", "web"}
        running.core.vitals["link"] = lambda: False
        hears(manager_ear, "STATUS=no answer from: link")
    finally:
        running.stop()
    hears(manager_ear, "STOPPING=1")


def test_without_a_service_manager_nothing_is_said_and_no_thread_watches(tmp_path):
    before = {thread.name for thread in threading.enumerate()}
    running = wiring.start(settings_in(tmp_path), {})
    try:
        assert "watchdog" not in {thread.name for thread in threading.enumerate()} - before
        assert not Notifier().tell("READY=1")
    finally:
        running.stop()


def test_a_loop_that_does_not_come_round_is_dead_and_one_that_rests_is_not():
    clock = ManualClock()
    pulse = Pulse(clock)
    clock.advance(60_001)
    assert not pulse.within(60_000)
    pulse.beat()
    assert pulse.within(60_000)
    pulse.rest()
    clock.advance(10**9)
    assert pulse.within(60_000)
    pulse.beat()
    clock.advance(60_001)
    assert not pulse.within(60_000)


def test_one_dead_part_among_many_is_enough(tmp_path, manager_ear):
    parts = {"link": True, "web": True}
    vitals: Vitals = {name: partial(parts.__getitem__, name) for name in parts}
    dog = Watchdog(Notifier(str(tmp_path / "notify")), vitals, period_s=None)
    assert dog.look() == []
    assert "WATCHDOG=1" in lines(manager_ear)
    parts["link"] = False
    assert dog.look() == dog.look() == ["link"]
    assert lines(manager_ear) == ["STATUS=no answer from: link"]
    assert silent(manager_ear, 0.05)


def test_a_listener_that_takes_nobody_is_dead_and_so_is_one_that_is_gone():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        assert not watchdog.web_answers("127.0.0.1", port, "/", 0.2)
    assert not watchdog.web_answers("127.0.0.1", port, "/", 0.2)


@pytest.mark.parametrize(
    ("told", "period_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_period_is_taken_as_systemd_means_it(told, period_s):
    assert watchdog.from_environment(told, PID)[1] == period_s
    assert told == {}


def test_a_writer_is_found_silent_only_while_it_hangs_and_a_trial_leaves_no_trace(tmp_path):
    path = tmp_path / "x.db"
    with contextlib.closing(Database(path)) as db:
        db.write(lambda tx: tx.execute("PRAGMA user_version=7"))
        before = path.read_bytes(), (tmp_path / "x.db-wal").read_bytes()
        assert db.writer(PATIENCE_S) is Writer.WRITES
        assert (path.read_bytes(), (tmp_path / "x.db-wal").read_bytes()) == before
        hold = threading.Event()
        hanging = threading.Thread(target=db.write, args=(lambda tx: hold.wait(PATIENCE_S),))
        hanging.start()
        assert db.writer(0.05) is Writer.SILENT
        hold.set()
        hanging.join()
        db.write(lambda tx: tx.execute("PRAGMA query_only=ON"))
        assert db.writer(PATIENCE_S) is Writer.REFUSES
    assert db.writer(PATIENCE_S) is Writer.SILENT


# The port


@pytest.fixture(scope="module")
def held_port(tmp_path_factory):
    with machine(tmp_path_factory.mktemp("machine")) as manager:
        yield manager


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_while_the_node_restarts_no_connection_is_refused_and_no_sale_is_lost(held_port: Manager, number):
    first = 1_000 * int(number)
    stopping, refused, sold, trouble = threading.Event(), [0], {}, []

    def sell_on(start: int) -> None:
        try:
            with held_port.till() as door:
                for at in range(start, start + 500):
                    if stopping.is_set():
                        return
                    sold[uuid7_hex(at)] = held_port.sell(door, at)["total_fen"]
        except Exception as error:  # noqa: BLE001 - told by the test's own thread
            trouble.append(error)

    def knock() -> None:
        while not stopping.is_set():
            try:
                socket.create_connection(("127.0.0.1", held_port.port), timeout=PATIENCE_S).close()
            except ConnectionRefusedError:
                refused[0] += 1
            stopping.wait(0.01)

    def sold_on(count: int) -> bool:
        return len(sold) > count + 3 or bool(trouble)

    clients = [threading.Thread(target=sell_on, args=(first + 500 * at,)) for at in range(2)]
    clients.append(threading.Thread(target=knock))
    for each in clients:
        each.start()
    try:
        for _ in range(3):
            count = len(sold)
            until(partial(sold_on, count))
            held_port.stop(number)
            held_port.start()
            held_port.told("READY=1")
        count = len(sold)
        until(partial(sold_on, count))
    finally:
        stopping.set()
        for each in clients:
            each.join()
    assert trouble == []
    assert refused == [0]
    with held_port.till() as door:
        listed: dict[str, int] = {}
        after: int | None = 0
        while after is not None:
            page = door.ask_patiently("GET", f"/api/v1/sales?limit=500&after={after}").body
            assert not listed.keys() & {sale["sale_id"] for sale in page["sales"]}
            listed |= {sale["sale_id"]: sale["total_fen"] for sale in page["sales"]}
            after = page["next"]
    assert {one: fen for one, fen in listed.items() if one in sold} == sold
    assert held_port.verify()["ok"]


def test_a_port_of_its_own_is_refused_while_the_process_is_away(tmp_path):
    """The negative control: without the hand-over a restart does refuse."""
    running = wiring.start(settings_in(tmp_path), {})
    running.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.port), timeout=1)


def test_each_listener_claims_the_socket_at_its_port_and_none_may_be_left():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        held = [one, other]
        assert listeners.claim(held, other.getsockname()[1]) is other
        assert listeners.claim(held, other.getsockname()[1]) is None
        with pytest.raises(WrongSocketError, match="make the two agree"):
            listeners.refuse_unclaimed(held)
        assert listeners.claim(held, 0) is one
        listeners.refuse_unclaimed(held)


def test_what_was_meant_for_another_process_is_left_alone_and_taken_out():
    told = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web", "PATH": "/bin"}
    assert listeners.take(told, PID) == []
    assert told == {"PATH": "/bin"}


def test_a_node_whose_settings_name_another_port_does_not_start_and_says_so(held_port: Manager):
    held_port.stop()
    environment = held_port.environment
    held_port.environment = {**environment, "EDGE__WEB__PORT": "1"}
    try:
        with socket.create_server(("127.0.0.1", 0)) as spare:
            held_port.environment["EDGE__WEB__PORT"] = str(spare.getsockname()[1])
            spare.close()
            held_port.start()
            with pytest.raises(AssertionError, match="make the two agree"):
                held_port.told("READY=1")
    finally:
        held_port.environment = environment
        held_port.start()
        held_port.told("READY=1")


@pytest.mark.parametrize("hangs", [True, False])
def test_a_stop_that_hangs_says_where_every_thread_stands(hangs: bool):
    program = (
        "import sys, threading\n"
        "from sync.node import watchdog\n"
        "def the_part_that_hangs():\n"
        "    threading.Event().wait(0.6 if sys.argv[1] == 'True' else 0)\n"
        "watchdog.stop_in_view(the_part_that_hangs, hung_s=0.2 if sys.argv[1] == 'True' else 30)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(hangs)], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert ("the_part_that_hangs" in ended.stderr) is hangs
