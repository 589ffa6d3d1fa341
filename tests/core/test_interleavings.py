"""Case 58: requests that overlap in every possible order of their effects, and processes that die at any point.

The class: whatever is decided about an account is decided by one write, so no order of two or three concurrent
requests accepts a code twice, tries more codes than the budget has, lets a verification outlive its end, loses
what was acknowledged, or changes anything without its event.

Orders of two requests are enumerated. Of three they are drawn at random; `--soak` enumerates those too, where no
observer makes two more accesses to the store out of each request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.core.interleaving import Race, Ran, every_order, some_orders
from tests.core.stepping import (
    BROWSER,
    KEY,
    NOW,
    TOKEN,
    Host,
    Request,
    World,
    header,
    set_cookies,
    user,
)
from twofa_gate import Enforcement, EventKind, Gate, Policy, hookimpl
from twofa_gate.core import administration, management, recovery
from twofa_gate.core.account import Account, PendingEnrollment, secret_thing
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.attempts import BUDGET, RESERVED, Attempts, Lane, failures
from twofa_gate.core.flow import handle
from twofa_gate.core.kept_form import FORM_TYPE, Kept, seal_kept
from twofa_gate.core.verification import digest

PARTIES = [
    pytest.param((2, True), id="2"),
    pytest.param((3, False), id="3"),
    pytest.param((3, True), id="3-in-every-order", marks=pytest.mark.soak),
]
OTHER = "other-other-other-othe"
OTHER_SECRET = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"


class Events:
    """Notes events, each once."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    @hookimpl
    def on_event(self, event: Any) -> None:
        """Note it."""
        self.seen[event.id] = event.kind.value

    def count(self, kind: EventKind) -> int:
        """Return how many of a kind there were."""
        return list(self.seen.values()).count(kind.value)


class Scene:
    """A world in which `u1` has set up, with two processes, and requests to race against each other."""

    def __init__(
        self, *, observed: bool, policy: Policy | None = None, enrolled: bool = True, store: Any = None
    ) -> None:
        self.events = Events()
        self.observed = observed
        self.host = Host({"office": policy or Policy(Enforcement.REQUIRED)})
        plugins = [self.events] if observed else []
        self.world = World(self.host, *plugins, store=store, initialize=True)
        self.second = Gate(secret_keys=[KEY], issuer="Acme", plugins=[self.host, self.world.store, *plugins])
        self.started = 0
        self.codes: list[str] = []
        if enrolled:
            made = self.world.run(recovery.draw_set(self.world.settings.sealer, "u1", NOW))
            self.codes = made[1]
            self.world.enrolled(recovery=made[0])

    @property
    def account(self) -> Account:
        """The account as it is stored."""
        account = self.world.account()
        assert account is not None
        return account

    def post(
        self, page: str, purpose: str, *, browser: str = BROWSER, cookies: Any = None, **fields: str
    ) -> Race:
        """Race the POST of a form; requests go to the two processes in turn."""
        gate = (self.world.gate, self.second)[self.started % 2]
        self.started += 1
        token = gate.settings.signer.sign("csrf", [purpose, digest("u1"), None, digest(browser)], NOW)
        sent = {"session": "s1", gate.settings.cookies.browser: browser, **(cookies or {})}
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": "https://app.test"}

        def start() -> Any:
            request = Request(f"/2fa{page}", "POST", headers=headers, cookies=sent)
            return handle(gate.settings, request)

        return Race(start, urlencode({"csrf": token, **fields}).encode())

    def challenge(self, code: str) -> Race:
        """Race an answer to the challenge."""
        return self.post("/challenge", "challenge", code=code)

    def orders(self, *races: Race, every: bool = True) -> Iterator[Ran]:
        """Run all orders, or a sample where there are too many."""
        every = every and not (len(races) > 2 and self.observed)
        orders = every_order(self.world, races) if every else some_orders(self.world, races, 100)
        number = 0
        for ran in orders:
            number += 1
            yield ran
            self.events.seen.clear()
        assert number > 3, "the requests did not overlap"


