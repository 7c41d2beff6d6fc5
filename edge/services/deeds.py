"""A deed: something a person does at the node, checked, journalled, projected and answered in one transaction.

Every use case that changes something runs through `transact`, which keeps these promises for all of them:

* the answer is stored under the caller's `request_id` in the same transaction; a repeat gets the same bytes and changes nothing,
  and the same id with another command is refused;
* a refusal from inside leaves nothing behind;
* what a deed writes are facts, and tables only through their projections, so that a rebuild comes to the same;
* slips and drawer pulses are queued in it and handed over after it.

The id of a deed is also the id of what it makes (a refund, a payment, a line): a node that was brought back from the hub has no
stored answers of the old one, and finds a repeat by that id instead.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from edge.db import journal, print_jobs, projections, sales
from edge.db.journal import Draft, Place
from edge.db.print_jobs import NewSlip
from edge.db.staff import Session
from edge.domain.refusal import Refused
from edge.services.care import disk
from edge.services.node import Node
from sync.contract import ids, kinds
from sync.contract.facts import Fact
from sync.node.database import Tx


@dataclass(frozen=True)
class Done:
    """The answer's bytes; `repeated` when the deed was done before."""

    answer: bytes
    repeated: bool


@dataclass
class Deed:
    """What the work of a deed is given: the transaction, where its facts belong, who does it.

    Attributes:
        version: of the menu that the deed goes by; 0 = it does not go by one.
    """

    node: Node
    tx: Tx
    place: Place
    who: Session | None
    version: int = 0
    facts: list[Fact] = field(default_factory=list)
    notes: list[tuple[str, msgspec.Struct]] = field(default_factory=list)
    prints: bool = False

    def write(self, kind: str, body: msgspec.Struct, actor: str = "") -> Fact:
        """Journal a fact in the lane of its kind and change the tables that it changes.

        Args:
            actor: who did it, where that is not who is signed in.
        """
        draft = Draft(
            fact_id=self.node.ids.uuid7(),
            lane=kinds.lane_of(kind),
            kind=kind,
            v=1,
            body=body,
            actor=actor or (self.who.cashier_id if self.who else None),
            device=f"till-{self.who.till}" if self.who else None,
            versions={"menu": self.version} if self.version else {},
        )
        [fact] = journal.append(self.tx, self.place, self.node.identity, [draft])
        projections.project(self.tx, fact)
        self.facts.append(fact)
        return fact

    def note(self, kind: str, body: msgspec.Struct) -> None:
        """Have a fact written that must stay whether the deed is done or refused: that somebody tried."""
        self.notes.append((kind, body))

    def print(self, slip: NewSlip, copy: int = 0) -> None:
        """Queue a slip, to be printed after the commit."""
        print_jobs.add(self.tx, slip, copy, self.place.at_ms)
        self.prints = True


Work = Callable[[Deed], msgspec.Struct | Refused]
"""What a deed does in its transaction; gives the answer, or why nothing of it is done."""


class _Undone(Exception):
    """Takes a transaction back that was refused from inside."""

    def __init__(self, refusal: Refused, notes: list[tuple[str, msgspec.Struct]]) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.notes = notes


def standing(node: Node, *, vital: bool = False) -> Refused | None:
    """Say why this node does nothing that counts now; None when it may.

    Args:
        vital: for what must be possible with the last of the disk: closing a shift, giving money back.
    """
    if node.training:
        return Refused(node.idle_code)
    if node.fenced:
        return Refused("fenced")
    if node.revoked:
        return Refused("revoked")
    if not vital and disk.refuses_sales(node.disk):
        return Refused("disk_full")
    return None


def transact(
    node: Node,
    who: Session | None,
    request_id: str,
    command: msgspec.Struct,
    work: Work,
    *,
    vital: bool = False,
    digest: bytes = b"",
) -> Done | Refused:
    """Do a deed once.

    Args:
        who: who is signed in at which till; None = the node itself or a guest.
        request_id: a UUIDv7 in hex, drawn by the caller before the first try.
        command: what was asked; a repeat must say the same.
        work: runs in the transaction; it may read and write there, and may be run again.
        vital: may use the reserve of the disk.
        digest: of the command, where it is told apart in a way of its own.

    Returns:
        The stored answer, or the refusal; returned means committed with fsync.
    """
    if not ids.is_uuid7_hex(request_id):
        return Refused("malformed", {"field": "request_id", "expected": "a UUIDv7 as 32 lower-case hex digits"})
    digest = digest or hashlib.sha256(type(command).__name__.encode() + b"\0" + msgspec.json.encode(command)).digest()
    with node.db.read() as reader:
        stored = sales.stored_answer(reader, request_id)
    if stored is not None:
        return _as_repeat(stored, digest)
    refusal = standing(node, vital=vital)
    if refusal is not None:
        return refusal
    place = node.place()

    def once(tx: Tx) -> tuple[Done | Refused, bool]:
        stored = sales.stored_answer(tx, request_id)
        if stored is not None:
            return _as_repeat(stored, digest), False
        deed = Deed(node, tx, place, who)
        answer = work(deed)
        if isinstance(answer, Refused):
            raise _Undone(answer, deed.notes)
        _write_notes(deed, deed.notes)
        raw = msgspec.json.encode(answer)
        sales.store_answer(tx, request_id, digest, raw, place.at_ms)
        return Done(raw, repeated=False), deed.prints

    storage = node.db if vital else disk.plain(node.db)
    try:
        done, prints = storage.write(once)
    except _Undone as undone:
        refusal, notes = undone.refusal, undone.notes
        if notes:
            storage.write(lambda tx: _write_notes(Deed(node, tx, place, who), notes))
            node.committed.notify()
        return refusal
    except Exception as error:
        code = disk.refusal_of(error, node.disk)
        if code is None:
            raise
        return Refused(code)
    if prints:
        node.printing.notify()
    node.committed.notify()
    node.changed.notify()
    return done


def _write_notes(deed: Deed, notes: list[tuple[str, msgspec.Struct]]) -> None:
    for kind, body in notes:
        deed.write(kind, body)


def _as_repeat(stored: sales.StoredAnswer, digest: bytes) -> Done | Refused:
    return Done(stored.answer, repeated=True) if stored.digest in (digest, b"") else Refused("request_id_reused")
