"""`zhanggui-edge doctor` and `devices`: each check says what was seen and what to do, on a running node and on a stopped one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge import cli
from edge.services.care import doctor
from edge.services.care.doctor import Check, Machine
from edge.services.care.status import Desk
from edge.services.devices.device_care import DeviceCare
from edge.settings import EdgeSettings
from edge.web import words
from sync.engine import troubles
from sync.node import control
from sync.node.control import ControlServer, FolderLock
from tests.kit.device_nodes import DeviceNode
from tests.kit.nodes import COUNTER, START_MS, Rig

WELL = Machine(
    has_module=lambda name: True,
    chinese_font=lambda: "WenQuanYi Micro Hei Mono",
    free_bytes=lambda folder: 5_000_000_000,
    may_use=lambda path: True,
    port_is_free=lambda host, port: True,
)
SCALE = {"kind": "scale", "id": "scale", "address": "serial:///dev/no-such-scale", "till": "1"}
USB = {"kind": "printer", "id": "usb-1", "address": "usb://04b8:0202", "stations": ["wok"]}
CARDS = {"kind": "card_reader", "id": "cards", "address": "pcsc://ACR122U", "till": "1"}


@pytest.fixture
def rig(tmp_path):
    with Rig(tmp_path / "node", devices=(COUNTER, SCALE, USB, CARDS)) as made:
        (tmp_path / "node").chmod(0o700)
        made.sell(1)
        yield made


def seen_of(rig: Rig) -> dict[str, Any]:
    desk = Desk(rig.node, link=lambda: None, devices=list)
    seen: dict[str, Any] = json.loads(json.dumps(doctor.seen_by(desk, DeviceCare(rig.node))))
    return seen


def looked(
    rig: Rig, machine: Machine = WELL, seen: dict[str, Any] | None = None, **settings: Any
) -> dict[str, list[Check]]:
    changed = EdgeSettings(
        **{**{name: getattr(rig.settings, name) for name in rig.settings.__struct_fields__}, **settings}
    )
    found: dict[str, list[Check]] = {}
    for check in doctor.examine(changed, seen or seen_of(rig), rig.clock, machine):
        found.setdefault(check.name, []).append(check)
    return found


def verdicts(found: dict[str, list[Check]]) -> dict[str, list[str]]:
    return {name: [check.state for check in checks] for name, checks in found.items()}


def test_a_machine_where_all_is_well_fails_nothing_but_the_devices_that_nobody_runs(rig):
    found = looked(rig)
    assert {name for name, states in verdicts(found).items() if "fail" in states} == {"printer", "scale", "card_reader"}
    quiet = {**seen_of(rig), "devices": []}
    assert not [name for name, states in verdicts(looked(rig, seen=quiet)).items() if "fail" in states]
    assert all(check.seen for checks in found.values() for check in checks)


FAULTS: list[tuple[str, Machine, str, str]] = [
    ("no font", replace(WELL, chinese_font=lambda: ""), "Chinese font", "warn"),
    ("a full disk", replace(WELL, free_bytes=lambda folder: 50_000_000), "disk space", "fail"),
    ("a disk that is getting full", replace(WELL, free_bytes=lambda folder: 500_000_000), "disk space", "warn"),
    ("a folder of somebody else", replace(WELL, may_use=lambda path: False), "data folder", "fail"),
    ("no pyusb for a USB printer", replace(WELL, has_module=lambda name: name != "usb"), "pyusb", "fail"),
    ("no pyscard for a card reader", replace(WELL, has_module=lambda name: name != "smartcard"), "pyscard", "fail"),
    ("no pyserial for a scale", replace(WELL, has_module=lambda name: name != "serial"), "pyserial", "fail"),
]


@pytest.mark.parametrize(("what", "machine", "name", "verdict"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_what_is_wrong_with_the_machine_is_said_with_its_remedy(rig, what, machine, name, verdict):
    [check] = looked(rig, machine)[name]
    assert check.state == verdict
    assert check.remedy
    assert verdicts(looked(rig))[name] == ["ok"]


def test_a_library_that_no_device_needs_may_be_missing(tmp_path):
    with Rig(tmp_path, devices=(COUNTER,)) as rig:
        found = looked(rig, replace(WELL, has_module=lambda name: False))
        assert verdicts(found)["pyusb"] == verdicts(found)["pyscard"] == verdicts(found)["pyserial"] == ["ok"]


def test_a_device_path_is_looked_at_but_not_opened(rig, tmp_path):
    path = tmp_path / "ttyUSB0"
    path.touch()
    row = {**SCALE, "address": f"serial://{path}"}
    assert verdicts(looked(rig, devices=(row,)))["device path"] == ["ok"]
    closed = replace(WELL, may_use=lambda asked: asked != path)
    [check] = looked(rig, closed, devices=(row,))["device path"]
    assert (check.state, "dialout" in check.remedy) == ("fail", True)
    assert verdicts(looked(rig))["device path"] == ["warn"]


def test_a_clock_before_the_newest_sale_or_before_the_program_is_wrong(rig):
    assert verdicts(looked(rig))["clock"] == ["ok"]
    ahead = {**seen_of(rig), "newest_fact_ms": START_MS + 3_600_000}
    assert verdicts(looked(rig, seen=ahead))["clock"] == ["fail"]
    rig.clock.step_wall(-790_000_000_000)
    assert verdicts(looked(rig))["clock"] == ["fail"]


def test_a_wrong_row_names_its_field_and_what_to_write(rig):
    [check] = looked(rig, devices=({**COUNTER, "stations": []},))["device row"]
    assert (check.state, check.seen) == ("fail", "row 1 (counter), field stations: no_station")
    assert 'stations = ["receipt"]' in check.remedy


def test_devices_that_are_down_held_or_in_want_of_something_are_told_apart(rig):
    base: dict[str, Any] = {"id": "counter", "kind": "printer", "held": False, "detail": "look at it", "cause": ""}
    states: list[tuple[dict[str, Any], str]] = [
        ({"state": "ready"}, "ok"),
        ({"state": "degraded", "cause": "near_end"}, "warn"),
        ({"state": "error", "cause": "paper_out"}, "fail"),
        ({"state": "unknown", "cause": "not_answering"}, "fail"),
        ({"state": "absent", "cause": "absent"}, "fail"),
        ({"state": "ready", "held": True}, "warn"),
        ({"state": "connecting", "cause": "training"}, "ok"),
    ]
    for change, verdict in states:
        [check] = looked(rig, seen={**seen_of(rig), "devices": [{**base, **change}]})["printer"]
        assert check.state == verdict, change


def test_parked_slips_and_a_hub_that_is_away_are_warnings(rig):
    seen = seen_of(rig)
    parked = {**seen, "slips": {"waiting": 1, "parked": 2}}
    assert verdicts(looked(rig, seen=parked))["slips"] == ["warn"]
    assert verdicts(looked(rig))["slips"] == ["ok"]
    assert verdicts(looked(rig))["hub"] == ["warn"]
    assert verdicts(looked(rig, seen={**seen, "hub": {**seen["hub"], "state": "connected"}}))["hub"] == ["ok"]
    assert verdicts(looked(rig, seen={**seen, "training": True}))["hub"] == ["warn"]


def test_a_hub_that_refuses_is_told_with_the_remedy_of_the_sync_page(rig):
    seen = seen_of(rig)

    def told(hub: dict[str, Any], **more: Any) -> Check:
        around = {**seen, "hub": {**seen["hub"], "state": "away", **hub}, **more}
        checks = doctor.examine(rig.settings, around, rig.clock, WELL, say=words.english)
        [check] = [check for check in checks if check.name == "hub"]
        return check

    english = words.catalogue()["en"]
    for reason in ("fork", "rewind", "revoked", "upgrade", "other"):
        check = told({"refusal": reason})
        assert (check.state, check.remedy) == ("fail", english[f"sheet.refused_{reason}"]), reason
    assert told({"refusal": "of a newer hub"}).remedy == english["sheet.refused_other"]
    for trouble in troubles.CODES:
        check = told({}, trouble=trouble)
        assert (check.state, check.remedy) == ("warn", english[f"link.trouble.{trouble}"]), trouble
    assert told({}, fenced=True).remedy.startswith(english["sheet.fenced_what"])
    assert "look at the network" in told({}).remedy
    restored = {**seen["copies"], "recovery": "restored"}
    assert told({}, training=True, copies=restored).remedy == "zhanggui-edge enrol --replace"


def test_a_port_that_another_program_has_is_found_only_while_the_node_is_stopped(rig):
    taken = replace(WELL, port_is_free=lambda host, port: False)
    assert verdicts(looked(rig, taken))["web port"] == ["ok"]
    rig.db.close()
    assert verdicts(looked(rig, taken, doctor.seen_outside(rig.settings)))["web port"] == ["fail"]


def test_a_stopped_node_is_looked_at_from_outside(rig):
    rig.db.close()
    seen = doctor.seen_outside(rig.settings)
    assert (seen["running"], seen["pages"], seen["tables"]["sales"]) == (False, "ok", 1)
    assert [(device["id"], device["state"], device["cause"]) for device in seen["devices"]] == [
        (row["id"], "unknown", "not_running") for row in (COUNTER, SCALE, USB, CARDS)
    ]
    assert verdicts(looked(rig, seen=seen))["database"] == ["ok"]
    broken = {**seen, "pages": "*** in database main *** page 7"}
    assert verdicts(looked(rig, seen=broken))["database"] == ["fail"]


# ------------------------------------------------------------------------------------------------------ the command line
def settings_file(folder: Path, rows: str = "") -> Path:
    path = folder / "edge.toml"
    path.write_text(f'data_dir = "data"\n[web]\nport = 0\n{rows}', encoding="utf-8")
    return path


def run(*words: str) -> tuple[Result, dict[str, Any]]:
    result = CliRunner().invoke(cli.main, list(words))
    return result, json.loads(result.stdout.strip().splitlines()[-1])


ROW = '[[devices]]\nkind = "printer"\nid = "counter"\naddress = "tcp://127.0.0.1:1"\n'


def test_the_last_line_is_one_object_and_the_exit_says_whether_anything_fails(tmp_path):
    result, told = run("doctor", "--json", "--config", str(settings_file(tmp_path, ROW)))
    failed = [check for check in told["checks"] if check["state"] == "fail"]
    assert (result.exit_code, told["ok"], failed) == (0, True, [])
    result, told = run("doctor", "--json", "--config", str(settings_file(tmp_path, ROW + ROW)))
    assert (result.exit_code, told["ok"]) == (1, False)
    text = CliRunner().invoke(cli.main, ["doctor", "--config", str(settings_file(tmp_path, ROW + ROW))])
    assert text.exit_code == 1
    assert "give each device an id of its own" in text.stdout


def test_settings_that_cannot_be_read_are_one_failed_check(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text("data_dir = 5\n", encoding="utf-8")
    result, told = run("doctor", "--json", "--config", str(path))
    assert (result.exit_code, told["ok"]) == (1, False)
    assert [(check["name"], check["state"]) for check in told["checks"]] == [("settings", "fail")]
    assert "data_dir" in told["checks"][0]["seen"]


def test_devices_of_a_stopped_node_are_its_rows_and_what_is_plugged_in(tmp_path):
    path = settings_file(tmp_path, ROW + ROW.replace("counter", "bar") + '[[devices]]\nkind = "toaster"\n')
    result, told = run("devices", "--json", "--config", str(path))
    assert (result.exit_code, told["ok"], told["running"]) == (0, True, False)
    assert [device["id"] for device in told["devices"]] == ["counter"]
    assert [problem["code"] for problem in told["problems"]] == ["same_address", "unknown_kind"]
    text = CliRunner().invoke(cli.main, ["devices", "--config", str(path)]).stdout
    assert "The node is stopped; nothing was opened." in text
    assert "row 3" in text
    assert not (tmp_path / "data").exists()


def test_devices_of_a_running_node_are_asked_over_its_socket(tmp_path):
    path = settings_file(tmp_path, ROW)
    folder = tmp_path / "data"
    with Rig(folder) as rig:
        rig.sell(1)
        lock = FolderLock(folder)
        server = ControlServer(folder, lambda asked: {"ok": asked == {"command": "devices"}, **seen_of(rig)})
        server.start()
        try:
            result, told = run("devices", "--json", "--config", str(path))
            assert (result.exit_code, told["running"]) == (0, True)
            assert [(device["id"], device["waiting"]) for device in told["devices"]] == [("counter", 1)]
            result, told = run("doctor", "--json", "--config", str(path))
            assert told["running"] is True
            assert {check["name"] for check in told["checks"]} >= {"node", "slips", "hub", "clock", "database"}
        finally:
            server.stop()
        silent = CliRunner().invoke(cli.main, ["devices", "--config", str(path)])
        assert silent.exit_code == 75
        assert "try again" in silent.stderr
        lock.release()


def test_a_running_node_tells_its_devices_slips_and_hub(tmp_path):
    house = DeviceNode(tmp_path)
    try:
        house.fault(paper_out=True)
        house.sell()
        house.until(lambda: house.running.desk.devices()[0].cause == "paper_out")
        seen = control.ask(Path(house.settings.data_dir), {"command": "devices"}, 10)
        checks = doctor.examine(house.settings, seen, house.node.clock, WELL)
    finally:
        house.stop()
    assert (seen["ok"], seen["running"], seen["training"]) == (True, True, False)
    told = {device["id"]: (device["state"], device["cause"]) for device in seen["devices"]}
    assert told["counter"] == ("error", "paper_out")
    assert told["scanner-1"][0] == "absent"
    assert {check.name for check in checks if check.state == "fail"} == {"printer", "scanner", "device row"}
    assert any(check.seen == "counter: error (paper_out)" for check in checks)
