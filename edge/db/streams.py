"""What the hub sends down: the cursor of each stream, its steps and snapshots, applied with the cursor as one."""

import contextlib
from typing import NamedTuple

from edge.db import projections
from edge.db.stream_appliers import applier_of
from sync.contract import facts, limits, messages, operations, streams
from sync.contract.facts import ContractError
from sync.contract.messages import STORES_STREAM, Operation, Snapshot, StreamBatch, StreamHead
from sync.engine.stream_link import Fetch
from sync.node import packing
from sync.node.database import Reader, Row, Tx


class KnownKey(NamedTuple):
    """A store's signing key as this node knows it."""

    store: str
    epoch: int
    public_key: bytes
    name_zh: str
    name_en: str
    revoked_ms: int | None


def heads(reader: Reader) -> dict[str, StreamHead]:
    """Where every stream stands that is held; one at 0 is a copy in doubt, but for `stores`, which is always named."""
    rows = reader.execute("SELECT stream, version, checksum FROM streams WHERE version > 0 OR doubted = 1")
    found = {stream: StreamHead(version, checksum) for stream, version, checksum in rows}
    found.setdefault(STORES_STREAM, StreamHead(0, streams.checksum_start(STORES_STREAM)))
    return found


def apply(tx: Tx, batch: StreamBatch) -> int | None:
    """Apply operations and cursor as one.

    Returns:
        The version held now; None when versions or checksum do not hold: then the cursor is at 0 and the stream must be
        pulled from the start. What is held stays in use, doubted, until the hub has said everything again. A batch that
        begins elsewhere than at the cursor changes nothing.
    """
    held, doubted = _cursor(tx, batch.stream)
    if batch.after != held.version:
        return held.version
    checksum = streams.checksum_after(held.checksum, batch)
    applier = applier_of(batch.stream)
    if checksum is None:
        applier.doubt(tx, batch.stream)
        _set_cursor(tx, batch.stream, StreamHead(0, streams.checksum_start(batch.stream)), doubted=True)
        return None
    for operation in batch.operations:
        applier.apply(tx, batch.stream, operation)
    version = batch.after + len(batch.operations)
    if doubted and version >= batch.head:
        applier.settle(tx, batch.stream)
        doubted = False
    _set_cursor(tx, batch.stream, StreamHead(version, checksum), doubted=doubted)
    return version


def fetches(reader: Reader) -> dict[str, Fetch]:
    """List the snapshots on their way, and the pieces that are kept of each."""
    return {
        stream: Fetch(messages.decode(bytes(raw), Snapshot), _pieces_held(reader, stream))
        for stream, raw in reader.execute("SELECT stream, snapshot FROM stream_fetches")
    }


def begin_fetch(tx: Tx, stream: str, snapshot: Snapshot) -> frozenset[bytes]:
    """Note that a snapshot is being fetched; pieces of another one stay where this one has them too."""
    wanted = set(snapshot.chunks)
    for digest in _pieces_held(tx, stream) - wanted:
        tx.execute("DELETE FROM stream_pieces WHERE stream = ? AND digest = ?", (stream, digest))
    tx.execute(
        "INSERT INTO stream_fetches (stream, snapshot) VALUES (?, ?) ON CONFLICT (stream)"
        " DO UPDATE SET snapshot = excluded.snapshot",
        (stream, messages.encode(snapshot)),
    )
    return _pieces_held(tx, stream)


def keep_piece(tx: Tx, stream: str, digest: bytes, data: bytes) -> None:
    """Keep a piece that was checked."""
    tx.execute("INSERT OR IGNORE INTO stream_pieces (stream, digest, data) VALUES (?, ?, ?)", (stream, digest, data))


def take_snapshot(tx: Tx, stream: str) -> int | None:
    """Bring the snapshot whose pieces are all here into force: its state instead of what is held, and its cursor.

    Returns:
        The version held now; None when the whole is not what was promised: then its pieces are gone, and nothing else.
    """
    fetch = fetches(tx).get(stream)
    assert fetch is not None
    rows = tx.execute("SELECT digest, data FROM stream_pieces WHERE stream = ?", (stream,))
    drop_fetch(tx, stream)
    applier = applier_of(stream)
    try:
        state = read_snapshot(fetch.snapshot, rows)
    except ContractError:
        return None
    applier.doubt(tx, stream)
    for key, value in state.items():
        applier.apply(tx, stream, Operation(version=fetch.snapshot.version, op="put", key=key, value=value))
    applier.settle(tx, stream)
    _set_cursor(tx, stream, StreamHead(fetch.snapshot.version, fetch.snapshot.checksum), doubted=False)
    return fetch.snapshot.version


