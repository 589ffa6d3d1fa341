"""Flask: plain sessions, and Flask-Login with its remember-me cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twofa_gate.hooks import hookimpl
from twofa_gate.hosts.fields import Field, read_field, user_from
from twofa_gate.hosts.opened import OpenedSessions
from twofa_gate.model import Credential, User
from twofa_gate.request import GateRequest

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["FlaskLogin", "FlaskSession"]


class FlaskSession:
    """Users whom a Flask application keeps in `session`, under keys of its own.

    Each field is a session key, or a function that is given the session. `login` names the key that changes
    at every login and at nothing else, if the application has one: without it, a second login of the same
    user is told from the first only by the logout or the answer in between.
    """

    def __init__(
        self,
        app: Flask,
        *,
        user_id: Field = "user_id",
        label: Field | None = None,
        login: Field | None = None,
    ) -> None:
        self._app = app
        self._user_id = user_id
        self._label = label
        self._login = login
        self._opened = OpenedSessions(app, user_id, label, login)

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. The session is opened with the application's own session interface.

        A signed cookie that is sent again, under the same keys, is not verified again; its age is.
        """
        if request.environ is None:
            return None
        header = request.cookie_header
        known = self._opened.find(header)
        if known is not None:
            return known
        native = self._app.request_class(request.environ)
        session = self._app.session_interface.open_session(self._app, native)
        if session is None:
            return None
        user = user_from(session, user_id=self._user_id, label=self._label, login=self._login)
        if user is not None:
            self._opened.keep(header, native, user)
        return user


class FlaskLogin:
    """Users whom Flask-Login loads: from the session, the remember-me cookie, or a request loader.

    `label`, `login` and `joined` are attributes of the application's user object, or functions given it.
    Flask-Login has no name for a login, so `login` has to come from the application. Users whom only a request
    loader knows have `request_credential`.
    """

    def __init__(
        self,
        app: Flask,
        *,
        label: Field | None = "email",
        login: Field | None = None,
        joined: Field | None = None,
        request_credential: Credential = Credential.TOKEN,
    ) -> None:
        self._app = app
        self._label = label
        self._login = login
        self._joined = joined
        self._request_credential = request_credential

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`. Flask-Login does the verifying, in contexts that are thrown away."""
        if request.environ is None:
            return None
        from flask import request as flask_request
        from flask import session
        from flask_login import COOKIE_NAME, current_user

        # The application context is our own: `g` of a request in progress would answer for it.
        with self._app.app_context(), self._app.request_context(request.environ):
            in_session = session.get("_user_id") is not None
            cookie = self._app.config.get("REMEMBER_COOKIE_NAME", COOKIE_NAME)
            remembered = cookie in flask_request.cookies and session.get("_remember") != "clear"
            credential = Credential.SESSION if in_session or remembered else self._request_credential
            if not current_user.is_authenticated:
                return None
            user_id = current_user.get_id()
            source = current_user._get_current_object()  # how werkzeug unwraps its proxies
            label = read_field(source, self._label)
            return user_from(
                source,
                user_id=lambda _: user_id,
                label=lambda _: label,
                login=self._login,
                joined=self._joined,
                credential=credential,
            )
