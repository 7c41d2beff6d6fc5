"""The diagnostics bundle: it helps, and it holds no secret and nobody's data, wherever they were planted."""

import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from edge import cli
from edge.services.care import diagnostics, doctor
from edge.services.care.diagnostics import Cleaner
from edge.services.care.status import Desk
from edge.services.devices.device_care import DeviceCare
from sync.node import keys
from tests.kit.nodes import COUNTER, PIN, Rig, grant

PHONE = "13800138000"
PAN = "4111111111111111"
GROUPED_PAN = "4111 1111 1111 1111"
PAYMENT = "134567890123456789"
BROKER_TOKEN = "tok-5f2c9b1e77aa"
SESSION = "ab" * 32
PASSWORD = "hunter2-of-the-camera"


@pytest.fixture
def rig(tmp_path):
    row = {**COUNTER, "roll_url": f"http://me:{PASSWORD}@127.0.0.1/roll"}
    with Rig(tmp_path / "node", devices=(row,)) as made:
        made.sell(1)
        yield made


def plant(rig: Rig) -> list[str]:
    """Put every kind of secret where one may get to by mistake; gives what must not come out."""
    folder = rig.folder
    identity = keys.load_or_make(folder / "keys.json")
    stored = json.loads((folder / "keys.json").read_text())
    granted = msgspec.json.encode(grant()).replace(b'"token":"x"', f'"token":"{BROKER_TOKEN}"'.encode())
    keys.write_secret(folder / "enrolment.json", granted)
    keys.write_secret(folder / "cashier-pin.txt", f"{PIN}\n".encode())
    material = [value for value in stored.values() if isinstance(value, str)]
    assert material
    assert identity is not None
    lines = [
        {"event": "sign_in", "pin": PIN, "at_ms": 1},
        {"event": f"somebody typed {PIN} into the search field"},
        {"event": "scan", "detail": f"read {PAYMENT} and {PAN}"},
        {"event": "card", "detail": f"typed as {GROUPED_PAN}, or 4111-1111-1111-1111"},
        {"event": "member", "phone": PHONE, "detail": f"called {PHONE} twice"},
        {"event": "link.failed", "detail": f"refused password={BROKER_TOKEN} token: {SESSION}"},
        {"event": "link", "nested": {"token": SESSION, "list": [{"cookie": SESSION}, f"http://u:{PASSWORD}@hub/"]}},
        {"event": "key", "detail": material[0]},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    broken = '{"event": "half a line with pin ' + PIN + " and " + PAN
    (folder / "log.jsonl.1").write_text(text, encoding="utf-8")
    (folder / "log.jsonl").write_text(text + broken, encoding="utf-8")
    return [PIN, PHONE, PAN, GROUPED_PAN, "4111-1111", PAYMENT, BROKER_TOKEN, SESSION, PASSWORD, *material]


def bundled(rig: Rig, out: Path, cleaner: Cleaner | None = None) -> dict[str, str]:
    desk = Desk(rig.node, link=lambda: None, devices=list)
    seen = doctor.seen_by(desk, DeviceCare(rig.node))
    report = doctor.as_json(doctor.examine(rig.settings, seen, rig.clock), running=True)
    diagnostics.write(out, rig.settings, seen, report, cleaner)
    with zipfile.ZipFile(out) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def test_no_secret_and_nobodys_data_get_into_the_bundle(rig, tmp_path):
    secrets = plant(rig)
    files = bundled(rig, tmp_path / "out.zip")
    for secret in secrets:
        assert not [name for name, text in files.items() if secret in text], secret
    assert "宫保鸡丁" not in "".join(files.values())


class NoCleaner(Cleaner):
    def text(self, text: str) -> str:
        return text

    def tree(self, value: object, name: str = "") -> Any:
        return value


def test_without_the_cleaner_the_same_search_finds_what_was_planted(rig, tmp_path):
    """The negative control."""
    secrets = plant(rig)
    files = bundled(rig, tmp_path / "out.zip", NoCleaner([]))
    # Of the key material only the first was planted; the rest never left its file.
    assert all(any(secret in text for text in files.values()) for secret in secrets[:10])


def test_the_bundle_says_what_it_holds_and_holds_what_helps(rig, tmp_path):
    plant(rig)
    files = bundled(rig, tmp_path / "out.zip")
    assert set(files) == {
        "about.txt",
        "versions.json",
        "settings.json",
        "node.json",
        "doctor.json",
        "files.json",
        "log.jsonl",
    }
    for name in files:
        assert name == "about.txt" or name in files["about.txt"]
    node = json.loads(files["node.json"])
    assert node["tables"]["sales"] == 1
    assert [device["id"] for device in node["devices"]] == ["counter"]
    assert json.loads(files["settings.json"])["devices"][0]["address"] == "tcp://127.0.0.1:9100"
    assert json.loads(files["versions.json"])["flask"]
    assert json.loads(files["files.json"])["node.db"] > 0
    events = [json.loads(line)["event"] for line in files["log.jsonl"].splitlines()[:-1]]
    assert events[0] == "sign_in"
    assert "<16 digits>" in files["log.jsonl"]
    assert all(check["name"] for check in json.loads(files["doctor.json"])["checks"])


def test_a_code_that_names_a_trouble_stays_and_one_that_opens_something_goes():
    clean = Cleaner([])
    assert clean.tree({"code": "no_such_till"}) == {"code": "no_such_till"}
    assert clean.tree({"code": "7F3K-99"}) == {"code": "<removed>"}
    assert clean.text("row 3 of 12345678901") == "row 3 of <11 digits>"
    assert clean.text("30 portions on 2026-11-22 at 18:42") == "30 portions on 2026-11-22 at 18:42"


def test_the_command_writes_the_bundle_of_a_stopped_node_and_names_a_place_that_cannot_be_written(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text('data_dir = "data"\n', encoding="utf-8")
    out = tmp_path / "out.zip"
    result = CliRunner().invoke(cli.main, ["diagnostics", "--config", str(path), "--out", str(out), "--json"])
    told = json.loads(result.stdout.strip().splitlines()[-1])
    assert (result.exit_code, told["ok"]) == (0, True)
    with zipfile.ZipFile(out) as bundle:
        assert bundle.namelist() == told["files"]
    nowhere = tmp_path / "no-folder" / "out.zip"
    result = CliRunner().invoke(cli.main, ["diagnostics", "--config", str(path), "--out", str(nowhere)])
    assert result.exit_code == 2
    assert "may be written" in result.stderr
