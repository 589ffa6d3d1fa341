"""The town behind a gate, for real servers: `wsgi_app` and `asgi_app`; `/login?user=ada` logs in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.locations.town import KEY, PAGE, Town
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.locations import LocationSettings
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def _respond(path: str, query: str) -> tuple[str, list[tuple[str, str]], bytes]:
    if path == "/login":
        cookie = f"sid={query.partition('=')[2]}.{time.time_ns()}; Path=/; HttpOnly"
        return "303 See Other", [("Location", "/lobby"), ("Set-Cookie", cookie)], b""
    return "200 OK", [("Content-Type", "text/html; charset=utf-8")], PAGE


def _wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status, headers, body = _respond(environ["PATH_INFO"], environ["QUERY_STRING"])
    start_response(status, headers)
    return [body]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    status, headers, body = _respond(scope["path"], scope["query_string"].decode())
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": int(status[:3]), "headers": encoded})
    await send({"type": "http.response.body", "body": body})


town = Town()
town.members["office"] += ["Magdalena-Katharina.von-Hohenberg-Zu-Altenstein.the.third", "<b>bo</b>"]
gate = Gate(
    secret_keys=[KEY],
    issuer="Town",
    plugins=[
        town,
        MemoryStore(),
        LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna"),
    ],
    login_paths=["/login"],
)
wsgi_app = WSGIMiddleware(_wsgi, gate)
asgi_app = ASGIMiddleware(_asgi, gate)
