"""Cases 23 and 25: what comes by ASGI and isn't plain http is no way around. WSGI has nothing of the kind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .site import FakeClock, Site
from .target import PRIVATE, BasicHost


class Socket:
    """A WebSocket client by the letter of ASGI; only ASGI has WebSockets."""

    def __init__(self, site: Site, path: str, headers: list[tuple[str, str]], **scope: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self.scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "scheme": "wss",
            "server": ("app.test", 443),
            "headers": [
                (name.lower().encode(), value.encode()) for name, value in [("Host", "app.test"), *headers]
            ],
            **scope,
        }
        site.transport.portal.call(self._run, site.app)

    async def _run(self, app: Any) -> None:
        waiting = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]

        async def receive() -> Any:
            await asyncio.sleep(0)
            return waiting.pop(0) if waiting else {"type": "websocket.disconnect", "code": 1000}

        async def send(message: Any) -> None:
            self.sent.append(message)

        await app(self.scope, receive, send)

    @property
    def kinds(self) -> list[str]:
        """The types of the messages that came."""
        return [each["type"] for each in self.sent]


@pytest.fixture
def asgi_site(clock: FakeClock) -> Any:
    """Make a site on ASGI with Denial Response known or not."""
    site = Site("asgi", clock, plugins=[BasicHost()])
    site.enroll("u1")
    yield site
    site.close()


@pytest.mark.parametrize("extension", [False, True])
@pytest.mark.parametrize("path", ["/app/ws", "/login", "/logout", "/2fa/ws", "/2fa/challenge", "//static/x"])
def test_sockets_are_refused_before_they_are_accepted(asgi_site: Site, path: str, extension: bool) -> None:
    """Case 23: a WebSocket of u1, not verified, on whatever path, login path and our own too: no accept, spy 0."""
    site = asgi_site
    cookie = site.cookie_header(site.browser("u1"))
    scope: dict[str, Any] = {"extensions": {"websocket.http.response": {}}} if extension else {}
    site.calls.clear()
    for headers in (
        [("Cookie", cookie)],
        [("Cookie", cookie), ("Origin", "https://app.test")],
        [("Authorization", "Basic dTE6cGFzc3dvcmQ=")],
    ):
        socket = Socket(site, path, headers, **scope)
        assert not site.calls
        if extension:
            assert socket.sent[0]["status"] == 403
            assert socket.kinds == ["websocket.http.response.start", "websocket.http.response.body"]
        else:
            assert socket.kinds == ["websocket.close"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        "null",
        "https://app.test.evil.test",
        "https://app.test:444",
        "http://app.test:80",
        "",
    ],
)
def test_sockets_from_other_sites_are_refused(asgi_site: Site, origin: str) -> None:
    """Case 23: cross-site WebSocket hijacking: a verified cookie with a foreign Origin opens nothing."""
    site = asgi_site
    cookie = site.cookie_header(site.verified("u1"))
    site.calls.clear()
    socket = Socket(site, "/app/ws", [("Cookie", cookie), ("Origin", origin)])
    assert (socket.kinds, site.calls) == (["websocket.close"], [])
    assert (
        "websocket.send"
        in Socket(site, "/app/ws", [("Cookie", cookie), ("Origin", "https://app.test")]).kinds
    )


def test_a_socket_that_logs_in_as_it_opens_is_closed(asgi_site: Site) -> None:
    """Cases 23, 27: an accept that sets a session cookie of somebody unverified is no accept."""
    site = asgi_site

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        name, value = site.target.cookie_for("u1")
        await send({"type": "websocket.accept", "headers": [(name.lower().encode(), value.encode())]})
        await send({"type": "websocket.send", "text": PRIVATE})

    site.target.asgi_routes["/app/ws"] = app
    socket = Socket(site, "/app/ws", [])
    assert socket.kinds == ["websocket.close"]


def test_a_public_socket_is_nobodys(asgi_site: Site) -> None:
    """Case 27a: a WebSocket on a public path is opened as anonymous, whatever cookies come with it."""
    site = asgi_site
    cookie = site.cookie_header(site.verified("u1"))
    socket = Socket(site, "/static/ws", [("Cookie", cookie), ("Authorization", "Basic dTE6cGFzc3dvcmQ=")])
    texts = [each.get("text") for each in socket.sent if each["type"] == "websocket.send"]
    assert texts[0] == "hello"


@pytest.mark.parametrize("kind", ["webtransport", "http2", "HTTP", "mqtt", "http.request", ""])
def test_unknown_protocols_are_refused(asgi_site: Site, kind: str) -> None:
    """Case 25: a scope that the driver doesn't know is refused, and the application isn't called."""
    site = asgi_site
    site.calls.clear()

    async def call() -> None:
        async def nothing(*message: Any) -> Any:
            return {"type": "http.disconnect"}

        await site.app({"type": kind, "path": "/app/x", "headers": []}, nothing, nothing)

    with pytest.raises(ValueError, match="does not know the protocol"):
        site.transport.portal.call(call)
    assert not site.calls


def test_lifespan_passes(asgi_site: Site) -> None:
    """Case 25: the application's lifespan is its own: startup and shutdown reach it."""
    said: list[str] = []

    async def call() -> None:
        asked = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Any:
            return asked.pop(0)

        async def send(message: Any) -> None:
            said.append(message["type"])

        await asgi_site.app({"type": "lifespan"}, receive, send)

    asgi_site.transport.portal.call(call)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
