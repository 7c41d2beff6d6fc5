"""`python -m drivers.virtual`: one virtual printer as a process of its own, until SIGTERM or SIGINT."""

import json
import logging
import signal
import threading
from pathlib import Path

import click
from cheroot import wsgi

from drivers.printer.profiles import profile_for_columns
from drivers.virtual.paper_store import PaperInUse, PaperStore
from drivers.virtual.printer import VirtualPrinter
from drivers.virtual.serve import LOOPBACK, TwinServer
from drivers.virtual.twin import Twin
from drivers.virtual.web import WATCHERS_MAX, create_app

EXIT_IN_USE = 75
_PORT = click.IntRange(0, 65_535)


@click.command()
@click.option("--port", type=_PORT, default=9100, show_default=True, help="TCP port of the printer; 0 = any free one.")
@click.option(
    "--web-port", type=_PORT, default=9180, show_default=True, help="Port of the roll page; 0 = any free one."
)
@click.option(
    "--paper-dir", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where the paper is kept."
)
@click.option("--name", default="1", show_default=True, help="What the page calls it.")
@click.option(
    "--columns", type=click.Choice(["32", "42", "48"]), default="48", show_default=True, help="Width of the paper."
)
def main(port: int, web_port: int, paper_dir: Path, name: str, columns: str) -> None:
    """Run a virtual ESC/POS printer on this machine only.

    When it listens, one line of JSON on stdout says so: {"ready": true, "port": …, "web_port": …}. Exit 75: the paper
    folder or a port is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    profile = profile_for_columns(int(columns))
    try:
        store = PaperStore(paper_dir, profile)
    except PaperInUse as error:
        click.echo(f"{error} ({error.hint})", err=True)
        raise SystemExit(EXIT_IN_USE) from error
    with store:
        twin = Twin(VirtualPrinter(profile, name), store)
        try:
            server = TwinServer(twin, port)
            server.start()
        except OSError as error:
            click.echo(f"port {port}: {error}", err=True)
            raise SystemExit(EXIT_IN_USE) from error
        try:
            _serve_until(stop, twin, server, web_port)
        finally:
            server.stop()


def _serve_until(stop: threading.Event, twin: Twin, server: TwinServer, web_port: int) -> None:
    threads = WATCHERS_MAX + 8
    web = wsgi.Server((LOOPBACK, web_port), create_app(twin, server.switch), numthreads=threads, server_name="twin")
    try:
        web.prepare()
    except OSError as error:
        click.echo(f"web port {web_port}: {error}", err=True)
        raise SystemExit(EXIT_IN_USE) from error
    thread = threading.Thread(target=web.serve, name="twin-web", daemon=True)
    thread.start()
    try:
        click.echo(json.dumps({"ready": True, "port": server.port, "web_port": web.bind_addr[1]}))
        stop.wait()
    finally:
        twin.stop()
        web.stop()
        thread.join()


if __name__ == "__main__":
    main()
