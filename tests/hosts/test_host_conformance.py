"""The suite of host plugins: our examples and ready-made plugins pass it, hosts that leak are caught."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, redirect, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from starlette.middleware import Middleware
from werkzeug.wrappers import Response as BaseResponse

from examples.flask_app import app as flask_example
from examples.starlette_app import app as starlette_example
from tests.hosts.leaking import LEAKING_BY_FLASK_LOGIN, FirstCookieWins, NobodyUnderTest, SessionOnly
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.hosts.bearer import BearerToken
from twofa_gate.hosts.flask import FlaskLogin, FlaskSession
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.testing import HostConformance, HostUnderTest
from twofa_gate.testing._browsing import Browser

ACCOUNTS = {"1": ("ada@example.com", "correct horse"), "2": ("grace@example.com", "battery staple")}
SHOWN = {user_id: email for user_id, (email, _) in ACCOUNTS.items()}


def form_login(browser: Browser, user_id: str) -> None:
    """Log in by the form of an example, with its CSRF token; whoever is logged in sees no form."""
    page = browser.get("/login")
    token = re.search(rb'name="csrf[^"]*" value="([^"]+)"', page.body)
    if token is not None:
        email, password = ACCOUNTS[user_id]
        name = re.search(rb'name="(csrf[^"]*)"', page.body)
        assert name is not None
        fields = {"email": email, "password": password, name[1].decode(): token[1].decode(), "next": "/"}
        browser.post("/login", fields)


def form_logout(browser: Browser) -> None:
    """Log out as somebody whose session ends: the cookie goes."""
    browser.cookies.pop("session", None)


class TestFlaskExample(HostConformance):
    """The Flask example keeps the promise."""

    @pytest.fixture
    def host(self, tmp_path: Path) -> HostUnderTest:
        """Give the example with its sessions."""
        app = flask_example.create_app(str(tmp_path / "example.db"))
        bare = app.wsgi_app
        return HostUnderTest(
            build=lambda wrap: bare if wrap is None else wrap(bare),
            plugins=[FlaskSession(app, label="email", login="login_id")],
            users=SHOWN,
            logins={"form": form_login},
            pages=["/", "/office/orders"],
            logout=form_logout,
            settings={"login_paths": ["/login"], "public": ["/static/"]},
        )


class TestStarletteExample(HostConformance):
    """The Starlette example keeps the promise, the gate inside its SessionMiddleware."""

    @pytest.fixture
    def host(self, tmp_path: Path) -> HostUnderTest:
        """Give the example with its sessions."""

        def build(wrap: Callable[[Any], Any] | None) -> Any:
            app = starlette_example.create_app(str(tmp_path / "marina.db"))
            if wrap is not None:
                app.user_middleware.append(Middleware(wrap))
            return app

        return HostUnderTest(
            build=build,
            plugins=[StarletteSession(label="email", login="login_id")],
            users=SHOWN,
            logins={"form": form_login},
            pages=["/", "/office/log"],
            logout=form_logout,
            settings={"login_paths": ["/login"], "public": ["/static/"]},
            asgi=True,
        )


class Person(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """A user of the application with many planes."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id
        self.email = SHOWN[user_id]


def many_planes() -> Flask:
    """Make an application that logs in by form, on any URL, by remember-me, Basic, token and server-side session."""
    app = Flask("many_planes")
    app.secret_key = "s" * 32
    manager = LoginManager(app)
    manager.user_loader(lambda user_id: Person(user_id) if user_id in SHOWN else None)
    manager.request_loader(by_header)
    app.extensions["twofa_login"] = {}

    @app.before_request
    def any_url() -> None:
        user_id = request.values.get("as")
        if user_id in SHOWN:
            logout_user()
            login_user(Person(user_id), remember="remember" in request.values)
            session["login"] = secrets.token_hex(4)

    @app.post("/login")
    def login() -> BaseResponse:
        return redirect("/")

    @app.post("/logout")
    def logout() -> BaseResponse:
        logout_user()
        return redirect("/")

    @app.get("/")
    @app.get("/page")
    def page() -> Response:
        email = current_user.email if current_user.is_authenticated else "nobody"
        return Response(f"<html><body>hello {email}</body></html>", headers={"X-User": email})

    return app


