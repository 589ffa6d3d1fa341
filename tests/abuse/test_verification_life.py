"""Cases 32 to 36: when a verification ends, and where it is not enough.

The class: whatever ends a verification ends it in every process; how old it is and how it was made is judged anew
at each location; keys come and go without anybody having to verify again.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.http import PlainBrowser
from twofa_gate import AfterCutoff, Enforcement, Method, Policy

from .calling import is_refusal
from .conftest import SiteMaker
from .site import BASE, KEY, Site, passes
from .target import PRIVATE

REQUIRED = Policy(Enforcement.REQUIRED)


def end_by_disable(site: Site, browser: PlainBrowser) -> None:
    """Disable, with a code."""
    site.policies["default"] = Policy(Enforcement.OPTIONAL)
    assert site.api(browser, "disable", {"code": site.phones["u1"].code()}).status == 200
    site.policies["default"] = REQUIRED


def end_by_recovery_code(site: Site, browser: PlainBrowser) -> None:
    """Somebody (the owner, elsewhere) uses a recovery code."""
    site.verify(site.browser("u1"), "u1", site.recovery_codes["u1"][0])


def end_by_page(site: Site, browser: PlainBrowser) -> None:
    """Sign out all other browsers, from another one."""
    other = site.verified("u1")
    assert site.api(other, "browsers", {"action": "sign-out-others"}).status == 200


def end_by_void_before(site: Site, browser: PlainBrowser) -> None:
    """Revoke by the operation."""
    site.gate.revoke("u1")


def end_by_reset(site: Site, browser: PlainBrowser) -> None:
    """Reset by support, which leaves nothing and an extension."""
    site.gate.reset("u1", by="support", reason="lost phone", extension=timedelta(seconds=1))
    site.clock.move(2)


ENDINGS = [end_by_disable, end_by_recovery_code, end_by_page, end_by_void_before, end_by_reset]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_a_verification_ends_it_in_every_process(make_site: SiteMaker, ending: Any) -> None:
    """Case 32: after disable, reset, recovery code, sign-out, revoke: gated here at once, elsewhere within the lag."""
    lag = timedelta(seconds=0.3)
    site = make_site(revocation_lag=lag)
    site.enroll("u1")
    other = make_site(store=site.store, target=site.target, policies=site.policies, revocation_lag=lag)
    browser = site.verified("u1")
    assert passes(site, browser)
    elsewhere = other.browser()
    browser.cookies.copy_to(elsewhere.cookies)
    assert passes(other, elsewhere)
    kept = {cookie.name: cookie.value for cookie in browser.cookies}
    ending(site, browser)
    time.sleep(lag.total_seconds() + 0.05)
    for where in (site, other):
        thief = where.browser()
        for name, value in kept.items():
            thief.cookies.set(name, value, BASE)
        where.calls.clear()
        answer = thief.navigate("/app/x")
        assert PRIVATE not in answer.text
        assert not where.calls


@pytest.mark.parametrize(
    ("seconds", "good"),
    [(30, True), (31, False), (3600, False), (-43200, True), (-43201, False), (-86400, False)],
)
def test_age(make_site: SiteMaker, seconds: int, good: bool) -> None:
    """Case 33: made by a clock 30 s ahead passes, further ahead doesn't; at `max_age` passes, past it doesn't."""
    site = make_site(policies={"default": Policy(Enforcement.REQUIRED, max_age=timedelta(hours=12))})
    site.enroll("u1")
    browser = site.verified("u1")
    site.clock.move(-seconds)
    assert passes(site, browser) is good


def test_a_remembered_pass_is_still_judged_by_its_age(make_site: SiteMaker) -> None:
    """Case 33: what a process reuses for `revocation_lag` is the record, not the verdict."""
    site = make_site(policies={"default": Policy(Enforcement.REQUIRED, max_age=timedelta(minutes=5))})
    site.enroll("u1")
    browser = site.verified("u1")
    assert passes(site, browser)
    site.clock.move(301)
    assert not passes(site, browser)


def test_a_lax_verification_at_a_strict_location(make_site: SiteMaker) -> None:
    """Case 34: a verification of ten minutes is good where hours are asked, and not where five minutes are."""
    policies = {"default": REQUIRED, "strict": Policy(Enforcement.REQUIRED, max_age=timedelta(minutes=5))}
    site = make_site(policies=policies)
    site.enroll("u1")
    browser = site.verified("u1")
    assert passes(site, browser, "/strict/x")
    site.clock.move(600)
    assert passes(site, browser, "/app/x")
    for path in ("/strict/x", "/strict", "//strict/x", "/app/../strict/x", "/strict//x/../y", "/./strict/"):
        site.calls.clear()
        assert is_refusal(site.raw("GET", path, browser=browser)), path
        assert not site.calls


def test_methods_that_do_not_count(make_site: SiteMaker) -> None:
    """Case 35: a recovery code's verification where only TOTP counts, a trusted browser where none is: gated."""
    policies = {
        "default": Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=30)),
        "strict": Policy(
            Enforcement.REQUIRED, methods=frozenset({Method.TOTP}), max_age=timedelta(minutes=5)
        ),
    }
    site = make_site(policies=policies)
    site.enroll("u1")
    recovered = site.verify(site.browser("u1"), "u1", site.recovery_codes["u1"][0])
    assert passes(site, recovered, "/app/x")
    assert not passes(site, recovered, "/strict/x")
    trusting = site.browser("u1")
    assert site.api(trusting, "challenge", {"code": site.phones["u1"].code(), "trust": True}).status == 200
    site.clock.move(86_400)
    assert passes(site, trusting, "/app/x")
    assert not passes(site, trusting, "/strict/x")


