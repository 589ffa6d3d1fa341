"""The target for real servers: `tests.abuse.served:wsgi` and `tests.abuse.served:asgi`.

`ABUSE_STORE` names the SQLite file of its store, which the test shares. `/static/spy` tells what was called, and
`/events` is an event stream without an end.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

from .site import KEY
from .target import PRIVATE, Call, Host, Reply, Target

TICK = f"data: {PRIVATE}\n\n".encode()

target = Target()


def make_gate(store: str) -> Gate:
    """Make the gate, in a server process or in the test's, over one store."""
    return Gate(
        secret_keys=[KEY],
        issuer="Acme",
        plugins=[Host(target, {"default": Policy(Enforcement.REQUIRED)}), SQLiteStore(store)],
        initialize=True,
        public=["/static/"],
        login_paths=["/login"],
        logout_paths=["/logout"],
    )


def spy(call: Call) -> Reply:
    """Tell which calls there were, and of whom, but for those of this kind."""
    told = [[each.method, each.path, each.user] for each in target.calls if each.path != "/static/spy"]
    body = json.dumps(told).encode()
    return Reply([body], 200, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])


def join(call: Call) -> Reply:
    """Make the session that there is u1's, without any cookie."""
    assert call.session is not None
    target.log_in(call.session, "u1")
    return Reply.redirect("/")


def visit(call: Call) -> Reply:
    """Begin a session that is nobody's."""
    return Reply.redirect("/", ("Set-Cookie", f"sid={target.open_session()}; Path=/"))


def stream_by_wsgi(environ: Any, start_response: Any) -> Iterator[bytes]:
    """Be an event stream without an end."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    while True:
        yield TICK
        time.sleep(0.05)


async def stream_by_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Be the same on ASGI, until the client has gone."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def ticks() -> None:
        while True:
            await send({"type": "http.response.body", "body": TICK, "more_body": True})
            await asyncio.sleep(0.05)

    ticking = asyncio.create_task(ticks())
    while (await receive())["type"] != "http.disconnect":
        pass
    ticking.cancel()


target.routes.update({"/static/spy": spy, "/join": join, "/visit": visit})
target.wsgi_routes["/events"] = stream_by_wsgi
target.asgi_routes["/events"] = stream_by_asgi

if "ABUSE_STORE" in os.environ:
    gate = make_gate(os.environ["ABUSE_STORE"])
    wsgi = WSGIMiddleware(target.wsgi, gate)
    asgi = ASGIMiddleware(target.asgi, gate)
