"""Two small applications, one of each protocol, that the tests of the helpers run under real servers."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PAGE = """<!doctype html><html lang="en"><head><title>Parcels</title><style>p { color: green }</style></head>
<body><p id="said">{said}</p><script>document.getElementById("said").dataset.script = "ran"</script>
<a href="/next?a=1">Next &amp; last</a>
<form method="post" action="/parcels"><input type="hidden" name="token" value="t&quot;1">
<input name="to"><input type="checkbox" name="express" value="yes"><input type="checkbox" name="gift" checked>
<select name="size"><option value="s">small<option value="m" selected>medium</select>
<textarea name="note">
Hello
</textarea>
<button name="do" value="send">Send it</button><button name="do" value="draft">Keep a draft</button></form>
<form action="/find"><input name="q"><input type="submit" value="Find"></form></body></html>"""

started: list[str] = []
"""What the lifespan of :func:`asgi` went through in this process."""


def respond(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Answer what both applications answer."""
    if path == "/go":
        return 303, [("Location", "/"), ("Set-Cookie", "went=yes; Path=/; HttpOnly")], b""
    if path == "/time":
        return 200, [("Content-Type", "text/plain")], f"{time.time()} {os.getpid()}".encode()
    if path == "/cookies":
        return 200, [("Content-Type", "text/plain")], headers.get("cookie", "").encode()
    if path == "/headers":
        lines = [f"{name}: {value}" for name, value in sorted(headers.items())]
        return 200, [("Content-Type", "text/plain")], "\n".join(lines).encode()
    if method == "POST":
        said = repr(parse_qsl(body.decode(), keep_blank_values=True))
        return 200, [("Content-Type", "text/plain")], said.encode()
    page = PAGE.replace("{said}", f"{method} {path}")
    return 200, [("Content-Type", "text/html; charset=utf-8")], page.encode()


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by WSGI; ``/written`` uses the ``write`` callable."""
    headers = {
        name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"
    }
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"].encode("latin-1").decode()
    if path == "/written":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written, ")
        return [b"returned"]
    status, fields, content = respond(environ["REQUEST_METHOD"], path, body, headers)
    start_response(f"{status} Said", [*fields, ("Content-Length", str(len(content)))])
    return [content]


async def asgi(scope: Message, receive: Receive, send: Send) -> None:
    """Answer by ASGI; ``/slow`` takes its time, and the lifespan is noted."""
    if scope["type"] == "lifespan":
        for _ in range(2):
            step = (await receive())["type"]
            started.append(step)
            await send({"type": f"{step}.complete"})
        return
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    if scope["path"] == "/slow":
        await asyncio.sleep(0.05)
    status, fields, content = respond(scope["method"], scope["path"], body, headers)
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})


async def no_lifespan(scope: Message, receive: Receive, send: Send) -> None:
    """Answer http alone, as small applications do."""
    assert scope["type"] == "http", "this application knows http only"
    await asgi(scope, receive, send)


def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Fail at each request."""
    raise RuntimeError("broken on purpose")
