"""Keeps every scanner, card reader, display and scale connected: one thread a device, one connection at a time (drivers.md §5.5).

A device is opened through its port, what it says goes to its `Talk`, and its line in the registry says how it is. After a
failure the pauses are 1, 2, 5, 10 and 30 s with jitter; a device that is plugged in, or a person, ends a pause at once. A
device that is asked and does not answer within two intervals is `unknown`; a scanner that says nothing is `ready`, because
nobody scanned. Printers have a queue of their own (`print_queue`).
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from drivers.errors import DeviceError, DeviceRejected, Stalled
from drivers.transport.port import Port, PortFactory
from edge.devices.registry import Entry
from edge.devices.talk import NOTHING, Bell, Heard, Talk
from edge.domain.device_view import Backoff, DeviceState
from sync.node.ports import Chance, Clock

OPEN_MS: Final = 1_500
WRITE_MS: Final = 1_000
READ_MS: Final = 250
"""The longest wait inside a port: how late a stop, a hold or something to be shown may be seen."""
STARTING_MS: Final = 200
HELD_CHECK_MS: Final = 1_000
STALE_INTERVALS: Final = 2
STOP_S: Final = 2.0
WATCH_S: Final = 1.0
OVERDUE_MS: Final = 3_000
"""An operation that takes this much longer than it was given is stuck: the device is shown as unknown meanwhile."""
GARBAGE_MAX: Final = 3
"""So much garbage in a row is a wrong setting (speed, parity), no bad luck."""

GARBAGE_HINT: Final = "what it sends makes no sense; check speed, parity, cable and the protocol in its row"

_ABSENT: Final[DeviceState] = "absent"
_STATE_OF_CODE: Final[dict[str, DeviceState]] = {
    "not_permitted": "error",
    "not_supported": "error",
    "in_use": "error",
    "rejected": "error",
    "stalled": "unknown",
}

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Supervised:
    """One device. `step` does one thing and says how long to wait; the thread around it only waits.

    Args:
        entry: its line in the registry.
        ports: makes a port for each connection.
        make_talk: makes the conversation of each connection.
        clock, chance: for pauses.
        starting: whether the device itself is still being started (a virtual one): until then it cannot be missing.
    """

    def __init__(
        self,
        entry: Entry,
        ports: PortFactory,
        make_talk: Callable[[Bell], Talk],
        clock: Clock,
        chance: Chance,
        starting: Callable[[], bool] = lambda: False,
    ) -> None:
        self.entry = entry
        self.bell = Bell()
        self._ports = ports
        self._make_talk = make_talk
        self._clock = clock
        self._chance = chance
        self._starting = starting
        self._backoff = Backoff()
        self._try_at_ms = 0
        self._port: Port | None = None
        self._talk: Talk | None = None
        self._was_open = False
        self._opened_ms = 0
        self._answered_ms: int | None = None
        self._asked_ms: int | None = None
        self._fed_ms: int | None = None
        self._garbage = 0
        self._busy_until_ms: int | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self._port is not None

    def step(self) -> int:
        """Do one thing: connect, or listen and ask.

        Returns:
            For how many ms there is nothing to do unless the bell rings; 0 when there may be more at once.
        """
        now_ms = self._clock.monotonic_ms()
        if self.entry.held:
            self._let_go(now_ms)
            self._try_at_ms = now_ms
            self.entry.show("connecting", "held")
            return HELD_CHECK_MS
        try:
            if self._port is None or self._talk is None:
                if now_ms < self._try_at_ms:
                    return self._try_at_ms - now_ms
                self._connect()
                return 0
            return self._converse(self._port, self._talk, now_ms)
        except DeviceError as error:
            return self._failed(error)

    def hurry(self) -> None:
        """Try again at once: the device was plugged in, or a person asks."""
        self._try_at_ms = 0
        self._backoff = Backoff()
        self.bell.ring()

    def close(self) -> None:
        """Let go of the device."""
        self._let_go(self._clock.monotonic_ms())

    def watch(self) -> None:
        """Called from another thread: say so when an operation does not come back."""
        until_ms = self._busy_until_ms
        if until_ms is not None and self._clock.monotonic_ms() > until_ms + OVERDUE_MS:
            self.entry.show(
                "unknown", "stuck", "an operation does not come back; unplug the device and plug it in again"
            )

    def gave_up(self, error: Exception) -> int:
        """Start over after a fault of our own; gives the pause in ms."""
        self.entry.note("fault", type(error).__name__)
        return self._failed(DeviceRejected(f"{type(error).__name__}: see the log of the node"), "fault")

    def _connect(self) -> None:
        if self._backoff.failures == 0:
            self.entry.show("connecting")
        port, talk = self._ports(), self._make_talk(self.bell)
        try:
            self._until(OPEN_MS, lambda: port.open(OPEN_MS))
            identity = port.identity()
            hello = talk.hello()
            if hello:
                self._write(port, hello)
        except BaseException:
            port.close()
            raise
        now_ms = self._clock.monotonic_ms()
        self._port, self._talk, self._opened_ms = port, talk, now_ms
        self._answered_ms = self._asked_ms = self._fed_ms = None
        self._garbage = 0
        self.entry.know(identity=identity)
        if self._was_open:
            self.entry.count(reconnects=1)
        self._was_open = True
        if talk.poll_ms == 0:
            self._well()

    def _converse(self, port: Port, talk: Talk, now_ms: int) -> int:
        outgoing = talk.outgoing()
        if outgoing:
            self._write(port, outgoing)
        if talk.poll_ms and (self._asked_ms is None or now_ms - self._asked_ms >= talk.poll_ms):
            self._asked_ms = now_ms
            question = talk.question()
            if question:
                self._write(port, question)
        wait_ms = self._patience_ms(talk, now_ms)
        data = self._until(wait_ms, lambda: port.read(wait_ms))
        then_ms = self._clock.monotonic_ms()
        if data:
            self._fed_ms = then_ms
            self.entry.count(bytes=len(data))
        self._took(port, talk.feed(data, then_ms) if data else talk.tick(then_ms), polled=talk.poll_ms > 0)
        self._judge_silence(talk, then_ms)
        return 0 if talk.listens else READ_MS

    def _patience_ms(self, talk: Talk, now_ms: int) -> int:
        """How long to wait for bytes: not past the next question, and short while something waits to be settled."""
        if not talk.listens:
            return 0
        wait_ms = READ_MS
        if talk.poll_ms and self._asked_ms is not None:
            wait_ms = min(wait_ms, self._asked_ms + talk.poll_ms - now_ms)
        if talk.linger_ms and self._fed_ms is not None and now_ms - self._fed_ms <= STALE_INTERVALS * talk.linger_ms:
            wait_ms = min(wait_ms, talk.linger_ms // 2)
        return max(wait_ms, 1)

    def _took(self, port: Port, heard: Heard, *, polled: bool) -> None:
        if heard is NOTHING:
            return
        if heard.events:
            self.entry.count(events=heard.events)
        for note in heard.notes:
            self.entry.note(note)
        if heard.garbage:
            self._garbage += 1
            self.entry.count(errors=1)
            if (self._garbage >= GARBAGE_MAX or heard.hopeless) and not polled:
                self.entry.show("degraded", "garbage", GARBAGE_HINT)
        if heard.answered:
            self._garbage = 0
            self._answered_ms = self._clock.monotonic_ms()
            if heard.trouble:
                self._backoff = Backoff()
                self.entry.show("degraded", heard.trouble)
            else:
                self._well()
        if heard.reply:
            self._write(port, heard.reply)

    def _judge_silence(self, talk: Talk, now_ms: int) -> None:
        if not talk.poll_ms:
            return
        since_ms = self._opened_ms if self._answered_ms is None else self._answered_ms
        if now_ms - since_ms <= max(STALE_INTERVALS * talk.poll_ms, 2 * READ_MS):
            return
        if self._garbage >= GARBAGE_MAX:
            # It talks, but never gave one answer that makes sense.
            self.entry.show("error", "garbage", GARBAGE_HINT)
        else:
            self.entry.show("unknown", "not_answering", "it does not answer; check that it is on and how it is set")

    def _well(self) -> None:
        self._backoff = Backoff()
        self.entry.show("ready")

    def _write(self, port: Port, data: bytes) -> None:
        """Hand over all of it within the time of one operation."""
        deadline_ms = self._clock.monotonic_ms() + WRITE_MS
        sent = 0
        while sent < len(data):
            left_ms = deadline_ms - self._clock.monotonic_ms()
            if left_ms <= 0:
                raise Stalled("it takes bytes too slowly")
            rest = data[sent:]
            sent += self._until(left_ms, lambda rest=rest, left_ms=left_ms: port.write(rest, left_ms))  # type: ignore[misc]
        self.entry.count(bytes=sent)

    def _until(self, ms: int, operation: Callable[[], Result]) -> Result:
        self._busy_until_ms = self._clock.monotonic_ms() + ms
        try:
            return operation()
        finally:
            self._busy_until_ms = None

    def _failed(self, error: DeviceError, cause: str = "") -> int:
        now_ms = self._clock.monotonic_ms()
        self._let_go(now_ms)
        if not self._was_open and self._starting():
            self._try_at_ms = now_ms + STARTING_MS
            return STARTING_MS
        self._backoff = self._backoff.failed()
        pause_ms = self._backoff.pause_ms(self._chance.random())
        self._try_at_ms = now_ms + pause_ms
        self.entry.count(errors=1)
        code = cause or error.code
        self.entry.show("error" if cause else _STATE_OF_CODE.get(code, _ABSENT), code, f"{error}; {error.hint}")
        return pause_ms

    def _let_go(self, now_ms: int) -> None:
        port, self._port = self._port, None
        talk, self._talk = self._talk, None
        if port is not None:
            port.close()
        if talk is not None:
            for note in talk.closed(now_ms).notes:
                self.entry.note(note)


class Supervisor:
    """All of them, each on a thread of its own, and one thread that watches for operations that do not come back.

    Args:
        devices: all that have an address and are no printers.
        on_watch: called every second besides, also in a store without devices.
    """

    def __init__(self, devices: Iterable[Supervised], on_watch: Callable[[], None] = lambda: None) -> None:
        self._on_watch = on_watch
        self._devices = {one.entry.row.id: one for one in devices}
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name=f"device-{name}", daemon=True)
            for name, one in self._devices.items()
        ]
        self._threads.append(threading.Thread(target=self._watch, name="device-watch", daemon=True))

    def start(self) -> None:
        """Begin to connect."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let go of every device; a thread that is stuck in a driver is left behind, it cannot hold the process."""
        self._stopping.set()
        for one in self._devices.values():
            one.bell.ring()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=STOP_S)

    def hurry(self, device_id: str = "") -> None:
        """Try a device again at once, or all that have no connection."""
        for name, one in self._devices.items():
            if device_id == name or (not device_id and not one.connected):
                one.hurry()

    def hold(self, device_id: str, *, held: bool) -> bool:
        """Let a device wait, or go on; False when it is none of ours."""
        one = self._devices.get(device_id)
        if one is None:
            return False
        one.entry.hold(held=held)
        one.hurry()
        return True

    def _run(self, one: Supervised) -> None:
        while not self._stopping.is_set():
            try:
                wait_ms = one.step()
            except Exception as error:  # noqa: BLE001 - one device must not end the thread that mends it
                # The name alone: what a device sent may be a payment code, and stands in many a message.
                log.error("device.failed", extra={"device": one.entry.row.id, "kind": type(error).__name__})  # noqa: TRY400
                wait_ms = one.gave_up(error)
            if wait_ms > 0 and not self._stopping.is_set():
                one.bell.wait(wait_ms)
        one.close()

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            for one in self._devices.values():
                one.watch()
            self._on_watch()
