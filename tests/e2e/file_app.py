"""An application of each protocol that takes uploads and gives files, behind a gate; a cookie names the user.

`bare_wsgi` and `bare_asgi` are the same without the gate, to compare with.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Message = MutableMapping[str, Any]
FILE = Path(os.environ.get("FILE_APP_FILE", __file__))
PAUSE = 0.4
"""Seconds between two parts of the streamed answer."""
PARTS = 3


class Host:
    """Knows users by a cookie."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Say who asks."""
        name = request.cookies.get("user")
        return None if name is None else User(id=name, label=name, login="1")


class ClosingIterator:
    """Parts that come slowly; the file notes that it was closed."""

    def __init__(self) -> None:
        self._parts = self._slowly()

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def _slowly(self) -> Iterator[bytes]:
        for number in range(PARTS):
            if number:
                time.sleep(PAUSE)
            yield b"part %d\n" % number

    def close(self) -> None:
        """Note it."""
        FILE.with_suffix(".closed").write_text("yes")


def bare_wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by WSGI."""
    path = environ["PATH_INFO"]
    plain = [("Content-Type", "application/octet-stream")]
    if path == "/upload":
        digest = hashlib.sha256()
        while part := environ["wsgi.input"].read(65536):
            digest.update(part)
        start_response("200 OK", plain)
        return [digest.hexdigest().encode()]
    start_response("200 OK", plain)
    if path == "/file":
        answer: Iterable[bytes] = environ["wsgi.file_wrapper"](FILE.open("rb"))
        return answer
    return ClosingIterator()


async def bare_asgi(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer by ASGI."""
    import anyio
    from starlette.requests import Request
    from starlette.responses import FileResponse, Response, StreamingResponse

    if scope["type"] != "http":
        raise RuntimeError("http only")

    async def slowly() -> Any:
        for number in range(PARTS):
            if number:
                await anyio.sleep(PAUSE)
            yield b"part %d\n" % number
        FILE.with_suffix(".closed").write_text("yes")

    response: Response
    if scope["path"] == "/upload":
        digest = hashlib.sha256()
        async for part in Request(scope, receive).stream():
            digest.update(part)
        response = Response(digest.hexdigest(), media_type="application/octet-stream")
    elif scope["path"] == "/file":
        response = FileResponse(FILE, media_type="application/octet-stream")
    else:
        response = StreamingResponse(slowly(), media_type="application/octet-stream")
    await response(scope, receive, send)


def _gate() -> Gate:
    key = "a key of the tests that is long enough"
    policy = Policy(Enforcement.OPTIONAL)
    return Gate(secret_keys=[key], issuer="Files", plugins=[Host(), MemoryStore()], policy=policy)


gated_wsgi = WSGIMiddleware(bare_wsgi, _gate())
gated_asgi = ASGIMiddleware(bare_asgi, _gate())
