"""What `zhanggui-hub user …` does: the way back in for whoever owns the machine."""

from typing import Any

from cloud.domain.roles import PERSONS, Role
from cloud.services.accounts import CLI, Accounts, NewPassword, UserView
from cloud.services.refusals import Refused

SENTENCES = {
    "bad_account": "an account has 2 to 32 lower-case letters, digits, dots, dashes, and begins with a letter",
    "bad_name": "a name has 1 to {most} characters on one line",
    "bad_role": "the roles are admin, marketer, finance, operations, viewer",
    "account_taken": "there is such an account already",
    "unknown_user": "there is no such account; `zhanggui-hub user list` shows them",
    "last_admin": "this is the last admin; make another one first",
}


def answer(accounts: Accounts, request: dict[str, object]) -> dict[str, Any]:
    """Carry out one command."""
    match request:
        case {"do": "add", "account": str(account), "name": str(name), "role": str(role)}:
            if role not in {one.value for one in PERSONS}:
                return _refused(Refused("bad_role", 422))
            made = accounts.add(account, name, Role(role), CLI)
            return _refused(made) if isinstance(made, Refused) else _made(made)
        case {"do": "list"}:
            return {"ok": True, "users": [_listed(user) for user in accounts.users()]}
        case {"do": "disable", "account": str(account)}:
            return _done(accounts.disable(account, CLI))
        case {"do": "enable", "account": str(account)}:
            return _done(accounts.enable(account, CLI))
        case {"do": "reset-totp", "account": str(account)}:
            return _done(accounts.reset_second_factor(account, CLI))
        case {"do": "reset-password", "account": str(account)}:
            given = accounts.reset_password(account, CLI)
            return _refused(given) if isinstance(given, Refused) else _made(given)
        case _:
            return {"ok": False, "error": f"unknown user command {request.get('do')!r}"}


def _listed(user: UserView) -> dict[str, Any]:
    return {
        "account": user.account,
        "name": user.name,
        "role": user.role.value,
        "second_factor": user.second_factor,
        "disabled": user.disabled,
    }


def _made(made: NewPassword) -> dict[str, Any]:
    return {"ok": True, "account": made.account, "password": made.password}


def _done(refused: Refused | None) -> dict[str, Any]:
    return {"ok": True} if refused is None else _refused(refused)


def _refused(refused: Refused) -> dict[str, Any]:
    return {"ok": False, "code": refused.code, "error": SENTENCES[refused.code].format(**refused.details)}
