"""How a slip is printed so that we never claim what we do not know: ask, hand over, have it confirmed.

The outcome of a job at every point where something can break:

1. No connection, no answer, or an answer that is not "ready": `held`. Not one byte of the job left us; it may be tried again
   without a mark.
2. The caller commits "sending" in `before_first_byte`; should that fail, nothing was sent.
3. The first bytes are refused by the connection itself: `held`, the same as 1.
4. Anything from the first byte handed over to the confirmation: `unknown`. Whatever the network says, it may be on the paper.
5. The printer says that it has printed: `confirmed`. Silence never is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceRejected, DeviceUnavailable, Disconnected, Stalled, Unreachable
from drivers.escpos.profile import PrinterProfile
from drivers.escpos.status import (
    ASK_OFFLINE_CAUSE,
    ASK_PAPER,
    ASK_PAPER_IN_ORDER,
    ASK_PRINTER,
    AutoStatus,
    PaperInOrder,
    ProcessId,
    RealTime,
    Reply,
    StatusReader,
    ask_process_id,
)
from drivers.transport.port import Clock, Port, PortFactory
from drivers.transport.tcp import TcpAddress, tcp_ports

StatusState = Literal["ready", "paper_out", "cover_open", "not_answering", "error", "unknown"]
OutcomeState = Literal["confirmed", "sent", "held", "unknown"]

_CHUNK_BYTES: Final = 4_096
_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Time limits in ms: to connect, per status answer, per write, from the last byte to the confirmation, to drain."""

    connect_ms: int = 3_000
    status_ms: int = 1_000
    write_ms: int = 5_000
    confirm_ms: int = 10_000
    drain_ms: int = 2_000


DEFAULT_TIMEOUTS: Final = Timeouts()


