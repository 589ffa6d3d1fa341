"""The reuse of a PASS: it rests on everything that the decision rests on."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import NOW, TOKEN, Host, Request, World, user
from twofa_gate import AfterCutoff, Decision, Enforcement, Enrollment, GateRequest, Policy, User, hookimpl
from twofa_gate.core import reuse
from twofa_gate.core.account import Account, Extension
from twofa_gate.core.answer import Answer, Context, Forward, Mode
from twofa_gate.core.decision import Facts, NamedPolicy, decide, steady_span
from twofa_gate.core.effects import CallHook, Clock
from twofa_gate.core.flow import handle
from twofa_gate.core.quiet import is_quiet, is_remarkable, is_same_still
from twofa_gate.core.standing import Reading, keep
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification, digest
from twofa_gate.locations import LocationSettings

SECONDS = st.integers(-100, 100).map(lambda number: NOW + number)
LENGTHS = st.integers(1, 100).map(lambda number: timedelta(seconds=number))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Make a policy whose times are near."""
    cutoff = draw(st.none() | SECONDS.map(_moment))
    denies = cutoff is not None and draw(st.booleans())
    return Policy(
        draw(st.sampled_from(Enforcement)),
        cutoff=cutoff,
        after_cutoff=AfterCutoff.DENY if denies else AfterCutoff.ENROLL,
        grace=draw(st.none() | LENGTHS),
        max_age=draw(LENGTHS),
        trust_browser_for=draw(st.none() | LENGTHS),
        enrollment=draw(st.sampled_from(Enrollment)),
        tickets_from=draw(st.none() | SECONDS.map(_moment)),
    )


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    """Make facts whose times are near."""
    until = st.builds(Extension, location=st.none(), until=SECONDS, to_set_up=st.booleans())
    account = Account(
        user="u1",
        authenticators=draw(st.sampled_from([(), (Authenticator(id="a1", name="", secret=""),)])),
        enabled_at=draw(SECONDS),
        vouched=draw(st.booleans()),
        extensions=tuple(draw(st.lists(until, max_size=2))),
    )
    return Facts(
        user(joined=draw(st.none() | SECONDS.map(_moment))),
        "office",
        draw(st.none() | st.just(account)),
        draw(st.none() | SECONDS.map(lambda at: Verification(digest="d", at=at, method="totp"))),
        draw(st.none() | SECONDS.map(lambda at: TrustedBrowser(digest="t", at=at))),
        None,
        draw(SECONDS),
        draw(st.none() | SECONDS),
    )


