"""A site behind each driver, and its clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.banner.site import DRIVERS, START, Site, Time, opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time, three days before the cut-off."""
    time = Time()
    time.now = START.timestamp()
    time.install(monkeypatch)
    return time


@pytest.fixture(params=DRIVERS)
def site(request: pytest.FixtureRequest, clock: Time) -> Iterator[Site]:
    """Open a site behind each driver in turn."""
    with opened(request.param, clock) as opened_site:
        yield opened_site
