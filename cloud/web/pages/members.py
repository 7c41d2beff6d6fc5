"""Members as HQ serves them: found masked, shown with their book, and put right by deeds that the audit log holds (membership.md §5.2)."""

import json
import re
from collections.abc import Callable

from flask import make_response, redirect, request
from werkzeug.wrappers import Response

from cloud.domain.roles import Action
from cloud.services.members.desk import MemberDesk, MemberLine
from cloud.services.members.shared import BadDeed, NoMember
from cloud.web import access, asked, frame
from cloud.web.pages.doors import closed_blueprint
from cloud.web.problems import Problem
from sync.contract.member_cards import Profile

pages = closed_blueprint("members", __name__)

TEXT_MAX = 64
REASON_MAX = 200
LINES = 100
_ID = re.compile(r"[0-9a-f]{32}")
_ABOUT = {"kind": "members.kind_", "conflict": "members.conflict_", "why": "members.why_"}
_POINTS = re.compile(r"-?[0-9]{1,9}")


@pages.get("/members")
@access.needs(Action.VIEW_MEMBERS)
def newest() -> Response:
    """Show who joined last, and what waits for a person."""
    return _list(None)


@pages.post("/members")
@access.needs(Action.VIEW_MEMBERS)
def search() -> Response:
    """Find members. What is looked for travels in the body: an address may end in a log."""
    return _list(_desk().search(request.form.get("q", "")[:TEXT_MAX]))


@pages.get("/members/liability")
@access.needs(Action.VIEW_MEMBERS)
def liability() -> Response:
    """Show what the house owes its members, and whether the book was proven."""
    desk = _desk()
    return make_response(
        _draw(
            "members_liability.html",
            owed=desk.liability(),
            proof=desk.last_proof(),
            conflicts=desk.conflicts(LINES),
            told=_told,
        )
    )


@pages.get("/members/<member_id>")
@access.needs(Action.VIEW_MEMBERS)
def member(member_id: str) -> Response:
    """Show a member, masked."""
    return _member(_id(member_id))


@pages.post("/members/<member_id>/issue")
@access.needs(Action.SERVE_MEMBERS)
def issue(member_id: str) -> Response:
    """Give points by hand, or take some; much waits for a second person."""
    points = request.form.get("points", "").strip()
    if _POINTS.fullmatch(points) is None:
        return _member(_id(member_id), refusal="members.bad_points", status=422)
    return _deed(member_id, lambda desk, why: desk.issue(member_id, int(points), access.who(), why))


@pages.post("/members/<member_id>/merge")
@access.needs(Action.SERVE_MEMBERS)
def merge(member_id: str) -> Response:
    """Make this member a part of another."""
    other = request.form.get("other", "").strip().lower()
    if _ID.fullmatch(other) is None:
        return _member(_id(member_id), refusal="members.bad_other", status=422)
    return _deed(member_id, lambda desk, why: desk.merge(member_id, other, access.who(), why), then=other)


@pages.post("/members/<member_id>/part")
@access.needs(Action.SERVE_MEMBERS)
def part(member_id: str) -> Response:
    """Undo a merge."""
    merge_id = request.form.get("merge_id", "")[:TEXT_MAX]
    return _deed(member_id, lambda desk, why: desk.undo_merge(merge_id, access.who(), why))


@pages.post("/members/<member_id>/staff")
@access.needs(Action.SERVE_MEMBERS)
def staff(member_id: str) -> Response:
    """Say whether a member works here."""
    works = request.form.get("staff", "") == "yes"
    return _deed(member_id, lambda desk, _: desk.set_staff(member_id, access.who(), staff=works))


@pages.post("/members/<member_id>/reveal")
@access.needs(Action.SEE_GUESTS)
def reveal(member_id: str) -> Response:
    """Show who a member is, in clear, on this page once."""
    try:
        profile = _desk().reveal(_id(member_id), access.who(), _why())
    except (BadDeed, NoMember) as refused:
        return _refused(member_id, refused)
    return _member(member_id, profile=profile)


@pages.post("/members/<member_id>/export")
@access.needs(Action.SEE_GUESTS)
def export(member_id: str) -> Response:
    """Give all that is held of a member, as a file for the member."""
    try:
        held = _desk().export(_id(member_id), access.who(), _why())
    except (BadDeed, NoMember) as refused:
        return _refused(member_id, refused)
    answer = make_response(json.dumps(held, ensure_ascii=False, indent=2))
    answer.headers["Content-Type"] = "application/json; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="member-{member_id[:8]}.json"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.post("/members/<member_id>/erase")
