"""Fakes for printing without a socket: a clock that moves when told to, a port into a twin, a port that follows a script."""

from collections.abc import Callable

from drivers.document import Columns, Cut, Feed, QrCode, ReceiptDoc, Rule, Text
from drivers.errors import Disconnected, Stalled, Unreachable
from drivers.virtual.printer import Discarded, PaperEvent, Printed, Reaction, SlipEnded, VirtualPrinter

INVITE_URL = "HTTPS://HQ.EXAMPLE/J/" + "ABCDEFGHJKMNPQRSTVWXYZ234567"[:28] * 5 + "ABCDE-FGH"


class StepClock:
    """A monotonic clock that moves only when a fake lets time pass."""

    def __init__(self) -> None:
        self.ms = 0

    def monotonic_ms(self) -> int:
        return self.ms


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


class TwinPort:
    """A `Port` straight into a twin's machine. With `kernel_buffers`, bytes sent to a dying printer count as taken."""

    def __init__(
        self,
        machine: VirtualPrinter,
        tray: PaperTray,
        clock: StepClock,
        *,
        kernel_buffers: bool = True,
        chunk: int = 64,
    ) -> None:
        self.machine = machine
        self.tray = tray
        self.clock = clock
        self.kernel_buffers = kernel_buffers
        self.chunk = chunk
        self.answers = bytearray()
        self.broken = False
        self.closed = False

    def open(self, timeout_ms: int) -> None:
        if not self.machine.faults.power:
            raise Unreachable("refused")

    def write(self, data: bytes, timeout_ms: int) -> int:
        if self.broken:
            raise Disconnected("reset")
        room = self.machine.room_bytes
        if room == 0:
            self.clock.ms += timeout_ms
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
        if self.answers:
            data = bytes(self.answers)
            self.answers.clear()
            return data
        if self.broken:
            raise Disconnected("reset")
        self.clock.ms += timeout_ms
        return b""

    def drain(self, timeout_ms: int) -> None:
        self.close()

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

    def open(self, timeout_ms: int) -> None:
        pass

    def write(self, data: bytes, timeout_ms: int) -> int:
        self.written += data
        self.waiting += self.answer(data)
        return len(data)

    def read(self, timeout_ms: int) -> bytes:
        if self.waiting:
            return self.waiting.pop(0)
        self.clock.ms += timeout_ms
        return b""

    def drain(self, timeout_ms: int) -> None:
        pass

    def close(self) -> None:
        pass


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
