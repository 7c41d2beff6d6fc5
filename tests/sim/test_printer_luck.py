"""`dev.py sim printer` in small: bad luck loses no slip and repeats none without its mark, and the judge can see both."""

import json
import logging

import pytest

from drivers.document import Cut, ReceiptDoc, Text
from drivers.escpos import encoder
from drivers.printer.profiles import PROFILES
from scripts import sim_printer
from scripts.sim_paper import Slip, read_slip


def verdict(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    status = sim_printer.main([*arguments, "--json"])
    told: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return status, told


@pytest.fixture(autouse=True)
def logging_back_on():
    yield
    logging.disable(logging.NOTSET)


def test_no_slip_is_lost_and_none_is_repeated_without_its_mark(capsys):
    status, told = verdict(capsys, "--jobs", "260", "--seed", "3")
    assert (status, told["ok"], told["lost"], told["duplicated_unmarked"]) == (0, True, 0, 0)
    assert told["duplicated_marked"]


def test_repeats_without_a_mark_are_caught(capsys):
    status, told = verdict(capsys, "--jobs", "130", "--seed", "3", "--no-marking")
    assert (status, told["ok"]) == (1, False)
    assert told["duplicated_unmarked"]


def test_the_same_seed_has_the_same_luck(capsys):
    told = [verdict(capsys, "--jobs", "60", "--seed", "5")[1] for _ in range(2)]
    for each in told:
        del each["seconds"]
    assert told[0] == told[1]


def test_the_judge_sees_a_missing_a_doubled_and_a_garbled_slip():
    slips = [Slip(True, False, "one"), Slip(True, False, "one"), Slip(True, False, "\u54ea\u54ea")]
    found = sim_printer.Verdict()
    sim_printer.judge({"a": "one", "b": "two"}, slips, found)
    assert (found.jobs, found.lost, found.duplicated_unmarked, found.strange, found.ok) == (2, 1, 1, 1, False)


def test_a_slip_printed_in_the_wrong_character_mode_reads_as_something_else():
    document = ReceiptDoc((Text("\u5bab\u4fdd\u9e21\u4e01"), Cut()))
    data = encoder.encode(document, PROFILES["epson-80"]).data
    assert read_slip(data, complete=True, kanji=False) == read_slip(data, complete=True)
    without_switches = data.replace(b"\x1c&", b"").replace(b"\x1c.", b"")
    assert read_slip(without_switches, complete=True, kanji=False) != read_slip(data, complete=True)
