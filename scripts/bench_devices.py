"""`bench devices`: how fast slips become bytes and dots, a scan becomes an event, and a sale becomes the first byte at a printer.

* Receipts to bytes: 200 different receipts through our encoder, layout included, against python-escpos' own `text()` path in the
  same run, which is given the finished lines (native QR and cut on both sides). Rounds alternate; medians are compared.
* Whole-raster receipts: the same as dots, for a printer without Chinese characters. Glyphs are drawn once before.
* Scan to event: bytes go into a pseudo-terminal, the real transport, supervisor, framer and router take them to the till's
  inbox; a scanner ends its code with CR.
* Sale to first byte: a real node process prints over TCP onto a twin in this process. The time runs from the moment the sale
  is sent (so request, pricing and commit are inside) to the first byte of the slip, after the printer's status was asked.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import random
import socket
import statistics
import sys
import tempfile
import threading
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from drivers.document import Columns, Cut, Element, Feed, QrCode, ReceiptDoc, Rule, Text
from drivers.escpos import encoder
from drivers.escpos.decoder import decode
from drivers.escpos.profile import PrinterProfile
from drivers.paper.glyphs import system_glyphs
from drivers.printer.profiles import PROFILES
from drivers.transport.address import SerialAddress
from drivers.transport.open_port import ports_for
from drivers.virtual.printer import SlipEnded, VirtualPrinter
from edge import wiring
from edge.devices.registry import Registry
from edge.devices.scanners import ScannerTalk
from edge.devices.supervisor import Supervised, Supervisor
from edge.domain.device_rows import ScannerRow
from edge.services.devices import till_devices
from edge.settings import EdgeSettings, StoreSettings
from scripts.bench_figures import percentile
from scripts.bench_guests import make_orders
from scripts.bench_load import JSON_HEADERS, SALES_PATH
from scripts.bench_processes import MENU, BenchError, NodeUnderTest, started, write_node
from sync.contract import money
from sync.contract.menu import Dish, Menu
from sync.node.ports import SystemChance, SystemClock

ROUNDS = 7
ROUND_S = 0.4
RATIO_MIN = 2.0
RASTER_PER_S_MIN = 60.0
SCAN_P99_MS_MAX = 5.0
FIRST_BYTE_P95_MS_MAX = 50.0
RECEIPTS = 200
SCANS = 400
SALES = 200
WAIT_S = 10.0
TILL = "1"
INVITE_URL = "HTTPS://HQ.EXAMPLE/J/" + "ABCDEFGHJKMNPQRSTVWXYZ234567" * 4


def say(text: str) -> None:
    """One line of progress for a person."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Report:
    """The figures; per second and ms."""

    receipts_per_s: float
    escpos_text_per_s: float
    raster_per_s: float | None
    raster_bytes: int
    receipt_cpu_us: float
    scan_p50_ms: float
    scan_p99_ms: float
    first_byte_p50_ms: float
    first_byte_p95_ms: float

    @property
    def missed(self) -> list[str]:
        """The targets that were not met, in words."""
        found: list[str] = []
        if self.receipts_per_s < RATIO_MIN * self.escpos_text_per_s:
            found.append(f"receipts to bytes: {self.receipts_per_s / self.escpos_text_per_s:.2f} times python-escpos")
        if self.raster_per_s is None:
            found.append("whole-raster receipts: this machine has no Chinese font; install fonts-noto-cjk")
        elif self.raster_per_s < RASTER_PER_S_MIN:
            found.append(f"whole-raster receipts: {self.raster_per_s}/s")
        if self.scan_p99_ms > SCAN_P99_MS_MAX:
            found.append(f"scan to event: p99 {self.scan_p99_ms} ms")
        if self.first_byte_p95_ms > FIRST_BYTE_P95_MS_MAX:
            found.append(f"sale to first byte: p95 {self.first_byte_p95_ms} ms")
        return found


def receipts(count: int) -> list[ReceiptDoc]:
    """Draw bilingual receipts of 22 lines with an invite: dishes of the demo's menu, every head and total another."""
    dice = random.Random(1)
    menu = msgspec.json.decode(MENU.read_bytes(), type=Menu)
    return [_receipt(number, dice.sample(menu.dishes, 6), dice) for number in range(count)]


