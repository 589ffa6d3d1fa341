"""Spending a code: the one place where a typed code becomes a success or a counted failure.

What is said here counts only once the account it comes with has been saved; see `storage.transact`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twofa_gate.core import attempts, events, recovery, totp
from twofa_gate.core.account import Account, end_passage, secret_thing
from twofa_gate.core.codes import MalformedCode, RecoveryInput, TotpInput, TypedCode
from twofa_gate.core.effects import Flow
from twofa_gate.core.server_clock import heed
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import transact
from twofa_gate.core.verification import TrustedBrowser, Verification, digest, draw_token
from twofa_gate.model import EventKind, Method

__all__ = ["CodeResult", "Outcome", "Passage", "count_failure", "pass_challenge", "spend_code", "throttle"]


class Outcome(Enum):
    """What became of a code."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    THROTTLED = "throttled"
    LOCKED = "locked"
    NOT_ENROLLED = "not_enrolled"


@dataclass(frozen=True, slots=True)
class CodeResult:
    """What became of a code: by which `method` it was accepted, or when to try again (seconds).

    `clock_steps` is set where a refused code is right some time steps off.
    """

    outcome: Outcome
    method: Method | None = None
    retry_after: int = 0
    clock_steps: int | None = None

    @property
    def accepted(self) -> bool:
        """Whether the code was right."""
        return self.outcome is Outcome.ACCEPTED


@dataclass(frozen=True, slots=True)
class Passage:
    """A browser that is to be let through: its known-browser lane, login, tokens.

    `token` is the new verification's; `replaces` the digest of the one that the browser had; `trust` the
    trust cookie's token, where the browser asked to be trusted.
    """

    known: bool
    login: str | None
    token: str
    replaces: str | None = None
    trust: str | None = None


def throttle(account: Account, known: bool, now: float) -> CodeResult | None:
    """Return the refusal while no TOTP code is looked at; the same for right and wrong ones."""
    held = attempts.hold(account.attempts, known, now)
    if held is None:
        return None
    outcome = Outcome.LOCKED if held.locked else Outcome.THROTTLED
    return CodeResult(outcome, retry_after=held.retry_after)


def spend_code(
    settings: Settings, account: Account, typed: TypedCode, *, known: bool, now: float
) -> Flow[tuple[Account, CodeResult]]:
    """Check a code of an enrolled user and spend it, or count the failure.

    Raises `MalformedCode` for a number of digits that none of the authenticators shows.
    """
    if not account.enrolled:
        return account, CodeResult(Outcome.NOT_ENROLLED)
    if isinstance(typed, TotpInput):
        return (yield from _spend_totp(settings, account, typed, known, now))
    return (yield from _spend_recovery(settings, account, typed, known, now))


def _spend_totp(
    settings: Settings, account: Account, typed: TotpInput, known: bool, now: float
) -> Flow[tuple[Account, CodeResult]]:
    if all(each.digits != len(typed.digits) for each in account.authenticators):
        raise MalformedCode("Enter the six digits that your authenticator app shows, or a recovery code.")
    held = throttle(account, known, now)
    if held is not None:
        return account, held
    clock_steps = None
    for each in account.authenticators:
        secret = settings.sealer.open(each.secret, user_id=account.user, thing=secret_thing(each.id))
        found = totp.check(secret, each, typed.digits, now)
        if found.step is not None:
            spent = account.with_authenticator(each.but(last_step=found.step, used=now))
            counted = spent.but(attempts=attempts.succeeded(spent.attempts, known))
            return counted, CodeResult(Outcome.ACCEPTED, Method.TOTP)
        clock_steps = found.clock_steps if clock_steps is None else clock_steps
    return (yield from count_failure(account, known, now, method=Method.TOTP, clock_steps=clock_steps))


def _spend_recovery(
    settings: Settings, account: Account, typed: RecoveryInput, known: bool, now: float
) -> Flow[tuple[Account, CodeResult]]:
    codes = account.recovery
    index = recovery.find(codes, typed.code, settings.sealer, account.user) if codes else None
    if codes is None or index is None:
        held = throttle(account, known, now)
        if held is not None:
            return account, held
        return (yield from count_failure(account, known, now, method=Method.RECOVERY_CODE))
    left = codes.but(codes=codes.codes[:index] + codes.codes[index + 1 :])
    # Whoever lost a phone may have lost a browser with it.
    spent = end_passage(account).but(recovery=left, attempts=attempts.succeeded(account.attempts, known))
    spent = yield from events.queue(spent, EventKind.RECOVERY_CODE_USED, now, left=len(left.codes))
    return spent, CodeResult(Outcome.ACCEPTED, Method.RECOVERY_CODE)


def count_failure(
    account: Account, known: bool, now: float, *, method: Method | None, clock_steps: int | None = None
) -> Flow[tuple[Account, CodeResult]]:
    """Count a wrong code, or a wrong ticket (no `method`). A clock suspicion is reported in the event."""
    counted = account.but(attempts=attempts.failed(account.attempts, known, now))
    facts: dict[str, object] = {
        "method": method.value if method else "ticket",
        "known_browser": known,
        "failures": attempts.failures(counted.attempts, now),
    }
    if clock_steps is not None:
        facts["clock_steps"] = clock_steps
    counted = yield from events.queue(counted, EventKind.CODE_REFUSED, now, **facts)
    held = attempts.hold(counted.attempts, known, now)
    if held is not None and held.locked:
        counted = yield from events.queue(counted, EventKind.LOCKED, now, known_browser=known)
    return counted, CodeResult(Outcome.WRONG, clock_steps=clock_steps)


def grant(account: Account, passage: Passage, method: Method, now: float) -> Account:
    """Record that a browser passed, in place of what it had before."""
    if passage.replaces is not None:
        account = account.without_verification(passage.replaces)
    made = Verification(digest=digest(passage.token), at=now, method=method.value, login=passage.login)
    return account.with_verification(made)


def pass_challenge(
    settings: Settings,
    user_id: str,
    typed: TypedCode,
    passage: Passage,
    seen: tuple[Account, str] | None = None,
) -> Flow[CodeResult]:
    """Answer a challenge: with a right code the browser is verified. `seen`: see `transact`."""

    def act(account: Account, now: float) -> Flow[tuple[Account, CodeResult]]:
        account, result = yield from spend_code(settings, account, typed, known=passage.known, now=now)
        if result.method is None:
            return account, result
        account = grant(account, passage, result.method, now)
        if passage.trust is not None:
            account = account.with_trusted(
                TrustedBrowser(digest=digest(passage.trust), at=now, method=result.method.value)
            )
            account = yield from events.queue(account, EventKind.BROWSER_TRUSTED, now)
        account = yield from events.queue(account, EventKind.VERIFIED, now, method=result.method.value)
        return account, result

    result = yield from transact(settings, user_id, act, seen)
    yield from heed(settings, user_id, result, trustworthy=passage.known)
    return result


def draw_passage(
    known: bool, login: str | None, replaces: str | None, *, trust: bool = False
) -> Flow[Passage]:
    """Draw the tokens that a browser gets if its code is right."""
    token = yield from draw_token()
    return Passage(known, login, token, replaces, (yield from draw_token()) if trust else None)
