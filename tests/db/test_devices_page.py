"""The device page without a browser: words for every code, who may do what, what each key does, and calibration."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any, Self, get_args

import pytest
from flask.testing import FlaskClient

from drivers import errors
from drivers.card.magstripe import CardTrouble
from drivers.discovery import Candidate
from drivers.errors import DeviceError
from drivers.escpos.status import Cause
from drivers.printer.calibration import QUESTIONS
from drivers.printer.printing import StatusState
from drivers.scale.reading import Reason as ScaleReason
from drivers.scanner.framer import Reason as ScanReason
from edge.app import create_app
from edge.db import device_memory, print_jobs
from edge.devices.registry import Registry
from edge.domain import slip_rules
from edge.domain.device_rows import KINDS, RowProblem, read_rows
from edge.domain.device_view import DeviceState
from edge.domain.refusal import Refused
from edge.receipts.calibration import CalibrationSlip, TrialSlip
from edge.services.care import verify_journal
from edge.services.care.status import Desk
from edge.services.devices import calibrate
from edge.services.devices.device_care import DeviceCare, row_for
from edge.services.printing import spool
from edge.web import words
from edge.web.live import StreamSeats
from tests.kit.nodes import AT_TILL_1, AT_TILL_2, COUNTER, PIN, Rig
from tests.kit.queues import CONFIRMED, ScriptedPrinter, queue_of, run_dry

ROOT = Path(__file__).resolve().parents[2]
KITCHEN = {"kind": "printer", "id": "kitchen", "address": "tcp://127.0.0.1:9101", "stations": ["wok"]}
DRAWER = {"kind": "drawer", "id": "drawer", "printer": "counter", "tills": ["1"]}
DRAWER_2 = {"kind": "drawer", "id": "drawer-2", "printer": "kitchen", "tills": ["2"]}
SCALE = {"kind": "scale", "id": "scale", "address": "serial:///dev/ttyUSB9", "till": "1"}
ALL = (COUNTER, KITCHEN, DRAWER, DRAWER_2, SCALE)
ANSWERS = {
    "columns": "42",
    "width_dots": "512",
    "chinese": "yes",
    "large_hanzi": "D2",
    "dots": "yes",
    "fourbyte": "no",
    "qr": "no",
    "barcode": "yes",
    "buzzer": "1",
    "cut": "yes",
}


class Hands:
    """A supervisor that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def hurry(self, device_id: str = "") -> None:
        self.told.append(("hurry", device_id))

    def hold(self, device_id: str, *, held: bool) -> bool:
        self.told.append(("hold" if held else "release", device_id))
        return True


class House:
    """A node's pages over a registry that the test writes to."""

    def __init__(self, folder: Path, devices: Any = ALL, found: tuple[Candidate, ...] = (), **options: Any) -> None:
        self.rig = Rig(folder, devices=devices, **options)
        node = self.rig.node
        self.registry = Registry(node.devices.rows, node.clock, node.changed.notify)
        self.hands = Hands()
        self.care = DeviceCare(node, self.registry, self.hands, lambda: found)
        desk = Desk(node, link=lambda: None, devices=self.registry.views)
        self.app = create_app(desk, StreamSeats(2), None, self.care)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rig.db.close()

    def client(self, till: str = "1", *, signed_in: bool = True) -> FlaskClient:
        client = self.app.test_client()
        if signed_in:
            if not self.rig.rows("SELECT 1 FROM staff"):
                self.rig.add_cashier()
            assert client.post("/api/v1/session", json={"pin": PIN, "till": till}).status_code == 200
        return client

    def show(self, device_id: str, state: DeviceState, cause: str = "", detail: str = "") -> None:
        entry = self.registry.entry(device_id)
        assert entry is not None
        entry.show(state, cause, detail)

    def remembered(self, device_id: str) -> dict[str, str]:
        with self.rig.db.read() as reader:
            return device_memory.recall(reader, device_id)


@pytest.fixture
def house(tmp_path):
    with House(tmp_path) as made:
        yield made


