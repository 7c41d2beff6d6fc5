"""The cash drawer: opened by a cash sale or by hand, once or not at all, and every opening says who, why and how it went."""

import logging

import msgspec

from edge.db import drawer_jobs
from edge.db.drawer_jobs import DrawerJob, Wanted
from edge.db.journal import Draft
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.services.deeds import Deed, transact
from edge.services.node import Node
from edge.services.people.permit import permit
from edge.services.printing import slip_changes
from sync.contract import operations
from sync.contract.operations import DrawerSettled
from sync.contract.words import has_control
from sync.node.database import Tx

REASON_CHARS_MAX = 80
EXPIRED = "expired"
INTERRUPTED = "interrupted"

log = logging.getLogger(__name__)


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """An opening without a sale: its job, the drawer, why, and under which approval."""

    job_id: str
    drawer: str
    reason: str
    approval_id: str = ""


def open_by_hand(node: Node, who: Session, reason: str, request_id: str = "", approval_id: str = "") -> str | Refused:
    """Open the drawer of somebody's till without a sale, for a reason; gives the job.

    Args:
        request_id: makes a repeat harmless, and is the job's id; empty = every call opens.
        approval_id: of another person, for who may not open it alone.

    Returns:
        `bad_text` without a reason of 1 to 80 characters, `not_found` when the till has no drawer, and what `permit` refuses for the
        target `drawer id`.
    """
    said = reason.strip()
    if not 1 <= len(said) <= REASON_CHARS_MAX or has_control(said):
        return Refused("bad_text", {"chars_max": REASON_CHARS_MAX})
    if node.training:
        return Refused(node.idle_code)
    row = node.devices.drawer_for(who.till)
    if row is None:
        return Refused("not_found", {"drawer": who.till})
    job_id = request_id or node.ids.uuid7().hex()
    asked = Opening(job_id=job_id, drawer=row.id, reason=said, approval_id=approval_id)

    def work(deed: Deed) -> Opening | Refused:
        permitted = permit(deed, Action.OPEN_DRAWER, row.id, approval_id=approval_id)
        if isinstance(permitted, Refused):
            return permitted
        wanted = Wanted(job_id, row.id, row.printer, who.till, said, "", who.cashier_id)
        drawer_jobs.add(deed.tx, wanted, deed.place.at_ms, node.clock.monotonic_ms())
        deed.prints = True
        return asked

    done = transact(node, who, job_id, asked, work, vital=True)
    return done if isinstance(done, Refused) else job_id


def outcome_of(node: Node, job_id: str) -> DrawerJob | None:
    """Find an opening and what became of it."""
    with node.db.read() as reader:
        return drawer_jobs.by_id(reader, job_id)


class NodeKicks:
    """The openings that wait at one printer, as its queue sees them (`edge.devices.print_queue.Kicks`)."""

    def __init__(self, node: Node, printer: str) -> None:
        self._node = node
        self._printer = printer

    def next_kick(self) -> DrawerJob | None:
        """Give the oldest opening that is still wanted; one that came too late fails here, without a pulse."""
        with self._node.db.read() as reader:
            waiting = [job for job in drawer_jobs.open_jobs(reader) if job.printer == self._printer]
        for job in waiting:
            if job.state != "waiting":
                continue
            if self._wanted(job):
                return job
            self.settle(job, EXPIRED, opened=False)
        return None

    def begin(self, job: DrawerJob) -> bool:
        """Commit that the pulse is about to leave: from here on nobody sends it again. False when it is not wanted any more."""
        return self._node.db.write(lambda tx: drawer_jobs.begin(tx, job.job_id))

    def settle(self, job: DrawerJob, outcome: str, *, opened: bool) -> None:
        """Commit what became of an opening, with its fact."""
        _settle(self._node, job, outcome, opened=opened)

    def _wanted(self, job: DrawerJob) -> bool:
        clock = self._node.clock
        return slip_rules.pulse_is_wanted(
            (job.created_ms, job.created_monotonic_ms), (clock.now_ms(), clock.monotonic_ms())
        )


def recover(node: Node) -> int:
    """At a start, before any queue: what a dead process left open has failed; nothing is sent for it. Gives how many."""
    with node.db.read() as reader:
        left = drawer_jobs.open_jobs(reader)
    for job in left:
        _settle(node, job, EXPIRED if job.state == "waiting" else INTERRUPTED, opened=False)
    return len(left)


def _settle(node: Node, job: DrawerJob, outcome: str, *, opened: bool) -> None:
    place = node.place()
    body = DrawerSettled(
        job_id=job.job_id, drawer=job.drawer, till=job.till, reason=job.reason, sale_id=job.sale_id, outcome=outcome
    )
    kind = operations.DRAWER_OPENED if opened else operations.DRAWER_FAILED
    draft = Draft(node.ids.uuid7(), 1, kind, 1, body, actor=job.actor, device=job.drawer)

    def work(tx: Tx) -> bool:
        if not drawer_jobs.settle(tx, job.job_id, "opened" if opened else "failed", outcome, place.at_ms):
            return False
        slip_changes.append(tx, node, place, [draft])
        return True

    if node.db.write(work) and not opened:
        log.warning("drawer.failed", extra={"drawer": job.drawer, "outcome": outcome})
    slip_changes.tell(node)
