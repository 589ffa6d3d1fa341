"""The schemas of the problem documents: one for each kind, from the table of kinds."""

from __future__ import annotations

from typing import Any

from twofa_gate.core.problems import Problem

__all__ = ["problem_example", "problem_schemas", "schema_name"]

_LOCATION = {"type": "string", "description": "The key of the location that asks for it."}
_DUE = {
    "location": _LOCATION,
    "url": {
        "type": "string",
        "description": "The gate's page for it; it leads back to the page that was open.",
    },
}
_MAX_AGE = {
    "type": "integer",
    "description": "How old a verification may be, where the application asks for a fresh one.",
}
_RETRY = {"retry_after": {"type": "integer", "minimum": 1, "description": "Seconds; as in `Retry-After`."}}
_DETAIL = {"detail": {"type": "string", "description": "What is wrong, for people."}}

_MEMBERS: dict[Problem, dict[str, Any]] = {
    Problem.CHALLENGE: {"decision": {"const": "challenge"}, **_DUE},
    Problem.ENROLL: {"decision": {"const": "enroll"}, **_DUE},
    Problem.DENY: {"decision": {"const": "deny"}, **_DUE},
    Problem.UNAVAILABLE: {"decision": {"const": "unavailable"}},
    Problem.THROTTLED: _RETRY,
    Problem.LOCKED: _RETRY,
    Problem.REQUIRED: {"required_by": {"type": "array", "minItems": 1, "items": {"type": "string"}}},
    Problem.BAD_REQUEST: _DETAIL,
    Problem.TOO_LARGE: _DETAIL,
    Problem.MEDIA_TYPE: _DETAIL,
}
_OPTIONAL: dict[Problem, dict[str, Any]] = {
    Problem.CHALLENGE: {"max_age": _MAX_AGE},
    Problem.ENROLL: {"max_age": _MAX_AGE},
    Problem.WRONG: {"clock_minutes": {"type": "integer", "minimum": 1}},
}
_VALUES: dict[str, Any] = {
    "location": "billing",
    "url": "/2fa/challenge?next=WyIvaW52b2ljZXMiLCJiaWxsaW5nIl0",
    "retry_after": 4,
    "required_by": ["billing"],
    "detail": "trust must be true or false.",
}


def schema_name(kind: Problem) -> str:
    """Name the schema of a kind: `NoPendingEnrollmentProblem`."""
    return "".join(part.capitalize() for part in kind.kind.split("-")) + "Problem"


def problem_schemas() -> dict[str, Any]:
    """Return a schema for each kind."""
    return {schema_name(kind): _schema(kind) for kind in Problem}


def _schema(kind: Problem) -> dict[str, Any]:
    members = _MEMBERS.get(kind, {})
    return {
        "type": "object",
        "description": kind.advice,
        "properties": {
            "type": {"const": kind.type},
            "title": {"const": kind.title},
            "status": {"enum": list(kind.statuses)},
            **members,
            **_OPTIONAL.get(kind, {}),
        },
        "required": ["type", "title", "status", *members],
    }


def problem_example(kind: Problem, status: int) -> dict[str, Any]:
    """Give an example of a kind."""
    members = {
        name: schema.get("const", _VALUES.get(name)) for name, schema in _MEMBERS.get(kind, {}).items()
    }
    return {"type": kind.type, "title": kind.title, "status": status, **members}
