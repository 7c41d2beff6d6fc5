"""A machine with versions installed side by side and a service manager of a few lines: it holds the port and hears sd_notify."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from edge.services.care.upgrade import PROGRAM
from scripts.bench_processes import write_node
from scripts.demo_client import Door
from sync.node import control, keys
from sync.node.upgrade import CURRENT, Answer, read_answer
from tests.kit.nodes import uuid7_hex
from tests.kit.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
HANDED = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""
STEP = """

def _fill_notes(tx):
    from edge.db import journal, projections
    from sync.contract import facts
    tx.execute("DELETE FROM notes")
    tx.execute("DELETE FROM till_takings")
    for _, stored in journal.by_number(tx):
        projections.note(tx, facts.decode(stored.raw))


@steps.additive(name="900_notes", fill=_fill_notes)
def notes(db):
    db.execute("CREATE TABLE notes (note_id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT")
    db.execute("CREATE TABLE till_takings (till TEXT PRIMARY KEY, sales INTEGER NOT NULL, amount_fen INTEGER NOT NULL) STRICT")
    db.execute("ALTER TABLE sales ADD COLUMN channel TEXT NOT NULL DEFAULT 'till'")
    db.execute("CREATE INDEX sales_by_channel ON sales (channel)")
"""
"""What the next version adds: a column with a default, a table of a new kind of fact, and sums over a kind that is known."""
CLOSED_STEP = """

@steps(name="901_closed")
def closed(db):
    db.execute("ALTER TABLE day_totals RENAME COLUMN sales TO orders")
"""
PROJECTION = """

TABLES["notes"] = "note_id, text"
TABLES["till_takings"] = "till, sales, amount_fen"


def note(tx, fact):
    if fact.kind == "note.taken":
        tx.execute("INSERT INTO notes VALUES (?, ?)", (fact.id, bytes(fact.body).decode()))
    elif fact.kind == "sale.paid":
        sale = kinds.read(fact)
        tx.execute(
            "INSERT INTO till_takings VALUES (?, 1, ?) ON CONFLICT (till) DO UPDATE SET sales = sales + 1,"
            " amount_fen = amount_fen + excluded.amount_fen", (sale.till, sale.total_fen))


_project_as_before = project


def project(tx, fact):
    note(tx, fact)
    if fact.kind != "note.taken":
        _project_as_before(tx, fact)


_place_as_before = place_of


def place_of(reader, table, row):
    return None if table in {"notes", "till_takings"} else _place_as_before(reader, table, row)
"""
USE = """

class _Note(__import__("msgspec").Struct):
    words: str


_say_as_before = _say_started


def _say_started(node, boot):
    from edge.db import projections
    _say_as_before(node, boot)

    def work(tx):
        draft = Draft(node.ids.uuid7(), 1, "note.taken", 1, _Note("hello from the next version"))
        for fact in journal.append(tx, node.place(), node.identity, [draft]):
            projections.project(tx, fact)

    node.db.write(work)
"""
NEVER_SERVES = """

def _start(settings, held, stops):
    raise OSError("this version has a fault")
"""
FALLS_OVER = """

_serve_as_before = _serve


def _serve(*given):
    port = _serve_as_before(*given)
    threading.Timer(0.6, os._exit, [1]).start()
    return port
"""
IS_ILL = """

_start_as_before = _start


def _start(settings, held, stops):
    running = _start_as_before(settings, held, stops)
    running.desk.vitals["writer"] = lambda: False
    return running
