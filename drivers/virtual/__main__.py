"""`python -m drivers.virtual`: one virtual printer, or a desk of any virtual devices, as a process until SIGTERM or SIGINT."""

import json
import logging
import os
import signal
import threading
import time
from pathlib import Path

import click
from cheroot import wsgi
from flask import Flask

from drivers.errors import DeviceRejected
from drivers.printer.profiles import profile_for_columns
from drivers.virtual import script as scripts
from drivers.virtual.desk import Desk, DeskInUse
from drivers.virtual.desk_web import create_desk_app
from drivers.virtual.paper_store import PaperInUse, PaperStore
from drivers.virtual.printer import VirtualPrinter
from drivers.virtual.printer_twin import PrinterTwin
from drivers.virtual.serve import LOOPBACK, TwinServer
from drivers.virtual.timers import Timers
from drivers.virtual.twin import Twin
from drivers.virtual.web import WATCHERS_MAX, create_app

EXIT_IN_USE = 75
EXIT_REJECTED = 2
_PORT = click.IntRange(0, 65_535)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_PARENT_LOOK_S = 0.5


class _SystemClock:
    """The machine's clock; a process of its own has nobody to hand it one."""

    def monotonic_ms(self) -> int:
        """Time in ms that never steps."""
        return time.monotonic_ns() // 1_000_000


@click.group()
def main() -> None:
    """Virtual devices on this machine only, behind the same ports as real ones."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


@main.command()
@click.option("--port", type=_PORT, default=9100, show_default=True, help="TCP port of the printer; 0 = any free one.")
@click.option(
    "--web-port", type=_PORT, default=9180, show_default=True, help="Port of the roll page; 0 = any free one."
)
@click.option("--paper-dir", type=_FOLDER, required=True, help="Where the paper is kept.")
@click.option("--name", default="1", show_default=True, help="What the page calls it.")
@click.option(
    "--columns", type=click.Choice(["32", "42", "48"]), default="48", show_default=True, help="Width of the paper."
)
def printer(port: int, web_port: int, paper_dir: Path, name: str, columns: str) -> None:
    """Run one ESC/POS printer on a port of its own.

    When it listens, one line of JSON on stdout says so: {"ready": true, "port": …, "web_port": …}. Exit 75: the paper
    folder or a port is taken.
    """
    stop = _stopped_by_signal()
    profile = profile_for_columns(int(columns))
    try:
        store = PaperStore(paper_dir, profile)
    except PaperInUse as error:
        raise _exit(EXIT_IN_USE, f"{error} ({error.hint})") from error
    timers = Timers(_SystemClock())
    timers.start()
    with store:
        twin = Twin(VirtualPrinter(profile, name), store)
        try:
            server = TwinServer(twin, port, timers)
            server.start()
        except OSError as error:
            raise _exit(EXIT_IN_USE, f"port {port}: {error}") from error
        try:
            web = _Web(create_app(twin, server.switch), web_port)
            try:
                click.echo(json.dumps({"ready": True, "port": server.port, "web_port": web.port}))
                stop.wait()
            finally:
                twin.stop()
                web.stop()
        finally:
            timers.stop()
            server.stop()


@main.command()
@click.option("--dir", "folder", type=_FOLDER, required=True, help="Where the devices say where they are.")
@click.option("--web-port", type=_PORT, default=0, show_default=True, help="Port of the page; 0 = any free one.")
@click.option("--script", type=click.Path(path_type=Path, dir_okay=False), help="A TOML file of what happens when.")
@click.option("--with-parent", is_flag=True, help="End when the process that started this one has ended.")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
def desk(folder: Path, web_port: int, script: Path | None, *, with_parent: bool, addresses: tuple[str, ...]) -> None:
    """Host virtual devices, each given as virtual://kind/name?switch=value.

    Kinds are printer, scanner, card_reader, scale and display. When all are plugged in, one line of JSON on stdout says so:
    {"ready": true, "web_port": …, "devices": {"printer/kitchen": {"address": …, "page": …}}}. Exit 75: another desk has the
    folder, or the port is taken; exit 2: an address or the script is wrong, and nothing was started. With --with-parent a switch
    that a kind does not have costs only its own device, and its file says so.
    """
    parent = os.getppid()
    stop = _stopped_by_signal()
    try:
        hosted = Desk(folder.absolute(), addresses, _SystemClock(), lenient=with_parent)
    except (DeskInUse, PaperInUse) as error:
        raise _exit(EXIT_IN_USE, f"{error} ({error.hint})") from error
    except DeviceRejected as error:
        raise _exit(EXIT_REJECTED, str(error)) from error
    try:
        try:
            steps = [] if script is None else scripts.read(script, hosted)
        except DeviceRejected as error:
            raise _exit(EXIT_REJECTED, str(error)) from error
        web = _Web(create_desk_app(hosted), web_port)
        try:
            devices = hosted.start(lambda key: _page(web.port, hosted, key))
            click.echo(json.dumps({"ready": True, "web_port": web.port, "devices": devices}))
            scripts.play(steps, hosted)
            while not stop.wait(_PARENT_LOOK_S if with_parent else None):
                if os.getppid() != parent:
                    break
        finally:
            hosted.stop()
            web.stop()
    finally:
        hosted.stop()


class _Web:
    """A page served from a thread."""

    def __init__(self, app: Flask, port: int) -> None:
        """Take the port and serve; exit 75 when it is taken."""
        # Flask's own wsgi_app may be wrapped, so it is asked for at every request.
        self._server = wsgi.Server((LOOPBACK, port), app, numthreads=WATCHERS_MAX + 8, server_name="twin")
        try:
            self._server.prepare()
        except OSError as error:
            raise _exit(EXIT_IN_USE, f"web port {port}: {error}") from error
        self.port: int = self._server.bind_addr[1]
        self._thread = threading.Thread(target=self._server.serve, name="twin-web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the page."""
        self._server.stop()
        self._thread.join()


def _page(web_port: int, hosted: Desk, key: str) -> str:
    base = f"http://{LOOPBACK}:{web_port}/"
    return f"{base}{key}/" if isinstance(hosted.twin(key), PrinterTwin) else f"{base}#{key}"


def _stopped_by_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _exit(code: int, why: str) -> SystemExit:
    click.echo(why, err=True)
    return SystemExit(code)


if __name__ == "__main__":
    main()
