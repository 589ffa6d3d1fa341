"""Step-up: a fresh code inside the application, for each kind of application."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import fastapi
import flask
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.banner.site import Time
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from twofa_gate import (
    AfterCutoff,
    Credential,
    Enforcement,
    Event,
    EventKind,
    Gate,
    GateRequest,
    Method,
    Policy,
    Stored,
    StoreError,
    User,
    hookimpl,
)
from twofa_gate.asgi import TwoFactorMiddleware as Asgi
from twofa_gate.stepup import Requirement, require_verification
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware as Wsgi

KEY = "the key of the step-up tests, 32 bytes or more"
FIVE = timedelta(minutes=5)


class Host:
    """A host that believes its cookie, or a bearer token."""

    def __init__(self) -> None:
        self.policies: dict[str, Policy] = {}
        self.everywhere = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=30))
        self.events: list[Event] = []

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Read the session."""
        if request.authorization.startswith("Bearer "):
            return User("ann", "ann@acme.test", credential=Credential.TOKEN)
        name, _, login = request.cookies.get("sid", "").partition(".")
        return User(name, f"{name}@acme.test", login) if login else None

    @hookimpl(blocking=False)
    def policy(self, location: str) -> Policy:
        """Give it."""
        return self.policies.get(location, self.everywhere)

    @hookimpl(blocking=False)
    def on_event(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)


class FailingStore(MemoryStore):
    """A store that fails when it is told to."""

    failing = False

    @hookimpl(blocking=False)
    def load(self, key: str) -> Stored | None:
        """Load, or fail."""
        if self.failing:
            raise StoreError("gone")
        return super().load(key)


Guard = Requirement


def _flask(guard: Guard, calls: list[str]) -> Any:
    app = flask.Flask("safe")

    @app.route("/safe", methods=["GET", "POST"])
    @guard
    def safe() -> str:
        calls.append("safe")
        return "the safe is open"

    @app.route("/")
    def home() -> str:
        return "home"

    return app.wsgi_app


def _starlette(guard: Guard, calls: list[str]) -> Any:
    @guard
    async def safe(request: Request) -> PlainTextResponse:
        calls.append("safe")
        return PlainTextResponse("the safe is open")

    async def home(request: Request) -> PlainTextResponse:
        return PlainTextResponse("home")

    return Starlette(routes=[Route("/safe", safe, methods=["GET", "POST"]), Route("/", home)])


def _starlette_plain(guard: Guard, calls: list[str]) -> Any:
    @guard
    def safe(request: Request) -> PlainTextResponse:
        calls.append("safe")
        return PlainTextResponse("the safe is open")

    def home(request: Request) -> PlainTextResponse:
        return PlainTextResponse("home")

    return Starlette(routes=[Route("/safe", safe, methods=["GET", "POST"]), Route("/", home)])


def _fastapi(guard: Guard, calls: list[str]) -> Any:
    app = fastapi.FastAPI()

    @app.api_route("/safe", methods=["GET", "POST"], dependencies=[fastapi.Depends(guard.dependency)])
    def safe() -> str:
        calls.append("safe")
        return "the safe is open"

    @app.get("/")
    def home() -> str:
        return "home"

    return app


def _fastapi_decorated(guard: Guard, calls: list[str]) -> Any:
    app = fastapi.FastAPI()

    async def safe(request: fastapi.Request) -> str:
        calls.append("safe")
        return "the safe is open"

    safe.__annotations__["request"] = fastapi.Request
    app.api_route("/safe", methods=["GET", "POST"])(guard(safe))

    @app.get("/")
    def home() -> str:
        return "home"

    return app


def _wsgi(guard: Guard, calls: list[str]) -> Any:
    def answer(text: bytes) -> Any:
        def app(environ: Any, start_response: Any) -> Iterable[bytes]:
            calls.extend(["safe"] if b"safe" in text else [])
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [text]

        return app

    safe, home = guard.wsgi(answer(b"the safe is open")), answer(b"home")
    return lambda environ, start: (safe if environ["PATH_INFO"] == "/safe" else home)(environ, start)


def _asgi(guard: Guard, calls: list[str]) -> Any:
    def answer(text: str) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            calls.extend(["safe"] if "safe" in text else [])
            await PlainTextResponse(text)(scope, receive, send)

        return app

    safe, home = guard.asgi(answer("the safe is open")), answer("home")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("no lifespan")
        await (safe if scope["path"] == "/safe" else home)(scope, receive, send)

    return app


