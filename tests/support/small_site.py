"""A small host behind the gate, driven without a server: for tests that send thousands of requests.

Each `Site` is one installation: one store, one host with its sessions, and any number of gates over them, as
processes of one application would be. Time is the test's own.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from twofa_gate import Gate, Policy, User, hookimpl
from twofa_gate.adapters import asgi, performing, wsgi
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore

if TYPE_CHECKING:
    import pytest

__all__ = ["DRIVERS", "START", "Browser", "Host", "Reply", "Site", "TestTime"]

DRIVERS = ("wsgi", "asgi")
START = 1_800_000_000.0
KEY = "first key of the small site, of 32 bytes or more"


class TestTime:
    """Both clocks; nothing moves but by `advance` and `set_back`."""

    __test__ = False

    def __init__(self) -> None:
        self.now = START
        self.steady = 1000.0

    def time(self) -> float:
        """Be `time.time`."""
        return self.now

    def monotonic(self) -> float:
        """Be `time.monotonic`."""
        return self.steady

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        self.now += seconds
        self.steady += seconds

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back, as an operator or a bad time server does."""
        self.now -= seconds

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have both drivers read these clocks."""
        patch.setattr(performing, "time", self)


@dataclass
class Browser:
    """A browser, as far as the gate can tell: a jar of cookies."""

    jar: dict[str, str] = field(default_factory=dict)

    def cookie(self, kind: str) -> str | None:
        """Return the value of one of the gate's cookies."""
        return self.jar.get(f"__Host-twofa-{kind}-main")

    def take(self, lines: Sequence[str]) -> None:
        """Keep what an answer sets, drop what it expires."""
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value


@dataclass(frozen=True)
class Reply:
    """What came back; `called` tells whether the application was asked."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    called: bool

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return the first header of that name."""
        return next((value for key, value in self.headers if key.lower() == name), None)


class Host:
    """The application and its own idea of who is logged in.

    `POST ...?login=<user>` logs in on any URL, and answers with a page that is private to that user at once.
    """

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.sessions: dict[str, User] = {}
        self.policies: dict[str, Policy] = {}
        self.calls = 0
        self.logins = 0

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Know whom the session names."""
        return self.sessions.get(request.cookies.get("sid", ""))

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """Know the location by the first segment, and for the gate's own pages by `at`."""
        return request.query.get("at") or request.segments[0]

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy | None:
        """Give the location's policy."""
        return self.policies.get(location)

    def answer(self, method: str, path: str, query: str, cookies: str) -> tuple[int, list[str], bytes]:
        """Answer as the application: status, cookies that are set, body."""
        self.calls += 1
        sid = next((each[4:] for each in cookies.split("; ") if each.startswith("sid=")), "")
        if path == "/logout":
            self.sessions.pop(sid, None)
            return 200, ["sid=; Path=/; Max-Age=0"], b"bye"
        login = parse_qs(query).get("login")
        if method == "POST" and login:
            self.logins += 1
            user = self.users[login[0]]
            named = None if user.login is None else f"login {self.logins}"
            self.sessions.pop(sid, None)
            sid = f"s{self.logins}"
            self.sessions[sid] = User(user.id, user.label, named, user.credential, user.joined)
            return 200, [f"sid={sid}; Path=/"], f"private:{user.id}".encode()
        known = self.sessions.get(sid)
        return 200, [], b"front page" if known is None else f"private:{known.id}".encode()


class Site:
    """One store, one host, and the gates that stand before it; `driver` is `"wsgi"` or `"asgi"`."""

    def __init__(self, driver: str, plugins: Sequence[object] = (), store: object | None = None) -> None:
        self.host = Host()
        self.store = MemoryStore() if store is None else store
        self._plugins = plugins
        self._driver = driver
        self._runner = asyncio.Runner() if driver == "asgi" else None

    def gate(self, keys: Sequence[str] = (KEY,), **settings: Any) -> Gate:
        """Start another process of the application."""
        return Gate(
            secret_keys=list(keys),
            issuer="Acme",
            plugins=[self.host, self.store, *self._plugins],
            login_paths=["/login"],
            logout_paths=["/logout"],
            **settings,
        )

    def close(self) -> None:
        """End the event loop."""
        if self._runner is not None:
            self._runner.close()

    def send(
        self,
        gate: Gate,
        browser: Browser,
        method: str,
        target: str,
        *,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Reply:
        """Send a request to one of the gates, and have the browser keep the cookies of the answer."""
        before = self.host.calls
        cookies = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
        sent = [("Host", "app.test"), *headers, *([("Cookie", cookies)] if cookies else [])]
        perform: Callable[..., tuple[int, list[tuple[str, str]], bytes]]
        perform = self._by_wsgi if self._runner is None else self._by_asgi
        status, received, content = perform(gate, method, target, sent, body)
        browser.take([value for name, value in received if name.lower() == "set-cookie"])
        return Reply(status, received, content, self.host.calls > before)

    def post_json(self, gate: Gate, browser: Browser, target: str, value: Any, token: str) -> Reply:
        """Call the JSON API as a front end does."""
        headers = [
            ("Content-Type", "application/json"),
            ("Origin", "https://app.test"),
            ("X-CSRF-Token", token),
        ]
        return self.send(gate, browser, "POST", target, body=json.dumps(value).encode(), headers=headers)

    def _by_wsgi(
        self, gate: Gate, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "443",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
        }
        for name, value in headers:
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, sent: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started.append((status, sent))

        def app(inner: dict[str, Any], start_response: Any) -> list[bytes]:
            cookie = inner.get("HTTP_COOKIE", "")
            status, set_cookies, content = self.host.answer(method, path, query, cookie)
            start_response(f"{status} OK", [("Set-Cookie", each) for each in set_cookies])
            return [content]

        content = b"".join(wsgi.TwoFactorMiddleware(app, gate)(environ, start))
        return int(started[-1][0][:3]), started[-1][1], content

    def _by_asgi(
        self, gate: Gate, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "https",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(dict(message))

        async def app(inner: Any, receive: Any, send: Any) -> None:
            cookie = next((value.decode() for name, value in inner["headers"] if name == b"cookie"), "")
            status, set_cookies, content = self.host.answer(method, path, query, cookie)
            fields = [(b"set-cookie", each.encode()) for each in set_cookies]
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body", "body": content})

        assert self._runner is not None
        self._runner.run(asgi.TwoFactorMiddleware(app, gate)(scope, receive, send))
        fields = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return sent[0]["status"], fields, b"".join(message.get("body", b"") for message in sent[1:])
