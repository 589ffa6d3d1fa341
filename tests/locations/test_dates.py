"""When a date begins in a time zone, at the edges of daylight saving and of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from twofa_gate.core.location_rules import LocationRules
from twofa_gate.locations.dates import NoSuchDay, begins, date_of, is_zone, parse_date, zone_names
from twofa_gate.locations.form import read_rules, values_of


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("UTC", "2027-01-04", "2027-01-04T00:00:00"),
        ("Europe/Vienna", "2027-01-04", "2027-01-03T23:00:00"),
        ("Europe/Vienna", "2027-07-04", "2027-07-03T22:00:00"),
        ("America/New_York", "2027-03-14", "2027-03-14T05:00:00"),  # the day on which clocks go forward
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00"),  # 00:00 is jumped over: begins at 01:00
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00"),  # 23:00 came twice on the day before
        ("Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00"),  # 00:00 comes twice: the first counts
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00"),  # likewise
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30:00"),  # the jump began at 23:30: begins at 00:30
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00"),  # the day after the one left out
        ("Asia/Kathmandu", "2027-01-04", "2027-01-03T18:15:00"),
    ],
)
def test_a_date_begins_at_its_first_instant(zone: str, day: str, instant: str) -> None:
    """The first second is of the date, and the second before is of an earlier one."""
    wanted = datetime.fromisoformat(instant).replace(tzinfo=UTC).timestamp()
    found = begins(date.fromisoformat(day), zone)
    assert found == wanted
    assert date_of(found, zone).isoformat() == day
    assert date_of(found - 1, zone).isoformat() < day


def test_a_day_that_the_calendar_leaves_out_does_not_begin() -> None:
    """Samoa had no December 30, 2011."""
    with pytest.raises(NoSuchDay):
        begins(date(2011, 12, 30), "Pacific/Apia")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-1-4",
        "20270104",
        "2027-W01-1",
        "2027-01-04T00",
        "2027-00-10",
        "\u0662\u0660\u0662\u0667-01-04",
    ],
)
def test_only_a_date_is_a_date(text: str) -> None:
    """Only what a date field sends is read."""
    assert parse_date(text) is None


def test_zones_are_those_of_the_machine() -> None:
    """UTC is always there; names of files are no zones."""
    assert is_zone("UTC")
    assert "Europe/Vienna" in zone_names()
    assert not any(is_zone(name) for name in ("", "localtime", "posixrules", "../UTC", "Mars/Olympus"))


def test_a_past_date_is_kept_but_not_set() -> None:
    """Other settings can be changed after the date; the date itself can only go to today or later."""
    now = datetime(2027, 1, 10, 12, tzinfo=UTC).timestamp()
    before = LocationRules(enforce=True, cutoff=begins(date(2027, 1, 4), "UTC"))
    values = values_of(before)
    kept = read_rules({**values, "grace_days": "3"}, before, now).rules
    assert kept is not None
    assert (kept.cutoff, kept.grace_days) == (before.cutoff, 3)
    assert "from_date" in read_rules({**values, "from_date": "2027-01-05"}, before, now).errors
    assert "from_date" in read_rules({**values, "zone": "Asia/Tokyo"}, before, now).errors
    moved = read_rules({**values, "from_date": "2027-01-10"}, before, now).rules
    assert moved is not None
    assert moved.cutoff == begins(date(2027, 1, 10), "UTC")
