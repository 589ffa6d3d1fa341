"""Basic, bearer, remote user, Starlette and places, as plugins."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    SimpleUser,
    UnauthenticatedUser,
)
from starlette.requests import HTTPConnection

from twofa_gate import BadRequest, Credential, HookError, User
from twofa_gate.adapters.asgi_request import ASGIRequest
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.hosts.bearer import BearerToken
from twofa_gate.hosts.places import LocationsByHost, LocationsByPath
from twofa_gate.hosts.remote_user import RemoteUser
from twofa_gate.hosts.starlette import StarletteAuthentication, StarletteSession
from twofa_gate.request import GateRequest


def wsgi(path: str = "/", client: str = "127.0.0.1", **environ: Any) -> GateRequest:
    """Make a WSGI request."""
    return WSGIRequest(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": client,
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            **environ,
        }
    )


def asgi(*headers: tuple[str, str], path: str = "/", client: str = "127.0.0.1", **scope: Any) -> GateRequest:
    """Make an ASGI request."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return ASGIRequest(
        {"type": "http", "method": "GET", "path": path, "headers": raw, "client": (client, 1), **scope}
    )


BASIC = "Basic dTE6c2VjcmV0"  # u1:secret


def test_basic_remembers_only_right_passwords() -> None:
    """A right password is verified once in the cache's time, a wrong one each time, and it is never kept."""
    asked: list[tuple[str, str]] = []

    def verify(name: str, password: str) -> str | None:
        asked.append((name, password))
        return "1" if password == "secret" else None

    plugin = BasicAuth(verify)
    right, wrong = wsgi(HTTP_AUTHORIZATION=BASIC), wsgi(HTTP_AUTHORIZATION="Basic dTE6d3Jvbmc=")
    expected = User("1", "u1", credential=Credential.PASSWORD)
    assert [plugin.identify(right), plugin.identify(right)] == [expected, expected]
    assert [plugin.identify(wrong), plugin.identify(wrong)] == [None, None]
    assert asked == [("u1", "secret"), ("u1", "wrong"), ("u1", "wrong")]
    assert "secret" not in repr(vars(plugin))


@pytest.mark.parametrize("header", ["", "Basic", "Bearer abc", "basic"])
def test_basic_without_a_password_is_nobody(header: str) -> None:
    """What is no Basic header with a name and a password names nobody, and raises nothing."""
    plugin = BasicAuth(lambda name, password: "1")
    assert plugin.identify(wsgi(HTTP_AUTHORIZATION=header)) is None


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic dTE", "Basic am9z6TpzZWNyZXQ=", "Basic dTE6c2VjcmV0, x"]
)
def test_basic_that_readers_read_differently_is_refused(header: str) -> None:
    """What another reader may take for a name and a password (by latin-1, say) is no absence of one: 400."""
    plugin = BasicAuth(lambda name, password: "1")
    with pytest.raises(BadRequest):
        plugin.identify(wsgi(HTTP_AUTHORIZATION=header))


def test_basic_cache_is_bounded_and_can_be_off() -> None:
    """With `cache_seconds=0` each request is verified; the cache holds a thousand at most."""
    asked: list[str] = []
    plugin = BasicAuth(lambda name, password: asked.append(name) or "1", cache_seconds=0)  # type: ignore[func-returns-value]  # append, then "1"
    plugin.identify(wsgi(HTTP_AUTHORIZATION=BASIC))
    plugin.identify(wsgi(HTTP_AUTHORIZATION=BASIC))
    assert len(asked) == 2


def test_bearer_names_a_token_user() -> None:
    """A known token is a `Credential.TOKEN` user, an unknown one nobody; the scheme is read without case."""
    plugin = BearerToken({"t0ken": "robot"}.get)
    assert plugin.identify(wsgi(HTTP_AUTHORIZATION="bearer t0ken")) == User(
        "robot", "robot", credential=Credential.TOKEN
    )
    assert plugin.identify(wsgi(HTTP_AUTHORIZATION="Bearer other")) is None
    assert plugin.identify(wsgi(HTTP_AUTHORIZATION=BASIC)) is None
    assert BearerToken({"k": "robot"}.get, header="X-Api-Key").identify(asgi(("X-Api-Key", "k"))) is not None


def test_remote_user_of_the_server() -> None:
    """`REMOTE_USER` of the server names the user; a header that looks like it does not."""
    assert RemoteUser().identify(wsgi(REMOTE_USER="ada")) == User("ada", "ada")
    assert RemoteUser().identify(wsgi(HTTP_REMOTE_USER="ada")) is None


