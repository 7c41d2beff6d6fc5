"""Users and what an admin does with them; every change is a row of the audit log and ends the user's sessions."""

import msgspec

from cloud.db import accounts
from cloud.db.accounts import UserRow
from cloud.db.engine import HubDatabase, Tx
from cloud.domain import password_rules
from cloud.domain.roles import ACCOUNT, PERSONS, Role
from cloud.services import audit
from cloud.services.refusals import Refused
from cloud.services.tries import Tries
from sync.contract import ids
from sync.node.passwords import Vault
from sync.node.ports import Chance, Clock

FIRST = "admin"
"""The account that the first start makes; its password lies in `console-password.txt`."""
NAME_CHARS_MAX = 40
PASSWORD_DIGITS = 20
_RESERVED = frozenset({"cli", "program", "system", "unknown"})


class Who(msgspec.Struct, frozen=True):
    """Who does something and from where, for the audit log."""

    actor: str
    address: str = ""

    def detail(self, **more: str | int) -> dict[str, str | int]:
        """Give a row's details: the address if there is one, and more."""
        return {"from": self.address, **more} if self.address else {**more}


CLI = Who("cli")
"""Whoever owns the machine, at its command line."""


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user as an admin sees one."""

    account: str
    name: str
    role: Role
    second_factor: bool
    recovery_codes: int
    disabled: bool
    password_due: bool
    created_ms: int
    seen_ms: int | None


class NewPassword(msgspec.Struct, frozen=True):
    """A password that the hub made for somebody, shown once."""

    account: str
    password: str


class Accounts:
    """Keeps the users. Nobody removes the last admin, and nobody changes their own role."""

    def __init__(self, database: HubDatabase, vault: Vault, tries: Tries, *, clock: Clock, chance: Chance) -> None:
        self._database = database
        self._vault = vault
        self._tries = tries
        self._clock = clock
        self._chance = chance

    def set_up(self, password: str) -> None:
        """Apply the password file: make the first account, or give it this password when the file changed.

        Called at every start. A file that was applied already does nothing, so that a password chosen on the page
        stays; a changed one wins, which is the way back in for whoever owns the machine.
        """
        with self._database.read() as reader:
            held = accounts.user_of(reader, FIRST)
        if held is not None and held.file_hash is not None and self._vault.matches(held.file_hash, password):
            return
        password_hash, now_ms = self._vault.hash(password), self._clock.now_ms()
        with self._database.write() as tx:
            if held is None:
                row = _new_row(FIRST, FIRST, Role.ADMIN, password_hash, now_ms)
                accounts.insert_user(tx, row)
            else:
                accounts.set_password(tx, FIRST, password_hash, due=False)
                accounts.set_role(tx, FIRST, Role.ADMIN)
                self._let_in(tx, FIRST)
            accounts.set_file_hash(tx, FIRST, password_hash)
            action = "user.added" if held is None else "user.password_from_file"
            audit.record(
                tx, at_ms=now_ms, actor="system", action=action, target=FIRST, detail={"role": Role.ADMIN.value}
            )

    def users(self) -> tuple[UserView, ...]:
        """List the users by account."""
        with self._database.read() as reader:
            return tuple(
                UserView(
                    account=row.account,
                    name=row.name,
                    role=row.role,
                    second_factor=row.totp is not None,
                    recovery_codes=accounts.count_recovery_codes(reader, row.account),
                    disabled=row.disabled_ms is not None,
                    password_due=row.password_due,
                    created_ms=row.created_ms,
                    seen_ms=row.seen_ms,
                )
                for row in accounts.all_users(reader)
            )

    def recovery_codes_left(self, account: str) -> int:
        """Count an account's recovery codes that were not used."""
        with self._database.read() as reader:
            return accounts.count_recovery_codes(reader, account)

    def only_account(self) -> str:
        """Give the one account there is; empty when there are several."""
        with self._database.read() as reader:
            return FIRST if accounts.count_users(reader) == 1 else ""

    def add(self, account: str, name: str, role: Role, who: Who) -> NewPassword | Refused:
        """Make a user with a password that the hub makes; the user chooses another one at the first sign-in."""
        account, name = account.strip().lower(), name.strip()
        if ACCOUNT.fullmatch(account) is None or account in _RESERVED:
            return Refused("bad_account", 422)
        if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
            return Refused("bad_name", 422, {"most": NAME_CHARS_MAX})
        if role not in PERSONS:
            return Refused("bad_role", 422)
        password = generated_password(self._chance)
        password_hash, now_ms = self._vault.hash(password), self._clock.now_ms()
        row = msgspec.structs.replace(_new_row(account, name, role, password_hash, now_ms), password_due=True)
        with self._database.write() as tx:
            if accounts.user_of(tx, account) is not None:
                return Refused("account_taken", 409)
            accounts.insert_user(tx, row)
            self._record(tx, who, "user.added", account, role=role.value)
        return NewPassword(account, password)

    def set_role(self, account: str, role: Role, who: Who) -> Refused | None:
        """Give a user another role; the user's sessions end."""
        if role not in PERSONS:
            return Refused("bad_role", 422)
        with self._database.write() as tx:
            held = accounts.user_of(tx, account)
            if refused := _refuse(tx, held, who, loses_admin=role is not Role.ADMIN):
                return refused
            assert held is not None
            accounts.set_role(tx, account, role)
            accounts.delete_sessions(tx, account)
            self._record(tx, who, "user.role_changed", account, before=held.role.value, role=role.value)
        return None

    def disable(self, account: str, who: Who) -> Refused | None:
        """Shut a user out at once."""
        with self._database.write() as tx:
            if refused := _refuse(tx, accounts.user_of(tx, account), who, loses_admin=True):
                return refused
            accounts.set_disabled(tx, account, self._clock.now_ms())
            accounts.delete_sessions(tx, account)
            self._record(tx, who, "user.disabled", account)
        return None

    def enable(self, account: str, who: Who) -> Refused | None:
        """Let a user in again."""
        with self._database.write() as tx:
            if accounts.user_of(tx, account) is None:
                return Refused("unknown_user", 404)
            self._let_in(tx, account)
            self._record(tx, who, "user.enabled", account)
        return None

    def reset_password(self, account: str, who: Who) -> NewPassword | Refused:
        """Give a user a new password, to be replaced at the next sign-in; locks are forgiven, sessions end."""
        password = generated_password(self._chance)
        password_hash = self._vault.hash(password)
        with self._database.write() as tx:
            if accounts.user_of(tx, account) is None:
                return Refused("unknown_user", 404)
            if account == who.actor:
                return Refused("own_account", 409)
            accounts.set_password(tx, account, password_hash, due=True)
            accounts.delete_sessions(tx, account)
            self._tries.forgive_account(tx, account)
            self._record(tx, who, "user.password_reset", account)
        return NewPassword(account, password)

    def reset_second_factor(self, account: str, who: Who) -> Refused | None:
        """Take a lost second factor away; the next sign-in sets up another one."""
        with self._database.write() as tx:
            held = accounts.user_of(tx, account)
            if held is None:
                return Refused("unknown_user", 404)
            if account == who.actor:
                return Refused("own_account", 409)
            accounts.set_totp(tx, account, None, held.totp_step)
            accounts.put_recovery_codes(tx, account, [])
            accounts.delete_sessions(tx, account)
            self._tries.forgive_account(tx, account)
            self._record(tx, who, "user.second_factor_reset", account)
        return None

    def change_password(self, account: str, password: str, session: bytes, who: Who) -> Refused | None:
        """Choose another password; every session but the one at hand ends. The caller made sure who asks."""
        with self._database.read() as reader:
            held = accounts.user_of(reader, account)
        assert held is not None, "a signed-in person has an account"
        fault = password_rules.fault(password, held.account, held.name)
        if fault is None and self._vault.matches(held.password_hash, password):
            fault = "password_same"
        if fault is not None:
            return Refused(fault, 422)
        password_hash = self._vault.hash(password)
        with self._database.write() as tx:
            accounts.set_password(tx, account, password_hash, due=False)
            accounts.delete_sessions(tx, account, besides=session)
            self._record(tx, who, "user.password_changed", account)
        return None

    def _let_in(self, tx: Tx, account: str) -> None:
        accounts.set_disabled(tx, account, None)
        accounts.delete_sessions(tx, account)
        self._tries.forgive_account(tx, account)

    def _record(self, tx: Tx, who: Who, action: str, account: str, **more: str | int) -> None:
        at_ms = self._clock.now_ms()
        audit.record(tx, at_ms=at_ms, actor=who.actor, action=action, target=account, detail=who.detail(**more))


def generated_password(chance: Chance) -> str:
    """Make a password of 100 bits, in groups that one can read out."""
    bits = PASSWORD_DIGITS * 5
    value = int.from_bytes(chance.token(16), "big") >> (128 - bits)
    return ids.grouped(ids.crockford_encode(value, PASSWORD_DIGITS))


def _refuse(tx: Tx, held: UserRow | None, who: Who, *, loses_admin: bool) -> Refused | None:
    if held is None:
        return Refused("unknown_user", 404)
    if held.account == who.actor:
        return Refused("own_account", 409)
    if loses_admin and held.role is Role.ADMIN and held.disabled_ms is None:
        others = [
            row
            for row in accounts.all_users(tx)
            if row.role is Role.ADMIN and row.disabled_ms is None and row.account != held.account
        ]
        if not others:
            return Refused("last_admin", 409)
    return None


def _new_row(account: str, name: str, role: Role, password_hash: str, now_ms: int) -> UserRow:
    return UserRow(
        account=account,
        name=name,
        role=role,
        password_hash=password_hash,
        password_due=False,
        file_hash=None,
        totp=None,
        totp_step=0,
        created_ms=now_ms,
        seen_ms=None,
        disabled_ms=None,
    )
