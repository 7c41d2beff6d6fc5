"""The part of the API's document that is about live codes."""

from collections.abc import Callable
from typing import Any

from edge.services.guests.live_codes import LiveCodesShown, LivePrinted, PrintLiveCommand

STRUCTS = (LiveCodesShown, PrintLiveCommand, LivePrinted)


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    code_id = {
        "name": "code_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{20}$"},
    }
    return {
        "/live-codes": {"get": operation("listLiveCodes", "Live codes of this store that hold", {200: LiveCodesShown})},
        "/live-codes/{code_id}/print": {
            "post": {
                **operation(
                    "printLiveCode", "A live code on a slip", {201: LivePrinted, 200: LivePrinted}, PrintLiveCommand
                ),
                "parameters": [code_id],
            }
        },
    }
