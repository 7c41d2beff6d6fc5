"""Signing in and out, and the choice of language and theme."""

from flask import Blueprint, Response, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from cloud.services.refusals import Refused
from cloud.web import auth, frame, language
from sync.contract.words import LOCALES

pages = Blueprint("sign_in", __name__)
CHOICE_AGE_S = 365 * 24 * 3600


@pages.get("/sign-in")
def sign_in_page() -> AnyResponse:
    """Show the form."""
    wanted = auth.way_on(request.args.get("next", ""))
    if auth.person_is_signed_in():
        return redirect(wanted, 303)
    return make_response(frame.draw("sign_in.html", wanted=wanted, refusal=""))


@pages.post("/sign-in")
def sign_in() -> AnyResponse:
    """Check the password and open a session."""
    wanted = auth.way_on(request.form.get("next", ""))
    password = request.form.get("password", "")
    answer = (
        frame.site().hub.console.sign_in(password)
        if 0 < len(password) <= auth.PASSWORD_CHARS_MAX
        else Refused("wrong_password", 401)
    )
    if isinstance(answer, Refused):
        sentence = frame.speaker().text(f"error.{answer.code}", **answer.details)
        page = make_response(frame.draw("sign_in.html", wanted=wanted, refusal=sentence), answer.status)
        if "retry_after_s" in answer.details:
            page.headers["Retry-After"] = str(answer.details["retry_after_s"])
        return page
    # An older session of this browser ends here, so that none lives on unseen.
    response = redirect(wanted, 303)
    assert isinstance(response, Response)
    auth.drop_session(response)
    auth.keep_session(response, answer.token)
    return response


@pages.post("/sign-out")
def sign_out() -> AnyResponse:
    """End the session."""
    response = redirect("/sign-in", 303)
    assert isinstance(response, Response)
    auth.drop_session(response)
    return response


@pages.post("/display")
def display() -> AnyResponse:
    """Keep the choice of language or theme, and go back to where the person was."""
    response = redirect(auth.way_on(request.form.get("next", "")), 303)
    chosen = request.form.get("language", "")
    if chosen in LOCALES:
        _keep_choice(response, language.COOKIE, chosen)
    theme = request.form.get("theme", "")
    if theme in frame.THEMES:
        _keep_choice(response, frame.THEME_COOKIE, theme)
    return response


def _keep_choice(response: AnyResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=CHOICE_AGE_S, path="/", httponly=True, samesite="Strict", secure=request.is_secure
    )
