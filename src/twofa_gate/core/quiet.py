"""Which answers need no second look, or only a glance: drivers spare them the whole apparatus."""

from __future__ import annotations

from collections.abc import Iterable

from twofa_gate.core import asking
from twofa_gate.core.answer import SAFE_METHODS, Forward, Mode
from twofa_gate.core.cookies import Header
from twofa_gate.core.settings import Settings
from twofa_gate.model import User
from twofa_gate.request import GateRequest

__all__ = ["can_change_unseen", "identity", "is_quiet", "is_remarkable", "is_same_still"]

_ORDINARY = Mode.ORDINARY


def identity(user: User | None) -> tuple[str, str | None] | None:
    """Return what tells one login of one user from another."""
    return None if user is None else (user.id, user.login)


def can_change_unseen(settings: Settings, request: GateRequest, end: Forward) -> bool:
    """Whether who is asking can be another when the answer begins, though it sets no cookie.

    Beside who came anonymous with credentials, or has a live session, an unsafe method counts: it may log
    somebody in on the server's side without any cookie. So does an anonymous query, where the name of a
    session may be.
    """
    if settings.live or end.mode is not Mode.ORDINARY or request.method not in SAFE_METHODS:
        return True
    if end.context.user is not None:
        return False
    return not request.carries_nothing


def is_quiet(request: GateRequest, end: Forward) -> bool:
    """Whether only what the answer itself announces can call for a second look: a cookie, or an event stream.

    A socket stays open.
    """
    return request.method in end.quiet and request.kind == "http"


def is_same_still(settings: Settings, request: GateRequest, end: Forward) -> bool:
    """Whether who was asking is asking still, of an answer that sets no cookie: then it passes as it is.

    It is what the second look does first; asked only where none of the plugins has to be waited for. Where it
    says no, or fails, the second look asks by itself.
    """
    if end.mode is not _ORDINARY or end.standing is not None or request.kind != "http":
        return False
    try:
        user = asking.identify_in_place(settings, request)
    except Exception:  # the second look will find that out too, and knows what to answer
        return False
    return identity(user) == identity(end.context.user)


def is_remarkable(headers: Iterable[Header]) -> bool:
    """Whether the headers of a quiet request's answer announce what must be looked at, or watched."""
    for name, value in headers:
        length = len(name)  # tells most names from the two without spelling them anew
        if length == 10:
            if name.lower() == "set-cookie":
                return True
        elif length == 12 and name.lower() == "content-type" and value[:17].lower() == "text/event-stream":
            return True
    return False
