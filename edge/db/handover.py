"""What a new node brings back of its store's earlier epochs: the plan, the facts as they come, and the tables behind them."""

from collections.abc import Sequence
from typing import NamedTuple

from sync.contract.handover import HeldLane
from sync.node.database import Reader, Row, Tx


class Plan(NamedTuple):
    """A handover under way: the hub's signed word on what there is, up to which number tables are built, and whether it is done."""

    epoch: int
    proof: bytes
    built_n: int
    done: bool


class LanePlan(NamedTuple):
    """One lane of it: what stood here before, and up to where the hub holds it."""

    epoch: int
    lane: int
    from_seq: int
    seq: int
    chain: bytes


def plan(reader: Reader, epoch: int) -> Plan | None:
    """Find the handover to an epoch."""
    rows = reader.execute("SELECT epoch, proof, built_n, done FROM handovers WHERE epoch = ?", (epoch,))
    return Plan(rows[0][0], rows[0][1], rows[0][2], bool(rows[0][3])) if rows else None


def lanes(reader: Reader, epoch: int) -> list[LanePlan]:
    """List the lanes of the handover to an epoch."""
    rows = reader.execute(
        "SELECT epoch, lane, from_seq, seq, chain FROM handover_lanes WHERE by_epoch = ? ORDER BY epoch, lane", (epoch,)
    )
    return [LanePlan(*row) for row in rows]


def begin(tx: Tx, epoch: int, proof: bytes, held: Sequence[HeldLane]) -> None:
    """Keep what the hub says there is, beside what stands here now. Lanes must exist."""
    tx.execute("INSERT INTO handovers (epoch, proof) VALUES (?, ?)", (epoch, proof))
    for lane in held:
        tx.execute(
            "INSERT INTO handover_lanes (by_epoch, epoch, lane, from_seq, seq, chain)"
            " SELECT ?, epoch, lane, head_seq, ?, ? FROM lanes WHERE epoch = ? AND lane = ?",
            (epoch, lane.seq, lane.chain, lane.epoch, lane.lane),
        )


def head(reader: Reader, epoch: int, lane: int) -> tuple[int, bytes]:
    """Give seq and chain of a lane's last fact here."""
    [(seq, chain)] = reader.execute(
        "SELECT head_seq, head_chain FROM lanes WHERE epoch = ? AND lane = ?", (epoch, lane)
    )
    return int(seq), bytes(chain)


def chain_at(reader: Reader, epoch: int, lane: int, seq: int) -> bytes | None:
    """Give the chain value of a fact that lies here."""
    rows = reader.execute("SELECT chain FROM facts WHERE epoch = ? AND lane = ? AND seq = ?", (epoch, lane, seq))
    return bytes(rows[0][0]) if rows else None


