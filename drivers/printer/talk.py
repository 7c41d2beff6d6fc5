"""The conversation with a printer over one open port: ask how it is, who it is and how it confirms; hand over; hear the end.

Nothing here decides what becomes of a slip; `printing` and `drawer` do, from what this reports.
"""

from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceUnavailable, Disconnected, Stalled
from drivers.escpos.profile import Confirms
from drivers.escpos.status import (
    ASK_ERROR,
    ASK_IDENTITY,
    ASK_OFFLINE_CAUSE,
    ASK_PAPER,
    ASK_PAPER_IN_ORDER,
    ASK_PRINTER,
    AutoStatus,
    Cause,
    Cleared,
    Identity,
    PaperInOrder,
    ProcessId,
    RealTime,
    Reply,
    StatusReader,
    ask_process_id,
    condition_of,
    offline_cause,
)
from drivers.printer.limits import Timeouts, wash_time_ms
from drivers.transport.port import Clock, Port

StatusState = Literal["ready", "paper_out", "cover_open", "not_answering", "error", "unknown"]

_CHUNK_BYTES: Final = 4_096
_POLL_MS: Final = 500
_RESET: Final = b"\x1b@"
_MENDS_MAX: Final = 3
_STALE_READS_MAX: Final = 16
_STATE_OF: Final[dict[Cause, StatusState]] = {"": "ready", "paper_out": "paper_out", "cover_open": "cover_open"}


@dataclass(frozen=True, slots=True)
class Status:
    """What a printer said about itself; `detail` is for the log, in English.

    Attributes:
        state: `not_answering` = no connection or silence; `unknown` = it said something, but not enough to rely on, or it is
            of a kind that says nothing at all.
        detail: what was heard, or the error's own words.
        cause: more precisely than the state: cutter, overheated, fatal, feed_pressed, offline, the code of the error that
            kept us from asking, or `one_way`; empty when all is well.
        near_end: the paper is about to end.
        drawer_open: whether the cash drawer is; None when that is not known.
    """

    state: StatusState
    detail: str
    cause: str = ""
    near_end: bool = False
    drawer_open: bool | None = None


