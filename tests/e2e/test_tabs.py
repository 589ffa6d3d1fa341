"""Old tabs, double clicks, Back, and what the pages' script adds, in Chromium on both servers."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.sites import Site
from tests.e2e.test_browser import Desk
from tests.support.browser import Diary, open_context, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d ")
"""What Chromium's console says of any refusal, wanted or not."""
WIDE = (1280, 800)
NARROW = (390, 800)


class Person:
    """Somebody with a browser of several tabs, and a phone."""

    def __init__(self, context: BrowserContext, site: Site, *, javascript: bool = True) -> None:
        self.context, self.site, self.javascript = context, site, javascript
        self.phone = site.phone()
        self.diaries: list[Diary] = []
        self.desk = self.tab()

    def tab(self) -> Desk:
        """Open a tab."""
        page = self.context.new_page()
        self.diaries.append(watch(page))
        return Desk(page, self.site, javascript=self.javascript)

    def begin(self, desk: Desk, path: str = "/2fa/enroll") -> None:
        """Go on from the page that begins, and let the phone read the link."""
        desk.page.goto(desk.address(path))
        desk.page.get_by_role("button", name="Continue").click()
        link = desk.page.locator("a[href^='otpauth:']").get_attribute("href")
        assert link
        self.phone.scan(link)

    def set_up(self, desk: Desk | None = None) -> None:
        """Log in and set up."""
        desk = desk or self.desk
        desk.log_in()
        desk.page.get_by_text("Welcome back, Ada.").wait_for()
        self.begin(desk)
        desk.types(self.phone.fresh_code(), "Verify and enable")
        desk.sees("Save your recovery codes")

    def logs_in_anew(self) -> None:
        """Log out and in, so that a code is asked for."""
        self.desk.log_out()
        self.desk.log_in()
        self.desk.sees("Enter your code")

    def devices(self) -> int:
        """Count the devices on the account page."""
        page = self.tab().page
        page.goto(self.desk.address("/2fa/"))
        return page.locator("h3[id^=device]").count()


@pytest.fixture
def person(chromium: Browser, site: Site) -> Iterator[Person]:
    """Sit down at a browser with several tabs."""
    with open_context(chromium) as context:
        someone = Person(context, site)
        yield someone
        said = [each for diary in someone.diaries for each in diary.complaints()]
        assert [each for each in said if not REFUSED.match(each)] == []


def challenge(desk: Desk) -> Page:
    """Open the page of the billing office, and be asked for a code."""
    desk.page.goto(desk.address(desk.site.office.page))
    desk.sees("Enter your code")
    return desk.page


def settle(page: Page) -> None:
    """Wait until what was sent, perhaps twice, has been answered."""
    page.wait_for_timeout(1000)
    page.wait_for_load_state("networkidle")


def test_tab_left_open_while_another_was_faster(person: Person) -> None:
    """A challenge that another tab has passed meanwhile still takes a code, and goes on, as does loading it again."""
    person.set_up()
    person.logs_in_anew()
    challenge(person.desk)
    other, third = person.tab(), person.tab()
    challenge(other)
    challenge(third)
    other.types(person.phone.fresh_code(), "Verify")
    other.arrives()
    person.desk.types(person.phone.fresh_code(), "Verify")
    person.desk.arrives()
    third.page.reload()
    third.arrives()


