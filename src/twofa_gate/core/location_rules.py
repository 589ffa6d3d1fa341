"""What a location's administrators have set: one versioned document for each location, and the policy in it.

Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from twofa_gate.core.account import QueuedEvent
from twofa_gate.core.document import Part, dump, parse
from twofa_gate.errors import DocumentError
from twofa_gate.model import AfterCutoff, Enforcement, Enrollment, Policy, Tokens

__all__ = [
    "FORMAT",
    "SOURCE",
    "LocationDocument",
    "LocationRules",
    "decode",
    "encode",
    "policy_of",
    "rules_of",
]

FORMAT = 1
SOURCE = "LocationSettings"
"""The name under which a stored policy appears where the page or a log line says whose rule applies."""


@dataclass(frozen=True, kw_only=True)
class LocationRules(Part):
    """The settings of one location.

    - `enforce`: whether everybody needs a second factor, from `cutoff` (seconds since the epoch) on. Without
      it whoever has set up is asked, and nobody has to.
    - `zone`: the time zone in which the From date was chosen and is shown; what counts is the instant.
    - `keep_out`: who missed the date is kept out; otherwise they are sent to set up.
    - `grace_days`: for people who joined after the date.
    - `max_age_minutes`: how long a verification lasts here.
    - `trust_days`: how long a browser may be trusted; 0: never.
    - `allow_tokens`: whether API tokens pass without a second factor.
    - `tickets`: whether setting up takes a ticket, and `tickets_from` since when.
    """

    enforce: bool = False
    cutoff: float | None = None
    zone: str = "UTC"
    keep_out: bool = False
    grace_days: int = 0
    max_age_minutes: int = 720
    trust_days: int = 0
    allow_tokens: bool = False
    tickets: bool = False
    tickets_from: float | None = None


@dataclass(frozen=True, kw_only=True)
class LocationDocument(Part):
    """All that is stored about a location.

    `revision` is minted with each change of the rules and is what a form must still find: the version in the
    store also changes when an event leaves the outbox, which is nobody's change.
    """

    location: str
    rules: LocationRules
    revision: str
    changed_at: float
    changed_by: str
    changed_by_label: str = ""
    format: int = FORMAT
    outbox: tuple[QueuedEvent, ...] = ()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _local(seconds: float | None, zone: str) -> datetime | None:
    """Give the date as the location has it; where its time zone isn't known here, the same instant in UTC."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    moment = _moment(seconds)
    try:
        return None if moment is None else moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return moment


def policy_of(rules: LocationRules) -> Policy:
    """Turn settings into the policy that they mean. Raises `ValueError` if they mean none."""
    return Policy(
        Enforcement.REQUIRED if rules.enforce else Enforcement.OPTIONAL,
        cutoff=_local(rules.cutoff, rules.zone) if rules.enforce else None,
        after_cutoff=AfterCutoff.DENY if rules.enforce and rules.keep_out else AfterCutoff.ENROLL,
        grace=timedelta(days=rules.grace_days) if rules.grace_days else None,
        max_age=timedelta(minutes=rules.max_age_minutes),
        trust_browser_for=timedelta(days=rules.trust_days) if rules.trust_days else None,
        tokens=Tokens.ALLOW if rules.allow_tokens else Tokens.REFUSE,
        enrollment=Enrollment.TICKET if rules.tickets else Enrollment.OPEN,
        tickets_from=_moment(rules.tickets_from) if rules.tickets else None,
    )


def rules_of(policy: Policy, zone: str) -> LocationRules:
    """Turn a policy into the settings that come nearest to it, none of them laxer."""
    trust = policy.trust_browser_for
    return LocationRules(
        enforce=policy.enforcement is Enforcement.REQUIRED,
        cutoff=None if policy.cutoff is None else policy.cutoff.timestamp(),
        zone=zone,
        keep_out=policy.after_cutoff is AfterCutoff.DENY,
        grace_days=0 if policy.grace is None else policy.grace // timedelta(days=1),
        max_age_minutes=max(1, policy.max_age // timedelta(minutes=1)),
        trust_days=0 if trust is None else trust // timedelta(days=1),
        allow_tokens=policy.tokens is Tokens.ALLOW,
        tickets=policy.enrollment is Enrollment.TICKET,
        tickets_from=None if policy.tickets_from is None else policy.tickets_from.timestamp(),
    )


def encode(document: LocationDocument) -> bytes:
    """Write the document."""
    return dump(document)


def decode(document: bytes, location: str) -> LocationDocument:
    """Read the document of a location. Raises `DocumentError` if it is broken, of another one, or too new."""
    read = parse(LocationDocument, document)
    if read.location != location:
        raise DocumentError("A stored document belongs to another location than its key.")
    if not 1 <= read.format <= FORMAT + 1:
        raise DocumentError(
            f"A location's document has format {read.format}; this release reads up to {FORMAT + 1}: "
            "upgrade twofa-gate."
        )
    return read
