"""The hub as a certificate authority for TLS: the CA and what it signs, in a folder of mode 0700 beside the hub's keys.

The CA's key is sealed under a password derived from the hub's key file, so that a copy of this folder alone signs
nothing. A broker needs `ca.pem`, `crl.pem` and its own `broker.pem` with `broker-key.pem`; the hub reads the rest itself.
"""

import logging
import threading
from pathlib import Path

from sync.node import certificates, keys
from sync.node.certificates import Issuer, Leaf, Standing
from sync.node.ports import Chance, Clock

FOLDER = "authority"
CA_FILE = "ca.pem"
CA_KEY_FILE = "ca-key.pem"
CRL_FILE = "crl.pem"
HUB_NAME = "hub"
"""The common name of the hub's client certificate: the broker lets it do everything, so no store may be called so."""

log = logging.getLogger(__name__)


class Authority:
    """Signs certificates. Any thread may use it.

    Args:
        folder: where it lives; made at the first start.
        password: what seals the CA's key.
        tenant: whose stores these are; part of the CA's name.
        clock: for dates.
        chance: for serial numbers.

    Raises:
        BadCertificateError: the CA's files are damaged, or sealed by another hub's key file.
    """

    def __init__(self, folder: Path, password: bytes, tenant: str, *, clock: Clock, chance: Chance) -> None:
        self._folder = folder
        self._tenant = tenant
        self._clock = clock
        self._chance = chance
        self._turn = threading.Lock()
        self._issuer = self._open(password)

    @property
    def ca(self) -> str:
        """The CA's certificate (PEM)."""
        return self._issuer.pem

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the CA's certificate, as a code sheet shows it."""
        return certificates.fingerprint(self.ca)

    @property
    def crl(self) -> str:
        """The list of revoked certificates as the broker has it (PEM)."""
        self.ensure_crl()
        return (self._folder / CRL_FILE).read_text(encoding="ascii")

    @property
    def folder(self) -> Path:
        """Where `ca.pem`, `crl.pem` and the rest are."""
        return self._folder

    def issue_store(self, csr: str, *, store: str, epoch: int, node: str) -> str:
        """Sign a store's client certificate: bare store id as common name, node and epoch beside it.

        Raises:
            BadCertificateError: the request is none.
        """
        uri = certificates.node_uri(self._tenant, store, epoch, node)
        return self._issue(csr, Leaf(store, "client", uris=(uri,)))

    def publish(self, revoked: list[tuple[str, int]]) -> str:
        """Write the list of revoked serials for the broker, which reads it again at SIGHUP."""
        now_ms = self._clock.now_ms()
        with self._turn:
            crl = certificates.revocations(self._issuer, revoked, now_ms, now_ms)
            keys.write_secret(self._folder / CRL_FILE, crl.encode())
        return crl

    def ensure_crl(self) -> None:
        """Write an empty list where there is none yet; a broker does not start without the file."""
        if not (self._folder / CRL_FILE).exists():
            self.publish([])

    def server(self, name: str, hosts: tuple[str, ...]) -> tuple[Path, Path]:
        """Give certificate and key of a server, made or made anew where there is none that will do.

        Args:
            name: `web` or `broker`; the files are called so.
            hosts: DNS names and addresses under which it is reached.
        """
        # No store's id holds a blank, so a stolen server certificate cannot be taken for a store's.
        return self._own(name, Leaf(f"zhanggui {name}", "server", names=hosts))

    def hub_client(self) -> tuple[Path, Path]:
        """Give certificate and key with which the hub signs in at the broker."""
        uri = certificates.node_uri(self._tenant, HUB_NAME, 0, HUB_NAME)
        return self._own(HUB_NAME, Leaf(HUB_NAME, "client", uris=(uri,)))

    def _own(self, name: str, leaf: Leaf) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}-key.pem"
        with self._turn:
            if not self._will_do(certificate, key, leaf):
                made = certificates.new_key()
                issued = self._issue(certificates.request(made, name), leaf)
                keys.write_secret(key, made.encode())
                keys.write_secret(certificate, issued.encode())
                log.info("authority.issued", extra={"certificate": name})
        return certificate, key

    def _will_do(self, certificate: Path, key: Path, leaf: Leaf) -> bool:
        try:
            pem = certificate.read_text(encoding="ascii")
            held = certificates.read(pem)
            same = held.public_key == certificates.public_key_of(key.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return False
        return (
            same
            and held.standing(self._clock.now_ms()) is Standing.GOOD
            and certificates.belongs_to(pem, self.ca)
            and set(held.names) == set(leaf.names)
        )

    def _issue(self, csr: str, leaf: Leaf) -> str:
        serial = self._chance.token(certificates.SERIAL_BYTES)
        return certificates.issue(self._issuer, csr, leaf, serial, self._clock.now_ms())

    def _open(self, password: bytes) -> Issuer:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate, key = self._folder / CA_FILE, self._folder / CA_KEY_FILE
        if not certificate.exists():
            serial = self._chance.token(certificates.SERIAL_BYTES)
            made, sealed = certificates.new_authority(
                f"Zhanggui CA {self._tenant}", serial, self._clock.now_ms(), password
            )
            # The certificate comes last: while it is missing, there is no CA yet and both are made anew.
            keys.write_secret(key, sealed.encode())
            keys.write_secret(certificate, made.encode())
        try:
            return certificates.open_authority(
                certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii"), password
            )
        except (FileNotFoundError, UnicodeDecodeError) as error:
            raise certificates.BadCertificateError("the CA's key is gone; restore the folder from a backup") from error
