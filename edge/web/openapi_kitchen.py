"""The kitchen's addresses of the OpenAPI document."""

from collections.abc import Callable
from typing import Any

from edge.services.ordering.kitchen import BringBackCommand, BumpAnswer, BumpCommand, KitchenView

STRUCTS = (KitchenView, BumpCommand, BringBackCommand, BumpAnswer)


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    station = [{"name": "station", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 64}}]

    def free(name: str, summary: str, answer: type | None, body: type | None = None) -> dict[str, Any]:
        # Nobody signs in at a stove.
        return operation(name, summary, {200: answer}, body, security=[])

    follow = free("followKitchen", "Follow what a station has to cook, by server-sent events", None)
    follow["responses"]["200"]["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    return {
        "/kitchen": {
            "get": {**free("readKitchen", "What a station has to cook", KitchenView), "parameters": station}
        },
        "/kitchen/events": {
            "get": {**follow, "parameters": station}
        },
        "/kitchen/bump": {
            "post": operation("bumpTicket", "Settle a ticket", {200: BumpAnswer}, BumpCommand, security=[])
        },
        "/kitchen/bring-back": {
            "post": operation("bringBackTicket", "Bring back the ticket that was settled last", {200: BumpAnswer},
                              BringBackCommand, security=[])
        },
    }  # fmt: skip
