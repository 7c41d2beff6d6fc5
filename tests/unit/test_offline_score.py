"""The score of the offline drive: what counts, what does not, and that nobody passes by not being driven."""

from typing import Any

import msgspec
import pytest

from edge.domain import functions
from edge.domain.functions import Function, Needs, Offline
from scripts import offline_drive
from scripts.offline import frame
from scripts.offline.frame import Result


def function(name: str, offline: Offline = Offline.FULL, presses: int = 1, role: str = "sell") -> Function:
    made = Function(id=name, zh="名", en="name", role=role, offline=offline, presses=presses, proof="t", keys=(name,))
    if offline is Offline.FULL:
        return made
    return msgspec.structs.replace(made, needs=Needs.HUB, limit_zh="断", limit_en="cut")


REGISTER = [
    function("a.whole", presses=80),
    function("a.some", Offline.LIMITED, presses=10),
    function("a.none", Offline.NETWORK, presses=10),
    function("machine.files", role="machine", presses=0),
]


def judged(why: dict[str, str], *, online: bool = False) -> offline_drive.Report:
    results = [Result(one.id, one.presses, why.get(one.id, "")) for one in REGISTER]
    return offline_drive.judged(REGISTER, results, online=online)


def test_what_failed_is_what_the_register_says_needs_the_network() -> None:
    report = judged({"a.none": "HQ is away"})
    assert report.ok
    assert (report.functions, report.passed, report.failed, report.limited) == (3, 2, ["a.none"], ["a.some"])
    assert (report.score, report.score_weighted, report.score_strict) == (0.6667, 0.9, 0.3333)


@pytest.mark.parametrize(
    ("why", "online"),
    [
        ({}, False),
        ({"a.none": "x", "a.whole": "x"}, False),
        ({"a.whole": "x"}, False),
        ({"a.none": "x"}, True),
        ({"a.none": "x", "machine.files": "x"}, False),
    ],
    ids=[
        "the network was needed after all",
        "more failed",
        "another failed",
        "nothing was cut",
        "a page lacks its files",
    ],
)
def test_anything_else_is_not_well(why: dict[str, str], *, online: bool) -> None:
    assert not judged(why, online=online).ok


def test_a_function_that_nobody_drives_fails_and_one_that_breaks_does_too() -> None:
    nobody: Any = None

    def breaks(_: object) -> None:
        raise KeyError("total_fen")

    one = REGISTER[0]
    assert offline_drive._driven(nobody, one, {}).why == "nobody drives it"
    assert not offline_drive._driven(nobody, one, {"a.whole": breaks}).passed
    assert offline_drive._driven(nobody, one, {"a.whole": lambda _: None}).passed


def test_two_drivers_for_one_function_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "_drivers", {"a.whole": lambda _: None})
    with pytest.raises(ValueError, match="driven twice"):
        frame.drives("a.whole")(lambda _: None)


def test_every_function_has_a_driver_and_every_driver_a_function() -> None:
    register = functions.read(offline_drive.REGISTER.read_text(encoding="utf-8"))
    assert set(frame.drivers()) == {one.id for one in register}
