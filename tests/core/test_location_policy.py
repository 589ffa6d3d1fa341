"""A location's own policy, and the one atomic act that changes its settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.core.stepping import NOW, REQUIRED, Host, Observer, World
from twofa_gate import AfterCutoff, ConfigurationError, Enforcement, Policy, Tokens
from twofa_gate.core import location_policy
from twofa_gate.core.account import QueuedEvent
from twofa_gate.core.effects import CallHook, Clock, Effect, Flow
from twofa_gate.core.location_policy import change_location, own_policies, read_location, remembered
from twofa_gate.core.location_rules import (
    FORMAT,
    LocationDocument,
    LocationRules,
    decode,
    encode,
    policy_of,
)
from twofa_gate.core.storage import MAX_TRIES, location_key
from twofa_gate.errors import ContentionError, DocumentError, HookError, StoreError
from twofa_gate.locations import LocationSettings
from twofa_gate.model import Enrollment

LAX = Policy(Enforcement.OPTIONAL)


def document(**rules: Any) -> LocationDocument:
    """Make the office's document."""
    return LocationDocument(
        location="office", rules=LocationRules(**rules), revision="r", changed_at=NOW, changed_by="kim"
    )


def town(*plugins: object, default: Policy | None = None, **settings: Any) -> World:
    """Make a world whose locations have settings of their own."""
    return World(Host(), LocationSettings(default=default), *plugins, **settings)


def put(world: World, stored: LocationDocument) -> None:
    """Store a document, whatever is there."""
    key = location_key("main", "office")
    before = world.store.load(key)
    version = None if before is None else before.version
    assert world.store.save(key, encode(stored), f"put-{version}", version)


def own(world: World) -> list[tuple[Policy, str]]:
    """Read the office's own policy."""
    clock = Clock(world.now, world.monotonic)
    return [(each.policy, each.source) for each in world.run(own_policies(world.settings, "office", clock))]


def change(world: World, act: Any = None, perform: Any = None) -> object:
    """Change the office's settings."""

    def enforce(before: LocationDocument | None, now: float) -> Flow[tuple[LocationDocument | None, str]]:
        yield from ()
        event = QueuedEvent(id=f"e{now}", kind="settings_changed", at=now)
        return document(enforce=True).but(outbox=(event,)), "done"

    return world.run(change_location(world.settings, "office", act or enforce), perform)


def test_without_the_plugin_there_is_none() -> None:
    """Without `LocationSettings` nothing is read, and that is known."""
    world = World()
    assert own(world) == []
    assert remembered(world.settings, "office", world.monotonic) == ()
    assert world.effects == []


def test_stored_or_default_or_none() -> None:
    """What is stored holds; else the plugin's default; else it has no opinion."""
    assert own(town()) == []
    assert own(town(default=LAX)) == [(LAX, "LocationSettings(default=...)")]
    world = town(default=LAX)
    put(world, document(enforce=True))
    assert own(world) == [(REQUIRED, "LocationSettings")]


def test_remembered_within_the_lag() -> None:
    """It is remembered for the lag, and a change in this process ends that at once."""
    world = town(default=LAX, revocation_lag=timedelta(seconds=5))
    assert remembered(world.settings, "office", world.monotonic) is None
    own(world)
    found = remembered(world.settings, "office", world.monotonic + 4)
    assert found is not None
    assert [each.policy for each in found] == [LAX]
    assert remembered(world.settings, "office", world.monotonic + 5) is None
    change(world)
    assert remembered(world.settings, "office", world.monotonic) is None


def test_wrong_store() -> None:
    """In a store without installation record nothing stored is an error, not a default."""
    world = town(default=LAX)
    world.store._stored.clear()
    with pytest.raises(StoreError):
        own(world)


@pytest.mark.parametrize(
    "broken",
    [
        document().but(location="billing"),
        document().but(format=FORMAT + 2),
        document().but(format=0),
        document(enforce=True, keep_out=True),
        document(max_age_minutes=0),
        document(enforce=True, cutoff=1e30),
    ],
)
def test_settings_that_can_not_be_read(broken: LocationDocument) -> None:
    """Settings that can't be read, or mean no policy, are an error: never the default, never none."""
    world = town(default=LAX)
    put(world, broken)
    with pytest.raises((DocumentError, OverflowError)):
        own(world)


def test_next_format_is_read() -> None:
    """The next format is read, and what it holds beyond this one is kept."""
    newer = document().but(format=FORMAT + 1, extra={"novel": 1})
    assert decode(encode(newer), "office") == newer


def test_what_settings_mean() -> None:
    """Each setting has its place in the policy; what needs enforcement has none without it."""
    rules = LocationRules(
        enforce=True,
        cutoff=NOW,
        zone="Europe/Vienna",
        keep_out=True,
        grace_days=3,
        max_age_minutes=5,
        trust_days=7,
        allow_tokens=True,
        tickets=True,
        tickets_from=NOW,
    )
    policy = policy_of(rules)
    assert (policy.enforcement, policy.after_cutoff, policy.tokens) == (
        Enforcement.REQUIRED,
        AfterCutoff.DENY,
        Tokens.ALLOW,
    )
    assert policy.cutoff is not None
    assert (policy.cutoff.timestamp(), str(policy.cutoff.tzinfo)) == (NOW, "Europe/Vienna")
    assert (policy.grace, policy.max_age) == (timedelta(days=3), timedelta(minutes=5))
    assert (policy.trust_browser_for, policy.enrollment) == (timedelta(days=7), Enrollment.TICKET)
    assert policy.tickets_from is not None
    off = policy_of(rules.but(enforce=False, tickets=False))
    assert (off.enforcement, off.cutoff, off.after_cutoff) == (Enforcement.OPTIONAL, None, AfterCutoff.ENROLL)
    assert (off.enrollment, off.tickets_from) == (Enrollment.OPEN, None)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/passwd"])
