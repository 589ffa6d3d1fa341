"""Cases 59 to 66: one budget of attempts for an account, whoever tries, wherever, and with whatever.

The class: nothing that an attacker can choose (session, cookie, address, page, method, time of a clock) gives
them a further attempt; and nothing that they can do locks the owner out of a browser that verified before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.http import Answer, PlainBrowser
from twofa_gate import Enforcement, Policy
from twofa_gate.core.attempts import BUDGET, RESERVED

from .conftest import SiteMaker
from .site import Site
from .typing_codes import enter, failures, passes

NO_RECOVERY_CODE = "AAAAAA-AAAAAA-AAAAAA-AAAAAA"
OPTIONAL = {"default": Policy(Enforcement.OPTIONAL), "billing": Policy(Enforcement.REQUIRED)}


def guess(site: Site, browser: PlainBrowser, endpoint: str = "challenge") -> int:
    """Try a wrong code; the status."""
    status: int = site.api(browser, endpoint, {"code": site.phones["u1"].wrong()}).status
    return status


def exhaust(site: Site, browser: PlainBrowser) -> int:
    """Guess with a quarter of an hour between two tries until nothing is tried any more; how many were."""
    tried = 0
    while guess(site, browser) == 403:
        tried += 1
        assert tried <= BUDGET
        site.clock.move(901)
    return tried


def test_back_off(site: Site) -> None:
    """Case 59: two failures are free; then the delay doubles to a quarter of an hour, and a try in it is 429."""
    browser = site.browser("u1")
    waits = []
    for _ in range(14):
        assert guess(site, browser) == 403
        answer = site.api(browser, "challenge", {"code": site.phones["u1"].wrong()})
        waits.append(int(answer.headers["retry-after"]) if answer.status == 429 else 0)
        site.clock.move(max(waits[-1], 0))
    # In the first round the probe is the second free failure.
    assert waits == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_one_budget_over_everything(site: Site) -> None:
    """Case 59: new sessions, browsers, addresses, locations and methods share one budget, of 100 less 20."""
    assert (BUDGET, RESERVED) == (100, 20), "NIST SP 800-63B allows no more"
    tries: list[Callable[[PlainBrowser, int], Answer]] = [
        lambda browser, n: enter(site, browser, site.phones["u1"].wrong()),
        lambda browser, n: site.api(browser, "challenge", {"code": site.phones["u1"].wrong()}),
        lambda browser, n: site.api(browser, "challenge", {"code": NO_RECOVERY_CODE}),
        lambda browser, n: site.api(
            browser,
            "challenge",
            {"code": site.phones["u1"].wrong()},
            headers={
                "X-Forwarded-For": f"10.0.0.{n}",
                "X-Real-IP": f"10.0.0.{n}",
                "Forwarded": f"for=10.0.0.{n}",
            },
        ),
    ]
    statuses = []
    for number in range(BUDGET):
        statuses.append(tries[number % len(tries)](site.browser("u1"), number).status)
        site.clock.move(901)
    assert statuses == [403] * (BUDGET - RESERVED) + [429] * RESERVED
    assert site.gate.status("u1").locked
    browser = site.browser("u1")
    assert enter(site, browser, site.phones["u1"].code()).status == 429
    assert not passes(site, browser)


@pytest.mark.parametrize("user", ["u1", "u2"])
def test_setting_up_shares_the_budget(site: Site, user: str) -> None:
    """Case 61: a wrong code at setup counts like any other, for the first authenticator and for a further one."""
    browser = site.browser(user) if user == "u2" else site.verified(user)
    assert site.api(browser, "enrollment", {}).status == 200
    before = failures(site, user)
    for number in range(1, 4):
        assert site.api(browser, "enrollment", {"code": "000000"}).status == 403
        assert failures(site, user) == before + number
    assert site.api(browser, "enrollment", {"code": "000000"}).status == 429
    assert failures(site, user) == before + 3
    if user == "u1":
        assert guess(site, browser) == 429


@pytest.mark.parametrize("endpoint", ["disable", "recovery-codes", "authenticators"])
def test_managing_shares_the_budget(make_site: SiteMaker, endpoint: str) -> None:
    """Case 61: step-up and disabling spend the same attempts as the challenge."""
    site = make_site(policies=OPTIONAL)
    site.enroll("u1")
    browser = site.verified("u1")
    (one,) = site.api(browser, "status").json()["authenticators"]
    path = endpoint if endpoint != "authenticators" else f"authenticators/{one['id']}"
    payload = {"code": site.phones["u1"].wrong()}
    if endpoint == "authenticators":
        payload |= {"action": "rename", "name": "x"}
    statuses = [site.api(browser, path, payload).status for _ in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    assert failures(site) == 3
    assert guess(site, browser) == 429


def test_old_cookies_turn_nothing_back(site: Site) -> None:
    """Case 60: the counters are the account's: no cookie of an earlier moment, and none at all, resets them."""
    browser = site.browser("u1")
    kept = site.browser()
    browser.cookies.copy_to(kept.cookies)
    for _ in range(3):
        assert guess(site, browser) == 403
    kept.cookies.copy_to(browser.cookies)
    assert guess(site, browser) == 429
    assert guess(site, site.browser("u1")) == 429
    assert failures(site) == 3


