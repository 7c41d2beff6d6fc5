"""The part of the API's document that is about refunds and shifts."""

from collections.abc import Callable
from typing import Any

import msgspec

from edge.services.money.find_sale import SaleFound
from edge.services.money.refunds import RefundAnswer, RefundCommand, RefundQuery, RefundQuote, SaleState
from edge.services.money.reverse import ReverseCommand
from edge.services.shifts.shift_figures import TillState, XReport, ZAnswer, ZShort
from edge.services.shifts.shifts import (
    CashCommand,
    CashMoved,
    CloseCommand,
    CountCommand,
    CountResult,
    HandedOver,
    HandOverCommand,
    OpenTillCommand,
    PrintCommand,
    Printed,
    TillOpen,
)

Operation = Callable[..., dict[str, Any]]


class SalesFound(msgspec.Struct, frozen=True):
    """What a search came to, the latest sale first."""

    sales: tuple[SaleFound, ...]


class ZReports(msgspec.Struct, frozen=True):
    """Closes of a till, the latest first."""

    reports: tuple[ZShort, ...]


STRUCTS = (
    SalesFound, SaleState, RefundQuery, RefundQuote, RefundCommand, RefundAnswer, ReverseCommand, TillState, OpenTillCommand, TillOpen,
    CashCommand, CashMoved, HandOverCommand, HandedOver, XReport, CountCommand, CountResult, CloseCommand, ZAnswer, ZReports,
    PrintCommand, Printed,
)  # fmt: skip


def paths(operation: Operation) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    sale_id = {
        "name": "sale_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    }
    z_place = [
        {"name": "till", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9]{1,8}$"}},
        *(
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "integer", "minimum": 1, "maximum": 10**9},
            }
            for name in ("epoch", "z")
        ),
    ]

    def deed(name: str, summary: str, answer: type, body: type) -> dict[str, Any]:
        return {"post": operation(name, summary, {201: answer, 200: answer}, body)}

    return {
        "/sales/find": {
            "get": {
                **operation("findSales", "Find sales by what is on the receipt, or by amount, day and time", {200: SalesFound}),
                "parameters": [
                    _query("text", {"type": "string", "maxLength": 400}),
                    _query("amount_fen", {"type": "integer", "minimum": 0, "maximum": 10**12}),
                    _query("day", {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}),
                    _query("from", {"type": "integer", "minimum": 0, "maximum": 1439}),
                    _query("to", {"type": "integer", "minimum": 0, "maximum": 1439}),
                ],
            }
        },
        "/sales/{sale_id}/refunds": {
            "get": {
                **operation("readRefunds", "A sale, what of it may still go back, and its refunds", {200: SaleState}),
                "parameters": [sale_id],
            }
        },
        "/refunds": deed("refundSale", "Give money of a sale back; a repeat gets the same answer", RefundAnswer, RefundCommand),
        "/refunds/quote": {
            "post": operation("quoteRefund", "What a refund would be, and who must allow it", {200: RefundQuote}, RefundQuery)
        },
        "/reversals": deed("reverseSale", "Take a sale back and open it again", RefundAnswer, ReverseCommand),
        "/shift": {"get": operation("readShift", "How the shift of this till stands", {200: TillState})},
        "/shift/open": deed("openTill", "Say the float", TillOpen, OpenTillCommand),
        "/shift/cash": deed("moveCash", "Cash in or out beside any sale", CashMoved, CashCommand),
        "/shift/hand-over": deed("handOver", "Another person goes on here", HandedOver, HandOverCommand),
        "/shift/x": {"get": operation("readX", "The figures of the running shift", {200: XReport})},
        "/shift/x/print": deed("printX", "The same on paper", Printed, PrintCommand),
        "/shift/count": deed("countDrawer", "The blind count, and what should have been there", CountResult, CountCommand),
        "/shift/close": deed("closeTill", "Close the shift with its Z", ZAnswer, CloseCommand),
        "/shift/z": {
            "get": {
                **operation("listZ", "The Zs of a till, the latest first", {200: ZReports}),
                "parameters": [
                    _query("till", {"type": "string", "pattern": "^[A-Za-z0-9]{1,8}$"}),
                    _query("before", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
                    _query("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
                ],
            }
        },
        "/shift/z/{till}/{epoch}/{z}": {
            "get": {**operation("readZ", "A Z of before", {200: ZAnswer}), "parameters": z_place}
        },
        "/shift/z/{till}/{epoch}/{z}/print": {
            "post": {
                **operation("reprintZ", "A Z of before on paper, marked as a copy", {201: Printed, 200: Printed}, PrintCommand),
                "parameters": z_place,
            }
        },
    }  # fmt: skip


def _query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema}
