"""The conformance suite of host plugins: no answer shows anybody a user whom the gate didn't pass.

A host's plugin keeps that promise if it passes::

    import pytest
    from twofa_gate.testing import HostConformance, HostUnderTest

    class TestMyHost(HostConformance):
        @pytest.fixture
        def host(self):
            return HostUnderTest(build=..., plugins=[MyHost()], users={"1": "ada@example.com", ...}, ...)

The suite drives the application with and without the gate through generated sequences. What the bare
application shows, and the gate has not passed, must not come through.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyotp
import pytest

from twofa_gate.adapters.performing import run
from twofa_gate.core import storage
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.effects import Flow
from twofa_gate.core.totp import Authenticator
from twofa_gate.gate import Gate
from twofa_gate.model import Enforcement, Policy
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.testing._browsing import Browser, Seen, as_wsgi
from twofa_gate.testing._calls import expect

__all__ = ["HostConformance", "HostUnderTest"]

SEQUENCES = 25
STEPS = 12
_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of users who do not exist

Wrap = Callable[[Any], Any]
Login = Callable[[Browser, str], object]


@dataclass(frozen=True, kw_only=True)
class HostUnderTest:
    """An application and the plugins that know its users.

    - `build(wrap)`: make the application with `wrap` applied where the gate belongs; `None`: without a gate.
    - `plugins`: all plugins but store and policy.
    - `users`: at least two user ids, each with a text that stands in that user's private pages and nowhere
      else.
    - `logins`: every plane of login, by name: a function of a browser and a user id that logs the user in, or
      puts credentials into `browser.headers`.
    - `pages`: private pages, by path. `logout`: logs a browser out.
    - `settings`: the gate's settings, such as `login_paths`. `asgi`: whether the application is one.
    """

    build: Callable[[Wrap | None], Any]
    plugins: Sequence[object]
    users: Mapping[str, str]
    logins: Mapping[str, Login]
    pages: Sequence[str]
    logout: Callable[[Browser], object] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    asgi: bool = False


class _Stage:
    """One run: the application, bare or gated, and its browsers."""

    def __init__(self, host: HostUnderTest, gate: Gate | None, runner: asyncio.Runner) -> None:
        self._host = host
        self._runner = runner
        self._application = host.build(None if gate is None else lambda inner: _gated(host, inner, gate))

    def browser(self) -> Browser:
        """Open a new browser."""
        application = self._application
        return Browser(as_wsgi(application, self._runner) if self._host.asgi else application)


def _gated(host: HostUnderTest, inner: Any, gate: Gate) -> Any:
    if host.asgi:
        from twofa_gate.adapters.asgi import TwoFactorMiddleware as ASGIMiddleware

        return ASGIMiddleware(inner, gate)
    from twofa_gate.adapters.wsgi import TwoFactorMiddleware as WSGIMiddleware

    return WSGIMiddleware(inner, gate)


def _enrolled_gate(host: HostUnderTest) -> Gate:
    """Make a gate that requires a second factor of everybody, and knows each user's authenticator."""
    settings = {"secret_keys": ["conformance" * 4], "issuer": "Conformance", **host.settings}
    policy = Policy(Enforcement.REQUIRED)
    gate = Gate(plugins=[*host.plugins, MemoryStore()], policy=policy, **settings)
    for user_id in host.users:
        run(storage.transact(gate.settings, user_id, _enroll(gate)))
    return gate


def _enroll(gate: Gate) -> Any:
    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        yield from ()
        thing = secret_thing("phone")
        sealed = gate.settings.sealer.seal(_SECRET, b"0" * 12, user_id=account.user, thing=thing)
        phone = Authenticator(id="phone", name="Phone", secret=sealed, added=now)
        return account.but(authenticators=(phone,), enabled_at=now), None

    return act


@contextmanager
def _stage(host: HostUnderTest, *, gated: bool) -> Iterator[_Stage]:
    gate = _enrolled_gate(host) if gated else None
    with asyncio.Runner() as runner:
        yield _Stage(host, gate, runner)


def _refuse_leaks(host: HostUnderTest, browser: Browser, *, passed: str | None = None) -> None:
    """Raise `AssertionError` if an answer shows a user whom the gate has not passed in this browser."""
    for seen in browser.seen:
        for user_id, text in host.users.items():
            asked = f"{seen.asked} ({seen.status}) shows {text!r} of the user {user_id}, whom the gate has not passed"
            expect(user_id == passed or not seen.shows(text), asked)


def _verify(browser: Browser) -> None:
    """Pass the challenge in this browser."""
    status = browser.json("GET", "/2fa/api/v1/status")
    token = json.loads(status.body)["csrf"]
    code = pyotp.TOTP(_SECRET).now()
    done = browser.json("POST", "/2fa/api/v1/challenge", {"code": code}, {"X-CSRF-Token": token})
    expect(done.status == 200, f"the challenge answered {done.status}: {done.body.decode()}")


