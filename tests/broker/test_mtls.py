"""Mosquitto with certificates of the hub's CA (ux-security §12, number 30): who comes in, who does not, and what is said of it."""

import signal
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from os import kill
from pathlib import Path

import pytest

from edge.web.words import catalogue
from sync.engine import troubles
from sync.engine.mqtt import MqttSettings, MqttTransport
from sync.engine.tls import TlsFiles
from sync.engine.transport import LinkState, Message
from sync.node import certificates
from sync.node.certificates import Leaf
from sync.node.ports import SeededChance, SystemClock
from tests.broker.conftest import everything
from tests.kit.authority import DAY_MS, Papers, TlsBroker
from tests.kit.broker_process import BrokerProcess
from tests.kit.waiting import PATIENCE_S, until

OWN = "rs1/17/zhanggui/s1"
FOREIGN = "rs1/17/zhanggui/s2"
DOORBELL = "rs1/zhanggui/head"


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def broker(papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    with TlsBroker(tmp_path_factory.mktemp("tls-broker"), papers.for_broker()) as process:
        yield process


Dial = Callable[..., MqttTransport]


@pytest.fixture
def dial(broker: TlsBroker) -> Iterator[Dial]:
    made: list[MqttTransport] = []

    def make(
        files: TlsFiles | None, subscriptions: tuple[str, ...] = (), *, port: int = 0, host: str = "127.0.0.1"
    ) -> MqttTransport:
        transport = MqttTransport(
            MqttSettings(host=host, port=port or broker.port, reconnect_base_ms=50, reconnect_cap_ms=200, watch_ms=50),
            client_id=f"client-{len(made)}",
            username="",
            password="",
            subscriptions=subscriptions,
            clock=SystemClock(),
            chance=SeededChance("dial"),
            tls=None if files is None else lambda: files,
        )
        made.append(transport)
        transport.start()
        return transport

    yield make
    for transport in made:
        transport.stop()


def is_up(transport: MqttTransport) -> MqttTransport:
    assert transport.poll(PATIENCE_S) is LinkState.UP, transport.trouble
    return transport


def trouble_of(transport: MqttTransport, wanted: str) -> None:
    """Wait until the transport says why it is not connected."""

    def told() -> bool:
        assert transport.poll(0.05) is None, "it must not come in"
        return transport.trouble == wanted

    until(told, lambda: transport.trouble, look_s=0)


def payloads(items: list[Message | LinkState]) -> list[bytes]:
    return [item.payload for item in items if isinstance(item, Message)]


def test_a_store_comes_in_by_its_certificate_and_reaches_the_hub(dial: Dial, papers: Papers) -> None:
    hub = is_up(dial(papers.client("hub"), ("rs1/#",)))
    store = is_up(dial(papers.client("s1"), (f"{OWN}/wel", DOORBELL)))
    assert store.trouble == ""
    assert store.publish(f"{OWN}/u/0", b"facts")
    assert store.publish(f"{OWN}/hi", b"hello")
    assert payloads(everything(hub, 2)) == [b"facts", b"hello"]
    assert hub.publish(f"{OWN}/wel", b"welcome")
    assert hub.publish(DOORBELL, b"ring")
    assert payloads(everything(store, 2)) == [b"welcome", b"ring"]


def test_a_certificate_opens_no_other_stores_topics(dial: Dial, papers: Papers) -> None:
    hub = is_up(dial(papers.client("hub"), ("rs1/#",)))
    filters = (f"{OWN}/a", f"{FOREIGN}/a", "rs1/#", "#", "rs1/+/+/+/a")
    thief = is_up(dial(papers.client("s1"), filters))
    for topic in (f"{FOREIGN}/u/0", f"{FOREIGN}/hi", DOORBELL, "rs1/17/zhanggui/hub/hi", OWN, f"{OWN}/u/0"):
        assert thief.publish(topic, topic.encode())
    assert payloads(everything(hub, 1)) == [f"{OWN}/u/0".encode()]
    for topic in (f"{FOREIGN}/a", f"{OWN}/a"):
        assert hub.publish(topic, topic.encode())
    assert set(payloads(everything(thief, 2))) == {f"{OWN}/u/0".encode(), f"{OWN}/a".encode()}, "its own and no other's"


def test_no_certificate_a_foreign_one_and_a_servers_one_are_refused(dial: Dial, papers: Papers, tmp_path: Path) -> None:
    good = papers.client("s1")
    trouble_of(dial(TlsFiles(ca=good.ca)), "certificate_refused")
    foreign = Papers(tmp_path).client("s1")
    trouble_of(dial(TlsFiles(ca=good.ca, certificate=foreign.certificate, key=foreign.key)), "certificate_refused")
    trouble_of(dial(papers.server_as_client()), "certificate_refused")


def test_a_broker_of_another_ca_is_not_believed(dial: Dial, papers: Papers, tmp_path: Path) -> None:
    good = papers.client("s1")
    foreign = Papers(tmp_path).client("s1")
    trouble_of(dial(TlsFiles(ca=foreign.ca, certificate=good.certificate, key=good.key)), "unknown_ca")


def test_an_expired_certificate_is_refused_and_the_renewed_one_is_not(dial: Dial, papers: Papers) -> None:
    now_ms = SystemClock().now_ms()
    old = papers.short("s1", Leaf("s1", "client"), now_ms - certificates.LEAF_LIFE_MS - DAY_MS)
    transport = dial(old)
    trouble_of(transport, "certificate_expired")
    fresh = papers.client("s1", epoch=3)
    for name in ("certificate", "key"):
        Path(getattr(old, name)).write_text(Path(getattr(fresh, name)).read_text())
    is_up(transport)
    assert transport.trouble == ""


def test_a_broker_past_its_date_or_under_another_name_is_not_believed(
    dial: Dial, tmp_path: Path, papers: Papers
) -> None:
    for name, leaf, age_ms, wanted in (
        (
            "old",
            Leaf("zhanggui broker", "server", ("127.0.0.1",)),
            certificates.LEAF_LIFE_MS + DAY_MS,
            "broker_expired",
        ),
        ("other", Leaf("zhanggui broker", "server", ("elsewhere.example",)), 0, "wrong_host"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        shown = papers.short(f"server-{name}", leaf, SystemClock().now_ms() - age_ms)
        held = papers.for_broker()
        for file in ("ca.pem", "crl.pem"):
            (folder / file).write_bytes((held / file).read_bytes())
        (folder / "broker.pem").write_bytes(Path(shown.certificate).read_bytes())
        (folder / "broker-key.pem").write_bytes(Path(shown.key).read_bytes())
        with TlsBroker(tmp_path / f"{name}-broker", folder) as other:
            trouble_of(dial(papers.client("s1"), port=other.port), wanted)


def test_plain_mqtt_to_the_tls_port_and_tls_to_a_plain_one_are_no_link(
    dial: Dial, papers: Papers, mosquitto: BrokerProcess
) -> None:
    plain = dial(None)
    assert plain.poll(1.0) is None
    trouble_of(dial(papers.client("s1"), port=mosquitto.port), "no_tls")


def test_tls_below_1_2_is_refused(broker: TlsBroker, papers: Papers) -> None:
    files = papers.client("s1")

    def shakes_hands(version: ssl.TLSVersion) -> bool:
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = context.maximum_version = version
        try:
            with (
                socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as link,
                context.wrap_socket(link, server_hostname="127.0.0.1"),
            ):
                return True
        except OSError:
            return False

    assert not shakes_hands(ssl.TLSVersion.TLSv1_1)
    assert shakes_hands(ssl.TLSVersion.TLSv1_2)
    assert shakes_hands(ssl.TLSVersion.TLSv1_3)


def test_a_revoked_certificate_is_refused_once_the_broker_read_the_list_again(tmp_path: Path, dial: Dial) -> None:
    papers = Papers(tmp_path / "papers")
    folder = papers.for_broker()
    stolen, kept = papers.client("s1", 1), papers.client("s1", 2)
    with TlsBroker(tmp_path / "broker", folder) as broker:
        thief = is_up(dial(stolen, port=broker.port))
        thief.stop()
        serial = certificates.read(Path(stolen.certificate).read_text()).serial
        papers.authority.publish([(serial, SystemClock().now_ms())])
        papers.for_broker()
        kill(broker.pid, signal.SIGHUP)
        # The reload takes the broker a moment; a connection before it would still come in.
        is_up(dial(kept, port=broker.port))
        trouble_of(dial(stolen, port=broker.port), "certificate_revoked")
        is_up(dial(kept, port=broker.port))


def test_a_missing_key_is_a_state_and_the_link_comes_back_with_it(dial: Dial, papers: Papers) -> None:
    files = papers.client("s1", epoch=7)
    key = Path(files.key)
    held = key.read_text()
    key.write_text("no key")
    transport = dial(files)
    trouble_of(transport, "no_certificate")
    key.write_text(held)
    is_up(transport)


def test_nobody_listening_is_a_state_too(dial: Dial, papers: Papers) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        trouble_of(dial(papers.client("s1"), port=free.getsockname()[1]), "no_broker")


def test_the_settings_for_certificates_are_the_ones_in_config(broker: TlsBroker) -> None:
    ours = (Path(__file__).parents[2] / "config/mosquitto/mosquitto-tls.conf").read_text().splitlines()
    used = (broker.data / "mosquitto.conf").read_text().splitlines()
    changed = [line.split()[0] for line in ours if line not in used]
    assert changed == ["listener", "cafile", "certfile", "keyfile", "crlfile", "acl_file"]
    for line in ("require_certificate true", "use_identity_as_username true", "allow_anonymous false"):
        assert line in used
    plain = (Path(__file__).parents[2] / "config/mosquitto/mosquitto.conf").read_text().splitlines()
    limits = [line for line in plain if line.startswith("max_")]
    assert [line for line in ours if line.startswith("max_")] == limits != []


@pytest.mark.parametrize("code", troubles.CODES)
def test_each_state_has_a_sentence_in_both_languages_for_the_nodes_page(code: str) -> None:
    for words in catalogue().values():
        assert len(words[f"link.trouble.{code}"]) > 8
