"""Ways of logging in inside a request, and forms of answering it privately: each pair is one leak to withhold."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable
from typing import Any

from werkzeug.http import parse_cookie

from tests.support.http import PlainBrowser
from twofa_gate import User, hookimpl
from twofa_gate.request import GateRequest

from .site import Site
from .target import PRIVATE, Call, Host, Reply

Cookies = list[tuple[str, str]]
SECRET = PRIVATE.encode()
PAGE = b"<!doctype html><p>" + SECRET + b" of u1</p>"
HTML = ("Content-Type", "text/html; charset=utf-8")
JSON = b'{"balance": "' + SECRET + b'"}'


def _sized(body: bytes, *headers: tuple[str, str], status: int = 200) -> Reply:
    return Reply([body], status, [*headers, ("Content-Length", str(len(body)))])


def _empty(*headers: tuple[str, str], status: int = 200) -> Reply:
    return Reply([], status, [*headers, ("Content-Length", "0")])


FOREIGN = f"https://client.example/callback?code={PRIVATE}"

FORMS: dict[str, Callable[[], Reply]] = {
    "page": lambda: _sized(PAGE, HTML),
    "json": lambda: _sized(JSON, ("Content-Type", "application/json")),
    "error page": lambda: _sized(PAGE, HTML, status=500),
    "created": lambda: _sized(PAGE, HTML, ("Location", "/x"), status=201),
    "partial": lambda: _sized(PAGE, HTML, ("Content-Range", "bytes 0-9/10"), status=206),
    "compressed": lambda: _sized(gzip.compress(PAGE), HTML, ("Content-Encoding", "gzip")),
    "attachment": lambda: _sized(PAGE, ("Content-Disposition", f"attachment; filename={PRIVATE}.pdf")),
    "no length": lambda: Reply([PAGE], 200, [HTML]),
    "streamed": lambda: Reply([b"<!doctype html>", SECRET, b"more"], 200, [HTML]),
    "held back by empty chunks": lambda: Reply([b"", b"", SECRET, b"", SECRET], 200, [HTML]),
    "event stream": lambda: Reply(
        [b"data: " + SECRET + b"\n\n"] * 3, 200, [("Content-Type", "text/event-stream")]
    ),
    "lying length": lambda: Reply([PAGE], 200, [HTML, ("Content-Length", "0")]),
    "two lengths": lambda: Reply([PAGE], 200, [("Content-Length", str(len(PAGE))), ("content-length", "0")]),
    "no content with content": lambda: Reply([PAGE], 204, [HTML]),
    "not modified with content": lambda: Reply([PAGE], 304, [("ETag", f'"{PRIVATE}"')]),
    "empty with telling headers": lambda: _empty(("X-Account", PRIVATE), ("Link", f"</{PRIVATE}.css>")),
    "redirect within, with a body": lambda: Reply([PAGE], 303, [("Location", "/app/home"), HTML]),
    "redirect within, with a telling header": lambda: _empty(("Location", "/"), ("X-A", PRIVATE), status=302),
    "foreign redirect": lambda: _empty(("Location", FOREIGN), status=302),
    "foreign redirect by another scheme": lambda: _empty(("Location", f"app:{PRIVATE}"), status=302),
    "protocol-relative redirect": lambda: _empty(("Location", f"//client.example/?{PRIVATE}"), status=302),
    "backslash redirect": lambda: _empty(("Location", f"/\\client.example/?{PRIVATE}"), status=302),
    "tab redirect": lambda: _empty(("Location", f"/\t/client.example/?{PRIVATE}"), status=302),
    "redirect with user information": lambda: _empty(
        ("Location", f"https://app.test@client.example/{PRIVATE}"), status=302
    ),
    "redirect without a host": lambda: _empty(("Location", f"https:client.example/{PRIVATE}"), status=302),
    "redirect downgraded": lambda: _empty(("Location", f"http://app.test:8080/{PRIVATE}"), status=302),
    "two redirects": lambda: _empty(("Location", FOREIGN), ("location", "/app/home"), status=302),
    "redirect by multiple choices": lambda: _empty(("Location", FOREIGN), status=300),
    "foreign refresh": lambda: _empty(("Refresh", f"0; url={FOREIGN}")),
    "foreign refresh on a redirect": lambda: _empty(
        ("Location", "/"), ("Refresh", f"0;{FOREIGN}"), status=302
    ),
    "foreign htmx redirect": lambda: _empty(("HX-Redirect", FOREIGN)),
    "foreign htmx location": lambda: _empty(("HX-Location", FOREIGN)),
}
"""Every one shows something private, or leads a browser elsewhere with it."""


class Way:
    """One way of logging in inside the request to `/x`: how the request is sent, and what the handler does."""

    method = "POST"
    query = ""
    live = False
    in_browser = True
    """Whether the browser carries the session on: in a cookie that it sends again by itself."""

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        """Get the browser ready; return further request headers."""
        return []

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        """Log in; return the headers that the answer sets for it."""
        return [site.target.cookie_for(user)]


class NewCookie(Way):
    """Credentials posted to any URL."""


class MagicLink(Way):
    """A link with a token in it; nothing else names anybody."""

    method, query = "GET", "?token=abc"


class BareLink(Way):
    """A GET without anything in it that logs in all the same (by the client's address, say)."""

    method = "GET"


class ServerSide(Way):
    """A session that was nobody's becomes somebody's; no cookie is set."""

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        browser.cookies.set("sid", site.target.open_session(), "https://app.test/")
        return []

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        assert call.session is not None
        site.target.log_in(call.session, user)
        return []


class SwitchInSession(ServerSide):
    """The session that there is becomes somebody else's."""

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        return []


class ServerSideByGet(ServerSide):
    """The same by GET."""

    method = "GET"


class ServerSideAndFalseDeletion(ServerSide):
    """The same, and the answer deletes a cookie of that name on a path where there is none."""

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        super().log_in(site, call, user)
        return [("Set-Cookie", "sid=; Path=/old; Max-Age=0")]


class RememberMe(Way):
    """A long-lived cookie is redeemed for a session."""

    method = "GET"

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        browser.cookies.set("remember", "u1-for-a-month", "https://app.test/")
        return []


class BasicOnce(Way):
    """A password that only the application knows how to check, for which it opens a session."""

    method = "GET"

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        return [("Authorization", "Basic dTE6b3RoZXI=")]


class HeaderSession(Way):
    """A session that a header of the application's own names, made somebody's on the server."""

    in_browser = False

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        sid = site.target.open_session()
        return [("X-Session", sid)]

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        site.target.log_in(site.target.sessions[call.headers["x-session"]], user)
        return []


class UrlSession(Way):
    """A session whose id is in the URL."""

    method = "GET"
    in_browser = False

    def prepare(self, site: Site, browser: PlainBrowser) -> list[tuple[str, str]]:
        self.query = f"?sid={site.target.open_session()}"
        return []

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        site.target.log_in(site.target.sessions[call.query.removeprefix("sid=")], user)
        return []


class InProcess(Way):
    """A session object in the process, whose cookie a middleware outside of the gate sets."""

    live = True
    method = "GET"

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        assert call.session is not None
        site.target.log_in(call.session, user)
        return []


class OddCookie(Way):
    """Login by a `Set-Cookie` line in an unusual form."""

    def __init__(self, *lines: str, in_browser: bool = True) -> None:
        self.lines = lines
        self.in_browser = in_browser

    def log_in(self, site: Site, call: Call, user: str) -> Cookies:
        sid = site.target.open_session(user)
        return [
            ("sEt-cOoKiE" if number % 2 else "Set-Cookie", line.format(sid=sid))
            for number, line in enumerate(self.lines, 1)
        ]


WAYS: dict[str, Way] = {
    "new cookie": NewCookie(),
    "magic link": MagicLink(),
    "bare link": BareLink(),
    "server-side": ServerSide(),
    "server-side by GET": ServerSideByGet(),
    "server-side and false deletion": ServerSideAndFalseDeletion(),
    "remember me": RememberMe(),
    "basic once": BasicOnce(),
    "session in a header": HeaderSession(),
    "session in the URL": UrlSession(),
    "in process": InProcess(),
    "cookie without attributes": OddCookie("sid={sid}"),
    "cookie with blanks": OddCookie("  sid = {sid} ;path=/;SECURE"),
    "set, then deleted elsewhere": OddCookie("sid={sid}; Path=/", "sid=; Path=/old; Max-Age=0"),
    "set, then deleted for the host": OddCookie(
        "sid={sid}; Path=/; Domain=app.test", "sid=; Path=/; Max-Age=0", in_browser=False
    ),
    "deleted, then set": OddCookie("sid=; Path=/; Max-Age=0", "sid={sid}; Path=/"),
    "set, then another elsewhere": OddCookie("sid={sid}; Path=/", "sid=nobody; Path=/old"),
    "another, then set": OddCookie("sid=nobody; Path=/old", "sid={sid}; Path=/"),
    "set for long": OddCookie("sid={sid}; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Max-Age=9999"),
    "expired but Max-Age wins": OddCookie("sid={sid}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"),
    "Max-Age that is none": OddCookie(
        "sid={sid}; Max-Age=0_0", "sid={sid}; Path=/; Max-Age=+0", in_browser=False
    ),
    "nameless": OddCookie("=sid={sid}; Path=/", in_browser=False),
}


class LiveHost(Host):
    """Reads the session from the native request, where it changes in process."""

    @hookimpl(live=True)
    def identify(self, request: GateRequest) -> User | None:
        """Ask the session object."""
        native = request.environ if request.environ is not None else request.scope
        assert native is not None
        return self.user_of(native["session"])


class WideHost(Host):
    """Knows sessions by cookie, by a header and by the URL."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Take the first that there is."""
        sid = request.headers.get("x-session") or request.query.get("sid") or request.cookies.get("sid", "")
        return self.user_of(self.target.sessions.get(sid))


def session_outside(app: Any, site: Site) -> Any:
    """Put a session middleware around the gate: it gives a session object, and sets its cookie on the way out."""
    sessions = site.target.sessions

    def session_for(cookie: str) -> tuple[dict[str, str], str]:
        sid = parse_cookie(cookie).get("sid", "")
        if sid not in sessions:
            sid = site.target.open_session()
        return sessions[sid], f"sid={sid}; Path=/; Secure"

    def wsgi(environ: Any, start_response: Any) -> Any:
        environ["session"], line = session_for(environ.get("HTTP_COOKIE", ""))
        return app(
            environ,
            lambda status, headers, *exc: start_response(status, [*headers, ("Set-Cookie", line)], *exc),
        )

    async def asgi(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
        scope["session"], line = session_for(cookie)

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"set-cookie", line.encode())]}
            await send(message)

        await app(scope, receive, sending)

    return wsgi if site.driver == "wsgi" else asgi
