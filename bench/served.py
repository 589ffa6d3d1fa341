"""What the servers serve: the examples' pages and routes that do nothing, without the gate and with it.

`BENCH_FOLDER` names a folder for the databases. Each function makes one application.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

from bench.calling import bare_asgi, bare_wsgi
from bench.installation import AtHand, cookie_of, make_gate, verify
from twofa_gate import Enforcement, Gate, Policy, User
from twofa_gate.asgi import TwoFactorMiddleware as ASGIGate
from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.hosts.starlette import StarletteSession
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIGate

__all__ = ["PAGES", "cookies"]

SESSION = {"user_id": 1, "email": "ada@example.com", "login_id": "5f2a9c", "csrf": "a" * 32}
USER = User(id="1", label="ada@example.com", login="5f2a9c")
PAGES = {"wsgi": "/office/orders", "asgi": "/office/log"}


def _folder() -> Path:
    return Path(os.environ["BENCH_FOLDER"])


def _gate(host: object, name: str) -> Gate:
    return make_gate(host, SQLiteStore(_folder() / f"{name}-twofa.db"), policy=Policy(Enforcement.REQUIRED))


def _flask() -> Any:
    from examples.flask_app.app import create_app

    return create_app(str(_folder() / "flask.db"))


def _starlette() -> Any:
    from examples.starlette_app.app import create_app

    return create_app(str(_folder() / "starlette.db"))


def flask_page() -> Any:
    """Make the Flask example."""
    return _flask()


def flask_page_gated() -> Any:
    """Make the Flask example behind the gate, which opens Flask's session to know the user."""
    app = _flask()
    host = FlaskSession(app, user_id="user_id", label="email", login="login_id")
    app.wsgi_app = WSGIGate(app.wsgi_app, _gate(host, "flask"))
    return app


def flask_nothing() -> Any:
    """Make a WSGI application that does nothing."""
    return bare_wsgi


def flask_nothing_gated() -> Any:
    """Make the same behind the gate, with the user at hand."""
    return WSGIGate(bare_wsgi, _gate(AtHand(USER), "flask"))


def starlette_page() -> Any:
    """Make the Starlette example."""
    return _starlette()


def starlette_page_gated() -> Any:
    """Make the Starlette example behind the gate, inside its session middleware."""
    from starlette.middleware import Middleware

    app = _starlette()
    host = StarletteSession(user_id="user_id", label="email", login="login_id")
    app.user_middleware.append(Middleware(ASGIGate, gate=_gate(host, "starlette")))
    return app


def starlette_nothing() -> Any:
    """Make an ASGI application that does nothing."""
    return _closing(bare_asgi)


def starlette_nothing_gated() -> Any:
    """Make the same behind the gate, with the user at hand."""
    return _closing(ASGIGate(bare_asgi, _gate(AtHand(USER), "starlette")))


def _closing(app: Any) -> Any:
    """Leave out the lifespan, which the bare application does not know."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await app(scope, receive, send)

    return serve


def cookies() -> dict[str, str]:
    """Prepare the databases; give the Cookie header of a verified user for each kind of application."""
    import itsdangerous

    from examples.flask_app.app import DEVELOPMENT_SECRET as FLASK_SECRET
    from examples.starlette_app.app import DEVELOPMENT_SECRET as STARLETTE_SECRET

    flask = _flask()
    if flask.secret_key != FLASK_SECRET:
        raise RuntimeError("EXAMPLE_SECRET is set: unset it.")
    signed = flask.session_interface.get_signing_serializer(flask).dumps(SESSION)
    _starlette()
    data = itsdangerous.TimestampSigner(STARLETTE_SECRET).sign(b64encode(json.dumps(SESSION).encode()))
    found = {}
    for kind, name, session in (("wsgi", "flask", signed), ("asgi", "starlette", data.decode())):
        gate = _gate(AtHand(), name)
        found[kind] = cookie_of(f"session={session}", verify(gate, USER))
        gate.close()
    return found
