"""The thread that does what HQ sent down: at once when something came, and when the business day changes."""

import logging
import threading

from edge.services.hub import follow_hub
from edge.services.money import elsewhere
from edge.services.node import Node

LOOK_S = 5.0
STOP_S = 10

log = logging.getLogger(__name__)


class Follower:
    """Works beside the link, so that a long command never keeps facts from moving."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-hub", daemon=True)

    def start(self) -> None:
        """Begin with whatever a stop left undone."""
        self._thread.start()

    def stop(self) -> None:
        """End after the work in hand."""
        self._stopping.set()
        self._node.steered.notify()
        self._thread.join(timeout=STOP_S)

    def _tell(self) -> None:
        """Tell the hub which refunds of other stores' sales were given up while it was away."""
        try:
            elsewhere.tell_drops(self._node)
        except Exception:
            # They stand in the file: the next look tells them.
            log.exception("follow.not_told")

    def _run(self) -> None:
        seen, day = 0, ""
        while not self._stopping.is_set():
            now, today = self._node.steered.wait(seen, LOOK_S if day else 0.0), self._node.place().day
            self._tell()
            if self._stopping.is_set() or (now == seen and today == day):
                continue
            try:
                follow_hub.follow(self._node)
                seen, day = now, today
            except Exception:
                # What came down stays; the till goes on by what is in force.
                log.exception("follow.failed")
                self._stopping.wait(LOOK_S)
