"""`zhanggui-edge enrol --replace`, `restore` and `drill` as commands, against a hub that really listens."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud import wiring as hub_wiring
from cloud.settings import BrokerSettings, EnrolmentSettings, HubSettings, ListenSettings
from edge import wiring
from edge.cli import main
from edge.services.hub import enrolment, recovery
from edge.settings import EdgeSettings, load
from sync.contract.words import Name
from tests.hub.test_hub_run import LoopTransport
from tests.kit.handovers import projected, ship
from tests.kit.nodes import Rig, acknowledge


@pytest.fixture
def hub(tmp_path):
    settings = HubSettings(
        data_dir=str(tmp_path / "hub"),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
        enrolment=EnrolmentSettings(approval="never"),
    )
    running = hub_wiring.start(settings, LoopTransport())
    yield running
    running.stop()


def code(hub) -> str:
    made: str = hub.core.hub.enrolment.make_code("qingci", Name("青瓷巷店", "Celadon Lane")).code
    return made


def config_of(folder: Path) -> Path:
    folder.mkdir()
    config = folder / "edge.toml"
    config.write_text('data_dir = "data"\n[web]\nport = 0\n[backup]\nfolder = "../second disk"\n')
    return config


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def enrol(hub, config: Path, *more: str) -> tuple[int, str, str]:
    where = ("--config", str(config), "--hub", f"http://127.0.0.1:{hub.web_port}", "--store", "qingci")
    return run("enrol", "--json", *where, *more)


class Shop(Rig):
    """A rig on a folder that a command enrolled."""

    def __init__(self, config: Path) -> None:
        self._settings = load(config)
        held = enrolment.load(Path(self._settings.data_dir))
        assert held is not None
        super().__init__(Path(self._settings.data_dir), seed=f"epoch {held.epoch}")

    def start(self) -> None:
        """Open the file with the keys and the grant that lie there."""
        self.identity = enrolment.own_identity(self.folder)
        self._grant = enrolment.load(self.folder)
        super().start()


def test_a_blank_machine_becomes_the_store_and_a_dead_disk_is_put_back(hub, tmp_path):
    first = config_of(tmp_path / "first")
    assert enrol(hub, first, "--code", code(hub))[0] == 0
    with Shop(first) as shop:
        for number in range(5):
            shop.sell(number)
        ship(shop, hub.core)
        before = projected(shop)
    assert run("drill", "--fresh", "--json", "--config", str(first))[0] == 0

    # The machine burns: another one takes its place, says how far it is, verifies, and is held by its own drill.
    second = config_of(tmp_path / "second")
    status, out, said = enrol(hub, second, "--code", code(hub), "--replace")
    assert (status, json.loads(out)) == (0, {"ok": True, "store": "qingci", "epoch": 2, "facts": 11})
    assert "11 of 11 facts, 100 %" in said
    with Shop(second) as shop:
        assert projected(shop) == before
        shop.sell(100)
        ship(shop, hub.core, epoch=2)
        before = projected(shop)
    status, out, _ = run("verify", "--json", "--config", str(second))
    assert status == 0, out
    status, out, _ = run("drill", "--fresh", "--json", "--config", str(second))
    assert (status, [check["ok"] for check in json.loads(out)["checks"]]) == (0, [True] * 4), out

    # Its file goes bad: the newest copy comes back, sells nothing until it has its new epoch, then has everything.
    (tmp_path / "second" / "data" / "node.db").write_bytes(b"\0" * 8_192)
    status, out, _ = run("restore", "--json", "--config", str(second))
    assert (status, json.loads(out)["ok"]) == (0, True), out
    node, db = wiring.open_node(load(second))
    assert (node.training, node.recovery) == (True, recovery.RESTORED)
    db.close()
    assert enrol(hub, second, "--code", code(hub))[0] == 1, "not without --replace"
    status, out, _ = enrol(hub, second, "--code", code(hub), "--replace")
    assert (status, json.loads(out)["epoch"]) == (0, 3), out
    with Shop(second) as shop:
        assert projected(shop) == before
    assert run("verify", "--json", "--config", str(second))[0] == 0


def test_a_replacement_that_was_broken_off_goes_on_without_another_code(hub, tmp_path):
    first = config_of(tmp_path / "first")
    assert enrol(hub, first, "--code", code(hub))[0] == 0
    with Shop(first) as shop:
        for number in range(5):
            shop.sell(number)
        ship(shop, hub.core)
    second = config_of(tmp_path / "second")
    folder = Path(load(second).data_dir)
    # The power goes between the grant and the first fact.
    recovery.begin(folder, 0, f"http://127.0.0.1:{hub.web_port}")
    (folder / "node-id.txt").write_text("1" * 32)
    enrolment.enrol(
        folder,
        f"http://127.0.0.1:{hub.web_port}",
        "qingci",
        code(hub),
        "1" * 32,
        on_waiting=print,
        pause=lambda _: None,
    )
    node, db = wiring.open_node(load(second))
    assert (node.training, node.recovery) == (True, recovery.REPLACING)
    db.close()
    status, out, _ = enrol(hub, second, "--replace")
    assert (status, json.loads(out)["facts"]) == (0, 11), out
    assert recovery.load(folder) is None


def test_a_wrong_code_leaves_a_blank_machine_blank(hub, tmp_path):
    config = config_of(tmp_path / "first")
    code(hub)
    status, _, said = enrol(hub, config, "--code", "AAAAA-AAAAA", "--replace")
    assert status == 1, said
    assert recovery.load(Path(load(config).data_dir)) is None


def test_a_hub_that_does_not_answer_is_named_and_nothing_is_lost(hub, tmp_path):
    first = config_of(tmp_path / "first")
    assert enrol(hub, first, "--code", code(hub))[0] == 0
    second = config_of(tmp_path / "second")
    folder = Path(load(second).data_dir)
    folder.mkdir()
    for path in Path(load(first).data_dir).glob("*.json"):
        shutil.copy(path, folder / path.name)
    recovery.note(folder, recovery.Recovery(state=recovery.REPLACING, epoch=0))
    status, _, said = run(
        "enrol", "--config", str(second), "--hub", "http://127.0.0.1:9", "--store", "qingci", "--replace"
    )
    assert (status, "did not answer" in said) == (1, True), said
    assert recovery.load(folder) is not None


def test_settings_name_a_folder_from_the_file(tmp_path):
    read: EdgeSettings = load(config_of(tmp_path / "first"))
    assert Path(read.backup.folder).resolve() == (tmp_path / "second disk").resolve()


def sold_and_copied(hub, tmp_path) -> Path:
    config = config_of(tmp_path / "first")
    assert enrol(hub, config, "--code", code(hub))[0] == 0
    with Shop(config) as shop:
        for number in range(5):
            shop.sell(number)
        ship(shop, hub.core)
    assert run("drill", "--fresh", "--json", "--config", str(config))[0] == 0
    return config


def test_a_restored_file_is_proven_before_its_new_epoch_as_before(hub, tmp_path):
    config = sold_and_copied(hub, tmp_path)
    status, out, _ = run("verify", "--json", "--config", str(config))
    assert (status, json.loads(out)["facts"]) == (0, 12), out
    assert run("restore", "--from", "newest", "--config", str(config))[0] == 0
    status, out, _ = run("verify", "--json", "--config", str(config))
    assert (status, json.loads(out)["facts"], json.loads(out)["findings"]) == (0, 11, []), out
    status, out, _ = run("drill", "--json", "--config", str(config))
    assert status == 0, out
    # And a word that another hub signed is still found in it.
    with Shop(config) as shop:
        acknowledge(shop, 0)
    status, _, said = run("verify", "--config", str(config))
    assert status == 1, said
    status, out, _ = run("verify", "--json", "--config", str(config))
    assert ["the hub's word is not the hub's" in one["what"] for one in json.loads(out)["findings"]] == [True], out


def test_a_file_that_was_cut_off_is_a_sentence_and_no_traceback_and_the_command_in_it_brings_it_back(hub, tmp_path):
    config = sold_and_copied(hub, tmp_path)
    path = Path(load(config).data_dir) / "node.db"
    assert path.stat().st_size > 100_000
    os.truncate(path, 100_000)
    cut = path.read_bytes()
    for command in (("verify",), ("verify", "--json"), ("drill",)):
        status, _, said = run(*command, "--config", str(config))
        assert (status, "is damaged" in said, "restore --config FILE --from newest" in said) == (2, True, True), said
    status, out, _ = run("doctor", "--json", "--config", str(config))
    [check] = [check for check in json.loads(out)["checks"] if check["name"] == "database"]
    assert (status, check["state"]) == (1, "fail")
    assert "malformed" in check["seen"]
    assert "0 facts" not in check["seen"]
    assert "restore --config FILE --from newest" in check["remedy"]
    status, _, said = enrol(hub, config, "--code", code(hub), "--replace")
    assert (status, "is damaged" in said) == (1, True), said
    assert path.read_bytes() == cut
    path.chmod(0o644)
    assert run("restore", "--config", str(config), "--from", "newest")[0] == 0
    assert run("verify", "--config", str(config))[0] == 0
    files = [path, *path.parent.glob("node.db.before-*")]
    assert len(files) > 1
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
