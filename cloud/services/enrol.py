"""Enrolment: a one-time code turns a machine into a store's node, under a new epoch that only the hub gives out.

Cases, numbered as in the code below. (1) A wrong, unknown, expired or worn-out code all get one answer, which tells
nothing apart. (2) A try is counted before the code is looked at, so eight guesses at once are eight tries. (3) The
answer was lost on the way: the same node with the same keys asks again and is told the same, for as long as the code
would have lived; anybody else is told that the code was used.
"""

import base64
import binascii
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from cloud.db import stores
from cloud.db.engine import HubDatabase, Tx
from cloud.db.stores import ActivationRow, KeyRow, StoreRow
from cloud.services import secrets, streams
from cloud.services.refusals import Refused
from cloud.services.secrets import BrokerUsers
from sync.contract import ids, limits
from sync.contract.words import Name, has_control
from sync.node import keys
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock

CODE_DIGITS = 10
CODE_LIFE_MS = 24 * 3_600_000
TRIES_MAX = 5
"""DESIGN §13: 10 Crockford characters, single use, 24 h, 5 tries."""

_NODE = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY_BYTES = 32

log = logging.getLogger(__name__)


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node sends: the code, what it calls itself (a UUID), its two public keys in base64."""

    store: str
    code: str
    node: str
    signing_public: str
    agreement_public: str


class BrokerAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hints travel, and the store's rights there."""

    host: str
    port: int
    username: str
    token: str


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is granted; keys in base64."""

    tenant: str
    store: str
    epoch: int
    hub_signing: str
    hub_agreement: str
    name: Name
    broker: BrokerAccess
    public_url: str


class MadeCode(msgspec.Struct, frozen=True, kw_only=True):
    """A fresh code as people read it, shown once and kept as a hash only."""

    store: str
    code: str
    expires_ms: int


class BadStore(ValueError):
    """A store cannot be made from what was given; the message is a sentence."""


@dataclass(frozen=True)
class Grants:
    """What every enrolled node is told alike."""

    tenant: str
    broker_host: str
    broker_port: int
    public_url: str


class Enrolment:
    """Makes codes, redeems them, revokes keys. Any thread may use it; one hash is computed at a time (64 MiB each)."""

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
        on_stream: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._identity = identity
        self._vault = vault
        self._users = users
        self._grants = grants
        self._clock = clock
        self._chance = chance
        self._on_stream = on_stream or (lambda: None)
        self._hashing = threading.Lock()

    def make_code(self, store: str, name: Name | None = None) -> MadeCode:
        """Make a store if it is new, and a fresh code for it; an older code no longer counts.

        Args:
            store: its id, as in topics: lower-case letters, digits, dashes.
            name: what it is called; needed for a new store, renames one that stands.

        Raises:
            BadStore: the id or the name cannot be used.
        """
        _check_store(store, name)
        now_ms = self._clock.now_ms()
        plain = ids.crockford_encode(int.from_bytes(self._chance.token(8), "big") >> 14, CODE_DIGITS)
        with self._hashing:
            code_hash = self._vault.hash(plain)
        with self._database.write() as tx:
            held = stores.store_by_id(tx, store)
            if held is None and name is None:
                raise BadStore(f"store {store!r} is new: give it a name in both languages")
            if name is not None:
                self._name(tx, held, StoreRow(store, name.zh, name.en, 0 if held is None else held.epoch, now_ms))
            expires_ms = now_ms + CODE_LIFE_MS
            stores.put_activation(tx, ActivationRow(store, code_hash, now_ms, expires_ms, 0, None, None))
        self._on_stream()
        log.info("enrol.code_made", extra={"store_id": store})
        return MadeCode(store=store, code=ids.grouped(plain), expires_ms=expires_ms)

    def redeem(self, request: EnrolRequest) -> Enrolled | Refused:
        """Grant the next epoch to whoever shows the code, or refuse with a reason."""
        node_keys = _read_keys(request, self._identity)
        if node_keys is None:
            return Refused("bad_key", 422)
        if ids.STORE_ID.fullmatch(request.store) is None or _NODE.fullmatch(request.node) is None:
            return Refused("bad_store", 422)
        repeated = self._repeated(request, node_keys)
        if repeated is not None:
            return repeated
        activation = self._claim_try(request.store)
        if activation is None or not self._matches(activation, request.code):
            log.warning("enrol.refused", extra={"store_id": request.store})
            return Refused("enrol_refused", 401)  # (1)
        token = self._users.ensure(_username(request.store), secrets.token(self._chance))
        with self._database.write() as tx:
            granted = self._grant(tx, request, node_keys, activation, token)
        if isinstance(granted, Enrolled):
            self._on_stream()
            log.info("enrol.granted", extra={"store_id": request.store, "epoch": granted.epoch})
        return granted

    def revoke(self, store: str, epoch: int) -> bool:
        """Let a key count no longer: its facts are quarantined from now on, and the stores are told.

        Returns:
            Whether there was such a key that still counted.
        """
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            held, key = stores.store_by_id(tx, store), stores.key_of(tx, store, epoch)
            if held is None or key is None or key.revoked_ms is not None:
                return False
            stores.revoke_key(tx, store, epoch, now_ms)
            streams.put_store_key(tx, held, msgspec.structs.replace(key, revoked_ms=now_ms))
        self._on_stream()
        if epoch == held.epoch:
            self._users.remove(_username(store))
        log.warning("enrol.revoked", extra={"store_id": store, "epoch": epoch})
        return True

    def _name(self, tx: Tx, held: StoreRow | None, row: StoreRow) -> None:
        stores.put_store(tx, row)
        key = None if held is None else stores.key_of(tx, row.store, row.epoch)
        if key is not None and held is not None and (held.name_zh, held.name_en) != (row.name_zh, row.name_en):
            streams.put_store_key(tx, row, key)

    def _repeated(self, request: EnrolRequest, node_keys: keys.PublicKeys) -> Enrolled | Refused | None:
        """Answer for a code that was used (3); None when it was not."""
        with self._database.read() as reader:
            activation = stores.activation_of(reader, request.store)
            if activation is None or activation.used_epoch is None or self._clock.now_ms() >= activation.expires_ms:
                return None
            key = stores.key_of(reader, request.store, activation.used_epoch)
            held = stores.store_by_id(reader, request.store)
        assert key is not None
        assert held is not None
        same = (key.node, key.signing_public, key.agreement_public) == (
            request.node,
            node_keys.signing,
            node_keys.agreement,
        )
        if not same or key.revoked_ms is not None or not self._matches(activation, request.code):
            return Refused("enrol_used", 409)
        token = self._users.ensure(_username(request.store), secrets.token(self._chance))
        return self._answer(held, key.epoch, token)

    def _claim_try(self, store: str) -> ActivationRow | None:
        """Count a try (2); None when there is no code that could still be right."""
        with self._database.write() as tx:
            activation = stores.activation_of(tx, store)
            if (
                activation is None
                or activation.used_ms is not None
                or activation.tries >= TRIES_MAX
                or self._clock.now_ms() >= activation.expires_ms
            ):
                return None
            stores.count_try(tx, store)
            return activation

    def _matches(self, activation: ActivationRow, code: str) -> bool:
        clean = ids.crockford_clean(code)
        if len(clean) != CODE_DIGITS or not set(clean) <= set(ids.CROCKFORD):
            return False
        with self._hashing:
            return self._vault.matches(activation.code_hash, clean)

    def _grant(
        self, tx: Tx, request: EnrolRequest, node_keys: keys.PublicKeys, activation: ActivationRow, token: str
    ) -> Enrolled | Refused:
        now = stores.activation_of(tx, request.store)
        held = stores.store_by_id(tx, request.store)
        if now is None or held is None or now.code_hash != activation.code_hash or now.used_ms is not None:
            # Another request with the same code was quicker, or a new code was made meanwhile.
            return Refused("enrol_used", 409)
        if any(key.store != request.store for key in stores.keys_named(tx, node_keys.key_id)):
            # A signing key names one store for ever: a code on paper says nothing but the key.
            return Refused("bad_key", 422)
        epoch, now_ms = held.epoch + 1, self._clock.now_ms()
        key = KeyRow(
            request.store,
            epoch,
            node_keys.key_id,
            request.node,
            node_keys.signing,
            node_keys.agreement,
            now_ms,
            None,
        )
        stores.insert_key(tx, key)
        stores.set_epoch(tx, request.store, epoch)
        stores.use_activation(tx, request.store, now_ms, epoch)
        streams.put_store_key(tx, held, key)
        return self._answer(held, epoch, token)

    def _answer(self, store: StoreRow, epoch: int, token: str) -> Enrolled:
        public = self._identity.public
        return Enrolled(
            tenant=self._grants.tenant,
            store=store.store,
            epoch=epoch,
            hub_signing=base64.b64encode(public.signing).decode("ascii"),
            hub_agreement=base64.b64encode(public.agreement).decode("ascii"),
            name=Name(store.name_zh, store.name_en),
            broker=BrokerAccess(
                host=self._grants.broker_host,
                port=self._grants.broker_port,
                username=_username(store.store),
                token=token,
            ),
            public_url=self._grants.public_url,
        )


def _username(store: str) -> str:
    return f"store-{store}"


def _check_store(store: str, name: Name | None) -> None:
    if ids.STORE_ID.fullmatch(store) is None:
        raise BadStore(f"{store!r} is no store id: up to 32 lower-case letters, digits and dashes")
    if name is None:
        return
    for text in (name.zh, name.en):
        if not text.strip() or len(text) > limits.NAME_CHARS_MAX or has_control(text):
            raise BadStore(f"a store's name has 1 to {limits.NAME_CHARS_MAX} characters in each language")


def _read_keys(request: EnrolRequest, identity: keys.Identity) -> keys.PublicKeys | None:
    try:
        signing = base64.b64decode(request.signing_public, validate=True)
        agreement = base64.b64decode(request.agreement_public, validate=True)
        if len(signing) != _KEY_BYTES or len(agreement) != _KEY_BYTES:
            return None
        # A point of low order agrees on nothing secret; the library refuses it here rather than in ingest.
        keys.agree(identity, agreement, salt=b"", info=b"try")
    except (binascii.Error, ValueError):
        return None
    return keys.PublicKeys(signing, agreement)
