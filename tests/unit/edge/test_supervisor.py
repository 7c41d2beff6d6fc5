"""Devices that come and go: connected, asked, shown for what they are, and let go of without a trace (drivers.md §5.5, §7)."""

import os
import pty
import select
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers.discovery import Candidate
from drivers.errors import Disconnected, NotPermitted, Unreachable
from drivers.scale.reading import NotUsable, Usable
from drivers.transport.address import HidAddress, SerialAddress
from drivers.transport.open_port import ports_for
from edge.devices.cards import CardSeen, MagstripeTalk, NfcTalk
from edge.devices.displays import Board, Boards, DisplayTalk
from edge.devices.found import Lookout
from edge.devices.registry import Registry, Turn
from edge.devices.scales import ScaleTalk
from edge.devices.scanners import ScannerTalk
from edge.devices.supervisor import GARBAGE_MAX, OVERDUE_MS, STOP_S, WRITE_MS, Supervised, Supervisor
from edge.devices.talk import Bell, Heard, Talk
from edge.domain.device_rows import AddressedRow, CardReaderRow, DisplayRow, ScaleRow, ScannerRow
from edge.domain.device_view import Backoff
from edge.domain.guest_view import GuestView
from sync.contract.words import Name
from sync.node.ports import ManualClock, SeededChance, SystemClock
from tests.kit.waiting import PATIENCE_S

SCANNER = ScannerRow(id="gun", address="serial:///dev/serial/by-id/gun", till="1")
SCALE = ScaleRow(id="pan", address="serial:///dev/serial/by-id/pan", till="1")
DISPLAY = DisplayRow(id="pole", address="serial:///dev/serial/by-id/pole", till="1", protocol="cd5220")
STRIPE = CardReaderRow(id="stripe", address="serial:///dev/serial/by-id/stripe", till="1")
AT = SerialAddress("/dev/serial/by-id/gun")


