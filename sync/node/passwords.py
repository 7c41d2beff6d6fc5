"""PINs, passwords and one-time codes: Argon2id, peppered with a key that is not in the database."""

import hmac
import threading
from typing import NamedTuple

import argon2


class Cost(NamedTuple):
    """What one guess costs: memory in KiB, passes, lanes."""

    memory_kib: int
    passes: int
    lanes: int


PIN_COST = Cost(memory_kib=19_456, passes=2, lanes=1)
"""OWASP's minimum for Argon2id; about 20 ms, since a cashier signs in many times a day."""
PASSWORD_COST = Cost(memory_kib=65_536, passes=3, lanes=4)


class Vault:
    """Hashes and checks secrets with one pepper, one at a time: each takes its whole memory cost while it runs."""

    def __init__(self, pepper: bytes, cost: Cost) -> None:
        self._pepper = pepper
        self._one_at_a_time = threading.Lock()
        self._hasher = argon2.PasswordHasher(memory_cost=cost.memory_kib, time_cost=cost.passes, parallelism=cost.lanes)

    def hash(self, secret: str) -> str:
        """Give the stored form."""
        with self._one_at_a_time:
            return self._hasher.hash(self._peppered(secret))

    def matches(self, stored: str, secret: str) -> bool:
        """Say whether a secret is the one behind a stored form."""
        try:
            with self._one_at_a_time:
                return self._hasher.verify(stored, self._peppered(secret))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def _peppered(self, secret: str) -> bytes:
        return hmac.digest(self._pepper, secret.encode(), "sha256")
