"""What requests put on the record: who, why, where, and by whose policy."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.stepping import NOW, Host, Request, Sabotage, World, user
from twofa_gate import Decision, Enforcement, Policy
from twofa_gate.core.answer import Answer, Forward
from twofa_gate.core.flow import handle
from twofa_gate.core.quiet import identity
from twofa_gate.core.second_look import SecondLook

WHO = {"s1": user("u1"), "s2": user("u2")}


def told(world: World) -> list[dict[str, Any]]:
    """Give what was logged, without what all events have."""
    lines = [json.loads(line) for line in world.log]
    return [{name: value for name, value in line.items() if name not in ("at", "id")} for line in lines]


def handled(world: World, **fields: Any) -> Answer | Forward:
    """Handle a request of u1."""
    return world.run(handle(world.settings, Request("/office", cookies=world.cookies(), **fields)))


def test_a_refusal_names_the_decision_the_location_and_the_policy() -> None:
    """The event of a refusal says who was refused, where, what was decided, and whose policy that was."""
    world = World()
    world.enrolled()
    assert isinstance(handled(world), Answer)
    facts = {"decision": "challenge", "location": "office", "policy": "Host"}
    assert told(world) == [{"event": "refused", "user": "u1", **facts}]


def test_where_there_is_no_policy_none_is_named() -> None:
    """A location without any policy is unavailable, and the event names none."""
    world = World(Host({"office": None}))
    answer = handled(world)
    assert isinstance(answer, Answer)
    assert answer.status == 503
    facts = {"decision": "unavailable", "location": "office", "policy": None}
    assert told(world) == [{"event": "refused", "user": "u1", **facts}]


def test_a_socket_from_another_site_is_on_the_record() -> None:
    """The event says whose it was, why it was refused, and which path it went to; the answer is a bare 403."""
    world = World()
    world.enrolled()
    answer = handled(world, kind="websocket", headers={"origin": "https://evil.test"})
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (403, b"")
    line = {"event": "refused", "user": "u1", "why": "foreign origin", "path": "/office"}
    assert told(world) == [line]


@pytest.mark.parametrize("what", ["identify", "store"])
def test_a_failure_is_on_the_record_with_its_moment(what: str) -> None:
    """The event says what failed, and that it did so as the request came."""
    world = World()
    world.enrolled()
    answer = world.run(
        handle(world.settings, Request("/office", cookies=world.cookies())),
        Sabotage(world, 0 if what == "identify" else 4).perform,
    )
    assert isinstance(answer, Answer)
    assert answer.status == 503
    line = {
        "event": "unavailable",
        "user": None,
        "error": "OSError('failed on purpose')",
        "moment": "request",
    }
    assert told(world) == [line]


def test_what_would_be_refused_is_on_the_record() -> None:
    """While the gate only reports, the event says what it would have decided, of whom and where."""
    world = World(report_only_until=datetime.fromtimestamp(NOW + 3600, UTC))
    world.enrolled()
    assert isinstance(handled(world), Forward)
    facts = {"decision": "challenge", "location": "office"}
    assert told(world) == [{"event": "would_refuse", "user": "u1", **facts}]


def withheld(status: int, headers: list[tuple[str, str]], **fields: Any) -> tuple[World, Any]:
    """Let a login through that the application answers so; return what may go out."""
    world = World(login_paths=["/login"])
    world.enrolled()
    request = Request("/login", "POST", headers={"origin": "https://app.test"}, **fields)
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    look = SecondLook(world.settings, request, end)
    outgoing = world.run(look.begin(status, [("Set-Cookie", "session=s1"), *headers]))
    return world, outgoing


def test_a_page_that_is_withheld_is_on_the_record() -> None:
    """The event says from whom a page was withheld, where, and what was decided."""
    world, outgoing = withheld(200, [("Content-Type", "text/html"), ("Content-Length", "6")])
    assert outgoing.start[0] == 303
    assert outgoing.end
    facts = {"decision": Decision.CHALLENGE.value, "location": "office"}
    assert told(world) == [{"event": "withheld", "user": "u1", **facts}]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 399])
def test_a_redirect_goes_out_bare(status: int) -> None:
    """Every redirect within the origin goes out, without its body, and nothing is on the record."""
    world, outgoing = withheld(status, [("Location", "/office"), ("Content-Length", "6")])
    assert outgoing.start[0] == status
    assert (outgoing.data, outgoing.end) == (b"", True)
    assert told(world) == []


@pytest.mark.parametrize("status", [299, 400])
def test_what_only_looks_like_a_redirect_is_withheld(status: int) -> None:
    """A `Location` makes no redirect of another status."""
    world, outgoing = withheld(status, [("Location", "/office"), ("Content-Length", "6")])
    assert outgoing.start[0] == 303
    assert told(world)[-1]["event"] == "withheld"


def test_a_browser_that_changes_hands_is_on_the_record() -> None:
    """Where a verified browser logs in as another, the event says why the verification ended; it counts for nobody."""
    lax = Policy(Enforcement.OPTIONAL)
    world = World(Host({"office": lax}, **WHO))
    world.enrolled()
    cookies = {"session": "s1", **world.verified()}
    request = Request("/office", cookies=cookies)
    end = world.run(handle(world.settings, request))
    assert isinstance(end, Forward)
    assert identity(end.context.user) == ("u1", None)
    look = SecondLook(world.settings, request, end)
    outgoing = world.run(look.begin(200, [("Set-Cookie", "session=s2")]))
    assert outgoing.start is not None
    line = {"event": "verification_ended", "user": "u1", "why": "browser changed hands"}
    assert told(world) == [line]
    account = world.account()
    assert account is not None
    assert account.verifications == ()
