"""The main job with the keyboard alone: wide and on a phone's screen, with and without script, in three languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import open_context, watch
from tests.support.clock import MovableClock
from tests.support.phone import Phone
from tests.support.servers import Server, gunicorn
from twofa_gate.pages.language import speaking

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

VARIANTS = [
    ("en-US", True, (1280, 800)),
    ("en-US", False, (390, 800)),
    ("ar-EG", True, (390, 800)),
    ("ja-JP", False, (1280, 800)),
]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Server, Phone]]:
    """Run the town, and hold a phone that goes by its clock."""
    clock = MovableClock(tmp_path / "clock")
    with gunicorn("tests.locations.hosted:wsgi_app", clock=clock) as started:
        yield started, Phone(clock)


def reach(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, which has to be seen."""
    target.wait_for()
    for _ in range(40):
        if target.evaluate("each => each === document.activeElement"):
            ring = target.evaluate("each => getComputedStyle(each).outlineStyle")
            assert ring != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError("forty times Tab did not lead there")


def press(page: Page, role: str, name: str) -> None:
    """Go to a link or a button, and press Enter."""
    reach(page, page.get_by_role(role, name=name, exact=True))  # type: ignore[arg-type] # one of the two
    page.keyboard.press("Enter")


def type_code(page: Page, code: str) -> None:
    """Type a code into its field, and press Enter unless the page sends it by itself."""
    field = page.locator("#code")
    reach(page, field)
    sends_itself = field.get_attribute("data-submit") is not None and page.locator("html.js").count()
    page.keyboard.type(code)
    if not sends_itself:
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("locale", "javascript", "size"), VARIANTS)
def test_the_main_job_with_the_keyboard(
    chromium: object, served: tuple[Server, Phone], locale: str, javascript: bool, size: tuple[int, int]
) -> None:
    """Set up, codes, account, sign out, challenge with a wrong and a right code, disable: by Tab, Space and Enter."""
    started, phone = served
    say = speaking(locale if locale != "en-US" else "en").gettext
    with open_context(chromium, locale=locale, javascript=javascript, viewport=size) as context:  # type: ignore[arg-type] # a browser
        page = context.new_page()
        diary = watch(page)
        page.goto(f"{started.url}/login?user=max")
        page.goto(f"{started.url}/2fa/enroll")
        press(page, "button", say("Continue"))
        link = page.locator("a[href^='otpauth:']").get_attribute("href")
        assert link
        phone.scan(link)
        type_code(page, phone.fresh_code())
        page.get_by_role("heading", name=say("Save your recovery codes")).wait_for()
        reach(page, page.locator("[name=saved]"))
        page.keyboard.press("Space")
        press(page, "button", say("Continue"))
        page.get_by_text("private page").wait_for()
        page.goto(f"{started.url}/login?user=max")
        page.goto(f"{started.url}/2fa/")
        page.get_by_role("heading", name=say("Enter your code")).wait_for()
        type_code(page, phone.wrong_code())
        page.get_by_role("alert").wait_for()
        assert page.locator("#code").get_attribute("aria-invalid") == "true"
        type_code(page, phone.fresh_code())
        page.get_by_role("heading", name=say("Your devices")).wait_for()
        press(page, "link", say("Disable two-factor authentication"))
        type_code(page, phone.fresh_code())
        page.get_by_role("status").wait_for()
        assert say("Two-factor authentication has been disabled.") in page.get_by_role("status").inner_text()
        assert [each for each in diary.complaints() if "403" not in each] == []
