"""The node's file as the link sees it: what to send, what the hub said, what came down."""

from edge.db import journal, sales, streams
from edge.services.node import Node
from sync.contract.messages import Heartbeat, LaneHead, StreamBatch, StreamHead
from sync.engine.store_link import Batch


class NodeOutbox:
    """`sync.engine.store_link.Outbox` over the node's database."""

    def __init__(self, node: Node) -> None:
        assert node.enrolment is not None
        self._node = node
        self._store = node.enrolment.store
        self._epoch = node.enrolment.epoch

    def heads(self) -> dict[int, LaneHead]:
        """Where the lanes stand."""
        with self._node.db.read() as reader:
            return journal.heads(reader, self._epoch)

    def read(self, lane: int, first: int, last: int) -> Batch:
        """Read facts for sending."""
        with self._node.db.read() as reader:
            return journal.read_batch(reader, (self._store, self._epoch, lane), first, last)

    def keep_ack(self, lane: int, seq: int, chain: bytes, proof: bytes) -> None:
        """Keep the hub's word; the same word again costs no commit."""
        if (held := self.heads()[lane]).acked_seq == seq and held.acked_chain == chain:
            return
        self._node.db.write(lambda tx: journal.keep_ack(tx, self._epoch, lane, (seq, chain), proof))
        self._node.changed.notify()

    def stream_heads(self) -> dict[str, StreamHead]:
        """Where the streams stand."""
        with self._node.db.read() as reader:
            return streams.heads(reader)

    def apply_stream(self, batch: StreamBatch) -> int | None:
        """Apply what came down."""
        return self._node.db.write(lambda tx: streams.apply(tx, batch))

    def heartbeat(self) -> Heartbeat:
        """How the store is: what waits, and the day's totals, so that HQ has figures before the backlog is in."""
        place = self._node.place()
        with self._node.db.read() as reader:
            heads = journal.heads(reader, self._epoch)
            day = sales.day_totals(reader, place.day)
            oldest_ms = journal.oldest_waiting_ms(reader, self._epoch)
        return Heartbeat(
            wall_ms=place.at_ms,
            waiting={lane: head.head_seq - head.acked_seq for lane, head in heads.items()},
            oldest_waiting_ms=oldest_ms,
            day=place.day,
            day_sales=day[0][1] if day else 0,
            day_amount_fen=day[0][2] if day else 0,
        )

    def merge_time(self, hub_ms: int) -> None:
        """Let the hybrid clock pass the hub's time."""
        self._node.db.write(lambda tx: journal.merge_time(tx, self._node.clock.now_ms(), hub_ms))

    def hlc(self) -> int:
        """The hybrid clock's last value."""
        with self._node.db.read() as reader:
            return journal.counter(reader, "hlc")
