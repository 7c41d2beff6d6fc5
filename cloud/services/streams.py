"""The down streams: versioned logs that stores pull, with a running checksum (protocol §5.7)."""

import base64
from collections import Counter

import msgspec

from cloud.db import streams as table
from cloud.db.engine import Reader, Tx
from cloud.db.stores import KeyRow, StoreRow
from cloud.db.streams import HeadRow, SnapshotRow
from sync.contract import limits, messages, streams
from sync.contract.envelope import MessageKind
from sync.contract.messages import Chunk, Doorbell, Operation, Pull, Snapshot, StoreKey, StreamBatch
from sync.node import keys, packing, sealing

VERSION_MAX = 2**53
"""Beyond it a number is no count any more; below it every database and every browser holds it."""


class OversizedStep(ValueError):
    """A step would not fit a message; the sentence says which."""


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

    Raises:
        OversizedStep: the value does not fit a message.
    """
    assert op in {"put", "remove"}
    assert streams.is_name(stream)
    if len(value) > limits.OPERATION_BYTES_MAX:
        raise OversizedStep(f"{stream}: {key} has {len(value)} bytes; a step may have {limits.OPERATION_BYTES_MAX}")
    head = table.locked_head(tx, stream)
    version = 1 if head is None else head.version + 1
    before = streams.checksum_start(stream) if head is None else head.checksum
    checksum = streams.checksum_next(before, Operation(version=version, op=op, key=key, value=value))
    table.insert_step(tx, table.StepRow(stream, version, op, key, value, checksum))
    return version


def heads(reader: Reader, store: str = "") -> dict[str, int]:
    """Give the versions of the streams that a store may follow: the tenant-wide ones and its own."""
    own = [streams.own(name, store) for name in streams.OF_ONE_STORE] if store else []
    return {head.stream: head.version for head in table.heads_for(reader, own)}


def held_by(store: str, told: dict[str, int]) -> dict[str, int]:
    """Give what a store says that it holds, as far as those are streams that it follows."""
    return {name: version for name in streams.followed_by(store) if 0 <= (version := told.get(name, 0)) <= VERSION_MAX}


def state_at_head(reader: Reader, stream: str) -> dict[str, bytes]:
    """Give what a stream comes to now: the last put of each key."""
    snapshot = table.newest_snapshot(reader, stream)
    held = {} if snapshot is None else read_snapshot(reader, snapshot)
    after = 0 if snapshot is None else snapshot.version
    return streams.fold(held, operations_after(reader, stream, after, VERSION_MAX))


def operations_after(reader: Reader, stream: str, after: int, upto: int) -> list[Operation]:
    """List the steps after a version and up to another, read in slices."""
    found: list[Operation] = []
    while steps := table.steps_after(reader, stream, after, limits.STREAM_OPERATIONS_MAX):
        found += [_operation(step) for step in steps if step.version <= upto]
        after = steps[-1].version
        if after >= upto:
            break
    return found


def read(reader: Reader, stream: str, after: int, limit: int) -> StreamBatch | None:
    """Read a stretch of a stream, or the offer of a snapshot where the log no longer reaches back so far.

    A store that is ahead of this hub (restored from a backup) gets an empty batch under our checksum: it sees that
    the two differ, doubts its copy and pulls from the start.

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
    floor = table.newest_snapshot(reader, stream)
    if floor is not None and from_version < floor.version:
        return _offer(head, after, floor)
    count = max(1, min(limit, limits.STREAM_OPERATIONS_MAX))
    steps = _within_bytes(table.steps_after(reader, stream, from_version, count))
    return StreamBatch(
        stream=stream,
        after=after,
        head=head.version,
        operations=tuple(_operation(step) for step in steps),
        checksum=steps[-1].checksum if steps else head.checksum,
    )


def answer(
    reader: Reader, store: str, pull: Pull, *, fenced: bool = False
) -> tuple[MessageKind, msgspec.Struct] | None:
    """Answer a store's PULL: steps, the offer of a snapshot, or a piece of one.

    A piece that this hub no longer has is answered like a pull from where the store is: with steps again, or with another
    snapshot. A stream that has no step yet is answered empty, so that a store which holds one of another past sees it.

    Args:
        reader: where to read.
        store: who asks; it is told nothing of another store's own streams.
        pull: what it asks for.
        fenced: its epoch was replaced: it has no rights, and is told nothing.

    Returns:
        The kind of message and its body, or None for a stream that does not exist or is not this store's.
    """
    if fenced or not streams.may_follow(pull.stream, store):
        return None
    if pull.chunk:
        data = table.piece(reader, pull.stream, pull.chunk)
        if data is not None:
            found = Chunk(stream=pull.stream, digest=pull.chunk, data=data, session=pull.session)
            return MessageKind.CHUNK, found
    batch = read(reader, pull.stream, min(max(pull.after, 0), VERSION_MAX), pull.limit)
    if batch is None and pull.stream in streams.followed_by(store):
        start = streams.checksum_start(pull.stream)
        batch = StreamBatch(stream=pull.stream, after=pull.after, head=0, operations=(), checksum=start)
    return None if batch is None else (MessageKind.STREAM, msgspec.structs.replace(batch, session=pull.session))


def read_snapshot(reader: Reader, row: SnapshotRow) -> dict[str, bytes]:
    """Read the state out of a kept snapshot.

    Raises:
        ContractError: what is kept is damaged.
    """
    described = _described(row)
    pieces = {digest: table.piece(reader, row.stream, digest) or b"" for digest in described.chunks}
    packed = streams.joined(described, pieces)
    return streams.decode_state(packing.unpack(packed, limits.SNAPSHOT_BYTES_MAX))


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


def doorbell_heads(reader: Reader) -> dict[str, int]:
    """Give what the doorbell names: the tenant-wide streams, and a counter for each partition's own streams.

    The counter is the sum of their versions, so any step moves it. It says neither which store nor which stream.
    """
    named: dict[str, int] = {}
    own: Counter[str] = Counter()
    for head in table.all_heads(reader):
        store = streams.store_of(head.stream)
        if store:
            own[streams.own_hint(store)] += head.version
        else:
            named[head.stream] = head.version
    return {**named, **own}


def doorbell(reader: Reader, identity: keys.Identity, now_ms: int) -> bytes:
    """Give the retained doorbell for the versions of now."""
    return sealing.seal_doorbell(identity, Doorbell(streams=doorbell_heads(reader), hub_ms=now_ms))


def _operation(step: table.StepRow) -> Operation:
    return Operation(version=step.version, op=step.op, key=step.key, value=step.value)


def _within_bytes(steps: list[table.StepRow]) -> list[table.StepRow]:
    """Cut a stretch before it passes the size of a batch; at least one step."""
    total = 0
    for count, step in enumerate(steps):
        total += len(step.key) + len(step.value)
        if count and total > limits.STREAM_PLAIN_BYTES_MAX:
            return steps[:count]
    return steps


def _described(row: SnapshotRow) -> Snapshot:
    size = streams.DIGEST_BYTES
    digests = tuple(bytes(row.chunks[at : at + size]) for at in range(0, len(row.chunks), size))
    return Snapshot(version=row.version, checksum=row.checksum, size=row.size, digest=row.digest, chunks=digests)


def _offer(head: HeadRow, after: int, row: SnapshotRow) -> StreamBatch:
    return StreamBatch(
        stream=head.stream,
        after=after,
        head=head.version,
        operations=(),
        checksum=head.checksum,
        snapshot=_described(row),
    )
