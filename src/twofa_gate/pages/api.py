"""The JSON API: the same as the pages, for front ends. Refusals are problem documents, RFC 9457.

`twofa_gate.openapi` describes it; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from twofa_gate.core import returning
from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult, Outcome, pass_challenge
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.enrollment import MAX_NAME, BeginResult
from twofa_gate.core.management import Change, renew_codes
from twofa_gate.core.problems import Problem
from twofa_gate.core.refusal import malformed, problem
from twofa_gate.core.settings import Settings
from twofa_gate.core.totp import provisioning_uri
from twofa_gate.errors import BadRequest
from twofa_gate.pages import account, challenge, disable, enroll, forms
from twofa_gate.pages.api_answers import done, needs_code, refused, told
from twofa_gate.pages.qr import qr_svg
from twofa_gate.pages.visit import Visit, open_visit, passage_cookies
from twofa_gate.request import GateRequest

__all__ = ["dispatch"]


def dispatch(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    """Answer a request for a path below `/api/v1`."""
    try:
        return (yield from _dispatch(settings, request, path))
    except BadRequest as error:
        return malformed(settings, request, error)


def _dispatch(settings: Settings, request: GateRequest, path: str) -> Flow[Answer]:
    if path == "/status":
        if request.method not in ("GET", "HEAD"):
            return problem(Problem.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        visit = yield from open_visit(settings, request, {})
        return visit if isinstance(visit, Answer) else _status(visit)
    head, _, identifier = path.removeprefix("/").partition("/")
    if (head not in _ENDPOINTS) or (bool(identifier) != (head == "authenticators")):
        return problem(Problem.NOT_FOUND)
    if request.method != "POST":
        return problem(Problem.METHOD_NOT_ALLOWED, ("Allow", "POST"))
    if not returning.allows_origin(settings, request):
        return problem(Problem.ORIGIN)
    fields = yield from forms.read_json(settings, request)
    forms.text_field(fields, "next", limit=forms.MAX_NEXT)
    visit = yield from open_visit(settings, request, {**fields, "_id": identifier})
    return visit if isinstance(visit, Answer) else (yield from _serve(visit, head, fields))


def _serve(visit: Visit, name: str, fields: dict[str, Any]) -> Flow[Answer]:
    if not visit.holds_csrf("api", visit.request.header("x-csrf-token") or ""):
        return told(visit, Problem.CSRF)
    endpoint = _ENDPOINTS[name]
    if not endpoint.open and not visit.may_manage:
        return told(visit, Problem.TOKEN)
    if not endpoint.open and visit.account.enrolled and not visit.verified:
        return needs_code(visit)
    _check(endpoint.takes(fields), fields)
    return (yield from endpoint.serve(visit))


def _check(known: tuple[str, ...], fields: dict[str, Any]) -> None:
    """Raise `BadRequest` for members that mean nothing here, which are mistakes, and for an empty code or id."""
    if not fields.keys() <= {*known, "next"}:
        raise BadRequest(f"There may be: {', '.join([*known, 'next'])}. Nothing else.")
    if "code" in fields:
        parse_code(forms.text_field(fields, "code", limit=MAX_TYPED))
    if fields.get("id") == "":
        raise BadRequest("id must not be empty.")


def _status(visit: Visit) -> Answer:
    ruling = visit.standing.ruling
    members = {
        "user": visit.user.label,
        "decision": ruling.decision.value,
        "location": visit.standing.location,
        "cutoff": None if ruling.cutoff is None else datetime.fromtimestamp(ruling.cutoff, UTC),
        "enrolled": visit.account.enrolled,
        "verified": visit.verified,
        "csrf": visit.csrf("api"),
        "url": visit.url("/"),
    }
    if visit.verified or not visit.account.enrolled:
        seen = account.describe(visit)
        members |= {
            name: seen[name]
            for name in ("enabled_since", "authenticators", "recovery_left", "browsers", "trusted")
        }
    return done(visit, members)


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
        return refused(visit, result)
    members = {
        "verified": True,
        "method": result.method.value,
        "continue": challenge.continue_at(visit, result.method),
    }
    return done(visit, members, *passage_cookies(visit, passage))


def _enrollment(visit: Visit) -> Flow[Answer]:
    if "code" not in visit.fields:
        return (yield from _begin(visit))
    name = forms.text_field(visit.fields, "name", limit=MAX_NAME)
    confirmed, headers = yield from enroll.confirm_in(visit, _code(visit), name)
    if confirmed.result is None:
        return told(visit, Problem.NO_PENDING_ENROLLMENT)
    if not confirmed.result.accepted:
        return refused(visit, confirmed.result, clock=True)
    members = {"enrolled": True, "recovery_codes": list(confirmed.codes), "continue": visit.back.address}
    return done(visit, members, *headers)


def _begin(visit: Visit) -> Flow[Answer]:
    secret = yield from enroll.begin_in(visit)
    if isinstance(secret, CodeResult):
        return refused(visit, secret)
    if secret is BeginResult.TICKET:
        return told(visit, Problem.TICKET)
    if secret is BeginResult.UNVERIFIED:
        return needs_code(visit)
    if isinstance(secret, BeginResult):
        return told(visit, Problem.TOO_MANY)
    uri = provisioning_uri(secret, label=visit.user.label, issuer=visit.settings.issuer)
    return done(visit, {"secret": secret, "otpauth_uri": uri, "qr_svg": str(qr_svg(uri))})


def _recovery_codes(visit: Visit) -> Flow[Answer]:
    typed = parse_code(_code(visit))
    passage = yield from visit.passage()
    renewal = yield from renew_codes(visit.settings, visit.user.id, typed, passage)
    if not renewal.result.accepted:
        return refused(visit, renewal.result)
    return done(visit, {"recovery_codes": list(renewal.codes)}, *passage_cookies(visit, passage))


def _disable(visit: Visit) -> Flow[Answer]:
    code = _code(visit)
    if not visit.account.enrolled:
        return refused(visit, CodeResult(Outcome.NOT_ENROLLED))
    required_by = yield from disable.requiring_locations(visit)
    if required_by:
        return told(visit, Problem.REQUIRED, required_by=required_by)
    result, ended = yield from disable.disable_in(visit, code)
    return done(visit, {"enrolled": False}, *ended) if result.accepted else refused(visit, result)


def _changed(visit: Visit, change: Change | CodeResult | None, *headers: Header) -> Answer:
    if change is None:
        return needs_code(visit)
    if isinstance(change, CodeResult):
        return refused(visit, change)
    if change is Change.MISSING:
        return told(visit, Problem.NOT_FOUND)
    if change is Change.LAST:
        return told(visit, Problem.LAST)
    return done(visit, {"done": True}, *headers)


def _authenticators(visit: Visit) -> Flow[Answer]:
    change, headers = yield from account.change_authenticator(visit, visit.fields["_id"])
    return _changed(visit, change, *headers)


def _browsers(visit: Visit) -> Flow[Answer]:
    return _changed(visit, (yield from account.change_browsers(visit)))


class _Endpoint(NamedTuple):
    """What answers, which members it takes beside `next`, and whether it is for those who aren't verified yet."""

    serve: Callable[[Visit], Flow[Answer]]
    takes: Callable[[dict[str, Any]], tuple[str, ...]]
    open: bool = False


_ENDPOINTS = {
    "challenge": _Endpoint(_challenge, lambda _: ("code", "trust"), open=True),
    "enrollment": _Endpoint(_enrollment, lambda sent: ("code", "name") if "code" in sent else ("ticket",)),
    "recovery-codes": _Endpoint(_recovery_codes, lambda _: ("code",)),
    "disable": _Endpoint(_disable, lambda _: ("code",)),
    "authenticators": _Endpoint(
        _authenticators,
        lambda sent: ("action", "code", *(() if sent.get("action") == "remove" else ("name",))),
    ),
    "browsers": _Endpoint(
        _browsers, lambda sent: ("action", *(() if sent.get("action") == "sign-out-others" else ("id",)))
    ),
}
