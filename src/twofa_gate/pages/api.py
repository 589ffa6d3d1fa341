"""The JSON API: the same as the pages, for front ends. Refusals are problem documents, RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult, Outcome, pass_challenge
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.enrollment import MAX_NAME, BeginResult
from twofa_gate.core.management import Change, renew_codes
from twofa_gate.core.refusal import SECURITY_HEADERS, problem
from twofa_gate.core.settings import Settings
from twofa_gate.core.totp import provisioning_uri
from twofa_gate.errors import BadRequest
from twofa_gate.pages import account, challenge, disable, enroll, forms
from twofa_gate.pages.outcomes import STATUS, retry_headers
from twofa_gate.pages.qr import qr_svg
from twofa_gate.pages.visit import Visit, open_visit, passage_cookies
from twofa_gate.request import GateRequest

__all__ = ["dispatch"]

_TITLES = {
    Outcome.WRONG: "The code is wrong",
    Outcome.THROTTLED: "Too many tries; wait before the next one",
    Outcome.LOCKED: "Too many tries; the account is locked",
    Outcome.NOT_ENROLLED: "Two-factor authentication is not set up",
}

Endpoint = Callable[[Visit], Flow[Answer]]


def _ok(visit: Visit, members: dict[str, Any], *headers: Header) -> Answer:
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


def _problem(visit: Visit, status: int, kind: str, title: str, *headers: Header, **members: Any) -> Answer:
    return problem(status, kind, title, *visit.cookies, *headers, **members)


def _refused(visit: Visit, result: CodeResult) -> Answer:
    members: dict[str, Any] = {"retry_after": result.retry_after} if result.retry_after else {}
    kind = result.outcome.value.replace("_", "-")
    return _problem(
        visit, STATUS[result.outcome], kind, _TITLES[result.outcome], *retry_headers(result), **members
    )


def _needs_code(visit: Visit) -> Answer:
    title = "A code is needed first"
    members = {"decision": "challenge", "location": visit.standing.location, "url": visit.url("/challenge")}
    return _problem(visit, 403, "challenge", title, **members)


def dispatch(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    """Answer a request for a path below `/api/v1`."""
    try:
        return (yield from _dispatch(settings, request, path))
    except BadRequest as error:
        return problem(error.status, "bad-request", str(error))


def _dispatch(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    if path == "/status":
        if request.method not in ("GET", "HEAD"):
            return problem(405, "method-not-allowed", "Use GET", ("Allow", "GET, HEAD"))
        visit = yield from open_visit(settings, request, {})
        return visit if isinstance(visit, Answer) else _status(visit)
    head, _, identifier = path.removeprefix("/").partition("/")
    if (head not in _ENDPOINTS) or (bool(identifier) != (head == "authenticators")):
        return problem(404, "not-found", "There is no such endpoint")
    if request.method != "POST":
        return problem(405, "method-not-allowed", "Use POST", ("Allow", "POST"))
    fields = yield from forms.read_json(settings, request)
    visit = yield from open_visit(settings, request, {**fields, "_id": identifier})
    return visit if isinstance(visit, Answer) else (yield from _serve(visit, head))


def _serve(visit: Visit, name: str) -> Flow[Answer]:
    if not visit.holds_csrf("api", visit.request.header("x-csrf-token") or ""):
        title = "X-CSRF-Token is missing or not this browser's; GET status tells it"
        return _problem(visit, 403, "csrf", title)
    if name not in _OPEN and not visit.may_manage:
        return _problem(visit, 403, "token", "An API token can't manage two-factor authentication")
    if name not in _OPEN and visit.account.enrolled and not visit.verified:
        return _needs_code(visit)
    return (yield from _ENDPOINTS[name](visit))


def _status(visit: Visit) -> Answer:
    ruling = visit.standing.ruling
    members = {
        "user": visit.user.label,
        "decision": ruling.decision.value,
        "location": visit.standing.location,
        "cutoff": None if ruling.cutoff is None else datetime.fromtimestamp(ruling.cutoff).astimezone(),
        "enrolled": visit.account.enrolled,
        "verified": visit.verified,
        "csrf": visit.csrf("api"),
        "url": visit.url("/"),
    }
    if visit.verified or not visit.account.enrolled:
        told = account.describe(visit)
        members |= {
            name: told[name]
            for name in ("enabled_since", "authenticators", "recovery_left", "browsers", "trusted")
        }
    return _ok(visit, members)


def _code(visit: Visit) -> str:
    if "code" not in visit.fields:
        raise BadRequest("code is missing.")
    return forms.text_field(visit.fields, "code", limit=MAX_TYPED)


def _challenge(visit: Visit) -> Flow[Answer]:
    trust = visit.fields.get("trust", False)
    if not isinstance(trust, bool):
        raise BadRequest("trust must be true or false.")
    typed = parse_code(_code(visit))
    passage = yield from visit.passage(trust=trust and challenge.offers_trust(visit) is not None)
    result = yield from pass_challenge(visit.settings, visit.user.id, typed, passage, visit.seen)
    if result.method is None:
        return _refused(visit, result)
    members = {
        "verified": True,
        "method": result.method.value,
        "continue": challenge.continue_at(visit, result.method),
    }
    return _ok(visit, members, *passage_cookies(visit, passage))


def _enrollment(visit: Visit) -> Flow[Answer]:
    if "code" not in visit.fields:
        return (yield from _begin(visit))
    name = forms.text_field(visit.fields, "name", limit=MAX_NAME)
    done, headers = yield from enroll.confirm_in(visit, _code(visit), name)
    if done.result is None:
        return _problem(visit, 409, "no-pending-enrollment", "There is nothing to confirm in this browser")
    if not done.result.accepted:
        answer = _refused(visit, done.result)
        minutes = enroll.clock_minutes(done.result.clock_steps)
        return answer if minutes is None else _clock_problem(visit, minutes)
    members = {"enrolled": True, "recovery_codes": list(done.codes), "continue": visit.back.address}
    return _ok(visit, members, *headers)


def _clock_problem(visit: Visit, minutes: int) -> Answer:
    return _problem(
        visit, 403, "wrong", "The code is wrong: the phone's clock seems to be off", clock_minutes=minutes
    )


def _begin(visit: Visit) -> Flow[Answer]:
    secret = yield from enroll.begin_in(visit)
    if isinstance(secret, CodeResult):
        return _refused(visit, secret)
    if secret is BeginResult.TICKET:
        return _problem(visit, 403, "ticket", "Setting up takes a ticket from an administrator")
    if secret is BeginResult.UNVERIFIED:
        return _needs_code(visit)
    if isinstance(secret, BeginResult):
        return _problem(visit, 409, "too-many", "There are as many authenticators as an account can have")
    uri = provisioning_uri(secret, label=visit.user.label, issuer=visit.settings.issuer)
    return _ok(visit, {"secret": secret, "otpauth_uri": uri, "qr_svg": str(qr_svg(uri))})


def _recovery_codes(visit: Visit) -> Flow[Answer]:
    typed = parse_code(_code(visit))
    passage = yield from visit.passage()
    renewal = yield from renew_codes(visit.settings, visit.user.id, typed, passage)
    if not renewal.result.accepted:
        return _refused(visit, renewal.result)
    return _ok(visit, {"recovery_codes": list(renewal.codes)}, *passage_cookies(visit, passage))


def _disable(visit: Visit) -> Flow[Answer]:
    if not visit.account.enrolled:
        return _refused(visit, CodeResult(Outcome.NOT_ENROLLED))
    required_by = yield from disable.requiring_locations(visit)
    if required_by:
        return _problem(
            visit, 403, "required", "A location requires two-factor authentication", required_by=required_by
        )
    result, ended = yield from disable.disable_in(visit, _code(visit))
    return _ok(visit, {"enrolled": False}, *ended) if result.accepted else _refused(visit, result)


def _changed(visit: Visit, change: Change | CodeResult | None, *headers: Header) -> Answer:
    if change is None:
        return _needs_code(visit)
    if isinstance(change, CodeResult):
        return _refused(visit, change)
    if change is Change.MISSING:
        return _problem(visit, 404, "not-found", "There is no such thing in your account")
    if change is Change.LAST:
        return _problem(visit, 409, "last", "The last authenticator can't be removed; disable instead")
    return _ok(visit, {"done": True}, *headers)


def _authenticators(visit: Visit) -> Flow[Answer]:
    change, headers = yield from account.change_authenticator(visit, visit.fields["_id"])
    return _changed(visit, change, *headers)


def _browsers(visit: Visit) -> Flow[Answer]:
    return _changed(visit, (yield from account.change_browsers(visit)))


_ENDPOINTS: dict[str, Endpoint] = {
    "challenge": _challenge,
    "enrollment": _enrollment,
    "recovery-codes": _recovery_codes,
    "disable": _disable,
    "authenticators": _authenticators,
    "browsers": _browsers,
}

_OPEN = frozenset({"challenge"})
"""Endpoints for those who aren't verified yet."""
