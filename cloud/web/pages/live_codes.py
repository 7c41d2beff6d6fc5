"""Live codes (活码) at HQ: made, led elsewhere, stopped, printed; and where members come from (membership.md M071-M074)."""

import re
from collections.abc import Callable
from typing import get_args

from flask import make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services import live_sheets
from cloud.services.live_codes import LiveCodes, LiveLine, PlaceTaken, Wanted
from cloud.services.live_sheets import Card
from cloud.services.members.shared import BadDeed
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem
from sync.contract import live_codes as contract
from sync.contract.live_codes import CodePlace, Target, TargetKind
from sync.contract.members import Place
from sync.contract.words import Name

pages = closed_blueprint("live_codes", __name__)

LINES_MAX = 500
TAKEN_SHOWN_MAX = 5
_TEXT_MAX = 4_000
_EVERY = ("", *contract.PLACES)
_SHEET = re.compile(r"1|2|4|6|9|12|24")


@pages.get("/live-codes")
@access.needs(Action.VIEW_MEMBERS)
def listed() -> Response:
    """Show the codes, of all stores or of one, with how often they were opened and who joined by them."""
    return _page()


@pages.post("/live-codes")
@access.needs(Action.LIVE_CODES)
def make() -> Response:
    """Make codes, one a line."""
    return _deed(lambda codes: codes.make(_wanted(), access.who()))


@pages.post("/live-codes/lead")
@access.needs(Action.LIVE_CODES)
def lead() -> Response:
    """Let the codes that are ticked lead elsewhere."""
    return _deed(lambda codes: codes.lead(_ticked(), _target(), access.who()))


@pages.post("/live-codes/stop")
@access.needs(Action.LIVE_CODES)
def stop() -> Response:
    """Let the codes that are ticked hold no more; the box must be ticked, too."""
    if request.form.get("sure", "") != "yes":
        return _page(refusal=frame.speaker().text("live.tick_sure"), status=422)
    return _deed(lambda codes: codes.stop(_ticked(), access.who()))


@pages.post("/live-codes/sheet")
@access.needs(Action.VIEW_MEMBERS)
def sheet() -> Response:
    """Give the codes that are ticked as a sheet to print."""
    per_page = request.form.get("per_page", "")
    lines = _codes().several(_ticked())
    if not lines or _SHEET.fullmatch(per_page) is None:
        return _page(refusal=frame.speaker().text("live.tick_first"), status=422)
    return _file(live_sheets.pdf(_cards(lines), int(per_page)), "application/pdf", "live-codes.pdf")


@pages.get("/live-codes/<code_id>.<kind>")
@access.needs(Action.VIEW_MEMBERS)
def poster(code_id: str, kind: str) -> Response:
    """Give one code as a picture: the code alone (PNG), or with its words (SVG)."""
    lines = _codes().several([code_id]) if contract.is_code_id(code_id) and kind in ("png", "svg") else ()
    if not lines:
        raise Problem(404, "not_found")
    [card] = _cards(lines)
    drawn = live_sheets.png(card) if kind == "png" else live_sheets.svg(card).encode()
    return _file(drawn, {"png": "image/png", "svg": "image/svg+xml"}[kind], f"{card.short}.{kind}")


@pages.get("/live-codes/origins")
@access.needs(Action.VIEW_MEMBERS)
def origins() -> Response:
    """Show what brought members, each once, by what brought them first."""
    asked.only("from", "to")
    first, last = asked.day("from"), asked.day("to")
    found = _codes().origins(first or "", last or "9999")
    labels = {line.live.code_id: line for line in _codes().several([one.code for one in found if one.code])}
    places = {place: sum(one.joins for one in found if one.place == place) for place in get_args(Place)}
    return make_response(
        _draw(
            "live_origins.html",
            found=found,
            labels=labels,
            places={place: total for place, total in places.items() if total},
            total=sum(one.joins for one in found),
            first=first or "",
            last=last or "",
        )
    )


