"""The values that hosts and the gate exchange: frozen, and checked when they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import NamedTuple

from twofa_gate.errors import ConfigurationError

__all__ = [
    "AfterCutoff",
    "Credential",
    "Decision",
    "Enforcement",
    "Enrollment",
    "Event",
    "EventKind",
    "Method",
    "Policy",
    "Stored",
    "Tokens",
    "User",
]


class Enforcement(Enum):
    """What a location asks of its users."""

    OFF = "off"
    """Nobody is asked for a code here, enrolled or not."""
    OPTIONAL = "optional"
    """Whoever has enrolled is asked; nobody has to enroll."""
    REQUIRED = "required"
    """Everybody has to enroll, from the cut-off on."""


class AfterCutoff(Enum):
    """What happens from the cut-off on to a user who has not enrolled."""

    ENROLL = "enroll"
    """They are sent to set up."""
    DENY = "deny"
    """They are kept out until the date is moved or they get an extension."""


class Enrollment(Enum):
    """What setting up takes."""

    OPEN = "open"
    """Whoever is logged in may set up."""
    TICKET = "ticket"
    """It takes a one-time ticket that an administrator issues, so that a stolen password alone can't."""


class Tokens(Enum):
    """Whether requests known by a token (`Credential.TOKEN`) pass a location without a second factor."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Method(Enum):
    """How a verification was made."""

    TOTP = "totp"
    RECOVERY_CODE = "recovery_code"


class Credential(Enum):
    """What the request's identity rests on."""

    SESSION = "session"
    """A session that the host opened at login."""
    PASSWORD = "password"  # noqa: S105 - the name of a kind of credential, not a password
    """A password in every request (HTTP Basic)."""
    TOKEN = "token"  # noqa: S105 - the name of a kind of credential
    """A bearer token or an API key."""


class Decision(Enum):
    """What the gate does with one request. Only `PASS` and `REMIND` let the application's answer out."""

    PASS = "pass"  # noqa: S105 - a decision, not a password
    REMIND = "remind"
    CHALLENGE = "challenge"
    ENROLL = "enroll"
    DENY = "deny"
    UNAVAILABLE = "unavailable"


def _require_aware(value: datetime | None, name: str) -> None:
    if value is None:
        return
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise ConfigurationError(
            f"{name} must be a datetime with a time zone, such as datetime(2027, 1, 4, tzinfo=UTC)"
        )


def _require_positive(value: timedelta | None, name: str) -> None:
    if value is None:
        return
    if not isinstance(value, timedelta) or value <= timedelta(0):
        raise ConfigurationError(f"{name} must be a timedelta above zero")


def _require_member(value: object, kind: type[Enum], name: str) -> None:
    if not isinstance(value, kind):
        choices = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
        raise ConfigurationError(f"{name} must be one of {choices}, not {value!r}")


