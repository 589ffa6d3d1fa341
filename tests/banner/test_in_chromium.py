"""The banner as a person sees it, in Chromium, from real servers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tests.support.browser import open_context, watch
from tests.support.clock import MovableClock
from tests.support.servers import Server, gunicorn, uvicorn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]

SHOTS = os.environ.get("BANNER_SHOTS")
"""A folder for screenshots, to look at."""


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, MovableClock]]:
    """Run the host three days before the cut-off."""
    clock = MovableClock(tmp_path_factory.mktemp("clock") / "clock")
    env = {"BANNER_CUTOFF": str(time.time() + 3 * 86400 - 3600)}
    run = gunicorn if request.param == "wsgi" else uvicorn
    with run(f"tests.banner.hosted:{request.param}_app", env=env, clock=clock) as server:
        yield server, clock


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot where somebody wants to look at it."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS, f"{name}.png"))


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/plain", "/strict"])
def test_it_is_at_the_top(
    chromium: Browser,
    started: tuple[Server, MovableClock],
    width: int,
    scheme: Literal["light", "dark"],
    path: str,
) -> None:
    """The banner is the first thing on the page, over its whole width, styled whatever the host's styles.

    Under a content security policy that allows the host's own style sheets there is no complaint.
    """
    server, _ = started
    with open_context(chromium, viewport=(width, 700), color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{server.url}/login?user=ann")
        diary = watch(page)
        page.goto(f"{server.url}{path}")
        banner = page.get_by_role("region", name="Two-factor authentication")
        box = banner.bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"]) == (0, 0, width)
        assert "Nordhafen <Süd> will require two-factor authentication" in banner.inner_text()
        assert "3 days left" in banner.inner_text()
        assert "(Europe/Berlin)" in banner.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        style = "getComputedStyle(document.querySelector('.twofa-banner-hide')).backgroundColor"
        assert page.evaluate(style) == "rgba(0, 0, 0, 0)"
        assert diary.complaints() == []
        shoot(page, f"{path[1:]}-{width}-{scheme}-{'wsgi' if 'gunicorn' in server.command else 'asgi'}")


def test_where_no_style_sheet_is_allowed(chromium: Browser, started: tuple[Server, MovableClock]) -> None:
    """Under a policy that forbids all style sheets the banner is plain HTML, readable, with its link."""
    server, _ = started
    with open_context(chromium, viewport=(390, 700)) as context:
        page = context.new_page()
        page.goto(f"{server.url}/login?user=ann")
        page.goto(f"{server.url}/forbidding")
        assert page.get_by_text("3 days left").is_visible()
        shoot(page, "forbidding")
        page.get_by_role("link", name="Set up two-factor authentication").click()
        page.get_by_role("heading", name="Set up two-factor authentication").wait_for()


def test_hide_and_come_back(chromium: Browser, started: tuple[Server, MovableClock]) -> None:
    """Hidden by its button it stays away in this login, without JavaScript too, and is back after the next."""
    server, _ = started
    for javascript in (True, False):
        with open_context(chromium, javascript=javascript) as context:
            page = context.new_page()
            page.goto(f"{server.url}/login?user=bea")
            page.goto(f"{server.url}/strict")
            banner = page.get_by_role("region", name="Two-factor authentication")
            banner.get_by_role("button", name="Hide until I next sign in").click()
            page.wait_for_url("**/strict")
            assert banner.count() == 0
            page.goto(f"{server.url}/plain")
            assert banner.count() == 0
            page.goto(f"{server.url}/login?user=bea")
            assert banner.count() == 1


def test_back_after_the_logout(chromium: Browser, started: tuple[Server, MovableClock]) -> None:
    """After the logout the Back button shows no page with somebody's banner: none was kept."""
    server, _ = started
    with open_context(chromium) as context:
        page = context.new_page()
        page.goto(f"{server.url}/login?user=dan")
        page.goto(f"{server.url}/strict")
        banner = page.get_by_role("region", name="Two-factor authentication")
        assert banner.count() == 1
        page.goto(f"{server.url}/logout")
        assert banner.count() == 0
        page.go_back()
        page.wait_for_url("**/strict")
        assert banner.count() == 0


def test_the_last_day_and_the_cut_off(chromium: Browser, started: tuple[Server, MovableClock]) -> None:
    """On the last day it is urgent; from the cut-off on a reload leads to setting up, not to the old page."""
    server, clock = started
    with open_context(chromium, viewport=(390, 700)) as context:
        page = context.new_page()
        page.goto(f"{server.url}/login?user=cid")
        clock.sleep(2 * 86400)
        page.reload()
        assert "Last day, less than 23 hours left" in page.locator(".twofa-banner-urgent").inner_text()
        shoot(page, "last-day-phone")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 1280, "height": 500})
        shoot(page, "last-day-dark")
        clock.sleep(86400)
        page.goto(f"{server.url}/plain")
        page.get_by_role("heading", name="Set up two-factor authentication").wait_for()
        clock.sleep(-3 * 86400)
