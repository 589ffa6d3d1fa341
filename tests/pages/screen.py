"""A Chromium window in which the states are looked at: it gets the gate's answers to the byte, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.pages.scene import ORIGIN, Shown
from tests.pages.states import Theater
from tests.support.browser import Diary, open_context, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

__all__ = ["Screen", "on_screen"]

SOUNDS = "Failed to load resource: the server responded with a status of"
"""What Chromium's console says of any answer whose status is an error, wanted or not."""

_OBSERVING = """
window.shiftsSeen = [];
window.shiftObserver = new PerformanceObserver((list) => shiftsSeen.push(...list.getEntries()));
shiftObserver.observe({type: "layout-shift", buffered: true});
"""


class Screen:
    """A window. `elsewhere` has what was asked of other hosts."""

    def __init__(self, page: Page, theater: Theater) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        self._theater = theater
        self._shown: Shown | None = None
        self._files: dict[str, Any] = {}
        self.diary: Diary = watch(page)
        page.add_init_script(_OBSERVING)
        page.context.route("**/*", self._answer)

    def open(self, shown: Shown) -> Page:
        """Look at a state."""
        self._shown = shown
        self.page.goto(shown.url)
        return self.page

    def complaints(self) -> list[str]:
        """Return what the console said since the last call, but for the statuses that were wanted."""
        said = [each for each in self.diary.complaints() if not each.startswith(SOUNDS)]
        self.diary.console.clear()
        self.diary.errors.clear()
        return said

    def _answer(self, route: Route) -> None:
        url, shown = route.request.url, self._shown
        assert shown is not None
        if route.request.is_navigation_request():
            headers = {name: value for name, value in shown.headers.items() if name != "content-length"}
            route.fulfill(status=shown.status, headers=headers, body=shown.text)
        elif url.startswith(f"{ORIGIN}/"):
            parts = urlsplit(url)
            if url not in self._files:
                self._files[url] = self._theater.file(shown.name, f"{parts.path}?{parts.query}")
            found = self._files[url]
            route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)
        else:
            self.elsewhere.append(url)
            route.abort()


@contextmanager
def on_screen(browser: Browser, theater: Theater, **window: Any) -> Iterator[Screen]:
    """Open a window."""
    with open_context(browser, **window) as context:
        yield Screen(context.new_page(), theater)
