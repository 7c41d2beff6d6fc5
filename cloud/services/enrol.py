"""Enrolment: a one-time code turns a machine into a store's node, under a new epoch that only the hub gives out.

Cases, numbered as in the code below. (1) A wrong, unknown, expired or worn-out code all get one answer, which tells
nothing apart. (2) A try is counted before the code is looked at, so eight guesses at once are eight tries. (3) The
answer was lost on the way: the same node with the same keys asks again and is told the same, for as long as the code
would have lived; anybody else who shows it is told that it was used, within the code's tries: a guess learns nothing. (4) Where a person must approve, the same node asks again
until it is decided; that is no new try.
"""

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from cloud.db import presence, stores
from cloud.db.engine import HubDatabase, Tx
from cloud.db.stores import ActivationRow, KeyRow, StoreRow
from cloud.services import access, activation, approvals, audit, petition, streams
from cloud.services.access import Access
from cloud.services.accounts import CLI, Who
from cloud.services.activation import Codes
from cloud.services.approvals import Approvals, Asking, Policy
from cloud.services.authority import HUB_NAME, Authority
from cloud.services.petition import Petition
from cloud.services.refusals import Refused
from cloud.services.renewal import Renewals
from cloud.services.secrets import BrokerUsers
from sync.contract import ids, limits
from sync.contract.enrolling import BrokerAccess, Enrolled, EnrolRequest, Renewed, RenewRequest, Waiting
from sync.contract.words import Name, has_control
from sync.node import certificates, keys
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock

CODE_LIFE_MS = activation.CODE_LIFE_MS
ASK_AGAIN_S = 5
TELL_MS = 60_000
"""So long the broker stays open to a connected node whose key was revoked, so that it hears so from us: a broker's refusal is
no word of ours, and stops no till. Nothing else of it is taken meanwhile, and it is given nothing."""

log = logging.getLogger(__name__)


