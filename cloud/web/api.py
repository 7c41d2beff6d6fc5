"""The hub's HTTP API for programs, `/api/v1`: JSON in, JSON out, every refusal with status, code and sentence."""

import msgspec
from flask import Blueprint, Response, make_response

from cloud.services.enrol import EnrolRequest
from cloud.services.refusals import Refused
from cloud.services.views import ChainView, InviteVerdict, PathStep, SaleView, StoreView
from cloud.web import asked, auth, frame
from cloud.web.problems import Problem

interface = Blueprint("api", __name__, url_prefix="/api/v1")

LIMIT_MAX = 500
CODE_CHARS_MAX = 512


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a session."""

    password: str


class Verify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code, a URL that ends in one, or whatever a scanner read."""

    code: str


class Session(msgspec.Struct, frozen=True):
    """An open session; its token is in the cookie."""

    expires_ms: int


class Stores(msgspec.Struct, frozen=True):
    """Every store."""

    stores: tuple[StoreView, ...]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A sale with its path and its place in the chain, hashed at `made_ms`."""

    made_ms: int
    sale: SaleView
    path: tuple[PathStep, ...]
    chain: ChainView


def answer(content: object, status: int = 200) -> Response:
    """Answer with a struct as JSON."""
    response = make_response(msgspec.json.encode(content), status)
    response.mimetype = "application/json"
    return response


@interface.post("/session")
def sign_in() -> Response:
    """Open a session."""
    asked.only()
    password = asked.body(SignIn).password
    if not 0 < len(password) <= auth.PASSWORD_CHARS_MAX:
        raise Problem(401, "wrong_password")
    opened = frame.site().hub.console.sign_in(password)
    if isinstance(opened, Refused):
        raise refusal(opened)
    response = answer(Session(opened.expires_ms))
    auth.keep_session(response, opened.token)
    return response


@interface.delete("/session")
def sign_out() -> Response:
    """End the session."""
    auth.require_caller()
    response = make_response("", 204)
    auth.drop_session(response)
    return response


@interface.post("/enrol")
def enrol() -> Response:
    """Redeem an activation code: the code is what opens this door."""
    asked.only()
    answered = frame.site().hub.enrolment.redeem(asked.body(EnrolRequest))
    if isinstance(answered, Refused):
        raise refusal(answered)
    return answer(answered)


@interface.get("/stores")
def stores() -> Response:
    """List the stores and how they are."""
    auth.require_caller()
    asked.only()
    return answer(Stores(frame.site().hub.reports.stores()))


@interface.get("/sales")
def sales() -> Response:
    """List sales in order of arrival; `after` is the `next` of the page before."""
    auth.require_caller()
    asked.only("store", "day", "after", "limit")
    store = asked.text("store")
    if store:
        _known_store(store)
    page = frame.site().hub.reports.sales(
        store=store or None,
        day=asked.day(),
        after=asked.number("after") or 0,
        limit=asked.number("limit", least=1, most=LIMIT_MAX) or 100,
    )
    return answer(page)


@interface.get("/sales/<store>/<sale_id>")
def sale(store: str, sale_id: str) -> Response:
    """Give one sale."""
    auth.require_caller()
    asked.only()
    return answer(_sale(store, sale_id))


@interface.get("/sales/<store>/<sale_id>/evidence")
def evidence(store: str, sale_id: str) -> Response:
    """Give one sale with its path and its chain, hashed now."""
    auth.require_caller()
    asked.only()
    found = _sale(store, sale_id)
    hub = frame.site().hub
    chain = hub.reports.chain(store, sale_id)
    if chain is None:
        raise Problem(404, "unknown_sale")
    path = hub.reports.path(store, sale_id)
    return answer(Evidence(made_ms=hub.clock.now_ms(), sale=found, path=path, chain=chain))


@interface.get("/totals")
def totals() -> Response:
    """Give the sums of a business day, or of all days."""
    auth.require_caller()
    asked.only("day")
    return answer(frame.site().hub.reports.totals(asked.day()))


@interface.get("/takings")
def takings() -> Response:
    """Give takings per store and hour of a business day, today's by default."""
    auth.require_caller()
    asked.only("day")
    reports = frame.site().hub.reports
    return answer(reports.takings(asked.day() or reports.business_day_now()))


@interface.get("/quarantine")
def quarantine() -> Response:
    """Give what was refused, by reason, and what is parked."""
    auth.require_caller()
    asked.only()
    return answer(frame.site().hub.reports.quarantine())


@interface.post("/invites/verify")
def verify_invite() -> Response:
    """Say whether a code counts."""
    auth.require_caller()
    asked.only()
    code = asked.body(Verify).code
    if len(code) > CODE_CHARS_MAX:
        return answer(InviteVerdict(verdict="forged"))
    return answer(frame.site().hub.invites.verify(code))


def refusal(refused: Refused) -> Problem:
    """Turn a service's refusal into the answer."""
    details = dict(refused.details)
    retry = details.pop("retry_after_s", None)
    return Problem(refused.status, refused.code, retry_after_s=int(retry) if retry is not None else None, **details)


def _known_store(store: str) -> str:
    if frame.site().hub.reports.store_name(asked.store_id(store)) is None:
        raise Problem(404, "unknown_store")
    return store


def _sale(store: str, sale_id: str) -> SaleView:
    found = frame.site().hub.reports.sale(_known_store(store), asked.sale_id(sale_id))
    if found is None:
        raise Problem(404, "unknown_sale")
    return found
