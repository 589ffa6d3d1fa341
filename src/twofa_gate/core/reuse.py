"""The reuse of a PASS: what was decided for a verified browser holds again while nothing that it rests on differs.

A verdict rests on the account that was read, the user, the location, what every hook and the location's own
settings said of it, the cookies, and the time. Every hook is asked on every request all the same, and a
verdict counts only where all of these are equal to what they were, the account is the very one that was read
for this request or that `PassCache` remembers (so it ends with `revocation_lag`, and with every write of this
process), and no moment has passed at which time alone decides differently. Anything else is decided anew. Only
a PASS by a verification is ever kept.
"""

from __future__ import annotations

from typing import NamedTuple

from twofa_gate.core.account import Account
from twofa_gate.core.answer import Forward
from twofa_gate.core.decision import NamedPolicy, steady_span
from twofa_gate.core.location_policy import remembered
from twofa_gate.core.passes import drop_oldest
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Heading, Reading, Standing
from twofa_gate.model import Policy, User
from twofa_gate.request import GateRequest

__all__ = ["Verdict", "find", "remember"]

MAX_VERDICTS = 2_000
MAX_COOKIES = 4_096
"""Characters of a Cookie header that is worth remembering."""


class Verdict(NamedTuple):
    """A PASS, and all that it rests on."""

    forward: Forward
    account: Account
    user: User
    location: str
    opinions: list[Policy | None]
    own: tuple[NamedPolicy, ...]
    prefix: str
    since: float
    until: float


def find(
    settings: Settings, request: GateRequest, user: User, heading: Heading, reading: Reading | None = None
) -> Forward | None:
    """Return how the request goes through, if what was decided before holds now; `None`: decide.

    `reading`: what was read for this request; without it what is remembered.
    """
    verdict = settings.verdicts.get(request.cookie_header)
    if verdict is None:
        return None
    forward, _, before, location, opinions, _, prefix, since, until = verdict
    heads_for, said, clock = heading
    if (
        since < clock.now < until
        and (user is before or user == before)
        and location == heads_for
        and opinions == said
        and prefix == request.prefix
        and _read_again(settings, verdict, heading, reading)
    ):
        return forward
    return None


def _read_again(settings: Settings, verdict: Verdict, heading: Heading, reading: Reading | None) -> bool:
    """Whether the store says what it said, or said so recently enough."""
    if reading is not None:
        return reading.account is verdict.account and reading.own == verdict.own
    location, _, (_, monotonic) = heading
    if settings.passes.get(verdict.user.id, monotonic) is not verdict.account:
        return False
    return settings.locations is None or remembered(settings, location, monotonic) == verdict.own


def remember(
    settings: Settings,
    request: GateRequest,
    heading: Heading,
    reading: Reading,
    standing: Standing,
    forward: Forward,
) -> None:
    """Keep a PASS by a verification."""
    since, until = steady_span(standing.policies, standing.facts)
    if (
        reading.account is None
        or not standing.passes_by_verification
        or not since < standing.clock.now < until
        or len(request.cookie_header) > MAX_COOKIES
    ):
        return
    settings.verdicts.pop(request.cookie_header, None)
    settings.verdicts[request.cookie_header] = Verdict(
        forward,
        reading.account,
        standing.user,
        standing.location,
        heading[1],
        reading.own,
        request.prefix,
        since,
        until,
    )
    drop_oldest(settings.verdicts, MAX_VERDICTS)
