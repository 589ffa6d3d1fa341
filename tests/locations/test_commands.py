"""The adoption report and the explanation of a decision, at the command line and from Python."""

from __future__ import annotations

import csv
import io
import json
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.locations.test_members import send
from tests.locations.town import Person, Stage
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.adapters.performing import run
from twofa_gate.cli import main
from twofa_gate.core.account import Account, encode
from twofa_gate.core.storage import user_key
from twofa_gate.pages.location_report import ReportStream
from twofa_gate.stores.memory import MemoryStore

MANY = 100_000


@pytest.fixture(params=["plain", "async"])
def terminal(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Result]:
    """Type commands, over plain hooks and over asynchronous ones."""
    monkeypatch.setenv("SHOP_DATABASE", str(tmp_path / "2fa.db"))
    monkeypatch.setenv("SHOP_KIND", request.param)

    def run(*words: str) -> Result:
        monkeypatch.delitem(sys.modules, "tests.locations.shop", raising=False)
        return CliRunner().invoke(main, [*words, "--gate", "tests.locations.shop:gate"])

    return run


def test_the_command_line_lists_members(terminal: Callable[..., Result]) -> None:
    """Words, JSON and CSV hold every member; no name plays with the terminal or a spreadsheet."""
    words = terminal("adoption", "office")
    assert words.exit_code == 0, words.output
    assert "3 of 3 have not set up; 3 would be refused right now; 0 locked." in words.stdout
    assert "\x1b" not in words.stdout
    told = json.loads(terminal("adoption", "office", "--json").stdout)
    assert [each["user_id"] for each in told] == ["u0", "u1", "u2"]
    assert {each["decision"] for each in told} == {"enroll"}
    rows = list(csv.DictReader(io.StringIO(terminal("adoption", "office", "--csv").stdout)))
    assert rows[1]["label"] == "'=max"
    assert json.loads(terminal("adoption", "office", "--json", "--show", "enrolled").stdout) == []
    assert json.loads(terminal("adoption", "nowhere", "--json").stdout) == []
    assert terminal("adoption", "office", "--show", "nonsense").exit_code == 2


def test_the_command_line_explains(terminal: Callable[..., Result]) -> None:
    """It tells the decision, whose policy it is, and that nothing changes by itself."""
    told = json.loads(terminal("explain", "u2", "office", "--json").stdout)
    assert (told["decision"], told["policy"]) == ("enroll", "LocationSettings(default=...)")
    assert (told["member"], told["changes_at"]) == (True, None)
    words = terminal("explain", "stranger", "office").stdout
    assert "stranger at office: enroll" in words
    assert "is not among the members" in words


def test_a_decision_is_explained_with_its_next_change(stage: Stage, admin: Person) -> None:
    """Before the date: a reminder until it; after: kept out; with an extension: a reminder until its end."""
    admin.save(enforce="1", from_date="2027-01-06", missed="deny", zone="UTC", max_age_minutes="60")
    told = stage.gate.explain("zoe", "office")
    assert (told.decision, told.policy, told.changes_to) == ("remind", "LocationSettings", "deny")
    assert told.changes_at == told.cutoff == datetime(2027, 1, 6, tzinfo=UTC)
    mine = stage.gate.explain("ada", "office")
    assert (mine.decision, mine.verified_decision, mine.changes_to) == ("challenge", "pass", "challenge")
    assert mine.changes_at is not None
    assert abs(mine.changes_at.timestamp() - stage.time.now - 3600) < 60
    send(admin, "zoe", action="extend", until="2027-01-09", reason="ill")
    stage.time.advance(3 * 86400)
    told = stage.gate.explain("zoe", "office")
    assert (told.decision, told.changes_at) == ("remind", datetime(2027, 1, 9, tzinfo=UTC))
    assert told.extended_until == told.changes_at
    assert stage.gate.explain("tom", "office").decision == "deny"
    assert stage.gate.explain("nobody", "office").member is False


def test_the_report_tells_what_would_have_been_refused(make_stage: Callable[..., Stage]) -> None:
    """While the gate only reports, nobody is refused, and the report says who would be."""
    until = datetime(2027, 3, 1, tzinfo=UTC)
    stage = make_stage(report_only_until=until)
    ada = stage.person("ada")
    ada.set_up()
    stage.time.advance(86400)
    ada.verify()
    ada.save(enforce="1", from_date="2027-01-05", missed="deny", zone="UTC")
    assert stage.person("zoe").go("/office").status == 200
    assert "would_refuse" in stage.town.kinds()
    rows = {each.user_id: each for each in stage.gate.adoption("office")}
    assert {name for name, each in rows.items() if each.would_refuse} == {"max", "mia", "tom", "zoe"}
    page = ada.go("/2fa/locations/office").words
    assert "4 would be refused right now." in page
    assert "For now this is reported only" in page
    stage.time.now = until.timestamp()
    assert stage.person("zoe").go("/office").status == 403


class Crowd:
    """A host with a hundred thousand members at one location."""

    @hookimpl
    def location_members(self, location: str) -> Any:
        """Give a generator, and keep none of them."""
        return (User(f"user-{n}", f"user-{n}@example.com") for n in range(MANY))


class Alone:
    """The rest of that host."""

    @hookimpl
    def identify(self, request: Any) -> User | None:
        """Know nobody."""
        return None


@pytest.fixture
def crowded() -> Gate:
    """Make a gate over the crowd, some of whom have accounts."""
    store = MemoryStore()
    for n in range(0, MANY, 1000):
        store.save(user_key("main", f"user-{n}"), encode(Account(user=f"user-{n}")), "v", None)
    plugins = [Alone(), Crowd(), store]
    return Gate(secret_keys=["k" * 32], issuer="Crowd", plugins=plugins, policy=Policy(Enforcement.REQUIRED))


@pytest.mark.parametrize("kind", ["csv", pytest.param("json", marks=pytest.mark.soak)])
def test_a_hundred_thousand_members_take_constant_memory(crowded: Gate, kind: str) -> None:
    """The report is read and written in chunks: its peak is that of some hundred members."""
    desk: Any = SimpleNamespace(visit=SimpleNamespace(settings=crowded.settings), location="office")
    stream = ReportStream(desk, "all", kind)
    tracemalloc.start()
    size, members = len(stream.head()), 0
    while part := run(stream.more()):
        size += len(part)
        members += part.count(b"@example.com")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{kind}: {members} members, {size / 1e6:.1f} MB written, peak {peak / 1e6:.2f} MB")
    assert members == MANY
    assert size > 7_000_000
    assert peak < 4_000_000
