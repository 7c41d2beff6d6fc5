"""The product's own processes over TLS everywhere: enrolled by a code sheet, connected by certificate, thrown out when stolen."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts.demo_world import Process
from sync.node import control
from tests.kit.authority import TlsBroker
from tests.kit.broker_process import ROOT
from tests.kit.ports import free_port
from tests.kit.waiting import PATIENCE_S, until


@dataclass
class House:
    """A hub with TLS on its pages and its broker, and one store."""

    folder: Path
    broker_port: int
    web_port: int
    started: list[Process] = field(default_factory=list)

    @property
    def hub_config(self) -> str:
        return str(self.folder / "hub.toml")

    def ask(self, *words: str, package: str = "cloud", fails: bool = False) -> dict[str, Any]:
        """Run a command of the product and read its last line."""
        done = subprocess.run(
            [sys.executable, "-m", package, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stderr + done.stdout
        if fails:
            return {"error": done.stderr}
        told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return told

    def run(self, name: str, package: str, config: Path) -> Process:
        """Start a hub or a node."""
        command = [sys.executable, "-m", package, "run", "--config", str(config)]
        process = Process(name, command, self.folder / f"{name}.log")
        self.started.append(process)
        process.start()
        return process

    def facts(self) -> int:
        """Count the facts at the hub, every chain hashed again."""
        told = self.tell({"command": "verify"})
        assert told["ok"], told
        return int(str(told["facts"]))

    def tell(self, request: dict[str, object]) -> dict[str, Any]:
        """Ask the running hub as its commands do, without a process of their own."""
        return control.ask(self.folder / "hub", request, PATIENCE_S)

    def node(self, name: str) -> Path:
        """Make a node's folder and settings; give the settings."""
        folder = self.folder / name
        folder.mkdir()
        config = folder / "edge.toml"
        config.write_text('data_dir = "data"\nweb = { port = 0 }\nlink = { reconnect_cap_ms = 1000 }\n')
        return config


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, free_port(), free_port())
    (tmp_path / "hub.toml").write_text(
        f"""data_dir = "hub"
public_url = "https://example.com"
reconnect_cap_ms = 1000
web = {{ port = {made.web_port}, tls = true }}
guest = {{ port = 0 }}
broker = {{ port = {made.broker_port}, tls = "mutual", files = "{tmp_path / "for-broker"}" }}
"""
    )
    yield made
    for process in reversed(made.started):
        process.stop()


def log_of(config: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in sorted((config.parent / "data").rglob("log.jsonl")))


@pytest.mark.timeout(400)
def test_a_store_is_enrolled_by_its_sheet_sells_over_tls_and_its_thief_stays_outside(house: House) -> None:
    """Numbers 30 and 31 of ux-security §12: who stole the computer has nothing to read, and cannot connect."""
    house.run("hub", "cloud", house.folder / "hub.toml")
    made = house.ask(
        "enrol-store", "s1", "--name-zh", "店", "--name-en", "Store", "--sheet", "-", "--json", "--config",
        house.hub_config,
    )  # fmt: skip
    sheet = made["sheet"]
    assert re.fullmatch(
        rf"zhanggui1\?hub=https://127.0.0.1:{house.web_port}&store=s1&code=[^&]+&ca=[0-9a-f]{{64}}", sheet
    )
    config = house.node("s1")
    enrol = ("enrol", "--config", str(config), "--json", "--sheet")
    other_ca = re.sub(r"ca=.*", f"ca={'0' * 64}", sheet)
    assert "is not the hub of the code sheet" in house.ask(*enrol, other_ca, package="edge", fails=True)["error"]
    assert house.ask(*enrol, sheet, package="edge") == {"ok": True, "store": "s1", "epoch": 1}

    certificates = house.folder / "for-broker"
    files = ("broker-files", "--host", "127.0.0.1", "--out", str(certificates), "--config", house.hub_config, "--json")
    house.ask(*files)
    broker = TlsBroker(house.folder / "broker", certificates)
    broker.port = house.broker_port
    with broker:
        node = house.run("node", "edge", config)
        until(lambda: house.facts() > 0, lambda: log_of(config), look_s=0.2)
        node.stop()
        before = house.facts()

        stolen = house.folder / "thief"
        shutil.copytree(config.parent, stolen)
        pin = (stolen / "data" / "cashier-pin.txt").read_text().strip().encode()
        for path in stolen.rglob("*"):
            if path.is_file() and path.name != "cashier-pin.txt":
                assert pin not in path.read_bytes(), f"{path.name} holds a PIN in clear"
        assert {oct(path.stat().st_mode & 0o077) for path in stolen.rglob("*key*") if path.is_file()} == {"0o0"}

        assert house.tell({"command": "revoke", "store": "s1", "epoch": 1})["ok"]
        house.run("thief", "edge", stolen / "edge.toml")
        log = partial(log_of, stolen / "edge.toml")
        # It was connected a moment ago: the hub tells it first, and its till is over; then the broker is closed to it.
        until(lambda: "link.revoked" in log(), log, look_s=0.2)
        until(lambda: "certificate_revoked" in log(), log, look_s=0.2)
        assert house.facts() == before
