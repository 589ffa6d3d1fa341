"""The way of a person from a login to a verified session, which every example in the docs has to allow."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone

__all__ = ["journey", "log_in_by_form", "log_out_by_link", "set_up"]

Act = Callable[[PlainBrowser], object]


def log_in_by_form(browser: PlainBrowser) -> None:
    """Log in with the form of the tutorials' application."""
    page = browser.navigate("/login")
    form = page.form(action="/login", field="email")
    answer = browser.submit(form, email="ada@example.com", password="correct horse")
    assert answer.redirects
    assert answer.content == b"" or b"figures" not in answer.content


def log_out_by_link(browser: PlainBrowser) -> None:
    """Log out as the tutorials' application has it."""
    browser.navigate("/logout")


def set_up(
    browser: PlainBrowser, phone: Phone, private: str = "/", words: str = "Quarterly figures"
) -> Answer:
    """Be sent to set up, do so, and arrive where the person was heading; return the page with the codes."""
    page = browser.navigate(private, follow=True)
    assert page.title.startswith("Set up two-factor authentication"), page.words
    assert words not in page.text
    page = browser.submit(page.form(button="Continue"))
    phone.scan(page.link("Open authenticator app"))
    codes = browser.submit(page.form(button="Verify and enable"), code=phone.code())
    assert codes.title.startswith("Save your recovery codes"), codes.words
    assert words in browser.submit(codes.form(button="Continue"), saved="1", follow=True).text
    return codes


def journey(
    browser: PlainBrowser,
    phone: Phone,
    *,
    log_in: Act = log_in_by_form,
    log_out: Act = log_out_by_link,
    private: str = "/",
    words: str = "Quarterly figures",
) -> None:
    """Set up after the first login; be challenged after the second; see nothing of the page before the code."""
    log_in(browser)
    set_up(browser, phone, private, words)
    log_out(browser)
    assert words not in browser.navigate(private).text
    log_in(browser)
    page = browser.navigate(private, follow=True)
    assert page.title.startswith("Enter your code"), page.words
    assert words not in page.text
    refused = browser.submit(page.form(button="Verify"), code=phone.wrong_code())
    assert refused.status == 403
    assert words not in refused.text
    page = browser.submit(refused.form(button="Verify"), code=phone.fresh_code(), follow=True)
    assert words in page.text, page.words
