"""`devices`, `doctor`, `diagnostics`, `decode`: what is attached, how it all is, and what went to a printer."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from drivers import discovery
from drivers.discovery import Candidate
from edge import settings as edge_settings
from edge.cli import shared
from edge.devices.found import Lookout
from edge.domain.device_rows import DrawerRow, read_rows
from edge.services.care import care_text, diagnostics, doctor
from edge.settings import EdgeSettings
from edge.web import words
from sync.node import control
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning, FolderLock, NotRunning
from sync.node.ports import SystemClock
from sync.node.settings import SettingsError

DEVICES_TIMEOUT_S = 10.0


@click.command()
@shared.config
@click.option("--json", "as_json", is_flag=True, help="Print everything as one line of JSON.")
def devices(config: Path, as_json: bool) -> None:
    """Say how every device is; asks the running node. Of a stopped one: its rows and what is plugged in, nothing is opened."""
    settings = shared.read(config)
    seen = _seen(settings)
    told = {"ok": True, **seen}
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else care_text.of_devices(seen))


@click.command("doctor")
@shared.config
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
        checks = doctor.examine(settings, seen, SystemClock(), say=words.english)
        told = doctor.as_json(checks, running=bool(seen["running"]))
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else care_text.of_checks(checks))
    sys.exit(0 if told["ok"] else 1)


@click.command("diagnostics")
@shared.config
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ZIP file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print what it holds as one line of JSON.")
def bundle(config: Path, out: Path, as_json: bool) -> None:
    """Write a bundle for whoever helps from afar: no sales, no members, no keys, no codes."""
    settings = shared.read(config)
    seen = _seen(settings)
    report = doctor.as_json(
        doctor.examine(settings, seen, SystemClock(), say=words.english), running=bool(seen["running"])
    )
    try:
        files = diagnostics.write(out, settings, seen, report)
    except OSError as error:
        shared.fail(f"{out}: {error.strerror}; give a file in a folder that is there and may be written", 2)
    told = {"ok": True, "file": str(out), "files": files}
    click.echo(json.dumps(told) if as_json else f"{out} holds {', '.join(files)}.")


@click.command()
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
        shared.fail(f"{file}: {error.strerror}; give a file of the bytes that went to a printer", 2)
    if not data:
        shared.fail(f"{file} is empty; give a file of the bytes that went to a printer", 2)
    decoded = decoder.decode(data)
    if png is not None:
        try:
            picture.render(decoded.ops, profile_for_columns(int(columns))).save(png)
        except OSError as error:
            shared.fail(f"{png}: {error.strerror or error}; name a file in a folder that is there", 2)
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
            shared.fail(f"{error}; it may be starting or stopping, try again", EXIT_ALREADY_RUNNING)
    try:
        return doctor.seen_outside(settings, _plugged_in(settings))
    finally:
        lock.release()


def _plugged_in(settings: EdgeSettings) -> list[Candidate]:
    rows = [row for row in read_rows(settings.devices, settings.store.tills).rows if not isinstance(row, DrawerRow)]
    lookout = Lookout(rows, lambda: discovery.candidates(discovery.this_machine()), lambda _: None)
    lookout.step()
    return list(lookout.unconfigured)
