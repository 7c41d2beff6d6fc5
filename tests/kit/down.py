"""A real hub's streams and a real node's file joined without a wire: what HQ publishes and orders arrives at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from cloud.services import streams
from cloud.services.commands import Orders
from cloud.services.publish import Order, Outcome, Publisher
from edge.services.hub import follow_hub
from edge.services.hub.outbox import NodeOutbox
from edge.services.node import Node
from sync.contract import streams as contract
from sync.contract.messages import Chunk, Pull, StreamBatch
from sync.contract.sheets import File
from sync.engine.stream_link import StreamLink
from tests.kit.hub_store import NAME, HubKit, open_file, zone
from tests.kit.nodes import MENU, STORE, Rig

PRICED = msgspec.structs.replace(
    MENU, dishes=tuple(msgspec.structs.replace(dish, price_fen=max(dish.price_fen, 100)) for dish in MENU.dishes)
)
"""The menu of the rigs, with a price on every dish."""


@dataclass
class Down:
    """Both ends, on one clock."""

    hub: HubKit
    rig: Rig

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.hub.database, clock=self.hub.clock, zone=zone(), cutoff_minutes=240)
        self.orders = Orders(self.hub.database, clock=self.hub.clock, chance=self.hub.chance)
        self.restart()

    @property
    def node(self) -> Node:
        return self.rig.node

    @property
    def day(self) -> str:
        return self.publisher.today()

    def restart(self) -> None:
        """Begin a session anew, as after a restart of the node."""
        self._out: list[Pull] = []
        self.link = StreamLink(NodeOutbox(self.node), contract.followed_by(STORE), self._out.append, self.hub.clock)

    def pull(self) -> None:
        """Let everything come down that there is, and nothing follow from it yet."""
        with self.hub.database.read() as reader:
            self.link.opened(streams.heads(reader, STORE), b"s")
            while self._out:
                self.hub.clock.advance(1)
                answer = streams.answer(reader, STORE, self._out.pop(0))
                assert answer is not None
                if isinstance(answer[1], StreamBatch):
                    self.link.batch(answer[1])
                elif isinstance(answer[1], Chunk):
                    self.link.chunk(answer[1])

    def arrive(self) -> None:
        """Let everything come down, and be done."""
        self.pull()
        follow_hub.follow(self.node)

    def publish(self, what: str, content: bytes, name: str, **order) -> Outcome:
        return self.publisher.publish(Order(what=what, file=File(name, content), **order))

    def menu(self, menu=PRICED, **order) -> Outcome:
        return self.publish("menu", msgspec.json.encode(menu), "menu.json", **order)

    def prices(self, *lines: str, **order) -> Outcome:
        text = "\n".join(("code,price", *lines)) + "\n"
        return self.publish("prices", text.encode(), "prices.csv", **order)

    def price_of(self, code: str) -> int:
        """Give what a dish costs at the till now."""
        catalogue = self.node.shelf.catalogue
        assert catalogue is not None
        return next(dish.price_fen for dish in catalogue.menu.dishes if dish.code == code)

    def facts(self, kind: str) -> list[dict[str, object]]:
        """Give the bodies of the node's facts of a kind."""
        rows = self.rig.rows("SELECT raw FROM facts WHERE kind = ? ORDER BY n", (kind,))
        return [msgspec.json.decode(raw)["body"] for (raw,) in rows]


@contextmanager
def down(folder: Path) -> Iterator[Down]:
    """A hub on SQLite with one enrolled store, and that store's node; both on the hub's clock."""
    database = open_file(folder / "hub.db")
    with Rig(folder / "node", store=STORE) as rig:
        hub = HubKit(database, folder, clock=rig.clock)
        code = hub.enrolment.make_code(STORE, NAME)
        assert code is not None
        rig.node = replace(rig.node)
        yield Down(hub, rig)
    database.close()
