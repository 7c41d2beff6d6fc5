"""`scripts/broker.py` as people and the demo run it: both kinds, the same rights, the same behaviour."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import click
import pytest

from scripts import broker as script
from sync.engine.transport import LinkState, Message
from tests.broker.conftest import Clients, everything
from tests.kit.broker_process import ROOT, TOKENS, BrokerProcess
from tests.kit.waiting import PATIENCE_S, until

OWN = "rs1/17/demo/s1"
FOREIGN = "rs1/17/demo/s2"
DOORBELL = "rs1/demo/head"


def payloads(items: list[Message | LinkState]) -> list[bytes]:
    return [item.payload for item in items if isinstance(item, Message)]


def test_the_line_names_port_kind_and_the_very_process_that_was_started(broker: BrokerProcess) -> None:
    assert broker.ready == {"ready": True, "port": broker.port, "kind": broker.kind, "pid": broker.pid}


def test_nobody_comes_in_without_a_name(broker: BrokerProcess) -> None:
    assert script.strangers_refused(broker.port)


@pytest.mark.parametrize("token", ["", "wrong-token-0123456789abc", TOKENS["store-s2-1"]])
def test_a_wrong_token_is_refused_and_the_right_one_is_not(clients: Clients, token: str) -> None:
    stranger = clients.refused("store-s1-1", token)
    assert stranger.refusal is not None
    assert TOKENS["store-s2-1"] not in stranger.refusal
    clients.up("store-s1-1", [])


def test_a_store_reaches_the_hub_below_its_own_prefix_only(clients: Clients) -> None:
    hub = clients.up("hub", ["rs1/#"])
    store = clients.up("store-s1-1", [])
    for topic in (f"{FOREIGN}/u/0", DOORBELL, "rs1/17/demo/s1", "elsewhere/17/demo/s1/u/0", f"{OWN}/u/0"):
        assert store.publish(topic, topic.encode())
    assert payloads(everything(hub, 1)) == [f"{OWN}/u/0".encode()]


def test_a_store_hears_its_own_topics_and_the_doorbell_only(clients: Clients) -> None:
    filters = [f"{OWN}/wel", "rs1/+/demo/s1/a", DOORBELL, f"{FOREIGN}/wel", "rs1/+/+/+/a", "rs1/#", "#", "rs1/+/+/s2/#"]
    store = clients.up("store-s1-1", filters)
    eavesdropper = clients.up("hub", filters)
    hub = clients.up("hub", [])
    sent = [f"{OWN}/wel", f"{OWN}/a", DOORBELL, f"{FOREIGN}/wel", f"{FOREIGN}/a", "rs1/else"]
    for topic in sent:
        assert hub.publish(topic, topic.encode())
    assert set(payloads(everything(store, 3))) == {f"{OWN}/wel".encode(), f"{OWN}/a".encode(), DOORBELL.encode()}
    assert set(payloads(everything(eavesdropper, len(sent)))) == {topic.encode() for topic in sent}


def test_a_packet_of_200_kb_passes_both_ways(clients: Clients) -> None:
    hub = clients.up("hub", [f"{OWN}/u/+"])
    store = clients.up("store-s1-1", [f"{OWN}/d"])
    payload = os.urandom(200_000)
    assert store.publish(f"{OWN}/u/0", payload)
    assert hub.poll(PATIENCE_S) == Message(f"{OWN}/u/0", payload, retained=False)
    assert hub.publish(f"{OWN}/d", payload)
    assert store.poll(PATIENCE_S) == Message(f"{OWN}/d", payload, retained=False)


def test_a_packet_far_above_the_limit_ends_the_connection(broker: BrokerProcess) -> None:
    with socket.create_connection(("127.0.0.1", broker.port), timeout=PATIENCE_S) as link:
        name, token = b"store-s1-1", TOKENS["store-s1-1"].encode()
        fields = b"".join(len(part).to_bytes(2, "big") + part for part in (b"flood", name, token))
        body = b"\x00\x04MQTT\x04\xc2\x00\x0a" + fields
        link.sendall(bytes([0x10, len(body)]) + body)
        assert link.recv(4) == b"\x20\x02\x00\x00"
        link.sendall(b"\x30\xff\xff\xff\x7f" + b"\x00\x01x")  # a PUBLISH that says it has 256 MB
        with suppress(ConnectionResetError):
            assert link.recv(1) == b""


def test_the_transport_comes_back_by_itself_after_kill_9_and_restart_on_the_same_port(
    clients: Clients, broker: BrokerProcess
) -> None:
    store = clients.up("store-s1-1", [f"{OWN}/wel"])
    hub = clients.up("hub", [f"{OWN}/hi"])
    broker.kill()
    assert store.poll(PATIENCE_S) is LinkState.DOWN
    assert hub.poll(PATIENCE_S) is LinkState.DOWN
    assert not store.publish(f"{OWN}/hi", b"away")
    port = broker.port
    broker.start()
    assert broker.port == port
    assert store.poll(PATIENCE_S) is LinkState.UP
    assert hub.poll(PATIENCE_S) is LinkState.UP
    assert store.publish(f"{OWN}/hi", b"hello")
    assert hub.poll(PATIENCE_S) == Message(f"{OWN}/hi", b"hello", retained=False)
    assert hub.publish(f"{OWN}/wel", b"welcome")
    assert store.poll(PATIENCE_S) == Message(f"{OWN}/wel", b"welcome", retained=False)


def test_sigterm_ends_it_with_clients_connected(clients: Clients, broker: BrokerProcess) -> None:
    store = clients.up("store-s1-1", [])
    assert broker.stop() == 0
    assert store.poll(PATIENCE_S) is LinkState.DOWN
    broker.start()


def test_a_user_added_later_gets_in_without_a_restart(clients: Clients, broker: BrokerProcess) -> None:
    token = "s9-token-0123456789abcdef"
    late = clients.refused("store-s9-1", token)
    # The embedded broker reads the file at every sign-in: it finds the old one or the new one, never half of it.
    fresh = broker.users.with_suffix(".new")
    fresh.write_text(json.dumps({**TOKENS, "store-s9-1": token}))
    fresh.chmod(0o600)
    fresh.replace(broker.users)
    assert late.poll(PATIENCE_S) is LinkState.UP


def put_users(broker: BrokerProcess, content: str) -> None:
    """Put a file of users in place in one step, as the hub does."""
    fresh = broker.users.with_suffix(".new")
    fresh.write_text(content)
    fresh.chmod(0o600)
    fresh.replace(broker.users)


def test_a_user_taken_away_has_no_rights_from_then_on(clients: Clients, broker: BrokerProcess) -> None:
    put_users(broker, json.dumps(TOKENS))
    hub = clients.up("hub", ["rs1/#"])
    gone = clients.up("store-s1-1", [])
    put_users(broker, json.dumps({name: token for name, token in TOKENS.items() if name != "store-s1-1"}))
    # Mosquitto ends its connection, the other one hears nothing more of it.
    until(lambda: not gone.publish(f"{OWN}/hi", b"still here") or hub.poll(1) is None, look_s=0)
    again = clients.refused("store-s1-1", TOKENS["store-s1-1"])
    put_users(broker, json.dumps(TOKENS))
    assert again.poll(PATIENCE_S) is LinkState.UP


def test_a_file_of_users_that_cannot_be_used_leaves_everybody_their_rights(
    clients: Clients, broker: BrokerProcess
) -> None:
    hub = clients.up("hub", ["rs1/#"])
    store = clients.up("store-s1-1", [])
    put_users(broker, "{")
    assert hub.poll(1) is None
    assert store.publish(f"{OWN}/hi", b"still here")
    assert hub.poll(PATIENCE_S) == Message(f"{OWN}/hi", b"still here", retained=False)
    put_users(broker, json.dumps(TOKENS))


def run(kind: str, port: int, users: Path, *more: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "broker.py"), "--kind", kind, "--port", str(port)]
    command += ["--data", str(data), "--users", str(users), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ({"hub": TOKENS["hub"]}, 0o644, "chmod 600"),
        ([], 0o600, "object of user name and token"),
        ({"store-+": TOKENS["hub"]}, 0o600, "is no user"),
        ({"store-a/b": TOKENS["hub"]}, 0o600, "is no user"),
        ({"store-s1": TOKENS["hub"]}, 0o600, "is no user"),
        ({"store-s1-0": TOKENS["hub"]}, 0o600, "is no user"),
        ({"hub": "short"}, 0o600, "20 to 128"),
        ({"hub": TOKENS["hub"] + "\nroot:x"}, 0o600, "20 to 128"),
    ],
)
def test_a_bad_file_of_users_is_refused_without_showing_a_token(
    tmp_path: Path, content: Any, mode: int, says: str
) -> None:
    users = tmp_path / "users.json"
    users.write_text(json.dumps(content))
    users.chmod(mode)
    with pytest.raises(script.UsersError, match=says) as refused:
        script.read_users(users)
    assert TOKENS["hub"] not in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_missing_or_broken_file_of_users_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(script.UsersError, match="cannot read"):
        script.read_users(tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(script.UsersError, match="not JSON"):
        script.read_users(broken)


def test_a_taken_port_is_said_and_nobody_elses_broker_is_announced(broker: BrokerProcess, tmp_path: Path) -> None:
    ended = run(broker.kind, broker.port, broker.users, data=tmp_path)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.strip() == f"Error: port {broker.port} is taken"


def test_a_program_that_is_not_installed_is_named_with_the_remedy() -> None:
    with pytest.raises(click.ClickException, match="apt-get install mosquitto"):
        script.program("mosquitto-that-nobody-has")


def test_no_token_is_stored_in_clear_for_mosquitto(mosquitto: BrokerProcess) -> None:
    for file in mosquitto.data.glob("mosquitto*"):
        text = file.read_text()
        assert not [name for name, token in TOKENS.items() if token in text], file
        assert file.stat().st_mode & 0o077 == 0


def test_the_settings_for_mosquitto_are_the_ones_in_config(mosquitto: BrokerProcess) -> None:
    ours = (ROOT / "config" / "mosquitto" / "mosquitto.conf").read_text().splitlines()
    used = (mosquitto.data / "mosquitto.conf").read_text().splitlines()
    changed = [line.split()[0] for line in ours if line not in used]
    assert changed == ["listener", "password_file", "acl_file"]
    packet = re.search(r"(?m)^max_packet_size (\d+)$", "\n".join(used))
    assert packet is not None
    assert int(packet[1]) == script.PACKET_BYTES_MAX >= 262_144


def test_the_embedded_broker_sets_nodelay_on_what_it_accepts() -> None:
    with socket.socket() as accepted:
        assert not accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

        class Writer:
            def get_extra_info(self, _name: str) -> socket.socket:
                return accepted

        class Host:
            async def _client_connected(self, *_: object) -> None:
                return

        asyncio.run(cast("Any", script.EmbeddedBroker).stream_connected(Host(), None, Writer(), "default"))
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("topic", "write", "allowed"),
    [
        (f"{OWN}/hi", True, True),
        (f"{OWN}/u/0", True, True),
        ("rs1/+/+/s1/#", False, True),
        (DOORBELL, False, True),
        ("rs1/+/head", False, True),
        (DOORBELL, True, False),
        (OWN, True, False),
        (f"{FOREIGN}/hi", True, False),
        ("rs1/#", False, False),
        ("#", False, False),
        ("+/+/+/s1/#", False, False),
        ("rs1/+/+/+/hi", False, False),
        ("rs2/17/demo/s1/hi", True, False),
        ("$SYS/broker/clients", False, False),
        ("rs1/17/demo/s10/hi", True, False),
    ],
)
def test_the_rights_of_a_store_stop_at_its_prefix(topic: str, *, write: bool, allowed: bool) -> None:
    assert script.may("store-s1-1", topic, write=write) is allowed
    assert script.may("hub", topic, write=write)
    assert not script.may("", topic, write=write)
    assert not script.may("s1", topic, write=write)


def test_an_unknown_user_and_an_empty_token_never_fit() -> None:
    users = {"hub": TOKENS["hub"]}
    assert script.token_fits(users, "hub", TOKENS["hub"])
    for name, token in (
        ("hub", ""),
        ("hub", None),
        (None, None),
        ("", ""),
        ("store-s1-1", ""),
        ("store-s1-1", TOKENS["hub"]),
    ):
        assert not script.token_fits(users, name, token)
