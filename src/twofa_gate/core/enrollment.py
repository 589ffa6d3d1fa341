"""Setting up an authenticator: a secret is shown to its owner, and counts once a code from it was accepted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twofa_gate.core import attempts, events, recovery, tickets, totp
from twofa_gate.core.account import (
    MAX_AUTHENTICATORS,
    PENDING_SECONDS,
    Account,
    PendingEnrollment,
    end_passage,
    secret_thing,
)
from twofa_gate.core.challenge import CodeResult, Outcome, Passage, count_failure, grant, throttle
from twofa_gate.core.codes import TotpInput
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.core.sealing import NONCE_BYTES
from twofa_gate.core.server_clock import heed
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import transact
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import digest
from twofa_gate.model import EventKind, Method

__all__ = ["MAX_NAME", "BeginResult", "Confirmation", "Missing", "begin", "confirm", "mark_of"]

MAX_NAME = 64
"""Characters of an authenticator's name."""


class BeginResult(Enum):
    """Why an enrollment could not begin."""

    UNVERIFIED = "unverified"
    TOO_MANY = "too_many"
    TICKET = "ticket"
    """It takes a ticket, and none was given."""


class Missing(Enum):
    """Why there is nothing to confirm in this browser."""

    EXPIRED = "expired"
    """It ended, or another browser was faster."""
    REPLACED = "replaced"
    """Another tab of this browser began anew, so the secret that this page showed will never count."""
    DONE = "done"
    """The secret that this page showed counts already: the page was sent twice, or loaded again."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What became of the confirming code; `codes` are the first recovery codes, shown once.

    Without a `result` there was nothing to confirm, for the reason `missing`.
    """

    result: CodeResult | None = None
    codes: tuple[str, ...] = ()
    first: bool = False
    missing: Missing | None = None


def mark_of(secret: str) -> str:
    """Name a secret in the page that shows it, so that the page can tell later which one it showed."""
    return digest(secret)[:16]


def begin(
    settings: Settings,
    user_id: str,
    browser: str,
    *,
    fresh: bool,
    policies: tuple[NamedPolicy, ...] = (),
    ticket: str | None = None,
    known: bool = False,
) -> Flow[str | BeginResult | CodeResult]:
    """Begin an enrollment in one browser; return the secret, to be shown once, or why not.

    `fresh`: this browser verified by a code in the last minutes, as adding a further authenticator demands.
    `policies`: those that may ask for a ticket; `ticket`: the canonical one that was typed, which is spent
    only with the confirmation, but wrong ones count like wrong codes.
    """
    pending_id = (yield from perform(DrawRandom(8))).hex()
    secret = yield from totp.draw_secret()
    nonce = yield from perform(DrawRandom(NONCE_BYTES))
    sealed = settings.sealer.seal(secret, nonce, user_id=user_id, thing=secret_thing(pending_id))

    def act(account: Account, now: float) -> Flow[tuple[Account, str | BeginResult | CodeResult]]:
        # What was read when the page was asked for may be over: somebody else may have set up since.
        if account.enrolled and not fresh:
            return account, BeginResult.UNVERIFIED
        if len(account.authenticators) >= MAX_AUTHENTICATORS:
            return account, BeginResult.TOO_MANY
        used = None
        if tickets.demanded(policies, account):
            if ticket is None:
                return account, BeginResult.TICKET
            held = throttle(account, known, now)
            if held is not None:
                return account, held
            if not tickets.matches(settings.sealer, account, ticket, now) or account.ticket is None:
                return (yield from count_failure(account, known, now, method=None))
            used = account.ticket.id
        pending = PendingEnrollment(
            id=pending_id, secret=sealed, browser=digest(browser), began=now, ticket=used
        )
        begun = yield from events.queue(account.but(pending=pending), EventKind.ENROLLMENT_STARTED, now)
        return begun, secret

    return (yield from transact(settings, user_id, act))


def _pending(account: Account, browser: str, now: float) -> PendingEnrollment | None:
    pending = account.pending
    if pending is None or pending.browser != digest(browser) or now - pending.began > PENDING_SECONDS:
        return None
    return pending


