"""Approvals that wait to be used, and what became of all of them."""

from typing import NamedTuple

from sync.node.database import Reader, Tx


class Waiting(NamedTuple):
    """One person's signed word for another's deed, not used yet; times are wall ms."""

    approval_id: str
    till: str
    action: str
    target: str
    amount_fen: int
    rate_bp: int
    requester: str
    approver: str
    expires_ms: int
    signature: bytes


class Kept(NamedTuple):
    """What the journal says of an approval; `refused` is empty where it was granted."""

    n: int
    approval_id: str
    at_ms: int
    action: str
    target: str
    requester: str
    approver: str
    amount_fen: int
    rate_bp: int
    refused: str


def put(tx: Tx, waiting: Waiting) -> None:
    """Keep an approval until it is used."""
    tx.execute(
        "INSERT INTO approvals_waiting (approval_id, till, action, target, amount_fen, rate_bp, requester, approver,"
        " expires_ms, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        waiting,
    )


def find(reader: Reader, approval_id: str) -> Waiting | None:
    """Find an approval that was not used."""
    rows = reader.execute(
        "SELECT approval_id, till, action, target, amount_fen, rate_bp, requester, approver, expires_ms, signature"
        " FROM approvals_waiting WHERE approval_id = ?",
        (approval_id,),
    )
    return Waiting(*rows[0]) if rows else None


def take(tx: Tx, approval_id: str) -> None:
    """Use an approval up."""
    tx.execute("DELETE FROM approvals_waiting WHERE approval_id = ?", (approval_id,))


def drop_expired(tx: Tx, before_ms: int) -> None:
    """Forget approvals that nobody came for."""
    tx.execute("DELETE FROM approvals_waiting WHERE expires_ms < ?", (before_ms,))


def was_granted(reader: Reader, approval_id: str) -> bool:
    """Say whether the journal knows an approval as granted."""
    return bool(
        reader.execute("SELECT 1 FROM approvals WHERE approval_id = ? AND refused = ''", (approval_id,)),
    )


def latest(reader: Reader, limit: int) -> list[Kept]:
    """List what became of approvals, latest first."""
    return [
        Kept(*row)
        for row in reader.execute(
            "SELECT n, approval_id, at_ms, action, target, requester, approver, amount_fen, rate_bp, refused"
            " FROM approvals ORDER BY n DESC LIMIT ?",
            (limit,),
        )
    ]
