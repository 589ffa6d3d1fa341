"""The suite of host plugins on the ready-made plugins that no example of ours uses."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route

from tests.hosts.django_site import PASSWORD, configure
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.hosts.bearer import BearerToken
from twofa_gate.hosts.django import DjangoSession
from twofa_gate.hosts.remote_user import RemoteUser
from twofa_gate.hosts.starlette import StarletteAuthentication
from twofa_gate.testing import HostConformance, HostUnderTest
from twofa_gate.testing._browsing import Browser

SHOWN = {"1": "the page of ada", "2": "the page of grace"}
PATHS: dict[str, Any] = {"login_paths": ["/login"], "logout_paths": ["/logout"]}


class TestDjango(HostConformance):
    """Django's sessions keep the promise, through each driver."""

    @pytest.fixture(params=["wsgi", "asgi"])
    def host(self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
        """Give a project with two users, one of whose logins is answered by a private page."""
        configure(tmp_path_factory.mktemp("django"))
        from django.contrib.auth.models import User
        from django.core.asgi import get_asgi_application
        from django.core.wsgi import get_wsgi_application
        from django.db import connections

        names = ("ada", "grace")
        if not User.objects.filter(username="grace").exists():
            User.objects.create_user("grace", "grace@example.com", PASSWORD)
        ids = {name: str(User.objects.get(username=name).pk) for name in names}
        by_id = {user_id: name for name, user_id in ids.items()}
        asgi = request.param == "asgi"

        def log_in(browser: Browser, user_id: str, **more: str) -> None:
            browser.post("/login", {"user": by_id[user_id], "password": PASSWORD, **more})

        def build(wrap: Callable[[Any], Any] | None) -> Any:
            bare: Any = get_asgi_application() if asgi else get_wsgi_application()
            return bare if wrap is None else wrap(bare)

        yield HostUnderTest(
            build=build,
            plugins=[DjangoSession()],
            users={user_id: f"private {name}" for user_id, name in by_id.items()},
            logins={"form": log_in, "page": lambda browser, user_id: log_in(browser, user_id, page="1")},
            pages=["/who"],
            logout=lambda browser: browser.post("/logout"),
            settings=PATHS,
            asgi=asgi,
        )
        connections.close_all()


def by_header(name: str) -> Any:
    """Make a WSGI application that shows whoever one header names, in the way in which it names them."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        given = environ.get(name, "")
        scheme, _, value = given.partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(value).decode().partition(":")[0]
        elif scheme == "Bearer":
            given = value.removeprefix("token-")
        start_response("200 OK", [("Content-Type", "text/html")])
        return [SHOWN.get(given, "nobody").encode()]

    return app


def sends(header: str, value: str) -> Callable[[Browser, str], None]:
    """Make a login by a header that goes with every request."""

    def log_in(browser: Browser, user_id: str) -> None:
        browser.headers[header] = value.format(user_id)
        if value.startswith("Basic"):
            browser.headers[header] = "Basic " + base64.b64encode(f"{user_id}:secret".encode()).decode()

    return log_in


def from_a_proxy(app: Any) -> Any:
    """Have all requests come from the address of the proxy."""
    return lambda environ, start_response: app({**environ, "REMOTE_ADDR": "10.0.0.1"}, start_response)


PLANES = {
    "basic": (
        BasicAuth(lambda user_id, password: user_id if password == "secret" else None),
        "HTTP_AUTHORIZATION",
        sends("Authorization", "Basic"),
    ),
    "bearer": (
        BearerToken(lambda token: token.removeprefix("token-")),
        "HTTP_AUTHORIZATION",
        sends("Authorization", "Bearer token-{}"),
    ),
    "proxy": (
        RemoteUser(header="X-Remote-User", proxies=["10.0.0.0/8"]),
        "HTTP_X_REMOTE_USER",
        sends("X-Remote-User", "{}"),
    ),
}


class TestHeaders(HostConformance):
    """Basic, tokens and a proxy's header keep the promise, each alone."""

    @pytest.fixture(params=PLANES)
    def host(self, request: pytest.FixtureRequest) -> HostUnderTest:
        """Give an application that believes one header."""
        plugin, name, log_in = PLANES[request.param]
        bare = by_header(name)
        return HostUnderTest(
            build=lambda wrap: from_a_proxy(bare if wrap is None else wrap(bare)),
            plugins=[plugin],
            users=SHOWN,
            logins={request.param: log_in},
            pages=["/", "/page"],
        )


class Person(SimpleUser):
    """Whom the authentication backend finds: in a login of a name."""

    def __init__(self, user_id: str, login: str) -> None:
        super().__init__(user_id)
        self.login = login

    @property
    def identity(self) -> str:
        """The user's id."""
        return self.username


class Backend:
    """Knows users by a session cookie whose sessions it keeps, as an authentication backend does."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """See `AuthenticationBackend.authenticate`."""
        key = conn.cookies.get("sid", "")
        if key not in self.sessions:
            return None
        return AuthCredentials(["authenticated"]), Person(self.sessions[key], key)

    def log_in(self, user_id: str) -> StarletteResponse:
        """Answer a login by the user's private page, at once."""
        key = secrets.token_hex(8)
        self.sessions[key] = user_id
        answer = PlainTextResponse(SHOWN[user_id])
        answer.set_cookie("sid", key, httponly=True)
        return answer


def authenticated(wrap: Callable[[Any], Any] | None) -> Starlette:
    """Make an application with an authentication backend, the gate inside of its middleware."""
    backend = Backend()

    async def login(request: Request) -> StarletteResponse:
        return backend.log_in((await request.form())["user"])  # type: ignore[arg-type]  # a text field

    async def logout(request: Request) -> StarletteResponse:
        backend.sessions.pop(request.cookies.get("sid", ""), None)
        answer = RedirectResponse("/", 303)
        answer.delete_cookie("sid", httponly=True)
        return answer

    async def page(request: Request) -> StarletteResponse:
        return PlainTextResponse(SHOWN.get(request.user.display_name, "nobody"))

    inside = [] if wrap is None else [Middleware(wrap)]
    return Starlette(
        routes=[
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["POST"]),
            Route("/", page),
            Route("/page", page),
        ],
        middleware=[Middleware(AuthenticationMiddleware, backend=backend), *inside],  # type: ignore[arg-type]
    )


class TestStarletteAuthentication(HostConformance):
    """Starlette's authentication keeps the promise, though what it knows of a request does not change inside of it."""

    @pytest.fixture
    def host(self) -> HostUnderTest:
        """Give the application."""
        return HostUnderTest(
            build=authenticated,
            plugins=[StarletteAuthentication(login="login")],
            users=SHOWN,
            logins={"form": lambda browser, user_id: browser.post("/login", {"user": user_id})},
            pages=["/", "/page"],
            logout=lambda browser: browser.post("/logout"),
            settings=PATHS,
            asgi=True,
        )