def _has_ticket(
    account: Account, pending: PendingEnrollment, policies: tuple[NamedPolicy, ...], now: float
) -> bool:
    """Whether the ticket that the enrollment was begun with still holds, where one is asked for."""
    if not tickets.demanded(policies, account):
        return True
    ticket = account.ticket
    return ticket is not None and ticket.id == pending.ticket and now < ticket.until


def confirm(
    settings: Settings,
    user_id: str,
    browser: str,
    typed: TotpInput,
    name: str,
    passage: Passage,
    *,
    verified: bool,
    policies: tuple[NamedPolicy, ...] = (),
    mark: str | None = None,
) -> Flow[Confirmation]:
    """Confirm an enrollment by a code from the new authenticator. That code is spent.

    `verified`: the browser has a live verification, without which an enrolled user's account takes no further
    authenticator. `policies`: those that may ask for a ticket, which is spent here. `mark`: that of the secret which
    the page showed, if it says so. The first authenticator comes with recovery codes.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, Confirmation]]:
        pending = _pending(account, browser, now)
        # What the page saw may be over: the browser may have been signed out since.
        alive = verified and account.verification(passage.replaces) is not None
        if account.enrolled and not alive:
            return account, Confirmation(missing=Missing.EXPIRED)
        if mark is not None and mark in _marks(settings, account):
            return account, Confirmation(missing=Missing.DONE)
        if pending is None or not _has_ticket(account, pending, policies, now):
            return account, Confirmation(missing=Missing.EXPIRED)
        secret = settings.sealer.open(pending.secret, user_id=user_id, thing=secret_thing(pending.id))
        if mark is not None and mark != mark_of(secret):
            return account, Confirmation(missing=Missing.REPLACED)
        held = throttle(account, passage.known, now)
        if held is not None:
            return account, Confirmation(held)
        fallback = (
            "Authenticator" if not account.enrolled else f"Authenticator {len(account.authenticators) + 1}"
        )
        new = Authenticator(id=pending.id, name=name or fallback, secret=pending.secret, added=now)
        found = totp.check(secret, new, typed.digits, now)
        if found.step is None:
            failure = count_failure(
                account, passage.known, now, method=Method.TOTP, clock_steps=found.clock_steps
            )
            counted, result = yield from failure
            return counted, Confirmation(result)
        return (yield from _add(settings, account, new.but(last_step=found.step, used=now), passage, now))

    done = yield from transact(settings, user_id, act)
    if done.result is not None:
        yield from heed(settings, user_id, done.result, trustworthy=True)
    return done


def _marks(settings: Settings, account: Account) -> set[str]:
    """Give the marks of the secrets that count already."""
    return {
        mark_of(settings.sealer.open(each.secret, user_id=account.user, thing=secret_thing(each.id)))
        for each in account.authenticators
    }


def _add(
    settings: Settings, account: Account, new: Authenticator, passage: Passage, now: float
) -> Flow[tuple[Account, Confirmation]]:
    first = not account.enrolled
    pending = account.pending
    if pending is not None and account.ticket is not None and pending.ticket == account.ticket.id:
        account = account.but(ticket=None, vouched=True)
    added = account.but(
        authenticators=(*account.authenticators, new),
        pending=None,
        attempts=attempts.succeeded(account.attempts, passage.known),
    )
    shown: list[str] = []
    if first:
        codes, shown = yield from recovery.draw_set(settings.sealer, account.user, now)
        # Setting up voids whatever passed before.
        added = end_passage(added).but(recovery=codes, enabled_at=now)
        added = yield from events.queue(added, EventKind.ENABLED, now, authenticator=new.name)
    else:
        added = yield from events.queue(added, EventKind.AUTHENTICATOR_ADDED, now, authenticator=new.name)
    added = grant(added, passage, Method.TOTP, now)
    return added, Confirmation(CodeResult(Outcome.ACCEPTED, Method.TOTP), tuple(shown), first)
