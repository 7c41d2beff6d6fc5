"""Several real nodes and a real hub on one clock, joined by hand: each store's facts, commands and questions travel when a test lets them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cloud.services import fact_rows, streams
from cloud.services.elsewhere import Elsewhere
from cloud.services.questions import Questions as AtHub
from edge.services.hub import hub_commands
from edge.services.node import Node
from sync.contract import streams as contract
from sync.contract.messages import Answer, Question
from sync.engine.questions import Questions, Unknown
from tests.kit.hub_store import HubKit, open_file, request
from tests.kit.nodes import COUNTER, Rig
from tests.kit.people import staffed

SOLD, GUEST, THIRD = "qingci", "north", "south"
"""The store that sells, the one where the guest stands, and another one."""
DRAWER: dict[str, Any] = {"kind": "drawer", "id": "drawer", "printer": "counter"}


class Line(Questions):
    """A store's questions, asked of the hub at once; a line that is cut is silent, and one that `loses` brings no answer."""

    def __init__(self, apart: "Apart", store: str) -> None:
        super().__init__()
        self.apart = apart
        self.store = store
        self.cut = False
        self.loses = False
        self.asked: list[str] = []

    def ask(
        self, name: str, body: bytes, *, question_id: bytes, timeout_s: float = 2.0, not_after_ms: int = 0
    ) -> Answer | Unknown:
        if self.cut:
            return Unknown(question_id)
        self.asked.append(name)
        question = Question(id=question_id, name=name, body=body, not_after_ms=not_after_ms)
        with self.apart.hub.database.write() as tx:
            answer = self.apart.questions(tx, self.store, 1, question)
        return Unknown(question_id) if self.loses else answer


@dataclass
class Apart:
    """A hub and stores that are joined by nothing but what a test carries."""

    hub: HubKit
    rigs: dict[str, Rig] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.questions = AtHub(Elsewhere(self.hub.clock, self.hub.invites).handlers(), self.hub.clock)

    def add(self, store: str, rig: Rig) -> None:
        """Enrol a store at the hub and put its node on the line."""
        code = self.hub.enrolment.make_code(store, self.hub_name(store)).code
        self.hub.enrolment.redeem(request(store, code, rig.identity))
        self.lines[store] = Line(self, store)
        rig.node = replace(rig.node, questions=self.lines[store])
        self.rigs[store] = rig
        self.carried[store] = 0

    @staticmethod
    def hub_name(store: str) -> Any:
        from sync.contract.words import Name  # noqa: PLC0415

        return Name(f"{store}店", store)

    def node(self, store: str) -> Node:
        return self.rigs[store].node

    def up(self, store: str) -> None:
        """Let a store's facts reach the hub and its read models."""
        rows = self.rigs[store].rows(
            "SELECT n, epoch, lane, seq, chain, raw FROM facts WHERE n > ? ORDER BY n", (self.carried[store],)
        )
        if rows:
            self.carried[store] = rows[-1][0]
            now_ms = self.hub.clock.now_ms()
            with self.hub.database.write() as tx:
                fact_rows.insert(
                    tx,
                    [
                        {"store": store, "epoch": epoch, "lane": lane, "seq": seq, "chain": bytes(chain),
                         "received_ms": now_ms, **fact_rows.of_bytes(bytes(raw))}
                        for _, epoch, lane, seq, chain, raw in rows
                    ],
                )  # fmt: skip
        self.hub.projector.catch_up()

    def down(self, store: str) -> None:
        """Let a store hear the commands that it was given, and do them."""
        stream = contract.own(contract.COMMANDS, store)
        with self.hub.database.read() as reader:
            held = streams.state_at_head(reader, stream)

        def keep(tx: Any) -> None:
            for key, value in held.items():
                tx.execute(
                    "INSERT OR REPLACE INTO stream_items (stream, key, value, doubted) VALUES (?, ?, ?, 0)",
                    (stream, key, value),
                )

        self.rigs[store].db.write(keep)
        hub_commands.run_waiting(self.node(store))

    def heard(self, store: str) -> None:
        """Let a store hear its commands, and the hub what came of them."""
        self.down(store)
        self.up(store)


@contextmanager
def apart(folder: Path, *stores: str) -> Iterator[Apart]:
    """A hub on SQLite and real nodes of these stores, with people, printer and drawer."""
    with ExitStack() as stack:
        database = open_file(folder / "hub.db")
        stack.callback(database.close)
        first = stores[0]
        rigs = {
            store: stack.enter_context(Rig(folder / store, store=store, seed=store, devices=(COUNTER, DRAWER)))
            for store in stores
        }
        hub = HubKit(database, folder, clock=rigs[first].clock)
        made = Apart(hub)
        for store, rig in rigs.items():
            # One clock for all of them: a manual one moves when a test moves it.
            rig.clock = hub.clock
            rig.node = replace(rig.node, clock=hub.clock)
            made.add(store, rig)
            staffed(rig)
        yield made
