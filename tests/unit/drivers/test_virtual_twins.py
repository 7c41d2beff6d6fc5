"""The twins of small devices, without the process around them: what they say, judged by the drivers that must read it."""

import contextlib
import os
import select
import termios
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from drivers.card.magstripe import BankCard, CardUnread, MagstripeReader, MemberCard
from drivers.card.nfc import Ask, NfcReader, Uid
from drivers.display.displays import DISPLAYS
from drivers.display.screen import Screen, through_printer
from drivers.errors import DeviceRejected
from drivers.scale.dialects import DIALECTS
from drivers.scale.reading import ScaleTrouble, Weight
from drivers.scanner.framer import Framer, Scan
from drivers.scanner.keys import KeyReader
from drivers.virtual import script
from drivers.virtual.card_reader import ContactlessSwitches, ContactlessTwin, StripeSwitches, StripeTwin, apdu_length
from drivers.virtual.desk import Desk
from drivers.virtual.device import masked
from drivers.virtual.display import DisplaySwitches, DisplayTwin, Glass
from drivers.virtual.keys import EVENT, caps_lock, typable, typed
from drivers.virtual.menu import from_query, moved
from drivers.virtual.scale import ScaleSwitches, ScaleTwin
from drivers.virtual.scanner import FLOOD_BYTES, ScannerSwitches, ScannerTwin, aim_id
from drivers.virtual.timers import Timers
from drivers.virtual.wires import PtyWire
from tests.kit.printers import StepClock

EAN = "6901234567892"
WAIT_S = 5


class ByHand:
    """Later things that happen when a test says so."""

    def __init__(self, clock):
        self.clock = clock

    def after(self, delay_ms, do):
        self.clock.at(self.clock.ms + delay_ms, do)

    def pass_ms(self, ms):
        self.clock.wait(ms, lambda: False)


class Bench:
    """A folder for twins, and whoever opens what they are found at."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = StepClock()
        self.later = ByHand(self.clock)
        self.twins = []
        self.open_files = []

    def keep(self, twin):
        self.twins.append(twin)
        twin.start()
        return twin

    def scanner(self, **switches):
        set_so = ScannerSwitches(**switches)
        return self.keep(ScannerTwin("a", set_so, self.folder, self.clock, self.later, lambda: None))

    def stripe(self, **switches):
        set_so = StripeSwitches(**switches)
        return self.keep(StripeTwin("a", set_so, self.folder, self.clock, self.later, lambda: None))

    def scale(self, **switches):
        return self.keep(ScaleTwin("a", ScaleSwitches(**switches), self.folder, self.later, lambda: None))

    def display(self, **switches):
        return self.keep(DisplayTwin("a", DisplaySwitches(**switches), self.folder, self.later, lambda: None))

    def open(self, twin, speed=None):
        """Open a twin's device file as a driver does, at the speed of its address unless told otherwise."""
        file = os.open(twin.address.path, os.O_RDWR | os.O_NOCTTY)
        self.open_files.append(file)
        settings = termios.tcgetattr(file)
        settings[4] = settings[5] = speed or getattr(termios, f"B{getattr(twin.address, 'baud', 9600)}")
        termios.tcsetattr(file, termios.TCSANOW, settings)
        return file

    def close(self):
        for file in self.open_files:
            with contextlib.suppress(OSError):
                os.close(file)
        for twin in self.twins:
            twin.stop()


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def heard(file, least=1):
    """What a driver reads: at least so many bytes, and what comes with them."""
    data = b""
    while len(data) < least:
        readable, _, _ = select.select([file], [], [], WAIT_S)
        assert readable, data
        data += os.read(file, 65_536)
    return data


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def nothing_heard(file):
    return not select.select([file], [], [], 0)[0]


def scans(data, **framing):
    framer = Framer(**framing)
    return [found.text for found in framer.feed(data, 0) + framer.tick(10_000) if isinstance(found, Scan)]


# ---------------------------------------------------------------------------------------------------------- scanner
@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"suffix": "lf"},
        {"suffix": "crlf"},
        {"suffix": "tab"},
        {"suffix": "none"},
        {"prefix": "stx"},
        {"prefix": "nul"},
        {"aim": True},
    ],
    ids=str,
)
def test_a_scan_comes_as_the_scanner_is_set_and_the_framer_reads_it(bench, switches):
    scanner = bench.scanner(**switches)
    file = bench.open(scanner)

    scanner.scan(EAN)

    assert scans(heard(file, len(EAN))) == [EAN]


