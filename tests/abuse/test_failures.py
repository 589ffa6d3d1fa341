"""Cases 57, 93, 94: hooks and stores that fail.

The class: whatever fails, on whatever request, the application is not called and nobody is taken for somebody who
has not set up; the answer is 503 without a word about what failed, and nothing was counted or
accepted that isn't stored. `tests/core/test_failing.py` fails each effect of each flow in turn; here that goes
through both drivers, and through stores as they fail in fact.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from twofa_gate import Policy, Stored, StoreError, User, hookimpl
from twofa_gate.request import GateRequest
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore

from .conftest import SiteMaker
from .failing import KEY, kept, unavailable
from .site import PhoneApp, Site
from .typing_codes import passes


class Breaking:
    """A plugin whose hook does what `how` says, once it is armed."""

    def __init__(self, how: Callable[[], Any]) -> None:
        self.how = how
        self.armed = False

    def result(self) -> Any:
        """Do it."""
        return self.how() if self.armed else None

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Break, or know nobody."""
        answer: User | None = self.result()
        return answer


class BreakingPolicy(Breaking):
    """Breaks where its opinion on a policy is asked."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Know nobody."""

    @hookimpl
    def policy(self, location: str, user: User) -> Policy | None:
        """Break, or have no opinion."""
        answer: Policy | None = self.result()
        return answer


def _raise(error: BaseException) -> Any:
    raise error


HOW: dict[str, Callable[[], Any]] = {
    "raises": lambda: _raise(RuntimeError("broken")),
    "raises KeyError": lambda: _raise(KeyError("u1")),
    "raises StopIteration": lambda: _raise(StopIteration()),
    "raises TimeoutError": lambda: _raise(TimeoutError()),
    "a string": lambda: "u1",
    "a number": lambda: 0,
    "False": lambda: False,
    "True": lambda: True,
    "an empty dict": dict,
    "the class": lambda: User,
    "a coroutine": lambda: asyncio.sleep(0),
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", [Breaking, BreakingPolicy])
def test_hooks_that_break(make_site: SiteMaker, kind: type[Breaking], how: str) -> None:
    """Case 93: a hook that raises or answers nonsense: 503, verified or not, on pages and in the application."""
    plugin = kind(HOW[how])
    site = make_site(plugins=[plugin])
    site.enroll("u1")
    browsers = [site.browser("u1"), site.verified("u1")]
    site.calls.clear()
    plugin.armed = True
    for browser in browsers:
        for path in ("/app/x", "/2fa/challenge", "/2fa/"):
            unavailable(site, browser.send("GET", path))
    plugin.armed = False
    assert passes(site, browsers[1])


@pytest.mark.parametrize("driver", ["asgi"])
def test_hooks_that_take_too_long(make_site: SiteMaker, driver: str) -> None:
    """Case 93: under ASGI a hook that takes too long is 503. Under WSGI the server's own limit holds instead."""
    assert driver == "asgi"
    plugin = Breaking(lambda: time.sleep(1.5))
    site = make_site(plugins=[plugin], hook_timeout=timedelta(seconds=0.2))
    site.enroll("u1")
    browser = site.verified("u1")
    site.calls.clear()
    plugin.armed = True
    began = time.monotonic()
    unavailable(site, browser.send("GET", "/app/x"))
    assert time.monotonic() - began < 1.4


class FailingStore(MemoryStore):
    """A store that fails at its n-th call from now on, before or after it has done what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.fail_at: int | None = None
        self.after = False
        self.for_ever = False

    def arm(self, at: int | None, *, after: bool = False, for_ever: bool = False) -> None:
        """Choose the call to fail at, counted from 0."""
        self.calls, self.fail_at, self.after, self.for_ever = 0, at, after, for_ever

    def _due(self) -> bool:
        here, self.calls = self.calls, self.calls + 1
        return self.fail_at is not None and (here == self.fail_at or (self.for_ever and here > self.fail_at))

    @hookimpl(blocking=False)
    def load(self, key: str) -> Stored | None:
        """Load, or fail."""
        due = self._due()
        found = super().load(key)
        if due:
            raise StoreError("broken")
        return found

    @hookimpl(blocking=False)
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Save, or fail before or after it."""
        due = self._due()
        if due and not self.after:
            raise StoreError("broken")
        done = super().save(key, document, version, expected)
        if due:
            raise StoreError("broken")
        return done


@pytest.mark.parametrize("for_ever", [False, True])
def test_reads_that_fail(make_site: SiteMaker, for_ever: bool) -> None:
    """Case 94: a store that fails at any of its reads: 503 on every page and for every decision."""
    store = FailingStore()
    site = make_site(store=store, revocation_lag=timedelta(0))
    site.enroll("u1")
    browsers = [site.browser("u1"), site.verified("u1"), site.browser("u2")]
    site.calls.clear()
    for browser in browsers:
        for path in ("/app/x", "/2fa/", "/2fa/enroll", "/2fa/disable", "/2fa/api/v1/status", "/2fa/health"):
            store.arm(0, for_ever=for_ever)
            answer = browser.send("GET", path)
            assert answer.status == 503, (path, answer.status)
            assert not site.calls
    store.arm(None)
    assert passes(site, browsers[1])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["totp", "recovery", "wrong", "confirm"])
