"""Keeps the logs of the down streams short: steps older than a month become a snapshot (protocol §5.7, §5.9).

The floor of a log never exists without the snapshot at it: steps go in the very transaction that keeps what they come to. A
store below the floor fetches that snapshot and follows the log from there. What is older than a superseded snapshot's day of
grace is dropped; a store that was in the middle of it is offered the newer one.
"""

import itertools
import logging

from cloud.db import commands
from cloud.db import streams as table
from cloud.db.engine import HubDatabase, Tx
from cloud.db.streams import SnapshotRow
from cloud.services import streams
from sync.contract import steering
from sync.contract import streams as contract
from sync.node import packing

DAY_MS = 86_400_000
DAYS = 30
"""For how long a step is kept as it is, unless the settings say otherwise."""
SUPERSEDED_KEPT_MS = DAY_MS
ANSWERS_KEPT_MS = 30 * DAY_MS

log = logging.getLogger(__name__)


def tidy(database: HubDatabase, now_ms: int, kept_days: int) -> int:
    """Note where every stream stands, fold what is old enough, and drop what nobody can need any more.

    Args:
        database: the hub's database.
        now_ms: the hub's wall time.
        kept_days: for how long a step is kept as it is.

    Returns:
        How many streams were folded.
    """
    with database.read() as reader:
        names = [head.stream for head in table.all_heads(reader)]
    folded = 0
    for stream in names:
        with database.write() as tx:
            head = table.locked_head(tx, stream)
            assert head is not None
            table.note_mark(tx, stream, now_ms, head.version)
            folded += fold(tx, stream, table.version_before(tx, stream, now_ms - kept_days * DAY_MS), now_ms)
            _drop_superseded(tx, stream, now_ms)
            if stream.startswith(f"{contract.COMMANDS}."):
                _forget_commands(tx, stream, now_ms - kept_days * DAY_MS)
    with database.write() as tx:
        commands.delete_answers(tx, now_ms - ANSWERS_KEPT_MS)
    return folded


def fold(tx: Tx, stream: str, upto: int, now_ms: int) -> bool:
    """Fold a stream's steps up to a version into a snapshot; False when there is nothing to fold.

    Raises:
        ContractError: the snapshot that the log stands on is damaged; then nothing is folded.
    """
    base = table.newest_snapshot(tx, stream)
    floor = 0 if base is None else base.version
    checksum = table.checksum_at(tx, stream, upto)
    if upto <= floor or checksum is None:
        return False
    held = {} if base is None else streams.read_snapshot(tx, base)
    state = contract.fold(held, streams.operations_after(tx, stream, floor, upto))
    packed = packing.pack(contract.encode_state(state))
    pieces = contract.cut(packed)
    described = contract.describe(upto, checksum, packed, pieces)
    row = SnapshotRow(stream, upto, checksum, described.size, described.digest, b"".join(described.chunks), now_ms)
    table.insert_snapshot(tx, row, dict(zip(described.chunks, pieces, strict=True)))
    log.info("streams.folded", extra={"stream": stream, "upto": upto, "bytes": described.size})
    return True


def _drop_superseded(tx: Tx, stream: str, now_ms: int) -> None:
    kept = table.snapshots_of(tx, stream)
    size = contract.DIGEST_BYTES
    gone = {row.version for newer, row in itertools.pairwise(kept) if now_ms - newer.made_ms >= SUPERSEDED_KEPT_MS}
    for version in gone:
        others = [one for one in kept if one.version not in gone]
        used = {bytes(one.chunks[at : at + size]) for one in others for at in range(0, len(one.chunks), size)}
        table.delete_snapshot(tx, stream, version, still_used=used)


def _forget_commands(tx: Tx, stream: str, before_ms: int) -> None:
    """Take commands that expired long ago out of their stream; the hub's own list keeps them."""
    for key, value in streams.state_at_head(tx, stream).items():
        if steering.read_command(value).expires_ms < before_ms:
            streams.append(tx, stream, op="remove", key=key, value=b"")
