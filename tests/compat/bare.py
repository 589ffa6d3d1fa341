"""Bare callables for WSGI and ASGI, with what servers are strained by: streams, uploads, files, ranges."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["CONTENT", "asgi_app", "wsgi_app"]

CONTENT = bytes(range(256)) * 4096
"""What `/file` sends: 1 MiB."""

_PARTS = [b"part %d\n" % number for number in range(5)]


def _who(cookies: str) -> str:
    found = [pair.strip()[4:] for pair in cookies.split(";") if pair.strip().startswith("who=")]
    return found[0] if found and found[0] else "nobody"


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    path = environ["PATH_INFO"]
    text = [("Content-Type", "text/plain")]
    if path == "/login":
        user = parse_qs(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())["user"][0]
        start_response("204 No Content", [("Set-Cookie", f"who={user}; Path=/")])
        return []
    if path == "/logout":
        start_response("204 No Content", [("Set-Cookie", "who=; Path=/; Max-Age=0")])
        return []
    if path == "/stream":
        start_response("200 OK", text)
        return iter(_PARTS)
    if path == "/written":
        write = start_response("200 OK", text)
        for part in _PARTS:
            write(part)
        return []
    if path == "/lazy":
        return _lazy(start_response)
    if path == "/upload":
        size = _count(environ)
        start_response("200 OK", text)
        return [str(size).encode()]
    if path == "/file":
        return _file(environ, start_response)
    body = f"private {_who(environ.get('HTTP_COOKIE', ''))}".encode()
    start_response("200 OK", [*text, ("Content-Length", str(len(body)))])
    return [body]


def _lazy(start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from _PARTS


def _count(environ: WSGIEnvironment) -> int:
    size, left = 0, int(environ["CONTENT_LENGTH"])
    while left:
        read = environ["wsgi.input"].read(min(left, 65536))
        if not read:
            break
        size, left = size + len(read), left - len(read)
    return size


def _file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    file = BytesIO(CONTENT)
    start_response(
        "200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(CONTENT)))]
    )
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None:
        return wrapper(file, 65536)  # type: ignore[no-any-return]  # whatever the server's own is
    return iter(lambda: file.read(65536), b"")


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request or socket."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        await _echo(scope, receive, send)
    else:
        await _http(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": f"{_cookie(scope)}: {message.get('text')}"})


def _cookie(scope: Any) -> str:
    return _who("; ".join(value.decode() for name, value in scope["headers"] if name == b"cookie"))


async def _http(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    status, cookies, parts = 200, [], []
    if path == "/login":
        user = parse_qs((await _body(receive)).decode())["user"][0]
        status, cookies = 204, [(b"set-cookie", f"who={user}; Path=/".encode())]
    elif path == "/logout":
        status, cookies = 204, [(b"set-cookie", b"who=; Path=/; Max-Age=0")]
    elif path == "/stream":
        parts = _PARTS
    elif path == "/upload":
        parts = [str(len(await _body(receive))).encode()]
    elif path == "/file":
        parts = [CONTENT[at : at + 65536] for at in range(0, len(CONTENT), 65536)]
    elif path == "/events":
        await _events(send)
        return
    else:
        parts = [f"private {_cookie(scope)}".encode()]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain"), *cookies],
        }
    )
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _events(send: Any) -> None:
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
    )
    for number in range(3):
        await send({"type": "http.response.body", "body": f"data: {number}\n\n".encode(), "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body", "body": b""})
