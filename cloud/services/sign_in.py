"""Signing in: name and password, then a code, then whatever is still due; every step gets a token of its own."""

import logging

import msgspec

from cloud.db import accounts
from cloud.db.accounts import SessionRow, UserRow
from cloud.db.engine import HubDatabase, Tx
from cloud.domain import password_rules, roles
from cloud.services import audit, sessions
from cloud.services.refusals import Refused
from cloud.services.second_factor import Draft, SecondFactor, step_of
from cloud.services.sessions import CODE, FULL, LIFE_MS, PASSWORD, SET_UP, Person, Sessions
from cloud.services.tries import Caller, Claim, Tries, Wait
from sync.node.passwords import Vault
from sync.node.ports import Clock

ACCOUNT_CHARS_MAX = 32
UNKNOWN = "unknown"

log = logging.getLogger(__name__)


class SignedIn(msgspec.Struct, frozen=True):
    """A session's token, given out once. Unless `stage` is `full`, that step of the sign-in comes next.

    Attributes:
        token: for the cookie.
        stage: `full`, `code`, `set_up` or `password`.
        expires_ms: when the session ends at the latest.
        device: for the cookie by which this browser is known from now on; empty before the end.
        recovery_codes: shown once, behind setting up a second factor.
    """

    token: str
    stage: str
    expires_ms: int
    device: str = ""
    recovery_codes: tuple[str, ...] = ()


