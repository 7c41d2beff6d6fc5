"""The journal of facts: outbox, audit trail and source of every projection, in one table.

`append` is the only way in, inside the caller's transaction, so that a fact and what it changes are one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from sync.contract import facts, limits
from sync.contract.facts import Fact
from sync.contract.messages import LaneHead
from sync.contract.times import epoch_day, hlc_merge, hlc_next
from sync.engine.store_link import Batch
from sync.node.database import Reader, Row, Tx
from sync.node.keys import Identity

LANES = (0, 1)
ACKED_MS = "acked_ms"
"""The counter that holds the wall time of the hub's last acknowledgement."""
DAY = "day"
"""The counter that holds the business day of the newest fact, in days after 1970-01-01."""


@dataclass(frozen=True)
class Draft:
    """A fact before it has its place: `fact_id` was made before the transaction began."""

    fact_id: bytes
    lane: int
    kind: str
    v: int
    body: msgspec.Struct
    actor: str | None = None
    device: str | None = None
    versions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where and when facts are written: the store, its epoch, wall time in ms and the business day."""

    store: str
    epoch: int
    at_ms: int
    day: str


@dataclass(frozen=True)
class Stored:
    """A fact as it lies in the table."""

    lane: int
    seq: int
    n: int
    fact_id: bytes
    kind: str
    at_ms: int
    raw: bytes
    chain: bytes
    seal: bytes


def open_epoch(tx: Tx, store: str, epoch: int) -> None:
    """Make the lanes of an epoch exist, each at its genesis; harmless when they do."""
    for lane in LANES:
        start = facts.genesis(store, epoch, lane)
        tx.execute(
            "INSERT OR IGNORE INTO lanes (epoch, lane, head_seq, head_chain, acked_chain) VALUES (?, ?, 0, ?, ?)",
            (epoch, lane, start, start),
        )


def append(tx: Tx, place: Place, identity: Identity, drafts: Sequence[Draft]) -> list[Fact]:
    """Write facts in order: gapless seq per lane, gapless `n` over both (from the epoch's own floor on), hybrid time, chain, seal.

    Returns:
        The facts as they were encoded.
    """
    n = max(counter(tx, "n"), facts.number_floor(place.epoch))
    clock = counter(tx, "hlc")
    written: list[Fact] = []
    for draft in drafts:
        n += 1
        clock = hlc_next(clock, place.at_ms)
        [(head_seq, head_chain)] = tx.execute(
            "SELECT head_seq, head_chain FROM lanes WHERE epoch = ? AND lane = ?", (place.epoch, draft.lane)
        )
        fact = Fact(
            store=place.store,
            epoch=place.epoch,
            lane=draft.lane,
            seq=head_seq + 1,
            n=n,
            id=draft.fact_id.hex(),
            kind=draft.kind,
            v=draft.v,
            at_ms=place.at_ms,
            hlc=str(clock),
            day=place.day,
            actor=draft.actor,
            device=draft.device,
            versions=draft.versions,
            body=msgspec.Raw(msgspec.json.encode(draft.body)),
        )
        raw = facts.encode(fact)
        if len(raw) > limits.FACT_BYTES_MAX:
            raise ValueError(f"a {draft.kind} of {len(raw)} bytes is above {limits.FACT_BYTES_MAX}")
        chain = facts.link(head_chain, raw)
        tx.execute(
            "INSERT INTO facts (epoch, lane, seq, n, fact_id, kind, at_ms, raw, chain, seal)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (place.epoch, draft.lane, fact.seq, n, draft.fact_id, draft.kind, place.at_ms, raw, chain,
             identity.seal_of(chain)),
        )  # fmt: skip
        tx.execute(
            "UPDATE lanes SET head_seq = ?, head_chain = ? WHERE epoch = ? AND lane = ?",
            (fact.seq, chain, place.epoch, draft.lane),
        )
        written.append(fact)
    set_counter(tx, "n", n)
    set_counter(tx, "hlc", clock)
    set_counter(tx, DAY, epoch_day(place.day))
    return written


def last_day(reader: Reader) -> int:
    """Give the business day of the newest fact, in days after 1970-01-01; 0 for none."""
    return counter(reader, DAY)


def counter(reader: Reader, name: str) -> int:
    """Read a counter; 0 when it was never set."""
    rows = reader.execute("SELECT value FROM counters WHERE name = ?", (name,))
    return int(rows[0][0]) if rows else 0


def set_counter(tx: Tx, name: str, value: int) -> None:
    """Set a counter."""
    tx.execute("INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
               (name, value))  # fmt: skip


def merge_time(tx: Tx, wall_ms: int, hub_ms: int) -> None:
    """Let the hybrid clock pass the hub's time."""
    set_counter(tx, "hlc", hlc_merge(counter(tx, "hlc"), wall_ms, hub_ms << 16))


_HEADS = """
SELECT lane, head_seq, head_chain, acked_seq, acked_chain,
    min(coalesce((SELECT min(seq) FROM facts WHERE facts.epoch = lanes.epoch AND facts.lane = lanes.lane), head_seq + 1),
        coalesce((SELECT min(first_seq) FROM archive_lanes AS a WHERE a.epoch = lanes.epoch AND a.lane = lanes.lane),
                 head_seq + 1)),
    coalesce((SELECT max(last_seq) FROM archive_lanes AS a JOIN archives USING (name)
              WHERE missing = 1 AND a.epoch = lanes.epoch AND a.lane = lanes.lane), 0)
FROM lanes WHERE epoch = ? ORDER BY lane
"""


def heads(reader: Reader, epoch: int) -> dict[int, LaneHead]:
    """Where the lanes of an epoch stand. `oldest_seq` is the oldest fact that this node can still give, archives included."""
    return {
        lane: LaneHead(
            head_seq=head,
            head_chain=chain,
            acked_seq=acked,
            acked_chain=acked_chain,
            oldest_seq=max(oldest, lost + 1),
        )
        for lane, head, chain, acked, acked_chain, oldest, lost in reader.execute(_HEADS, (epoch,))
    }


def own_epochs(reader: Reader, before_epoch: int, brought: Collection[int]) -> list[int]:
    """List the epochs before one under which this file wrote facts, without those that were brought back from the hub."""
    rows = reader.execute(
        "SELECT DISTINCT epoch FROM lanes WHERE epoch < ? AND head_seq > 0 ORDER BY epoch", (before_epoch,)
    )
    return [epoch for (epoch,) in rows if epoch not in brought]


def has_fact(reader: Reader, epoch: int, lane: int, seq: int) -> bool:
    """Say whether a fact lies in the table."""
    return bool(reader.execute("SELECT 1 FROM facts WHERE epoch = ? AND lane = ? AND seq = ?", (epoch, lane, seq)))


def chain_at(reader: Reader, store: str, epoch: int, lane: int, seq: int) -> bytes | None:
    """Give the chain value behind a seq of a lane; None where its fact is not in the table."""
    if seq == 0:
        return facts.genesis(store, epoch, lane)
    rows = reader.execute("SELECT chain FROM facts WHERE epoch = ? AND lane = ? AND seq = ?", (epoch, lane, seq))
    return bytes(rows[0][0]) if rows else None


def read_batch(
    reader: Reader, place: tuple[str, int, int], first: int, last: int, before: bytes | None = None
) -> Batch:
    """Read facts for sending: at least one, then as many as the batch's size in bytes allows.

    Args:
        place: store, epoch, lane.
        before: the chain before the first, where its fact lies in an archive.

    Raises:
        LookupError: there is no fact `first`.
    """
    _, epoch, lane = place
    before = before or chain_at(reader, *place, first - 1) or b""
    rows = reader.execute(
        "SELECT raw, chain FROM facts WHERE epoch = ? AND lane = ? AND seq BETWEEN ? AND ? ORDER BY seq",
        (epoch, lane, first, last),
    )
    if not rows:
        raise LookupError(f"lane {lane} has no fact {first}")
    raws: list[bytes] = []
    size = 0
    after = before
    for raw, chain in rows:
        if raws and size + len(raw) > limits.BATCH_PLAIN_BYTES_TARGET:
            break
        raws.append(raw)
        size += len(raw)
        after = chain
    return Batch(raws, before, after)


def keep_ack(tx: Tx, epoch: int, lane: int, head: tuple[int, bytes], proof: bytes) -> None:
    """Keep the hub's word on a lane with the message that proves it."""
    seq, chain = head
    tx.execute(
        "UPDATE lanes SET acked_seq = ?, acked_chain = ?, ack_proof = ? WHERE epoch = ? AND lane = ?",
        (seq, chain, proof, epoch, lane),
    )


def keep_durable(tx: Tx, epoch: int, lane: int, seq: int) -> None:
    """Keep how far a lane is in a backup of the hub too."""
    tx.execute("UPDATE lanes SET durable_seq = ? WHERE epoch = ? AND lane = ?", (seq, epoch, lane))


def epochs(reader: Reader) -> list[int]:
    """List the epochs that this file ever wrote under."""
    return [row[0] for row in reader.execute("SELECT DISTINCT epoch FROM lanes ORDER BY epoch")]


def proofs(reader: Reader) -> list[tuple[int, int, int, bytes]]:
    """Give (epoch, lane, acked seq, signed message) for every lane that the hub ever answered."""
    rows: list[Row] = reader.execute(
        "SELECT epoch, lane, acked_seq, ack_proof FROM lanes WHERE acked_seq > 0 OR length(ack_proof) > 0"
    )
    return [(epoch, lane, seq, proof) for epoch, lane, seq, proof in rows]


def by_number(reader: Reader, *, after: int = 0, page: int = 500) -> Iterator[tuple[int, Stored]]:
    """Walk the journal in commit order; yields (epoch, fact as stored)."""
    while True:
        rows = reader.execute(
            "SELECT epoch, lane, seq, n, fact_id, kind, at_ms, raw, chain, seal FROM facts WHERE n > ? ORDER BY n LIMIT ?",
            (after, page),
        )
        for epoch, *rest in rows:
            yield epoch, Stored(*rest)
        if len(rows) < page:
            return
        after = rows[-1][3]


def oldest_waiting_ms(reader: Reader, epoch: int) -> int | None:
    """Wall time of the oldest fact that the hub has not acknowledged."""
    rows = reader.execute(
        "SELECT min(facts.at_ms) FROM lanes JOIN facts ON facts.epoch = lanes.epoch AND facts.lane = lanes.lane"
        " AND facts.seq = lanes.acked_seq + 1 WHERE lanes.epoch = ?",
        (epoch,),
    )
    value = rows[0][0]
    return None if value is None else int(value)


def fact_of_sale(reader: Reader, epoch: int, seq: int) -> bytes:
    """Give the bytes of a lane 0 fact.

    Raises:
        LookupError: there is no such fact.
    """
    rows = reader.execute("SELECT raw FROM facts WHERE epoch = ? AND lane = 0 AND seq = ?", (epoch, seq))
    if not rows:
        raise LookupError(f"there is no trade fact {seq} of epoch {epoch}")
    found: bytes = rows[0][0]
    return found
