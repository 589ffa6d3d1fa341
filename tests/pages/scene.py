"""Where the states of the pages are played: a host with people behind a real gate, asked over HTTP alone.

The last request that a story makes is the one whose answer is the state. It can be asked again, from the
same stored accounts and at the same time, in each language.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import jinja2
import pytest

from tests.banner.site import Time
from tests.support.cookies import Cookies
from tests.support.html import Form
from tests.support.http import Answer, ASGITransport, PlainBrowser, WSGITransport
from tests.support.phone import Phone
from twofa_gate import Enforcement, Gate, Policy, Stored, User, hookimpl
from twofa_gate.adapters import asgi, wsgi
from twofa_gate.locations import LocationSettings
from twofa_gate.locations.addresses import to_segment
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["EVIL", "LONG", "NOON", "PLAIN", "Names", "Person", "Scene", "Shown"]

NOON = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
DEFAULT = Policy(Enforcement.OPTIONAL, max_age=timedelta(days=7), trust_browser_for=timedelta(days=30))
KEY = "the key of the pages' states, of 32 bytes or more"
ORIGIN = "https://app.test"
HOME = b"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Orders</title>
<link rel="stylesheet" href="/host.css"></head>
<body><main><h1>Orders</h1><p>What the bakery has to deliver.</p></main></body></html>"""
HOST_STYLE = b"""body { margin: 0; font: 1rem/1.5 Georgia, serif; background: #fffaf2; color: #2b2118; }
main { padding: 1rem; } @media (prefers-color-scheme: dark) { body { background: #211c17; color: #eee; } }"""


@dataclass(frozen=True)
class Names:
    """The names that come from outside, and that the pages show."""

    issuer: str = "Acme"
    domain: str = "example.com"
    office: str = "office"
    billing: str = "billing"
    device: str = "Old phone"
    support: str = "mailto:help@example.com"


PLAIN = Names()
EVIL_TEXT = '"><script>alert(1)</script>'
EVIL = Names(
    issuer=EVIL_TEXT,
    domain=EVIL_TEXT,
    office=f"{EVIL_TEXT}o",
    billing=f"{EVIL_TEXT}b",
    device=EVIL_TEXT,
    support=EVIL_TEXT,
)
LONG = Names(
    issuer="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    domain="rindfleischetikettierungsueberwachungsaufgabenuebertragungsgesetz.example",
    office="Grundstücksverkehrsgenehmigungszuständigkeitsübertragungsverordnungsamt",
    billing="Lebensversicherungsgesellschaftsrechnungsstelle, Abteilung Nordnordwest",
    device="Telefon-der-stellvertretenden-Vorsitzenden-der-Genossenschaft",
    support="Fragen beantwortet die Zweifaktorauthentifizierungsberatungsstelle, +43 1 5550100-4711",
)


class Shelf(MemoryStore):
    """A store whose content can be put back, and which can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False

    @hookimpl(blocking=False)
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`."""
        if self.broken:
            raise OSError("the disk is gone")
        return super().load(key)

    def content(self) -> dict[str, Stored]:
        """Give what is stored."""
        return dict(self._stored)

    def put_back(self, content: dict[str, Stored]) -> None:
        """Store what was stored, and nothing else."""
        self._stored, self._keys = dict(content), sorted(content)


