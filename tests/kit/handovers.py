"""A store's node, a hub that holds its facts, and the blank machine that takes its place."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
from flask.testing import FlaskClient

from cloud.app import create_app
from cloud.db import journal as hub_journal
from cloud.db import stores
from cloud.db.journal import LaneRow
from cloud.db.stores import KeyRow, StoreRow
from cloud.wiring import Core
from edge.db import journal
from edge.db.migrations import steps
from edge.services.hub import replace as replacing
from edge.services.hub.enrolment import Enrolment
from edge.services.hub.handover_door import ReplaceError
from edge.services.hub.replace import Heir
from edge.services.node import Node
from sync.contract import facts, handover
from sync.node import keys, migrate
from sync.node.database import Database
from sync.node.ports import ManualClock, SeededChance
from tests.kit.nodes import STORE, Rig, grant, store_identity

PROJECTED = ("sales", "sale_lines", "sale_tenders", "invites", "day_totals", "prints")


def let_in(core: Core, epoch: int, identity: keys.Identity, store: str = STORE, node: str = "0" * 32) -> None:
    """Let the hub know a node's keys, as an enrolment does."""
    with core.database.write() as tx:
        if stores.store_by_id(tx, store) is None:
            stores.put_store(tx, StoreRow(store, "青瓷巷店", "Celadon Lane", 0, 1))
        public = identity.public
        stores.insert_key(tx, KeyRow(store, epoch, public.key_id, node, public.signing, public.agreement, 1, None))
        stores.set_epoch(tx, store, epoch)


def grant_at(core: Core, epoch: int, store: str = STORE) -> Enrolment:
    """Give what that hub grants."""
    public = core.identity.public
    return msgspec.structs.replace(
        grant(store, epoch),
        tenant=core.hub.settings.tenant,
        hub_signing=base64.b64encode(public.signing).decode(),
        hub_agreement=base64.b64encode(public.agreement).decode(),
    )


def ship(rig: Rig, core: Core, epoch: int = 1, upto: dict[int, int] | None = None, store: str = STORE) -> int:
    """Put the store's facts into the hub as ingest does, of each lane up to a seq; gives how many."""
    count = 0
    with core.database.write() as tx:
        for lane in journal.LANES:
            held = hub_journal.lane_of(tx, store, epoch, lane)
            after = 0 if held is None else held.seq
            last = 1 << 40 if upto is None else upto[lane]
            found = rig.rows(
                "SELECT seq, fact_id, kind, at_ms, chain, raw FROM facts WHERE epoch = ? AND lane = ? AND seq > ?"
                " AND seq <= ? ORDER BY seq",
                (epoch, lane, after, last),
            )
            if not found:
                continue
            first = hub_journal.take_ingest_ids(tx, len(found))
            rows: list[dict[str, Any]] = [
                {"ingest_id": first + at, "store": store, "epoch": epoch, "lane": lane, "seq": seq, "fact_id": fact_id,
                 "kind": kind, "at_ms": at_ms, "received_ms": at_ms, "chain": chain, "raw": raw}
                for at, (seq, fact_id, kind, at_ms, chain, raw) in enumerate(found)
            ]  # fmt: skip
            hub_journal.insert_facts(tx, rows)
            hub_journal.put_lanes(tx, [LaneRow(store, epoch, lane, found[-1][0], found[-1][4], updated_ms=1)])
            count += len(found)
    return count


