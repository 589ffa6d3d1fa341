"""The ASGI driver: performs effects asynchronously, and translates between ASGI 3 and the core."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twofa_gate.adapters.asgi_exchange import Exchange
from twofa_gate.adapters.performing import begin, perform_async, run_async
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import Effect, Flow, ReadBody
from twofa_gate.core.flow import failed, handle
from twofa_gate.errors import BadRequest, ConfigurationError
from twofa_gate.lazily import cached_property
from twofa_gate.request import GateRequest, is_plain

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from twofa_gate.gate import Gate

__all__ = ["ASGIRequest", "TwoFactorMiddleware"]


class ASGIRequest(GateRequest):
    """A request made from an ASGI scope, of which it keeps a shallow copy."""

    scope: dict[str, Any]

    def __init__(self, scope: Scope) -> None:
        self.scope = dict(scope)
        self.kind = scope["type"]
        self.method = scope.get("method", "GET")
        self.decoded_path = scope["path"]
        self.prefix = scope.get("root_path", "")
        if self.prefix:
            self.prefix = self.prefix.rstrip("/")
            self.decoded_path = _relative(self.decoded_path, self.prefix)
        self.cookie_header = self.authorization = ""
        for name, value in scope["headers"]:
            lowered = name.lower()
            if lowered == b"cookie":
                text = value.decode("latin-1")
                self.cookie_header = f"{self.cookie_header}; {text}" if self.cookie_header else text
            elif lowered == b"authorization":
                self.doubled_authorization = bool(self.authorization)
                self.authorization = self.authorization or value.decode("latin-1")

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        return next(
            (value.decode("latin-1") for key, value in self.scope["headers"] if key.lower() == wanted), None
        )

    def with_cookie_header(self, header: str) -> GateRequest:
        kept = [each for each in self.scope["headers"] if each[0].lower() != b"cookie"]
        return ASGIRequest(
            {**self.scope, "headers": [*kept, (b"cookie", header.encode("latin-1", "replace"))]}
        )

    @cached_property
    def raw_path(self) -> str | None:
        raw = self.scope.get("raw_path")
        return None if raw is None else bytes(raw).decode("latin-1").partition("?")[0]

    @cached_property
    def plain(self) -> bool:
        raw = self.scope.get("raw_path")
        escaped = raw is not None and b"%" in raw
        return is_plain(self.decoded_path, self.raw_path if escaped else None)

    @cached_property
    def query_string(self) -> str:
        return bytes(self.scope.get("query_string", b"")).decode("latin-1")

    @cached_property
    def headers(self) -> Headers:
        from werkzeug.datastructures import Headers

        return Headers(
            [(key.decode("latin-1"), value.decode("latin-1")) for key, value in self.scope["headers"]]
        )

    @cached_property
    def scheme(self) -> str:
        scheme = str(self.scope.get("scheme", "http"))
        return {"ws": "http", "wss": "https"}.get(scheme, scheme)

    @cached_property
    def host(self) -> str:
        server = self.scope.get("server") or ("", None)
        return self.header("host") or f"{server[0]}:{server[1]}"

    @cached_property
    def client(self) -> str | None:
        peer = self.scope.get("client")
        return None if peer is None else str(peer[0])


def _relative(path: str, prefix: str) -> str:
    """Take the mount point off a path: `root_path` is part of `path` in ASGI."""
    if prefix and (path == prefix or path.startswith(prefix + "/")):
        return path[len(prefix) :]
    return path


class TwoFactorMiddleware:
    """Puts a gate in front of an ASGI application: `app = TwoFactorMiddleware(app, gate)`.

    In Starlette: `Middleware(TwoFactorMiddleware, gate=gate)`, after `SessionMiddleware`.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._settings = gate.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(
                f"The gate does not know the protocol {scope['type']!r}, so it can't let it through."
            )
        request = ASGIRequest(scope)
        exchange = Exchange(self._settings, request, receive, send, self._perform)
        flow = (
            handle(self._settings, request) if self._gate.pending_check is None else await self._late(request)
        )
        effect, end = begin(flow)
        if effect is not None:
            end = await run_async(flow, partial(self._perform, receive), effect)
        if isinstance(end, Forward):
            try:
                await self._app(exchange.enter(end, scope), exchange.receiving, exchange.sending)
            finally:
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
            return await _read_body(receive, effect.limit)
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


async def _read_body(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BadRequest("The request ended early.")
        body += message.get("body", b"")
        if len(body) > limit:
            raise BadRequest("The request is too large.", status=413)
        if not message.get("more_body", False):
            return bytes(body)
