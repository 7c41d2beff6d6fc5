"""Users and their roles; an admin's page."""

from flask import make_response, request
from werkzeug.wrappers import Response

from cloud.domain import roles
from cloud.domain.roles import PERSONS, Action, Role
from cloud.services.accounts import NewPassword
from cloud.services.refusals import Refused
from cloud.web import access, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.pages.sign_in import refusal_in_words

pages = closed_blueprint("users", __name__)


@pages.get("/users")
@access.needs(Action.MANAGE_USERS)
def users() -> Response:
    """Show the users."""
    return _page()


@pages.post("/users/add")
@access.needs(Action.MANAGE_USERS)
def add() -> Response:
    """Make a user, and show the password once."""
    role = _role()
    if role is None:
        return _page(Refused("bad_role", 422))
    account, name = request.form.get("account", "")[:64], request.form.get("name", "")[:256]
    return _page(frame.site().hub.console.accounts.add(account, name, role, access.who()))


@pages.post("/users/role")
@access.needs(Action.MANAGE_USERS)
def set_role() -> Response:
    """Give a user another role."""
    role = _role()
    if role is None:
        return _page(Refused("bad_role", 422))
    return _page(frame.site().hub.console.accounts.set_role(_account(), role, access.who()))


@pages.post("/users/disable")
@access.needs(Action.MANAGE_USERS)
def disable() -> Response:
    """Shut a user out."""
    return _page(frame.site().hub.console.accounts.disable(_account(), access.who()))


@pages.post("/users/enable")
@access.needs(Action.MANAGE_USERS)
def enable() -> Response:
    """Let a user in again."""
    return _page(frame.site().hub.console.accounts.enable(_account(), access.who()))


@pages.post("/users/reset-password")
@access.needs(Action.MANAGE_USERS)
def reset_password() -> Response:
    """Give a user a new password, and show it once."""
    return _page(frame.site().hub.console.accounts.reset_password(_account(), access.who()))


@pages.post("/users/reset-second-factor")
@access.needs(Action.MANAGE_USERS)
def reset_second_factor() -> Response:
    """Take a lost second factor away."""
    return _page(frame.site().hub.console.accounts.reset_second_factor(_account(), access.who()))


def _account() -> str:
    held = request.form.get("account", "")
    return held if roles.ACCOUNT.fullmatch(held) else ""


def _role() -> Role | None:
    wanted = request.form.get("role", "")
    return next((role for role in PERSONS if role.value == wanted), None)


def _page(outcome: Refused | NewPassword | None = None) -> Response:
    hub = frame.site().hub
    refused = outcome if isinstance(outcome, Refused) else None
    page = make_response(
        frame.draw_framed(
            "users.html",
            stores=hub.reports.stores(),
            place="users",
            users=hub.console.accounts.users(),
            roles=PERSONS,
            actions=tuple(Action),
            allowed=roles.TABLE,
            made=outcome if isinstance(outcome, NewPassword) else None,
            refusal=refusal_in_words(refused),
        )
    )
    page.status_code = 200 if refused is None else refused.status
    return page
