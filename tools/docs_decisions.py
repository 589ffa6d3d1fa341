"""The decision table and its picture, got by asking the function that decides.

Nothing here knows a rule: each cell is what `decide` returns for the facts of its row and column, and the tree
is what is left of all combinations of answers when questions that make no difference are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from docs_markdown import page, table

from twofa_gate import (
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
from twofa_gate.core.account import Account, Extension
from twofa_gate.core.decision import STRICTNESS, Facts, decide, effective_cutoff
from twofa_gate.core.signing import CLOCK_SKEW
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification

__all__ = ["decisions_page", "tree"]

CUTOFF = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
AT = CUTOFF.timestamp()
BEFORE, AFTER = AT - 3600, AT + 3600
AGE = timedelta(hours=12)
Answers = Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """One thing that a decision can depend on, and its possible answers."""

    text: str
    answers: tuple[str, ...]


POLICY = Question("enforcement", ("OFF", "OPTIONAL", "REQUIRED"))
TOKEN = Question("known by a token, and the policy allows tokens", ("yes", "no"))
MOMENT = Question("the cut-off", ("is ahead", "has come, or there is none"))
MISSED = Question("after_cutoff", ("ENROLL", "DENY"))
ENROLLED = Question(
    "enrolled", ("no", "before the cut-off", "after the cut-off", "without the ticket that it takes")
)
VERIFIED = Question("verification good enough here", ("yes", "no"))
TRUSTED = Question("this browser is trusted, and the policy lets browsers be trusted", ("yes", "no"))
QUESTIONS = (POLICY, TOKEN, MOMENT, MISSED, ENROLLED, VERIFIED, TRUSTED)


def ask(answers: Answers) -> Decision:
    """Build the policy and the facts that the answers describe, and decide."""
    enforcement = Enforcement[answers[POLICY.text]]
    ahead = answers[MOMENT.text] == "is ahead"
    policy = Policy(
        enforcement,
        cutoff=CUTOFF,
        after_cutoff=AfterCutoff[answers[MISSED.text]],
        max_age=AGE,
        trust_browser_for=timedelta(days=30),
        tokens=Tokens.ALLOW,
        enrollment=Enrollment.TICKET if "ticket" in answers[ENROLLED.text] else Enrollment.OPEN,
    )
    # With the cut-off ahead, "after the cut-off" can't have been yet: such an account has enrolled just now.
    now = BEFORE if ahead else AFTER
    enrolled_at = {"no": None, "after the cut-off": now - 60}
    credential = Credential.TOKEN if answers[TOKEN.text] == "yes" else Credential.SESSION
    facts = Facts(
        user=User(id="1", label="ada@example.com", credential=credential),
        location="office",
        account=account(enrolled_at.get(answers[ENROLLED.text], BEFORE - 60)),
        verification=verification(now) if answers[VERIFIED.text] == "yes" else None,
        trusted=TrustedBrowser(digest="t", at=now) if answers[TRUSTED.text] == "yes" else None,
        login=None,
        now=now,
    )
    return decide(policy, facts)


def account(enabled_at: float | None) -> Account | None:
    """Return the account of somebody who enrolled at that time, or none."""
    if enabled_at is None:
        return None
    return Account(
        user="1",
        authenticators=(Authenticator(id="a", name="Phone", secret="-"),),  # noqa: S106 - none
        enabled_at=enabled_at,
    )


def verification(at: float, method: Method = Method.TOTP, login: str | None = None) -> Verification:
    """Return a verification."""
    return Verification(digest="v", at=at, method=method.value, login=login)


Tree = Decision | tuple[str, tuple[tuple[str, "Tree"], ...]]


def tree(given: dict[str, str], left: tuple[Question, ...]) -> Tree:
    """Decide for every combination of answers that is left, leaving out questions that make no difference."""
    if not left:
        return ask(given)
    question, rest = left[0], left[1:]
    branches = [(answer, tree({**given, question.text: answer}, rest)) for answer in question.answers]
    if all(branch == branches[0][1] for _, branch in branches):
        return branches[0][1]
    merged: list[tuple[str, Tree]] = []
    for answer, branch in branches:
        same = next((index for index, (_, other) in enumerate(merged) if other == branch), None)
        if same is None:
            merged.append((answer, branch))
        else:
            merged[same] = (f"{merged[same][0]}, or {answer}", branch)
    return question.text, tuple(merged)


def draw(node: Tree, indent: str = "") -> list[str]:
    """Draw a tree in lines of text."""
    if isinstance(node, Decision):
        return [f"{indent}{node.name}"]
    question, branches = node
    lines = [f"{indent}{question}?"]
    for index, (answer, branch) in enumerate(branches):
        last = index == len(branches) - 1
        corner, bar = ("└── ", "    ") if last else ("├── ", "│   ")
        if isinstance(branch, Decision):
            lines.append(f"{indent}{corner}{answer}: {branch.name}")
        else:
            lines.append(f"{indent}{corner}{answer}")
            lines += draw(branch, indent + bar)
    return lines


def _policies() -> dict[str, dict[str, str]]:
    ahead, come = MOMENT.answers
    return {
        "`OFF`": {POLICY.text: "OFF", MOMENT.text: come, MISSED.text: "ENROLL"},
        "`OPTIONAL`": {POLICY.text: "OPTIONAL", MOMENT.text: come, MISSED.text: "ENROLL"},
        "`REQUIRED`, before the cut-off": {
            POLICY.text: "REQUIRED",
            MOMENT.text: ahead,
            MISSED.text: "ENROLL",
        },
        "`REQUIRED`, from the cut-off, `ENROLL`": {
            POLICY.text: "REQUIRED",
            MOMENT.text: come,
            MISSED.text: "ENROLL",
        },
        "`REQUIRED`, from the cut-off, `DENY`": {
            POLICY.text: "REQUIRED",
            MOMENT.text: come,
            MISSED.text: "DENY",
        },
    }


def _states() -> dict[str, dict[str, str]]:
    plain = {TOKEN.text: "no", ENROLLED.text: "before the cut-off", VERIFIED.text: "no", TRUSTED.text: "no"}
    return {
        "not enrolled": {**plain, ENROLLED.text: "no"},
        "enrolled, not verified": plain,
        "enrolled, verified": {**plain, VERIFIED.text: "yes"},
        "enrolled, browser trusted": {**plain, TRUSTED.text: "yes"},
        "enrolled after the cut-off, verified": {
            **plain,
            ENROLLED.text: "after the cut-off",
            VERIFIED.text: "yes",
        },
        "enrolled without the ticket that it takes, verified": {
            **plain,
            ENROLLED.text: "without the ticket that it takes",
            VERIFIED.text: "yes",
        },
        "allowed token": {**plain, TOKEN.text: "yes"},
    }


def _matrix() -> str:
    states = _states()

    def cell(policy: Answers, state: Answers) -> str:
        never = policy[MOMENT.text] == "is ahead" and state[ENROLLED.text] == "after the cut-off"
        return "-" if never else ask({**policy, **state}).name

    rows = [
        [name, *(cell(policy, state) for state in states.values())] for name, policy in _policies().items()
    ]
    return table(["policy", *states], rows)


def _verifications() -> str:
    policy = Policy(Enforcement.REQUIRED, max_age=AGE, methods=frozenset({Method.TOTP}))
    now, age = AFTER, AGE.total_seconds()
    base = Facts(User("1", "ada@example.com"), "office", account(0.0), None, None, "login 1", now)

    def made(at: float, method: Method = Method.TOTP, login: str | None = "login 1") -> Facts:
        return replace(base, verification=verification(at, method, login))

    cases: dict[str, Facts] = {
        "of this login, by a method that counts here": made(now),
        "exactly as old as `max_age`": made(now - age),
        "one second older than `max_age`": made(now - age - 1),
        f"from {CLOCK_SKEW} s ahead (another machine's clock)": made(now + CLOCK_SKEW),
        f"from {CLOCK_SKEW + 1} s ahead": made(now + CLOCK_SKEW + 1),
        "of another login of the same user": made(now, login="login 2"),
        "made when the host named no login": made(now, login=None),
        "by a method that is not among `methods`": made(now, Method.RECOVERY_CODE),
        "older than `void_before`": replace(made(now - 60), void_before=now - 30),
        "none": base,
    }
    return table(
        ["verification", "decision"], [[name, decide(policy, facts).name] for name, facts in cases.items()]
    )


def _cutoffs() -> str:
    user, late = User("1", "a"), User("1", "a", joined=CUTOFF + timedelta(days=10))
    plain = Policy(Enforcement.REQUIRED, cutoff=CUTOFF)
    grace = replace(plain, grace=timedelta(days=7))
    none = Policy(Enforcement.REQUIRED)
    extended = Account(user="1", extensions=(Extension(location="office", until=AT + 2 * 86400),))
    elsewhere = Account(user="1", extensions=(Extension(location="shop", until=AT + 2 * 86400),))

    def told(policy: Policy, who: User, about: Account | None) -> str:
        facts = Facts(who, "office", about, None, None, None, AFTER)
        moment = effective_cutoff(policy, facts)
        return "at once" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"

    rows = [
        ["no `cutoff`", told(none, user, None)],
        [f"`cutoff` {CUTOFF:%Y-%m-%d %H:%M} UTC", told(plain, user, None)],
        ["the same, and the user has an extension of two days after it here", told(plain, user, extended)],
        ["the same, but the extension is for another location", told(plain, user, elsewhere)],
        ["the same, `grace` of 7 days, and the user joined 10 days after it", told(grace, late, None)],
        ["the same, and the host doesn't say when the user joined", told(grace, user, None)],
        [
            "no `cutoff`, `grace` of 7 days, and the user joined as above",
            told(replace(none, grace=grace.grace), late, None),
        ],
    ]
    return table(["policy and user", "the requirement takes effect"], rows)


def decisions_page() -> str:
    """Write the page of the decision table."""
    order = ", ".join(f"`{decision.name}`" for decision in STRICTNESS)
    picture = "\n".join(draw(tree({}, QUESTIONS)))
    return page(
        "Decision table",
        "One pure function, `decide` in `twofa_gate/core/decision.py`, says what a policy demands of a user who is "
        "known. Anonymous requests pass; whenever something that a decision needs has failed, or no policy holds, "
        "the decision is `UNAVAILABLE` (503) without it. Everything on this page was got by calling the function.",
        "## By policy and state",
        _matrix(),
        "`PASS` lets the request through. `REMIND` does too, and tells the host about the date. `CHALLENGE` asks for "
        "a code, `ENROLL` sends to set up, `DENY` keeps out.",
        "## As a tree",
        "What is left of every combination of answers when the questions that make no difference are left out:",
        f"```text\n{picture}\n```",
        "## Which verification is good enough",
        "At a location that demands TOTP, verified at most 12 hours ago, of a user whose host names logins:",
        _verifications(),
        "## When a requirement takes effect",
        _cutoffs(),
        "## Several policies",
        "Where several plugins give a policy for a location, each is decided by itself and the strictest decision "
        f"wins, in this order: {order}.",
    )
