"""The decision, held against its table row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.core.stepping import NOW, user
from twofa_gate import AfterCutoff, Credential, Decision, Enforcement, Enrollment, Method, Policy, Tokens
from twofa_gate.core.account import Account, Extension
from twofa_gate.core.decision import (
    STRICTNESS,
    Facts,
    NamedPolicy,
    Ruling,
    decide,
    effective_cutoff,
    requires_now,
    rule,
    strictest,
)
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification

OFF, OPTIONAL, NEEDED = Enforcement.OFF, Enforcement.OPTIONAL, Enforcement.REQUIRED
PASS, REMIND, CHALLENGE = Decision.PASS, Decision.REMIND, Decision.CHALLENGE
ENROLL, DENY, UNAVAILABLE = Decision.ENROLL, Decision.DENY, Decision.UNAVAILABLE


def at(seconds: float) -> datetime:
    """Return a moment so many seconds from now."""
    return datetime.fromtimestamp(NOW + seconds, UTC)


def hours(number: float) -> timedelta:
    """Return a span."""
    return timedelta(hours=number)


@dataclass
class Case:
    """One row: what the policy says, what is known of the user (times relative to now), what is decided."""

    says: str
    decided: Decision
    enforcement: Enforcement = NEEDED
    policy: dict[str, Any] | None = None
    enrolled: float | None = None
    """When the user set up; `None`: they have not."""
    verified: float | None = None
    method: Method = Method.TOTP
    login: tuple[str | None, str | None] = (None, None)
    """Of the verification, and of the request."""
    trusted: float | None = None
    trusted_by: Method = Method.TOTP
    """By which code the browser came to be trusted."""
    credential: Credential = Credential.SESSION
    joined: float | None = None
    extensions: tuple[tuple[str | None, float], ...] = ()
    set_up_until: float | None = None
    """Of a reset."""
    void_before: float | None = None
    vouched: bool = False
    """Whether the user set up with a ticket."""

    def granted(self) -> Iterator[Extension]:
        """Give the extensions of this row."""
        for place, until in self.extensions:
            yield Extension(location=place, until=NOW + until)
        if self.set_up_until is not None:
            yield Extension(location=None, until=NOW + self.set_up_until, to_set_up=True)

    def facts(self) -> Facts:
        """Make the facts of this row."""
        one = Authenticator(id="a1", name="", secret="")
        account = None
        if self.enrolled is not None or self.extensions or self.set_up_until is not None:
            account = Account(
                user="u1",
                authenticators=() if self.enrolled is None else (one,),
                enabled_at=None if self.enrolled is None else NOW + self.enrolled,
                vouched=self.vouched,
                extensions=(*self.granted(),),
            )
        made = None
        if self.verified is not None:
            made = Verification(
                digest="d", at=NOW + self.verified, method=self.method.value, login=self.login[0]
            )
        return Facts(
            user=user(credential=self.credential, joined=None if self.joined is None else at(self.joined)),
            location="office",
            account=account,
            verification=made,
            trusted=self.trust(),
            login=self.login[1],
            now=NOW,
            void_before=None if self.void_before is None else NOW + self.void_before,
        )

    def trust(self) -> TrustedBrowser | None:
        """Make the trusted browser of this row."""
        if self.trusted is None:
            return None
        return TrustedBrowser(digest="t", at=NOW + self.trusted, method=self.trusted_by.value)

    def named(self) -> Policy:
        """Make the policy of this row."""
        return Policy(self.enforcement, **(self.policy or {}))


DAY = 86400.0
LATE = {"cutoff": at(-10), "after_cutoff": AfterCutoff.DENY}
TRUSTING = {"trust_browser_for": timedelta(days=30)}
TOTP_ONLY = {**TRUSTING, "methods": {Method.TOTP}}
TICKETS = {"enrollment": Enrollment.TICKET}
ALLOWING = {"tokens": Tokens.ALLOW}
LONG_AGO = {**LATE, "cutoff": at(-7200)}
PASSWORD = Credential.PASSWORD
RECOVERY = Method.RECOVERY_CODE
AGE = 12 * 3600.0

TABLE = [
    # a location that is off asks nobody
    Case("off, not enrolled", PASS, OFF),
    Case("off, enrolled, not verified", PASS, OFF, enrolled=-DAY),
    Case("off, token refused elsewhere", PASS, OFF, credential=Credential.TOKEN),
    # tokens
    Case("token allowed, optional", PASS, OPTIONAL, ALLOWING, -DAY, credential=Credential.TOKEN),
    Case("token allowed, required", PASS, NEEDED, ALLOWING, credential=Credential.TOKEN),
    Case("token allowed, past a DENY date", PASS, NEEDED, {**LATE, **ALLOWING}, credential=Credential.TOKEN),
    Case("token refused", CHALLENGE, NEEDED, None, -DAY, credential=Credential.TOKEN),
    Case("token refused, not enrolled", ENROLL, NEEDED, credential=Credential.TOKEN),
    Case("token allowed, but it is a session", CHALLENGE, NEEDED, ALLOWING, -DAY),
    Case("token allowed, but it is a password", CHALLENGE, NEEDED, ALLOWING, -DAY, credential=PASSWORD),
    # enrolled and verified
    Case("optional, verified", PASS, OPTIONAL, None, -DAY, 0),
    Case("required, verified", PASS, NEEDED, None, -DAY, 0),
    Case("verified by Basic password too", PASS, NEEDED, None, -DAY, 0, credential=PASSWORD),
    Case("required in future, verified", PASS, NEEDED, {"cutoff": at(DAY)}, -DAY, 0),
    Case("verified, but the account is bare", ENROLL, NEEDED, None, None, 0),
    # enrolled and not verified
    Case("optional, enrolled", CHALLENGE, OPTIONAL, None, -DAY),
    Case("required, enrolled", CHALLENGE, NEEDED, None, -DAY),
    Case("required in future, enrolled", CHALLENGE, NEEDED, {"cutoff": at(DAY)}, -DAY),
    # the age of a verification
    Case("at max_age", PASS, NEEDED, None, -DAY, -AGE),
    Case("past max_age", CHALLENGE, NEEDED, None, -DAY, -AGE - 0.001),
    Case("lax elsewhere, strict here", CHALLENGE, NEEDED, {"max_age": timedelta(minutes=5)}, -DAY, -301),
    Case("strict here, in time", PASS, NEEDED, {"max_age": timedelta(minutes=5)}, -DAY, -300),
    Case("30 s ahead", PASS, NEEDED, None, -DAY, 30),
    Case("further ahead", CHALLENGE, NEEDED, None, -DAY, 30.001),
    Case("at void_before", PASS, NEEDED, None, -DAY, -10, void_before=-10),
    Case("older than void_before", CHALLENGE, NEEDED, None, -DAY, -10.001, void_before=-10),
    Case("void_before in the future", CHALLENGE, NEEDED, None, -DAY, 0, void_before=20),
    # its method
    Case("recovery code counts", PASS, NEEDED, None, -DAY, 0, Method.RECOVERY_CODE),
    Case("recovery code doesn't count", CHALLENGE, NEEDED, {"methods": {Method.TOTP}}, -DAY, 0, Method.RECOVERY_CODE),
    Case("TOTP doesn't count", CHALLENGE, NEEDED, {"methods": {Method.RECOVERY_CODE}}, -DAY, 0),
    # its login
    Case("same login", PASS, NEEDED, None, -DAY, 0, login=("l1", "l1")),
    Case("other login", CHALLENGE, NEEDED, None, -DAY, 0, login=("l1", "l2")),
    Case("login not named any more", CHALLENGE, NEEDED, None, -DAY, 0, login=("l1", None)),
    Case("login newly named", CHALLENGE, NEEDED, None, -DAY, 0, login=(None, "l1")),
    # trusted browsers
    Case("trusted here", PASS, NEEDED, TRUSTING, -DAY, trusted=-DAY),
    Case("trusted, optional", PASS, OPTIONAL, TRUSTING, -DAY, trusted=-DAY),
    Case("trusted, at its end", PASS, NEEDED, TRUSTING, -DAY, trusted=-30 * DAY),
    Case("trusted, past its end", CHALLENGE, NEEDED, TRUSTING, -DAY, trusted=-30 * DAY - 0.001),
    Case("trusted from further ahead", CHALLENGE, NEEDED, TRUSTING, -DAY, trusted=31),
    Case("trusted, void", CHALLENGE, NEEDED, TRUSTING, -DAY, trusted=-60, void_before=-30),
    Case("trusted by a recovery code", PASS, NEEDED, TRUSTING, -DAY, trusted=-1, trusted_by=RECOVERY),
    Case("so where only TOTP counts", CHALLENGE, NEEDED, TOTP_ONLY, -DAY, trusted=-1, trusted_by=RECOVERY),
    Case("trusted by TOTP where only it counts", PASS, NEEDED, TOTP_ONLY, -DAY, trusted=-1),
    Case("trust not offered here", CHALLENGE, NEEDED, None, -DAY, trusted=-1),
    Case("trusted, but the account is bare", ENROLL, NEEDED, TRUSTING, trusted=-1),
    # not enrolled
    Case("optional, not enrolled", PASS, OPTIONAL),
    Case("required now", ENROLL, NEEDED),
    Case("a millisecond before the cut-off", REMIND, NEEDED, {"cutoff": at(0.001)}),
    Case("at the cut-off", ENROLL, NEEDED, {"cutoff": at(0)}),
    Case("past the cut-off", ENROLL, NEEDED, {"cutoff": at(-1)}),
    Case("before a DENY date", REMIND, NEEDED, {**LATE, "cutoff": at(1)}),
    Case("at a DENY date", DENY, NEEDED, {**LATE, "cutoff": at(0)}),
    Case("past a DENY date", DENY, NEEDED, LATE),
    # DENY, enrolled in time or late
    Case("DENY, in time, verified", PASS, NEEDED, LATE, -10.001, 0),
    Case("DENY, in time, not verified", CHALLENGE, NEEDED, LATE, -10.001),
    Case("DENY, enrolled at the date", DENY, NEEDED, LATE, -10, 0),
    Case("DENY, enrolled late and verified", DENY, NEEDED, LATE, -5, 0),
    Case("DENY, enrolled late and trusted", DENY, NEEDED, {**LATE, **TRUSTING}, -5, trusted=0),
    Case("DENY, late, the date moved", PASS, NEEDED, {**LATE, "cutoff": at(60)}, -5, 0),
    Case("DENY, late, extended till before", DENY, NEEDED, LATE, -5, 0, extensions=((None, -6),)),
    Case("DENY, late, extended till after", PASS, NEEDED, LATE, -5, 0, extensions=((None, -4),)),
    Case("DENY of an OPTIONAL location", PASS, OPTIONAL, LATE, -5, 0),
    # extensions
    Case("extended", REMIND, NEEDED, LATE, extensions=((None, 1),)),
    Case("extended here", REMIND, NEEDED, LATE, extensions=(("office", 1),)),
    Case("extended elsewhere", DENY, NEEDED, LATE, extensions=(("billing", 60),)),
    Case("extension at its end", DENY, NEEDED, LATE, extensions=((None, 0),)),
    Case("the latest extension holds", REMIND, NEEDED, LATE, extensions=((None, 60), (None, -60))),
    Case("extension without a cut-off", REMIND, NEEDED, extensions=((None, 1),)),
    Case("an extension never shortens", REMIND, NEEDED, {"cutoff": at(60)}, extensions=((None, -60),)),
    # after a reset
    Case("reset, required", ENROLL, NEEDED, set_up_until=60),
    Case("reset, past a DENY date", ENROLL, NEEDED, LATE, set_up_until=60),
    Case("reset, DENY, at the end of the time to set up", DENY, NEEDED, LATE, set_up_until=0),
    Case("reset, before a DENY date", REMIND, NEEDED, {**LATE, "cutoff": at(1)}, set_up_until=60),
    Case("reset and extended", REMIND, NEEDED, LATE, extensions=((None, 1),), set_up_until=60),
    Case("reset, DENY, set up again in time", PASS, NEEDED, LATE, -5, 0, set_up_until=-4),
    Case("reset, DENY, set up again too late", DENY, NEEDED, LATE, -5, 0, set_up_until=-6),
    Case("reset where it is optional", PASS, OPTIONAL, set_up_until=60),
    # tickets
    Case("set up without a ticket", ENROLL, NEEDED, TICKETS, -DAY, 0),
    Case("set up with a ticket", PASS, NEEDED, TICKETS, -DAY, 0, vouched=True),
    Case("set up with a ticket, not verified", CHALLENGE, NEEDED, TICKETS, -DAY, vouched=True),
    Case("without a ticket, before the cut-off", PASS, NEEDED, {**TICKETS, "cutoff": at(1)}, -DAY, 0),
    Case("without a ticket, at the cut-off", ENROLL, NEEDED, {**TICKETS, "cutoff": at(0)}, -DAY, 0),
    Case("without a ticket, DENY", DENY, NEEDED, {**LATE, **TICKETS}, -DAY, 0),
    Case("without a ticket, before they were asked for", PASS, NEEDED, {**TICKETS, "tickets_from": at(-10)}, -11, 0),
    Case("without a ticket, when they were asked for", ENROLL, NEEDED, {**TICKETS, "tickets_from": at(-10)}, -10, 0),
    Case("tickets where 2FA is optional", PASS, OPTIONAL, TICKETS, -DAY, 0),
    # days of grace
    Case("joined after the cut-off, in grace", REMIND, NEEDED, {**LATE, "grace": hours(1)}, joined=-5),
    Case("joined after the cut-off, grace over", DENY, NEEDED, {**LONG_AGO, "grace": hours(1)}, joined=-3600),
    Case("joined before the cut-off", DENY, NEEDED, {**LATE, "grace": hours(1)}, joined=-11),
    Case("joined at the cut-off", DENY, NEEDED, {**LATE, "grace": hours(1)}, joined=-10),
    Case("grace, but when they joined isn't known", DENY, NEEDED, {**LATE, "grace": hours(1)}),
    Case("joined, but no grace", DENY, NEEDED, LATE, joined=-5),
    Case("grace without a cut-off", REMIND, NEEDED, {"grace": hours(1)}, joined=-5),
    Case("DENY, set up within the grace", PASS, NEEDED, {**LATE, "grace": hours(1)}, -2, 0, joined=-5),
]  # fmt: skip


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.says)
def test_table(case: Case) -> None:
    """Each row of the table, and each boundary, is decided as the table says."""
    assert decide(case.named(), case.facts()) is case.decided


def test_rows_have_names_of_their_own() -> None:
    """No row is lost behind another of its name."""
    assert len({case.says for case in TABLE}) == len(TABLE)


def rulings(*policies: Policy, facts: Facts) -> Ruling:
    """Rule by several policies, named p0, p1, ..."""
    return rule([NamedPolicy(policy, f"p{number}") for number, policy in enumerate(policies)], facts)


FACTS = Case("", PASS, enrolled=-DAY, verified=-600).facts()
LAX, STRICT = Policy(NEEDED), Policy(NEEDED, max_age=timedelta(minutes=5))


@pytest.mark.parametrize("policies", [(LAX, STRICT), (STRICT, LAX), (STRICT, STRICT, Policy(OFF))])
def test_strictest_wins_in_any_order(policies: tuple[Policy, ...]) -> None:
    """The strictest decision wins, wherever its policy stands, and remembers whose it was."""
    ruling = rulings(*policies, facts=FACTS)
    assert ruling.decision is CHALLENGE
    assert ruling.policy is not None
    assert ruling.policy.policy is STRICT


def test_each_policy_is_decided_by_itself() -> None:
    """Two policies are not mixed: what satisfies each separately passes, what fails one doesn't."""
    first = Policy(NEEDED, methods={Method.TOTP}, max_age=timedelta(hours=1))
    second = Policy(NEEDED, methods={Method.RECOVERY_CODE}, trust_browser_for=timedelta(days=1))
    facts = replace(FACTS, trusted=TrustedBrowser(digest="t", at=NOW))
    assert rulings(first, second, facts=facts).decision is PASS
    assert rulings(first, second, facts=FACTS).decision is CHALLENGE
    assert rulings(first, second, facts=replace(facts, verification=None)).decision is CHALLENGE


