"""Renewal: a node whose certificate nears its end, or is past it, gets the next one on the word of its identity key."""

import logging

from cloud.db import stores
from cloud.db.engine import HubDatabase, Tx
from cloud.db.stores import KeyRow
from cloud.services.access import Access
from cloud.services.refusals import Refused
from sync.contract import ids
from sync.contract.enrolling import Renewed, RenewRequest
from sync.node import certificates, enrolling
from sync.node.certificates import BadCertificateError, Standing
from sync.node.ports import Clock

EPOCH_MAX = 2**31 - 1

log = logging.getLogger(__name__)


class Renewals:
    """Renews certificates. Any thread may use it."""

    def __init__(self, database: HubDatabase, access: Access, clock: Clock) -> None:
        self._database = database
        self._access = access
        self._clock = clock

    def renew(self, request: RenewRequest) -> Renewed | Refused:
        """Give a node its next certificate. One that is fresh is told again, so asking often makes no new ones."""
        try:
            tls_key = certificates.requested_key(request.csr)
        except BadCertificateError:
            return Refused("bad_key", 422)
        if ids.STORE_ID.fullmatch(request.store) is None or not 0 < request.epoch <= EPOCH_MAX:
            return Refused("bad_store", 422)
        with self._database.write() as tx:
            key = stores.key_of(tx, request.store, request.epoch)
            if key is None or key.node != request.node or not enrolling.renewal_holds(request, key.signing_public):
                return Refused("renew_refused", 401)
            if key.revoked_ms is not None or self._is_closed(tx, key):
                return Refused("revoked", 403)
            pem = self._fresh(tx, key, tls_key)
            if not pem:
                pem = self._access.certify(tx, request.csr, store=key.store, epoch=key.epoch, node=key.node)
                log.info("enrol.renewed", extra={"store_id": key.store, "epoch": key.epoch})
        return Renewed(certificate=pem, ca=self._access.ca, crl=self._access.crl)

    def _is_closed(self, tx: Tx, key: KeyRow) -> bool:
        """Say whether the epoch was replaced and has handed everything over."""
        given = stores.certificates_of(tx, key.store, key.epoch)
        return bool(given) and given[0].revoked_ms is not None

    def _fresh(self, tx: Tx, key: KeyRow, tls_key: bytes) -> str:
        given = stores.certificates_of(tx, key.store, key.epoch)
        if not given:
            return ""
        held = certificates.read(given[0].pem)
        good = held.public_key == tls_key and held.standing(self._clock.now_ms()) is Standing.GOOD
        return given[0].pem if good else ""
