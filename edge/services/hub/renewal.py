"""The node's certificate is renewed at two thirds of its life, or as soon as the hub is reached again.

An expired certificate stops no sale: facts wait in the journal, and the identity key is what the hub renews on.
"""

import logging
from pathlib import Path

import msgspec

from edge.services.hub import enrolment, hub_web
from edge.services.hub.enrolment import Enrolment
from edge.services.hub.hub_web import HubWebError
from sync.contract.enrolling import Renewed
from sync.node import certificates, enrolling, keys
from sync.node.certificates import BadCertificateError, Standing
from sync.node.ports import Clock

log = logging.getLogger(__name__)


class Renewal:
    """Watches one node's certificate. Used by one thread."""

    def __init__(self, folder: Path, grant: Enrolment, identity: keys.Identity, clock: Clock) -> None:
        self._folder = folder
        self._grant = grant
        self._identity = identity
        self._clock = clock
        self.refusal = ""
        """What the last attempt came to, as the hub's code or a sentence; empty when all is well."""

    @property
    def standing(self) -> Standing | None:
        """How the certificate stands; None where there is none to look at."""
        try:
            pem = (self._folder / enrolment.TLS_FILE).read_text(encoding="ascii")
            return certificates.read(pem).standing(self._clock.now_ms())
        except (OSError, UnicodeDecodeError, BadCertificateError):
            return None

    def step(self) -> bool:
        """Renew when it is due.

        Returns:
            Whether there is a new certificate now.
        """
        if self._grant.broker.tls != "mutual" or not self._grant.hub_url or self.standing is Standing.GOOD:
            return False
        try:
            self._renew()
        except (HubWebError, BadCertificateError, OSError, msgspec.ValidationError) as error:
            self.refusal = str(error)
            log.warning("certificate.not_renewed", extra={"error": str(error)})
            return False
        self.refusal = ""
        log.info("certificate.renewed")
        return True

    def _renew(self) -> None:
        grant, folder = self._grant, self._folder
        tls_key = (folder / enrolment.TLS_KEY_FILE).read_text(encoding="ascii")
        request = enrolling.make_renewal(self._identity, tls_key, store=grant.store, epoch=grant.epoch, node=grant.node)
        told = msgspec.convert(hub_web.post(folder, grant.hub_url, "/api/v1/renew", request), Renewed)
        if certificates.read(told.certificate).public_key != certificates.public_key_of(tls_key):
            raise BadCertificateError("the hub signed a certificate for another key")
        keys.write_secret(folder / enrolment.TLS_FILE, told.certificate.encode())