def by_header(given: Any) -> Person | None:
    """Know users by Basic and bearer credentials."""
    scheme, _, value = given.headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        user_id, _, password = base64.b64decode(value).decode().partition(":")
        return Person(user_id) if password == "secret" else None
    return Person(value.removeprefix("token-")) if scheme == "Bearer" else None


def by_form(browser: Browser, user_id: str) -> None:
    """Log in by a form of its own."""
    browser.headers.clear()
    browser.post("/login", {"as": user_id})


def on_any_url(browser: Browser, user_id: str) -> None:
    """Log in on a private page, which answers privately at once."""
    browser.headers.clear()
    browser.get(f"/page?as={user_id}")


def remembered(browser: Browser, user_id: str) -> None:
    """Come back with the remember-me cookie alone."""
    browser.headers.clear()
    browser.post("/login", {"as": user_id, "remember": "1"})
    browser.cookies.pop("session", None)


def basic(browser: Browser, user_id: str) -> None:
    """Send a password with every request."""
    browser.cookies.pop("session", None)
    browser.cookies.pop("remember_token", None)
    browser.headers["Authorization"] = "Basic " + base64.b64encode(f"{user_id}:secret".encode()).decode()


def bearer(browser: Browser, user_id: str) -> None:
    """Send a token with every request."""
    browser.cookies.pop("session", None)
    browser.cookies.pop("remember_token", None)
    browser.headers["Authorization"] = f"Bearer token-{user_id}"


def log_out(browser: Browser) -> None:
    """Log out by form."""
    browser.headers.clear()
    browser.post("/logout")


def many_planes_host(plugins: Callable[[Flask], list[object]]) -> HostUnderTest:
    """Put plugins in front of the application with many planes."""
    app = many_planes()
    bare = app.wsgi_app
    return HostUnderTest(
        build=lambda wrap: bare if wrap is None else wrap(bare),
        plugins=plugins(app),
        users=SHOWN,
        logins={"form": by_form, "any": on_any_url, "remember": remembered, "basic": basic, "bearer": bearer},
        pages=["/", "/page"],
        logout=log_out,
        settings={"login_paths": ["/login"], "logout_paths": ["/logout"]},
    )


def check_password(user_id: str, password: str) -> str | None:
    """Verify a Basic password."""
    return user_id if password == "secret" and user_id in SHOWN else None


def check_token(token: str) -> str | None:
    """Verify a bearer token."""
    user_id = token.removeprefix("token-")
    return user_id if user_id in SHOWN else None


class TestFlaskLoginAlone(HostConformance):
    """Flask-Login's plugin sees every plane that Flask-Login itself sees."""

    @pytest.fixture
    def host(self) -> HostUnderTest:
        """Give the application with the plugin."""
        return many_planes_host(lambda app: [FlaskLogin(app)])


class TestPlanesSideBySide(HostConformance):
    """Several plugins, one for each plane, stand side by side."""

    @pytest.fixture
    def host(self) -> HostUnderTest:
        """Give the application with a plugin for each plane."""
        return many_planes_host(
            lambda app: [FlaskLogin(app), BasicAuth(check_password), BearerToken(check_token)]
        )


LEAKING: list[tuple[Callable[[Flask], list[object]], str]] = [
    (lambda app: [NobodyUnderTest()], "every_plane_is_gated"),
    (lambda app: [SessionOnly(app)], "every_plane_is_gated"),
    (lambda app: [SessionOnly(app), BasicAuth(check_password)], "every_plane_is_gated"),
    (lambda app: [SessionOnly(app), BearerToken(check_token)], "every_plane_is_gated"),
    (lambda app: [FirstCookieWins(app)], "nothing_leaks_in_any_order"),
    *LEAKING_BY_FLASK_LOGIN,
]


@pytest.mark.parametrize(("plugins", "claim"), LEAKING)
def test_leaking_hosts_are_caught(plugins: Callable[[Flask], list[object]], claim: str) -> None:
    """A plugin that misses a plane of login or a user, or reads in its own way, fails by the right test."""
    host = many_planes_host(plugins)
    HostConformance().test_bare_application_shows_its_users(host)
    with pytest.raises(AssertionError, match="whom the gate has not passed"):
        getattr(HostConformance(), f"test_{claim}")(host)
