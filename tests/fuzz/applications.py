"""The bare applications: Flask, Django, Starlette, and raw callables that read paths and cookies in their own ways.

Each has a public tree, a login and a logout; whatever else it is asked for is private. A spy notes which handler was
reached, and as whom.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.abuse.target import PRIVATE, liberal
from tests.abuse.test_credentials import READERS

__all__ = [
    "PASSWORDS",
    "Builder",
    "Spy",
    "asgi_raw",
    "django",
    "django_by_asgi",
    "flask",
    "starlette",
    "wsgi_raw",
]

PASSWORDS = {"u1": "password", "u2": "password"}


@dataclass
class Spy:
    """Notes handlers and users. `sessions` tells whose the value of a session cookie is."""

    sessions: Mapping[str, str]
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def __call__(self, handler: str, sid: str | None, authorization: str | None) -> str:
        """Note that a handler was reached; return the words of its answer."""
        user = self.sessions.get(sid or "") or named_by(authorization or "")
        self.seen.append((handler, user))
        return f"{PRIVATE} of {user}" if handler == "private" else handler


Builder = Callable[[Spy], Any]


def named_by(authorization: str) -> str | None:
    """Return whom a Basic header names, read without much care."""
    words = authorization.split(None, 1)
    if len(words) < 2 or words[0].lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(words[1].strip()).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return None
    return name if password and PASSWORDS.get(name) == password else None


def handler_of(segments: list[str]) -> str:
    """Return the handler of a path that was split at its slashes."""
    if segments[:2] == ["", "static"] and len(segments) > 2:
        return "public"
    return segments[1] if segments in (["", "login"], ["", "logout"]) else "private"


def _liberal(path: str, target: str) -> str:
    return handler_of(liberal(path).split("/"))


def _exact(path: str, target: str) -> str:
    return handler_of(path.split("/"))


def _by_target(path: str, target: str) -> str:
    """Route by the undecoded target, so that an encoded slash is no separator."""
    if "://" in target[:8]:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return handler_of([unquote(part) for part in target.partition("?")[0].split("/")])


ROUTERS: dict[str, Callable[[str, str], str]] = {"liberal": _liberal, "exact": _exact, "target": _by_target}


def wsgi_raw(router: str, reader: str) -> Builder:
    """Make a raw WSGI application that reads paths and cookies in these ways."""

    def build(spy: Spy) -> Any:
        def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
            target = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
            target = target.removeprefix(environ["SCRIPT_NAME"]) or path
            sid = READERS[reader](environ.get("HTTP_COOKIE", "")).get("sid")
            words = spy(ROUTERS[router](path, target), sid, environ.get("HTTP_AUTHORIZATION"))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [words.encode()]

        return app

    return build


def asgi_raw(router: str, reader: str) -> Builder:
    """Make a raw ASGI application that reads paths and cookies in these ways; it accepts any WebSocket."""

    def build(spy: Spy) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            root = scope["root_path"].rstrip("/")
            path = scope["path"].removeprefix(root)
            target = path
            if "raw_path" in scope:
                target = scope["raw_path"].decode("latin-1").removeprefix(root) or path
            lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie"]
            given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
            sid = READERS[reader]("; ".join(lines)).get("sid")
            words = spy(ROUTERS[router](path, target), sid, given[-1] if given else None).encode()
            if scope["type"] == "websocket":
                await send({"type": "websocket.accept"})
                await send({"type": "websocket.send", "bytes": words})
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": words})

        return app

    return build


def flask(spy: Spy) -> Any:
    """Make a Flask application."""
    from flask import Flask, request

    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FROB", "PROPFIND"]

    def note(handler: str) -> str:
        return spy(handler, request.cookies.get("sid"), request.headers.get("Authorization"))

    def route(rule: str, handler: str, **more: Any) -> None:
        app.add_url_rule(rule, f"{handler} {rule}", lambda **_: note(handler), methods=methods, **more)

    route("/login", "login")
    route("/logout", "logout")
    route("/static/", "public")
    route("/static/<path:name>", "public")
    route("/", "private")
    route("/<path:name>", "private")
    return app.wsgi_app


def _django_urls(spy: Spy, *, by_asgi: bool = False) -> Any:
    from django.http import HttpRequest, HttpResponse
    from django.urls import re_path

    def view(handler: str) -> Any:
        def note(request: HttpRequest) -> HttpResponse:
            return HttpResponse(
                spy(handler, request.COOKIES.get("sid"), request.headers.get("Authorization"))
            )

        async def note_later(request: HttpRequest) -> HttpResponse:
            return note(request)

        return note_later if by_asgi else note

    return tuple(
        re_path(pattern, view(handler))
        for pattern, handler in (
            (r"^login$", "login"),
            (r"^logout$", "logout"),
            (r"^static/(?s:.*)$", "public"),
            (r"^(?s:.*)$", "private"),
        )
    )


def django(spy: Spy) -> Any:
    """Make a Django application on WSGI, by its handler; Django must have been configured."""
    from django.core.handlers.wsgi import WSGIHandler

    class Handler(WSGIHandler):  # type: ignore[misc] # Django has no types
        urls = _django_urls(spy)

        def get_response(self, request: Any) -> Any:
            request.urlconf = self.urls
            return super().get_response(request)

    return Handler()


def django_by_asgi(spy: Spy) -> Any:
    """Make the same application on ASGI."""
    from django.core.handlers.asgi import ASGIHandler

    class Handler(ASGIHandler):  # type: ignore[misc] # Django has no types
        urls = _django_urls(spy, by_asgi=True)

        async def get_response_async(self, request: Any) -> Any:
            request.urlconf = self.urls
            return await super().get_response_async(request)

    return Handler()


def starlette(spy: Spy) -> Any:
    """Make a Starlette application, with a WebSocket at every path."""
    from starlette.applications import Starlette
    from starlette.requests import HTTPConnection
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route, WebSocketRoute

    def note(handler: str, connection: HTTPConnection) -> str:
        return spy(handler, connection.cookies.get("sid"), connection.headers.get("authorization"))

    def view(handler: str) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse(note(handler, HTTPConnection(scope)))(scope, receive, send)

        return type("View", (), {"__call__": lambda _, scope, receive, send: app(scope, receive, send)})()

    async def socket(websocket: Any) -> None:
        handler = "public" if websocket.path_params["path"].startswith("static/") else "private"
        words = note(handler, websocket)
        await websocket.accept()
        await websocket.send_text(words)
        await websocket.close()

    static = Mount("/static", routes=[Route("/{path:path}", view("public"))])
    return Starlette(
        routes=[
            WebSocketRoute("/{path:path}", socket),
            Route("/login", view("login")),
            Route("/logout", view("logout")),
            static,
            Route("/{path:path}", view("private")),
        ]
    )