class Wire:
    """What a fake device does: refuses, answers, hangs up. Each wait inside it lets the clock go on."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.refusal: Exception | None = None
        self.incoming: list[bytes] = []
        self.answer: Callable[[bytes], bytes] = lambda _: b""
        self.gone = False
        self.deaf = False
        self.written: list[bytes] = []
        self.opened = 0
        self.closed = 0

    def port(self) -> "FakePort":
        return FakePort(self)


class FakePort:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._open = False

    def open(self, timeout_ms: int) -> None:
        if self._wire.refusal is not None:
            raise self._wire.refusal
        self._open = True
        self._wire.opened += 1

    def write(self, data: bytes, timeout_ms: int) -> int:
        if self._wire.gone:
            raise Disconnected("pulled out")
        if self._wire.deaf:
            self._wire.clock.advance(timeout_ms)
            return 1
        self._wire.written.append(data)
        if answer := self._wire.answer(data):
            self._wire.incoming.append(answer)
        return len(data)

    def read(self, timeout_ms: int) -> bytes:
        if self._wire.gone:
            raise Disconnected("pulled out")
        if self._wire.incoming:
            return self._wire.incoming.pop(0)
        self._wire.clock.advance(timeout_ms)
        return b""

    def drain(self, timeout_ms: int) -> None: ...

    def identity(self) -> str:
        return "fake" if self._open else ""

    def close(self) -> None:
        if self._open:
            self._open = False
            self._wire.closed += 1


class Bench:
    """One supervised device on a fake wire, with everything that it told."""

    def __init__(self, row: AddressedRow, talk: Callable[[Bell], Talk] | None = None) -> None:
        self.clock = ManualClock()
        self.wire = Wire(self.clock)
        self.turns: list[Turn] = []
        self.scans: list[str] = []
        self.weights: list[Usable | NotUsable] = []
        self.registry = Registry([row], self.clock, lambda: None, self.turns.append)
        self.entry = self.registry.entry_of(row)
        self.device = Supervised(self.entry, self.wire.port, talk or self._talk(row), self.clock, SeededChance("bench"))

    def _talk(self, row: AddressedRow) -> Callable[[Bell], Talk]:
        if isinstance(row, ScaleRow):
            return lambda _: ScaleTalk(row, lambda till, found: self.weights.append(found))
        assert isinstance(row, ScannerRow)
        return lambda _: ScannerTalk(row, AT, lambda till, text: self.scans.append(text))

    @property
    def shown(self) -> tuple[str, str]:
        return self.entry.view.state, self.entry.view.cause

    def last_weight(self) -> object:
        return self.weights[-1]

    def steps(self, count: int) -> None:
        """Go on; a pause passes on the clock."""
        for _ in range(count):
            wait_ms = self.device.step()
            self.clock.advance(wait_ms)


def steady(question: bytes) -> bytes:
    return b"\x0200.486\r" if question == b"W" else b""


# --- connecting ---


def test_a_device_that_is_not_there_is_absent_and_tried_again_after_1_2_5_10_and_30_s():
    bench = Bench(SCANNER)
    bench.wire.refusal = Unreachable("nobody")
    pauses = [bench.device.step()]
    assert bench.shown == ("absent", "not_answering")
    for _ in range(5):
        bench.clock.advance(pauses[-1])
        pauses.append(bench.device.step())
    for pause_ms, step_ms in zip(pauses, [*Backoff.STEPS_MS, 30_000], strict=True):
        assert step_ms * 0.75 <= pause_ms <= step_ms


def test_two_nodes_do_not_knock_at_the_same_moment():
    def pauses(seed: str) -> list[int]:
        bench = Bench(SCANNER)
        bench.wire.refusal = Unreachable("nobody")
        bench.device._chance = SeededChance(seed)
        return [bench.device.step()]

    assert pauses("a") != pauses("b")


def test_before_the_pause_is_over_nothing_is_tried():
    bench = Bench(SCANNER)
    bench.wire.refusal = Unreachable("nobody")
    pause_ms = bench.device.step()
    bench.wire.refusal = None
    bench.clock.advance(pause_ms - 1)
    assert bench.device.step() == 1
    assert bench.wire.opened == 0
    bench.clock.advance(1)
    bench.device.step()
    assert bench.wire.opened == 1


def test_a_device_that_is_plugged_in_is_tried_at_once():
    bench = Bench(SCANNER)
    bench.wire.refusal = Unreachable("nobody")
    bench.steps(6)
    bench.device.step()
    bench.wire.refusal = None
    bench.device.hurry()
    bench.device.step()
    assert bench.shown == ("ready", "")


def test_what_a_person_must_mend_is_an_error_with_its_cause_and_the_remedy():
    bench = Bench(SCANNER)
    bench.wire.refusal = NotPermitted("no")
    bench.device.step()
    assert bench.shown == ("error", "not_permitted")
    assert "dialout" in bench.entry.view.detail


def test_a_silent_scanner_with_an_open_port_is_ready():
    bench = Bench(SCANNER)
    bench.steps(100)
    assert bench.shown == ("ready", "")
    assert bench.wire.opened == 1


def test_down_and_up_are_told_once_each_however_often_it_is_tried():
    bench = Bench(SCANNER)
    bench.steps(5)
    bench.wire.gone = True
    bench.steps(1)
    bench.wire.refusal = Unreachable("nobody")
    bench.steps(20)
    bench.wire.gone, bench.wire.refusal = False, None
    bench.steps(20)
    assert [(turn.up, turn.state) for turn in bench.turns] == [(False, "absent"), (True, "ready")]
    assert bench.entry.view.counters.reconnects == 1


def test_a_line_that_breaks_is_let_go_of_and_half_a_code_is_no_code():
    bench = Bench(SCANNER)
    bench.steps(2)
    bench.wire.incoming.append(b"69012345")
    bench.steps(1)
    bench.wire.gone = True
    bench.steps(1)
    assert bench.wire.closed == 1
    assert bench.scans == []
    assert "scan.unfinished" in {line.what for line in bench.registry.lines()}
    bench.wire.gone = False
    bench.wire.incoming.append(b"6901234567892\r")
    bench.steps(3)
    assert bench.scans == ["6901234567892"]


def test_a_held_device_is_let_go_of_and_comes_back_when_it_is_released():
    bench = Bench(SCANNER)
    bench.steps(2)
    bench.entry.hold(held=True)
    bench.steps(2)
    assert (bench.shown, bench.device.connected, bench.wire.closed) == (("connecting", "held"), False, 1)
    bench.entry.hold(held=False)
    bench.steps(2)
    assert (bench.shown, bench.device.connected) == (("ready", ""), True)
    assert bench.turns == []


def test_a_virtual_device_that_is_still_being_started_is_not_missing():
    bench = Bench(SCANNER)
    starting = [True]
    bench.device._starting = lambda: starting[0]
    bench.wire.refusal = Unreachable("not yet")
    bench.steps(20)
    assert (bench.shown, bench.turns) == (("connecting", ""), [])
    starting[0] = False
    bench.steps(1)
    assert bench.shown == ("absent", "not_answering")


# --- talking ---


def test_a_scale_is_ready_only_once_it_answers():
    bench = Bench(SCALE)
    bench.device.step()
    assert bench.shown == ("connecting", "")
    bench.wire.answer = steady
    bench.steps(1)
    assert bench.shown == ("ready", "")
    assert bench.last_weight() == NotUsable("unstable")
    bench.steps(8)
    assert bench.last_weight() == Usable(486_000)


def test_a_scale_that_says_nothing_is_unknown_and_never_ready():
    bench = Bench(SCALE)
    bench.steps(30)
    assert bench.shown == ("unknown", "not_answering")
    assert "state.ready" not in {line.what for line in bench.registry.lines()}
    bench.wire.answer = steady
    bench.steps(4)
    assert bench.shown == ("ready", "")


def test_a_scale_that_falls_silent_is_unknown_and_its_last_weight_is_worth_nothing():
    bench = Bench(SCALE)
    bench.wire.answer = steady
    bench.steps(12)
    assert bench.last_weight() == Usable(486_000)
    bench.wire.answer = lambda _: b""
    bench.steps(20)
    assert bench.shown == ("unknown", "not_answering")
    assert bench.last_weight() == NotUsable("unknown")


def test_without_the_rule_that_old_is_unknown_a_silent_scale_would_look_well():
    """The negative control of the two tests above."""
    bench = Bench(SCALE)
    bench.device._judge_silence = lambda talk, now_ms: None  # type: ignore[method-assign]
    bench.wire.answer = steady
    bench.steps(12)
    bench.wire.answer = lambda _: b""
    bench.steps(20)
    assert bench.shown == ("ready", "")


def test_a_scale_that_only_talks_nonsense_is_an_error_and_does_not_flutter():
    bench = Bench(SCALE)
    bench.wire.answer = lambda _: bytes(range(0x80, 0xFF))
    bench.steps(40)
    assert bench.shown == ("error", "garbage")
    assert [(turn.up, turn.state) for turn in bench.turns] == [(False, "error")]
    bench.wire.answer = steady
    bench.steps(4)
    assert bench.shown == ("ready", "")


def test_a_scale_whose_line_breaks_leaves_no_weight_behind():
    bench = Bench(SCALE)
    bench.wire.answer = steady
    bench.steps(12)
    bench.wire.gone = True
    bench.steps(1)
    assert bench.last_weight() == NotUsable("unknown")


def test_garbage_in_a_row_is_a_setting_that_a_person_must_see_to_and_a_good_code_ends_it():
    bench = Bench(SCANNER)
    bench.steps(1)
    for _ in range(GARBAGE_MAX):
        bench.wire.incoming.append(bytes(range(0x80, 0x90)) + b"\r")
        bench.steps(3)
    assert bench.shown == ("degraded", "garbage")
    bench.wire.incoming.append(b"6901234567892\r")
    bench.steps(3)
    assert bench.shown == ("ready", "")
    assert bench.scans == ["6901234567892"]


def test_a_card_reader_at_another_speed_says_so_with_its_first_swipe_and_a_bad_swipe_is_none():
    seen: list[str] = []
    bench = Bench(STRIPE, lambda _: MagstripeTalk(STRIPE, AT, lambda _till, card: seen.append(card.what)))
    bench.steps(1)
    bench.wire.incoming.append(b";900\x17=7?\r")
    bench.steps(20)
    assert bench.shown == ("ready", ""), "a card drawn badly is bad luck"
    bench.wire.incoming.append(bytes((byte ^ 0x5A) | 0x80 for byte in b";9001=7?\r"))
    bench.steps(20)
    assert bench.shown == ("degraded", "garbage")
    bench.wire.incoming.append(b";9001=7?\r")
    bench.steps(20)
    assert bench.shown == ("ready", "")
    assert seen == ["unread", "unread", "card"]


def test_a_held_trigger_is_one_scan_and_two_codes_in_one_read_are_two():
    bench = Bench(SCANNER)
    bench.steps(1)
    bench.wire.incoming += [b"6901234567892\r"] * 10
    bench.steps(12)
    bench.wire.incoming.append(b"6901234567908\r4006381333931\r")
    bench.steps(2)
    assert bench.scans == ["6901234567892", "6901234567908", "4006381333931"]
    assert bench.entry.view.counters.events == 3


def test_no_code_stands_in_what_is_kept_about_a_device():
    bench = Bench(SCANNER)
    bench.steps(1)
    code = "134567890123456789"
    bench.wire.incoming += [code.encode() + b"\r", code[:9].encode()]
    bench.steps(2)
    bench.wire.gone = True
    bench.steps(1)
    assert bench.scans == [code]
    kept = repr(bench.registry.lines()) + repr(bench.registry.views())
    assert code[:9] not in kept
    assert code[9:] not in kept


def test_a_device_that_takes_its_bytes_too_slowly_is_let_go_of():
    bench = Bench(DISPLAY, lambda bell: DisplayTalk(Board(DISPLAY), bell))
    bench.wire.deaf = True
    bench.device.step()
    assert bench.shown == ("unknown", "stalled")
    assert bench.wire.closed == 1


def test_an_operation_that_does_not_come_back_is_seen_from_outside():
    bench = Bench(SCANNER)
    bench.steps(2)
    during: list[tuple[str, str]] = []

    def stuck(timeout_ms: int) -> bytes:
        bench.clock.advance(timeout_ms + OVERDUE_MS)
        bench.device.watch()
        during.append(bench.shown)
        bench.clock.advance(1)
        bench.device.watch()
        during.append(bench.shown)
        return b"6901234567892\r"

    assert bench.device._port is not None
    bench.device._port.read = stuck  # type: ignore[method-assign]
    bench.device.step()
    assert during == [("ready", ""), ("unknown", "stuck")]
    assert bench.shown == ("ready", "")


def test_a_fault_of_our_own_starts_the_device_over_and_says_no_more_than_its_name():
    def talk(bell: Bell) -> Talk:
        def fail(till: str, text: str) -> None:
            raise RuntimeError(text)

        return ScannerTalk(SCANNER, AT, fail)

    bench = Bench(SCANNER, talk)
    bench.steps(1)
    bench.wire.incoming.append(b"134567890123456789\r")
    with pytest.raises(RuntimeError) as failed:
        bench.device.step()
    assert bench.device.gave_up(failed.value) > 0
    assert bench.shown == ("error", "fault")
    assert bench.wire.closed == 1
    assert "1345" not in repr(bench.registry.lines()) + bench.entry.view.detail


# --- displays ---


def test_a_display_is_set_up_after_every_connection_and_shows_what_was_newest():
    board = Board(DISPLAY)
    bench = Bench(DISPLAY, lambda bell: DisplayTalk(board, bell))
    bench.steps(3)
    first = b"".join(bench.wire.written)
    assert first.startswith(b"\r\x0c\x1b@")
    assert b"Welcome" in first
    for fen in (100, 200, 300):
        board.put(GuestView(show="total", total_fen=fen))
    bench.wire.written.clear()
    bench.steps(3)
    [shown] = bench.wire.written
    assert b"3.00" in shown
    bench.wire.gone = True
    bench.steps(1)
    bench.wire.gone = False
    bench.wire.written.clear()
    bench.steps(3)
    again = b"".join(bench.wire.written)
    assert again.startswith(b"\r\x0c\x1b@")
    assert b"3.00" in again


def test_what_a_display_shows_is_whole_prices_and_a_name_it_can_show():
    dish = Name("宫保鸡丁", "Kung Pao chicken with very many peanuts")
    item = GuestView(show="item", name=dish, qty=2, amount_fen=7_600, total_fen=123_450)
    for hanzi, named in ((False, b"2x Kung Pao c"), (True, "2x 宫保鸡丁".encode("gbk"))):
        row = DisplayRow(id="pole", address="serial:///dev/x", till="1", hanzi=hanzi)
        board = Board(row)
        board.put(item)
        shown = DisplayTalk(board, Bell()).outgoing()
        assert named in shown
        assert b"76.00\r" in shown
        assert b"1,234.50\r" in shown
    led = DisplayRow(id="led", address="serial:///dev/y", till="1", protocol="led8")
    for view, figure, lamp in (
        (GuestView(show="total", total_fen=123_450), b"1234.50", b"2"),
        (GuestView(show="change", received_fen=10_000, change_fen=2_400), b"24.00", b"4"),
    ):
        board = Board(led)
        board.put(view)
        assert DisplayTalk(board, Bell()).outgoing() == b"\x1bQA" + figure + b"\r\x1bs" + lamp


def test_a_view_goes_to_the_displays_of_its_till_alone():
    other = DisplayRow(id="other", address="serial:///dev/other", till="2")
    boards = Boards([DISPLAY, other])
    boards.show("2", GuestView(show="total", total_fen=5))
    assert boards.board("pole").newest()[1].show == "welcome"
    assert boards.board("other").newest()[1].show == "total"


# --- cards ---


def swipe(talk: MagstripeTalk, data: bytes) -> None:
    talk.feed(data, 0)
    talk.tick(1_000)


def test_a_member_card_gives_its_id_and_a_bank_card_only_that_it_was_one():
    seen: list[CardSeen] = []
    talk = MagstripeTalk(STRIPE, AT, lambda till, card: seen.append(card))
    swipe(talk, b";10002345=?\r")
    swipe(talk, b"%B4111111111111111^DOE/J^30011010000?;4111111111111111=30011010000?\r")
    assert [(card.what, card.text) for card in seen] == [("card", "10002345"), ("bank", "")]
    assert "10002345" not in repr(seen)


def test_a_card_reader_that_types_is_read_from_its_keys():
    seen: list[CardSeen] = []
    talk = MagstripeTalk(STRIPE, HidAddress("/dev/input/x"), lambda till, card: seen.append(card))
    keys = {";": 39, "=": 13, "?": 53, "\r": 28, **dict(zip("1234567890", range(2, 12), strict=True))}
    record = b""
    for sign in ";10002345=?\r":
        shift = sign == "?"
        for code, value in (
            ([(42, 1)] if shift else []) + [(keys[sign], 1), (keys[sign], 0)] + ([(42, 0)] if shift else [])
        ):
            record += bytes(16) + (1).to_bytes(2, "little") + code.to_bytes(2, "little") + value.to_bytes(4, "little")
    swipe(talk, record)
    assert [(card.what, card.text) for card in seen] == [("card", "10002345")]


def test_a_card_that_is_laid_down_is_asked_for_its_number():
    seen: list[CardSeen] = []
    talk = NfcTalk(STRIPE, lambda till, card: seen.append(card))
    asked = talk.feed(b"I\x00\x02\x3b\x00", 0)
    assert asked.reply == bytes.fromhex("FFCA000000")
    heard = talk.feed(b"A\x00\x06\x04\xa1\xb2\xc3\x90\x00", 10)
    assert heard.answered
    assert [(card.what, card.text) for card in seen] == [("tap", "04A1B2C3")]


# --- what is plugged in ---


def candidate(path: str) -> Candidate:
    return Candidate(f"serial://{path}", "a scanner", (("scanner", 60),))


def test_what_has_no_row_is_listed_and_what_has_one_wakes_its_device():
    here: list[Candidate] = [candidate("/dev/serial/by-id/other")]
    appeared: list[str] = []
    changes: list[int] = []
    lookout = Lookout([SCANNER], lambda: list(here), appeared.append, lambda: changes.append(1))
    lookout.step()
    assert [each.address for each in lookout.unconfigured] == ["serial:///dev/serial/by-id/other"]
    assert appeared == []
    here.append(candidate("/dev/serial/by-id/gun"))
    lookout.step()
    lookout.step()
    assert appeared == ["gun"]
    here.pop()
    lookout.step()
    here.append(candidate("/dev/serial/by-id/gun"))
    lookout.step()
    assert appeared == ["gun", "gun"]
    here.clear()
    lookout.step()
    assert lookout.unconfigured == ()
    assert len(changes) == 2


def test_another_name_for_the_same_place_is_the_same_device(tmp_path: Path):
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    row = ScannerRow(id="gun", address=f"serial://{tmp_path}/by-id", till="1")
    lookout = Lookout([row], lambda: [candidate(f"{tmp_path}/ttyUSB0")], lambda _: None)
    lookout.step()
    assert lookout.unconfigured == ()


def test_a_lookout_that_cannot_look_goes_on_looking_and_stops_when_told():
    looked = threading.Event()

    def blind() -> list[Candidate]:
        looked.set()
        raise OSError("gone")

    lookout = Lookout([], blind, lambda _: None)
    lookout.start()
    assert looked.wait(PATIENCE_S)
    lookout.stop()
    assert not lookout._thread.is_alive()


# --- threads, over a real line ---


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Line:
    """A pseudo terminal under a lasting name, which can be pulled out and plugged in again under another number."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.master = self._slave = -1
        self.plug_in()

    def plug_in(self) -> None:
        self.master, self._slave = pty.openpty()
        self.name.symlink_to(os.ttyname(self._slave))

    def pull_out(self) -> None:
        self.name.unlink()
        os.close(self.master)
        os.close(self._slave)


