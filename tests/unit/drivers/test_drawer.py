"""The cash drawer: one pulse within its life, never a second one, and no claim beyond what is known."""

import pytest

from drivers.errors import DeviceRejected, Disconnected, Stalled
from drivers.escpos.profile import PrinterProfile
from drivers.printer.drawer import LIFE_MS, kick, pulse, real_time_pulse
from drivers.printer.profiles import PROFILES
from drivers.virtual.faults import FaultChange
from drivers.virtual.printer import VirtualPrinter
from tests.kit.printers import PaperTray, ScriptedPort, StepClock, TwinPort

EPSON = PROFILES["epson-80"]
ONE_WAY = PrinterProfile("one-way", 576, 48, answers=False)


class Bench:
    """A twin with a drawer."""

    def __init__(self, profile=EPSON, **faults):
        self.profile = profile
        self.machine = VirtualPrinter(profile)
        self.machine.switch(FaultChange(**faults))
        self.tray = PaperTray()
        self.clock = StepClock()

    def kick(self, **options):
        outcome = kick(lambda: TwinPort(self.machine, self.tray, self.clock), self.profile, self.clock, **options)
        return outcome.state, outcome.reason


def scripted(answer, **options):
    clock = StepClock()
    port = ScriptedPort(clock, answer)
    outcome = kick(lambda: port, EPSON, clock, **options)
    return (outcome.state, outcome.reason), port


def well(data):
    return [b"\x12"] if data[:2] == b"\x10\x04" else []


@pytest.mark.parametrize(
    ("pin", "in_order", "at_once"),
    [(2, b"\x1bp\x00\x19\xfa", b"\x10\x14\x01\x00\x01"), (5, b"\x1bp\x01\x19\xfa", b"\x10\x14\x01\x01\x01")],
)
def test_each_pin_has_its_pulse_in_order_and_at_once(pin, in_order, at_once):
    (ready, _), port = scripted(well, pin=pin)
    (offline, _), offline_port = scripted(lambda data: [b"\x32"] if data[:2] == b"\x10\x04" else [], pin=pin)

    assert (pulse(pin), real_time_pulse(pin)) == (in_order, at_once)
    assert (ready, offline) == ("sent", "sent")
    assert port.written.count(in_order) == 1
    assert at_once not in port.written
    assert offline_port.written.count(at_once) == 1
    assert in_order not in offline_port.written


def test_without_a_known_sensor_an_opened_drawer_is_only_sent():
    bench = Bench()

    assert bench.kick() == ("sent", "")
    assert bench.machine.drawer_pulses == 1


def test_a_drawer_that_springs_open_is_sensed():
    bench = Bench()

    assert bench.kick(open_pin_high=True) == ("sensed_open", "opened")
    assert bench.kick(open_pin_high=True) == ("sensed_open", "was_open")


def test_a_drawer_that_is_stuck_got_its_pulse_and_is_not_called_open():
    bench = Bench(drawer_stuck=True)

    assert bench.kick(open_pin_high=True) == ("sent", "not_sensed")
    assert bench.machine.drawer_pulses == 1
    assert bench.clock.ms <= 1_600


@pytest.mark.parametrize("fault", ["paper_out", "cover_open"])
def test_a_printer_that_cannot_print_opens_the_drawer_all_the_same_and_at_once(fault):
    bench = Bench(**{fault: True})

    assert bench.kick(open_pin_high=True) == ("sensed_open", "opened")
    assert bench.machine.drawer_pulses == 1


def test_negative_control_a_pulse_in_order_waits_for_the_paper_and_comes_late():
    bench = Bench(paper_out=True)
    bench.machine.receive(pulse(2))
    assert bench.machine.drawer_pulses == 0

    bench.machine.switch(FaultChange(paper_out=False))

    assert bench.machine.drawer_pulses == 1


@pytest.mark.parametrize("fault", [{"power": False}, {"mute": True}])
def test_a_printer_that_is_off_or_silent_gets_no_pulse_now_or_later(fault):
    bench = Bench(**fault)

    assert bench.kick() == ("held", "not_answering")
    bench.machine.switch(FaultChange(power=True, mute=False))
    assert bench.machine.drawer_pulses == 0


def test_a_wish_that_is_too_old_opens_nothing():
    bench = Bench()

    assert bench.kick(deadline_ms=0) == ("held", "stale")
    assert bench.machine.drawer_pulses == 0


