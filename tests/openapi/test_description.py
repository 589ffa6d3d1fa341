"""The description and the code say the same: endpoints, methods, members, problems; and its examples are right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.docs.pages import DOCS, ROOT
from twofa_gate.core.problems import Problem
from twofa_gate.openapi import api_description
from twofa_gate.openapi.problems import schema_name
from twofa_gate.openapi.requests import REQUESTS
from twofa_gate.pages import api

DESCRIPTION = api_description()
SOURCE = ROOT / "src" / "twofa_gate"


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each operation with its path and method."""
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method, operation


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    found: Any = DESCRIPTION
    for name in part["$ref"].removeprefix("#/").split("/") if "$ref" in part else ():
        found = found[name]
    return found if "$ref" in part else part


def media() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each document that is sent or answered, and where."""
    for path, method, operation in operations():
        answers = [(f"{method} {path} {status}", each) for status, each in operation["responses"].items()]
        for where, part in [(f"{method} {path}", operation.get("requestBody", {})), *answers]:
            for each in resolved(part).get("content", {}).values():
                yield where, each
    for name, shared in DESCRIPTION["components"]["responses"].items():
        for each in shared["content"].values():
            yield name, each


def test_is_openapi() -> None:
    """It is a valid OpenAPI 3.1 document."""
    assert DESCRIPTION["openapi"].startswith("3.1.")
    validate(DESCRIPTION)


def test_has_every_endpoint() -> None:
    """Each endpoint is described with the methods that it answers, and no other is."""
    described = {
        path: {method for where, method, _ in operations() if where == path} for path, _, _ in operations()
    }
    posted = {f"/{name}{'/{id}' if name == 'authenticators' else ''}": {"post"} for name in api._ENDPOINTS}
    assert described == {"/status": {"get", "head"}, **posted}


def test_has_every_problem() -> None:
    """Each kind of problem has a schema of its own and is said of some answer; no other kind is spoken of."""
    schemas = DESCRIPTION["components"]["schemas"]
    assert {schemas[schema_name(kind)]["properties"]["type"]["const"] for kind in Problem} == {
        kind.type for kind in Problem
    }
    told = {
        each["value"]["type"]
        for _, part in media()
        for each in part["examples"].values()
        if "type" in each["value"]
    }
    assert told == {kind.type for kind in Problem}
    assert set(re.findall(r"urn:twofa-gate:[a-z-]+", json.dumps(DESCRIPTION))) == {
        kind.type for kind in Problem
    }


def test_every_problem_is_told_by_the_code() -> None:
    """Each kind is named where the code tells it: none is described that doesn't occur."""
    files = [
        each for each in SOURCE.rglob("*.py") if "openapi" not in each.parts and each.name != "problems.py"
    ]
    told = set(re.findall(r"\bProblem\.([A-Z_]+)\b", "\n".join(each.read_text() for each in files)))
    assert told == {kind.name for kind in Problem}


def test_problems_have_one_type_each() -> None:
    """No two kinds have the same type, title or advice, and each has a status that HTTP knows for refusals."""
    for name in ("type", "title", "advice"):
        assert len({getattr(kind, name) for kind in Problem}) == len(Problem)
    assert all(400 <= status < 600 for kind in Problem for status in kind.statuses)


def test_reference_lists_every_problem() -> None:
    """The table in the reference has a row for each kind, and no other."""
    rows = re.findall(
        r"^\| `(urn:twofa-gate:[a-z-]+)` \|", (DOCS / "reference" / "json-api.md").read_text(), re.M
    )
    assert sorted(rows) == sorted(kind.type for kind in Problem)


def test_status_agrees_with_the_kinds() -> None:
    """An answer that is described for a status names only kinds that have it."""
    statuses = {kind.type: kind.statuses for kind in Problem}
    for path, method, operation in operations():
        for status, answer in operation["responses"].items():
            for part in resolved(answer).get("content", {}).values():
                for each in part["examples"].values():
                    if "type" in each["value"]:
                        assert int(status) in statuses[each["value"]["type"]], (path, method, status)


@pytest.mark.parametrize(
    ("endpoint", "schema", "sent"),
    [
        ("challenge", "Challenge", [{}]),
        ("enrollment", "Enrollment", [{}, {"code": "042137"}]),
        ("recovery-codes", "FreshCode", [{}]),
        ("disable", "FreshCode", [{}]),
        ("authenticators", "AuthenticatorChange", [{"action": "rename"}, {"action": "remove"}]),
        (
            "browsers",
            "BrowserChange",
            [{"action": each} for each in ("sign-out", "sign-out-others", "forget-trusted")],
        ),
    ],
)
def test_requests_have_the_members_that_are_taken(
    endpoint: str, schema: str, sent: list[dict[str, str]]
) -> None:
    """Each form of a request allows just the members that the endpoint takes for it."""
    forms = REQUESTS[schema].get("oneOf", [REQUESTS[schema]])
    assert all(form["additionalProperties"] is False for form in forms)
    taken = [{*api._ENDPOINTS[endpoint].takes(each), "next"} for each in sent]
    assert [set(form["properties"]) for form in forms] == taken


def test_every_endpoint_is_among_those_cases() -> None:
    """The test before this one leaves out no endpoint."""
    marks = test_requests_have_the_members_that_are_taken.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == set(api._ENDPOINTS)


def test_examples_are_valid() -> None:
    """Each example is what its schema says, and each document that is sent or answered has one."""
    for where, part in media():
        validator = Draft202012Validator({**part["schema"], "components": DESCRIPTION["components"]})
        assert part["examples"], where
        for name, example in part["examples"].items():
            problems = [error.message for error in validator.iter_errors(example["value"])]
            assert not problems, (where, name, problems)


def test_every_answer_has_the_security_headers() -> None:
    """Each answer names the headers that every answer of the gate has."""
    always = {"Cache-Control", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"}
    for path, method, operation in operations():
        for status, answer in operation["responses"].items():
            assert always <= resolved(answer)["headers"].keys(), (path, method, status)


def test_mount() -> None:
    """The addresses are below the mount that is asked for, and the file in the docs has the usual one."""
    assert api_description(mount="/second")["servers"] == [{"url": "/second/api/v1"}]
    assert DESCRIPTION["servers"] == [{"url": "/2fa/api/v1"}]
    assert json.loads((DOCS / "reference" / "openapi.json").read_text()) == json.loads(
        json.dumps(DESCRIPTION)
    )
