"""The hot path, in process: what the gate adds to a bare application, beside what session middlewares add."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import itsdangerous
from asgi_csrf import asgi_csrf
from flask import Flask
from starlette.middleware.sessions import SessionMiddleware

from bench.calling import asgi_batch, bare_asgi, bare_wsgi, make_environ, make_scope, wsgi_batch
from bench.installation import AtHand, cookie_of, make_gate, verify
from bench.timing import Batch, Series, run_rounds
from twofa_gate import Enforcement, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as ASGIGate
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIGate

__all__ = ["hot_path", "measure", "subjects"]

USER = User(id="4711", label="ada@example.com", login="5f2a9c")
PEER_SECRET = "the peers' secret"  # noqa: S105 - of a measurement


def subjects(folder: Path) -> dict[str, Batch]:
    """Every subject by name; `asgi` and `wsgi` are the bare applications."""
    return {**_peers(), **_gates(), **_beside_peers(), **_on_sqlite(folder)}


def _session_cookie() -> str:
    data = b64encode(json.dumps({"user": USER.id, "email": USER.label, "login": USER.login}).encode())
    return f"session={itsdangerous.TimestampSigner(PEER_SECRET).sign(data).decode()}"


def _peers() -> dict[str, Batch]:
    flask = Flask("peer")
    flask.secret_key = PEER_SECRET
    serializer = flask.session_interface.get_signing_serializer(flask)  # type: ignore[attr-defined]
    flask_cookie = "session=" + serializer.dumps({"user": USER.id, "email": USER.label, "login": USER.login})

    def opening_a_session(environ: Any, start_response: Any) -> Any:
        session = flask.session_interface.open_session(flask, flask.request_class(environ))
        if session is None or session["user"] != USER.id:
            raise RuntimeError("The session did not open.")
        return bare_wsgi(environ, start_response)

    session = _session_cookie()
    starlette = SessionMiddleware(bare_asgi, secret_key=PEER_SECRET)
    csrf = asgi_csrf(bare_asgi, signing_secret=PEER_SECRET)
    return {
        "asgi": asgi_batch(bare_asgi, make_scope(cookie=cookie_of(session))),
        "asgi starlette session": asgi_batch(starlette, make_scope(cookie=cookie_of(session))),
        "asgi asgi-csrf": asgi_batch(csrf, make_scope(cookie=cookie_of(session))),
        "wsgi": wsgi_batch(bare_wsgi, make_environ(cookie=cookie_of(flask_cookie))),
        "wsgi flask session": wsgi_batch(opening_a_session, make_environ(cookie=cookie_of(flask_cookie))),
    }


def _gates() -> dict[str, Batch]:
    """Give the gate's own cases, each through both drivers."""
    found: dict[str, Batch] = {}
    for kind in ("asgi", "wsgi"):
        make = _asgi if kind == "asgi" else _wsgi
        settings: dict[str, Any] = {"revocation_lag": 3600, "public": ["/static/"]}
        host = AtHand(USER)
        gate = make_gate(host, **settings)
        cookie = cookie_of("session=abc", verify(gate, USER))
        found[f"{kind} verified"] = make(gate, "/orders", cookie)
        found[f"{kind} public"] = make(make_gate(AtHand(USER), **settings), "/static/app.css", cookie)
        nobody = make_gate(AtHand(), **settings)
        found[f"{kind} anonymous"] = make(nobody, "/orders", "")
        found[f"{kind} anonymous with cookies"] = make(nobody, "/orders", cookie_of("session=abc"))
        found[f"{kind} verified, everything made anew"] = make(*_fresh())
        found[f"{kind} verified, 1000 users in turn"] = _in_turn(kind)
    return found


def _asgi(gate: Any, path: str, *cookies: str) -> Batch:
    return asgi_batch(ASGIGate(bare_asgi, gate), *[make_scope(path, cookie) for cookie in cookies])


def _wsgi(gate: Any, path: str, *cookies: str) -> Batch:
    return wsgi_batch(WSGIGate(bare_wsgi, gate), *[make_environ(path, cookie) for cookie in cookies])


class _MakesAnew:
    """A host whose hooks make a new user and a new policy for every request."""

    @hookimpl(blocking=False)
    def identify(self, request: Any) -> User:
        return User(id=USER.id, label=USER.label, login=USER.login)

    @hookimpl(blocking=False)
    def locate(self, request: Any, user: User) -> str:
        return "billing" if request.segments[:1] == ("billing",) else "office"

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy:
        return Policy(Enforcement.REQUIRED)


def _fresh() -> tuple[Any, str, str]:
    gate = make_gate(_MakesAnew(), revocation_lag=3600)
    return gate, "/orders", cookie_of("session=abc", verify(gate, USER))


class _ByCookie(AtHand):
    """A host that knows many users by their cookie."""

    def __init__(self, users: dict[str, User]) -> None:
        super().__init__()
        self.users = users

    @hookimpl(blocking=False)
    def identify(self, request: Any) -> User | None:
        return self.users.get(request.cookie_header)


def _in_turn(kind: str) -> Batch:
    users: dict[str, User] = {}
    gate = make_gate(_ByCookie(users), revocation_lag=3600)
    for number in range(1000):
        user = replace(USER, id=str(number))
        users[cookie_of(f"session={number}", verify(gate, user))] = user
    make: Callable[..., Batch] = _asgi if kind == "asgi" else _wsgi
    return make(gate, "/orders", *users)


def _beside_peers() -> dict[str, Batch]:
    from bench import django_peer, flask_security_peer

    return {**django_peer.subjects(), **flask_security_peer.subjects()}


def _on_sqlite(folder: Path) -> dict[str, Batch]:
    gate = make_gate(AtHand(USER), SQLiteStore(folder / "twofa.db"), revocation_lag=0)
    return {
        "wsgi verified, SQLite, lag 0": _wsgi(gate, "/orders", cookie_of("session=abc", verify(gate, USER)))
    }


def hot_path(name: str) -> Batch:
    """Give one subject of the hot path alone."""
    known = _peers()
    if name in known:
        return known[name]
    make = _asgi if name.startswith("asgi") else _wsgi
    if name.endswith("anonymous"):
        return make(make_gate(AtHand(), revocation_lag=3600), "/orders", "")
    gate = make_gate(AtHand(USER), revocation_lag=3600)
    return make(gate, "/orders", cookie_of("session=abc", verify(gate, USER)))


def measure(rounds: int) -> dict[str, Series]:
    """Time everything."""
    with TemporaryDirectory(prefix="bench-") as folder:
        return run_rounds(subjects(Path(folder)), rounds)
