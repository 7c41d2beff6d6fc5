"""Takes slips from the spool to one printer, one at a time, in order; what cannot be printed is held or parked with a reason.

Cases, and what the spool says afterwards:
1. The printer says no, or nothing, before the first byte: the slip is `held`; the queue waits and tries again, and after the
   row's deadline gives what waits to the fall-back printer.
2. The node dies between `sending` and the outcome: the next start parks the slip as `unknown` (`edge.services.printing.spool.recover`).
3. The printer dies inside the job, or its confirmation is lost: `unknown`; the queue goes on to the next slip. A receipt
   waits for a person, because a second one must carry 补打/REPRINT; a docket is queued again with that mark by itself.
4. What cannot be committed before the first byte (a full disk) is not sent, and tried again; what cannot be committed after
   it is kept in mind and committed as soon as that works.
5. After an outage or a start, slips that are too old ask a person first; the fresh ones print.

The drawer's pulses of this printer run on the same thread, before the next slip.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Final

from drivers.errors import DeviceRejected
from drivers.printer.printing import Outcome, Status
from drivers.transport.port import Clock
from edge.db import device_memory
from edge.db.drawer_jobs import DrawerJob
from edge.db.print_jobs import Job
from edge.devices.print_parts import Kicks, Printer, Spool
from edge.devices.registry import DOWN, WORKS, Entry
from edge.domain.device_rows import DrawerRow, PrinterRow
from edge.domain.device_view import DeviceState
from edge.domain.slip_rules import DRAWER_LIFE_MS

IDLE_CHECK_S = 5.0
MEND_CHECK_S = 1.0
"""How often a printer that cannot print is asked whether it can again."""
STOP_S = 30
_TAG_BASE = 95
_ON_PAPER: Final = frozenset({"confirmed", "sent"})
_PULSED: Final = frozenset({"sent", "sensed_open"})

log = logging.getLogger(__name__)


class SlipGone(Exception):
    """The slip was settled, moved or taken by somebody else before its first byte left."""


class PrintQueue:
    """One thread between the spool and one printer."""

    def __init__(
        self,
        entry: Entry,
        spool: Spool,
        device: Printer,
        clock: Clock,
        kicks: Kicks | None = None,
        drawers: Mapping[str, Entry] | None = None,
    ) -> None:
        """Put a printer's parts together.

        Args:
            entry: the printer's line in the registry.
            spool: its slips.
            device: the printer itself.
            clock: for the fall-back's deadline, which must not step.
            kicks: the openings of its drawers.
            drawers: their lines in the registry, by id.
        """
        assert isinstance(entry.row, PrinterRow)
        self._entry = entry
        self._row = entry.row
        self._spool = spool
        self._device = device
        self._clock = clock
        self._kicks = kicks
        self._drawers = dict(drawers or {})
        self._stuck: dict[str, tuple[DeviceState, str]] = {}
        self._in_hand: Job | None = None
        self._owed: tuple[Job, str, str, int] | None = None
        self._asks_about_old = True
        self._confirms = True
        self._refused_ms: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"print-{entry.row.id}", daemon=True)

    @property
    def entry(self) -> Entry:
        """The printer's line in the registry."""
        return self._entry

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the slip in hand and end."""
        self._stopping.set()
        self._spool.wake()
        self._thread.join(timeout=STOP_S)

    def step(self) -> float:
        """Do one thing: open a drawer, print the oldest waiting slip, or ask the printer how it is.

        Returns:
            How long to wait, in s, unless something is queued before; 0 when there may be more to do.
        """
        self._pay_debts()
        memory = self._spool.recall()
        self._device.tune(memory)
        held = device_memory.HELD in memory
        if held != self._entry.held:
            self._entry.hold(held=held)
        kick = None if self._kicks is None else self._kicks.next_kick()
        if kick is not None:
            self._open_drawer(kick)
            return 0.0
        if device_memory.CLEAR in memory:
            # Once: a printer that is off has forgotten the slip by itself.
            self._spool.remember(device_memory.CLEAR, "")
            self._entry.note("cleared" if self._device.clear() else "not_cleared")
        job = None if held else self._spool.next_job()
        if job is not None:
            return self._print(job)
        self._asks_about_old |= held
        return IDLE_CHECK_S if self._look() else MEND_CHECK_S

    def _run(self) -> None:
        seen = 0
        while not self._stopping.is_set():
            try:
                wait_s = self.step()
            except Exception as error:
                # One slip that cannot be built must not stop the paper of all others: the next step parks it.
                log.exception("print_queue.failed", extra={"device": self._row.id})
                self._entry.note("fault", type(error).__name__)
                self._entry.count(errors=1)
                wait_s = MEND_CHECK_S
            if wait_s > 0:
                seen = self._spool.wait(seen, wait_s)

    # ---------------------------------------------------------------------------------------------------------- slips
    def _print(self, job: Job) -> float:
        self._in_hand = job
        slip = self._device.encode(self._spool.document(job, self._device.profile))
        if slip.unprintable:
            log.warning("print_queue.unprintable", extra={"job": job.job_id, "characters": slip.unprintable})
            self._entry.count(unprintable=slip.unprintable)
        for note in slip.notes:
            self._entry.note("slip", note)
        try:
            outcome = self._device.print_slip(_tag(job), slip.data, lambda: self._begin(job))
        except SlipGone:
            self._in_hand = None
            return 0.0
        self._in_hand = None
        on_paper = outcome.state in _ON_PAPER
        # After `begin` the row says "sending"; the job here still has the state that it was taken with.
        self._owed = (job, outcome.state, "" if on_paper else outcome.reason, outcome.bytes_handed)
        self._pay_debts()
        self._entry.count(jobs=1 if on_paper else 0, bytes=outcome.bytes_handed, errors=0 if on_paper else 1)
        if on_paper:
            self._confirms = outcome.state == "confirmed"
            status = outcome.status or Status("unknown", "", cause="one_way")
            self._show(*self._device.view_of(status, confirms=self._confirms))
            self._refused_ms.clear()
            return 0.0
        if outcome.state == "unknown":
            self._look()
            return 0.0
        self._cannot(outcome)
        return MEND_CHECK_S

    def _begin(self, job: Job) -> None:
        """The printer says that it is ready: commit that the first byte is about to leave, or let go of the slip."""
        if self._asks_about_old:
            held = self._spool.hold_stale()
            self._asks_about_old = False
            if held:
                self._entry.note("stale", str(held))
        try:
            taken = self._spool.begin(job)
        except BaseException:
            # Nothing was sent, whether the commit is on the disk or not: the next step puts the slip back.
            self._in_hand, self._owed = None, (job, job.state, job.reason, 0)
            raise
        if not taken:
            raise SlipGone(job.job_id)
        self._show("busy")

    def _pay_debts(self) -> None:
        """Commit what could not be committed before; raises again as long as it cannot."""
        if self._in_hand is not None:
            # The step before ended in a fault; whether the slip lies on paper is not known.
            self._owed, self._in_hand = (self._in_hand, "unknown", "error", 0), None
        if self._owed is not None:
            self._spool.settle(*self._owed)
            self._owed = None

    def _cannot(self, outcome: Outcome) -> None:
        """The printer takes no slip now: say so, and give what has waited long enough to the fall-back."""
        self._asks_about_old = True
        if outcome.reason == "other_printer":
            self._show("error", outcome.reason)
        else:
            status = outcome.status
            if status is None or status.state == "ready":
                status = Status("not_answering", outcome.reason, cause=outcome.cause)
            self._show(*self._device.view_of(status, confirms=self._confirms), detail=status.detail)
        if not self._row.fallback:
            return
        now_ms = self._clock.monotonic_ms()
        # Only slips that are waiting still are kept in mind, each since it was first refused.
        self._refused_ms = {job_id: self._refused_ms.get(job_id, now_ms) for job_id in self._spool.movable()}
        patience_ms = self._row.fallback_after_s * 1_000
        due = [job_id for job_id, since_ms in self._refused_ms.items() if now_ms - since_ms >= patience_ms]
        if due:
            moved = self._spool.move_on(due)
            self._entry.note("moved", f"{moved} -> {self._row.fallback}")
            log.warning("print_queue.moved", extra={"device": self._row.id, "to": self._row.fallback, "slips": moved})

    def _look(self) -> bool:
        """Ask the printer how it is; True when it works."""
        status = self._device.check()
        self._show(*self._device.view_of(status, confirms=self._confirms), detail=status.detail)
        works = self._entry.view.state in WORKS
        self._asks_about_old |= not works
        return works

    # ---------------------------------------------------------------------------------------------------------- drawer
    def _open_drawer(self, job: DrawerJob) -> None:
        assert self._kicks is not None
        if not self._kicks.begin(job):
            return
        entry = self._drawers.get(job.drawer)
        try:
            outcome, opened = self._pulse(job, entry)
        except BaseException:
            # Whatever it was, the pulse may have left: it is never sent again.
            self._kicks.settle(job, "unknown", opened=False)
            raise
        self._kicks.settle(job, outcome, opened=opened)
        if entry is None:
            return
        entry.count(jobs=1 if opened else 0, errors=0 if opened else 1)
        entry.note("opened" if opened else "not_opened", outcome)
        if outcome in {"not_opened", "was_open", "unknown"}:
            self._stuck[job.drawer] = ("degraded" if opened else "error", outcome)
        else:
            self._stuck.pop(job.drawer, None)
        self._show_drawer(job.drawer, entry)

    def _pulse(self, job: DrawerJob, entry: Entry | None) -> tuple[str, bool]:
        """Send the pulse; gives the outcome and whether the drawer opened as far as anybody knows."""
        row = None if entry is None else entry.row
        if not isinstance(row, DrawerRow):
            return "no_drawer", False
        left_ms = DRAWER_LIFE_MS - (self._clock.monotonic_ms() - job.created_monotonic_ms)
        try:
            kick = self._device.kick(row, left_ms)
        except DeviceRejected as error:
            self._entry.note("drawer", str(error))
            return error.code, False
        if kick.state not in _PULSED:
            return (
                "unknown" if kick.state == "unknown" else "expired" if kick.reason == "stale" else kick.reason
            ), False
        if kick.reason == "not_sensed":
            return "not_opened", False
        # It stood open when the pulse came: somebody left it so, or it is stuck.
        return "was_open" if kick.reason == "was_open" else kick.state, True

    # ---------------------------------------------------------------------------------------------------------- screens
    def _show(self, state: DeviceState, cause: str = "", detail: str = "") -> None:
        before = self._entry.view.state
        if before in DOWN and state in WORKS:
            self._entry.count(reconnects=1)
        self._entry.show(state, cause, "" if state in WORKS else detail)
        if state != "busy":
            for device_id, entry in self._drawers.items():
                self._show_drawer(device_id, entry)

    def _show_drawer(self, device_id: str, entry: Entry) -> None:
        """A drawer is as well as its printer's connection, unless it is known to be stuck."""
        printer = self._entry.view.state
        if device_id in self._stuck and printer in WORKS:
            entry.show(*self._stuck[device_id])
        elif printer in {"absent", "unknown"}:
            entry.show(printer, "printer")
        elif printer != "connecting":
            entry.show("ready")


def _tag(job: Job) -> bytes:
    """Give four printable bytes that differ from job to job and from attempt to attempt."""
    number = job.position * 16 + job.attempt % 16
    return bytes(0x20 + (number // _TAG_BASE**place) % _TAG_BASE for place in range(4))
