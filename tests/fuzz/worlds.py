"""A world: one application, bare and behind a gate, and a request tried on both."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyotp

from tests.abuse.calling import call_wsgi
from tests.abuse.site import BASE, KEY, FakeClock
from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate import request as request_module
from twofa_gate.adapters import asgi_request
from twofa_gate.hosts import django as django_host
from twofa_gate.hosts.basic import BasicAuth
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore

from . import applications
from .applications import PASSWORDS, Builder, Spy
from .grammar import Cast
from .requests import Request, asgi_scope, wsgi_environ

__all__ = ["WORLDS", "Outcome", "World"]

SESSIONS = {"aaaa1111": "u1", "bbbb2222": "u2"}


@dataclass(frozen=True)
class Outcome:
    """What came of a request: which handlers were reached as whom, what went out, and what was raised."""

    seen: tuple[tuple[str, str | None], ...] = ()
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""

    def reached(self, handler: str, user: str) -> bool:
        """Whether this handler was reached as this user."""
        return (handler, user) in self.seen


class StrictHost:
    """Knows the sessions by the gate's own reading of cookies."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Look the session up."""
        return user_of(request.cookies.get("sid", ""))


class WaitingHost:
    """The same, as a hook that may block: under ASGI it is asked in a thread, and the flow waits for it."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Look the session up."""
        return user_of(request.cookies.get("sid", ""))