def _receipt(number: int, dishes: list[Dish], dice: random.Random) -> ReceiptDoc:
    lines: list[Element] = []
    total_fen = 0
    for dish in dishes:
        qty = dice.randint(1, 3)
        total_fen += qty * dish.price_fen
        lines.append(Columns(f"{qty} {dish.name.zh} {dish.name.en}"[:36], money.plain(qty * dish.price_fen)))
        lines.append(Text(f"  @{money.plain(dish.price_fen)}·微辣 mild"))
    return ReceiptDoc(
        (
            Text("巷里小馆·青瓷巷店", align="centre", bold=True, size=2),
            Columns("单号 No.", f"1-1-{number:06}"),
            Columns("时间 Time", f"2026-11-22 {11 + number // 60 % 11}:{number % 60:02}"),
            Rule("single"),
            *lines,
            Rule("double"),
            Columns("合计 Total", f"￥{money.plain(total_fen)}", bold=True, size=2),
            Columns("实收 Cash", money.plain(total_fen + 1_000)),
            Columns("找零 Change", "10.00"),
            QrCode(f"{INVITE_URL}{number:06}", 4),
            Text("谢谢惠顾 Thank you", align="centre"),
            Feed(2),
            Cut(),
        )
    )


def rate(work: Callable[[], object], seconds: float) -> float:
    """How often a second something can be done."""
    begun = time.perf_counter()
    done = 0
    while (spent := time.perf_counter() - begun) < seconds:
        work()
        done += 1
    return done / spent


def with_python_escpos(documents: list[ReceiptDoc], folder: Path) -> Callable[[], object]:
    """Give the same receipts by python-escpos: its own text path, its native QR, its cut; its files go into the folder."""
    os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = tempfile.tempdir = str(folder)
    from escpos.printer import Dummy  # noqa: PLC0415 - half a second of import, only here

    set_lines = [decode(encoder.encode(one, PROFILES["epson-80"]).data) for one in documents]
    turn = itertools.cycle([(one.text.splitlines(), one.qr[0]) for one in set_lines])

    def work() -> bytes:
        printer: Any = Dummy()
        lines, invite = next(turn)
        for line in lines:
            printer.text(line + "\n")
        printer.qr(invite, native=True, size=4)
        printer.cut()
        output: bytes = printer.output
        return output

    return work


def measure_encoding(folder: Path) -> tuple[float, float, float | None, int, float]:
    """Receipts a second by us, by python-escpos, as dots; bytes of dots; CPU time of one receipt in µs."""
    documents, profile = receipts(RECEIPTS), PROFILES["epson-80"]
    glyphs = system_glyphs()
    dots_profile = _as_dots(profile)
    mine, drawn = itertools.cycle(documents), itertools.cycle(documents)

    def ours() -> object:
        return encoder.encode(next(mine), profile)

    def as_dots() -> object:
        return encoder.encode(next(drawn), dots_profile, glyphs)

    theirs = with_python_escpos(documents, folder)
    theirs()
    # Every glyph is drawn once before, as on the first slips of a day.
    dots = max(len(encoder.encode(one, dots_profile, glyphs).data) for one in documents)
    rates: tuple[list[float], list[float], list[float]] = ([], [], [])
    cpu_us: list[float] = []
    for _ in range(ROUNDS):
        cpu_before = time.process_time()
        rates[0].append(rate(ours, ROUND_S))
        cpu_us.append((time.process_time() - cpu_before) * 1e6 / (rates[0][-1] * ROUND_S))
        rates[1].append(rate(theirs, ROUND_S))
        if glyphs is not None:
            rates[2].append(rate(as_dots, ROUND_S))
    raster = round(statistics.median(rates[2]), 1) if rates[2] else None
    return (
        round(statistics.median(rates[0]), 1),
        round(statistics.median(rates[1]), 1),
        raster,
        dots,
        round(statistics.median(cpu_us), 1),
    )


def _as_dots(profile: PrinterProfile) -> PrinterProfile:
    return replace(profile, name="dots", raster_text=True, native_qr=False)


def measure_scans(folder: Path) -> list[float]:
    """Ms from the write into the pseudo-terminal to the event in the till's inbox, scan by scan."""
    clock, chance = SystemClock(), SystemChance()
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    row = ScannerRow(id="scanner", address=f"serial://{os.ttyname(theirs)}", till=TILL)
    node, db = wiring.open_node(EdgeSettings(data_dir=str(folder), store=StoreSettings(tills=(TILL,))))
    tills = till_devices.build(node)
    arrived = threading.Event()

    def on_scan(till: str, text: str) -> None:
        tills.scanning.scanned(till, text)
        arrived.set()

    at = SerialAddress(os.ttyname(theirs))
    registry = Registry([row], clock, lambda: None)
    device = Supervised(registry.entry_of(row), ports_for(at), lambda _: ScannerTalk(row, at, on_scan), clock, chance)
    supervisor = Supervisor([device])
    supervisor.start()
    try:
        _until(lambda: registry.entry_of(row).view.state == "ready", "the scanner did not come up")
        took_ms: list[float] = []
        for number in range(SCANS):
            arrived.clear()
            begun = time.perf_counter()
            os.write(ours, b"69%011d\r" % number)
            if not arrived.wait(WAIT_S):
                raise BenchError("a scan was lost")
            took_ms.append((time.perf_counter() - begun) * 1000)
        return took_ms
    finally:
        supervisor.stop()
        tills.close()
        db.close()
        os.close(ours)
        os.close(theirs)


