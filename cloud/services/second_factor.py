"""The second factor: time codes (RFC 6238, ± one step, each once) and recovery codes for a lost phone."""

import hmac
from base64 import b32encode
from typing import NamedTuple

import pyotp

from cloud.db import accounts
from cloud.db.accounts import UserRow
from cloud.db.engine import Tx
from cloud.services import secrets
from sync.contract import ids
from sync.node import boxes, keys
from sync.node.ports import Chance

STEP_S = 30
STEPS_AROUND = 1
"""A phone whose clock is half a minute off still gets in."""
SECRET_BYTES = 20
CODE_DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_DIGITS = 16
ISSUER = "Zhanggui HQ"


class Draft(NamedTuple):
    """A second factor that is being set up: its secret in base 32 for typing, and the address in the QR code."""

    secret: str
    uri: str


class SecondFactor:
    """Makes, seals and checks second factors. The keys come from the hub's key file; the database alone opens nothing."""

    def __init__(self, identity: keys.Identity, chance: Chance) -> None:
        self._key = secrets.derived(identity, "totp")
        self._code_key = secrets.derived(identity, "recovery codes")
        self._chance = chance

    def new_secret(self) -> str:
        """Make a secret of 160 bits, in base 32."""
        return b32encode(self._chance.token(SECRET_BYTES)).decode("ascii")

    def draft(self, account: str, secret: str) -> Draft:
        """Give what a phone's app needs."""
        return Draft(secret, pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER))

    def shut(self, account: str, secret: str) -> bytes:
        """Seal a secret for the database; it opens for this account only."""
        return boxes.shut(self._key, secret.encode(), _place(account), self._chance)

    def unlock(self, account: str, box: bytes) -> str:
        """Open a sealed secret.

        Raises:
            BoxError: it is not this account's, or not this hub's.
        """
        return boxes.unlock(self._key, box, _place(account)).decode("ascii")

    def take(self, tx: Tx, user: UserRow, code: str, now_ms: int) -> str | None:
        """Take a code, a recovery code too; each counts once.

        Returns:
            What it was, `code` or `recovery`; None for a wrong or used one.
        """
        clean = code.strip().replace(" ", "")
        if user.totp is None:
            return None
        if len(clean) == CODE_DIGITS:
            step = step_of(self.unlock(user.account, user.totp), clean, now_ms)
            return "code" if step is not None and accounts.take_step(tx, user.account, step) else None
        code_hash = self.recovery_hash(user.account, clean)
        if code_hash is None or not accounts.take_recovery_code(tx, user.account, code_hash, now_ms):
            return None
        return "recovery"

    def new_recovery_codes(self) -> tuple[str, ...]:
        """Make recovery codes of 80 bits, as a person writes them down."""
        return tuple(
            ids.grouped(ids.crockford_encode(int.from_bytes(self._chance.token(10), "big"), RECOVERY_DIGITS))
            for _ in range(RECOVERY_CODES)
        )

    def recovery_hash(self, account: str, code: str) -> bytes | None:
        """Give the stored form of a recovery code, keyed; None for what cannot be one."""
        clean = ids.crockford_clean(code)
        if len(clean) != RECOVERY_DIGITS or not set(clean) <= set(ids.CROCKFORD):
            return None
        return hmac.digest(self._code_key, f"{account} {clean}".encode(), "sha256")


def step_of(secret: str, code: str, now_ms: int) -> int | None:
    """Say which time step around now a code is of; None for a wrong one."""
    if not (code.isascii() and code.isdecimal()):
        return None
    totp = pyotp.TOTP(secret)
    step = now_ms // 1000 // STEP_S
    for near in range(step - STEPS_AROUND, step + STEPS_AROUND + 1):
        if hmac.compare_digest(totp.generate_otp(near), code):
            return near
    return None


def _place(account: str) -> bytes:
    return f"users.totp {account}".encode()
