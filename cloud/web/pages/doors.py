"""Who may pass to the console's pages: a signed-in person; everybody else is shown to the sign-in page."""

from urllib.parse import quote

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.web import auth
from cloud.web.problems import Problem


def closed_blueprint(name: str, import_name: str) -> Blueprint:
    """Make a blueprint whose every page asks for a session."""
    pages = Blueprint(name, import_name)
    pages.before_request(require_person)
    return pages


def require_person() -> Response | None:
    """Send somebody unknown to the sign-in page, and back here afterwards.

    Raises:
        Problem: 401 `not_signed_in`, when the request would change something.
    """
    if auth.person_is_signed_in():
        return None
    if request.method not in {"GET", "HEAD"}:
        raise Problem(401, "not_signed_in")
    if request.headers.get("HX-Request") == "true":
        # A page that refreshes itself: htmx follows this header, since a redirect would land inside the page.
        response = make_response("", 401)
        response.headers["HX-Redirect"] = "/sign-in"
        return response
    wanted = auth.way_on(request.full_path.rstrip("?"))
    return redirect(f"/sign-in?next={quote(wanted, safe='/')}", 303)
