"""Queries on the down streams."""

import msgspec
from sqlalchemy import insert, select, update

from cloud.db.engine import Reader, Tx
from cloud.db.schema import stream_heads, streams


class HeadRow(msgspec.Struct, frozen=True):
    """Where a stream stands."""

    stream: str
    version: int
    checksum: bytes


class StepRow(msgspec.Struct, frozen=True):
    """One step of a stream and the running checksum behind it."""

    stream: str
    version: int
    op: str
    key: str
    value: bytes
    checksum: bytes


def head_of(reader: Reader, stream: str) -> HeadRow | None:
    """Find a stream's head; None for a stream that has no step."""
    row = reader.row(select(stream_heads).where(stream_heads.c.stream == stream))
    return None if row is None else HeadRow(*row)


def locked_head(tx: Tx, stream: str) -> HeadRow | None:
    """Find a stream's head and keep others from moving it until the commit."""
    row = tx.row(select(stream_heads).where(stream_heads.c.stream == stream).with_for_update())
    return None if row is None else HeadRow(*row)


def all_heads(reader: Reader) -> list[HeadRow]:
    """List the heads of all streams."""
    return [HeadRow(*row) for row in reader.rows(select(stream_heads).order_by(stream_heads.c.stream))]


def insert_step(tx: Tx, row: StepRow) -> None:
    """Add a step and move the head onto it. Two that both make the first step collide on the head's key."""
    tx.run(insert(streams), msgspec.structs.asdict(row))
    if row.version == 1:
        tx.run(insert(stream_heads), {"stream": row.stream, "version": 1, "checksum": row.checksum})
    else:
        tx.run(
            update(stream_heads)
            .where(stream_heads.c.stream == row.stream)
            .values(version=row.version, checksum=row.checksum)
        )


def steps_after(reader: Reader, stream: str, after: int, limit: int) -> list[StepRow]:
    """List steps of a stream after a version."""
    query = (
        select(streams)
        .where(streams.c.stream == stream, streams.c.version > after)
        .order_by(streams.c.version)
        .limit(limit)
    )
    return [StepRow(*row) for row in reader.rows(query)]


def checksum_at(reader: Reader, stream: str, version: int) -> bytes | None:
    """Give the running checksum behind a version, if it stands."""
    row = reader.row(select(streams.c.checksum).where(streams.c.stream == stream, streams.c.version == version))
    return None if row is None else row.checksum
