"""The way of a person in Arabic on a phone, and in Japanese, in Chromium, from real servers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import open_context, watch
from tests.support.clock import MovableClock
from tests.support.phone import Phone
from tests.support.servers import Server, gunicorn, uvicorn
from twofa_gate.pages.language import speaking

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

SHOTS = os.environ.get("LANGUAGE_SHOTS")
"""A folder for screenshots, to look at."""


@pytest.fixture(params=["wsgi", "asgi"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Phone]]:
    """Run the town, and hold a phone that goes by its clock."""
    clock = MovableClock(tmp_path / "clock")
    run = gunicorn if request.param == "wsgi" else uvicorn
    with run(f"tests.locations.hosted:{request.param}_app", clock=clock) as started:
        yield started, Phone(clock)


def look(page: Page, name: str) -> None:
    """Hold that nothing is wider than the window, and keep a screenshot where somebody wants to look at it."""
    page.locator("footer").wait_for()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth"), f"{name} is {width} wide"
    if SHOTS:
        page.screenshot(path=Path(SHOTS, f"{name}.png"), full_page=True)


def latin_words(page: Page) -> set[str]:
    """Return the words in Latin letters that a person sees, but for names, keys and codes."""
    text = page.locator("main").inner_text()
    names = "Google Authenticator, Microsoft Authenticator, Aegis, 2FAS, 1Password, Bitwarden"
    return {
        each
        for each in re.findall(r"[A-Za-z]{3,}", text.replace(names, ""))
        if not each.isupper() and each not in ("Town", "office", "Europe", "Vienna", "America", "New", "York")
    }


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize(("locale", "tag"), [("ar-EG", "ar"), ("ja-JP", "ja")])
def test_a_person_sets_up_and_signs_in(
    chromium: Browser, server: tuple[Server, Phone], locale: str, tag: str, javascript: bool
) -> None:
    """Set up, codes, account, wrong code, right code, disable: in the phone's language, nothing wider than it."""
    started, phone = server
    say = speaking(tag).gettext
    diary = []
    size = (390, 800)
    with open_context(chromium, locale=locale, javascript=javascript, viewport=size) as context:
        page = context.new_page()
        diary.append(watch(page))
        page.goto(f"{started.url}/login?user=max")
        page.goto(f"{started.url}/2fa/enroll")
        assert page.locator("html").get_attribute("lang") == tag
        assert page.locator("html").get_attribute("dir") == ("rtl" if tag == "ar" else "ltr")
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).textAlign") in (
            "start",
            "center",
        )
        look(page, f"{tag}-begin")
        page.get_by_role("button", name=say("Continue")).click()
        look(page, f"{tag}-confirm")
        assert latin_words(page) == set()
        link = page.locator("a[href^='otpauth:']").get_attribute("href")
        assert link
        phone.scan(link)
        page.get_by_label(say("6-digit code")).fill(phone.fresh_code())
        page.get_by_role("button", name=say("Verify and enable")).click()
        page.get_by_role("heading", name=say("Save your recovery codes")).wait_for()
        look(page, f"{tag}-codes")
        page.goto(f"{started.url}/2fa/")
        page.get_by_role("heading", name=say("Your devices")).wait_for()
        assert latin_words(page) == set()
        look(page, f"{tag}-account")
    with open_context(chromium, locale=locale, javascript=javascript, viewport=size) as context:
        page = context.new_page()
        page.goto(f"{started.url}/login?user=max")
        page.goto(f"{started.url}/office/")
        look(page, f"{tag}-challenge")
        button = page.get_by_role("button", name=say("Verify"), exact=True)
        page.locator("#code").fill(phone.wrong_code())
        if not javascript:
            button.click()
        page.get_by_role("alert").wait_for()
        assert say("That code didn\u2019t work.") in page.get_by_role("alert").inner_text()
        look(page, f"{tag}-wrong")
        page.locator("#code").fill(phone.fresh_code())
        if not javascript:
            button.click()
        page.get_by_text("private page").wait_for()
        page.goto(f"{started.url}/2fa/disable")
        page.get_by_label(say("6-digit code")).fill(phone.fresh_code())
        page.get_by_role("button", name=say("Verify and disable")).click()
        page.get_by_text(say("Two-factor authentication has been disabled.")).wait_for()
        look(page, f"{tag}-disabled")
    assert [said for each in diary for said in each.complaints()] == []


@pytest.mark.parametrize("locale", ["ar-EG", "ja-JP"])
def test_an_administrators_pages(chromium: Browser, server: tuple[Server, Phone], locale: str) -> None:
    """A location's settings, its errors and the report fit a phone in these languages too."""
    started, phone = server
    tag = locale[:2]
    say = speaking(tag).gettext
    with open_context(chromium, locale=locale, viewport=(390, 800)) as context:
        page = context.new_page()
        page.goto(f"{started.url}/login?user=ada")
        page.goto(f"{started.url}/2fa/locations/office")
        page.get_by_role("button", name=say("Continue")).click()
        link = page.locator("a[href^='otpauth:']").get_attribute("href")
        assert link
        phone.scan(link)
        page.get_by_label(say("6-digit code")).fill(phone.fresh_code())
        page.get_by_role("button", name=say("Verify and enable")).click()
        page.get_by_label(say("I have saved these codes")).check()
        page.get_by_role("button", name=say("Continue")).click()
        page.get_by_role("heading", name=say("Security settings")).wait_for()
        look(page, f"{tag}-location")
        page.get_by_label(say("Days of grace for newcomers")).fill("9999")
        page.get_by_role("button", name=say("Save settings")).click()
        page.get_by_text(say("Please look at the fields that are marked.")).wait_for()
        look(page, f"{tag}-location-wrong")
