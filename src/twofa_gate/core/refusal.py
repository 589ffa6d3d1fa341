"""Refusals that fit the request: a page for a person, a problem for a script, nothing for an image."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any
from urllib.parse import quote

from twofa_gate.core import cookies, kept_form, returning
from twofa_gate.core.answer import Answer
from twofa_gate.core.browser import browser_of, draw_browser
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.kept_form import Kept, Lost
from twofa_gate.core.problems import Problem
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing, token_of
from twofa_gate.core.verification import digest
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.model import Credential, Decision, User
from twofa_gate.request import GateRequest

__all__ = [
    "FORGET_PAGES",
    "SECURITY_HEADERS",
    "Audience",
    "audience",
    "is_api",
    "malformed",
    "plain_answer",
    "problem",
    "redirect",
    "refuse",
    "spoken_answer",
    "unavailable",
]

SECURITY_HEADERS = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # not `no-referrer`: with that, browsers send `Origin: null` with our own forms
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
"""On every answer of the gate's own."""

FORGET_PAGES = ("Clear-Site-Data", '"cache"')
"""Where a login ends: otherwise the Back button shows pages of hosts that don't send `no-store`."""

_PROBLEMS = {
    Decision.CHALLENGE: Problem.CHALLENGE,
    Decision.ENROLL: Problem.ENROLL,
    Decision.DENY: Problem.DENY,
}
_OF_STATUS = {413: Problem.TOO_LARGE, 415: Problem.MEDIA_TYPE}
_PAGES = {Decision.CHALLENGE: "/challenge", Decision.ENROLL: "/enroll", Decision.DENY: "/"}


class Audience(Enum):
    """Who waits for the answer."""

    NAVIGATION = "navigation"
    FETCH = "fetch"
    HTMX = "htmx"
    BEARER = "bearer"
    RESOURCE = "resource"
    SOCKET = "socket"


def audience(request: GateRequest, user: User | None) -> Audience:
    """Tell who waits for the answer, by what browsers and libraries send."""
    if request.kind == "websocket":
        return Audience.SOCKET
    if (
        user is not None
        and user.credential is Credential.TOKEN
        and request.authorization[:7].lower() == "bearer "
    ):
        return Audience.BEARER
    if request.header("hx-request"):
        return Audience.HTMX
    if (request.header("x-requested-with") or "").lower() == "xmlhttprequest":
        return Audience.FETCH
    if request.header("sec-fetch-mode") == "navigate":
        return Audience.NAVIGATION
    destination = request.header("sec-fetch-dest")
    if destination is not None:
        return Audience.FETCH if destination == "empty" else Audience.RESOURCE
    return _by_accept(request)


def _by_accept(request: GateRequest) -> Audience:
    accept = (request.header("accept") or "").lower()
    if "text/html" in accept:
        return Audience.NAVIGATION
    sent = (request.header("content-type") or "").lower()
    if "json" in accept or "json" in sent or "text/event-stream" in accept:
        return Audience.FETCH
    if accept.startswith(
        ("image/", "text/css", "text/javascript", "application/javascript", "font/", "video/", "audio/")
    ):
        return Audience.RESOURCE
    return Audience.NAVIGATION


def plain_answer(status: int, text: str, *headers: cookies.Header) -> Answer:
    """Give an answer of one line, for when there is no page, or none can be made."""
    body = text.encode()
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return Answer(status, (kind, ("Content-Length", str(len(body))), *SECURITY_HEADERS, *headers), body)


def spoken_answer(request: GateRequest, status: int, text: str, *headers: cookies.Header) -> Answer:
    """Give an answer of one line in the language that the browser wishes for, where `text` is a `Text`."""
    from twofa_gate.pages import language  # only when somebody is to read something

    spoken = language.speaking(language.negotiate(request.header("accept-language")))
    return plain_answer(status, f"{spoken.say(text)}\n", *headers)


def redirect(url: str, *headers: cookies.Header) -> Answer:
    """Send the browser elsewhere (303), whatever its method was."""
    return plain_answer(303, "See other page.\n", ("Location", url), *headers)


def problem(
    kind: Problem, *headers: cookies.Header, status: int = 0, detail: str | None = None, **members: Any
) -> Answer:
    """Give a problem document, RFC 9457."""
    status = status or kind.statuses[0]
    told = {} if detail is None else {"detail": detail}
    body = json.dumps({"type": kind.type, "title": kind.title, "status": status, **told, **members}).encode()
    of_kind = ("Content-Type", "application/problem+json")
    return Answer(status, (of_kind, ("Content-Length", str(len(body))), *SECURITY_HEADERS, *headers), body)


def is_api(settings: Settings, request: GateRequest) -> bool:
    """Whether a request is for the JSON API: whoever calls that reads problem documents."""
    return request.decoded_path.startswith(f"{settings.mount}/api/")