def test_a_held_trigger_says_the_code_ten_times_with_pauses(bench):
    scanner = bench.scanner(held_trigger=True)
    file = bench.open(scanner)

    scanner.scan(EAN)
    assert heard(file) == f"{EAN}\r".encode()
    bench.later.pass_ms(10_000)

    assert heard(file, 9 * len(EAN)).count(EAN.encode()) == 9


def test_half_a_code_has_no_end_and_is_no_scan(bench):
    scanner = bench.scanner(half_code=True)
    file = bench.open(scanner)

    scanner.scan("M6000123")

    data = heard(file)
    assert b"M6000123".startswith(data)
    assert Framer().feed(data, 0) == []


def test_two_codes_come_in_one_read(bench):
    scanner = bench.scanner(two_codes=True)
    file = bench.open(scanner)

    scanner.scan(EAN)
    assert nothing_heard(file)
    scanner.scan("INVITE-12345")

    assert scans(heard(file, 20)) == [EAN, "INVITE-12345"]


def test_at_a_wrong_baud_rate_there_is_only_garbage_and_no_scan(bench):
    scanner = bench.scanner(wrong_baud=True)
    file = bench.open(scanner)

    scanner.scan(EAN)

    data = heard(file, len(EAN))
    assert min(data) >= 0x80
    assert scans(data) == []


def test_a_driver_that_opens_the_line_at_another_speed_hears_garbage_too(bench):
    scanner = bench.scanner(baud=9600)
    file = bench.open(scanner, speed=termios.B19200)

    scanner.scan(EAN)

    assert scans(heard(file, len(EAN))) == []


def test_a_garbage_flood_makes_no_scan(bench):
    scanner = bench.scanner()
    file = bench.open(scanner)

    scanner.garbage()

    data = heard(file, 4_000)
    assert len(data) <= FLOOD_BYTES
    assert scans(data) == []


def test_pauses_between_bytes_follow_the_clock(bench):
    scanner = bench.scanner(split_ms=10)
    file = bench.open(scanner)

    scanner.scan("ABC123")
    assert heard(file) == b"A"
    bench.later.pass_ms(30)
    assert heard(file, 3) == b"BC1"
    bench.later.pass_ms(1_000)
    assert heard(file, 3) == b"23\r"


def test_what_is_scanned_while_nobody_listens_is_lost(bench):
    scanner = bench.scanner()

    scanner.scan("LOST-0001")
    file = bench.open(scanner)
    scanner.scan("KEPT-0001")

    assert heard(file) == b"KEPT-0001\r"


def test_a_keyboard_scanner_types_whole_records_that_the_key_reader_reads(bench):
    scanner = bench.scanner(type="hid", key_repeat=True, caps_lock=True)
    file = bench.open(scanner)

    scanner.scan("HTTPS://HQ.EXAMPLE/j/aB-1?x=2")

    data = heard(file, EVENT.size)
    while len(data) % EVENT.size:
        data += heard(file)
    reader = KeyReader()
    assert [scan.text for scan in reader.feed(data, 0) if isinstance(scan, Scan)] == ["HTTPS://HQ.EXAMPLE/j/aB-1?x=2"]


def test_keys_are_pressed_and_let_go_and_shift_stands_around_capitals():
    events = [EVENT.unpack_from(typed("aA", 1_500), at) for at in range(0, len(typed("aA", 1_500)), EVENT.size)]

    assert [(code, value) for _, _, kind, code, value in events if kind == 1] == [
        (30, 1), (30, 0), (42, 1), (30, 1), (30, 0), (42, 0),
    ]  # fmt: skip
    assert events[0][:2] == (1, 500_000)
    assert not typable("会员")
    assert typed("会员", 0) == b""
    assert len(caps_lock(0)) == 6 * EVENT.size


def test_the_aim_id_fits_the_kind_of_code():
    assert [aim_id(code) for code in (EAN, "96385074", "HTTPS://A/B", "ABC-1")] == ["]E0", "]E4", "]Q1", "]C0"]


