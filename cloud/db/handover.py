"""Queries for handing a store's facts of earlier epochs over to its new node."""

from typing import NamedTuple

from sqlalchemy import select

from cloud.db.engine import Reader
from cloud.db.schema import facts, lanes

PAGE_ROWS = 1_000


class Lane(NamedTuple):
    """How far a lane of an earlier epoch is held."""

    epoch: int
    lane: int
    seq: int
    chain: bytes


class Kept(NamedTuple):
    """A fact as it is handed over."""

    seq: int
    raw: bytes
    chain: bytes


def earlier_lanes(reader: Reader, store: str, epoch: int) -> list[Lane]:
    """List the lanes of a store's earlier epochs that hold anything."""
    query = (
        select(lanes.c.epoch, lanes.c.lane, lanes.c.seq, lanes.c.chain)
        .where(lanes.c.store == store, lanes.c.epoch < epoch, lanes.c.seq > 0)
        .order_by(lanes.c.epoch, lanes.c.lane)
    )
    return [Lane(*row) for row in reader.rows(query)]


def facts_behind(reader: Reader, place: tuple[str, int, int], after: int, bytes_max: int) -> list[Kept]:
    """Give a lane's facts behind a seq: at least one where there is one, then up to so many bytes.

    Args:
        reader: the reader.
        place: store, epoch, lane.
        after: the seq behind which to begin.
        bytes_max: bytes of facts after which it is enough.
    """
    store, epoch, lane = place
    found: list[Kept] = []
    size = 0
    while size < bytes_max:
        query = (
            select(facts.c.seq, facts.c.raw, facts.c.chain)
            .where(facts.c.store == store, facts.c.epoch == epoch, facts.c.lane == lane)
            .where(facts.c.seq > after)
            .order_by(facts.c.seq)
            .limit(PAGE_ROWS)
        )
        rows = [Kept(row.seq, row.raw, row.chain) for row in reader.rows(query)]
        found += rows
        size += sum(len(row.raw) for row in rows)
        if len(rows) < PAGE_ROWS:
            break
        after = rows[-1].seq
    return found


def chain_at(reader: Reader, place: tuple[str, int, int], seq: int) -> bytes | None:
    """Give the chain value of a fact; None where there is no such fact."""
    store, epoch, lane = place
    query = select(facts.c.chain).where(
        facts.c.store == store, facts.c.epoch == epoch, facts.c.lane == lane, facts.c.seq == seq
    )
    row = reader.row(query)
    return None if row is None else bytes(row.chain)
