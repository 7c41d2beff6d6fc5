"""Signing in, step by step, signing out, and the choice of language and theme."""

from urllib.parse import quote

from flask import Blueprint, make_response, redirect, request
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from cloud.services.refusals import Refused
from cloud.services.sessions import CODE, FULL, PASSWORD, SET_UP
from cloud.services.sign_in import SignedIn
from cloud.web import access, auth, frame, language, paper
from sync.contract.words import LOCALES

pages = Blueprint("sign_in", __name__)
CHOICE_AGE_S = 365 * 24 * 3600
STEPS = {CODE: "/sign-in/code", SET_UP: "/sign-in/set-up", PASSWORD: "/sign-in/password"}


@pages.get("/sign-in")
@access.open_to_all
def sign_in_page() -> Response:
    """Show the form."""
    wanted = auth.way_on(request.args.get("next", ""))
    if access.person() is not None:
        return redirect(wanted, 303)
    return _form(
        "sign_in.html", wanted, account=auth.known_account() or frame.site().hub.console.accounts.only_account()
    )


@pages.post("/sign-in")
@access.open_to_all
def sign_in() -> Response:
    """Check name and password, and go on to the session or to the next step."""
    wanted = auth.way_on(request.form.get("next", ""))
    account, password = request.form.get("account", ""), request.form.get("password", "")
    console = frame.site().hub.console
    answer = (
        console.sign_in.sign_in(account or console.accounts.only_account(), password, auth.caller())
        if 0 < len(password) <= auth.PASSWORD_CHARS_MAX
        else Refused("wrong_password", 401)
    )
    if isinstance(answer, Refused):
        return _form("sign_in.html", wanted, answer, account=account)
    return _go_on(answer, wanted)


@pages.get("/sign-in/code")
@access.open_to_all
def code_page() -> Response:
    """Ask for a code of the second factor."""
    return _step(CODE) or _form("sign_in_code.html", auth.way_on(request.args.get("next", "")))


@pages.post("/sign-in/code")
@access.open_to_all
def code() -> Response:
    """Check the code."""
    wanted = auth.way_on(request.form.get("next", ""))
    sign_in = frame.site().hub.console.sign_in
    answer = sign_in.show_code(auth.session_token(), request.form.get("code", "")[:64], auth.caller())
    if isinstance(answer, Refused):
        return _again(answer, wanted) or _form("sign_in_code.html", wanted, answer)
    return _go_on(answer, wanted)


@pages.get("/sign-in/set-up")
@access.open_to_all
def set_up_page() -> Response:
    """Show the QR code of the new second factor."""
    return _step(SET_UP) or _draw_set_up(auth.way_on(request.args.get("next", "")))


@pages.post("/sign-in/set-up")
@access.open_to_all
def set_up() -> Response:
    """Take the first code, and show the recovery codes once."""
    wanted = auth.way_on(request.form.get("next", ""))
    sign_in = frame.site().hub.console.sign_in
    answer = sign_in.finish_set_up(auth.session_token(), request.form.get("code", "")[:64], auth.caller())
    if isinstance(answer, Refused):
        return _again(answer, wanted) or _draw_set_up(wanted, answer)
    where = wanted if answer.stage == FULL else _address(answer.stage, wanted)
    page = make_response(frame.draw("recovery_codes.html", codes=answer.recovery_codes, wanted=where))
    auth.keep_session(page, answer)
    return page


@pages.get("/sign-in/password")
@access.open_to_all
def password_page() -> Response:
    """Ask for a password of one's own."""
    return _step(PASSWORD) or _form("sign_in_password.html", auth.way_on(request.args.get("next", "")))


@pages.post("/sign-in/password")
@access.open_to_all
def password() -> Response:
    """Replace the password that an admin handed out."""
    wanted = auth.way_on(request.form.get("next", ""))
    chosen = request.form.get("password", "")
    sign_in = frame.site().hub.console.sign_in
    answer: SignedIn | Refused = Refused("password_differs", 422)
    if chosen == request.form.get("again", ""):
        answer = sign_in.choose_password(auth.session_token(), chosen, auth.caller())
    if isinstance(answer, Refused):
        return _again(answer, wanted) or _form("sign_in_password.html", wanted, answer)
    return _go_on(answer, wanted)


@pages.post("/sign-out")
@access.open_to_all
def sign_out() -> Response:
    """End the session."""
    response = redirect("/sign-in", 303)
    assert isinstance(response, FlaskResponse)
    auth.drop_session(response)
    return response


@pages.post("/display")
@access.open_to_all
def display() -> Response:
    """Keep the choice of language or theme, and go back to where the person was."""
    response = redirect(auth.way_on(request.form.get("next", "")), 303)
    chosen = request.form.get("language", "")
    if chosen in LOCALES:
        _keep_choice(response, language.COOKIE, chosen)
    theme = request.form.get("theme", "")
    if theme in frame.THEMES:
        _keep_choice(response, frame.THEME_COOKIE, theme)
    return response


def refusal_in_words(refused: Refused | None) -> str:
    """Give the sentence of a refusal for the page that it stands on; empty for none."""
    return "" if refused is None else frame.speaker().text(f"error.{refused.code}", **refused.details)


def _form(template: str, wanted: str, refused: Refused | None = None, **values: object) -> Response:
    page = make_response(frame.draw(template, wanted=wanted, refusal=refusal_in_words(refused), **values))
    if refused is not None:
        page.status_code = refused.status
        if "retry_after_s" in refused.details:
            page.headers["Retry-After"] = str(refused.details["retry_after_s"])
    return page


def _draw_set_up(wanted: str, refused: Refused | None = None) -> Response:
    draft = frame.site().hub.console.sign_in.set_up(auth.session_token())
    if isinstance(draft, Refused):
        return redirect(f"/sign-in?next={quote(wanted, safe='/')}", 303)
    path, side = paper.qr(draft.uri)
    return _form("sign_in_set_up.html", wanted, refused, qr_path=path, qr_side=side, secret=draft.secret)


def _go_on(opened: SignedIn, wanted: str) -> Response:
    response = redirect(wanted if opened.stage == FULL else _address(opened.stage, wanted), 303)
    assert isinstance(response, FlaskResponse)
    # An older session of this browser ends here, so that none lives on unseen.
    auth.drop_session(response)
    auth.keep_session(response, opened)
    return response


def _address(stage: str, wanted: str) -> str:
    return f"{STEPS[stage]}?next={quote(wanted, safe='/')}"


def _step(stage: str) -> Response | None:
    """Lead whoever is not at this step to where they are."""
    wanted = auth.way_on(request.args.get("next", ""))
    held = frame.site().hub.console.sign_in.stage(auth.session_token())
    if held == stage:
        return None
    return redirect(_address(held, wanted) if held else f"/sign-in?next={quote(wanted, safe='/')}", 303)


def _again(refused: Refused, wanted: str) -> Response | None:
    """Begin anew when the half-done sign-in took too long or was another's."""
    return redirect(f"/sign-in?next={quote(wanted, safe='/')}", 303) if refused.code == "signin_again" else None


def _keep_choice(response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=CHOICE_AGE_S, path="/", httponly=True, samesite="Strict", secure=request.is_secure
    )
