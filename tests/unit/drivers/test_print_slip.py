"""Printing a slip so that what is claimed is never more than what is known, at every byte."""

import pytest

from drivers.errors import Absent, DeviceRejected
from drivers.escpos.encoder import encode
from drivers.escpos.profile import PrinterProfile
from drivers.printer.printing import Learned, Outcome, Timeouts, check, print_through
from drivers.printer.profiles import PROFILES
from drivers.transport.tcp import TcpAddress, parse_address
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import VirtualPrinter
from tests.kit.printers import PaperTray, ScriptedPort, StepClock, TwinPort, contradictions, short_receipt

EPSON = PROFILES["epson-80"]
CLONE = PROFILES["clone-80"]
MUTE_CLONE = PrinterProfile("one-way", 576, 48, confirms="none")
JOB = encode(short_receipt(), EPSON).data
TAG = b"A001"


class Bench:
    """A twin, its paper and one printing."""

    def __init__(self, profile=EPSON):
        self.profile = profile
        self.machine = VirtualPrinter(profile)
        self.tray = PaperTray()
        self.clock = StepClock()
        self.committed = 0

    def print(self, data=JOB, *, kernel_buffers=True, tag=TAG, commit=None):
        def before_first_byte():
            self.committed += 1
            if commit is not None:
                commit()

        return print_through(
            lambda: TwinPort(self.machine, self.tray, self.clock, kernel_buffers=kernel_buffers),
            data,
            job_tag=tag,
            profile=self.profile,
            clock=self.clock,
            before_first_byte=before_first_byte,
        )


def test_a_good_printer_confirms_and_the_slip_lies_there():
    bench = Bench()

    assert bench.print() == Outcome("confirmed", "printed", len(JOB))
    assert bench.tray.slips == [(JOB, True)]
    assert bench.committed == 1


@pytest.mark.parametrize("profile", [EPSON, CLONE, MUTE_CLONE], ids=lambda profile: profile.name)
@pytest.mark.parametrize("kernel_buffers", [True, False])
def test_a_printer_that_dies_at_any_byte_never_makes_us_claim_too_much(profile, kernel_buffers):
    outcomes = set()
    for at in range(len(JOB) + 20):
        bench = Bench(profile)
        bench.machine.switch(FaultChange(die_at_byte=at))
        outcome = bench.print(kernel_buffers=kernel_buffers)
        assert contradictions(outcome, bench.tray, JOB) == [], at
        if at < len(JOB):
            assert outcome.state in ("unknown", "held"), at
        outcomes.add(outcome.state)
    assert "unknown" in outcomes
    assert ("sent" if profile is MUTE_CLONE else "confirmed") in outcomes


def test_negative_control_a_printing_that_trusts_the_connection_is_caught_claiming_too_much():
    caught = 0
    for at in range(len(JOB)):
        bench = Bench()
        bench.machine.switch(FaultChange(die_at_byte=at))
        port = TwinPort(bench.machine, bench.tray, bench.clock, chunk=len(JOB))
        handed = port.write(JOB, 1_000)
        caught += bool(contradictions(Outcome("confirmed", "trusted", handed), bench.tray, JOB))
    assert caught == len(JOB)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (FaultChange(paper_out=True), "paper_out"),
        (FaultChange(cover_open=True), "cover_open"),
        (FaultChange(mute=True), "not_answering"),
        (FaultChange(power=False), "not_answering"),
    ],
)
def test_a_printer_that_is_not_well_holds_the_slip_and_nothing_is_committed(change, reason):
    bench = Bench()
    bench.machine.switch(change)

    assert bench.print() == Outcome("held", reason, 0)
    assert bench.committed == 0
    assert bench.tray.slips == []
    assert check(lambda: TwinPort(bench.machine, bench.tray, bench.clock), EPSON, bench.clock).state == reason


def test_a_printer_that_falls_silent_after_the_first_byte_leaves_it_unknown_though_it_printed():
    bench = Bench()

    outcome = bench.print(commit=lambda: bench.machine.switch(FaultChange(mute=True)))

    assert outcome == Outcome("unknown", "no_confirmation", len(JOB))
    assert bench.tray.slips == [(JOB, True)]


@pytest.mark.parametrize("profile", [EPSON, CLONE], ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("change", "reason"), [(FaultChange(paper_out=True), "paper_out"), (FaultChange(cover_open=True), "cover_open")]
)
def test_paper_or_cover_gone_in_between_is_unknown_with_its_reason(profile, change, reason):
    bench = Bench(profile)

    outcome = bench.print(commit=lambda: bench.machine.switch(change))

    assert outcome == Outcome("unknown", reason, len(JOB))


