"""Between the devices of a till and its screen: scans by what the screen takes, weights, the guest's view, and no secret anywhere."""

import json
import logging
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask.testing import FlaskClient

from drivers.scale.reading import NotUsable, Usable
from edge import wiring
from edge.app import create_app
from edge.db import staff
from edge.devices.registry import Registry
from edge.devices.twins import Twins, desk_command
from edge.domain.device_rows import ScannerRow, read_rows
from edge.domain.guest_view import GuestView
from edge.services.care.status import Desk
from edge.services.devices import till_devices
from edge.services.devices.till_devices import TillDevices
from edge.services.devices.till_inbox import KEPT, REPLAY_MS, TillInbox
from edge.services.ordering import import_menu
from edge.services.people import sign_in
from edge.services.people.sign_in import Shown
from edge.settings import EdgeSettings, StoreSettings, WebSettings
from edge.web.live import StreamSeats
from sync.contract import receipts
from sync.contract.menu import Dish
from sync.contract.words import Name
from sync.node.ports import ManualClock, SystemClock
from tests.kit.nodes import CASHIER, MENU, PIN, STORE, Rig
from tests.kit.waiting import PATIENCE_S

API = "/api/v1"
WATER = Dish(id="water", code="6901234567892", name=Name("矿泉水", "Water"), category="hot", price_fen=300)
PAYMENT = "134567890123456789"
ORDER = {"kinds": ["dish", "invite", "receipt"], "screen": "order", "page": "p1"}
PAY = {"kinds": ["payment"], "screen": "pay"}
SCALE = {"kind": "scale", "id": "pan", "address": "serial:///dev/pan", "till": "1"}


def know_own_key(rig: Rig) -> None:
    """What the hub tells every store: the keys that sign invites, this store's among them."""
    public = rig.identity.public
    rig.db.write(
        lambda tx: tx.execute(
            "INSERT INTO store_keys (store, epoch, key_id, public_key, name_zh, name_en) VALUES ('qingci', 1, ?, ?, '店', 'Store')",
            (public.key_id, public.signing),
        )
    )


class Counter:
    """A node with its till devices, and a signed-in till 1."""

    def __init__(self, folder: Path, devices: tuple[dict[str, Any], ...] = (SCALE,)) -> None:
        self.rig = Rig(folder, devices=devices)
        menu = msgspec.structs.replace(MENU, dishes=(*MENU.dishes, WATER))
        import_menu.bring_into_force(self.rig.node, menu)
        self.rig.add_cashier()
        self.shown: list[tuple[str, GuestView]] = []
        self.devices: TillDevices = till_devices.build(self.rig.node, self)
        self.seats = StreamSeats(2)
        desk = Desk(self.rig.node, link=lambda: None, devices=list)
        self.app = create_app(desk, self.seats, self.devices)
        self.client = self.signed_in("1")

    def show(self, till: str, view: GuestView) -> None:
        self.shown.append((till, view))

    def signed_in(self, till: str) -> FlaskClient:
        client = self.app.test_client()
        assert client.post(f"{API}/session", json={"pin": PIN, "till": till}).status_code == 200
        return client

    def accept(self, wanted: dict[str, Any]) -> None:
        assert self.client.put(f"{API}/till/accepts", json=wanted).status_code == 204

    def typed(self, text: str) -> dict[str, Any]:
        answer = self.client.post(f"{API}/till/scans", json={"text": text})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def told(self, till: str = "1") -> list[tuple[str, dict[str, Any]]]:
        return [(event.name, json.loads(event.data)) for event in self.devices.inbox.since(till, 0)]


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path)
    yield made
    made.seats.closing.set()
    made.devices.close()
    made.rig.db.close()


# --- scans ---


def test_a_barcode_of_the_menu_and_a_code_of_the_menu_are_dishes(counter: Counter):
    counter.accept(ORDER)
    for text, dish_id in (("6901234567892", "water"), ("101", "d101")):
        found = counter.typed(text)
        assert (found["kind"], found["accepted"], found["value"], found["screen"]) == ("dish", True, dish_id, "order")


def test_a_serial_scan_goes_to_the_inbox_of_its_till_alone_and_says_for_which_page(counter: Counter):
    counter.accept(ORDER)
    counter.devices.scanning.scanned("1", "6901234567892")
    [(name, found)] = counter.told("1")
    assert name == "scan"
    assert (found["kind"], found["value"], found["page"], found["source"]) == ("dish", "water", "p1", "scanner")
    assert counter.told("2") == []


