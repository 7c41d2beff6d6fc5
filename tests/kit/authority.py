"""A hub's CA in a folder, a node's papers of it, and Mosquitto with certificates, for tests."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cloud.services import tls_files
from cloud.services.authority import Authority
from sync.engine.tls import TlsFiles
from sync.node import certificates
from sync.node.certificates import Leaf
from sync.node.ports import Clock, SeededChance, SystemClock
from tests.kit.broker_process import ROOT, BrokerProcess
from tests.kit.hub_store import TENANT

DAY_MS = certificates.DAY_MS


@dataclass
class ShiftedClock:
    """The machine's clock, so many ms off."""

    off_ms: int = 0
    inner: Clock = field(default_factory=SystemClock)

    def now_ms(self) -> int:
        return self.inner.now_ms() + self.off_ms

    def monotonic_ms(self) -> int:
        return self.inner.monotonic_ms()


@dataclass
class Papers:
    """One CA and everything that tests let it sign."""

    folder: Path
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def __post_init__(self) -> None:
        self.chance = SeededChance(str(self.folder))
        self.authority = Authority(self.folder / "ca", b"password", TENANT, clock=self.clock, chance=self.chance)

    def for_broker(self, *hosts: str) -> Path:
        """Write what a broker needs."""
        folder = self.folder / "broker"
        tls_files.write_for_broker(self.authority, folder, hosts or ("127.0.0.1", "localhost"))
        return folder

    def client(self, name: str, epoch: int = 1) -> TlsFiles:
        """Give a client's papers: a store's by its id, the hub's as `hub`."""
        ca = str(self.authority.folder / "ca.pem")
        if name == "hub":
            certificate, key = self.authority.hub_client()
            return TlsFiles(ca=ca, certificate=str(certificate), key=str(key))
        made = certificates.new_key()
        pem = self.authority.issue_store(
            certificates.request(made, name), store=name, epoch=epoch, node=f"node-{epoch}"
        )
        return self.keep(f"{name}-{epoch}", pem, made)

    def server_as_client(self) -> TlsFiles:
        """Give the papers of a server, for somebody who wants to be a client with them."""
        certificate, key = self.authority.server("web", ("127.0.0.1",))
        return TlsFiles(ca=str(self.authority.folder / "ca.pem"), certificate=str(certificate), key=str(key))

    def keep(self, name: str, pem: str, key: str) -> TlsFiles:
        """Write papers into files."""
        certificate, key_file = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        certificate.write_text(pem)
        key_file.write_text(key)
        return TlsFiles(ca=str(self.authority.folder / "ca.pem"), certificate=str(certificate), key=str(key_file))

    def short(self, name: str, leaf: Leaf, made_ms: int) -> TlsFiles:
        """Sign a certificate as of another time."""
        off, self.clock.off_ms = self.clock.off_ms, made_ms - self.clock.inner.now_ms()
        try:
            made = certificates.new_key()
            pem = self.authority._issue(certificates.request(made, name), leaf)
        finally:
            self.clock.off_ms = off
        return self.keep(name, pem, made)


class TlsBroker(BrokerProcess):
    """Mosquitto with certificates, as `scripts/broker.py --tls` starts it."""

    def __init__(self, data: Path, certificates: Path) -> None:
        super().__init__("mosquitto", data)
        self.certificates = certificates

    def start(self) -> None:
        """Start it and wait for its line."""
        assert self._process is None
        command = [sys.executable, str(ROOT / "scripts" / "broker.py"), "--kind", "mosquitto"]
        command += ["--port", str(self.port), "--data", str(self.data), "--tls", str(self.certificates)]
        with (self.data / "stderr.log").open("a") as errors:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, (self.data / "stderr.log").read_text()
        self.ready = json.loads(line)
