"""The part of the API's document that is about takeaway platforms, and the way into practice."""

from collections.abc import Callable
from typing import Any

from edge.services.intake.orders import AcceptCommand, CancelCommand, IntakeAnswer, ReadyCommand
from edge.services.intake.views import OwedAnswer, PlatformsView
from edge.web.practice import PracticeAnswer

STRUCTS = (PlatformsView, AcceptCommand, ReadyCommand, CancelCommand, IntakeAnswer, OwedAnswer, PracticeAnswer)


def paths(operation: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    order_id = [
        {"name": "order_id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
    ]
    day = [
        {
            "name": "day",
            "in": "query",
            "required": False,
            "schema": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        }
    ]

    def deed(name: str, summary: str, body: type) -> dict[str, Any]:
        return {
            "post": {**operation(name, summary, {201: IntakeAnswer, 200: IntakeAnswer}, body), "parameters": order_id}
        }

    return {
        "/platforms": {"get": operation("readPlatforms", "The takeaway platforms and their orders", {200: PlatformsView})},
        "/platforms/orders/{order_id}/accept": deed("acceptPlatformOrder", "Take an order; it is a sale that the platform pays", AcceptCommand),
        "/platforms/orders/{order_id}/ready": deed("readyPlatformOrder", "It stands ready for the courier", ReadyCommand),
        "/platforms/orders/{order_id}/cancel": deed("cancelPlatformOrder", "Decline an order, or cancel one that was accepted", CancelCommand),
        "/platforms/owed": {
            "get": {**operation("readOwed", "What the platforms owe for a business day, today's without a day", {200: OwedAnswer}), "parameters": day}
        },
        "/practice": {"post": operation("enterPractice", "Let this terminal into practice", {201: PracticeAnswer})},
    }  # fmt: skip
