"""The way of a request: to a page of the gate, past it, or to a refusal.

`handle` is what drivers run. It fails closed: whatever goes wrong on the way, the application is not called.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from twofa_gate.core import asking, banner, events, notice, paths, refusal, returning, reuse
from twofa_gate.core.answer import SAFE_METHODS, Answer, Context, Forward, Mode, Reminder
from twofa_gate.core.decision import Ruling
from twofa_gate.core.effects import Clock, Flow
from twofa_gate.core.kept_form import MARK
from twofa_gate.core.passes import drop_oldest
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import (
    Heading,
    Standing,
    ask,
    ask_in_place,
    judge,
    keep,
    may_pass,
    read,
    recall,
    remembered,
)
from twofa_gate.errors import BadRequest
from twofa_gate.model import Decision, EventKind, Method, User
from twofa_gate.request import MAX_KNOWN_PATH, GateRequest

__all__ = ["at_once", "failed", "handle"]

_ORDINARY = Mode.ORDINARY  # names of their own, since a member of an enumeration is looked up twice
_MOUNT, _PUBLIC, _LISTED = paths.Way.MOUNT, paths.Way.PUBLIC, paths.Way.LISTED

MAX_PREFIXES = 64
"""Mount points that are remembered; an application has few."""


def handle(settings: Settings, request: GateRequest) -> Flow[Answer | Forward]:
    """Decide what happens to a request."""
    return _marked(settings, request) if _is_marked(request) else _handle(settings, request)


def _is_marked(request: GateRequest) -> bool:
    return request.method == "POST" and request.query_string.endswith(MARK)


def _marked(settings: Settings, request: GateRequest) -> Flow[Answer | Forward]:
    """Answer a POST to a URL to which kept forms are sent; one of these, or any other."""
    from twofa_gate.core import sending  # hardly any request is one of these

    sent = None
    try:
        if paths.below(settings.mount, request) is None and not settings.public.match(request):
            sent = yield from sending.send(settings, request, handle)
    except Exception as error:  # whatever failed, nothing is sent on
        return (yield from failed(settings, request, error))
    return (yield from _handle(settings, request)) if sent is None else sent


def _handle(settings: Settings, request: GateRequest) -> Flow[Answer | Forward]:
    try:
        path = request.decoded_path
        if path.startswith(settings.mount) and (below := paths.below(settings.mount, request)) is not None:
            return (yield from _page(settings, request, below))
        if not settings.public.empty and settings.public.covers(path) and request.plain:
            return _public(settings, request)
        user = yield from asking.identify(settings, request)
        mode = (yield from _mode(settings, request)) if settings.modes else _ORDINARY
        if mode is not _ORDINARY:
            return Forward(_context(settings, request, user), mode)
        if user is None:
            return _nobody(settings, request)
        if request.kind == "websocket" and not returning.allows_origin(settings, request):
            return (yield from _foreign(settings, request, user))
        heading = yield from ask(settings, request, user)
        known = reuse.find(settings, request, user, heading)
        return (yield from _decide(settings, request, user, heading)) if known is None else known
    except Exception as error:  # whatever failed, the application is not called
        return (yield from failed(settings, request, error))


def at_once(
    settings: Settings, request: GateRequest, clock: Callable[[], Clock]
) -> Forward | Flow[Answer | Forward]:
    """Decide as `handle` does, where none of the hooks that it asks has to be waited for.

    Such a hook, and the clock, are called and not yielded; they are asked for the same, in the same order. What
    comes is how the request goes through, if that is known by now, or else the flow that finds out.
    """
    try:
        path, ways = request.decoded_path, settings.ways
        way = ways.known(path) if len(path) <= MAX_KNOWN_PATH else ways.find(path)
        if way is _MOUNT or request.kind != "http" or settings.hooks.is_logout is not None:
            return handle(settings, request)
        if _is_marked(request):
            return handle(settings, request)
        if way is _PUBLIC and request.plain:
            return settings.public_forwards.get(request.prefix) or _public(settings, request)
        if request.authorization or request.doubled_authorization:
            asking.refuse_ambiguous(request)
        user: User | None = None
        # As `asking.identify_in_place`, and not in a function of its own: every request comes this way.
        for hook in settings.hooks.identify:
            result = hook.function(request)
            if result is not None:
                user = asking.heard(hook, result, user)
        if way is _LISTED and (mode := _listed(settings, request)) is not _ORDINARY:
            return Forward(_context(settings, request, user), mode)
        if user is None:
            forwards = settings.quiet_forwards if request.carries_nothing else settings.forwards
            return forwards.get(request.prefix) or _nobody(settings, request)
        heading = ask_in_place(settings, request, user, clock)
        known = reuse.find(settings, request, user, heading)
        return _rest(settings, request, user, heading) if known is None else known
    except Exception as error:  # whatever failed, the application is not called
        return failed(settings, request, error)


def _rest(settings: Settings, request: GateRequest, user: User, heading: Heading) -> Flow[Answer | Forward]:
    try:
        return (yield from _decide(settings, request, user, heading))
    except Exception as error:  # as above
        return (yield from failed(settings, request, error))


def failed(settings: Settings, request: GateRequest, error: Exception) -> Flow[Answer]:
    """Refuse a request because of what is wrong with it, or because something that its decision needs has failed."""
    if isinstance(error, BadRequest):
        return refusal.malformed(settings, request, error)
    with suppress(Exception):  # the refusal stands, even if it can't be told
        yield from events.record(settings, EventKind.UNAVAILABLE, None, error=repr(error), moment="request")
    return refusal.unavailable(settings, request)


def _page(settings: Settings, request: GateRequest, below: str) -> Flow[Answer]:
    if request.kind == "websocket":
        return refusal.plain_answer(403, "")
    return (yield from settings.pages(settings, request, below))


def _public(settings: Settings, request: GateRequest) -> Forward:
    # Of a public path's answer only its cookies are taken away.
    known = Forward(
        _context(settings, request), Mode.PUBLIC, strip=settings.credential_headers, quiet=SAFE_METHODS
    )
    _keep(settings.public_forwards, request.prefix, known)
    return known


def _nobody(settings: Settings, request: GateRequest) -> Forward:
    # See `quiet.can_change_unseen`: one who came with nothing stays nobody, if no session is live.
    stays = request.carries_nothing and not settings.live
    known = Forward(_context(settings, request), quiet=SAFE_METHODS if stays else frozenset())
    _keep(settings.quiet_forwards if request.carries_nothing else settings.forwards, request.prefix, known)
    return known


def _keep(forwards: dict[str, Forward], prefix: str, forward: Forward) -> None:
    forwards[prefix] = forward
    drop_oldest(forwards, MAX_PREFIXES)


def _mode(settings: Settings, request: GateRequest) -> Flow[Mode]:
    # What answers a login or logout path says can be looked at; what a socket there says can't.
    if request.kind == "websocket":
        return Mode.ORDINARY
    if (yield from asking.is_logout(settings, request)) is True:
        return Mode.LOGOUT
    return _listed(settings, request)


def _listed(settings: Settings, request: GateRequest) -> Mode:
    if settings.logout.match(request):
        return Mode.LOGOUT
    return Mode.LOGIN if settings.login.match(request) else Mode.ORDINARY


def _foreign(settings: Settings, request: GateRequest, user: User) -> Flow[Answer]:
    yield from events.record(settings, EventKind.REFUSED, user.id, why="foreign origin", path=request.path)
    return refusal.plain_answer(403, "")


def _decide(settings: Settings, request: GateRequest, user: User, heading: Heading) -> Flow[Answer | Forward]:
    reading = remembered(settings, user, heading)
    standing = None if reading is None else recall(settings, request, user, heading, reading)
    if standing is None or reading is None:
        reading = yield from read(settings, request, user, heading)
        known = reuse.find(settings, request, user, heading, reading)
        if known is not None:
            keep(settings, user, heading, reading)
            return known
        standing = judge(settings, request, user, heading, reading)
    if (yield from may_pass(settings, standing)) is True:
        forward = _forward(settings, request, standing)
        reuse.remember(settings, request, heading, reading, standing, forward)
        return forward
    facts = {
        "decision": standing.ruling.decision.value,
        "location": standing.location,
        "policy": _source(standing.ruling),
    }
    yield from events.record(settings, EventKind.REFUSED, user.id, **facts)
    return (yield from refusal.refuse(settings, request, standing, first=True))


def _forward(settings: Settings, request: GateRequest, standing: Standing) -> Forward:
    reminder = notice.reminder_of(settings, request, standing)
    banners = settings.reminder == "banner" and banner.is_page_visit(request)
    reminds = reminder is not None and not reminder.hidden and banners
    return Forward(
        _standing_context(settings, request, standing, reminder),
        standing=standing if reminds else None,
        without=banner.AS_A_WHOLE if reminds else frozenset(),
        # See `quiet.can_change_unseen`; and a page may get the banner.
        quiet=frozenset() if reminds or settings.live else SAFE_METHODS,
    )


def _source(ruling: Ruling) -> str | None:
    return None if ruling.policy is None else ruling.policy.source


def _context(settings: Settings, request: GateRequest, user: User | None = None) -> Context:
    return Context(Decision.PASS, f"{request.prefix}{settings.mount}/", user)


def _standing_context(
    settings: Settings,
    request: GateRequest,
    standing: Standing,
    reminder: Reminder | None,
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
    )
