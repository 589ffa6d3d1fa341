"""The description against running servers: what it says of requests and answers is so, whoever asks.

Requests are generated from the description, right ones and wrong ones. Every answer has to be one that it describes,
with its headers and its document; what it forbids has to be refused; and without the credentials there is nothing.
Where a request is right, real codes and names are put into some of them, so that every endpoint does its work, too.
"""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.e2e.sites import FLASK, OFFICES, STARLETTE, Office, running
from tests.openapi.standings import API, STANDINGS, Stage, Standing
from twofa_gate.openapi import api_description

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    ignored_auth,
    unsupported_method,
]
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
"""The last, since `stage` only picks one of two that last for the module."""


class Answered(NamedTuple):
    """What was answered: where, to whom, and what."""

    office: str
    standing: str
    operation: str
    status: int
    kind: str


def closed(part: Any) -> Any:
    """Return the description with no member allowed that it doesn't name, in answers too."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: closed(each) for name, each in part.items()}
    return {**made, "additionalProperties": False} if "properties" in made else made


def load(*, coverage: bool) -> schemathesis.BaseSchema:
    """Load the description; `coverage`: with each rule of each schema kept and broken in turn."""
    rejecting = {"expected-statuses": [400, 401, 403, 404, 405, 413, 415]}
    options = {
        "phases": {"coverage": {"enabled": coverage}},
        "checks": {"negative_data_rejection": rejecting},
    }
    config = schemathesis.Config.from_dict({"seed": 20, **options})
    loaded = schemathesis.openapi.from_dict(closed(api_description()), config=config)
    loaded.auth(refresh_interval=None)(Login)
    return loaded


class Login:
    """Sends the session's cookie and the CSRF token of the browser that is calling."""

    calling = Standing()

    def get(self, case: Any, context: Any) -> Standing:
        """Return who is calling."""
        return self.calling

    def set(self, case: Any, data: Standing, context: Any) -> None:
        """Put their credentials into a request."""
        if data.session:
            case.cookies["session"] = data.session
        if case.method == "POST":
            case.headers["X-CSRF-Token"] = data.csrf


thorough, brief = load(coverage=True), load(coverage=False)


@pytest.fixture(scope="module")
def seen() -> Counter[Answered]:
    """Count what was answered."""
    return Counter()


def served(office: Office, factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve an example, with a browser in every standing."""
    with running(office, factory.mktemp(office.name)) as site:
        made = Stage(site)
        yield made
        made.close()


@pytest.fixture(scope="module")
def flask_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve the Flask example with gunicorn."""
    yield from served(FLASK, tmp_path_factory)


@pytest.fixture(scope="module")
def starlette_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve the Starlette example with uvicorn."""
    yield from served(STARLETTE, tmp_path_factory)


@pytest.fixture(params=[office.name for office in OFFICES])
def stage(request: pytest.FixtureRequest) -> Stage:
    """Take either example."""
    found: Stage = request.getfixturevalue(f"{request.param}_stage")
    return found


def put_in(case: Any, stage: Stage) -> None:
    """Put real codes, names and signed parameters into a right request: into all examples, and half of the others."""
    toss = zlib.crc32(json.dumps([case.path_parameters, case.body], default=str).encode())
    if case.meta.phase.name.name != "EXAMPLES" and toss & 1:
        return
    body = case.body if isinstance(case.body, dict) else {}
    if "id" in case.path_parameters:
        case.path_parameters["id"] = stage.devices[0]
    if "id" in body:
        body["id"] = stage.browsers[0]
    if "code" in body:
        body["code"] = stage.code(stage.new_phone if case.operation.path == "/enrollment" else stage.phone)
        if case.operation.path == "/challenge" and toss & 2:
            body["code"] = stage.recovery_code
    if toss & 4 and "next" in body:
        body["next"] = stage.next
    if toss & 4 and case.method in ("GET", "HEAD"):
        case.query["next"] = stage.next


def call(case: Any, stage: Stage, name: str, seen: Counter[Answered]) -> None:
    """Send a request from a browser in this standing, and hold the answer against the description."""
    case = case.derive(keep_auth=True)  # some are sent by several tests, and must not learn from one another
    Login.calling = stage.standings[name]
    described = case.operation.schema
    if not described.is_security_param_negated(case):  # else it is about wrong credentials, and has them
        described.auth.set(case, schemathesis.AuthContext(operation=case.operation, app=None))
    stage.restore(Login.calling)
    identifier = case.path_parameters.get("id")
    if identifier is not None and not re.fullmatch(r"[A-Za-z0-9_-]+", str(identifier)):
        case.path_parameters["id"] = "nothing"  # a path that isn't plain is the application's, not the API's
    if case.meta.generation.mode.is_positive:
        put_in(case, stage)
    others = dict(Login.calling.others)  # the gate's own, which are no parameters
    try:
        answer = case.call_and_validate(stage.site.url + API, checks=CHECKS, cookies=others, timeout=30)
    except BaseException as error:
        error.add_note(stage.site.server.log()[-2000:])
        raise
    is_problem = answer.content and "problem" in answer.headers["content-type"][0]
    kind = answer.json()["type"] if is_problem else ""
    if answer.status_code == 200 and case.method == "POST":
        expect_token(case, stage, others)
    seen[Answered(stage.site.office.name, name, case.operation.label, answer.status_code, kind)] += 1


def expect_token(case: Any, stage: Stage, others: dict[str, str]) -> None:
    """Send what was just accepted once more, without the CSRF token: it has to be refused for that."""
    stage.restore(Login.calling)
    without = case.derive()
    del without.headers["X-CSRF-Token"]
    refused = without.call(stage.site.url + API, cookies=others, timeout=30)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:twofa-gate:csrf")


@thorough.parametrize()
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=QUIET)
def test_answers_to_who_is_verified(case: Any, stage: Stage, seen: Counter[Answered]) -> None:
    """Whatever somebody asks who may do everything, and however wrongly, the answer is one that is described."""
    call(case, stage, "verified", seen)


@pytest.mark.parametrize("name", [name for name in STANDINGS if name != "verified"])
@brief.parametrize()
@settings(max_examples=6, deadline=None, database=None, suppress_health_check=QUIET)
def test_answers_to_everybody_else(case: Any, stage: Stage, name: str, seen: Counter[Answered]) -> None:
    """The same for who isn't logged in, has not set up, has not verified, and has tried too often."""
    call(case, stage, name, seen)


def test_that_something_was_tested(seen: Counter[Answered]) -> None:
    """Every endpoint did its work on both servers, and every refusal that this can meet was met."""
    works = {
        (each.office, each.operation) for each in seen if each.status == 200 and each.standing == "verified"
    }
    paths = thorough.raw_schema["paths"].items()
    operations = {
        f"{method.upper()} {path}" for path, each in paths for method in each if method != "parameters"
    }
    assert works == {(office.name, operation) for office in OFFICES for operation in operations}
    met = {each.kind.removeprefix("urn:twofa-gate:") for each in seen if each.kind}
    assert met >= {
        "anonymous", "bad-request", "challenge", "locked", "media-type", "method-not-allowed",
        "no-pending-enrollment", "not-enrolled", "not-found", "required", "throttled", "wrong",
    }  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("name", STANDINGS)
@thorough.parametrize()
@settings(max_examples=60, deadline=None, database=None, suppress_health_check=QUIET)
def test_many_answers(case: Any, stage: Stage, name: str, seen: Counter[Answered]) -> None:
    """The same, for long, with every rule of every schema broken in every standing."""
    call(case, stage, name, seen)
