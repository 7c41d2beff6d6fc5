"""A printer that a person put on hold: the till says so, however well the printer is."""

from dataclasses import replace

from edge.domain.device_view import DeviceView
from edge.services.care.status import printer_view

WELL = DeviceView("counter", "printer", "Counter", "tcp://127.0.0.1:9100", "ready")


def test_a_printer_on_hold_is_never_shown_as_ready():
    shown = printer_view([replace(WELL, held=True)], "counter")
    assert shown is not None
    assert shown.state == "held"


def test_the_same_printer_released_is_ready():
    shown = printer_view([WELL], "counter")
    assert shown is not None
    assert shown.state == "ready"
