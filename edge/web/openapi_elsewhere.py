"""The part of the API's document that is about refunds of other stores' sales."""

from collections.abc import Callable
from typing import Any

from edge.services.money.elsewhere import (
    DropCommand,
    ElsewhereAnswer,
    ElsewhereCommand,
    ElsewhereQuery,
    SaleElsewhere,
)
from edge.services.money.refunds import RefundQuote
from edge.web.elsewhere import OpenAsks
from sync.contract.elsewhere import TEXT_CHARS_MAX

Operation = Callable[..., dict[str, Any]]

STRUCTS = (SaleElsewhere, ElsewhereQuery, ElsewhereCommand, ElsewhereAnswer, OpenAsks, DropCommand)


def paths(operation: Operation) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    refund_id = {
        "name": "refund_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    }
    text = {
        "name": "text",
        "in": "query",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": TEXT_CHARS_MAX},
    }
    stood = {200: ElsewhereAnswer, 202: ElsewhereAnswer}
    return {
        "/refunds/elsewhere": {
            "get": {
                **operation("lookElsewhere", "Find the sale of a receipt of another store", {200: SaleElsewhere}),
                "parameters": [text],
            },
            "post": operation(
                "refundElsewhere", "Give back a sale of another store; 202 while that store is not heard", stood, ElsewhereCommand
            ),
        },
        "/refunds/elsewhere/quote": {
            "post": operation("quoteElsewhere", "What such a refund would be", {200: RefundQuote}, ElsewhereQuery)
        },
        "/refunds/elsewhere/open": {
            "get": operation("listElsewhere", "What is asked for and not decided", {200: OpenAsks})
        },
        "/refunds/elsewhere/{refund_id}/again": {
            "post": {**operation("askElsewhereAgain", "Ask once more", stood), "parameters": [refund_id]}
        },
        "/refunds/elsewhere/{refund_id}/drop": {
            "post": {
                **operation("dropElsewhere", "Give such a refund up for good", {201: None, 200: None}, DropCommand),
                "parameters": [refund_id],
            }
        },
    }  # fmt: skip