# ------------------------------------------------------------------------------------------------- a word for every code
CODE = re.compile("[a-z][a-z_]+")


def literals(source: str) -> dict[str, set[str]]:
    """The codes that a module of devices writes down: causes that are shown, compared and named, events that are noted."""
    found: dict[str, set[str]] = {"cause": set(), "note": set()}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr="show" | "_show"), args=[_, ast.Constant(str(cause)), *_]):
                found["cause"].add(cause)
            case ast.Call(func=ast.Attribute(attr="note"), args=[ast.Constant(str(what)), *_]):
                found["note"].add(what)
            case ast.keyword(arg="cause", value=ast.Constant(str(cause))):
                found["cause"].add(cause)
            case ast.Compare(left=ast.Attribute(attr="reason" | "cause"), comparators=[ast.Constant(str(cause))]):
                found["cause"].add(cause)
            case ast.AnnAssign(annotation=ast.Name("Final"), value=ast.Constant(str(code))) if CODE.fullmatch(code):
                found["cause"].add(code)
            # A state with its cause, or the outcome of a drawer with whether it opened.
            case ast.Tuple(elts=[ast.Constant(str(state)), ast.Constant(str(cause))]) if state in get_args(DeviceState):
                found["cause"].add(cause)
            case ast.Tuple(elts=[ast.Constant(str(cause)), ast.Constant(bool())]):
                found["cause"].add(cause)
            case _:
                pass
    found["cause"].discard("")
    return found


def subclasses(kind: type[DeviceError]) -> set[type[DeviceError]]:
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def codes() -> dict[str, set[str]]:
    """Every code that can stand on the page, from the types and sources of whoever gives it."""
    found = {"cause": set(), "note": {"card." + each for each in get_args(CardTrouble)}}
    found["note"] |= {"scan." + each for each in get_args(ScanReason)}
    for path in [*(ROOT / "edge" / "devices").glob("*.py"), *(ROOT / "drivers" / "printer").glob("*.py")]:
        for kind, values in literals(path.read_text(encoding="utf-8")).items():
            found[kind] |= values
    found["cause"] |= {each.code for each in subclasses(DeviceError) if each.__module__ == errors.__name__}
    found["cause"] |= {*get_args(Cause), *get_args(StatusState), *get_args(ScaleReason)} - {"", "ready"}
    found["cause"] |= {slip_rules.STALE, slip_rules.NO_PRINTER, spool.INTERRUPTED, "no_confirmation", "training"}
    return found


def unsaid(found: dict[str, set[str]]) -> set[str]:
    """The codes without words of their own in either language."""
    missing = set()
    for language in ("zh", "en"):
        said = words.catalogue()[language]
        missing |= {code for code in found["cause"] if f"cause.{code}" not in said or f"remedy.{code}" not in said}
        missing |= {code for code in found["note"] if f"devices.log_{code.replace('.', '_')}" not in said}
    return missing


def test_every_code_that_a_device_can_give_has_words_and_a_remedy_in_both_languages() -> None:
    found = codes()
    assert {"paper_out", "cover_open", "near_end", "unconfirmed", "other_printer", "garbage", "stuck", "cutter", "fatal",
            "not_permitted", "not_supported", "in_use", "absent", "overload", "unit", "printer", "not_opened"} <= found["cause"]  # fmt: skip
    assert {"moved", "stale", "unknown_model", "card.half", "scan.garbage"} <= found["note"]
    assert unsaid(found) == set()


def test_a_code_that_nobody_wrote_words_for_would_be_found() -> None:
    """The negative control."""
    source = """
entry.show("error", "on_fire")
self._show("degraded", "damp", detail)
entry.note("smoke", "x")
DRY: Final = "dry"
wet = outcome.reason == "wet"
def of(status):
    return ("error", "molten") if status else ("unknown", "")
Status("unknown", "", cause="haunted")
"""
    assert unsaid(literals(source)) == {"on_fire", "damp", "smoke", "molten", "haunted", "dry", "wet"}