def test_a_barcode_that_no_dish_has_is_named(counter: Counter):
    counter.accept(ORDER)
    found = counter.typed("4006381333931")
    assert (found["accepted"], found["reason"], found["masked"]) == (False, "no_such_dish", "4006381333931")


def test_a_receipt_number_leads_to_its_sale_and_one_of_another_store_does_not(counter: Counter):
    counter.accept(ORDER)
    sale = counter.rig.sell(1)
    assert counter.typed(sale.receipt_no)["value"] == sale.sale_id
    assert counter.typed("1-1-999999")["reason"] == "no_such_receipt"


def test_an_e_receipts_address_leads_to_its_sale_and_one_of_another_store_does_not(counter: Counter):
    counter.accept(ORDER)
    sale = counter.rig.sell(1)
    assert counter.typed(receipts.url("https://hq.example", STORE, sale.sale_id))["value"] == sale.sale_id
    strange = receipts.url("https://hq.example", STORE, "0" * 12 + "7000" + "8" + "0" * 15)
    assert counter.typed(strange)["reason"] == "no_such_receipt"


def test_an_invite_is_passed_on_as_its_code(counter: Counter):
    know_own_key(counter.rig)
    counter.accept(ORDER)
    code = counter.rig.sell(1).invite.code
    found = counter.typed("HTTPS://HQ.EXAMPLE/J/" + code)
    assert (found["kind"], found["accepted"], found["value"]) == ("invite", True, code)
    assert counter.client.post(f"{API}/invites/verify", json={"code": found["value"]}).get_json()["verdict"] == "valid"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PAYMENT, "payment"),
        ("ZGM-4F7K2Q9X", "member"),
        ("ZGC-4F7K2Q9X", "coupon"),
        ("ZGS-4F7K2Q9X", "staff"),
        ("https://example.org/menu", "url"),
        ("4111111111111111", "card"),
        ("what is this", "unknown"),
    ],
)
def test_what_the_order_screen_does_not_take_is_named_and_not_passed_on(counter: Counter, text: str, kind: str):
    counter.accept(ORDER)
    found = counter.typed(text)
    assert (found["kind"], found["accepted"], found["reason"], found["value"]) == (kind, False, "not_wanted", "")
    assert text not in json.dumps(found)


def test_a_screen_that_said_nothing_takes_nothing(counter: Counter):
    found = counter.typed("6901234567892")
    assert (found["accepted"], found["reason"]) == (False, "not_wanted")


def test_what_a_screen_takes_ends_with_its_session(counter: Counter):
    counter.accept(ORDER)
    other = counter.signed_in("1")
    assert counter.client.delete(f"{API}/session").status_code == 204
    counter.client = other
    assert counter.typed("6901234567892")["accepted"] is False
    counter.accept(ORDER)
    assert counter.typed("6901234567892")["accepted"] is True


def test_another_till_takes_nothing_by_it(counter: Counter):
    counter.accept(ORDER)
    counter.client = counter.signed_in("2")
    assert counter.typed("6901234567892")["accepted"] is False


@pytest.mark.parametrize(
    "wanted",
    [
        {"kinds": ["gold"], "screen": "order"},
        {"kinds": [], "screen": "ORDER"},
        {"kinds": [], "screen": "order", "page": "x" * 41},
        {"kinds": ["dish"] * 50, "screen": "order"},
        {"kinds": []},
    ],
)
def test_a_wrong_word_of_a_screen_is_refused(counter: Counter, wanted: dict[str, Any]):
    answer = counter.client.put(f"{API}/till/accepts", json=wanted)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed")


def test_a_scan_of_a_page_of_text_is_refused(counter: Counter):
    for text in ("", "x" * 4097):
        answer = counter.client.post(f"{API}/till/scans", json={"text": text})
        assert (answer.status_code, answer.get_json()["code"]) == (400, "malformed")


# --- payment codes ---


def everywhere(counter: Counter, said: str) -> str:
    """All that is written down or told: the folder with its database, the log, answers and events."""
    files = b"".join(path.read_bytes() for path in sorted(counter.rig.folder.rglob("*")) if path.is_file())
    return files.decode("latin-1") + said + repr(counter.told()) + repr(counter.devices)


