"""The gateway of the settings, and the thread that asks it again for what it has not decided."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from edge.domain.gateway import Gateway
from edge.services.money.gateway_fake import FakeGateway
from edge.services.money.payment_care import PaymentCare
from edge.services.node import Node
from edge.settings import EdgeSettings, twins_folder
from sync.node.ports import Clock

STOP_S = 10
FAULT_S = 5.0

log = logging.getLogger(__name__)


def gateway_of(settings: EdgeSettings, clock: Clock) -> Gateway | None:
    """Build the gateway that the settings name."""
    if settings.payments.gateway != "fake":
        return None
    folder = twins_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    return FakeGateway(clock, ZoneInfo(settings.store.timezone), Path(folder) / "gateway.jsonl")


class Payer:
    """Works beside the tills, so that a slow gateway never keeps anybody waiting."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="payer", daemon=True)

    def start(self) -> None:
        """Begin with what a stop left undecided."""
        self._thread.start()

    def stop(self) -> None:
        """End after the question in hand."""
        self._stopping.set()
        self._node.gateway.bell.set()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        care, bell = PaymentCare(self._node), self._node.gateway.bell
        rung, wait_s = True, 0.0
        while not self._stopping.is_set():
            try:
                wait_s = care.look(rung=rung) / 1000
            except Exception:
                # What is undecided stands in the file; the till goes on.
                log.exception("payer.failed")
                wait_s = FAULT_S
            rung = bell.wait(wait_s)
            bell.clear()


def start(node: Node, stops: list[Callable[[], None]]) -> None:
    """Start the thread, where there is a gateway and what is done counts."""
    if node.gateway.gateway is None or node.training:
        return
    payer = Payer(node)
    payer.start()
    stops.append(payer.stop)
