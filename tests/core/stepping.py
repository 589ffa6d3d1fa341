"""A world to step flows in: its clock, its random bytes and its failures are what a test says they are.

`World.run` performs each effect of a flow from values in memory, so nothing here does any I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode

import pyotp
from werkzeug.datastructures import Headers
from werkzeug.utils import cached_property

from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.core.account import Account, decode, encode, secret_thing
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import CallHook, Clock, DrawRandom, Effect, Flow, ReadBody, ReadClock, WriteLog
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import user_key
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification, digest, write_token
from twofa_gate.stores.memory import MemoryStore

T = TypeVar("T")
Performer = Callable[[Effect[Any]], Any]

NOW = 1_800_000_000.0
KEY = "k" * 32
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
BROWSER = "browser-browser-browse"
TOKEN = "token-token-token-toke"
TRUST = "trust-trust-trust-trus"
REQUIRED = Policy(Enforcement.REQUIRED)


class Request(GateRequest):
    """A request made of plain values; `cookies` and further `headers` as a browser sends them."""

    def __init__(
        self,
        path: str = "/",
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        kind: str = "http",
        prefix: str = "",
        query: str = "",
        raw_path: str | None = None,
        scheme: str = "https",
    ) -> None:
        self.kind = "websocket" if kind == "websocket" else "http"
        self.method = method
        self.prefix = prefix
        self.decoded_path = path
        self.given = {name.lower(): value for name, value in (headers or {}).items()}
        if cookies:
            self.given["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        self.cookie_header = self.given.get("cookie", "")
        self.authorization = self.given.get("authorization", "")
        self.carries_nothing = not (self.cookie_header or self.authorization or query)
        self._query, self._raw_path, self._scheme = query, raw_path, scheme

    def header(self, name: str) -> str | None:
        return self.given.get(name)

    def with_cookie_header(self, header: str) -> GateRequest:
        headers = {**self.given, "cookie": header}
        return Request(self.decoded_path, self.method, headers=headers, kind=self.kind, prefix=self.prefix)

    def with_form(self, query: str, content_type: str, body: bytes) -> GateRequest:
        headers = {**self.given, "content-type": content_type, "content-length": str(len(body))}
        made = Request(self.decoded_path, self.method, headers=headers, prefix=self.prefix, query=query)
        made.posted = body
        return made

    @cached_property
    def raw_path(self) -> str | None:
        return self._raw_path

    @cached_property
    def query_string(self) -> str:
        return self._query

    @cached_property
    def headers(self) -> Headers:
        return Headers(self.given)

    @cached_property
    def scheme(self) -> str:
        return self._scheme

    @cached_property
    def host(self) -> str:
        return self.given.get("host", "app.test")

    @cached_property
    def client(self) -> str | None:
        return "192.0.2.1"


def user(user_id: str = "u1", **fields: Any) -> User:
    """Name a user."""
    return User(user_id, f"{user_id}@example.com", **fields)


class Host:
    """A host whose `session` cookie names the user; `policies` has one for each location, by first segment."""

    def __init__(self, policies: Mapping[str, Policy | None] | None = None, **sessions: User) -> None:
        self.policies = dict(policies) if policies is not None else {"office": REQUIRED}
        self.sessions = sessions or {"s1": user("u1"), "s2": user("u2")}

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Look the session up."""
        return self.sessions.get(request.cookies.get("session", ""))

    @hookimpl
    def locate(self, request: GateRequest) -> str:
        """Go by the first segment."""
        first = request.segments[:1]
        return first[0] if first and first[0] in self.policies else "office"

    @hookimpl
    def policy(self, location: str) -> Policy | None:
        """Look the policy up."""
        return self.policies.get(location)