APPS: dict[str, tuple[Callable[[Guard, list[str]], Any], Any]] = {
    "flask": (_flask, Wsgi),
    "wsgi": (_wsgi, Wsgi),
    "starlette": (_starlette, Asgi),
    "starlette-plain": (_starlette_plain, Asgi),
    "fastapi": (_fastapi, Asgi),
    "fastapi-decorated": (_fastapi_decorated, Asgi),
    "asgi": (_asgi, Asgi),
}


class Safe:
    """An application with one page that takes a fresh code."""

    def __init__(self, kind: str, clock: Time, guard: Guard | None = None, **settings: Any) -> None:
        self.host, self.store, self.clock = Host(), FailingStore(), clock
        self.calls: list[str] = []
        build, middleware = APPS[kind]
        self.gate = Gate(
            secret_keys=[KEY],
            issuer="Acme",
            plugins=[self.host, self.store],
            **settings,
        )
        app = middleware(build(guard or require_verification(FIVE), self.calls), self.gate)
        on = PlainBrowser.on_wsgi if middleware is Wsgi else PlainBrowser.on_asgi
        self.browser = on(app)
        self.phone = Phone(clock)
        self.codes: list[str] = []

    def log_in(self, name: str = "ann.1") -> None:
        """Have a session."""
        self.browser.cookies.take(f"sid={name}; Path=/; Secure", "https://app.test/")

    def set_up(self) -> None:
        """Set up, which is a verification."""
        self.log_in()
        page = self.browser.navigate("/2fa/enroll")
        page = self.browser.submit(page.form(action="/enroll"))
        self.phone.scan(next(link.url for link in page.links if link.url.startswith("otpauth:")))
        done = self.browser.submit(page.form(action="/enroll", field="code"), code=self.phone.fresh_code())
        assert done.status == 200
        self.codes = re.findall(r"[0-9A-Z]{6}(?:-[0-9A-Z]{6}){3}", re.sub(r"<[^>]*>|\s", "", done.text))

    def answer(self, page: Answer, code: str = "", **fields: str) -> Answer:
        """Answer the challenge, and go on."""
        form = next(each for each in page.forms if each.url.endswith("/challenge"))
        typed: dict[str, Any] = {"code": code or self.phone.fresh_code(), **fields}
        return self.browser.submit(form, follow=True, **typed)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time."""
    time = Time()
    time.install(monkeypatch)
    return time


@pytest.fixture(params=list(APPS))
def safe(request: pytest.FixtureRequest, clock: Time) -> Iterator[Safe]:
    """Make an application of each kind, whose user has set up."""
    opened = Safe(request.param, clock)
    opened.set_up()
    yield opened
    opened.browser.close()


def test_it_asks_for_a_fresh_code_and_comes_back(safe: Safe) -> None:
    """Within five minutes of a code the page opens; later it takes a new one, and leads back to the page."""
    assert "the safe is open" in safe.browser.navigate("/safe?a=1").text
    safe.clock.advance(301)
    assert "home" in safe.browser.navigate("/").text
    asked = safe.browser.navigate("/safe?a=1")
    assert asked.status == 303
    assert asked.headers["cache-control"] == "no-store"
    page = safe.browser.follow(asked)
    assert page.title.startswith("Enter your code"), "the challenge does not bounce"
    assert safe.calls == ["safe"]
    back = safe.answer(page)
    assert "the safe is open" in back.text
    assert back.url == "https://app.test/safe?a=1"
    assert safe.calls == ["safe"] * 2


def test_the_exact_age(safe: Safe) -> None:
    """At five minutes to the second it is good enough, a second later it is not."""
    safe.clock.advance(300)
    assert safe.browser.navigate("/safe").status == 200
    safe.clock.advance(1)
    assert safe.browser.navigate("/safe").status == 303


def test_a_json_client_gets_the_problem(safe: Safe) -> None:
    """A script gets 403 with the decision and the page to go to, and whoever posts comes back to the page."""
    safe.browser.navigate("/")
    safe.clock.advance(301)
    refused = safe.browser.fetch("POST", "/safe", json={}, headers={"Referer": "https://app.test/"})
    assert refused.status == 403
    assert refused.headers["content-type"] == "application/problem+json"
    told = refused.json()
    assert (told["decision"], told["location"], told["max_age"]) == ("challenge", "default", 300)
    page = safe.browser.navigate(told["url"])
    assert safe.answer(page).url == "https://app.test/"
    assert safe.calls == []


def test_without_two_factor_authentication_it_is_set_up_first(safe: Safe) -> None:
    """At a location where it is optional, somebody who has none is led to set up, and comes back verified."""
    safe.host.everywhere = Policy(Enforcement.OPTIONAL)
    safe.log_in("bea.1")
    assert safe.browser.navigate("/").status == 200
    page = safe.browser.navigate("/safe", follow=True)
    assert page.url.startswith("https://app.test/2fa/enroll")
    page = safe.browser.submit(page.form(action="/enroll"))
    safe.phone.scan(next(link.url for link in page.links if link.url.startswith("otpauth:")))
    safe.browser.submit(page.form(action="/enroll", field="code"), code=safe.phone.fresh_code())
    assert safe.browser.navigate("/safe").status == 200


def test_where_two_factor_authentication_is_off(safe: Safe) -> None:
    """At a location that asks nobody for a code the page still does."""
    safe.host.everywhere = Policy(Enforcement.OFF)
    assert safe.browser.navigate("/safe").status == 200
    safe.clock.advance(301)
    assert "the safe is open" in safe.answer(safe.browser.navigate("/safe", follow=True)).text


def test_a_trusted_browser_is_not_good_enough(safe: Safe) -> None:
    """A trusted browser passes the location and not the page; the step-up page offers no trust."""
    safe.clock.advance(13 * 3600)
    page = safe.browser.navigate("/", follow=True)
    assert safe.answer(page, trust="1").status == 200
    safe.clock.advance(13 * 3600)
    assert safe.browser.navigate("/").status == 200
    asked = safe.browser.navigate("/safe", follow=True)
    assert asked.title.startswith("Enter your code")
    assert "trust" not in [name for form in asked.forms for name in form.names()]
    assert safe.calls == []
    assert "the safe is open" in safe.answer(asked).text


def test_a_recovery_code_where_it_counts(safe: Safe) -> None:
    """A recovery code is a fresh code where the location takes one."""
    safe.clock.advance(301)
    page = safe.browser.navigate("/safe", follow=True)
    assert "the safe is open" in safe.answer(page, safe.codes[0]).text


def test_a_revoked_verification(safe: Safe) -> None:
    """After `revoke`, also by another process within the time that a pass may be reused, the page is shut."""
    assert safe.browser.navigate("/safe").status == 200
    Gate(secret_keys=[KEY], issuer="Acme", plugins=[Host(), safe.store]).revoke("ann")
    assert safe.browser.navigate("/").status == 200, "the pass is still remembered here"
    assert safe.browser.navigate("/safe").status == 303


def test_another_login_and_another_user(safe: Safe) -> None:
    """A verification is of its own user and login alone."""
    safe.host.everywhere = Policy(Enforcement.OFF)
    for name in ("ann.2", "bea.1"):
        safe.log_in(name)
        assert safe.browser.navigate("/safe").status == 303
    assert safe.calls == []


def test_nobody(safe: Safe) -> None:
    """Somebody who is not logged in does not get in."""
    safe.browser.cookies.take("sid=; Path=/; Max-Age=0", "https://app.test/")
    assert safe.browser.navigate("/safe").status == 403
    assert safe.browser.fetch("GET", "/safe").status == 401
    assert safe.calls == []


@pytest.mark.parametrize("kind", list(APPS))
def test_on_a_public_path(kind: str, clock: Time) -> None:
    """A guarded page on a public path, where nobody is known, stays shut, also to who has just verified."""
    safe = Safe(kind, clock, public=["/safe"])
    safe.set_up()
    refused = safe.browser.navigate("/safe")
    assert (refused.status, refused.text) == (403, "Sign in first.\n")
    assert safe.calls == []
    safe.browser.close()


def test_it_fails_closed(safe: Safe) -> None:
    """While the store can't answer, the page is 503, even for who was let through a moment ago."""
    assert safe.browser.navigate("/safe").status == 200
    safe.store.failing = True
    assert safe.browser.navigate("/").status == 200, "the pass is remembered"
    refused = safe.browser.navigate("/safe")
    assert refused.status == 503
    assert safe.calls == ["safe"]


