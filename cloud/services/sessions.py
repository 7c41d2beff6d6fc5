"""Sessions: server-side, known by the hash of their token, idle 15 min, 12 h at most, ended at once when told to."""

import hashlib

import msgspec

from cloud.db import accounts
from cloud.db.accounts import SessionRow, UserRow
from cloud.db.engine import HubDatabase, Tx
from cloud.domain.roles import Role
from cloud.services import secrets
from cloud.services.tries import Caller
from sync.node.ports import Chance, Clock

IDLE_MS = 15 * 60_000
LIFE_MS = 12 * 3_600_000
FRESH_MS = 5 * 60_000
HALF_MS = 10 * 60_000
"""`ux-security` §10.4: idle 15 min, absolute 12 h, sure for 5 min; half a sign-in is finished within 10 min."""

FULL = "full"
CODE = "code"
SET_UP = "set_up"
PASSWORD = "password"  # noqa: S105 - the name of a step
_TOUCH_MS = 15_000
_TEXT_CHARS_MAX = 80


class Person(msgspec.Struct, frozen=True):
    """Who a session belongs to, and since when the hub is sure of it. `session` names it without opening it."""

    account: str
    name: str
    role: Role
    session: str
    sure_ms: int
    has_second_factor: bool


class SessionView(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    session: str
    created_ms: int
    used_ms: int
    address: str
    browser: str
    own: bool


class Sessions:
    """Opens, finds and ends sessions. Any thread may use it."""

    def __init__(self, database: HubDatabase, *, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance

    def open(self, tx: Tx, account: str, stage: str, caller: Caller, *, besides: bytes = b"") -> str:
        """Open a session and give its token; an earlier one, `besides`, ends: a token never gains rights."""
        now_ms = self._clock.now_ms()
        token = secrets.token(self._chance)
        accounts.delete_stale_sessions(tx, now_ms - LIFE_MS, now_ms - IDLE_MS)
        if besides:
            accounts.delete_session(tx, besides)
        accounts.insert_session(
            tx,
            SessionRow(
                token_hash=hash_of(token),
                account=account,
                stage=stage,
                created_ms=now_ms,
                used_ms=now_ms,
                sure_ms=now_ms,
                address=_plain(caller.address),
                browser=_plain(caller.browser),
            ),
        )
        return token

    def person(self, token: str, *, touch: bool = True) -> Person | None:
        """Find whose session this is; None when it does not stand.

        Args:
            token: what the browser shows.
            touch: note that a person used it; off for pages that refresh themselves, which keep no session alive.
        """
        now_ms, token_hash = self._clock.now_ms(), hash_of(token)
        with self._database.read() as reader:
            held = accounts.session_of(reader, token_hash)
            if held is None or held.stage != FULL or not _lives(held, now_ms):
                return None
            user = accounts.user_of(reader, held.account)
        if user is None or user.disabled_ms is not None:
            return None
        if touch and now_ms - held.used_ms >= _TOUCH_MS:
            with self._database.write() as tx:
                accounts.touch_session(tx, token_hash, now_ms)
        return Person(user.account, user.name, user.role, token_hash.hex()[:16], held.sure_ms, user.totp is not None)

    def half(self, token: str) -> tuple[SessionRow, UserRow] | None:
        """Find a sign-in that is half done; None when there is none or it took too long."""
        with self._database.read() as reader:
            held = accounts.session_of(reader, hash_of(token))
            if held is None or held.stage == FULL or self._clock.now_ms() - held.created_ms >= HALF_MS:
                return None
            user = accounts.user_of(reader, held.account)
        return None if user is None or user.disabled_ms is not None else (held, user)

    def is_sure(self, person: Person) -> bool:
        """Say whether the person showed the password within the last five minutes."""
        return self._clock.now_ms() - person.sure_ms < FRESH_MS

    def end(self, token: str) -> None:
        """End a session; a token that names none is as well signed out."""
        with self._database.write() as tx:
            accounts.delete_session(tx, hash_of(token))

    def of(self, person: Person) -> tuple[SessionView, ...]:
        """List a person's sessions that stand."""
        now_ms = self._clock.now_ms()
        with self._database.read() as reader:
            rows = accounts.sessions_of(reader, person.account)
        return tuple(
            SessionView(
                row.token_hash.hex()[:16],
                row.created_ms,
                row.used_ms,
                row.address,
                row.browser,
                row.token_hash.hex()[:16] == person.session,
            )
            for row in rows
            if row.stage == FULL and _lives(row, now_ms)
        )

    def end_one(self, account: str, session: str) -> bool:
        """End one of an account's sessions by its name; False when there is none such."""
        with self._database.write() as tx:
            for row in accounts.sessions_of(tx, account):
                if row.token_hash.hex()[:16] == session:
                    return accounts.delete_session(tx, row.token_hash)
        return False

    def end_all(self, account: str) -> int:
        """End all of an account's sessions and say how many."""
        with self._database.write() as tx:
            return accounts.delete_sessions(tx, account)


def hash_of(token: str) -> bytes:
    """Give the stored form of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _lives(held: SessionRow, now_ms: int) -> bool:
    return now_ms - held.created_ms < LIFE_MS and now_ms - held.used_ms < IDLE_MS


def _plain(text: str) -> str:
    return "".join(sign for sign in text[:_TEXT_CHARS_MAX] if sign.isprintable())
