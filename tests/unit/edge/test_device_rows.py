"""Rows of `[[devices]]`: a wrong one names field and remedy, all others work."""

import pytest

from edge.domain.device_rows import DrawerRow, PrinterRow, RowProblem, ScannerRow, read_rows

TILLS = ("1", "2")
PRINTER = {"kind": "printer", "id": "counter", "address": "tcp://192.168.1.50:9100"}
KITCHEN = {"kind": "printer", "id": "kitchen", "address": "tcp://192.168.1.51", "stations": ["wok"]}
DRAWER = {"kind": "drawer", "id": "till-drawer", "printer": "counter"}
SCANNER = {"kind": "scanner", "id": "gun", "address": "serial:///dev/serial/by-id/usb-gun", "till": "1"}


def problem(*rows: object) -> RowProblem:
    read = read_rows(list(rows), TILLS)
    assert len(read.problems) == 1, read
    return read.problems[0]


def test_good_rows_are_read_in_their_order():
    read = read_rows([PRINTER, KITCHEN, DRAWER, SCANNER], TILLS)
    assert read.problems == ()
    assert [row.id for row in read.rows] == ["counter", "kitchen", "till-drawer", "gun"]
    assert [row.id for row in read.of(PrinterRow)] == ["counter", "kitchen"]
    assert read.printer("kitchen") is not None


@pytest.mark.parametrize(
    ("row", "field", "code", "said"),
    [
        ("counter", "devices", "not_a_row", "[[devices]]"),
        ({**PRINTER, "kind": "typewriter"}, "kind", "unknown_kind", "scale"),
        ({"id": "x"}, "kind", "unknown_kind", "printer"),
        ({**PRINTER, "speed": 3}, "speed", "bad_field", "speed"),
        ({**PRINTER, "confirm_ms": "fast"}, "confirm_ms", "bad_field", "int"),
        ({**PRINTER, "confirm_ms": 1}, "confirm_ms", "bad_field", "200"),
        ({"kind": "printer", "id": "x"}, "address", "bad_field", "address"),
        ({**PRINTER, "id": "Counter 1"}, "id", "bad_id", "counter-1"),
        ({**PRINTER, "address": "192.168.1.50:9100"}, "address", "bad_address", "tcp://"),
        ({**PRINTER, "address": "hid:///dev/input/event1"}, "address", "wrong_address", "printer"),
        ({**PRINTER, "address": "virtual://scale/1"}, "address", "wrong_address", "printer"),
        ({**SCANNER, "till": "9"}, "till", "no_such_till", "tills are 1, 2"),
        ({**PRINTER, "tills": ["9"]}, "tills", "no_such_till", "tills are 1, 2"),
        ({**PRINTER, "stations": []}, "stations", "no_station", "receipt"),
        (DRAWER, "printer", "no_such_printer", "kitchen"),
    ],
)  # fmt: skip
def test_a_wrong_row_names_its_field_and_what_to_write_and_the_others_work(row, field, code, said):
    found = problem(row, KITCHEN)
    assert (found.position, found.field, found.code) == (1, field, code)
    assert said in found.detail
    assert [each.id for each in read_rows([row, KITCHEN], TILLS).rows] == ["kitchen"]


def test_two_rows_cannot_share_an_id_or_a_connection():
    assert problem(PRINTER, {**KITCHEN, "id": "counter"}).code == "same_id"
    assert problem(PRINTER, {**KITCHEN, "address": PRINTER["address"]}).code == "same_address"
    slow, fast = (
        {**SCANNER, "id": f"gun-{baud}", "address": f"{SCANNER['address']}?baud={baud}"} for baud in (9600, 115200)
    )
    assert problem(slow, fast).code == "same_address"


def test_a_drawer_on_a_printer_that_cannot_be_used_falls_out_with_it():
    read = read_rows([{**PRINTER, "address": "nowhere"}, DRAWER], TILLS)
    assert [(each.position, each.code) for each in read.problems] == [(1, "bad_address"), (2, "no_such_printer")]


@pytest.mark.parametrize("fallback", ["counter", "nobody", "gun"])
def test_a_printer_whose_stand_in_is_not_there_prints_without_one_and_says_so(fallback):
    read = read_rows([{**PRINTER, "fallback": fallback}, KITCHEN, SCANNER], TILLS)
    assert [(each.field, each.code) for each in read.problems] == [("fallback", "bad_fallback")]
    assert "kitchen" in read.problems[0].detail
    printer = read.printer("counter")
    assert printer is not None
    assert printer.fallback == ""


def test_devices_that_are_no_list_are_one_problem():
    assert problem_of({"id": "x"}).code == "not_a_row"
    assert problem_of("x").code == "not_a_row"


def problem_of(raw: object) -> RowProblem:
    [found] = read_rows(raw, TILLS).problems
    return found


def test_the_printer_that_names_the_till_goes_before_one_for_all():
    mine = {**PRINTER, "id": "mine", "address": "tcp://192.168.1.60", "tills": ["2"]}
    read = read_rows([PRINTER, mine, KITCHEN], TILLS)
    assert [printer.id for till in TILLS if (printer := read.printer_for("receipt", till))] == ["counter", "mine"]
    assert read.printer_for("wok", "1") == read.printer("kitchen")
    assert read.printer_for("bar", "1") is None


def test_a_tills_own_drawer_goes_before_one_for_all():
    own = {**DRAWER, "id": "own", "tills": ["2"]}
    read = read_rows([PRINTER, DRAWER, own], TILLS)
    assert [drawer.id for till in TILLS if (drawer := read.drawer_for(till))] == ["till-drawer", "own"]
    assert len(read.of(DrawerRow)) == 2
    assert read.of(ScannerRow) == []