def test_report_only(clock: Time) -> None:
    """While the gate only reports, the page opens, and what would have been refused is on record."""
    from datetime import UTC, datetime

    for kind in APPS:
        until = datetime.fromtimestamp(clock.now + 86400, UTC)
        safe = Safe(kind, clock, report_only_until=until)
        safe.log_in()
        assert safe.browser.navigate("/safe").status == 200
        would = [each for each in safe.host.events if each.kind is EventKind.WOULD_REFUSE]
        assert [each.facts.get("why") for each in would] == [None, "step-up"]
        clock.advance(86400)
        assert safe.browser.navigate("/safe").status == 303
        clock.advance(-86400)
        safe.browser.close()


@pytest.mark.parametrize("kind", list(APPS))
def test_totp_alone(kind: str, clock: Time) -> None:
    """Where TOTP is asked for, a recovery code's verification is not good enough, and isn't taken."""
    safe = Safe(kind, clock, require_verification(FIVE, methods={Method.TOTP}))
    safe.set_up()
    clock.advance(13 * 3600)
    safe.answer(safe.browser.navigate("/", follow=True), safe.codes[0])
    page = safe.browser.navigate("/safe", follow=True)
    assert page.title.startswith("Enter your code")
    assert "Recovery codes aren" in page.words
    assert safe.calls == []
    assert "the safe is open" in safe.answer(page).text
    safe.browser.close()


