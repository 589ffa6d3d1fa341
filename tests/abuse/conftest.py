"""The `site`: the target behind a gate, through each driver in turn; see site.py and target.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .site import Driver, FakeClock, Site

SiteMaker = Callable[..., Site]


@pytest.fixture(params=["wsgi", "asgi"])
def driver(request: pytest.FixtureRequest) -> Driver:
    """Name the driver of this run."""
    name: Driver = request.param
    return name


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Put a clock that the test moves in the place of `time.time`."""
    fake = FakeClock()
    monkeypatch.setattr(time, "time", fake.time)
    return fake


@pytest.fixture
def make_site(driver: Driver, clock: FakeClock) -> Iterator[SiteMaker]:
    """Make sites with other settings; see `Site`."""
    made: list[Site] = []

    def make(**settings: Any) -> Site:
        made.append(Site(driver, clock, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    """Make the usual site: u1 is enrolled, and the spy has seen nothing yet."""
    made = make_site()
    made.enroll("u1")
    made.calls.clear()
    return made
