"""`run`: the node itself, until somebody stops it."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import click

from edge import wiring
from edge.cli import shared
from edge.services.ordering.import_menu import MenuError
from edge.settings import EdgeSettings
from sync.node import logs, memory, watchdog
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning
from sync.node.listeners import WrongSocketError


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The node's settings file (TOML); see config/edge.example.toml. Without one the browser asks at the first start.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("zhanggui-data"),
    show_default=True,
    help="Folder of the database and the keys, where there is no settings file.",
)
def run(config: Path | None, data: Path) -> None:
    """Serve the till, print, and keep in touch with the hub, until SIGTERM or Ctrl-C."""
    settings = shared.read(config) if config is not None else shared.read_without(data)
    memory.give_back_large_blocks()
    logs.set_up(Path(settings.data_dir), level=settings.log_level)
    # What a service manager handed over is taken at the start: it starts the node anew itself.
    managed = any(name in os.environ for name in ("NOTIFY_SOCKET", "LISTEN_FDS"))
    wake, stopping = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        stopping.set()
        wake.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while True:
        wake.clear()
        if stopping.is_set():
            return
        _once(settings, wake, asks=config is None)
        if stopping.is_set() or managed:
            return


def _once(settings: EdgeSettings, wake: threading.Event, *, asks: bool) -> None:
    """Run a node until it is woken: to stop, or to start anew."""
    try:
        running = wiring.start(settings, restart=wake.set, asks=asks)
    except AlreadyRunning as error:
        shared.fail(str(error), EXIT_ALREADY_RUNNING)
    except (*shared.NOT_OPENED, MenuError, WrongSocketError) as error:
        shared.fail(str(error), 2)
    except OSError as error:
        shared.fail(f"{settings.web.host}:{settings.web.port}: {error.strerror or error}; is the port taken?", 2)
    click.echo(json.dumps({"ready": True, "url": f"http://{settings.web.host}:{running.port}/"}))
    sys.stdout.flush()
    wake.wait()
    watchdog.stop_in_view(running.stop)
