"""The takeaway platforms of the settings, the shipped one among them, and the thread that looks after them."""

import logging
import threading
from collections.abc import Callable

from cheroot.wsgi import Server

from edge.services.intake.care import IntakeCare
from edge.services.intake.desk import Counter, IntakeDesk
from edge.services.intake.platform_fake import FakePlatform
from edge.services.intake.platform_http import HttpPlatform
from edge.services.node import Node
from edge.settings import EdgeSettings, PlatformSettings, twins_folder
from edge.web.platform_fake import create_fake_platform

STOP_S = 10
FAULT_S = 5.0
HOST = "127.0.0.1"
THREADS = 4
NOWHERE = f"http://{HOST}:1"
"""Where the shipped platform answers until it is served."""

log = logging.getLogger(__name__)


def desk_of(settings: EdgeSettings) -> IntakeDesk:
    """Build the platforms that the settings name; a shipped one without an address is served by this process (`start`)."""
    return IntakeDesk({one.id: Counter(one, HttpPlatform(one.url or NOWHERE)) for one in settings.intake.platforms})


class IntakeWorker:
    """Works beside the tills, so that a slow platform never keeps anybody waiting."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        """Begin with what a stop left untold."""
        self._thread.start()

    def stop(self) -> None:
        """End after the question in hand."""
        self._stopping.set()
        self._node.intake.bell.set()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        care, bell = IntakeCare(self._node), self._node.intake.bell
        wait_s = 0.0
        while not self._stopping.is_set():
            try:
                wait_s = care.look() / 1000
            except Exception:
                # What came in stands in the file, what did not is there again; the till goes on.
                log.exception("intake.failed")
                wait_s = FAULT_S
            bell.wait(wait_s)
            bell.clear()


def start(node: Node, stops: list[Callable[[], None]]) -> None:
    """Serve the shipped platforms, and start the thread where what is done counts."""
    for counter in node.intake.counters.values():
        if not counter.settings.url and isinstance(counter.platform, HttpPlatform):
            counter.platform.move(_serve(node.settings, counter.settings, stops))
    if not node.intake.counters or node.training:
        return
    worker = IntakeWorker(node)
    worker.start()
    stops.append(worker.stop)


def _serve(settings: EdgeSettings, one: PlatformSettings, stops: list[Callable[[], None]]) -> str:
    """Serve a shipped platform on a free port of this machine; gives its address, which also stands beside what it keeps."""
    folder = twins_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    app = create_fake_platform(FakePlatform(folder / f"platform-{one.id}.jsonl"))
    server = Server(
        (HOST, 0), app, numthreads=THREADS, max=THREADS, timeout=10, shutdown_timeout=1, server_name="platform"
    )
    server.prepare()
    serving = threading.Thread(target=server.serve, name=f"platform-{one.id}", daemon=True)
    serving.start()
    url = f"http://{HOST}:{server.bind_addr[1]}"
    place = folder / f"platform-{one.id}.url"
    place.write_text(url + "\n", encoding="ascii")

    def stop() -> None:
        place.unlink(missing_ok=True)
        server.stop()
        serving.join(timeout=STOP_S)

    stops.append(stop)
    log.info("platform.serving", extra={"platform": one.id, "url": url})
    return url
