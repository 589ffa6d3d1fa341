"""The ASGI driver: performs effects asynchronously, and translates between ASGI 3 and the core."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twofa_gate.adapters.asgi_exchange import Exchange
from twofa_gate.adapters.asgi_request import ASGIRequest, read_body, replaying
from twofa_gate.adapters.performing import perform_async, read_clock, run_async
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import Effect, Flow, ReadBody
from twofa_gate.core.flow import at_once, failed, handle
from twofa_gate.errors import ConfigurationError

if TYPE_CHECKING:
    from twofa_gate.gate import Gate

__all__ = ["TwoFactorMiddleware"]


class TwoFactorMiddleware:
    """Puts a gate in front of an ASGI application: `app = TwoFactorMiddleware(app, gate)`.

    In Starlette: `Middleware(TwoFactorMiddleware, gate=gate)`, after `SessionMiddleware`.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._settings = gate.settings
        self._in_place = gate.settings.hooks.in_place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if kind not in ("http", "websocket"):
            raise ValueError(f"The gate does not know the protocol {kind!r}, so it can't let it through.")
        request = ASGIRequest(scope)
        end: Forward | Answer | Flow[Forward | Answer]
        if self._gate.pending_check is not None:
            end = await self._late(request)
        elif self._in_place:
            end = at_once(self._settings, request, read_clock)
        else:
            end = handle(self._settings, request)
        exchange = Exchange(self._settings, request, receive, send, self._perform)
        if not isinstance(end, Forward):
            end = await exchange.run(end)
        if isinstance(end, Forward):
            if end.instead is not None:
                request = cast(ASGIRequest, end.instead)
                scope, receive = request.scope, replaying(request.posted or b"", receive)
                exchange = Exchange(self._settings, request, receive, send, self._perform)
            try:
                await self._app(exchange.enter(end, scope), exchange.receiving, exchange.sending)
            finally:
                # It holds the server's `send`, and so the server's scope itself: a ring for the garbage collector.
                scope.pop("twofa_gate.source", None)
                if exchange.timer is not None:
                    exchange.timer.cancel()
        elif isinstance(end, Answer):
            await exchange.answer(end)

    async def _late(self, request: ASGIRequest) -> Flow[Answer | Forward]:
        """Give the flow of a request that comes before the store was checked."""
        try:
            await self._ready()
        except Exception as error:  # the core decides how to fail
            return failed(self._settings, request, error)
        return handle(self._settings, request)

    async def _perform(self, receive: Receive, effect: Effect[Any]) -> Any:
        if type(effect) is ReadBody:
            return await read_body(receive, effect.limit)
        return await perform_async(effect, self._gate.hook_timeout)

    async def _ready(self) -> None:
        """Check the store once, where that could not be done at start because it is asynchronous."""
        check = self._gate.pending_check
        if check is not None:
            await run_async(check(), partial(self._perform, _no_body))
            self._gate.pending_check = None

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        failure: list[str] = []

        async def checked_receive() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._ready()
                except ConfigurationError as error:
                    failure.append(str(error))
                    raise
            return message

        async def closing_send(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self._gate.aclose()
            await send(message)

        try:
            await self._app(scope, checked_receive, closing_send)
        except ConfigurationError:
            if not failure:
                raise
            await send({"type": "lifespan.startup.failed", "message": failure[0]})


async def _no_body() -> Message:
    return {"type": "http.disconnect"}
