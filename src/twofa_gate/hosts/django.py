"""Django's session authentication, under WSGI and ASGI."""

from __future__ import annotations

from typing import Any

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
        from django.http import HttpRequest, parse_cookie

        key = parse_cookie(request.cookie_header).get(settings.SESSION_COOKIE_NAME)
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
