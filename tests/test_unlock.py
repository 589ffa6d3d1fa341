"""Unlocking one's own account: three right codes of three successive steps, in one form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.banner.site import DRIVERS, START, Site, Time, opened
from tests.support.http import Answer, PlainBrowser
from twofa_gate import Enforcement, EventKind, Policy
from twofa_gate.adapters.performing import run
from twofa_gate.core import attempts
from twofa_gate.core.account import Account
from twofa_gate.core.effects import Flow
from twofa_gate.core.storage import transact


@dataclass
class Locked:
    """A site, and the browser that never verified, in whose lane the account is locked."""

    site: Site
    browser: PlainBrowser

    def row(self, first: int = 0) -> list[str]:
        """Return three codes in a row, the last being that of now; `first` shifts them by steps."""
        return [self.site.phone.display(step + first) for step in (-2, -1, 0)]

    def submit(self, codes: list[str], browser: PlainBrowser | None = None, **named: str) -> Answer:
        """Fill the form in and send it."""
        browser = browser or self.browser
        form = browser.navigate("/2fa/unlock").form(action="/unlock")
        typed = {f"code{number}": code for number, code in enumerate(codes, 1)}
        return browser.submit(form, headers=None, follow=False, **typed, **named)

    def enter(self, code: str) -> int:
        """Answer the challenge; return the status."""
        form = self.browser.navigate("/", follow=True).form(action="/challenge", button="Verify")
        return self.browser.submit(form, code=code).status

    @property
    def locked(self) -> bool:
        """Whether it still is."""
        return self.site.gate.status("ann").locked


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time."""
    time = Time()
    time.now = START.timestamp()
    time.install(monkeypatch)
    return time


def _fail(account: Account, now: float) -> Flow[tuple[Account, None]]:
    """Count as many failures of strangers as there may be."""
    yield from ()
    for _ in range(80):
        account = account.but(attempts=attempts.failed(account.attempts, False, now))
    return account, None


@pytest.fixture(params=DRIVERS)
def locked(request: pytest.FixtureRequest, clock: Time) -> Iterator[Locked]:
    """Open a site whose user has set up; strangers then tried codes until it locked."""
    with opened(request.param, clock) as site:
        site.everywhere = Policy(Enforcement.REQUIRED)
        site.login()
        site.set_up()
        stranger = site.browser.another()
        site.login("ann", stranger)
        opened_site = Locked(site, stranger)
        run(transact(site.gate.settings, "ann", _fail))
        assert opened_site.locked
        clock.advance(3600)
        site.events.clear()
        yield opened_site


def test_three_codes_in_a_row(locked: Locked) -> None:
    """Three right codes unlock; it is no verification, is on record, and spends the codes."""
    site, codes = locked.site, locked.row()
    answer = locked.submit(codes)
    assert answer.status == 303
    assert answer.location.endswith("/2fa/challenge")
    assert (locked.locked, site.gate.status("ann").failures) == (False, 0)
    unlocked = [each for each in site.events if each.kind is EventKind.UNLOCKED]
    assert [(each.user, each.facts["by"]) for each in unlocked] == [("ann", "self")]
    assert locked.browser.navigate("/").status == 303, "it is no verification"
    for code in codes[1:]:
        assert locked.enter(code) == 403, "each code is spent"
    site.clock.advance(60)
    assert locked.enter(site.phone.fresh_code()) == 303


@pytest.mark.parametrize("order", [(0, 0, 0), (2, 1, 0), (0, 2, 1), (0, 1, 1), (0, 0, 2)])
def test_not_in_a_row(locked: Locked, order: tuple[int, int, int]) -> None:
    """Doubled, turned around or mixed up, right codes don't unlock, and nothing is written."""
    codes = locked.row()
    key = "main/user/ann"
    before = locked.site.store.load(key)
    assert locked.submit([codes[index] for index in order]).status == 403
    assert locked.locked
    assert locked.site.store.load(key) == before
    assert locked.site.events == []


def test_a_gap_old_codes_and_codes_to_come(locked: Locked) -> None:
    """A step left out, a row that is long past, and one that ends in the future don't unlock."""
    shown = locked.site.phone.display
    for codes in ([shown(-3), shown(-1), shown(0)], locked.row(-20), locked.row(1), locked.row(2)):
        assert locked.submit(codes).status == 403
        assert locked.locked


def test_codes_that_were_used(locked: Locked) -> None:
    """A row that contains a code already accepted does not unlock; the owner's own lane was open all along."""
    locked.site.clock.advance(13 * 3600)
    codes = locked.row()
    owner = locked.site.browser
    form = owner.navigate("/", follow=True).form(action="/challenge", button="Verify")
    assert owner.submit(form, code=codes[2]).status == 303
    assert locked.submit(codes).status == 403
    assert locked.locked


@pytest.mark.parametrize(
    "bad", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666", "1_2345"]
)
def test_what_is_no_code(locked: Locked, bad: str) -> None:
    """A field that holds no code is 400, and nothing is tried."""
    codes = locked.row()
    assert locked.submit([codes[0], codes[1], bad]).status == 400
    assert locked.locked


def test_blanks_and_hyphens(locked: Locked) -> None:
    """Codes may be typed with blanks and hyphens."""
    first, second, third = locked.row()
    typed = [f"{first[:3]} {first[3:]}", f"{second[:3]}-{second[3:]}", third]
    assert locked.submit(typed).status == 303
    assert not locked.locked


def test_it_takes_the_form(locked: Locked) -> None:
    """Without the form's token, from another site, or by GET nothing is unlocked."""
    codes = locked.row()
    assert locked.submit(codes, csrf="").status == 403
    typed = {f"code{number}": code for number, code in enumerate(codes, 1)}
    query = "&".join(f"{name}={code}" for name, code in typed.items())
    assert locked.browser.navigate(f"/2fa/unlock?{query}").status == 200
    form = locked.browser.navigate("/2fa/unlock").form(action="/unlock")
    foreign = {"Origin": "https://evil.test"}
    assert locked.browser.submit(form, headers=foreign, follow=False, **typed).status == 403
    assert locked.locked


def test_somebody_else(locked: Locked) -> None:
    """Ann's codes in Bob's session unlock nobody."""
    bob = locked.site.browser.another()
    locked.site.login("bob", bob)
    locked.submit(locked.row(), bob)
    assert locked.locked


def test_an_operator_unlocks(locked: Locked) -> None:
    """An administrator's unlock gives a fresh budget and no passage."""
    locked.site.gate.unlock("ann", by="support")
    assert locked.browser.navigate("/").status == 303
    assert locked.enter(locked.site.phone.fresh_code()) == 303
    assert locked.browser.navigate("/").status == 200
