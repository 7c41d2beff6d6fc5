"""Reads the audit log, proves it, and signs where it stands.

A chain alone shows no cut end and no chain computed anew from some row on. So the hub signs the head each
minute in which rows came; checkpoints are numbered without a gap, and the newest lies beside the database, in a file of its own.
What nobody can see from here is a thief of the whole machine, keys and all: for that the newest checkpoint is in the
log file too, which one sends elsewhere (ux-security §10.7).
"""

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cloud.db import audit as rows
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.domain import audit_chain
from cloud.domain.audit_chain import GENESIS, Checkpoint, Entry, Filter
from cloud.services import audit
from sync.node import keys
from sync.node.ports import Clock

ANCHOR_FILE = "audit-anchor.json"
LOCKED_SHOWN_MS = 24 * 3_600_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Proof:
    """What walking the log showed.

    Attributes:
        rows: rows that were walked.
        bad_row: the first row that is not as it was written; None when the log is whole.
        what: `changed`, `missing`, `added`, `rewritten`, `cut`, `checkpoints`; empty when it is whole.
        chain: the chain value at the end, to be noted elsewhere.
        checkpoints: signatures that were checked.
    """

    rows: int
    bad_row: int | None
    what: str
    chain: bytes
    checkpoints: int

    @property
    def whole(self) -> bool:
        """Whether every row is as it was written and none is missing."""
        return self.bad_row is None


class AuditLog:
    """The log as people look at it. Any thread may use it."""

    def __init__(self, database: HubDatabase, identity: keys.Identity, folder: Path, *, clock: Clock) -> None:
        self._database = database
        self._identity = identity
        self._anchor = folder / ANCHOR_FILE
        self._clock = clock
        self._signing = threading.Lock()

    def page(self, wanted: Filter, limit: int) -> list[Entry]:
        """List rows, newest first."""
        with self._database.read() as reader:
            return rows.newest(reader, wanted, limit)

    def names(self) -> tuple[list[str], list[str]]:
        """List who is in the log and what was done, for the filters."""
        with self._database.read() as reader:
            return rows.actors(reader), rows.actions(reader)

    def locked_lately(self) -> int:
        """Count the sign-ins that were locked within the last day."""
        with self._database.read() as reader:
            return rows.count_since(reader, "signin.locked", self._clock.now_ms() - LOCKED_SHOWN_MS)

    def record(self, actor: str, action: str, target: str = "", **detail: str | int) -> None:
        """Add a row for something that has no transaction of its own, such as an export."""
        with self._database.write() as tx:
            audit.record(tx, at_ms=self._clock.now_ms(), actor=actor, action=action, target=target, detail=detail)

    def verify(self) -> Proof:
        """Walk the whole log; when it is whole, sign where it stands."""
        # The anchor first: the log only grows, so what is read later can lack nothing that the anchor has.
        anchor = self._read_anchor()
        with self._database.read() as reader:
            proof = prove(reader, self._identity.public.signing, anchor)
        if proof.whole:
            self.sign()
        else:
            log.error("audit.damaged", extra={"row": proof.bad_row, "what": proof.what})
        return proof

    def sign(self) -> Checkpoint | None:
        """Sign where the log stands, if rows came since the last time."""
        with self._signing:
            with self._database.write() as tx:
                made = self._sign(tx)
            if made is not None:
                keys.write_secret(self._anchor, msgspec.json.encode(_Anchor.of(made)))
                log.info("audit.signed", extra={"row": made.n, "chain": made.chain.hex()})
        return made

    def accept_restore(self, actor: str) -> int:
        """After the hub was put back to an earlier point: say so in the log itself, and begin to anchor anew.

        Returns:
            How many rows were lost with the restore; 0 when none was, and then nothing is written.
        """
        anchor = self._read_anchor()
        with self._database.write() as tx:
            n, _ = rows.locked_head(tx)
            if anchor is None or anchor.n <= n:
                return 0
            detail: dict[str, str | int] = {"first": n + 1, "last": anchor.n, "chain": anchor.chain.hex()}
            audit.record(tx, at_ms=self._clock.now_ms(), actor=actor, action="log.restored", detail=detail)
        self.sign()
        return anchor.n - n

    def _sign(self, tx: Tx) -> Checkpoint | None:
        n, chain = rows.locked_head(tx)
        last = rows.last_checkpoint(tx)
        if n == (0 if last is None else last.n):
            return None
        k, at_ms = 1 if last is None else last.k + 1, self._clock.now_ms()
        made = Checkpoint(k, n, chain, at_ms, self._identity.sign(audit_chain.to_sign(k, n, chain, at_ms)))
        rows.insert_checkpoint(tx, made)
        return made

    def _read_anchor(self) -> Checkpoint | None:
        try:
            return msgspec.json.decode(self._anchor.read_bytes(), type=_Anchor).checkpoint()
        except FileNotFoundError:
            return None
        except (msgspec.MsgspecError, ValueError):
            # A damaged anchor proves as little as none; the checkpoints in the database are still checked.
            log.error("audit.anchor_unreadable", extra={"file": self._anchor.name})  # noqa: TRY400 - the trace says no more
            return None


