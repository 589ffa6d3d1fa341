"""The account: everything the gate stores about one user, as one frozen document.

Nothing here does I/O; each function gives the next account. What an account's parts mean stands in `totp`,
`recovery`, `attempts` and `verification`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twofa_gate.core.attempts import Attempts
from twofa_gate.core.document import Part, dump, parse
from twofa_gate.core.recovery import RecoverySet
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import MAX_TRUSTED, MAX_VERIFICATIONS, TrustedBrowser, Verification
from twofa_gate.errors import DocumentError

__all__ = [
    "FORMAT",
    "MAX_AUTHENTICATORS",
    "PENDING_SECONDS",
    "Account",
    "Extension",
    "PendingEnrollment",
    "QueuedEvent",
    "Reminded",
    "SentForm",
    "Ticket",
    "decode",
    "encode",
    "end_passage",
    "secret_thing",
]

FORMAT = 1
"""The format that this release writes; it also reads the next one, so that a roll-back is possible."""

MAX_AUTHENTICATORS = 10
PENDING_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class PendingEnrollment(Part):
    """A secret that was shown and waits for its first code.

    `browser` is the digest of the browser's cookie, `ticket` the id of the ticket that it was begun with.
    """

    id: str
    secret: str
    browser: str
    began: float
    ticket: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ticket(Part):
    """A one-time ticket for setting up: `code` is the sealed, salted hash of it; see `tickets`."""

    id: str
    salt: str
    code: str
    until: float


@dataclass(frozen=True, kw_only=True)
class Extension(Part):
    """More time for this user, until `until`; `location` is `None` where it holds everywhere.

    `to_set_up`: time to set up again and for nothing else, as a reset gives it: whoever would be kept out is
    sent to set up until then, and nobody passes by their password alone.
    """

    location: str | None
    until: float
    to_set_up: bool = False


@dataclass(frozen=True, kw_only=True)
class Reminded(Part):
    """A reminder that was given: `days` before the `cutoff` of a location."""

    location: str
    cutoff: float
    days: int


@dataclass(frozen=True, kw_only=True)
class SentForm(Part):
    """A kept form that was sent on, by its id; `at`: when it was kept. See `kept_form`."""

    id: str
    at: float


@dataclass(frozen=True, kw_only=True)
class QueuedEvent(Part):
    """An event that was saved together with what it records, and is still to be delivered."""

    id: str
    kind: str
    at: float
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Account(Part):
    """All that is stored about `user` (the id).

    `enabled_at` is when the first authenticator was confirmed; `vouched`, whether one was added with a ticket.
    `forms_before`: whatever was kept until then counts as sent, since of `forms` only the newest are remembered.
    """

    user: str
    format: int = FORMAT
    authenticators: tuple[Authenticator, ...] = ()
    enabled_at: float | None = None
    vouched: bool = False
    ticket: Ticket | None = None
    pending: PendingEnrollment | None = None
    recovery: RecoverySet | None = None
    verifications: tuple[Verification, ...] = ()
    trusted: tuple[TrustedBrowser, ...] = ()
    attempts: Attempts = field(default_factory=Attempts)
    extensions: tuple[Extension, ...] = ()
    reminded: tuple[Reminded, ...] = ()
    forms: tuple[SentForm, ...] = ()
    forms_before: float | None = None
    outbox: tuple[QueuedEvent, ...] = ()

    @property
    def enrolled(self) -> bool:
        """Whether there is an authenticator."""
        return bool(self.authenticators)

    @property
    def recovery_left(self) -> int:
        """How many recovery codes are unused."""
        return len(self.recovery.codes) if self.recovery else 0

    def verification(self, digest: str | None) -> Verification | None:
        """Return the live verification of a token's digest."""
        return next((each for each in self.verifications if each.digest == digest), None)

    def trusted_browser(self, digest: str | None) -> TrustedBrowser | None:
        """Return the trusted browser of a token's digest."""
        return next((each for each in self.trusted if each.digest == digest), None)

    def authenticator(self, authenticator_id: str) -> Authenticator | None:
        """Return the authenticator of this id."""
        return next((each for each in self.authenticators if each.id == authenticator_id), None)

    def with_verification(self, verification: Verification) -> Account:
        """Add a verification; the oldest goes when there are too many."""
        return self.but(verifications=(*self.verifications, verification)[-MAX_VERIFICATIONS:])

    def without_verification(self, digest: str) -> Account:
        """End one verification."""
        return self.but(verifications=tuple(each for each in self.verifications if each.digest != digest))

    def with_trusted(self, browser: TrustedBrowser) -> Account:
        """Add a trusted browser; the oldest goes when there are too many."""
        return self.but(trusted=(*self.trusted, browser)[-MAX_TRUSTED:])

    def with_authenticator(self, changed: Authenticator) -> Account:
        """Put a changed authenticator in the place of the one with its id."""
        return self.but(
            authenticators=tuple(changed if each.id == changed.id else each for each in self.authenticators)
        )

    def with_event(self, event_id: str, kind: str, at: float, facts: Mapping[str, Any]) -> Account:
        """Queue an event, to be saved with the change that it records."""
        return self.but(outbox=(*self.outbox, QueuedEvent(id=event_id, kind=kind, at=at, facts=dict(facts))))

    def sealed_values(self) -> tuple[str, ...]:
        """All sealed texts of the account."""
        values = tuple(each.secret for each in self.authenticators)
        if self.pending:
            values += (self.pending.secret,)
        if self.ticket:
            values += (self.ticket.code,)
        return values + (self.recovery.codes if self.recovery else ())


def end_passage(account: Account) -> Account:
    """End every verification and forget every trusted browser."""
    return account.but(verifications=(), trusted=())


def secret_thing(authenticator_id: str) -> str:
    """Name an authenticator's secret for its seal."""
    return f"totp/{authenticator_id}"


def encode(account: Account) -> bytes:
    """Write the document."""
    return dump(account)


def decode(document: bytes, user_id: str) -> Account:
    """Read the document of a user. Raises `DocumentError` if it is broken, of another user, or too new."""
    account = parse(Account, document)
    if account.user != user_id:
        raise DocumentError("A stored document belongs to another user than its key.")
    if not 1 <= account.format <= FORMAT + 1:
        raise DocumentError(
            f"A stored document has format {account.format}; this release reads up to {FORMAT + 1}: upgrade twofa-gate."
        )
    return account
