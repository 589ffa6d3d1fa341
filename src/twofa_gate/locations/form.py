"""The settings form: what was typed to rules, or to one message beside each field that can't be taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from twofa_gate.core.location_rules import LocationRules
from twofa_gate.core.words import Text
from twofa_gate.locations.dates import NoSuchDay, begins, date_of, is_zone, parse_date

__all__ = ["FIELDS", "LIMITS", "Reading", "future_date", "read_rules", "values_of"]

FIELDS = (
    "enforce",
    "from_date",
    "zone",
    "missed",
    "grace_days",
    "max_age_minutes",
    "trust_days",
    "tokens",
    "tickets",
)
LIMITS = {"grace_days": (0, 365), "max_age_minutes": (5, 43_200), "trust_days": (0, 90)}
_BOXES = ("enforce", "tokens", "tickets")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the form says: `rules` if all of it can be taken, else `errors` by field."""

    rules: LocationRules | None
    errors: dict[str, str] = field(default_factory=dict)


def values_of(rules: LocationRules) -> dict[str, str]:
    """Give the fields of the form for some rules, as a browser would send them."""
    date = "" if rules.cutoff is None else date_of(rules.cutoff, rules.zone).isoformat()
    return {
        "enforce": "1" if rules.enforce else "",
        "from_date": date,
        "zone": rules.zone,
        "missed": "deny" if rules.keep_out else "enroll",
        "grace_days": str(rules.grace_days),
        "max_age_minutes": str(rules.max_age_minutes),
        "trust_days": str(rules.trust_days),
        "tokens": "1" if rules.allow_tokens else "",
        "tickets": "1" if rules.tickets else "",
    }


def future_date(text: str, zone: str, now: float) -> float | str:
    """Return the instant at which a date begins, which is today or later there; else what is wrong with it."""
    day = parse_date(text)
    if day is None:
        return Text("There is no such day. Write it like 2027-01-04.")
    try:
        instant = begins(day, zone)
    except (NoSuchDay, OverflowError, ValueError):
        return Text("The calendar of this time zone has no such day.")
    if day < date_of(now, zone):
        return Text("This day is past. Choose today or a later day.")
    if instant > now + 5 * 366 * 86400:
        return Text("Choose a day in the next five years.")
    return instant


def read_rules(values: Mapping[str, str], before: LocationRules | None, now: float) -> Reading:
    """Read the form. A From date that is past can be kept as it was, but not set."""
    errors: dict[str, str] = {}
    numbers = {name: _number(values.get(name, ""), *LIMITS[name]) for name in LIMITS}
    for name, number in numbers.items():
        if number is None:
            low, high = LIMITS[name]
            errors[name] = Text("Enter a whole number from %(low)s to %(high)s.", low=low, high=high)
    errors |= {
        name: Text("This can only be on or off.") for name in _BOXES if values.get(name, "") not in ("", "1")
    }
    if values.get("missed", "") not in ("enroll", "deny"):
        errors["missed"] = Text("Choose one of the two.")
    zone = values.get("zone", "").strip()
    if not is_zone(zone):
        errors["zone"] = Text("There is no such time zone. Write it like Europe/Vienna or America/New_York.")
    cutoff = None if "zone" in errors else _cutoff(values, zone, before, now)
    if isinstance(cutoff, str):
        errors["from_date"] = cutoff
    if errors or isinstance(cutoff, str):
        return Reading(None, errors)
    tickets = values.get("tickets") == "1"
    rules = (before or LocationRules()).but(
        enforce=values.get("enforce") == "1",
        cutoff=cutoff,
        zone=zone,
        keep_out=values["missed"] == "deny",
        allow_tokens=values.get("tokens") == "1",
        tickets=tickets,
        tickets_from=_tickets_from(before, now) if tickets else None,
        **numbers,
    )
    return Reading(rules)


def _number(text: str, low: int, high: int) -> int | None:
    # not int() alone: that takes other scripts' digits, blanks, signs and underscores
    number = int(text) if re.fullmatch("[0-9]{1,6}", text.strip()) else -1
    return number if low <= number <= high else None


def _cutoff(
    values: Mapping[str, str], zone: str, before: LocationRules | None, now: float
) -> float | str | None:
    text = values.get("from_date", "").strip()
    if not text:
        return Text("Choose the day from which it is required.") if values.get("enforce") == "1" else None
    if before is not None and zone == before.zone and text == values_of(before)["from_date"]:
        return before.cutoff
    return future_date(text, zone, now)


def _tickets_from(before: LocationRules | None, now: float) -> float:
    """Since when setting up takes a ticket: who had set up before goes on without one."""
    if before is not None and before.tickets and before.tickets_from is not None:
        return before.tickets_from
    return now
