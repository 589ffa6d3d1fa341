"""Report only: until a date everything is decided and recorded, and nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.banner.site import CUTOFF, DRIVERS, START, WELCOME, Site, Time, opened
from twofa_gate import (
    AfterCutoff,
    ConfigurationError,
    Decision,
    Enforcement,
    EventKind,
    Policy,
    Stored,
    StoreError,
    hookimpl,
)
from twofa_gate.stores.memory import MemoryStore

UNTIL = START + timedelta(days=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time."""
    time = Time()
    time.now = START.timestamp()
    time.install(monkeypatch)
    return time


@pytest.fixture(params=DRIVERS)
def site(request: pytest.FixtureRequest, clock: Time) -> Iterator[Site]:
    """Open a site that only reports for a day, with Ann logged in."""
    with opened(request.param, clock, report_only_until=UNTIL) as site:
        site.everywhere = Policy(Enforcement.REQUIRED)
        site.login()
        site.events.clear()
        yield site


def recorded(site: Site, kind: EventKind) -> list[tuple[object, object]]:
    """List what was recorded: the user and the decision."""
    return [(each.user, each.facts.get("decision")) for each in site.events if each.kind is kind]


def test_nothing_is_refused_and_everything_recorded(site: Site) -> None:
    """Who has not set up gets the page as it is, and the record says what would have been decided."""
    assert site.browser.navigate("/").content == WELCOME
    assert site.contexts[-1].decision is Decision.ENROLL
    assert recorded(site, EventKind.WOULD_REFUSE) == [("ann", "enroll")]
    assert recorded(site, EventKind.REFUSED) == []


def test_it_ends_to_the_second(site: Site) -> None:
    """One second before the date nothing is refused; at the date everything is, without a restart."""
    site.clock.now = UNTIL.timestamp() - 1
    assert site.browser.navigate("/").status == 200
    site.clock.now = UNTIL.timestamp()
    refused = site.browser.navigate("/")
    assert refused.status == 303
    assert "/2fa/enroll" in refused.location
    assert recorded(site, EventKind.REFUSED) == [("ann", "enroll")]


def test_every_decision(site: Site) -> None:
    """Kept out, or challenged: each is recorded as what it would be."""
    late = START - timedelta(days=1)
    site.everywhere = Policy(Enforcement.REQUIRED, cutoff=late, after_cutoff=AfterCutoff.DENY)
    site.browser.navigate("/")
    site.everywhere = Policy(Enforcement.REQUIRED)
    site.set_up()
    assert site.browser.navigate("/").status == 200
    site.clock.advance(13 * 3600)
    assert site.browser.navigate("/").status == 200
    decisions = [each[1] for each in recorded(site, EventKind.WOULD_REFUSE)]
    assert decisions == ["deny", "challenge"]


def test_answers_that_log_in_are_not_withheld(site: Site) -> None:
    """The answer to a login goes out whole, and is on record as what it would be."""
    other = site.browser.another()
    assert other.send("GET", "/login?user=bob", headers={"Accept": "text/html"}).status == 303
    assert recorded(site, EventKind.WITHHELD) == []
    assert ("bob", "enroll") in recorded(site, EventKind.WOULD_REFUSE)


def test_people_can_set_up_meanwhile(site: Site) -> None:
    """Setting up works as ever, and managing it takes a code even now."""
    site.set_up()
    site.clock.advance(13 * 3600)
    assert site.browser.navigate("/").status == 200
    for page in ("/2fa/enroll", "/2fa/disable", "/2fa/recovery-codes", "/2fa/"):
        asked = site.browser.navigate(page)
        assert asked.status == 303, page
        assert "/2fa/challenge" in asked.location


def test_the_banner_is_shown_meanwhile(site: Site) -> None:
    """A reminder refuses nothing, so it is shown."""
    site.everywhere = Policy(Enforcement.REQUIRED, cutoff=CUTOFF)
    assert b"twofa-banner" in site.browser.navigate("/").content
    assert recorded(site, EventKind.WOULD_REFUSE) == []


class Failing(MemoryStore):
    """A store that fails once it is told to."""

    failing = False

    @hookimpl(blocking=False)
    def load(self, key: str) -> Stored | None:
        """Load, or fail."""
        if self.failing:
            raise StoreError("gone")
        return super().load(key)


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_can_not_be_decided_is_still_refused(driver: str, clock: Time) -> None:
    """A request that can't be decided, since the store fails, is 503, and the application isn't asked."""
    store = Failing()
    with opened(driver, clock, store, report_only_until=UNTIL) as site:
        site.everywhere = Policy(Enforcement.REQUIRED)
        site.login()
        store.failing = True
        asked = len(site.contexts)
        assert site.browser.navigate("/").status == 503
        assert len(site.contexts) == asked


def test_the_date_has_a_time_zone(clock: Time) -> None:
    """A date without a time zone refuses to start."""
    with pytest.raises(ConfigurationError, match="report_only_until"):
        Site("wsgi", clock, report_only_until=datetime(2027, 1, 1))  # noqa: DTZ001 - it is to be refused
