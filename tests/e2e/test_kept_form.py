"""A form that somebody types while their verification runs out, in Debian's Chromium without JavaScript."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.flows import set_up
from tests.e2e.sites import EMAIL, FLASK, PASSWORD, Site
from tests.support.browser import open_context

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.phone import Phone

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

HALF_A_DAY = 13 * 3600


@pytest.fixture
def typing(chromium: Browser, site: Site) -> Iterator[tuple[Page, Phone]]:
    """Sit before the example's form, filled in, while the verification has run out."""
    phone = site.phone()
    with site.browser() as plain, open_context(chromium, javascript=False) as context:
        set_up(plain, phone, site.office.page)
        page = context.new_page()
        page.goto(site.url + "/login")
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.goto(site.url + site.office.open_page)
        page.get_by_label("6-digit code").fill(phone.fresh_code())
        page.get_by_role("button", name="Verify", exact=True).click()
        page.wait_for_url(site.url + site.office.open_page)
        if site.office is FLASK:
            page.get_by_label("Item").fill("Kept cake")
        else:
            page.get_by_label("Berth").fill("B4")
            page.get_by_label("Note").fill("Kept cake")
        site.clock.sleep(HALF_A_DAY)
        page.get_by_role("button", name="Order" if site.office is FLASK else "Write").click()
        page.get_by_text("What you sent is kept.").wait_for()
        yield page, phone


def enter(page: Page, phone: Phone) -> None:
    """Give the code, and read what will be sent."""
    page.get_by_label("6-digit code").fill(phone.fresh_code())
    page.get_by_role("button", name="Verify", exact=True).click()
    page.get_by_role("heading", name="Send your form?").wait_for()
    page.get_by_role("cell", name="Kept cake").wait_for()


def records(page: Page, site: Site) -> int:
    """Count the records of what was typed."""
    page.goto(site.url + site.office.open_page)
    return page.get_by_role("cell", name="Kept cake").count()


def test_it_arrives_once(typing: tuple[Page, Phone], site: Site) -> None:
    """Typed, refused, sent on after the code: one record; Back, and sending it again from there, make no second."""
    from playwright.sync_api import Error

    page, phone = typing
    before = page.context.new_page()
    enter(page, phone)
    count = records(before, site)
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url(site.url + site.office.open_page)
    assert records(before, site) == count + 1
    with contextlib.suppress(Error):  # what a form was answered with is gone: ERR_CACHE_MISS
        page.go_back()
    with contextlib.suppress(Error):
        page.reload()
    if page.get_by_role("button", name="Send it").count():
        page.get_by_role("button", name="Send it").click()
    page.wait_for_load_state()
    assert "Kept cake" not in page.content()
    assert records(before, site) == count + 1


def test_a_double_click(typing: tuple[Page, Phone], site: Site) -> None:
    """Two clicks make one record, and the second is told so, if it is told anything."""
    page, phone = typing
    other = page.context.new_page()
    enter(page, phone)
    count = records(other, site)
    page.get_by_role("button", name="Send it").dblclick()
    deadline = time.monotonic() + 10
    while records(other, site) == count and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)  # for the second, if there were one
    assert records(other, site) == count + 1
