"""The way of a request."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.core.stepping import NOW, REQUIRED, TOKEN, Host, Request, World, header, user
from twofa_gate import (
    AfterCutoff,
    Decision,
    Enforcement,
    GateRequest,
    Method,
    Policy,
    User,
    hookimpl,
)
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.effects import CallHook, Effect
from twofa_gate.core.flow import handle
from twofa_gate.errors import BadRequest


def step(world: World, request: Request) -> Answer | Forward:
    """Run one request."""
    return world.run(handle(world.settings, request))


def test_nobody_is_let_through_as_nobody() -> None:
    """A request that names nobody is forwarded, with nobody in its context."""
    end = step(World(), Request("/x"))
    assert isinstance(end, Forward)
    assert (end.context.user, end.context.decision, bool(end.strip)) == (None, Decision.PASS, False)
    assert end.context.account_url == "/2fa/"


def test_known_without_code_is_refused() -> None:
    """A known user without a verification gets the redirect to the challenge."""
    world = World()
    world.enrolled()
    end = step(world, Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert end.status == 303
    assert (header(end, "location") or "").startswith("/2fa/challenge?next=")
    assert '"event": "refused"' in world.log[-1]


def test_verified_passes_with_its_context() -> None:
    """A verified user passes, and the host can read when and how they verified."""
    world = World()
    world.enrolled()
    cookies = {"session": "s1", **world.verified()}
    end = step(world, Request("/x", cookies=cookies, prefix="/app"))
    assert isinstance(end, Forward)
    context = end.context
    assert context.user is not None
    assert (context.user.id, context.location, context.method) == ("u1", "office", Method.TOTP)
    assert (context.verified_at, context.reminder) == (datetime.fromtimestamp(NOW, UTC), None)
    assert context.account_url == "/app/2fa/"


def test_method_of_a_newer_release_is_no_method() -> None:
    """A verification by a method that only a newer release knows opens nothing, and breaks nothing."""
    policy = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=30))
    world = World(Host({"office": policy}))
    world.enrolled()
    made = world.verified(method="passkey")
    assert isinstance(step(world, Request("/x", cookies={"session": "s1", **made})), Answer)
    trusted = step(world, Request("/x", cookies={"session": "s1", **made, **world.trusted()}))
    assert isinstance(trusted, Forward)
    assert trusted.context.method is None


def test_reminder_says_where_until_when_and_the_link() -> None:
    """Before the cut-off the host's context carries the reminder."""
    cutoff = datetime.fromtimestamp(NOW + 60, UTC)
    world = World(Host({"office": Policy(Enforcement.REQUIRED, cutoff=cutoff)}))
    end = step(world, Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Forward)
    assert end.context.decision is Decision.REMIND
    reminder = end.context.reminder
    assert reminder is not None
    assert (reminder.location, reminder.cutoff, reminder.url) == ("office", cutoff, "/2fa/enroll")


