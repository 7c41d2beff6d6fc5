"""The hub's logs have a floor: below it there is a snapshot, its pieces by their hashes, and nobody sees another's stream."""

import random

import pytest

from cloud.db import streams as table
from cloud.services import folding, streams
from sync.contract import limits
from sync.contract import streams as contract
from sync.contract.envelope import MessageKind
from sync.contract.messages import Chunk, Pull, StreamBatch
from sync.node import packing
from tests.kit.hub_store import HubKit

DAY_MS = 86_400_000


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


def put(hub, count: int, stream: str = "menu", value: bytes = b"{}", first: int = 0) -> None:
    for number in range(first, first + count):
        with hub.database.write() as tx:
            streams.append(tx, stream, op="put", key=f"k{number % 7}", value=value + b" %d" % number)


def ask(hub, store: str = "s1", *, stream: str = "menu", after: int = 0, chunk: bytes = b"", fenced: bool = False):
    with hub.database.read() as reader:
        pull = Pull(stream=stream, after=after, limit=200, session=b"s", chunk=chunk)
        found = streams.answer(reader, store, pull, fenced=fenced)
    return None if found is None else found[1]


def tidy(hub, days: int = 30) -> int:
    return folding.tidy(hub.database, hub.clock.now_ms(), days)


def folded(hub, steps: int = 20, **more):
    put(hub, steps, **more)
    tidy(hub)
    hub.clock.advance(31 * DAY_MS)
    return tidy(hub)


def fetched(hub, offer: StreamBatch) -> dict[str, bytes]:
    assert offer.snapshot is not None
    assert contract.is_sound(offer.snapshot)
    pieces = {}
    for digest in reversed(offer.snapshot.chunks):
        piece = ask(hub, stream=offer.stream, chunk=digest)
        assert isinstance(piece, Chunk)
        assert piece.session == b"s"
        assert contract.is_piece(digest, piece.data)
        pieces[digest] = piece.data
    return contract.decode_state(packing.unpack(contract.joined(offer.snapshot, pieces), limits.SNAPSHOT_BYTES_MAX))


def state(hub, stream: str = "menu") -> dict[str, bytes]:
    with hub.database.read() as reader:
        return streams.state_at_head(reader, stream)


def test_steps_of_a_month_ago_become_a_snapshot_of_exactly_their_state(hub):
    put(hub, 20)
    assert tidy(hub) == 0, "nothing is old yet"
    before = state(hub)
    hub.clock.advance(10 * DAY_MS)
    put(hub, 5, first=20)
    tidy(hub)
    hub.clock.advance(21 * DAY_MS)
    assert tidy(hub) == 1
    offer = ask(hub)
    assert isinstance(offer, StreamBatch)
    assert offer.snapshot is not None
    assert (offer.operations, offer.head, offer.snapshot.version) == ((), 25, 20)
    assert fetched(hub, offer) == before
    rest = ask(hub, after=20)
    assert isinstance(rest, StreamBatch)
    assert [step.version for step in rest.operations] == list(range(21, 26))
    assert contract.checksum_after(offer.snapshot.checksum, rest) == rest.checksum
    assert state(hub) == {**before, **{step.key: step.value for step in rest.operations}}


def test_a_log_goes_on_gapless_over_its_floor_and_is_folded_again(hub):
    folded(hub)
    put(hub, 3, first=20)
    tidy(hub)
    hub.clock.advance(31 * DAY_MS)
    expected = state(hub)
    assert tidy(hub) == 1
    offer = ask(hub, after=20)
    assert isinstance(offer, StreamBatch)
    assert offer.snapshot is not None
    assert offer.snapshot.version == 23
    assert fetched(hub, offer) == expected
    with hub.database.read() as reader:
        assert len(table.snapshots_of(reader, "menu")) == 2, "who is in the middle of the older one may end it"
    hub.clock.advance(2 * DAY_MS)
    tidy(hub)
    with hub.database.read() as reader:
        assert [row.version for row in table.snapshots_of(reader, "menu")] == [23]