def test_a_payment_code_is_on_no_disk_in_no_log_and_in_no_answer(counter: Counter, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    said = ""
    for wanted in (PAY, ORDER):
        counter.accept(wanted)
        said += json.dumps(counter.typed(PAYMENT))
        counter.devices.scanning.scanned("1", PAYMENT)
        said += counter.client.post(f"{API}/till/scans", json={"text": PAYMENT, "more": 1}).text
        said += counter.client.post(f"{API}/invites/verify", json={"code": PAYMENT}).text
    counter.rig.sell(1)
    kept = everywhere(counter, said + caplog.text)
    assert "134567" in kept
    assert PAYMENT not in kept
    assert PAYMENT[6:16] not in kept


def test_the_search_for_a_code_finds_one(counter: Counter):
    """The negative control of the test above: what is shown unmasked is found."""
    counter.accept(ORDER)
    counter.devices.scanning.scanned("1", "4006381333931")
    assert "4006381333931" in everywhere(counter, "")


def test_a_payment_code_is_given_out_once_and_for_a_minute(counter: Counter):
    counter.accept(PAY)
    scanning = counter.devices.scanning
    found = counter.typed(PAYMENT)
    assert (found["accepted"], found["value"], found["masked"]) == (True, "", "134567••••••••••89")
    with scanning.take_payment(found["handle"]) or pytest.fail("it should lie there") as code:
        assert code.reveal() == PAYMENT
    assert scanning.take_payment(found["handle"]) is None
    late = counter.typed(PAYMENT)["handle"]
    assert late != found["handle"]
    counter.rig.clock.advance(59_999)
    counter.devices.sweep()
    assert len(scanning._shelf) == 1
    counter.rig.clock.advance(1)
    counter.devices.sweep()
    assert len(scanning._shelf) == 0
    assert scanning.take_payment(late) is None


def test_a_code_that_no_screen_asked_for_is_not_even_held(counter: Counter):
    counter.accept(ORDER)
    assert counter.typed(PAYMENT)["handle"] == ""
    assert len(counter.devices.scanning._shelf) == 0


# --- cards ---


def test_a_members_card_is_named_and_its_number_not_passed_on(counter: Counter):
    counter.accept(ORDER)
    for what in ("card", "tap"):
        counter.devices.scanning.card("1", what, "1000234599")
    assert [(found["kind"], found["accepted"], found["source"]) for _, found in counter.told()] == [
        ("member", False, "card")
    ] * 2
    assert "10002345" not in repr(counter.told())


def test_the_badge_of_somebody_who_works_here_is_one_whatever_its_number_looks_like(counter: Counter):
    counter.accept(ORDER)
    counter.devices.scanning.card("1", "card", "9001")
    shown = Shown(staff.BADGE, "9001")
    rig = counter.rig
    hashed, bucket = rig.node.vault.hash("9001"), sign_in.bucket(rig.node, shown)
    rig.db.write(lambda tx: staff.set_credential(tx, CASHIER.cashier_id, staff.BADGE, bucket, hashed))
    counter.devices.scanning.card("1", "card", "9001")
    counter.accept({"kinds": ["staff"], "screen": "approve", "page": "p1"})
    counter.devices.scanning.card("1", "card", "9001")
    kinds = [(found["kind"], found["accepted"]) for _, found in counter.told()]
    assert kinds == [("member", False), ("staff", False), ("staff", True)]


def test_digits_on_a_card_are_never_a_payment_code_or_a_dish(counter: Counter):
    counter.accept({"kinds": ["payment", "dish", "member"], "screen": "order"})
    for text in (PAYMENT, "6901234567892"):
        counter.devices.scanning.card("1", "card", text)
    assert [(found["kind"], found["accepted"], found["value"]) for _, found in counter.told()] == [
        ("member", True, PAYMENT),
        ("member", True, "6901234567892"),
    ]


def test_a_bank_card_is_a_sentence_and_nothing_else(counter: Counter):
    counter.devices.scanning.card("1", "bank", "")
    counter.devices.scanning.card("1", "unread", "")
    assert [(found["reason"], found["value"], found["masked"]) for _, found in counter.told()] == [
        ("bank_card", "", ""),
        ("card_unread", "", ""),
    ]


# --- weights ---


def test_a_weight_is_told_on_change_and_at_most_five_times_a_second(counter: Counter):
    weighing, clock = counter.devices.weighing, counter.rig.clock
    for grams in range(1, 101):
        weighing.take("1", Usable(grams * 1_000))
        weighing.take("1", Usable(grams * 1_000))
        clock.advance(50)
    told = counter.told()
    assert {name for name, _ in told} == {"weight"}
    assert 24 <= len(told) <= 26
    clock.advance(1_000)
    weighing.take("1", Usable(100_000))
    before = len(counter.told())
    for _ in range(10):
        clock.advance(250)
        weighing.take("1", Usable(100_000))
    assert len(counter.told()) == before
    assert counter.told()[-1][1] == {"state": "stable", "weight_g": 100, "reason": ""}


def test_a_weight_that_may_not_be_charged_for_any_more_is_told_at_once(counter: Counter):
    weighing = counter.devices.weighing
    weighing.take("1", Usable(486_400))
    weighing.take("1", NotUsable("unstable"))
    assert [body["state"] for _, body in counter.told()] == ["stable", "unstable"]
    assert counter.told()[0][1]["weight_g"] == 486


def test_a_weight_is_asked_for_and_an_old_one_is_none(counter: Counter):
    weighing, clock = counter.devices.weighing, counter.rig.clock
    silent = {"state": "trouble", "weight_g": 0, "reason": "not_answering"}

    def now() -> object:
        return counter.client.get(f"{API}/till/weight").get_json()

    assert now() == silent
    weighing.take("1", Usable(486_000))
    assert now() == {"state": "stable", "weight_g": 486, "reason": ""}
    clock.advance(1_501)
    assert now() == silent
    counter.devices.sweep()
    assert counter.told()[-1][1] == silent
    for reason, state in (("empty", "stable"), ("unstable", "unstable"), ("overload", "trouble")):
        weighing.take("1", NotUsable(reason))
        found: Any = now()
        assert (found["state"], found["weight_g"]) == (state, 0)
    counter.client = counter.signed_in("2")
    assert now() == {"state": "none", "weight_g": 0, "reason": ""}


# --- the inbox and its stream ---


def test_a_screen_that_was_away_gets_what_it_missed_of_the_last_fifty_and_the_last_half_minute():
    clock = ManualClock()
    inbox = TillInbox(["1", "2"], 1_000, clock, lambda: None)

    def missed(event_id: int) -> list[int]:
        return [event.id for event in inbox.missed("1", event_id)]

    body = GuestView(show="idle")
    for _ in range(3):
        inbox.post("1", "scan", body)
    inbox.post("1", "scan", body, replayed=False)
    inbox.post("2", "scan", body)
    assert missed(1_001) == [1_002, 1_003]
    assert missed(0) == []
    assert missed(999_999) == []
    for _ in range(KEPT):
        inbox.post("1", "scan", body)
    assert missed(1_001) == []
    assert len(missed(1_006)) == KEPT - 1
    clock.advance(REPLAY_MS + 1)
    assert missed(1_006) == []
    inbox.post("9", "scan", body)
    assert inbox.last_id == 1_005 + KEPT


class Stream:
    """An event stream as a browser reads it."""

    def __init__(self, client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> None:
        self._answer = client.get(f"{API}{path}", headers=headers or {}, buffered=False)
        assert self._answer.status_code == 200, self._answer.text
        self._parts = iter(self._answer.response)

    def part(self) -> str:
        part = next(self._parts)
        return part.decode() if isinstance(part, bytes) else str(part)

    def until(self, event: str) -> tuple[int, dict[str, Any]]:
        while True:
            lines = dict(line.split(": ", 1) for line in self.part().splitlines() if ": " in line and line[0] != ":")
            if lines.get("event") == event:
                return int(lines.get("id", 0)), json.loads(lines["data"])

    def close(self) -> None:
        self._answer.close()


def test_a_scan_reaches_the_stream_of_its_till_and_a_stream_that_comes_back_gets_what_it_missed(counter: Counter):
    counter.accept(ORDER)
    stream = Stream(counter.client, "/events")
    assert stream.part().startswith("retry: 1000\nid: ")
    stream.until("status")
    counter.devices.scanning.scanned("1", "101")
    first_id, found = stream.until("scan")
    assert found["value"] == "d101"
    stream.close()
    counter.devices.scanning.scanned("1", "102")
    counter.accept(PAY)
    counter.devices.scanning.scanned("1", PAYMENT)
    again = Stream(counter.client, "/events", {"Last-Event-ID": str(first_id)})
    again.part()
    assert again.until("scan")[1]["value"] == "d102"
    # The handle of a payment code was for the screen that was there; it is not told again.
    assert "event: status" in again.part()
    again.close()
    fresh = Stream(counter.client, "/events")
    fresh.part()
    assert "event: status" in fresh.part()
    fresh.close()


@pytest.mark.parametrize("said", ["", "x", "-1", "9" * 30, "1e3"])
def test_a_last_event_that_cannot_be_is_none(counter: Counter, said: str):
    counter.devices.scanning.scanned("1", "101")
    stream = Stream(counter.client, "/events", {"Last-Event-ID": said})
    stream.part()
    assert "event: status" in stream.part()
    stream.close()


def test_a_stream_tells_nothing_after_somebody_signed_out(counter: Counter):
    stream = Stream(counter.client, "/events")
    stream.until("status")
    counter.client.delete(f"{API}/session")
    counter.devices.scanning.scanned("1", "101")
    part = stream.part()
    assert "scan" not in part
    assert '"signed_in":false' in part
    stream.close()


def test_a_stream_of_somebody_not_signed_in_follows_no_till(counter: Counter):
    stream = Stream(counter.app.test_client(), "/events")
    stream.until("status")
    counter.devices.scanning.scanned("1", "101")
    assert "scan" not in stream.part()
    stream.close()


# --- the guest ---


def test_what_the_till_shows_its_guest_goes_to_the_display_and_to_the_second_window(counter: Counter):
    stranger = counter.app.test_client()
    stream = Stream(stranger, "/display/events?till=1")
    assert stream.until("store")[1]["en"] == "Lane Bistro Qingci"
    assert stream.until("show")[1]["show"] == "welcome"
    body = {"show": "item", "name": {"zh": "米饭", "en": "Rice"}, "qty": 2, "amount_fen": 600, "total_fen": 600}
    for _ in range(2):
        assert counter.client.put(f"{API}/till/display", json=body).status_code == 204
    [(till, view)] = counter.shown
    assert (till, view.show, view.name, view.total_fen) == ("1", "item", Name("米饭", "Rice"), 600)
    assert stream.until("show")[1]["name"]["zh"] == "米饭"
    stream.close()


def test_a_guests_view_of_another_shape_is_refused(counter: Counter):
    for body, code in (
        ({"show": "gold"}, "malformed"),
        ({"show": "total", "total_fen": -1}, "malformed"),
        ({"show": "total", "member": "x"}, "unknown_field"),
        ({"show": "item", "lines": [{"name": {"zh": "a", "en": "b"}, "qty": 1, "amount_fen": 1}] * 201}, "malformed"),
    ):
        answer = counter.client.put(f"{API}/till/display", json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (400, code)
    assert counter.shown == []


def test_the_guests_page_is_there_for_every_till_and_for_no_other(counter: Counter):
    stranger = counter.app.test_client()
    page = stranger.get("/display?till=2")
    assert (page.status_code, 'data-till="2"' in page.text) == (200, True)
    assert 'data-till="1"' in stranger.get("/display").text
    for path in ("/display?till=9", f"{API}/display/events?till=9", f"{API}/display/events"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "unknown_till")
    assert stranger.get("/display", base_url="http://till.example").status_code == 400


def test_a_guests_page_of_a_till_that_is_none_asks_a_person_which_one(counter: Counter):
    for language, words in (("zh-CN", "哪个收银台"), ("en", "Which till")):
        page = counter.client.get("/display?till=9", headers={"Accept": "text/html", "Accept-Language": language})
        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert words in page.text
        assert 'href="/display?till=2"' in page.text
    assert counter.client.get("/display?till=9").get_json()["code"] == "unknown_till", "a program is told in JSON"


def test_the_guests_windows_share_the_seats_of_all_streams_and_give_theirs_back(counter: Counter):
    stranger = counter.app.test_client()
    streams = [Stream(stranger, "/display/events?till=1") for _ in range(2)]
    answer = stranger.get(f"{API}/display/events?till=1")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "too_many_streams")
    streams[0].close()
    Stream(stranger, "/display/events?till=1").close()
    streams[1].close()


# --- virtual devices ---


def twins_of(folder: Path, appeared: threading.Event, command: Any = desk_command) -> tuple[Twins, Registry]:
    rows = read_rows([{"kind": "scanner", "id": "gun", "address": "virtual://scanner/gun", "till": "1"}], ["1"])
    registry = Registry(rows.rows, SystemClock(), lambda: None)
    entries = [registry.entry_of(row) for row in rows.of(ScannerRow)]
    return Twins(entries, folder, lambda device_id: appeared.set(), command), registry


def test_a_virtual_device_is_started_shown_with_its_page_and_ended_with_the_node(tmp_path: Path):
    appeared = threading.Event()
    twins, registry = twins_of(tmp_path / "twins", appeared)
    assert twins.wanted
    assert twins.starting
    twins.start()
    assert appeared.wait(PATIENCE_S)
    assert registry.views()[0].page_url.startswith("http://127.0.0.1:")
    # Who comes second finds a desk that serves already, and starts none.
    second_appeared = threading.Event()
    second, _ = twins_of(tmp_path / "twins", second_appeared, lambda folder, addresses: pytest.fail("a desk runs"))
    second.start()
    assert second_appeared.wait(PATIENCE_S)
    second.stop()
    desk = twins._desk
    assert desk is not None
    twins.stop()
    assert desk.poll() is not None
    assert not list((tmp_path / "twins").glob("*.json"))


def press(page_url: str, device: str, action: str, value: object) -> None:
    """What a person does on the page of a virtual device."""
    base = page_url.partition("/#")[0]
    body = json.dumps({"value": value}).encode()
    headers = {"Content-Type": "application/json", "Origin": base}
    request = urllib.request.Request(f"{base}/api/devices/{device}/{action}", body, headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 200


def test_a_running_node_hears_its_virtual_scanner_card_reader_and_scale_and_shows_on_its_virtual_display(
    tmp_path: Path,
):
    rows = [
        {"kind": kind, "id": kind.replace("_", "-"), "address": f"virtual://{kind}/one", "till": "1"}
        for kind in ("scanner", "card_reader", "scale", "display")
    ]
    folder = tmp_path / "data"
    running = wiring.start(
        EdgeSettings(data_dir=str(folder), web=WebSettings(port=0), store=StoreSettings(tills=("1",)), devices=rows)
    )
    try:
        changed, seen = running.node.changed, 0
        while not all(view.state == "ready" and view.page_url for view in running.desk.devices()):
            before, seen = seen, changed.wait(seen, PATIENCE_S)
            assert seen > before, running.desk.devices()
        # The virtual devices are brought up beside the node; nothing is called missing meanwhile.
        pages = {view.id: view.page_url for view in running.desk.devices()}
        pin = (folder / "cashier-pin.txt").read_text(encoding="ascii").strip()
        base = f"http://127.0.0.1:{running.port}{API}"
        session = json.dumps({"pin": pin, "till": "1"}).encode()
        request = urllib.request.Request(f"{base}/session", session, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        with urllib.request.urlopen(
            urllib.request.Request(f"{base}/events", headers={"Cookie": cookie}), timeout=PATIENCE_S
        ) as stream:

            def heard(name: str) -> dict[str, Any]:
                while stream.readline().strip() != f"event: {name}".encode():
                    pass
                found: dict[str, Any] = json.loads(stream.readline().removeprefix(b"data: "))
                return found

            heard("status")
            press(pages["scanner"], "scanner/one", "scan", PAYMENT)
            found = heard("scan")
            assert (found["kind"], found["source"], found["reason"]) == ("payment", "scanner", "not_wanted")
            press(pages["card-reader"], "card_reader/one", "swipe", "10002345")
            found = heard("scan")
            assert (found["kind"], found["source"]) == ("member", "card")
            press(pages["scale"], "scale/one", "load", 486)
            while (weight := heard("weight"))["weight_g"] == 0:
                pass
            assert weight == {"state": "stable", "weight_g": 486, "reason": ""}
            body = json.dumps({"show": "total", "total_fen": 4_200}).encode()
            headers = {"Cookie": cookie, "Content-Type": "application/json"}
            urllib.request.urlopen(
                urllib.request.Request(f"{base}/till/display", body, headers, method="PUT"), timeout=PATIENCE_S
            ).close()
            board = pages["display"].partition("/#")[0]
            with urllib.request.urlopen(f"{board}/events", timeout=PATIENCE_S) as shown:
                while b"42.00" not in shown.readline():
                    pass
        log_lines = "".join(path.read_text(errors="replace") for path in folder.rglob("*.log"))
        assert PAYMENT not in log_lines
    finally:
        running.stop()
    assert not list((folder / "twins").glob("*.json"))


def test_a_desk_that_cannot_start_stops_nobody(tmp_path: Path):
    appeared = threading.Event()
    twins, _ = twins_of(
        tmp_path / "twins", appeared, lambda folder, addresses: [sys.executable, "-c", "raise SystemExit(75)"]
    )
    twins.start()
    assert not appeared.wait(0.5)
    twins.stop()
    assert not twins.starting