def test_a_known_browser_has_a_lane_of_its_own(site: Site) -> None:
    """Case 62: what strangers do, up to their lock, does not keep out a browser that verified before."""
    own = site.verified("u1")
    site.clock.move(86400)
    stranger = site.browser("u1")
    assert exhaust(site, stranger) == BUDGET - RESERVED
    site.login(own, "u1")
    assert not passes(site, own)
    assert enter(site, own, site.phones["u1"].code()).status == 303
    assert passes(site, own)
    assert guess(site, stranger) == 429


def test_the_own_lane_is_bounded_too(site: Site) -> None:
    """Case 62: both lanes together never get more than the budget, whichever is used first."""
    own = site.verified("u1")
    assert exhaust(site, site.browser("u1")) + exhaust(site, own) == BUDGET
    assert enter(site, own, site.phones["u1"].code()).status == 429


def test_a_known_browser_cookie_is_nobody_elses(site: Site) -> None:
    """Case 62: the mark of a known browser helps with its own user's account alone, and can't be made up."""
    site.enroll("u2")
    theirs = site.verified("u2")
    name = "__Host-twofa-known-main"
    exhaust(site, site.browser("u1"))
    attacker = site.browser("u1")
    value = theirs.cookies[name].value
    for forged in (value, value[:-1] + ("A" if value[-1] != "A" else "B"), "1", ""):
        attacker.cookies.set(name, forged, "https://app.test/")
        assert guess(site, attacker) == 429
    site.login(theirs, "u1")
    assert guess(site, theirs) == 429


def test_a_known_browser_is_known_for_ninety_days(site: Site) -> None:
    """Case 62: the lane of its own ends ninety days after the browser last verified."""
    own = site.verified("u1")
    site.clock.move(90 * 86400 + 1)
    site.login(own, "u1")
    exhaust(site, site.browser("u1"))
    assert guess(site, own) == 429


def test_success_clears_the_back_off_alone(site: Site) -> None:
    """Case 63: a right code ends the delay, and gives back none of the thirty days' attempts."""
    browser = site.browser("u1")
    for number in range(1, 21):
        assert guess(site, browser) == 403
        site.clock.move(901)
        site.verify(site.browser("u1"), "u1")
        assert failures(site) == number
    assert guess(site, site.browser("u1")) == 403
    assert guess(site, site.browser("u1")) == 403


def test_thirty_days(site: Site) -> None:
    """Case 63: failures count for thirty days; a lock that was reached does not end by itself."""
    browser = site.browser("u1")
    for _ in range(10):
        guess(site, browser)
        site.clock.move(901)
    site.clock.move(30 * 86400)
    assert failures(site) == 0
    exhaust(site, browser)
    site.clock.move(400 * 86400)
    assert guess(site, browser) == 429
    assert site.gate.status("u1").locked


def test_looking_at_the_challenge_writes_nothing(site: Site) -> None:
    """Case 64: a thousand looks at the challenge, with and without cookies, change nothing in the store."""

    def everything() -> dict[str, Any]:
        return {key: site.store.load(key) for key in site.store.scan("", None, 100)}

    before = everything()
    browser = site.browser("u1")
    for number in range(100):
        for _ in range(9):
            assert browser.send("GET", "/2fa/challenge").status == 200
        assert browser.send("HEAD", f"/2fa/challenge?code={number:06}").status == 200
        assert site.browser().send("GET", "/2fa/challenge").status == 403
    assert everything() == before