class Listener:
    """A printer on TCP in this process that notes when the first byte of each slip arrives."""

    def __init__(self) -> None:
        self._machine = VirtualPrinter(PROFILES["epson-80"], "bench")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.printed = threading.Semaphore(0)
        self._first_byte_s: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def expect(self) -> None:
        """A slip is about to come."""
        self._first_byte_s = None

    def first_byte_s(self) -> float:
        """Wait until a slip is cut; gives when its first byte arrived.

        Raises:
            BenchError: it did not come.
        """
        if not self.printed.acquire(timeout=WAIT_S) or self._first_byte_s is None:
            raise BenchError("a slip did not come out")
        return self._first_byte_s

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(WAIT_S)

    def _run(self) -> None:
        while True:
            try:
                link, _ = self._socket.accept()
            except OSError:
                return
            with link, contextlib.suppress(OSError):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(link)
                self._machine.end_connection()

    def _serve(self, link: socket.socket) -> None:
        while data := link.recv(65_536):
            now_s = time.perf_counter()
            reaction = self._machine.receive(data)
            if reaction.paper and self._first_byte_s is None and len(data) > len(encoder.JOB_START):
                self._first_byte_s = now_s
            if reaction.answer:
                link.sendall(reaction.answer)
            if any(isinstance(event, SlipEnded) for event in reaction.paper):
                self.printed.release()


@contextlib.contextmanager
def node_with_printer(folder: Path) -> Iterator[tuple[NodeUnderTest, Listener]]:
    """Run a node whose receipts come out here."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        listener = Listener()
        stack.callback(listener.close)
        config = write_node(folder, deaf.getsockname()[1], listener.port)
        pid, told = stack.enter_context(started(["-m", "edge", "run", "--config", str(config)], folder / "node.log"))
        pin = (config.parent / "data" / "cashier-pin.txt").read_text(encoding="ascii").strip()
        yield NodeUnderTest(pid, told["url"], pin), listener


def measure_first_bytes(folder: Path) -> list[float]:
    """Ms from sending a sale to the first byte of its slip at the printer, sale by sale."""
    with node_with_printer(folder) as (node, listener):
        cookie = node.sign_in(TILL)
        orders = make_orders(node.menu(), SALES + 1, random.Random(1))
        link = http.client.HTTPConnection("127.0.0.1", node.port, timeout=WAIT_S)
        took_ms: list[float] = []
        for body in orders:
            listener.expect()
            begun = time.perf_counter()
            link.request("POST", SALES_PATH, body=body, headers={**JSON_HEADERS, "Cookie": cookie})
            answer = link.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.CREATED:
                raise BenchError(f"a sale was answered with {answer.status}")
            took_ms.append((listener.first_byte_s() - begun) * 1000)
        link.close()
    # The first slip also asks who the printer is and how it confirms; that is once in its life.
    return took_ms[1:]


def _until(holds: Callable[[], bool], else_say: str) -> None:
    deadline = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise BenchError(else_say)
        pause.wait(0.01)


def measure(folder: Path) -> Report:
    """Measure everything.

    Raises:
        BenchError: something did not start or was lost.
    """
    ours, theirs, raster, raster_bytes, cpu_us = measure_encoding(folder)
    say(f"bench: {ours} receipts/s, python-escpos {theirs}/s, as dots {raster}/s")
    scans = measure_scans(folder / "scans")
    say(f"bench: scan to event p50 {percentile(scans, 50):.2f} ms")
    first = measure_first_bytes(folder / "node")
    return Report(
        receipts_per_s=ours,
        escpos_text_per_s=theirs,
        raster_per_s=raster,
        raster_bytes=raster_bytes,
        receipt_cpu_us=cpu_us,
        scan_p50_ms=round(percentile(scans, 50), 2),
        scan_p99_ms=round(percentile(scans, 99), 2),
        first_byte_p50_ms=round(percentile(first, 50), 2),
        first_byte_p95_ms=round(percentile(first, 95), 2),
    )


def main(arguments: list[str]) -> int:
    """Measure, tell, and judge."""
    parser = argparse.ArgumentParser(prog="dev.py bench devices", description=__doc__)
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="zhanggui-bench-") as folder:
        try:
            report = measure(Path(folder))
        except (BenchError, OSError) as error:
            say(f"bench: {error}")
            if chosen.json:
                print(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
            return 1
    missed = report.missed
    told = {"ok": not missed, **report.__dict__, "missed": missed}
    if chosen.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for key, value in told.items():
            print(f"{key}: {value}")
    return 0 if not missed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
