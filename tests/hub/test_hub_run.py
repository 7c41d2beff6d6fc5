"""The whole hub in one process over a transport of our own, and the commands on a stopped one."""

import json
import queue
import stat
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from cloud import wiring
from cloud.cli import main
from cloud.db.tables import READ_MODEL_NAMES
from cloud.settings import BrokerSettings, HubSettings, ListenSettings
from cloud.standby import Part
from sync.contract import topics
from sync.contract.words import Name
from sync.engine.transport import LinkState, Message
from sync.node import control, keys, sealing
from sync.node.control import AlreadyRunning
from sync.node.ports import SystemChance, SystemClock
from tests.kit.hub_store import StoreKit, request
from tests.kit.waiting import PATIENCE_S, until


class LoopTransport:
    """A broker of one: what the test puts in arrives, what the hub publishes is kept."""

    def __init__(self):
        self.inbox: queue.SimpleQueue[Message | LinkState] = queue.SimpleQueue()
        self.published: queue.SimpleQueue[tuple[str, bytes, bool]] = queue.SimpleQueue()
        self.connected = False

    def start(self):
        self.connected = True
        self.inbox.put(LinkState.UP)

    def stop(self):
        self.connected = False

    def publish(self, topic, payload, *, retain=False, qos=1):
        self.published.put((topic, payload, retain))
        return True

    def poll(self, timeout_s):
        try:
            return self.inbox.get(timeout=timeout_s) if timeout_s else self.inbox.get_nowait()
        except queue.Empty:
            return None


def settings_in(folder, database: str = "sqlite") -> HubSettings:
    return HubSettings(
        database=database,
        data_dir=str(folder),
        web=ListenSettings(port=0),
        guest=ListenSettings(port=0),
        broker=BrokerSettings(port=1),
        public_url="https://example.com",
    )


@pytest.fixture
def running(tmp_path, hub_url):
    transport = LoopTransport()
    hub = wiring.start(settings_in(tmp_path / "hub", hub_url), transport)
    yield hub, transport
    hub.stop()
    ours = {"link", "projector", "control", "standby", "news"}
    assert [thread.name for thread in threading.enumerate() if thread.name in ours] == []


def next_of(transport, topic):
    while True:
        found = transport.published.get(timeout=PATIENCE_S)
        if found[0] == topic:
            return found


def test_a_fact_comes_in_is_acknowledged_and_shown(running):
    hub, transport = running
    core = hub.core
    made = core.hub.enrolment.make_code("s1", Name("青瓷巷店", "Celadon Lane"))
    identity = keys.make_identity(b"node" * 8)
    core.hub.enrolment.redeem(request("s1", made.code, identity))
    kit = Seen(core)
    store = StoreKit(kit, "s1", 1, identity)
    sale = store.sell()
    seen = core.hub.changes.count
    transport.inbox.put(Message(*store.batch(1, 2), retained=False))
    (ack,) = store.read([next_of(transport, store.topics.ack)[:2]])
    assert ack.seq == 2
    # The first change need not be this one.
    until(lambda: core.hub.changes.count > seen and core.hub.reports.sale("s1", sale.sale_id) is not None)


def test_the_doorbell_rings_on_connect_and_for_every_new_version(running):
    hub, transport = running
    core = hub.core
    topic = topics.doorbell("zhanggui")
    _, payload, retained = next_of(transport, topic)
    assert retained
    # The jobs of this process publish the rules of points, which may be before or after the link is up.
    assert set(sealing.open_doorbell(core.identity.public.signing, payload).streams) <= {"rules"}
    made = core.hub.enrolment.make_code("s1", Name("店", "Store"))
    core.hub.enrolment.redeem(request("s1", made.code, keys.make_identity(b"node" * 8)))
    heard: dict[str, int] = {}
    while heard != {"stores": 1, "rules": 1}:
        heard = sealing.open_doorbell(core.identity.public.signing, next_of(transport, topic)[1]).streams


def test_a_second_hub_on_the_folder_is_refused(running, tmp_path):
    with pytest.raises(AlreadyRunning):
        wiring.start(settings_in(tmp_path / "hub"), LoopTransport())


def test_parts_share_a_folder_with_each_other_and_with_nothing_else(tmp_path, postgres_url):
    settings = settings_in(tmp_path / "hub", postgres_url)
    web = wiring.start(settings, part=Part.WEB)
    transport = LoopTransport()
    ingest = wiring.start(settings, transport, part=Part.INGEST)
    for part in (Part.WEB, Part.ALL):
        with pytest.raises(AlreadyRunning):
            wiring.start(settings, LoopTransport(), part=part)
    jobs = wiring.start(settings, LoopTransport(), part=Part.JOBS)
    store = a_store(web.core)
    sale = store.sell()
    seen = web.core.hub.changes.count
    transport.inbox.put(Message(*store.batch(1, 2), retained=False))
    (ack,) = store.read([next_of(transport, store.topics.ack)[:2]])
    assert ack.seq == 2
    until(lambda: web.core.hub.changes.count > seen and web.core.hub.reports.sale("s1", sale.sale_id) is not None)
    assert control.ask(tmp_path / "hub", {"command": "replay"}, PATIENCE_S)["facts"] == 2
    for one in (jobs, ingest, web):
        one.stop()
    wiring.start(settings, LoopTransport()).stop()


