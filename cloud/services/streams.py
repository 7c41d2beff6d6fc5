"""The down streams: versioned logs that stores pull, with a running checksum (protocol §5.7)."""

import base64

import msgspec

from cloud.db import streams as table
from cloud.db.engine import Reader, Tx
from cloud.db.stores import KeyRow, StoreRow
from sync.contract import limits, messages, streams
from sync.contract.envelope import MessageKind
from sync.contract.messages import Doorbell, Operation, Pull, StoreKey, StreamBatch
from sync.node import keys, sealing

VERSION_MAX = 2**53
"""Beyond it a number is no count any more; below it every database and every browser holds it."""


def append(tx: Tx, stream: str, *, op: str, key: str, value: bytes) -> int:
    """Add a step to a stream; the version is one above the last, taken under the lock that the commit releases.

    Args:
        tx: the transaction that also makes the change which the step tells of.
        stream: the stream's name.
        op: `put` or `remove`.
        key: what is put or removed.
        value: its JSON; empty for `remove`.

    Returns:
        The version of the step.
    """
    assert op in {"put", "remove"}
    head = table.locked_head(tx, stream)
    version = 1 if head is None else head.version + 1
    before = streams.checksum_start(stream) if head is None else head.checksum
    checksum = streams.checksum_next(before, Operation(version=version, op=op, key=key, value=value))
    table.insert_step(tx, table.StepRow(stream, version, op, key, value, checksum))
    return version


def heads(reader: Reader) -> dict[str, int]:
    """Give the versions of all streams."""
    return {head.stream: head.version for head in table.all_heads(reader)}


def read(reader: Reader, stream: str, after: int, limit: int) -> StreamBatch | None:
    """Read a stretch of a stream.

    A store that is ahead of this hub (restored from a backup) gets an empty batch under our checksum: it sees that
    the two differ, throws its copy away and pulls from the start.

    Args:
        reader: where to read.
        stream: the stream's name.
        after: the version that the store holds.
        limit: operations at most; never more than the wire allows.

    Returns:
        The batch, or None for a stream that does not exist.
    """
    head = table.head_of(reader, stream)
    if head is None:
        return None
    from_version = max(0, min(after, head.version))
    count = max(1, min(limit, limits.STREAM_OPERATIONS_MAX))
    steps = table.steps_after(reader, stream, from_version, count)
    checksum = steps[-1].checksum if steps else head.checksum
    return StreamBatch(
        stream=stream,
        after=after,
        head=head.version,
        operations=tuple(Operation(version=step.version, op=step.op, key=step.key, value=step.value) for step in steps),
        checksum=checksum,
    )


def answer(reader: Reader, store: str, pull: Pull) -> tuple[MessageKind, msgspec.Struct] | None:  # noqa: ARG001 - streams of one store come
    """Answer a store's PULL.

    Returns:
        The kind of message and its body, or None for a stream that does not exist or is not this store's.
    """
    batch = read(reader, pull.stream, min(max(pull.after, 0), VERSION_MAX), pull.limit)
    return None if batch is None else (MessageKind.STREAM, msgspec.structs.replace(batch, session=pull.session))


def put_store_key(tx: Tx, store: StoreRow, key: KeyRow) -> int:
    """Tell every store of a key: whose it is, under which epoch, and since when it no longer counts."""
    entry = StoreKey(
        store=store.store,
        epoch=key.epoch,
        key_id=key.key_id.hex(),
        public_key=base64.b64encode(key.signing_public).decode("ascii"),
        name_zh=store.name_zh,
        name_en=store.name_en,
        revoked_ms=key.revoked_ms,
    )
    return append(
        tx,
        messages.STORES_STREAM,
        op="put",
        key=f"{store.store}/{key.epoch}",
        value=msgspec.json.encode(entry),
    )


def doorbell(reader: Reader, identity: keys.Identity, now_ms: int) -> bytes:
    """Give the retained doorbell for the versions of now."""
    return sealing.seal_doorbell(identity, Doorbell(streams=heads(reader), hub_ms=now_ms))
