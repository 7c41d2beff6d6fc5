"""The demo's processes: a broker, the hub, two stores with a virtual printer each, all on this machine.

Every process is one of the product's own commands, told everything by settings files, and ended by its pid.
"""

import contextlib
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sync.contract.menu import Menu
from sync.contract.words import Name

ROOT = Path(__file__).resolve().parent.parent
READY_S = 180
STOP_S = 60
TENANT = "demo"
STORES = (
    ("qingci", Name("巷里小馆·青瓷巷店", "Lane Bistro, Celadon Lane")),
    ("donghu", Name("巷里小馆·东湖店", "Lane Bistro, East Lake")),
)
DESK = """
[[devices]]
kind = "drawer"
id = "drawer"
name = "钱箱 Drawer"
printer = "counter"

[[devices]]
kind = "printer"
id = "kitchen"
name = "后厨 Kitchen"
address = "virtual://printer/kitchen"
stations = ["wok"]
fallback = "counter"

[[devices]]
kind = "scanner"
id = "scanner"
name = "扫码枪 Scanner"
address = "virtual://scanner/front"
till = "1"

[[devices]]
kind = "scale"
id = "scale"
name = "电子秤 Scale"
address = "virtual://scale/counter?dialect=st-gs"
protocol = "st-gs"
till = "1"

[[devices]]
kind = "card_reader"
id = "cards"
name = "读卡器 Cards"
address = "virtual://card_reader/front"
till = "1"

[[devices]]
kind = "display"
id = "display"
name = "客显 Display"
address = "virtual://display/guest"
till = "1"
"""
"""What the first store has besides its receipt printer: twins that its node starts by itself, on a page of their own."""
WANTED_PORTS = {
    "console": 8700,
    "guest": 8701,
    "qingci": 8600,
    "donghu": 8601,
    "qingci-roll": 8610,
    "donghu-roll": 8611,
    "qingci-lan": 8643,
    "qingci-tables": 8680,
}


class StartError(RuntimeError):
    """A process did not come up; the message holds the last lines it wrote."""