def test_the_history_never_shows_a_whole_payment_code_or_bank_card(bench):
    scanner = bench.scanner()

    scanner.scan("134567890123456789")

    assert scanner.view()["history"] == [{"what": "scan", "text": "134567…89"}]
    assert masked("4111 1111 1111 1111") == "4111 1…11"


# ------------------------------------------------------------------------------------------------------------- cards
def swipe(bench, value, **switches):
    reader = bench.stripe(**switches)
    file = bench.open(reader)
    reader.prepare("swipe", value)()
    said = MagstripeReader()
    return said.feed(heard(file, 3), 0) + said.tick(10_000)


@pytest.mark.parametrize("switches", [{}, {"lrc": True}, {"only_track_2": True}, {"reversed": True}], ids=str)
def test_a_member_card_is_read_however_it_is_drawn(bench, switches):
    (card,) = swipe(bench, "member", **switches)

    assert isinstance(card, MemberCard)
    assert card.id.endswith("6000123")


@pytest.mark.parametrize("switches", [{}, {"lrc": True}, {"only_track_2": True}, {"reversed": True}], ids=str)
def test_a_bank_card_is_told_to_be_one_and_nothing_of_it_is_kept(bench, switches):
    assert swipe(bench, "bank", **switches) == [BankCard()]
    assert "4111" not in repr(bench.twins[0].view())


@pytest.mark.parametrize("switches", [{"half": True}, {"misread": True}], ids=str)
def test_half_a_swipe_and_a_read_error_are_no_card(bench, switches):
    (unread,) = swipe(bench, "member", **switches)

    assert isinstance(unread, CardUnread)


def test_the_check_character_makes_every_column_of_a_track_even(bench):
    reader = bench.stripe(lrc=True, only_track_2=True)
    file = bench.open(reader)

    reader.prepare("swipe", "1234")()

    track = heard(file, 7).rstrip(b"\r")
    parity = 0
    for byte in track:
        parity ^= byte & 0x0F
    assert (track[:-1], parity) == (b";1234?", 0)


@pytest.mark.parametrize("value", [None, 5, "no such card", {"track2": "letters"}, {"track9": "1"}])
def test_what_is_no_card_is_refused_with_a_sample(bench, value):
    with pytest.raises(DeviceRejected, match="member, staff, bank"):
        bench.stripe().prepare("swipe", value)


def test_apdus_are_measured_by_their_own_head():
    assert apdu_length(b"\xff\xca\x00\x00") is None
    assert apdu_length(b"\xff\xca\x00\x00\x00\xff") == 5
    assert apdu_length(b"\x00\xa4\x04\x00\x02\x3f") is None
    assert apdu_length(b"\x00\xa4\x04\x00\x02\x3f\x00\x99") == 7


class RecordsHeard:
    """A contactless twin whose wire only remembers what was said."""

    def __init__(self, **switches):
        self.said = b""
        self.clock = StepClock()
        self.later = ByHand(self.clock)
        self.twin = ContactlessTwin("a", ContactlessSwitches(**switches), self.later, lambda: None)
        # The wire has tests of its own.
        self.twin.wire.send = self.take  # type: ignore[method-assign]

    def take(self, data):
        self.said += data
        return True

    def close(self):
        self.twin.stop()


def test_a_tapped_card_comes_tells_its_number_and_goes():
    with contextlib.closing(RecordsHeard()) as reader:
        driver = NfcReader()

        reader.twin.tap(bytes.fromhex("04A2B3C4D5E680"))
        (ask,) = driver.feed(reader.said, 0)
        assert isinstance(ask, Ask)
        reader.said = b""
        reader.twin.hear(ask.apdu[:2])
        reader.twin.hear(ask.apdu[2:])
        assert driver.feed(reader.said, 10) == [Uid("04A2B3C4D5E680")]
        reader.said = b""
        reader.later.pass_ms(1_000)
        assert reader.said == b"O\x00\x00"


def test_a_card_pulled_before_it_answers_says_that_it_went():
    with contextlib.closing(RecordsHeard(pull_in_answer=True)) as reader:
        reader.twin.card_in(b"\x01\x02\x03\x04")
        reader.said = b""

        reader.twin.hear(b"\xff\xca\x00\x00\x00")

        assert reader.said == b"O\x00\x00"


