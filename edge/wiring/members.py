"""The thread that looks after members: keys, index, grants. It asks the hub, so it stands beside the link and the till."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from edge.services.members import care
from edge.services.members.desk import MemberDesk
from edge.services.node import Node
from sync.node import member_keys
from sync.node.keys import Identity
from sync.node.member_keys import MemberKeys
from sync.node.ports import Chance

LOOK_S = 5.0
"""A key that is to be handed in waits no longer than this once there is a session."""
STOP_S = 5

log = logging.getLogger(__name__)


def open_desk(folder: Path, identity: Identity, chance: Chance) -> MemberDesk:
    """Open the file of members' keys, apart from the database: no copy of that holds a key."""
    return MemberDesk(MemberKeys(folder / member_keys.FILE, member_keys.wrapping_of(identity.journal), chance))


class MemberCare:
    """Works whenever something came down, and every few seconds."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="members", daemon=True)

    def start(self) -> None:
        """Begin with whatever a stop left undone."""
        self._thread.start()

    def stop(self) -> None:
        """End after the work in hand."""
        self._stopping.set()
        self._node.steered.notify()
        self._thread.join(timeout=STOP_S)

    def _run(self) -> None:
        seen = 0
        while not self._stopping.is_set():
            try:
                care.care(self._node)
            except Exception:
                # What is due stays noted; the till goes on.
                log.exception("members.failed")
                self._stopping.wait(LOOK_S)
            seen = self._node.steered.wait(seen, LOOK_S)


def start(node: Node, stops: list[Callable[[], None]]) -> None:
    """Look after members for as long as the node runs."""
    stops.append(node.members.close)
    if node.training:
        return
    worker = MemberCare(node)
    worker.start()
    stops.append(worker.stop)
