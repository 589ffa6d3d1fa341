"""The decision: what a policy demands of a user, as one pure function and one table.

Only here is it decided who may pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from twofa_gate.core.account import Account
from twofa_gate.core.signing import CLOCK_SKEW
from twofa_gate.core.verification import TrustedBrowser, Verification
from twofa_gate.model import (
    AfterCutoff,
    Credential,
    Decision,
    Enforcement,
    Enrollment,
    Method,
    Policy,
    Tokens,
    User,
)

__all__ = [
    "STRICTNESS",
    "Facts",
    "NamedPolicy",
    "Ruling",
    "decide",
    "effective_cutoff",
    "is_alive",
    "is_vouched",
    "requires_now",
    "rule",
    "set_up_until",
    "steady_span",
    "strictest",
]

STRICTNESS = (
    Decision.PASS,
    Decision.REMIND,
    Decision.CHALLENGE,
    Decision.ENROLL,
    Decision.DENY,
    Decision.UNAVAILABLE,
)
"""From the most lenient to the strictest."""

ROUNDING = 0.001
"""Seconds; far more than what a sum of two moments can be off."""


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy and the name of the plugin that gave it."""

    policy: Policy
    source: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a user at a location at a moment.

    - `account`: `None` if a store that is known to be the right one has none.
    - `verification`, `trusted`: the live ones that came with this request, if any.
    - `now`: seconds since the epoch. `void_before`: what is older is void.
    """

    user: User
    location: str
    account: Account | None
    verification: Verification | None
    trusted: TrustedBrowser | None
    login: str | None
    now: float
    void_before: float | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision, whose policy it is, and the cut-off (seconds since the epoch) that holds for the user."""

    decision: Decision
    policy: NamedPolicy | None = None
    cutoff: float | None = None


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def effective_cutoff(policy: Policy, facts: Facts) -> float | None:
    """Return the cut-off that holds for this user: date, days of grace, extension; `None`: since ever.

    Time that a reset gave to set up again moves no cut-off; see `set_up_until`.
    """
    cutoff = _seconds(policy.cutoff)
    moments = [cutoff]
    joined = _seconds(facts.user.joined)
    if policy.grace is not None and joined is not None and (cutoff is None or joined > cutoff):
        moments.append(joined + policy.grace.total_seconds())
    moments += _extended(facts, to_set_up=False)
    return max((moment for moment in moments if moment is not None), default=None)


def _extended(facts: Facts, *, to_set_up: bool) -> list[float]:
    if facts.account is None:
        return []
    given = [each for each in facts.account.extensions if each.to_set_up is to_set_up]
    return [each.until for each in given if each.location in (None, facts.location)]


def set_up_until(facts: Facts) -> float | None:
    """Return until when this user may set up again after a reset, where they would be kept out."""
    return max(_extended(facts, to_set_up=True), default=None)


def is_alive(at: float, max_age: float, facts: Facts) -> bool:
    """Whether something made at `at` is at most `max_age` seconds old, not from the future, and not void."""
    if facts.void_before is not None and at < facts.void_before:
        return False
    return -CLOCK_SKEW <= facts.now - at <= max_age


def is_vouched(policy: Policy, account: Account) -> bool:
    """Whether who set up this account is who the policy wants: with a ticket, where it takes one."""
    if policy.enrollment is not Enrollment.TICKET or account.vouched:
        return True
    since = _seconds(policy.tickets_from)
    return since is not None and account.enabled_at is not None and account.enabled_at < since


def _counts_as_enrolled(policy: Policy, facts: Facts, cutoff: float | None) -> bool:
    account = facts.account
    if account is None or not account.enrolled:
        return False
    if policy.enforcement is not Enforcement.REQUIRED:
        return True
    in_force = cutoff is None or facts.now >= cutoff
    if in_force and not is_vouched(policy, account):
        # Who set up where no ticket is asked for does not get in where one is.
        return False
    if policy.after_cutoff is AfterCutoff.DENY:
        # Who was kept out does not get in by setting up through another door.
        last = max((each for each in (cutoff, set_up_until(facts)) if each is not None), default=None)
        return account.enabled_at is not None and (last is None or account.enabled_at < last)
    return True