class _Anchor(msgspec.Struct, frozen=True):
    k: int
    n: int
    chain: str
    at_ms: int
    signature: str

    @staticmethod
    def of(checkpoint: Checkpoint) -> "_Anchor":
        return _Anchor(checkpoint.k, checkpoint.n, checkpoint.chain.hex(), checkpoint.at_ms, checkpoint.signature.hex())

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.k, self.n, bytes.fromhex(self.chain), self.at_ms, bytes.fromhex(self.signature))


def prove(reader: Reader, hub_signing: bytes, anchor: Checkpoint | None) -> Proof:
    """Walk the log on one consistent view.

    Args:
        reader: the database.
        hub_signing: the hub's public key.
        anchor: the newest checkpoint as the file beside the database has it.
    """
    held = rows.checkpoints(reader)
    signed = {one.n: one.chain for one in held}
    if anchor is not None and _is_ours(anchor, hub_signing):
        if signed.setdefault(anchor.n, anchor.chain) != anchor.chain:
            return Proof(0, anchor.n, "rewritten", GENESIS, len(held))
    chain, walked = GENESIS, 0

    def bad(row: int, what: str) -> Proof:
        return Proof(walked, row, what, chain, len(held))

    for k, one in enumerate(held, start=1):
        if one.k != k or not _is_ours(one, hub_signing):
            return bad(one.n, "checkpoints")
    if anchor is not None and _is_ours(anchor, hub_signing) and anchor.k > len(held):
        cut = _first_lacking(reader, anchor.n)
        return bad(cut or anchor.n, "cut" if cut else "checkpoints")
    for entry, kept in rows.walk(reader):
        if entry.n != walked + 1:
            return bad(walked + 1, "missing")
        chain = audit_chain.link(chain, entry)
        if chain != kept:
            return bad(entry.n, "changed")
        walked = entry.n
        if signed.get(walked, chain) != chain:
            return bad(walked, "rewritten")
    if signed and walked < max(signed):
        return bad(walked + 1, "cut")
    head = rows.head_of(reader)
    if head != (walked, chain):
        return bad(
            walked if head is None or head[0] < walked else walked + 1,
            "added" if head is None or head[0] < walked else "cut",
        )
    return Proof(walked, None, "", chain, len(held))


def _is_ours(checkpoint: Checkpoint, hub_signing: bytes) -> bool:
    said = audit_chain.to_sign(checkpoint.k, checkpoint.n, checkpoint.chain, checkpoint.at_ms)
    return keys.verified(hub_signing, said, checkpoint.signature)


def _first_lacking(reader: Reader, n: int) -> int | None:
    """Give the first row behind the end when the log ends before row `n`."""
    last = rows.last_row(reader)
    return last + 1 if last < n else None
