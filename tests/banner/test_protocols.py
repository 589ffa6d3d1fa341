"""What the servers see while a page gets its banner: starts, chunks, files, `write()` and `close()`."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper

import pytest

from tests.banner.site import HTML, KEY, WELCOME, Time
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.adapters import asgi, wsgi
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEAD, REST = WELCOME[:40], WELCOME[40:]
SIZED = [("Content-Type", HTML), ("Content-Length", str(len(WELCOME)))]
UNSIZED = [("Content-Type", HTML)]
BANNER = b"twofa-banner"


class Ann:
    """A host that knows Ann alone; it tells a session from the session's cookie."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User:
        """Know Ann."""
        return User("ann", "ann@acme.test")


@pytest.fixture
def gate(clock: Time) -> Gate:
    """Make a gate that reminds Ann."""
    from tests.banner.site import CUTOFF

    policy = Policy(Enforcement.REQUIRED, cutoff=CUTOFF)
    return Gate(secret_keys=[KEY], issuer="Acme", plugins=[Ann(), MemoryStore()], policy=policy)


class Server:
    """A WSGI server that keeps a diary of what it is told, in order."""

    def __init__(self) -> None:
        self.diary: list[tuple[str, Any]] = []

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], None]:
        """Be `start_response`."""
        self.diary.append(("start", (status, headers)))
        return lambda data: self.diary.append(("write", data))

    def run(self, app: Any, **extra: Any) -> Any:
        """Ask for a page and send it, noting each piece."""
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "443",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(),
            "wsgi.file_wrapper": FileWrapper,
            "HTTP_SEC_FETCH_DEST": "document",
            "HTTP_SEC_FETCH_MODE": "navigate",
            **extra,
        }
        body = app(environ, self.start_response)
        for chunk in body:
            self.diary.append(("chunk", chunk))
        getattr(body, "close", lambda: None)()
        return body

    @property
    def sent(self) -> bytes:
        """All bytes of the page."""
        return b"".join(data for kind, data in self.diary if kind in ("chunk", "write"))

    @property
    def start(self) -> tuple[str, dict[str, str]]:
        """The one start."""
        (found,) = [told for kind, told in self.diary if kind == "start"]
        return found[0], {name.lower(): value for name, value in found[1]}


class Closing:
    """Chunks that note when they are asked for and closed."""

    def __init__(self, server: Server, chunks: Iterable[bytes]) -> None:
        self.server = server
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.server.diary.append(("made", chunk))
            yield chunk

    def close(self) -> None:
        """Note it."""
        self.server.diary.append(("closed", None))


def test_wsgi_sends_each_chunk_before_the_next_is_made(gate: Gate) -> None:
    """A page without a length goes out piece by piece as it is made, and the application's body is closed."""
    server = Server()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 Fine", list(UNSIZED))
        return Closing(server, [HEAD, REST, b"more", b""])

    server.run(wsgi.TwoFactorMiddleware(app, gate))
    kinds = [kind for kind, _ in server.diary]
    assert kinds == ["start", *(3 * ["made", "chunk"]), "made", "chunk", "closed"]
    assert server.diary[2] == ("chunk", HEAD)
    assert server.start[0] == "200 Fine"
    assert BANNER in server.sent
    assert server.sent.endswith(b"</html>more")


def test_wsgi_write(gate: Gate) -> None:
    """What is written goes out before what is returned, with the banner, held start or not."""
    for headers in (SIZED, UNSIZED):
        server = Server()

        def app(
            environ: WSGIEnvironment, start_response: StartResponse, headers: Any = headers
        ) -> Iterable[bytes]:
            write = start_response("200 Fine", list(headers))
            write(HEAD)
            write(REST[:60])
            write(REST[60:80])
            return [REST[80:]]

        server.run(wsgi.TwoFactorMiddleware(app, gate))
        assert BANNER in server.sent
        start = server.sent.index(b"<link rel")
        assert server.sent[:start] + server.sent[server.sent.index(b"<h1>Home") :] == WELCOME
        assert server.start[0] == "200 Fine"
        if headers is SIZED:
            assert server.start[1]["content-length"] == str(len(server.sent))


