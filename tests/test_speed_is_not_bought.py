"""Speed is not bought with a check: with every memo in place, what has ended is refused at once.

Each story warms the gate until a request is answered from what is remembered, which the test proves by
counting loads of the store; then one thing changes, and the very next request is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.small_site import DRIVERS, START, Browser, Site, TestTime
from twofa_gate import Enforcement, Gate, Policy, Stored, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.core import storage
from twofa_gate.core.account import Account, encode, secret_thing
from twofa_gate.core.storage import transact, user_key
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification, digest, write_token
from twofa_gate.stores.memory import MemoryStore

USER = User("u1", "ada@example.com", "login 1")
TOKEN, TRUST = "t" * 22, "r" * 22
REQUIRED = Policy(Enforcement.REQUIRED)
LAG = 3600.0
"""Long, so that what ends by itself does not end what is remembered."""


class CountingStore(MemoryStore):
    """Counts the loads."""

    loads = 0

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """Load, and count."""
        self.loads += 1
        return super().load(key)


class Story:
    """One verified browser at one gate, warm."""

    def __init__(self, driver: str, clock: TestTime, **settings: Any) -> None:
        self.clock = clock
        self.store = CountingStore()
        self.site = Site(driver, store=self.store)
        self.site.host.users["u1"] = USER
        self.site.host.sessions["s1"] = USER
        self.site.host.policies["office"] = REQUIRED
        self.gate = self.site.gate(**{"revocation_lag": LAG, **settings})
        self.browser = Browser({"sid": "s1"})
        self.enroll()

    def enroll(self) -> None:
        """Write an account with a verification of now, as the gate does."""
        settings = self.gate.settings
        sealed = settings.sealer.seal("A" * 32, b"n" * 12, user_id="u1", thing=secret_thing("a1"))
        made = Verification(
            digest=digest(TOKEN), at=self.clock.now, method="totp", login=digest("u1\0login 1")
        )
        account = Account(
            user="u1",
            authenticators=(Authenticator(id="a1", name="Phone", secret=sealed),),
            enabled_at=self.clock.now - 86400,
            verifications=(made,),
        )
        assert self.store.save(user_key("main", "u1"), encode(account), "1", None)
        self.browser.jar["__Host-twofa-verification-main"] = write_token(TOKEN, settings.keys, "u1")

    def passes(self, gate: Gate | None = None) -> bool:
        """Visit a page; tell whether the application was asked."""
        return self.site.send(gate or self.gate, self.browser, "GET", "/office").called

    def warm(self) -> None:
        """Visit until nothing is read any more."""
        assert self.passes()
        assert self.passes()
        before = self.store.loads
        assert self.passes()
        assert self.store.loads == before, "this was to be answered from memory"
        assert self.gate.settings.verdicts

    def change(self, act: Callable[[Account], Account]) -> None:
        """Change the account in one act, in this process."""

        def acting(account: Account, now: float) -> Any:
            yield from ()
            return act(account), None

        run(transact(self.gate.settings, "u1", acting))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> TestTime:
    """Install a clock that only the test moves."""
    time = TestTime()
    time.install(monkeypatch)
    return time


@pytest.fixture(params=DRIVERS)
def tell(request: pytest.FixtureRequest, clock: TestTime) -> Iterator[Callable[..., Story]]:
    """Give what makes a warm story, through each driver."""
    made: list[Story] = []

    def make(**settings: Any) -> Story:
        story = Story(request.param, clock, **settings)
        made.append(story)
        return story

    yield make
    for story in made:
        story.site.close()


def revoke(story: Story) -> None:
    """Revoke, as the host does after a password change."""
    story.gate.revoke("u1")


def reset(story: Story) -> None:
    """Reset, as support does."""
    story.gate.reset("u1", by="ops", reason="phone lost", extension=timedelta(0))


def forget(story: Story) -> None:
    """Forget the user: our cookie without an account is an alarm, and no pass."""
    story.gate.forget("u1")


def end_verification(story: Story) -> None:
    """Sign this one browser out."""
    story.change(lambda account: account.without_verification(digest(TOKEN)))


def age(story: Story) -> None:
    """Let the verification become older than the location allows, by less than what is remembered lives."""
    story.site.host.policies["office"] = replace(REQUIRED, max_age=timedelta(minutes=10))
    story.warm()
    story.clock.now += 601


def come_from_ahead(story: Story) -> None:
    """Set the clock back, so that the verification comes from more than 30 s ahead."""
    story.clock.set_back(31)


def demand_fresh(story: Story) -> None:
    """Change the location's policy: a verification counts for less time now."""
    story.clock.advance(600)
    story.site.host.policies["office"] = replace(REQUIRED, max_age=timedelta(minutes=5))


def demand_tickets(story: Story) -> None:
    """Change the location's policy, and let its date pass: it takes a ticket to have set up here."""
    from twofa_gate import Enrollment

    date = datetime.fromtimestamp(story.clock.now + 60, UTC)
    story.site.host.policies["office"] = replace(REQUIRED, cutoff=date, enrollment=Enrollment.TICKET)
    story.warm()
    story.clock.advance(60)


def head_elsewhere(story: Story) -> None:
    """Head for a location that demands more."""
    story.site.host.policies["office"] = replace(REQUIRED, max_age=timedelta(seconds=1))
    story.clock.advance(2)


def log_in_again(story: Story) -> None:
    """Be the same user in another login."""
    story.site.host.sessions["s1"] = replace(USER, login="login 2")


