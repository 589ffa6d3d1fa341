"""Take a picture of every page in every state, for the gallery of the documentation: `make screenshots`.

The states are those of the tests (`tests/pages/states`), played on a real gate. Each is taken on a phone and
on a desktop, light and dark, from left to right and from right to left. All pictures go to build/screenshots.
One sheet for each group of states and each combination, small enough to be kept, goes to docs/gallery.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402 - the tests' states are found by the line above
from playwright.sync_api import sync_playwright  # noqa: E402

from tests.pages.screen import Screen, on_screen  # noqa: E402
from tests.pages.states import STATES, State, Theater  # noqa: E402
from tests.support.browser import ARGUMENTS  # noqa: E402
from tests.support.parts import need  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BUILD, GALLERY = ROOT / "build" / "screenshots", ROOT / "docs" / "gallery"
SIZES = {"phone": (390, 780), "desktop": (1100, 700)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "ar")
GROUPS = {
    "signing_in": "Signing in, unlocking, signing out",
    "setting_up": "Setting up, recovery codes, disabling",
    "kept_forms": "A form that was refused, kept and sent on",
    "account": "The account, and the banner in the host's pages",
    "locations": "A location's settings and its report",
    "members": "One member of a location",
}
COLUMNS, GAP = 6, 12


@dataclass(frozen=True)
class Combination:
    """One way to look at all states."""

    size: str
    scheme: Literal["light", "dark"]
    language: str

    def __str__(self) -> str:
        return f"{self.size}-{self.scheme}-{self.language}"


KEPT = (
    Combination("phone", "light", "en"),
    Combination("phone", "dark", "ar"),
)
"""The combinations whose sheets are kept in the repository; each value of each choice is in one of them."""


def group_of(state: State) -> str:
    """Name the module that a state's story is in."""
    return state.story.__module__.rpartition(".")[2]


def pictured(words: Sequence[str]) -> list[State]:
    """Return the states that have a page, all or those whose names begin with one of the words."""
    pages = [each for name, each in STATES.items() if not name.startswith("plain-")]
    return [each for each in pages if not words or each.name.startswith(tuple(words))]


def take(screen: Screen, theater: Theater, state: State, how: Combination) -> Image.Image:
    """Take a picture of a state, as long as the page is."""
    width, height = SIZES[how.size]
    screen.page.set_viewport_size({"width": width, "height": height})
    page = screen.open(theater.show(state.name, how.language))
    page.evaluate("document.activeElement.blur()")
    # The window is made as long as the page: for a picture of the full page Playwright gives up the touch screen.
    length = int(page.evaluate("Math.ceil(document.querySelector('body').getBoundingClientRect().height)"))
    screen.page.set_viewport_size({"width": width, "height": max(height // 2, length)})
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def sheet(pictures: Sequence[Image.Image], scale: float) -> Image.Image:
    """Put pictures side by side, in columns that are about equally long."""
    small = [each.resize((round(each.width * scale), round(each.height * scale))) for each in pictures]
    columns = min(COLUMNS, len(small))
    width = max(each.width for each in small)
    heights = [GAP] * columns
    places = []
    for each in small:
        column = heights.index(min(heights))
        places.append((GAP + column * (width + GAP), heights[column]))
        heights[column] += each.height + GAP
    made = Image.new("RGB", (GAP + columns * (width + GAP), max(heights)), "#8a93a3")
    for each, place in zip(small, places, strict=True):
        made.paste(each, place)
    return made


def combinations() -> Iterator[Combination]:
    """Go through all ways to look at the states."""
    for size in SIZES:
        for scheme in SCHEMES:
            for language in LANGUAGES:
                yield Combination(size, scheme, language)


def shoot(browser: Browser, theater: Theater, states: Sequence[State], how: Combination) -> None:
    """Take all pictures of one combination, and make its sheets."""
    folder = BUILD / str(how)
    folder.mkdir(parents=True, exist_ok=True)
    taken: dict[str, list[Image.Image]] = {}
    window = {"viewport": SIZES[how.size], "color_scheme": how.scheme, "touch": how.size == "phone"}
    with on_screen(browser, theater, **window) as screen:
        for state in states:
            picture = take(screen, theater, state, how)
            picture.save(folder / f"{state.name}.png")
            taken.setdefault(group_of(state), []).append(picture)
    for group, pictures in taken.items():
        made = sheet(pictures, 0.5 if how.size == "phone" else 0.3)
        made.save(folder / f"_{group}.png")
        if how in KEPT and len(states) == len(pictured([])):
            GALLERY.mkdir(exist_ok=True)
            made.save(GALLERY / f"{group}-{how}.webp", quality=55, method=6)


def main(words: Sequence[str]) -> None:
    """Take the pictures of all states, or of those whose names begin with the given words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "states", nargs="*", help="only states whose names begin so; leaves the gallery alone"
    )
    parser.add_argument("--only", help="one combination, for example phone-light-en")
    given = parser.parse_args(words)
    states = pictured(given.states)
    theater = Theater("wsgi", languages=LANGUAGES)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=ARGUMENTS)
        for how in combinations():
            if given.only in (None, str(how)):
                shoot(browser, theater, states, how)
                print(f"{len(states)} states: {BUILD / str(how)}")
        browser.close()
    theater.close()


if __name__ == "__main__":
    main(sys.argv[1:])
