"""What a fact means for the hub's read models, as a pure function."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from cloud.domain.reading import Noted, Parked, Place, Printed, Sold, fact_id_bytes, read
from sync.contract import facts, operations, trade
from sync.contract.facts import Fact
from sync.contract.operations import (
    DeviceCalibrated,
    DeviceChanged,
    DrawerSettled,
    NodeStarted,
    PrintMoved,
    PrintSettled,
)
from tests.kit.hub_store import a_sale

ZONE = ZoneInfo("Asia/Shanghai")
SALE_ID = "01998d2a3c4d7abc8abc0123456789ab"


def a_fact(kind, body, lane=0) -> Fact:
    return Fact(
        store="s1", epoch=1, lane=lane, seq=1, n=1, id="0" * 32, kind=kind, v=1, at_ms=1_790_000_000_000, hlc="0",
        day="2026-09-21", body=msgspec.Raw(msgspec.json.encode(body)),
    )  # fmt: skip


def meaning(fact: Fact, repeats=False):
    return read(facts.encode(fact), Place("s1", 1, fact.lane, 1, repeats=repeats), ZONE)


def test_a_sale_counts_in_the_local_hour():
    found = meaning(a_fact(trade.SALE_PAID, a_sale(SALE_ID, 1)))
    assert isinstance(found, Sold)
    assert found.hour == 22  # 1,790,000,000 s is 2026-09-21 14:13:20 UTC


@pytest.mark.parametrize(
    "changes",
    [
        {"sale_id": "x"},
        {"till": "a b"},
        {"number": 0},
        {"receipt_no": "1-1-000002"},
        {"locale": "fr"},
        {"currency": "yuan"},
    ],
)
def test_a_sale_that_contradicts_itself_is_parked(changes):
    sale = msgspec.structs.replace(a_sale(SALE_ID, 1), **changes)
    assert meaning(a_fact(trade.SALE_PAID, sale)) == Parked("bad_value")


def test_a_sale_with_a_field_of_a_newer_version_is_read():
    body = {**msgspec.to_builtins(a_sale(SALE_ID, 1)), "glow_fen": 5}
    assert isinstance(meaning(a_fact(trade.SALE_PAID, body)), Sold)


def test_slips_of_sales_are_told_and_others_noted():
    slip = PrintSettled(job_id="1", document="receipt", subject=SALE_ID, copy=1, reason="paper out")
    found = meaning(a_fact(operations.PRINT_PARKED, slip, lane=1))
    assert isinstance(found, Printed)
    assert found.outcome == "print_parked"
    other = msgspec.structs.replace(slip, document="test page", subject="x")
    assert meaning(a_fact(operations.PRINT_PARKED, other, lane=1)) == Noted()
    odd = msgspec.structs.replace(slip, subject="x")
    assert meaning(a_fact(operations.PRINT_PARKED, odd, lane=1)) == Parked("bad_value")


def test_what_needs_no_table_is_understood():
    assert meaning(a_fact(operations.NODE_STARTED, NodeStarted(version="1", boot="b"), lane=1)) == Noted()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            operations.PRINT_MOVED,
            PrintMoved(job_id="1", document="docket", subject="x", from_printer="a", to_printer="b"),
        ),
        (operations.DRAWER_OPENED, DrawerSettled(job_id="1", drawer="d", till="1", reason="sale", outcome="sent")),
        (operations.DRAWER_FAILED, DrawerSettled(job_id="1", drawer="d", till="1", reason="change", outcome="expired")),
        (operations.DEVICE_CHANGED, DeviceChanged(device="a", kind="printer", up=False, state="error")),
        (operations.DEVICE_CALIBRATED, DeviceCalibrated(device="a", profile="{}")),
    ],
)
def test_what_devices_did_is_understood_and_needs_no_table(kind, body):
    assert meaning(a_fact(kind, body, lane=1)) == Noted()
    assert meaning(a_fact(kind, {"no": "such body"}, lane=1)) == Parked("bad_body")
    assert meaning(a_fact(kind, body, lane=0)) == Parked("unknown_kind")


def test_a_repeated_id_is_parked():
    assert meaning(a_fact(trade.SALE_PAID, a_sale(SALE_ID, 1)), repeats=True) == Parked("repeated_id")


@pytest.mark.parametrize("text", ["", "0" * 31, "G" * 32, "A" * 32, "0" * 33, "٠" * 32])
def test_an_id_that_is_not_thirty_two_hex_digits_is_none(text):
    assert fact_id_bytes(text) is None
