"""The thread that renews the node's certificate; neither the till nor the link waits for it."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.services.hub.enrolment import Enrolment
from edge.services.hub.renewal import Renewal
from edge.services.node import Node

LOOK_EVERY_S = 600
STOP_S = 1
"""A request that is under way is not waited for: it belongs to a daemon thread and changes one file at once."""

log = logging.getLogger(__name__)


def watch(node: Node, grant: Enrolment, on_renewed: Callable[[], None], stops: list[Callable[[], None]]) -> None:
    """Renew the certificate in good time for as long as the node runs; nothing to do where none is used."""
    if grant.broker.tls != "mutual":
        return
    renewal = Renewal(Path(node.settings.data_dir), grant, node.identity, node.clock)
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            try:
                if renewal.step():
                    on_renewed()
            except Exception:
                log.exception("certificate.watch_failed")
            stopping.wait(LOOK_EVERY_S)

    thread = threading.Thread(target=run, name="certificate", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(STOP_S)

    stops.append(stop)
