"""The application under attack: one small set of handlers on raw WSGI and on raw ASGI, with a spy in it.

It is as careless as an application may be: it reads paths as liberally as any, knows its sessions by a cookie
or in process, and answers with `PRIVATE` whatever only a logged-in user may see.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from werkzeug.http import parse_cookie

from twofa_gate import Credential, Policy, User, hookimpl
from twofa_gate.request import GateRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["PRIVATE", "BasicHost", "Call", "Host", "Reply", "Target", "TokenHost"]

PRIVATE = "PRIVATE"
"""In every body that only a logged-in user may see."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[Message, Receive, Send], Awaitable[None]]
Session = dict[str, str]


@dataclass(frozen=True)
class Call:
    """One call of the application, as it saw it. `session` is the server-side one that its cookie names."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    session: Session | None
    scope: MutableMapping[str, Any] = field(repr=False)

    @property
    def user(self) -> str | None:
        """Who is logged in, as the application sees it."""
        return None if self.session is None else self.session.get("user")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies, as werkzeug reads them."""
        return dict(parse_cookie(self.headers.get("cookie", "")).items())

    def form(self, name: str) -> str:
        """Return a posted field, or the empty string."""
        return parse_qs(self.body.decode()).get(name, [""])[0]


@dataclass
class Reply:
    """An answer; each of its `chunks` is sent by itself. Without a length it ends when it ends."""

    chunks: Sequence[bytes] = ()
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def page(cls, words: str, *headers: tuple[str, str], status: int = 200) -> Reply:
        """Make a page with its length."""
        body = f"<!doctype html><title>Page</title><p>{words}</p>".encode()
        kind = ("Content-Type", "text/html; charset=utf-8")
        return cls([body], status, [kind, ("Content-Length", str(len(body))), *headers])

    @classmethod
    def redirect(cls, location: str, *headers: tuple[str, str], status: int = 303) -> Reply:
        """Make a redirect without a body."""
        return cls([], status, [("Location", location), ("Content-Length", "0"), *headers])


Handler = Callable[[Call], Reply]


