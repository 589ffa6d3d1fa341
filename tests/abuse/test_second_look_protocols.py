"""Case 27, by what only one protocol has: `write()`, late starts, `exc_info`; trailers, files, odd messages.

Each of these is a way around "the start, then the body", so each stands by itself and not in both drivers:
the other protocol has no such thing.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from .calling import Sent, is_refusal
from .site import FakeClock, Site
from .target import PRIVATE

SECRET = PRIVATE.encode()
HTML = ("Content-Type", "text/html")
WSGIApp = Callable[[Any, Any], Any]


@pytest.fixture
def wsgi_site(clock: FakeClock) -> Site:
    """Make a site on WSGI, u1 enrolled."""
    site = Site("wsgi", clock)
    site.enroll("u1")
    return site


@pytest.fixture
def asgi_site(clock: FakeClock) -> Any:
    """Make a site on ASGI, u1 enrolled."""
    site = Site("asgi", clock)
    site.enroll("u1")
    yield site
    site.close()


def error() -> Any:
    """Return what `sys.exc_info()` gives in an `except` block."""
    try:
        return int("on purpose")
    except ValueError:
        return sys.exc_info()


def writes(site: Site, environ: Any, start: Any) -> Any:
    """Answer by the `write` callable."""
    write = start("200 OK", [HTML, site.target.cookie_for("u1")])
    write(b"")
    write(SECRET)
    return [b"and more " + SECRET]


def writes_and_nothing_else(site: Site, environ: Any, start: Any) -> Any:
    """Answer by `write` alone."""
    start("200 OK", [HTML, site.target.cookie_for("u1")])(SECRET)
    return []


def starts_late(site: Site, environ: Any, start: Any) -> Any:
    """Start only when the server asks for the first chunk, as a generator does."""
    start("200 OK", [HTML, site.target.cookie_for("u1")])
    yield b""
    yield SECRET


def starts_late_and_sized(site: Site, environ: Any, start: Any) -> Any:
    """Start late, with a length."""
    start("200 OK", [HTML, ("Content-Length", "7"), site.target.cookie_for("u1")])
    yield SECRET


def starts_anew(site: Site, environ: Any, start: Any) -> Any:
    """Begin an error page after a page that was withheld."""
    start("200 OK", [HTML, ("Content-Length", "7"), site.target.cookie_for("u1")])
    start("500 Oops", [HTML, ("Content-Length", "7")], error())
    return [SECRET]


def starts_anew_unsized(site: Site, environ: Any, start: Any) -> Any:
    """Begin anew after a page that was held back."""
    start("200 OK", [HTML, site.target.cookie_for("u1")])
    start("200 OK", [HTML], error())
    return [SECRET]


def starts_harmlessly_then_anew(site: Site, environ: Any, start: Any) -> Any:
    """Log in after a harmless start, and begin anew."""
    start("200 OK", [HTML])
    start("200 OK", [HTML, site.target.cookie_for("u1")], error())
    return [SECRET]


def file_wrapped(site: Site, environ: Any, start: Any) -> Any:
    """Answer with a file."""
    start("200 OK", [HTML, site.target.cookie_for("u1")])
    return environ["wsgi.file_wrapper"](io.BytesIO(SECRET))


def grows_its_headers(site: Site, environ: Any, start: Any) -> Any:
    """Change the list of headers after it was given away."""
    headers = [HTML]
    start("200 OK", headers)
    headers.append(site.target.cookie_for("u1"))
    headers.append(("X-Account", PRIVATE))
    return [b"harmless"]


@pytest.mark.parametrize(
    "app",
    [
        writes,
        writes_and_nothing_else,
        starts_late,
        starts_late_and_sized,
        starts_anew,
        starts_anew_unsized,
        starts_harmlessly_then_anew,
        file_wrapped,
        grows_its_headers,
    ],
)
def test_wsgi_has_no_way_around_the_start(wsgi_site: Site, app: Any) -> None:
    """Case 27: whenever and however often an application starts, by return, by write or by file: nothing private."""
    site = wsgi_site
    site.target.wsgi_routes["/x"] = lambda environ, start: app(site, environ, start)
    sent = site.raw("POST", "/x", [HTML], scope={"wsgi.file_wrapper": lambda file: iter(file.read, b"")})
    assert site.calls, "the application was not reached, so this tests nothing"
    assert SECRET not in sent.body
    assert all(PRIVATE not in value for _, value in sent.headers)


def test_wsgi_start_anew_after_the_server_has_the_iterable(wsgi_site: Site) -> None:
    """Case 27: a generator that begins anew with a login once the server iterates it is broken off."""
    site = wsgi_site

    class Body:
        def __init__(self, start: Any) -> None:
            self.start = start

        def __iter__(self) -> Any:
            self.start("200 OK", [HTML, site.target.cookie_for("u1")], error())
            yield SECRET

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", [HTML])
        return Body(start)

    site.target.wsgi_routes["/x"] = app
    with pytest.raises(ValueError, match="on purpose"):
        site.raw("GET", "/x")


@pytest.mark.parametrize("key", ["wsgi.early_hints", "gunicorn.socket", "werkzeug.socket", "wsgi.websocket"])
def test_wsgi_gives_no_way_past_the_server(wsgi_site: Site, key: str) -> None:
    """Case 27: raw sockets and early hints in the environment would carry answers that nobody looks at."""
    site = wsgi_site
    sent = site.raw("GET", "/static/x", scope={key: object()})
    assert sent.status == 200
    site.raw("GET", "/login", scope={key: object()})
    assert all(key not in call.scope for call in site.calls)


def private_messages(site: Site) -> dict[str, list[dict[str, Any]]]:
    """Answers in which the private part travels by an unusual message."""
    name, value = site.target.cookie_for("u1")
    headers = [(name.lower().encode(), value.encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    end = {"type": "http.response.body", "body": b"", "more_body": False}
    trailers = {"type": "http.response.trailers", "headers": [(b"x-account", SECRET)], "more_trailers": False}
    return {
        "trailers": [{**start, "trailers": True}, end, trailers],
        "trailers first": [start, trailers, end],
        "a file by its path": [start, {"type": "http.response.pathsend", "path": __file__}],
        "a file by its descriptor": [start, {"type": "http.response.zerocopysend", "file": 0}, end],
        "early hints": [{"type": "http.response.early_hint", "links": [b"</PRIVATE>"]}, start, end],
        "a push": [{"type": "http.response.push", "path": "/PRIVATE", "headers": []}, start, end],
        "debug": [{"type": "http.response.debug", "info": {"context": PRIVATE}}, start, end],
        "body before its start": [
            {"type": "http.response.body", "body": SECRET, "more_body": True},
            start,
            end,
        ],
        "a second start": [
            start,
            {**start, "headers": []},
            {"type": "http.response.body", "body": SECRET, "more_body": False},
        ],
        "a second start after the end": [
            {**start, "headers": [*headers, (b"content-length", b"7")]},
            {"type": "http.response.body", "body": SECRET, "more_body": False},
            {**start, "headers": []},
            {"type": "http.response.body", "body": SECRET, "more_body": False},
        ],
        "body after the end": [start, end, {"type": "http.response.body", "body": SECRET}],
        "a body that is no bytes": [start, {"type": "http.response.body", "body": memoryview(SECRET)}],
        "a message that nobody knows": [start, {"type": "http.response.other", "body": SECRET}, end],
        "a socket's message": [start, {"type": "websocket.send", "text": PRIVATE}, end],
        "no message type in lower case": [start, {"type": "HTTP.RESPONSE.BODY", "body": SECRET}, end],
    }


@pytest.mark.parametrize("odd", list(private_messages(Site("wsgi", FakeClock()))))
def test_asgi_has_no_message_around_the_start(asgi_site: Site, odd: str) -> None:
    """Case 27: whatever messages an application sends, in whatever order: nothing private leaves."""
    site = asgi_site

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in private_messages(site)[odd]:
            with contextlib.suppress(RuntimeError):  # as an application that goes on, whatever it is told
                await send(message)

    site.target.asgi_routes["/x"] = app
    sent: Sent = site.raw("POST", "/x", [("Accept", "text/html")])
    assert site.calls
    assert PRIVATE not in repr(sent.messages)
    assert __file__ not in repr(sent.messages)
    kinds = [each["type"] for each in sent.messages]
    assert kinds.count("http.response.start") == 1
    assert set(kinds) <= {"http.response.start", "http.response.body"}


def test_asgi_tasks_that_send_at_once(asgi_site: Site) -> None:
    """Case 27: a body sent by another task while the start is still looked at doesn't slip through."""
    site = asgi_site
    name, value = site.target.cookie_for("u1")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(name.lower().encode(), value.encode())],
        }
        plain = {"type": "http.response.start", "status": 200, "headers": []}
        body = {"type": "http.response.body", "body": SECRET, "more_body": True}
        await asyncio.gather(
            send(start), send(plain), *[send(body) for _ in range(5)], return_exceptions=True
        )
        await send({**body, "more_body": False})

    site.target.asgi_routes["/x"] = app
    sent = site.raw("POST", "/x", [("Accept", "text/html")])
    assert PRIVATE not in repr(sent.messages)
    assert is_refusal(sent)
    assert [each["type"] for each in sent.messages].count("http.response.start") == 1