def test_unknown_zone_keeps_the_instant(zone: str) -> None:
    """Where the time zone isn't known, the same instant holds."""
    policy = policy_of(LocationRules(enforce=True, cutoff=NOW, zone=zone))
    assert policy.cutoff is not None
    assert policy.cutoff.timestamp() == NOW


# changing


def intercept(world: World, name: str, *replies: Any) -> Any:
    """Answer the first calls of a hook with these."""
    waiting = list(replies)

    def perform(effect: Effect[Any]) -> Any:
        if isinstance(effect, CallHook) and effect.hook.name == name and waiting:
            reply = waiting.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply
        return world.perform(effect)

    return perform


def test_change_is_saved_and_told() -> None:
    """A change is stored with its event, which is delivered and then taken out."""
    observer = Observer()
    world = town(observer)
    observer.kinds.clear()
    assert change(world) == "done"
    stored, _ = world.run(read_location(world.settings, "office"))
    assert stored is not None
    assert (stored.rules.enforce, stored.outbox) == (True, ())
    assert observer.kinds == ["settings_changed"]
    quiet = town()
    change(quiet)
    assert '"settings_changed"' in quiet.log[-1]


@pytest.mark.parametrize("nothing", [None, "before"])
def test_act_that_changes_nothing(nothing: str | None) -> None:
    """An act that gives nothing, or what there was, writes nothing."""
    world = town()
    put(world, document())

    def act(before: LocationDocument | None, now: float) -> Flow[tuple[LocationDocument | None, str]]:
        yield from ()
        return (None if nothing is None else before), "refused"

    version = world.store._stored[location_key("main", "office")].version
    assert change(world, act) == "refused"
    assert world.store._stored[location_key("main", "office")].version == version


def test_contention() -> None:
    """A change that loses is computed anew, a bounded number of times."""
    world = town()
    assert change(world, perform=intercept(world, "save", *[False] * (MAX_TRIES - 1))) == "done"
    with pytest.raises(ContentionError, match="nothing was done"):
        change(world, perform=intercept(world, "save", *[False] * MAX_TRIES))


def test_store_that_answers_wrongly() -> None:
    """Anything but True or False of the store is an error; the memory is forgotten all the same."""
    world = town(default=LAX, revocation_lag=timedelta(seconds=5))
    own(world)
    with pytest.raises(HookError):
        change(world, perform=intercept(world, "save", None))
    assert remembered(world.settings, "office", world.monotonic) is None


def test_outbox_that_is_not_cleared() -> None:
    """If the outbox can't be cleared the change stands, with an alarm; whoever reads later delivers again."""
    observer = Observer()
    world = town(observer)
    observer.kinds.clear()
    assert change(world, perform=_after_save(world, OSError("down"))) == "done"
    assert observer.kinds == ["settings_changed", "alarm"]
    world.later(location_policy.REDELIVER_AFTER)
    own(world)
    assert observer.kinds == ["settings_changed", "alarm"]
    world.later(1)
    own(world)
    assert observer.kinds == ["settings_changed", "alarm", "settings_changed"]
    stored, _ = world.run(read_location(world.settings, "office"))
    assert stored is not None
    assert stored.outbox == ()


def _after_save(world: World, error: Exception) -> Any:
    """Let the first read after the first write fail."""
    state = "before"

    def perform(effect: Effect[Any]) -> Any:
        nonlocal state
        name = effect.hook.name if isinstance(effect, CallHook) else ""
        if name == "load" and state == "saved":
            state = "failed"
            raise error
        result = world.perform(effect)
        if name == "save" and state == "before":
            state = "saved"
        return result

    return perform


def test_outbox_of_others() -> None:
    """What others queued meanwhile stays; a document that is gone, or cleared, stays so."""
    world = town(Observer())
    event = QueuedEvent(id="e1", kind="settings_changed", at=NOW)
    other = QueuedEvent(id="e2", kind="settings_changed", at=NOW)
    world.run(location_policy._announce(world.settings, document().but(outbox=(event,))))
    put(world, document().but(outbox=(event, other)))
    for _ in range(2):
        world.run(location_policy._announce(world.settings, document().but(outbox=(event,))))
        stored, _ = world.run(read_location(world.settings, "office"))
        assert stored is not None
        assert [each.id for each in stored.outbox] == ["e2"]


def test_plugin_is_checked() -> None:
    """The plugin's values are checked at start, and it is given once."""
    with pytest.raises(ConfigurationError, match="must be a Policy"):
        LocationSettings(default="off")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ConfigurationError, match="no such time zone"):
        LocationSettings(zone="Mars/Olympus")
    with pytest.raises(ConfigurationError, match="LocationSettings is given twice"):
        town(LocationSettings())
