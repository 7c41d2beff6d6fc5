"""How a slip is printed so that we never claim what we do not know: ask, hand over, have it confirmed.

The outcome of a job at every point where something can break:

1. No connection, no answer, an answer that is not "ready", another printer at the address, or remains of the job before that
   could not be washed out: `held`. Not one byte of the slip left us; it may be tried again without a mark.
2. The caller commits "sending" in `before_first_byte`; should that fail, nothing was sent.
3. The first bytes are refused by the connection itself: `held`, the same as 1.
4. Anything from the first byte handed over to the confirmation: `unknown`. Whatever the network says, it may be on the paper.
5. The printer says that it has printed: `confirmed`. Silence never is.
6. A printer that cannot say so, by its profile or by what was learned of it, took everything and is still there: `sent`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.errors import DeviceRejected, DeviceUnavailable, Unreachable
from drivers.escpos.profile import Confirms, PrinterProfile
from drivers.escpos.status import (
    ASK_PAPER_IN_ORDER,
    AUTO_STATUS_OFF,
    AUTO_STATUS_ON,
    CLEAR_BUFFERS,
    RECOVER_AND_CLEAR,
    ask_process_id,
)
from drivers.printer.limits import BUFFER_BYTES, PAPER_BYTES_PER_S, Timeouts, wash_time_ms, wire_time_ms
from drivers.printer.talk import Status, StatusState, Talk
from drivers.transport.port import Clock, Port, PortFactory

__all__ = [
    "DEFAULT_TIMEOUTS",
    "Learned",
    "Outcome",
    "OutcomeState",
    "Status",
    "StatusState",
    "Timeouts",
    "check",
    "clear",
    "print_through",
]

OutcomeState = Literal["confirmed", "sent", "held", "unknown"]

DEFAULT_TIMEOUTS: Final = Timeouts()

_RESET: Final = b"\x1b@"


@dataclass(frozen=True, slots=True)
class Learned:
    """What was found out about one printer by asking it; the caller keeps it for the next job.

    Attributes:
        confirms: how it says that a slip is printed; `unasked` = not found out yet.
        identity: what it says it is, `maker|model|serial` as far as it says so; empty when it says nothing.
    """

    confirms: Confirms | Literal["unasked"] = "unasked"
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a slip. Two outcomes are equal when the slip fared alike, whatever was learned on the way.

    Attributes:
        state: `confirmed` = on the paper; `sent` = all taken by a printer that cannot confirm; `held` = not one byte handed
            over; `unknown` = may be on the paper, whole, in part or not at all.
        reason: `printed` when confirmed, `unconfirmed` when sent, otherwise paper_out, cover_open, not_answering, error,
            unknown, other_printer, disconnected, stalled or no_confirmation.
        bytes_handed: bytes of the slip that the connection took; questions to the printer are not counted.
        confirmed_by: what confirmed it; empty unless confirmed.
        cause: more precisely than the reason, as in `Status.cause`; empty when nothing more is known.
        status: what the printer said before the slip; None when it was not asked.
        learned: what to remember for the next job; None when the caller gave nothing to remember.
    """

    state: OutcomeState
    reason: str
    bytes_handed: int
    confirmed_by: Literal["", "process_id", "paper_status"] = field(default="", compare=False)
    cause: str = field(default="", compare=False)
    status: Status | None = field(default=None, compare=False)
    learned: Learned | None = field(default=None, compare=False)


def check(
    port_factory: PortFactory,
    profile: PrinterProfile,
    clock: Clock,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    *,
    open_pin_high: bool | None = None,
) -> Status:
    """Ask a printer how it is, over a connection of its own. Never raises for what a printer or network can do.

    Do not call it while a job or a drawer pulse is under way: most printers serve one connection, so the answer would be
    `not_answering`, and on a serial line the question would fall into the job. One thread per printer is the rule.

    Args:
        port_factory: where it is.
        profile: what kind it is; one that answers nothing is `unknown` with cause `one_way`, when it can be reached.
        clock: for the deadlines.
        timeouts: the time limits.
        open_pin_high: the level of the drawer's sensor when it is open; None = no sensor, or nobody knows.
    """
    port = port_factory()
    try:
        port.open(timeouts.connect_ms)
        if not profile.answers:
            return Status("unknown", "its profile says that nothing can be read from it", cause="one_way")
        return Talk(port, clock, timeouts, open_pin_high=open_pin_high).status()
    except DeviceUnavailable as error:
        return Status("not_answering", str(error), cause=error.code)
    finally:
        port.close()


