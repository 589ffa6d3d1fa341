"""`at_once` decides as `handle` does: the same hooks in the same order, and the same end."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import REQUIRED, Host, Request, World, user
from twofa_gate import Enforcement, GateRequest, Policy, User, hookimpl
from twofa_gate.core.answer import Answer, Forward, Mode
from twofa_gate.core.effects import CallHook, Clock
from twofa_gate.core.flow import at_once, handle
from twofa_gate.core.paths import Way

LISTS: dict[str, Any] = {"public": ["/static/"], "login_paths": ["/login"], "logout_paths": ["/logout"]}
End = Answer | Forward


class Noting(Host):
    """A host that notes what it is asked, and answers nonsense or fails where it is told to."""

    def __init__(self, amiss: str | None = None) -> None:
        super().__init__({"office": REQUIRED, "lobby": Policy(Enforcement.OFF), "attic": None})
        self.amiss = amiss
        self.asked: list[str] = []

    def _note(self, name: str, *of: str) -> None:
        self.asked.append(" ".join([name, *of]))
        if self.amiss == f"{name} fails":
            raise OSError(name)

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Note it."""
        self._note("identify")
        return 7 if self.amiss == "identify" else super().identify(request)  # type: ignore[return-value]  # nonsense

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest, user: User) -> str:  # type: ignore[override]  # hooks take what they name
        """Note it, and of whom it was asked."""
        self._note("locate", user.id)
        return "" if self.amiss == "locate" else super().locate(request)

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy | None:  # type: ignore[override]  # hooks take what they name
        """Note it, and of whom and where it was asked."""
        self._note("policy", location, user.id)
        return 7 if self.amiss == "policy" else super().policy(location)  # type: ignore[return-value]  # nonsense


class LogsOut(Noting):
    """A host that says by a hook which requests log out."""

    @hookimpl
    def is_logout(self, request: GateRequest) -> bool:
        """Go by the path."""
        return request.path == "/lobby/leave"


def world_of(host: Noting, lists: dict[str, Any], policy: Policy | None) -> tuple[World, dict[str, str]]:
    """Make a world where `u1` is verified, and `u2` is not."""
    world = World(host, policy=policy, **lists)
    world.enrolled()
    world.enrolled("u2")
    return world, world.verified()


def end_of(world: World, request: Request, decide: Callable[[World, Request], Any]) -> End:
    """Decide by one of the two, and run to its end what is not at it."""
    found = decide(world, request)
    end: End = world.run(found) if isinstance(found, Generator) else found
    return end


def by_flow(world: World, request: Request) -> Any:
    """Decide as drivers do that have to wait."""
    return handle(world.settings, request)


def by_call(world: World, request: Request) -> Any:
    """Decide as drivers do that don't."""
    return at_once(world.settings, request, lambda: Clock(world.now, world.monotonic))


PATHS = (
    *(
        "/",
        "/office",
        "/lobby/leave",
        "/attic",
        "/static/a.css",
        "/static/../x",
        "/login",
        "/logout",
        "/2factor",
    ),
    *("/2fa/health", "/2fa/challenge", "/login/", "//static/a.css", "", "/" + "x" * 300),
)
WRONG = ("identify", "locate", "policy", "identify fails", "locate fails", "policy fails")


class Case(NamedTuple):
    """A request, and the site that it comes to."""

    path: str
    session: str | None
    verified: bool
    method: str
    kind: str
    doubled: bool
    query: str
    amiss: str | None
    lists: dict[str, Any]
    policy: Policy | None
    make: type[Noting]
    warm: int

    def request(self, cookies: dict[str, str]) -> Request:
        """Make the request."""
        sent = ({} if self.session is None else {"session": self.session}) | (
            cookies if self.verified else {}
        )
        headers = {"sec-fetch-mode": "navigate"}
        made = Request(
            self.path, self.method, cookies=sent, headers=headers, kind=self.kind, query=self.query
        )
        made.doubled_authorization = self.doubled
        return made