def test_every_remedy_is_a_sentence_and_every_state_and_kind_has_words() -> None:
    for language, end in (("zh", "。"), ("en", ".")):
        said = words.catalogue()[language]
        assert all(text.endswith(end) for key, text in said.items() if key.startswith(("remedy.", "row.")))
        assert {f"state.{state}" for state in get_args(DeviceState)} <= set(said)
        assert {f"devices.kind_{kind}" for kind in KINDS} <= set(said)
        assert {f"calibrate.ask_{question.key}" for question in QUESTIONS} <= set(said)
        assert {f"calibrate.hint_{question.key}" for question in QUESTIONS} <= set(said)
        problems = re.findall(r"`([a-z_]+)`", (RowProblem.__doc__ or "").partition("code:")[2])
        assert len(problems) == 12
        assert {f"row.{code}" for code in problems} <= set(said)


# -------------------------------------------------------------------------------------------------------------- who may
PAGES = [
    "/devices",
    "/devices/",
    "/devices/counter",
    "/devices/_parts",
    "/devices/counter/_parts",
    "/devices/counter/calibrate",
]
POSTS = [
    *(f"/devices/counter/{verb}" for verb in ("hold", "release", "test", "retry", "accept", "stale", "calibration", "trial", "keep",
                                              "uncalibrate")),
    "/devices/drawer/open",
    *(f"/devices/_slips/{'0' * 32}/{verb}" for verb in ("retry", "redirect", "discard")),
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_sees_no_device(house, path):
    answer = house.client(signed_in=False).get(path)
    assert answer.status_code == 401
    assert "tcp://" not in answer.text
    assert "drawer" not in answer.text
    assert house.client().get(path).status_code in {200, 204}


@pytest.mark.parametrize("path", POSTS)
def test_a_stranger_does_nothing_to_a_device(house, path):
    signed_in = house.client()
    before = house.rig.tables()
    form = {"reason": "change", "answer": "print", "printer": "kitchen", **ANSWERS}
    assert house.client(signed_in=False).post(path, data=form).status_code == 401
    assert signed_in.post(path, data=form, headers={"Origin": "http://evil.example"}).status_code == 403
    assert house.hands.told == []
    assert house.rig.tables() == before


def test_every_page_of_devices_is_known_to_the_tests_of_who_may(house):
    rules = {
        (rule.rule, method)
        for rule in house.app.url_map.iter_rules()
        if rule.rule.startswith("/devices")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == {
        ("/devices", "GET"),
        ("/devices/", "GET"),
        ("/devices/_parts", "GET"),
        ("/devices/<device_id>", "GET"),
        ("/devices/<device_id>/_parts", "GET"),
        ("/devices/<device_id>/calibrate", "GET"),
        ("/devices/<device_id>/<verb>", "POST"),
        ("/devices/_slips/<job_id>/<verb>", "POST"),
    }


# ------------------------------------------------------------------------------------------------------------- what it says
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_page_shows_a_code_or_the_name_of_a_word(tmp_path, language):
    found = (Candidate("", "Webcam"), Candidate("usb://04b8:0202", "EPSON TM-T20", (("printer", 90),)))
    with House(tmp_path, (*ALL, {"kind": "drawer", "id": "box", "printer": "no"}), found) as house:
        client = house.client()
        house.rig.sell(1)
        house.show("counter", "error", "other_printer", "it says EPSON|TM-T20|1, it was EPSON|TM-T88|9")
        house.show("kitchen", "degraded", "near_end")
        house.show("scale", "degraded", "overload")
        house.show("drawer", "error", "not_opened")
        said = words.catalogue()[language]
        keys = "|".join(sorted({key.split(".")[0] for key in said}))
        for path in (
            "/devices",
            *(f"/devices/{row.id}" for row in house.rig.node.devices.rows),
            "/devices/counter/calibrate?begin=1",
        ):
            text = client.get(path, query_string={"lang": language} if "?" not in path else None).text
            visible = re.sub(r"<(script|style|textarea).*?</\1>|<[^>]+>", " ", text, flags=re.DOTALL)
            assert not re.search(rf"\b(?:{keys})\.[a-z_]+\b", visible), path
            assert "other_printer" not in visible
            assert "near_end" not in visible
        text = client.get("/devices", query_string={"lang": language}).text
        assert said["row.no_such_printer"] in text
        assert said["devices.found_unsupported"] in text
        assert said["remedy.other_printer"] in client.get("/devices/counter").text
        assert ('lang="en"' if language == "en" else 'lang="zh-CN"') in client.get("/devices/counter").text[:60]


def test_what_a_device_says_of_itself_never_becomes_part_of_the_page(tmp_path):
    evil = '"><script>alert(1)</script>'
    rows = ({**COUNTER, "name": evil}, DRAWER)
    with House(tmp_path, rows, (Candidate("serial:///dev/x", evil, (("scanner", 20),)),)) as house:
        entry = house.registry.entry("counter")
        assert entry is not None
        entry.know(identity=evil, model=evil)
        entry.note("slip", evil)
        house.show("counter", "error", evil, evil)
        for path in ("/devices", "/devices/counter", "/devices/counter/calibrate?begin=1"):
            text = house.client().get(path).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert" in text


def test_a_page_is_only_told_what_changed(house):
    client = house.client()
    text = client.get("/devices/counter").text
    poll = re.search(r'hx-get="([^"]+)"', text)
    assert poll is not None
    assert client.get(poll[1]).status_code == 204
    house.show("counter", "error", "paper_out")
    answer = client.get(poll[1])
    assert answer.status_code == 200
    assert 'id="part-device"' in answer.text
    assert 'id="part-slips"' not in answer.text
    again = re.search(r'hx-get="([^"]+)"', answer.text)
    assert again is not None
    assert client.get(again[1]).status_code == 204


def test_the_row_written_for_what_was_found_can_be_used_as_it_stands():
    candidates = [
        Candidate("tcp://10.0.0.9:9100", "x", (("printer", 90),)),
        Candidate('serial:///dev/serial/by-id/a"b\\c', "x", (("scale", 20),)),
        Candidate("pcsc://ACS%20ACR122U", "x", (("card_reader", 90),)),
        Candidate("hid:///dev/input/by-id/usb-x-event-kbd", "x", (("scanner", 90),)),
        Candidate("serial:///dev/ttyS0", "x", (("display", 20),)),
    ]
    text = "\n".join(row_for(candidate, {"printer-1"}, "1") for candidate in candidates)
    rows = read_rows(tomllib.loads(text)["devices"], ("1", "2"))
    assert rows.problems == ()
    assert [row.id for row in rows.rows] == ["printer-2", "scale-1", "card-reader-1", "scanner-1", "display-1"]
    assert row_for(Candidate("", "Webcam"), set(), "1") == ""


def test_a_virtual_device_leads_to_its_own_page_and_a_real_one_to_none(house):
    assert 'id="do-page"' not in house.client().get("/devices/counter").text
    entry = house.registry.entry("counter")
    assert entry is not None
    entry.show_page("http://127.0.0.1:9180/")
    assert 'href="http://127.0.0.1:9180/" target="_blank" rel="noopener"' in house.client().get("/devices/counter").text


def test_a_store_without_devices_is_told_where_to_write_one(tmp_path):
    with House(tmp_path, ()) as house:
        assert 'data-testid="no-devices"' in house.client().get("/devices").text


def test_an_unknown_model_is_said_until_a_calibration_knows_better(house):
    entry = house.registry.entry("counter")
    assert entry is not None
    entry.know(unknown_model="XP-T80Q", profile="generic-80")
    assert "XP-T80Q" in house.client().get("/devices/counter").text
    post(house, "/devices/counter/keep", **ANSWERS)
    text = house.client().get("/devices/counter").text
    assert 'data-testid="unknown-model"' not in text
    assert 'data-testid="calibrated"' in text


# ------------------------------------------------------------------------------------------------------------- what it does
def post(house: House, path: str, **form: str) -> str:
    answer = house.client().post(path, data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def test_a_printer_on_hold_stays_so_until_somebody_releases_it(house):
    assert post(house, "/devices/counter/hold").endswith("said=devices.said_hold&n=0")
    assert house.remembered("counter") == {device_memory.HELD: "yes"}
    post(house, "/devices/counter/release")
    assert house.remembered("counter") == {}


def test_a_scale_on_hold_stays_so_over_a_restart(house):
    post(house, "/devices/scale/hold")
    assert house.hands.told == [("hold", "scale")]
    after = DeviceCare(house.rig.node, house.registry, house.hands)
    after.recall_holds()
    assert house.hands.told == [("hold", "scale")] * 2
    post(house, "/devices/scale/release")
    house.hands.told.clear()
    after.recall_holds()
    assert house.hands.told == []


def test_a_device_is_only_asked_for_what_it_can_do(house):
    assert post(house, "/devices/scale/test").endswith("said=error.no_such_action&n=0")
    assert post(house, "/devices/scale/accept").endswith("said=error.no_such_action&n=0")
    assert post(house, "/devices/drawer/hold").endswith("said=error.no_such_action&n=0")
    assert post(house, "/devices/nobody/hold").endswith("said=error.not_found&n=0")
    assert post(house, "/devices/counter/explode").endswith("said=error.not_found&n=0")
    assert post(house, "/devices/scale/retry").endswith("said=devices.said_retry&n=0")
    assert house.hands.told == [("hurry", "scale")]


def test_with_htmx_the_answer_is_one_sentence_and_the_parts_are_asked_for_again(house):
    answer = house.client().post("/devices/counter/test?lang=en", headers={"HX-Request": "true"})
    assert answer.headers["HX-Trigger"] == "said"
    assert "The test slip is queued." in answer.text
    assert house.rig.rows("SELECT document, printer FROM print_jobs") == [("test", "counter")]


def test_the_drawer_opens_for_a_reason_and_only_at_its_own_till(house):
    assert post(house, "/devices/drawer/open", reason="change").endswith("said=devices.said_open&n=0")
    assert post(house, "/devices/drawer/open", other="keys fell in").endswith("said=devices.said_open&n=0")
    assert post(house, "/devices/drawer/open", other=" ").endswith("said=error.bad_text&n=0")
    assert post(house, "/devices/drawer/open").endswith("said=error.bad_text&n=0")
    assert [row[0] for row in house.rig.rows("SELECT reason FROM drawer_jobs")] == ["换零钱", "keys fell in"]
    refused = house.care.open_drawer(AT_TILL_2, "drawer", "change")
    assert isinstance(refused, Refused)
    assert refused.code == "other_till_drawer"
    assert isinstance(house.care.open_drawer(AT_TILL_2, "drawer-2", "change"), str)
    assert isinstance(house.care.open_drawer(AT_TILL_1, "counter", "change"), Refused)


def test_a_parked_slip_is_sent_to_another_printer_or_given_up_with_a_reason(house):
    house.rig.sell(1)
    house.rig.sell(2)
    first, second = [row[0] for row in house.rig.rows("SELECT job_id FROM print_jobs ORDER BY position")]
    for job_id in (first, second):
        house.rig.db.write(lambda tx, job_id=job_id: print_jobs.set_state(tx, job_id, "unknown", "no_confirmation", 1))
    assert "/devices/counter?" in post(house, f"/devices/_slips/{first}/redirect", printer="kitchen", device="counter")
    assert post(house, f"/devices/_slips/{second}/discard", reason="no such reason").endswith("error.bad_text&n=0")
    post(house, f"/devices/_slips/{second}/discard", reason="already_printed")
    assert house.rig.rows("SELECT state, printer, moved_from, copy, reason FROM print_jobs ORDER BY position") == [
        ("queued", "kitchen", "counter", 1, ""),
        ("discarded", "counter", "", 0, "纸上已经有了"),
    ]
    assert post(house, f"/devices/_slips/{first}/burn").endswith("error.not_found&n=0")


def test_one_answer_is_given_for_all_slips_that_waited_for_long(house):
    for number in (1, 2, 3):
        house.rig.sell(number)
    jobs = [row[0] for row in house.rig.rows("SELECT job_id FROM print_jobs ORDER BY position")]
    for job_id in jobs:
        house.rig.db.write(lambda tx, job_id=job_id: print_jobs.ask(tx, job_id, slip_rules.STALE))
    text = house.client().get("/devices/counter?lang=en").text
    assert "3 slips older than 10 min" in text
    assert 'id="print-stale-counter"' in text
    assert "sure-stale" not in text
    assert 'id="sure-stale-counter"' in house.client().get("/devices/counter?discard=stale-counter").text
    assert post(house, "/devices/counter/stale", answer="burn").endswith("error.malformed&n=0")
    assert post(house, "/devices/counter/stale", answer="print").endswith("said_stale&n=3")
    assert house.rig.rows("SELECT DISTINCT state FROM print_jobs") == [("queued",)]


def test_accepting_another_printer_forgets_what_was_learned_of_the_first(house):
    house.rig.db.write(lambda tx: device_memory.remember(tx, "counter", device_memory.LEARNED, "{}"))
    post(house, "/devices/counter/accept")
    assert house.remembered("counter") == {}


def test_the_api_does_what_the_page_does(house):
    client = house.client()
    report = client.get("/api/v1/devices").get_json()
    assert [device["id"] for device in report["devices"]] == ["counter", "kitchen", "drawer", "drawer-2", "scale"]
    assert client.post("/api/v1/devices/scale/hold").status_code == 204
    assert client.post("/api/v1/devices/scale/retry").status_code == 204
    assert client.post("/api/v1/devices/counter/test").status_code == 202
    assert client.post("/api/v1/devices/scale/test").status_code == 409
    assert client.post("/api/v1/drawers/drawer/open", json={"reason": "float"}).status_code == 202
    assert client.post("/api/v1/drawers/drawer-2/open", json={"reason": "float"}).status_code == 409
    [job] = client.get("/api/v1/print-jobs").get_json()["jobs"]
    assert (job["kind"], job["printer"], job["others"]) == ("test", "counter", [])
    house.rig.sell(1)
    receipt = client.get("/api/v1/print-jobs").get_json()["jobs"][1]
    assert receipt["others"] == [{"id": "kitchen", "name": "kitchen"}]
    moved = client.post(f"/api/v1/print-jobs/{receipt['id']}/redirect", json={"printer": "kitchen"})
    assert moved.get_json()["printer"] == "kitchen"
    assert client.post("/api/v1/printers/kitchen/stale", json={"answer": "print"}).get_json() == {"slips": 0}
    assert client.post("/api/v1/printers/nobody/stale", json={"answer": "print"}).status_code == 404


def test_in_training_printers_are_shown_as_not_run_and_nothing_is_printed(tmp_path):
    with House(tmp_path, enrolled=False) as house:
        assert "练习" in house.client().get("/devices/counter").text
        for verb in ("test", "calibration"):
            assert post(house, f"/devices/counter/{verb}").endswith("error.training_mode&n=0")
        assert post(house, "/devices/counter/stale", answer="print").endswith("error.training_mode&n=0")
        assert post(house, "/devices/counter/keep", **ANSWERS).endswith("error.training_mode&n=0")
        assert house.rig.rows("SELECT count(*) FROM print_jobs") == [(0,)]


# ------------------------------------------------------------------------------------------------------------- calibration
def test_the_questions_come_one_by_one_and_their_answers_give_the_profile(house):
    client = house.client()
    given: dict[str, str] = {"begin": "1", "lang": "en"}
    for question in QUESTIONS:
        text = client.get("/devices/counter/calibrate", query_string=given).text
        assert f'data-key="{question.key}"' in text
        assert all(f'data-testid="answer-{option}"' in text for option in question.options)
        given[question.key] = ANSWERS[question.key]
    text = client.get("/devices/counter/calibrate", query_string=given).text
    assert 'data-testid="found-profile"' in text
    assert "<td>576</td><td><b>512</b></td>" in text
    assert 'id="keep"' in text
    wrong = client.get("/devices/counter/calibrate", query_string={**given, "columns": "41"}).text
    assert 'id="keep"' not in wrong
    assert words.sentence("malformed", "en") in wrong


def test_the_profile_that_is_kept_is_used_and_told_and_can_be_undone(house):
    rig = house.rig
    # Without a script the answers come back with the page.
    assert "/devices/counter/calibrate?begin=1&columns=42&" in post(house, "/devices/counter/trial", **ANSWERS)
    tried = calibrate.CalibrationSpool(rig.node, "counter")
    job = tried.next_job()
    assert job is not None
    slip = tried.document(job)
    assert isinstance(slip, TrialSlip)
    assert (slip.profile.columns, slip.profile.width_dots, slip.profile.hanzi_size) == (42, 512, "fs")
    assert device_memory.PROFILE not in house.remembered("counter")

    assert post(house, "/devices/counter/keep", **ANSWERS).endswith("/devices/counter?said=devices.said_kept&n=0")
    assert '"columns":42' in house.remembered("counter")[device_memory.PROFILE]
    assert 'id="do-uncalibrate"' in house.client().get("/devices/counter").text
    post(house, "/devices/counter/uncalibrate")
    post(house, "/devices/counter/uncalibrate")
    assert device_memory.PROFILE not in house.remembered("counter")
    assert rig.rows("SELECT count(*) FROM facts WHERE kind = 'device.calibrated'") == [(2,)]
    assert verify_journal.verify(rig.node).as_json()["ok"] is True

    assert post(house, "/devices/counter/keep", **{**ANSWERS, "cut": "maybe"}).endswith("error.malformed&n=0")
    assert post(house, "/devices/scale/keep", **ANSWERS).endswith("error.not_found&n=0")


def test_a_calibration_slip_waits_like_any_other_and_never_goes_to_the_fall_back(tmp_path):
    rows = ({**COUNTER, "fallback": "kitchen"}, KITCHEN)
    with House(tmp_path, rows) as house:
        rig = house.rig
        rig.sell(1)
        post(house, "/devices/counter/calibration")
        mine = calibrate.CalibrationSpool(rig.node, "counter")
        receipt, slip = house.care.jobs("counter")
        assert mine.movable() == [receipt.job_id]
        assert house.care.others(slip) == []
        assert mine.document(slip) == CalibrationSlip((), 0)
        assert mine.document(slip._replace(copy=2)) == CalibrationSlip((), 2)

        class Paper(ScriptedPrinter):
            def encode(self, document):
                return (
                    super().encode(document)
                    if not isinstance(document, CalibrationSlip)
                    else super().encode(mine.document(receipt))
                )

        queue = queue_of(rig, Paper([CONFIRMED, CONFIRMED]), slips_of=mine)
        run_dry(queue)
        assert rig.rows("SELECT document, state FROM print_jobs ORDER BY position") == [
            ("receipt", "confirmed"),
            ("calibration", "confirmed"),
        ]


def test_a_trial_whose_profile_is_gone_is_printed_in_the_one_in_use(house):
    post(house, "/devices/counter/trial", **ANSWERS)
    house.rig.db.write(lambda tx: device_memory.remember(tx, "counter", calibrate.TRIAL, "not json"))
    mine = calibrate.CalibrationSpool(house.rig.node, "counter")
    job = mine.next_job()
    assert job is not None
    slip = mine.document(job)
    assert isinstance(slip, TrialSlip)
    assert slip.profile.name == "generic-80"
