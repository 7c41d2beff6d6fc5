"""`run`: the node itself, until somebody stops it."""

import json
import signal
import sys
import threading
from pathlib import Path

import click

from edge import wiring
from edge.cli import shared
from edge.services.boot_check import DamagedFileError
from edge.services.import_menu import MenuError
from sync.node import logs, memory
from sync.node.control import EXIT_ALREADY_RUNNING, AlreadyRunning
from sync.node.listeners import WrongSocketError


@click.command()
@shared.config
def run(config: Path) -> None:
    """Serve the till, print, and keep in touch with the hub, until SIGTERM or Ctrl-C."""
    settings = shared.read(config)
    memory.give_back_large_blocks()
    logs.set_up(Path(settings.data_dir), level=settings.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        running = wiring.start(settings)
    except AlreadyRunning as error:
        shared.fail(str(error), EXIT_ALREADY_RUNNING)
    except (*shared.NOT_OPENED, DamagedFileError, MenuError, WrongSocketError) as error:
        shared.fail(str(error), 2)
    except OSError as error:
        shared.fail(f"{settings.web.host}:{settings.web.port}: {error.strerror or error}; is the port taken?", 2)
    click.echo(json.dumps({"ready": True, "url": f"http://{settings.web.host}:{running.port}/"}))
    sys.stdout.flush()
    stopping.wait()
    running.stop()
