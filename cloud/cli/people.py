"""`user …`: who may use the console."""

from pathlib import Path

import click

from cloud.cli.shared import ask, config_option, json_option, read, tell
from cloud.domain.roles import PERSONS


@click.group()
def user() -> None:
    """Add, list, disable and reset users of the console; works without signing in, for whoever owns the machine."""


@user.command("add")
@click.argument("account")
@click.option("--name", "name", required=True, help="What the person is called.")
@click.option("--role", type=click.Choice([role.value for role in PERSONS]), required=True)
@config_option
@json_option
def user_add(account: str, name: str, role: str, config: Path, *, as_json: bool) -> None:
    """Make a user; the password is shown once and must be changed at the first sign-in."""
    answer = ask(read(config), {"command": "user", "do": "add", "account": account, "name": name, "role": role})
    tell(answer, as_json=as_json, text=f"{answer.get('password')}")


@user.command("list")
@config_option
@json_option
def user_list(config: Path, *, as_json: bool) -> None:
    """List the users."""
    answer = ask(read(config), {"command": "user", "do": "list"})
    lines = [
        f"{one['account']:<20} {one['role']:<11} {'disabled' if one['disabled'] else 'may sign in':<12}"
        f"{'second factor' if one['second_factor'] else 'password only':<14} {one['name']}"
        for one in answer.get("users", [])
    ]
    tell(answer, as_json=as_json, text="\n".join(lines))


@user.command("disable")
@click.argument("account")
@config_option
@json_option
def user_disable(account: str, config: Path, *, as_json: bool) -> None:
    """Shut a user out at once."""
    answer = ask(read(config), {"command": "user", "do": "disable", "account": account})
    tell(answer, as_json=as_json, text=f"{account} is shut out")


@user.command("enable")
@click.argument("account")
@config_option
@json_option
def user_enable(account: str, config: Path, *, as_json: bool) -> None:
    """Let a user in again."""
    answer = ask(read(config), {"command": "user", "do": "enable", "account": account})
    tell(answer, as_json=as_json, text=f"{account} may sign in again")


@user.command("reset-totp")
@click.argument("account")
@config_option
@json_option
def user_reset_totp(account: str, config: Path, *, as_json: bool) -> None:
    """Take a lost second factor away."""
    answer = ask(read(config), {"command": "user", "do": "reset-totp", "account": account})
    tell(answer, as_json=as_json, text=f"{account} sets up another second factor at the next sign-in")


@user.command("reset-password")
@click.argument("account")
@config_option
@json_option
def user_reset_password(account: str, config: Path, *, as_json: bool) -> None:
    """Give a user a new password; it is shown once."""
    answer = ask(read(config), {"command": "user", "do": "reset-password", "account": account})
    tell(answer, as_json=as_json, text=f"{answer.get('password')}")
