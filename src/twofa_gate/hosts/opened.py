"""Whom Flask's signed session cookies named, so that what is sent again is not verified again.

Flask opens the session a second time in the application. What it would find is a function of the Cookie header,
of the application's keys and of the time: the same cookie under the same keys is the same session for as long as it
may be old. So a memo holds for the very same header and keys, and its age is judged anew on each request. Nothing
is remembered of sessions that a server keeps, of applications that read cookies in ways of their own, or where a
field is a function, since that may look at anything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from twofa_gate.core.passes import drop_oldest
from twofa_gate.hosts.fields import Field
from twofa_gate.model import User

if TYPE_CHECKING:
    from flask import Flask, Request

__all__ = ["OpenedSessions"]

MAX_SESSIONS = 2_000
MAX_HEADER = 4_096


class _Opened(NamedTuple):
    user: User
    signed: int
    under: tuple[object, ...]


class OpenedSessions:
    """The memo of one plugin; `fields` are those that it reads from the session."""

    def __init__(self, app: Flask, *fields: Field | None) -> None:
        self._app = app
        self._plain_fields = not any(callable(field) for field in fields)
        self._known: dict[str, _Opened] = {}

    def find(self, header: str) -> User | None:
        """Return whom this Cookie header names, if that was found before and is so still; `None`: open it."""
        found = self._known.get(header)
        if found is None or found.under != self._under():
            return None
        return found.user if 0 <= int(time.time()) - found.signed <= self._max_age() else None

    def keep(self, header: str, request: Request, user: User) -> None:
        """Remember whom a session names that was opened just now."""
        under = self._under()
        if not self._plain_fields or under is None or len(header) > MAX_HEADER:
            return
        interface: Any = self._app.session_interface
        serializer = interface.get_signing_serializer(self._app)
        value = request.cookies.get(interface.get_cookie_name(self._app))
        if serializer is None or not value:
            return
        _, signed = serializer.loads(value, max_age=self._max_age(), return_timestamp=True)
        self._known.pop(header, None)
        self._known[header] = _Opened(user, int(signed.timestamp()), under)
        drop_oldest(self._known, MAX_SESSIONS)

    def _max_age(self) -> int:
        return int(self._app.permanent_session_lifetime.total_seconds())

    def _under(self) -> tuple[object, ...] | None:
        """Give all that says how a session cookie is read; `None` where that is not Flask's own way."""
        from flask import Request
        from flask.sessions import SecureCookieSessionInterface

        app: Flask = self._app
        interface: Any = app.session_interface
        plain = type(interface) is SecureCookieSessionInterface and not vars(interface)
        if not plain or app.request_class is not Request:
            return None
        return (
            app.secret_key,
            list(app.config.get("SECRET_KEY_FALLBACKS") or ()),  # since Flask 3.1
            interface.get_cookie_name(app),
            interface.salt,
            interface.key_derivation,
            interface.digest_method,
            interface.serializer,
            interface.session_class,
        )