def test_a_wish_that_grows_too_old_while_the_printer_makes_up_its_mind_opens_nothing():
    clock = StepClock()

    class Sluggish(ScriptedPort):
        def read(self, timeout_ms):
            self.clock.ms += min(timeout_ms, 400)
            return super().read(timeout_ms)

    port = Sluggish(clock, well)
    outcome = kick(lambda: port, EPSON, clock, deadline_ms=1_000)

    assert (outcome.state, outcome.reason) == ("held", "stale")
    assert pulse(2) not in port.written


def test_no_wish_lives_longer_than_five_seconds_whatever_is_asked_for():
    clock = StepClock()

    class Far(ScriptedPort):
        def open(self, timeout_ms):
            self.clock.ms += LIFE_MS

    port = Far(clock, well)
    outcome = kick(lambda: port, EPSON, clock, deadline_ms=60_000)

    assert (outcome.state, outcome.reason) == ("held", "stale")


class Breaking(ScriptedPort):
    """Takes so many bytes of the pulse, then raises."""

    def __init__(self, clock, take, error):
        super().__init__(clock, well)
        self.left = take
        self.error = error
        self.tries = 0

    def write(self, data, timeout_ms):
        if data[:2] == b"\x10\x04":
            return super().write(data, timeout_ms)
        self.tries += 1
        if self.left == 0:
            raise self.error
        part, self.left = data[: self.left], 0
        return super().write(part, timeout_ms)


@pytest.mark.parametrize(("error", "reason"), [(Disconnected("reset"), "disconnected"), (Stalled("full"), "stalled")])
@pytest.mark.parametrize("take", range(5))
def test_a_pulse_that_breaks_off_at_any_byte_is_held_or_unknown_and_never_tried_again(take, error, reason):
    clock = StepClock()
    port = Breaking(clock, take, error)

    outcome = kick(lambda: port, EPSON, clock)

    assert (outcome.state, outcome.reason) == ("unknown" if take else "held", reason)
    assert port.written.endswith(pulse(2)[:take])
    assert port.tries == (2 if take else 1)


def test_a_printer_that_takes_nothing_is_not_waited_for_even_when_it_says_why():
    clock = StepClock()

    class Full(ScriptedPort):
        tries = 0

        def write(self, data, timeout_ms):
            if data[:2] == b"\x10\x04":
                return super().write(data, timeout_ms)
            self.tries += 1
            self.clock.ms += timeout_ms
            self.waiting.append(b"\x18\x00\x0f\x00")
            raise Stalled("full")

    port = Full(clock, well)
    outcome = kick(lambda: port, EPSON, clock)

    assert (outcome.state, outcome.reason, port.tries) == ("held", "paper_out", 1)
    assert clock.ms <= 1_000


def test_a_printer_that_dies_at_any_byte_of_the_pulse_is_never_said_to_have_opened():
    for at in range(5):
        bench = Bench(die_at_byte=at)
        state, _ = bench.kick(open_pin_high=True)
        assert state == "unknown", at
        assert bench.machine.drawer_pulses == 0


def test_a_printer_that_falls_silent_after_the_pulse_leaves_it_unknown():
    clock = StepClock()
    port = ScriptedPort(clock, lambda data: [] if pulse(2) in port.written else well(data))

    outcome = kick(lambda: port, EPSON, clock)

    assert (outcome.state, outcome.reason) == ("unknown", "no_confirmation")
    assert port.written.count(pulse(2)) == 1


def test_a_one_way_printer_gets_the_pulse_and_nobody_asks():
    bench = Bench(ONE_WAY)

    assert bench.kick() == ("sent", "")
    assert bench.machine.drawer_pulses == 1


def test_a_printer_without_a_drawer_connector_is_a_mistake_in_the_settings():
    with pytest.raises(DeviceRejected, match="another printer"):
        kick(lambda: pytest.fail("nothing is opened"), PrinterProfile("x", 576, 48, drawer=False), StepClock())


def test_a_picture_broken_off_before_does_not_swallow_the_pulse():
    wash = bytes(72 * 64 + 256) + b"\x1b@"
    with_wash, without = Bench(remembers_open_command=True), Bench(remembers_open_command=True)
    for bench in (with_wash, without):
        port = TwinPort(bench.machine, bench.tray, bench.clock)
        port.write(b"\x1dv0\x00\x48\x00\x40\x00" + bytes(40), 1_000)
        port.close()

    assert with_wash.kick(on_open=wash, open_pin_high=True) == ("sensed_open", "opened")
    # Negative control.
    assert without.kick(open_pin_high=True)[0] != "sensed_open"
    assert without.machine.drawer_pulses == 0
