"""A rig served on the loopback with its practice and its takeaway platform, for real browsers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

from cheroot.wsgi import Server

from edge.app import create_app
from edge.services.care.status import Desk
from edge.settings import is_loopback
from edge.web.live import StreamSeats
from edge.wiring.intake import IntakeWorker
from edge.wiring.practice import Practice
from sync.node.ports import SystemClock
from tests.kit.nodes import START_MS, Rig
from tests.kit.platforms import PlatformRig

SEATS = 8


@dataclass
class Served:
    """A node that serves; `url` is its own listener."""

    url: str
    platform: PlatformRig
    practice: Practice

    def look(self) -> None:
        """Have the worker look now."""
        self.platform.node.intake.bell.set()


@contextmanager
def served(rig: Rig, *, auto: bool = False) -> Iterator[Served]:
    """Serve a rig's node on a free port."""
    # A browser compares the node's clock with its own.
    rig.clock.advance(SystemClock().now_ms() - START_MS)
    platform = PlatformRig(rig, auto=auto)
    seats = StreamSeats(SEATS)
    practice = Practice(platform.node, seats)
    app = create_app(Desk(platform.node, link=lambda: None, devices=list), seats, hall=practice.hall)
    server = Server(("127.0.0.1", 0), practice.gate(app, is_loopback), numthreads=SEATS + 8, max=SEATS + 8, timeout=10)
    server.prepare()
    serving = Thread(target=server.serve, daemon=True)
    serving.start()
    worker = IntakeWorker(platform.node)
    worker.start()
    try:
        yield Served(f"http://127.0.0.1:{server.bind_addr[1]}", platform, practice)
    finally:
        worker.stop()
        practice.hall.close()
        seats.closing.set()
        platform.node.changed.notify()
        server.stop()
        serving.join(timeout=10)
