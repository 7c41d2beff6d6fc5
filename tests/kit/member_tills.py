"""Real nodes beside a real hub, joined without a wire: facts go up, streams come down and questions are answered when a test says so."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from cloud.services import streams
from edge.db.staff import Session
from edge.domain.payment import AskedTender
from edge.domain.refusal import Refused
from edge.services.care import verify_journal
from edge.services.deeds import Done
from edge.services.hub.enrolment import Broker, Enrolment
from edge.services.hub.outbox import NodeOutbox
from edge.services.members import care, join, known, view
from edge.services.members.join import JoinAnswer, JoinCommand, Said
from edge.services.members.known import Known
from edge.services.node import Node
from edge.services.ordering import import_menu
from sync.contract import streams as names
from sync.contract.messages import Answer, Chunk, Pull, Question, StreamBatch
from sync.contract.points import Rules
from sync.engine.questions import Questions, Unknown
from sync.engine.stream_link import StreamLink
from tests.kit.hub_store import NAME, StoreKit, open_file, request
from tests.kit.member_hub import MemberHub
from tests.kit.nodes import AT_TILL_1, COUNTER, MENU, Rig, store_identity, uuid7_hex

TEXT = "2026-11/zh"
PHONE = "13812345678"
BATCH = 200


class Asked(Questions):
    """Answers at once out of the hub's own services; silent while the store is cut off."""

    def __init__(self, answer: Callable[[Question], Answer]) -> None:
        super().__init__()
        self._answer = answer
        self.online = True
        self.lost: set[str] = set()
        """Questions whose answers are lost: the hub does them all the same."""
        self.names: list[str] = []

    def ask(
        self, name: str, body: bytes, *, question_id: bytes, timeout_s: float = 2.0, not_after_ms: int = 0
    ) -> Answer | Unknown:
        self.names.append(name)
        if not self.online:
            return Unknown(question_id)
        question = Question(id=question_id, name=name, body=body, not_after_ms=not_after_ms)
        answer = self._answer(question)
        return Unknown(question_id) if name in self.lost else answer


