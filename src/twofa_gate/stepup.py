"""Step-up: a second line inside the application, for what should take a fresh code.

`require_verification` decorates Flask views and Starlette or FastAPI endpoints, makes a FastAPI dependency,
and wraps plain WSGI and ASGI applications. It works behind the gate alone, and imports no web framework
before one of its requests comes.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import cached_property, partial, wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from twofa_gate.adapters.performing import perform_async, run, run_async
from twofa_gate.core.answer import Answer, Context, Source
from twofa_gate.core.returning import Demand
from twofa_gate.core.step_up import demand_verification
from twofa_gate.core.watching import CLOSE_CODE
from twofa_gate.model import Method

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Requirement", "require_verification"]

_View = TypeVar("_View", bound=Callable[..., Any])

MINIMUM = timedelta(seconds=10)
"""Less, and nobody would be back in time from the challenge."""


def require_verification(
    max_age: timedelta, location: str | None = None, *, methods: Collection[Method] = ()
) -> Requirement:
    """Ask for a verification by code that is at most `max_age` old, else for a fresh code.

    - `location`: whose policy governs, if it is not that of the request.
    - `methods`: those that count, for example `{Method.TOTP}`; without them those that count at the location.

    A page leads to the challenge and back; a JSON client gets the problem. A trusted browser is never good
    enough. Raises `ValueError` for what can't be asked.
    """
    if not isinstance(max_age, timedelta) or max_age < MINIMUM:
        raise ValueError("max_age must be a timedelta of at least 10 seconds.")
    if location is not None and (not isinstance(location, str) or not location):
        raise ValueError("location must be a location's key.")
    if not all(isinstance(method, Method) for method in methods):
        raise ValueError("methods must hold Methods, for example {Method.TOTP}.")
    names = tuple(sorted(method.value for method in methods))
    return Requirement(location, Demand(max_age.total_seconds(), names))


class Requirement:
    """What `require_verification` gives. Called with a view or an endpoint, it guards it."""

    def __init__(self, location: str | None, demand: Demand) -> None:
        self._location = location
        self._demand = demand

    def __call__(self, view: _View) -> _View:
        """Guard a Flask view, or a Starlette or FastAPI endpoint that takes `request` (or `websocket`)."""
        if inspect.iscoroutinefunction(view):

            @wraps(view)
            async def guarded_async(*args: Any, **named: Any) -> Any:
                native, socket = _native(args, named)
                refused = await self._ask_async(native)
                if refused is None:
                    return await view(*args, **named)
                if socket is not None:
                    return await socket.close(CLOSE_CODE)
                return _response(native, refused)

            return guarded_async  # type: ignore[return-value]  # it takes and gives what `view` does

        @wraps(view)
        def guarded(*args: Any, **named: Any) -> Any:
            native, _ = _native(args, named)
            refused = self._ask(native)
            return view(*args, **named) if refused is None else _response(native, refused)

        return guarded  # type: ignore[return-value]  # likewise

    @cached_property
    def dependency(self) -> Callable[..., Any]:
        """A FastAPI dependency: `Depends(require_verification(...).dependency)`."""
        from starlette.exceptions import HTTPException, WebSocketException
        from starlette.requests import HTTPConnection

        async def verified(connection: Any) -> None:
            refused = await self._ask_async(connection.scope)
            if refused is not None and connection.scope["type"] == "websocket":
                raise WebSocketException(CLOSE_CODE)
            if refused is not None:
                raise HTTPException(refused.status)

        verified.__annotations__ = {"connection": HTTPConnection, "return": None}
        return verified

    def wsgi(self, app: WSGIApplication) -> WSGIApplication:
        """Guard a WSGI application."""

        def guarded(environ: Any, start_response: Any) -> Any:
            refused = self._ask(environ)
            if refused is None:
                return app(environ, start_response)
            start_response(f"{refused.status} {HTTPStatus(refused.status).phrase}", [("Content-Length", "0")])
            return []

        return guarded

    def asgi(self, app: Callable[..., Any]) -> Callable[..., Any]:
        """Guard an ASGI application."""

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            refused = None if scope["type"] == "lifespan" else await self._ask_async(scope)
            if refused is None:
                await app(scope, receive, send)
            elif scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": CLOSE_CODE, "reason": ""})
            else:
                await send({"type": "http.response.start", "status": refused.status, "headers": []})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return guarded

    def _ask(self, native: Mapping[str, Any]) -> Answer | None:
        context, source = _context(native)
        flow = demand_verification(source, context.user, self._location or context.location, self._demand)
        if not any(hook.is_async for hook in source.settings.hooks.all()):
            return _demanded(source, run(flow))
        # A plain endpoint under ASGI runs in a worker thread; the loop that its hooks need is elsewhere.
        from anyio.from_thread import run as run_on_loop

        perform = partial(perform_async, hook_timeout=source.settings.hook_timeout)
        return _demanded(source, run_on_loop(run_async, flow, perform))

    async def _ask_async(self, native: Mapping[str, Any]) -> Answer | None:
        context, source = _context(native)
        flow = demand_verification(source, context.user, self._location or context.location, self._demand)
        perform = partial(perform_async, hook_timeout=source.settings.hook_timeout)
        return _demanded(source, await run_async(flow, perform))


def _demanded(source: Source, answer: Answer | None) -> Answer | None:
    """Have the gate send this answer, whatever the application makes of it."""
    if answer is not None:
        source.demanded = answer
    return answer


def _context(native: Mapping[str, Any]) -> tuple[Context, Source]:
    context, source = native.get("twofa_gate"), native.get("twofa_gate.source")
    if not isinstance(context, Context) or not isinstance(source, Source):
        raise RuntimeError(  # noqa: TRY004 - it is not what the caller gave that is wrong
            "require_verification found no gate in front of this application: put TwoFactorMiddleware there."
        )
    return context, source


def _native(args: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """Find the scope or environ of a request among a view's arguments; return it with its WebSocket, if any."""
    for each in (*args, *named.values()):
        scope = getattr(each, "scope", None)
        if isinstance(scope, Mapping) and "type" in scope:
            return scope, each if scope["type"] == "websocket" else None
    flask = sys.modules.get("flask")
    if flask is not None and flask.has_request_context():
        environ: Mapping[str, Any] = flask.request.environ
        return environ, None
    raise RuntimeError(
        "require_verification found no request: an endpoint must take `request`, or use .dependency, .wsgi or .asgi."
    )


def _response(native: Mapping[str, Any], refused: Answer) -> Any:
    """Make the framework's own empty response, in whose place the gate's answer goes out."""
    if "wsgi.version" in native:
        from flask import Response as FlaskResponse

        return FlaskResponse(status=refused.status)
    from starlette.responses import Response

    return Response(status_code=refused.status)
