"""Answers without an end, over uvicorn: the WebSocket and the event stream of the Starlette example."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.flows import enter_code, log_in_with_code, set_up
from tests.e2e.sites import EMAIL, PASSWORD, USER, Site, log_in
from tests.support.browser import open_context
from tests.support.http import PlainBrowser
from tests.support.phone import Phone

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]

LAG = 2.0
"""Seconds: the revocation lag of 1 s, and another one, as promised."""
SLACK = 1.0
"""Seconds for a busy machine."""


@pytest.fixture
def marina(starlette_site: Site) -> Site:
    """Serve the Starlette example; nobody has set up yet."""
    starlette_site.forget()
    return starlette_site


def open_radio(browser: PlainBrowser, origin: str | None = None) -> ClientConnection:
    """Open the WebSocket with this browser's cookies, from a page of the site or of another one."""
    url = browser.absolute("/office/ws")
    headers = {"Cookie": browser.cookies.header(url), "Origin": origin or browser.base_url}
    return connect(url.replace("http", "ws", 1), additional_headers=headers, proxy=None)


def is_refused(browser: PlainBrowser, origin: str | None = None) -> bool:
    """Whether the WebSocket is refused before it is accepted."""
    try:
        open_radio(browser, origin).close()
    except InvalidStatus as refused:
        return refused.response.status_code == 403
    return False


def drain(radio: ClientConnection) -> int | None:
    """Listen until the server closes, for its code; None if it goes on talking for too long."""
    deadline = time.monotonic() + 4 * LAG
    try:
        while time.monotonic() < deadline:
            radio.recv(timeout=LAG)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    return None


def in_time(begin: float) -> bool:
    """Whether it is not too late after `begin`."""
    return time.monotonic() - begin < LAG + SLACK


def test_the_socket_is_refused_before_the_code_and_works_after(marina: Site) -> None:
    """Logged in is not enough once there is a second factor; another site's page may never open it."""
    with marina.browser() as first, marina.browser() as browser:
        assert is_refused(browser)
        phone = marina.phone()
        set_up(first, phone, marina.office.page)
        log_in(browser)
        assert is_refused(browser)
        browser.follow(browser.navigate(marina.office.page))
        assert enter_code(browser, phone.fresh_code()).status == 303
        assert is_refused(browser, origin="https://elsewhere.test")
        with open_radio(browser) as radio:
            assert radio.recv(5) == "Good watch, Ada."
            radio.send("Heron at B4")
            heard = [radio.recv(5) for _ in range(2)]
            assert "Ada: Heron at B4" in heard


def revoke(marina: Site, _phone: Phone) -> None:
    """Revoke from another process, as an operator does."""
    marina.operate("revoke", USER)


def sign_out_others(marina: Site, phone: Phone) -> None:
    """Sign out all others from one's own account page in another browser."""
    with marina.browser() as other:
        log_in_with_code(other, phone, marina.office.page)
        page = other.navigate("/2fa/")
        assert other.submit(page.form(button="Sign out all other browsers")).status == 303


@pytest.mark.parametrize("ending", [revoke, sign_out_others])
def test_an_open_socket_is_closed_when_its_verification_ends(
    marina: Site, ending: Callable[[Site, Phone], None]
) -> None:
    """It is closed with 4403 within the lag and a second, by whichever process the verification was ended."""
    phone = marina.phone()
    with marina.browser() as browser:
        set_up(browser, phone, marina.office.page)
        with open_radio(browser) as radio:
            assert radio.recv(5) == "Good watch, Ada."
            ending(marina, phone)
            begin = time.monotonic()
            assert drain(radio) == 4403
            assert in_time(begin)


def test_a_socket_opened_before_the_second_factor_does_not_outlive_it(marina: Site) -> None:
    """Setting up voids what other browsers could do without it: their open socket is closed with 4403."""
    with marina.browser() as early, marina.browser() as browser:
        log_in(early)
        with open_radio(early) as radio:
            assert radio.recv(5) == "Good watch, Ada."
            set_up(browser, marina.phone(), marina.office.page)
            begin = time.monotonic()
            assert drain(radio) == 4403
            assert in_time(begin)
        assert is_refused(early)


def test_an_event_stream_ends_when_its_verification_ends(marina: Site) -> None:
    """The stream ends, without another event, within the lag and a second; asking again is refused."""
    with marina.browser() as browser:
        set_up(browser, marina.phone(), marina.office.page)
        url = browser.absolute("/office/events")
        headers = {"Cookie": browser.cookies.header(url), "Accept": "text/event-stream"}
        with httpx.stream("GET", url, headers=headers, timeout=10) as answer:
            assert answer.status_code == 200
            lines = answer.iter_lines()
            assert next(lines) == "event: tick"
            marina.operate("revoke", USER)
            begin = time.monotonic()
            for _ in lines:
                assert in_time(begin), "events still come"
            assert in_time(begin)
        again = httpx.get(url, headers={**headers, "Sec-Fetch-Mode": "cors"})
        assert again.status_code == 403
        assert "data:" not in again.text


@pytest.mark.needs("chromium")
def test_a_page_sees_its_socket_close(marina: Site, chromium: Browser) -> None:
    """In Chromium the live page connects after the code, and is told 4403 after the revocation."""
    phone: Phone = marina.phone()
    with marina.browser() as other:
        set_up(other, phone, marina.office.page)
    with open_context(chromium) as context:
        page = context.new_page()
        page.goto(f"{marina.url}/login?next=/office/live")
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Log in").click()
        page.get_by_label("6-digit code").fill(phone.fresh_code())
        page.get_by_text("Connected.").wait_for()
        page.get_by_text("Good watch, Ada.").wait_for()
        page.get_by_label("Say").fill("Heron at B4")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Ada: Heron at B4").wait_for()
        marina.operate("revoke", USER)
        page.get_by_text("Closed (4403).").wait_for(timeout=(LAG + SLACK) * 1000)