class OwnHost:
    """Knows the sessions by the application's own reading of cookies."""

    def __init__(self, read: Callable[[GateRequest], Mapping[str, str]]) -> None:
        self._read = read

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Look the session up."""
        return user_of(self._read(request).get("sid", ""))


class BasicHere(BasicAuth):
    """The ready-made plugin for Basic, asked in place."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """See `BasicAuth`."""
        found: User | None = super().identify(request)
        return found


def user_of(sid: str) -> User | None:
    """Return whose session this is."""
    name = SESSIONS.get(sid)
    return None if name is None else User(name, f"{name}@example.com", login=sid)


def _flask_reads(request: GateRequest) -> Mapping[str, str]:
    from flask import Request as FlaskRequest

    return FlaskRequest(request.environ or {}).cookies


def _django_reads(request: GateRequest) -> Mapping[str, str]:
    return django_host.cookies_of(request)


def _starlette_reads(request: GateRequest) -> Mapping[str, str]:
    from starlette.requests import HTTPConnection

    return HTTPConnection(request.scope or {}).cookies


WORLDS: dict[str, tuple[str, Builder, object]] = {
    "flask": ("wsgi", applications.flask, StrictHost()),
    "flask, its own cookies": ("wsgi", applications.flask, OwnHost(_flask_reads)),
    "django": ("wsgi", applications.django, StrictHost()),
    "django, its own cookies": (
        "wsgi",
        applications.django,
        OwnHost(_django_reads),
    ),
    "django by asgi, its own cookies": (
        "asgi",
        applications.django_by_asgi,
        OwnHost(_django_reads),
    ),
    "starlette": ("asgi", applications.starlette, StrictHost()),
    "starlette, its own cookies": ("asgi", applications.starlette, OwnHost(_starlette_reads)),
    "wsgi, liberal": ("wsgi", applications.wsgi_raw("liberal", "standard library"), StrictHost()),
    "wsgi, exact": ("wsgi", applications.wsgi_raw("exact", "django"), StrictHost()),
    "wsgi, by target": ("wsgi", applications.wsgi_raw("target", "werkzeug"), StrictHost()),
    "asgi, liberal": ("asgi", applications.asgi_raw("liberal", "starlette"), StrictHost()),
    "asgi, hooks that wait": ("asgi", applications.asgi_raw("exact", "werkzeug"), WaitingHost()),
    "asgi, by target": ("asgi", applications.asgi_raw("target", "standard library"), StrictHost()),
}
"""Protocol, application, and the plugin that knows its sessions, by name."""


class World:
    """One of the worlds, with u1 and u2 enrolled and u2's browser verified."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.protocol, build, host = WORLDS[name]
        self.spy = Spy(SESSIONS)
        self.bare = build(self.spy)
        basic = BasicHere(lambda user, password: user if PASSWORDS.get(user) == password else None)
        self.gate = Gate(
            secret_keys=[KEY],
            issuer="Acme",
            plugins=[host, basic, MemoryStore()],
            policy=Policy(Enforcement.REQUIRED),
            public=["/static/"],
            login_paths=["/login"],
            logout_paths=["/logout"],
        )
        self.gated = self._behind_the_gate()
        self.cast = self._cast(clock)
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """Release what the gate holds."""
        self._loop.close()
        self.gate.close()

    def forget(self) -> None:
        """Forget what the gate remembers of earlier requests."""
        settings = self.gate.settings
        forwards = (settings.public_forwards, settings.forwards, settings.quiet_forwards)
        for memory in (*forwards, settings.verdicts, settings.documents):
            memory.clear()
        settings.ways.known.cache_clear()  # type: ignore[attr-defined] # it is a memory
        asgi_request._is_known_plain.cache_clear()
        request_module._is_known_plain.cache_clear()

    def compare(self, request: Request) -> tuple[Outcome, Outcome]:
        """Try a request on the bare application and on the gated one."""
        return self.call(self.bare, request), self.call(self.gated, request)

    def call(self, app: Any, request: Request) -> Outcome:
        """Call one of the two for a request."""
        if self.protocol == "wsgi":
            return self.call_wsgi(app, wsgi_environ(request))
        return self._loop.run_until_complete(self.call_asgi(app, asgi_scope(request), request.body))

    def call_wsgi(self, app: Any, environ: dict[str, Any]) -> Outcome:
        """Call one of the two by WSGI."""
        self.spy.seen.clear()
        try:
            sent = call_wsgi(app, environ)
        except Exception as error:  # whatever it is, it is judged
            return Outcome(tuple(self.spy.seen), error=repr(error))
        return Outcome(tuple(self.spy.seen), sent.status, tuple(sent.headers), sent.body)

    async def call_asgi(self, app: Any, scope: dict[str, Any], body: bytes) -> Outcome:
        """Call one of the two by ASGI."""
        kind = scope["type"]
        opening = (
            {"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": body}
        )
        incoming = itertools.chain([opening], itertools.repeat({"type": f"{kind}.disconnect", "code": 1000}))
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(incoming)

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        self.spy.seen.clear()
        try:
            await app(scope, receive, send)
        except Exception as error:  # whatever it is, it is judged
            return Outcome(tuple(self.spy.seen), error=repr(error))
        return self._outcome(messages)

    def _outcome(self, messages: list[dict[str, Any]]) -> Outcome:
        status, headers = 403, []
        for message in messages:
            if message["type"].endswith("response.start"):
                status, headers = message["status"], message.get("headers", [])
            elif message["type"] == "websocket.accept":
                status = 101
        body = b"".join(m.get("body") or m.get("bytes") or (m.get("text") or "").encode() for m in messages)
        pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        return Outcome(tuple(self.spy.seen), status, pairs, body)

    def _behind_the_gate(self) -> Any:
        if self.protocol == "wsgi":
            from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

            return WSGIMiddleware(self.bare, self.gate)
        from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware

        return ASGIMiddleware(self.bare, self.gate)

    def _cast(self, clock: FakeClock) -> Cast:
        """Let u1 and u2 set up, and u2 verify in one browser."""
        connect = PlainBrowser.on_wsgi if self.protocol == "wsgi" else PlainBrowser.on_asgi
        app = self.gated if self.protocol == "wsgi" else _without_lifespan(self.gated)
        with connect(app, BASE) as first:
            phones = {}
            for sid, user in SESSIONS.items():
                browser = self._browser(first, sid)
                phones[user] = pyotp.TOTP(self._post(browser, "enrollment", {})["secret"])
                self._post(browser, "enrollment", {"code": phones[user].at(int(clock.time()))})
            clock.move(31)
            sids = {user: sid for sid, user in SESSIONS.items()}
            verified = self._browser(first, sids["u2"])
            self._post(verified, "challenge", {"code": phones["u2"].at(int(clock.time()))})
            ours = [
                each
                for each in verified.cookies.header(BASE + "/").split("; ")
                if not each.startswith("sid=")
            ]
            name = self.gate.settings.cookies.verification
            ours.sort(key=lambda each: not each.startswith(name + "="))
        return Cast(sids["u1"].encode(), sids["u2"].encode(), "; ".join(ours).encode())

    @staticmethod
    def _browser(first: PlainBrowser, sid: str) -> PlainBrowser:
        browser = first.another()
        browser.cookies.take(f"sid={sid}; Path=/; Secure", BASE + "/")
        return browser

    @staticmethod
    def _post(browser: PlainBrowser, endpoint: str, payload: dict[str, Any]) -> Any:
        csrf = browser.fetch("GET", "/2fa/api/v1/status").json()["csrf"]
        done = browser.fetch("POST", f"/2fa/api/v1/{endpoint}", json=payload, headers={"X-CSRF-Token": csrf})
        assert done.status == 200, done.text
        return done.json()


def _without_lifespan(app: Any) -> Any:
    """Spare an application its startup, which raw ones don't know and a gate would end with its shutdown."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await app(scope, receive, send)

    return called
