"""`Site`: the target behind a gate, through one driver, with browsers, phones and a clock."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

import pyotp

from tests.support.http import ASGITransport, PlainBrowser, WSGITransport
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.stores.memory import MemoryStore

from .calling import Headers, Sent, call_asgi, call_wsgi, is_refusal
from .target import PRIVATE, Host, Target

BASE = "https://app.test"
KEY = "0123456789abcdef0123456789abcdef"
Driver = Literal["wsgi", "asgi"]


class FakeClock:
    """What `time.time()` says; `monotonic` keeps the true time."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let time go by, or set the clock back."""
        self.now += seconds


class PhoneApp:
    """An authenticator app, by pyotp on the fake clock."""

    def __init__(self, secret: str, clock: FakeClock) -> None:
        self.secret = secret
        self.clock = clock
        self._given = -1

    def display(self, steps: int = 0) -> str:
        """Return what it shows, or will show some steps from now."""
        return pyotp.TOTP(self.secret).at(int(self.clock.now) + 30 * steps)

    def code(self) -> str:
        """Return a code not given before; moves the clock on where this step's was."""
        if self.clock.now // 30 <= self._given:
            self.clock.now = (self._given + 1) * 30 + 1.0
        self._given = int(self.clock.now // 30)
        return self.display()

    def wrong(self) -> str:
        """Return six digits that are no code of about now."""
        near = {self.display(steps) for steps in range(-10, 11)}
        return next(code for code in (f"{n:06}" for n in range(100)) if code not in near)


class Site:
    """The target behind its gate, through one driver."""

    def __init__(
        self,
        driver: Driver,
        clock: FakeClock,
        target: Target | None = None,
        *,
        store: Any = None,
        plugins: Sequence[object] = (),
        policies: dict[str, Policy] | None = None,
        wrap: Callable[[Any, Any], Any] | None = None,
        host: Host | None = None,
        prefix: str = "",
        **settings: Any,
    ) -> None:
        self.driver = driver
        self.clock = clock
        self.target = target if target is not None else Target()
        self.policies = policies if policies is not None else {"default": Policy(Enforcement.REQUIRED)}
        self.host = host if host is not None else Host(self.target, self.policies)
        self.store = store if store is not None else MemoryStore()
        defaults: dict[str, Any] = {
            "secret_keys": [KEY],
            "issuer": "Acme",
            "public": ["/static/"],
            "login_paths": ["/login"],
            "logout_paths": ["/logout"],
        }
        self.gate = Gate(plugins=[self.host, self.store, *plugins], **{**defaults, **settings})
        self.prefix = prefix
        self.phones: dict[str, PhoneApp] = {}
        self.recovery_codes: dict[str, list[str]] = {}
        if driver == "wsgi":
            from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

            self.app: Any = WSGIMiddleware(self.target.wsgi, self.gate)
        else:
            from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware

            self.app = ASGIMiddleware(self.target.asgi, self.gate)
        if wrap is not None:
            self.app = wrap(self.app, self)
        self.transport: Any = (
            WSGITransport(self.app, prefix) if driver == "wsgi" else ASGITransport(self.app, prefix)
        )
        self._first = PlainBrowser(self.transport, BASE + prefix)

    def close(self) -> None:
        """End the event loop and what the gate holds."""
        self._first.close()
        self.gate.close()

    @property
    def calls(self) -> list[Any]:
        """The spy: the application's calls, in order."""
        return self.target.calls

    def browser(self, user: str | None = None) -> PlainBrowser:
        """Give a new browser; with `user` somebody has logged in with it."""
        browser = self._first.another()
        if user is not None:
            self.login(browser, user)
        return browser

    def login(self, browser: PlainBrowser, user: str) -> None:
        """Log in by the login form."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{self.prefix}/login"
        answer = browser.send("POST", url, content=f"user={user}".encode(), headers=form)
        assert answer.status == 303, (answer.status, answer.text)

    def api(self, browser: PlainBrowser, endpoint: str, payload: Any = None, **more: Any) -> Any:
        """Call the JSON API with the browser's CSRF token; `payload` None is a GET."""
        url = f"{self.prefix}/2fa/api/v1/{endpoint}"
        if payload is None:
            return browser.fetch("GET", url)
        status = browser.fetch("GET", f"{self.prefix}/2fa/api/v1/status").json()
        return browser.fetch(
            "POST", url, json=payload, headers={"X-CSRF-Token": status["csrf"], **more.get("headers", {})}
        )

    def enroll(self, user: str) -> PhoneApp:
        """Let a user set up, in a browser that is then thrown away; their phone."""
        browser = self.browser(user)
        secret = self.api(browser, "enrollment", {}).json()["secret"]
        phone = self.phones[user] = PhoneApp(secret, self.clock)
        done = self.api(browser, "enrollment", {"code": phone.code()})
        assert done.status == 200, done.text
        self.recovery_codes[user] = done.json()["recovery_codes"]
        return phone

    def verify(self, browser: PlainBrowser, user: str, code: str | None = None) -> PlainBrowser:
        """Pass the challenge with a fresh code of the user's phone (or with `code`)."""
        given = code if code is not None else self.phones[user].code()
        done = self.api(browser, "challenge", {"code": given})
        assert done.status == 200, done.text
        return browser

    def verified(self, user: str) -> PlainBrowser:
        """Give a browser in which this user has logged in and verified; enrolls them if need be."""
        if user not in self.phones:
            self.enroll(user)
        return self.verify(self.browser(user), user)

    def cookie_header(self, browser: PlainBrowser) -> str:
        """Return the Cookie header that a browser sends."""
        return browser.cookies.header(BASE + self.prefix + "/")

    def raw(
        self,
        method: str,
        target: str | bytes,
        headers: Headers = (),
        body: bytes = b"",
        *,
        browser: PlainBrowser | None = None,
        scope: dict[str, Any] | None = None,
    ) -> Sent:
        """Send a request target as it is, in the form in which a server hands it to the driver.

        `browser`: whose cookies go with it. `scope`: changes to the environ or the scope.
        """
        raw = target.encode() if isinstance(target, str) else target
        pairs = [("Host", "app.test"), *headers]
        if browser is not None and (cookie := self.cookie_header(browser)):
            pairs.append(("Cookie", cookie))
        if body:
            pairs.append(("Content-Length", str(len(body))))
        if self.driver == "wsgi":
            return self._wsgi(method, raw, pairs, body, scope or {})
        sent: Sent = self.transport.portal.call(self._asgi, method, raw, pairs, body, scope or {})
        return sent

    def _wsgi(self, method: str, raw: bytes, pairs: Headers, body: bytes, scope: dict[str, Any]) -> Sent:
        path, _, query = raw.partition(b"?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": self.prefix,
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1").removeprefix(self.prefix),
            "QUERY_STRING": query.decode("latin-1"),
            "RAW_URI": raw.decode("latin-1"),
            "SERVER_NAME": "app.test",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in pairs:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
        return call_wsgi(self.app, {**environ, **scope})

    async def _asgi(
        self, method: str, raw: bytes, pairs: Headers, body: bytes, scope: dict[str, Any]
    ) -> Sent:
        path, _, query = raw.partition(b"?")
        whole: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": self.prefix,
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
            "client": ("127.0.0.1", 4711),
            "server": ("app.test", 443),
            **scope,
        }
        return await call_asgi(self.app, whole, body)


def passes(site: Site, browser: PlainBrowser, path: str = "/app/x") -> bool:
    """Whether a private page is shown; where not, the application must not have been called."""
    site.calls.clear()
    answer = browser.navigate(BASE + path)
    if PRIVATE in answer.text:
        return True
    assert is_refusal(answer), (answer.status, answer.text)
    assert not site.calls
    return False
