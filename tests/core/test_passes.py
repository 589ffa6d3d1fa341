"""The memory of a PASS."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.stepping import NOW, Host, Request, World
from twofa_gate import Enforcement, Policy
from twofa_gate.core import passes
from twofa_gate.core.account import Account, encode
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import CallHook
from twofa_gate.core.flow import handle
from twofa_gate.core.passes import PassCache
from twofa_gate.core.storage import user_key
from twofa_gate.core.verification import Verification, digest, write_token

ONE, TWO = Account(user="u1"), Account(user="u1", enabled_at=NOW)


def test_remembered_for_as_long_as_the_lag() -> None:
    """An account is remembered for less than the lag."""
    cache: PassCache[Account] = PassCache(1.0)
    cache.put("u1", ONE, 10.0, cache.generation)
    assert cache.get("u1", 10.0) is ONE
    assert cache.get("u1", 10.999) is ONE
    assert cache.get("u1", 11.0) is None
    assert cache.get("u2", 10.0) is None


def test_without_lag_nothing_is_remembered() -> None:
    """`revocation_lag=0` reads the store each time."""
    cache: PassCache[Account] = PassCache(0.0)
    cache.put("u1", ONE, 10.0, cache.generation)
    assert cache.get("u1", 10.0) is None


def test_overtaken_read_is_not_remembered() -> None:
    """A read that a write of this process overtook is not remembered."""
    cache: PassCache[Account] = PassCache(1.0)
    generation = cache.generation
    cache.forget("u1")
    cache.put("u1", ONE, 10.0, generation)
    assert cache.get("u1", 10.0) is None


def test_each_write_overtakes() -> None:
    """A read between two writes is overtaken by the second one, however many there were before."""
    cache: PassCache[Account] = PassCache(1.0)
    for _ in range(3):
        cache.forget("u1")
        generation = cache.generation
        cache.forget("u1")
        cache.put("u1", ONE, 10.0, generation)
        assert cache.get("u1", 10.0) is None
    cache.put("u1", ONE, 10.0, cache.generation)
    assert cache.get("u1", 10.0) is ONE


def test_write_that_comes_while_it_is_put() -> None:
    """Nor is one that a write overtakes between the comparison and the entry."""

    class Racing(PassCache[Account]):
        looks = 0

        @property
        def generation(self) -> int:
            """Change from the second look on."""
            self.looks += 1
            return 0 if self.looks <= 1 else 1

        @generation.setter
        def generation(self, value: int) -> None:
            """Take nothing."""

    cache = Racing(1.0)
    cache.put("u1", ONE, 10.0, 0)
    assert cache.get("u1", 10.0) is None


def test_forgotten_at_once() -> None:
    """What is forgotten is gone; others stay."""
    cache: PassCache[Account] = PassCache(1.0)
    for user_id in ("u1", "u2"):
        cache.put(user_id, ONE, 10.0, cache.generation)
    cache.forget("u1")
    assert cache.get("u1", 10.0) is None
    assert cache.get("u2", 10.0) is ONE
    cache.put("u2", TWO, 10.5, cache.generation)
    assert cache.get("u2", 11.2) is TWO


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds a bounded number; the oldest go."""
    monkeypatch.setattr(passes, "MAX_USERS", 3)
    cache: PassCache[Account] = PassCache(1.0)
    for number in range(5):
        cache.put(f"u{number}", ONE, 10.0, cache.generation)
    assert [cache.get(f"u{number}", 10.0) is ONE for number in range(5)] == [False, False, True, True, True]
    for user_id in ("u2", "u5"):
        cache.put(user_id, ONE, 10.0, cache.generation)
    assert cache.get("u2", 10.0) is ONE, "who was read again is among the youngest"
    assert cache.get("u3", 10.0) is None


class Site:
    """A verified user, and how often the store was read for them."""

    def __init__(self, **settings: Any) -> None:
        self.host = Host({"office": Policy(Enforcement.REQUIRED, max_age=timedelta(hours=1))})
        self.world = World(self.host, **settings)
        self.world.enrolled()
        self.cookies = {"session": "s1", **self.world.verified()}

    def visit(self) -> bool:
        """Whether a request passes."""
        end = self.world.run(handle(self.world.settings, Request("/x", cookies=self.cookies)))
        assert isinstance(end, Answer | Forward)
        return isinstance(end, Forward)

    def reads(self) -> int:
        """How often the store was read."""
        return sum(isinstance(each, CallHook) and each.hook.name == "load" for each in self.world.effects)


def test_reused_within_the_lag() -> None:
    """Within the lag a verified user's requests read the store once; after it again."""
    site = Site()
    assert all(site.visit() for _ in range(3))
    assert site.reads() == 1
    site.world.later(1)
    assert site.visit()
    assert site.reads() == 2


def test_lag_of_zero_reads_each_time() -> None:
    """With `revocation_lag=0` each request reads."""
    site = Site(revocation_lag=timedelta(0))
    assert all(site.visit() for _ in range(3))
    assert site.reads() == 3


def test_revoked_in_this_process_is_refused_at_once() -> None:
    """A revocation in this process holds from the next request on, within the lag too."""
    site = Site(revocation_lag=timedelta(hours=1))
    assert site.visit()
    site.world.gate.revoke("u1")
    assert not site.visit()


def test_revoked_elsewhere_is_refused_after_the_lag() -> None:
    """A revocation in another process holds after `revocation_lag`."""
    site = Site(revocation_lag=timedelta(seconds=3))
    assert site.visit()
    generation = site.world.settings.passes.generation
    remembered = dict(site.world.settings.passes._read)
    account = site.world.account()
    assert account is not None
    site.world.put(account.but(verifications=()))
    site.world.settings.passes._read.update(remembered)
    site.world.settings.passes.generation = generation
    site.world.later(2.9)
    assert site.visit()
    site.world.later(0.1)
    assert not site.visit()


def test_memory_is_judged_anew() -> None:
    """What is remembered is the account and not the verdict: `max_age` ends it within the lag."""
    site = Site(revocation_lag=timedelta(days=1))
    assert site.visit()
    site.world.later(3600)
    assert site.visit()
    site.world.later(0.001)
    assert not site.visit()


def test_memory_of_one_login_is_not_anothers() -> None:
    """The memory of a verified browser opens nothing for a browser of the same user without verification."""
    site = Site(revocation_lag=timedelta(days=1))
    assert site.visit()
    site.cookies = {"session": "s1"}
    assert not site.visit()
    name = site.world.settings.cookies.verification
    site.cookies = {"session": "s1", name: "x" * 22 + "." + "y" * 22}
    assert not site.visit()


def test_what_is_remembered_refuses_nobody() -> None:
    """A browser that another process has verified since is let through at once: only a PASS is remembered."""
    site = Site(revocation_lag=3600)
    assert site.visit()
    world = site.world
    account = world.account()
    assert account is not None
    other = "other-other-other-othe"
    made = Verification(digest=digest(other), at=world.now, method="totp")
    key = user_key(world.settings.realm, "u1")
    stored = world.store.load(key)
    assert world.store.save(key, encode(account.with_verification(made)), "elsewhere", stored.version)
    site.cookies[world.settings.cookies.verification] = write_token(other, world.settings.keys, "u1")
    assert site.visit()