class HostConformance:
    """Subclass it, define the fixture `host`, and run pytest."""

    @pytest.fixture
    def host(self) -> HostUnderTest:
        """Return the host under test."""
        # what a subclass has to give; without it every test says so
        raise NotImplementedError("define a fixture `host` that returns a HostUnderTest")

    def test_bare_application_shows_its_users(self, host: HostUnderTest) -> None:
        """Without the gate every plane of login reaches every page: otherwise the suite would prove nothing."""
        expect(len(host.users) >= 2, "name at least two users")
        with _stage(host, gated=False) as stage:
            for name, login in host.logins.items():
                for user_id, text in host.users.items():
                    browser = stage.browser()
                    login(browser, user_id)
                    for page in host.pages:
                        shown = browser.get(page).shows(text)
                        expect(shown, f"{page} does not show {text!r} after a login by {name}")

    def test_every_plane_is_gated(self, host: HostUnderTest) -> None:
        """After a login by any plane, neither its own answer nor any page shows the user."""
        with _stage(host, gated=True) as stage:
            for login in host.logins.values():
                for user_id in host.users:
                    browser = stage.browser()
                    login(browser, user_id)
                    for page in host.pages:
                        browser.get(page)
                        browser.get(page, Accept="application/json")
                    _refuse_leaks(host, browser)

    def test_nothing_leaks_in_any_order(self, host: HostUnderTest) -> None:
        """Logins, switches, logouts, stale and doubled cookies, in any order: no answer shows anybody."""
        for seed in range(SEQUENCES):
            with _stage(host, gated=True) as stage:
                _play(host, stage, random.Random(seed))  # noqa: S311 - a seed to repeat a failure with

    def test_a_verified_user_passes(self, host: HostUnderTest) -> None:
        """A user who showed a code sees their own pages, and the next user in that browser sees nothing."""
        first, second = list(host.users)[:2]
        for name, login in host.logins.items():
            for switch in host.logins.values():
                with _stage(host, gated=True) as stage:
                    browser = stage.browser()
                    login(browser, first)
                    _verify(browser)
                    for page in host.pages:
                        shown = browser.get(page).shows(host.users[first])
                        expect(shown, f"{page} does not show a verified user who logged in by {name}")
                    switch(browser, second)
                    before = len(browser.seen)
                    for page in host.pages:
                        browser.get(page)
                    _refuse_leaks(host, browser, passed=first)
                    own = [seen for seen in browser.seen[before:] if seen.shows(host.users[first])]
                    expect(
                        not own, f"{[seen.asked for seen in own]} still show the user from before the switch"
                    )

    def test_another_login_needs_another_code(self, host: HostUnderTest) -> None:
        """After a logout, the same user's next login in the same browser is challenged again."""
        if host.logout is None:
            pytest.skip("the host has no logout")
        first = next(iter(host.users))
        for login in host.logins.values():
            with _stage(host, gated=True) as stage:
                browser = stage.browser()
                login(browser, first)
                if browser.headers:
                    continue  # credentials that come with every request know no logins
                _verify(browser)
                host.logout(browser)
                browser.seen.clear()
                login(browser, first)
                for page in host.pages:
                    browser.get(page)
                _refuse_leaks(host, browser)


def _play(host: HostUnderTest, stage: _Stage, dice: random.Random) -> None:
    """Play one sequence in one browser."""
    browser = stage.browser()
    jars: list[dict[str, str]] = [{}]
    for _ in range(STEPS):
        step = dice.choice(("login", "login", "visit", "visit", "logout", "stale", "doubled"))
        if step == "login":
            dice.choice(list(host.logins.values()))(browser, dice.choice(list(host.users)))
            jars.append(dict(browser.cookies))
        elif step == "logout" and host.logout is not None:
            host.logout(browser)
        elif step == "stale":
            browser.cookies = dict(dice.choice(jars))
        elif step == "doubled":
            _doubled(host, browser, dice.choice(jars), dice)
        browser.get(
            dice.choice(list(host.pages)), Accept=dice.choice(("text/html", "application/json", "*/*"))
        )
        _refuse_leaks(host, browser)


def _doubled(host: HostUnderTest, browser: Browser, older: Mapping[str, str], dice: random.Random) -> Seen:
    """Send two values of each cookie that there are two values of, in either order."""
    pairs = [*older.items(), *browser.cookies.items()]
    dice.shuffle(pairs)
    header = "; ".join(f"{name}={value}" for name, value in pairs)
    return browser.get(dice.choice(list(host.pages)), Cookie=header)
