"""Sending a kept form on: a POST to the application's own URL, with the sealed form in the place of its fields.

The URL ends in a mark, by which the gate knows that it has to look at the body. Whoever sends something else to
such a URL, as a page does that posts to its own address, is answered as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias
from urllib.parse import parse_qsl

from twofa_gate.core import asking, returning
from twofa_gate.core.answer import Answer, Forward, Mode
from twofa_gate.core.browser import browser_of
from twofa_gate.core.effects import Flow, ReadBody, ReadClock, perform
from twofa_gate.core.kept_form import (
    FIELD,
    FORM_TYPE,
    MARK,
    MAX_SEALED,
    Kept,
    Sending,
    length_of,
    open_kept,
    send_once,
    target_of,
)
from twofa_gate.core.settings import Settings
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.model import User
from twofa_gate.request import GateRequest

__all__ = ["MAX_ENVELOPE", "marked", "sealed_in", "send", "unmarked"]

Handle: TypeAlias = Callable[[Settings, GateRequest], Flow[Answer | Forward]]

MAX_ENVELOPE = len(FIELD) + 1 + MAX_SEALED + 8
"""Bytes of a body in which a kept form is sent; base64's padding is written as `%3D`."""


def marked(target: str) -> str:
    """Give the URL to which a kept form is sent."""
    return f"{target}{'&' if '?' in target else '?'}{MARK}"


def unmarked(query: str) -> str:
    """Give a query without the marks at its end: a form that was sent to a marked URL may be refused again."""
    parameters = query.split("&")
    while parameters and parameters[-1] == MARK:
        del parameters[-1]
    return "&".join(parameters)


def sealed_in(body: bytes) -> str | None:
    """Return the sealed form in a body that was sent to a marked URL, or `None` if it is another body."""
    if not body.startswith(f"{FIELD}=".encode()):
        return None
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
    return pairs[0][1] if len(pairs) == 1 else ""


def send(settings: Settings, request: GateRequest, handle: Handle) -> Flow[Answer | Forward | None]:
    """Answer a POST to a marked URL; `None` if its body is none that could hold a kept form, and was not read."""
    kind = (request.header("content-type") or "").strip()
    length = length_of(request)
    if kind.partition(";")[0].strip().lower() != FORM_TYPE or length is None or length > MAX_ENVELOPE:
        return None
    body = yield from perform(ReadBody(MAX_ENVELOPE))
    sealed = sealed_in(body)
    query = unmarked(request.query_string)
    itself = request.with_form(query, kind, body)
    if sealed is not None:
        return (yield from _send_on(settings, itself, sealed, handle))
    return _instead(itself, (yield from handle(settings, itself)))


def _instead(request: GateRequest, end: Answer | Forward) -> Answer | Forward:
    return replace(end, instead=request) if isinstance(end, Forward) else end


def _send_on(settings: Settings, request: GateRequest, sealed: str, handle: Handle) -> Flow[Answer | Forward]:
    """Send a kept form on, as the request that it was, if that may pass now and was not sent before."""
    from twofa_gate.pages import kept_form as pages

    if not returning.allows_origin(settings, request):
        raise BadRequest(Text("This form was sent from another site."), status=403)
    user = yield from asking.identify(settings, request)
    if user is None:
        from twofa_gate.pages.visit import anonymous

        return anonymous(settings, request)
    now = (yield from perform(ReadClock())).now
    kept = open_kept(settings, sealed, user, browser_of(settings, request), now)
    if kept is None or kept.target != target_of(request):
        return (yield from pages.gone(settings, request))
    form = request.with_form(request.query_string, kept.content_type, kept.body.encode("latin-1"))
    form.resending = kept
    end = yield from handle(settings, form)
    if isinstance(end, Answer):
        return end
    if not _is_let_through(end, user):
        return (yield from pages.gone(settings, request))
    return (yield from _once(settings, request, user, kept, _instead(form, end)))


def _is_let_through(end: Forward, user: User) -> bool:
    """Whether a request passes as this user's, by a decision, and not because nothing is decided there."""
    known = end.context.user
    same = known is not None and (known.id, known.login) == (user.id, user.login)
    return end.mode is Mode.ORDINARY and same


def _once(
    settings: Settings, request: GateRequest, user: User, kept: Kept, end: Answer | Forward
) -> Flow[Answer | Forward]:
    from twofa_gate.pages import kept_form as pages

    sending = yield from send_once(settings, user.id, kept)
    if sending is Sending.SENT:
        return end
    if sending is Sending.ALREADY:
        return (yield from pages.already(settings, request, kept))
    return (yield from pages.gone(settings, request))
