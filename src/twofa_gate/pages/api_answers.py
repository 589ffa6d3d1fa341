"""What the JSON API answers: a document, or a problem."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult, Outcome
from twofa_gate.core.cookies import Header
from twofa_gate.core.problems import Problem
from twofa_gate.core.refusal import SECURITY_HEADERS, problem
from twofa_gate.pages import enroll
from twofa_gate.pages.outcomes import retry_headers
from twofa_gate.pages.visit import Visit

__all__ = ["done", "needs_code", "refused", "told"]

_PROBLEMS = {
    Outcome.WRONG: Problem.WRONG,
    Outcome.THROTTLED: Problem.THROTTLED,
    Outcome.LOCKED: Problem.LOCKED,
    Outcome.NOT_ENROLLED: Problem.NOT_ENROLLED,
}


def done(visit: Visit, members: dict[str, Any], *headers: Header) -> Answer:
    """Answer with a document."""
    body = json.dumps(members, default=_plain).encode()
    kind = ("Content-Type", "application/json")
    length = ("Content-Length", str(len(body)))
    return Answer(200, (kind, length, *SECURITY_HEADERS, *visit.cookies, *headers), body)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, SimpleNamespace):
        return vars(value)
    raise TypeError(type(value).__name__)


def told(visit: Visit, kind: Problem, *headers: Header, **members: Any) -> Answer:
    """Answer with a problem."""
    return problem(kind, *visit.cookies, *headers, **members)


def refused(visit: Visit, result: CodeResult, *, clock: bool = False) -> Answer:
    """Tell what became of a code; `clock`: also by how much the clock of a new phone seems to be off."""
    members: dict[str, Any] = {"retry_after": result.retry_after} if result.retry_after else {}
    minutes = enroll.clock_minutes(result.clock_steps) if clock else None
    if minutes is not None:
        members["clock_minutes"] = minutes
    return told(visit, _PROBLEMS[result.outcome], *retry_headers(result), **members)


def needs_code(visit: Visit) -> Answer:
    """Ask for a code first."""
    members = {"decision": "challenge", "location": visit.standing.location, "url": visit.url("/challenge")}
    return told(visit, Problem.CHALLENGE, **members)