def be_another(story: Story) -> None:
    """Have the session name another user, who has not verified."""
    other = User("u2", "bob@example.com", "login 1")
    story.site.host.sessions["s1"] = other


def lose_cookie(story: Story) -> None:
    """Send no verification."""
    del story.browser.jar["__Host-twofa-verification-main"]


def change_cookie(story: Story) -> None:
    """Send a verification with one character changed."""
    name = "__Host-twofa-verification-main"
    story.browser.jar[name] = "x" + story.browser.jar[name][1:]


def double_cookie(story: Story) -> None:
    """Send our cookie twice: that is no verification."""
    name = "__Host-twofa-verification-main"
    story.browser.jar[f"a=b; {name}"] = story.browser.jar[name]


ENDINGS = (revoke, reset, forget, end_verification, age, come_from_ahead, demand_fresh, demand_tickets)
CHANGES = (head_elsewhere, log_in_again, be_another, lose_cookie, change_cookie, double_cookie)


@pytest.mark.parametrize("ending", [*ENDINGS, *CHANGES], ids=lambda ending: str(ending.__name__))
def test_refused_at_once(tell: Callable[..., Story], ending: Callable[[Story], None]) -> None:
    """Whatever ends a passage, the next request is refused, though what is remembered would live for an hour."""
    story = tell()
    story.warm()
    ending(story)
    assert not story.passes()


@pytest.mark.parametrize("ending", [revoke, reset, end_verification], ids=lambda each: str(each.__name__))
def test_refused_in_another_process_within_the_lag(
    tell: Callable[..., Story], ending: Callable[[Story], None]
) -> None:
    """What was ended in one process is refused in another as soon as `revocation_lag` is over; never later."""
    story = tell(revocation_lag=1)
    other = story.site.gate(revocation_lag=1)
    story.warm()
    assert story.passes(other)
    ending(story)
    story.clock.advance(1)
    assert not story.passes(other)


@pytest.mark.parametrize("ending", [revoke, reset, end_verification], ids=lambda each: str(each.__name__))
def test_without_lag_refused_in_every_process_at_once(
    tell: Callable[..., Story], ending: Callable[[Story], None]
) -> None:
    """Without a lag the store is read on each request, and what another process has ended is refused at once."""
    story = tell(revocation_lag=0)
    other = story.site.gate(revocation_lag=0)
    for _ in range(3):
        before = story.store.loads
        assert story.passes(other)
        assert story.store.loads > before
    ending(story)
    assert not story.passes(other)


def test_void_before_holds_for_what_is_remembered(tell: Callable[..., Story]) -> None:
    """A gate that is told of a leaked key refuses what was verified before, from its first request on."""
    story = tell()
    story.warm()
    void = datetime.fromtimestamp(START + 1, UTC)
    assert not story.passes(story.site.gate(revocation_lag=LAG, void_before=void))


def test_a_trusted_browser_is_asked_of_the_store_each_time(tell: Callable[..., Story]) -> None:
    """A passage that rests on a trusted browser is never remembered."""
    story = tell()
    story.site.host.policies["office"] = replace(REQUIRED, trust_browser_for=timedelta(days=30))
    trusted = TrustedBrowser(digest=digest(TRUST), at=story.clock.now)
    story.change(lambda account: account.without_verification(digest(TOKEN)).with_trusted(trusted))
    lose_cookie(story)
    story.browser.jar["__Host-twofa-trust-main"] = write_token(TRUST, story.gate.settings.keys, "u1")
    for _ in range(3):
        before = story.store.loads
        assert story.passes()
        assert story.store.loads > before
    assert not story.gate.settings.verdicts


def test_a_failing_hook_is_noticed_when_warm(tell: Callable[..., Story]) -> None:
    """Every hook is asked on every request: one that fails refuses it, whatever is remembered."""
    story = tell()
    story.warm()
    story.site.host.policies["office"] = "nonsense"  # type: ignore[assignment]  # that is the point
    reply = story.site.send(story.gate, story.browser, "GET", "/office")
    assert (reply.status, reply.called) == (503, False)


def test_a_document_that_changed_is_read_anew(tell: Callable[..., Story]) -> None:
    """A decoded document counts only for the very same bytes, whatever version they carry."""
    story = tell(revocation_lag=0)
    assert story.passes()
    key = user_key("main", "u1")
    stored = story.store.load(key)
    assert stored is not None
    broken = stored.document.replace(b'"user":"u1"', b'"user":"u2"')
    assert story.store.save(key, broken, "2", stored.version)
    reply = story.site.send(story.gate, story.browser, "GET", "/office")
    assert (reply.status, reply.called) == (503, False)


def test_what_is_remembered_is_bounded(tell: Callable[..., Story], monkeypatch: pytest.MonkeyPatch) -> None:
    """No memo grows with the number of users, browsers or mount points."""
    from twofa_gate.core import flow, passes, reuse

    for module, name in ((reuse, "MAX_VERDICTS"), (passes, "MAX_USERS"), (storage, "MAX_KNOWN")):
        monkeypatch.setattr(module, name, 5)
    monkeypatch.setattr(flow, "MAX_PREFIXES", 5)
    story = tell()
    settings = story.gate.settings
    for number in range(40):
        story.browser.jar["theme"] = str(number)
        assert story.passes()
    assert len(settings.verdicts) == 5
    for number in range(40):
        user = replace(USER, id=f"v{number}")
        story.site.host.sessions["s1"] = user
        account = Account(user=user.id)
        story.store.save(user_key("main", user.id), encode(account), "1", None)
        assert not story.passes()
    assert len(settings.documents) <= 5
