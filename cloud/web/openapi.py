"""The OpenAPI 3.1 document of the hub's API, made from the very structs that it answers with."""

from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, Response

from cloud.services.fleet import Fleet
from cloud.services.health import Health
from cloud.services.views import InviteVerdict, QuarantineView, SalesPage, SaleView, TakingsView, TotalsView
from cloud.web import access, api, frame
from sync.contract.enrolling import Enrolled, EnrolRequest, Renewed, RenewRequest, Waiting

interface = Blueprint("openapi", __name__, url_prefix="/api/v1")


class Error(msgspec.Struct, frozen=True):
    """Every refusal: the status once more, a code for programs, a sentence for people, details."""

    status: int
    code: str
    message: str
    details: dict[str, Any]


class Parameter(NamedTuple):
    """A parameter in the path or behind the question mark."""

    name: str
    where: str
    schema: dict[str, Any]


class Operation(NamedTuple):
    """One thing the API does: what comes in, what goes out, how it refuses.

    `open` needs nobody signed in; `sealed` answers with bytes that only one node opens.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: type | None
    refusals: tuple[int, ...]
    body: type | None = None
    parameters: tuple[Parameter, ...] = ()
    open: bool = False
    sealed: bool = False
    later: type | None = None
    """What is answered with 202 while somebody has yet to decide."""
    ill: type | None = None
    """What is answered with 503."""


_STORE_ID = {"type": "string", "pattern": "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$"}
_DAY = Parameter("day", "query", {"type": "string", "format": "date"})
_STORE = Parameter("store", "path", _STORE_ID)
_EPOCH = Parameter("epoch", "path", {"type": "integer", "minimum": 1, "maximum": 2147483647})
_SALE = Parameter("sale_id", "path", {"type": "string", "pattern": "^[0-9a-f]{32}$"})

OPERATIONS = (
    Operation("post", "/session", "signIn", "Open a console session (cookie)", api.Session, (400, 401, 403, 415, 429), api.SignIn, open=True),
    Operation("delete", "/session", "signOut", "End the session", None, (401, 403)),
    Operation(
        "post", "/enrol", "enrol", "Redeem a store's activation code", Enrolled, (400, 401, 403, 409, 415, 422), EnrolRequest,
        open=True, later=Waiting,
    ),
    Operation("post", "/renew", "renew", "Renew a node's certificate", Renewed, (400, 401, 403, 415, 422), RenewRequest, open=True),
    Operation("get", "/ca", "authority", "The hub's CA", api.Authority, (400,), open=True),
    Operation("get", "/health", "health", "Whether the hub can do its work", Health, (400,), open=True, ill=Health),
    Operation("get", "/stores", "stores", "Every store and how it is", api.Stores, (400, 401)),
    Operation("get", "/fleet", "fleet", "The stores, the one that needs a person first, and the hub's alarms", Fleet, (400, 401)),
    Operation(
        "get", "/sales", "sales", "Sales in order of arrival", SalesPage, (400, 401, 404),
        parameters=(
            Parameter("store", "query", _STORE_ID),
            _DAY,
            Parameter("after", "query", {"type": "integer", "minimum": 0, "default": 0}),
            Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": api.LIMIT_MAX, "default": 100}),
        ),
    ),
    Operation("get", "/sales/{store}/{sale_id}", "sale", "One sale", SaleView, (400, 401, 404), parameters=(_STORE, _SALE)),
    Operation(
        "get", "/sales/{store}/{sale_id}/evidence", "evidence", "One sale, its path and its chain, hashed now", api.Evidence,
        (400, 401, 404), parameters=(_STORE, _SALE),
    ),
    Operation("get", "/totals", "totals", "Sums of a business day, or of all days", TotalsView, (400, 401), parameters=(_DAY,)),
    Operation("get", "/takings", "takings", "Takings per store and hour", TakingsView, (400, 401), parameters=(_DAY,)),
    Operation("get", "/points", "points", "Sums of members' points; they name nobody", api.Points, (400, 401)),
    Operation("get", "/quarantine", "quarantine", "Refused messages by reason, parked facts", QuarantineView, (400, 401)),
    Operation(
        "get", "/handover/{store}/{epoch}/lanes", "handoverLanes", "What a store's new node may bring back; the node's key signs the request",
        None, (400, 403), parameters=(_STORE, _EPOCH), open=True, sealed=True,
    ),
    Operation(
        "get", "/handover/{store}/{epoch}/facts", "handoverFacts", "Facts of an earlier epoch of the store, sealed for its new node",
        None, (400, 403), open=True, sealed=True,
        parameters=(
            _STORE, _EPOCH,
            Parameter("of", "query", {"type": "integer", "minimum": 1}),
            Parameter("lane", "query", {"type": "integer", "minimum": 0, "maximum": 1}),
            Parameter("after", "query", {"type": "integer", "minimum": 0}),
        ),
    ),
    Operation(
        "post", "/handover/{store}/{epoch}/late", "handoverLate", "Take facts of an earlier epoch that only a restored node has",
        None, (400, 403, 409), open=True, sealed=True,
        parameters=(
            _STORE, _EPOCH,
            Parameter("of", "query", {"type": "integer", "minimum": 1}),
            Parameter("lane", "query", {"type": "integer", "minimum": 0, "maximum": 1}),
            Parameter("after", "query", {"type": "integer", "minimum": 0}),
        ),
    ),
    Operation("post", "/invites/verify", "verifyInvite", "Whether an invite code counts", InviteVerdict, (400, 401, 403, 415), api.Verify),
)  # fmt: skip


@interface.get("/openapi.json")
@access.open_to_all
def document() -> Response:
    """Give the document."""
    return api.answer(build(frame.site().hub.version))


def build(version: str) -> dict[str, Any]:
    """Make the document."""
    kinds = [
        kind
        for operation in OPERATIONS
        for kind in (operation.answer, operation.body, operation.later)
        if kind is not None
    ]
    _, components = msgspec.json.schema_components(
        [Error, *dict.fromkeys(kinds)], ref_template="#/components/schemas/{name}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zhanggui hub", "version": version},
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "hub_session"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"session": []}, {"token": []}],
    }


def _described(operation: Operation) -> dict[str, Any]:
    sealed = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    good: dict[str, Any] = (
        {"200": {"description": operation.summary, "content": sealed}}
        if operation.sealed
        else {"204": {"description": "Done"}}
        if operation.answer is None
        else {"200": {"description": operation.summary, "content": _json(operation.answer)}}
    )
    if operation.later is not None:
        good["202"] = {"description": "Not decided yet; ask again", "content": _json(operation.later)}
    if operation.ill is not None:
        good["503"] = {"description": "A part does not answer", "content": _json(operation.ill)}
    # A signed-in person may be somebody whose role does not reach so far (cloud.web.access).
    statuses = {*operation.refusals, 405, 413, *(() if operation.open else (403,))}
    refusals = {str(status): {"description": "Refused", "content": _json(Error)} for status in sorted(statuses)}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {**good, **refusals},
    }
    if operation.parameters:
        described["parameters"] = [
            {"name": one.name, "in": one.where, "required": one.where == "path", "schema": one.schema}
            for one in operation.parameters
        ]
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    if operation.open:
        described["security"] = []
    return described


def _json(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}}