CASES = st.builds(
    Case,
    path=st.sampled_from(PATHS),
    session=st.sampled_from([None, "s1", "s2", "nobody"]),
    verified=st.booleans(),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
    kind=st.sampled_from(["http", "http", "websocket"]),
    doubled=st.sampled_from([False, False, True]),
    query=st.sampled_from(["", "sid=1"]),
    amiss=st.none() | st.sampled_from(WRONG),
    lists=st.sampled_from([{}, LISTS]),
    policy=st.sampled_from([None, REQUIRED]),
    make=st.sampled_from([Noting, LogsOut]),
    warm=st.integers(0, 2),
)


@given(CASES)
def test_both_come_to_the_same_end(case: Case) -> None:
    """Whatever comes, and however warm the memos are: the same answer, or the same Forward, and the same log."""
    found = []
    for decide in (by_flow, by_call):
        host = case.make()
        world, cookies = world_of(host, case.lists, case.policy)
        for _ in range(case.warm):
            end_of(world, case.request(cookies), decide)
        host.amiss = case.amiss
        host.asked.clear()
        world.log.clear()
        end = end_of(world, case.request(cookies), decide)
        kinds = [json.loads(line)["event"] for line in world.log]
        found.append((repr(end), host.asked, kinds))
    assert found[0] == found[1]


@pytest.mark.parametrize("path", ["/office", "/static/a.css", "/login"])
def test_who_is_known_already_is_let_through_without_a_flow(path: str) -> None:
    """Where all that is needed is known, there is nothing to run; and it is the very same value each time."""
    world, cookies = world_of(Noting(), LISTS, None)
    request = Request(path, cookies={"session": "s1", **cookies})
    first = end_of(world, request, by_call)
    assert isinstance(first, Forward)
    again = by_call(world, request)
    assert isinstance(again, Forward)
    assert again == first
    assert not any(isinstance(each, CallHook) and each.hook.name != "load" for each in world.effects[-1:])


def test_nobody_with_nothing_is_quiet_and_nobody_with_cookies_is_not() -> None:
    """Who came with a cookie, or a query, is looked at again; who came with nothing only if something is set."""
    world, _ = world_of(Noting(), {}, None)
    ends = [
        by_call(world, Request("/office", query=query, cookies=cookies))
        for cookies, query in ((None, ""), ({"theme": "dark"}, ""), (None, "sid=1"), (None, ""))
    ]
    assert [bool(end.quiet) for end in ends] == [True, False, False, True]
    assert all(end.mode is Mode.ORDINARY and end.context.user is None for end in ends)


def test_live_sessions_make_nobody_quiet() -> None:
    """Where a session can change without a cookie, every answer is looked at again."""

    class Live(Host):
        @hookimpl(live=True, blocking=False)
        def identify(self, request: GateRequest) -> User | None:
            """Look the session up."""
            return super().identify(request)

    world = World(Live())
    end = by_call(world, Request("/office"))
    assert isinstance(end, Forward)
    assert not end.quiet


def test_a_plugin_that_waits_is_not_asked_in_place() -> None:
    """One hook of those that every request asks makes the whole wait; others don't matter."""

    class Reads(Host):
        @hookimpl(blocking=False)
        def identify(self, request: GateRequest) -> User | None:
            """Be quick."""
            return user()

        @hookimpl(blocking=True)
        def policy(self, location: str) -> Policy | None:
            """Be slow."""
            return REQUIRED

    assert World(Noting()).settings.hooks.in_place
    hooks = World(Reads()).settings.hooks
    assert (hooks.identify_in_place, hooks.in_place) == (True, False)
    assert not World(Host()).settings.hooks.identify_in_place


def test_what_the_settings_say_of_a_path_is_remembered_within_bounds() -> None:
    """The memo of paths says what the rules say, and does not grow with the paths that are asked for."""
    ways = World(Noting(), **LISTS).settings.ways
    paths = {
        "/static/x": Way.PUBLIC,
        "/login": Way.LISTED,
        "/logout": Way.LISTED,
        "/2fa/x": Way.MOUNT,
        "/y": Way.ORDINARY,
    }
    for path, way in paths.items():
        assert ways.known(path) is ways.known(path) is ways.find(path) is way
    for number in range(3000):
        assert ways.known(f"/static/{number}") is Way.PUBLIC
    assert ways.known.cache_info().currsize <= 1024  # type: ignore[attr-defined]  # it is an `lru_cache`
