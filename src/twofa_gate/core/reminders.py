"""Reminders before a cut-off: who is due, each once, so that a host can write to them.

That somebody was reminded stands in their account, in the same write as the event: running it twice, or on
two machines at once, reminds once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from twofa_gate.core import asking, events, storage
from twofa_gate.core.account import Account, Reminded
from twofa_gate.core.decision import Facts, NamedPolicy, Ruling, rule
from twofa_gate.core.document import parse
from twofa_gate.core.effects import CallHook, Flow, perform
from twofa_gate.core.location_rules import LocationDocument
from twofa_gate.core.members import MemberReader
from twofa_gate.core.notice import REMIND_BEFORE, date_in_words, days_between, zone_of
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import REDELIVER_AFTER
from twofa_gate.errors import ConfigurationError, HookError, StoreError
from twofa_gate.model import AfterCutoff, Decision, EventKind, User

__all__ = ["DAYS", "ReminderPage", "Reminding"]

DAYS = REMIND_BEFORE
"""How many days before the cut-off somebody is reminded, unless said otherwise."""

MAX_KEPT = 50
"""Reminders that an account remembers; those of past dates go."""

SCAN = 200


@dataclass(frozen=True, slots=True)
class ReminderPage:
    """What was done for some members of one location."""

    location: str
    members: int
    reminded: int


class Reminding:
    """One run over the members of some locations: all with stored settings, unless they are named.

    `page` does the next few members, and gives `None` at the end. `now` is the time to go by, in seconds
    since the epoch, instead of the clock's. Raises `ValueError` for days that are no days.
    """

    def __init__(
        self, settings: Settings, locations: Iterable[str] | None, days: Sequence[int], now: float | None
    ) -> None:
        if isinstance(locations, str):
            raise ValueError("locations must be a list of location keys.")  # noqa: TRY004 - one error for bad values
        if not days or not all(type(each) is int and each > 0 for each in days):
            raise ValueError("days must be whole numbers above zero, such as (7, 1).")
        self._settings = settings
        self._days = sorted(days)
        self._now = now
        self._named = None if locations is None else list(dict.fromkeys(locations))
        self._left: Iterator[str] | None = None
        self._location = ""
        self._reader: MemberReader | None = None

    def page(self) -> Flow[ReminderPage | None]:
        """Remind the next members."""
        if self._left is None:
            named = self._named
            self._left = iter((yield from _stored_locations(self._settings)) if named is None else named)
        if self._reader is None:
            location = next(self._left, None)
            if location is None:
                return None
            self._location, self._reader = location, MemberReader(self._settings, location)
        members = yield from self._reader.chunk()
        reminded = 0
        for member in members:
            reminded += yield from self._remind(member)
        if not members:
            self._reader = None
        return ReminderPage(self._location, len(members), reminded)

    def _remind(self, member: User) -> Flow[int]:
        settings, location = self._settings, self._location
        policies = yield from asking.policies(settings, location, member)
        if not policies:
            raise HookError(f"There is no policy for the location {location!r}.")

        def act(account: Account, clock_now: float) -> Flow[tuple[Account, tuple[int, Account | None]]]:
            now = clock_now if self._now is None else self._now
            facts = Facts(member, location, account, None, None, None, now, settings.void_before)
            due = _due(policies, facts, self._days)
            if due is None:
                # What a process that died left behind; who never logs in would not be told otherwise.
                stale = bool(account.outbox) and clock_now - account.outbox[0].at > REDELIVER_AFTER
                return account, (0, account if stale else None)
            ruling, reminder = due
            kept = [each for each in account.reminded if each.cutoff > now][-(MAX_KEPT - 1) :]
            noted = account.but(reminded=(*kept, reminder))
            told = _told(ruling, reminder, now)
            return (yield from events.queue(noted, EventKind.REMINDER_DUE, now, **told)), (1, None)

        reminded, left_behind = yield from storage.transact(settings, member.id, act)
        if left_behind is not None:
            yield from storage.redeliver(settings, left_behind)
        return reminded


def _due(
    policies: Iterable[NamedPolicy], facts: Facts, days: Sequence[int]
) -> tuple[Ruling, Reminded] | None:
    """Tell which reminder is due now and was not given: that of the nearest of `days`, from the least on."""
    ruling = rule(policies, facts)
    if ruling.decision is not Decision.REMIND or ruling.cutoff is None:
        return None
    left = ruling.cutoff - facts.now
    nearest = next((each for each in days if left <= each * 86400), None)
    given = () if facts.account is None else facts.account.reminded
    same = [each for each in given if each.location == facts.location and each.cutoff == ruling.cutoff]
    if nearest is None or any(each.days <= nearest for each in same):
        return None
    return ruling, Reminded(location=facts.location, cutoff=ruling.cutoff, days=nearest)


def _told(ruling: Ruling, reminder: Reminded, now: float) -> dict[str, object]:
    policy = None if ruling.policy is None else ruling.policy.policy
    cutoff = datetime.fromtimestamp(reminder.cutoff, zone_of(policy))
    return {
        "location": reminder.location,
        "cutoff": cutoff.isoformat(),
        "date": date_in_words(cutoff),
        "days_left": days_between(now, cutoff),
        "days_before": reminder.days,
        "kept_out": policy is not None and policy.after_cutoff is AfterCutoff.DENY,
    }


def _stored_locations(settings: Settings) -> Flow[list[str]]:
    """List the locations that have stored settings; the one location of a host that knows only one."""
    if settings.locations is None:
        if settings.hooks.locate is None:
            return [asking.DEFAULT_LOCATION]
        raise ConfigurationError("Name the locations to remind for: without LocationSettings none is stored.")
    yield from storage.require_installed(settings)
    prefix = storage.location_key(settings.realm, "")
    found: list[str] = []
    after: str | None = None
    while True:
        keys = list((yield from perform(CallHook(settings.hooks.scan, (prefix, after, SCAN)))))
        for key in keys:
            stored = yield from storage.load(settings, key)
            if stored is not None:
                found.append(_location_of(settings, key, stored.document))
        if len(keys) < SCAN:
            return found
        after = keys[-1]


def _location_of(settings: Settings, key: str, document: bytes) -> str:
    location = parse(LocationDocument, document).location
    if storage.location_key(settings.realm, location) != key:
        raise StoreError(f"The document under {key} is that of another location.")
    return location