class Observer:
    """Notes each event's kind."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    @hookimpl
    def on_event(self, event: Any) -> None:
        """Note it."""
        self.kinds.append(event.kind.value)


class World:
    """A gate, its store in memory (or another one), and everything that its flows ask for."""

    def __init__(
        self,
        host: object | None = None,
        *plugins: object,
        now: float = NOW,
        store: Any = None,
        **settings: Any,
    ) -> None:
        self.store: Any = MemoryStore() if store is None else store
        given = {"secret_keys": [KEY], "issuer": "Acme", **settings}
        self.gate = Gate(plugins=[host if host is not None else Host(), self.store, *plugins], **given)
        self.settings: Settings = self.gate.settings
        self.now, self.monotonic = now, 1000.0
        self.body = b""
        self.log: list[str] = []
        self.effects: list[Effect[Any]] = []
        self._drawn = 0

    def perform(self, effect: Effect[Any]) -> Any:
        """Perform one effect."""
        self.effects.append(effect)
        if isinstance(effect, CallHook):
            return effect.hook.function(*effect.args)
        if isinstance(effect, ReadClock):
            return Clock(self.now, self.monotonic)
        if isinstance(effect, DrawRandom):
            self._drawn += 1
            return hashlib.shake_256(str(self._drawn).encode()).digest(effect.size)
        if isinstance(effect, ReadBody):
            return self.body
        assert isinstance(effect, WriteLog), effect
        self.log.append(effect.line)
        return None

    def run(self, flow: Flow[T], perform: Performer | None = None) -> T:
        """Run a flow to its end."""
        return run(flow, perform or self.perform)

    def later(self, seconds: float) -> None:
        """Let time go by, on both clocks."""
        self.now += seconds
        self.monotonic += seconds

    def account(self, user_id: str = "u1") -> Account | None:
        """Read an account from the store."""
        stored = self.store.load(user_key(self.settings.realm, user_id))
        return None if stored is None else decode(stored.document, user_id)

    def put(self, account: Account) -> Account:
        """Write an account into the store, whatever is there."""
        key = user_key(self.settings.realm, account.user)
        stored = self.store.load(key)
        before = None if stored is None else stored.version
        assert self.store.save(key, encode(account), f"put-{len(self.effects)}-{before}", before)
        self.settings.passes.forget(account.user)
        return account

    def enrolled(self, user_id: str = "u1", *, secret: str = SECRET, **fields: Any) -> Account:
        """Store an account with one authenticator, `a1`."""
        nonce = b"n" * 12
        sealed = self.settings.sealer.seal(secret, nonce, user_id=user_id, thing=secret_thing("a1"))
        enabled = fields.pop("enabled_at", NOW - 86400)
        one = Authenticator(id="a1", name="Phone", secret=sealed, added=enabled)
        return self.put(Account(user=user_id, authenticators=(one,), enabled_at=enabled, **fields))

    def verified(self, user_id: str = "u1", *, at: float | None = None, **fields: Any) -> dict[str, str]:
        """Add a verification to a stored account; return the cookie that goes with it."""
        account = self.account(user_id)
        assert account is not None
        moment = self.now if at is None else at
        made = Verification(digest=digest(TOKEN), at=moment, method=fields.pop("method", "totp"), **fields)
        self.put(account.with_verification(made))
        return {self.settings.cookies.verification: write_token(TOKEN, self.settings.keys, user_id)}

    def trusted(self, user_id: str = "u1", *, at: float | None = None) -> dict[str, str]:
        """Add a trusted browser to a stored account; return the cookie that goes with it."""
        account = self.account(user_id)
        assert account is not None
        self.put(
            account.with_trusted(TrustedBrowser(digest=digest(TRUST), at=self.now if at is None else at))
        )
        return {self.settings.cookies.trust: write_token(TRUST, self.settings.keys, user_id)}

    def code(self, steps: int = 0, *, secret: str = SECRET) -> str:
        """Return what the authenticator shows now, or some steps off."""
        return pyotp.TOTP(secret).at(int(self.now) + 30 * steps)

    def wrong(self) -> str:
        """Return a code that is none of those near now."""
        near = {self.code(steps) for steps in range(-25, 26)}
        return next(code for code in (f"{number:06}" for number in range(100)) if code not in near)

    def csrf(self, purpose: str, user_id: str = "u1", login: str | None = None) -> str:
        """Make the token of a form in the browser `BROWSER`."""
        bound = [purpose, digest(user_id), login, digest(BROWSER)]
        return self.settings.signer.sign("csrf", bound, self.now)

    def form(
        self, page: str, purpose: str, *, cookies: Mapping[str, str] | None = None, **fields: str
    ) -> Request:
        """Make the POST of a form, whose body is what `ReadBody` then reads; `s1` is signed in."""
        self.body = urlencode({"csrf": self.csrf(purpose), **fields}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": "https://app.test"}
        return Request(f"/2fa{page}", "POST", headers=headers, cookies=self.cookies(cookies))

    def typed(self, body: bytes, *, query: str = "", cookies: Mapping[str, str] | None = None) -> Request:
        """Make the POST of a form of the application, from one of its pages."""
        self.body = body
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            "origin": "https://app.test",
            "referer": "https://app.test/new",
            "sec-fetch-mode": "navigate",
        }
        return Request("/x", "POST", headers=headers, cookies=self.cookies(cookies), query=query)

    def cookies(self, further: Mapping[str, str] | None = None) -> dict[str, str]:
        """Give the cookies of the browser in which `s1` is signed in."""
        return {"session": "s1", self.settings.cookies.browser: BROWSER, **(further or {})}


class How(Enum):
    """How an effect fails."""

    RAISE = auto()
    TIMEOUT = auto()
    NOTHING = auto()
    NONSENSE = auto()
    TRUE = auto()
    LOST = auto()
    """It is performed, and then fails: an acknowledgement is lost."""
    ALL_FROM_HERE = auto()
    """It fails, and so does everything after it."""


class Sabotage:
    """Performs effects of a world, and makes one of them fail.

    `done` counts them, and `second` is where the second look begins.
    """

    def __init__(self, world: World, index: int = -1, how: How = How.RAISE) -> None:
        self.world, self.index, self.how = world, index, how
        self.done = 0
        self.second = 10**6

    def perform(self, effect: Effect[Any]) -> Any:
        """Perform an effect, or let it fail."""
        here, self.done = self.done, self.done + 1
        if here != self.index and not (self.how is How.ALL_FROM_HERE and here > self.index >= 0):
            return self.world.perform(effect)
        if self.how is How.LOST:
            self.world.perform(effect)
        if self.how is How.TIMEOUT:
            raise TimeoutError
        if self.how in (How.RAISE, How.LOST, How.ALL_FROM_HERE):
            raise OSError("failed on purpose")
        return {How.NOTHING: None, How.NONSENSE: object(), How.TRUE: True}[self.how]


def header(answer: Answer, name: str) -> str | None:
    """Return the first header of this name."""
    return next((value for key, value in answer.headers if key.lower() == name.lower()), None)


def set_cookies(answer: Answer) -> dict[str, str]:
    """Return what an answer's Set-Cookie headers set, by name."""
    lines = [value for name, value in answer.headers if name.lower() == "set-cookie"]
    pairs = [line.partition(";")[0].partition("=") for line in lines]
    return {name: unquote(value) for name, _, value in pairs}