@dataclass(frozen=True, slots=True)
class User:
    """The person whom a request's credentials name.

    - `id`: stable and opaque; compared exactly.
    - `label`: shown in the authenticator app, usually an e-mail address.
    - `login`: the host's name for this login, if it has one that changes at every login and at nothing else.
      It is not the value of the session cookie, which in many frameworks changes at every request.
    - `credential`: what the identity rests on.
    - `joined`: when the user joined (aware), for a location's days of grace.

    Raises `ValueError` if a field has a value that it must not have.
    """

    id: str
    label: str
    login: str | None = None
    credential: Credential = Credential.SESSION
    joined: datetime | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise ValueError("User.id must be a string that is not empty; use str(...) on numeric keys")
        if not isinstance(self.label, str):
            raise ValueError("User.label must be a string")  # noqa: TRY004 - one error for bad values
        if self.login is not None and (not isinstance(self.login, str) or not self.login):
            raise ValueError("User.login must be None or a string that is not empty")
        _require_member(self.credential, Credential, "User.credential")
        _require_aware(self.joined, "User.joined")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a location demands.

    - `enforcement`: off, optional or required.
    - `cutoff`: aware datetime from which REQUIRED takes effect; `None`: now.
    - `after_cutoff`: what happens to whoever missed it. DENY needs a `cutoff`.
    - `grace`: time after `User.joined` for people who joined after the cut-off.
    - `max_age`: how long a verification lasts here.
    - `trust_browser_for`: offer "don't ask again on this browser", for so long; `None`: never.
    - `methods`: which methods' verifications count here; at least one.
    - `tokens`: whether requests known by a token pass here without a second factor.
    - `enrollment`: whether setting up takes a ticket. From the cut-off on nobody counts as enrolled here who
      set up without one, unless that was before `tickets_from` (aware; `None`: no exception).

    Raises `ConfigurationError` if a field has a value that it must not have; in service that is 503.
    """

    enforcement: Enforcement
    cutoff: datetime | None = None
    after_cutoff: AfterCutoff = AfterCutoff.ENROLL
    grace: timedelta | None = None
    max_age: timedelta = timedelta(hours=12)
    trust_browser_for: timedelta | None = None
    methods: Set[Method] = frozenset({Method.TOTP, Method.RECOVERY_CODE})
    tokens: Tokens = Tokens.REFUSE
    enrollment: Enrollment = Enrollment.OPEN
    tickets_from: datetime | None = None

    def __post_init__(self) -> None:
        _require_member(self.enforcement, Enforcement, "Policy.enforcement")
        _require_member(self.after_cutoff, AfterCutoff, "Policy.after_cutoff")
        _require_member(self.tokens, Tokens, "Policy.tokens")
        _require_member(self.enrollment, Enrollment, "Policy.enrollment")
        _require_aware(self.tickets_from, "Policy.tickets_from")
        _require_aware(self.cutoff, "Policy.cutoff")
        _require_positive(self.grace, "Policy.grace")
        _require_positive(self.trust_browser_for, "Policy.trust_browser_for")
        if self.max_age is None:
            raise ConfigurationError("Policy.max_age must be a timedelta above zero")
        _require_positive(self.max_age, "Policy.max_age")
        if self.after_cutoff is AfterCutoff.DENY and self.cutoff is None:
            raise ConfigurationError(
                "Policy.after_cutoff=DENY needs a cutoff: who missed no date can't be kept out for it"
            )
        methods = frozenset(self.methods if isinstance(self.methods, Iterable) else ())
        if not methods or not all(isinstance(method, Method) for method in methods):
            raise ConfigurationError(
                "Policy.methods must hold at least one Method, for example {Method.TOTP}"
            )
        object.__setattr__(self, "methods", methods)


class Stored(NamedTuple):
    """What a store holds under one key: an opaque document, and the version that the core minted for it."""

    document: bytes
    version: str


class EventKind(StrEnum):
    """What can happen to an account or a request."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    AUTHENTICATOR_ADDED = "authenticator_added"
    AUTHENTICATOR_RENAMED = "authenticator_renamed"
    AUTHENTICATOR_REMOVED = "authenticator_removed"
    ENROLLMENT_STARTED = "enrollment_started"
    VERIFIED = "verified"
    CODE_REFUSED = "code_refused"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    BROWSER_TRUSTED = "browser_trusted"
    BROWSER_SIGNED_OUT = "browser_signed_out"
    VERIFICATION_ENDED = "verification_ended"
    REVOKED = "revoked"
    RESET = "reset"
    EXTENDED = "extended"
    TICKET_ISSUED = "ticket_issued"
    FORGOTTEN = "forgotten"
    RESEALED = "resealed"
    REFUSED = "refused"
    WITHHELD = "withheld"
    WOULD_REFUSE = "would_refuse"
    STREAM_CLOSED = "stream_closed"
    UNAVAILABLE = "unavailable"
    ALARM = "alarm"
    SETTINGS_CHANGED = "settings_changed"
    REMINDER_DUE = "reminder_due"
    INITIALIZED = "initialized"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for observers and the log. It never holds a code or a secret.

    - `id`: unique; an event that is delivered twice (delivery is "at least once") has the same.
    - `kind`: an `EventKind`.
    - `at`: when, aware, UTC.
    - `user`: the user's id, or `None`.
    - `facts`: further facts, each a string, a number, a boolean, `None`, or a list of these.
    """

    id: str
    kind: EventKind
    at: datetime
    user: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