def _codes() -> LiveCodes:
    return frame.site().hub.live_codes


def _ticked() -> list[str]:
    return [one for one in request.form.getlist("code") if contract.is_code_id(one)]


def _wanted() -> Wanted:
    place = request.form.get("place", "")
    if place not in contract.PLACES:
        raise BadDeed("choose where the codes stand")
    return Wanted(
        store=request.form.get("store", "")[:64],
        place=_place(place),
        ats=tuple(one for one in request.form.get("ats", "")[:_TEXT_MAX].splitlines() if one.strip()),
        label=_name("label", contract.LABEL_CHARS_MAX),
        target=_target(),
    )


def _place(text: str) -> CodePlace:
    return next(one for one in contract.PLACES if one == text)


def _target() -> Target:
    kind: TargetKind | None = next((one for one in contract.TARGETS if one == request.form.get("target", "")), None)
    if kind is None:
        raise BadDeed("choose where the codes lead")
    if kind != "text":
        return Target(kind=kind)
    title, body = _name("title", contract.TITLE_CHARS_MAX), _name("body", contract.BODY_CHARS_MAX)
    return Target(kind=kind, title=title, body=body)


def _name(name: str, most: int) -> Name:
    """Read a text in both languages; one that was left empty is the other's. One too long stays too long, and is refused."""
    zh, en = (
        request.form.get(f"{name}_{which}", "").replace("\r\n", "\n").strip()[: most + 1] for which in ("zh", "en")
    )
    return Name(zh or en, en or zh)


def _cards(lines: tuple[LiveLine, ...]) -> list[Card]:
    names = {store.id: store.name.zh for store in frame.site().hub.reports.stores()}
    return [
        Card(line.url, names.get(line.live.store, ""), line.live.label.zh, line.live.label.en, line.short)
        for line in lines
    ]


def _file(content: bytes, kind: str, name: str) -> Response:
    answer = make_response(content)
    answer.headers["Content-Type"] = kind
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _deed(work: Callable[[LiveCodes], object]) -> Response:
    try:
        work(_codes())
    except PlaceTaken as refused:
        named = ", ".join(refused.ats[:TAKEN_SHOWN_MAX]) + (" …" if len(refused.ats) > TAKEN_SHOWN_MAX else "")
        return _page(refusal=frame.speaker().text("live.place_taken", at=named), status=422)
    except BadDeed as refused:
        return _page(refusal=frame.speaker().text(_word(refused)), status=422)
    return redirect("/live-codes", 303)


def _word(refused: BadDeed) -> str:
    """Name the word of a refusal; the service's own sentence is for programs."""
    said = str(refused)
    for begins, word in (
        ("tick", "live.tick_first"),
        ("one of these", "live.reload"),
        ("a label", "live.bad_label"),
        ("say which", "live.bad_ats"),
        ("a text", "live.bad_text"),
        ("choose", "live.choose"),
    ):
        if said.startswith(begins):
            return word
    return "live.too_many" if "codes" in said else "live.choose"


def _page(*, refusal: str = "", status: int = 200) -> Response:
    place = asked.choice("place", _EVERY)
    store = asked.text("store")[:64]
    lines = _codes().listed(store, place)
    return make_response(
        _draw(
            "live_codes.html",
            lines=lines[:LINES_MAX],
            more=max(0, len(lines) - LINES_MAX),
            chosen_store=store,
            chosen_place=place,
            sheets=tuple(live_sheets.SHEETS),
            refusal=refusal,
            # What was filled in stays, also two hundred lines of tables: only what is wrong has to be put right.
            filled=request.form if refusal else {},
            ticked=frozenset(_ticked()),
        ),
        status,
    )


def _draw(template: str, **values: object) -> str:
    stores = frame.site().hub.reports.stores()
    return frame.draw_framed(
        template,
        stores=stores,
        place="live_codes",
        every=stores,
        names={store.id: store.name for store in stores},
        places_all=contract.PLACES,
        targets=contract.TARGETS,
        **values,
    )