def _reads_problems(settings: Settings, request: GateRequest) -> bool:
    return is_api(settings, request) or audience(request, None) in (Audience.FETCH, Audience.HTMX)


def _said(request: GateRequest, status: int, text: str, *headers: cookies.Header) -> Answer:
    try:
        return spoken_answer(request, status, text, *headers)
    except Exception:  # whatever has failed, this answer is given
        return plain_answer(status, f"{text}\n", *headers)


def malformed(settings: Settings, request: GateRequest, error: BadRequest) -> Answer:
    """Refuse what can't be understood."""
    if _reads_problems(settings, request):
        kind = _OF_STATUS.get(error.status, Problem.BAD_REQUEST)
        return problem(kind, status=error.status, detail=str(error))
    return _said(request, error.status, error.args[0])


def unavailable(settings: Settings, request: GateRequest) -> Answer:
    """Refuse because something that the decision needs has failed. Says nothing about what."""
    retry = ("Retry-After", "5")
    if _reads_problems(settings, request):
        return problem(Problem.UNAVAILABLE, retry, decision=Decision.UNAVAILABLE.value)
    told = Text("Two-factor authentication is unavailable right now. Please try again in a moment.")
    return _said(request, 503, told, retry)


def refuse(
    settings: Settings,
    request: GateRequest,
    standing: Standing,
    demand: returning.Demand | None = None,
    *,
    first: bool = False,
) -> Flow[Answer]:
    """Refuse a request as its kind demands; every browser that is refused gets a browser cookie.

    `demand`: what the application itself asks for, of a user who may pass otherwise. `first`: the application has
    not seen the request, so that a form in it can be kept and sent on later.
    """
    decision = standing.ruling.decision if demand is None else _demanded(standing)
    if decision is Decision.UNAVAILABLE:
        return unavailable(settings, request)
    now = (yield from perform(ReadClock())).now
    browser, headers = yield from _refusal_cookies(settings, request, standing)
    address = returning.address_of(settings, request)
    signed = returning.sign_return(settings, address, standing.location, now, demand)
    url = f"{request.prefix}{settings.mount}{_PAGES[decision]}?next={quote(signed)}"
    who = audience(request, standing.user)
    members: dict[str, Any] = {"decision": decision.value, "location": standing.location, "url": url}
    if demand is not None:
        members["max_age"] = int(demand.max_age)
    if who is Audience.BEARER:
        challenge = ("WWW-Authenticate", _bearer_challenge(demand))
        return problem(_PROBLEMS[decision], challenge, *headers, status=401, **members)
    if who is Audience.HTMX:
        return problem(_PROBLEMS[decision], ("HX-Redirect", url), *headers, **members)
    if who is Audience.FETCH:
        return problem(_PROBLEMS[decision], *headers, **members)
    if who in (Audience.RESOURCE, Audience.SOCKET):
        return plain_answer(403, "", *headers)
    lost = None
    if request.method == "POST" and (first or demand is not None) and kept_form.carries_something(request):
        taken = (yield from kept_form.take(settings, request, standing, now)) if first else Lost.OTHER
        if isinstance(taken, Kept):
            from twofa_gate.pages.kept_form import challenge_page

            page = yield from challenge_page(settings, request, standing, taken, signed, browser)
            return page.with_headers(*headers)
        lost = taken
    if decision is Decision.DENY:
        return (yield from _denied_page(settings, request, standing, lost)).with_headers(*headers)
    return redirect(
        url if lost is None else f"{url}&form={kept_form.sign_hint(settings, lost, now)}", *headers
    )


def _demanded(standing: Standing) -> Decision:
    enrolled = standing.account is not None and standing.account.enrolled
    return Decision.CHALLENGE if enrolled else Decision.ENROLL


def _bearer_challenge(demand: returning.Demand | None) -> str:
    """Give the challenge of RFC 9470."""
    parts = 'Bearer error="insufficient_user_authentication", error_description="A second factor is needed"'
    return parts if demand is None else f'{parts}, max_age="{int(demand.max_age)}"'


def _denied_page(
    settings: Settings, request: GateRequest, standing: Standing, lost: Lost | None
) -> Flow[Answer]:
    from twofa_gate.pages.denied import denied_page

    return (yield from denied_page(settings, request, standing, lost=lost is not None))


def _refusal_cookies(
    settings: Settings, request: GateRequest, standing: Standing
) -> Flow[tuple[str, list[cookies.Header]]]:
    """Give the browser's name, and what an answer sets or ends."""
    headers: list[cookies.Header] = []
    browser = browser_of(settings, request)
    if browser is None:
        browser, header = yield from draw_browser(settings)
        headers.append(header)
    token = token_of(settings, request)
    if token is not None and not (standing.account and standing.account.verification(digest(token.token))):
        # It ended, or it is somebody else's: the browser need not keep it.
        headers.append(cookies.expire(settings.cookies, settings.cookies.verification))
    return browser, headers
