"""A host with pages of several kinds, gated, for real servers: `wsgi_app` and `asgi_app`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as AsgiMiddleware
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WsgiMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CSP = {
    "/plain": None,
    "/strict": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'",
    "/forbidding": "default-src 'none'",
}
STYLE = """
body { margin: 0; font-family: Georgia, serif; background: #fbf7ef; color: #333; }
a { color: hotpink; font-weight: 900; } button { background: orange; border: 9px solid; padding: 3em; }
form { margin: 5em; } p { font-size: 3em; } div { border: 5px dotted lime; }
nav { padding: 1rem; background: #7a1f3d; color: #fff; } h1 { margin: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #1c1a17; color: #ddd; } }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tern Bay Marina</title><link rel="stylesheet" href="/host.css"></head>
<body class="host"><nav>Tern Bay Marina</nav><h1>Moorings</h1></body></html>"""


class Host:
    """Whoever has a session cookie is logged in by it."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Read the session."""
        name, _, login = request.cookies.get("sid", "").partition(".")
        return User(name, f"{name}@marina.test", login) if login else None

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """Know one harbor."""
        return "Nordhafen <Süd>"


def respond(path: str, query: str, known: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """Answer."""
    if path == "/login":
        sid = f"{parse_qs(query)['user'][0]}.{time.time_ns()}"
        return "303 See Other", [("Location", "/plain"), ("Set-Cookie", f"sid={sid}; Path=/; HttpOnly")], b""
    if path == "/logout":
        return "303 See Other", [("Location", "/plain"), ("Set-Cookie", "sid=; Path=/; Max-Age=0")], b""
    if path == "/host.css":
        return "200 OK", [("Content-Type", "text/css")], STYLE.encode()
    if path == "/favicon.ico":
        return "200 OK", [("Content-Type", "image/svg+xml")], b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    if path not in CSP:
        return "404 Not Found", [("Content-Type", "text/plain")], b"nothing here"
    if known == '"v1"':
        return "304 Not Modified", [("ETag", '"v1"'), ("Cache-Control", "no-cache")], b""
    policy = CSP[path]
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("ETag", '"v1"'),
        ("Cache-Control", "no-cache"),
    ]
    return "200 OK", headers + ([("Content-Security-Policy", policy)] if policy else []), PAGE.encode()


def _wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status, headers, body = respond(
        environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_IF_NONE_MATCH", "")
    )
    length = [] if status.startswith("304") else [("Content-Length", str(len(body)))]
    start_response(status, [*headers, *length])
    return [body]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": (await receive())["type"] + ".complete"})
        return
    status, headers, body = respond(
        scope["path"],
        scope["query_string"].decode(),
        dict(scope["headers"]).get(b"if-none-match", b"").decode(),
    )
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": int(status[:3]), "headers": encoded})
    await send({"type": "http.response.body", "body": body[:150], "more_body": True})
    await send({"type": "http.response.body", "body": body[150:]})


def _gate() -> Gate:
    cutoff = datetime.fromtimestamp(float(os.environ["BANNER_CUTOFF"]), ZoneInfo("Europe/Berlin"))
    return Gate(
        secret_keys=["the key of the hosted banner, 32 bytes or more"],
        issuer="Tern Bay Marina",
        plugins=[Host(), MemoryStore()],
        policy=Policy(Enforcement.REQUIRED, cutoff=cutoff),
        public=["/host.css", "/favicon.ico"],
        login_paths=["/login"],
    )


if "BANNER_CUTOFF" in os.environ:
    wsgi_app = WsgiMiddleware(_wsgi, _gate())
    asgi_app = AsgiMiddleware(_asgi, _gate())
