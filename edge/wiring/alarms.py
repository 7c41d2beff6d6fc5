"""The thread that looks for what a person must look at; nothing waits for it."""

import threading
from collections.abc import Callable

from edge.services.care.alarms import Alarms

LOOK_EVERY_S = 5.0
STOP_S = 5


def watch(alarms: Alarms, stops: list[Callable[[], None]]) -> None:
    """Look now and then for as long as the node runs."""
    stopping = threading.Event()

    def run() -> None:
        # What is only so while the node starts is no alarm.
        while not stopping.wait(LOOK_EVERY_S):
            alarms.quietly()

    thread = threading.Thread(target=run, name="alarms", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join(STOP_S)

    stops.append(stop)
