"""What the hub sends down: the cursor of each stream, and the `stores` stream as a table of keys."""

import base64
from typing import NamedTuple

import msgspec

from sync.contract import streams
from sync.contract.facts import ContractError
from sync.contract.messages import STORES_STREAM, Operation, StoreKey, StreamBatch, StreamHead
from sync.node.database import Reader, Tx


class KnownKey(NamedTuple):
    """A store's signing key as this node knows it."""

    store: str
    epoch: int
    public_key: bytes
    name_zh: str
    name_en: str
    revoked_ms: int | None


def heads(reader: Reader) -> dict[str, StreamHead]:
    """Where every stream stands; a stream never heard of stands at 0."""
    rows = reader.execute("SELECT stream, version, checksum FROM streams")
    found = {stream: StreamHead(version, checksum) for stream, version, checksum in rows}
    found.setdefault(STORES_STREAM, StreamHead(0, streams.checksum_start(STORES_STREAM)))
    return found


def apply(tx: Tx, batch: StreamBatch) -> int | None:
    """Apply operations and cursor as one.

    Returns:
        The version held now; None when versions or checksum do not hold: then the stream was emptied and must be
        pulled from the start. A batch that begins elsewhere than at the cursor changes nothing.
    """
    held = heads(tx).get(batch.stream, StreamHead(0, streams.checksum_start(batch.stream)))
    if batch.after != held.version:
        return held.version
    checksum = streams.checksum_after(held.checksum, batch)
    if checksum is None:
        _empty(tx, batch.stream)
        return None
    for operation in batch.operations:
        _apply_store(tx, operation)
    version = batch.after + len(batch.operations)
    tx.execute(
        "INSERT INTO streams (stream, version, checksum) VALUES (?, ?, ?) ON CONFLICT (stream)"
        " DO UPDATE SET version = excluded.version, checksum = excluded.checksum",
        (batch.stream, version, checksum),
    )
    return version


def keys_named(reader: Reader, key_id: bytes) -> list[KnownKey]:
    """Find the store keys with an id (one, unless two keys share eight bytes of SHA-256)."""
    rows = reader.execute(
        "SELECT store, epoch, public_key, name_zh, name_en, revoked_ms FROM store_keys WHERE key_id = ?", (key_id,)
    )
    return [KnownKey(*row) for row in rows]


def _apply_store(tx: Tx, operation: Operation) -> None:
    try:
        if operation.op == "remove":
            store, _, epoch = operation.key.partition("/")
            tx.execute("DELETE FROM store_keys WHERE store = ? AND epoch = ?", (store, int(epoch)))
            return
        entry = msgspec.json.decode(operation.value, type=StoreKey)
        key_id, public_key = bytes.fromhex(entry.key_id), base64.b64decode(entry.public_key, validate=True)
    except (ValueError, RecursionError) as error:
        raise ContractError(f"stream stores: {error}") from error
    tx.execute(
        "INSERT INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en, revoked_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (store, epoch) DO UPDATE SET key_id = excluded.key_id,"
        " public_key = excluded.public_key, name_zh = excluded.name_zh, name_en = excluded.name_en,"
        " revoked_ms = excluded.revoked_ms",
        (entry.store, entry.epoch, key_id, public_key, entry.name_zh, entry.name_en, entry.revoked_ms),
    )


def _empty(tx: Tx, stream: str) -> None:
    tx.execute("DELETE FROM streams WHERE stream = ?", (stream,))
    if stream == STORES_STREAM:
        tx.execute("DELETE FROM store_keys")
