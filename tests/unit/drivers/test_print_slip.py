"""Printing a slip so that what is claimed is never more than what is known, at every byte."""

import pytest

from drivers.errors import DeviceRejected
from drivers.escpos.encoder import encode
from drivers.escpos.profile import PrinterProfile
from drivers.printer.printing import Outcome, Timeouts, check, print_through
from drivers.printer.profiles import PROFILES
from drivers.transport.tcp import TcpAddress, parse_address
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import VirtualPrinter
from tests.kit.printers import PaperTray, ScriptedPort, StepClock, TwinPort, short_receipt

EPSON = PROFILES["epson-80"]
CLONE = PROFILES["clone-80"]
MUTE_CLONE = PrinterProfile("one-way", 576, 48, process_id=False, paper_status=False)
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


def contradictions(outcome: Outcome, tray: PaperTray) -> list[str]:
    """What the outcome claims that the paper belies."""
    found = []
    if outcome.state in ("confirmed", "sent") and tray.slips != [(JOB, True)]:
        found.append("claimed, but the paper is not the whole slip")
    if outcome.state == "held" and (tray.slips or tray.open):
        found.append("held, but something is on the paper")
    if outcome.state == "held" and outcome.bytes_handed:
        found.append("held, but bytes were handed over")
    return found


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
        assert contradictions(outcome, bench.tray) == [], at
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
        caught += bool(contradictions(Outcome("confirmed", "trusted", handed), bench.tray))
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

    assert (outcome.state, outcome.bytes_handed) == ("unknown", 4_096)


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
