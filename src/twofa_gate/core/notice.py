"""What a user who has not set up is told before the cut-off, in words; and that they hid it for this login."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo

from twofa_gate.core import cookies
from twofa_gate.core.answer import Reminder
from twofa_gate.core.asking import DEFAULT_LOCATION
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing
from twofa_gate.core.verification import digest
from twofa_gate.model import AfterCutoff, Decision, Policy
from twofa_gate.request import GateRequest

__all__ = [
    "REMIND_BEFORE",
    "date_in_words",
    "days_between",
    "hiding_cookie",
    "hours_between",
    "is_hidden",
    "place",
    "reminder_of",
    "zone_of",
]

REMIND_BEFORE = (7, 1)
"""Days before a cut-off on which members are reminded, unless others are named."""

HIDDEN_SECONDS = 30 * 86400
"""For how long a banner stays hidden, even if the login lasts longer."""

# Not by strftime: that speaks the language which the process happens to be set to.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def zone_of(policy: Policy | None) -> tzinfo:
    """Return the time zone in which a policy's date is meant."""
    zone = policy.cutoff.tzinfo if policy is not None and policy.cutoff is not None else None
    return UTC if zone is None else zone


def date_in_words(moment: datetime) -> str:
    """Write a moment out, with the name of its time zone."""
    zone = getattr(moment.tzinfo, "key", None) or moment.tzname()
    day = f"{_DAYS[moment.weekday()]}, {_MONTHS[moment.month - 1]} {moment.day}, {moment.year}"
    return f"{day}, {moment:%H:%M} ({zone})"


def days_between(now: float, cutoff: datetime) -> int:
    """Count the days that are left, by the clock on the wall there; what is left of a day counts as one."""
    until = cutoff.replace(tzinfo=None) - datetime.fromtimestamp(now, cutoff.tzinfo).replace(tzinfo=None)
    return max(1, math.ceil(until / timedelta(days=1)))


def hours_between(seconds: float) -> int:
    """Count the hours that are left; what is left of an hour counts as one."""
    return max(1, math.ceil(seconds / 3600))


def _left(seconds: float, days: int) -> str:
    if days > 1:
        return f"{days} days left"
    hours = hours_between(seconds)
    return f"less than {hours} {'hour' if hours == 1 else 'hours'} left"


def place(settings: Settings, location: str) -> str:
    """Name who asks for it: the location, or the installation where there is only the one."""
    return settings.issuer if location == DEFAULT_LOCATION else location


def reminder_of(settings: Settings, request: GateRequest, standing: Standing) -> Reminder | None:
    """Tell what this user is to be reminded of, if it is that."""
    ruling = standing.ruling
    if ruling.decision is not Decision.REMIND or ruling.cutoff is None:
        return None
    policy = None if ruling.policy is None else ruling.policy.policy
    cutoff = datetime.fromtimestamp(ruling.cutoff, zone_of(policy))
    days = days_between(standing.clock.now, cutoff)
    date, left = date_in_words(cutoff), _left(ruling.cutoff - standing.clock.now, days)
    where = place(settings, standing.location)
    return Reminder(
        location=standing.location,
        cutoff=cutoff,
        url=f"{request.prefix}{settings.mount}/enroll",
        text=f"{where} will require two-factor authentication from {date}: {left}.",
        date=date,
        left=left,
        days_left=days,
        last_day=days == 1,
        kept_out=policy is not None and policy.after_cutoff is AfterCutoff.DENY,
        hidden=is_hidden(settings, request, standing),
    )


def _bound(standing: Standing) -> list[str | None]:
    return [digest(standing.user.id), standing.facts.login]


def is_hidden(settings: Settings, request: GateRequest, standing: Standing) -> bool:
    """Whether this user has hidden the banner in this login."""
    value = request.cookies.single(settings.cookies.reminder) if request.cookie_header else None
    read = settings.signer.read("reminder-hidden", value, standing.clock.now, HIDDEN_SECONDS)
    return bool(read is not None and read == _bound(standing))


def hiding_cookie(settings: Settings, standing: Standing) -> cookies.Header:
    """Give the header that hides the banner for this login; it ends with the browser's session too."""
    value = settings.signer.sign("reminder-hidden", _bound(standing), standing.clock.now)
    return cookies.set_cookie(settings.cookies, settings.cookies.reminder, value)
