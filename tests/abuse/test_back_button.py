"""Case 89: after logout, the Back button of a real browser shows nothing protected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .live import Live, run
from .target import PRIVATE

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]


@pytest.fixture(scope="module", params=["gunicorn-gthread", "uvicorn"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run a server of each protocol."""
    with run(request.param, tmp_path_factory.mktemp("live")) as running:
        yield running


def log_in_and_verify(page: Page, live: Live) -> None:
    """Log in by the form, and answer the challenge that follows."""
    page.goto(f"{live.server.url}/login")
    page.fill("input[name=user]", "u1")
    page.click("button")
    page.wait_for_url("**/2fa/challenge?next=*")
    page.fill("#code", live.code())  # the sixth digit sends the form
    page.wait_for_url("**/app/home")
    assert PRIVATE in page.content()


@pytest.mark.parametrize("how", ["back", "address", "reload"])
def test_nothing_protected_comes_back(page: Page, live: Live, how: str) -> None:
    """Case 89: the application's page and our own are gone after logout: by Back, by address, by reload."""
    log_in_and_verify(page, live)
    page.goto(f"{live.server.url}/2fa/")
    assert "u1@example.com" in page.content()
    page.goto(f"{live.server.url}/app/x")
    assert PRIVATE in page.content()
    page.goto(f"{live.server.url}/logout")
    seen = []
    for path in ("/app/x", "/2fa/", "/app/home"):
        if how == "back":
            page.go_back()
        elif how == "address":
            page.goto(live.server.url + path)
        else:
            page.goto(live.server.url + path)
            page.reload()
        seen.append((page.url, PRIVATE in page.content(), "u1@example.com" in page.content()))
    assert not [each for each in seen if each[1] or each[2]], seen