def test_a_code_whose_write_fails(make_site: SiteMaker, kind: str, after: bool) -> None:
    """Case 94: at whichever call the store fails while a code is entered: 503, or the truth; never half of it."""
    outcomes, ended = set(), False
    for at in range(12):
        store = FailingStore()
        site = make_site(store=store)
        site.enroll("u1")
        user = "u2" if kind == "confirm" else "u1"
        browser = site.browser(user)
        endpoint = "enrollment" if kind == "confirm" else "challenge"
        if kind == "confirm":
            phone = PhoneApp(site.api(browser, "enrollment", {}).json()["secret"], site.clock)
        else:
            phone = site.phones["u1"]
        site.clock.move(60)
        typed = {"recovery": site.recovery_codes["u1"][0], "wrong": phone.wrong()}.get(kind, phone.display())
        token = site.api(browser, "status").json()["csrf"]
        site.calls.clear()
        store.arm(at, after=after)
        answer = browser.fetch(
            "POST", f"/2fa/api/v1/{endpoint}", json={"code": typed}, headers={"X-CSRF-Token": token}
        )
        used, ended = store.calls > at, store.calls <= at
        store.arm(None)
        outcomes.add(answer.status)
        assert answer.status in ((503, 403) if kind == "wrong" else (503, 200))
        assert not site.calls
        assert passes(site, browser) is (answer.status == 200)
        if answer.status == 503:
            assert used
            again = site.api(browser, endpoint, {"code": typed}).status
            assert again == (403 if kind == "wrong" else 200), "a code was lost that nobody was told of"
        if ended:
            break
    assert 503 in outcomes
    assert len(outcomes) == 2
    assert ended, "there are calls that never failed"


def test_a_lost_acknowledgement(make_site: SiteMaker) -> None:
    """Case 57: a write that went through and whose acknowledgement was lost counts, once."""
    store = FailingStore()
    site = make_site(store=store)
    site.enroll("u1")
    browser = site.browser("u1")
    token = site.api(browser, "status").json()["csrf"]
    code = site.recovery_codes["u1"][0]
    store.arm(1, after=True)  # the account is read, then written
    answer = browser.fetch(
        "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
    )
    assert answer.status == 200
    assert store.calls > 2, "the write has not failed"
    store.arm(None)
    assert passes(site, browser)
    assert site.gate.status("u1").recovery_codes_left == 9


def test_sqlite_is_busy(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 57: while another process holds the file's write lock a code is 503: neither counted nor accepted."""
    path = tmp_path / "2fa.db"
    site = make_site(store=SQLiteStore(path, timeout=0.1), initialize=True)
    phone = site.enroll("u1")
    browser = site.browser("u1")
    token = site.api(browser, "status").json()["csrf"]
    before = site.store.load(KEY)
    site.calls.clear()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    code = phone.code()
    for typed in (code, phone.wrong()):
        answer = browser.fetch(
            "POST", "/2fa/api/v1/challenge", json={"code": typed}, headers={"X-CSRF-Token": token}
        )
        unavailable(site, answer)
    assert site.store.load(KEY) == before
    holder.execute("ROLLBACK")
    holder.close()
    site.verify(browser, "u1", code)


def test_the_file_is_gone_or_another(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 94: in service, a deleted file and an empty one in its place are 503: nobody is "not enrolled"."""
    path = tmp_path / "2fa.db"
    site = make_site(store=SQLiteStore(path), initialize=True, revocation_lag=timedelta(0))
    site.enroll("u1")
    browsers = [site.browser("u1"), site.verified("u1"), site.browser("u2")]
    site.calls.clear()
    for each in tmp_path.glob("2fa.db*"):
        each.unlink()
    for browser in browsers:
        unavailable(site, browser.send("GET", "/app/x"))
        assert browser.send("GET", "/2fa/enroll").status == 503
    SQLiteStore(path).scan("", None, 1)
    for browser in browsers:
        unavailable(site, browser.send("GET", "/app/x"))
        assert browser.send("GET", "/2fa/enroll").status == 503
    assert browsers[0].send("GET", "/2fa/health").status == 503


def test_an_account_is_gone(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Case 94: our cookie of this user, whose account is not there, is an alarm and 503; another user's is not."""
    browser, other = site.verified("u1"), site.verified("u2")
    site.calls.clear()
    stored = kept(site)
    assert site.store.save(KEY, None, "", stored.version)
    site.clock.move(2)
    site.gate.settings.passes.forget("u1")
    unavailable(site, browser.send("GET", "/app/x"))
    assert '"alarm"' in caplog.text
    fresh = site.browser("u1")
    assert fresh.navigate("/app/x").status == 303
    site.login(other, "u1")
    assert other.navigate("/app/x").status == 303
