"""What a request leaves behind: nothing that has to wait for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as ASGIGate
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIGate


class Host:
    """A host of one user, who need not set up."""

    @hookimpl(blocking=False)
    def identify(self, request: Any) -> User:
        """Be the hook."""
        return User("u1", "u1@example.com", "login 1")


class OfServer:
    """One request as a server holds it: what it gives to the application, and where it hears the answer."""

    def __init__(self, native: dict[str, Any]) -> None:
        self.native = native
        self.heard: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        """Be ASGI's `receive`."""
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        """Be ASGI's `send`."""
        self.heard.append(message.get("status"))

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """Be WSGI's `start_response`."""
        self.heard.append(int(status[:3]))


@pytest.fixture
def gate() -> Gate:
    """Give a gate that lets its user through."""
    policy = Policy(Enforcement.OPTIONAL)
    return Gate(
        secret_keys=["k" * 32],
        issuer="Garbage",
        plugins=[Host(), MemoryStore()],
        policy=policy,
        initialize=True,
    )


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Run without the garbage collector."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
def test_a_request_over_asgi_is_freed_as_it_ends(gate: Gate) -> None:
    """What a server keeps of a request, with the scope, and behind `send`, is freed without a collection."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["twofa_gate"].user.id == "u1"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/x",
        "query_string": b"",
        "headers": [(b"cookie", b"a=b")],
    }
    request = OfServer(scope)
    del scope
    asyncio.run(ASGIGate(app, gate)(request.native, request.receive, request.send))
    assert request.heard == [200, None]
    alive = weakref.ref(request)
    del request
    assert alive() is None


@pytest.mark.usefixtures("uncollected")
def test_a_request_over_wsgi_is_freed_as_it_ends(gate: Gate) -> None:
    """What a server keeps of a request behind `start_response` is freed without a collection."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        assert environ["twofa_gate"].user.id == "u1"
        start_response("200 OK", [])
        return [b"page"]

    request = OfServer({})
    environ = EnvironBuilder(path="/x", headers=[("Cookie", "a=b")]).get_environ()
    assert b"".join(WSGIGate(app, gate)(environ, request.start_response)) == b"page"
    assert request.heard == [200]
    alive = weakref.ref(request)
    del request, environ
    assert alive() is None
