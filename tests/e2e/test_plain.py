"""The main job through a plain HTTP client: no JavaScript, on servers and in this process, by both drivers."""

from __future__ import annotations

import time

import pytest

from tests.e2e.conftest import Way
from tests.e2e.flows import begin_enrollment, enter_code, recovery_codes_on, verify_and_enable
from tests.e2e.sites import PASSWORD, log_in, log_out
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone

VERIFICATION = "__Host-twofa-verification-main"
LAG = 1.5
"""Seconds: the revocation lag of 1 s, and some for a busy machine."""

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]


def is_refused(way: Way, browser: PlainBrowser, page: str) -> Answer:
    """Be sent to one of the gate's pages instead of billing's, and see nothing of billing."""
    answer = browser.navigate(way.office.page)
    assert answer.status == 303
    assert answer.location.startswith(browser.absolute(f"/2fa/{page}?"))
    assert answer.content == b"" or way.office.heading not in answer.text
    return browser.follow(answer)


def is_let_through(way: Way, browser: PlainBrowser) -> None:
    """See billing's page and data."""
    page = browser.navigate(way.office.page)
    assert page.status == 200
    assert way.office.heading in page.title
    assert set(browser.fetch("GET", way.office.data).json()) == {"open", "cents"}


def set_up(way: Way, browser: PlainBrowser) -> tuple[Phone, list[str]]:
    """Log in and set up, on the way to billing."""
    log_in(browser)
    is_refused(way, browser, "enroll")
    phone = way.phone()
    begin_enrollment(browser, phone)
    page = verify_and_enable(browser, phone)
    assert page.status == 200
    arrived = browser.follow(browser.submit(page.form(button="Continue"), saved="1"))
    assert (arrived.status, arrived.url) == (200, browser.absolute(way.office.page))
    return phone, recovery_codes_on(page)


def test_from_a_login_to_a_verified_session_and_back(way: Way) -> None:
    """Log in, set up, log in with a code, a backup device's, a recovery code; disable."""
    browser = way.browser
    phone, recovery_codes = set_up(way, browser)
    assert len(set(recovery_codes)) == 10
    is_let_through(way, browser)

    log_out(browser)
    assert browser.navigate(way.office.page).location.startswith(browser.absolute("/login"))
    log_in(browser)
    is_refused(way, browser, "challenge")
    entered = enter_code(browser, phone.fresh_code())
    assert (entered.status, entered.location) == (303, browser.absolute(way.office.page))
    is_let_through(way, browser)

    browser.navigate("/2fa/")
    browser.click("Add a backup device")
    tablet = way.phone()
    begin_enrollment(browser, tablet)
    added = browser.follow(verify_and_enable(browser, tablet, name="Tablet"))
    assert "The device has been added." in added.words
    assert "Tablet" in added.words

    log_out(browser)
    log_in(browser)
    is_refused(way, browser, "challenge")
    assert enter_code(browser, tablet.fresh_code()).status == 303
    is_let_through(way, browser)

    other = browser.another()
    log_in(other)
    page = is_refused(way, other, "challenge")
    used = other.submit(page.form(button="Use recovery code"), code=recovery_codes[3].lower())
    assert (used.status, used.location) == (303, other.absolute(way.office.page))
    is_let_through(way, other)
    is_refused(way, browser, "challenge")

    other.navigate("/2fa/")
    page = other.click("Disable two-factor authentication")
    done = other.follow(other.submit(page.form(button="Verify and disable"), code=tablet.fresh_code()))
    assert "Two-factor authentication has been disabled." in done.words
    assert other.navigate(way.office.open_page).status == 200
    is_refused(way, other, "enroll")


def test_a_code_is_good_once(way: Way) -> None:
    """The code of the enrollment and that of a challenge are refused when they come again, in any browser."""
    browser = way.browser
    phone, _ = set_up(way, browser)
    spent = [phone.display()]
    for spender in (browser.another(), browser.another()):
        log_in(spender)
        is_refused(way, spender, "challenge")
        for code in spent:
            refused = enter_code(spender, code)
            assert refused.status == 403
            assert "Each code works only once" in refused.words
            is_refused(way, spender, "challenge")
        spent = [phone.fresh_code()]
        assert enter_code(spender, spent[0]).status == 303
        is_let_through(way, spender)


def test_a_verification_of_one_login_is_none_of_the_next(way: Way) -> None:
    """Who steals the verification cookie and knows the password has a login of their own, and is asked."""
    browser = way.browser
    set_up(way, browser)
    thief = browser.another()
    log_in(thief)
    thief.cookies.set(VERIFICATION, browser.cookies[VERIFICATION].value, thief.base_url)
    is_refused(way, thief, "challenge")
    is_let_through(way, browser)


def test_disabling_is_refused_where_billing_governs(way: Way) -> None:
    """On the way to billing, which requires a second factor, the page says so and takes no code."""
    browser = way.browser
    phone, _ = set_up(way, browser)
    log_out(browser)
    log_in(browser)
    page = is_refused(way, browser, "challenge")
    carried = page.form(button="Verify").value("next")
    assert enter_code(browser, phone.fresh_code()).status == 303
    shown = browser.navigate(f"/2fa/disable?next={carried}")
    assert "billing" in shown.words
    assert "be disabled now, because it is required by" in shown.words
    assert "Verify and disable" not in shown.words


def test_revoking_ends_what_was_passed(way: Way) -> None:
    """After a revocation, by another process too, the verified browser is asked again within the lag."""
    browser = way.browser
    set_up(way, browser)
    is_let_through(way, browser)
    way.operate("revoke")
    deadline = time.monotonic() + LAG
    while browser.navigate(way.office.page).status == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    is_refused(way, browser, "challenge")


def test_a_browser_that_verified_without_an_account_is_an_alarm(way: Way) -> None:
    """An account that vanished from under a verified browser is a wrong store, 503; another browser sets up."""
    browser = way.browser
    set_up(way, browser)
    way.operate("forget")
    time.sleep(LAG)
    answer = browser.navigate(way.office.page)
    assert answer.status == 503
    assert way.office.heading not in answer.text
    other = browser.another()
    log_in(other)
    is_refused(way, other, "enroll")


def test_a_wrong_password_stays_the_applications_business(way: Way) -> None:
    """The application's own 403, words and all, is shown as it is."""
    browser = way.browser
    page = browser.navigate("/login")
    answer = browser.submit(page.form(button="Log in"), email="ada@example.com", password=PASSWORD + "!")
    assert answer.status == 403
    assert "E-mail address or password is wrong." in answer.words
