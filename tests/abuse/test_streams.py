"""Case 91: bodies that are streams or files leave as they are made, and are closed.

The class: the gate reads nothing ahead, joins nothing, keeps nothing open. Iterables, `close()` and file wrappers are
WSGI's own, `pathsend` and trailers ASGI's, so each test is of one protocol.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from .calling import call_wsgi
from .site import FakeClock, Site


class Body:
    """A body that tells how far it was read, and whether it was closed."""

    def __init__(self, chunks: list[bytes], *, fails: bool = False) -> None:
        self.chunks, self.fails = chunks, fails
        self.asked, self.closed = 0, 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.asked += 1
            yield chunk
        if self.fails:
            raise OSError("the file went away")

    def close(self) -> None:
        """Be closed."""
        self.closed += 1


@pytest.fixture
def wsgi(clock: FakeClock) -> Site:
    """Make a site on WSGI; `close()`, iterables and file wrappers are WSGI's own."""
    site = Site("wsgi", clock)
    site.enroll("u1")
    return site


def environ_of(site: Site, method: str, path: str, cookie: str = "") -> dict[str, Any]:
    """Return an environment to call the gated application with by hand."""
    kept: dict[str, Any] = {}
    original = site.app

    def keep(environ: Any, start: Any) -> Any:
        kept.update(environ)
        start("200 OK", [])
        return []

    site.app = keep
    site.raw(method, path, [("Cookie", cookie)] if cookie else [])
    site.app = original
    return kept


def test_the_iterable_itself_goes_to_the_server(wsgi: Site) -> None:
    """Case 91: the server gets the application's own object, a file wrapper with its length included."""
    body = Body([b"a", b"b"])

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", [("Content-Type", "application/octet-stream")])
        return body

    wsgi.target.wsgi_routes["/x"] = app
    environ = environ_of(wsgi, "GET", "/x", wsgi.cookie_header(wsgi.verified("u1")))
    assert wsgi.app(environ, lambda *given: lambda data: None) is body
    assert (body.asked, body.closed) == (0, 0)


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream", "application/octet-stream"])
def test_chunks_come_as_they_are_made(wsgi: Site, kind: str) -> None:
    """Case 91: nothing is read ahead, held or joined: each chunk leaves before the next is asked for."""
    body = Body([b"<p>1", b"2", b"3"])

    def late(environ: Any, start: Any) -> Any:
        start("200 OK", [("Content-Type", kind)])
        yield from body

    wsgi.target.wsgi_routes["/x"] = late
    environ = environ_of(wsgi, "GET", "/x", wsgi.cookie_header(wsgi.verified("u1")))
    for number, chunk in enumerate(wsgi.app(environ, lambda *given: lambda data: None), 1):
        assert chunk == body.chunks[number - 1]
        assert body.asked == number


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("signs_in", [False, True])
@pytest.mark.parametrize("length", [None, "3"])
def test_close_is_called(wsgi: Site, fails: bool, signs_in: bool, length: str | None) -> None:
    """Case 91: passed, withheld, held or failing: the application's body is closed, once."""
    body = Body([b"a", b"bc"], fails=fails)

    def app(environ: Any, start: Any) -> Any:
        headers = [("Content-Type", "text/plain")]
        headers += [("Content-Length", length)] if length else []
        start("200 OK", headers + ([wsgi.target.cookie_for("u1")] if signs_in else []))
        return body

    wsgi.target.wsgi_routes["/x"] = app
    try:
        call_wsgi(wsgi.app, environ_of(wsgi, "POST", "/x"))
    except OSError:
        assert fails
    assert body.closed == 1


def test_a_withheld_stream_is_not_run_to_its_end(wsgi: Site) -> None:
    """Case 91: what is withheld is not read on: an endless private stream ends at the first byte."""
    body = Body([b"", b"x"] * 500)

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", [("Content-Type", "text/plain"), wsgi.target.cookie_for("u1")])
        return body

    wsgi.target.wsgi_routes["/x"] = app
    sent = call_wsgi(wsgi.app, environ_of(wsgi, "POST", "/x"))
    assert sent.status == 303
    assert body.asked == 2


def test_a_file_wrapper_stays_one(wsgi: Site) -> None:
    """Case 91: the server's file wrapper is handed back to it, so that it can send the file by itself."""

    class Wrapper:
        def __init__(self, file: Any, size: int = 8192) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.file.read, b"")

    def app(environ: Any, start: Any) -> Any:
        start("200 OK", [("Content-Type", "application/pdf")])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"pdf"))

    wsgi.target.wsgi_routes["/x"] = app
    environ = environ_of(wsgi, "GET", "/x", wsgi.cookie_header(wsgi.verified("u1")))
    result = wsgi.app({**environ, "wsgi.file_wrapper": Wrapper}, lambda *given: lambda data: None)
    assert isinstance(result, Wrapper)


def test_asgi_extensions_pass(clock: FakeClock) -> None:
    """Case 91: a file by its path and trailers reach the server as the application sent them."""
    site = Site("asgi", clock)
    browser = site.verified("u1")
    start = {"type": "http.response.start", "status": 200, "headers": [(b"X-A", b"1")], "trailers": True}
    trailers = {"type": "http.response.trailers", "headers": [(b"x", b"y")], "more_trailers": False}
    for middle in (
        {"type": "http.response.pathsend", "path": "/x"},
        {"type": "http.response.body", "body": b"a"},
    ):

        async def app(scope: Any, receive: Any, send: Any, middle: Any = middle) -> None:
            for message in (start, middle, trailers):
                await send(message)

        site.target.asgi_routes["/x"] = app
        assert list(site.raw("GET", "/x", browser=browser).messages) == [start, middle, trailers]
    site.close()
