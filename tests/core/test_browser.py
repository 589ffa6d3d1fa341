"""The browser cookie and the known-browser cookie."""

from __future__ import annotations

import pytest

from tests.core.stepping import BROWSER, NOW, Request, World, user
from twofa_gate.core.browser import KNOWN_SECONDS, browser_of, draw_browser, is_known, known_cookie

WORLD = World()
OURS = WORLD.settings.cookies


def test_name_is_drawn_and_read_back() -> None:
    """A drawn name is what the cookie then says."""
    name, (header, line) = WORLD.run(draw_browser(WORLD.settings))
    assert header == "Set-Cookie"
    assert line.startswith(f"{OURS.browser}={name};")
    assert "Max-Age" not in line
    assert browser_of(WORLD.settings, Request("/", cookies={OURS.browser: name})) == name


@pytest.mark.parametrize("value", ["", "x", BROWSER + "x", BROWSER[:-1] + "!", BROWSER[:-1] + "é"])
def test_other_values_are_no_names(value: str) -> None:
    """A value of another form is no name."""
    assert browser_of(WORLD.settings, Request("/", cookies={OURS.browser: value})) is None
    assert browser_of(WORLD.settings, Request("/")) is None


def test_doubled_name_is_none() -> None:
    """The cookie twice is no name."""
    twice = Request("/", headers={"cookie": f"{OURS.browser}={BROWSER}; {OURS.browser}={BROWSER}"})
    assert browser_of(WORLD.settings, twice) is None


def known(line: str, user_id: str, now: float, world: World = WORLD) -> bool:
    """Whether a browser with this cookie is known."""
    name, _, value = line.partition(";")[0].partition("=")
    return is_known(world.settings, Request("/", cookies={name: value}), user_id, now)


def test_known_for_ninety_days() -> None:
    """A browser that verified is known, for this user only, for 90 days."""
    _, line = known_cookie(WORLD.settings, "u1", NOW)
    assert f"Max-Age={KNOWN_SECONDS}" in line
    assert KNOWN_SECONDS == 90 * 86400
    assert known(line, "u1", NOW)
    assert known(line, "u1", NOW + KNOWN_SECONDS)
    assert not known(line, "u1", NOW + KNOWN_SECONDS + 1)
    assert not known(line, "u2", NOW)
    assert not is_known(WORLD.settings, Request("/"), user().id, NOW)


def test_forged_cookie_is_not_known() -> None:
    """A value that isn't signed, or signed for another purpose or realm, makes nobody known."""
    value = WORLD.settings.signer.sign("csrf", ["u1"], NOW)
    for forged in ("u1", value, ""):
        assert not known(f"{OURS.known}={forged}", "u1", NOW)
    other = World(realm="other")
    _, line = known_cookie(other.settings, "u1", NOW)
    moved = line.replace(other.settings.cookies.known, OURS.known)
    assert not known(moved, "u1", NOW)
