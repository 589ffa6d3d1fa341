"""Reminders before a cut-off: who is due, once each."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from tests.banner.site import Time
from twofa_gate import (
    AfterCutoff,
    ConfigurationError,
    Credential,
    Enforcement,
    Event,
    EventKind,
    Gate,
    GateRequest,
    Policy,
    StoreError,
    Tokens,
    User,
    hookimpl,
)
from twofa_gate.adapters.performing import run
from twofa_gate.cli import main
from twofa_gate.core import location_policy
from twofa_gate.core.account import Extension
from twofa_gate.core.location_rules import LocationDocument, LocationRules
from twofa_gate.core.storage import transact
from twofa_gate.locations import LocationSettings
from twofa_gate.operations import ReminderReport
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore

KEY = "the key of the reminders' tests, 32 bytes or more"
BERLIN = ZoneInfo("Europe/Berlin")
CUTOFF = datetime(2027, 1, 11, 0, 0, tzinfo=BERLIN)
ANN, BEA = User("ann", "ann@acme.test"), User("bea", "bea@acme.test")
Remind = Callable[..., ReminderReport]


class Host:
    """Knows who belongs where, and notes what it is told."""

    def __init__(self) -> None:
        self.members: dict[str, Sequence[User]] = {"default": [ANN]}
        self.policies: dict[str, list[Policy]] = {"default": [Policy(Enforcement.REQUIRED, cutoff=CUTOFF)]}
        self.events: list[Event] = []

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Know nobody."""

    @hookimpl
    def policy(self, location: str) -> Policy | None:
        """Give the first policy."""
        return next(iter(self.policies.get(location, [])), None)

    @hookimpl
    def location_members(self, location: str) -> Iterator[User]:
        """Name them, one by one."""
        yield from self.members.get(location, [])

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Note it."""
        self.events.append(event)

    def reminders(self) -> list[tuple[object, ...]]:
        """Tell who was reminded of what."""
        due = [each for each in self.events if each.kind is EventKind.REMINDER_DUE]
        facts = ("location", "days_before", "days_left")
        return [(each.user, *(each.facts[name] for name in facts)) for each in due]


class Second:
    """Another plugin with an opinion."""

    def __init__(self, host: Host) -> None:
        self._host = host

    @hookimpl
    def policy(self, location: str) -> Policy | None:
        """Give the second policy."""
        return next(iter(self._host.policies.get(location, [])[1:]), None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time, ten days before the cut-off."""
    time = Time()
    time.now = (CUTOFF - timedelta(days=10)).timestamp()
    time.install(monkeypatch)
    return time


def make_gate(host: Host, *plugins: object, **settings: Any) -> Gate:
    """Make a gate over a store in memory, unless another is given."""
    stores = plugins or (MemoryStore(),)
    return Gate(secret_keys=[KEY], issuer="Acme", plugins=[host, Second(host), *stores], **settings)


@pytest.fixture(params=["remind", "aremind"])
def remind(request: pytest.FixtureRequest, clock: Time) -> tuple[Host, Gate, Remind]:
    """Run reminders plainly, and on an event loop."""
    host = Host()
    gate = make_gate(host)

    def run_it(*args: Any, **named: Any) -> ReminderReport:
        if request.param == "aremind":
            return asyncio.run(gate.aremind(*args, **named))
        return gate.remind(*args, **named)

    return host, gate, run_it


def at(clock: Time, **before: float) -> None:
    """Go to so long before the cut-off."""
    clock.now = (CUTOFF - timedelta(**before)).timestamp()


