"""nats-server speaking MQTT, as the README of the hub describes it: JetStream on, a name, users with tokens and rights."""

import json
import shutil
import socket
import subprocess
from pathlib import Path

from tests.kit.broker_process import TOKENS, BrokerProcess
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE_S, until

SBIN = "/usr/sbin:/usr/local/sbin"


def rights(user: str) -> dict[str, list[str]]:
    """Give what a user may do; NATS writes a topic's slashes as dots."""
    if user == "hub":
        return {"publish": [">"], "subscribe": [">"]}
    own = f"rs1.*.*.{user.removeprefix('store-').rpartition('-')[0]}.>"
    # $MQTT.sub: what NATS itself delivers QoS 1 messages through; a client that asks for it by name is refused.
    return {"publish": [own], "subscribe": [own, "rs1.*.head", "$MQTT.sub.>"]}


class NatsProcess(BrokerProcess):
    """One nats-server on one MQTT port through any number of lives."""

    def __init__(self, data: Path) -> None:
        super().__init__("nats", data)
        self.clients_port = free_port()

    def start(self) -> None:
        """Start it and wait until it answers."""
        assert self._process is None
        program = shutil.which("nats-server") or shutil.which("nats-server", path=SBIN)
        assert program is not None, "nats-server is not installed; apt-get install nats-server"
        users = [{"user": name, "password": token, "permissions": rights(name)} for name, token in TOKENS.items()]
        config = {
            "server_name": "zhanggui",
            "listen": f"127.0.0.1:{self.clients_port}",
            "jetstream": {"store_dir": str(self.data / "jetstream")},
            "mqtt": {"listen": f"127.0.0.1:{self.port}", "max_ack_pending": 1_000},
            "authorization": {"users": users},
        }
        path = self.data / "nats.conf"
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        with (self.data / "stderr.log").open("a") as errors:
            self._process = subprocess.Popen(
                [program, "-c", str(path)], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        until(self._answers, (self.data / "stderr.log").read_text)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.data / "stderr.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S).close()
        except OSError:
            return False
        return True
