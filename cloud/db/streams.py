"""Queries on the down streams: heads, steps, snapshots, and what each store has."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import delete, func, insert, or_, select, update

from cloud.db.engine import Reader, Tx, upsert
from cloud.db.schema import store_streams, stream_chunks, stream_heads, stream_marks, stream_snapshots, streams


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


class SnapshotRow(msgspec.Struct, frozen=True):
    """What a stream comes to at a version; `chunks` are the digests of its pieces, one behind the other."""

    stream: str
    version: int
    checksum: bytes
    size: int
    digest: bytes
    chunks: bytes
    made_ms: int


class HoldingRow(msgspec.Struct, frozen=True):
    """Which version of a stream a store said that it has, and since when."""

    store: str
    stream: str
    version: int
    at_ms: int


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


def heads_for(reader: Reader, own: Iterable[str]) -> list[HeadRow]:
    """List the heads of the tenant-wide streams, and of those named."""
    tenant_wide = stream_heads.c.stream.not_like("%.%")
    query = select(stream_heads).where(or_(tenant_wide, stream_heads.c.stream.in_(list(own))))
    return [HeadRow(*row) for row in reader.rows(query.order_by(stream_heads.c.stream))]


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


# -------------------------------------------------------------------------------------------------------- snapshots


def floor(reader: Reader, stream: str) -> int:
    """Give the version up to which a stream's steps are folded away; 0 when all of them stand."""
    row = reader.row(select(func.max(stream_snapshots.c.version)).where(stream_snapshots.c.stream == stream))
    return int(row[0] or 0)


def newest_snapshot(reader: Reader, stream: str) -> SnapshotRow | None:
    """Find the snapshot at a stream's floor; None while its log reaches back to its beginning."""
    query = select(stream_snapshots).where(stream_snapshots.c.stream == stream)
    row = reader.row(query.order_by(stream_snapshots.c.version.desc()).limit(1))
    return None if row is None else SnapshotRow(*row)


def snapshots_of(reader: Reader, stream: str) -> list[SnapshotRow]:
    """List the snapshots of a stream that are kept, the newest first."""
    query = select(stream_snapshots).where(stream_snapshots.c.stream == stream)
    return [SnapshotRow(*row) for row in reader.rows(query.order_by(stream_snapshots.c.version.desc()))]


def piece(reader: Reader, stream: str, digest: bytes) -> bytes | None:
    """Find a piece of a kept snapshot."""
    query = select(stream_chunks.c.data).where(stream_chunks.c.stream == stream, stream_chunks.c.digest == digest)
    row = reader.row(query)
    return None if row is None else bytes(row.data)


def insert_snapshot(tx: Tx, row: SnapshotRow, pieces: dict[bytes, bytes]) -> None:
    """Keep a snapshot and the pieces of it that no kept one shares; the steps that it comes to go."""
    tx.run(insert(stream_snapshots), msgspec.structs.asdict(row))
    for digest, data in pieces.items():
        if piece(tx, row.stream, digest) is None:
            tx.run(insert(stream_chunks), {"stream": row.stream, "digest": digest, "data": data})
    tx.run(delete(streams).where(streams.c.stream == row.stream, streams.c.version <= row.version))
    tx.run(delete(stream_marks).where(stream_marks.c.stream == row.stream, stream_marks.c.version <= row.version))


def delete_snapshot(tx: Tx, stream: str, version: int, *, still_used: set[bytes]) -> None:
    """Drop a superseded snapshot, and the pieces that no kept one has."""
    tx.run(delete(stream_snapshots).where(stream_snapshots.c.stream == stream, stream_snapshots.c.version == version))
    held = tx.rows(select(stream_chunks.c.digest).where(stream_chunks.c.stream == stream))
    for row in held:
        if bytes(row.digest) not in still_used:
            tx.run(delete(stream_chunks).where(stream_chunks.c.stream == stream, stream_chunks.c.digest == row.digest))


def note_mark(tx: Tx, stream: str, at_ms: int, version: int) -> None:
    """Note where a stream stands now, unless the last mark says so already."""
    query = select(stream_marks.c.version).where(stream_marks.c.stream == stream)
    last = tx.row(query.order_by(stream_marks.c.at_ms.desc()).limit(1))
    if last is None or last.version != version:
        row = {"stream": stream, "at_ms": at_ms, "version": version}
        upsert(tx, stream_marks, row, {"version": lambda new: new.version})


def version_before(reader: Reader, stream: str, at_ms: int) -> int:
    """Give the version at which a stream certainly stood at a time; 0 when nothing is known of then."""
    query = select(func.max(stream_marks.c.version)).where(
        stream_marks.c.stream == stream, stream_marks.c.at_ms <= at_ms
    )
    row = reader.row(query)
    return int(row[0] or 0)


# --------------------------------------------------------------------------------------------------- who holds what


def note_holdings(tx: Tx, store: str, versions: dict[str, int], at_ms: int) -> None:
    """Note which versions a store has; what it said before stays with its time."""
    held = {row.stream: row.version for row in holdings(tx, store)}
    rows = [
        {"store": store, "stream": stream, "version": version, "at_ms": at_ms}
        for stream, version in versions.items()
        if held.get(stream) != version
    ]
    upsert(tx, store_streams, rows, {"version": lambda new: new.version, "at_ms": lambda new: new.at_ms})


def holdings(reader: Reader, store: str = "") -> list[HoldingRow]:
    """List which versions a store has, or every store."""
    query = select(store_streams).order_by(store_streams.c.store, store_streams.c.stream)
    if store:
        query = query.where(store_streams.c.store == store)
    return [HoldingRow(*row) for row in reader.rows(query)]
