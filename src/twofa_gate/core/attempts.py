"""The budget of attempts: one for each account, over all its sessions, browsers and methods.

NIST SP 800-63B section 5.2.2 (63B-4 section 3.2.2) allows at most 100 consecutive failures. Here it is 100 in
30 days, with a back-off, in two lanes: browsers that verified before have one of their own with 20 of the 100
reserved for it, so that somebody else's failures don't lock out the owner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from twofa_gate.core.document import Part

__all__ = [
    "BUDGET",
    "RESERVED",
    "WINDOW",
    "Attempts",
    "Hold",
    "Lane",
    "failed",
    "failures",
    "hold",
    "succeeded",
]

BUDGET = 100
RESERVED = 20
WINDOW = 30 * 86400
"""Seconds in which failures count."""
FREE_FAILURES = 2
"""Failures that cost no delay."""
MAX_DELAY = 900
"""Seconds; the delay doubles from 1 s up to this."""


@dataclass(frozen=True, kw_only=True)
class Lane(Part):
    """The failures of one kind of browser, in seconds since the epoch, and its back-off."""

    failures: tuple[float, ...] = ()
    streak: int = 0
    until: float = 0.0
    locked: bool = False


@dataclass(frozen=True, kw_only=True)
class Attempts(Part):
    """Both lanes: `stranger` for browsers that never verified, `known` for those that did."""

    stranger: Lane = field(default_factory=Lane)
    known: Lane = field(default_factory=Lane)


@dataclass(frozen=True, slots=True)
class Hold:
    """No TOTP code is looked at for now. `retry_after` in whole seconds; `locked` until somebody unlocks."""

    retry_after: int
    locked: bool


def _recent(lane: Lane, now: float) -> tuple[float, ...]:
    return tuple(at for at in lane.failures if now - at < WINDOW)


def _exhausted(attempts: Attempts, known: bool, now: float) -> bool:
    if failures(attempts, now) >= BUDGET:
        return True
    return not known and len(_recent(attempts.stranger, now)) >= BUDGET - RESERVED


def failures(attempts: Attempts, now: float) -> int:
    """Return how many failures count at `now`, over both lanes."""
    return len(_recent(attempts.stranger, now)) + len(_recent(attempts.known, now))


def hold(attempts: Attempts, known: bool, now: float) -> Hold | None:
    """Return what keeps this lane from trying a TOTP code at `now`, or `None`."""
    lane = attempts.known if known else attempts.stranger
    if lane.locked or _exhausted(attempts, known, now):
        return Hold(MAX_DELAY, locked=True)
    if now < lane.until:
        # A clock that was set back must not stretch the delay beyond the longest one.
        return Hold(min(math.ceil(lane.until - now), MAX_DELAY), locked=False)
    return None


def failed(attempts: Attempts, known: bool, now: float) -> Attempts:
    """Count a failure at `now`."""
    lane = attempts.known if known else attempts.stranger
    streak = lane.streak + 1
    delay = 0 if streak <= FREE_FAILURES else min(2 ** min(streak - FREE_FAILURES - 1, 20), MAX_DELAY)
    # Without a delay there is no moment to wait for, not even if the clock is set back.
    until = now + delay if delay else 0.0
    lane = lane.but(failures=(*_recent(lane, now), now), streak=streak, until=until)
    counted = attempts.but(known=lane) if known else attempts.but(stranger=lane)
    return counted.but(
        stranger=counted.stranger.but(locked=counted.stranger.locked or _exhausted(counted, False, now)),
        known=counted.known.but(locked=counted.known.locked or _exhausted(counted, True, now)),
    )


def succeeded(attempts: Attempts, known: bool) -> Attempts:
    """Clear the back-off of the lane in which a code was right; the 30-day total stays."""
    lane = (attempts.known if known else attempts.stranger).but(streak=0, until=0.0)
    return attempts.but(known=lane) if known else attempts.but(stranger=lane)
