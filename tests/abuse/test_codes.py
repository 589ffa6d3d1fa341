"""Cases 40 to 42, 49, 50: codes of the wrong moment, codes used before, and codes while attempts are held back.

The classes: a code counts in its own time step and the next one, once, forwards only; and while attempts are held
back a right code can't be told from a wrong one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from twofa_gate import Enforcement, Policy
from twofa_gate.core.sealing import Sealer
from twofa_gate.stores.sqlite import SQLiteStore

from .conftest import SiteMaker
from .site import Site
from .typing_codes import enter, passes, refused


@pytest.mark.parametrize("steps", [0, -1])
def test_the_current_and_the_previous_step(site: Site, steps: int) -> None:
    """Case 40: codes of this step and of the one before are accepted."""
    site.clock.move(120)
    browser = site.browser("u1")
    assert enter(site, browser, site.phones["u1"].display(steps)).status == 303
    assert passes(site, browser)


@pytest.mark.parametrize("steps", [1, 2, -2, -3, 10, -10, 2880])
def test_every_other_step(site: Site, steps: int) -> None:
    """Case 40: a code of a step to come, or of one older than the previous, is a wrong code."""
    site.clock.move(3000)
    browser = site.browser("u1")
    answer = enter(site, browser, site.phones["u1"].display(steps))
    refused(site, browser, answer, 403, counted=1)


@pytest.mark.parametrize("offset", [0.0, 0.001, 29.999])
def test_steps_begin_and_end_on_time(site: Site, offset: float) -> None:
    """Case 40: the window is exact to its edges: at the step's first and last moment, two are in it, not three."""
    site.clock.now = 1_800_003_000.0 + offset
    for steps in (1, -2):
        browser = site.browser("u1")
        assert enter(site, browser, site.phones["u1"].display(steps)).status == 403
    browser = site.browser("u1")
    assert enter(site, browser, site.phones["u1"].display(-1)).status == 303


def test_the_same_code_again(site: Site) -> None:
    """Case 41: a code that was accepted is refused in the same session, in another, and in the next step."""
    code = site.phones["u1"].code()
    first = site.browser("u1")
    assert enter(site, first, code).status == 303
    second = site.browser("u1")
    refused(site, second, enter(site, second, code), 403, counted=1)
    assert enter(site, first, code).status == 403
    site.clock.move(30)
    refused(site, second, enter(site, second, code), 403, counted=3)


def test_the_same_code_in_another_process(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 41: a code that was accepted is refused by another process, and after a restart."""
    site = make_site(store=SQLiteStore(tmp_path / "a.db"), initialize=True)
    phone = site.enroll("u1")
    code = phone.code()
    site.verify(site.browser("u1"), "u1", code)
    for _ in range(2):
        other = make_site(store=SQLiteStore(tmp_path / "a.db"))
        browser = other.browser("u1")
        assert enter(other, browser, code).status == 403
        assert not passes(other, browser)


@pytest.mark.parametrize("endpoint", ["challenge", "recovery-codes", "disable"])
def test_the_same_code_for_something_else(make_site: SiteMaker, endpoint: str) -> None:
    """Case 41: a code is spent for every purpose: what verified does not manage, and the other way round."""
    site = make_site(policies={"default": Policy(Enforcement.OPTIONAL)})
    phone = site.enroll("u1")
    browser = site.browser("u1")
    code = phone.code()
    site.verify(browser, "u1", code)
    assert site.api(browser, endpoint, {"code": code}).status == 403
    assert site.gate.status("u1").enrolled
    code = phone.code()
    assert site.api(browser, "recovery-codes", {"code": code}).status == 200
    assert site.api(browser, endpoint, {"code": code}).status == 403


def test_the_previous_code_after_the_current(site: Site) -> None:
    """Case 42: once a step's code was accepted no earlier one is, though its time has not run out."""
    site.clock.move(300)
    phone = site.phones["u1"]
    site.verify(site.browser("u1"), "u1", phone.display())
    browser = site.browser("u1")
    refused(site, browser, enter(site, browser, phone.display(-1)), 403, counted=1)


def test_the_current_code_after_the_previous(site: Site) -> None:
    """Case 42, the other way: the previous step's code leaves the current one good, once."""
    site.clock.move(300)
    phone = site.phones["u1"]
    site.verify(site.browser("u1"), "u1", phone.display(-1))
    site.verify(site.browser("u1"), "u1", phone.display())
    assert site.api(site.browser("u1"), "challenge", {"code": phone.display()}).status == 403


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each thing that is unsealed."""
    noted: list[str] = []
    really = Sealer.open

    def noting(self: Sealer, sealed: str, *, user_id: str, thing: str) -> str:
        noted.append(thing)
        return really(self, sealed, user_id=user_id, thing=thing)

    monkeypatch.setattr(Sealer, "open", noting)
    return noted


@pytest.mark.parametrize("locked", [False, True])
def test_right_and_wrong_codes_while_held_back(site: Site, opened: list[str], locked: bool) -> None:
    """Case 49: during back-off and lock right and wrong codes get one answer, by one way: no secret is opened."""
    phone = site.phones["u1"]
    browser = site.browser("u1")
    for _ in range(80 if locked else 3):
        assert site.api(browser, "challenge", {"code": phone.wrong()}).status == 403
        if locked:
            site.clock.move(901)
    if not locked:
        site.clock.now = site.clock.now // 30 * 30 + 0.5  # the back-off of a second lies within one step
        assert site.api(browser, "challenge", {"code": phone.wrong()}).status == 429
    document = site.store.load("main/user/u1")
    seen = []
    for code in (phone.display(), phone.wrong(), phone.display(-1), phone.display(1)):
        token = site.api(browser, "status").json()["csrf"]
        opened.clear()
        answer = browser.fetch(
            "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
        )
        seen.append((answer.status, answer.content, sorted(answer.headers.items()), list(opened)))
        page = enter(site, browser, code)
        assert page.status == 429
        assert int(page.headers["retry-after"]) >= 1
    status, body, _, things = seen[0]
    assert all(each == seen[0] for each in seen)
    assert status == 429
    assert code not in body.decode()
    assert site.store.load("main/user/u1") == document, "something was written"
    # What is opened comes from deciding that a code is due, the same before any code is looked at.
    assert [each for each in things if each.startswith("recovery")] == []
    assert not passes(site, browser)


def test_clock_set_back(site: Site) -> None:
    """Case 50: with the clock ten minutes back, codes that were good then and not used are not good again."""
    phone = site.phones["u1"]
    site.clock.move(900)
    unused = [phone.display(-steps) for steps in range(1, 25)]
    site.verify(site.browser("u1"), "u1", phone.display())
    site.clock.move(-600)
    browser = site.browser("u1")
    for code in (phone.display(), phone.display(-1), *unused[19:21]):
        assert site.api(browser, "challenge", {"code": code}).status in (403, 429)
        site.clock.move(-0.5)
    assert not passes(site, browser)
    site.clock.move(1300)
    site.verify(site.browser("u1"), "u1", phone.display())
