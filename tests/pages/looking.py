"""What a state looks like in Chromium: asked once for each state, held by several tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tests.pages.scene import Shown
from tests.pages.screen import Screen

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["DESKTOP", "PHONE", "Seen", "audit", "look", "overflowing", "shifts", "unmarked"]

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 320, "height": 256}
"""What is left of a window of 1280 by 1024 at 400% zoom, and the narrowest that WCAG 1.4.10 asks for."""

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_THE_WINDOW = ["color-contrast", "target-size", "scrollable-region-focusable"]
"""Rules that the colors or the width of a window can break; all others hold in any window alike."""

_RUN_AXE = """async (only) => {
  const runOnly = only.rules ? {type: "rule", values: only.rules} : {type: "tag", values: only.tags};
  const options = {resultTypes: ["violations"], runOnly, rules: only.rules ? {} : {"target-size": {enabled: true}}};
  const found = await axe.run(document, options);
  return found.violations.map((each) => each.id + ": " + each.nodes.map((node) => node.target.join(" ")).join(", "));
}"""
_SHIFTS = """() => new Promise((resolve) => {
  const count = () => { shiftsSeen.push(...shiftObserver.takeRecords()); resolve(shiftsSeen); };
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(count, 0)));
}).then((seen) => seen.reduce((sum, each) => sum + each.value, 0))"""
_OVERFLOWING = """() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
  const inside = (box, outer) => box.left >= outer.left - 1 && box.right <= outer.right + 1;
  const all = [...document.querySelectorAll("main *, header *, footer *, .twofa-banner *")];
  const shown = all.filter((each) => each.getClientRects().length && !each.closest("svg, .scroll"));
  const out = shown.filter((each) => !inside(each.getBoundingClientRect(), {left: 0, right: innerWidth}));
  return wide.concat(out.map((each) => each.outerHTML.slice(0, 80)));
}"""
_UNMARKED = """() => {
  const all = "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']";
  const closed = "details:not([open]) > :not(summary), details:not([open]) > :not(summary) *";
  const shown = [...document.querySelectorAll(all)].filter((e) => e.getClientRects().length && !e.matches(closed));
  const bare = shown.filter((each) => {
    each.focus({focusVisible: true});
    const style = getComputedStyle(each);
    return document.activeElement !== each || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2;
  });
  return [shown.length, bare.map((each) => each.outerHTML.slice(0, 80))];
}"""


@dataclass
class Seen:
    """What was seen of a state."""

    complaints: list[str]
    elsewhere: list[str]
    shifts: float
    violations: dict[str, list[str]] = field(default_factory=dict)
    overflowing: dict[str, list[str]] = field(default_factory=dict)
    focusable: int = 0
    unmarked: list[str] = field(default_factory=list)


def audit(page: Page, *rules: str) -> list[str]:
    """Ask axe-core what is wrong with the page, by all rules or some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    only: dict[str, Any] = {"rules": list(rules)} if rules else {"tags": TAGS}
    found: list[str] = page.evaluate(_RUN_AXE, only)
    return found


def shifts(page: Page) -> float:
    """Return by how much the layout has shifted since the page was opened."""
    return float(page.evaluate(_SHIFTS))


def overflowing(page: Page) -> list[str]:
    """Name what is wider than the window, but for tables, which scroll by themselves."""
    found: list[str] = page.evaluate(_OVERFLOWING)
    return found


def unmarked(page: Page) -> tuple[int, list[str]]:
    """Count what can have the focus, and name what does not show it."""
    number, found = page.evaluate(_UNMARKED)
    return number, found


def look(screen: Screen, shown: Shown) -> Seen:
    """Look at a state, light and dark, wide and narrow."""
    screen.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type] # a dictionary of two numbers
    screen.page.emulate_media(color_scheme="light")
    page = screen.open(shown)
    seen = Seen([], [], shifts(page))
    seen.violations["light, desktop"] = audit(page)
    page.emulate_media(color_scheme="dark")
    seen.violations["dark, desktop"] = audit(page, *OF_THE_WINDOW)
    page.set_viewport_size(PHONE)  # type: ignore[arg-type] # the same
    seen.violations["dark, phone"] = audit(page, *OF_THE_WINDOW)
    page.emulate_media(color_scheme="light")
    seen.violations["light, phone"] = audit(page, *OF_THE_WINDOW)
    seen.overflowing["phone"] = overflowing(page)
    seen.focusable, seen.unmarked = unmarked(page)
    seen.complaints, seen.elsewhere = screen.complaints(), screen.elsewhere
    return seen
