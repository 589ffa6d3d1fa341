"""The stage of the state machine: one installation, its people and browsers, and a plain model beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.support.dying_store import DyingStore
from tests.support.plain_model import Passage, Person, code_at, may_pass, step_of
from tests.support.small_site import START, Browser, Reply, Site, TestTime
from twofa_gate import AfterCutoff, Enforcement, Gate, Method, Policy, User, hookimpl

__all__ = ["LAG", "PLACES", "USERS", "Stage", "policies"]

LAG = 1.0
PLACES = ("office", "billing", "lab")
USERS = {
    "alice": User("alice", "alice@example.com", "any"),
    "bob": User("bob", "bob@example.com", "any", joined=datetime.fromtimestamp(START - 86400, UTC)),
    "carol": User("carol", "carol@example.com"),  # her host doesn't name logins
}


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy, with dates about the time of the story."""
    enforcement = draw(st.sampled_from([Enforcement.REQUIRED, *Enforcement]))
    hours = draw(st.sampled_from([None, -200, -3, 1, 30]))
    cutoff = None if hours is None else datetime.fromtimestamp(START + hours * 3600, UTC)
    late = [AfterCutoff.ENROLL] if cutoff is None else list(AfterCutoff)
    spans = [timedelta(minutes=5), timedelta(hours=1), timedelta(hours=12)]
    return Policy(
        enforcement,
        cutoff=cutoff,
        after_cutoff=draw(st.sampled_from(late)),
        grace=draw(st.sampled_from([None, None, timedelta(days=2)])),
        max_age=draw(st.sampled_from(spans)),
        trust_browser_for=draw(st.sampled_from([None, timedelta(hours=2), timedelta(days=7)])),
        methods=draw(st.sampled_from([frozenset(Method), frozenset(Method), frozenset({Method.TOTP})])),
    )


class SecondOpinion:
    """Another plugin with policies of its own, for some locations."""

    def __init__(self) -> None:
        self.policies: dict[str, Policy] = {}

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy | None:
        """Give this plugin's policy, if it has one."""
        return self.policies.get(location)