def test_seven_days_and_one_day_before(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Each member is reminded once 7 days and once 1 day before the date, and never otherwise."""
    host, _, run_it = remind
    host.members["default"] = [ANN, BEA]
    for left in range(10 * 24 + 1, -24, -6):
        at(clock, hours=left)
        run_it()
        run_it()
    wanted = [(name, "default", *days) for days in ((7, 7), (1, 1)) for name in ("ann", "bea")]
    assert host.reminders() == wanted
    facts = next(each.facts for each in host.events if each.kind is EventKind.REMINDER_DUE)
    assert facts["cutoff"] == "2027-01-11T00:00:00+01:00"
    assert facts["date"] == "Monday, January 11, 2027, 00:00 (Europe/Berlin)"
    assert facts["kept_out"] is False
    json.dumps(dict(facts))


def test_at_the_very_second(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Seven days and a second before nobody is due, a second later they are; at the date nobody is."""
    host, _, run_it = remind
    at(clock, days=7, seconds=1)
    assert run_it() == ReminderReport(1, 1, 0)
    at(clock, days=7)
    assert run_it() == ReminderReport(1, 1, 1)
    at(clock, seconds=0)
    assert run_it() == ReminderReport(1, 1, 0)
    assert len(host.reminders()) == 1


def test_a_late_run_reminds_once(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """A first run in the last hours gives the reminder of the last day alone."""
    host, _, run_it = remind
    at(clock, hours=3)
    run_it()
    run_it()
    assert host.reminders() == [("ann", "default", 1, 1)]


def test_other_days_and_another_now(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Days can be chosen, in any order, and a time to go by be given."""
    host, _, run_it = remind
    for day in (30, 14, 13, 3, 2):
        run_it(days=(3, 14), now=CUTOFF.astimezone(UTC) - timedelta(days=day))
    assert host.reminders() == [("ann", "default", 14, 14), ("ann", "default", 3, 3)]


def test_moving_the_date_reminds_again(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Of a date that was moved people are reminded anew, and so of an extension of their own."""
    host, gate, run_it = remind
    at(clock, days=1)
    run_it()
    host.policies["default"] = [Policy(Enforcement.REQUIRED, cutoff=CUTOFF + timedelta(days=2))]
    run_it()
    assert host.reminders() == [("ann", "default", 1, 1), ("ann", "default", 7, 3)]

    def extend(account: Any, now: float) -> Any:
        yield from ()
        return account.but(extensions=(Extension(location=None, until=now + 86400 * 5),)), None

    run(transact(gate.settings, "ann", extend))
    run_it()
    assert host.reminders()[2:] == [("ann", "default", 7, 5)]


def test_who_is_not_reminded(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Nobody is reminded of what is off, optional, in force already, or does not concern them."""
    host, gate, run_it = remind
    at(clock, hours=5)
    soon = Policy(Enforcement.REQUIRED, cutoff=CUTOFF)
    token = User("robot", "robot", credential=Credential.TOKEN)
    host.members = {name: [ANN] for name in ("off", "optional", "now", "past", "both")}
    host.members["tokens"] = [token]
    host.policies = {
        "off": [Policy(Enforcement.OFF)],
        "optional": [Policy(Enforcement.OPTIONAL)],
        "now": [Policy(Enforcement.REQUIRED)],
        "past": [
            Policy(Enforcement.REQUIRED, cutoff=CUTOFF - timedelta(days=1), after_cutoff=AfterCutoff.DENY)
        ],
        "both": [soon, Policy(Enforcement.REQUIRED)],
        "tokens": [Policy(Enforcement.REQUIRED, cutoff=CUTOFF, tokens=Tokens.ALLOW)],
    }
    assert run_it(locations=list(host.policies)) == ReminderReport(6, 6, 0)
    assert gate.status("ann").enrolled is False


def test_the_earlier_of_two_dates_counts(remind: tuple[Host, Gate, Remind], clock: Time) -> None:
    """Where two policies set a date, people are reminded of the one that comes first, whichever said it."""
    host, _, run_it = remind
    early, late = (Policy(Enforcement.REQUIRED, cutoff=CUTOFF + timedelta(days=each)) for each in (0, 3))
    host.members = {"a": [ANN], "b": [BEA]}
    host.policies = {"a": [early, late], "b": [late, early]}
    at(clock, days=1)
    run_it(locations=["a", "b"])
    assert host.reminders() == [("ann", "a", 1, 1), ("bea", "b", 1, 1)]


class DeadError(BaseException):
    """The process ends."""


class Dying(Host):
    """A host whose process ends as it is told of a reminder."""

    @hookimpl
    def on_event(self, event: Event) -> None:
        """End."""
        if event.kind is EventKind.REMINDER_DUE:
            raise DeadError


def test_a_process_that_dies_loses_no_reminder(clock: Time) -> None:
    """The event is stored together with the note that it was given, and is delivered later."""
    store = MemoryStore()
    at(clock, days=1)
    with pytest.raises(DeadError):
        make_gate(Dying(), store).remind()
    host = Host()
    again = make_gate(host, store)
    assert [each.kind for each in _account(again).outbox] == ["reminder_due"]
    assert again.remind().reminded == 0
    assert host.events == [], "it may still be under way"
    clock.advance(31)
    assert again.remind().reminded == 0
    assert host.reminders() == [("ann", "default", 1, 1)]
    again.remind()
    assert len(host.reminders()) == 1


def test_two_machines_at_once(clock: Time, tmp_path: Path) -> None:
    """Run by several processes at the same moment on one store, each member is reminded once."""
    hosts = [Host() for _ in range(4)]
    at(clock, days=6)
    gates = []
    for host in hosts:
        host.members["default"] = [User(f"u{number}", "x") for number in range(15)]
        gates.append(make_gate(host, SQLiteStore(tmp_path / "2fa.db"), initialize=True))
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def work(gate: Gate) -> None:
        barrier.wait()
        try:
            gate.remind()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(gate,)) for gate in gates]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for gate in gates:
        gate.close()
    assert failures == []
    due = [each for host in hosts for each in host.events if each.kind is EventKind.REMINDER_DUE]
    assert len({each.id for each in due}) == 15
    assert {each.user for each in due} == {f"u{number}" for number in range(15)}


def store_settings(gate: Gate, location: str, **rules: Any) -> None:
    """Store the settings of a location."""

    def act(_before: LocationDocument | None, now: float) -> Any:
        yield from ()
        given = LocationRules(
            **{"enforce": True, "cutoff": CUTOFF.timestamp(), "zone": "Europe/Berlin", **rules}
        )
        return LocationDocument(
            location=location, rules=given, revision="1", changed_at=now, changed_by="admin"
        ), None

    run(location_policy.change_location(gate.settings, location, act))


def test_all_locations_with_stored_settings(clock: Time) -> None:
    """Without names, every location that has settings in the store is looked at, however odd its key."""
    host = Host()
    gate = make_gate(host, MemoryStore(), LocationSettings())
    odd = ["a/b %", "Zürich", "x" * 199, "plain"]
    host.members = {location: [User(f"m{number}", "x")] for number, location in enumerate(odd)}
    for location in odd:
        store_settings(gate, location)
    at(clock, days=2)
    pages: list[str] = []
    report = gate.remind(progress=lambda page: pages.append(page.location))
    assert asdict(report) == {"locations": 4, "members": 4, "reminded": 4}
    assert sorted({str(each[1]) for each in host.reminders()}) == sorted(odd)
    assert set(pages) == set(odd)
    assert host.events[-1].facts["date"] == "Monday, January 11, 2027, 00:00 (Europe/Berlin)"


def test_without_locations_somebody_has_to_name_them(clock: Time) -> None:
    """A host that locates, without stored settings, is asked to name the locations; bad values are refused."""

    class Locating(Host):
        @hookimpl
        def locate(self, request: GateRequest) -> str:
            """Know two."""
            return "a"

    gate = make_gate(Locating())
    with pytest.raises(ConfigurationError, match="Name the locations"):
        gate.remind()
    for bad in ((), (0,), (1.5,), ("7",), (True,)):
        with pytest.raises(ValueError, match="days must be"):
            gate.remind(days=bad, locations=["a"])  # type: ignore[arg-type]  # it is to be refused
    with pytest.raises(ValueError, match="locations must be a list"):
        gate.remind(locations="a")
    with pytest.raises(ValueError, match="time zone"):
        gate.remind(now=datetime(2027, 1, 1), locations=["a"])  # noqa: DTZ001 - it is to be refused


def test_a_store_that_fails_stops_the_run(clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that can't answer is an error, not an empty list."""
    host = Host()
    store = MemoryStore()

    def fail(key: str) -> None:
        raise StoreError("gone")

    monkeypatch.setattr(store, "load", hookimpl(fail))
    at(clock, days=1)
    with pytest.raises(StoreError):
        Gate(secret_keys=[KEY], issuer="Acme", plugins=[host, store]).remind()


def test_what_is_remembered_stays_small(clock: Time) -> None:
    """Reminders of past dates are forgotten with the next one, and there are never more than fifty."""
    host = Host()
    gate = make_gate(host)
    locations = [f"l{number}" for number in range(60)]
    host.members = {location: [ANN] for location in locations}
    host.policies = {location: [Policy(Enforcement.REQUIRED, cutoff=CUTOFF)] for location in locations}
    at(clock, days=1)
    assert gate.remind(locations=locations).reminded == 60
    assert len(_account(gate).reminded) == 50
    later = Policy(Enforcement.REQUIRED, cutoff=CUTOFF + timedelta(days=30))
    host.policies = {"l0": [later]}
    clock.now = (CUTOFF + timedelta(days=29, hours=1)).timestamp()
    assert gate.remind(locations=["l0"]).reminded == 1
    assert [each.location for each in _account(gate).reminded] == ["l0"]


def _account(gate: Gate) -> Any:
    def act(account: Any, _now: float) -> Any:
        yield from ()
        return account, account

    return run(transact(gate.settings, "ann", act))


def test_an_extension_at_another_location_changes_nothing(clock: Time) -> None:
    """Only the date that holds for the member at that location counts."""
    host = Host()
    gate = make_gate(host)

    def extend(account: Any, now: float) -> Any:
        yield from ()
        return account.but(extensions=(Extension(location="elsewhere", until=now + 86400 * 30),)), None

    run(transact(gate.settings, "ann", extend))
    at(clock, days=1)
    assert gate.remind().reminded == 1


CLI_GATE = f'''
from datetime import UTC, datetime, timedelta
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.stores.sqlite import SQLiteStore

class Host:
    @hookimpl
    def identify(self, request): pass
    @hookimpl
    def locate(self, request, user): return "a"
    @hookimpl
    def policy(self, location):
        return Policy(Enforcement.REQUIRED, cutoff=datetime.now(UTC).replace(microsecond=0, second=0)
            .replace(hour=0, minute=0) + timedelta(days=3))
    @hookimpl
    def location_members(self, location): return [User("ann", "ann@acme.test"), User("bea", "bea@acme.test")]

gate = Gate(secret_keys=["{KEY}"], issuer="Acme", plugins=[Host(), SQLiteStore("2fa.db")], initialize=True)
'''


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`twofa-gate remind` reminds once, in words or as JSON, and says what it needs when it lacks that."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("reminding_gate.py").write_text(CLI_GATE)
    ask = CliRunner().invoke
    first = ask(main, ["remind", "--gate", "reminding_gate:gate", "b\x1b[31m", "--json"])
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == {"locations": 1, "members": 2, "reminded": 2}
    again = ask(main, ["remind", "--gate", "reminding_gate:gate", "b\x1b[31m"])
    assert again.stdout == "2 members of 1 locations seen, 0 reminded.\n"
    one = ask(main, ["remind", "--gate", "reminding_gate:gate", "--days", "2", "c"])
    assert "0 reminded" in one.stdout
    lacking = ask(main, ["remind", "--gate", "reminding_gate:gate"])
    assert lacking.exit_code == 1
    assert "Name the locations" in lacking.stderr
    assert ask(main, ["remind", "--gate", "reminding_gate:gate", "--days", "0", "c"]).exit_code == 2