@pytest.mark.parametrize(
    "make",
    [lambda **kw: wsgi(**kw, HTTP_X_REMOTE_USER="ada"), lambda **kw: asgi(("X-Remote-User", "ada"), **kw)],
)
def test_remote_user_of_a_named_proxy_only(make: Any) -> None:
    """The header counts from a named proxy; from anywhere else the request is refused, not taken for anonymous."""
    plugin = RemoteUser(header="X-Remote-User", proxies=["10.0.0.0/8"])
    assert plugin.identify(make(client="10.1.2.3")) == User("ada", "ada")
    with pytest.raises(BadRequest):
        plugin.identify(make(client="192.0.2.1"))


def test_remote_user_twice_is_refused() -> None:
    """Two such headers, or one with underscores beside it, are refused even from the proxy."""
    plugin = RemoteUser(header="X-Remote-User", proxies=["10.0.0.0/8"])
    with pytest.raises(BadRequest):
        plugin.identify(asgi(("X-Remote-User", "ada"), ("X_Remote_User", "root"), client="10.0.0.1"))


def test_remote_user_header_needs_proxies() -> None:
    """A header without named proxies refuses to start: anybody could send it."""
    with pytest.raises(ValueError, match="proxies"):
        RemoteUser(header="X-Remote-User")


def test_starlette_session_must_be_there() -> None:
    """Outside of SessionMiddleware the plugin fails instead of taking everybody for anonymous."""
    plugin = StarletteSession(label="email")
    assert plugin.identify(asgi(session={"user_id": 1, "email": "a@b"})) == User("1", "a@b")
    assert plugin.identify(asgi(session={})) is None
    with pytest.raises(HookError, match="SessionMiddleware"):
        plugin.identify(asgi())


def test_starlette_authentication() -> None:
    """`request.user` is the user; an authenticated one without identity is an error, not nobody."""
    plugin = StarletteAuthentication(user_id="username")
    assert asyncio.run(plugin.identify(asgi(user=SimpleUser("ada")))) == User("ada", "ada")
    assert asyncio.run(plugin.identify(asgi(user=UnauthenticatedUser()))) is None
    with pytest.raises(HookError, match="AuthenticationMiddleware"):
        asyncio.run(plugin.identify(asgi()))
    with pytest.raises(HookError, match="identity"):
        asyncio.run(StarletteAuthentication(user_id="nothing").identify(asgi(user=SimpleUser("ada"))))


class ByCookie(AuthenticationBackend):
    """Knows users by a cookie."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """See `AuthenticationBackend.authenticate`."""
        name = conn.cookies.get("user")
        return None if name is None else (AuthCredentials(), SimpleUser(name))


def test_starlette_authentication_is_asked_again() -> None:
    """After the first look the backend is asked, with the cookies as they are then; without one that is an error."""
    plugin = StarletteAuthentication(user_id="username", backend=ByCookie())
    request = asgi(user=UnauthenticatedUser())
    assert asyncio.run(plugin.identify(request)) is None
    assert asyncio.run(plugin.identify(request.with_cookie_header("user=ada"))) == User("ada", "ada")
    assert asyncio.run(plugin.identify(request)) is None
    request = asgi(user=SimpleUser("ada"))
    unaware = StarletteAuthentication(user_id="username")
    assert asyncio.run(unaware.identify(request)) == User("ada", "ada")
    with pytest.raises(HookError, match="backend"):
        asyncio.run(unaware.identify(request))


ADA = User("ada", "ada")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "office"),
        ("/billing", "billing"),
        ("/billing/x/", "billing"),
        ("/billing/vault/x", "vault"),
        ("//billing", "billing"),
        ("/x/../billing/y", "billing"),
        ("/billingx", "office"),
        ("/x/billing", "office"),
    ],
)
def test_places_by_path(path: str, place: str) -> None:
    """The longest tree that holds the canonical path is the location."""
    plugin = LocationsByPath({"/billing": "billing", "/billing/vault/": "vault"}, default="office")
    assert plugin.locate(wsgi(path), ADA) == place
    assert plugin.locate(asgi(path=path), ADA) == place


def test_places_by_host_are_a_fixed_list() -> None:
    """A listed host, with or without port and in any case, is its location; any other is refused."""
    plugin = LocationsByHost({"A.example": "a", "b.example:8443": "b"})
    assert plugin.locate(wsgi(HTTP_HOST="a.EXAMPLE"), ADA) == "a"
    assert plugin.locate(wsgi(HTTP_HOST="a.example:8000"), ADA) == "a"
    assert plugin.locate(wsgi(HTTP_HOST="b.example:8443"), ADA) == "b"
    for host in ("evil.example", "b.example", "a.example.evil", "a.example:x"):
        with pytest.raises(BadRequest):
            plugin.locate(wsgi(HTTP_HOST=host), ADA)
