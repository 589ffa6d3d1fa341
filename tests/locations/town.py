"""A host with two locations, their members and administrators, played through either driver."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from tests.support.small_site import TestTime
from twofa_gate import Enforcement, Event, Gate, Policy, User, hookimpl
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.locations import LocationSettings
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KEY = "the key of the town hall, of 32 bytes or more"
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC).timestamp()
PAGE = b"<!doctype html><html><body><p>private page</p></body></html>"
ODD = "Ünter/den 100% Linden"


class PhoneClock:
    """The test's time, as a phone sees it."""

    def __init__(self, time: TestTime) -> None:
        self._time = time

    def time(self) -> float:
        """Seconds since 1970."""
        return self._time.now

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self._time.advance(seconds)


class Town:
    """The host: who is who, who belongs where, and who administers what."""

    def __init__(self) -> None:
        self.members: dict[str, list[str]] = {
            "office": ["ada", "max", "mia", "tom", "zoe"],
            "billing": ["grace", "max"],
            ODD: ["ada", "max"],
        }
        self.admins = {"office": {"ada", "ben"}, "billing": {"grace"}, ODD: {"ada"}}
        self.joined: dict[str, datetime] = {}
        self.events: list[Event] = []
        self.extra: Policy | None = None

    def user(self, name: str) -> User:
        return User(name, f"{name}@example.com", joined=self.joined.get(name))

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Read the session cookie, which holds a name and a login."""
        name, _, login = request.cookies.get("sid", "").partition(".")
        return replace(self.user(name), login=f"login {login}") if name else None

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """Take the first part of the path."""
        first = request.segments[:1]
        return first[0] if first and first[0] in self.members else "lobby"

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy | None:
        """Leave the lobby open; elsewhere have the opinion that a test gives."""
        return Policy(Enforcement.OPTIONAL) if location == "lobby" else self.extra

    @hookimpl
    def location_members(self, location: str) -> Iterable[User]:
        """Give a generator, as a host with many members would."""
        return (self.user(name) for name in self.members.get(location, ()))

    @hookimpl
    def user_locations(self, user: User) -> Iterable[str]:
        """Name the locations of a user."""
        return [place for place, names in self.members.items() if user.id in names]

    @hookimpl
    def may_administer(self, user: User, location: str) -> bool:
        """Look it up."""
        return user.id in self.admins.get(location, ())

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)

    def kinds(self) -> list[str]:
        """Name what happened so far."""
        return [event.kind.value for event in self.events]


class Stage:
    """One gate over a town, through one driver, with time in hand."""

    def __init__(self, driver: str, time: TestTime, **settings: Any) -> None:
        self.town, self.time, self.driver = Town(), time, driver
        self.store = MemoryStore()
        plugins: list[object] = [self.town, self.store, *settings.pop("plugins", [])]
        if not any(isinstance(each, LocationSettings) for each in plugins):
            plugins.append(LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna"))
        self.gate = Gate(secret_keys=[KEY], issuer="Town", plugins=plugins, **settings)
        on: Callable[..., PlainBrowser] = PlainBrowser.on_wsgi if driver == "wsgi" else PlainBrowser.on_asgi
        app: Any = WSGIMiddleware(_wsgi, self.gate) if driver == "wsgi" else ASGIMiddleware(_asgi, self.gate)
        self.root = on(app)
        self.logins = 0

    def person(self, name: str) -> Person:
        """Log somebody in, in a browser of their own."""
        self.logins += 1
        browser = self.root.another()
        browser.cookies.take(f"sid={name}.{self.logins}; Path=/; Secure", "https://app.test/")
        return Person(self, name, browser)


class Person:
    """Somebody with a browser and a phone."""

    def __init__(self, stage: Stage, name: str, browser: PlainBrowser) -> None:
        self.stage, self.name, self.browser = stage, name, browser
        self.phone = Phone(PhoneClock(stage.time))

    def go(self, path: str, *, follow: bool = False) -> Answer:
        """Open a page."""
        return self.browser.navigate(path, follow=follow)

    def set_up(self, *, ticket: str | None = None, page: str = "/2fa/enroll") -> Answer:
        """Set up two-factor authentication."""
        opened = self.go(page, follow=True)
        form = next(each for each in opened.forms if each.url.endswith("/2fa/enroll"))
        fields: dict[str, Any] = {} if ticket is None else {"ticket": ticket}
        begun = self.browser.submit(form, **fields)
        if begun.status != 200 or not any(each.url.startswith("otpauth:") for each in begun.links):
            return begun
        self.phone.scan(next(each.url for each in begun.links if each.url.startswith("otpauth:")))
        return self.browser.submit(begun.form(field="code"), code=self.phone.fresh_code())

    def verify(self) -> Answer:
        """Give a code."""
        opened = self.go("/2fa/challenge")
        form = next(each for each in opened.forms if "code" in each.names())
        done = self.browser.submit(form, code=self.phone.fresh_code())
        assert done.status == 303, done.words
        return done

    def settings_form(self, path: str = "/2fa/locations/office", **fields: str | None) -> Answer:
        """Fill in the settings of a location and ask to save them."""
        page = self.go(path)
        assert page.status == 200, page.words
        typed: dict[str, Any] = {**fields}
        return self.browser.submit(page.form(field="from_date"), **typed)

    def save(self, path: str = "/2fa/locations/office", **fields: str | None) -> Answer:
        """Change the settings of a location, in both steps."""
        preview = self.settings_form(path, **fields)
        assert preview.status == 200, preview.words
        return self.confirm(preview)

    def confirm(self, preview: Answer) -> Answer:
        """Press the button under the preview."""
        return self.browser.submit(preview.form(button="Yes, save settings"), button="Yes, save settings")


def _wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            step = (await receive())["type"]
            await send({"type": f"{step}.complete"})
        return
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE})
