"""The adoption report: for each member of a location, where they stand, and what would be refused to them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from twofa_gate.core import asking, location_policy, storage
from twofa_gate.core.account import Account, decode
from twofa_gate.core.administration import describe
from twofa_gate.core.decision import Facts, NamedPolicy, Ruling, rule
from twofa_gate.core.effects import Clock, Flow, ReadClock, perform
from twofa_gate.core.members import MemberReader
from twofa_gate.core.settings import Settings
from twofa_gate.model import Decision, User

__all__ = [
    "COLUMNS",
    "FILTERS",
    "AdoptionReader",
    "MemberFacts",
    "MemberStatus",
    "csv_cell",
    "matches",
    "status_of",
    "write_csv",
    "write_json",
]

REFUSALS = (Decision.ENROLL, Decision.DENY, Decision.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member in the report. Times are aware, UTC.

    - `enrolled`, `since`: whether they have set up, and since when.
    - `last_verified`: the newest verification that is kept; `locked`: whether codes are refused for now.
    - `decision`: what the gate does with a request of theirs that comes without a verification.
    - `policy`: whose policy that is; `cutoff`: the moment from which it holds for them.
    - `would_refuse`: whether they would be kept out or sent to set up, now, even with their phone in hand.
    """

    user_id: str
    label: str
    enrolled: bool
    since: datetime | None
    last_verified: datetime | None
    locked: bool
    decision: str
    policy: str | None
    cutoff: datetime | None
    would_refuse: bool


COLUMNS = tuple(MemberStatus.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What a member's status follows from. `asked`: the policies of other plugins; `own`: the location's."""

    facts: Facts
    asked: tuple[NamedPolicy, ...]
    own: tuple[NamedPolicy, ...]

    @property
    def account(self) -> Account:
        """The account; an empty one where there is none."""
        return self.facts.account or Account(user=self.facts.user.id)

    def ruling(self, settings: Settings, own: tuple[NamedPolicy, ...] | None = None) -> Ruling:
        """Decide for this member; `own`: as if these were the location's own policies."""
        return rule(asking.combine(settings, self.asked, self.own if own is None else own), self.facts)


def status_of(settings: Settings, member: MemberFacts) -> MemberStatus:
    """Tell a member's status."""
    told = describe(member.account, member.facts.now)
    ruling = member.ruling(settings)
    return MemberStatus(
        user_id=member.facts.user.id,
        label=member.facts.user.label,
        enrolled=told.enrolled,
        since=told.enabled_at,
        last_verified=told.last_verified,
        locked=told.locked,
        decision=ruling.decision.value,
        policy=None if ruling.policy is None else ruling.policy.source,
        cutoff=None if ruling.cutoff is None else datetime.fromtimestamp(ruling.cutoff, UTC),
        would_refuse=ruling.decision in REFUSALS,
    )


class AdoptionReader:
    """Reads the members of a location with what their status follows from, chunk by chunk."""

    def __init__(self, settings: Settings, location: str) -> None:
        self._settings = settings
        self._location = location
        self._members = MemberReader(settings, location)

    def users(self) -> Flow[list[User]]:
        """Read the next members alone; an empty list at the end."""
        return self._members.chunk()

    def chunk(self) -> Flow[list[MemberFacts]]:
        """Read the next members with their accounts; an empty list at the end."""
        users = yield from self._members.chunk()
        return (yield from self.facts_of(users)) if users else []

    def facts_of(self, users: list[User]) -> Flow[list[MemberFacts]]:
        """Read what the status of some members follows from."""
        settings = self._settings
        # That no account is stored is an answer only from the right store.
        yield from storage.require_installed(settings)
        clock = yield from perform(ReadClock())
        own = yield from location_policy.own_policies(settings, self._location, clock)
        found = []
        for user in users:
            facts = yield from self._facts(user, clock, own)
            found.append(facts)
        return found

    def _facts(self, user: User, clock: Clock, own: tuple[NamedPolicy, ...]) -> Flow[MemberFacts]:
        settings = self._settings
        asked = yield from asking.hook_policies(settings, self._location, user)
        stored = yield from storage.load(settings, storage.user_key(settings.realm, user.id))
        account = None if stored is None else decode(stored.document, user.id)
        facts = Facts(user, self._location, account, None, None, None, clock.now, settings.void_before)
        return MemberFacts(facts, tuple(asked), own)


def at(member: MemberFacts, now: float) -> MemberFacts:
    """Return the same facts at another moment."""
    return replace(member, facts=replace(member.facts, now=now))


FILTERS: dict[str, Callable[[MemberStatus], bool]] = {
    "all": lambda member: True,
    "missing": lambda member: not member.enrolled,
    "enrolled": lambda member: member.enrolled,
    "locked": lambda member: member.locked,
    "refused": lambda member: member.would_refuse,
}


def matches(member: MemberStatus, show: str) -> bool:
    """Whether a member belongs to a filter's list. Raises `KeyError` for a filter that there is none of."""
    return FILTERS[show](member)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def csv_cell(value: object) -> object:
    """Give a cell that no spreadsheet takes for a formula."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(_plain(value))
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_csv(rows: list[MemberStatus], *, header: bool) -> str:
    """Write members as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    if header:
        writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([csv_cell(value) for value in asdict(row).values()])
    return out.getvalue()


def write_json(rows: list[MemberStatus]) -> list[str]:
    """Write each member as one JSON object."""
    return [
        json.dumps({name: _plain(value) for name, value in asdict(row).items()}, ensure_ascii=False)
        for row in rows
    ]
