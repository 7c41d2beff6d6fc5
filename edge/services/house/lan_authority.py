"""The store's own CA for its LAN: made at the node, sealed with the node's key, good for names of the house and nothing else.

Tablets and tills trust it once. It signs one leaf for the names under which the node is reached now; the leaf is made anew when they
change and in good time before its end. It belongs to the node: a node that takes its place makes its own, and is trusted anew.
"""

import ipaddress
import logging
from pathlib import Path
from typing import Final

from edge.settings import HOUSE_DOMAINS
from sync.node import certificates, keys
from sync.node.certificates import BadCertificateError, Issuer, Leaf, Standing
from sync.node.keys import Identity
from sync.node.ports import Chance, Clock

LIFE_MS: Final = 10 * 365 * certificates.DAY_MS
"""Each device is told by hand whom to trust: not every three years."""
NETWORKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8")
CA_FILE: Final = "lan-ca.pem"
CA_KEY_FILE: Final = "lan-ca-key.pem"
LEAF_FILE: Final = "lan.pem"
LEAF_KEY_FILE: Final = "lan-key.pem"

log = logging.getLogger(__name__)


class LanAuthority:
    """The CA in a node's folder."""

    def __init__(self, folder: Path, identity: Identity, clock: Clock, chance: Chance) -> None:
        self._folder = folder
        self._password = identity.seal_of(b"zhanggui house ca").hex().encode()
        self._clock = clock
        self._chance = chance

    def certificate(self, store: str, addresses: tuple[str, ...]) -> str:
        """Give the CA's certificate as PEM; it is made where there is none, or where it ended or does not open.

        Args:
            store: what it is called after.
            addresses: those of the machine; one outside the usual private networks may be signed for, too.
        """
        try:
            held = self._issuer().pem
            if certificates.read(held).standing(self._clock.now_ms()) is not Standing.EXPIRED:
                return held
        except (OSError, BadCertificateError) as error:
            if (self._folder / CA_FILE).exists():
                log.warning("lan.ca_made_anew", extra={"error": type(error).__name__})
        own = [each for each in addresses if not any(_within(each, network) for network in NETWORKS)]
        only = (*(domain.lstrip(".") for domain in HOUSE_DOMAINS), *NETWORKS, *own)
        made, key = certificates.new_authority(
            f"Zhanggui {store}",
            self._chance.token(certificates.SERIAL_BYTES),
            self._clock.now_ms(),
            self._password,
            life_ms=LIFE_MS,
            only=only,
        )
        keys.write_secret(self._folder / CA_KEY_FILE, key.encode())
        keys.write_secret(self._folder / CA_FILE, made.encode())
        return made

    def files(self, names: tuple[str, ...]) -> tuple[Path, Path]:
        """Give certificate and key for the names under which the node is reached.

        Raises:
            OSError, BadCertificateError: the CA's files are gone or damaged; `certificate` makes them.
        """
        leaf, key = self._folder / LEAF_FILE, self._folder / LEAF_KEY_FILE
        if not self._holds(leaf, key, names):
            issuer = self._issuer()
            if not _is_key(key):
                keys.write_secret(key, certificates.new_key().encode())
            request = certificates.request(key.read_text(encoding="ascii"), "zhanggui")
            serial = self._chance.token(certificates.SERIAL_BYTES)
            asked = Leaf("zhanggui", "server", names)
            made = certificates.issue(issuer, request, asked, serial, self._clock.now_ms())
            keys.write_secret(leaf, made.encode())
        return leaf, key

    def _issuer(self) -> Issuer:
        certificate = (self._folder / CA_FILE).read_text(encoding="ascii")
        return certificates.open_authority(
            certificate, (self._folder / CA_KEY_FILE).read_text(encoding="ascii"), self._password
        )

    def _holds(self, leaf: Path, key: Path, names: tuple[str, ...]) -> bool:
        try:
            authority = (self._folder / CA_FILE).read_text(encoding="ascii")
            text = leaf.read_text(encoding="ascii")
            held = certificates.read(text)
            fits = held.public_key == certificates.public_key_of(key.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError, BadCertificateError):
            return False
        fresh = held.standing(self._clock.now_ms()) in {Standing.GOOD, Standing.EARLY}
        return fits and fresh and set(held.names) == set(names) and certificates.belongs_to(text, authority)


def _is_key(path: Path) -> bool:
    try:
        certificates.public_key_of(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError, BadCertificateError):
        return False
    return True


def _within(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)
