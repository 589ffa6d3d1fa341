"""One ASGI answer on its way out: feeds the second look, and sends what it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import Flow
from twofa_gate.core.second_look import Outgoing
from twofa_gate.core.settings import Settings
from twofa_gate.core.watching import CLOSE_CODE, Watch, is_stream

if TYPE_CHECKING:
    from twofa_gate.adapters.asgi import ASGIRequest

__all__ = ["Exchange"]

_STARTS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
_BODIES = frozenset({"http.response.body", "websocket.http.response.body"})
_LATER = frozenset(
    {"http.response.trailers", "http.response.pathsend", "http.response.zerocopysend", "websocket.send"}
)
"""Messages that pass once the start has passed; any other that the driver doesn't know never does."""


def _decode(headers: Any) -> list[tuple[str, str]]:
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers]


def _encode(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _without_credentials(scope: Scope, names: frozenset[str]) -> Scope:
    """Make the request anonymous, also to applications inside a session or authentication middleware."""
    dropped = {name.encode("latin-1") for name in names}
    # An underscore is folded into a hyphen where an ASGI application is bridged to WSGI.
    kept = [each for each in scope["headers"] if each[0].lower().replace(b"_", b"-") not in dropped]
    bare = {**scope, "headers": kept}
    if "session" in scope:
        bare["session"] = {}
    if "user" in scope or "auth" in scope:
        from starlette.authentication import AuthCredentials, UnauthenticatedUser

        bare.update(user=UnauthenticatedUser(), auth=AuthCredentials())
    return bare


class Exchange:
    """Sends one answer: the gate's own, or the application's as far as it may go out.

    `run` runs a flow of the core.
    """

    def __init__(
        self,
        settings: Settings,
        request: ASGIRequest,
        receive: Receive,
        send: Send,
        run: Callable[[Flow[Any]], Awaitable[Any]],
    ) -> None:
        self._settings = settings
        self._request = request
        self._receive = receive
        self._send = send
        self._run = run
        self._socket = request.kind == "websocket"
        self._watch: Watch | None = None
        self._timer: asyncio.Task[None] | None = None
        self._waiting: anyio.CancelScope | None = None
        self._closed = False
        self._answered = False
        self._begun: Message = {}

    async def answer(self, answer: Answer) -> None:
        """Send an answer of the gate's own; a WebSocket is refused before it is accepted."""
        if self._socket and "websocket.http.response" not in (self._request.scope.get("extensions") or {}):
            await self._send({"type": "websocket.close", "code": CLOSE_CODE, "reason": ""})
            return
        await self._send_start(answer.status, list(answer.headers))
        if self._request.method == "HEAD":
            await self._send_body(b"", end=True)
            return
        if answer.more is not None:
            part = answer.body
            while part:
                await self._send_body(part, end=False)
                part = await self._run(answer.more())
        await self._send_body(b"" if answer.more else answer.body, end=True)

    async def forward(self, end: Forward, app: ASGIApp, scope: Scope) -> None:
        """Call the application, and send of its answer what the second look lets out."""
        self._look = end.look
        self._user = end.context.user
        scope = _without_credentials(scope, end.strip) if end.strip else dict(scope)
        if end.without:
            dropped = {name.encode("latin-1") for name in end.without}
            scope["headers"] = [each for each in scope["headers"] if each[0].lower() not in dropped]
        scope["twofa_gate"] = end.context
        self._watched = not end.strip  # what is served as to nobody stays open to everybody
        if self._socket and self._watched:
            self._start_watching()
        try:
            await app(scope, self._receiving, self._sending)
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _receiving(self) -> Message:
        """Be the `receive` that the application calls."""
        if self._watch is None:
            return await self._receive()
        with anyio.CancelScope() as self._waiting:
            message = await self._receive()
            if self._closed or message["type"].endswith(".disconnect") or await self._may_continue():
                return message
        return (
            {"type": "websocket.disconnect", "code": CLOSE_CODE}
            if self._socket
            else {"type": "http.disconnect"}
        )

    async def _sending(self, message: Message) -> None:
        """Be the `send` that the application calls."""
        kind = message["type"]
        if self._closed:
            return
        if kind in _STARTS:
            await self._start(message)
        elif self._look.passing:
            known = kind in _BODIES or kind in _LATER
            if kind == "websocket.close" or (known and (self._watch is None or await self._may_continue())):
                await self._send(message)
        elif kind == "websocket.close":
            await self._send(message)
        elif kind in _BODIES:
            more = message.get("more_body", False)
            await self._emit(self._look.body(message.get("body", b""), last=not more))
        elif kind in _LATER and self._look.inserting:
            await self._emit(self._look.leave_alone())
            await self._send(message)
        elif kind in _LATER:
            # A file that the server would send: a body that is not empty.
            await self._emit(self._look.body(b"\0", last=True))

    async def _start(self, message: Message) -> None:
        if self._answered:
            raise RuntimeError("The application started its answer twice.")
        self._answered = True
        headers = _decode(message.get("headers") or [])
        outgoing = await self._run(self._look.begin(message.get("status", 101), headers))
        if message["type"] == "websocket.accept" and not self._look.passing:
            await self._close()
        elif (self._look.passing or self._look.inserting) and outgoing.start is not None:
            sent = outgoing.start[1]
            await self._send(message if sent is headers else {**message, "headers": _encode(sent)})
            if self._watched and self._request.kind == "http" and is_stream(sent):
                self._start_watching()
        else:
            # A page whose start is held until its body begins keeps what else the application said with it.
            self._begun = message if self._look.inserting else {}
            await self._emit(outgoing)

    async def _emit(self, outgoing: Outgoing) -> None:
        if outgoing.start is not None:
            await self._send_start(*outgoing.start)
        if outgoing.data or outgoing.end:
            data = b"" if self._request.method == "HEAD" else outgoing.data
            await self._send_body(data, end=outgoing.end)

    async def _send_start(self, status: int, headers: list[tuple[str, str]]) -> None:
        kind = "websocket.http.response.start" if self._socket else "http.response.start"
        await self._send({**self._begun, "type": kind, "status": status, "headers": _encode(headers)})

    async def _send_body(self, body: bytes, *, end: bool) -> None:
        kind = "websocket.http.response.body" if self._socket else "http.response.body"
        await self._send({"type": kind, "body": body, "more_body": not end})

    def _start_watching(self) -> None:
        self._watch = Watch(self._settings, self._request, self._user)
        try:
            self._timer = asyncio.get_running_loop().create_task(self._look_on_timer(self._watch))
        except RuntimeError:
            # Not asyncio: without a timer it is looked at as messages pass, so nothing goes out that should not.
            self._timer = None

    async def _look_on_timer(self, watch: Watch) -> None:
        while not self._closed:
            await asyncio.sleep(watch.interval)
            if await self._run(watch.may_continue(timer=True)) is not True:
                await self._close()

    async def _may_continue(self) -> bool:
        if self._watch is None or await self._run(self._watch.may_continue()) is True:
            return True
        await self._close()
        return False

    async def _close(self) -> None:
        """End a socket or stream: nothing more goes out, and the application hears that the client has gone."""
        if self._closed:
            return
        self._closed = True
        if self._socket:
            await self._send(
                {"type": "websocket.close", "code": CLOSE_CODE, "reason": "two-factor authentication"}
            )
        else:
            await self._send_body(b"", end=True)
        if self._waiting is not None:
            self._waiting.cancel()
