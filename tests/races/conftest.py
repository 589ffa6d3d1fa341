"""The towns in which races are run: each store behind eight workers, started once for a test run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from tests.races.opening import KINDS, SERVERS
from tests.races.tally import as_table, rows
from tests.races.town import Town, town_on
from tests.support import services
from tests.support.services import Service
from twofa_gate.adapters import performing

SERVICES: dict[str, Callable[[], AbstractContextManager[Service]]] = {
    "postgresql": services.postgresql,
    "mariadb": lambda: services.mariadb(surviving=True),
    "redis": lambda: services.redis("appendfsync always"),
}
TownMaker = Callable[..., Town]


@pytest.fixture(scope="session")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TownMaker]:
    """Make towns, each once, on databases that survive their own death."""
    folder = tmp_path_factory.mktemp("races")
    with ExitStack() as stack:
        running: dict[str, Service] = {}
        made: dict[tuple[str, str, bool], Town] = {}

        def make(kind: str, driver: str = "wsgi", asynchronous: bool = False) -> Town:
            key = (kind, driver, asynchronous)
            if kind != "sqlite" and kind not in running:
                running[kind] = stack.enter_context(SERVICES[kind]())
            if key not in made:
                place = folder / f"{kind}-{driver}-{asynchronous}"
                town = town_on(kind, running.get(kind), place, driver=driver, asynchronous=asynchronous)
                made[key] = stack.enter_context(town)
            return made[key]

        yield make


BY_ASGI = ("sqlite/asgi", *(f"{kind}/asgi-async" for kind in SERVERS))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each race on each store, and, where nobody dies at a chosen point, by ASGI too: all in the long run."""
    chosen = any("town" in mark.args for mark in metafunc.definition.iter_markers("parametrize"))
    if "town" not in metafunc.fixturenames or chosen:
        return
    kinds: list[Any] = list(KINDS)
    if metafunc.module.__name__.endswith(("test_codes", "test_changes")):
        kinds.append("postgresql/asgi-async")
        kinds += [pytest.param(each, marks=pytest.mark.soak) for each in BY_ASGI if each not in kinds]
    metafunc.parametrize("town", kinds, indirect=True)


@pytest.fixture
def town(request: pytest.FixtureRequest, towns: TownMaker, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Give the town of each store, at the beginning of a time step; this process follows its clock."""
    kind, _, driver = request.param.partition("/")
    town = towns(kind, driver.partition("-")[0] or "wsgi", driver.endswith("-async"))
    monkeypatch.setattr(performing, "time", SimpleNamespace(time=town.clock.time, monotonic=time.monotonic))
    town.new_step()
    return town


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the races."""
    if rows:
        terminalreporter.section("races")
        for line in as_table(rows):
            terminalreporter.line(line)