@pytest.fixture(params=[False, True], ids=["unobserved", "observed"])
def scene(request: pytest.FixtureRequest) -> Callable[..., Scene]:
    """Make scenes, without and with an observer."""
    return lambda **more: Scene(observed=request.param, **more)


def passed(answer: Answer) -> bool:
    """Whether an answer gave a browser its verification."""
    return any("verification" in name and value for name, value in set_cookies(answer).items())


def statuses(ran: Ran) -> list[int]:
    """Return the statuses, sorted."""
    return sorted(answer.status for answer in ran.results)


@pytest.mark.parametrize("parties", PARTIES)
def test_same_totp_code(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """One code, entered several times at once, is accepted once; each other entry is a counted failure."""
    number, every = parties
    here = scene()
    code = here.world.code()
    for ran in here.orders(*[here.challenge(code) for _ in range(number)], every=every):
        assert statuses(ran) == [303] + [403] * (number - 1)
        assert [passed(each) for each in ran.results].count(True) == 1
        assert len(here.account.verifications) == 1
        assert failures(here.account.attempts, NOW) == number - 1
        if here.observed:
            assert here.events.count(EventKind.VERIFIED) == 1
            assert here.events.count(EventKind.CODE_REFUSED) == number - 1


@pytest.mark.parametrize("parties", PARTIES)
def test_same_recovery_code(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """One recovery code, entered several times at once, is accepted once and gone."""
    number, every = parties
    here = scene()
    for ran in here.orders(*[here.challenge(here.codes[0]) for _ in range(number)], every=every):
        assert statuses(ran) == [303] + [403] * (number - 1)
        assert here.account.recovery_left == 9
        assert len(here.account.verifications) == 1
        if here.observed:
            assert here.events.count(EventKind.RECOVERY_CODE_USED) == 1


@pytest.mark.parametrize("parties", PARTIES)
def test_wrong_codes_at_the_end_of_the_budget(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """With one attempt left, one of several wrong codes is tried; the others are not looked at."""
    number, every = parties
    here = scene()
    long_ago = tuple(NOW - 86400 + each for each in range(BUDGET - RESERVED - 1))
    spent = Attempts(stranger=Lane(failures=long_ago))
    here.world.put(here.account.but(attempts=spent))
    for ran in here.orders(*[here.challenge(here.world.wrong()) for _ in range(number)], every=every):
        assert statuses(ran) == [403] + [429] * (number - 1)
        assert failures(here.account.attempts, NOW) == BUDGET - RESERVED
        assert here.account.attempts.stranger.locked
        if here.observed:
            assert here.events.count(EventKind.LOCKED) == 1


def test_right_and_wrong_codes_at_the_end_of_the_budget(scene: Callable[..., Scene]) -> None:
    """With one attempt left the right code is accepted if it comes first, and not looked at afterwards."""
    here = scene()
    long_ago = tuple(NOW - 86400 + each for each in range(BUDGET - RESERVED - 1))
    here.world.put(here.account.but(attempts=Attempts(stranger=Lane(failures=long_ago))))
    for ran in here.orders(here.challenge(here.world.code()), here.challenge(here.world.wrong())):
        first = "right" if passed(ran.results[0]) else "wrong"
        assert ran.results[0].status == (303 if first == "right" else 429)
        assert ran.results[1].status == 403
        assert len(here.account.verifications) == (1 if first == "right" else 0)


@pytest.mark.parametrize("parties", PARTIES)
def test_wrong_codes_during_the_back_off(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """Requests that come together share one attempt between two delays."""
    number, every = parties
    here = scene()
    here.world.put(here.account.but(attempts=Attempts(stranger=Lane(failures=(NOW, NOW), streak=2))))
    for ran in here.orders(*[here.challenge(here.world.wrong()) for _ in range(number)], every=every):
        assert statuses(ran) == [403] + [429] * (number - 1)
        assert failures(here.account.attempts, NOW) == 3


@pytest.mark.parametrize("parties", PARTIES)
def test_same_kept_form(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """One kept form, sent on several times at once in two processes, reaches the application once."""
    number, every = parties
    here = scene()
    world = here.world
    cookies = world.verified()
    kept = Kept("f1", NOW, "/x", FORM_TYPE, "/new", "item=cake")
    sealed = world.run(seal_kept(world.settings, kept, user("u1"), BROWSER))

    def sending(gate: Gate) -> Race:
        request = world.typed(urlencode({"twofa_form": sealed}).encode(), query="twofa_form", cookies=cookies)

        def start() -> Any:
            gate.settings.passes.forget("u1")  # else each order would begin with what the last one left
            gate.settings.verdicts.clear()
            return handle(gate.settings, request)

        return Race(start, world.body)

    gates = [(world.gate, here.second)[each % 2] for each in range(number)]
    for ran in here.orders(*[sending(gate) for gate in gates], every=every):
        sent = [each for each in ran.results if isinstance(each, Forward)]
        assert len(sent) == 1
        assert sent[0].instead is not None
        assert sent[0].instead.posted == b"item=cake"
        assert [each.status for each in ran.results if isinstance(each, Answer)] == [409] * (number - 1)
        assert [each.id for each in here.account.forms] == ["f1"]


def pending(here: Scene, account: Account, browser: str = BROWSER) -> Account:
    """Begin an enrollment in a browser."""
    sealer = here.world.settings.sealer
    sealed = sealer.seal(OTHER_SECRET, b"m" * 12, user_id="u1", thing=secret_thing("p1"))
    begun = PendingEnrollment(id="p1", secret=sealed, browser=digest(browser), began=NOW)
    return here.world.put(account.but(pending=begun))


@pytest.mark.parametrize("parties", PARTIES)
def test_same_enrollment_confirmed(scene: Callable[..., Scene], parties: tuple[int, bool]) -> None:
    """One enrollment, confirmed several times at once, makes one authenticator; the others get 409 (403 later)."""
    number, every = parties
    here = scene(enrolled=False)
    pending(here, Account(user="u1"))
    code = here.world.code(secret=OTHER_SECRET)
    for ran in here.orders(*[here.post("/enroll", "enroll", code=code) for _ in range(number)], every=every):
        # Who comes when all is over is an enrolled user who has to pass the challenge first.
        assert statuses(ran)[0] == 200
        assert set(statuses(ran)[1:]) <= {403, 409}
        assert [each.id for each in here.account.authenticators] == ["p1"]
        shown = [re.findall(r"(?:[0-9A-Z]{6}-){3}[0-9A-Z]{6}", each.body.decode()) for each in ran.results]
        assert sum(map(len, shown)) == 10
        (codes,) = filter(None, shown)
        _assert_stored(here, codes)
        if here.observed:
            assert here.events.count(EventKind.ENABLED) == 1


def _assert_stored(here: Scene, shown: Sequence[str]) -> None:
    """Hold recovery codes that were shown against those that are stored."""
    stored = here.account.recovery
    assert stored is not None
    sealer = here.world.settings.sealer
    found = [recovery.find(stored, each.replace("-", ""), sealer, "u1") for each in shown]
    assert found == list(range(len(shown)))


def test_enrollment_begun_elsewhere_while_one_is_confirmed(scene: Callable[..., Scene]) -> None:
    """A setup that somebody else begins replaces one that waits, never one that was confirmed."""
    here = scene(enrolled=False)
    pending(here, Account(user="u1"))
    confirm = here.post("/enroll", "enroll", code=here.world.code(secret=OTHER_SECRET))
    begin = here.post("/enroll", "enroll", browser=OTHER)
    outcomes = set()
    for ran in here.orders(confirm, begin):
        confirmed, began = ran.results[0].status == 200, b"data-secret" in ran.results[1].body
        began = began or ran.results[1].status == 200
        outcomes.add((confirmed, began))
        assert [each.id for each in here.account.authenticators] == (["p1"] if confirmed else [])
        assert confirmed is not began
        assert ran.results[0].status in (200, 409)
    assert outcomes == {(True, False), (False, True)}


@pytest.mark.parametrize("end", ["disable", "reset"])
def test_verify_against_disable_and_reset(scene: Callable[..., Scene], end: str) -> None:
    """Whatever the order, no verification of what was there before is alive afterwards."""
    here = scene(policy=Policy(Enforcement.OPTIONAL))
    cookies = here.world.verified()
    races = [here.challenge(here.world.code())]
    if end == "disable":
        races.append(here.post("/disable", "disable", cookies=cookies, code=here.codes[0]))
    else:
        settings = here.second.settings
        operation = administration.reset
        races.append(
            Race(lambda: operation(settings, "u1", by="support", reason="lost phone", extension=60.0))
        )
    for ran in here.orders(*races):
        assert not here.account.authenticators
        assert not here.account.verifications
        assert not here.account.trusted
        if passed(ran.results[0]):
            assert ran.wins[0] == 0, "verified against a second factor that was gone"
        if here.observed:
            kind = EventKind.DISABLED if end == "disable" else EventKind.RESET
            assert here.events.count(kind) == 1


def test_verify_against_revoke(scene: Callable[..., Scene]) -> None:
    """What is verified before a revocation ends with it, and a code that comes after it counts."""
    here = scene()
    here.world.verified()
    old = digest(TOKEN)
    revoke = Race(lambda: administration.revoke(here.second.settings, "u1"))
    for ran in here.orders(here.challenge(here.world.code()), revoke):
        assert passed(ran.results[0])
        alive = [each.digest for each in here.account.verifications]
        assert old not in alive
        assert len(alive) == (1 if ran.wins.index(0) > ran.wins.index(1) else 0)


def test_visit_against_revoke(scene: Callable[..., Scene]) -> None:
    """A visit that overlaps a revocation may pass; one that begins after it, in that process, may not."""
    here = scene()
    cookies = here.world.cookies(here.world.verified())
    settings = here.world.settings
    visit = Race(lambda: handle(settings, Request("/office/x", cookies=cookies)))
    revoke = Race(lambda: administration.revoke(settings, "u1"))
    for _ in here.orders(visit, revoke, visit, every=False):
        after = here.world.run(visit.start())
        assert not isinstance(after, Forward)


@pytest.mark.parametrize("how", ["revoke", "sign out"])
def test_ended_elsewhere_and_again_here(scene: Callable[..., Scene], how: str) -> None:
    """A process that is told to end what another one has just ended lets nobody pass from then on either."""
    here = scene()
    cookies = here.world.verified()
    visit = Request("/office/x", cookies=here.world.cookies(cookies))
    settings = here.world.settings
    assert isinstance(here.world.run(handle(settings, visit)), Forward)
    here.world.run(administration.revoke(here.second.settings, "u1"))
    if how == "revoke":
        here.world.run(administration.revoke(settings, "u1"))
    else:
        here.world.run(management.end_own(settings, "u1", digest(TOKEN)))
    assert not isinstance(here.world.run(handle(settings, visit)), Forward)


def test_adding_a_device_against_being_signed_out(scene: Callable[..., Scene]) -> None:
    """A browser that is signed out while it confirms a further device is not verified by that, nor adds it."""
    here = scene()
    cookies = here.world.verified()
    pending(here, here.account)
    confirm = here.post("/enroll", "enroll", cookies=cookies, code=here.world.code(secret=OTHER_SECRET))
    sign_out = Race(lambda: management.end_browsers(here.second.settings, "u1"))
    outcomes = set()
    for ran in here.orders(confirm, sign_out):
        assert not here.account.verifications
        added = len(here.account.authenticators) == 2
        outcomes.add(added)
        assert added is passed(ran.results[0])
        assert ran.results[0].status in ((303,) if added else (403, 409))
    assert outcomes == {True, False}


def test_removing_a_device_against_being_signed_out(scene: Callable[..., Scene]) -> None:
    """A browser that is signed out while it removes a device gets no new verification for it."""
    here = scene()
    cookies = here.world.verified()
    (one,) = here.account.authenticators
    here.world.put(here.account.but(authenticators=(one, one.but(id="a2"))))
    remove = here.post("/authenticators/a2", "authenticators", cookies=cookies, action="remove")
    sign_out = Race(lambda: management.end_browsers(here.second.settings, "u1"))
    for ran in here.orders(remove, sign_out):
        assert not here.account.verifications
        assert passed(ran.results[0]) is (len(here.account.authenticators) == 1)


def test_renaming_a_device_against_being_signed_out(scene: Callable[..., Scene]) -> None:
    """A browser that was signed out changes no name any more, and is never verified by changing one."""
    here = scene()
    cookies = here.world.verified()
    rename = here.post("/authenticators/a1", "authenticators", cookies=cookies, action="rename", name="Mine")
    sign_out = Race(lambda: management.end_browsers(here.second.settings, "u1"))
    for ran in here.orders(rename, sign_out):
        renamed = here.account.authenticators[0].name == "Mine"
        assert not here.account.verifications
        assert renamed is (ran.results[0].status == 303)
        assert ran.wins[0] == (0 if renamed else 1)


def test_two_sets_of_recovery_codes(scene: Callable[..., Scene]) -> None:
    """Of two sets made at once the one that was shown last is stored, and the earlier one is void."""
    here = scene()
    cookies = here.world.verified()
    by_totp = here.post("/recovery-codes", "recovery_codes", cookies=cookies, code=here.world.code())
    by_recovery = here.post("/recovery-codes", "recovery_codes", cookies=cookies, code=here.codes[3])
    for ran in here.orders(by_totp, by_recovery):
        shown = [re.findall(r"(?:[0-9A-Z]{6}-){3}[0-9A-Z]{6}", each.body.decode()) for each in ran.results]
        renewed = [index for index in ran.wins if shown[index]]
        _assert_stored(here, shown[max(renewed, key=ran.wins.index)])


def test_unlock_against_wrong_codes(scene: Callable[..., Scene]) -> None:
    """An administrator's unlock is not undone by an attempt that was under way before it."""
    here = scene()
    locked = Attempts(stranger=Lane(failures=tuple([NOW - 5000.0] * 80), locked=True))
    here.world.put(here.account.but(attempts=locked))
    unlock = Race(lambda: administration.unlock(here.second.settings, "u1", by="support"))
    for ran in here.orders(here.challenge(here.world.wrong()), unlock):
        assert not here.account.attempts.stranger.locked
        assert failures(here.account.attempts, NOW) == [403, 429].count(ran.results[0].status) - (
            ran.results[0].status == 429
        )


def test_sign_out_against_a_visit_by_the_same_browser(scene: Callable[..., Scene]) -> None:
    """Signing out ends the verification for good, also while the browser still has requests under way."""
    here = scene()
    cookies = here.world.cookies(here.world.verified())
    settings = here.world.settings
    visit = Race(lambda: handle(settings, Request("/office/x", cookies=cookies)))
    sign_out = here.post("/sign-out", "sign_out", cookies=cookies)
    for ran in here.orders(visit, sign_out):
        assert header(ran.results[1], "location") or ran.results[1].status == 200
        assert not here.account.verifications
        assert not isinstance(here.world.run(visit.start()), Forward)


@pytest.mark.parametrize("typed", ["totp", "recovery"])
def test_a_process_dies_anywhere(typed: str) -> None:
    """A process that is killed between any two effects: the code is spent by it or not at all, never twice.

    If it was, the verification is recorded and so is its event, which somebody delivers later.
    """
    died, at = 0, 0
    while True:
        here = Scene(observed=True)
        code = here.world.code() if typed == "totp" else here.codes[0]
        race = here.challenge(code)
        flow = race.start()
        effect = next(flow)
        try:
            for _ in range(at):
                given = race.body if type(effect).__name__ == "ReadBody" else here.world.perform(effect)
                effect = flow.send(given)
        except StopIteration:
            break
        flow.close()
        died, at = died + 1, at + 1
        spent = len(here.account.verifications)
        again = here.challenge(code)
        here.world.body = again.body
        answer = here.world.run(again.start())
        assert answer.status == (403 if spent else 303)
        assert len(here.account.verifications) == 1
        here.world.later(31)
        here.world.run(handle(here.world.settings, Request("/office/x", cookies=here.world.cookies())))
        assert here.events.count(EventKind.VERIFIED) == 1
        assert not here.account.outbox
    assert died > 15, "the story has more effects than that"