def test_a_large_state_is_cut_into_pieces_that_fit_a_packet(hub):
    dice = random.Random(1)
    for number in range(30):
        with hub.database.write() as tx:
            streams.append(tx, "menu", op="put", key=f"k{number}", value=dice.randbytes(20_000))
    expected = state(hub)
    tidy(hub)
    hub.clock.advance(31 * DAY_MS)
    tidy(hub)
    offer = ask(hub)
    assert isinstance(offer, StreamBatch)
    assert offer.snapshot is not None
    assert len(offer.snapshot.chunks) == 4
    assert fetched(hub, offer) == expected


def test_a_piece_that_is_gone_is_answered_by_another_offer_or_by_steps(hub):
    put(hub, 2)
    steps = ask(hub, chunk=b"x" * 32)
    assert isinstance(steps, StreamBatch)
    assert len(steps.operations) == 2
    folded(hub, first=2)
    offer = ask(hub, chunk=b"x" * 32)
    assert isinstance(offer, StreamBatch)
    assert offer.snapshot is not None


def test_a_batch_is_closed_before_it_outgrows_a_packet_but_never_empty(hub):
    put(hub, 6, value=b"x" * 90_000)
    batch = ask(hub)
    assert isinstance(batch, StreamBatch)
    assert len(batch.operations) == 1
    with hub.database.write() as tx, pytest.raises(streams.OversizedStep, match="menu: big has"):
        streams.append(tx, "menu", op="put", key="big", value=b"x" * (limits.OPERATION_BYTES_MAX + 1))


def test_a_store_is_told_of_tenant_wide_streams_and_its_own_and_of_nobody_elses(hub):
    for stream in ("menu", "commands.s1", "commands.s2", "config.s2"):
        put(hub, 1, stream)
    with hub.database.read() as reader:
        assert streams.heads(reader, "s1") == {"menu": 1, "commands.s1": 1}
        assert streams.heads(reader, "s2") == {"menu": 1, "commands.s2": 1, "config.s2": 1}
    assert ask(hub, "s1", stream="commands.s2") is None
    assert isinstance(ask(hub, "s2", stream="commands.s2"), StreamBatch)
    assert ask(hub, "s1", stream="commands.s1", fenced=True) is None
    assert ask(hub, "s1", stream="secrets") is None
    empty = ask(hub, "s1", stream="config.s1", after=3)
    assert isinstance(empty, StreamBatch)
    assert (empty.head, empty.operations, empty.checksum) == (0, (), contract.checksum_start("config.s1"))


def test_the_doorbell_rings_for_a_stores_own_stream_without_naming_store_or_stream(hub):
    put(hub, 2)
    with hub.database.read() as reader:
        before = streams.doorbell_heads(reader)
    put(hub, 1, "commands.s1")
    put(hub, 1, "config.s1")
    with hub.database.read() as reader:
        after = streams.doorbell_heads(reader)
    assert before == {"menu": 2}
    assert after == {"menu": 2, contract.own_hint("s1"): 2}
    assert "s1" not in "".join(after)


def test_what_a_store_says_that_it_holds_is_kept_with_its_time(hub):
    store = hub.enrolled("s1")
    held = streams.held_by("s1", {"menu": 4, "commands.s2": 9, "commands.s1": -1, "stores": 1})
    own = {"menu.s1": 0, "prices.s1": 0, "config.s1": 0, "members.s1": 0, "grants.s1": 0, "live_codes.s1": 0}
    assert held == {"stores": 1, "menu": 4, "prices": 0, "config": 0, "rules": 0, **own}
    for versions in ({"menu": 4}, {"menu": 4}, {"menu": 5}):
        hub.clock.advance(10)
        with hub.database.write() as tx:
            table.note_holdings(tx, store.store, versions, hub.clock.now_ms())
    with hub.database.read() as reader:
        (row,) = table.holdings(reader, "s1")
    assert (row.stream, row.version, row.at_ms) == ("menu", 5, hub.clock.now_ms())


def test_a_revoked_or_replaced_node_gets_nothing_of_any_stream(hub):
    put(hub, 3)
    old, other = hub.enrolled("s1", b"one"), hub.enrolled("s2", b"two")
    pull = Pull(stream="menu", after=0, limit=9, session=b"s")

    def asked(store):
        return store.send(store.control(store.topics.pull, MessageKind.PULL, pull))

    assert len(asked(old)) == len(asked(other)) == 1, "while they have rights they are answered"
    hub.enrolled("s1", b"next")
    assert hub.enrolment.revoke("s2", 1)
    assert asked(old) == asked(other) == []