class Stage(RuleBasedStateMachine):
    """One installation and how it is judged. Subclasses say what happens, and choose the driver."""

    driver: ClassVar[str] = "wsgi"

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.clock = TestTime()
        self.clock.install(self.patch)
        self.second = SecondOpinion()
        self.store = DyingStore()
        self.site = Site(self.driver, [self.second], self.store)
        self.site.host.users = dict(USERS)
        self.keys = ["key number 0 of the story, of 32 bytes or more"]
        self.gates = [self.start(), self.start()]
        self.browsers = [Browser() for _ in range(3)]
        self.old_cookies: list[str] = []
        self.people = {name: Person() for name in USERS}
        self.spent: dict[str, list[str]] = {name: [] for name in USERS}
        self.past: list[tuple[float, Gate, str, Person]] = []

    def start(self, keys: list[str] | None = None) -> Gate:
        return self.site.gate(keys or self.keys, revocation_lag=timedelta(seconds=LAG))

    def teardown(self) -> None:
        """Give the true time back."""
        self.site.close()
        self.patch.undo()

    # -- what the model says ---------------------------------------------------------------------------------

    def user(self, browser: Browser) -> User | None:
        return self.site.host.sessions.get(browser.jar.get("sid", ""))

    def policies(self, place: str) -> list[Policy]:
        both = (self.site.host.policies.get(place), self.second.policies.get(place))
        return [each for each in both if each is not None]

    def may(self, user: User, person: Person, place: str, jar: Browser, *, anew: bool = False) -> bool:
        cookie = None if anew else jar.cookie("verification")
        return may_pass(
            person, user, self.policies(place), self.clock.now, cookie=cookie, trust=jar.cookie("trust")
        )

    def might(self, user: User, place: str, jar: Browser, gate: Gate) -> bool:
        """Whether another process may still go by what held within the revocation lag."""
        mine = [at for at, (_, by, name, _) in enumerate(self.past) if by is gate and name == user.id]
        since = self.past[mine[-1] + 1 :] if mine else self.past
        return any(
            name == user.id
            and self.clock.steady - ended < LAG
            and jar.cookie("verification") in [each.cookie for each in was.passages]
            and self.may(user, was, place, jar)
            for ended, _, name, was in since
        )

    def changes(self, gate: Gate, name: str) -> Person:
        """Return the person to change, after noting what held until now."""
        self.past.append((self.clock.steady, gate, name, self.people[name].copy()))
        return self.people[name]

    # -- requests --------------------------------------------------------------------------------------------

    def send(self, gate: Gate, browser: Browser, method: str, target: str) -> Reply:
        before, place = self.user(browser), target.removeprefix("/").partition("?")[0].partition("/")[0]
        jar = Browser(dict(browser.jar))
        logins = self.site.host.logins
        reply = self.site.send(gate, browser, method, target)
        assert reply.status < 500, reply
        free = place in ("login", "logout")
        if before is not None and not free:
            allowed = self.may(before, self.people[before.id], place, jar)
            assert reply.called or not allowed, f"{before} was kept out of {place}: {reply}"
            if not allowed:
                assert not reply.called or self.might(before, place, jar, gate), f"{before} got at {place}"
        after = self.user(browser)
        if (after and (after.id, after.login)) != (before and (before.id, before.login)):
            self.changed_hands(gate, before, after, jar)
        changed = self.site.host.logins > logins
        if b"private:" in reply.body and after is not None and (changed or before is None):
            target_place = "login" if free else place
            known = _same(before, after)
            anew = self.may(after, self.people[after.id], target_place, jar, anew=not known)
            anew = anew or (known and self.might(after, target_place, jar, gate))
            assert anew, f"{after} saw their page in the answer to the login"
        return reply

    def changed_hands(self, gate: Gate, before: User | None, after: User | None, jar: Browser) -> None:
        cookie = jar.cookie("verification")
        for user in (before, after):
            if user is not None and cookie is not None:
                self.changes(gate, user.id).end(cookie)

    def api(self, gate: Gate, browser: Browser, place: str, name: str, value: Any) -> Reply:
        status = self.site.send(gate, browser, "GET", f"/2fa/api/v1/status?at={place}")
        assert status.status in (200, 401), status
        if status.status == 401:
            assert self.user(browser) is None, status
            return status
        reply = self.site.post_json(
            gate, browser, f"/2fa/api/v1/{name}?at={place}", value, status.json["csrf"]
        )
        assert reply.status < 500, reply
        assert not reply.called, reply
        return reply

    def code(self, kind: str, name: str) -> str:
        """Think of a code to type for that person."""
        person, now = self.people[name], step_of(self.clock.now)
        other = self.people["bob" if name == "alice" else "alice"]
        steps = {"good": 0, "previous": -1, "next": 1, "older": -2}
        if kind in steps and person.devices:
            return code_at(person.devices[-1].secret, now + steps[kind])
        if kind == "foreign" and other.devices:
            return code_at(other.devices[0].secret, now)
        if kind == "replayed" and self.spent[name]:
            return self.spent[name][-1]
        if kind == "recovery" and person.codes:
            return sorted(person.codes)[0]
        if kind == "foreign recovery" and other.codes:
            return sorted(other.codes)[0]
        used = [each for each in self.spent[name] if len(each) > 6]
        return used[-1] if kind == "used recovery" and used else "000000"

    def settle(self, gate: Gate, user: User, typed: str, reply: Reply, *, refusable: bool) -> bool:
        """Hold a typed code's outcome against the model, spend it there; whether it was accepted."""
        right = self.people[user.id].judge(typed, self.clock.now)
        if reply.status == 200:
            person = self.changes(gate, user.id)
            assert right is not None, f"{typed} was accepted of {user.id}"
            person.spend(typed, self.clock.now)
            self.spent[user.id].append(typed)
            return True
        if reply.status == 403 and reply.json["type"] == "urn:twofa-gate:wrong":
            assert right is None, f"{typed} of {user.id} was called wrong"
            self.changes(gate, user.id).failures += 1
            return False
        if reply.status == 429:
            assert self.people[user.id].failures >= 3, f"{user.id} was held up for nothing: {reply}"
            assert right is not Method.RECOVERY_CODE, "a recovery code works through a back-off"
            return False
        assert refusable, reply
        return False

    def asking(self, place: str) -> list[Policy]:
        return [each for each in self.policies(place) if each.enforcement is not Enforcement.OFF]

    def let_in(self, user: User, browser: Browser, had: str | None, method: Method) -> None:
        cookie = browser.cookie("verification")
        assert cookie, "passed without a cookie"
        assert cookie != had, "the cookie is the old one"
        self.old_cookies.append(cookie)
        self.people[user.id].let_in(had, Passage(cookie, self.clock.now, user.login, method))

    def verified(self, user: User, browser: Browser, seconds: float | None = None) -> bool:
        """Whether the browser holds a live verification of this login, at most so old."""
        now, cookie = self.clock.now, browser.cookie("verification")
        return any(
            each.cookie == cookie
            and each.login == user.login
            and (seconds is None or now - each.at <= seconds)
            for each in self.people[user.id].passages
        )


def _same(before: User | None, after: User | None) -> bool:
    if before is None or after is None:
        return before is after
    return (before.id, before.login) == (after.id, after.login)