def test_back_after_verification(person: Person) -> None:
    """Back, after a code, never asks again: the challenge that it comes to leads on to the page."""
    person.set_up()
    person.logs_in_anew()
    page = challenge(person.desk)
    person.desk.types(person.phone.fresh_code(), "Verify")
    person.desk.arrives()
    page.go_back()
    person.desk.arrives()
    page.goto(person.desk.address("/2fa/"))
    page.go_back()
    person.desk.arrives()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_double_click_on_verify(chromium: Browser, site: Site, javascript: bool) -> None:
    """A button that is clicked twice spends one code, and the person gets in, or is told to take the next one."""
    with open_context(chromium) as setting_up:
        first = Person(setting_up, site)
        first.set_up()
        phone = first.phone
    with open_context(chromium, javascript=javascript) as context:
        desk = Person(context, site, javascript=javascript).desk
        desk.log_in()
        desk.sees("Enter your code")
        page = challenge(desk)
        code = phone.fresh_code()
        if javascript:  # the last digit is held back, as it would send the form by itself
            page.evaluate("document.querySelector('#code').removeAttribute('data-submit')")
            page.evaluate(f"document.querySelector('#code').value = '{code}'")
        else:
            page.get_by_label("6-digit code").fill(code)
        page.get_by_role("button", name="Verify", exact=True).dblclick()
        settle(page)
        if page.get_by_role("heading", level=1).inner_text() == "Enter your code":
            assert not javascript
            desk.types(phone.fresh_code(), "Verify")
        desk.arrives()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "no-javascript"])
def test_double_click_on_verify_and_enable(chromium: Browser, site: Site, javascript: bool) -> None:
    """A double click while setting up leaves one device that works, and a page that says what to do."""
    with open_context(chromium, javascript=javascript) as context:
        person = Person(context, site, javascript=javascript)
        desk, page = person.desk, person.desk.page
        desk.log_in()
        page.get_by_text("Welcome back, Ada.").wait_for()
        person.begin(desk)
        page.get_by_label("6-digit code").fill(person.phone.fresh_code())
        page.get_by_role("button", name="Verify and enable").dblclick()
        settle(page)
        told = page.get_by_role("main").inner_text()
        known = "Save your recovery codes", "Your device is set up", "Two-factor authentication is on already"
        assert any(each in told for each in known), told
        if javascript:
            assert known[0] in told
        if page.get_by_role("heading", level=1).inner_text() == "Enter your code":
            desk.types(person.phone.fresh_code(), "Verify")
            settle(page)
        assert person.devices() == 1
        person.logs_in_anew()
        challenge(desk)
        desk.types(person.phone.fresh_code(), "Verify")
        desk.arrives()


def test_two_tabs_that_set_up(person: Person) -> None:
    """Of two tabs that set up at once the older one says so; the newer one goes on, and one device works."""
    desk, other = person.desk, person.tab()
    desk.log_in()
    desk.page.get_by_text("Welcome back, Ada.").wait_for()
    person.begin(desk)
    old = person.phone.fresh_code()
    person.begin(other)
    desk.types(old, "Verify and enable")
    desk.page.get_by_text("You started over in another tab.").wait_for()
    other.types(person.phone.fresh_code(), "Verify and enable")
    other.sees("Save your recovery codes")
    assert person.devices() == 1
    desk.page.get_by_role("button", name="Start over").click()
    desk.sees("Add a backup device")


def test_codes_page_loaded_again(person: Person) -> None:
    """The page with the recovery codes, loaded again, says that they are not shown again and how to get new ones."""
    person.set_up()
    page = person.desk.page
    code = page.locator("#codes code").first.inner_text()
    page.reload()
    person.desk.sees("Two-factor authentication is on")
    assert code not in page.content()
    page.get_by_role("link", name="Make new recovery codes").click()
    person.desk.sees("Make new recovery codes")


def test_stale_page_after_logging_out(person: Person) -> None:
    """A challenge left open in one tab while another has logged out leads to the login, and spends no code."""
    person.set_up()
    person.logs_in_anew()
    page = challenge(person.desk)
    other = person.tab()
    other.page.goto(other.address("/login"))
    person.context.clear_cookies()
    code = person.phone.fresh_code()
    person.desk.types(code, "Verify")
    page.wait_for_url(re.compile("/login"))
    person.desk.log_in()
    person.desk.sees("Enter your code")
    person.desk.types(code, "Verify")
    page.wait_for_url(re.compile(r"^(?!.*/challenge)"))


