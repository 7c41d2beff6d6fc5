"""Takes slips from the spool to paper, one at a time, in order; what cannot be printed is held or parked with a reason.

Cases, and what the spool says afterwards:
1. The printer says no, or nothing, before the first byte: the slip is `held`; the queue waits and tries again.
2. The node dies between `sending` and the outcome: `recover` parks the slip as `unknown` at the next start.
3. The printer dies inside the job, or its confirmation is lost: `unknown`; the queue goes on to the next slip, and this
   one waits for a person, because a second receipt must carry 补打/REPRINT.
"""

import logging
import threading
from typing import Protocol

from drivers.document import ReceiptDoc
from drivers.escpos import encoder
from drivers.escpos.profile import PrinterProfile
from drivers.printer import printing
from drivers.printer.profiles import PROFILES
from drivers.transport.port import Clock
from drivers.transport.tcp import tcp_ports
from edge.db.print_jobs import Job
from edge.domain.paper import PrinterView
from edge.settings import PrinterSettings

IDLE_CHECK_S = 5.0
MEND_CHECK_S = 1.0
"""How often a printer that cannot print is asked whether it can again."""
_TAG_BASE = 95

_HELD_BECAUSE = {"disconnected": "not_answering", "stalled": "not_answering"}
"""What a broken connection says of the printer's own state: nothing that it answered."""

log = logging.getLogger(__name__)


class SlipGone(Exception):
    """The slip was settled by a person before its first byte left."""


class Printer(Protocol):
    """What the queue needs of a printer."""

    def check(self) -> str:
        """Ask how it is: `ready`, `paper_out`, `cover_open`, `not_answering`, `error` or `unknown`."""
        ...

    def print_slip(self, job: Job, data: bytes, before_first_byte: "Before") -> printing.Outcome:
        """Print one slip and say what became of it."""
        ...

    @property
    def profile(self) -> PrinterProfile:
        """How it wants its bytes."""
        ...


class Spool(Protocol):
    """What the queue needs of the node; every method is durable when it returns."""

    def next_job(self) -> Job | None:
        """Give the oldest slip that the printer may take."""
        ...

    def document(self, job: Job) -> ReceiptDoc:
        """Build what a slip says."""
        ...

    def begin(self, job: Job) -> bool:
        """Commit that the first byte is about to leave; False when the slip is not to be printed any more."""
        ...

    def settle(self, job: Job, state: str, reason: str) -> None:
        """Commit what became of a slip."""
        ...

    def recover(self) -> int:
        """Park what a dead process left in hand; gives how many."""
        ...

    def wait(self, seen: int, timeout_s: float) -> int:
        """Wait for a slip to be queued; gives the count to wait behind next time."""
        ...

    def wake(self) -> None:
        """End a wait."""
        ...

    def show(self, state: str) -> PrinterView:
        """Tell the screens that the printer's state changed."""
        ...


class Before(Protocol):
    """Called when the first byte is about to leave."""

    def __call__(self) -> None:
        """Commit that it is."""
        ...


class NetworkPrinter:
    """An ESC/POS printer on TCP."""

    def __init__(self, settings: PrinterSettings, clock: Clock) -> None:
        self._address = f"tcp://{settings.host}:{settings.port}"
        self._profile = PROFILES[settings.profile]
        self._clock = clock
        self._timeouts = printing.Timeouts(confirm_ms=settings.confirm_ms)

    @property
    def profile(self) -> PrinterProfile:
        """How it wants its bytes."""
        return self._profile

    def check(self) -> str:
        """Ask it over a connection of its own."""
        ports = tcp_ports(self._address)
        return printing.check(ports, self._profile, self._clock, self._timeouts).state

    def print_slip(self, job: Job, data: bytes, before_first_byte: Before) -> printing.Outcome:
        """Print one slip."""
        return printing.print_slip(
            self._address,
            data,
            job_tag=_tag(job),
            profile=self._profile,
            clock=self._clock,
            before_first_byte=before_first_byte,
            timeouts=self._timeouts,
        )


class PrintQueue:
    """One thread between the spool and one printer."""

    def __init__(self, spool: Spool, device: Printer) -> None:
        self._spool = spool
        self._device = device
        self._view = spool.show("unknown")
        self._in_hand: Job | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="print-queue", daemon=True)

    @property
    def view(self) -> PrinterView:
        """The printer's state."""
        return self._view

    def start(self) -> None:
        """Park what a dead process left in hand, then begin."""
        parked = self._spool.recover()
        if parked:
            log.warning("print_queue.recovered", extra={"parked": parked})
        self._thread.start()

    def stop(self) -> None:
        """Finish the slip in hand and end."""
        self._stopping.set()
        self._spool.wake()
        self._thread.join(timeout=30)

    def step(self) -> float:
        """Do one thing: print the oldest waiting slip, or ask the printer how it is.

        Returns:
            How long to wait, in s, unless something is queued before; 0 when there may be more to do.
        """
        if self._in_hand is not None:
            # The step before ended in a fault; whether the slip lies on paper is not known.
            self._spool.settle(self._in_hand, "unknown", "error")
            self._in_hand = None
        job = self._spool.next_job()
        if job is None:
            self._show(self._device.check())
            return IDLE_CHECK_S if self._view.state == "ready" else MEND_CHECK_S
        self._in_hand = job
        slip = encoder.encode(self._spool.document(job), self._device.profile)
        if slip.unprintable:
            log.warning("print_queue.unprintable", extra={"job": job.job_id, "characters": slip.unprintable})
        try:
            outcome = self._device.print_slip(job, slip.data, lambda: self._begin(job))
        except SlipGone:
            # Somebody discarded it while the printer was being asked; nothing of it was sent.
            self._in_hand = None
            return 0.0
        # After `begin` the row says "sending"; the job in hand still has the state it was claimed with.
        self._spool.settle(job, outcome.state, "" if outcome.state in {"confirmed", "sent"} else outcome.reason)
        self._in_hand = None
        if outcome.state in {"confirmed", "sent"}:
            self._show("ready")
            return 0.0
        self._show(
            _HELD_BECAUSE.get(outcome.reason, outcome.reason) if outcome.state == "held" else self._device.check()
        )
        return MEND_CHECK_S if outcome.state == "held" else 0.0

    def _run(self) -> None:
        seen = 0
        while not self._stopping.is_set():
            try:
                wait_s = self.step()
            except Exception:
                # One slip that cannot be built must not stop the paper of all others: the next step parks it.
                log.exception("print_queue.failed")
                wait_s = MEND_CHECK_S
            if wait_s > 0:
                seen = self._spool.wait(seen, wait_s)

    def _begin(self, job: Job) -> None:
        if not self._spool.begin(job):
            raise SlipGone(job.job_id)

    def _show(self, state: str) -> None:
        if state == self._view.state:
            return
        if state == "ready":
            log.info("printer.up", extra={"was": self._view.state})
        elif self._view.state in {"ready", "unknown"}:
            log.warning("printer.down", extra={"state": state})
        self._view = self._spool.show(state)


def _tag(job: Job) -> bytes:
    """Give four printable bytes that differ from job to job and from attempt to attempt."""
    number = job.position * 16 + job.attempt % 16
    return bytes(0x20 + (number // _TAG_BASE**place) % _TAG_BASE for place in range(4))
