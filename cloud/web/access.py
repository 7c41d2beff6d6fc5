"""Who may pass: every address names its rule beside its view, and what names none is refused.

The rule is an action of `cloud.domain.roles`, or that a signed-in person is enough, or that anybody may come.
"""

import logging
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from flask import Flask, current_app, g, make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.domain import roles
from cloud.domain.roles import Action, Role
from cloud.services.accounts import Who
from cloud.services.sessions import Person
from cloud.web import auth
from cloud.web.frame import site
from cloud.web.problems import Problem

View = TypeVar("View", bound=Callable[..., object])
OPEN = "open"
SIGNED_IN = "signed_in"
Rule = Action | str

_RULE = "zhanggui_rule"
_PERSON = "zhanggui_person"
_PROGRAM = "program"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

log = logging.getLogger(__name__)


def needs(action: Action) -> Callable[[View], View]:
    """Say what a view's callers must be allowed to do; put it below the route."""
    return lambda view: _put(view, action)


def open_to_all(view: View) -> View:
    """Say that anybody may come: the way in, and what carries its own proof in its body."""
    return _put(view, OPEN)


def signed_in(view: View) -> View:
    """Say that any signed-in person may come: one's own account."""
    return _put(view, SIGNED_IN)


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """Give the rule of an address; None when it has none, which means nobody."""
    if endpoint.rpartition(".")[2] == "static":
        return OPEN
    found: Rule | None = getattr(app.view_functions[endpoint], _RULE, None)
    return found


def guard(app: Flask) -> None:
    """Ask for the rule before every request."""
    app.before_request(_check)
    app.context_processor(lambda: {"may": may, "me": person})


def person() -> Person | None:
    """Give who is signed in with the request at hand; None for a program and for somebody unknown."""
    if _PERSON not in g:
        setattr(g, _PERSON, auth.find_person())
    found: Person | None = getattr(g, _PERSON)
    return found


def me() -> Person:
    """Give who is signed in, where the rule lets nobody else come."""
    found = person()
    assert found is not None, "a rule that lets programs come must not ask who sits there"
    return found


def role() -> Role | None:
    """Give the role of the caller, a program's too; None for somebody unknown."""
    if auth.shows_token():
        # The caller meant the token: one that is wrong is refused even beside a live session.
        return Role.PROGRAM if auth.is_program() else None
    found = person()
    return None if found is None else found.role


def may(action: str) -> bool:
    """Say whether the caller may do something; menus ask this."""
    held = role()
    return held is not None and roles.may(held, Action(action))


def who() -> Who:
    """Give who is asking and from where, for the audit log."""
    found = person()
    return Who(_PROGRAM if found is None else found.account, request.remote_addr or "")


def _check() -> Response | None:
    if request.endpoint is None:
        return None  # No such address: the answer is 404 or 405, and says nothing.
    rule = rule_of(current_app, request.endpoint)
    if rule == OPEN:
        return None
    if rule is None:
        log.error("access.no_rule", extra={"endpoint": request.endpoint})
        raise Problem(403, "no_rule")
    held = role()
    if held is None:
        return _sign_in_first()
    if isinstance(rule, Action):
        if not roles.may(held, rule):
            raise Problem(403, "not_your_role")
        if rule in roles.FRESH and held is not Role.PROGRAM and not site().hub.console.sessions.is_sure(me()):
            return _confirm_first()
    elif held is Role.PROGRAM:
        raise Problem(403, "not_your_role")
    return None


def _sign_in_first() -> Response:
    """Send somebody unknown to the sign-in page, and back here afterwards.

    Raises:
        Problem: 401 `not_signed_in`, to programs and when the request would change something.
    """
    if request.path.startswith("/api/") or request.method not in _SAFE:
        raise Problem(401, "not_signed_in")
    if request.headers.get("HX-Request") == "true":
        # A page that refreshes itself: htmx follows this header, since a redirect would land inside the page.
        response = make_response("", 401)
        response.headers["HX-Redirect"] = "/sign-in"
        return response
    return redirect(f"/sign-in?next={_back()}", 303)


def _confirm_first() -> Response:
    if request.path.startswith("/api/") or request.method not in _SAFE:
        raise Problem(403, "confirm_first")
    return redirect(f"/confirm?next={_back()}", 303)


def _back() -> str:
    return quote(auth.way_on(request.full_path.rstrip("?")), safe="/")


def _put(view: View, rule: Rule) -> View:
    setattr(view, _RULE, rule)
    return view