class MadeCode(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh code as people read it, shown once and kept as a hash only."""

    store: str
    code: str
    expires_ms: int


class BadStore(ValueError):
    """A store cannot be made from what was given; the message is a sentence."""


@dataclass(frozen=True)
class Grants:
    """What every enrolled node is told alike.

    `tls` is `off`, `server` or `mutual`; `broker_ca` is who signs the broker's certificate where it is not our own CA.
    """

    tenant: str
    broker_host: str
    broker_port: int
    public_url: str
    tls: str = "off"
    broker_ca: str = ""


class Enrolment:
    """Makes codes, redeems them, renews certificates, revokes keys. Any thread may use it."""

    def __init__(
        self,
        database: HubDatabase,
        identity: keys.Identity,
        vault: Vault,
        users: BrokerUsers,
        grants: Grants,
        *,
        clock: Clock,
        chance: Chance,
        authority: Authority | None = None,
        policy: Policy = Policy.REPLACEMENT,
        on_stream: Callable[[], None] | None = None,
        on_crl: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._identity = identity
        self._grants = grants
        self._clock = clock
        self._codes = Codes(database, vault, clock=clock, chance=chance)
        self._access = Access(database, users, authority, chance, tokens=grants.tls != "mutual", on_crl=on_crl)
        self._renewals = Renewals(database, self._access, clock)
        self._approvals = Approvals(database, policy, clock)
        self._on_stream = on_stream or (lambda: None)
        self._access.publish()

    def make_code(self, store: str, name: Name | None = None, *, who: Who = CLI) -> MadeCode:
        """Make a store if it is new, and a fresh code for it; an older code no longer counts.

        Args:
            store: its id, as in topics: lower-case letters, digits, dashes.
            name: what it is called; needed for a new store, renames one that stands.
            who: who asks, for the audit log.

        Raises:
            BadStore: the id or the name cannot be used.
        """
        _check_store(store, name)
        plain, code_hash = self._codes.new()
        with self._database.write() as tx:
            held = stores.store_by_id(tx, store)
            if held is None and name is None:
                raise BadStore(f"store {store!r} is new: give it a name in both languages")
            if name is not None:
                epoch = 0 if held is None else held.epoch
                self._name(tx, held, StoreRow(store, name.zh, name.en, epoch, self._clock.now_ms()))
            now = stores.store_by_id(tx, store)
            assert now is not None
            expires_ms = self._codes.put(tx, now, code_hash)
            self._record(tx, who, "store.code_made", store)
        self._on_stream()
        log.info("enrol.code_made", extra={"store_id": store})
        return MadeCode(store=store, code=ids.grouped(plain), expires_ms=expires_ms)

    def redeem(self, request: EnrolRequest) -> Enrolled | Waiting | Refused:
        """Grant the next epoch to whoever shows the code, or refuse with a reason."""
        sent = petition.read(request, self._identity)
        if isinstance(sent, Refused):
            return sent
        repeated = self._repeated(sent)
        if repeated is not None:
            return repeated
        held = self._asked_before(sent) or self._codes.claim_try(request.store)  # (2), (4)
        if held is None or not self._codes.matches(held, request.code):
            log.warning("enrol.refused", extra={"store_id": request.store})
            return Refused("enrol_refused", 401)  # (1)
        with self._database.write() as tx:
            granted = self._grant(tx, sent, held)
            if isinstance(granted, Enrolled):
                node = Who(f"store:{granted.store}")
                self._record(tx, node, "store.enrolled", granted.store, epoch=granted.epoch)
        if isinstance(granted, Enrolled):
            self._on_stream()
            log.info("enrol.granted", extra={"store_id": request.store, "epoch": granted.epoch})
        return granted

    def renew(self, request: RenewRequest) -> Renewed | Refused:
        """Give a node its next certificate, see `Renewals.renew`."""
        return self._renewals.renew(request)

    def revoke(self, store: str, epoch: int, *, who: Who = CLI) -> bool:
        """Let a key count no longer: its facts are quarantined from now on, the stores are told, its access is closed.

        That is done at once unless the node was heard just now: then it is told first (`shut_out`).

        Returns:
            Whether there was such a key that still counted.
        """
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            held, key = stores.store_by_id(tx, store), stores.key_of(tx, store, epoch)
            if held is None or key is None or key.revoked_ms is not None:
                return False
            stores.revoke_key(tx, store, epoch, now_ms)
            listens = epoch == held.epoch and presence.is_here(tx, store, now_ms - TELL_MS)
            if not listens:
                self._access.close(tx, store, epoch, now_ms)
            if epoch == held.epoch:
                presence.note_session(tx, store, "revoked", now_ms)
            streams.put_store_key(tx, held, msgspec.structs.replace(key, revoked_ms=now_ms))
            self._record(tx, who, "store.revoked", store, epoch=epoch)
        self._on_stream()
        if not listens:
            self._access.enforce(store, epoch)
        log.warning("enrol.revoked", extra={"store_id": store, "epoch": epoch, "is_told_first": listens})
        return True

    def shut_out(self, store: str, epoch: int) -> bool:
        """Close the broker to a key that was revoked; called when its node said that it heard so, or its time is over.

        Returns:
            Whether it was closed now.
        """
        with self._database.write() as tx:
            key = stores.key_of(tx, store, epoch)
            if key is None or key.revoked_ms is None or not self._access.is_open(tx, store, epoch):
                return False
            self._access.close(tx, store, epoch, self._clock.now_ms())
        self._access.enforce(store, epoch)
        log.info("enrol.shut_out", extra={"store_id": store, "epoch": epoch})
        return True

    def shut_out_due(self) -> None:
        """Close the broker to every revoked key whose time is over; also for a process that died before it did."""
        now_ms = self._clock.now_ms()
        with self._database.read() as reader:
            held = stores.revoked_keys(reader)
        for key in held:
            # A clock that was set back buys no time.
            if key.revoked_ms is not None and not 0 <= now_ms - key.revoked_ms < TELL_MS:
                self.shut_out(key.store, key.epoch)

    def handed_over(self, store: str, epoch: int) -> bool:
        """Close the broker to an epoch that was replaced and has nothing left to hand over; its key still counts.

        Returns:
            Whether it was closed now: never for the current epoch, nor a second time.
        """
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            held, key = stores.store_by_id(tx, store), stores.key_of(tx, store, epoch)
            if held is None or key is None or epoch >= held.epoch or not self._access.is_open(tx, store, epoch):
                return False
            self._access.close(tx, store, epoch, now_ms)
            self._record(tx, Who("system"), "store.handed_over", store, epoch=epoch)
        self._access.enforce(store, epoch)
        log.info("enrol.handed_over", extra={"store_id": store, "epoch": epoch})
        return True

    def waiting(self) -> tuple[Asking, ...]:
        """List the nodes that wait for a person."""
        return self._approvals.waiting()

    def decide(self, store: str, fingerprint: str, *, approve: bool, by: str, address: str = "") -> bool:
        """Say yes or no to a waiting node, see `Approvals.decide`."""
        return self._approvals.decide(store, fingerprint, approve=approve, who=Who(by, address))

    def keys_of(self, store: str) -> list[KeyRow]:
        """List the epochs of a store, newest first."""
        with self._database.read() as reader:
            return stores.keys_of(reader, store)

    # -------------------------------------------------------------------------------------------------------- redeeming

    def _repeated(self, sent: Petition) -> Enrolled | Refused | None:
        """Answer for a code that was used (3); None when it was not."""
        request, node_keys = sent.request, sent.keys
        with self._database.read() as reader:
            held_code = stores.activation_of(reader, request.store)
            if held_code is None or held_code.used_epoch is None or not self._codes.lives(held_code):
                return None
            key = stores.key_of(reader, request.store, held_code.used_epoch)
            held = stores.store_by_id(reader, request.store)
            given = stores.certificates_of(reader, request.store, held_code.used_epoch)
        assert key is not None
        assert held is not None
        first = given[-1].pem if given else ""
        same = (key.node, key.signing_public, key.agreement_public) == (
            request.node,
            node_keys.signing,
            node_keys.agreement,
        )
        if first and certificates.read(first).public_key != sent.tls_key:
            same = False
        if same and key.revoked_ms is None:
            right = self._codes.matches(held_code, request.code)
            return self._answer(held, key.epoch, first) if right else Refused("enrol_refused", 401)
        tried = self._codes.claim_try(request.store, used=True)  # (2)
        if tried is None or not self._codes.matches(tried, request.code):
            return Refused("enrol_refused", 401)  # (1)
        return Refused("enrol_used", 409)

    def _asked_before(self, sent: Petition) -> ActivationRow | None:
        with self._database.read() as reader:
            held = stores.activation_of(reader, sent.request.store)
        if held is None or not self._codes.lives(held) or not self._approvals.asked_before(held, sent.fingerprint):
            return None
        return held

    def _grant(self, tx: Tx, sent: Petition, code: ActivationRow) -> Enrolled | Waiting | Refused:
        request, node_keys = sent.request, sent.keys
        now, held = stores.activation_of(tx, request.store), stores.store_by_id(tx, request.store)
        if now is None or held is None or now.code_hash != code.code_hash or now.used_ms is not None:
            # Another request with the same code was quicker, or a new code was made meanwhile.
            return Refused("enrol_used", 409)
        if any(key.store != request.store for key in stores.keys_named(tx, node_keys.key_id)):
            # A signing key names one store for ever: a code on paper says nothing but the key.
            return Refused("bad_key", 422)
        if self._approvals.needed(held):
            decided = self._approvals.ask(tx, now, request.node, sent.fingerprint)
            if decided == approvals.WAITING:
                return Waiting(waiting=True, fingerprint=sent.fingerprint, ask_again_s=ASK_AGAIN_S)
            if decided != approvals.APPROVED:
                return Refused("enrol_not_approved", 403)
        epoch, now_ms = held.epoch + 1, self._clock.now_ms()
        signing, agreement = node_keys.signing, node_keys.agreement
        key = KeyRow(request.store, epoch, node_keys.key_id, request.node, signing, agreement, now_ms, None)
        stores.insert_key(tx, key)
        stores.set_epoch(tx, request.store, epoch)
        stores.use_activation(tx, request.store, now_ms, epoch)
        streams.put_store_key(tx, held, key)
        pem = self._access.certify(tx, request.csr, store=request.store, epoch=epoch, node=request.node)
        return self._answer(held, epoch, pem)

    def _record(self, tx: Tx, who: Who, action: str, store: str, **more: int) -> None:
        detail = who.detail(**more)
        audit.record(tx, at_ms=self._clock.now_ms(), actor=who.actor, action=action, target=store, detail=detail)

    def _name(self, tx: Tx, held: StoreRow | None, row: StoreRow) -> None:
        stores.put_store(tx, row)
        key = None if held is None else stores.key_of(tx, row.store, row.epoch)
        if key is not None and held is not None and (held.name_zh, held.name_en) != (row.name_zh, row.name_en):
            streams.put_store_key(tx, row, key)

    def _answer(self, store: StoreRow, epoch: int, certificate: str) -> Enrolled:
        public, grants = self._identity.public, self._grants
        token = self._access.token(store.store, epoch)
        return Enrolled(
            tenant=grants.tenant,
            store=store.store,
            epoch=epoch,
            hub_signing=base64.b64encode(public.signing).decode("ascii"),
            hub_agreement=base64.b64encode(public.agreement).decode("ascii"),
            name=Name(store.name_zh, store.name_en),
            broker=BrokerAccess(
                host=grants.broker_host,
                port=grants.broker_port,
                username=access.username(store.store, epoch) if token else "",
                token=token,
                tls=grants.tls,
                ca="" if grants.tls == "off" else grants.broker_ca or self._access.ca,
            ),
            public_url=grants.public_url,
            certificate=certificate,
            ca=self._access.ca,
            crl=self._access.crl,
        )


def _check_store(store: str, name: Name | None) -> None:
    if ids.STORE_ID.fullmatch(store) is None:
        raise BadStore(f"{store!r} is no store id: up to 32 lower-case letters, digits and dashes")
    if store == HUB_NAME:
        raise BadStore(f"a store may not be called {HUB_NAME!r}: the broker knows the hub by that name")
    if name is None:
        return
    for text in (name.zh, name.en):
        if not text.strip() or len(text) > limits.NAME_CHARS_MAX or has_control(text):
            raise BadStore(f"a store's name has 1 to {limits.NAME_CHARS_MAX} characters in each language")