def insert(tx: Tx, rows: Sequence[Row]) -> None:
    """Put facts into the journal as they are: (epoch, lane, seq, n, fact id, kind, at_ms, raw, chain, seal) each.

    Raises:
        IntegrityError: a number or an id stands already.
    """
    tx.executemany(
        "INSERT INTO facts (epoch, lane, seq, n, fact_id, kind, at_ms, raw, chain, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


def taken(reader: Reader, n: int, fact_id: bytes) -> tuple[bool, bool]:
    """Say whether a number and whether an id stand in the journal."""
    numbers = reader.execute("SELECT 1 FROM facts WHERE n = ?", (n,))
    ids = reader.execute("SELECT 1 FROM facts WHERE fact_id = ?", (fact_id,))
    return bool(numbers), bool(ids)


def move_head(tx: Tx, place: tuple[int, int], seq: int, chain: bytes) -> None:
    """Move a lane's head behind facts that were put in."""
    tx.execute("UPDATE lanes SET head_seq = ?, head_chain = ? WHERE epoch = ? AND lane = ?", (seq, chain, *place))


def unbuilt(reader: Reader, epoch: int, after_n: int, limit: int) -> list[tuple[int, bytes]]:
    """List facts (n, bytes) that came with a handover and are in no table yet, in the order in which they were committed."""
    rows = reader.execute(
        "SELECT facts.n, facts.raw FROM facts JOIN handover_lanes AS came ON came.by_epoch = ? AND came.epoch = facts.epoch"
        " AND came.lane = facts.lane AND facts.seq > came.from_seq WHERE facts.n > ? ORDER BY facts.n LIMIT ?",
        (epoch, after_n, limit),
    )
    return [(int(n), bytes(raw)) for n, raw in rows]


def count_unbuilt(reader: Reader, epoch: int, after_n: int) -> int:
    """Count what `unbuilt` lists."""
    [(count,)] = reader.execute(
        "SELECT count(*) FROM facts JOIN handover_lanes AS came ON came.by_epoch = ? AND came.epoch = facts.epoch"
        " AND came.lane = facts.lane AND facts.seq > came.from_seq WHERE facts.n > ?",
        (epoch, after_n),
    )
    return int(count)


def built(tx: Tx, epoch: int, n: int) -> None:
    """Note up to which number the tables are built."""
    tx.execute("UPDATE handovers SET built_n = ? WHERE epoch = ?", (n, epoch))


def make_room(tx: Tx) -> None:
    """Let the writer keep more pages in memory while so much is written; until its connection ends."""
    tx.execute("PRAGMA cache_size=-65536")


def finish(tx: Tx, epoch: int) -> None:
    """Close a handover: what the hub holds counts as acknowledged by its signed word, slips and the last number follow."""
    tx.execute(
        "UPDATE lanes SET acked_seq = came.seq, acked_chain = came.chain, ack_proof = handovers.proof"
        " FROM handover_lanes AS came, handovers WHERE came.by_epoch = ? AND handovers.epoch = came.by_epoch"
        " AND lanes.epoch = came.epoch AND lanes.lane = came.lane",
        (epoch,),
    )
    _slips(tx)
    tx.execute(
        "INSERT INTO counters (name, value) SELECT 'n', coalesce(max(n), 0) FROM facts WHERE true"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    )
    tx.execute("UPDATE handovers SET done = 1 WHERE epoch = ?", (epoch,))


def brought_epochs(reader: Reader) -> set[int]:
    """List the epochs of which facts came from the hub: what had not reached it is missing in their numbers, rightly."""
    return {int(row[0]) for row in reader.execute("SELECT DISTINCT epoch FROM handover_lanes WHERE seq > from_seq")}


def _slips(tx: Tx) -> None:
    """Let the spool say what the facts say of every slip.

    A receipt that waited for a person waits again. A docket of then is of no use to any kitchen now. What stood in a
    restored file as still to be printed may have been printed since: a person decides, and a repeat is marked.
    """
    settled = (
        "CASE WHEN prints.state IN ('confirmed', 'discarded') THEN prints.state"
        " WHEN prints.document <> 'receipt' THEN 'discarded'"
        " WHEN prints.state IN ('held', 'unknown') THEN prints.state ELSE 'unknown' END"
    )
    tx.execute(
        "UPDATE print_jobs SET state = 'unknown', reason = 'restored'"
        " WHERE state IN ('queued', 'claimed', 'sending', 'sent')"
        " AND NOT EXISTS (SELECT 1 FROM prints WHERE prints.job_id = print_jobs.job_id AND prints.copy >= print_jobs.copy)"
    )
    tx.execute(
        f"UPDATE print_jobs SET state = {settled}, copy = prints.copy, reason = 'restored' FROM prints"  # noqa: S608 - our own words
        " WHERE prints.job_id = print_jobs.job_id AND prints.copy >= print_jobs.copy"
        f" AND (print_jobs.state <> {settled} OR print_jobs.copy <> prints.copy)"
    )
    tx.execute(
        "INSERT INTO print_jobs (job_id, position, document, subject, label, state, reason, copy, created_ms, settled_ms, asked)"  # noqa: S608 - our own words
        " SELECT prints.job_id, (SELECT coalesce(max(position), 0) FROM print_jobs) + row_number() OVER (ORDER BY prints.rowid),"
        f" prints.document, prints.subject, coalesce(sales.receipt_no, prints.subject), {settled}, 'replaced', prints.copy,"
        " coalesce(sales.at_ms, 0), coalesce(sales.at_ms, 0), CASE WHEN prints.state = 'held' THEN 1 ELSE 0 END"
        " FROM prints LEFT JOIN sales ON sales.sale_id = prints.subject"
        " WHERE prints.job_id NOT IN (SELECT job_id FROM print_jobs)"
    )