def test_retry_after_says_nothing_of_the_code(site: Site) -> None:
    """Case 65: 429 has Retry-After, the same for a right and a wrong code, on the page and in the API."""
    browser = site.browser("u1")
    for _ in range(9):
        guess(site, browser)
        site.clock.move(65)
    site.clock.now = site.clock.now // 30 * 30 + 1
    right, wrong = site.phones["u1"].display(), site.phones["u1"].wrong()
    answers = [site.api(browser, "challenge", {"code": code}) for code in (right, wrong)]
    pages = [enter(site, browser, code) for code in (right, wrong)]
    assert [each.status for each in (*answers, *pages)] == [429] * 4
    assert len({each.headers["retry-after"] for each in (*answers, *pages)}) == 1
    assert int(answers[0].headers["retry-after"]) > 0
    assert answers[0].content == answers[1].content
    assert pages[0].words == pages[1].words


def test_what_works_while_locked(site: Site) -> None:
    """Case 66: a recovery code works through the lock; an administrator's unlock opens no more than the lock."""
    stranger = site.browser("u1")
    exhaust(site, stranger)
    owner = site.browser("u1")
    assert enter(site, owner, site.recovery_codes["u1"][0]).status == 303
    assert passes(site, owner)
    assert guess(site, stranger) == 429, "a recovery code is no unlock for everybody"
    site.gate.unlock("u1", by="support")
    assert not passes(site, stranger)
    assert not passes(site, site.browser("u1"))
    assert failures(site) == 0
    site.verify(site.browser("u1"), "u1")


def unlock(site: Site, browser: PlainBrowser, codes: list[str]) -> Answer:
    """Fill the form of three codes in."""
    form = browser.navigate("/2fa/unlock").form(field="code1")
    return browser.submit(form, code1=codes[0], code2=codes[1], code3=codes[2])


def test_unlocking_oneself(site: Site) -> None:
    """Case 66: three right codes in a row unlock and verify nobody; fewer, others, older or used ones don't."""
    phone = site.phones["u1"]
    browser = site.browser("u1")
    exhaust(site, browser)
    site.clock.now = site.clock.now // 30 * 30 + 1
    row = [phone.display(-2), phone.display(-1), phone.display()]
    bad = phone.wrong()
    for wrong in (
        [bad, *row[1:]],
        [row[0], bad, row[2]],
        [*row[:2], bad],
        row[::-1],
        [row[2]] * 3,
        [row[0]] * 3,
    ):
        assert unlock(site, browser, wrong).status == 403
    future = [phone.display(1), phone.display(2), phone.display(3)]
    assert unlock(site, browser, future).status == 403
    assert site.gate.status("u1").locked
    assert unlock(site, browser, row).status == 303
    assert not site.gate.status("u1").locked
    assert not passes(site, browser)
    assert enter(site, browser, row[2]).status == 403, "the last code of the row is spent"
    site.clock.move(30)
    site.verify(browser, "u1")


def test_unlocking_oneself_with_codes_that_were_seen(site: Site) -> None:
    """Case 66: who saw three codes over a shoulder can't unlock with them: each row is good once."""
    phone = site.phones["u1"]
    exhaust(site, site.browser("u1"))
    site.clock.now = site.clock.now // 30 * 30 + 1
    row = [phone.display(-2), phone.display(-1), phone.display()]
    assert unlock(site, site.browser("u1"), row).status == 303
    moment = site.clock.now
    exhaust(site, site.browser("u1"))
    for then in (moment, moment + 30, site.clock.now):
        site.clock.now = then
        assert unlock(site, site.browser("u1"), row).status == 403
        assert site.gate.status("u1").locked


@pytest.mark.parametrize("page", ["/2fa/unlock", "/2fa/challenge"])
def test_codes_in_the_query(site: Site, page: str) -> None:
    """Case 64: a code in the query of any method is never tried: nothing accepted, nothing counted."""
    browser = site.browser("u1")
    code = site.phones["u1"].code()
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        browser.send(method, f"{page}?code={code}&code1={code}")
    assert failures(site) == 0
    assert not passes(site, browser)
    site.verify(browser, "u1", code)
