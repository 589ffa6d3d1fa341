"""Why the gate decides as it does for one user at one location, and when that will change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from twofa_gate.core import asking
from twofa_gate.core.administration import AccountStatus, describe
from twofa_gate.core.decision import Facts, Ruling, effective_cutoff, rule, set_up_until
from twofa_gate.core.effects import Flow
from twofa_gate.core.members import find_member
from twofa_gate.core.settings import Settings
from twofa_gate.locations.adoption import AdoptionReader, MemberFacts
from twofa_gate.model import Decision, User

__all__ = ["Explanation", "PolicyView", "explain"]


@dataclass(frozen=True, slots=True)
class PolicyView:
    """One policy as it stands for one user: whose it is, what it says, and what it decides by itself."""

    source: str
    enforcement: str
    after_cutoff: str
    enrollment: str
    cutoff: datetime | None
    max_age_seconds: int
    decision: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision for a user at a location. Times are aware, UTC.

    - `decision`: for a request without a verification; `policy`: whose it is.
    - `verified_decision`: for the browser that verified last; `None` if there is none.
    - `changes_at`, `changes_to`: when `verified_decision` (without it `decision`) changes by itself.
    - `member`: whether `location_members` names the user; `None` if the host does not say.
    """

    user_id: str
    location: str
    decision: str
    policy: str | None
    cutoff: datetime | None
    verified_decision: str | None
    changes_at: datetime | None
    changes_to: str | None
    member: bool | None
    extended_until: datetime | None
    report_only_until: datetime | None
    account: AccountStatus
    policies: tuple[PolicyView, ...]


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def explain(settings: Settings, user_id: str, location: str) -> Flow[Explanation]:
    """Explain the decision for a user at a location."""
    user, member = User(user_id, user_id), None
    if settings.hooks.location_members is not None:
        found = yield from find_member(settings, location, user_id)
        user, member = found or user, found is not None
    (facts,) = yield from AdoptionReader(settings, location).facts_of([user])
    return _explained(settings, facts, member)


def _explained(settings: Settings, member: MemberFacts, is_member: bool | None) -> Explanation:
    ruling = member.ruling(settings)
    best = _with_newest(member.facts)
    verified = _rule(settings, member, best) if best is not None else None
    moment, changed = _next_change(settings, member, best or member.facts)
    granted = [
        each.until for each in member.account.extensions if each.location in (None, member.facts.location)
    ]
    return Explanation(
        user_id=member.facts.user.id,
        location=member.facts.location,
        decision=ruling.decision.value,
        policy=None if ruling.policy is None else ruling.policy.source,
        cutoff=_moment(ruling.cutoff),
        verified_decision=None if verified is None else verified.decision.value,
        changes_at=_moment(moment),
        changes_to=None if changed is None else changed.value,
        member=is_member,
        extended_until=_moment(max(granted, default=None)),
        report_only_until=_moment(settings.report_only_until),
        account=describe(member.account, member.facts.now),
        policies=_views(settings, member),
    )


def _rule(settings: Settings, member: MemberFacts, facts: Facts) -> Ruling:
    return replace(member, facts=facts).ruling(settings)


def _with_newest(facts: Facts) -> Facts | None:
    """Return the facts of a request from the browser that verified last."""
    made = max(facts.account.verifications, key=lambda each: each.at, default=None) if facts.account else None
    return None if made is None else replace(facts, verification=made, login=made.login)


def _next_change(
    settings: Settings, member: MemberFacts, facts: Facts
) -> tuple[float | None, Decision | None]:
    """Return when time alone changes the decision, and to what: looked for at each moment that can do so."""
    policies = asking.combine(settings, member.asked, member.own)
    moments = {effective_cutoff(each.policy, facts) for each in policies} | {set_up_until(facts)}
    if facts.verification is not None:
        made = facts.verification.at
        # At the very second it still holds.
        moments |= {made + each.policy.max_age.total_seconds() + 0.001 for each in policies}
    today = _rule(settings, member, facts).decision
    for moment in sorted(each for each in moments if each is not None and each > facts.now):
        then = _rule(settings, member, replace(facts, now=moment)).decision
        if then is not today:
            return moment, then
    return None, None


def _views(settings: Settings, member: MemberFacts) -> tuple[PolicyView, ...]:
    return tuple(
        PolicyView(
            source=each.source,
            enforcement=each.policy.enforcement.value,
            after_cutoff=each.policy.after_cutoff.value,
            enrollment=each.policy.enrollment.value,
            cutoff=_moment(effective_cutoff(each.policy, member.facts)),
            max_age_seconds=int(each.policy.max_age.total_seconds()),
            decision=rule([each], member.facts).decision.value,
        )
        for each in asking.combine(settings, member.asked, member.own)
    )