def test_a_job_larger_than_the_buffer_of_a_printer_that_stopped_is_unknown_and_counted():
    bench = Bench()

    outcome = bench.print(b"x\n" * 5_000, commit=lambda: bench.machine.switch(FaultChange(paper_out=True)))

    # The buffer holds 4,096 bytes; three of them asked for automatic status, and none of them were obeyed.
    assert outcome == Outcome("unknown", "stalled", 4_093)


def test_when_the_commit_fails_nothing_is_sent():
    bench = Bench()

    def full_disk():
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        bench.print(commit=full_disk)
    assert bench.tray.slips == []
    assert bench.tray.open == b""


def test_the_answer_to_another_job_confirms_nothing():
    clock = StepClock()

    def answer(data):
        return [b"\x12"] if len(data) == 3 else [b"\x37\x22B002\x00"]

    outcome = print_through(
        lambda: ScriptedPort(clock, answer),
        JOB,
        job_tag=TAG,
        profile=EPSON,
        clock=clock,
        before_first_byte=lambda: None,
    )

    assert outcome == Outcome("unknown", "no_confirmation", len(JOB))


def test_automatic_status_between_the_replies_and_split_replies_change_nothing():
    clock = StepClock()

    def answer(data):
        if len(data) == 3:
            return [b"\x10\x00", b"\x00\x00\x12"]
        return [b"\x10\x00\x00", b"\x00\x37\x22A0", b"01\x00"]

    outcome = print_through(
        lambda: ScriptedPort(clock, answer),
        JOB,
        job_tag=TAG,
        profile=EPSON,
        clock=clock,
        before_first_byte=lambda: None,
    )

    assert outcome.state == "confirmed"


@pytest.mark.parametrize("answers", [[b"\xff"], [b"\x10\x00\x00\x00"], [b"\x00"]])
def test_noise_instead_of_a_status_is_unknown_and_holds_the_slip(answers):
    clock = StepClock()

    outcome = print_through(
        lambda: ScriptedPort(clock, lambda _: list(answers)),
        JOB,
        job_tag=TAG,
        profile=EPSON,
        clock=clock,
        before_first_byte=lambda: pytest.fail("nothing may be committed"),
    )

    assert outcome == Outcome("held", "unknown", 0)


def test_an_answer_to_only_some_questions_is_unknown():
    clock = StepClock()

    status = check(lambda: ScriptedPort(clock, lambda data: [b"\x12"] if data == b"\x10\x04\x01" else []), EPSON, clock)

    assert status.state == "unknown"


def test_offline_without_a_cause_is_an_error_not_ready():
    clock = StepClock()

    status = check(
        lambda: ScriptedPort(clock, lambda data: [b"\x1a"] if data == b"\x10\x04\x01" else [b"\x12"]), EPSON, clock
    )

    assert status.state == "error"


