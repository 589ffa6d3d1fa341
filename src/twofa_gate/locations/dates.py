"""Dates in a location's own time zone, and the instants at which they begin.

A cut-off is stored as an instant. Clocks are moved at midnight in places, so a date may begin at 01:00, begin
twice, or not exist; each is settled here.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, tzinfo
from functools import cache

__all__ = ["NoSuchDay", "begins", "date_of", "is_zone", "local", "parse_date", "zone_names"]


class NoSuchDay(ValueError):
    """The calendar of this zone leaves the day out, as Samoa's did with December 30, 2011."""


@cache
def zone_names() -> tuple[str, ...]:
    """Name the time zones that this machine knows; UTC is always among them."""
    from zoneinfo import available_timezones

    names = available_timezones() | {"UTC"}
    return tuple(sorted(name for name in names if name not in ("localtime", "posixrules", "Factory")))


def is_zone(name: str) -> bool:
    """Whether a time zone of this name exists."""
    return name in zone_names()


def _tz(zone: str) -> tzinfo:
    if zone == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(zone)


def local(instant: float, zone: str) -> datetime:
    """Return an instant in a zone."""
    return datetime.fromtimestamp(instant, UTC).astimezone(_tz(zone))


def date_of(instant: float, zone: str) -> date:
    """Return the date that a zone has at an instant."""
    return local(instant, zone).date()


def parse_date(text: str) -> date | None:
    """Read a date as `<input type="date">` sends it, `2027-01-04`; `None` if there is no such day."""
    if len(text) != 10 or not text.isascii():
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.isoformat() == text else None


def begins(day: date, zone: str) -> float:
    """Return the first instant (seconds since the epoch) at which a zone has this date.

    A midnight that comes twice counts the first time; one that clocks jump over is the moment of the jump.
    Raises `NoSuchDay` if the zone never has the date.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=_tz(zone))
    first = int(midnight.timestamp())
    second = int(midnight.replace(fold=1).timestamp())
    if second < first:
        # Midnight is jumped over; the jump is somewhere between the two readings of it.
        moments = range(second, first + 1)
        first = moments[bisect_left(moments, True, key=lambda moment: date_of(moment, zone) >= day)]
    if date_of(first, zone) != day:
        raise NoSuchDay(f"{zone} has no {day.isoformat()}.")
    return float(first)
