"""Activation codes: made for a store, tried a few times, used once (DESIGN §13)."""

import threading

from cloud.db import stores
from cloud.db.engine import HubDatabase, Tx
from cloud.db.stores import ActivationRow, StoreRow
from sync.contract import ids
from sync.contract.enrolling import CODE_DIGITS
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock

CODE_LIFE_MS = 24 * 3_600_000
TRIES_MAX = 5
"""DESIGN §13: 10 Crockford characters, single use, 24 h, 5 tries."""


class Codes:
    """Makes codes and tries them. Any thread may use it; one hash is computed at a time (64 MiB each)."""

    def __init__(self, database: HubDatabase, vault: Vault, *, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._chance = chance
        self._hashing = threading.Lock()

    def new(self) -> tuple[str, str]:
        """Give a fresh code and its hash."""
        plain = ids.crockford_encode(int.from_bytes(self._chance.token(8), "big") >> 14, CODE_DIGITS)
        with self._hashing:
            return plain, self._vault.hash(plain)

    def put(self, tx: Tx, store: StoreRow, code_hash: str) -> int:
        """Give a store a code, and say until when it lives; an older code no longer counts."""
        now_ms = self._clock.now_ms()
        expires_ms = now_ms + CODE_LIFE_MS
        stores.put_activation(tx, ActivationRow(store.store, code_hash, now_ms, expires_ms, 0, None, None))
        return expires_ms

    def claim_try(self, store: str, *, used: bool = False) -> ActivationRow | None:
        """Count a try before the code is looked at, so that eight guesses at once are eight tries.

        Args:
            store: the store.
            used: whether a code that was used counts too, to tell who shows it so.

        Returns:
            The code to compare with; None when there is none that could still be right.
        """
        with self._database.write() as tx:
            activation = stores.activation_of(tx, store)
            if activation is None or not self.lives(activation) or (activation.used_ms is not None and not used):
                return None
            if activation.tries >= TRIES_MAX:
                return None
            stores.count_try(tx, store)
            return activation

    def lives(self, activation: ActivationRow) -> bool:
        """Say whether a code's day is not over."""
        return self._clock.now_ms() < activation.expires_ms

    def matches(self, activation: ActivationRow, code: str) -> bool:
        """Say whether a text, as people type it, is the code."""
        clean = ids.crockford_clean(code)
        if len(clean) != CODE_DIGITS or not set(clean) <= set(ids.CROCKFORD):
            return False
        with self._hashing:
            return self._vault.matches(activation.code_hash, clean)
