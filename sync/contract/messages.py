"""The bodies of the control messages of rs1 (`reference` protocol §5.4 to §5.7), in msgpack."""

from typing import TypeVar

import msgspec

from sync.contract.facts import UNREADABLE, ContractError


class LaneHead(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store's lane stands: its last fact, the chain there, the hub's last word, the oldest fact kept."""

    head_seq: int
    head_chain: bytes
    acked_seq: int
    acked_chain: bytes
    oldest_seq: int


class StreamHead(msgspec.Struct, frozen=True):
    """A down stream as one side has it: version and running checksum there."""

    version: int
    checksum: bytes


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A store opens a session; the nonce ties the answer to this very greeting."""

    nonce: bytes
    boot: str
    software: str
    wall_ms: int
    hlc: int
    lanes: dict[int, LaneHead]
    streams: dict[str, StreamHead]
    schema_min: int = 1
    schema_max: int = 1
    told: str = ""
    """The refusal that this end heard last and has kept; so the hub knows that it was heard."""


class LaneCheckpoint(msgspec.Struct, frozen=True):
    """What the hub holds of a lane: everything up to `seq`, chain-verified."""

    seq: int
    chain: bytes


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's word on where to go on; it may be lower than what the store saw before (hub restored)."""

    nonce: bytes
    lanes: dict[int, LaneCheckpoint]
    credit: int
    streams: dict[str, int]
    hub_ms: int
    fenced: bool = False
    """This epoch was replaced: its facts are still taken, and it has no other right. Then `streams` is empty."""


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no session: `revoked`, `rewind`, `fork`, `upgrade`."""

    nonce: bytes
    reason: str
    hub_ms: int
    fenced: bool = False
    """This epoch was replaced besides: it has no right to sell, whatever else is the matter with it."""


class Ack(msgspec.Struct, frozen=True, kw_only=True):
    """Stored up to `seq`, contiguous and chain-verified, after the hub's COMMIT.

    `gap` asks for everything from that seq at once; `session` is the nonce of the HELLO that this belongs to.
    """

    session: bytes
    lane: int
    seq: int
    chain: bytes
    credit: int
    hub_ms: int
    gap: int | None = None
    durable_seq: int | None = None
    """Up to here the lane is also covered by a backup of the hub; None when the hub keeps none."""
    retry_after_ms: int = 0
    """With `credit` 0 (admission control): how long to wait before asking again by a heartbeat."""
    beat_ms: int | None = None
    """The `wall_ms` of the heartbeat that this answers, so that the store can tell how old `hub_ms` is; None for no heartbeat."""


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A store asks for a stream from after a version, or, with `chunk`, for a piece of a snapshot by its SHA-256."""

    stream: str
    after: int
    limit: int
    session: bytes = b""
    chunk: bytes = b""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a stream: `put` or `remove` of a key; `value` is JSON."""

    version: int
    op: str
    key: str
    value: bytes


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A stream's state at a version: what its log comes to, as pieces that are fetched one by one."""

    version: int
    checksum: bytes
    """The running checksum of the log behind `version`."""
    size: int
    """Bytes of all pieces together, still compressed."""
    digest: bytes
    """SHA-256 over all pieces joined."""
    chunks: tuple[bytes, ...]


class StreamBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of a stream after `after`, and the running checksum behind the last one."""

    stream: str
    after: int
    head: int
    operations: tuple[Operation, ...]
    checksum: bytes
    session: bytes = b""
    snapshot: Snapshot | None = None
    """Must-refetch: `after` is below the log's floor, or of another past. Then there are no operations."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a snapshot; its SHA-256 is its name, so it may come in any order and from any snapshot that has it."""

    stream: str
    digest: bytes
    data: bytes
    session: bytes = b""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """An online question (protocol §5.2 `rq`). The id is the caller's and is asked again after silence, never changed.

    `name` says who answers, `body` is JSON of that name's own shape; `epoch` and store come from the envelope.
    """

    id: bytes
    name: str
    body: bytes
    not_after_ms: int = 0
    """Hub's wall time after which the answer is of no use; 0 = none. A question past it is answered `expired`."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's answer to the question of this id; the same question gets the same answer for ever.

    `verdict`: `done`, `refused` (reason in the body), `unknown_question`, `expired`.
    """

    id: bytes
    verdict: str
    body: bytes = b""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """How a store is, without the backlog: what waits, and the totals of the day as the store has them."""

    wall_ms: int
    waiting: dict[int, int]
    oldest_waiting_ms: int | None
    day: str
    day_sales: int
    day_amount_fen: int
    streams: dict[str, int] = {}
    """Which version of each followed stream is applied at the store, for HQ's page."""
    disk_free_mb: int | None = None
    clock_offset_ms: int | None = None
    """Store's wall clock minus the hub's, as the store estimates it."""
    alarms: tuple[str, ...] = ()
    """Codes of what a person must look at now."""


class StoreKey(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the `stores` stream: whose signatures count, under which epoch, and until when."""

    store: str
    epoch: int
    key_id: str
    public_key: str
    name_zh: str
    name_en: str
    revoked_ms: int | None = None


class Doorbell(msgspec.Struct, frozen=True, kw_only=True):
    """The retained hint on `rs1/{tenant}/head`: newer versions may exist. Signed, not sealed."""

    streams: dict[str, int]
    hub_ms: int


STORES_STREAM = "stores"

T = TypeVar("T", bound=msgspec.Struct)

_ENCODER = msgspec.msgpack.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """Encode a message body."""
    return _ENCODER.encode(message)


def decode(raw: bytes, kind: type[T]) -> T:
    """Read a message body.

    Raises:
        ContractError: the bytes are no such message.
    """
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except UNREADABLE as error:
        message = f"not a {kind.__name__}: {error}"
        raise ContractError(message) from error
