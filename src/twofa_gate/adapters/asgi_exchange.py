"""One ASGI answer on its way out: feeds the second look, and sends what it gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from starlette.types import Message, Receive, Scope, Send

from twofa_gate.adapters.asgi_messages import (
    BODIES,
    LATER,
    STARTS,
    decode,
    encode,
    is_unremarkable,
    without_credentials,
)
from twofa_gate.adapters.performing import begin, run_async
from twofa_gate.core.answer import Answer, Forward, Source
from twofa_gate.core.effects import Effect, Flow
from twofa_gate.core.quiet import is_same_still
from twofa_gate.core.second_look import Outgoing, SecondLook
from twofa_gate.core.settings import Settings
from twofa_gate.core.watching import CLOSE_CODE, Watch, is_stream

if TYPE_CHECKING:
    import asyncio

    import anyio

    from twofa_gate.adapters.asgi_request import ASGIRequest

__all__ = ["Exchange"]

T = TypeVar("T")


class Exchange(Source):
    """Sends one answer: the gate's own, or the application's as far as it may go out.

    `perform` performs an effect. What few answers need is made when one needs it.
    """

    _answered = False
    _untouched = False
    _closed = False
    _watch: Watch | None = None
    timer: asyncio.Task[None] | None = None
    _waiting: anyio.CancelScope | None = None
    _looking: SecondLook | None = None
    _begun: Message | None = None
    _end: Forward
    _quiet = False

    def __init__(
        self,
        settings: Settings,
        request: ASGIRequest,
        receive: Receive,
        send: Send,
        perform: Callable[[Receive, Effect[Any]], Awaitable[Any]],
    ) -> None:
        self.settings = settings
        self.request = request
        self.demanded = None
        self._receive = receive
        self._send = send
        self._perform = perform

    async def answer(self, answer: Answer) -> None:
        """Send an answer of the gate's own; a WebSocket is refused before it is accepted."""
        if self._socket and "websocket.http.response" not in (
            (self.request.scope or {}).get("extensions") or {}
        ):
            await self._send({"type": "websocket.close", "code": CLOSE_CODE, "reason": ""})
            return
        await self._send_start(answer.status, list(answer.headers))
        if self.request.method == "HEAD":
            await self._send_body(b"", end=True)
            return
        if answer.more is not None:
            part = answer.body
            while part:
                await self._send_body(part, end=False)
                part = await self.run(answer.more())
        await self._send_body(b"" if answer.more else answer.body, end=True)

    def enter(self, end: Forward, scope: Scope) -> Scope:
        """Let the request through: return the scope that the application is to see.

        Where nothing is taken away that is the server's own, as with Starlette's middlewares; `request` has a copy.
        """
        self._end = end
        request = self.request
        # As `is_quiet`, and not in a function of its own: every request comes this way.
        self._quiet = request.method in end.quiet and request.kind == "http"
        if end.strip:
            scope = without_credentials(scope, end.strip)
        if end.without:
            dropped = {name.encode("latin-1") for name in end.without}
            kept = [each for each in scope["headers"] if each[0].lower() not in dropped]
            scope = {**scope, "headers": kept}
        scope["twofa_gate"] = end.context
        scope["twofa_gate.source"] = self
        if (
            request.kind == "websocket" and not end.strip
        ):  # what is served as to nobody stays open to everybody
            self._start_watching()
        return scope

    def receiving(self) -> Awaitable[Message]:
        """Be the `receive` that the application calls."""
        return self._receive() if self._watch is None else self._watched_receive()

    async def _watched_receive(self) -> Message:
        import anyio

        with anyio.CancelScope() as self._waiting:
            message = await self._receive()
            if self._closed or message["type"].endswith(".disconnect") or await self._may_continue():
                return message
        return (
            {"type": "websocket.disconnect", "code": CLOSE_CODE}
            if self._socket
            else {"type": "http.disconnect"}
        )

    def sending(self, message: Message) -> Awaitable[None]:
        """Be the `send` that the application calls; of most answers nothing has to be looked at."""
        kind = message["type"]
        if self._untouched:
            if kind == "http.response.body":
                return self._send(message)
        elif (
            kind == "http.response.start"
            and not self._answered
            and self.demanded is None
            and is_unremarkable(message.get("headers"))
            and (self._quiet or self._is_same_still())
        ):
            # As the second look would have it, and without all that it takes.
            self._untouched = self._answered = True
            return self._send(message)
        return self._sending(message)

    def _is_same_still(self) -> bool:
        here = self.settings.hooks.identify_in_place
        return here and is_same_still(self.settings, self.request, self._end)

    @property
    def _look(self) -> SecondLook:
        if self._looking is None:
            self._looking = SecondLook(self.settings, self.request, self._end)
        return self._looking

    @property
    def _socket(self) -> bool:
        return self.request.kind == "websocket"

    @property
    def _passing(self) -> bool:
        return self._untouched or self._look.passing

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow for this request."""
        effect, end = begin(flow)
        if effect is None:
            return cast(T, end)
        return await run_async(flow, partial(self._perform, self._receive), effect)

    async def _sending(self, message: Message) -> None:
        kind = message["type"]
        if self._closed:
            return
        if kind in STARTS:
            await self._start(message)
        elif self._passing:
            known = kind in BODIES or kind in LATER
            if kind == "websocket.close" or (known and (self._watch is None or await self._may_continue())):
                await self._send(message)
        elif kind == "websocket.close":
            await self._send(message)
        elif kind in BODIES:
            more = message.get("more_body", False)
            await self._emit(self._look.body(message.get("body", b""), last=not more))
        elif kind in LATER and self._look.inserting:
            await self._emit(self._look.leave_alone())
            await self._send(message)
        elif kind in LATER:
            # A file that the server would send: a body that is not empty.
            await self._emit(self._look.body(b"\0", last=True))

    async def _start(self, message: Message) -> None:
        if self._answered:
            raise RuntimeError("The application started its answer twice.")
        self._answered = True
        headers = decode(message.get("headers") or [])
        self._look.demanded = self.demanded
        outgoing = await self.run(self._look.begin(message.get("status", 101), headers))
        if message["type"] == "websocket.accept" and not self._look.passing:
            await self._close()
        elif (self._look.passing or self._look.inserting) and outgoing.start is not None:
            sent = outgoing.start[1]
            await self._send(message if sent is headers else {**message, "headers": encode(sent)})
            if not self._end.strip and not self._socket and is_stream(sent):
                self._start_watching()
        else:
            # A page whose start is held until its body begins keeps what else the application said with it.
            self._begun = message if self._look.inserting else None
            await self._emit(outgoing)

    async def _emit(self, outgoing: Outgoing) -> None:
        if outgoing.start is not None:
            await self._send_start(*outgoing.start)
        if outgoing.data or outgoing.end:
            data = b"" if self.request.method == "HEAD" else outgoing.data
            await self._send_body(data, end=outgoing.end)

    async def _send_start(self, status: int, headers: list[tuple[str, str]]) -> None:
        kind = "websocket.http.response.start" if self._socket else "http.response.start"
        await self._send({**(self._begun or {}), "type": kind, "status": status, "headers": encode(headers)})

    async def _send_body(self, body: bytes, *, end: bool) -> None:
        kind = "websocket.http.response.body" if self._socket else "http.response.body"
        await self._send({"type": kind, "body": body, "more_body": not end})

    def _start_watching(self) -> None:
        import asyncio

        self._watch = Watch(self.settings, self.request, self._end.context.user)
        try:
            self.timer = asyncio.get_running_loop().create_task(self._look_on_timer(self._watch))
        except RuntimeError:
            # Not asyncio: without a timer it is looked at as messages pass, so nothing goes out that should not.
            self.timer = None

    async def _look_on_timer(self, watch: Watch) -> None:
        import asyncio

        while not self._closed:
            await asyncio.sleep(watch.interval)
            if await self.run(watch.may_continue(timer=True)) is not True:
                await self._close()

    async def _may_continue(self) -> bool:
        if self._watch is None or await self.run(self._watch.may_continue()) is True:
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
