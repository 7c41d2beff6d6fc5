"""The OpenAPI 3.1 document of the API, its bodies taken from the very structs that the views decode and encode."""

from functools import cache
from typing import Any

import msgspec
from flask import Blueprint, Response

from edge.domain.guest_view import GuestView
from edge.services.device_care import DevicesReport, OpenCommand, RedirectCommand, StaleCommand
from edge.services.e_receipt import EReceipt
from edge.services.health import Health
from edge.services.node import VERSION
from edge.services.scanning import AcceptsCommand, ScanCommand, Scanned
from edge.services.settle_sale import SaleAnswer, SellCommand
from edge.services.status import Status
from edge.services.sync_view import SyncView
from edge.services.verify_invite import Verified
from edge.services.weighing import TillWeight
from edge.web.api import DiscardCommand, ReprintCommand, SignInCommand, VerifyCommand
from sync.contract.menu import Menu

openapi = Blueprint("openapi", __name__, url_prefix="/api/v1")

_STRUCTS = (
    SignInCommand,
    SellCommand,
    ReprintCommand,
    DiscardCommand,
    VerifyCommand,
    SaleAnswer,
    Status,
    Health,
    SyncView,
    Menu,
    EReceipt,
    Verified,
    AcceptsCommand,
    ScanCommand,
    Scanned,
    TillWeight,
    GuestView,
    RedirectCommand,
    StaleCommand,
    OpenCommand,
    DevicesReport,
)
_SALE_ID = {
    "name": "sale_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_JOB_ID = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}

_DEVICE_ID = {"name": "device_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}


@openapi.get("/openapi.json")
def read_openapi() -> Response:
    """Give the document."""
    return Response(_encoded(), mimetype="application/json")


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    """Build the OpenAPI document."""
    _, components = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    components["Problem"] = {
        "type": "object",
        "required": ["status", "code", "message", "details"],
        "properties": {
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "details": {"type": "object"},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Zhanggui node", "version": VERSION},
        "servers": [{"url": "/api/v1"}],
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "zhanggui_till"}},
        },
        "security": [{"session": []}],
        "paths": _paths(),
    }


def _paths() -> dict[str, Any]:
    free: list[Any] = []
    return {
        "/session": {
            "post": _operation("signIn", "Sign in at a till", {200: None}, SignInCommand, free),
            "delete": _operation("signOut", "Sign out", {204: None}, None, free),
        },
        "/status": {"get": _operation("readStatus", "What works, what waits", {200: Status}, None, free)},
        "/sync": {"get": _operation("readSync", "How the node stands with HQ, and what a cut means", {200: SyncView})},
        "/health": {
            "get": _operation("readHealth", "Whether the node can sell", {200: Health, 503: Health}, None, free)
        },
        "/menu": {"get": _operation("readMenu", "The menu in force", {200: Menu, 304: None})},
        "/words": {"get": _operation("readWords", "The catalogue of words", {200: None}, None, free)},
        "/openapi.json": {"get": _operation("readOpenapi", "This document", {200: None}, None, free)},
        "/sales": {
            "post": _operation("sell", "Settle a sale; a repeat gets the same answer", {201: SaleAnswer, 200: SaleAnswer},
                               SellCommand),
            "get": {
                **_operation("listSales", "Sales in commit order", {200: None}),
                "parameters": [_number("after", 0, 10**15), _number("limit", 1, 500)],
            },
        },
        "/sales/{sale_id}": {
            "get": {**_operation("readSale", "One sale and its slips", {200: SaleAnswer}), "parameters": [_SALE_ID]}
        },
        "/sales/{sale_id}/reprint": {
            "post": {**_operation("reprint", "Queue a marked copy", {202: None}, ReprintCommand), "parameters": [_SALE_ID]}
        },
        "/sales/{sale_id}/e-receipt": {
            "get": {
                **_operation("readEReceipt", "Where a guest's phone finds the receipt, and its QR code", {200: EReceipt}),
                "parameters": [_SALE_ID],
            }
        },
        "/totals": {
            "get": {
                **_operation("readTotals", "Takings of a business day, or of all", {200: None}),
                "parameters": [
                    {"name": "day", "in": "query", "required": False,
                     "schema": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}}
                ],
            }
        },
        "/print-jobs": {"get": _operation("listPrintJobs", "Slips that are not settled", {200: None})},
        "/print-jobs/{job_id}/retry": {
            "post": {**_operation("retryPrintJob", "Send a parked slip again", {200: None}), "parameters": [_JOB_ID]}
        },
        "/print-jobs/{job_id}/discard": {
            "post": {
                **_operation("discardPrintJob", "Give a parked slip up", {200: None}, DiscardCommand),
                "parameters": [_JOB_ID],
            }
        },
        "/print-jobs/{job_id}/redirect": {
            "post": {
                **_operation("redirectPrintJob", "Send a slip to another printer", {200: None}, RedirectCommand),
                "parameters": [_JOB_ID],
            }
        },
        "/printers/{device_id}/stale": {
            "post": {
                **_operation("answerStale", "Print or discard all slips that were too old to print unasked", {200: None},
                             StaleCommand),
                "parameters": [_DEVICE_ID],
            }
        },
        "/devices": {"get": _operation("listDevices", "Every device, and what is wrong with its settings", {200: DevicesReport})},
        "/devices/{device_id}/hold": _of_device("holdDevice", "Let a device wait", 204),
        "/devices/{device_id}/release": _of_device("releaseDevice", "Let a device go on", 204),
        "/devices/{device_id}/retry": _of_device("retryDevice", "Try a device again at once", 204),
        "/devices/{device_id}/accept": _of_device("acceptPrinter", "Let another printer at the address print", 204),
        "/devices/{device_id}/test": _of_device("testPrinter", "Queue a slip that shows how a printer prints", 202),
        "/drawers/{device_id}/open": {
            "post": {
                **_operation("openDrawer", "Open the drawer of this till, for a reason", {202: None}, OpenCommand),
                "parameters": [_DEVICE_ID],
            }
        },
        "/invites/verify": {
            "post": _operation("verifyInvite", "Judge an invite by its signature alone", {200: Verified}, VerifyCommand)
        },
        "/till/accepts": {
            "put": _operation("acceptScans", "Say what the till's screen takes of scans", {204: None}, AcceptsCommand)
        },
        "/till/scans": {
            "post": _operation("typedScan", "Judge what a scanner typed into the page", {200: Scanned}, ScanCommand)
        },
        "/till/weight": {"get": _operation("readWeight", "What there is to charge for on the scale", {200: TillWeight})},
        "/till/display": {"put": _operation("showGuest", "Show something to the guest", {204: None}, GuestView)},
    }  # fmt: skip


def _of_device(name: str, summary: str, status: int) -> dict[str, Any]:
    return {"post": {**_operation(name, summary, {status: None}), "parameters": [_DEVICE_ID]}}


def _operation(
    name: str,
    summary: str,
    answers: dict[int, type | None],
    body: type | None = None,
    security: list[Any] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {str(status): _answer(kind) for status, kind in answers.items()}
        | {"4XX": {"description": "Refused, with a code and a sentence", "content": _content("Problem")}},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body.__name__)}
    if security is not None:
        operation["security"] = security
    return operation


def _answer(kind: type | None) -> dict[str, Any]:
    return {"description": "Done"} if kind is None else {"description": "Done", "content": _content(kind.__name__)}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _number(name: str, least: int, most: int) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": least, "maximum": most},
    }
