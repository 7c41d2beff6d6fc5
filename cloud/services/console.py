"""Sign-in to the console: one password, sessions known by their hash only, a lock after ten wrong ones, a bearer token."""

import hashlib
import hmac
import logging
import threading

import msgspec

from cloud.db import accounts
from cloud.db.accounts import SessionRow
from cloud.db.engine import HubDatabase
from cloud.services import secrets
from cloud.services.refusals import Refused
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock

ACCOUNT = "console"
IDLE_MS = 15 * 60_000
LIFE_MS = 12 * 3_600_000
WRONG_MAX = 10
LOCKED_MS = 30 * 60_000
"""`reference/ux-security.md` §10.4: idle 15 min, absolute 12 h, ten wrong ones lock for 30 min."""

PASSWORD_CHARS_MAX = 256
_TOUCH_MS = 15_000

log = logging.getLogger(__name__)


class SignedIn(msgspec.Struct, frozen=True):
    """A session's token, given out once, and when it ends at the latest."""

    token: str
    expires_ms: int


class Console:
    """The console's one account. Any thread may use it; one hash is computed at a time (64 MiB each)."""

    def __init__(
        self, database: HubDatabase, vault: Vault, program_token: str, *, clock: Clock, chance: Chance
    ) -> None:
        self._database = database
        self._vault = vault
        self._program_hash = _hash(program_token)
        self._clock = clock
        self._chance = chance
        self._hashing = threading.Lock()

    def set_up(self, password: str) -> None:
        """Make the account with this password, or give it this one when it had another; called at every start."""
        with self._database.read() as reader:
            held = accounts.account_of(reader, ACCOUNT)
        with self._hashing:
            if held is not None and self._vault.matches(held.password_hash, password):
                return
            password_hash = self._vault.hash(password)
        with self._database.write() as tx:
            if held is None:
                accounts.insert_account(tx, ACCOUNT, password_hash)
            else:
                accounts.set_password(tx, ACCOUNT, password_hash)

    def sign_in(self, password: str) -> SignedIn | Refused:
        """Open a session, or refuse: `wrong_password`, `signin_locked`."""
        with self._hashing:
            # Within the lock, so that many guesses at once are counted one after the other.
            now_ms = self._clock.now_ms()
            with self._database.read() as reader:
                held = accounts.account_of(reader, ACCOUNT)
            assert held is not None, "set_up runs before the first sign-in"
            if held.locked_until_ms is not None and now_ms < held.locked_until_ms:
                return Refused("signin_locked", 429, {"retry_after_s": (held.locked_until_ms - now_ms + 999) // 1000})
            wrong_before = held.wrong if held.locked_until_ms is None else 0
            if not _is_text(password) or not self._vault.matches(held.password_hash, password):
                return self._count_wrong(wrong_before + 1, now_ms)
        token = secrets.token(self._chance)
        with self._database.write() as tx:
            accounts.set_wrong(tx, ACCOUNT, 0, None)
            accounts.delete_stale_sessions(tx, now_ms - LIFE_MS, now_ms - IDLE_MS)
            accounts.insert_session(tx, SessionRow(_hash(token), ACCOUNT, now_ms, now_ms))
        return SignedIn(token, now_ms + LIFE_MS)

    def session(self, token: str, *, touch: bool = True) -> bool:
        """Say whether a session stands.

        Args:
            token: what the browser shows.
            touch: note that a person used it; off for pages that refresh themselves, which keep no session alive.
        """
        now_ms, token_hash = self._clock.now_ms(), _hash(token)
        with self._database.read() as reader:
            held = accounts.session_of(reader, token_hash)
        if held is None or now_ms - held.created_ms >= LIFE_MS or now_ms - held.used_ms >= IDLE_MS:
            return False
        if touch and now_ms - held.used_ms >= _TOUCH_MS:
            with self._database.write() as tx:
                accounts.touch_session(tx, token_hash, now_ms)
        return True

    def sign_out(self, token: str) -> None:
        """End a session; a token that names none is as well signed out."""
        with self._database.write() as tx:
            accounts.delete_session(tx, _hash(token))

    def program(self, token: str) -> bool:
        """Say whether a bearer token is the one for programs."""
        return hmac.compare_digest(_hash(token), self._program_hash)

    def _count_wrong(self, wrong: int, now_ms: int) -> Refused:
        locked_until_ms = now_ms + LOCKED_MS if wrong >= WRONG_MAX else None
        with self._database.write() as tx:
            accounts.set_wrong(tx, ACCOUNT, wrong, locked_until_ms)
        if locked_until_ms is not None:
            log.error("console.locked", extra={"wrong": wrong})
        return Refused("wrong_password", 401)


def _is_text(password: str) -> bool:
    # A lone surrogate, which JSON can smuggle in, has no bytes to hash.
    return len(password) <= PASSWORD_CHARS_MAX and not any("\ud800" <= sign <= "\udfff" for sign in password)


def _hash(token: str) -> bytes:
    # A token has 256 random bits: a plain hash is enough, only passwords need a slow one.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
