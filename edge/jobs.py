"""What the node does by the clock: copies by night, the drill of the copies once a month."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from apscheduler.schedulers.background import BackgroundScheduler

MISSED_S = 6 * 3_600
"""A job that the machine slept through is still done when it wakes within this time; after that the next one will do."""


class Timetable:
    """Runs work by the wall clock, one of a kind at a time, in threads of its own."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._scheduler = BackgroundScheduler(timezone=zone)

    def daily(self, hour: int, minute: int, work: Callable[[], object]) -> None:
        """Do something each day at a local time."""
        self._scheduler.add_job(
            work, "cron", hour=hour, minute=minute, coalesce=True, max_instances=1, misfire_grace_time=MISSED_S
        )

    def start(self) -> None:
        """Begin to watch the clock."""
        self._scheduler.start()

    def stop(self) -> None:
        """Stop, after the work in hand."""
        self._scheduler.shutdown(wait=True)