@dataclass
class Host:
    """The application, and who is who in it. A session cookie holds a name and the number of a login."""

    names: Names
    members: dict[str, list[str]] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    admins: dict[str, set[str]] = field(default_factory=dict)

    def begin(self) -> None:
        """Be as each story finds it."""
        office, billing = self.names.office, self.names.billing
        self.members = {office: ["ada", "max", "mia", "tom", "zoe"], billing: ["ada", "grace", "max"]}
        self.admins = {office: {"ada"}, billing: {"grace"}}
        self.policies = {}

    def user(self, name: str) -> User:
        """Give a user."""
        return User(name, f"{name}@{self.names.domain}")

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Read the session cookie."""
        name, _, login = request.cookies.get("sid", "").partition(".")
        return replace(self.user(name), login=f"login {login}") if name else None

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:
        """Take the first part of the path."""
        first = "".join(request.segments[:1])
        return {"office": self.names.office, "billing": self.names.billing}.get(first, "default")

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy | None:
        """Have the opinion that a story gives."""
        return self.policies.get(location)

    @hookimpl
    def user_locations(self, user: User) -> Iterable[str]:
        """Name the locations of a user."""
        return [place for place, names in self.members.items() if user.id in names]

    @hookimpl
    def may_administer(self, user: User, location: str) -> bool:
        """Look it up."""
        return user.id in self.admins.get(location, ())


class TellingHost(Host):
    """A host that tells who belongs to a location."""

    @hookimpl
    def location_members(self, location: str) -> Iterable[User]:
        """Give them one by one."""
        return (self.user(name) for name in self.members.get(location, ()))


class Recorder(httpx.BaseTransport):
    """Passes requests on, and remembers the last one with what was stored before it."""

    def __init__(self, transport: httpx.BaseTransport, store: Shelf) -> None:
        self._transport, self._store = transport, store
        self._last: tuple[httpx.Request, dict[str, Stored]] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        request.read()
        self._last = request, self._store.content()
        return self._transport.handle_request(request)

    def again(self, language: str) -> httpx.Response:
        """Ask again, as if for the first time, for an answer in a language."""
        assert self._last is not None
        request, content = self._last
        self._store.put_back(content)
        headers = [
            (name, value) for name, value in request.headers.multi_items() if name != "accept-language"
        ]
        headers.append(("accept-language", language))
        asked = httpx.Request(request.method, request.url, headers=headers, content=request.content)
        return self._transport.handle_request(asked)

    def plain(self, path: str) -> httpx.Response:
        """Ask for a file, without any credentials; it is not remembered."""
        return self._transport.handle_request(httpx.Request("GET", f"{ORIGIN}{path}"))

    def close(self) -> None:
        """Close what it passes on to."""
        self._transport.close()


@dataclass(frozen=True)
class Shown:
    """A state: the answer to a request, the templates that made it, and what each of them was given."""

    name: str
    language: str
    url: str
    status: int
    headers: httpx.Headers
    text: str
    rendered: dict[str, frozenset[str]]

    @property
    def is_html(self) -> bool:
        """Whether it is a page; else it is a line of plain text."""
        return self.headers["content-type"].startswith("text/html")

    @property
    def is_ours(self) -> bool:
        """Whether the gate made all of it, and not only a banner in a page of the host."""
        return "banner.html" not in self.rendered


class Scene:
    """A host behind a gate, through one driver."""

    def __init__(self, driver: str, names: Names = PLAIN, *, members: bool = True, **settings: Any) -> None:
        self.names, self.time = names, Time()
        self.store = Shelf()
        self.host = (TellingHost if members else Host)(names)
        locations = LocationSettings(default=DEFAULT, zone="Europe/Vienna")
        given: dict[str, Any] = {
            "issuer": names.issuer,
            "login_url": "/login",
            "logout_url": "/logout",
            "support": names.support,
            "session_cookies": ["sid"],
            "revocation_lag": 0,
            "public": ["/host.css"],
        }
        plugins = [self.host, self.store, locations]
        self.gate = Gate(secret_keys=[KEY], plugins=plugins, **{**given, **settings})
        inner: httpx.BaseTransport
        if driver == "wsgi":
            inner = WSGITransport(wsgi.TwoFactorMiddleware(_wsgi, self.gate))
        else:
            inner = ASGITransport(asgi.TwoFactorMiddleware(_asgi, self.gate))
        self.recorder = Recorder(inner, self.store)
        self.root = PlainBrowser(self.recorder, ORIGIN)
        self.people: dict[str, Person] = {}
        self._installed = self.store.content()
        self._kept: dict[Callable[..., None], _Checkpoint] = {}

    def person(self, name: str, *, browser: int = 1) -> Person:
        """Give somebody, logged in; the same person in another browser has the same phone."""
        key = f"{name}.{browser}"
        if key not in self.people:
            phone = next((each.phone for each in self.people.values() if each.name == name), None)
            made = self.root.another()
            made.cookies.take(f"sid={key}; Path=/; Secure", ORIGIN)
            self.people[key] = Person(self, name, made, phone or Phone(self.time))
        return self.people[key]

    def begin(self, prologue: Callable[[Scene], None]) -> None:
        """Begin a story where a prologue ends, which is played once."""
        self.host.begin()
        self.store.broken = False
        kept = self._kept.get(prologue)
        if kept is None:
            self.people = {}
            self.store.put_back(self._installed)
            self.time.now, self.time.steady = NOON.timestamp(), 1000.0
            prologue(self)
            self._kept[prologue] = _Checkpoint.of(self)
        else:
            kept.restore(self)

    def show(self, name: str, languages: Iterable[str]) -> dict[str, Shown]:
        """Ask for the answer to the last request once more in each language."""
        with self.installed():
            return {each: self._shown(name, each) for each in languages}

    def _shown(self, name: str, language: str) -> Shown:
        with _noting_templates() as rendered:
            answer = self.recorder.again(language)
        assert self.recorder._last is not None
        url = str(self.recorder._last[0].url)
        return Shown(name, language, url, answer.status_code, answer.headers, answer.text, rendered)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Have both drivers go by this scene's clock."""
        with pytest.MonkeyPatch.context() as patch:
            self.time.install(patch)
            yield

    def close(self) -> None:
        """End it."""
        self.root.close()


