"""The challenge, unlocking, and signing out."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.pages.scene import Person, Scene
from tests.pages.states.registry import enrolled, locked, new, required, state
from twofa_gate import Enforcement, Method, Policy

TOTP_ONLY = frozenset({Method.TOTP})
BARE: dict[str, Any] = {"login_url": None, "logout_url": None, "support": None, "session_cookies": []}
BRAND: dict[str, Any] = {
    "brand_name": "Acme Ovens",
    "brand_logo": str(Path(__file__).with_name("logo.svg")),
    "brand_color": "#0a7d5c",
}


def challenged(scene: Scene, browser: int = 2) -> Person:
    """Ada is asked for a code on her way to billing, in another browser."""
    if scene.names.billing not in scene.host.policies:
        required(scene)
    ada = scene.person("ada", browser=browser)
    ada.go("/billing/")
    return ada


@state("To continue to billing, enter the code")
def challenge(scene: Scene) -> None:
    """On the way to a location, a code is asked for."""
    challenged(scene)


@state("Don’t ask again on this browser for 30 days")
def challenge_trust(scene: Scene) -> None:
    """Where the location offers it, the browser may be trusted for some days."""
    required(scene, trust_browser_for=timedelta(days=30))
    challenged(scene)


@state("To continue, enter the code that your authenticator app shows for Acme")
def challenge_no_location(scene: Scene) -> None:
    """Opened by itself, the page names no location."""
    scene.person("ada", browser=2).page("/challenge")


@state("Recovery codes aren’t accepted here.")
def challenge_no_recovery(scene: Scene) -> None:
    """A location where recovery codes don't count."""
    required(scene, methods=TOTP_ONLY)
    challenged(scene)


@state("Ask the people who run this service", **BARE)
def challenge_bare(scene: Scene) -> None:
    """The host has given no links: neither to sign out, nor to support."""
    challenged(scene)


@state("Acme Ovens", **BRAND)
def challenge_brand(scene: Scene) -> None:
    """With the name, the logo and the color of the host."""
    challenged(scene)


@state("That code didn’t work.")
def challenge_wrong(scene: Scene) -> None:
    """The code was wrong."""
    challenged(scene).type_wrong()


@state("That isn’t a complete code.")
def challenge_malformed(scene: Scene) -> None:
    """The code was no code."""
    challenged(scene).type("12")


@state("You can try again in 3 minutes")
def challenge_throttled(scene: Scene) -> None:
    """After several wrong codes there is a wait."""
    ada = challenged(scene)
    for _ in range(9):
        ada.type_wrong()
        scene.time.advance(70)
    for _ in range(2):
        ada.type_wrong()


@state("You can try again in 3 minutes")
def challenge_throttled_no_recovery(scene: Scene) -> None:
    """A wait where recovery codes don't count."""
    required(scene, methods=TOTP_ONLY)
    challenge_throttled(scene)


@state("This page was open for too long.")
def challenge_stale(scene: Scene) -> None:
    """The page was open for longer than its form is good for."""
    ada = challenged(scene)
    scene.time.advance(13 * 3600)
    ada.type_right()


@state("You have entered a code before")
def challenge_again(scene: Scene) -> None:
    """The code that was entered before is too old now."""
    required(scene, max_age=timedelta(minutes=30))
    scene.time.advance(3600)
    scene.person("ada").go("/billing/")


@state("Two-factor authentication is on already.", new)
def challenge_enabled(scene: Scene) -> None:
    """The page that sets up was sent twice."""
    ada = scene.person("ada")
    ada.scan(ada.begin_enrollment())
    form, code, cookies = ada.form("code"), ada.phone.fresh_code(), copy.deepcopy(ada.browser.cookies)
    ada.send(form, code=code)
    ada.browser.cookies = cookies
    ada.send(form, code=code)


@state("Codes from your app are locked.", locked)
def challenge_locked(scene: Scene) -> None:
    """After very many wrong codes, codes from the app are locked."""
    challenged(scene, browser=1)
    scene.person("ada").page("/challenge")
    scene.person("ada").type_right()


@state("Codes from your app are locked.", locked)
def challenge_locked_no_recovery(scene: Scene) -> None:
    """The same where recovery codes don't count."""
    scene.host.policies["default"] = Policy(
        Enforcement.OPTIONAL, methods=TOTP_ONLY, max_age=timedelta(days=7)
    )
    scene.person("ada").page("/challenge")
    scene.person("ada").type_right()


@state("Type the code that your app shows now", locked)
def unlock(scene: Scene) -> None:
    """The owner of a locked account unlocks it by three codes in a row."""
    scene.person("ada").page("/unlock")


def _unlock(scene: Scene, *codes: str) -> None:
    ada = scene.person("ada")
    ada.page("/unlock")
    ada.send(ada.form("code1"), code1=codes[0], code2=codes[1], code3=codes[2])


@state("These codes don’t follow one another.", locked)
def unlock_wrong(scene: Scene) -> None:
    """The three codes don't follow one another."""
    _unlock(scene, *[scene.person("ada").phone.wrong_code()] * 3)


@state("A code is missing or incomplete.", locked)
def unlock_malformed(scene: Scene) -> None:
    """One of the three is missing."""
    _unlock(scene, "123456", "", "123456")


@state("This page was open for too long.", locked)
def unlock_stale(scene: Scene) -> None:
    """The page was open for too long."""
    ada = scene.person("ada")
    ada.page("/unlock")
    form = ada.form("code1")
    scene.time.advance(13 * 3600)
    ada.send(form, code1="123456", code2="123456", code3="123456")


@state("You are signed out in this browser.", enrolled, login_url=None)
def signed_out(scene: Scene) -> None:
    """After signing out, where the host has no login page to lead to."""
    ada = scene.person("ada")
    ada.page("/")
    ada.send(ada.form("csrf", "/sign-out"))