def read_snapshot(snapshot: Snapshot, pieces: list[Row]) -> dict[str, bytes]:
    """Read the state out of a snapshot's pieces (digest, data).

    Raises:
        ContractError: the pieces do not come to what the snapshot promises.
    """
    packed = streams.joined(snapshot, {bytes(digest): bytes(data) for digest, data in pieces})
    return streams.decode_state(packing.unpack(packed, limits.SNAPSHOT_BYTES_MAX))


def drop_fetch(tx: Tx, stream: str) -> None:
    """Forget a snapshot on its way, and its pieces."""
    tx.execute("DELETE FROM stream_fetches WHERE stream = ?", (stream,))
    tx.execute("DELETE FROM stream_pieces WHERE stream = ?", (stream,))


def keys_named(reader: Reader, key_id: bytes) -> list[KnownKey]:
    """Find the store keys with an id (one, unless two keys share eight bytes of SHA-256)."""
    rows = reader.execute(
        "SELECT store, epoch, public_key, name_zh, name_en, revoked_ms FROM store_keys WHERE key_id = ?", (key_id,)
    )
    return [KnownKey(*row) for row in rows]


def keys_hinted(reader: Reader, hint: bytes) -> list[KnownKey]:
    """Find the store keys whose id begins with some bytes."""
    rows = reader.execute(
        "SELECT store, epoch, public_key, name_zh, name_en, revoked_ms FROM store_keys WHERE substr(key_id, 1, ?) = ?",
        (len(hint), hint),
    )
    return [KnownKey(*row) for row in rows]


def begun(reader: Reader, stream: str) -> set[int]:
    """List the publications of a stream that were in force here."""
    return {number for (number,) in reader.execute("SELECT number FROM publications_begun WHERE stream = ?", (stream,))}


def any_begun(reader: Reader, name: str) -> bool:
    """Say whether a publication of HQ ever came into force here, tenant-wide or the store's own."""
    return bool(
        reader.execute(
            "SELECT 1 FROM publications_begun WHERE stream = ? OR stream LIKE ? LIMIT 1", (name, f"{name}.%")
        )
    )


def note_begun(tx: Tx, stream: str, number: int, at_ms: int) -> None:
    """Note that a publication came into force: from now on it is due whatever the clock says."""
    tx.execute(
        "INSERT OR IGNORE INTO publications_begun (stream, number, at_ms) VALUES (?, ?, ?)", (stream, number, at_ms)
    )


def is_settled(reader: Reader, command_id: str) -> bool:
    """Say whether a command was settled before."""
    return bool(reader.execute("SELECT 1 FROM commands_settled WHERE command_id = ?", (command_id,)))


def fill(tx: Tx) -> None:
    """Make good what code that never heard of these tables left out while it ran on the file.

    Commands that were done stand in facts; what is noted of facts in archives stays. A stream in doubt is said again from the
    start: older code moved its cursor and did not clear the doubt from what came.
    """
    kinds = (operations.COMMAND_DONE, operations.COMMAND_REFUSED, operations.COMMAND_EXPIRED)
    for (raw,) in tx.execute("SELECT raw FROM facts WHERE kind IN (?, ?, ?) ORDER BY n", kinds):
        # One that cannot be read stays a fact: `verify` says so.
        with contextlib.suppress(ContractError):
            projections.project(tx, facts.decode(bytes(raw)))
    for (stream,) in tx.execute("SELECT stream FROM streams WHERE doubted = 1"):
        applier_of(stream).doubt(tx, stream)
        _set_cursor(tx, stream, StreamHead(0, streams.checksum_start(stream)), doubted=True)


def _cursor(reader: Reader, stream: str) -> tuple[StreamHead, bool]:
    rows = reader.execute("SELECT version, checksum, doubted FROM streams WHERE stream = ?", (stream,))
    if not rows:
        return StreamHead(0, streams.checksum_start(stream)), False
    return StreamHead(rows[0][0], bytes(rows[0][1])), bool(rows[0][2])


def _set_cursor(tx: Tx, stream: str, head: StreamHead, *, doubted: bool) -> None:
    tx.execute(
        "INSERT INTO streams (stream, version, checksum, doubted) VALUES (?, ?, ?, ?) ON CONFLICT (stream)"
        " DO UPDATE SET version = excluded.version, checksum = excluded.checksum, doubted = excluded.doubted",
        (stream, head.version, head.checksum, int(doubted)),
    )


def _pieces_held(reader: Reader, stream: str) -> frozenset[bytes]:
    rows = reader.execute("SELECT digest FROM stream_pieces WHERE stream = ?", (stream,))
    return frozenset(bytes(digest) for (digest,) in rows)
