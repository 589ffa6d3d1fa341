"""The worlds for real servers: `tests.fuzz.served:wsgi` and `tests.fuzz.served:asgi`.

Each request is tried on the bare and on the gated application of one world, chosen by its number, and judged here.
`X-Ask: casts` and `X-Ask: tally` tell whose cookies there are, and what was counted.
"""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Any

from .judging import Tally, judge
from .requests import Request
from .running import make_worlds
from .worlds import WORLDS, Outcome, World

__all__ = ["asgi", "wsgi"]


class Judge:
    """Judges the requests that a server gets."""

    def __init__(self, protocol: str) -> None:
        names = [name for name, (kind, _, _) in WORLDS.items() if kind == protocol]
        self._entered = make_worlds(Path(tempfile.mkdtemp(prefix="fuzz-")), names)
        self.worlds = self._entered.__enter__()
        self.tally = Tally()
        self.hits: list[tuple[int, str]] = []

    def told(self, what: str) -> bytes:
        """Answer a question of the client."""
        if what == "casts":
            casts = [(each.u1, each.u2, each.verified) for each in (world.cast for world in self.worlds)]
            return json.dumps([[part.decode() for part in cast] for cast in casts]).encode()
        counts = {"inputs": self.tally.inputs, "kinds": self.tally.kinds, "hits": self.hits}
        return json.dumps(counts).encode()

    def world(self, number: str) -> World:
        """Return the world of a request by its number."""
        return self.worlds[int(number) % len(self.worlds) if number.isdecimal() else 0]

    def judge(self, number: str, cookies: list[bytes], world: World, bare: Outcome, gated: Outcome) -> None:
        """Judge one request."""
        request = Request(headers=tuple((b"cookie", each) for each in cookies))
        verdict = judge(request, world.cast, bare, gated)
        self.tally.add(verdict, "")
        if verdict.hit and len(self.hits) < 20:
            self.hits.append((int(number) if number.isdecimal() else -1, f"{world.name}: {verdict.hit}"))


def make_wsgi() -> Any:
    """Make the WSGI application."""
    judging, turn = Judge("wsgi"), threading.Lock()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        words = b"seen"
        if "HTTP_X_ASK" in environ:
            words = judging.told(environ["HTTP_X_ASK"])
        else:
            body = _body_of(environ)
            with turn:
                number = environ.get("HTTP_X_NUMBER", "")
                world = judging.world(number)
                bare, gated = (
                    world.call_wsgi(each, {**environ, "wsgi.input": io.BytesIO(body)})
                    for each in (world.bare, world.gated)
                )
                cookie = environ.get("HTTP_COOKIE", "").encode("latin-1")
                judging.judge(number, [cookie], world, bare, gated)
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(words)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [words]

    return app


def _body_of(environ: dict[str, Any]) -> bytes:
    length = environ.get("CONTENT_LENGTH") or ""
    data: bytes = environ["wsgi.input"].read(int(length)) if length.isdecimal() and len(length) < 7 else b""
    return data


def make_asgi() -> Any:
    """Make the ASGI application."""
    judging, turn = Judge("asgi"), asyncio.Lock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        asked = dict(headers).get(b"x-ask")
        words = b"seen" if asked is None else judging.told(asked.decode())
        if asked is None:
            body = await _body(receive) if scope["type"] == "http" else b""
            async with turn:
                number = dict(headers).get(b"x-number", b"").decode("latin-1")
                world = judging.world(number)
                bare = await world.call_asgi(world.bare, dict(scope), body)
                gated = await world.call_asgi(world.gated, dict(scope), body)
                judging.judge(
                    number, [value for name, value in headers if name == b"cookie"], world, bare, gated
                )
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        length = (b"content-length", b"%d" % len(words))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else words})

    return app


async def _body(receive: Any) -> bytes:
    data = b""
    while True:
        message = await receive()
        data += bytes(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return data


@cache
def _made(protocol: str) -> Any:
    return {"wsgi": make_wsgi, "asgi": make_asgi}[protocol]()


def wsgi(environ: dict[str, Any], start_response: Any) -> Any:
    """Be the WSGI application, made when a server asks for the first time."""
    return _made("wsgi")(environ, start_response)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Be the ASGI application, made when a server asks for the first time."""
    await _made("asgi")(scope, receive, send)
