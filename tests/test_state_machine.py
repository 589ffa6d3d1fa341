"""The promise, played out: long random stories of several people, browsers and processes, beside a plain model.

After every request: the application's answer, or any word that is private to a user, got out only if the model
says that each policy of that location let this user pass at that moment. And whom the model lets pass, passes.
The model (`tests/support/plain_model.py`) shares no code with the gate. `TWOFA_GATE_STORIES` says how many stories.
"""

from __future__ import annotations

import os
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.support.dying_store import Died
from tests.support.plain_model import Device, Passage, Pending, code_at, step_of
from tests.support.small_site import Browser
from tests.support.stage import PLACES, USERS, Stage, policies
from twofa_gate import Enforcement, Method, Policy

people = st.sampled_from(sorted(USERS))
browsers = st.integers(0, 2)
processes = st.integers(0, 1)
places = st.sampled_from(PLACES)
kinds = st.sampled_from(
    (
        *("good", "good", "good", "previous", "next", "older", "wrong", "replayed", "foreign"),
        *("recovery", "used recovery", "foreign recovery"),
    )
)


class Stories(Stage):
    """What happens. A subclass chooses the other driver."""

    # -- what people do --------------------------------------------------------------------------------------

    @initialize(given=st.lists(policies(), min_size=3, max_size=3))
    def begin_with(self, given: list[Policy]) -> None:
        """Give every location a policy."""
        self.site.host.policies = dict(zip(PLACES, given, strict=True))
        self.site.host.policies["login"] = Policy(Enforcement.REQUIRED)
        for b, name in enumerate(["alice", "bob", "alice"]):
            self.log_in(b, 0, name)
        for b in (0, 1):
            self.set_up(b, 0, PLACES[0])

    @rule(b=browsers, g=processes, name=people)
    def log_in(self, b: int, g: int, name: str) -> None:
        """Log in by the form; whoever was logged in there is not any more."""
        self.send(self.gates[g], self.browsers[b], "POST", f"/login?login={name}")

    @rule(b=browsers, g=processes, name=people, place=places)
    def log_in_anywhere(self, b: int, g: int, name: str, place: str) -> None:
        """Post credentials to any URL, as somebody or nobody."""
        self.send(self.gates[g], self.browsers[b], "POST", f"/{place}/in?login={name}")

    @rule(b=browsers, g=processes)
    def log_out(self, b: int, g: int) -> None:
        """Log out."""
        self.send(self.gates[g], self.browsers[b], "POST", "/logout")

    @rule(b=browsers, g=processes, place=places)
    def visit(self, b: int, g: int, place: str) -> None:
        """Ask for a page."""
        self.send(self.gates[g], self.browsers[b], "GET", f"/{place}/page")

    @rule(b=browsers, g=processes, place=places, kind=kinds, trust=st.booleans())
    def verify(self, b: int, g: int, place: str, kind: str, trust: bool) -> None:
        """Answer the challenge."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        typed, had = self.code(kind, user.id), browser.cookie("verification")
        trusted = browser.cookie("trust")
        reply = self.api(gate, browser, place, "challenge", {"code": typed, "trust": trust})
        enrolled = bool(self.people[user.id].devices)
        if self.settle(gate, user, typed, reply, refusable=not enrolled):
            self.let_in(user, browser, had, Method(reply.json["method"]))
            if browser.cookie("trust") != trusted:
                span = [each.trust_browser_for for each in self.asking(place)]
                assert trust, "trusted without asking to be"
                assert all(span), "trusted where no browser may be"
                method = Method(reply.json["method"])
                made = Passage(browser.cookie("trust") or "", self.clock.now, None, method)
                self.people[user.id].trusted = [*self.people[user.id].trusted, made][-20:]

    @rule(b=browsers, g=processes, place=places)
    def begin_setting_up(self, b: int, g: int, place: str) -> None:
        """Have a secret shown."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        fresh = self.verified(user, browser, 300)
        reply = self.api(gate, browser, place, "enrollment", {})
        if reply.status == 200:
            person = self.changes(gate, user.id)
            assert fresh or not person.devices, "a secret was shown to somebody who hadn't verified"
            name = browser.cookie("browser") or ""
            person.pending = Pending(reply.json["secret"], name, self.clock.now)

    @rule(b=browsers, g=processes, place=places, steps=st.sampled_from([0, 0, 0, -1, 1, -2]))
    def confirm(self, b: int, g: int, place: str, steps: int) -> None:
        """Type a code of the secret that was shown, wherever it was shown."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        pending = None if user is None else self.people[user.id].pending
        if user is None or pending is None:
            return
        now, had = self.clock.now, browser.cookie("verification")
        code = code_at(pending.secret, step_of(now) + steps)
        verified = self.verified(user, browser)
        reply = self.api(gate, browser, place, "enrollment", {"code": code})
        if reply.status == 429:
            assert self.people[user.id].failures >= 3
        if reply.status == 403 and reply.json["type"] == "urn:twofa-gate:wrong":
            self.changes(gate, user.id).failures += 1
        if reply.status != 200:
            return
        person = self.changes(gate, user.id)
        assert steps in (0, -1), "a code of another time confirmed"
        assert pending.browser == browser.cookie("browser"), "another browser confirmed"
        assert now - pending.began <= 600, "confirmed too late"
        assert verified or not person.devices, "a second device for somebody who hadn't verified"
        if not person.devices:
            person.passages, person.trusted, person.enabled = [], [], now
            person.codes = set(reply.json["recovery_codes"])
        person.devices.append(Device(pending.secret, step_of(now) + steps))
        person.pending = None
        self.spent[user.id].append(code)
        self.let_in(user, browser, had, Method.TOTP)

    @rule(b=browsers, g=processes, place=places)
    def set_up(self, b: int, g: int, place: str) -> None:
        """Set up in one go, as most people do."""
        self.begin_setting_up(b, g, place)
        self.confirm(b, g, place, 0)

    @rule(
        b=browsers, g=processes, place=places, kind=st.sampled_from(["good", "recovery"]), trust=st.booleans()
    )
    def verify_after_a_while(self, b: int, g: int, place: str, kind: str, trust: bool) -> None:
        """Answer the challenge once nothing speaks against it, and go where it leads."""
        self.clock.advance(1000)
        self.verify(b, g, place, kind, trust)
        self.visit(b, g, place)

    @rule(b=browsers, g=processes, place=places, kind=kinds)
    def disable(self, b: int, g: int, place: str, kind: str) -> None:
        """Disable the second factor."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        typed, verified = self.code(kind, user.id), self.verified(user, browser)
        reply = self.api(gate, browser, place, "disable", {"code": typed})
        if self.settle(gate, user, typed, reply, refusable=True):
            assert verified, "disabled by somebody who hadn't verified"
            self.people[user.id].strip()

    @rule(b=browsers, g=processes, place=places, kind=kinds)
    def renew_codes(self, b: int, g: int, place: str, kind: str) -> None:
        """Make new recovery codes."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        had = browser.cookie("verification")
        typed, verified = self.code(kind, user.id), self.verified(user, browser)
        right = self.people[user.id].judge(typed, self.clock.now)
        reply = self.api(gate, browser, place, "recovery-codes", {"code": typed})
        if self.settle(gate, user, typed, reply, refusable=True) and right is not None:
            assert verified, "new codes for somebody who hadn't verified"
            self.people[user.id].codes = set(reply.json["recovery_codes"])
            self.let_in(user, browser, had, right)

    @rule(b=browsers, g=processes, place=places)
    def sign_out_others(self, b: int, g: int, place: str) -> None:
        """Sign every other browser out."""
        gate, browser, user = self.gates[g], self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        verified = self.verified(user, browser)
        reply = self.api(gate, browser, place, "browsers", {"action": "sign-out-others"})
        if reply.status == 200:
            person = self.changes(gate, user.id)
            assert verified or not person.devices
            own = browser.cookie("verification") if verified else None
            person.passages = [each for each in person.passages if each.cookie == own]
            person.trusted = []

    # -- what operators do -----------------------------------------------------------------------------------

    @rule(g=processes, name=people)
    def reset(self, g: int, name: str) -> None:
        """Reset somebody, with two days to set up again, which let nobody pass by themselves."""
        self.gates[g].reset(name, by="support", reason="lost phone")
        person = self.changes(self.gates[g], name)
        person.strip()
        person.failures = 0
        until = self.clock.now + 48 * 3600
        person.set_up_until = max(until, person.set_up_until or 0)

    @rule(g=processes, name=people)
    def revoke(self, g: int, name: str) -> None:
        """End all that lets somebody's browsers pass."""
        self.gates[g].revoke(name)
        person = self.changes(self.gates[g], name)
        person.passages, person.trusted, person.pending = [], [], None

    @rule(b=browsers, g=processes, place=places, other=st.booleans())
    def revoke_while_browsing(self, b: int, g: int, place: str, other: bool) -> None:
        """Revoke between two clicks, in the same process or the other one."""
        user = self.user(self.browsers[b])
        if user is not None:
            self.visit(b, g, place)
            self.revoke(1 - g if other else g, user.id)
            self.visit(b, g, place)

    @rule(place=places, policy=policies())
    def change_policy(self, place: str, policy: Policy) -> None:
        """Save other settings for a location."""
        self.site.host.policies[place] = policy

    @rule(place=places, policy=st.one_of(st.none(), policies()))
    def change_second_opinion(self, place: str, policy: Policy | None) -> None:
        """Have the other plugin ask for something, or nothing."""
        self.second.policies.pop(place, None)
        if policy is not None:
            self.second.policies[place] = policy

    @rule(seconds=st.sampled_from([0.3, 1.1, 29.0, 31.0, 301.0, 700.0, 3601.0, 50_000.0]))
    def time_goes_by(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([5.0, 31.0, 600.0]))
    def set_clock_back(self, seconds: float) -> None:
        """Set the clock back."""
        self.clock.set_back(seconds)

    @rule(g=processes)
    def restart(self, g: int) -> None:
        """Restart one process."""
        self.gates[g] = self.start()

    @rule(
        b=browsers, g=processes, place=places, kind=st.sampled_from(["good", "recovery"]), late=st.booleans()
    )
    def die_at_a_right_code(self, b: int, g: int, place: str, kind: str, late: bool) -> None:
        """Have the process die as it writes what a right code changed: before that, or after, with no answer."""
        browser, user = self.browsers[b], self.user(self.browsers[b])
        if user is None:
            return
        typed, had = self.code(kind, user.id), browser.cookie("verification")
        method = self.people[user.id].judge(typed, self.clock.now)
        self.store.dies = "after" if late else "before"
        try:
            reply = self.api(self.gates[g], Browser(dict(browser.jar)), place, "challenge", {"code": typed})
            assert reply.status in (400, 401, 403, 409, 429), "it was answered and not written"
        except Died:
            if late and method is not None:
                person = self.changes(self.gates[g], user.id)
                person.spend(typed, self.clock.now)
                self.spent[user.id].append(typed)
                person.let_in(had, Passage("which nobody got", self.clock.now, user.login, method))
            elif late:
                self.changes(self.gates[g], user.id).failures += 1
        finally:
            self.store.dies = None
        self.gates[g] = self.start()

    @rule()
    def rotate_keys(self) -> None:
        """Restart everything with a new key in front of the old ones."""
        self.keys.insert(0, f"key number {len(self.keys)} of the story, of 32 bytes or more")
        self.gates = [self.start(), self.start()]

    # -- what attackers do -----------------------------------------------------------------------------------

    @precondition(lambda self: self.old_cookies)
    @rule(b=browsers, g=processes, place=places, age=st.integers(0, 5))
    def bring_an_old_cookie(self, b: int, g: int, place: str, age: int) -> None:
        """Put a verification cookie that was anybody's, in any browser, into this one."""
        cookie = self.old_cookies[-1 - age % len(self.old_cookies)]
        self.browsers[b].jar["__Host-twofa-verification-main"] = cookie
        self.visit(b, g, place)

    @rule(b=browsers, g=processes, other=browsers, place=places)
    def steal_trust(self, b: int, g: int, other: int, place: str) -> None:
        """Carry a trust cookie into another browser: it lets nobody pass but its user."""
        name = "__Host-twofa-trust-main"
        if name in self.browsers[other].jar:
            self.browsers[b].jar[name] = self.browsers[other].jar[name]
            self.visit(b, g, place)

    @rule(b=browsers, place=places)
    def ask_a_process_without_the_keys(self, b: int, place: str) -> None:
        """Ask a process that lacks the keys: 503 for whoever set up, and nobody passes as unenrolled."""
        browser, user = (
            replace(self.browsers[b], jar=dict(self.browsers[b].jar)),
            self.user(self.browsers[b]),
        )
        if user is None:
            return
        stray = self.start(["a key of another installation, of 32 bytes or more"])
        reply = self.site.send(stray, browser, "GET", f"/{place}/page")
        if self.people[user.id].devices and self.asking(place):
            assert reply.status == 503, reply
            assert not reply.called, reply


class StoriesByAsgi(Stories):
    """The same through the other driver."""

    driver = "asgi"


_SETTINGS = settings(
    max_examples=int(os.environ.get("TWOFA_GATE_STORIES", "80")),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
Stories.TestCase.settings = _SETTINGS
StoriesByAsgi.TestCase.settings = _SETTINGS
TestStoriesByWsgi = Stories.TestCase
TestStoriesByAsgi = StoriesByAsgi.TestCase
