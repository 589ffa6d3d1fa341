"""A host whose pages a test writes out to the byte, gated, behind either driver."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from tests.support.small_site import TestTime
from twofa_gate import Context, Enforcement, Event, Gate, Policy, User, hookimpl
from twofa_gate.adapters import asgi, wsgi
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["CUTOFF", "DRIVERS", "HTML", "KEY", "START", "Page", "Site", "Time", "opened"]

DRIVERS = ("wsgi", "asgi")
KEY = "the key of the banner's tests, 32 bytes or more"
HTML = "text/html; charset=utf-8"
START = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
CUTOFF = START + timedelta(days=3)


class Time(TestTime):
    """Time that a phone can wait for."""

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.advance(seconds)


@dataclass
class Page:
    """What the host answers: its body comes in these chunks."""

    chunks: list[bytes]
    headers: list[tuple[str, str]] = field(default_factory=lambda: [("Content-Type", HTML)])
    status: int = 200

    @classmethod
    def of(cls, body: bytes, *headers: tuple[str, str], status: int = 200, sized: bool = True) -> Page:
        """Make a page in one piece, with its length."""
        given = list(headers) or [("Content-Type", HTML)]
        length = [("Content-Length", str(len(body)))] if sized else []
        return cls([body], [*given, *length], status)


WELCOME = (
    b"<!doctype html><html><head><title>Home</title></head><body class='home'><h1>Home</h1></body></html>"
)


class Site:
    """One installation. `everywhere` holds at each location that is not a key of `at`."""

    def __init__(self, driver: str, clock: Time, store: MemoryStore | None = None, **settings: Any) -> None:
        self.clock = clock
        self.driver = driver
        self.store = store or MemoryStore()
        self.everywhere = Policy(Enforcement.REQUIRED, cutoff=CUTOFF)
        self.at: dict[str, Policy] = {}
        self.pages = {"/": Page.of(WELCOME)}
        self.sessions: dict[str, User] = {}
        self.members: list[User] = []
        self.events: list[Event] = []
        self.seen: list[dict[str, Any]] = []
        self.contexts: list[Context] = []
        self.names_logins = True
        self._numbers = itertools.count(1)
        given = {
            "secret_keys": [KEY],
            "issuer": "Acme",
            "plugins": [self, self.store],
            "login_paths": ["/login"],
            "logout_paths": ["/logout"],
            **settings,
        }
        self.gate = Gate(**given)
        self.browser = self._browser()
        self.phone = Phone(clock)

    def _browser(self) -> PlainBrowser:
        if self.driver == "wsgi":
            return PlainBrowser.on_wsgi(wsgi.TwoFactorMiddleware(self.wsgi, self.gate))
        return PlainBrowser.on_asgi(asgi.TwoFactorMiddleware(self.asgi, self.gate))

    # What the gate asks.

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Know whom the session names."""
        return self.sessions.get(request.cookies.get("sid", ""))

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """Every first segment that has a policy is a location."""
        first = request.query.get("at") or "".join(request.segments[:1])
        return first if first in self.at else "default"

    @hookimpl(blocking=False)
    def policy(self, location: str) -> Policy:
        """Give the policy of a location."""
        return self.at.get(location, self.everywhere)

    @hookimpl(blocking=False)
    def location_members(self, location: str) -> list[User]:
        """Name everybody."""
        return self.members

    @hookimpl(blocking=False)
    def on_event(self, event: Event) -> None:
        """Note what happens."""
        self.events.append(event)

    # The application.

    def respond(self, method: str, path: str, query: str, cookie: str, context: Context) -> Page:
        """Answer."""
        self.contexts.append(context)
        fields = parse_qs(query)
        if path == "/login":
            name, number = fields["user"][0], next(self._numbers)
            login = f"login-{number}" if self.names_logins else None
            self.sessions[f"s{number}"] = User(name, f"{name}@acme.test", login)
            return Page.of(
                b"", ("Location", "/"), ("Set-Cookie", f"sid=s{number}; Path=/; Secure"), status=303
            )
        if path == "/logout":
            return Page.of(b"", ("Location", "/"), ("Set-Cookie", "sid=; Path=/; Max-Age=0"), status=303)
        return self.pages[path]

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Be a WSGI application."""
        self.seen.append(
            {key[5:].lower().replace("_", "-"): v for key, v in environ.items() if key[:5] == "HTTP_"}
        )
        page = self.respond(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ["QUERY_STRING"],
            environ.get("HTTP_COOKIE", ""),
            environ["twofa_gate"],
        )
        start_response(f"{page.status} Said", list(page.headers))
        return iter(page.chunks)

    async def asgi(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Be an ASGI application."""
        assert scope["type"] == "http", "this application has no lifespan"
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        self.seen.append(headers)
        query = scope["query_string"].decode()
        page = self.respond(
            scope["method"], scope["path"], query, headers.get("cookie", ""), scope["twofa_gate"]
        )
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in page.headers]
        await send({"type": "http.response.start", "status": page.status, "headers": encoded})
        for chunk in page.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    # What people do.

    def login(self, name: str = "ann", browser: PlainBrowser | None = None) -> Answer:
        """Log in, and open the first page."""
        return (browser or self.browser).navigate(f"/login?user={name}", follow=True)

    def set_up(self, browser: PlainBrowser | None = None) -> Answer:
        """Set up two-factor authentication."""
        browser = browser or self.browser
        browser.navigate("/2fa/enroll")
        assert browser.page is not None
        page = browser.submit(browser.page.form(action="/enroll"))
        self.phone.scan(next(link.url for link in page.links if link.url.startswith("otpauth:")))
        form = page.form(action="/enroll", field="code")
        return browser.submit(form, code=self.phone.fresh_code())

    def verify(self, page: Answer, browser: PlainBrowser | None = None, **fields: str) -> Answer:
        """Answer the challenge on a page with a fresh code."""
        browser = browser or self.browser
        form = next(each for each in page.forms if each.url.endswith("/challenge"))
        return browser.submit(form, code=self.phone.fresh_code(), headers=None, follow=True, **fields)


@contextmanager
def opened(driver: str, clock: Time, store: MemoryStore | None = None, **settings: Any) -> Iterator[Site]:
    """Open a site, and close it afterwards."""
    site = Site(driver, clock, store, **settings)
    try:
        yield site
    finally:
        site.browser.close()