def test_order_of_strictness() -> None:
    """From PASS to UNAVAILABLE each decision is stricter than those before it, and all are ranked."""
    assert STRICTNESS == (PASS, REMIND, CHALLENGE, ENROLL, DENY, UNAVAILABLE)
    assert set(STRICTNESS) == set(Decision)
    for index, lenient in enumerate(STRICTNESS):
        for strict in STRICTNESS[index:]:
            assert strictest([Ruling(strict), Ruling(lenient)]).decision is strict
            assert strictest([Ruling(lenient), Ruling(strict)]).decision is strict


def test_earlier_of_two_dates_is_reminded_of() -> None:
    """Of two policies that remind the one with the earlier cut-off counts, whichever stands first."""
    soon, later = Policy(NEEDED, cutoff=at(60)), Policy(NEEDED, cutoff=at(7200))
    facts = Case("", REMIND).facts()
    for policies in ((soon, later), (later, soon)):
        ruling = rulings(*policies, facts=facts)
        assert (ruling.decision, ruling.cutoff) == (REMIND, NOW + 60)


@pytest.mark.parametrize("nothing", [[], (), iter(())])
def test_no_policy_is_unavailable(nothing: Iterable[NamedPolicy]) -> None:
    """Without any policy nobody passes."""
    assert rule(nothing, FACTS) == Ruling(UNAVAILABLE)


def test_ruling_names_the_users_own_cutoff() -> None:
    """The ruling carries the cut-off that holds for this user, extension and grace included."""
    case = Case("", DENY, policy={**LATE, "grace": hours(1)}, joined=-5, extensions=((None, 7200),))
    assert rulings(case.named(), facts=case.facts()).cutoff == NOW + 7200
    assert effective_cutoff(case.named(), replace(case.facts(), account=None)) == NOW - 5 + 3600
    assert effective_cutoff(Policy(NEEDED), FACTS) is None


@pytest.mark.parametrize(
    ("policy", "required"),
    [
        (Policy(OFF), False),
        (Policy(OPTIONAL), False),
        (Policy(NEEDED), True),
        (Policy(NEEDED, cutoff=at(0)), True),
        (Policy(NEEDED, cutoff=at(0.001)), False),
    ],
)
def test_what_forbids_disabling(policy: Policy, required: bool) -> None:
    """Disabling is forbidden where 2FA is required, from the cut-off on."""
    assert requires_now(policy, FACTS) is required
