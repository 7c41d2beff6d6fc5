"""The till's shell: one page, its files under a name that holds their hash, and the service worker that keeps them."""

import hashlib
from functools import cache
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_from_directory,
    url_for,
)
from werkzeug.wrappers import Response as WerkzeugResponse

from edge.services.house import first_start
from edge.web import words
from edge.web.access import desk
from edge.web.problems import Problem
from edge.web.words import locale_of

pages = Blueprint("pages", __name__)

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
_WORKER = "till/sw.js"
_YEAR_S = 31_536_000


@cache
def shell_files() -> tuple[str, ...]:
    """Name the till's files, relative to the static folder."""
    found = [path.relative_to(STATIC).as_posix() for path in sorted(STATIC.rglob("*")) if path.is_file()]
    return tuple(name for name in found if name != _WORKER and not name.startswith("vendor/"))


@cache
def shell_hash() -> str:
    """Name the build: a hash over every byte of the shell, words and worker included."""
    digest = hashlib.sha256()
    for name in (*shell_files(), _WORKER):
        digest.update(name.encode() + (STATIC / name).read_bytes())
    for name in (
        "templates/till.html",
        "templates/display.html",
        "templates/display_which.html",
        "templates/kitchen.html",
        "words.toml",
    ):
        digest.update((_FOLDER / name).read_bytes())
    return digest.hexdigest()[:16]


@pages.get("/")
def root() -> WerkzeugResponse:
    """Lead to the till, or to the first start of a node that nobody has set up."""
    asks = desk().asks and first_start.is_open(desk().node)
    return redirect("/first-start" if asks else url_for("pages.till"))


@pages.get("/till/")
def till() -> Response:
    """Give the till's page."""
    page = render_template(
        "till.html", shell_hash=shell_hash(), static_base=static_base(), zone=desk().node.settings.store.timezone
    )
    return Response(page, mimetype="text/html", headers={"Cache-Control": "no-cache"})


@pages.get("/display")
def display() -> Response:
    """Give the page that guests at a till look at; it asks for nobody and shows nothing personal."""
    tills = desk().node.settings.store.tills
    till = request.args.get("till", tills[0])
    if till not in tills:
        if "text/html" not in request.headers.get("Accept", ""):
            raise Problem("unknown_till", tills=list(tills))
        locale = locale_of(request)
        said = {key: words.of(f"display.which_{key}", locale) for key in ("title", "how", "name")}
        shown = render_template("display_which.html", tills=tills, locale=locale, static_base=static_base(), **said)
        return Response(shown, status=404, mimetype="text/html", headers={"Cache-Control": "no-store"})
    page = render_template("display.html", till=till, static_base=static_base())
    return Response(page, mimetype="text/html", headers={"Cache-Control": "no-cache"})


@pages.get("/till/sw.js")
def worker() -> Response:
    """Give the service worker, filled in with the build's files."""
    files = ["/till/", "/api/v1/words", *(f"{static_base()}/{name}" for name in shell_files())]
    source = render_template_string(
        (STATIC / _WORKER).read_text(encoding="utf-8"), shell_hash=shell_hash(), shell_files=files
    )
    return Response(source, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@pages.get("/static/<build>/<path:name>")
def static_file(build: str, name: str) -> Response:
    """Give a file of the shell; its address names the build, so it may be kept for ever."""
    answer = send_from_directory(STATIC, name)
    fresh = build == shell_hash()
    answer.headers["Cache-Control"] = f"public, max-age={_YEAR_S}, immutable" if fresh else "no-store"
    return answer


def static_base() -> str:
    """Give the folder of the static files, as the browser names it."""
    return f"/static/{shell_hash()}"
