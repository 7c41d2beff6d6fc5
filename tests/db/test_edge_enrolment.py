"""The node's side: it enrols over TLS that believes the code sheet alone, waits for a person, and never becomes somebody else."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from cheroot.wsgi import Server

from cloud.app import create_app
from cloud.services import code_sheet, tls_files
from cloud.settings import BrokerSettings, ListenSettings
from cloud.wiring import Core, open_core
from edge.services.hub import enrolment, hub_web
from edge.services.hub.enrolment import EnrolmentError
from edge.services.hub.renewal import Renewal
from sync.contract.words import Name
from sync.node import certificates, keys, tls_listener
from sync.node.certificates import Standing
from sync.node.keys import KeyFileError
from sync.node.ports import SeededChance, SystemClock
from tests.kit.authority import ShiftedClock
from tests.kit.hub_store import QUICK_COST
from tests.kit.hub_stores import hub_settings

NAME = Name("店", "Store")


@dataclass
class Web:
    """A hub's pages over TLS, on a clock that tests move."""

    core: Core
    url: str
    clock: ShiftedClock
    node_clock: ShiftedClock = field(default_factory=ShiftedClock)

    def code(self, store: str = "s1") -> str:
        return self.core.hub.enrolment.make_code(store, NAME).code

    @property
    def fingerprint(self) -> str:
        return self.core.authority.fingerprint


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    clock = ShiftedClock()
    settings = msgspec.structs.replace(
        hub_settings(tmp_path / "hub"),
        web=ListenSettings(port=0, tls=True),
        broker=BrokerSettings(port=1, tls="mutual"),
    )
    core = open_core(settings, clock=clock, chance=SeededChance("hub"), cost=QUICK_COST)
    server = Server(("127.0.0.1", 0), create_app(core.hub), numthreads=4, max=4, timeout=10, shutdown_timeout=1)
    tls_listener.secure(server, lambda: tls_files.of_web(settings, core.authority), clock)
    server.prepare()
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    yield Web(core, f"https://127.0.0.1:{server.bind_addr[1]}", clock)
    server.stop()
    serving.join(5)
    core.database.close()


def enrol(web: Web, folder: Path, code: str, **changes) -> enrolment.Enrolment:
    given = {"ca_fingerprint": web.fingerprint, **changes}
    return enrolment.enrol(folder, web.url, "s1", code, "node-1", **given)


