"""`zhanggui-edge`: run a node, enrol it, verify its journal, look after its devices, read captures of printer bytes.

Exit codes: 0 done; 1 the answer is no (a fault was found, the hub refused); 2 wrong use or unreadable input;
75 another process runs on the data folder.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import click

from drivers import discovery
from drivers.discovery import Candidate
from edge import settings as edge_settings
from edge import wiring
from edge.devices.found import Lookout
from edge.domain.device_rows import DrawerRow, read_rows
from edge.services import care_text, diagnostics, doctor, enrolment, verify_journal
from edge.services.enrolment import EnrolmentError
from edge.services.import_menu import MenuError
from edge.settings import EdgeSettings
from sync.node import control, logs, memory
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock, NotRunning
from sync.node.database import UnsafeSqliteError
from sync.node.migrate import NewerDatabaseError
from sync.node.ports import IdSource, SystemChance, SystemClock
from sync.node.settings import SettingsError

VERIFY_TIMEOUT_S = 600
DEVICES_TIMEOUT_S = 10.0

_config = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The node's settings file (TOML); see config/edge.example.toml.",
)


@click.group()
def main() -> None:
    """Run and look after an in-store node."""


@main.command()
@_config
def run(config: Path) -> None:
    """Serve the till, print, and keep in touch with the hub, until SIGTERM or Ctrl-C."""
    settings = _read(config)
    memory.give_back_large_blocks()
    logs.set_up(Path(settings.data_dir), level=settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        running = wiring.start(settings)
    except AlreadyRunning as error:
        _fail(str(error), EXIT_ALREADY_RUNNING)
    except (UnsafeSqliteError, NewerDatabaseError, MenuError) as error:
        _fail(str(error), 2)
    except OSError as error:
        _fail(f"{settings.web.host}:{settings.web.port}: {error.strerror or error}; is the port taken?", 2)
    click.echo(json.dumps({"ready": True, "url": f"http://{settings.web.host}:{running.port}/"}))
    sys.stdout.flush()
    stopping.wait()
    running.stop()


@main.command()
@_config
@click.option("--hub", "hub_url", required=True, help="Address of the hub's console, such as http://127.0.0.1:8700.")
@click.option("--store", required=True, help="The store's id at the hub.")
@click.option("--code", required=True, help="The one-time code that `zhanggui-hub enrol-store` printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one line of JSON.")
def enrol(config: Path, hub_url: str, store: str, code: str, as_json: bool) -> None:
    """Make this node the store's node."""
    settings = _read(config)
    folder = Path(settings.data_dir)
    try:
        lock = FolderLock(folder)
    except AlreadyRunning as error:
        _fail(str(error), EXIT_ALREADY_RUNNING)
    try:
        held = enrolment.load(folder)
        node = _installation(folder) if held is None else held.node
        granted = enrolment.enrol(folder, hub_url, store, code, node)
    except EnrolmentError as error:
        _fail(str(error), 1)
    finally:
        lock.release()
    told = {"ok": True, "store": granted.store, "epoch": granted.epoch}
    click.echo(json.dumps(told) if as_json else f"Store {granted.store} runs here now, epoch {granted.epoch}.")


@main.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def verify(config: Path, as_json: bool) -> None:
    """Prove chain, totals and projections; asks the running node, or opens the files of a stopped one."""
    settings = _read(config)
    folder = Path(settings.data_dir)
    if not (folder / "node.db").exists():
        _fail(f"{folder} holds no node; run the node first", 2)
    try:
        lock = FolderLock(folder)
    except AlreadyRunning:
        report = _asked(folder)
    else:
        try:
            report = _verified_here(settings)
        finally:
            lock.release()
    click.echo(json.dumps(report) if as_json else _as_text(report))
    sys.exit(0 if report["ok"] else 1)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Draw the paper into this file.")
@click.option("--columns", type=click.Choice(["32", "42", "48"]), default="48", help="Width of the paper.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")
def decode(file: Path, png: Path | None, columns: str, as_json: bool) -> None:
    """Read a capture of ESC/POS bytes and say what a printer would do with it.

    Exit 0 when it is framed to the end: unknown bytes and a command that the capture ends inside are listed. Exit 2 when the
    file cannot be read as a capture.
    """
    # Only this command draws paper; the node itself must not carry the image library in memory.
    from drivers.escpos import decoder  # noqa: PLC0415
    from drivers.paper import picture  # noqa: PLC0415
    from drivers.printer.profiles import profile_for_columns  # noqa: PLC0415

    try:
        data = file.read_bytes()
    except OSError as error:
        _fail(f"{file}: {error.strerror}; give a file of the bytes that went to a printer", 2)
    if not data:
        _fail(f"{file} is empty; give a file of the bytes that went to a printer", 2)
    decoded = decoder.decode(data)
    if png is not None:
        try:
            picture.render(decoded.ops, profile_for_columns(int(columns))).save(png)
        except OSError as error:
            _fail(f"{png}: {error.strerror or error}; name a file in a folder that is there", 2)
    told = {
        "ok": True,
        "complete": decoded.complete,
        "commands": decoded.commands,
        "unknown": [{"offset": offset, "bytes": raw.hex()} for offset, raw in decoded.unknown],
        "tail": None if decoded.tail is None else {"offset": decoded.tail[0], "bytes": decoded.tail[1].hex()},
        "qr": decoded.qr,
        "text": decoded.text,
    }
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else decoder.transcript(decoded.ops), nl=as_json)


