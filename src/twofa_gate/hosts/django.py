"""Django's session authentication, under WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from twofa_gate.errors import BadRequest
from twofa_gate.hooks import hookimpl
from twofa_gate.hosts.fields import Field, user_from
from twofa_gate.model import User
from twofa_gate.request import GateRequest

__all__ = ["DjangoSession"]


class DjangoSession:
    """Users whom `django.contrib.auth` knows by their session.

    The label is the user's e-mail address, else their name. A login is named by its session key, which Django
    changes at every login (and when a password changes, which then asks for a code again). Signed-cookie
    sessions have no such name, so there `login` is `None` unless a function of the session gives one.
    """

    def __init__(self, *, label: Field | None = None, login: Field | None = None) -> None:
        self._label = label
        self._login = login

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. Django verifies the session; a stale one is not flushed here."""
        try:
            return self._identify(request)
        finally:
            if request.scope is not None:
                # This is a worker thread of the gate's, whose connection Django's signals don't close.
                from django.db import connections

                connections.close_all()

    def _identify(self, request: GateRequest) -> User | None:
        from django.conf import settings
        from django.contrib.auth import get_user
        from django.http import HttpRequest

        key = cookies_of(request).get(settings.SESSION_COOKIE_NAME)
        if not key:
            return None
        session = _read_only(key)
        django_request = HttpRequest()
        django_request.session = session
        user: Any = get_user(django_request)
        if not user.is_authenticated or not user.is_active:
            return None
        login = self._login(session) if callable(self._login) else _login_name(session)
        return user_from(
            user,
            user_id="pk",
            label=self._label or (lambda each: getattr(each, "email", "") or each.get_username()),
            login=lambda _: login,
            joined="date_joined" if getattr(user, "date_joined", None) is not None else None,
        )


def cookies_of(request: GateRequest) -> Mapping[str, str]:
    """Read the cookies by Django's own request: it decodes the header, and joins its lines, in ways of its own.

    Raises `BadRequest` for a request that Django can't read either. Sockets are read strictly, since Channels
    has another reading than Django.
    """
    if request.environ is not None:
        from django.core.handlers.wsgi import WSGIRequest

        found: Mapping[str, str] = WSGIRequest(request.environ.copy()).COOKIES  # it writes into its environ
        return found
    if request.scope is None or request.kind == "websocket":
        return request.cookies
    from django.core.handlers.asgi import ASGIRequest

    try:
        found = ASGIRequest(request.scope, BytesIO()).COOKIES
    except UnicodeDecodeError as error:
        raise BadRequest("The query is not UTF-8.") from error
    return found


def _read_only(key: str) -> Any:
    """Open a session that `get_user` can neither flush nor cycle: identifying changes nothing."""
    from importlib import import_module

    from django.conf import settings

    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    for name in ("flush", "cycle_key", "save", "delete", "create"):
        setattr(session, name, _nothing)
    return session


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


def _login_name(session: Any) -> str | None:
    if type(session).__module__.endswith("signed_cookies"):
        return None
    name: str | None = session.session_key
    return name
