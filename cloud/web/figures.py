"""The arithmetic behind the overview and the takings page: hours in the order of the day, comparisons that are fair."""

from datetime import date, timedelta
from typing import NamedTuple

from cloud.services.views import HourTaking, StoreTakings, TakingsView


class HourCell(NamedTuple):
    """One hour of a business day beside the same hour a week before.

    `running` while it is not over; `to_come` before it began, when its amount is nothing that could be called zero.
    """

    hour: int
    amount_fen: int
    before_fen: int
    running: bool
    to_come: bool


class Comparison(NamedTuple):
    """Two amounts over the same hours; `until_hour` is the running hour, which both leave out, or None."""

    amount_fen: int
    before_fen: int
    until_hour: int | None


def week_before(day: str) -> str:
    """Name the same weekday of the week before."""
    return (date.fromisoformat(day) - timedelta(days=7)).isoformat()


def day_before(day: str) -> str:
    """Name the day before."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def hours_of(takings: list[TakingsView], cutoff_minutes: int) -> list[int]:
    """Give the hours from the first to the last with takings in any of the days, in the order of a business day.

    A business day that ends at 04:00 runs 4, 5 … 23, 0 … 3; with a cut-off inside an hour that hour stands first.
    """
    order = day_order(cutoff_minutes)
    places = [order.index(hour.hour) for view in takings for hour in view.hours]
    return order[min(places) : max(places) + 1] if places else []


def day_order(cutoff_minutes: int) -> list[int]:
    """Give the 24 hours in the order of a business day."""
    return [(cutoff_minutes // 60 + step) % 24 for step in range(24)]


def amounts(hours: tuple[HourTaking, ...]) -> dict[int, int]:
    """Give takings by hour."""
    return {hour.hour: hour.amount_fen for hour in hours}


def summed(stores: list[StoreTakings]) -> dict[int, int]:
    """Give takings by hour of some stores together."""
    hours = {hour.hour for store in stores for hour in store.hours}
    return {hour: sum(amounts(store.hours).get(hour, 0) for store in stores) for hour in hours}


def hour_cells(
    hours: list[int], this: dict[int, int], before: dict[int, int], *, running: int | None, cutoff_minutes: int
) -> list[HourCell]:
    """Set the hours of two days side by side; `running` is the hour of the clock while the first day is today."""
    order = day_order(cutoff_minutes)
    now = order.index(running) if running is not None else len(order)
    return [
        HourCell(hour, this.get(hour, 0), before.get(hour, 0), hour == running, order.index(hour) > now)
        for hour in hours
    ]


def compare(cells: list[HourCell], running: int | None) -> Comparison:
    """Add up what can be compared: while a day is running, only its hours that are over count, on both sides."""
    counted = [cell for cell in cells if not (cell.running or cell.to_come)]
    return Comparison(
        sum(cell.amount_fen for cell in counted),
        sum(cell.before_fen for cell in counted),
        running if len(counted) < len(cells) else None,
    )
