"""What operators do with somebody's account, on the record: status, reset, revoke, unlock, forget."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from twofa_gate.core import attempts, events, storage, tickets
from twofa_gate.core.account import Account, Extension, end_passage
from twofa_gate.core.attempts import Attempts
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.settings import Settings
from twofa_gate.errors import ContentionError, NotFoundError
from twofa_gate.model import EventKind

__all__ = [
    "AccountStatus",
    "describe",
    "extend",
    "forget",
    "issue_ticket",
    "reset",
    "revoke",
    "status",
    "unlock",
]


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What may be told of an account: no secret, no code. Times are aware, UTC.

    `locked` and `retry_after` (seconds) are those of browsers that never verified before.
    """

    user_id: str
    enrolled: bool
    enabled_at: datetime | None
    authenticators: tuple[str, ...]
    recovery_codes_left: int
    verified_browsers: int
    trusted_browsers: int
    last_verified: datetime | None
    failures: int
    locked: bool
    retry_after: int


def _date(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def describe(account: Account, now: float) -> AccountStatus:
    """Tell what may be told of an account."""
    held = attempts.hold(account.attempts, False, now)
    return AccountStatus(
        user_id=account.user,
        enrolled=account.enrolled,
        enabled_at=_date(account.enabled_at),
        authenticators=tuple(each.name for each in account.authenticators),
        recovery_codes_left=account.recovery_left,
        verified_browsers=len(account.verifications),
        trusted_browsers=len(account.trusted),
        last_verified=_date(max((each.at for each in account.verifications), default=None)),
        failures=attempts.failures(account.attempts, now),
        locked=held is not None and held.locked,
        retry_after=0 if held is None else held.retry_after,
    )


def status(settings: Settings, user_id: str) -> Flow[AccountStatus]:
    """Tell what may be told of a user's account; of one without an account, that they have not enrolled."""
    account, _ = yield from storage.read_account(settings, user_id)
    now = (yield from perform(ReadClock())).now
    return describe(account or Account(user=user_id), now)


def reset(
    settings: Settings,
    user_id: str,
    *,
    by: str,
    reason: str,
    extension: float,
    ticket: bool = False,
    location: str | None = None,
) -> Flow[str | None]:
    """Take away the second factor, so that its owner can set up again within `extension` seconds.

    It writes an account without authenticators and does not delete: who missed a cut-off stays known.
    `ticket`: draw the ticket that setting up again takes, and return it, to be shown once.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, str | None]]:
        extensions = _extended(account, now + extension) if extension else account.extensions
        bare = end_passage(account).but(
            authenticators=(),
            pending=None,
            recovery=None,
            enabled_at=None,
            vouched=False,
            ticket=None,
            attempts=Attempts(),
            extensions=extensions,
        )
        facts: dict[str, object] = {"by": by, "reason": reason, "extension_seconds": extension}
        if location is not None:
            facts["location"] = location
        bare = yield from events.queue(bare, EventKind.RESET, now, **facts)
        if not ticket:
            return bare, None
        return (yield from _with_ticket(settings, bare, now, by, location))

    return (yield from storage.transact(settings, user_id, act))


def _extended(account: Account, until: float) -> tuple[Extension, ...]:
    """Give time to set up again, in place of what earlier resets gave: only the latest moment ever counts."""
    earlier = [each for each in account.extensions if each.to_set_up and each.location is None]
    others = tuple(each for each in account.extensions if each not in earlier)
    latest = max([until, *(each.until for each in earlier)])
    return (*others, Extension(location=None, until=latest, to_set_up=True))


def issue_ticket(
    settings: Settings, user_id: str, *, by: str, location: str | None = None
) -> Flow[str | None]:
    """Draw a ticket for setting up, in place of an earlier one, and return it, to be shown once.

    `None`, and nothing changed, for an account that is set up already: a reset comes first.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, str | None]]:
        if account.enrolled and account.vouched:
            return account, None
        return (yield from _with_ticket(settings, account, now, by, location))

    return (yield from storage.transact(settings, user_id, act))


def _with_ticket(
    settings: Settings, account: Account, now: float, by: str, location: str | None
) -> Flow[tuple[Account, str | None]]:
    drawn = yield from tickets.draw(settings.sealer, account.user, now)
    facts = {"by": by, "location": location, "until": _date(drawn.ticket.until)}
    stated = {name: str(value) for name, value in facts.items() if value is not None}
    # A new ticket is a new thing to guess: who guessed at the one before does not keep its owner from this.
    tried = account.attempts if account.enrolled else Attempts()
    issued = account.but(ticket=drawn.ticket, attempts=tried)
    return (yield from events.queue(issued, EventKind.TICKET_ISSUED, now, **stated)), drawn.shown


def extend(
    settings: Settings, user_id: str, location: str, *, until: float, by: str, reason: str
) -> Flow[None]:
    """Give one user more time at one location, in place of what they had been given there."""

    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        others = tuple(each for each in account.extensions if each.location != location)
        extended = account.but(extensions=(*others, Extension(location=location, until=until)))
        facts = {"by": by, "reason": reason, "location": location, "until": str(_date(until))}
        return (yield from events.queue(extended, EventKind.EXTENDED, now, **facts)), None

    yield from storage.transact(settings, user_id, act)


def revoke(settings: Settings, user_id: str) -> Flow[None]:
    """End every verification and trusted browser, as after a password change."""

    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        if not account.verifications and not account.trusted and account.pending is None:
            return account, None
        ended = end_passage(account).but(pending=None)
        return (yield from events.queue(ended, EventKind.REVOKED, now)), None

    yield from storage.transact(settings, user_id, act)


def unlock(settings: Settings, user_id: str, *, by: str) -> Flow[None]:
    """Give a user a fresh budget of attempts. It is no verification. Raises `NotFoundError` without account."""
    account, _ = yield from storage.read_account(settings, user_id)
    if account is None:
        raise NotFoundError(f"Nothing is stored about the user {user_id!r}.")

    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        freed = account.but(attempts=Attempts())
        return (yield from events.queue(freed, EventKind.UNLOCKED, now, by=by)), None

    yield from storage.transact(settings, user_id, act)


def forget(settings: Settings, user_id: str) -> Flow[bool]:
    """Delete everything that is stored about a user; return whether there was anything."""
    key = storage.user_key(settings.realm, user_id)
    for _ in range(storage.MAX_TRIES):
        stored = yield from storage.load(settings, key)
        if stored is None:
            yield from storage.require_installed(settings)
            return False
        settings.passes.forget(user_id)
        deleted = yield from storage.save(settings, key, None, stored.version)
        settings.passes.forget(user_id)
        if deleted:
            yield from events.record(settings, EventKind.FORGOTTEN, user_id)
            return True
    raise ContentionError("The account changed again and again while it was being deleted; nothing was done.")