def test_a_card_that_tells_no_number_and_a_strange_question_are_answered_as_such():
    with contextlib.closing(RecordsHeard(refuse_uid=True)) as reader:
        reader.twin.card_in(b"\x01\x02\x03\x04")
        reader.said = b""
        reader.twin.hear(b"\xff\xca\x00\x00\x00" + b"\x00\xb0\x00\x00\x10")
        assert reader.said == b"A\x00\x02\x6a\x81" + b"A\x00\x02\x6d\x00"


@pytest.mark.parametrize("value", ["", "xyz", "0102", 7, None])
def test_what_is_no_card_number_is_refused(value):
    with contextlib.closing(RecordsHeard()) as reader, pytest.raises(DeviceRejected, match="04A2B3C4D5E680"):
        reader.twin.prepare("tap", value)


# ------------------------------------------------------------------------------------------------------------- scale
class WeighedBench:
    """A scale and the driver's parser of its dialect."""

    def __init__(self, bench, dialect, **switches):
        self.bench = bench
        self.scale = bench.scale(dialect=dialect, settle_ms=0, **switches)
        self.file = bench.open(self.scale)
        self.driver = DIALECTS[dialect]()

    def readings(self, frames=3):
        """What the driver makes of the next words of the scale, the last first."""
        data = b""
        for _ in range(frames):
            if self.driver.question:
                os.write(self.file, self.driver.question)
            else:
                self.bench.later.pass_ms(100)
            data += heard(self.file)
        return self.driver.feed(data)[::-1]


DIALECT_NAMES = ["toledo-8217", "st-gs", "ff-bcd"]


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_the_driver_reads_the_weight_that_lies_there(bench, dialect):
    weighed = WeighedBench(bench, dialect)

    weighed.scale.load(486)
    assert weighed.readings()[0] == Weight(486_000, stable=True)
    weighed.scale.load(14_999)
    assert weighed.readings()[0] == Weight(14_999_000, stable=True)


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_a_load_that_swings_is_not_stable_and_settles(bench, dialect):
    weighed = WeighedBench(bench, dialect)
    weighed.scale.prepare("fault", {"settle_ms": 2_000})()

    weighed.scale.load(486)
    first = weighed.readings(2)[0]
    bench.later.pass_ms(3_000)
    heard(weighed.file) if dialect != "toledo-8217" else None

    assert isinstance(first, Weight)
    assert not first.stable
    assert weighed.readings()[0] == Weight(486_000, stable=True)


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
@pytest.mark.parametrize(
    ("switches", "trouble"),
    [({"overload": True}, "overload"), ({"negative": True}, "negative"), ({"capacity_g": 100}, "overload")],
    ids=str,
)
def test_trouble_is_said_in_every_dialect(bench, dialect, switches, trouble):
    weighed = WeighedBench(bench, dialect, load_g=486, **switches)

    assert weighed.readings()[0] == ScaleTrouble(trouble)


@pytest.mark.parametrize("dialect", DIALECT_NAMES)
def test_a_scale_that_never_comes_to_rest_never_gives_a_stable_weight(bench, dialect):
    weighed = WeighedBench(bench, dialect, load_g=486, unstable=True)

    readings = weighed.readings(20)

    assert readings
    assert not any(reading.stable for reading in readings if isinstance(reading, Weight))


@pytest.mark.parametrize("unit", ["jin", "lb", "g"])
def test_another_unit_at_its_keys_is_read_as_that_unit(bench, unit):
    weighed = WeighedBench(bench, "st-gs", load_g=500, unit=unit)

    (reading, *_) = weighed.readings()

    assert isinstance(reading, Weight)
    assert abs(reading.weight_mg - 500_000) <= 500


def test_the_bcd_frame_says_that_it_knows_no_such_unit(bench):
    assert WeighedBench(bench, "ff-bcd", load_g=500, unit="jin").readings()[0] == ScaleTrouble("unit")