def test_stale_token(person: Person) -> None:
    """A challenge that was open for half a day is a fresh form after the code, with a word why, and works."""
    person.set_up()
    person.logs_in_anew()
    page = challenge(person.desk)
    person.site.clock.sleep(13 * 3600)
    person.desk.types(person.phone.fresh_code(), "Verify")
    page.get_by_text("This page was open for too long.").wait_for()
    person.desk.types(person.phone.fresh_code(), "Verify")
    person.desk.arrives()


def test_codes_are_saved_before_going_on(person: Person) -> None:
    """Without the box ticked the page stays; the codes can be copied, and downloaded under the service's name."""
    person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.set_up()
    page = person.desk.page
    codes = page.locator("#codes code").all_inner_texts()
    page.get_by_role("button", name="Continue").click()
    person.desk.sees("Save your recovery codes")
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(
        r"recovery-codes-for-[\w-]+-ada-example-com\.txt", downloading.value.suggested_filename
    )
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, "codes.txt")
        downloading.value.save_as(saved)
        assert saved.read_text() == copied
    assert [line for line in copied.splitlines() if re.fullmatch("[0-9A-Z-]{27}", line)] == codes
    page.emulate_media(media="print")
    assert page.locator("#codes").is_visible()
    assert page.get_by_text("Each code works once. Keep this sheet").is_visible()
    for hidden in ("header", "footer", "form", "button"):
        assert not any(each.is_visible() for each in page.locator(hidden).all())
    page.emulate_media(media="screen")
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(person.desk.address("/"))


@pytest.mark.parametrize(("viewport", "touch"), [(NARROW, True), (WIDE, False)], ids=["phone", "desktop"])
def test_setting_up_on_a_phone(chromium: Browser, site: Site, viewport: tuple[int, int], touch: bool) -> None:
    """On a phone a button opens the authenticator app; on a desk there is the QR code. The key is copied whole."""
    width, height = viewport
    with contextlib.closing(
        chromium.new_context(viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch)
    ) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        person = Person(context, site)
        page = person.desk.page
        person.desk.log_in()
        page.get_by_text("Welcome back, Ada.").wait_for()
        person.begin(person.desk)
        assert page.get_by_role("link", name="Open authenticator app").is_visible() is touch
        assert page.get_by_role("img", name="QR code to scan with your authenticator app").is_visible()
        shown = page.locator("#key").inner_text()
        assert re.fullmatch(r"([A-Z2-7]{4}\s){7}[A-Z2-7]{4}", shown)
        page.get_by_role("button", name="Copy key").click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == person.phone.key.secret
        page.get_by_label("6-digit code").fill(person.phone.display(6))
        page.get_by_role("button", name="Verify and enable").click()
        page.get_by_text(re.compile("clock seems to be 3 minutes off")).wait_for()


def test_wait_counts_down(person: Person) -> None:
    """A wait counts down, and says at which time of the person's own day it ends."""
    person.set_up()
    person.logs_in_anew()
    page = challenge(person.desk)
    for _ in range(40):
        page.get_by_label("6-digit code").fill(person.phone.wrong_code())
        page.get_by_role("button", name="Verify", exact=True).click()
        page.get_by_role("alert").wait_for()
        timer = page.locator("[data-retry-after]")
        wait = int(timer.get_attribute("data-retry-after") or 0) if timer.count() else 0
        if wait > 60:
            break
        person.site.clock.sleep(wait + 1)
    else:
        raise AssertionError("there was never a wait")
    first = timer.inner_text()
    assert re.fullmatch(r"\d+:\d\d", first)
    page.wait_for_function(
        "first => document.querySelector('[data-retry-after]').textContent !== first", arg=first
    )
    assert re.fullmatch(r"\d+:\d\d\s[AP]M", page.locator("[data-clock]").inner_text())
