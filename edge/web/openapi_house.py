"""The part of the API's document that is about the house: its day, menu files, dishes of the day, bookings."""

from collections.abc import Callable
from typing import Any

from edge.services.house.bookings import ArriveCommand, BookCommand, BookingsAnswer, BookingView, EndBookingCommand
from edge.services.house.day_figures import DayFigures
from edge.services.house.opening import CheckedCommand, OpeningAnswer
from edge.services.ordering.day_specials import SpecialAnswer, SpecialCommand, SpecialsAnswer
from edge.services.ordering.menu_by_hand import MenuTaken, MenuTrial, TakeMenuCommand, TryMenuCommand
from edge.services.ordering.orders import OrderAnswer

Operation = Callable[..., dict[str, Any]]
_UUID7 = "^[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$"

STRUCTS = (
    DayFigures, OpeningAnswer, CheckedCommand, TryMenuCommand, MenuTrial, TakeMenuCommand, MenuTaken, SpecialsAnswer, SpecialCommand,
    SpecialAnswer, BookingsAnswer, BookingView, BookCommand, ArriveCommand, EndBookingCommand,
)  # fmt: skip


def paths(operation: Operation) -> dict[str, Any]:
    """Give the addresses.

    Args:
        operation: describes one, as the document does everywhere.
    """
    table = operation("readMenuTable", "The menu in force as a table", {200: None})
    table["responses"]["200"]["content"] = {"text/csv": {"schema": {"type": "string"}}}
    return {
        "/house/day": {
            "get": {
                **operation("readDay", "A business day: figures, what is open, what was unusual", {200: DayFigures}),
                "parameters": [_day("day")],
            }
        },
        "/house/opening": {
            "get": operation("readOpening", "The list before the first sale of a till's day", {200: OpeningAnswer}),
            "post": operation("checkOpening", "It was looked through", {200: OpeningAnswer}, CheckedCommand),
        },
        "/menu/try": {
            "post": operation("tryMenu", "What a menu file would change", {200: MenuTrial}, TryMenuCommand)
        },
        "/menu/import": {
            "post": operation("importMenu", "Bring a menu file into force", {200: MenuTaken}, TakeMenuCommand)
        },
        "/menu/table": {"get": table},
        "/specials": {"get": operation("readSpecials", "The dishes of the day", {200: SpecialsAnswer})},
        "/specials/{special_id}": {
            "post": {
                **operation("keepSpecial", "Sell, change or take off a dish of the day", {200: SpecialAnswer}, SpecialCommand),
                "parameters": [_id("special_id")],
            }
        },
        "/bookings": {
            "get": {
                **operation("listBookings", "Tables that are kept for guests", {200: BookingsAnswer}),
                "parameters": [_day("from"), _day("to")],
            }
        },
        "/bookings/{booking_id}": {
            "post": {
                **operation("keepBooking", "Keep a table for guests, or change that", {200: BookingView}, BookCommand),
                "parameters": [_id("booking_id")],
            }
        },
        "/bookings/{booking_id}/arrive": {
            "post": {
                **operation("guestsArrive", "Open an order for guests who came", {200: OrderAnswer}, ArriveCommand),
                "parameters": [_id("booking_id")],
            }
        },
        "/bookings/{booking_id}/end": {
            "post": {
                **operation("endBooking", "The guests do not come", {200: BookingView}, EndBookingCommand),
                "parameters": [_id("booking_id")],
            }
        },
    }  # fmt: skip


def _id(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _UUID7}}


def _day(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string", "maxLength": 10}}
