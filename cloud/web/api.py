"""The hub's HTTP API for programs, `/api/v1`: JSON in, JSON out, every refusal with status, code and sentence."""

import msgspec
from flask import Blueprint, Response, make_response

from cloud.domain.roles import Action
from cloud.services.accounts import FIRST
from cloud.services.refusals import Refused
from cloud.services.sessions import CODE, FULL
from cloud.services.views import ChainView, InviteVerdict, PathStep, SaleView, StoreView
from cloud.web import access, asked, auth, frame
from cloud.web.problems import Problem
from sync.contract.enrolling import EnrolRequest, RenewRequest, Waiting

interface = Blueprint("api", __name__, url_prefix="/api/v1")

LIMIT_MAX = 500
CODE_CHARS_MAX = 512


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What opens a session; `code` is the second factor's, for an account that has one."""

    password: str
    account: str = FIRST
    code: str = ""


class Verify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code, a URL that ends in one, or whatever a scanner read."""

    code: str


class Session(msgspec.Struct, frozen=True):
    """An open session; its token is in the cookie."""

    expires_ms: int


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's CA: its certificate (PEM) and the SHA-256 of that."""

    ca: str
    fingerprint: str


class Stores(msgspec.Struct, frozen=True):
    """Every store."""

    stores: tuple[StoreView, ...]


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """Points that are out, in whole points, and how many members there are; it names nobody.

    `with_members` and what stores hold of it for them (`in_grants`) are the members', less what is `owed`; `in_receipts` waits for whoever
    joins with a receipt.
    """

    members: int
    with_members: int
    in_grants: int
    in_receipts: int
    owed: int


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
@access.open_to_all
def sign_in() -> Response:
    """Open a session."""
    asked.only()
    wish = asked.body(SignIn)
    if not 0 < len(wish.password) <= auth.PASSWORD_CHARS_MAX:
        raise Problem(401, "wrong_password")
    console = frame.site().hub.console
    opened = console.sign_in.sign_in(wish.account, wish.password, auth.caller(), wish.code)
    if isinstance(opened, Refused):
        raise refusal(opened)
    if opened.stage != FULL:
        console.sessions.end(opened.token)
        raise Problem(401, "code_needed" if opened.stage == CODE else "finish_on_page")
    response = answer(Session(opened.expires_ms))
    auth.drop_session(response)
    auth.keep_session(response, opened)
    return response


@interface.delete("/session")
@access.signed_in
def sign_out() -> Response:
    """End the session."""
    response = make_response("", 204)
    auth.drop_session(response)
    return response


@interface.post("/enrol")
@access.open_to_all
def enrol() -> Response:
    """Redeem an activation code: the code is what opens this door."""
    asked.only()
    answered = frame.site().hub.enrolment.redeem(asked.body(EnrolRequest))
    if isinstance(answered, Refused):
        raise refusal(answered)
    return answer(answered, 202 if isinstance(answered, Waiting) else 200)


@interface.post("/renew")
@access.open_to_all
def renew() -> Response:
    """Give a node its next certificate: its identity key is what opens this door."""
    asked.only()
    answered = frame.site().hub.enrolment.renew(asked.body(RenewRequest))
    if isinstance(answered, Refused):
        raise refusal(answered)
    return answer(answered)


@interface.get("/ca")
@access.open_to_all
def authority() -> Response:
    """Give the CA's certificate; whoever asks compares its fingerprint with the one on the code sheet."""
    asked.only()
    held = frame.site().hub.authority
    return answer(Authority(ca=held.ca, fingerprint=held.fingerprint))


@interface.get("/stores")
@access.needs(Action.VIEW_STORES)
def stores() -> Response:
    """List the stores and how they are."""
    asked.only()
    return answer(Stores(frame.site().hub.reports.stores()))


@interface.get("/fleet")
@access.needs(Action.VIEW_STORES)
def fleet() -> Response:
    """List the stores, the one that needs a person first, with what each says of itself, and the hub's own alarms."""
    asked.only()
    return answer(frame.site().hub.fleets.fleet())


@interface.get("/sales")
@access.needs(Action.VIEW_SALES)
def sales() -> Response:
    """List sales in order of arrival; `after` is the `next` of the page before."""
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
@access.needs(Action.VIEW_SALES)
def sale(store: str, sale_id: str) -> Response:
    """Give one sale."""
    asked.only()
    return answer(_sale(store, sale_id))


@interface.get("/sales/<store>/<sale_id>/evidence")
@access.needs(Action.EXPORT)
def evidence(store: str, sale_id: str) -> Response:
    """Give one sale with its path and its chain, hashed now."""
    asked.only()
    found = _sale(store, sale_id)
    hub = frame.site().hub
    chain = hub.reports.chain(store, sale_id)
    if chain is None:
        raise Problem(404, "unknown_sale")
    path = hub.reports.path(store, sale_id)
    who = access.who()
    hub.console.audit_log.record(who.actor, "evidence.exported", f"{store}/{found.receipt_no}", **who.detail())
    return answer(Evidence(made_ms=hub.clock.now_ms(), sale=found, path=path, chain=chain))


@interface.get("/totals")
@access.needs(Action.VIEW_SALES)
def totals() -> Response:
    """Give the sums of a business day, or of all days."""
    asked.only("day")
    return answer(frame.site().hub.reports.totals(asked.day()))


@interface.get("/takings")
@access.needs(Action.VIEW_SALES)
def takings() -> Response:
    """Give takings per store and hour of a business day, today's by default."""
    asked.only("day")
    reports = frame.site().hub.reports
    return answer(reports.takings(asked.day() or reports.business_day_now()))


@interface.get("/points")
@access.needs(Action.VIEW_SALES)
def points() -> Response:
    """Give the sums of members' points."""
    asked.only()
    desk = frame.site().hub.members.desk
    held = desk.liability()
    return answer(
        Points(
            members=desk.count(),
            with_members=held.with_members,
            in_grants=held.in_grants,
            in_receipts=held.in_receipts,
            owed=held.owed,
        )
    )


@interface.get("/quarantine")
@access.needs(Action.VIEW_PARKED)
def quarantine() -> Response:
    """Give what was refused, by reason, and what is parked."""
    asked.only()
    return answer(frame.site().hub.reports.quarantine())


@interface.post("/invites/verify")
@access.needs(Action.VIEW_SALES)
def verify_invite() -> Response:
    """Say whether a code counts."""
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
