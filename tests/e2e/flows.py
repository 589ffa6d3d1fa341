"""What a person does on the gate's pages, with a plain browser and a phone."""

from __future__ import annotations

import re

from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone

__all__ = ["begin_enrollment", "enter_code", "recovery_codes_on", "verify_and_enable"]


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
