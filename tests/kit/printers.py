"""Fakes for printing: a clock that moves when told to, a port into a twin, a port and a socket that follow a script."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

from drivers.document import Columns, Cut, Feed, QrCode, ReceiptDoc, Rule, Text
from drivers.errors import Disconnected, Stalled, Unreachable
from drivers.printer.printing import Outcome
from drivers.transport.tcp import TcpAddress
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import Discarded, PaperEvent, Printed, Reaction, SlipEnded, VirtualPrinter
from tests.kit.waiting import PATIENCE_S

INVITE_URL = "HTTPS://HQ.EXAMPLE/J/" + "ABCDEFGHJKMNPQRSTVWXYZ234567"[:28] * 5 + "ABCDE-FGH"


class StepClock:
    """A monotonic clock that moves only when a fake lets time pass; things may be set to happen at a time."""

    def __init__(self) -> None:
        self.ms = 0
        self._due: list[tuple[int, Callable[[], object]]] = []

    def monotonic_ms(self) -> int:
        return self.ms

    def at(self, ms: int, happen: Callable[[], object]) -> None:
        """Let something happen as soon as this time is reached."""
        self._due = sorted([*self._due, (ms, happen)], key=lambda due: due[0])

    def wait(self, timeout_ms: int, over: Callable[[], bool]) -> None:
        """Let time pass until it is over or the time limit is reached."""
        until = self.ms + timeout_ms
        while not over() and self._due and self._due[0][0] <= until:
            ms, happen = self._due.pop(0)
            self.ms = max(self.ms, ms)
            happen()
        if not over():
            self.ms = until


class RealClock:
    """The machine's own, for tests over real sockets."""

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class PaperTray:
    """What lies under a twin: finished slips and the open one."""

    def __init__(self) -> None:
        self.slips: list[tuple[bytes, bool]] = []
        self.open = b""

    def take(self, events: tuple[PaperEvent, ...]) -> None:
        for event in events:
            match event:
                case Printed():
                    self.open += event.data
                case SlipEnded():
                    self.slips.append((self.open, event.complete))
                    self.open = b""
                case Discarded():
                    self.open = b""


def contradictions(outcome: Outcome, tray: PaperTray, job: bytes) -> list[str]:
    """What the outcome claims that the paper belies."""
    found = []
    if outcome.state in ("confirmed", "sent") and tray.slips != [(job, True)]:
        found.append("claimed, but the paper is not the whole slip")
    if outcome.state == "held" and (tray.slips or tray.open):
        found.append("held, but something is on the paper")
    if outcome.state == "held" and outcome.bytes_handed:
        found.append("held, but bytes were handed over")
    return found


class TwinPort:
    """A `Port` straight into a twin's machine. With `kernel_buffers`, bytes sent to a dying printer count as taken.

    With `one_by_one`, every byte of an answer comes by itself.
    """

    def __init__(
        self,
        machine: VirtualPrinter,
        tray: PaperTray,
        clock: StepClock,
        *,
        kernel_buffers: bool = True,
        chunk: int = 64,
        one_by_one: bool = False,
    ) -> None:
        self.machine = machine
        self.tray = tray
        self.clock = clock
        self.kernel_buffers = kernel_buffers
        self.chunk = chunk
        self.one_by_one = one_by_one
        self.answers = bytearray()
        self.broken = False
        self.closed = False

    def open(self, timeout_ms: int) -> None:
        if not self.machine.faults.power:
            raise Unreachable("refused")

    def write(self, data: bytes, timeout_ms: int) -> int:
        if self.broken:
            raise Disconnected("reset")
        self.clock.wait(timeout_ms if self.machine.room_bytes == 0 else 0, lambda: self.machine.room_bytes > 0)
        room = self.machine.room_bytes
        if room == 0:
            raise Stalled("full")
        part = data[: min(room, self.chunk)]
        reaction = self.settled(self.machine.receive(part))
        if reaction.died:
            self.broken = True
            if not self.kernel_buffers and reaction.accepted == 0:
                raise Disconnected("reset")
            return len(part) if self.kernel_buffers else reaction.accepted
        return len(part)

    def settled(self, reaction: Reaction) -> Reaction:
        self.tray.take(reaction.paper)
        self.answers += reaction.answer
        return reaction

    def read(self, timeout_ms: int) -> bytes:
        if not self.broken:
            self.clock.wait(timeout_ms, lambda: bool(self.answers) or self.broken)
        if self.answers:
            size = 1 if self.one_by_one else len(self.answers)
            data = bytes(self.answers[:size])
            del self.answers[:size]
            return data
        if self.broken:
            raise Disconnected("reset")
        return b""

    def switch(self, change: FaultChange) -> None:
        """Move the twin's switches while this port is open."""
        self.broken = self.settled(self.machine.switch(change)).died or self.broken

    def drain(self, timeout_ms: int) -> None:
        self.close()

    def identity(self) -> str:
        return "" if self.closed else "a twin in this process"

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.tray.take(self.machine.end_connection().paper)