def clear(
    port_factory: PortFactory, profile: PrinterProfile, clock: Clock, timeouts: Timeouts = DEFAULT_TIMEOUTS
) -> bool:
    """Have a printer drop what it still holds of slips broken off, and leave an error that a person has mended.

    For a person's "discard": without it the rest comes out by itself once paper or cover is mended. Only printers that
    confirm by process id are asked; on others the bytes may come out as letters.

    Returns:
        Whether the printer said that its buffers are empty.
    """
    if not profile.process_id:
        return False
    port = port_factory()
    try:
        port.open(timeouts.connect_ms)
        return Talk(port, clock, timeouts).cleared(RECOVER_AND_CLEAR + CLEAR_BUFFERS)
    except DeviceUnavailable:
        return False
    finally:
        port.close()


def print_through(
    port_factory: PortFactory,
    data: bytes,
    *,
    job_tag: bytes,
    profile: PrinterProfile,
    clock: Clock,
    before_first_byte: Callable[[], None],
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    learned: Learned | None = None,
    on_open: bytes = b"",
    bytes_per_s: int | None = None,
) -> Outcome:
    """Print a slip through any port and say what became of it.

    Args:
        port_factory: makes the port; one connection for this job alone.
        data: the whole slip, cut included, at least 1 byte.
        job_tag: 4 bytes of 0x20 to 0x7E, different from those of the jobs before it.
        profile: what kind of printer it is.
        clock: for the deadlines.
        before_first_byte: commits that the slip is about to be sent; called once, after the printer said it is ready. What it
            raises comes out unchanged, with nothing sent.
        timeouts: the time limits for a slip of up to 4 kB; what depends on the length is stretched.
        learned: what is known of this very printer. `Learned()` = nothing yet: it is asked before its first slip. With an
            identity, a printer that is another now holds the slip with `other_printer`, until a person accepts it, which is to
            say: until the caller comes with `Learned()` again. None = take the profile's word and remember nothing.
        on_open: what frees the printer from a command that the job before left open (drivers.md §2.3); sent before the slip.
            The next job needs it again when this one is `held`; otherwise it was handed over.
        bytes_per_s: speed of a serial line; None for any other.

    Raises:
        DeviceRejected: the tag or the data is unusable; our mistake.
    """
    if not data:
        raise DeviceRejected("a slip has at least one byte")
    ask_process_id(job_tag)
    limits = timeouts.for_job(len(data) + len(on_open), bytes_per_s)
    port = port_factory()
    job = _Job(data, job_tag, profile, before_first_byte, on_open, learned)
    try:
        try:
            port.open(limits.connect_ms)
        except Unreachable as error:
            return Outcome("held", "not_answering", 0, cause=error.code, learned=learned)
        talk = Talk(port, clock, limits)
        if profile.answers:
            return _print_asking(job, port, talk, limits)
        pace_ms = len(data) * 1_000 // PAPER_BYTES_PER_S + wire_time_ms(len(data), bytes_per_s)
        return _print_blindly(job, port, talk, limits, min(pace_ms, limits.confirm_ms))
    finally:
        port.close()


@dataclass(frozen=True, slots=True)
class _Job:
    """One slip on its way, with what to do before it."""

    data: bytes
    tag: bytes
    profile: PrinterProfile
    before_first_byte: Callable[[], None]
    on_open: bytes
    learned: Learned | None


def _print_asking(job: _Job, port: Port, talk: Talk, limits: Timeouts) -> Outcome:
    """Print on a printer that answers: ask, wash out what was left open, get to know it, hand over, have it confirmed."""
    status = talk.status_after(job.on_open)
    if status.state != "ready":
        return Outcome("held", status.state, 0, cause=status.cause, status=status, learned=job.learned)
    try:
        known, other = _known(job, talk)
    except DeviceUnavailable as error:
        return Outcome("held", error.code, 0, cause=error.code, status=status, learned=job.learned)
    if other:
        return Outcome("held", other, 0, cause=other, status=status, learned=job.learned)
    confirms = job.profile.confirms if known is None or known.confirms == "unasked" else known.confirms
    job.before_first_byte()
    handed, trouble = _handed_over(job, talk, confirms)
    if handed == 0:
        return Outcome("held", trouble or "not_answering", 0, cause=talk.cause, status=status, learned=known)
    if trouble is None:
        trouble = talk.confirmation(confirms, job.tag) if confirms != "none" else _still_well(talk)
    if trouble is None:
        if confirms == "none":
            return Outcome("sent", "unconfirmed", handed, status=status, learned=known)
        return Outcome("confirmed", "printed", handed, confirmed_by=confirms, status=status, learned=known)
    if trouble != "disconnected":
        port.drain(limits.drain_ms)
    # What it stopped for tells a person more than how the connection ended afterwards.
    return Outcome("unknown", talk.reason(trouble), handed, cause=talk.cause, status=status, learned=known)


