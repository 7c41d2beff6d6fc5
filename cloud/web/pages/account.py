"""One's own account: password, second factor, sessions; and the page that asks again who sits there."""

import re

from flask import Response as FlaskResponse
from flask import make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.services import sessions
from cloud.services.refusals import Refused
from cloud.web import access, auth, frame, paper
from cloud.web.pages.doors import closed_blueprint
from cloud.web.pages.sign_in import refusal_in_words
from cloud.web.problems import Problem

pages = closed_blueprint("account", __name__)
_SESSION = re.compile(r"[0-9a-f]{16}")


@pages.get("/account")
@access.signed_in
def account() -> Response:
    """Show the account."""
    return _page()


@pages.post("/account/password")
@access.signed_in
def change_password() -> Response:
    """Choose another password; the old one is asked for, since a session may be somebody else's by now."""
    held, who = access.me(), access.who()
    console = frame.site().hub.console
    chosen = request.form.get("password", "")
    if chosen != request.form.get("again", ""):
        return _page(refused=Refused("password_differs", 422), at="password")
    refused = console.sign_in.confirm(auth.session_token(), held, *_shown(), auth.caller())
    if refused is None:
        own = sessions.hash_of(auth.session_token())
        refused = console.accounts.change_password(held.account, chosen, own, who)
    return _page(refused=refused, at="password", done="account.password_done")


@pages.get("/account/second-factor")
@access.signed_in
def second_factor_page() -> Response:
    """Show the QR code of a new second factor."""
    return _draw_factor()


@pages.post("/account/second-factor")
@access.signed_in
def second_factor() -> Response:
    """Take the first code of the new second factor, and show the recovery codes once."""
    console = frame.site().hub.console
    if not console.sessions.is_sure(access.me()):
        raise Problem(403, "confirm_first")
    codes = console.sign_in.adopt_own(auth.session_token(), request.form.get("code", "")[:64], auth.caller())
    if isinstance(codes, Refused):
        return _draw_factor(codes)
    return make_response(frame.draw("recovery_codes.html", codes=codes, wanted="/account"))


@pages.post("/account/sessions/end")
@access.signed_in
def end_session() -> Response:
    """End one of one's own sessions."""
    session = request.form.get("session", "")
    if _SESSION.fullmatch(session) is None or not frame.site().hub.console.sessions.end_one(
        access.me().account, session
    ):
        raise Problem(404, "unknown_session")
    return redirect("/account", 303)


@pages.post("/account/sessions/end-all")
@access.signed_in
def end_sessions() -> Response:
    """End all of one's own sessions, this one too."""
    held = access.me()
    console = frame.site().hub.console
    count = console.sessions.end_all(held.account)
    console.audit_log.record(held.account, "user.sessions_ended", held.account, **access.who().detail(count=count))
    response = redirect("/sign-in", 303)
    assert isinstance(response, FlaskResponse)
    auth.drop_session(response)
    return response


@pages.get("/confirm")
@access.signed_in
def confirm_page() -> Response:
    """Ask again for password and code."""
    return _draw_confirm(auth.way_on(request.args.get("next", "")))


@pages.post("/confirm")
@access.signed_in
def confirm() -> Response:
    """Check them, and go on."""
    wanted = auth.way_on(request.form.get("next", ""))
    console = frame.site().hub.console
    refused = console.sign_in.confirm(auth.session_token(), access.me(), *_shown(), auth.caller())
    return redirect(wanted, 303) if refused is None else _draw_confirm(wanted, refused)


def _shown() -> tuple[str, str]:
    return request.form.get("old", "")[: auth.PASSWORD_CHARS_MAX + 1], request.form.get("code", "")[:64]


def _draw_confirm(wanted: str, refused: Refused | None = None) -> Response:
    page = make_response(frame.draw("confirm.html", wanted=wanted, refusal=refusal_in_words(refused)))
    page.status_code = 200 if refused is None else refused.status
    return page


def _draw_factor(refused: Refused | None = None) -> Response:
    console = frame.site().hub.console
    if not console.sessions.is_sure(access.me()):
        return redirect("/confirm?next=/account/second-factor", 303)
    draft = console.sign_in.draft_for(auth.session_token())
    if draft is None:
        return redirect("/account", 303)
    path, side = paper.qr(draft.uri)
    values = {"qr_path": path, "qr_side": side, "secret": draft.secret, "refusal": refusal_in_words(refused)}
    page = make_response(frame.draw("second_factor.html", **values))
    page.status_code = 200 if refused is None else refused.status
    return page


def _page(refused: Refused | None = None, at: str = "", done: str = "") -> Response:
    hub = frame.site().hub
    held = access.me()
    page = make_response(
        frame.draw_framed(
            "account.html",
            stores=hub.reports.stores(),
            place="account",
            sessions=hub.console.sessions.of(held),
            recovery_codes=hub.console.accounts.recovery_codes_left(held.account),
            refusal=refusal_in_words(refused),
            at=at,
            done=frame.speaker().text(done) if done and refused is None else "",
        )
    )
    page.status_code = 200 if refused is None else refused.status
    return page