def test_the_jobs_ring_for_versions_that_another_process_published(tmp_path, postgres_url):
    settings = settings_in(tmp_path / "hub", postgres_url)
    web = wiring.start(settings, part=Part.WEB)
    transport = LoopTransport()
    jobs = wiring.start(settings, transport, part=Part.JOBS)
    heard: dict[str, int] = {}
    next_of(transport, topics.doorbell("zhanggui"))
    a_store(web.core)
    while not heard.get("stores"):
        heard = sealing.open_doorbell(
            web.core.identity.public.signing, next_of(transport, topics.doorbell("zhanggui"))[1]
        ).streams
    jobs.stop()
    web.stop()


def test_commands_work_beside_parts_that_have_no_web_part(tmp_path, postgres_url):
    path = tmp_path / "hub.toml"
    path.write_text(
        f'data_dir = "hub"\npublic_url = "https://example.com"\ndatabase = "{postgres_url}"\n'
        "[web]\nport = 0\n[guest]\nport = 0\n[broker]\nport = 1\n"
    )
    jobs = wiring.start(settings_in(tmp_path / "hub", postgres_url), LoopTransport(), part=Part.JOBS)
    made = command("enrol-store", "s1", "--config", str(path), "--name-zh", "店", "--name-en", "Store", "--json")
    assert made.exit_code == 0, made.output
    jobs.stop()


def a_store(core) -> StoreKit:
    """Enrol a store at a hub and give its end."""
    made = core.hub.enrolment.make_code("s1", Name("店", "Store"))
    identity = keys.make_identity(b"node" * 8)
    core.hub.enrolment.redeem(request("s1", made.code, identity))
    return StoreKit(Seen(core), "s1", 1, identity)


def test_commands_ask_the_running_hub(running, tmp_path):
    folder = tmp_path / "hub"
    asked = control.ask(
        folder, {"command": "enrol-store", "store": "s1", "name_zh": "店", "name_en": "Store"}, PATIENCE_S
    )
    assert asked["ok"]
    assert len(asked["code"]) == 11
    assert control.ask(folder, {"command": "verify"}, PATIENCE_S)["ok"]
    assert control.ask(folder, {"command": "replay"}, PATIENCE_S) == {"ok": True, "facts": 0}
    assert not control.ask(folder, {"command": "revoke", "store": "s1", "epoch": 1}, PATIENCE_S)["ok"]
    assert not control.ask(folder, {"command": "dance"}, PATIENCE_S)["ok"]
    assert not control.ask(
        folder, {"command": "enrol-store", "store": "S!", "name_zh": "a", "name_en": "b"}, PATIENCE_S
    )["ok"]


class Seen:
    """What a `StoreKit` needs of a hub."""

    def __init__(self, core):
        self.identity = core.identity
        self.clock = core.hub.clock
        self.zone = core.hub.zone


# -------------------------------------------------------------------------------------------------------- command line


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text(
        f'data_dir = "{tmp_path / "data"}"\npublic_url = "https://example.com"\n'
        "[web]\nport = 0\n[guest]\nport = 0\n[broker]\nport = 1\n"
    )
    return str(path)


def command(*arguments):
    return CliRunner().invoke(main, arguments)


def last_line(result):
    return json.loads(result.stdout.strip().splitlines()[-1])


def test_commands_work_on_the_files_of_a_stopped_hub(config, tmp_path):
    (tmp_path / "data").mkdir()
    made = command("enrol-store", "s1", "--config", config, "--name-zh", "店", "--name-en", "Store", "--json")
    assert made.exit_code == 0, made.output
    assert last_line(made)["ok"]
    checked = command("verify", "--config", config, "--json")
    assert checked.exit_code == 0
    answer = last_line(checked)
    assert (answer["ok"], answer["facts"], answer["lanes"], answer["bad_seq"]) == (True, 0, {}, None)
    assert set(answer["projections"]) == {*READ_MODEL_NAMES, "book"}
    assert last_line(command("replay", "--config", config, "--json")) == {"ok": True, "facts": 0}


def test_first_start_makes_secrets_that_only_the_owner_may_read(config, tmp_path):
    (tmp_path / "data").mkdir()
    command("verify", "--config", config)
    secret = ("keys.json", "console-password.txt", "api-token.txt", "broker-token.txt", "broker-users.json", "hub.db")
    for name in secret:
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600, name
    users = json.loads((tmp_path / "data" / "broker-users.json").read_text())
    assert users == {"hub": (tmp_path / "data" / "broker-token.txt").read_text().strip()}


