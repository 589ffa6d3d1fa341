"""What a person does on the gate's pages, with a plain browser and a phone."""

from __future__ import annotations

import re

from tests.e2e.sites import log_in
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone

__all__ = [
    "begin_enrollment",
    "enter_code",
    "log_in_with_code",
    "recovery_codes_on",
    "set_up",
    "verify_and_enable",
]


def begin_enrollment(browser: PlainBrowser, phone: Phone) -> Answer:
    """On the page that begins, go on; the phone takes the key that the next page shows."""
    assert browser.page is not None
    page = browser.submit(browser.page.form(button="Continue"))
    assert page.status == 200, page.words
    phone.scan(page.link("Open authenticator app"))
    return page


def verify_and_enable(browser: PlainBrowser, phone: Phone, *, name: str = "") -> Answer:
    """Enter the phone's code and press the button."""
    assert browser.page is not None
    form = browser.page.form(button="Verify and enable")
    return browser.submit(form, code=phone.fresh_code(), name=name)


def recovery_codes_on(page: Answer) -> list[str]:
    """Return the recovery codes that a page shows."""
    return re.findall(r"<li><code>([^<]+)</code></li>", page.text)


def enter_code(browser: PlainBrowser, code: str) -> Answer:
    """On the challenge page, enter a code of the app."""
    assert browser.page is not None
    return browser.submit(browser.page.form(action="/challenge", button="Verify"), code=code)


def set_up(browser: PlainBrowser, phone: Phone, page: str) -> list[str]:
    """Log in and set up, on the way to a page that requires it; return the recovery codes."""
    log_in(browser)
    browser.follow(browser.navigate(page))
    begin_enrollment(browser, phone)
    return recovery_codes_on(verify_and_enable(browser, phone))


def log_in_with_code(browser: PlainBrowser, phone: Phone, page: str) -> Answer:
    """Log in, be challenged on the way to a page, and enter a code; return the redirect back to it."""
    log_in(browser)
    asked = browser.follow(browser.navigate(page))
    assert asked.status == 200, asked.words
    return enter_code(browser, phone.fresh_code())