@pytest.mark.parametrize("kind", list(APPS))
def test_another_location_governs(kind: str, clock: Time) -> None:
    """With `location` that location's policy holds: its methods, and its keeping people out."""
    from datetime import UTC, datetime

    safe = Safe(kind, clock, require_verification(FIVE, "vault"))
    cutoff = datetime.fromtimestamp(clock.now + 3600, UTC)
    safe.host.policies["vault"] = Policy(Enforcement.REQUIRED, methods=frozenset({Method.TOTP}))
    safe.set_up()
    clock.advance(301)
    asked = safe.browser.navigate("/safe", follow=True)
    assert "Recovery codes aren" in asked.words
    assert "the safe is open" in safe.answer(asked).text
    late = Policy(Enforcement.REQUIRED, cutoff=cutoff - timedelta(days=1), after_cutoff=AfterCutoff.DENY)
    safe.host.policies["vault"] = late
    refused = safe.browser.navigate("/safe")
    assert refused.status == 403
    assert "kept out" in refused.words
    assert safe.calls == ["safe"]
    safe.browser.close()


@pytest.mark.parametrize("kind", list(APPS))
def test_a_bearer_token(kind: str, clock: Time) -> None:
    """A client known by a token gets 401 with the challenge of RFC 9470, and how fresh it has to be."""
    from twofa_gate import Tokens

    safe = Safe(kind, clock)
    safe.host.everywhere = Policy(Enforcement.REQUIRED, tokens=Tokens.ALLOW)
    sent = {"Authorization": "Bearer x", "Accept": "application/json"}
    refused = safe.browser.send("GET", "/safe", headers=sent)
    assert refused.status == 401
    assert 'error="insufficient_user_authentication"' in refused.headers["www-authenticate"]
    assert 'max_age="300"' in refused.headers["www-authenticate"]
    assert safe.calls == []
    safe.browser.close()


def test_the_demand_can_not_be_altered(safe: Safe) -> None:
    """The parameter is signed: without it, or altered, the challenge does not stand in for the demand."""
    safe.clock.advance(301)
    asked = safe.browser.navigate("/safe")
    altered = asked.location[:-3] + ("AAA" if not asked.location.endswith("AAA") else "BBB")
    page = safe.browser.navigate(altered, follow=True)
    safe.browser.navigate("/safe")
    assert safe.calls == []
    assert page.status == 200


@pytest.mark.parametrize("kind", list(APPS))
def test_without_a_gate_nothing_is_let_through(kind: str) -> None:
    """Without the gate in front the request fails, and the view is not called."""
    calls: list[str] = []
    build, middleware = APPS[kind]
    app = build(require_verification(FIVE), calls)
    if kind == "flask":
        assert app.__self__.test_client().get("/safe").status_code == 500
    else:
        on = PlainBrowser.on_wsgi if middleware is Wsgi else PlainBrowser.on_asgi
        with on(app) as browser, pytest.raises(RuntimeError, match="no gate"):
            browser.navigate("/safe")
    assert calls == []


