"""The main job in Debian's Chromium, with a camera that reads the screen and a phone that is oathtool."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.sites import EMAIL, PASSWORD, Site
from tests.support.browser import Diary, open_context, watch
from tests.support.camera import read_qr
from tests.support.phone import Phone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool", "zbarimg")]

SOUND = re.compile(r"Failed to load resource: the server responded with a status of 40[34] ")
"""What Chromium's console says of any answer of that status, wanted or not."""


class Desk:
    """A person at a browser."""

    def __init__(self, page: Page, site: Site, *, javascript: bool) -> None:
        self.page = page
        self.site = site
        self.javascript = javascript

    def address(self, path: str) -> str:
        """Return a page's address."""
        return self.site.url + path

    def log_in(self) -> None:
        """Log in as Ada with the application's own form."""
        self.page.goto(self.address("/login"))
        self.page.get_by_label("E-mail address").fill(EMAIL)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("main").get_by_role("button", name="Log in").click()

    def log_out(self) -> None:
        """Press the button that all of the application's pages have."""
        self.page.goto(self.address("/"))
        self.page.get_by_role("button", name="Log out").click()
        self.page.get_by_text("You are logged out.").wait_for()

    def log_in_anew(self) -> None:
        """Log out and in again, and be asked for a code on the way to the page."""
        self.log_out()
        self.log_in()
        self.sees("Enter your code")
        self.page.goto(self.address(self.site.office.page))
        self.sees("Enter your code")
        assert self.page.url.startswith(self.address("/2fa/challenge?"))

    def sees(self, heading: str) -> None:
        """Read the page's heading."""
        self.page.get_by_role("heading", level=1, name=heading, exact=True).wait_for()

    def arrives(self) -> None:
        """Arrive at the page that was asked for."""
        self.page.wait_for_url(self.address(self.site.office.page))
        self.sees(self.site.office.heading)

    def scan(self, phone: Phone) -> None:
        """Take a picture of the screen, and let the phone read it."""
        self.page.get_by_role("button", name="Continue").click()
        self.sees_code_to_scan()
        key = phone.scan(read_qr(self.page.screenshot(full_page=True)))
        assert key.account == EMAIL
        shown = self.page.locator("#key").inner_text()
        assert "".join(shown.split()) == key.secret

    def sees_code_to_scan(self) -> None:
        """Wait for the QR code."""
        self.page.locator(".qr svg").wait_for()

    def types(self, code: str, button: str) -> None:
        """Type a code and press the button, unless the page's script sends it with the last digit."""
        field = self.page.get_by_label("6-digit code")
        sends_itself = self.javascript and button == "Verify"
        field.fill(code)
        if not sends_itself:
            self.page.get_by_role("button", name=button, exact=True).click()


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def desk(request: pytest.FixtureRequest, chromium: Browser, site: Site) -> Iterator[Desk]:
    """Sit down at a browser; nothing may complain or leave the site while it is used."""
    with open_context(chromium, javascript=request.param) as context:
        page = context.new_page()
        diary = watch(page)
        yield Desk(page, site, javascript=request.param)
        assert_content(diary, site)


def assert_content(diary: Diary, site: Site) -> None:
    """Nothing was blocked by a policy, nothing failed, and nothing was asked of another host."""
    assert [each for each in diary.complaints() if not SOUND.match(each)] == []
    assert [url for url in diary.requested if not url.startswith((site.url, "blob:"))] == []


def test_from_a_login_to_a_verified_session_and_back(desk: Desk) -> None:
    """Log in, set up by QR code, log in with a code, a backup device's, a recovery code; disable."""
    site, page = desk.site, desk.page
    phone, tablet = site.phone(), site.phone()

    desk.log_in()
    page.get_by_text("Welcome back, Ada.").wait_for()
    page.goto(desk.address(site.office.page))
    desk.sees("Set up two-factor authentication")
    desk.scan(phone)
    desk.types(phone.fresh_code(), "Verify and enable")
    desk.sees("Save your recovery codes")
    recovery_codes = page.locator("#codes code").all_inner_texts()
    assert len(set(recovery_codes)) == 10
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    desk.arrives()

    desk.log_in_anew()
    desk.types(phone.fresh_code(), "Verify")
    desk.arrives()

    page.goto(desk.address("/2fa/"))
    desk.sees("Two-factor authentication")
    page.get_by_role("link", name="Add a backup device").click()
    desk.sees("Add a backup device")
    desk.scan(tablet)
    page.get_by_label("Name of this device").fill("Tablet")
    desk.types(tablet.fresh_code(), "Verify and enable")
    page.get_by_role("status").get_by_text("The device has been added.").wait_for()
    page.get_by_role("heading", name="Tablet").wait_for()

    desk.log_in_anew()
    desk.types(tablet.fresh_code(), "Verify")
    desk.arrives()

    desk.log_in_anew()
    page.get_by_text("Lost your phone?").click()
    page.get_by_label("Recovery code", exact=True).fill(recovery_codes[0].lower().replace("-", " "))
    page.get_by_role("button", name="Use recovery code").click()
    desk.arrives()

    page.goto(desk.address("/2fa/"))
    page.get_by_role("link", name="Disable two-factor authentication").click()
    desk.sees("Disable two-factor authentication")
    desk.types(tablet.fresh_code(), "Verify and disable")
    page.get_by_text("Two-factor authentication has been disabled.").wait_for()
    page.goto(desk.address(site.office.open_page))
    assert page.url == desk.address(site.office.open_page)
    page.goto(desk.address(site.office.page))
    desk.sees("Set up two-factor authentication")


@pytest.mark.parametrize("desk", [True], indirect=True, ids=["javascript"])
def test_nothing_is_seen_with_back_after_logging_out(desk: Desk) -> None:
    """After a logout the browser's Back button shows neither the page nor the recovery codes."""
    from playwright.sync_api import Error

    site, page = desk.site, desk.page
    phone = site.phone()
    desk.log_in()
    page.get_by_text("Welcome back, Ada.").wait_for()
    page.goto(desk.address(site.office.page))
    desk.scan(phone)
    desk.types(phone.fresh_code(), "Verify and enable")
    desk.sees("Save your recovery codes")
    code = page.locator("#codes code").first.inner_text()
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    desk.arrives()
    desk.log_out()
    for _ in range(4):
        with contextlib.suppress(Error):  # what a form was answered with is gone: ERR_CACHE_MISS
            page.go_back()
        assert site.office.heading not in page.title()
        for secret in (code, phone.key.secret, phone.key.secret[:4] + " "):
            assert secret not in page.content()
