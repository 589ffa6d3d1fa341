"""Events."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.stepping import NOW, Host, World
from twofa_gate import Event, EventKind, hookimpl
from twofa_gate.core import events
from twofa_gate.core.account import Account
from twofa_gate.core.effects import DrawRandom, Effect, WriteLog


class Failing:
    """An observer that fails."""

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Fail."""
        raise RuntimeError("observer is broken")


class Noting:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)


def test_one_line_and_one_call() -> None:
    """An event is one line of JSON in the log, and one call of each observer."""
    one, two = Noting(), Noting()
    world = World(Host(), one, two)
    one.events.clear()
    two.events.clear()
    world.run(events.record(world.settings, EventKind.REFUSED, "u1", location="office"))
    assert len(world.log) == 1
    line = json.loads(world.log[0])
    moment = datetime.fromtimestamp(NOW, UTC)
    event = Event(line["id"], EventKind.REFUSED, moment, "u1", {"location": "office"})
    assert one.events == two.events == [event]
    assert line == {
        "event": "refused",
        "at": moment.isoformat(),
        "user": "u1",
        "location": "office",
        "id": event.id,
    }


def test_failing_observer_changes_nothing() -> None:
    """An observer that fails is logged; the others hear of the event, and the flow goes on."""
    noting = Noting()
    world = World(Host(), noting, Failing())
    noting.events.clear()
    for order in (world, World(Host(), Failing(), noting)):
        noting.events.clear()
        order.log.clear()
        order.run(events.record(order.settings, EventKind.REFUSED, None))
        assert [each.kind for each in noting.events] == [EventKind.REFUSED]
        failure = json.loads(order.log[1])
        assert (failure["event"], failure["observer"]) == ("observer_failed", "Failing")
        assert "observer is broken" in failure["error"]


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (EventKind.VERIFIED, logging.INFO),
        (EventKind.CODE_REFUSED, logging.WARNING),
        (EventKind.UNAVAILABLE, logging.ERROR),
        (EventKind.ALARM, logging.CRITICAL),
    ],
)
def test_levels(kind: EventKind, level: int) -> None:
    """What needs attention is logged at a level that gets it."""
    world = World()
    world.run(events.record(world.settings, kind, None))
    assert [each.level for each in world.effects if isinstance(each, WriteLog)] == [level]


def test_line_stays_one_line() -> None:
    """Whatever is in the facts, the line is one, and a value without a JSON form is told as text."""
    world = World()
    world.run(events.record(world.settings, EventKind.REFUSED, "u\r\n1", path="/\n\x1b[31m", odd={"a"}))
    assert len(world.log[0].splitlines()) == 1
    assert "\x1b" not in world.log[0]


def test_queued_events_are_delivered_in_order() -> None:
    """Queued events keep their order, time and facts."""
    noting = Noting()
    world = World(Host(), noting)
    noting.events.clear()
    account = Account(user="u1")
    account = world.run(events.queue(account, EventKind.ENABLED, NOW, name="Phone"))
    account = world.run(events.queue(account, EventKind.VERIFIED, NOW + 1))
    world.run(events.deliver(world.settings, "u1", account.outbox))
    assert [(each.kind.value, each.at.timestamp(), each.facts) for each in noting.events] == [
        ("enabled", NOW, {"name": "Phone"}),
        ("verified", NOW + 1, {}),
    ]
    assert len({each.id for each in account.outbox}) == 2


def test_event_of_a_newer_release_is_logged() -> None:
    """After a roll-back an event that this release doesn't know is logged, and holds nothing up."""
    noting = Noting()
    world = World(Host(), noting)
    noting.events.clear()
    account = Account(user="u1").with_event("e1", "teleported", NOW, {"to": "moon"})
    account = account.with_event("e2", "enabled", NOW, {})
    world.run(events.deliver(world.settings, "u1", account.outbox))
    assert [each.id for each in noting.events] == ["e2"]
    assert json.loads(world.log[0])["event"] == "teleported"
    assert json.loads(world.log[0])["to"] == "moon"


def test_ids_are_random() -> None:
    """Each event draws its id from the random source."""
    world = World()
    drawn: list[Effect[Any]] = []
    world.run(events.record(world.settings, EventKind.REFUSED, None))
    drawn = [each for each in world.effects if isinstance(each, DrawRandom)]
    assert drawn == [DrawRandom(8)]