def test_wsgi_file_wrapper(gate: Gate) -> None:
    """A file that the server sends by itself reaches it as it is, a page too, with its own headers."""
    for headers in (SIZED, UNSIZED):
        server = Server()
        file = FileWrapper(io.BytesIO(WELCOME))

        def app(
            environ: WSGIEnvironment, start_response: StartResponse, headers: Any = headers, file: Any = file
        ) -> Iterable[bytes]:
            start_response("200 OK", list(headers))
            return file  # type: ignore[no-any-return]  # it is a FileWrapper

        assert server.run(wsgi.TwoFactorMiddleware(app, gate)) is file
        assert server.sent == WELCOME
        if headers is SIZED:
            assert server.start[1] == {"content-type": HTML, "content-length": str(len(WELCOME))}


def test_wsgi_error_after_a_held_start(gate: Gate) -> None:
    """An application that changes its mind (`exc_info`) before its page began has its error page shown."""
    server = Server()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(SIZED))
        try:
            iter(5)  # type: ignore[call-overload]  # it is to fail
        except TypeError:
            start_response("500 Oops", [("Content-Type", HTML)], sys.exc_info())
        return [b"<body>Oops"]

    server.run(wsgi.TwoFactorMiddleware(app, gate))
    assert server.start == ("500 Oops", {"content-type": HTML})
    assert server.sent == b"<body>Oops"


def exchange(gate: Gate, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have an ASGI application send these messages; return what the server was sent, and `made` before each."""
    told: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            told.append({"type": "made"})
            await send(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"sec-fetch-dest", b"document"), (b"sec-fetch-mode", b"navigate"), (b"host", b"app.test")]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": headers,
        "scheme": "https",
    }
    asyncio.run(asgi.TwoFactorMiddleware(app, gate)(scope, receive, send))
    return told


def start(*headers: tuple[bytes, bytes], **extra: Any) -> dict[str, Any]:
    """Begin a page."""
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", HTML.encode()), *headers],
        **extra,
    }


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    """Send a part of a page."""
    return {"type": "http.response.body", "body": data, "more_body": more}


def test_asgi_sends_each_chunk_before_the_next_is_made(gate: Gate) -> None:
    """A page without a length goes out piece by piece as it is made."""
    told = exchange(gate, [start(), body(HEAD, more=True), body(REST, more=True), body(b"more")])
    kinds = [each["type"].rpartition(".")[2] for each in told]
    assert kinds == ["made", "start", "made", "body", "made", "body", "made", "body"]
    assert told[3]["body"] == HEAD
    assert BANNER in told[5]["body"]
    assert (told[7]["body"], told[7]["more_body"]) == (b"more", False)


def test_asgi_keeps_the_length_right(gate: Gate) -> None:
    """A page with a length is started once its body tag is there; what else the start said is kept."""
    length = (b"content-length", str(len(WELCOME)).encode())
    told = exchange(gate, [start(length, own="kept"), body(HEAD, more=True), body(REST)])
    told = [each for each in told if each["type"] != "made"]
    sent = b"".join(each.get("body", b"") for each in told)
    assert dict(told[0]["headers"])[b"content-length"] == str(len(sent)).encode()
    assert told[0]["own"] == "kept"
    assert BANNER in sent
    assert told[-1]["more_body"] is False


def test_asgi_file_sent_by_the_server(gate: Gate) -> None:
    """A page that the server sends from a file has no banner, and its own headers."""
    length = (b"content-length", b"100")
    told = exchange(gate, [start(length), {"type": "http.response.pathsend", "path": "/page.html"}])
    told = [each for each in told if each["type"] != "made"]
    assert told[0] == start(length)
    assert told[-1] == {"type": "http.response.pathsend", "path": "/page.html"}
    assert all(not each.get("body") for each in told)


def test_asgi_event_stream(gate: Gate) -> None:
    """An event stream passes untouched."""
    head = {**start(), "headers": [(b"content-type", b"text/event-stream")]}
    told = exchange(gate, [head, body(b"data: <body>\n\n", more=True), body(b"")])
    assert [each.get("body") for each in told if "body" in each] == [b"data: <body>\n\n", b""]
