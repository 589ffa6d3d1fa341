"""Trusted browsers, where a location's settings allow them, through both drivers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.locations.test_settings_page import OFFICE
from tests.locations.town import Person, Stage
from tests.support.http import Answer
from twofa_gate import Enforcement, Method, Policy

HOUR = 3600


def give_code(person: Person, code: str, path: str = "/office", *, trust: bool = True) -> Answer:
    """Answer the challenge in front of a page."""
    opened = person.go(path, follow=True)
    form = (
        next(each for each in opened.forms if "trust" in each.names()) if trust else opened.form(field="code")
    )
    return (
        person.browser.submit(form, code=code, trust="1") if trust else person.browser.submit(form, code=code)
    )


@pytest.fixture
def zoe(stage: Stage, admin: Person) -> Person:
    """Let the office trust browsers for ten days; Zoe has set up, and her code has run out."""
    admin.save(enforce="1", from_date="2027-01-04", zone="UTC", trust_days="10", max_age_minutes="60")
    zoe = stage.person("zoe")
    zoe.set_up(page="/office")
    stage.time.advance(2 * HOUR)
    assert "10 days" in zoe.go("/office", follow=True).words
    give_code(zoe, zoe.phone.fresh_code())
    stage.time.advance(2 * HOUR)
    return zoe


def test_a_trusted_browser_is_not_asked_for_a_while(stage: Stage, zoe: Person) -> None:
    """It passes after its code has run out, until the location's days are over; another browser doesn't."""
    assert zoe.go("/office").status == 200
    assert stage.person("zoe").go("/office").status == 303
    stage.time.advance(10 * 24 * HOUR - 4 * HOUR)
    assert zoe.go("/office").status == 200
    stage.time.advance(4 * HOUR)
    assert zoe.go("/office").status == 303


def test_trust_ends_when_the_location_ends_it(stage: Stage, admin: Person, zoe: Person) -> None:
    """A location that stops trusting, or never did, asks for a code."""
    admin.verify()
    admin.save(trust_days="0")
    assert zoe.go("/office").status == 303


def test_trust_is_not_good_for_managing(stage: Stage, zoe: Person) -> None:
    """After the next login the browser still passes, but pages that manage anything ask it for a code."""
    stage.town.admins["office"].add("zoe")
    zoe.browser.cookies.take("sid=zoe.next; Path=/; Secure", "https://app.test/")
    assert zoe.go("/office").status == 200
    for path in ("/2fa/enroll", "/2fa/recovery-codes", "/2fa/disable", "/2fa/", OFFICE):
        assert "/2fa/challenge" in zoe.go(path).location, path


def test_trust_is_listed_and_forgotten(stage: Stage, zoe: Person) -> None:
    """The user sees trusted browsers and forgets one; the browser is asked again."""
    zoe.verify()
    page = zoe.go("/2fa/")
    assert "Trusted browsers" in page.words
    zoe.browser.submit(page.form(button="Forget"), button="Forget")
    stage.time.advance(2 * HOUR)
    assert zoe.go("/office").status == 303


@pytest.mark.parametrize("end", ["revoke", "others", "reset"])
def test_trust_ends_with_every_verification(stage: Stage, zoe: Person, end: str) -> None:
    """What ends every verification ends every trust with it."""
    if end == "revoke":
        stage.gate.revoke("zoe")
    elif end == "reset":
        stage.gate.reset("zoe", by="support", reason="lost", extension=timedelta(0))
    else:
        desk = stage.person("zoe")
        desk.phone = zoe.phone
        desk.verify()
        third = stage.person("zoe")
        third.phone = zoe.phone
        third.verify()
        page = desk.go("/2fa/")
        desk.browser.submit(page.form(button="Sign out all other browsers"))
    assert zoe.go("/office").status == 303


def test_trust_bought_with_a_recovery_code_is_not_worth_more_than_it(stage: Stage, admin: Person) -> None:
    """Where recovery codes don't count, neither does a browser that was trusted for one elsewhere."""
    admin.save(enforce="1", from_date="2027-01-04", zone="UTC", trust_days="10", max_age_minutes="60")
    zoe = stage.person("zoe")
    shown = zoe.set_up(page="/office")
    recovery_code = re.findall(r"(?:[0-9A-Z]{6}-){3}[0-9A-Z]{6}", shown.text)[0]
    again = stage.person("zoe")
    give_code(again, recovery_code)
    stage.time.advance(2 * HOUR)
    assert again.go("/office").status == 200, "trusted where recovery codes count"
    totp_only = frozenset({Method.TOTP})
    stage.town.extra = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=5), methods=totp_only)
    assert again.go("/office").status == 303