class Target:
    """The application. `calls` is the spy; `routes`, `wsgi_routes` and `asgi_routes` take what a test adds."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.sessions: dict[str, Session] = {}
        self.routes: dict[str, Handler] = {"/login": self._login, "/logout": self._logout}
        self.wsgi_routes: dict[str, WSGIApplication] = {}
        self.asgi_routes: dict[str, ASGIApplication] = {}
        self.read_cookies: Callable[[str], Mapping[str, str]] = parse_cookie

    def open_session(self, user: str | None = None) -> str:
        """Begin a server-side session, somebody's or nobody's; return the value of its cookie."""
        sid = secrets.token_hex(8)
        self.sessions[sid] = {}
        if user is not None:
            self.log_in(self.sessions[sid], user)
        return sid

    @staticmethod
    def log_in(session: Session, user: str) -> None:
        """Make a session somebody's, as a login does."""
        session.update(user=user, login=secrets.token_hex(8))

    def cookie_for(self, user: str) -> tuple[str, str]:
        """Log somebody in with a new session; return the header that sets its cookie."""
        return "Set-Cookie", f"sid={self.open_session(user)}; Path=/; HttpOnly; Secure; SameSite=Lax"

    def answer(self, call: Call) -> Reply:
        """Answer one call."""
        self.calls.append(call)
        handler = self.routes.get(call.path) or self.routes.get(liberal(call.path))
        if handler is not None:
            return handler(call)
        if liberal(call.path).startswith("/static/"):
            return Reply([b"body {}"], 200, [("Content-Type", "text/css"), ("Content-Length", "7")])
        return self.private(call)

    @staticmethod
    def private(call: Call) -> Reply:
        """Answer with a page for whoever is logged in, and with 401 otherwise."""
        if call.user is None:
            return Reply.page("Log in first.", status=401)
        return Reply.page(f"{PRIVATE} of {call.user} at {call.path}")

    def _login(self, call: Call) -> Reply:
        if call.method != "POST":
            return Reply.page('Log in: <form method="post"><input name="user"><button>Log in</button></form>')
        if "session" in call.scope and call.session is not None:
            self.log_in(call.session, call.form("user"))  # whoever gave us the session object sets its cookie
            return Reply.redirect("/app/home")
        return Reply.redirect("/app/home", self.cookie_for(call.form("user")))

    def _logout(self, call: Call) -> Reply:
        if call.session is not None:
            call.session.clear()
        return Reply.redirect("/login", ("Set-Cookie", "sid=; Path=/; Max-Age=0"))

    def _call(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes, scope: Any
    ) -> Call:
        cookies = self.read_cookies(headers.get("cookie", ""))
        session = scope.get("session", self.sessions.get(cookies.get("sid", "")))
        return Call(method, path, query, headers, body, session, scope)

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Be a WSGI application."""
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        if path in self.wsgi_routes:
            self.calls.append(self._call(environ["REQUEST_METHOD"], path, "", {}, b"", environ))
            return self.wsgi_routes[path](environ, start_response)
        headers = {
            name[5:].replace("_", "-").lower(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        query = environ.get("QUERY_STRING", "")
        reply = self.answer(self._call(environ["REQUEST_METHOD"], path, query, headers, body, environ))
        start_response(f"{reply.status} Said", reply.headers)
        return iter(reply.chunks) if environ["REQUEST_METHOD"] != "HEAD" else []

    async def asgi(self, scope: Message, receive: Receive, send: Send) -> None:
        """Be an ASGI application; by WebSocket it greets whoever is logged in and echoes."""
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            headers[key] = f"{headers[key]}; {text}" if key in headers else text
        query = scope.get("query_string", b"").decode("latin-1")
        if path in self.asgi_routes or scope["type"] == "websocket":
            call = self._call(scope.get("method", "GET"), path, query, headers, b"", scope)
            self.calls.append(call)
            if path in self.asgi_routes:
                await self.asgi_routes[path](scope, receive, send)
            else:
                await _echo(call, receive, send)
            return
        reply = self.answer(self._call(scope["method"], path, query, headers, await _body(receive), scope))
        encoded = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
        for chunk in reply.chunks if scope["method"] != "HEAD" else ():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def liberal(path: str) -> str:
    """Read a path as the most liberal of applications: decoded again, folded, dots and slashes resolved."""
    path = re.sub(r";[^/]*", "", unquote(unquote(path)).replace("\\", "/")).strip().lower()
    parts: list[str] = []
    for part in path.partition("?")[0].split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if path.endswith("/") and parts else "")


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _echo(call: Call, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"{PRIVATE} of {call.user}" if call.user else "hello"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"echo {message.get('text')}"})


class Host:
    """The plugin that knows the target's sessions. A location is the first segment of the path, if listed."""

    def __init__(self, target: Target, policies: dict[str, Policy]) -> None:
        self.target = target
        self.policies = policies
        self.names_logins = True

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Ask the session store, by the cookie as the gate's strict parser reads it."""
        return self.user_of(self.target.sessions.get(request.cookies.get("sid", "")))

    def user_of(self, session: Session | None) -> User | None:
        """Return who a session says is logged in."""
        if not session or "user" not in session:
            return None
        login = session["login"] if self.names_logins else None
        return User(session["user"], f"{session['user']}@example.com", login)

    @hookimpl
    def locate(self, request: GateRequest, user: User) -> str:
        """Name the location."""
        first = request.segments[0] if request.segments else ""
        return first if first in self.policies else "default"

    @hookimpl
    def policy(self, location: str, user: User) -> Policy | None:
        """Look the policy up."""
        return self.policies[location]


class BasicHost:
    """Knows who sends `Authorization: Basic`; every password is `password`."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Check the password."""
        given = request.headers.get("authorization", "")
        if not given.lower().startswith("basic "):
            return None
        from werkzeug.datastructures import Authorization

        read = Authorization.from_header(given)
        if read is None or read.password != "password" or not read.username:
            return None
        return User(read.username, f"{read.username}@example.com", credential=Credential.PASSWORD)


class TokenHost:
    """Knows bearer tokens: `token-of-u1` is u1's."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Look the token up."""
        _, found, user = request.headers.get("authorization", "").partition("Bearer token-of-")
        return User(user, f"{user}@example.com", credential=Credential.TOKEN) if found and user else None
