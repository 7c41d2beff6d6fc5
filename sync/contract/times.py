"""Times that both sides agree on: wall ms, the hybrid logical clock, the business day."""

from datetime import UTC, date, datetime, timedelta, tzinfo

HLC_COUNTER_BITS = 16
DAY_MS = 86_400_000


def hlc_next(last: int, wall_ms: int) -> int:
    """Advance a hybrid logical clock: never backwards, near the wall time (Kulkarni et al. 2014).

    The value is `ms << 16 | counter`. A wall clock that steps back leaves the ms where they were and counts on.
    """
    floor = wall_ms << HLC_COUNTER_BITS
    return floor if floor > last else last + 1


def hlc_merge(last: int, wall_ms: int, remote: int) -> int:
    """Advance the clock past a trusted remote reading (the hub's)."""
    return hlc_next(max(last, remote), wall_ms)


def business_day(wall_ms: int, zone: tzinfo, cutoff_minutes: int) -> str:
    """Name the business day (ISO date) of an instant: it ends `cutoff_minutes` after local midnight.

    A guest who pays at 01:30 with a cut-off of 240 belongs to the evening before.
    """
    local = datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone)
    return (local - timedelta(minutes=cutoff_minutes)).date().isoformat()


def not_before(day: str, known: int) -> str:
    """Hold a business day at the last one known, given as days after 1970-01-01: a clock that fell back books nothing into the past."""
    return max(day, day_of_epoch(known))


def local_hour(wall_ms: int, zone: tzinfo) -> int:
    """Give the local hour of day, 0 to 23, of an instant."""
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone).hour


def minute_of_day(wall_ms: int, zone: tzinfo) -> int:
    """Give the local minute of day, 0 to 1439, of an instant."""
    local = datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone)
    return local.hour * 60 + local.minute


def local_text(wall_ms: int, zone: tzinfo) -> str:
    """Write an instant as local date and time to the second, for paper and pages."""
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def epoch_day(day: str) -> int:
    """Count the days from 1970-01-01 to an ISO date."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


def day_of_epoch(days: int) -> str:
    """Name the ISO date that lies `days` after 1970-01-01.

    Raises:
        OverflowError: the count lies beyond the calendar.
    """
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
