"""What a change of a location's settings does to its members, in figures and names, before it is saved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.location_rules import SOURCE, LocationRules, policy_of
from twofa_gate.core.settings import Settings
from twofa_gate.locations.adoption import MemberFacts
from twofa_gate.model import Decision

__all__ = ["NAMES", "Impact"]

NAMES = 20
"""Names that are listed; the figures count everybody."""


@dataclass(slots=True)
class Impact:
    """Counts members as they are read.

    - `missing`: have not set up. `kept_out`, `sent`: would be kept out, or sent to set up, at once.
    - `later`: further ones who would be refused when the From date comes, as things stand.
    - `names`: of those who are refused at once. `complete`: whether all members were looked at.
    """

    settings: Settings
    rules: LocationRules
    total: int = 0
    missing: int = 0
    kept_out: int = 0
    sent: int = 0
    later: int = 0
    names: list[str] = field(default_factory=list)
    complete: bool = True

    @property
    def own(self) -> tuple[NamedPolicy, ...]:
        """The location's own policy as it would be."""
        return (NamedPolicy(policy_of(self.rules), SOURCE),)

    def count(self, members: list[MemberFacts]) -> None:
        """Count some members."""
        own = self.own
        for member in members:
            self._count(member, own)

    def _count(self, member: MemberFacts, own: tuple[NamedPolicy, ...]) -> None:
        self.total += 1
        self.missing += not member.account.enrolled
        decision = member.ruling(self.settings, own).decision
        self.kept_out += decision is Decision.DENY
        self.sent += decision is Decision.ENROLL
        if decision in (Decision.DENY, Decision.ENROLL):
            if len(self.names) < NAMES:
                self.names.append(member.facts.user.label)
            return
        cutoff = self.rules.cutoff if self.rules.enforce else None
        if cutoff is not None and cutoff > member.facts.now:
            then = replace(member, facts=replace(member.facts, now=cutoff)).ruling(self.settings, own)
            self.later += then.decision in (Decision.DENY, Decision.ENROLL)
