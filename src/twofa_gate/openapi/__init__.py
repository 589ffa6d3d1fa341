"""The OpenAPI 3.1 description of the JSON API, for front ends: `api_description()`.

It is not served: it is the same for every installation of a release, and nothing needs it at run time.
"""

from __future__ import annotations

from typing import Any

from twofa_gate.core.problems import Problem
from twofa_gate.openapi.answers import HEADERS, SHARED, answers
from twofa_gate.openapi.problems import problem_schemas
from twofa_gate.openapi.requests import EXAMPLES, REQUESTS
from twofa_gate.openapi.schemas import ANSWER_SCHEMAS

__all__ = ["api_description"]

_ABOUT = """\
Two-factor authentication for front ends: the same as the gate's own pages, in JSON.

Every answer but a 200 is a problem document (RFC 9457). Go by its `type`, which never changes; `title` and
`detail` are for people. Answers may get more members in time: ignore those that you don't know. Requests with
members that aren't described are refused.

`servers` is relative to the origin that the application is served from, below its mount point if it has one. A
method that an endpoint doesn't answer is 405 with `Allow`.
"""

_CODE = (Problem.WRONG, Problem.NOT_ENROLLED, Problem.THROTTLED, Problem.LOCKED)
_MANAGING = (Problem.TOKEN, Problem.CHALLENGE)


def api_description(mount: str = "/2fa") -> dict[str, Any]:
    """Describe the JSON API below `mount`. The caller owns what is returned, and may add to it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "twofa_gate", "version": "1", "description": _ABOUT},
        "servers": [{"url": f"{mount}/api/v1"}],
        "paths": {f"/{path}": methods for path, methods in _paths().items()},
        "components": {
            "schemas": {**ANSWER_SCHEMAS, **REQUESTS, **problem_schemas()},
            "headers": HEADERS,
            "responses": SHARED,
            "securitySchemes": _security(),
        },
    }


def _security() -> dict[str, Any]:
    session = (
        "The application's own login, by whichever credential its plugins know: most often a session cookie, whose "
        "name is the application's. The gate's own cookies travel beside it; a script neither reads nor sets them."
    )
    csrf = (
        "What `GET status` told as `csrf`. It belongs to the user, the login and the browser, and holds for 12 hours: "
        "it changes with a login or another user, not with a verification."
    )
    return {
        "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": session},
        "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": csrf},
    }


def _paths() -> dict[str, Any]:
    device = {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The authenticator's `id`, as `GET status` tells it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 64},
    }
    return {
        "status": _status(),
        "challenge": _post(
            "Answer a challenge",
            "With a right code this browser is verified. The field takes a code of an app or a recovery code. "
            "A recovery code ends every other verification of the account.",
            "Challenge",
            "Verified",
            _CODE,
        ),
        "enrollment": _post(
            "Set up, or add a device",
            "Without `code` it begins, and tells the secret; with one from the new device it confirms. The recovery "
            "codes come with the first device, once. Adding a device takes a verification in the last five minutes.",
            "Enrollment",
            "EnrollmentAnswer",
            (*_MANAGING, Problem.WRONG, Problem.TICKET, Problem.NO_PENDING_ENROLLMENT, Problem.TOO_MANY,
             Problem.THROTTLED, Problem.LOCKED),
        ),
        "recovery-codes": _post(
            "Make new recovery codes",
            "The old ones are void at once; the new ones are told here only.",
            "FreshCode",
            "RecoveryCodes",
            (*_MANAGING, *_CODE),
        ),
        "disable": _post(
            "Disable two-factor authentication",
            "Everything that let a browser pass ends, this browser's verification too.",
            "FreshCode",
            "Disabled",
            (*_MANAGING, *_CODE, Problem.REQUIRED),
        ),
        "authenticators/{id}": {
            "parameters": [device],
            **_post(
                "Rename or remove a device",
                "Takes a `code`, unless this browser has verified by one in the last five minutes.",
                "AuthenticatorChange",
                "Done",
                (*_MANAGING, Problem.NOT_FOUND, Problem.WRONG, Problem.LAST, Problem.THROTTLED, Problem.LOCKED),
            ),
        },
        "browsers": _post(
            "Sign browsers out, or forget trusted ones",
            "One verified or trusted browser by its `id`, all verified browsers but this one, or all trusted ones.",
            "BrowserChange",
            "Done",
            (*_MANAGING, Problem.NOT_FOUND),
        ),
    }  # fmt: skip


def _status() -> dict[str, Any]:
    following = {
        "name": "next",
        "in": "query",
        "description": "The signed parameter of a refusal's `url`: where this is asked about is then the location of "
        "that refusal, and not that of the API's own address.",
        "schema": {"type": "string"},
    }
    text = "And the token that every POST carries. Changes nothing."
    kinds = (Problem.BAD_REQUEST, Problem.ANONYMOUS, Problem.UNAVAILABLE)
    asking = {
        "summary": "Where this browser stands",
        "description": text,
        "security": [{"session": []}],
        "parameters": [following],
    }
    return {
        "get": {**asking, "operationId": "status", "responses": answers("Status", kinds)},
        "head": {**asking, "operationId": "statusHead", "responses": answers(None, kinds)},
    }


def _post(
    summary: str, text: str, takes: str, gives: str, kinds: tuple[Problem, ...]
) -> dict[str, dict[str, Any]]:
    common = (
        Problem.BAD_REQUEST,
        Problem.ANONYMOUS,
        Problem.CSRF,
        Problem.ORIGIN,
        Problem.TOO_LARGE,
        Problem.MEDIA_TYPE,
        Problem.UNAVAILABLE,
    )
    body = {"schema": {"$ref": f"#/components/schemas/{takes}"}, "examples": EXAMPLES[takes]}
    operation = {
        "summary": summary,
        "description": text,
        "operationId": takes[0].lower() + takes[1:] if takes != "FreshCode" else gives[0].lower() + gives[1:],
        "security": [{"session": [], "csrf": []}],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": answers(gives, (*common, *kinds)),
    }
    return {"post": operation}
