"""A hub's stream and a store's end joined by a line that loses, doubles, delays and damages, all out of one seed."""

import random
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from sync.contract import streams
from sync.contract.messages import Chunk, Operation, Pull, Snapshot, StreamBatch, StreamHead
from sync.engine.stream_link import Fetch, StreamLink
from sync.node import packing
from sync.node.ports import ManualClock

STREAM = "menu"
LIMIT = 7
PIECE_BYTES = 40
"""A state of some hundred bytes takes many pieces."""


class Log:
    """A hub's log with a floor, in memory: what `cloud.services.streams` does with tables."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.snapshot: Snapshot | None = None
        self.pieces: dict[bytes, bytes] = {}

    @property
    def head(self) -> StreamHead:
        checksum = streams.checksum_start(STREAM)
        for operation in self.operations:
            checksum = streams.checksum_next(checksum, operation)
        return StreamHead(len(self.operations), checksum)

    def state(self) -> dict[str, bytes]:
        return streams.fold({}, self.operations)

    def put(self, key: str, value: bytes, op: str = "put") -> None:
        step = Operation(version=len(self.operations) + 1, op=op, key=key, value=b"" if op == "remove" else value)
        self.operations.append(step)

    def fold(self) -> None:
        """Fold everything so far away."""
        packed = packing.pack(streams.encode_state(self.state()))
        pieces = streams.cut(packed, PIECE_BYTES)
        self.snapshot = streams.describe(self.head.version, self.head.checksum, packed, pieces)
        self.pieces = dict(zip(self.snapshot.chunks, pieces, strict=True))

    def answer(self, pull: Pull) -> StreamBatch | Chunk:
        if pull.chunk in self.pieces:
            return Chunk(stream=STREAM, digest=pull.chunk, data=self.pieces[pull.chunk], session=pull.session)
        head = self.head
        after = max(0, min(pull.after, head.version))
        batch = StreamBatch(
            stream=STREAM, after=pull.after, head=head.version, operations=(), checksum=head.checksum,
            session=pull.session,
        )  # fmt: skip
        if self.snapshot is not None and after < self.snapshot.version:
            return msgspec.structs.replace(batch, snapshot=self.snapshot)
        steps = tuple(self.operations[after : after + LIMIT])
        checksum = streams.checksum_start(STREAM)
        for operation in self.operations[: after + len(steps)]:
            checksum = streams.checksum_next(checksum, operation)
        return msgspec.structs.replace(batch, operations=steps, checksum=checksum)


@dataclass
class Disk:
    """A store's file in memory, by the same rules as `edge.db.streams`; it outlives the link."""

    head: StreamHead = field(default_factory=lambda: StreamHead(0, streams.checksum_start(STREAM)))
    items: dict[str, bytes] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    fetch: Snapshot | None = None
    pieces: dict[bytes, bytes] = field(default_factory=dict)
    asked: int = 0

    def stream_heads(self) -> dict[str, StreamHead]:
        return {STREAM: self.head} if self.head.version or self.doubted else {}

    def apply_stream(self, batch: StreamBatch) -> int | None:
        if batch.after != self.head.version:
            return self.head.version
        checksum = streams.checksum_after(self.head.checksum, batch)
        if checksum is None:
            self.doubted = set(self.items)
            self.head = StreamHead(0, streams.checksum_start(STREAM))
            return None
        for operation in batch.operations:
            self.doubted.discard(operation.key)
        self.items = streams.fold(self.items, batch.operations)
        self.head = StreamHead(batch.after + len(batch.operations), checksum)
        if self.head.version >= batch.head:
            self.items = {key: value for key, value in self.items.items() if key not in self.doubted}
            self.doubted = set()
        return self.head.version

    def fetches(self) -> dict[str, Fetch]:
        return {} if self.fetch is None else {STREAM: Fetch(self.fetch, frozenset(self.pieces))}

    def begin_fetch(self, stream: str, snapshot: Snapshot) -> frozenset[bytes]:
        self.fetch = snapshot
        self.pieces = {digest: data for digest, data in self.pieces.items() if digest in snapshot.chunks}
        return frozenset(self.pieces)

    def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
        self.asked += 1
        self.pieces[digest] = data

    def take_snapshot(self, stream: str) -> int | None:
        assert self.fetch is not None
        snapshot, pieces = self.fetch, self.pieces
        self.fetch, self.pieces = None, {}
        try:
            packed = streams.joined(snapshot, pieces)
            self.items = streams.decode_state(packing.unpack(packed, 1 << 28))
        except ValueError:
            return None
        self.head, self.doubted = StreamHead(snapshot.version, snapshot.checksum), set()
        return snapshot.version


class Luck(NamedTuple):
    """What happens to messages of either direction, as shares of one."""

    lose: float = 0.0
    double: float = 0.0
    late: float = 0.0
    damage: float = 0.0
    restart: float = 0.0
    fold: float = 0.0


class World:
    """Both ends and the line, a turn of 200 ms at a time."""

    def __init__(self, seed: str, luck: Luck, link: type[StreamLink] = StreamLink) -> None:
        self.dice = random.Random(seed)
        self.luck = luck
        self.log, self.disk, self.clock = Log(), Disk(), ManualClock()
        self.make_link = link
        self.sessions = 0
        self.wire: list[tuple[int, Pull | StreamBatch | Chunk]] = []
        self.turn = 0
        self.pulled = 0
        self.open()

    def open(self) -> None:
        """Begin a session; what is under way belongs to the one before."""
        self.sessions += 1
        self.session = b"session %d" % self.sessions
        self.link = self.make_link(self.disk, (STREAM,), self._send, self.clock)
        self.link.opened({STREAM: self.log.head.version}, self.session)

    def step(self) -> None:
        self.turn += 1
        self.clock.advance(200)
        if self.dice.random() < self.luck.restart:
            self.open()
        if self.dice.random() < self.luck.fold:
            self.log.fold()
        due = [message for at, message in self.wire if at <= self.turn]
        self.wire = [(at, message) for at, message in self.wire if at > self.turn]
        for message in due:
            if isinstance(message, Pull):
                self._post(self.log.answer(message))
            elif isinstance(message, StreamBatch):
                self.link.batch(message)
            else:
                self.link.chunk(message)
        self.link.tick()

    def calm(self) -> None:
        """Let the line be good from now on, in a fresh session."""
        self.luck = Luck()
        self.open()

    def agreed(self) -> bool:
        return self.disk.head == self.log.head and self.disk.items == self.log.state()

    def _send(self, pull: Pull) -> None:
        self.pulled += 1
        self._post(pull)

    def _post(self, message: Pull | StreamBatch | Chunk) -> None:
        if self.dice.random() < self.luck.lose:
            return
        if isinstance(message, Chunk) and self.dice.random() < self.luck.damage:
            message = msgspec.structs.replace(message, data=message.data[:-1] + bytes([message.data[-1] ^ 1]))
        for _ in range(2 if self.dice.random() < self.luck.double else 1):
            delay = self.dice.randint(1, 30) if self.dice.random() < self.luck.late else 1
            self.wire.append((self.turn + delay, message))


def rough(dice: random.Random) -> Luck:
    """Draw foul weather."""
    return Luck(
        lose=dice.choice((0.0, 0.2, 0.5)),
        double=dice.choice((0.0, 0.3)),
        late=dice.choice((0.0, 0.3)),
        damage=dice.choice((0.0, 0.3)),
        restart=dice.choice((0.0, 0.02, 0.1)),
        fold=dice.choice((0.0, 0.02)),
    )