class Till:
    """A store with its node; `MemberHub.settle` sends what it wrote."""

    def __init__(
        self,
        hub: MemberHub,
        name: str,
        folder: Path,
        seed: str = "",
        devices: Sequence[dict[str, Any]] = (COUNTER,),
    ) -> None:
        self.hub = hub
        self.name = name
        identity = store_identity(seed or name)
        code = hub.kit.enrolment.make_code(name, NAME)
        granted: Any = hub.kit.enrolment.redeem(request(name, code.code, identity))
        self.epoch = granted.epoch
        self.kit = StoreKit(hub.kit, name, granted.epoch, identity)
        self.rig = Rig(folder, store=name, enrolled=False, seed=seed or name, devices=devices)
        self.rig.db.close()
        self.rig.clock = hub.clock
        self.rig._ids._clock = hub.clock
        self.rig.settings = replace_settings(self.rig.settings)
        self.rig._grant = Enrolment(
            tenant=granted.tenant,
            store=name,
            epoch=granted.epoch,
            node="0" * 32,
            hub_signing=granted.hub_signing,
            hub_agreement=granted.hub_agreement,
            name=granted.name,
            broker=Broker(host="127.0.0.1", port=1, username="x", token="x"),
            public_url=granted.public_url,
        )
        self.rig.start()
        self.questions = Asked(self._answer)
        self.rig.node = replace(self.rig.node, questions=self.questions)
        import_menu.bring_into_force(self.rig.node, MENU)
        self._sent = {0: 0, 1: 0}
        self._out: list[Pull] = []
        self._numbers = 0
        self.begin_session()

    @property
    def node(self) -> Node:
        return self.rig.node

    @property
    def online(self) -> bool:
        return self.questions.online

    @online.setter
    def online(self, value: bool) -> None:
        self.questions.online = value

    def close(self) -> None:
        self.node.members.close()
        self.rig.db.close()

    def new_id(self) -> str:
        """The next id that this till draws."""
        self._numbers += 1
        return uuid7_hex(self._numbers + 1_000 * len(self.name) + sum(self.name.encode()) * 100_000)

    # --------------------------------------------------------------------------------------------------------- the wire

    def begin_session(self) -> None:
        self.link = StreamLink(NodeOutbox(self.node), names.followed_by(self.name), self._out.append, self.hub.clock)

    def send(self) -> None:
        """Let the hub have every fact of this epoch that it does not have."""
        if not self.online:
            return
        for lane in (0, 1):
            rows = self.rig.rows("SELECT raw FROM facts WHERE epoch = ? AND lane = ? ORDER BY seq", (self.epoch, lane))
            self.kit.lanes[lane] = [bytes(raw) for (raw,) in rows]
            total = len(rows)
            while self._sent[lane] < total:
                last = min(total, self._sent[lane] + BATCH)
                self.hub.kit.ingest.receive([self.kit.batch(self._sent[lane] + 1, last, lane)])
                self._sent[lane] = last

    def pull(self) -> None:
        """Let every stream come down."""
        if not self.online:
            return
        self._out.clear()
        self.link.link_down()
        with self.hub.database.read() as reader:
            self.link.opened(streams.heads(reader, self.name), b"s")
            while self._out:
                self.hub.clock.advance(1)
                answer = streams.answer(reader, self.name, self._out.pop(0))
                assert answer is not None
                if isinstance(answer[1], StreamBatch):
                    self.link.batch(answer[1])
                elif isinstance(answer[1], Chunk):
                    self.link.chunk(answer[1])

    def sync(self) -> None:
        """Everything up, booked, everything down, and what follows from it."""
        self.hub.settle(self)  # type: ignore[arg-type]
        self.pull()
        care.care(self.node)
        self.hub.settle(self)  # type: ignore[arg-type]
        self.pull()
        care.care(self.node)

    def _answer(self, question: Question) -> Answer:
        with self.hub.database.write() as tx:
            return self.hub.questions(tx, self.name, self.epoch, question)

    # ----------------------------------------------------------------------------------------------------- what happens

    def join(self, phone: str = "", who: Session | None = AT_TILL_1, **changes: Any) -> JoinAnswer:
        """Let somebody join who must be able to."""
        done = self.try_join(phone, who, **changes)
        assert isinstance(done, Done), done
        return join.read_answer(done.answer)

    def try_join(self, phone: str = "", who: Session | None = AT_TILL_1, **changes: Any) -> Done | Refused:
        return join.join(self.node, who, self.join_command(phone, **changes))

    def join_command(self, phone: str = "", **changes: Any) -> JoinCommand:
        said = changes.pop("said", Said(phone=phone))
        fields: dict[str, Any] = {
            "request_id": self.new_id(),
            "consents": ("membership", "sharing", "profiling"),
            "text": TEXT,
            "said": said,
        }
        return JoinCommand(**{**fields, **changes})

    def known(self, member_id: str) -> Known:
        with self.rig.db.read() as reader:
            found = known.find(self.node, reader, member_id)
        assert found is not None
        return found

    def view(self, member_id: str) -> view.MemberView:
        found = view.member(self.node, member_id)
        assert found is not None
        return found

    def facts(self, kind: str) -> list[dict[str, Any]]:
        rows = self.rig.rows("SELECT raw FROM facts WHERE kind = ? ORDER BY n", (kind,))
        return [msgspec.json.decode(raw)["body"] for (raw,) in rows]

    def verified(self) -> None:
        """See that the journal and all that stands beside it hold."""
        found = verify_journal.verify(self.node)
        assert found.ok, found


def replace_settings(settings: Any) -> Any:
    return msgspec.structs.replace(settings, store=msgspec.structs.replace(settings.store, members=True))


def cash(fen: int) -> AskedTender:
    return AskedTender(kind="cash", received_fen=fen)


def points(fen: int) -> AskedTender:
    return AskedTender(kind="points", amount_fen=fen)


class World:
    """A hub and stores by name, on one clock."""

    def __init__(self, folder: Path, rules: Rules | None = None) -> None:
        self.folder = folder
        self.database = open_file(folder / "hub.db")
        self.hub = MemberHub(self.database, folder, rules=rules)
        self.tills: list[Till] = []

    def till(self, name: str = "near", devices: Sequence[dict[str, Any]] = (COUNTER,)) -> Till:
        """Give a new store, or another computer for one that there is."""
        number = len(self.tills)
        till = Till(self.hub, name, self.folder / f"node-{name}-{number}", f"{name}-{number}", devices)
        self.hub.stores[name] = till  # type: ignore[assignment]
        self.tills.append(till)
        till.sync()
        return till

    def sync(self) -> None:
        """Let everybody hear everything."""
        for _ in range(2):
            for till in self.tills:
                till.sync()

    def close(self) -> None:
        for till in self.tills:
            till.close()
        self.hub.keys.close()
        self.database.close()


@contextmanager
def world(folder: Path, rules: Rules | None = None) -> Iterator[World]:
    made = World(folder, rules)
    yield made
    made.hub.kit.projector.catch_up()
    parked = made.hub.kit.parked()
    made.close()
    assert parked == [], "the hub takes every fact of ours"


__all__ = ["PHONE", "TEXT", "Asked", "Till", "World", "cash", "points", "world"]
