"""Debian's Chromium, driven by Playwright.

Its fixtures are asked for by name: ``chromium`` (the browser, one for each test module), and ``page`` (a
page in a context of its own). Playwright's synchronous side keeps an event loop running in the thread it was
started in, where ``asyncio.run`` then refuses to work; that is why it ends with each module.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

from .parts import missing, need

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = ["Diary", "chromium", "open_context", "page", "watch"]

ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-pings",
    # Names ending in .test are this machine; no other name is looked up, so nothing leaves the loopback.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
TIMEOUT = 15_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Run a Chromium; the tests that ask for it are skipped where there is none."""
    executable = need("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright (in the dependency group dev)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a page with JavaScript, in a context (cookies, storage) that nobody else has."""
    with open_context(chromium) as context:
        yield context.new_page()


@contextlib.contextmanager
def open_context(
    browser: Browser,
    *,
    javascript: bool = True,
    viewport: tuple[int, int] = (1280, 800),
    color_scheme: Literal["light", "dark"] = "light",
    reduced_motion: Literal["reduce", "no-preference"] = "no-preference",
    locale: str = "en-US",
    scale: float = 1,
    touch: bool = False,
) -> Iterator[BrowserContext]:
    """Somebody's browser: cookies of its own, with or without JavaScript, of a size, dark or light, by touch or not."""
    width, height = viewport
    context = browser.new_context(
        java_script_enabled=javascript,
        viewport={"width": width, "height": height},
        color_scheme=color_scheme,
        reduced_motion=reduced_motion,
        locale=locale,
        device_scale_factor=scale,
        has_touch=touch,
        is_mobile=touch,
    )
    context.set_default_timeout(TIMEOUT)
    try:
        yield context
    finally:
        context.close()


@dataclass
class Diary:
    """What a page complained about, or asked of other hosts."""

    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """Console errors and warnings (a refusal by the content security policy is one), and exceptions."""
        return self.console + self.errors


def watch(page: Page) -> Diary:
    """Begin to note what this page complains about and what it loads."""
    diary = Diary()

    def note_failure(url: str, why: str | None) -> None:
        diary.failed.append(f"{url}: {why}")

    page.on(
        "console",
        lambda said: diary.console.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: diary.errors.append(str(error)))
    page.on("request", lambda request: diary.requested.append(request.url))
    page.on("requestfailed", lambda request: note_failure(request.url, request.failure))
    return diary