def test_keys_rotated(make_site: SiteMaker, site: Site) -> None:
    """Case 36: a new key in front, sealed anew, the old one taken off: nobody verifies again, nothing is a 500."""
    new = "another key of thirty-two bytes!!"
    browser = site.verified("u1")
    both = make_site(store=site.store, target=site.target, secret_keys=[new, KEY])
    both.phones, both.recovery_codes = site.phones, site.recovery_codes
    assert passes(both, moved(browser, both))
    both.verify(both.browser("u1"), "u1")
    report = both.gate.rotate()
    assert not report.failed
    alone = make_site(store=site.store, target=site.target, secret_keys=[new])
    alone.phones, alone.recovery_codes = site.phones, site.recovery_codes
    assert passes(alone, moved(browser, alone))
    alone.verify(alone.browser("u1"), "u1")
    alone.verify(alone.browser("u1"), "u1", site.recovery_codes["u1"][0])


def test_a_key_removed_too_early(make_site: SiteMaker, site: Site) -> None:
    """Case 36: the old key taken off before sealing anew: 503, never a pass and never "not enrolled"."""
    browser = site.verified("u1")
    alone = make_site(store=site.store, target=site.target, secret_keys=["another key of thirty-two bytes!!"])
    site.calls.clear()
    for path in ("/app/x", "/2fa/", "/2fa/challenge", "/2fa/enroll", "/2fa/api/v1/status"):
        assert moved(browser, alone).navigate(path).status == 503, path
    assert not site.calls


def moved(browser: PlainBrowser, site: Site) -> PlainBrowser:
    """Give the same browser, at another process."""
    other = site.browser()
    browser.cookies.copy_to(other.cookies)
    return other


def test_a_late_setup_elsewhere_opens_no_closed_location(make_site: SiteMaker) -> None:
    """Class of case 34: a verification proves a code, not that its owner set up in time for this location."""
    cutoff = datetime.fromtimestamp(1_800_000_000 - 3600, UTC)
    closed = Policy(Enforcement.REQUIRED, cutoff=cutoff, after_cutoff=AfterCutoff.DENY)
    site = make_site(policies={"default": REQUIRED, "closed": closed})
    browser = site.verified("u1")
    assert passes(site, browser, "/app/x")
    assert not passes(site, browser, "/closed/x")