def test_a_hundred_times_unplugged_and_plugged_in_leaves_threads_and_descriptors_as_they_were(tmp_path: Path):
    line = Line(tmp_path / "gun")
    row = ScannerRow(id="gun", address=f"serial://{line.name}", till="1")
    scans: list[str] = []
    scanned, moved = threading.Event(), threading.Condition()

    def on_scan(till: str, text: str) -> None:
        scans.append(text)
        scanned.set()

    def changed() -> None:
        with moved:
            moved.notify_all()

    registry = Registry([row], SystemClock(), changed)
    at = SerialAddress(str(line.name))
    device = Supervised(
        registry.entry_of(row),
        ports_for(at),
        lambda _: ScannerTalk(row, at, on_scan),
        SystemClock(),
        SeededChance("line"),
    )
    supervisor = Supervisor([device])

    def until(state: str) -> None:
        with moved:
            assert moved.wait_for(lambda: registry.entry_of(row).view.state == state, PATIENCE_S), registry.entry_of(
                row
            ).view

    supervisor.start()
    try:
        until("ready")
        before = (descriptors(), threading.active_count())
        for turn in range(100):
            line.pull_out()
            until("absent")
            line.plug_in()
            supervisor.hurry("gun")
            until("ready")
            scanned.clear()
            os.write(line.master, b"CODE-%05d\r" % turn)
            assert scanned.wait(PATIENCE_S)
        assert (descriptors(), threading.active_count()) == before
    finally:
        supervisor.stop()
        line.pull_out()
    assert scans == [f"CODE-{turn:05d}" for turn in range(100)]
    assert registry.entry_of(row).view.counters.reconnects == 100
    assert threading.active_count() == before[1] - 2