def test_silence_takes_as_long_as_its_time_limit_and_no_longer():
    clock = StepClock()

    status = check(lambda: ScriptedPort(clock, lambda _: []), EPSON, clock, Timeouts(status_ms=700))

    assert status.state == "not_answering"
    assert clock.ms == 700


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://printer.example:9101", TcpAddress("printer.example", 9101)),
        ("127.0.0.1:9100", TcpAddress("127.0.0.1")),
        ("printer", TcpAddress("printer")),
        ("tcp://[::1]:9100", TcpAddress("::1")),
        ("[::1]", TcpAddress("::1")),
    ],
)
def test_addresses_are_read(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "tcp://", "http://x/y", "host:0", "host:65536", "host:x", "host:²"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(DeviceRejected):
        parse_address(text)


def test_an_empty_job_and_a_bad_tag_are_our_own_mistakes():
    for data, tag in ((b"", TAG), (JOB, b"\x00\x00\x00\x00")):
        with pytest.raises(DeviceRejected):
            Bench().print(data, tag=tag)


# ---------------------------------------------------------------------------------------------------- what is learned once
def learning(profile, port, clock, learned, *, data=JOB, commit=lambda: None):
    return print_through(
        lambda: port,
        data,
        job_tag=TAG,
        profile=profile,
        clock=clock,
        before_first_byte=commit,
        learned=learned,
    )


@pytest.mark.parametrize(
    ("faults", "confirms", "state"),
    [
        ({}, "process_id", "confirmed"),
        ({"no_process_id": True}, "paper_status", "confirmed"),
        ({"no_process_id": True, "no_paper_status": True}, "none", "sent"),
    ],
)
def test_a_printer_nobody_asked_yet_is_asked_before_its_first_slip_how_it_confirms(faults, confirms, state):
    bench = Bench()
    bench.machine.switch(FaultChange(**faults))
    port = TwinPort(bench.machine, bench.tray, bench.clock)

    outcome = learning(EPSON, port, bench.clock, Learned())

    assert (outcome.state, outcome.learned) == (state, Learned(confirms, "ZHANGGUI|VIRTUAL|1"))
    assert outcome.confirmed_by == ("" if confirms == "none" else confirms)
    assert [slip.removeprefix(b"\x1b@" * 2) for slip, _ in bench.tray.slips] == [JOB]


def test_what_was_learned_outweighs_the_profile():
    bench = Bench(MUTE_CLONE)
    bench.machine = VirtualPrinter(EPSON)
    port = TwinPort(bench.machine, bench.tray, bench.clock)

    outcome = learning(MUTE_CLONE, port, bench.clock, Learned("paper_status"))

    assert (outcome.state, outcome.confirmed_by) == ("confirmed", "paper_status")


def test_nothing_is_learned_from_a_printer_that_falls_silent_meanwhile():
    clock = StepClock()

    def answer(data):
        return [b"\x12"] if len(data) == 3 and b"\x1d(H" not in port.written else []

    port = ScriptedPort(clock, answer)
    outcome = learning(EPSON, port, clock, Learned(), commit=lambda: pytest.fail("nothing may be committed"))

    assert outcome == Outcome("held", "not_answering", 0)
    assert outcome.learned == Learned()


def test_the_answer_to_the_asking_does_not_confirm_the_slip():
    clock = StepClock()
    late: list[bytes] = []

    def answer(data):
        if b"\x1d(H" in data and not late:
            late.append(b"\x37\x22" + data[7:11] + b"\x00")
            return [b"\x00", *late]
        return [b"\x12"] if len(data) == 3 else list(late)

    outcome = learning(EPSON, ScriptedPort(clock, answer), clock, Learned())

    assert outcome == Outcome("unknown", "no_confirmation", len(JOB))


def test_the_answer_to_somebody_elses_asking_teaches_nothing():
    clock = StepClock()

    def answer(data):
        return [b"\x37\x22OLD1\x00\x00"] if b"\x1d(H" in data else [b"\x12"] if data[:2] == b"\x10\x04" else [b"\x00"]

    outcome = learning(EPSON, ScriptedPort(clock, answer), clock, Learned())

    assert outcome.learned == Learned("paper_status")


class LetterPrinter(ScriptedPort):
    """Knows ESC @, GS r and the end of a line, and takes everything else for letters."""

    def __init__(self, clock):
        super().__init__(clock, self.obey)
        self.line = b""
        self.lines = []

    def obey(self, data):
        if data[:2] == b"\x10\x04":
            return [b"\x12"]
        answers: list[bytes] = []
        while data:
            if data.startswith(b"\x1b@"):
                self.line, data = b"", data[2:]
            elif data.startswith(b"\x1dr\x01"):
                answers, data = [*answers, b"\x00"], data[3:]
            elif data.startswith(b"\n"):
                self.lines, self.line, data = [*self.lines, self.line], b"", data[1:]
            else:
                self.line, data = self.line + data[:1], data[1:]
        return answers


def test_asking_leaves_no_letter_on_the_paper_of_a_printer_that_takes_the_questions_for_text():
    clock = StepClock()
    port = LetterPrinter(clock)

    outcome = learning(EPSON, port, clock, Learned(), data=b"\x1b@tea\n")

    assert (outcome.state, outcome.learned) == ("confirmed", Learned("paper_status"))
    assert port.lines == [b"tea"]


def test_negative_control_the_question_alone_would_stand_on_the_paper():
    port = LetterPrinter(StepClock())

    port.write(b"\x1d(H\x06\x0000A001tea\n", 1_000)

    assert port.lines == [b"\x1d(H\x06\x0000A001tea"]


# ----------------------------------------------------------------------------------------------------------------- one-way
ONE_WAY = PrinterProfile("one-way", 576, 48, answers=False)


def test_a_one_way_printer_is_asked_nothing_given_its_time_and_the_slip_marked_unconfirmed():
    bench = Bench(ONE_WAY)

    outcome = bench.print()

    assert outcome == Outcome("sent", "unconfirmed", len(JOB))
    assert bench.tray.slips == [(JOB, True)]
    assert bench.clock.ms == len(JOB) * 1_000 // 2_000


@pytest.mark.parametrize("kernel_buffers", [True, False])
def test_a_one_way_printer_that_dies_at_any_byte_is_never_called_sent(kernel_buffers):
    for at in range(len(JOB)):
        bench = Bench(ONE_WAY)
        bench.machine.switch(FaultChange(die_at_byte=at))
        outcome = bench.print(kernel_buffers=kernel_buffers)
        assert contradictions(outcome, bench.tray, JOB) == [], at
        assert outcome.state in ("unknown", "held"), at


def test_a_one_way_printer_that_cannot_be_reached_or_takes_nothing_holds_the_slip():
    off, full = Bench(ONE_WAY), Bench(ONE_WAY)
    off.machine.switch(FaultChange(power=False))
    full.machine.switch(FaultChange(paper_out=True))
    full.machine.receive(b"x\n" * 2_048)

    assert off.print() == Outcome("held", "not_answering", 0)
    assert full.print() == Outcome("held", "stalled", 0)


def test_how_a_one_way_printer_is_nobody_knows():
    bench = Bench(ONE_WAY)

    status = check(lambda: TwinPort(bench.machine, bench.tray, bench.clock), ONE_WAY, bench.clock)

    assert (status.state, status.cause) == ("unknown", "one_way")


# ------------------------------------------------------------------------------------------------------ limits and causes
def test_limits_grow_with_the_slip_and_with_a_slow_line():
    limits = Timeouts()

    assert limits.for_job(4_096, None) == limits
    assert limits.for_job(24_096, None).confirm_ms == 20_000
    assert limits.for_job(960, 960) == Timeouts(confirm_ms=11_000, drain_ms=3_000)


def test_why_a_printer_cannot_be_reached_is_told_by_its_code():
    class Missing(ScriptedPort):
        def open(self, timeout_ms):
            raise Absent("nothing there")

    clock = StepClock()

    def port():
        return Missing(clock, lambda _: [])

    assert check(port, EPSON, clock).cause == "absent"
    outcome = learning(EPSON, port(), clock, None)
    assert (outcome, outcome.cause) == (Outcome("held", "not_answering", 0), "absent")


@pytest.mark.parametrize(
    ("replies", "state", "cause"),
    [
        ((0x12, 0x12, 0x12, 0x12), "ready", ""),
        ((0x1A, 0x16, 0x12, 0x12), "cover_open", "cover_open"),
        ((0x1A, 0x32, 0x12, 0x12), "paper_out", "paper_out"),
        ((0x1A, 0x12, 0x12, 0x72), "paper_out", "paper_out"),
        ((0x1A, 0x52, 0x1A, 0x12), "error", "cutter"),
        ((0x1A, 0x52, 0x32, 0x12), "error", "fatal"),
        ((0x1A, 0x52, 0x52, 0x12), "error", "overheated"),
        ((0x1A, 0x52, None, 0x12), "error", "error"),
        ((0x1A, 0x1A, 0x12, 0x12), "error", "feed_pressed"),
        ((0x1A, 0x12, 0x12, 0x12), "error", "offline"),
    ],
)
def test_each_bit_of_the_four_status_questions_has_its_word(replies, state, cause):
    clock = StepClock()

    def answer(data):
        reply = replies[data[2] - 1]
        return [] if reply is None else [bytes((reply,))]

    status = check(lambda: ScriptedPort(clock, answer), EPSON, clock)

    assert (status.state, status.cause) == (state, cause)


@pytest.mark.parametrize(("level", "open_pin_high", "drawer_open"), [
    (0x16, True, True), (0x12, True, False), (0x16, False, False), (0x12, False, True), (0x16, None, None),
])  # fmt: skip
def test_the_drawer_is_open_as_the_settings_read_its_sensor(level, open_pin_high, drawer_open):
    clock = StepClock()

    status = check(
        lambda: ScriptedPort(clock, lambda data: [bytes((level if data[2] == 1 else 0x12,))]),
        EPSON,
        clock,
        open_pin_high=open_pin_high,
    )

    assert (status.state, status.drawer_open, status.near_end) == ("ready", drawer_open, False)
