"""Flask's sessions and Flask-Login, as the gate reads them, against what the application itself says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from tests.support.http import PlainBrowser
from twofa_gate import Credential, Enforcement, Gate, Policy, User
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.hosts.flask import FlaskLogin, FlaskSession
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware


class Person(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A user of the application."""

    def __init__(self, number: int) -> None:
        self.id = number
        self.email = f"user{number}@example.com"


class Watched:
    """Hands on what a plugin says and keeps it."""

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        self.said: list[User | None] = []

    def ask(self, environ: dict[str, Any]) -> User | None:
        """Ask the plugin about a request."""
        user: User | None = self._plugin.identify(WSGIRequest(environ))
        return user


def login_app() -> Flask:
    """Make an application with Flask-Login: a form, a remember-me cookie, an API key."""
    app = Flask("login_app")
    app.secret_key = "s" * 32
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: Person(int(user_id)) if user_id != "99" else None)
    manager.request_loader(lambda given: Person(7) if given.headers.get("X-Api-Key") == "seven" else None)

    @app.post("/login")
    def login() -> str:
        login_user(Person(int(request.form["user"])), remember="remember" in request.form)
        return ""

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        return ""

    @app.get("/who")
    def who() -> str:
        return str(current_user.get_id())

    return app


@pytest.fixture
def gated() -> Iterator[tuple[Flask, PlainBrowser]]:
    """Put a gate that requires a second factor in front of the application."""
    app = login_app()
    plugins = [FlaskLogin(app), MemoryStore()]
    gate = Gate(
        secret_keys=["k" * 32],
        issuer="Acme",
        plugins=plugins,
        policy=Policy(Enforcement.REQUIRED),
        logout_paths=["/logout"],
    )
    app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)  # type: ignore[method-assign]  # as users do
    with PlainBrowser.on_wsgi(app) as browser:
        yield app, browser


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_session_user_is_gated(gated: tuple[Flask, PlainBrowser]) -> None:
    """Somebody logged in by Flask-Login's session is sent to set up."""
    _, browser = gated
    browser.send("POST", "/login", content=b"user=1", headers=FORM)
    assert browser.navigate("/who").location.startswith("https://app.test/2fa/enroll")


def test_remembered_user_is_gated(gated: tuple[Flask, PlainBrowser]) -> None:
    """The remember-me cookie alone logs in inside the application, and is gated like the session."""
    _, browser = gated
    browser.send("POST", "/login", content=b"user=1&remember=1", headers=FORM)
    header = browser.cookies.header("https://app.test/")
    remember = next(part for part in header.split("; ") if part.startswith("remember_token="))
    alone = browser.another()
    answer = alone.send("GET", "/who", headers={"Cookie": remember, "Accept": "text/html"})
    assert answer.status == 303
    assert answer.location.startswith("https://app.test/2fa/enroll")


def test_api_key_user_is_gated(gated: tuple[Flask, PlainBrowser]) -> None:
    """A request loader's user is refused too, unless the policy lets tokens pass."""
    _, browser = gated
    answer = browser.send("GET", "/who", headers={"X-Api-Key": "seven", "Accept": "application/json"})
    assert answer.status == 403
    assert answer.json()["decision"] == "enroll"


def test_forged_cookies_name_nobody(gated: tuple[Flask, PlainBrowser]) -> None:
    """A session or remember-me cookie with a wrong signature is nobody's, for gate and application alike."""
    _, browser = gated
    answer = browser.send(
        "GET", "/who", headers={"Cookie": "session=eyJfdXNlcl9pZCI6IjEifQ.x.y; remember_token=1|abc"}
    )
    assert (answer.status, answer.text) == (200, "None")


def test_credential_of_a_request_loader() -> None:
    """Users whom only a request loader knows are known by a token."""
    app = login_app()
    with app.test_request_context("/", headers={"X-Api-Key": "seven"}) as context:
        environ = context.request.environ
    found = Watched(FlaskLogin(app)).ask(environ)
    assert found is not None
    assert (found.id, found.label, found.credential) == ("7", "user7@example.com", Credential.TOKEN)


def test_a_deleted_user_is_nobody() -> None:
    """A session of a user whom the application's loader doesn't know any more names nobody."""
    app = login_app()
    with app.test_request_context("/"):
        session["_user_id"] = "99"
        value = app.session_interface.get_signing_serializer(app).dumps(dict(session))  # type: ignore[attr-defined]  # a SecureCookieSessionInterface
    with app.test_request_context("/", headers={"Cookie": f"session={value}"}) as context:
        environ = context.request.environ
    assert Watched(FlaskLogin(app)).ask(environ) is None


def test_plain_session_fields() -> None:
    """Ids become strings, the label falls back to the id, and the login is what the application names."""
    app = Flask("plain")
    app.secret_key = "s" * 32
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # a SecureCookieSessionInterface
    for content, expected in [
        ({"user_id": 5, "email": "a@b", "login_id": "x"}, User("5", "a@b", "x")),
        ({"user_id": 5}, User("5", "5")),
        ({"email": "a@b"}, None),
    ]:
        cookie = f"session={serializer.dumps(content)}"
        with app.test_request_context("/", headers={"Cookie": cookie}) as context:
            environ = context.request.environ
        plugin = FlaskSession(app, label="email", login="login_id")
        assert Watched(plugin).ask(environ) == expected
