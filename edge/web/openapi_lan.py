"""The part of the API's document that is about terminals and table codes."""

from collections.abc import Callable
from typing import Any

from edge.services.guests.table_codes import CodeAnswer, RenewCommand, TableCodes
from edge.services.house.terminals import OfferCommand, Offered, RevokeCommand, TerminalAnswer, TerminalsAnswer

Operation = Callable[..., dict[str, Any]]

STRUCTS = (TerminalsAnswer, OfferCommand, Offered, RevokeCommand, TerminalAnswer, TableCodes, RenewCommand, CodeAnswer)


def paths(operation: Operation) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    return {
        "/terminals": {"get": operation("listTerminals", "The terminals of the house", {200: TerminalsAnswer})},
        "/terminals/codes": {
            "post": operation(
                "offerTerminal", "A code for a browser that is to become a terminal", {201: Offered}, OfferCommand
            )
        },
        "/terminals/{terminal_id}/revoke": {
            "post": {
                **operation(
                    "revokeTerminal", "Let a browser be a terminal no more", {200: TerminalAnswer}, RevokeCommand
                ),
                "parameters": [_named("terminal_id", "^[0-9a-f]{32}$")],
            }
        },
        "/table-codes": {"get": operation("listTableCodes", "The codes of all tables", {200: TableCodes})},
        "/table-codes/{table_id}/renew": {
            "post": {
                **operation("renewTableCode", "Let the code of a table hold no more", {200: CodeAnswer}, RenewCommand),
                "parameters": [_named("table_id", "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")],
            }
        },
    }


def _named(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
