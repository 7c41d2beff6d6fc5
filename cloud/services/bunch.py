"""What a bunch of messages comes to before any of it is written: facts, lanes moved, answers, news of stores, counts."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cloud.db import journal, stores
from cloud.db.engine import Reader
from cloud.db.journal import LaneMarks, LaneRow
from cloud.db.presence import PresenceRow
from cloud.services.gate import Arrival, End
from sync.contract import facts, messages
from sync.contract.envelope import MessageKind
from sync.contract.messages import LaneCheckpoint

LaneKey = tuple[str, int, int]
Outgoing = list[tuple[str, bytes]]


class LeaseLost(Exception):
    """This worker may no longer write for a store of the bunch: another one does. Nothing of the bunch is kept."""


@dataclass
class Bunch:
    """The work in hand. What was read for judging is held here, so that every message is judged by the same view.

    Attributes:
        now_ms: wall time of the hub, one for all of the bunch.
        steady_ms: the same moment on the clock that never steps: for how long something lasted.
        lanes: lanes that were looked at, as they will be.
        moved: those of them that must be written.
        acks: lanes to acknowledge, and the gap to name.
        seen: stores that were heard, and up to when their data reaches now.
        sessions: stores that were greeted, each with why it got no session, or None.
        beaten: the `wall_ms` of each (store, epoch)'s heartbeat.
        parted: (store, epoch) that were replaced and have nothing left to hand over.
        stale: (store, epoch) whose key was revoked while a session stood.
        told: (store, epoch) that said that they heard of it.
    """

    now_ms: int
    steady_ms: int
    lanes: dict[LaneKey, LaneRow] = field(default_factory=dict)
    moved: set[LaneKey] = field(default_factory=set)
    facts: list[dict[str, Any]] = field(default_factory=list)
    acks: dict[LaneKey, tuple[End, int | None]] = field(default_factory=dict)
    replies: Outgoing = field(default_factory=list)
    seen: dict[str, int | None] = field(default_factory=dict)
    beats: dict[str, PresenceRow] = field(default_factory=dict)
    holdings: dict[str, dict[str, int]] = field(default_factory=dict)
    sessions: dict[str, str | None] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    late: dict[LaneKey, int] = field(default_factory=dict)
    parted: set[tuple[str, int]] = field(default_factory=set)
    stale: dict[tuple[str, int], End] = field(default_factory=dict)
    told: set[tuple[str, int]] = field(default_factory=set)
    beaten: dict[tuple[str, int], int] = field(default_factory=dict)
    _marks: dict[LaneKey, LaneMarks] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget what was looked at before the write lock: it may be old by now."""
        self.lanes.clear()
        self._marks.clear()
        self._epochs.clear()

    def lane(self, reader: Reader, key: LaneKey) -> LaneRow:
        """Give a lane as it is held, or as this bunch will leave it; at its genesis before its first fact."""
        if key not in self.lanes:
            held = journal.lane_of(reader, *key)
            self.lanes[key] = held or LaneRow(*key, 0, facts.genesis(*key))
        return self.lanes[key]

    def lane_of(self, reader: Reader, one: Arrival) -> LaneRow:
        """Give the lane that a message names."""
        return self.lane(reader, (one.store, one.epoch, one.header.lane))

    def move(self, lane: LaneRow) -> None:
        """Note that a lane must be written as it is here."""
        key = (lane.store, lane.epoch, lane.lane)
        self.lanes[key] = msgspec.structs.replace(lane, updated_ms=self.now_ms)
        self.moved.add(key)

    def marks(self, reader: Reader, key: LaneKey) -> LaneMarks:
        """Give what is noted of a lane beside its place."""
        if key not in self._marks:
            self._marks[key] = journal.marks_of(reader, *key)
        return self._marks[key]

    def fenced(self, reader: Reader, one: Arrival) -> bool:
        """Say whether a message comes from an epoch that was replaced: its facts count, its rights do not."""
        if one.store not in self._epochs:
            held = stores.store_by_id(reader, one.store)
            self._epochs[one.store] = 0 if held is None else held.epoch
        return one.epoch < self._epochs[one.store]

    def saw(self, store: str, data_as_of_ms: int | None = None) -> None:
        """Note that a store was heard."""
        held = self.seen.get(store)
        known = [at_ms for at_ms in (held, data_as_of_ms) if at_ms is not None]
        self.seen[store] = max(known) if known else None
        self.left.discard(store)

    def reply(self, one: Arrival, topic: str, kind: MessageKind, body: msgspec.Struct) -> None:
        """Seal an answer to whoever sent a message."""
        self.replies.append((topic, one.end.sealer.seal(kind, messages.encode(body))))

    @property
    def stores(self) -> set[str]:
        """Every store that this bunch writes something of."""
        touched = {store for store, _, _ in self.moved} | set(self.seen) | set(self.beats) | self.left
        return touched | {store for _, store in self.refused if store}


def held(lane: LaneRow) -> LaneCheckpoint:
    """Give a lane's place in the words of the wire."""
    return LaneCheckpoint(lane.seq, lane.chain)
