"""The way of a request: to a page of the gate, past it, or to a refusal.

`handle` is what drivers run. It fails closed: whatever goes wrong on the way, the application is not called.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from twofa_gate.core import asking, banner, events, notice, paths, refusal, returning
from twofa_gate.core.answer import Answer, Context, Forward, Reminder, Source
from twofa_gate.core.decision import Ruling
from twofa_gate.core.effects import Flow
from twofa_gate.core.second_look import Mode, SecondLook
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing, assess, may_pass
from twofa_gate.errors import BadRequest
from twofa_gate.model import Decision, EventKind, Method, User
from twofa_gate.request import GateRequest

__all__ = ["failed", "handle"]


def handle(settings: Settings, request: GateRequest) -> Flow[Answer | Forward]:
    """Decide what happens to a request."""
    try:
        return (yield from _route(settings, request))
    except BadRequest as error:
        return refusal.spoken_answer(request, error.status, error.args[0])
    except Exception as error:  # whatever failed, the application is not called
        return (yield from failed(settings, request, error))


def failed(settings: Settings, request: GateRequest, error: Exception) -> Flow[Answer]:
    """Refuse a request because something that its decision needs has failed."""
    with suppress(Exception):  # the refusal stands, even if it can't be told
        yield from events.record(settings, EventKind.UNAVAILABLE, None, error=repr(error), moment="request")
    return refusal.unavailable(request)


def _route(settings: Settings, request: GateRequest) -> Flow[Answer | Forward]:
    below = paths.below(settings.mount, request)
    if below is not None:
        if request.kind == "websocket":
            return refusal.plain_answer(403, "")
        return (yield from settings.pages(settings, request, below))
    if settings.public.match(request):
        look = SecondLook(settings, request, None, Mode.PUBLIC)
        return Forward(_context(settings, request, look), look, settings.credential_headers)
    user = yield from asking.identify(settings, request)
    mode = yield from _mode(settings, request)
    if user is None or mode is not Mode.ORDINARY:
        look = SecondLook(settings, request, user, mode)
        return Forward(_context(settings, request, look, user), look)
    return (yield from _gate(settings, request, user))


def _mode(settings: Settings, request: GateRequest) -> Flow[Mode]:
    # What answers a login or logout path says can be looked at; what a socket there says can't.
    if request.kind == "websocket":
        return Mode.ORDINARY
    if (yield from asking.is_logout(settings, request)) is True:
        return Mode.LOGOUT
    return Mode.LOGIN if settings.login.match(request) else Mode.ORDINARY


def _gate(settings: Settings, request: GateRequest, user: User) -> Flow[Answer | Forward]:
    if request.kind == "websocket" and not returning.allows_origin(settings, request):
        yield from events.record(
            settings, EventKind.REFUSED, user.id, why="foreign origin", path=request.path
        )
        return refusal.plain_answer(403, "")
    standing = yield from assess(settings, request, user)
    if (yield from may_pass(settings, standing)) is True:
        return _forward(settings, request, standing)
    facts = {
        "decision": standing.ruling.decision.value,
        "location": standing.location,
        "policy": _source(standing.ruling),
    }
    yield from events.record(settings, EventKind.REFUSED, user.id, **facts)
    return (yield from refusal.refuse(settings, request, standing))


def _forward(settings: Settings, request: GateRequest, standing: Standing) -> Forward:
    reminder = notice.reminder_of(settings, request, standing)
    banners = settings.reminder == "banner" and banner.is_page_visit(request)
    reminds = reminder is not None and not reminder.hidden and banners
    look = SecondLook(settings, request, standing.user, Mode.ORDINARY, standing if reminds else None)
    context = _standing_context(settings, request, standing, reminder, look)
    return Forward(context, look, without=banner.AS_A_WHOLE if reminds else frozenset())


def _source(ruling: Ruling) -> str | None:
    return None if ruling.policy is None else ruling.policy.source


def _context(settings: Settings, request: GateRequest, look: SecondLook, user: User | None = None) -> Context:
    source = Source(settings, request, look)
    return Context(Decision.PASS, f"{request.prefix}{settings.mount}/", user, source=source)


def _standing_context(
    settings: Settings,
    request: GateRequest,
    standing: Standing,
    reminder: Reminder | None,
    look: SecondLook,
) -> Context:
    made = standing.verification
    return Context(
        standing.ruling.decision,
        f"{request.prefix}{settings.mount}/",
        standing.user,
        standing.location,
        None if made is None else datetime.fromtimestamp(made.at, UTC),
        None if made is None else next((each for each in Method if each.value == made.method), None),
        reminder,
        Source(settings, request, look),
    )
