"""The power is cut at every statement of what comes down: content and cursor are one, and a fetch goes on where it was."""

import random

import pytest

from cloud.services import folding, streams
from edge.db import stream_appliers
from edge.db import streams as node_streams
from edge.services.hub.outbox import NodeOutbox
from sync.contract.messages import StreamBatch
from tests.kit.down import Down, down
from tests.kit.nodes import BreakingStorage, PowerCut

DAY_MS = 86_400_000


@pytest.fixture
def both(tmp_path):
    with down(tmp_path) as made:
        yield made


def noise(both: Down, count: int, size: int = 20) -> None:
    """Put what does not compress under keys that this version does not know."""
    dice = random.Random(count)
    for number in range(count):
        both.orders.set(f"k{number % 9}", dice.randbytes(size).hex())


def fold(both: Down) -> None:
    folding.tidy(both.hub.database, both.hub.clock.now_ms(), 30)
    both.hub.clock.advance(31 * DAY_MS)
    assert folding.tidy(both.hub.database, both.hub.clock.now_ms(), 30)


def content(both: Down) -> dict[str, bytes]:
    with both.rig.db.read() as reader:
        return stream_appliers.items(reader, "config")


def version(both: Down) -> int:
    with both.rig.db.read() as reader:
        head = node_streams.heads(reader).get("config")
    return 0 if head is None else head.version


def at_hub(both: Down) -> dict[str, bytes]:
    with both.hub.database.read() as reader:
        return streams.state_at_head(reader, "config")


def cut_everywhere(both: Down, prepare, act) -> int:
    """Do something with the power cut before each of its statements in turn; gives how many cuts there were."""
    at = 0
    while True:
        at += 1
        prepare()
        before = (content(both), version(both))
        try:
            act(NodeOutbox(both.rig.over(BreakingStorage(both.rig.db, at))))
        except PowerCut:
            assert (content(both), version(both)) == before, f"statement {at} left a half"
            continue
        return at - 1


def test_steps_and_cursor_survive_a_cut_at_every_statement_as_one(both):
    noise(both, 5)
    batches: list[StreamBatch] = []
    keep = both.link.batch
    both.link.batch = batches.append
    both.pull()
    both.link.batch = keep
    (batch,) = [one for one in batches if one.stream == "config"]
    assert cut_everywhere(both, lambda: None, lambda outbox: outbox.apply_stream(batch)) >= 7
    assert (content(both), version(both)) == (at_hub(both), 5)


def test_a_snapshot_comes_into_force_whole_or_not_at_all(both):
    noise(both, 40)
    fold(both)
    taken: list[str] = []

    class Held(NodeOutbox):
        def take_snapshot(self, stream: str) -> int | None:
            taken.append(stream)
            raise PowerCut

    both.link._store = Held(both.node)
    with pytest.raises(PowerCut):
        both.pull()
    assert taken == ["config"]
    assert content(both) == {}
    cuts = cut_everywhere(both, lambda: None, lambda outbox: outbox.take_snapshot("config"))
    assert cuts > 9
    assert (content(both), version(both)) == (at_hub(both), 40)
    assert both.rig.rows("SELECT 1 FROM stream_pieces") == both.rig.rows("SELECT 1 FROM stream_fetches") == []
    both.restart()
    noise(both, 3)
    both.pull()
    assert (content(both), version(both)) == (at_hub(both), 43)


def test_a_fetch_outlives_the_process_and_no_piece_is_fetched_twice(both):
    dice = random.Random(3)
    for number in range(12):
        both.orders.set(f"big{number}", dice.randbytes(40_000).hex())
    fold(both)
    fetched: list[bytes] = []

    class Counting(NodeOutbox):
        def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
            if len(fetched) == 2:
                raise PowerCut
            fetched.append(digest)
            super().keep_piece(stream, digest, data)

    both.link._store = Counting(both.node)
    with pytest.raises(PowerCut):
        both.pull()
    assert len(both.rig.rows("SELECT 1 FROM stream_pieces")) == 2
    both.rig.restart()
    both.restart()
    again: list[bytes] = []

    class Watching(NodeOutbox):
        def keep_piece(self, stream: str, digest: bytes, data: bytes) -> None:
            again.append(digest)
            super().keep_piece(stream, digest, data)

    both.link._store = Watching(both.node)
    both.pull()
    assert content(both) == at_hub(both)
    assert again
    assert not set(again) & set(fetched)


def set_back(both: Down) -> None:
    """The hub is what it was before the stream's first step."""
    with both.hub.database.write() as tx:
        for table in ("streams", "stream_heads", "stream_snapshots", "stream_chunks", "stream_marks"):
            tx.connection.exec_driver_sql(f"DELETE FROM {table} WHERE stream = 'config'")


class DoubtsAndDies(NodeOutbox):
    """The power goes when the copy has been doubted, before the hub could be asked again."""

    def apply_stream(self, batch: StreamBatch) -> int | None:
        version = super().apply_stream(batch)
        if version is None:
            raise PowerCut
        return version


@pytest.mark.parametrize("folded", [False, True])
def test_a_copy_in_doubt_ends_with_a_hub_set_back_to_before_the_stream_whatever_came_between(both, folded):
    noise(both, 12)
    if folded:
        fold(both)
    both.pull()
    held = content(both)
    assert held
    set_back(both)
    both.link._store = DoubtsAndDies(both.node)
    with pytest.raises(PowerCut):
        both.pull()
    both.rig.restart()
    both.restart()
    assert (content(both), version(both)) == (held, 0), "in use, in doubt"
    both.pull()
    assert content(both) == at_hub(both) == {}
    assert both.rig.rows("SELECT 1 FROM streams WHERE doubted = 1") == []
    noise(both, 3)
    both.restart()
    both.pull()
    assert (content(both), version(both)) == (at_hub(both), 3)


def test_negative_control_a_link_that_forgets_the_doubt_never_asks_again(both):
    noise(both, 12)
    both.pull()
    set_back(both)
    both.link._store = DoubtsAndDies(both.node)
    with pytest.raises(PowerCut):
        both.pull()
    both.rig.restart()
    both.restart()
    both.link.downlink._streams["config"].doubted = False
    both.pull()
    assert content(both) != at_hub(both)


def test_negative_control_a_cursor_of_its_own_transaction_loses_steps(both):
    """What the first test is about: cursor first, content after, and the power goes in between."""
    noise(both, 5)

    class CursorFirst(NodeOutbox):
        def apply_stream(self, batch: StreamBatch) -> int | None:
            empty = [] if batch.stream != "config" else list(batch.operations)
            found = super().apply_stream(batch)
            if empty:
                both.rig.db.write(lambda tx: tx.execute("DELETE FROM stream_items WHERE stream = 'config'"))
                raise PowerCut
            return found

    both.link._store = CursorFirst(both.node)
    with pytest.raises(PowerCut):
        both.pull()
    both.rig.restart()
    both.restart()
    both.pull()
    assert version(both) == 5
    assert content(both) != at_hub(both)
