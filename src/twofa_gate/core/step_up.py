"""Step-up: the application itself asks for a fresh code, of a user whom the gate let through.

It reads the store anew each time, whatever is remembered, and a trusted browser is never an answer.
"""

from __future__ import annotations

from contextlib import suppress

from twofa_gate.core import events, refusal
from twofa_gate.core.answer import Answer, Source
from twofa_gate.core.decision import is_alive
from twofa_gate.core.effects import Flow
from twofa_gate.core.returning import Demand
from twofa_gate.core.standing import Standing, assess
from twofa_gate.errors import BadRequest
from twofa_gate.model import Decision, Enforcement, EventKind, User

__all__ = ["demand_verification", "satisfies"]


def satisfies(standing: Standing, demand: Demand) -> bool:
    """Whether the live verification of this browser in this login is good enough for a demand."""
    made = standing.verification
    if made is None or (demand.methods and made.method not in demand.methods):
        return False
    asking = [each.policy for each in standing.policies if each.policy.enforcement is not Enforcement.OFF]
    counts = all(any(made.method == method.value for method in policy.methods) for policy in asking)
    return counts and is_alive(made.at, demand.max_age, standing.facts)


def demand_verification(
    source: Source, user: User | None, location: str | None, demand: Demand
) -> Flow[Answer | None]:
    """Tell what to answer instead, or `None` if the verification is good enough.

    It fails closed: whatever goes wrong on the way, there is an answer.
    """
    settings, request = source.settings, source.request
    try:
        return (yield from _demand(source, user, location, demand))
    except BadRequest as error:
        return refusal.malformed(settings, request, error)
    except Exception as error:  # whatever failed, the application is not to go on
        user_id = None if user is None else user.id
        with suppress(Exception):  # it is not to go on even if that can't be told
            yield from events.record(
                settings, EventKind.UNAVAILABLE, user_id, error=repr(error), moment="step-up"
            )
        return refusal.unavailable(settings, request)


def _demand(source: Source, user: User | None, location: str | None, demand: Demand) -> Flow[Answer | None]:
    settings, request = source.settings, source.request
    if user is None:
        from twofa_gate.pages.visit import anonymous

        return anonymous(settings, request)
    standing = yield from assess(settings, request, user, location=location, fresh=True, with_account=True)
    decision = standing.ruling.decision
    # A location that would keep them out, or send them to set up, does so here too.
    own = decision in (Decision.ENROLL, Decision.DENY, Decision.UNAVAILABLE)
    if not own and satisfies(standing, demand):
        return None
    facts = {
        "decision": decision.value if own else Decision.CHALLENGE.value,
        "location": standing.location,
        "why": "step-up",
    }
    until = settings.report_only_until
    if until is not None and standing.clock.now < until and decision is not Decision.UNAVAILABLE:
        yield from events.record(settings, EventKind.WOULD_REFUSE, user.id, **facts)
        return None
    yield from events.record(settings, EventKind.REFUSED, user.id, **facts)
    return (yield from refusal.refuse(settings, request, standing, None if own else demand))
