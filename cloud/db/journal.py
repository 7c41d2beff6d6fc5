"""Queries on the journal: facts as they came, and how far each lane is held."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, Table, bindparam, func, select, update

from cloud.db.engine import Reader, Tx, insert_many, upsert
from cloud.db.schema import facts, ingest_head, lane_marks, lanes

SLICE_ROWS = 1_000
"""Facts read at a time, so that memory stays flat however long a lane is."""


def _in_place(table: Table) -> Select[Any]:
    place = (table.c[name] == bindparam(f"of_{name}") for name in ("store", "epoch", "lane"))
    return select(table).where(*place)


# Made once: each bunch that comes in runs them, and to put one together costs as much as to run it.
_LANE, _MARKS = _in_place(lanes), _in_place(lane_marks)
_TAKE_IDS = (
    update(ingest_head)
    .where(ingest_head.c.id == 1)
    .values(last=ingest_head.c.last + bindparam("count"))
    .returning(ingest_head.c.last)
)


class LaneRow(msgspec.Struct, frozen=True):
    """How far a lane is held. `fork_seq` and `bad_seq` are alarms: another history was shown, bytes were damaged."""

    store: str
    epoch: int
    lane: int
    seq: int
    chain: bytes
    fork_seq: int | None = None
    bad_seq: int | None = None
    checked_ms: int | None = None
    updated_ms: int = 0


class LaneMarks(msgspec.Struct, frozen=True):
    """What is noted of a lane beside its place.

    `late_seq`: from here on its facts came after the epoch was replaced, the first of them at `late_ms`. `durable_seq`:
    up to here a backup of the hub has it. `checked_seq`, `checked_chain`: up to here the bytes were hashed again.
    """

    store: str
    epoch: int
    lane: int
    late_seq: int | None = None
    late_ms: int | None = None
    durable_seq: int | None = None
    checked_seq: int | None = None
    checked_chain: bytes | None = None


class FactRow(msgspec.Struct, frozen=True):
    """A fact as it is kept."""

    ingest_id: int
    store: str
    epoch: int
    lane: int
    seq: int
    fact_id: bytes | None
    kind: str
    at_ms: int
    received_ms: int
    chain: bytes
    raw: bytes


def lane_of(reader: Reader, store: str, epoch: int, lane: int) -> LaneRow | None:
    """Find a lane; None before its first fact."""
    row = reader.row(_LANE, {"of_store": store, "of_epoch": epoch, "of_lane": lane})
    return None if row is None else LaneRow(*row)


def all_lanes(reader: Reader) -> list[LaneRow]:
    """List every lane."""
    return [LaneRow(*row) for row in reader.rows(select(lanes).order_by(lanes.c.store, lanes.c.epoch, lanes.c.lane))]


def put_lanes(tx: Tx, rows: list[LaneRow]) -> None:
    """Write lanes' new places."""
    fields = ("seq", "chain", "fork_seq", "updated_ms")
    upsert(
        tx,
        lanes,
        [msgspec.structs.asdict(row) for row in rows],
        {name: (lambda new, name=name: new[name]) for name in fields},
    )


def note_check(tx: Tx, lane: LaneRow, bad_seq: int | None, at_ms: int) -> None:
    """Note what a check of a lane's chain found."""
    tx.run(
        update(lanes)
        .where(lanes.c.store == lane.store, lanes.c.epoch == lane.epoch, lanes.c.lane == lane.lane)
        .values(bad_seq=bad_seq, checked_ms=at_ms)
    )


def marks_of(reader: Reader, store: str, epoch: int, lane: int) -> LaneMarks:
    """Give what is noted of a lane; nothing in its fields where nothing is."""
    row = reader.row(_MARKS, {"of_store": store, "of_epoch": epoch, "of_lane": lane})
    return LaneMarks(store, epoch, lane) if row is None else LaneMarks(*row)


def all_marks(reader: Reader) -> list[LaneMarks]:
    """List what is noted of every lane."""
    columns = lane_marks.c.store, lane_marks.c.epoch, lane_marks.c.lane
    return [LaneMarks(*row) for row in reader.rows(select(lane_marks).order_by(*columns))]