def test_a_view_that_swallows_the_refusal(clock: Time) -> None:
    """Whatever an application makes of the refusal, its own answer does not go out."""
    guard = require_verification(FIVE)
    host = Host()
    gate = Gate(secret_keys=[KEY], issuer="Acme", plugins=[host, MemoryStore()])
    host.everywhere = Policy(Enforcement.OFF)

    async def leaky(request: Request) -> PlainTextResponse:
        for demand in (guard, require_verification(timedelta(days=1))):
            with suppress(Exception):
                await demand.dependency(request)
        return PlainTextResponse("the safe is open", headers={"Set-Cookie": "seen=1"})

    with PlainBrowser.on_asgi(Asgi(Starlette(routes=[Route("/", leaky)]), gate)) as browser:
        browser.cookies.take("sid=ann.1; Path=/; Secure", "https://app.test/")
        answer = browser.navigate("/")
        assert answer.status == 303
        assert "open" not in answer.text
        assert any(line.startswith("seen=1") for line in answer.headers.get_list("set-cookie"))


def test_a_websocket(clock: Time) -> None:
    """A guarded WebSocket is refused before it is accepted."""
    calls: list[str] = []
    guard = require_verification(FIVE)

    @guard
    async def decorated(websocket: WebSocket) -> None:
        calls.append("accepted")

    wrapped = guard.asgi(decorated)
    app = fastapi.FastAPI(routes=[WebSocketRoute("/a", decorated)])
    app.mount("/c", wrapped)

    @app.websocket("/b", dependencies=[fastapi.Depends(guard.dependency)])
    async def depending(websocket: fastapi.WebSocket) -> None:
        calls.append("accepted")

    host = Host()
    host.everywhere = Policy(Enforcement.OFF)
    gate = Gate(secret_keys=[KEY], issuer="Acme", plugins=[host, MemoryStore()])
    for path in ("/a", "/b", "/c/x"):
        told = asyncio.run(_connect(Asgi(app, gate), path))
        assert [each["type"] for each in told] == ["websocket.close"]
        assert told[0]["code"] == 4403
    assert calls == []


async def _connect(app: Any, path: str) -> list[Any]:
    """Ask for a WebSocket; return what the server is sent."""
    told: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        told.append(message)

    headers = [(b"host", b"app.test"), (b"cookie", b"sid=ann.1"), (b"origin", b"https://app.test")]
    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers, "scheme": "wss"}
    await app({**scope, "subprotocols": []}, receive, send)
    return told


def test_asynchronous_hooks_in_a_plain_endpoint(clock: Time) -> None:
    """A plain endpoint, which Starlette runs in a thread, has asynchronous hooks awaited on the loop."""

    class AsyncHost(Host):
        @hookimpl
        async def locate(self, request: GateRequest) -> str:
            """Ask somewhere else."""
            return "default"

    host = AsyncHost()
    gate = Gate(secret_keys=[KEY], issuer="Acme", plugins=[host, MemoryStore()])
    host.everywhere = Policy(Enforcement.OFF)
    calls: list[str] = []
    with PlainBrowser.on_asgi(Asgi(_starlette_plain(require_verification(FIVE), calls), gate)) as browser:
        browser.cookies.take("sid=ann.1; Path=/; Secure", "https://app.test/")
        assert browser.navigate("/").status == 200
        assert browser.navigate("/safe").status == 303
    assert calls == []


def test_what_can_not_be_asked() -> None:
    """Values that make no sense are refused when the application is made."""
    for bad in (timedelta(0), timedelta(seconds=9), 300, None):
        with pytest.raises(ValueError, match="max_age"):
            require_verification(bad)  # type: ignore[arg-type]  # it is to be refused
    with pytest.raises(ValueError, match="location"):
        require_verification(FIVE, "")
    with pytest.raises(ValueError, match="methods"):
        require_verification(FIVE, methods=["totp"])  # type: ignore[list-item]  # likewise


def test_an_endpoint_without_a_request_says_so(clock: Time) -> None:
    """An endpoint that doesn't take the request can't be guarded, and fails instead of opening."""

    @require_verification(FIVE)
    def safe() -> str:
        return "the safe is open"

    with pytest.raises(RuntimeError, match="found no request"):
        safe()


def test_no_framework_is_imported() -> None:
    """Importing it imports neither Flask nor Starlette nor FastAPI."""
    code = "import sys, twofa_gate.stepup; print({'flask', 'starlette', 'fastapi'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
