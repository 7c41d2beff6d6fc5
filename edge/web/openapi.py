"""The OpenAPI 3.1 document of the API, its bodies taken from the very structs that the views decode and encode."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from flask import Blueprint, Response

from edge.domain.bill_file import Reconciled
from edge.domain.guest_view import GuestView
from edge.services.care.health import Health
from edge.services.care.status import Status
from edge.services.care.works import WorksView
from edge.services.devices.device_care import DevicesReport, OpenCommand, RedirectCommand, StaleCommand
from edge.services.devices.scanning import AcceptsCommand, ScanCommand, Scanned
from edge.services.devices.weighing import TillWeight
from edge.services.guests.e_receipt import EReceipt
from edge.services.guests.verify_invite import Verified
from edge.services.house.settings_here import Setting, SettingCommand, SettingsAnswer
from edge.services.hub.sync_view import SyncView
from edge.services.money.deposits import DepositCommand, ReturnDepositCommand
from edge.services.money.gateway_fake import Faults
from edge.services.money.money_views import MoneyView, OpenMoney
from edge.services.money.pay_order import BillAnswer, PayCommand
from edge.services.money.payments import ReturnAnswer, ReturnCommand, TakeCommand
from edge.services.money.prebill import PrebillAnswer, PrebillCommand
from edge.services.money.settle_sale import SaleAnswer, SellCommand
from edge.services.node import VERSION
from edge.services.ordering.floor import DrawCommand, FloorAnswer
from edge.services.ordering.house_changes import HouseChanges
from edge.services.ordering.order_moves import MergeOrdersCommand, MovedAnswer, MoveOrderCommand, SplitOrderCommand
from edge.services.ordering.orders import CancelOrderCommand, OpenOrderCommand, OrderAnswer, StepsCommand
from edge.services.ordering.read_orders import OpenOrders, OrderView
from edge.services.ordering.stock import DayPriceCommand, DishAnswer, DishesAnswer, StockCommand
from edge.services.people.approvals import ApprovalAnswer, ApproveCommand
from edge.services.people.staff import (
    AddCommand,
    BadgeCommand,
    ChangeCommand,
    LocaleCommand,
    OwnPinCommand,
    Person,
    PersonCommand,
    PinCommand,
)
from edge.web import (
    openapi_elsewhere,
    openapi_house,
    openapi_intake,
    openapi_kitchen,
    openapi_lan,
    openapi_live_codes,
    openapi_members,
    openapi_shifts,
)
from edge.web.api import DiscardCommand, ReprintCommand, VerifyCommand
from edge.web.paying import PartCommand
from edge.web.payments import BillCommand, Payments
from edge.web.people import ApprovalsAnswer, PeopleAnswer, SessionAnswer, SignInCommand, SignInList
from sync.contract.house import Rules
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
    WorksView,
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
    # Paying.
    Rules,
    BillAnswer,
    PartCommand,
    PrebillCommand,
    PrebillAnswer,
    PayCommand,
    # People.
    SettingsAnswer,
    Setting,
    SettingCommand,
    SessionAnswer,
    SignInList,
    PeopleAnswer,
    Person,
    AddCommand,
    ChangeCommand,
    PersonCommand,
    PinCommand,
    BadgeCommand,
    OwnPinCommand,
    LocaleCommand,
    ApproveCommand,
    ApprovalAnswer,
    ApprovalsAnswer,
)
_MONEY = (TakeCommand, ReturnCommand, MoneyView, OpenMoney, ReturnAnswer, Payments, DepositCommand, ReturnDepositCommand,
          BillCommand, Reconciled, Faults)  # fmt: skip
_ORDERS = (OpenOrderCommand, StepsCommand, MoveOrderCommand, MergeOrdersCommand, SplitOrderCommand, CancelOrderCommand, OrderAnswer,
           MovedAnswer, OpenOrders, OrderView, HouseChanges, DrawCommand, FloorAnswer, StockCommand, DayPriceCommand, DishAnswer,
           DishesAnswer)  # fmt: skip
_SALE_ID = {
    "name": "sale_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
}
_JOB_ID = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}

_PERSON_ID = {"name": "person_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}
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
    _, components = msgspec.json.schema_components(
        (
            *_STRUCTS,
            *_MONEY,
            *_ORDERS,
            *openapi_shifts.STRUCTS,
            *openapi_kitchen.STRUCTS,
            *openapi_lan.STRUCTS,
            *openapi_members.STRUCTS,
            *openapi_live_codes.STRUCTS,
            *openapi_house.STRUCTS,
            *openapi_intake.STRUCTS,
        ),
        ref_template="#/components/schemas/{name}",
    )
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
        **_money_paths(),
        **openapi_shifts.paths(_operation),
        **openapi_elsewhere.paths(_operation),
        **openapi_kitchen.paths(_operation),
        **openapi_members.paths(_operation),
        **openapi_live_codes.paths(_operation),
        **openapi_lan.paths(_operation),
        **openapi_house.paths(_operation),
        **openapi_intake.paths(_operation),
        **_order_paths(),
        "/session": {
            "post": _operation("signIn", "Sign in at a till", {200: SessionAnswer}, SignInCommand, free),
            "get": _operation("readSession", "Who is at the till, locked or not", {200: SessionAnswer}, None, free),
            "delete": _operation("signOut", "Sign out", {204: None}, None, free),
        },
        "/session/seen": {"post": _operation("keepSession", "Keep the till from locking itself", {204: None})},
        "/session/lock": {"post": _operation("lockSession", "Lock the till", {204: None})},
        "/session/locale": {
            "post": _operation("chooseLocale", "Choose one's own language", {200: Person}, LocaleCommand)
        },
        "/session/pin": {"post": _operation("changeOwnPin", "Change one's own PIN", {200: Person}, OwnPinCommand)},
        "/sign-in": {"get": _operation("readSignIn", "Who may be picked before a PIN", {200: SignInList}, None, free)},
        "/people": {
            "get": _operation("listPeople", "The staff of the store", {200: PeopleAnswer}),
            "post": _operation("addPerson", "Put somebody in", {201: Person, 200: Person}, AddCommand),
        },
        "/people/{person_id}": _of_person("changePerson", "Change a name, a role, a language", ChangeCommand),
        "/people/{person_id}/leave": _of_person("personLeaves", "Let somebody sign in no more", PersonCommand),
        "/people/{person_id}/pin": _of_person("setPin", "Give somebody a new PIN", PinCommand),
        "/people/{person_id}/badge": _of_person("setBadge", "Give somebody a badge", BadgeCommand),
        "/people/{person_id}/unlock": _of_person("unlockPerson", "Let somebody try their PIN again", PersonCommand),
        "/settings": {
            "get": _operation("listSettings", "What may be set at the store, as it holds", {200: SettingsAnswer}),
            "post": _operation("changeSetting", "Set one thing", {200: Setting}, SettingCommand),
        },
        "/approvals": {
            "post": _operation("approve", "Give the word for another's deed", {201: ApprovalAnswer, 200: ApprovalAnswer},
                               ApproveCommand),
            "get": {
                **_operation("listApprovals", "What became of approvals, latest first", {200: ApprovalsAnswer}),
                "parameters": [_number("limit", 1, 200)],
            },
        },
        "/status": {"get": _operation("readStatus", "What works, what waits", {200: Status}, None, free)},
        "/works": {"get": _operation("readWorks", "What works now, and what needs the network", {200: WorksView})},
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
        **_paying_paths(),
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


def _paying_paths() -> dict[str, Any]:
    order_id = [{**_SALE_ID, "name": "order_id"}]
    return {
        "/house": {"get": _operation("readHouse", "Charges, taxes, rounding and discounts of the house", {200: Rules})},
        "/orders/{order_id}/bill": {
            "get": {
                **_operation("readBill", "What is left to pay of an order, in equal shares where asked", {200: BillAnswer}),
                "parameters": [*order_id, _number("of", 0, 50)],
            },
            "post": {
                **_operation("readPartBill", "What a part of an order comes to", {200: BillAnswer}, PartCommand),
                "parameters": order_id,
            },
        },
        "/orders/{order_id}/bill/print": {
            "post": {
                **_operation("printBill", "The bill on paper before it is paid", {201: PrebillAnswer, 200: PrebillAnswer},
                             PrebillCommand),
                "parameters": order_id,
            }
        },
        "/orders/{order_id}/pay": {
            "post": {
                **_operation("payOrder", "Pay an order or a part of it; a repeat gets the same answer",
                             {201: SaleAnswer, 200: SaleAnswer}, PayCommand),
                "parameters": order_id,
            }
        },
    }  # fmt: skip


def _money_paths() -> dict[str, Any]:
    def hexed(name: str) -> dict[str, Any]:
        return {**_SALE_ID, "name": name}

    def dated(name: str, where: str) -> dict[str, Any]:
        schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
        return {"name": name, "in": where, "required": where == "path", "schema": schema}

    payment, deposit, day = [hexed("payment_id")], [hexed("deposit_id")], [dated("day", "path")]
    view, took = {200: MoneyView}, {201: MoneyView, 200: MoneyView, 202: MoneyView}
    back = {201: ReturnAnswer, 200: ReturnAnswer}
    return {
        "/payments": {
            "post": _operation("takePayment", "Take money towards an order; 202 = nobody knows yet", took, TakeCommand),
            "get": {
                **_operation(
                    "listPayments", "What was paid towards an order, and what of it is not decided", {200: Payments}
                ),
                "parameters": [{**hexed("order_id"), "in": "query"}],
            },
        },
        "/payments/open": {
            "get": _operation("listOpenMoney", "Undecided codes, unused payments, refunds in line", {200: OpenMoney})
        },
        "/payments/{payment_id}": {
            "get": {**_operation("readPayment", "One payment or deposit", view), "parameters": payment}
        },
        "/payments/{payment_id}/query": {
            "post": {**_operation("queryPayment", "Ask the gateway now", view), "parameters": payment}
        },
        "/payments/{payment_id}/cancel": {
            "post": {**_operation("cancelPayment", "Cancel an undecided payment", view), "parameters": payment}
        },
        "/payments/{payment_id}/accept": {
            "post": {
                **_operation("acceptPayment", "Take an undecided payment on the word of the guest's phone", view),
                "parameters": payment,
            }
        },
        "/payments/{payment_id}/return": {
            "post": {
                **_operation("returnPayment", "Give back a payment that no sale used", back, ReturnCommand),
                "parameters": payment,
            }
        },
        "/deposits": {
            "post": _operation("takeDeposit", "Take a deposit for a day", took, DepositCommand),
            "get": {
                **_operation("listDeposits", "Deposits by the day that they are for", {200: Payments}),
                "parameters": [dated("from", "query"), dated("to", "query")],
            },
        },
        "/deposits/{deposit_id}/return": {
            "post": {
                **_operation("returnDeposit", "Give back what is left of a deposit", back, ReturnDepositCommand),
                "parameters": deposit,
            }
        },
        "/gateway/bills/{day}": {
            "get": {**_operation("readBill", "What a day's bill file came to", {200: Reconciled}), "parameters": day},
            "post": {
                **_operation("holdBill", "Hold a day's bill file against the node", {200: Reconciled}, BillCommand),
                "parameters": day,
            },
        },
        "/gateway/faults": {
            "get": _operation("readFaults", "What goes wrong at the fake gateway", {200: Faults}),
            "put": _operation("putFaults", "Switch faults of the fake gateway", {200: Faults}, Faults),
        },
    }


def _order_paths() -> dict[str, Any]:
    order = [{**_SALE_ID, "name": "order_id"}]
    dish = [{"name": "dish_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}}]
    moved = {200: MovedAnswer}
    return {
        "/orders": {
            "get": _operation("listOrders", "The open orders, the oldest first", {200: OpenOrders}),
            "post": _operation("openOrder", "Open an order, with its first steps", {201: OrderAnswer, 200: OrderAnswer},
                               OpenOrderCommand),
        },
        "/orders/{order_id}": {
            "get": {**_operation("readOrder", "One order with its bill", {200: OrderView}), "parameters": order}
        },
        "/orders/{order_id}/steps": {
            "post": {
                **_operation("changeOrder", "Do steps of an order; each is answered with what became of it", {200: OrderAnswer},
                             StepsCommand),
                "parameters": order,
            }
        },
        "/orders/{order_id}/move": {
            "post": {
                **_operation("moveOrder", "Move an order to another table", {200: OrderAnswer}, MoveOrderCommand),
                "parameters": order,
            }
        },
        "/orders/{order_id}/merge": {
            "post": {
                **_operation("mergeOrders", "Let all lines go to another order", moved, MergeOrdersCommand),
                "parameters": order,
            }
        },
        "/orders/{order_id}/split": {
            "post": {
                **_operation("splitOrder", "Let pieces of lines go to another order", moved, SplitOrderCommand),
                "parameters": order,
            }
        },
        "/orders/{order_id}/cancel": {
            "post": {
                **_operation("cancelOrder", "End an order on which nothing is left", {200: OrderAnswer}, CancelOrderCommand),
                "parameters": order,
            }
        },
        "/changes": {
            "get": {
                **_operation("readChanges", "Which orders, dishes and plan changed behind a version", {200: HouseChanges}),
                "parameters": [_number("after", 0, 2**53 - 1)],
            }
        },
        "/floor": {
            "get": _operation("readFloor", "The plan of the tables", {200: FloorAnswer}),
            "post": _operation("drawFloor", "Let another plan be in force", {200: FloorAnswer}, DrawCommand),
        },
        "/dishes/today": {
            "get": _operation("readToday", "Dishes that are counted, sold out or priced for today", {200: DishesAnswer})
        },
        "/dishes/{dish_id}/stock": {
            "post": {
                **_operation("stockDish", "Say how many of a dish are left", {200: DishAnswer}, StockCommand),
                "parameters": dish,
            }
        },
        "/dishes/{dish_id}/price": {
            "post": {
                **_operation("priceDish", "Say what a dish costs today", {200: DishAnswer}, DayPriceCommand),
                "parameters": dish,
            }
        },
    }  # fmt: skip


def _of_person(name: str, summary: str, body: type) -> dict[str, Any]:
    return {"post": {**_operation(name, summary, {200: Person}, body), "parameters": [_PERSON_ID]}}


def _of_device(name: str, summary: str, status: int) -> dict[str, Any]:
    return {"post": {**_operation(name, summary, {status: None}), "parameters": [_DEVICE_ID]}}


def _operation(
    name: str,
    summary: str,
    answers: Mapping[int, type | None],
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