@access.needs(Action.SEE_GUESTS)
def erase(member_id: str) -> Response:
    """Forget a member for good; the box must be ticked, too."""
    if request.form.get("sure", "") != "yes":
        return _member(_id(member_id), refusal="members.tick_first", status=422)
    try:
        _desk().erase(_id(member_id), access.who(), _why())
    except (BadDeed, NoMember) as refused:
        return _refused(member_id, refused)
    return redirect("/members", 303)


@pages.post("/members/issues/<issue_id>")
@access.needs(Action.SERVE_MEMBERS)
def decide_issue(issue_id: str) -> Response:
    """Say yes or no to points that somebody else asked for."""
    return _decided(lambda desk: desk.decide_issue(issue_id[:TEXT_MAX], access.who(), allow=_allows()))


@pages.post("/members/referrals/<friend>")
@access.needs(Action.SERVE_MEMBERS)
def decide_referral(friend: str) -> Response:
    """Say yes or no to a referral that waits for a person."""
    return _decided(lambda desk: desk.decide_referral(_id(friend), access.who(), allow=_allows()))


def _desk() -> MemberDesk:
    return frame.site().hub.members.desk


def _id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise Problem(404, "not_found")
    return text


def _why() -> str:
    return request.form.get("reason", "")[:REASON_MAX]


def _allows() -> bool:
    return request.form.get("allow", "") == "yes"


def _deed(member_id: str, work: Callable[[MemberDesk, str], object], then: str = "") -> Response:
    """Do something to a member and show them, or say why not."""
    try:
        work(_desk(), _why())
    except (BadDeed, NoMember) as refused:
        return _refused(member_id, refused)
    return redirect(f"/members/{then or _id(member_id)}", 303)


def _decided(work: Callable[[MemberDesk], object]) -> Response:
    try:
        work(_desk())
    except (BadDeed, NoMember) as refused:
        return _list(None, refusal=_word(refused), status=409)
    return redirect("/members", 303)


def _refused(member_id: str, refused: BadDeed | NoMember) -> Response:
    return _member(_id(member_id), refusal=_word(refused), status=409)


def _word(refused: BadDeed | NoMember) -> str:
    """Name the word of a refusal; the services' own sentences are for programs and logs."""
    said = str(refused)
    if isinstance(refused, NoMember):
        return "members.no_key" if "key" in said else "members.gone"
    if said.startswith("say why"):
        return "members.bad_reason"
    return "members.own_issue" if "second person" in said else "members.not_done"


def _list(found: tuple[MemberLine, ...] | None, *, refusal: str = "", status: int = 200) -> Response:
    desk, say = _desk(), frame.speaker()
    page = make_response(
        _draw(
            "members.html",
            lines=desk.newest() if found is None else found,
            searched=found is not None,
            total=desk.count(),
            issues=desk.waiting_issues(),
            reviews=desk.reviews(),
            told=_told,
            refusal=say.text(refusal) if refusal else "",
        ),
        status,
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _member(member_id: str, *, profile: Profile | None = None, refusal: str = "", status: int = 200) -> Response:
    desk, say = _desk(), frame.speaker()
    try:
        shown = desk.page(member_id)
        lines = desk.timeline(member_id, LINES, asked.number("before"))
    except NoMember as nobody:
        raise Problem(404, "not_found") from nobody
    page = make_response(
        _draw(
            "member.html",
            page=shown,
            lines=[(line, _told("kind", line.journal.kind)) for line in lines],
            told=_told,
            older=lines[-1].journal.id if len(lines) == LINES else None,
            clear=profile,
            refusal=say.text(refusal) if refusal else "",
        ),
        status,
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _told(about: str, name: str) -> str:
    """Give the words for a journal's `kind`, a `conflict`, or `why` somebody looks at a referral; several names have spaces between.

    One that the catalogue does not know is shown as it is: stores may be newer than the hub.
    """
    say, words = frame.speaker(), frame.site().words
    keys = {one: _ABOUT[about] + one.replace(".", "_") for one in name.split()}
    return " · ".join(say.text(key) if words.has(key) else one for one, key in keys.items())


def _draw(template: str, **values: object) -> str:
    stores = frame.site().hub.reports.stores()
    return frame.draw_framed(
        template, stores=stores, place="members", names={store.id: store.name for store in stores}, **values
    )