def _verified(policy: Policy, facts: Facts) -> bool:
    made = facts.verification
    return (
        made is not None
        and made.login == facts.login
        and any(made.method == method.value for method in policy.methods)
        and is_alive(made.at, policy.max_age.total_seconds(), facts)
    )


def _trusted(policy: Policy, facts: Facts) -> bool:
    return (
        policy.trust_browser_for is not None
        and facts.trusted is not None
        # A recovery code buys no passage, by way of a lax location, where recovery codes don't count.
        and (facts.trusted.method != Method.RECOVERY_CODE.value or Method.RECOVERY_CODE in policy.methods)
        and is_alive(facts.trusted.at, policy.trust_browser_for.total_seconds(), facts)
    )


def decide(policy: Policy, facts: Facts) -> Decision:
    """Decide by one policy, for a user who is known."""
    if policy.enforcement is Enforcement.OFF:
        return Decision.PASS
    if facts.user.credential is Credential.TOKEN and policy.tokens is Tokens.ALLOW:
        return Decision.PASS
    cutoff = effective_cutoff(policy, facts)
    if _counts_as_enrolled(policy, facts, cutoff):
        return Decision.PASS if _verified(policy, facts) or _trusted(policy, facts) else Decision.CHALLENGE
    if policy.enforcement is Enforcement.OPTIONAL:
        return Decision.PASS
    if cutoff is not None and facts.now < cutoff:
        return Decision.REMIND
    until = set_up_until(facts)
    kept_out = policy.after_cutoff is AfterCutoff.DENY and (until is None or facts.now >= until)
    return Decision.DENY if kept_out else Decision.ENROLL


def steady_span(policies: Iterable[NamedPolicy], facts: Facts) -> tuple[float, float]:
    """Return the span of time around now in which, all other facts being equal, each policy decides alike.

    Time enters a decision only by comparison with these moments, so that between two of them nothing changes.
    The span ends a millisecond short of them, since a sum and a difference may be rounded differently.
    """
    moments: list[float | None] = [set_up_until(facts)]
    for named in policies:
        moments.append(effective_cutoff(named.policy, facts))
        made, trusted, trust = facts.verification, facts.trusted, named.policy.trust_browser_for
        if made is not None:
            moments += [made.at - CLOCK_SKEW, made.at + named.policy.max_age.total_seconds()]
        if trusted is not None and trust is not None:
            moments += [trusted.at - CLOCK_SKEW, trusted.at + trust.total_seconds()]
    known = [moment for moment in moments if moment is not None]
    before = max((moment for moment in known if moment <= facts.now), default=-math.inf)
    after = min((moment for moment in known if moment > facts.now), default=math.inf)
    return before + ROUNDING, after - ROUNDING


def requires_now(policy: Policy, facts: Facts) -> bool:
    """Whether this policy demands a second factor of this user from now on, so that it can't be disabled."""
    cutoff = effective_cutoff(policy, facts)
    return policy.enforcement is Enforcement.REQUIRED and (cutoff is None or facts.now >= cutoff)


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """Return the strictest of several rulings; none at all is UNAVAILABLE, never a pass."""
    ranked = sorted(rulings, key=_strictness)
    return ranked[-1] if ranked else Ruling(Decision.UNAVAILABLE)


def _strictness(ruling: Ruling) -> tuple[int, float]:
    # Of two reminders the one of the earlier date counts.
    earliness = -ruling.cutoff if ruling.decision is Decision.REMIND and ruling.cutoff is not None else 0.0
    return STRICTNESS.index(ruling.decision), earliness


def rule(policies: Iterable[NamedPolicy], facts: Facts) -> Ruling:
    """Decide by each policy by itself; the strictest decision wins, and remembers whose it was."""
    return strictest(
        Ruling(decide(named.policy, facts), named, effective_cutoff(named.policy, facts))
        for named in policies
    )