def test_tare_and_zero_take_the_bowl_off(bench):
    weighed = WeighedBench(bench, "toledo-8217", load_g=100)
    weighed.scale.tare()
    weighed.scale.load(350)
    os.write(weighed.file, b"W")
    assert heard(weighed.file, 8) == b"\x0200.250N\r"
    weighed.scale.load(100)
    weighed.scale.zero()
    assert weighed.readings()[0] == Weight(0, stable=True)


def test_a_toledo_repeats_what_it_is_probed_with_until_told_to_end(bench):
    weighed = WeighedBench(bench, "toledo-8217")

    os.write(weighed.file, b"EhelloF")

    assert heard(weighed.file, 11) == b"\x02E\rhello\x02F\r"


def test_a_silent_scale_says_nothing_and_a_flooding_one_much_more(bench):
    silent = WeighedBench(bench, "st-gs", silent=True)
    bench.later.pass_ms(1_000)
    assert nothing_heard(silent.file)

    silent.scale.prepare("fault", {"silent": False, "flood": True})()
    bench.later.pass_ms(100)
    assert len(heard(silent.file, 500)) > 500


def test_bytes_of_no_dialect_are_no_weight(bench):
    weighed = WeighedBench(bench, "st-gs", garbage=True)

    assert not any(isinstance(reading, Weight) for reading in weighed.readings(10))


def test_the_same_seed_swings_the_same(tmp_path):
    def swings(seed):
        with contextlib.closing(Bench(tmp_path)) as bench:
            weighed = WeighedBench(bench, "st-gs", load_g=500, unstable=True, seed=seed)
            return weighed.readings(5)

    assert swings(1) == swings(1)
    assert swings(1) != swings(2)


# ----------------------------------------------------------------------------------------------------------- display
@pytest.mark.parametrize("dialect", ["cd5220", "escpos-vfd"])
def test_a_display_shows_the_rows_that_the_driver_sends_however_they_are_cut(dialect):
    driver = DISPLAYS[dialect](hanzi=True)
    stream = driver.initial() + driver.show(Screen("宫保鸡丁 x2    76.00", "应收 TOTAL    215.00"))
    for size in (1, 2, 3, 7, len(stream)):
        glass = Glass(dialect)
        for at in range(0, len(stream), size):
            glass.feed(stream[at : at + size])
        assert [line.rstrip() for line in glass.lines] == ["宫保鸡丁 x2    76.00", "应收 TOTAL    215.00"]
        assert glass.initialised
        assert glass.unknown_bytes == 0


def test_eight_figures_and_their_lamp():
    driver = DISPLAYS["led8"]()
    glass = Glass("led8")

    glass.feed(driver.initial() + driver.show(Screen("", "", figure="1234.50", meaning="change")))

    assert (glass.lines[0].strip(), glass.lamp, glass.unknown_bytes) == ("1234.50", "change", 0)


def test_a_hanzi_cut_in_half_shows_as_a_box():
    glass = Glass("cd5220")

    glass.feed(b"\x1b@\x1bQA" + ("a" + "菜" * 10).encode("gbk") + b"\r")

    assert glass.lines[0] == "a" + "菜" * 9 + "□"


def test_what_stood_there_stays_until_a_display_is_initialised():
    glass = Glass("escpos-vfd")
    glass.feed(b"Hi")
    assert (glass.lines[0][:2], glass.initialised) == ("Hi", False)
    assert glass.lines[1].strip() == "READY"
    glass.feed(b"\x1b@")
    assert glass.lines == (" " * 20, " " * 20)


def test_bytes_for_the_printer_behind_it_are_not_shown():
    glass = Glass("cd5220")
    glass.feed(b"\x1b@" + through_printer(b"\x1bQAshown\r") + b"\x1bQAnot shown\r")

    assert glass.lines[0].strip() == "shown"


def test_unknown_bytes_on_a_display_are_counted_and_harm_nothing():
    glass = Glass("cd5220")

    glass.feed(bytes(range(256)) * 4)

    assert glass.unknown_bytes > 0
    assert [len(line.encode("gbk", "replace")) for line in glass.lines]


def test_a_dark_display_takes_everything_and_shows_nothing(bench):
    display = bench.display(dark=True)
    display.hear(b"\x1b@\x1bQAsecret\r")

    assert display.view()["lines"] == ("", "")
    display.prepare("fault", {"dark": False})()
    assert display.view()["lines"][0].strip() == "secret"


