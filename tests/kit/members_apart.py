"""The demo's two stores and hub as real processes, both stores with guests' Wi-Fi, on clocks that a test may move."""

import socket
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from scripts import demo_orders
from scripts.demo_client import Door, hub, till
from scripts.demo_world import Process, World
from sync.node.ports import IdSource, SystemChance, SystemClock
from tests.kit.waiting import until

DAY_MS = 86_400_000
IDS = IdSource(SystemClock(), SystemChance())
_MOVED = {"edge", "cloud"}


@dataclass
class Apart(World):
    """A world whose hub and nodes believe that it is later than it is."""

    guests: dict[str, str] = field(default_factory=dict)
    """Where each store serves guests' phones."""

    @classmethod
    def at(cls, folder: Path) -> "Apart":
        """Give one that is not started yet."""
        world = cls(folder, "embedded", demo_orders.demo_menu(), say=lambda _step: None, desk=False)
        world._ahead.write_text("0", encoding="ascii")
        return world

    def later(self, days: int) -> None:
        """Let so many days pass: everything is stopped, and started again on that day."""
        for process in (*(store.node for store in self.stores), self.hub):
            process.stop()
        self._ahead.write_text(str(days * DAY_MS), encoding="ascii")
        for process in (self.hub, *(store.node for store in self.stores)):
            process.start()
        self.look_through()

    def look_through(self) -> None:
        """Look through the opening list of every till, so that nobody is reminded of it."""
        for store in self.stores:
            for number in self.tills:
                door = till(store, number)
                answer = door.ask("POST", "/api/v1/house/opening", {"request_id": IDS.uuid7().hex()})
                assert answer.fine, answer
                door.close()

    def points(self) -> dict[str, int]:
        """Say what HQ's book comes to."""
        with closing(hub(self.console_url, self.api_token)) as door:
            found: dict[str, int] = door.ask_patiently("GET", "/api/v1/points").body
        return found

    def caught_up(self) -> None:
        """Wait until HQ has every fact."""
        for store in self.stores:
            with closing(till(store)) as door:
                until(partial(_nothing_waits, door))

    @property
    def _ahead(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / "ahead_ms"

    def _process(self, name: str, command: list[str]) -> Process:
        if command[1] == "-m" and command[2] in _MOVED:
            command = [command[0], "-m", "tests.kit.ahead", str(self._ahead), *command[2:]]
        return super()._process(name, command)

    def _other_listeners(self, store_id: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        self.guests[store_id] = f"http://127.0.0.1:{port}"
        return f', guest_host = "127.0.0.1", guest_port = {port}'


def _nothing_waits(door: Door) -> bool:
    told = door.ask_patiently("GET", "/api/v1/status").body["hub"]
    return not told["waiting"]["trade"]
