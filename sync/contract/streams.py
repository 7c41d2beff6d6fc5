"""Down streams: versioned logs with a running checksum, the same arithmetic on both sides (protocol §5.7).

A stream is tenant-wide (`menu`) or of one store (`commands.qingci`: the store's name stands behind the point). What a log
comes to is the last put of each key: its *state*, which travels as a snapshot where the log itself no longer reaches.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping

import msgspec

from sync.contract import ids, limits, topics
from sync.contract.facts import UNREADABLE, ContractError
from sync.contract.messages import Operation, Snapshot, StreamBatch

STORES = "stores"
MENU = "menu"
PRICES = "prices"
CONFIG = "config"
COMMANDS = "commands"
RULES = "rules"
MEMBERS = "members"
GRANTS = "grants"
LIVE_CODES = "live_codes"
TENANT_WIDE = (STORES, MENU, PRICES, CONFIG, RULES)
OF_ONE_STORE = (MENU, PRICES, CONFIG, COMMANDS, MEMBERS, GRANTS, LIVE_CODES)
OWN_HINT = "own."
DIGEST_BYTES = 32
SNAPSHOT_PIECES_MAX = 4_096
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")


def own(name: str, store: str) -> str:
    """Name a store's own stream."""
    return f"{name}.{store}"


def store_of(stream: str) -> str:
    """Give the store whose own stream this is; empty for a tenant-wide one."""
    return stream.partition(".")[2]


def followed_by(store: str) -> tuple[str, ...]:
    """List the streams that a store follows."""
    return (*TENANT_WIDE, *(own(name, store) for name in OF_ONE_STORE))


def is_name(stream: str) -> bool:
    """Say whether a text can name a stream."""
    name, point, store = stream.partition(".")
    return _NAME.fullmatch(name) is not None and (not point or ids.STORE_ID.fullmatch(store) is not None)


def may_follow(stream: str, store: str) -> bool:
    """Say whether a stream concerns a store: tenant-wide, or its own; never another store's."""
    return is_name(stream) and store_of(stream) in {"", store}


def own_hint(store: str) -> str:
    """Name the doorbell's counter of stores' own streams: one for each partition of the topics.

    Every store of the tenant hears the doorbell. A counter for each store would tell all of them when HQ writes to which,
    and would make the bell as long as the chain; the partition stands in every topic anyway, and tells only that one store
    of a 256th got something.
    """
    return f"{OWN_HINT}{topics.partition(store)}"


def checksum_start(stream: str) -> bytes:
    """Give the checksum of an empty stream."""
    return hashlib.sha256(f"rs1-stream|{stream}".encode()).digest()


def checksum_next(before: bytes, operation: Operation) -> bytes:
    """Take one operation into the running checksum; every field counts."""
    head = f"{operation.version}|{operation.op}|{len(operation.key)}|{operation.key}|".encode()
    return hashlib.sha256(before + head + operation.value).digest()


def checksum_after(before: bytes, batch: StreamBatch) -> bytes | None:
    """Follow a batch from the checksum before it.

    Returns:
        The checksum behind it, or None when versions have a hole or the batch's own checksum differs:
        then the receiver doubts its copy and pulls from the start.
    """
    checksum = before
    version = batch.after
    for operation in batch.operations:
        if operation.version != version + 1:
            return None
        version = operation.version
        checksum = checksum_next(checksum, operation)
    return checksum if checksum == batch.checksum else None


def fold(state: Mapping[str, bytes], operations: Iterable[Operation]) -> dict[str, bytes]:
    """Carry a state on over steps: the last put of each key stands, a remove takes it away."""
    folded = dict(state)
    for operation in operations:
        if operation.op == "remove":
            folded.pop(operation.key, None)
        else:
            folded[operation.key] = operation.value
    return folded


def encode_state(state: Mapping[str, bytes]) -> bytes:
    """Encode a state, the same bytes for the same state."""
    return _STATE_ENCODER.encode(sorted(state.items()))


def decode_state(raw: bytes) -> dict[str, bytes]:
    """Read a state.

    Raises:
        ContractError: the bytes are no state.
    """
    try:
        return dict(_STATE_DECODER.decode(raw))
    except UNREADABLE as error:
        raise ContractError(f"not a state: {error}") from error


def cut(packed: bytes, piece_bytes: int = limits.SNAPSHOT_CHUNK_BYTES_MAX) -> list[bytes]:
    """Cut a packed state into the pieces that travel."""
    return [packed[at : at + piece_bytes] for at in range(0, len(packed), piece_bytes)]


def describe(version: int, checksum: bytes, packed: bytes, pieces: Iterable[bytes]) -> Snapshot:
    """Describe a packed state: what a store needs in order to fetch and to believe it."""
    return Snapshot(
        version=version,
        checksum=checksum,
        size=len(packed),
        digest=hashlib.sha256(packed).digest(),
        chunks=tuple(hashlib.sha256(piece).digest() for piece in pieces),
    )


def is_sound(snapshot: Snapshot) -> bool:
    """Say whether a description keeps the bounds, before a first piece is asked for."""
    fewest = -(-snapshot.size // limits.SNAPSHOT_CHUNK_BYTES_MAX)
    return (
        snapshot.version > 0
        and 0 < snapshot.size <= limits.SNAPSHOT_BYTES_MAX
        and fewest <= len(snapshot.chunks) <= SNAPSHOT_PIECES_MAX
        and all(len(one) == DIGEST_BYTES for one in (*snapshot.chunks, snapshot.digest, snapshot.checksum))
    )


def is_piece(digest: bytes, data: bytes) -> bool:
    """Say whether bytes are the piece of that name."""
    return len(data) <= limits.SNAPSHOT_CHUNK_BYTES_MAX and hashlib.sha256(data).digest() == digest


def joined(snapshot: Snapshot, pieces: Mapping[bytes, bytes]) -> bytes:
    """Put the pieces together.

    Raises:
        ContractError: they are not what the snapshot describes.
    """
    packed = b"".join(pieces.get(digest, b"") for digest in snapshot.chunks)
    if len(packed) != snapshot.size or hashlib.sha256(packed).digest() != snapshot.digest:
        raise ContractError("the pieces are not the snapshot")
    return packed


_STATE_ENCODER = msgspec.msgpack.Encoder()
_STATE_DECODER = msgspec.msgpack.Decoder(list[tuple[str, bytes]])
