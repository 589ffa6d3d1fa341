"""Every page in every state in Chromium: axe-core finds nothing, nothing shifts, nothing is too wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.pages.looking import Seen, audit, look, overflowing, shifts, unmarked
from tests.pages.screen import Screen, on_screen
from tests.pages.states import STATES, Theater

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

every_page = pytest.mark.parametrize("name", [each for each in STATES if not each.startswith("plain-")])


@pytest.fixture(scope="module")
def screen(chromium: Browser, theater: Theater) -> Iterator[Screen]:
    """Open a window."""
    with on_screen(chromium, theater) as opened:
        yield opened


@pytest.fixture(scope="module")
def phone(chromium: Browser, long_theater: Theater) -> Iterator[Screen]:
    """Hold a phone in a place of long names."""
    with on_screen(chromium, long_theater, viewport=(320, 640), locale="de-DE", touch=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def sights() -> dict[str, Seen]:
    """Remember what was seen, so that each state is looked at once."""
    return {}


@pytest.fixture
def seen(screen: Screen, theater: Theater, sights: dict[str, Seen], name: str) -> Seen:
    """Look at a state."""
    if name not in sights:
        sights[name] = look(screen, theater.show(name, "en"))
    return sights[name]


@every_page
def test_axe_finds_nothing(seen: Seen, name: str) -> None:
    """axe-core has nothing to say by WCAG 2.2 AA and good practice: light and dark, at 1280 and at 320 pixels."""
    assert {window: found for window, found in seen.violations.items() if found} == {}
    assert len(seen.violations) == 4


@every_page
def test_nothing_shifts(seen: Seen, name: str) -> None:
    """Nothing moves while a page loads."""
    assert seen.shifts == 0


@every_page
def test_nothing_is_blocked_or_asked_elsewhere(seen: Seen, name: str) -> None:
    """The console is silent under the content security policy, and no other host is asked for anything."""
    assert (seen.complaints, seen.elsewhere) == ([], [])


@every_page
def test_nothing_is_too_wide(seen: Seen, name: str) -> None:
    """At 320 pixels, as at 400% zoom, nothing scrolls sideways but tables by themselves."""
    assert seen.overflowing["phone"] == []


@every_page
def test_focus_is_seen(seen: Seen, name: str) -> None:
    """Everything that can have the focus shows a ring when it has it."""
    assert seen.focusable
    assert seen.unmarked == []


@every_page
def test_long_german_names_fit(phone: Screen, long_theater: Theater, name: str) -> None:
    """On a phone, in German, with names that are far too long, nothing is wider than 320 pixels or shifts."""
    page = phone.open(long_theater.show(name))
    assert page.evaluate("matchMedia('(pointer: coarse)').matches")
    assert page.evaluate("innerWidth") == 320
    assert overflowing(page) == []
    assert shifts(page) == 0


@every_page
def test_right_to_left(screen: Screen, theater: Theater, name: str) -> None:
    """In Arabic the page is mirrored: it begins at the right, nothing shifts, and nothing is too wide."""
    screen.page.set_viewport_size({"width": 320, "height": 256})
    page = screen.open(theater.show(name, "ar"))
    assert overflowing(page) == []
    assert shifts(page) == 0
    if theater.show(name).is_ours:
        box = page.locator("h1").bounding_box()
        edges = page.evaluate(
            "() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('h1'));"
            " return [r.getBoundingClientRect().left, r.getBoundingClientRect().right]; }"
        )
        assert box
        if page.locator("h1 bdi").count() == 0:
            assert box["x"] + box["width"] - edges[1] < 2


BREAKS = {
    "label": "document.querySelector('label[for=code]').remove()",
    "color-contrast": "document.querySelector('.brand').style.color = '#bbb'",
    "target-size": "for (const a of document.querySelectorAll('footer a, footer button'))"
    " a.style.cssText = 'min-height:0;height:9px;width:9px;overflow:hidden;position:absolute;padding:0'",
    "page-has-heading-one": "document.querySelector('h1').remove()",
    "html-has-lang": "document.documentElement.removeAttribute('lang')",
}


@pytest.mark.parametrize("rule", BREAKS)
def test_axe_would_find_it(screen: Screen, theater: Theater, rule: str) -> None:
    """A field without a label, pale words, tiny targets, no heading, no language: each is found."""
    page = screen.open(theater.show("challenge-wrong", "en"))
    assert audit(page) == []
    page.evaluate(BREAKS[rule])
    assert rule in [each.partition(":")[0] for each in audit(page)]


def test_the_other_faults_would_be_found(chromium: Browser, theater: Theater) -> None:
    """What is late and moves the page, too wide, without a ring, or forbidden by the policy: each is found."""
    with on_screen(chromium, theater) as opened:
        page = opened.open(theater.show("challenge", "en"))
        assert (shifts(page), overflowing(page), unmarked(page)[1], opened.complaints()) == (0, [], [], [])
        page.evaluate(
            "document.querySelector('h1').insertAdjacentHTML('beforebegin', '<p>late</p><p>later</p>')"
        )
        page.wait_for_timeout(100)
        assert shifts(page) > 0
        page.evaluate("document.querySelector('h1').style.width = '2000px'")
        assert overflowing(page)
        page.evaluate("document.querySelector('main button').style.outline = 'none'")
        assert len(unmarked(page)[1]) == 1
        page.evaluate(
            "document.head.insertAdjacentHTML('beforeend', '<link rel=stylesheet href=https://cdn.test/a.css>')"
        )
        page.wait_for_timeout(100)
        assert any("cdn.test" in each for each in opened.complaints())