@given(policies(), facts(), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_within_the_span_time_changes_nothing(policy: Policy, known: Facts, share: float) -> None:
    """At every moment of the span the policy decides as it does now."""
    since, until = steady_span([NamedPolicy(policy, "P")], known)
    if not since < known.now < until:
        return
    first, last = max(since, NOW - 10_000), min(until, NOW + 10_000)
    moment = first + share * (last - first)
    for then in (moment, math.nextafter(since, math.inf), math.nextafter(until, -math.inf)):
        if since < then < until and math.isfinite(then):
            assert decide(policy, replace(known, now=then)) is decide(policy, known)


def test_span_ends_shortly_before_what_changes_a_decision() -> None:
    """The span reaches from the last moment that counts to the next, a millisecond short; without any it is open."""
    known = Facts(user(), "office", None, None, None, None, NOW)
    assert steady_span([NamedPolicy(Policy(Enforcement.REQUIRED), "P")], known) == (-math.inf, math.inf)
    made = Verification(digest="d", at=NOW - 60, method="totp")
    trust = TrustedBrowser(digest="t", at=NOW - 3600)
    hour = Policy(Enforcement.REQUIRED, max_age=timedelta(hours=1), trust_browser_for=timedelta(days=1))
    by_code = steady_span([NamedPolicy(hour, "P")], replace(known, verification=made))
    assert by_code == pytest.approx((NOW - 60 - 30 + 0.001, NOW - 60 + 3600 - 0.001), abs=1e-4)
    by_trust = steady_span([NamedPolicy(hour, "P")], replace(known, trusted=trust))
    assert by_trust == pytest.approx((NOW - 3600 - 30 + 0.001, NOW - 3600 + 86400 - 0.001), abs=1e-4)


def visit(world: Warm, path: str = "/x", **fields: Any) -> Answer | Forward:
    """Visit a page as the verified user."""
    cookies = {"session": "s1", **world.verified_cookies, **fields.pop("cookies", {})}
    return world.run(handle(world.settings, Request(path, cookies=cookies, **fields)))


class Warm(World):
    """A world in which `u1` is verified and has been let through once."""

    def __init__(self, *plugins: object, **settings: Any) -> None:
        required = Policy(Enforcement.REQUIRED)
        self.host = Host({"office": required, "harbor": required})
        super().__init__(self.host, *plugins, **settings)
        self.enrolled()
        self.verified_cookies = self.verified()
        assert isinstance(visit(self), Forward)


def loads(world: World) -> int:
    """Count the loads among the effects so far."""
    return sum(1 for each in world.effects if isinstance(each, CallHook) and each.hook.name == "load")


def test_same_request_is_the_same_forward() -> None:
    """The same request is let through by the very same value, without a load, and every hook is asked."""
    world = Warm()
    first = visit(world)
    before = loads(world)
    world.effects.clear()
    assert visit(world) is first
    names = [each.hook.name for each in world.effects if isinstance(each, CallHook)]
    assert names == ["identify", "locate", "policy"]
    assert before > 0


def test_another_mount_point_is_decided_anew() -> None:
    """What leads to the account page is not taken from another mount point."""
    world = Warm()
    other = visit(world, prefix="/app")
    assert isinstance(other, Forward)
    assert other.context.account_url == "/app/2fa/"


def test_another_location_is_decided_anew() -> None:
    """A location with the very same policy is another location, whose extensions and name are its own."""
    world = Warm()
    here, there = visit(world), visit(world, "/harbor")
    assert isinstance(here, Forward)
    assert isinstance(there, Forward)
    assert (here.context.location, there.context.location) == ("office", "harbor")


@pytest.mark.parametrize(
    "other", [user("u2"), user("u1", login="another"), user("u1", joined=_moment(NOW - 86400))]
)
def test_another_user_with_the_same_cookies_is_decided_anew(other: User) -> None:
    """What was decided of one user says nothing of whom the host names for the same cookies a moment later."""
    world = Warm()
    first = visit(world)
    world.host.sessions["s1"] = user("u1")
    assert visit(world) is first
    world.host.sessions["s1"] = other
    second = visit(world)
    assert second is not first
    assert isinstance(second, Answer) or second.context.user == other


def test_too_long_a_header_is_not_kept() -> None:
    """A Cookie header that nobody needs is not remembered."""
    world = Warm()
    world.settings.verdicts.clear()
    visit(world, cookies={"long": "x" * reuse.MAX_COOKIES})
    assert not world.settings.verdicts


def test_at_the_very_moment_nothing_is_kept() -> None:
    """A PASS at the last moment of a verification says nothing of the next one."""
    world = Warm()
    world.settings.verdicts.clear()
    world.later(12 * 3600)
    assert isinstance(visit(world), Forward)
    assert not world.settings.verdicts
    world.now += 0.5
    assert isinstance(visit(world), Answer)


def test_location_settings_are_part_of_it() -> None:
    """What is stored of the location is read again with the lag, and a change of it is decided by."""
    world = Warm(LocationSettings(default=Policy(Enforcement.REQUIRED)))
    first = visit(world)
    assert visit(world) is first
    world.settings.location_memory.forget("office")
    before = loads(world)
    assert visit(world) is first
    assert loads(world) > before


def test_after_the_lag_one_read_renews_it() -> None:
    """Once the lag is over the account is read; if it is what it was, so is the decision, for another lag."""
    world = Warm()
    first = visit(world)
    world.later(1)
    before = loads(world)
    assert visit(world) is first
    assert visit(world) is first
    assert loads(world) == before + 1


def test_a_large_document_is_decoded_each_time() -> None:
    """A document that is larger than what is kept is decoded each time, and means the same."""
    world = Warm(revocation_lag=0)
    account = world.account()
    assert account is not None
    for number in range(40):
        account = account.with_event(f"event {number}", "verified", NOW, {"why": "x" * 200})
    world.put(account)
    world.settings.documents.clear()
    assert isinstance(visit(world), Forward)
    assert not world.settings.documents


def test_token_is_what_it_rests_on() -> None:
    """The account without this verification is another account, and passes nobody."""
    world = Warm()
    account = world.account()
    assert account is not None
    world.put(account.without_verification(digest(TOKEN)))
    assert isinstance(visit(world), Answer)


def test_nothing_read_is_nothing_kept() -> None:
    """Where no account was read there is none to remember."""
    world = World()
    clock = Clock(NOW, 1000.0)
    keep(
        world.settings,
        user(),
        ("office", [], clock),
        Reading(None, (), None, world.settings.passes.generation),
    )
    assert world.settings.passes.get("u1", 1000.0) is None


@pytest.mark.parametrize(
    ("fields", "quiet"),
    [
        ({}, True),
        ({"method": "HEAD"}, True),
        ({"method": "POST"}, False),
        ({"kind": "websocket"}, False),
    ],
)
def test_quiet_requests(fields: dict[str, Any], quiet: bool) -> None:
    """An answer to a verified user's safe request is looked at again only for what it announces itself."""
    world = Warm()
    request = Request("/x", cookies={"session": "s1", **world.verified_cookies}, **fields)
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    assert is_quiet(request, end) is quiet


def test_live_sessions_are_never_quiet() -> None:
    """A session that can change inside the process is asked about as each answer begins."""

    class Live(Host):
        @hookimpl(live=True)
        def identify(self, request: GateRequest) -> User | None:
            """Look the session up."""
            return super().identify(request)

    world = World(Live())
    world.enrolled()
    request = Request("/x", cookies={"session": "s1", **world.verified()})
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    assert not is_quiet(request, end)
    assert is_same_still(world.settings, request, end) is True


@pytest.mark.parametrize("mode", [Mode.LOGIN, Mode.LOGOUT, Mode.PUBLIC])
def test_other_paths_are_looked_at_in_full(mode: Mode) -> None:
    """Of a login, a logout or a public path it is never said that asking again is enough."""
    world = World()
    end = Forward(Context(Decision.PASS, "/2fa/"), mode)
    assert is_same_still(world.settings, Request("/x"), end) is False


def test_who_came_since_is_not_the_same() -> None:
    """Somebody who was nobody when the request came is another; a hook that fails says nothing good."""
    request = Request("/x", cookies={"session": "s1"})
    nobody = Forward(Context(Decision.PASS, "/2fa/"))
    assert is_same_still(World().settings, request, nobody) is False

    class Failing(Host):
        @hookimpl
        def identify(self, request: GateRequest) -> User | None:
            """Fail."""
            raise OSError("the sessions are gone")

    assert is_same_still(World(Failing()).settings, Request("/x"), nobody) is False


def test_two_who_came_since_are_not_the_same() -> None:
    """Where a second plugin names another user by the time of the answer, nobody is the same, in either order."""

    class Beside:
        found: User | None = None

        @hookimpl(blocking=False)
        def identify(self, request: GateRequest) -> User | None:
            """Name whoever is there by now."""
            return self.found

    class First(Host):
        @hookimpl(blocking=False)
        def identify(self, request: GateRequest) -> User | None:
            """Look the session up."""
            return super().identify(request)

    request = Request("/x", cookies={"session": "s1"})
    beside = Beside()
    settings = World(First(), beside).settings
    of_u1, of_u2 = (Forward(Context(Decision.PASS, "/2fa/", user(name))) for name in ("u1", "u2"))
    assert is_same_still(settings, request, of_u1) is True
    beside.found = user("u2")
    assert is_same_still(settings, request, of_u1) is False
    assert is_same_still(settings, request, of_u2) is False


@pytest.mark.parametrize(
    ("headers", "remarkable"),
    [
        ([("Content-Type", "text/html")], False),
        ([("Connection", "close"), ("Content-Type", "text/html"), ("Retry-After", "1")], False),
        ([("SET-cookie", "a=b")], True),
        ([("Content-Type", "Text/Event-Stream; charset=utf-8")], True),
        ([], False),
    ],
)
def test_what_an_answer_announces(headers: list[tuple[str, str]], remarkable: bool) -> None:
    """A cookie and an event stream are never overlooked."""
    assert is_remarkable(headers) is remarkable