def test_stopping_takes_no_longer_than_promised_and_lets_go_of_the_device(tmp_path: Path):
    line = Line(tmp_path / "gun")
    row = ScannerRow(id="gun", address=f"serial://{line.name}", till="1")
    at = SerialAddress(str(line.name))
    ready = threading.Event()
    registry = Registry([row], SystemClock(), lambda: ready.set() if registry.views()[0].state == "ready" else None)
    device = Supervised(
        registry.entry_of(row),
        ports_for(at),
        lambda _: ScannerTalk(row, at, lambda *_: None),
        SystemClock(),
        SeededChance("x"),
    )
    supervisor = Supervisor([device])
    supervisor.start()
    assert ready.wait(PATIENCE_S)
    clock = SystemClock()
    began_ms = clock.monotonic_ms()
    supervisor.stop()
    assert clock.monotonic_ms() - began_ms < STOP_S * 1000
    assert not device.connected
    line.pull_out()


def test_something_new_to_show_ends_the_wait_of_a_display(tmp_path: Path):
    line = Line(tmp_path / "pole")
    row = DisplayRow(id="pole", address=f"serial://{line.name}", till="1")
    board = Board(row)
    registry = Registry([row], SystemClock(), lambda: None)
    device = Supervised(
        registry.entry_of(row),
        ports_for(SerialAddress(str(line.name))),
        lambda bell: DisplayTalk(board, bell),
        SystemClock(),
        SeededChance("x"),
    )
    supervisor = Supervisor([device])
    supervisor.start()
    try:
        seen = b""
        board.put(GuestView(show="total", total_fen=4_200))
        while b"42.00" not in seen:
            assert select.select([line.master], [], [], 5)[0], seen
            seen += os.read(line.master, 4096)
    finally:
        supervisor.stop()
        line.pull_out()


def test_a_hold_from_a_screen_reaches_the_device_and_a_stranger_is_none_of_ours():
    bench = Bench(SCANNER)
    supervisor = Supervisor([bench.device])
    assert supervisor.hold("gun", held=True)
    assert bench.entry.held
    assert not supervisor.hold("nobody", held=True)
    bench.steps(1)
    assert bench.shown == ("connecting", "held")


def test_nothing_heard_is_one_value_so_that_silence_costs_nothing():
    talk = ScannerTalk(SCANNER, AT, lambda *_: None)
    assert talk.tick(0) is talk.tick(10_000)
    assert talk.tick(0) == Heard()
    assert WRITE_MS < STOP_S * 1000
