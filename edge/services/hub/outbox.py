"""The node's file as the link sees it: what to send, what the hub said, what came down."""

from edge.db import journal, sales, streams
from edge.services.care import alarms, disk
from edge.services.node import Node
from sync.contract.messages import Heartbeat, LaneHead, Snapshot, StreamBatch, StreamHead
from sync.engine.store_link import Batch
from sync.engine.stream_link import Fetch
from sync.node.database import Tx
from sync.node.disk import MIB


class NodeOutbox:
    """`sync.engine.store_link.Outbox` over the node's database, for the epoch of now or for one that still owes facts."""

    def __init__(self, node: Node, epoch: int | None = None) -> None:
        assert node.enrolment is not None
        self._node = node
        self._store = node.enrolment.store
        self._epoch = node.enrolment.epoch if epoch is None else epoch
        self._is_now = self._epoch == node.enrolment.epoch

    def heads(self) -> dict[int, LaneHead]:
        """Where the lanes stand."""
        with self._node.db.read() as reader:
            return journal.heads(reader, self._epoch)

    def read(self, lane: int, first: int, last: int) -> Batch:
        """Read facts for sending."""
        with self._node.db.read() as reader:
            return self._node.archives.read_batch(reader, (self._store, self._epoch, lane), first, last)

    def keep_ack(self, lane: int, seq: int, chain: bytes, proof: bytes) -> None:
        """Keep the hub's word; the same word again costs no commit."""
        if (held := self.heads()[lane]).acked_seq == seq and held.acked_chain == chain:
            return
        now_ms = self._node.clock.now_ms()

        def work(tx: Tx) -> None:
            journal.keep_ack(tx, self._epoch, lane, (seq, chain), proof)
            journal.set_counter(tx, journal.ACKED_MS, now_ms)

        self._node.db.write(work)
        self._node.changed.notify()

    def keep_durable(self, lane: int, seq: int) -> None:
        """Keep how far a backup of the hub has a lane: compaction waits for it."""
        self._node.db.write(lambda tx: journal.keep_durable(tx, self._epoch, lane, seq))

    def keep_fenced(self) -> None:
        """Keep that the hub gave this store to another computer; of an older epoch it is no news."""
        if self._is_now:
            self._node.fence.put(self._node.db, self._epoch)
            self._node.changed.notify()

    def keep_revoked(self) -> None:
        """Keep that the hub revoked this computer's key; of an older epoch it is no news."""
        if self._is_now:
            self._node.revocation.put(self._node.db, self._epoch)
            self._node.changed.notify()

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the streams stand."""
        with self._node.db.read() as reader:
            return streams.heads(reader)

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply what came down, and say so to what waits for it."""
        version = self._node.db.write(lambda tx: streams.apply(tx, batch))
        if batch.operations:
            self._node.steered.notify()
        return version

    def fetches(self) -> dict[str, Fetch]:
        """Give the snapshots that are on their way."""
        with self._node.db.read() as reader:
            return streams.fetches(reader)

    def begin_fetch(self, stream: str, snapshot: Snapshot) -> frozenset[bytes]:
        """Keep that a snapshot is being fetched; give the pieces that are here."""
        return self._node.db.write(lambda tx: streams.begin_fetch(tx, stream, snapshot))

    def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
        """Keep a piece that was checked."""
        self._node.db.write(lambda tx: streams.keep_piece(tx, stream, digest, data))

    def take_snapshot(self, stream: str) -> int | None:
        """Bring a snapshot into force, whose pieces are all here."""
        version = self._node.db.write(lambda tx: streams.take_snapshot(tx, stream))
        self._node.steered.notify()
        return version

    def heartbeat(self) -> Heartbeat:
        """How the store is: what waits, and the day's totals, so that HQ has figures before the backlog is in."""
        place = self._node.place()
        with self._node.db.read() as reader:
            heads = journal.heads(reader, self._epoch)
            day = sales.day_totals(reader, place.day)
            oldest_ms = journal.oldest_waiting_ms(reader, self._epoch)
            held = streams.heads(reader)
            codes = alarms.open_codes(reader, place.epoch)
        room, watch = disk.state_of(self._node.disk), self._node.clock_watch
        return Heartbeat(
            wall_ms=place.at_ms,
            waiting={lane: head.head_seq - head.acked_seq for lane, head in heads.items()},
            oldest_waiting_ms=oldest_ms,
            day=place.day,
            day_sales=day[0][1] if day else 0,
            day_amount_fen=day[0][2] if day else 0,
            streams={name: head.version for name, head in held.items() if head.version},
            disk_free_mb=None if room.free_bytes is None else room.free_bytes // MIB,
            clock_offset_ms=None if watch is None else watch.view().offset_ms,
            alarms=codes,
        )

    def merge_time(self, hub_ms: int, asked_ms: int) -> None:
        """Let the hybrid clock pass the hub's time, and let the watch of the wall clock compare."""
        if self._node.clock_watch is not None:
            self._node.clock_watch.hub_said(hub_ms, asked_ms)
        self._node.db.write(lambda tx: journal.merge_time(tx, self._node.clock.now_ms(), hub_ms))

    def compare_time(self, hub_ms: int, asked_ms: int) -> None:
        """Let the watch of the wall clock compare; nothing is written."""
        if self._node.clock_watch is not None:
            self._node.clock_watch.hub_said(hub_ms, asked_ms)

    def hlc(self) -> int:
        """The hybrid clock's last value."""
        with self._node.db.read() as reader:
            return journal.counter(reader, "hlc")
