"""Who may speak to the broker: one user and token, and certificates, for each (store, epoch), closed one by one."""

import logging
from collections.abc import Callable

from cloud.db import stores
from cloud.db.engine import HubDatabase, Reader, Tx
from cloud.db.stores import CertificateRow
from cloud.services import secrets
from cloud.services.authority import Authority
from cloud.services.secrets import BrokerUsers
from sync.node import certificates
from sync.node.control import one_at_a_time
from sync.node.ports import Chance

log = logging.getLogger(__name__)


def username(store: str, epoch: int) -> str:
    """Name the broker's user of a (store, epoch)."""
    return f"store-{store}-{epoch}"


class Access:
    """Opens and closes the broker's door. Any thread may use it.

    Args:
        database: where certificates are noted.
        users: the broker's users.
        authority: signs certificates; None where brokers know no certificates (simulations).
        chance: for tokens.
        tokens: whether stores sign in by token; with client certificates they do not, and none is made.
        on_crl: called when the list of revoked certificates was written; gives it to the broker.
    """

    def __init__(
        self,
        database: HubDatabase,
        users: BrokerUsers,
        authority: Authority | None,
        chance: Chance,
        *,
        tokens: bool,
        on_crl: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._users = users
        self._authority = authority
        self._chance = chance
        self._tokens = tokens
        self._on_crl = on_crl or (lambda: None)

    def token(self, store: str, epoch: int) -> str:
        """Give the token of a (store, epoch), made when it has none; empty where certificates stand for it."""
        if not self._tokens:
            return ""
        return self._users.ensure(username(store, epoch), secrets.token(self._chance))

    @property
    def ca(self) -> str:
        """The CA's certificate."""
        return "" if self._authority is None else self._authority.ca

    @property
    def crl(self) -> str:
        """The list of revoked certificates."""
        return "" if self._authority is None else self._authority.crl

    def certify(self, tx: Tx, csr: str, *, store: str, epoch: int, node: str) -> str:
        """Sign a certificate for a node and note it.

        Raises:
            BadCertificateError: the request is none.
        """
        if self._authority is None:
            return ""
        pem = self._authority.issue_store(csr, store=store, epoch=epoch, node=node)
        held = certificates.read(pem)
        row = CertificateRow(held.serial, store, epoch, held.not_before_ms, held.not_after_ms, pem, None)
        stores.insert_certificate(tx, row)
        return pem

    def is_open(self, reader: Reader, store: str, epoch: int) -> bool:
        """Say whether a (store, epoch) may speak to the broker."""
        given = stores.certificates_of(reader, store, epoch)
        return any(one.revoked_ms is None for one in given) or self._users.has(username(store, epoch))

    def close(self, tx: Tx, store: str, epoch: int, now_ms: int) -> None:
        """Note that the certificates of a (store, epoch) count no longer; `enforce` follows once that is committed."""
        stores.revoke_certificates(tx, store, epoch, now_ms)

    def enforce(self, store: str, epoch: int) -> None:
        """Take the token away and write the list of revoked certificates."""
        self._users.remove(username(store, epoch))
        self.publish()

    def publish(self) -> None:
        """Write the list of revoked certificates as the database has it; also at each start, for a crash in between."""
        if self._authority is not None:
            # One part of the hub at a time, or an older list could be written over a newer one.
            with one_at_a_time(self._authority.folder, "crl.lock"), self._database.read() as reader:
                revoked = [(row.serial, row.revoked_ms or 0) for row in stores.revoked_certificates(reader)]
                self._authority.publish(revoked)
            self._on_crl()