@dataclass
class Process:
    """One child process: started until it says that it is ready, stopped or killed by its pid."""

    name: str
    command: list[str]
    log: Path
    popen: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, Any]:
        """Start it and wait for its line of JSON that says `ready`.

        Raises:
            StartError: it ended or stayed silent.
        """
        with self.log.open("a", encoding="utf-8") as log:
            # A group of its own, so that Ctrl-C at the terminal reaches the demo alone, which then stops all in order.
            self.popen = subprocess.Popen(
                self.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_drain, args=(self.popen.stdout, lines), daemon=True).start()
        deadline = time.monotonic() + READY_S
        while (left_s := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=left_s)
                if line is None:
                    break
                told = _json_or_none(line)
                if told is not None and told.get("ready"):
                    return told
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
        self.kill()
        raise StartError(f"{self.name} did not start:\n{tail}")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.popen is not None
        return self.popen.pid

    def stop(self) -> None:
        """Ask it to end and wait; kill it when it does not."""
        if self.popen is None or self.popen.poll() is not None:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it without warning, as a power cut would end it."""
        if self.popen is not None and self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(STOP_S)


@dataclass
class Store:
    """A store of the demo."""

    id: str
    name: Name
    folder: Path
    config: Path
    url: str
    roll_url: str
    paper_port: int
    node: Process
    printer: Process
    pin: str = ""


@dataclass
class World:
    """All of it. `start` builds it up step by step; `stop` takes it down in reverse."""

    folder: Path
    broker_kind: str
    menu: Menu
    say: Callable[[str], None]
    tills: tuple[str, ...] = ("1", "2")
    fixed_ports: bool = False
    desk: bool = True
    """Whether the first store has virtual devices besides its receipt printer."""
    printers: bool = True
    """Whether each store has a receipt printer."""
    stock_limits: bool = False
    """Whether a Mosquitto keeps its own default limits instead of those of config/mosquitto."""
    store_broker_port: int = 0
    """Where the stores are told to find the broker when something stands in between; 0 for its own port."""
    database_url: str = ""
    """The hub's database; empty for the SQLite file of its folder."""
    cutoff_minutes: int = 240
    """Minutes after midnight at which the business day ends, at the hub and in the stores."""
    copy_hour: int = 4
    """Local hour at which the stores make the night's copy, and look at their files in the hour after."""
    stores: list[Store] = field(default_factory=list)
    console_url: str = ""
    guest_url: str = ""
    _started: list[Process] = field(default_factory=list)
    _ports: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Start everything.

        Raises:
            StartError: something did not come up; what had been started is stopped again.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything, last started first."""
        for process in reversed(self._started):
            process.stop()
        self._started.clear()

    def ended(self) -> list[Process]:
        """Give the processes that ended by themselves."""
        return [one for one in self._started if one.popen is not None and one.popen.poll() is not None]

    @property
    def console_password(self) -> str:
        """The console's password, made at the hub's first start."""
        return (self.folder / "hub" / "console-password.txt").read_text(encoding="utf-8").strip()

    @property
    def api_token(self) -> str:
        """The hub's token for programs."""
        return (self.folder / "hub" / "api-token.txt").read_text(encoding="utf-8").strip()

    def found(self) -> None:
        """Start the hub and enrol the stores, and nothing else; `stop` ends it.

        Raises:
            StartError: something did not come up.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        names = (
            "broker",
            "console",
            "guest",
            *(f"{store}{part}" for store, _ in STORES for part in ("", "-roll", "-paper")),
            *(f"{STORES[0][0]}-{part}" for part in ("lan", "tables")),
        )
        self._ports = _free_ports(names, WANTED_PORTS if self.fixed_ports else {})
        self.guest_url = f"http://127.0.0.1:{self._ports['guest']}"
        self.console_url = f"http://127.0.0.1:{self._ports['console']}"
        menu_file = self.folder / "menu.json"
        menu_file.write_bytes(msgspec.json.encode(self.menu))
        self.say("hub")
        self._write_hub_config()
        self._run(self.hub)
        for store_id, name in STORES:
            self.say(f"enrol store {store_id}")
            self._enrol_store(store_id, name, menu_file)

    def run_broker(self) -> None:
        """Start the broker: after the enrolments, because a real Mosquitto reads its users when it starts."""
        self.say(f"broker ({self.broker_kind})")
        self._run(self.broker)

    def run_store(self, store: Store) -> None:
        """Start a store's printer and node."""
        self.say(f"store {store.id}")
        if self.printers:
            self._run(store.printer)
        self._run(store.node)
        store.pin = (store.folder / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()

    def _start(self) -> None:
        self.found()
        self.run_broker()
        for store in self.stores:
            self.run_store(store)

    @property
    def broker_port(self) -> int:
        """Where the broker listens."""
        return self._ports["broker"]

    @property
    def broker(self) -> Process:
        """The broker as a process; the same one each time."""
        return self._process(
            "broker",
            [
                sys.executable, "-m", "scripts.broker", "--kind", self.broker_kind, "--port", str(self._ports["broker"]),
                "--data", str(self.folder / "broker"), "--users", str(self.folder / "hub" / "broker-users.json"),
                *(["--stock-limits"] if self.stock_limits else []),
            ],
        )  # fmt: skip

    @property
    def hub(self) -> Process:
        """The hub as a process; the same one each time."""
        return self._process("hub", [sys.executable, "-m", "cloud", "run", "--config", str(self.folder / "hub.toml")])

    def _process(self, name: str, command: list[str]) -> Process:
        known = self.__dict__.setdefault("_known", {})
        if name not in known:
            known[name] = Process(name, command, self.folder / f"{name}.log")
        process: Process = known[name]
        return process

    def _run(self, process: Process) -> dict[str, Any]:
        told = process.start()
        if process not in self._started:
            self._started.append(process)
        return told

    def _write_hub_config(self) -> None:
        database = f'database = "{self.database_url}"\n' if self.database_url else ""
        (self.folder / "hub.toml").write_text(
            database
            + f"""data_dir = "{self.folder / "hub"}"
public_url = "{self.guest_url}"
tenant = "{TENANT}"
cutoff_minutes = {self.cutoff_minutes}
reconnect_cap_ms = 5000
web = {{ port = {self._ports["console"]} }}
guest = {{ port = {self._ports["guest"]} }}
broker = {{ port = {self._ports["broker"]}, store_port = {self.store_broker_port or self._ports["broker"]} }}
""",
            encoding="utf-8",
        )

    def _enrol_store(self, store_id: str, name: Name, menu_file: Path) -> None:
        folder = self.folder / store_id
        folder.mkdir(parents=True, exist_ok=True)
        roll_url = f"http://127.0.0.1:{self._ports[f'{store_id}-roll']}"
        paper_port = self._ports[f"{store_id}-paper"]
        config = folder / "edge.toml"
        tills = json.dumps(list(self.tills))
        counter = f"""
[[devices]]
kind = "printer"
id = "counter"
name = "前台 Counter"
address = "tcp://127.0.0.1:{paper_port}"
roll_url = "{roll_url}/"
confirm_ms = 5000
"""
        config.write_text(
            f"""data_dir = "data"
web = {{ port = {self._ports[store_id]}{self._other_listeners(store_id)} }}
store = {{ tills = {tills}, menu_file = "{menu_file}", cutoff_minutes = {self.cutoff_minutes} }}
backup = {{ hour = {self.copy_hour} }}
link = {{ reconnect_cap_ms = 5000 }}
payments = {{ gateway = "fake" }}
{counter if self.printers else ""}{DESK if self.desk and store_id == STORES[0][0] else ""}""",
            encoding="utf-8",
        )
        printer = self._process(
            f"{store_id}-printer",
            [
                sys.executable, "-m", "drivers.virtual", "printer", "--port", str(paper_port),
                "--web-port", str(self._ports[f"{store_id}-roll"]), "--paper-dir", str(folder / "paper"), "--name", store_id,
            ],
        )  # fmt: skip
        code = self._one_time_code(store_id, name)
        _command("enrol", [
            sys.executable, "-m", "edge", "enrol", "--config", str(config), "--hub", self.console_url,
            "--store", store_id, "--code", code, "--json",
        ])  # fmt: skip
        node = self._process(store_id, [sys.executable, "-m", "edge", "run", "--config", str(config)])
        url = f"http://127.0.0.1:{self._ports[store_id]}"
        self.stores.append(Store(store_id, name, folder, config, url, roll_url, paper_port, node, printer))

    def _other_listeners(self, store_id: str) -> str:
        """Let the first store serve terminals and guests' phones too; a demo is reached from this machine only."""
        if store_id != STORES[0][0]:
            return ""
        lan, tables = self._ports[f"{store_id}-lan"], self._ports[f"{store_id}-tables"]
        return f', lan_host = "127.0.0.1", lan_port = {lan}, guest_host = "127.0.0.1", guest_port = {tables}'

    def _one_time_code(self, store_id: str, name: Name) -> str:
        told = _command("enrol-store", [
            sys.executable, "-m", "cloud", "enrol-store", store_id, "--config", str(self.folder / "hub.toml"),
            "--name-zh", name.zh, "--name-en", name.en, "--json",
        ])  # fmt: skip
        return str(told["code"])


def _command(name: str, command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=READY_S, check=False)
    told = _json_or_none((done.stdout.strip().splitlines() or [""])[-1])
    if done.returncode != 0 or told is None:
        raise StartError(f"{name} failed: {done.stderr.strip() or done.stdout.strip()}")
    return told


def _drain(stream: Any, lines: "queue.Queue[str | None]") -> None:  # noqa: ANN401 - a text pipe
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _json_or_none(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _free_ports(names: tuple[str, ...], wanted: dict[str, int]) -> dict[str, int]:
    """Find a free port for each name: the wanted one where it is free, so that a demo's address stays the same."""
    found: dict[str, int] = {}
    held: list[socket.socket] = []
    for name in names:
        for port in (wanted.get(name, 0), 0):
            probe = socket.socket()
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                probe.close()
                continue
            held.append(probe)
            found[name] = int(probe.getsockname()[1])
            break
    for probe in held:
        probe.close()
    return found
