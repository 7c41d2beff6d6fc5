"""The look at the data file that goes on while the node serves: what a start had no time for (`boot_check.look_on`)."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.services.copies import boot_check
from sync.node.keys import Identity

PACE_S = 0.000_2
"""A pause after every few hundred steps of SQLite, so that whoever pays does not feel the look."""
STOP_S = 5

log = logging.getLogger(__name__)


def go_on(path: Path, identity: Identity, restart: Callable[[], None], stops: list[Callable[[], None]]) -> None:
    """Look at the rest of the file in a thread of its own; what is found ends the node, and the next start says why.

    Args:
        restart: stops this node and starts it anew.
        stops: told how to end the look.
    """
    stopping = threading.Event()

    def look() -> None:
        found = boot_check.look_on(path, identity, lambda: stopping.wait(PACE_S))
        if found:
            log.critical("file.damaged", extra={"found": found})
            restart()

    thread = threading.Thread(target=look, name="file-look", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(STOP_S)

    stops.append(stop)