def _print_blindly(job: _Job, port: Port, talk: Talk, limits: Timeouts, pace_ms: int) -> Outcome:
    """Print on a printer that nothing can be read from: hand over, give it the time that it needs, claim no more."""
    try:
        if job.on_open:
            talk.send(job.on_open)
    except DeviceUnavailable as error:
        return Outcome("held", error.code, 0, cause=error.code, learned=job.learned)
    job.before_first_byte()
    handed, trouble = talk.hand_over(job.data)
    if handed == 0:
        return Outcome("held", trouble or "not_answering", 0, learned=job.learned)
    trouble = trouble or talk.wait(pace_ms)
    if trouble != "disconnected":
        port.drain(limits.drain_ms)
    if trouble is None:
        return Outcome("sent", "unconfirmed", handed, learned=job.learned)
    return Outcome("unknown", trouble, handed, learned=job.learned)


def _known(job: _Job, talk: Talk) -> tuple[Learned | None, str]:
    """Find out what is not known of the printer, and whether it is still the same one.

    Returns:
        What is known now, and the reason to hold the slip, empty when there is none.
    """
    if job.learned is None:
        return None, ""
    extra_ms = wash_time_ms(job.on_open)
    if job.learned.confirms == "unasked":
        # The tag is another than the job's: an answer that comes late must not confirm the job.
        confirms = talk.confirms(_other_tag(job.tag), extra_ms)
        if confirms is None:
            return job.learned, "not_answering"
        return Learned(confirms, talk.identity()), ""
    if job.learned.identity and talk.identity(job.learned.identity, extra_ms) != job.learned.identity:
        return job.learned, "other_printer"
    return job.learned, ""


def _handed_over(job: _Job, talk: Talk, confirms: Confirms) -> tuple[int, str | None]:
    """Send the slip and the question after it; give the slip's bytes taken and what went wrong."""
    watched, head = _watched(job.data, confirms)
    taken, trouble = talk.hand_over(watched)
    added = len(watched) - len(job.data)
    handed = min(len(job.data), taken if taken <= head or not added else max(head, taken - len(AUTO_STATUS_ON)))
    if trouble is not None or confirms == "none":
        return handed, trouble
    question = ask_process_id(job.tag)
    if confirms == "paper_status":
        question = ASK_PAPER_IN_ORDER
        try:
            # What lies there already is no answer to a question that was not asked yet.
            talk.hear(1)
        except DeviceUnavailable as error:
            return handed, error.code
    _, trouble = talk.hand_over(question)
    return handed, trouble


def _watched(data: bytes, confirms: Confirms) -> tuple[bytes, int]:
    """Put automatic status around a slip that the printer's buffer cannot take whole; give it and where it begins.

    When the buffer is full the printer cannot be asked why it stopped; it must say so by itself. ESC @ switches automatic
    status off, so it comes after the one that a slip begins with. Printers that confirm by GS r are left alone: their answer
    is one byte, and the automatic status of a cheap one, wrongly made, could be taken for it.
    """
    if len(data) <= BUFFER_BYTES or confirms == "paper_status":
        return data, 0
    head = len(_RESET) if data.startswith(_RESET) else 0
    return data[:head] + AUTO_STATUS_ON + data[head:] + AUTO_STATUS_OFF, head


def _still_well(talk: Talk) -> str | None:
    """For a printer that cannot confirm: it must still be well after taking everything."""
    status = talk.status()
    return None if status.state == "ready" else status.state


def _other_tag(tag: bytes) -> bytes:
    return bytes([0x20 + (tag[0] - 0x20 + 1) % 95]) + tag[1:]