def test_a_node_enrols_over_tls_that_believes_the_code_sheet(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    granted = enrol(web, folder, web.code())
    assert (granted.epoch, granted.broker.tls, granted.hub_url) == (1, "mutual", web.url)
    assert enrolment.load(folder) == granted
    files = enrolment.tls_files(folder, granted)
    assert files is not None
    assert certificates.belongs_to(Path(files.certificate).read_text(), Path(files.ca).read_text())
    private = Path(files.key).read_text()
    assert certificates.public_key_of(private) == certificates.read(Path(files.certificate).read_text()).public_key
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    for path in web.core.hub.settings.folder.rglob("*"):
        assert not path.is_file() or private.encode() not in path.read_bytes(), "the key never left the node"


def test_a_sheet_says_all_of_it(web: Web, tmp_path: Path) -> None:
    line = code_sheet.text(hub=web.url, store="s1", code=web.code(), ca=web.fingerprint)
    sheet = enrolment.read_sheet(f" {line}\n")
    assert (sheet.hub, sheet.store, sheet.ca) == (web.url, "s1", web.fingerprint)
    granted = enrolment.enrol(tmp_path / "node", sheet.hub, sheet.store, sheet.code, "n", ca_fingerprint=sheet.ca)
    assert granted.store == "s1"
    assert code_sheet.png(line).startswith(b"\x89PNG")
    for wrong in ("", "https://example.com", "zhanggui1?hub=x", line.replace("code=", "kode=")):
        with pytest.raises(EnrolmentError, match="no code sheet"):
            enrolment.read_sheet(wrong)


def test_a_hub_of_another_ca_is_told_no_code(web: Web, tmp_path: Path) -> None:
    """Number 30 of ux-security §12: a fake hub."""
    code = web.code()
    with pytest.raises(EnrolmentError, match="is not the hub of the code sheet"):
        enrol(web, tmp_path / "node", code, ca_fingerprint="0" * 64)
    with pytest.raises(EnrolmentError, match="is not our hub"):
        enrol(web, tmp_path / "node", code, ca_fingerprint="")
    assert enrolment.load(tmp_path / "node") is None
    with web.core.database.read() as reader:
        assert reader.connection.exec_driver_sql("SELECT tries FROM activations").scalar_one() == 0


def test_a_slip_of_the_finger_is_told_as_one_in_english_and_the_code_stays_good(web: Web, tmp_path: Path) -> None:
    code, folder = web.code(), tmp_path / "node"
    for typed in ("A", "", f"{code}9", "!" * 10, "店" * 10):
        with pytest.raises(EnrolmentError, match="Check what you typed; the hub was not asked"):
            enrol(web, folder, typed)
    assert not folder.exists()
    with web.core.database.read() as reader:
        assert reader.connection.exec_driver_sql("SELECT tries FROM activations").scalar_one() == 0
    with pytest.raises(EnrolmentError, match="Check the store and the code for a slip, and try again") as told:
        enrol(web, folder, code[:-1] + ("Z" if code[-1] != "Z" else "Y"))
    assert str(told.value).isascii(), "the hub's sentence is in the language of the command line"
    assert enrol(web, folder, code).epoch == 1
    with pytest.raises(EnrolmentError, match="This activation code was used already"):
        enrol(web, tmp_path / "other", code)


def test_a_code_never_crosses_the_network_in_clear(tmp_path: Path) -> None:
    with pytest.raises(EnrolmentError, match="in clear"):
        enrolment.enrol(tmp_path, "http://hub.example:8700", "s1", "AAAAA-BBBBB", "n")


def test_a_replacement_waits_for_a_person_and_shows_its_own_fingerprint(web: Web, tmp_path: Path) -> None:
    enrol(web, tmp_path / "old", web.code())
    shown: list[str] = []
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            assert web.core.hub.enrolment.decide("s1", shown[0], approve=True, by="anna")

    granted = enrol(web, tmp_path / "new", web.code(), on_waiting=lambda groups, _: shown.append(groups), pause=pause)
    assert granted.epoch == 2
    assert len(waited) == len(shown) == 3
    assert len(set(shown)) == 1
    code = web.code()
    with pytest.raises(EnrolmentError, match="nobody approved this node"):
        enrol(web, tmp_path / "third", code)


def test_a_node_whose_keys_are_lost_says_the_way_back_and_makes_no_new_ones(web: Web, tmp_path: Path) -> None:
    """Number 27 of ux-security §12: the key file is lost."""
    folder = tmp_path / "node"
    enrol(web, folder, web.code())
    path = folder / "keys.json"
    held = path.read_bytes()
    for damage in (None, b"", b"{}", held[:40], b"\xff\xfe", held.replace(b'"signing":"', b'"signing":"A')):
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
        with pytest.raises(KeyFileError, match="enrol --replace") as error:
            enrolment.own_identity(folder)
        assert damage is None or len(damage) < 8 or damage.decode("latin-1")[12:30] not in str(error.value)
        assert (path.read_bytes() if path.exists() else None) == damage, "nothing was made in its place"
    path.unlink()
    keys.load_or_make(path)
    with pytest.raises(KeyFileError, match="is not the one that this node was enrolled with"):
        enrolment.own_identity(folder)
    path.write_bytes(held)
    enrolment.own_identity(folder)


def test_a_hub_whose_keys_are_lost_does_not_start_as_another(web: Web) -> None:
    settings = web.core.hub.settings
    (settings.folder / "broker-users.json").write_text("{}")
    (settings.folder / "keys.json").unlink()
    with pytest.raises(KeyFileError, match="no backup holds it"):
        open_core(settings, clock=SystemClock(), chance=SeededChance("again"), cost=QUICK_COST)
    assert not (settings.folder / "keys.json").exists()


def test_a_node_renews_in_good_time_and_after_the_end_and_says_why_it_cannot(web: Web, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    granted = enrol(web, folder, web.code())
    renewal = Renewal(folder, granted, enrolment.own_identity(folder), web.node_clock)
    first = (folder / "tls.pem").read_bytes()
    assert not renewal.step(), "not yet"
    web.node_clock.off_ms = web.clock.off_ms = certificates.RENEW_AFTER_MS
    assert renewal.step()
    second = (folder / "tls.pem").read_bytes()
    assert second != first
    assert not renewal.step()
    (folder / "tls.pem").write_bytes(first)
    web.node_clock.off_ms = web.clock.off_ms = certificates.LEAF_LIFE_MS + certificates.DAY_MS
    assert renewal.standing is Standing.EXPIRED
    # The hub's own certificate is renewed by itself; the machine's clock, by which TLS is checked, stands where it was.
    web.core.hub.enrolment.revoke("s1", 1)
    assert not renewal.step()
    assert "吊销" in renewal.refusal or "revoked" in renewal.refusal
    assert (folder / "tls.pem").read_bytes() == first
    (folder / hub_web.CA_FILE).write_text("damaged")
    assert not renewal.step()
    assert "damaged" in renewal.refusal