class SignIn:
    """The steps of a sign-in. Any thread may use it; the vault computes one hash at a time (64 MiB each)."""

    def __init__(
        self,
        database: HubDatabase,
        vault: Vault,
        held: Sessions,
        tries: Tries,
        factor: SecondFactor,
        *,
        totp_required: bool,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._sessions = held
        self._tries = tries
        self._factor = factor
        self._totp_required = totp_required
        self._clock = clock
        # Looking a name up that is nobody's must take as long as one that is somebody's.
        self._nobody = vault.hash("nobody has this password")

    def sign_in(self, account: str, password: str, caller: Caller, code: str = "") -> SignedIn | Refused:
        """Check name and password, and a code if one is given along.

        Refuses with `wrong_password` (also for a name that is nobody's), `signin_locked`, `signin_busy`, `wrong_code`.
        """
        name = account.strip().lower()[: ACCOUNT_CHARS_MAX + 1]
        user, claim = self._claim(name, caller)
        if isinstance(claim, Refused):
            return claim
        if not self._matches(user, password) or user is None:
            return self._wrong(claim, user, caller, "wrong_password")
        with self._database.write() as tx:
            self._tries.forgive(tx, claim)
            if not code or user.totp is None:
                return self._go_on(tx, user, caller, code_shown=user.totp is None)
        taken = self._take_code(user, code, caller)
        if isinstance(taken, Refused):
            return taken
        with self._database.write() as tx:
            return self._go_on(tx, user, caller, code_shown=True)

    def show_code(self, token: str, code: str, caller: Caller) -> SignedIn | Refused:
        """Finish a sign-in with a code or a recovery code."""
        half = self._half(token, CODE)
        if isinstance(half, Refused):
            return half
        row, user = half
        taken = self._take_code(user, code, caller)
        if isinstance(taken, Refused):
            return taken
        with self._database.write() as tx:
            return self._go_on(tx, user, caller, code_shown=True, besides=row.token_hash)

    def stage(self, token: str) -> str:
        """Say which step of a sign-in comes next; empty when there is no sign-in that is half done."""
        half = self._sessions.half(token)
        return "" if half is None else half[0].stage

    def set_up(self, token: str) -> Draft | Refused:
        """Give the secret of the second factor that this sign-in sets up; the same one until it is done."""
        half = self._half(token, SET_UP)
        return half if isinstance(half, Refused) else self._draft(*half)

    def finish_set_up(self, token: str, code: str, caller: Caller) -> SignedIn | Refused:
        """Take the first code of the new second factor, and give recovery codes."""
        half = self._half(token, SET_UP)
        if isinstance(half, Refused):
            return half
        row, user = half
        codes = self._adopt(row, user, code, caller)
        if isinstance(codes, Refused):
            return codes
        with self._database.write() as tx:
            done = self._go_on(tx, user, caller, code_shown=True, besides=row.token_hash)
        return msgspec.structs.replace(done, recovery_codes=codes)

    def choose_password(self, token: str, password: str, caller: Caller) -> SignedIn | Refused:
        """Replace a password that somebody else made."""
        half = self._half(token, PASSWORD)
        if isinstance(half, Refused):
            return half
        row, user = half
        code = password_rules.fault(password, user.account, user.name)
        if code is None and self._vault.matches(user.password_hash, password):
            code = "password_same"
        if code is not None:
            return Refused(code, 422)
        password_hash = self._vault.hash(password)
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            accounts.set_password(tx, user.account, password_hash, due=False)
            accounts.delete_sessions(tx, user.account, besides=row.token_hash)
            done = self._open(tx, user, FULL, caller, besides=row.token_hash)
            audit.record(
                tx,
                at_ms=now_ms,
                actor=user.account,
                action="user.password_changed",
                target=user.account,
                detail=_from(caller),
            )
        return done

    def confirm(self, token: str, person: Person, password: str, code: str, caller: Caller) -> Refused | None:
        """Make sure that the person of a session is still the one who sits there."""
        user, claim = self._claim(person.account, caller)
        if isinstance(claim, Refused):
            return claim
        if not self._matches(user, password) or user is None:
            return self._wrong(claim, user, caller, "wrong_password")
        with self._database.write() as tx:
            self._tries.forgive(tx, claim)
        if user.totp is not None:
            taken = self._take_code(user, code, caller)
            if isinstance(taken, Refused):
                return taken
        with self._database.write() as tx:
            accounts.set_sure(tx, sessions.hash_of(token), self._clock.now_ms())
        return None

    def draft_for(self, token: str) -> Draft | None:
        """Give the secret of a second factor that a signed-in person sets up."""
        with self._database.read() as reader:
            row = accounts.session_of(reader, sessions.hash_of(token))
            user = None if row is None else accounts.user_of(reader, row.account)
        return None if row is None or user is None else self._draft(row, user)

    def adopt_own(self, token: str, code: str, caller: Caller) -> tuple[str, ...] | Refused:
        """Give a signed-in person the second factor drafted in this session if the code is of it."""
        with self._database.read() as reader:
            row = accounts.session_of(reader, sessions.hash_of(token))
            user = None if row is None else accounts.user_of(reader, row.account)
        if row is None or user is None:
            return Refused("signin_again", 401)
        return self._adopt(row, user, code, caller)

    def _adopt(self, row: SessionRow, user: UserRow, code: str, caller: Caller) -> tuple[str, ...] | Refused:
        """Give a user the drafted second factor if the code is of it."""
        if row.draft is None:
            return Refused("wrong_code", 422)
        now_ms = self._clock.now_ms()
        step = step_of(self._factor.unlock(user.account, row.draft), code.strip().replace(" ", ""), now_ms)
        if step is None:
            # Whoever is so far sees the secret on the page: there is nothing to guess.
            return Refused("wrong_code", 422)
        codes = self._factor.new_recovery_codes()
        hashes = [one for one in (self._factor.recovery_hash(user.account, code) for code in codes) if one is not None]
        with self._database.write() as tx:
            accounts.set_totp(tx, user.account, row.draft, step)
            accounts.put_recovery_codes(tx, user.account, hashes)
            accounts.set_draft(tx, row.token_hash, None)
            accounts.delete_sessions(tx, user.account, besides=row.token_hash)
            audit.record(
                tx,
                at_ms=now_ms,
                actor=user.account,
                action="user.second_factor_set",
                target=user.account,
                detail=_from(caller),
            )
        return codes

    def _claim(self, name: str, caller: Caller) -> tuple[UserRow | None, Claim | Refused]:
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            user = accounts.user_of(tx, name) if roles.ACCOUNT.fullmatch(name) else None
            claim = self._tries.claim(tx, self._tries.name_of(name, exists=user is not None), caller, now_ms)
        return user, _refused(claim) if isinstance(claim, Wait) else claim

    def _matches(self, user: UserRow | None, password: str) -> bool:
        # A lone surrogate, which JSON can smuggle in, has no bytes to hash.
        readable = len(password) <= password_rules.CHARS_MAX and not any(
            "\ud800" <= one <= "\udfff" for one in password
        )
        right = self._vault.matches(self._nobody if user is None else user.password_hash, password if readable else "")
        return right and readable and user is not None and user.disabled_ms is None

    def _take_code(self, user: UserRow, code: str, caller: Caller) -> str | Refused:
        now_ms = self._clock.now_ms()
        with self._database.write() as tx:
            claim = self._tries.claim_code(tx, user.account, now_ms)
            taken = None
            if isinstance(claim, Claim):
                taken = self._factor.take(tx, user, code, now_ms)
                if taken is not None:
                    self._tries.forgive(tx, claim)
                if taken == "recovery":
                    audit.record(
                        tx,
                        at_ms=now_ms,
                        actor=user.account,
                        action="signin.recovery_code_used",
                        target=user.account,
                        detail={**_from(caller), "left": accounts.count_recovery_codes(tx, user.account)},
                    )
        if isinstance(claim, Wait):
            return _refused(claim)
        return taken if taken is not None else self._wrong(claim, user, caller, "wrong_code")

    def _wrong(self, claim: Claim, user: UserRow | None, caller: Caller, code: str) -> Refused:
        now_ms, who = self._clock.now_ms(), UNKNOWN if user is None else user.account
        with self._database.write() as tx:
            detail = {**_from(caller), "what": code}
            audit.record(tx, at_ms=now_ms, actor=who, action="signin.failed", target=who, detail=detail)
            if claim.locks:
                audit.record(tx, at_ms=now_ms, actor=who, action="signin.locked", target=who, detail=_from(caller))
        if claim.locks:
            log.error("console.locked", extra={"wrong": claim.wrong})
        return Refused(code, 401)

    def _half(self, token: str, stage: str) -> tuple[SessionRow, UserRow] | Refused:
        half = self._sessions.half(token)
        return half if half is not None and half[0].stage == stage else Refused("signin_again", 401)

    def _draft(self, row: SessionRow, user: UserRow) -> Draft:
        if row.draft is not None:
            return self._factor.draft(user.account, self._factor.unlock(user.account, row.draft))
        secret = self._factor.new_secret()
        with self._database.write() as tx:
            accounts.set_draft(tx, row.token_hash, self._factor.shut(user.account, secret))
        return self._factor.draft(user.account, secret)

    def _go_on(self, tx: Tx, user: UserRow, caller: Caller, *, code_shown: bool, besides: bytes = b"") -> SignedIn:
        """Open the session of the next step, which is the whole one when nothing is due any more."""
        held = accounts.user_of(tx, user.account)
        assert held is not None, "users are never removed"
        if not code_shown:
            stage = CODE
        elif held.totp is None and self._totp_required and roles.needs_second_factor(held.role):
            stage = SET_UP
        else:
            stage = PASSWORD if held.password_due else FULL
        return self._open(tx, held, stage, caller, besides=besides)

    def _open(self, tx: Tx, user: UserRow, stage: str, caller: Caller, *, besides: bytes) -> SignedIn:
        now_ms = self._clock.now_ms()
        token = self._sessions.open(tx, user.account, stage, caller, besides=besides)
        if stage != FULL:
            return SignedIn(token, stage, now_ms + sessions.HALF_MS)
        accounts.set_seen(tx, user.account, now_ms)
        audit.record(
            tx, at_ms=now_ms, actor=user.account, action="signin.done", target=user.account, detail=_from(caller)
        )
        return SignedIn(token, FULL, now_ms + LIFE_MS, device=self._tries.device_for(user.account, now_ms))


def _refused(wait: Wait) -> Refused:
    code = "signin_busy" if wait.together else "signin_locked"
    return Refused(code, 429, {"retry_after_s": max(1, (wait.ms + 999) // 1000)})


def _from(caller: Caller) -> dict[str, str | int]:
    return {"from": caller.address} if caller.address else {}
