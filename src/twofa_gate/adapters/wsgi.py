"""The WSGI driver: performs effects in place, and translates between PEP 3333 and the core."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from twofa_gate.adapters.performing import perform_here, read_clock, run
from twofa_gate.adapters.wsgi_exchange import Body, Exchange, parts_of, status_line
from twofa_gate.adapters.wsgi_request import WSGIRequest, read_body
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import CallHook, Effect, ReadBody
from twofa_gate.core.flow import at_once

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from twofa_gate.gate import Gate

__all__ = ["TwoFactorMiddleware"]

_SERVER_USER = ("REMOTE_USER", "AUTH_TYPE", "werkzeug.request")
"""Where servers and middlewares outside name a user, or keep a request that does."""

_PAST_THE_GATE = ("gunicorn.socket", "werkzeug.socket", "wsgi.websocket", "wsgi.early_hints")
"""What some servers put into the environment with which an application could answer without `start_response`.

Nothing of that could be looked at, or ended when a verification ends, so applications don't get it.
"""


class TwoFactorMiddleware:
    """Puts a gate in front of a WSGI application: `app.wsgi_app = TwoFactorMiddleware(app.wsgi_app, gate)`.

    Raises `ConfigurationError` if a hook of the gate is an `async def` function.
    """

    def __init__(self, app: WSGIApplication, gate: Gate) -> None:
        gate.require_plain_hooks()
        self._app = app
        self._settings = gate.settings

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = WSGIRequest(environ)
        end = at_once(self._settings, request, read_clock)  # hooks are plain: see `require_plain_hooks`
        if not isinstance(end, Forward):
            perform = partial(_perform, environ)
            through = run(end, perform)
            if isinstance(through, Answer):
                start_response(status_line(through.status), list(through.headers))
                return [] if request.method == "HEAD" else parts_of(through, perform)
            end = through
        return self._forward(end, request, environ, start_response)

    def _forward(
        self, end: Forward, request: WSGIRequest, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if end.instead is not None:
            request = cast(WSGIRequest, end.instead)
            environ = {**request.environ, "wsgi.input": BytesIO(request.posted or b"")}
        if end.strip:
            dropped = {f"HTTP_{name.upper().replace('-', '_')}" for name in end.strip}.union(_SERVER_USER)
            environ = {name: value for name, value in environ.items() if name not in dropped}
        for name in end.without:
            environ.pop(f"HTTP_{name.upper().replace('-', '_')}", None)
        for name in _PAST_THE_GATE:
            if name in environ:
                del environ[name]
        environ["twofa_gate"] = end.context
        exchange = Exchange(self._settings, request, end, start_response)
        environ["twofa_gate.source"] = exchange
        body = self._app(environ, exchange.start_response)
        if exchange.lets_go() or exchange.hands_over_file(body, environ.get("wsgi.file_wrapper")):
            return body
        return Body(exchange, body)


def _perform(environ: WSGIEnvironment, effect: Effect[Any]) -> Any:
    if type(effect) is CallHook:
        return effect.hook.function(*effect.args)
    return read_body(environ, effect.limit) if type(effect) is ReadBody else perform_here(effect)