def test_second_before_and_at_the_cutoff() -> None:
    """One second before the cut-off the request passes with a reminder; at it, it is sent to set up."""
    cutoff = datetime.fromtimestamp(NOW, UTC)
    world = World(Host({"office": Policy(Enforcement.REQUIRED, cutoff=cutoff)}), now=NOW - 1)
    assert isinstance(step(world, Request("/x", cookies={"session": "s1"})), Forward)
    world.later(1)
    end = step(world, Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert (header(end, "location") or "").startswith("/2fa/enroll?next=")


def test_public_path_is_forwarded_without_credentials() -> None:
    """A public path asks nobody and forwards stripped; what only looks like it is gated."""
    world = World(public=["/static/"])
    world.enrolled()
    end = step(world, Request("/static/a.css", cookies={"session": "s1"}))
    assert isinstance(end, Forward)
    assert end.strip
    assert end.context.user is None
    assert world.effects == []
    for path in ("/staticfoo", "/static/../x", "//static/a", "/STATIC/a", "/static/a;b", "/static"):
        assert isinstance(step(world, Request(path, cookies={"session": "s1"})), Answer), path


def test_login_and_logout_paths_are_let_through() -> None:
    """Login and logout paths reach the application, with the user and their credentials."""
    world = World(login_paths=["/login"], logout_paths=["/logout"])
    world.enrolled()
    for path in ("/login", "/logout"):
        end = step(world, Request(path, cookies={"session": "s1"}))
        assert isinstance(end, Forward)
        assert not end.strip
        assert end.context.user is not None
    for path in ("/loginx", "/logout/", "/login/../x"):
        assert isinstance(step(world, Request(path, cookies={"session": "s1"})), Answer), path


def test_socket_on_login_path_is_gated() -> None:
    """What a socket says can't be looked at afterwards, so login and logout paths don't excuse one."""
    world = World(login_paths=["/login"], logout_paths=["/logout"])
    world.enrolled()
    for path in ("/login", "/logout", "/x"):
        end = step(world, Request(path, kind="websocket", cookies={"session": "s1"}))
        assert isinstance(end, Answer)
        assert end.status == 403


def test_socket_from_another_origin_is_refused() -> None:
    """A verified user's socket from a foreign page is refused; from our own it passes."""
    world = World()
    world.enrolled()
    cookies = {"session": "s1", **world.verified()}
    for origin, passes in (("https://evil.test", False), ("https://app.test", True)):
        end = step(world, Request("/ws", kind="websocket", cookies=cookies, headers={"origin": origin}))
        assert isinstance(end, Forward) is passes


def test_socket_to_our_own_pages_is_refused() -> None:
    """There is no socket among the gate's pages."""
    end = step(World(), Request("/2fa/challenge", kind="websocket"))
    assert isinstance(end, Answer)
    assert end.status == 403


def test_mount_is_served_and_its_lookalikes_are_not() -> None:
    """The gate answers below its mount; a path that only begins like it is the application's, and gated."""
    world = World()
    world.enrolled()
    end = step(world, Request("/2fa", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert header(end, "location") == "/2fa/"
    end = step(world, Request("/2fafoo", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert "/challenge" in (header(end, "location") or "")


def test_two_users_in_one_request_are_refused() -> None:
    """Plugins that name different users make the request a bad one, 400."""
    end = step(World(Host(), Other()), Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert end.status == 400


class Other:
    """A plugin that always names somebody else."""

    @hookimpl
    def identify(self) -> Any:
        """Name them."""
        return user("u9")


def test_doubled_session_cookie_is_refused() -> None:
    """A session cookie sent twice is 400, whichever would be right."""
    end = step(World(), Request("/x", headers={"cookie": "session=s1; session=s2"}))
    assert isinstance(end, Answer)
    assert end.status == 400


def test_no_policy_is_no_pass() -> None:
    """Where no plugin has an opinion and there is no default, the request is unavailable."""
    world = World(Host({"office": None}))
    end = step(world, Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert end.status == 503
    world = World(Host({"office": None}), policy=REQUIRED)
    end = step(world, Request("/x", cookies={"session": "s1"}))
    assert isinstance(end, Answer)
    assert end.status == 303


def test_late_enrolled_stays_out() -> None:
    """Who set up after the date of a DENY location is still kept out, though verified."""
    cutoff = datetime.fromtimestamp(NOW - 10, UTC)
    deny = Policy(Enforcement.REQUIRED, cutoff=cutoff, after_cutoff=AfterCutoff.DENY)
    world = World(Host({"office": deny}))
    world.enrolled(enabled_at=NOW - 5)
    end = step(world, Request("/x", cookies={"session": "s1", **world.verified()}))
    assert isinstance(end, Answer)
    assert end.status == 403
    assert b"kept out" in end.body


def test_report_only_refuses_nothing_until_its_end() -> None:
    """Until `report_only_until` the gate records what it would refuse; from then on it refuses."""
    world = World(report_only_until=datetime.fromtimestamp(NOW + 5, UTC))
    world.enrolled()
    assert isinstance(step(world, Request("/x", cookies={"session": "s1"})), Forward)
    assert '"would_refuse"' in world.log[-1]
    world.later(5)
    assert isinstance(step(world, Request("/x", cookies={"session": "s1"})), Answer)


def test_nothing_escapes_when_everything_fails() -> None:
    """Even if each effect fails, those that report the failure too, the end is a 503."""
    world = World()
    world.enrolled()

    def fail(effect: Effect[Any]) -> Any:
        raise OSError("down")

    end = world.run(handle(world.settings, Request("/x", cookies={"session": "s1"})), fail)
    assert isinstance(end, Answer)
    assert end.status == 503


def test_failure_says_nothing_of_itself() -> None:
    """A 503 holds no text of the failure; the log has it."""
    world = World()

    def fail(effect: Effect[Any]) -> Any:
        if isinstance(effect, CallHook):
            raise OSError("the password of the database")
        return world.perform(effect)

    end = world.run(handle(world.settings, Request("/x", cookies={"session": "s1"})), fail)
    assert isinstance(end, Answer)
    assert b"password" not in end.body
    assert "password of the database" in world.log[-1]


def test_bad_request_keeps_its_status() -> None:
    """A hook that finds the request malformed refuses it with that status."""

    class Strict(Host):
        @hookimpl
        def identify(self, request: GateRequest) -> User | None:
            raise BadRequest("too large", status=413)

    end = step(World(Strict()), Request("/x"))
    assert isinstance(end, Answer)
    assert end.status == 413


def test_cookie_of_a_lost_account_is_an_alarm() -> None:
    """Our cookie for a user of whom the store knows nothing is 503 and an alarm, not "never set up"."""
    world = World()
    world.enrolled()
    cookies = {"session": "s1", **world.verified()}
    assert world.gate.forget("u1") is True
    end = step(world, Request("/x", cookies=cookies))
    assert isinstance(end, Answer)
    assert end.status == 503
    assert any('"alarm"' in line for line in world.log)
    name = world.settings.cookies.verification
    for other in ({name: cookies[name].replace(TOKEN, "x" * 22).partition(".")[0]}, {}):
        end = step(world, Request("/x", cookies={"session": "s1", **other}))
        assert isinstance(end, Answer)
        assert end.status == 303


def test_settings_are_frozen() -> None:
    """Nothing changes a gate's settings after its start."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        World().settings.realm = "other"  # type: ignore[misc]  # it is what must not be possible