class Talk:
    """The conversation; what the port raises comes out where a method says so."""

    def __init__(self, port: Port, clock: Clock, timeouts: Timeouts, *, open_pin_high: bool | None = None) -> None:
        """Begin on an open port.

        Args:
            port: open.
            clock: for the deadlines.
            timeouts: the time limits.
            open_pin_high: the level that the drawer's sensor has when it is open; None = no sensor, or nobody knows.
        """
        self._port = port
        self._clock = clock
        self._timeouts = timeouts
        self._open_pin_high = open_pin_high
        self._reader = StatusReader()
        self.cause: Cause = ""
        """Why it stopped, as heard last; empty when it did not say, or said that it is well again."""

    # ------------------------------------------------------------------------------------------------ how and who it is
    def status(self) -> Status:
        """Ask DLE EOT 1, 2 and 4, and 3 for the cause of an error; never raises.

        One question at a time, since the replies do not say which one they answer.
        """
        values: list[int] = []
        noise = 0
        error: int | None = None
        try:
            for question in (ASK_PRINTER, ASK_OFFLINE_CAUSE, ASK_PAPER):
                value, heard = self._real_time(question)
                noise += heard
                if value is None:
                    detail = f"{len(values)} of 3 status questions answered, {noise} other replies"
                    return _silent(values, noise, detail, "not_answering")
                values.append(value)
            if values[1] & 0x40:
                error, _ = self._real_time(ASK_ERROR)
        except DeviceUnavailable as fault:
            return _silent(values, noise, str(fault), fault.code)
        printer, cause, paper = values
        found = condition_of(printer, cause, error, paper)
        detail = "DLE EOT " + " ".join(f"{value:#04x}" for value in (*values, *([] if error is None else [error])))
        return Status(
            _STATE_OF.get(found.cause, "error"),
            f"offline without a cause, {detail}" if found.cause == "offline" else detail,
            cause=found.cause,
            near_end=found.near_end,
            drawer_open=self._drawer_open(pin_high=found.drawer_pin_high),
        )

    def status_after(self, on_open: bytes) -> Status:
        """Ask for the status, and free the printer from a command that the job before left open (drivers.md §2.3); never raises.

        Most printers answer in the midst of a picture, and those that say why they cannot print are left as they are. One that
        says nothing may be waiting for the rest of a picture: it gets `on_open` first, and is asked again.
        """
        status = self.status()
        silent = status.state in {"not_answering", "unknown"} and status.cause != "disconnected"
        if not on_open or not (silent or status.state == "ready"):
            return status
        try:
            self.send(on_open)
            if silent:
                # Our first question may have been taken for dots and be answered only now: that is no answer to the next.
                for _ in range(_STALE_READS_MAX):
                    if not self._port.read(wash_time_ms(on_open) + _POLL_MS):
                        break
                self._reader = StatusReader()
        except DeviceUnavailable as fault:
            return Status("not_answering", str(fault), cause=fault.code)
        return self.status() if silent else status

    def drawer_open(self) -> tuple[bool, bool | None]:
        """Ask DLE EOT 1 alone: whether it was answered, and whether the drawer is open, None when unknown.

        Raises:
            DeviceUnavailable: the port's own faults.
        """
        value, _ = self._real_time(ASK_PRINTER)
        return value is not None, None if value is None else self._drawer_open(pin_high=bool(value & 0x04))

    def identity(self, known: str = "", extra_ms: int = 0) -> str:
        """Ask GS I for maker, model and serial number; give what was said, joined by `|`, empty for silence.

        Args:
            known: what it said before: as many answers are waited for, otherwise three or silence.
            extra_ms: how much longer to wait, for a printer that has something to work off first.

        Raises:
            DeviceUnavailable: the port's own faults.
        """
        wanted = known.count("|") + 1 if known else 3
        # A printer that does not know GS I may take it for letters: ESC @ drops them before they are a line.
        self.send(ASK_IDENTITY + _RESET)
        said: list[str] = []
        until = self._clock.monotonic_ms() + self._timeouts.status_ms + extra_ms
        while len(said) < wanted and (left := until - self._clock.monotonic_ms()) > 0:
            said += [reply.text.replace("|", "/") for reply in self.hear(left) if isinstance(reply, Identity)]
        return "|".join(said)

    def confirms(self, tag: bytes, extra_ms: int = 0) -> Confirms | None:
        """Find out, without a letter on the paper, how this printer says that it has printed; None when it fell silent.

        Both questions go out at once. ESC @ between them drops the line of letters for which a printer without GS ( H may
        take it. An answer to GS r is good only for want of the better one, so that one is waited for to the end.

        Raises:
            DeviceUnavailable: the port's own faults.
        """
        self.send(ask_process_id(tag) + _RESET + ASK_PAPER_IN_ORDER)
        found: Confirms = "none"
        until = self._clock.monotonic_ms() + self._timeouts.status_ms + extra_ms
        while (left := until - self._clock.monotonic_ms()) > 0:
            for reply in self.hear(left):
                match reply:
                    case ProcessId(answered) if answered == tag:
                        return "process_id"
                    case PaperInOrder():
                        found = "paper_status"
                    case _:
                        pass
        # Silence tells something of the printer only while it still answers anything.
        if found == "none" and self._real_time(ASK_PRINTER)[0] is None:
            return None
        return found

    def cleared(self, request: bytes) -> bool:
        """Send a request to drop the buffers; whether the printer said that it did.

        Raises:
            DeviceUnavailable: the port's own faults.
        """
        self.send(request)
        until = self._clock.monotonic_ms() + self._timeouts.status_ms
        while (left := until - self._clock.monotonic_ms()) > 0:
            if any(isinstance(reply, Cleared) for reply in self.hear(left)):
                return True
        return False

    # ------------------------------------------------------------------------------------------------------- handing over
    def send(self, data: bytes, timeout_ms: int | None = None) -> None:
        """Hand over all of it, within `write_ms` or this limit for each part that the port takes.

        Raises:
            Stalled, Disconnected: some of it may have been taken.
        """
        limit_ms = self._timeouts.write_ms if timeout_ms is None else timeout_ms
        sent = 0
        while sent < len(data):
            sent += self._port.write(data[sent : sent + _CHUNK_BYTES], limit_ms)

    def hand_over(self, data: bytes) -> tuple[int, str | None]:
        """Hand over a job; give how many bytes were taken and, if not all, why.

        A printer that says what it stopped for is given `confirm_ms` to be mended; one that says nothing is not.
        """
        sent = 0
        moved_ms = self._clock.monotonic_ms()
        explained = False
        while sent < len(data):
            try:
                sent += self._port.write(data[sent : sent + _CHUNK_BYTES], self._timeouts.write_ms)
                moved_ms = self._clock.monotonic_ms()
            except Disconnected:
                return sent, "disconnected"
            except Stalled:
                try:
                    explained = any(isinstance(reply, AutoStatus) for reply in self.hear(1)) or explained
                except Disconnected:
                    return sent, "disconnected"
                if not explained or self._clock.monotonic_ms() - moved_ms >= self._timeouts.confirm_ms:
                    return sent, self.reason("stalled")
        return sent, None

    def confirmation(self, confirms: Confirms, tag: bytes) -> str | None:
        """Wait until the printer says that this job is printed; None when it does, otherwise why not.

        While it is silent it is asked why, now and then; one that was mended gets its time anew, a few times at most.
        """
        until = self._clock.monotonic_ms() + self._timeouts.confirm_ms
        mends = 0
        asked = b""
        reason = "no_confirmation"
        while (left := until - self._clock.monotonic_ms()) > 0:
            before = self.cause
            try:
                replies = self.hear(min(left, _POLL_MS), asked)
                for reply in replies:
                    match reply:
                        case ProcessId(answered) if confirms == "process_id" and answered == tag:
                            return None
                        case PaperInOrder() if confirms == "paper_status":
                            # Worked off, but with the paper gone it may have been worked off into the air.
                            return "paper_out" if reply.paper_out else None
                        case _:
                            pass
                asked = self._ask_on(replies, asked)
            except Disconnected:
                return "disconnected"
            except Stalled:
                # Its buffer is full: it can still speak, but not be asked.
                asked = b""
            reason = self.reason(reason)
            if before and not self.cause and mends < _MENDS_MAX:
                mends += 1
                until = max(until, self._clock.monotonic_ms() + self._timeouts.confirm_ms)
        return reason

    def wait(self, duration_ms: int) -> str | None:
        """Let a one-way printer finish; what it may say means nothing. None, or `disconnected` when it is gone."""
        until = self._clock.monotonic_ms() + duration_ms
        while (left := until - self._clock.monotonic_ms()) > 0:
            try:
                self._port.read(left)
            except Disconnected:
                return "disconnected"
        return None

    # ----------------------------------------------------------------------------------------------------------- hearing
    def hear(self, timeout_ms: int, asked: bytes = b"") -> list[Reply]:
        """Read once; give the replies, and note what they say of a stop.

        Args:
            timeout_ms: how long to wait for the first byte.
            asked: the real-time question that is open, if any.

        Raises:
            Disconnected: the port's own.
        """
        replies = self._reader.feed(self._port.read(timeout_ms))
        for reply in replies:
            match reply:
                case AutoStatus():
                    self.cause = reply.condition.cause
                case RealTime(value) if asked == ASK_OFFLINE_CAUSE:
                    self.cause = offline_cause(value)
                case RealTime(value) if asked == ASK_ERROR:
                    self.cause = offline_cause(0x40, value)
                case _:
                    pass
        return replies

    def reason(self, otherwise: str) -> str:
        """Give the state word for what it stopped for, or this other word when it gave no cause."""
        return _STATE_OF.get(self.cause, "error") if self.cause else otherwise

    def _ask_on(self, replies: list[Reply], asked: bytes) -> bytes:
        """Ask the next real-time question when there is one to ask; give the question that is open now."""
        answered = any(isinstance(reply, RealTime) for reply in replies)
        if not replies:
            asked = ASK_OFFLINE_CAUSE
        elif answered and asked == ASK_OFFLINE_CAUSE and self.cause == "error":
            asked = ASK_ERROR
        else:
            return b"" if answered else asked
        self.send(asked, self._timeouts.status_ms)
        return asked

    def _real_time(self, question: bytes) -> tuple[int | None, int]:
        """Ask one DLE EOT question; give its reply, or None, and how many other replies were heard meanwhile."""
        self.send(question, self._timeouts.status_ms)
        until = self._clock.monotonic_ms() + self._timeouts.status_ms
        heard = 0
        while (left := until - self._clock.monotonic_ms()) > 0:
            answer = None
            for reply in self._reader.feed(self._port.read(left)):
                if isinstance(reply, RealTime):
                    answer = reply.value
                else:
                    heard += 1
            if answer is not None:
                return answer, heard
        return None, heard

    def _drawer_open(self, *, pin_high: bool | None) -> bool | None:
        return None if self._open_pin_high is None or pin_high is None else pin_high == self._open_pin_high


def _silent(values: list[int], noise: int, detail: str, code: str) -> Status:
    """Tell silence, which is no connection at all, from a printer that said too little."""
    return Status("unknown" if values or noise else "not_answering", detail, cause="" if values or noise else code)