def test_a_database_that_was_open_to_others_is_closed_to_them(config, tmp_path):
    (tmp_path / "data").mkdir()
    command("verify", "--config", config)
    path = tmp_path / "data" / "hub.db"
    path.chmod(0o644)
    assert command("verify", "--config", config).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_lost_keys_are_told_with_a_way_back_that_can_be_gone(config, tmp_path, damage):
    folder = tmp_path / "data"
    folder.mkdir()
    command("verify", "--config", config)
    path = folder / "keys.json"
    kept = path.read_bytes()
    path.write_bytes(b"{}") if damage == "damaged" else path.unlink()
    (tmp_path / "backup").mkdir()
    for words in (("verify",), ("restore", "--from", str(tmp_path / "backup"))):
        refused = command(*words, "--config", config)
        assert refused.exit_code == 2, words
        said = refused.stderr.replace("\n", " ")
        assert f"{path} is {damage}" in said
        assert "no backup holds it, and none opens without it" in said
        assert "zhanggui-hub restore" not in said, "it needs this very file"
        assert "begin another one in an empty folder" in said
    path.write_bytes(kept)
    assert command("verify", "--config", config).exit_code == 0
    refused = command("restore", "--from", str(tmp_path / "backup"), "--config", config)
    assert "holds no backup" in refused.stderr, "with its keys it goes on to the backup"


def test_a_setting_below_nought_is_refused_with_its_bounds_and_not_as_an_option(config, tmp_path):
    (tmp_path / "data").mkdir()
    refused = command("config", "invite_days", "-1", "--config", config)
    assert (refused.exit_code, "1 to 400 days" in refused.stderr) == (1, True), refused.stderr
    unknown = command("config", "invite_days", "--unste", "--config", config)
    assert (unknown.exit_code, "--unste is no option of `config`" in unknown.stderr) == (2, True), unknown.stderr
    assert command("config", "invite_days", "60", "--config", config).exit_code == 0


def test_prices_are_tried_out_after_the_menu_of_the_demo_as_the_readme_says(config, tmp_path):
    (tmp_path / "data").mkdir()
    menu = Path(__file__).resolve().parents[2] / "config" / "demo" / "menu.json"
    prices = tmp_path / "prices.csv"
    prices.write_text("code,price\n101,40.00\n")
    tried = ("publish", "prices", str(prices), "--dry-run", "--allow-big-changes", "--config", config)
    assert command(*tried).exit_code == 1
    assert command("publish", "menu", str(menu), "--config", config).exit_code == 0
    assert command(*tried).exit_code == 0


def test_a_command_on_a_folder_that_is_in_use_says_so(config, tmp_path):
    lock = control.FolderLock(tmp_path / "data")
    try:
        assert command("verify", "--config", config).exit_code == 75
    finally:
        lock.release()


def test_a_store_that_cannot_be_made_is_a_no(config, tmp_path):
    (tmp_path / "data").mkdir()
    refused = command("enrol-store", "s1", "--config", config, "--json")
    assert refused.exit_code == 1
    assert not last_line(refused)["ok"]
    assert command("enrol-store", "s1", "--config", config, "--name-zh", "店").exit_code == 2
    assert command("revoke-key", "s1", "--epoch", "1", "--config", config).exit_code == 1


def test_settings_that_cannot_be_used_are_told_in_a_sentence(tmp_path):
    path = tmp_path / "hub.toml"
    path.write_text(
        'data_dir = "x"\npublic_url = "no"\n[web]\nport=1\nhost="0.0.0.0"\n[guest]\nport=2\n[broker]\nport=1\n'
    )
    refused = command("run", "--config", str(path))
    assert refused.exit_code == 2
    assert "0.0.0.0" in refused.stderr
    assert "public_url" in refused.stderr
    assert command("verify", "--config", str(tmp_path / "none.toml")).exit_code == 2


def test_damage_is_a_no_and_named(config, tmp_path):
    (tmp_path / "data").mkdir()
    command("replay", "--config", config)
    core = wiring.open_core(settings_in(tmp_path / "data"), clock=SystemClock(), chance=SystemChance())
    made = core.hub.enrolment.make_code("s1", Name("店", "Store"))
    identity = keys.make_identity(b"node" * 8)
    core.hub.enrolment.redeem(request("s1", made.code, identity))
    store = StoreKit(Seen(core), "s1", 1, identity)
    store.sell()
    core.ingest.receive([store.batch(1, 2)])
    with core.database.write() as tx:
        tx.connection.exec_driver_sql("UPDATE lanes SET seq = 3")
    core.database.close()
    result = command("verify", "--config", config, "--json")
    assert result.exit_code == 1
    assert last_line(result)["bad_seq"] == "s1/1/0/3"