class ScriptedPort:
    """A `Port` whose answers come from a function of what was written."""

    def __init__(self, clock: StepClock, answer: Callable[[bytes], list[bytes]]) -> None:
        self.clock = clock
        self.answer = answer
        self.written = b""
        self.waiting: list[bytes] = []

    def clear(self) -> None:
        """Forget what was written until now."""
        self.written = b""

    def open(self, timeout_ms: int) -> None:
        pass

    def write(self, data: bytes, timeout_ms: int) -> int:
        self.written += data
        self.waiting += self.answer(data)
        return len(data)

    def read(self, timeout_ms: int) -> bytes:
        if self.waiting:
            return self.waiting.pop(0)
        self.clock.wait(timeout_ms, lambda: bool(self.waiting))
        return self.waiting.pop(0) if self.waiting else b""

    def drain(self, timeout_ms: int) -> None:
        pass

    def identity(self) -> str:
        return "a script"

    def close(self) -> None:
        pass


_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
Script = Callable[[socket.socket], object]


class SocketPrinter:
    """A port on the loopback where each connection in turn follows a script, in a thread; the last script serves the rest.

    A script that returns closes its connection. What it raises of `OSError` (the other side went away) ends it, too.
    """

    def __init__(self, *scripts: Script, backlog: int = 1, receive_bytes: int = 0) -> None:
        self._scripts = scripts
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_bytes:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(backlog)
        self._listener.settimeout(0.05)
        self.address = TcpAddress("127.0.0.1", self._listener.getsockname()[1])
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="socket-printer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._thread.join(timeout=PATIENCE_S)
        self._listener.close()
        assert not self._thread.is_alive(), "a script did not end"

    def _serve(self) -> None:
        served = 0
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            script = self._scripts[min(served, len(self._scripts) - 1)]
            served += 1
            with connection:
                connection.settimeout(5)
                try:
                    script(connection)
                except OSError:
                    continue


def reset(connection: socket.socket) -> None:
    """Break a connection off as a printer does that loses its power."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


def obey(connection: socket.socket, machine: VirtualPrinter, tray: PaperTray, *, take: int | None = None) -> None:
    """Be a printer on a connection until the other side closes, or until so many bytes were taken."""
    left = take
    while left is None or left > 0:
        data = connection.recv(4_096 if left is None else min(left, 4_096))
        if not data:
            break
        left = None if left is None else left - len(data)
        reaction = machine.receive(data)
        tray.take(reaction.paper)
        if reaction.answer:
            connection.sendall(reaction.answer)
    tray.take(machine.end_connection().paper)


def short_receipt() -> ReceiptDoc:
    """A slip with every kind of element, short enough to break off at each byte."""
    return ReceiptDoc(
        (
            Text("巷里小馆", align="centre", bold=True, size=2),
            Rule("double"),
            Columns("宫保鸡丁 x2", "76.00"),
            QrCode("HTTPS://HQ.EXAMPLE/J/ABCDE", module_dots=5),
            Feed(1),
            Cut(),
        )
    )


def full_receipt(*, reprint: int = 0) -> ReceiptDoc:
    """A receipt as a guest gets it: head, lines with modifiers, totals, tender, invite."""
    mark = (Text(f"补打 REPRINT {reprint}", align="centre", bold=True),) if reprint else ()
    return ReceiptDoc(
        (
            *mark,
            Text("巷里小馆", align="centre", bold=True, size=2),
            Text("青瓷巷店  Celadon Lane", align="centre"),
            Rule(),
            Columns("小票 1-3-000482", "2026-11-21 18:42"),
            Columns("收银 小林", "1 号机"),
            Rule(),
            Columns("宫保鸡丁 Kung Pao chicken  x2", "76.00"),
            Text("  微辣 Mild"),
            Columns("水煮牛肉 Beef in chilli broth with bean sprouts and Sichuan pepper  x1", "68.00"),
            Text("  中辣 不要香菜（过敏）"),
            Columns("蒜蓉空心菜 ½ 份", "24.00"),
            Columns("酸梅汤 500ml × 4", "48.00"),
            Rule(),
            Columns("小计 Subtotal", "216.00"),
            Columns("抹零 Rounding", "−1.00"),
            Rule("double"),
            Columns("应收", "￥215.00", bold=True, size=2),
            Columns("现金 Cash", "300.00"),
            Columns("找零 Change", "85.00"),
            Rule("dashed"),
            Text("扫码入会 · Scan to join", align="centre"),
            QrCode(INVITE_URL, module_dots=5),
            Text("ABCDE-FGHJK", align="centre"),
            Feed(2),
            Cut(),
        )
    )