def test_a_display_plugged_in_again_has_forgotten_everything(bench):
    display = bench.display()
    display.hear(b"\x1b@\x1bQAold\r")

    display.unplug()
    display.plug()

    assert display.view()["lines"][0].strip() == "ZHANGGUI"
    assert display.view()["initialised"] is False


# -------------------------------------------------------------------------------------------------------------- wires
class Deaf:
    def __init__(self):
        self.data = b""
        self.opens = 0

    def hear(self, data):
        self.data += data

    def opened(self):
        self.opens += 1

    def closed(self):
        pass


def test_unplugging_ends_the_line_for_whoever_has_it_open_and_takes_the_name_away(tmp_path):
    wire = PtyWire(tmp_path / "line", Deaf(), 9600)
    wire.plug()
    file = os.open(tmp_path / "line", os.O_RDWR | os.O_NOCTTY)
    try:
        wire.unplug()
        assert os.read(file, 10) == b""
        assert not (tmp_path / "line").is_symlink()
        with pytest.raises(FileNotFoundError):
            os.open(tmp_path / "line", os.O_RDWR)
        wire.plug()
        assert (tmp_path / "line").exists()
    finally:
        os.close(file)
        wire.discard()


def test_a_hundred_times_unplugged_and_plugged_leaves_no_file_open(tmp_path):
    wire = PtyWire(tmp_path / "line", Deaf(), 9600)
    wire.plug()
    before = open_files()
    for _ in range(100):
        wire.unplug()
        wire.plug()
    assert open_files() == before
    wire.discard()


def test_what_the_last_one_did_not_read_is_not_for_the_next(tmp_path):
    wire = PtyWire(tmp_path / "line", Deaf(), 9600)
    wire.plug()
    try:
        first = os.open(tmp_path / "line", os.O_RDWR | os.O_NOCTTY)
        assert wire.send(b"for the first")
        until(lambda: wire.connected)
        os.close(first)
        until(lambda: not wire.connected)
        second = os.open(tmp_path / "line", os.O_RDWR | os.O_NOCTTY)
        assert wire.send(b"second")
        assert os.read(second, 100) == b"second"
        os.close(second)
    finally:
        wire.discard()


def until(condition):
    waiting = select.poll()
    for _ in range(500):
        if condition():
            return
        waiting.poll(10)
    raise AssertionError("it did not come about within 5 s")


# -------------------------------------------------------------------------------------------------------------- timers
class SteadyClock:
    def monotonic_ms(self):
        return time.monotonic_ns() // 1_000_000


def fail():
    raise OSError("the wire broke in this moment")


def test_later_things_happen_in_the_order_of_their_time_and_a_broken_wire_stops_none_of_them():
    timers = Timers(SteadyClock())
    done: list[str] = []
    over = threading.Event()
    for delay_ms, name in ((40, "third"), (0, "first"), (20, "second")):
        timers.after(delay_ms, partial(done.append, name))
    timers.after(10, fail)
    timers.after(60, over.set)

    timers.start()

    assert over.wait(WAIT_S)
    timers.stop()
    assert done == ["first", "second", "third"]


def test_after_the_end_nothing_happens_any_more():
    timers = Timers(SteadyClock())
    timers.start()
    timers.stop()
    done: list[str] = []

    timers.after(0, partial(done.append, "late"))

    assert not any(thread.name == "twin-timers" for thread in threading.enumerate())
    assert done == []


# ------------------------------------------------------------------------------------------------------------ the menu
def test_switches_from_an_address_are_read_as_what_they_are():
    switches = from_query(ScannerSwitches, [("suffix", "lf"), ("aim", "1"), ("split_ms", "5")])

    assert switches == ScannerSwitches(suffix="lf", aim=True, split_ms=5)


@pytest.mark.parametrize("change", [{"nope": 1}, {"suffix": "x"}, {"split_ms": -1}, {"aim": "yes"}, [], "x", None])
def test_a_change_that_is_not_on_the_menu_says_what_there_is(change):
    with pytest.raises(DeviceRejected, match="suffix, prefix, aim"):
        moved(ScannerSwitches(), change)