@main.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print everything as one line of JSON.")
def devices(config: Path, as_json: bool) -> None:
    """Say how every device is; asks the running node. Of a stopped one: its rows and what is plugged in, nothing is opened."""
    settings = _read(config)
    seen = _seen(settings)
    told = {"ok": True, **seen}
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else care_text.of_devices(seen))


@main.command("doctor")
@_config
@click.option("--json", "as_json", is_flag=True, help="Print the report as one line of JSON.")
def examine(config: Path, as_json: bool) -> None:
    """Say what is well with the node and its machine, what is not, and what to do about it; exit 1 when something fails."""
    try:
        settings = edge_settings.load(config)
    except SettingsError as error:
        checks = [
            doctor.Check("settings", "fail", str(error), "correct the file; config/edge.example.toml has every field")
        ]
        told = doctor.as_json(checks, running=False)
    else:
        seen = _seen(settings)
        checks = doctor.examine(settings, seen, SystemClock())
        told = doctor.as_json(checks, running=bool(seen["running"]))
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else care_text.of_checks(checks))
    sys.exit(0 if told["ok"] else 1)


@main.command("diagnostics")
@_config
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ZIP file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print what it holds as one line of JSON.")
def bundle(config: Path, out: Path, as_json: bool) -> None:
    """Write a bundle for whoever helps from afar: no sales, no members, no keys, no codes."""
    settings = _read(config)
    seen = _seen(settings)
    report = doctor.as_json(doctor.examine(settings, seen, SystemClock()), running=bool(seen["running"]))
    try:
        files = diagnostics.write(out, settings, seen, report)
    except OSError as error:
        _fail(f"{out}: {error.strerror}; give a file in a folder that is there and may be written", 2)
    told = {"ok": True, "file": str(out), "files": files}
    click.echo(json.dumps(told) if as_json else f"{out} holds {', '.join(files)}.")


def _seen(settings: EdgeSettings) -> dict[str, Any]:
    """Ask the running node what it knows, or look at a stopped one from outside."""
    folder = Path(settings.data_dir)
    if not folder.is_dir():
        return doctor.seen_outside(settings, _plugged_in(settings))
    try:
        lock = FolderLock(folder)
    except AlreadyRunning:
        try:
            return control.ask(folder, {"command": "devices"}, DEVICES_TIMEOUT_S)
        except NotRunning as error:
            _fail(f"{error}; it may be starting or stopping, try again", EXIT_ALREADY_RUNNING)
    try:
        return doctor.seen_outside(settings, _plugged_in(settings))
    finally:
        lock.release()


def _plugged_in(settings: EdgeSettings) -> list[Candidate]:
    rows = [row for row in read_rows(settings.devices, settings.store.tills).rows if not isinstance(row, DrawerRow)]
    lookout = Lookout(rows, lambda: discovery.candidates(discovery.this_machine()), lambda _: None)
    lookout.step()
    return list(lookout.unconfigured)


def _read(config: Path) -> EdgeSettings:
    try:
        return edge_settings.load(config)
    except SettingsError as error:
        _fail(str(error), 2)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(status)


def _installation(folder: Path) -> str:
    """Name this installation once: asking again after a lost answer must be the same node asking."""
    path = folder / "node-id.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(IdSource(SystemClock(), SystemChance()).uuid7().hex(), encoding="ascii")
    return path.read_text(encoding="ascii").strip()


def _asked(folder: Path) -> dict[str, object]:
    try:
        return control.ask(folder, {"command": "verify"}, VERIFY_TIMEOUT_S)
    except NotRunning as error:
        _fail(f"{error}; it may be starting or stopping, try again", EXIT_ALREADY_RUNNING)


def _verified_here(settings: EdgeSettings) -> dict[str, object]:
    node, db = wiring.open_node(settings)
    try:
        return verify_journal.verify(node).as_json()
    finally:
        db.close()


def _as_text(report: dict[str, object]) -> str:
    lines = [f"facts: {report['facts']}", f"lanes: {report['lanes']}"]
    projections = report["projections"]
    assert isinstance(projections, dict)
    lines += [f"{'same   ' if same else 'DIFFERS'} {table}" for table, same in projections.items()]
    findings = report["findings"]
    assert isinstance(findings, list)
    lines += [f"lane {one['lane']} seq {one['seq']}: {one['what']}" for one in findings]
    return "\n".join([*lines, "Everything holds." if report["ok"] else "The journal does not hold."])
