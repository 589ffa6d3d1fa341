"""What the endpoints answer: the headers that every answer has, the documents, and the problems by status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twofa_gate.core.problems import Problem
from twofa_gate.core.refusal import SECURITY_HEADERS
from twofa_gate.openapi.problems import problem_example, schema_name
from twofa_gate.openapi.schemas import ANSWER_EXAMPLES

__all__ = ["HEADERS", "SHARED", "answers"]

_TEXT = {"type": "string"}
_SECONDS = {"type": "integer", "minimum": 1}
_OF_EVERY_ANSWER = [name for name, _ in SECURITY_HEADERS]

HEADERS: dict[str, Any] = {
    **{name: {"required": True, "schema": {"const": value}} for name, value in SECURITY_HEADERS},
    "Set-Cookie": {"description": "The gate's own cookies, `HttpOnly`.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": _SECONDS},
    "Allow": {"description": "The methods that the endpoint answers.", "required": True, "schema": _TEXT},
    "WWW-Authenticate": {"description": "RFC 9470.", "required": True, "schema": _TEXT},
    "HX-Redirect": {"description": "The same as `url`, where htmx called.", "schema": _TEXT},
}


def answers(gives: str | None, kinds: tuple[Problem, ...]) -> dict[str, Any]:
    """Describe the answers of an operation: a document (or nothing but headers), and problems."""
    done: dict[str, Any] = {"description": "Done.", "headers": _headers("Set-Cookie")}
    if gives is not None:
        shown = {"schema": _ref(gives), "examples": ANSWER_EXAMPLES[gives]}
        done["content"] = {"application/json": shown}
    by_status: dict[int, list[Problem]] = {}
    for kind in kinds:
        by_status.setdefault(kind.statuses[0], []).append(kind)
    problems = {str(status): _problem_of(by_status[status]) for status in sorted(by_status)}
    if gives is None:  # HEAD: the headers alone
        problems = {status: {"description": "As for GET.", "headers": _headers()} for status in problems}
    return {"200": done, **problems}


def _problem_of(kinds: list[Problem]) -> dict[str, Any]:
    if len(kinds) == 1 and kinds[0] in _ALONE:
        return {"$ref": f"#/components/responses/{_ALONE[kinds[0]]}"}
    return problem_answer(kinds[0].statuses[0], *kinds)


def problem_answer(status: int, *kinds: Problem, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe an answer that is one of these problems."""
    waits = ("Retry-After",) if status in (429, 503) else ()
    sets = () if status == 503 else ("Set-Cookie",)
    refs = {kind.type: _ref(schema_name(kind)) for kind in kinds}
    schema: dict[str, Any] = next(iter(refs.values()))
    if len(refs) > 1:
        mapping = {kind: ref["$ref"] for kind, ref in refs.items()}
        schema = {
            "oneOf": list(refs.values()),
            "discriminator": {"propertyName": "type", "mapping": mapping},
        }
    shown = {kind.kind: {"value": problem_example(kind, status)} for kind in kinds}
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{kind.kind}`' for kind in kinds)}.",
        "headers": _headers(*sets, *waits, *also),
        "content": {"application/problem+json": {"schema": schema, "examples": shown}},
    }


def _ref(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_OF_EVERY_ANSWER, *names)}


_DUE = (Problem.CHALLENGE, Problem.ENROLL, Problem.DENY)
_ALONE = {
    Problem.BAD_REQUEST: "BadRequest",
    Problem.ANONYMOUS: "Anonymous",
    Problem.TOO_LARGE: "TooLarge",
    Problem.MEDIA_TYPE: "MediaType",
    Problem.UNAVAILABLE: "Unavailable",
}

SHARED: dict[str, Any] = {
    **{name: problem_answer(kind.statuses[0], kind) for kind, name in _ALONE.items()},
    "MethodNotAllowed": problem_answer(405, Problem.METHOD_NOT_ALLOWED, also=("Allow",)),
    "Refused": problem_answer(403, *_DUE, also=("HX-Redirect",)),
    "RefusedToken": problem_answer(401, *_DUE, also=("WWW-Authenticate",)),
}
"""Answers of several endpoints; what an endpoint says to a method that it doesn't answer; and what the application's
own addresses answer where the gate refuses, for whoever describes those."""