@dataclass(frozen=True)
class _Checkpoint:
    """All that a story changes."""

    content: dict[str, Stored]
    now: float
    steady: float
    people: dict[str, tuple[str, Cookies, Phone]]

    @classmethod
    def of(cls, scene: Scene) -> _Checkpoint:
        people = {
            key: (each.name, copy.deepcopy(each.browser.cookies), copy.copy(each.phone))
            for key, each in scene.people.items()
        }
        return cls(scene.store.content(), scene.time.now, scene.time.steady, people)

    def restore(self, scene: Scene) -> None:
        scene.store.put_back(self.content)
        scene.time.now, scene.time.steady = self.now, self.steady
        phones: dict[str, Phone] = {}
        scene.people = {}
        for key, (name, cookies, phone) in self.people.items():
            browser = scene.root.another()
            browser.cookies = copy.deepcopy(cookies)
            phones.setdefault(name, copy.copy(phone))
            scene.people[key] = Person(scene, name, browser, phones[name])


class Person:
    """Somebody with a browser and a phone."""

    def __init__(self, scene: Scene, name: str, browser: PlainBrowser, phone: Phone) -> None:
        self.scene, self.name, self.browser, self.phone = scene, name, browser, phone

    def go(self, path: str) -> Answer:
        """Open a page, wherever it leads."""
        return self.browser.navigate(path, follow=True)

    def page(self, path: str = "/", **query: str) -> Answer:
        """Open one of the gate's pages."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self.go(f"/2fa{path}{'?' if text else ''}{text}")

    def place(self, path: str = "", *, location: str | None = None) -> Answer:
        """Open a page of a location."""
        return self.page(f"/locations/{to_segment(location or self.scene.names.office)}{path}")

    def form(self, field: str, action: str | None = None) -> Form:
        """Find the first form on the open page with a field."""
        assert self.browser.page is not None
        forms = [each for each in self.browser.page.forms if field in each.names()]
        found = [each for each in forms if action is None or each.url.endswith(action)]
        assert found, f"no form with {field} on {self.browser.page.url}: {self.browser.page.words}"
        return found[0]

    def send(self, form: Form, press: str | None = None, **fields: Any) -> Answer:
        """Send a form by the button of a value, wherever that leads."""
        words = None
        if press is not None:
            words = next(each.words for each in form.buttons if each.value == press)
        return self.browser.submit(form, button=words, follow=True, **fields)

    def type(self, code: str, **fields: Any) -> Answer:
        """Type a code into the first field for one, and send it."""
        return self.send(self.form("code"), code=code, **fields)

    def type_wrong(self) -> Answer:
        """Type a code that is wrong."""
        return self.type(self.phone.wrong_code())

    def type_right(self, **fields: Any) -> Answer:
        """Type the code that the phone shows."""
        return self.type(self.phone.fresh_code(), **fields)

    def begin_enrollment(self, **fields: Any) -> Answer:
        """Go on from the page that begins to the one with the QR code."""
        self.page("/enroll")
        return self.continue_enrollment(**fields)

    def continue_enrollment(self, **fields: Any) -> Answer:
        """Press "Continue" on the page that is open."""
        return self.send(self.form("csrf", "/enroll"), **fields)

    def scan(self, page: Answer, *, phone: Phone | None = None) -> Phone:
        """Scan the code."""
        phone = phone or self.phone
        phone.scan(next(each.url for each in page.links if each.url.startswith("otpauth:")))
        return phone

    def set_up(self, **fields: Any) -> list[str]:
        """Set up two-factor authentication; return the recovery codes."""
        self.scan(self.begin_enrollment(**fields))
        done = self.type_right(name=self.scene.names.device)
        return codes_on(done)

    def add_device(self, name: str) -> Phone:
        """Add a backup device."""
        tablet = self.scan(self.begin_enrollment(), phone=Phone(self.scene.time))
        self.send(self.form("code"), code=tablet.fresh_code(), name=name)
        return tablet

    def verify(self, **fields: Any) -> Answer:
        """Give a code on the way to the account."""
        self.page("/challenge")
        return self.type_right(**fields)


@contextmanager
def _noting_templates() -> Iterator[dict[str, frozenset[str]]]:
    rendered: dict[str, frozenset[str]] = {}
    render = jinja2.Template.render

    def noting(template: jinja2.Template, context: dict[str, Any]) -> str:
        rendered[str(template.name)] = frozenset(context)
        return render(template, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jinja2.Template, "render", noting)
        yield rendered


def _respond(path: str) -> tuple[str, bytes]:
    return ("text/css", HOST_STYLE) if path == "/host.css" else ("text/html; charset=utf-8", HOME)


def _wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    kind, body = _respond(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", kind)])
    return [body]


async def _asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        return
    kind, body = _respond(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": body})


def codes_on(page: Answer) -> list[str]:
    """Return the recovery codes that a page shows."""
    return re.findall(r"<li><code>([^<]+)</code></li>", page.text)


def in_days(days: float) -> datetime:
    """Return a moment so many days after noon."""
    return NOON + timedelta(days=days)
