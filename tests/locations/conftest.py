"""One stage for each driver, with time in hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.locations.town import NOON, Person, Stage
from tests.support.small_site import TestTime


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> TestTime:
    """Stop both clocks at a Monday noon."""
    clock = TestTime()
    clock.now = NOON
    clock.install(monkeypatch)
    return clock


@pytest.fixture(params=["wsgi", "asgi"])
def make_stage(request: pytest.FixtureRequest, time: TestTime) -> Iterator[Callable[..., Stage]]:
    """Make stages with settings of the test's own."""
    made: list[Stage] = []

    def make(**settings: Any) -> Stage:
        made.append(Stage(request.param, time, **settings))
        return made[-1]

    yield make
    for each in made:
        each.root.close()


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    """Give the stage that most tests play on."""
    return make_stage()


@pytest.fixture
def admin(stage: Stage) -> Person:
    """Give the administrator of the office, set up and just verified."""
    ada = stage.person("ada")
    ada.set_up()
    return ada