@dataclass(frozen=True, slots=True)
class Status:
    """What a printer said about itself; `detail` is for the log, in English.

    `not_answering` = no connection or silence; `unknown` = it said something, but not enough to rely on.
    """

    state: StatusState
    detail: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a slip.

    Attributes:
        state: `confirmed` = on the paper; `sent` = all taken by a printer that cannot confirm (its profile says so);
            `held` = not one byte handed over; `unknown` = may be on the paper, whole, in part or not at all.
        reason: `printed` when confirmed, `no_confirmation_known` when sent, otherwise paper_out, cover_open, not_answering,
            error, unknown, disconnected, stalled or no_confirmation.
        bytes_handed: bytes of the slip that the connection took; questions to the printer are not counted.
    """

    state: OutcomeState
    reason: str
    bytes_handed: int


def check(
    port_factory: PortFactory, profile: PrinterProfile, clock: Clock, timeouts: Timeouts = DEFAULT_TIMEOUTS
) -> Status:
    """Ask a printer how it is, over a connection of its own. Never raises for what a printer or network can do.

    Do not call it while a job is under way: most printers serve one connection, and the answer would be `not_answering`.
    """
    port = port_factory()
    try:
        port.open(timeouts.connect_ms)
        return _Talk(port, clock, timeouts, profile).status()
    except DeviceUnavailable as error:
        return Status("not_answering", str(error))
    finally:
        port.close()


def print_slip(
    address: str | TcpAddress,
    data: bytes,
    *,
    job_tag: bytes,
    profile: PrinterProfile,
    clock: Clock,
    before_first_byte: Callable[[], None],
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Outcome:
    """Print a slip on a network printer and say what became of it.

    Args:
        address: `tcp://host:port`.
        data: the whole slip, cut included, at least 1 byte.
        job_tag: 4 bytes of 0x20 to 0x7E, different from those of the jobs before it.
        before_first_byte: commits that the slip is about to be sent; called once, after the printer said it is ready. What it
            raises comes out unchanged, with nothing sent.

    Raises:
        DeviceRejected: the address, the tag or the data is unusable; our mistake.
    """
    return print_through(
        tcp_ports(address),
        data,
        job_tag=job_tag,
        profile=profile,
        clock=clock,
        before_first_byte=before_first_byte,
        timeouts=timeouts,
    )


def print_through(
    port_factory: PortFactory,
    data: bytes,
    *,
    job_tag: bytes,
    profile: PrinterProfile,
    clock: Clock,
    before_first_byte: Callable[[], None],
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Outcome:
    """Print a slip through any port; see `print_slip`."""
    if not data:
        raise DeviceRejected("a slip has at least one byte")
    question = ask_process_id(job_tag)
    if not profile.process_id:
        question = ASK_PAPER_IN_ORDER if profile.paper_status else b""
    port = port_factory()
    try:
        try:
            port.open(timeouts.connect_ms)
        except Unreachable:
            return Outcome("held", "not_answering", 0)
        talk = _Talk(port, clock, timeouts, profile)
        status = talk.status()
        if status.state != "ready":
            return Outcome("held", status.state, 0)
        before_first_byte()
        handed, trouble = talk.hand_over(data, question)
        if handed == 0:
            return Outcome("held", trouble or "not_answering", 0)
        if trouble is None:
            trouble = talk.confirmation(job_tag) if question else talk.swallowed()
        if trouble is None:
            return (
                Outcome("confirmed", "printed", handed)
                if question
                else Outcome("sent", "no_confirmation_known", handed)
            )
        if trouble != "disconnected":
            port.drain(timeouts.drain_ms)
        return Outcome("unknown", trouble, handed)
    finally:
        port.close()


class _Talk:
    """The conversation with a printer over one open port."""

    def __init__(self, port: Port, clock: Clock, timeouts: Timeouts, profile: PrinterProfile) -> None:
        self._port = port
        self._clock = clock
        self._timeouts = timeouts
        self._profile = profile
        self._reader = StatusReader()

    def status(self) -> Status:
        """Ask DLE EOT 1, 2 and 4, one at a time since the replies do not say which question they answer."""
        values: list[int] = []
        noise = 0
        for question in (ASK_PRINTER, ASK_OFFLINE_CAUSE, ASK_PAPER):
            try:
                self._write_all(question)
                value, heard = self._real_time_answer()
            except (Disconnected, Stalled) as error:
                return Status("unknown" if values or noise else "not_answering", str(error))
            noise += heard
            if value is None:
                detail = f"{len(values)} of 3 status questions answered, {noise} other replies"
                return Status("unknown" if values or noise else "not_answering", detail)
            values.append(value)
        return _judged(*values)

    def hand_over(self, data: bytes, question: bytes) -> tuple[int, str | None]:
        """Send the slip and the question after it; give the slip's bytes taken and what went wrong."""
        stream = data + question
        sent = 0
        while sent < len(stream):
            try:
                sent += self._port.write(stream[sent : sent + _CHUNK_BYTES], self._timeouts.write_ms)
            except Stalled:
                return min(sent, len(data)), self._cause() or "stalled"
            except Disconnected:
                return min(sent, len(data)), "disconnected"
        return len(data), None

    def confirmation(self, job_tag: bytes) -> str | None:
        """Wait until the printer says that this job is printed; None when it does, otherwise why not.

        While it is silent it is asked for the cause now and then, only to give the person a reason.
        """
        deadline = self._clock.monotonic_ms() + self._timeouts.confirm_ms
        reason = "no_confirmation"
        while (left := deadline - self._clock.monotonic_ms()) > 0:
            try:
                data = self._port.read(min(left, _POLL_MS))
                if not data:
                    self._port.write(ASK_OFFLINE_CAUSE, self._timeouts.status_ms)
                    continue
            except Disconnected:
                return "disconnected"
            except Stalled:
                continue
            for reply in self._reader.feed(data):
                match reply:
                    case ProcessId(tag) if self._profile.process_id and tag == job_tag:
                        return None
                    case PaperInOrder() if not self._profile.process_id:
                        # Worked off, but with the paper gone it may have been worked off into the air.
                        return "paper_out" if reply.paper_out else None
                    case _:
                        reason = _cause_in(reply) or reason
        return reason

    def swallowed(self) -> str | None:
        """For a printer that cannot confirm: it must still be well after taking everything."""
        status = self.status()
        return None if status.state == "ready" else status.state

    def _cause(self) -> str | None:
        """Listen once for automatic status, which may say why a printer stopped taking bytes."""
        try:
            replies = self._reader.feed(self._port.read(1))
        except Disconnected:
            return "disconnected"
        causes = [cause for reply in replies if (cause := _cause_in(reply))]
        return causes[-1] if causes else None

    def _write_all(self, question: bytes) -> None:
        sent = 0
        while sent < len(question):
            sent += self._port.write(question[sent:], self._timeouts.status_ms)

    def _real_time_answer(self) -> tuple[int | None, int]:
        """Wait for one DLE EOT reply; give it, or None, and how many other replies were heard meanwhile."""
        deadline = self._clock.monotonic_ms() + self._timeouts.status_ms
        heard = 0
        while (left := deadline - self._clock.monotonic_ms()) > 0:
            answer = None
            for reply in self._reader.feed(self._port.read(left)):
                if isinstance(reply, RealTime):
                    answer = reply.value
                else:
                    heard += 1
            if answer is not None:
                return answer, heard
        return None, heard


def _judged(printer: int, cause: int, paper: int) -> Status:
    """Judge the replies to DLE EOT 1, 2 and 4 by their bits (drivers.md §2.4)."""
    detail = f"DLE EOT {printer:#04x} {cause:#04x} {paper:#04x}"
    if cause & 0x04:
        return Status("cover_open", detail)
    if cause & 0x20 or paper & 0x60:
        return Status("paper_out", detail)
    if cause & 0x40:
        return Status("error", detail)
    if printer & 0x08:
        return Status("error", f"offline without a cause, {detail}")
    return Status("ready", detail)


def _cause_in(reply: Reply) -> str | None:
    """Why printing stopped, if this reply says so. A real-time reply here answers DLE EOT 2."""
    match reply:
        case AutoStatus() if reply.cover_open:
            return "cover_open"
        case AutoStatus() if reply.paper_out:
            return "paper_out"
        case RealTime(value) if value & 0x04:
            return "cover_open"
        case RealTime(value) if value & 0x20:
            return "paper_out"
        case RealTime(value) if value & 0x40:
            return "error"
        case _:
            return None