"""


def install_this(folder: Path, name: str) -> Path:
    """Put the version of this checkout under a name: a program that runs it where it lies."""
    return _program(folder / name, ROOT)


def install_next(folder: Path, name: str, *, steps: str = STEP, wiring: str = USE) -> Path:
    """Make a version of the future: this code, and what is appended to three of its modules."""
    code = folder / name / "code"
    for package in ("edge", "sync", "drivers"):
        shutil.copytree(ROOT / package, code / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    added = {
        "edge/db/migrations.py": steps,
        "edge/db/projections/__init__.py": PROJECTION,
        "edge/wiring/node.py": wiring,
    }
    for module, text in added.items():
        with (code / module).open("a", encoding="utf-8") as out:
            out.write(text)
    return _program(folder / name, code)


def _program(version: Path, code: Path) -> Path:
    program = version / "bin" / PROGRAM
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f'#!/bin/sh\ncd "{code}"\nexec "{sys.executable}" -m edge "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return version


class Manager:
    """Holds the port, starts `current/bin/zhanggui-edge`, hears what it says of itself; ends what it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.deaf = socket.socket()
        self.deaf.bind(("127.0.0.1", 0))
        self.config = write_node(folder / "node", self.deaf.getsockname()[1], 0)
        self.data = self.config.parent / "data"
        # An enrolled node is the one that holds its keys.
        keys.load_or_make(self.data / "keys.json")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self.listener.getsockname()[1]
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(folder / "notify"))
        self.environment = {
            **os.environ,
            "EDGE__WEB__PORT": str(self.port),
            "LISTEN_FDS": "1",
            "NOTIFY_SOCKET": str(folder / "notify"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for each in (self.listener, self.notices, self.deaf):
            each.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def program(self) -> Path:
        return self.folder / CURRENT / "bin" / PROGRAM

    def start(self) -> None:
        command = [sys.executable, "-c", HANDED, str(self.listener.fileno()), str(self.program())]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "run", "--config", str(self.config)],
                env=self.environment,
                pass_fds=(self.listener.fileno(),),
                stdout=log,
                stderr=log,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        if (process := self._process) is None:
            return None
        self._process = None
        process.send_signal(number)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def told(self, wanted: str, timeout_s: float = PATIENCE_S) -> list[str]:
        """Hear what the process says until it says one thing."""
        heard: list[str] = []
        self.notices.settimeout(timeout_s / 100)
        for _ in range(100):
            try:
                heard += self.notices.recv(4096).decode().split("\n")
            except TimeoutError:
                assert self._process is not None
                assert self._process.poll() is None, self.log()
            if wanted in heard:
                return heard
        raise AssertionError(f"{wanted} was not said within {timeout_s} s but {heard}; {self.log()}")

    # What an upgrade asks of a machine

    def restart(self) -> None:
        self.stop()
        self.start()

    def health(self) -> Answer | None:
        if self._process is None or self._process.poll() is not None:
            # The port is held and nobody takes: a connection would wait, as it does under systemd.
            return None
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            asking.request("GET", "/api/v1/health", headers={"Connection": "close"})
            return read_answer(json.loads(asking.getresponse().read()))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            asking.close()

    # What a till does

    @contextlib.contextmanager
    def till(self) -> Iterator[Door]:
        """Lend a till at which a cashier is signed in."""
        pin = (self.data / "cashier-pin.txt").read_text(encoding="ascii").strip()
        with contextlib.closing(Door(self.url)) as door:
            assert door.ask_patiently("POST", "/api/v1/session", {"pin": pin, "till": "1"}).fine
            yield door

    def sell(self, door: Door, number: int) -> dict[str, Any]:
        dish = next(dish for dish in door.ask_patiently("GET", "/api/v1/menu").body["dishes"] if plain(dish))
        body = {
            "sale_id": uuid7_hex(number),
            "lines": [{"dish_id": dish["id"], "qty": 1}],
            "tenders": [{"kind": "cash", "received_fen": 1_000_000}],
        }
        answer = door.ask_patiently("POST", "/api/v1/sales", body)
        assert answer.fine, answer.body
        sold: dict[str, Any] = answer.body
        return sold

    def verify(self) -> dict[str, Any]:
        """Let the running node prove its journal."""
        return control.ask(self.data, {"command": "verify"}, PATIENCE_S)

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def plain(dish: dict[str, Any]) -> bool:
    """Say whether a dish can be sold without a choice or a weight."""
    return not dish.get("modifier_groups") and not dish.get("per_g") and dish["price_fen"] > 0


@contextlib.contextmanager
def machine(folder: Path, *, version: str = "v1") -> Iterator[Manager]:
    """Lend a machine on which the version of this checkout is current and runs."""
    with Manager(folder) as manager:
        install_this(folder, version)
        (folder / CURRENT).symlink_to(version)
        manager.start()
        manager.told("READY=1")
        yield manager