def mark_late(tx: Tx, store: str, epoch: int, lane: int, seq: int, at_ms: int) -> None:
    """Note from which seq on a lane's facts came after its epoch was replaced."""
    _mark(tx, {"store": store, "epoch": epoch, "lane": lane}, {"late_seq": seq, "late_ms": at_ms})


def mark_durable(tx: Tx, places: list[tuple[str, int, int, int]]) -> None:
    """Note that a backup has lanes up to a seq; `places` are (store, epoch, lane, seq) as the backup holds them."""
    for store, epoch, lane, seq in places:
        _mark(tx, {"store": store, "epoch": epoch, "lane": lane}, {"durable_seq": seq})


def mark_checked(tx: Tx, lane: LaneRow) -> None:
    """Note that a lane's stored bytes were hashed again up to this place and came to its chain."""
    key = {"store": lane.store, "epoch": lane.epoch, "lane": lane.lane}
    _mark(tx, key, {"checked_seq": lane.seq, "checked_chain": lane.chain})


def _mark(tx: Tx, key: dict[str, Any], values: dict[str, Any]) -> None:
    upsert(tx, lane_marks, {**key, **values}, values)


def take_ingest_ids(tx: Tx, count: int) -> int:
    """Reserve ids in order; they are given out under a row lock that is held until the commit.

    Returns:
        The first of `count` ids.
    """
    return int(tx.run(_TAKE_IDS, {"count": count}).scalar_one()) - count + 1


def insert_facts(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Insert facts in one go; rows have the columns of `FactRow`.

    Raises:
        Repeated: a place or a fact id stands already; then nothing of it may be kept.
    """
    insert_many(tx, facts, rows)


def known_fact_ids(reader: Reader, store: str, fact_ids: list[bytes]) -> set[bytes]:
    """Say which of the ids a store has used before."""
    found: set[bytes] = set()
    for start in range(0, len(fact_ids), SLICE_ROWS):
        query = select(facts.c.fact_id).where(
            facts.c.store == store, facts.c.fact_id.in_(fact_ids[start : start + SLICE_ROWS])
        )
        found.update(row.fact_id for row in reader.rows(query))
    return found


def fact_at(reader: Reader, store: str, epoch: int, lane: int, seq: int) -> FactRow | None:
    """Find the fact in a place."""
    query = select(facts).where(
        facts.c.store == store, facts.c.epoch == epoch, facts.c.lane == lane, facts.c.seq == seq
    )
    row = reader.row(query)
    return None if row is None else FactRow(*row)


def facts_after(reader: Reader, ingest_id: int, limit: int) -> list[FactRow]:
    """List facts in order of arrival, after one."""
    query = select(facts).where(facts.c.ingest_id > ingest_id).order_by(facts.c.ingest_id).limit(limit)
    return [FactRow(*row) for row in reader.rows(query)]


def facts_of(reader: Reader, ingest_ids: Sequence[int]) -> list[FactRow]:
    """Find facts by their numbers, in order of arrival."""
    query = select(facts).where(facts.c.ingest_id.in_(list(ingest_ids))).order_by(facts.c.ingest_id)
    return [FactRow(*row) for row in reader.rows(query)]


def walk_lane(reader: Reader, store: str, epoch: int, lane: int, after: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    """Walk a lane from its beginning or from behind a seq: seq, bytes, and the chain value kept with them."""
    while True:
        query = (
            select(facts.c.seq, facts.c.raw, facts.c.chain)
            .where(facts.c.store == store, facts.c.epoch == epoch, facts.c.lane == lane, facts.c.seq > after)
            .order_by(facts.c.seq)
            .limit(SLICE_ROWS)
        )
        rows = reader.rows(query)
        yield from ((row.seq, row.raw, row.chain) for row in rows)
        if len(rows) < SLICE_ROWS:
            return
        after = rows[-1].seq


def lanes_with_facts(reader: Reader) -> list[tuple[str, int, int]]:
    """List the (store, epoch, lane) that any fact names, whether or not a lane row stands for them."""
    query = select(facts.c.store, facts.c.epoch, facts.c.lane).distinct()
    return [(row.store, row.epoch, row.lane) for row in reader.rows(query)]


def count_facts(reader: Reader) -> int:
    """Count the facts."""
    return int(reader.row(select(func.count()).select_from(facts))[0])