@dataclass
class Blank:
    """A machine that takes a store's place: its folder, its keys, and how it asks the hub."""

    core: Core
    folder: Path
    epoch: int
    identity: keys.Identity
    client: FlaskClient
    clock: ManualClock
    asked: int = 0

    @classmethod
    def at(cls, core: Core, folder: Path, clock: ManualClock, epoch: int = 2, seed: str = "second machine") -> "Blank":
        """Make one and let the hub know its keys."""
        folder.mkdir(exist_ok=True)
        identity = store_identity(seed)
        let_in(core, epoch, identity)
        return cls(core, folder, epoch, identity, create_app(core.hub).test_client(), clock)

    def ask(self, path: str) -> bytes:
        """Ask the hub as the node does."""
        self.asked += 1
        nonce, at_ms = SeededChance(f"{self.epoch}/{self.asked}").token(16), self.clock.now_ms()
        signature = self.identity.sign(handover.to_sign("GET", path, at_ms, nonce))
        answer = self.client.get(path, headers={"Authorization": handover.header(at_ms, nonce, signature)})
        if answer.status_code != 200:
            raise ReplaceError(f"{answer.status_code} {answer.get_json()['code']}")
        return bytes(answer.data)

    def send(self, path: str, body: bytes) -> None:
        """Send to the hub as the node does."""
        self.asked += 1
        nonce, at_ms = SeededChance(f"{self.epoch}/{self.asked}").token(16), self.clock.now_ms()
        signature = self.identity.sign(handover.to_sign("POST", path, at_ms, nonce))
        headers = {"Authorization": handover.header(at_ms, nonce, signature)}
        answer = self.client.post(path, headers=headers, data=body, content_type="application/octet-stream")
        if answer.status_code != 200:
            raise ReplaceError(f"{answer.status_code} {answer.get_json()['code']}")

    def open(self) -> Database:
        """Open its file."""
        return migrate.opened(self.folder / "node.db", steps)

    def bring_back(self, ask: Callable[[str], bytes] | None = None, tell: replacing.Tell | None = None) -> int:
        """Bring the store back in one go, as the command does."""
        db = self.open()
        try:
            heir = Heir(grant_at(self.core, self.epoch), self.identity, db, self.clock, SeededChance("heir"))
            return replacing.bring_back(heir, ask or self.ask, tell or (lambda _stage, _done, _of: None), self.send)
        finally:
            db.close()

    def rig(self) -> "Successor":
        """Start the node on the folder."""
        return Successor(self)


class Successor(Rig):
    """The node that goes on where the other one stopped."""

    def __init__(self, blank: Blank) -> None:
        self._blank = blank
        super().__init__(blank.folder, seed=f"successor {blank.epoch}")

    def start(self) -> None:
        """Open the file with the keys and the grant of the new machine."""
        self.identity = self._blank.identity
        self._grant = grant_at(self._blank.core, self._blank.epoch)
        super().start()


def projected(rig: Rig) -> dict[str, list[tuple[Any, ...]]]:
    """Give every projection's rows."""
    return {table: rig.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in PROJECTED}


def as_node(rig: Rig, **changes: Any) -> Node:
    """Give the rig's node with other traits."""
    return replace(rig.node, **changes)


def printed(rig: Rig, number: int, sale_id: str) -> None:
    """Let the receipt of a sale come out, as the print queue notes it."""
    from edge.db import print_jobs, projections  # noqa: PLC0415 - only this builder needs them
    from edge.db.journal import Draft  # noqa: PLC0415
    from sync.contract import operations  # noqa: PLC0415
    from sync.contract.operations import PrintSettled  # noqa: PLC0415

    [(job_id, document, copy)] = rig.rows("SELECT job_id, document, copy FROM print_jobs WHERE subject = ?", (sale_id,))
    body = PrintSettled(job_id=job_id, document=document, subject=sale_id, copy=copy, state="confirmed")
    draft = Draft(rig.node.ids.uuid7(), 1, operations.PRINT_CONFIRMED, 1, body)

    def work(tx: Any) -> None:
        for fact in journal.append(tx, rig.node.place(), rig.identity, [draft]):
            projections.project(tx, fact)
        print_jobs.set_state(tx, job_id, "confirmed", "", number)

    rig.db.write(work)


def floor(epoch: int) -> int:
    """Give where an epoch's numbers begin."""
    return facts.number_floor(epoch)
