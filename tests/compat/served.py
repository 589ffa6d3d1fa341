"""The gated bare applications, for servers to import; COMPAT_PREFIX mounts the WSGI one below a path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.compat.bare import asgi_app, wsgi_app
from tests.compat.gating import make_gate
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_prefix = os.environ.get("COMPAT_PREFIX", "")
_gate = make_gate()


def _nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b""]


_gated = WSGIMiddleware(wsgi_app, _gate)
wsgi: Any = DispatcherMiddleware(_nothing, {_prefix: _gated}) if _prefix else _gated
_asgi = ASGIMiddleware(asgi_app, _gate)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Serve the ASGI one, below a path if COMPAT_PREFIX says so, as ASGI 3 mounts it."""
    if _prefix and scope["type"] != "lifespan":
        scope = {**scope, "root_path": scope.get("root_path", "") or _prefix}
    await _asgi(scope, receive, send)
