"""Streams and snapshots under loss, doubles, delay, damage, restarts and folding; and what happens with a guard off."""

import os
import random

import msgspec
import pytest

from sync.contract import streams
from sync.contract.messages import Chunk, Pull, StreamBatch
from sync.engine.stream_link import StreamLink
from tests.kit.stream_worlds import STREAM, Disk, Log, Luck, World, rough

SEEDS = 2_000 if os.environ.get("ZHANGGUI_DEEP") else 200
TURNS = 120
CALM_TURNS = 200


def live(seed: int, world_of: type[World] = World, link: type[StreamLink] = StreamLink) -> World:
    dice = random.Random(f"streams {seed}")
    world = world_of(f"line {seed}", rough(dice), link)
    for turn in range(TURNS):
        if dice.random() < 0.3:
            number = dice.randrange(12)
            op = "remove" if dice.random() < 0.2 else "put"
            world.log.put(f"key {number}", b"%d" % dice.getrandbits(64), op)
            world.link.heard({STREAM: world.log.head.version})
        if turn == TURNS // 3:
            world.log.fold()
        world.step()
    world.calm()
    for _ in range(CALM_TURNS):
        if world.agreed():
            break
        world.step()
    return world


@pytest.mark.parametrize("block", range(4))
def test_whatever_the_line_does_the_store_ends_with_the_hubs_state(block):
    snapshots = 0
    for seed in range(block, SEEDS, 4):
        world = live(seed)
        assert world.agreed(), f"seed {seed}: {world.disk.head} {world.log.head}"
        snapshots += world.disk.asked
    assert snapshots > 50, "most worlds fetch pieces of a snapshot"


def test_a_fetch_goes_on_where_a_restart_left_it():
    world = World("restart", Luck())
    for number in range(80):
        world.log.put(f"key {number}", random.Random(number).randbytes(30))
    world.log.fold()
    world.open()
    while len(world.disk.pieces) < 5:
        world.step()
    held, asked = set(world.disk.pieces), world.disk.asked
    world.open()
    assert world.log.snapshot is not None
    while not world.agreed():
        world.step()
    assert world.disk.asked - asked == len(set(world.log.snapshot.chunks)) - len(held), "no piece was fetched twice"


def test_a_doorbell_for_this_stores_partition_makes_it_look_once():
    own = streams.own("commands", "s1")
    pulls: list[Pull] = []
    link = StreamLink(Disk(), (own,), pulls.append, World("x", Luck()).clock)
    link.opened({}, b"s")
    assert pulls == []
    for count in (4, 4, 4):
        link.heard({streams.own_hint("s1"): count})
    assert [pull.stream for pull in pulls] == [own]
    link.heard({"own.999": 8})
    assert len(pulls) == 1


class Trusting(StreamLink):
    """Keeps whatever comes under a piece's name."""

    def chunk(self, chunk: Chunk) -> None:
        if self.downlink.is_missing(chunk.stream, chunk.digest):
            self._store.keep_piece(chunk.stream, chunk.digest, chunk.data)
            self._take(self.downlink.piece(chunk.stream, chunk.digest))


class Gullible(Disk):
    """Takes a snapshot without looking at the digest of the whole."""

    def take_snapshot(self, stream: str) -> int | None:
        assert self.fetch is not None
        self.head = type(self.head)(self.fetch.version, self.fetch.checksum)
        try:
            return super().take_snapshot(stream) or self.head.version
        finally:
            self.fetch = None


def test_negative_control_without_both_digests_a_damaged_piece_ends_in_another_state():
    """One guard behind the other: the piece's own digest, then that of the whole."""

    class Careless(World):
        def __init__(self, seed, luck, link):
            super().__init__(seed, luck, link)
            self.disk = Gullible()
            self.open()

    assert not all(live(seed, Careless, Trusting).agreed() for seed in range(40))
    # The whole's digest alone finds it too, and the store asks again.
    assert all(live(seed, World, Trusting).agreed() for seed in range(20))


class Forgetful(StreamLink):
    """Takes answers of any session."""

    def batch(self, batch: StreamBatch) -> None:
        super().batch(msgspec.structs.replace(batch, session=self._session))


@pytest.mark.parametrize(("link", "taken"), [(StreamLink, 0), (Forgetful, 1)])
def test_answers_of_another_session_are_not_taken(link, taken):
    world = World("late", Luck(), link)
    world.log.put("a", b"1")
    answer = world.log.answer(Pull(stream=STREAM, after=0, limit=9, session=b"another"))
    assert isinstance(answer, StreamBatch)
    world.link.batch(answer)
    assert world.disk.head.version == taken


class Unchecked(Disk):
    """Believes every step."""

    def apply_stream(self, batch: StreamBatch) -> int | None:
        if batch.after != self.head.version:
            return self.head.version
        self.items = streams.fold(self.items, batch.operations)
        self.head = type(self.head)(batch.after + len(batch.operations), batch.checksum)
        return self.head.version


@pytest.mark.parametrize(("disk", "agrees"), [(Disk, True), (Unchecked, False)])
def test_a_store_of_another_past_is_found_by_the_checksum_and_only_by_it(disk, agrees):
    """The hub was restored and went another way; it is as long as what the store holds, or longer."""
    other = Log()
    world = World("past", Luck())
    world.disk = disk()
    for number in range(9):
        other.put(f"old {number}", b"0")
        world.log.put(f"new {number}", b"1")
    world.log.put("last", b"2")
    world.disk.items, world.disk.head = other.state(), other.head
    world.open()
    for _ in range(60):
        world.step()
    assert world.agreed() == agrees