def test_what_a_device_is_cannot_be_switched_while_it_runs(bench):
    with pytest.raises(DeviceRejected, match="type is built in"):
        bench.scanner().prepare("fault", {"type": "hid"})


@pytest.mark.parametrize(
    "twin", [ScannerTwin, StripeTwin, ContactlessTwin, ScaleTwin, DisplayTwin], ids=lambda twin: twin.__name__
)
def test_every_row_of_a_menu_is_a_switch_of_its_twin(twin):
    switches = {
        ScannerTwin: ScannerSwitches,
        StripeTwin: StripeSwitches,
        ContactlessTwin: ContactlessSwitches,
        ScaleTwin: ScaleSwitches,
        DisplayTwin: DisplaySwitches,
    }[twin]

    names = {row.name for row in twin.menu}

    assert names <= set(switches.__struct_fields__)
    assert set(switches.__struct_fields__) - names <= twin.built_in | {"load_g"}


# -------------------------------------------------------------------------------------------------------- desk, script
@pytest.mark.parametrize(
    ("addresses", "why"),
    [
        (["tcp://127.0.0.1:9100"], "is a real device"),
        (["virtual://scale/a", "virtual://scale/a?silent=1"], "stands twice"),
        (["virtual://scanner/a?suffix=x"], "suffix"),
        (["virtual://printer/a", "virtual://printer/b?paper=0"], "switches are paper_out"),
        (["virtual://printer/a?columns=40"], "32, 42 or 48"),
        (["virtual://printer/a?profile=x"], "profile is one of"),
        (["virtual://card_reader/a?type=nfc&half=1"], "pull_in_answer"),
        (["virtual://kettle/a"], "kind is one of"),
    ],
)
def test_a_wrong_address_starts_nothing_and_says_why(tmp_path, addresses, why):
    before = open_files()

    with pytest.raises(DeviceRejected, match=why):
        Desk(tmp_path / "desk", addresses, StepClock())

    assert open_files() == before


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "desk", ["virtual://scanner/a", "virtual://scale/a"], StepClock())
    yield desk
    desk.stop()


def step(text, tmp_path, desk):
    file = tmp_path / "steps.toml"
    file.write_text(text, encoding="utf-8")
    return script.read(file, desk)


def test_a_script_is_read_in_the_order_of_time_and_then_of_the_file(tmp_path, desk):
    steps = step(
        """
        [[steps]]
        at_ms = 20
        device = "scanner/a"
        do = "scan"
        value = "second"
        [[steps]]
        at_ms = 10
        device = "scanner/a"
        do = "scan"
        value = "first"
        [[steps]]
        at_ms = 20
        device = "scanner/a"
        do = "scan"
        value = "third"
        """,
        tmp_path,
        desk,
    )

    assert [at_ms for at_ms, _ in steps] == [10, 20, 20]
    for _, do in steps:
        do()
    assert [entry["text"] for entry in desk.twin("scanner/a").view()["history"]] == ["third", "second", "first"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("steps = 1", "steps.toml: Expected"),
        ("nonsense", "steps.toml: "),
        ('[[steps]]\nat_ms = -1\ndevice = "scanner/a"\ndo = "scan"', "at_ms"),
        ('[[steps]]\nat_ms = 0\ndevice = "scanner/b"\ndo = "scan"', "step 1: there is no device 'scanner/b'"),
        ('[[steps]]\nat_ms = 0\ndevice = "scanner/a"\ndo = "dance"', "step 1: there is no action 'dance'; there are"),
        ('[[steps]]\nat_ms = 0\ndevice = "scale/a"\ndo = "load"\nvalue = "much"', "step 1: .*good value is 250"),
        ('[[steps]]\nat_ms = 0\ndevice = "scale/a"\ndo = "load"\nvalue = 1\nhow = 2', "how"),
    ],
)
def test_a_script_with_a_mistake_is_refused_whole_and_names_the_step(tmp_path, desk, text, why):
    with pytest.raises(DeviceRejected, match=why):
        step(text, tmp_path, desk)


def test_a_script_that_is_not_there_is_refused(tmp_path, desk):
    with pytest.raises(DeviceRejected, match=r"absent\.toml"):
        script.read(tmp_path / "absent.toml", desk)
