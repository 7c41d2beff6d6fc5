"""The processes that `bench till` watches: a node of its own, a virtual printer, and what can be seen of them outside."""

import base64
import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.bench_load import JSON_HEADERS
from sync.contract import ids
from sync.node import keys

ROOT = Path(__file__).resolve().parent.parent
MENU = ROOT / "config" / "demo" / "menu.json"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
TILLS_MAX = 16
SESSION_PATH = "/api/v1/session"
PLAN_ID = ids.uuid7(0, bytes(10)).hex()
"""Under which the plan of a bench is drawn, once for each node."""
KB_PER_MB = 1024


class BenchError(RuntimeError):
    """The benchmark could not be run; the text says why."""


def write_node(
    folder: Path,
    broker_port: int,
    printer_port: int,
    *,
    kitchen_port: int = 0,
    menu_file: Path = MENU,
    members: bool = True,
) -> Path:
    """Write the settings and a made-up grant of a node; gives the settings' path.

    Args:
        printer_port: port of the virtual printer, 0 for a store without one.
        kitchen_port: port of the one that prints for every station of the kitchen, 0 for none.
        members: guests may be members here, and bills earn points.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    hub = keys.make_identity(b"the hub of a bench, which is away").public
    grant = {
        "tenant": "bench",
        "store": "bench-1",
        "epoch": 1,
        "node": "0" * 32,
        "hub_signing": base64.b64encode(hub.signing).decode(),
        "hub_agreement": base64.b64encode(hub.agreement).decode(),
        "name": {"zh": "测试店", "en": "Bench"},
        "broker": {"host": "127.0.0.1", "port": broker_port, "username": "store-bench-1", "token": "none"},
        "public_url": "http://127.0.0.1:8701",
    }
    keys.load_or_make(data / "keys.json")
    (data / "enrolment.json").write_text(json.dumps(grant), encoding="utf-8")
    tills = json.dumps([str(till + 1) for till in range(TILLS_MAX)])
    row = '[[devices]]\nkind = "printer"\nid = "{}"\naddress = "tcp://127.0.0.1:{}"\n'
    printers = row.format("counter", printer_port) if printer_port else ""
    if kitchen_port:
        dishes = json.loads(menu_file.read_bytes())["dishes"]
        stations = sorted({dish["station"] for dish in dishes if dish.get("station")})
        printers += f"{row.format('kitchen', kitchen_port)}stations = {json.dumps(stations)}\n"
    config = folder / "edge.toml"
    config.write_text(
        'data_dir = "data"\nlog_level = "WARNING"\n'
        f"[web]\nport = 0\n[store]\ntills = {tills}\nmenu_file = {json.dumps(str(menu_file))}\n"
        f"members = {json.dumps(members)}\n{printers}",
        encoding="utf-8",
    )
    return config


@contextlib.contextmanager
def started(arguments: list[str], log: Path, *, niceness: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Run one of our programs until the block ends; gives its pid and the line by which it says that it is ready.

    Args:
        niceness: how far it stands back for others; threads take it from whoever starts them, so it is set at once.

    Raises:
        BenchError: it ended, or said nothing in time; the text ends with what it logged last.
    """
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=told
        )
    assert process.stdout is not None
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
        line = process.stdout.readline() if readable else b""
        if not line.startswith(b"{"):
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise BenchError(f"{' '.join(arguments)} did not start\n{tail}")
        yield process.pid, json.loads(line)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class NodeUnderTest:
    """The node process as the bench sees it from outside: its API, its CPU time, its memory."""

    def __init__(self, pid: int, url: str, pin: str) -> None:
        self.pid = pid
        self.port = int(url.rstrip("/").rpartition(":")[2])
        self._pin = pin
        self._cookies: dict[str, str] = {}

    def sign_in(self, till: str) -> str:
        """Sign in at a till, once; gives the session's cookie.

        Raises:
            BenchError: it was refused.
        """
        if till not in self._cookies:
            _, cookie = self._ask("POST", SESSION_PATH, {"pin": self._pin, "till": till})
            self._cookies[till] = cookie.partition(";")[0]
        return self._cookies[till]

    def draw_tables(self, count: int) -> tuple[str, ...]:
        """Have a plan of so many tables; gives their ids.

        Raises:
            BenchError: it was refused.
        """
        rows: list[dict[str, Any]] = [
            {"id": f"b{at + 1}", "name": str(at + 1), "seats": 4, "x": at % 12 * 2, "y": at // 12 * 2}
            for at in range(count)
        ]
        area = {"id": "hall", "name": {"zh": "大厅", "en": "Hall"}, "tables": rows}
        plan = {"request_id": PLAN_ID, "over": 0, "areas": [area]}
        self._ask("POST", "/api/v1/floor", plan)
        return tuple(row["id"] for row in rows)

    def menu(self) -> dict[str, Any]:
        """Read the menu in force."""
        return self._ask("GET", "/api/v1/menu")[0]

    def slips_waiting(self) -> int:
        """How many slips wait for the printer."""
        return int(self._ask("GET", "/api/v1/status")[0]["printer"]["waiting"])

    def cpu_ms(self) -> float:
        """CPU time of the process so far, user and system."""
        return cpu_ms(self.pid)

    def rss_mb(self) -> float:
        """Resident memory of the process."""
        return rss_mb(self.pid)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[dict[str, Any], str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_TIMEOUT_S)
        # Whoever signs in is another browser: one that showed a session would end it by signing in.
        headers = {**JSON_HEADERS, "Cookie": "" if path == SESSION_PATH else next(iter(self._cookies.values()), "")}
        try:
            link.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            answer = link.getresponse()
            told = json.loads(answer.read())
        finally:
            link.close()
        if answer.status != http.HTTPStatus.OK:
            raise BenchError(f"{method} {path}: {answer.status} {told.get('code')}")
        return told, answer.getheader("Set-Cookie", "")


def cpu_ms(pid: int) -> float:
    """Give a process's CPU time so far, user and system."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def rss_mb(pid: int) -> float:
    """Give a process's resident memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / KB_PER_MB


def slips_on_paper(web_port: int) -> int:
    """Ask the virtual printer how many slips it has printed whole."""
    link = http.client.HTTPConnection("127.0.0.1", web_port, timeout=START_TIMEOUT_S)
    try:
        link.request("GET", "/api/state")
        state = json.loads(link.getresponse().read())
    finally:
        link.close()
    return int(state["slips"]) - int(state["incomplete"])
