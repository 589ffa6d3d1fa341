"""Cases 82 and 83: trusted browsers.

The class: a trusted browser is one user's, until it is revoked, runs out or anything that lets browsers pass ends,
and only where a location offers it; it manages nothing.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Method, Policy

from .conftest import SiteMaker
from .site import Site
from .typing_codes import FORM, code_form, enter, passes

TRUST = "__Host-twofa-trust-main"
DAY = 86400.0
POLICIES = {
    "default": Policy(Enforcement.OPTIONAL, trust_browser_for=timedelta(days=7), max_age=timedelta(hours=1)),
    "strict": Policy(Enforcement.REQUIRED, max_age=timedelta(hours=1)),
    "codes": Policy(
        Enforcement.REQUIRED, methods=frozenset({Method.TOTP}), trust_browser_for=timedelta(days=7)
    ),
}


@pytest.fixture
def lax(make_site: SiteMaker) -> Site:
    """Make a site with a location that offers trust, one that doesn't, and one that takes TOTP codes alone."""
    site = make_site(policies=dict(POLICIES))
    site.enroll("u1")
    site.clock.move(60)
    return site


def trusted(site: Site, user: str = "u1", code: str | None = None) -> PlainBrowser:
    """Verify in a new browser, which is to be trusted; then let the verification run out."""
    browser = site.browser(user)
    answer = site.api(browser, "challenge", {"code": code or site.phones[user].code(), "trust": True})
    assert answer.status == 200, answer.text
    assert TRUST in browser.cookies
    site.clock.move(3601)
    return browser


def test_a_trusted_browser_is_not_asked(lax: Site) -> None:
    """Case 82, the other side: where it is offered, and for so long, a trusted browser is not asked again."""
    browser = trusted(lax)
    value = browser.cookies[TRUST].value
    assert passes(lax, browser)
    lax.login(browser, "u1")
    assert passes(lax, browser)
    lax.clock.move(7 * DAY - 2 * 3601)
    assert passes(lax, browser)
    lax.clock.move(3700)
    browser.cookies.set(TRUST, value, "https://app.test/")  # though the browser should have dropped it
    assert not passes(lax, browser)


def test_trust_is_one_users(lax: Site) -> None:
    """Case 82: a trusted browser asks everybody else who logs in with it, and its cookie helps nobody else."""
    lax.enroll("u2")
    browser = trusted(lax)
    lax.login(browser, "u2")
    assert not passes(lax, browser)
    lax.login(browser, "u1")
    assert passes(lax, browser)
    other = lax.browser("u2")
    other.cookies.set(TRUST, browser.cookies[TRUST].value, "https://app.test/")
    assert not passes(lax, other)


@pytest.mark.parametrize(
    "end", ["forget", "forget one", "sign out others", "disable", "reset", "revoke", "recovery"]
)
def test_trust_ends(lax: Site, end: str) -> None:
    """Case 82: revoked, disabled, reset, after a recovery code: the trusted browser is asked like any other."""
    browser = trusted(lax)
    manager = lax.verified("u1")
    (one,) = lax.api(manager, "status").json()["trusted"]
    if end == "forget":
        assert lax.api(manager, "browsers", {"action": "forget-trusted"}).status == 200
    elif end == "forget one":
        assert lax.api(manager, "browsers", {"action": "forget-trusted", "id": one["id"]}).status == 200
    elif end == "sign out others":
        assert lax.api(manager, "browsers", {"action": "sign-out-others"}).status == 200
    elif end == "disable":
        assert lax.api(manager, "disable", {"code": lax.phones["u1"].code()}).status == 200
        lax.enroll("u1")
    elif end == "reset":
        lax.gate.reset("u1", by="support", reason="lost phone")
        lax.enroll("u1")
    elif end == "revoke":
        lax.gate.revoke("u1")
    else:
        lax.verify(lax.browser("u1"), "u1", lax.recovery_codes["u1"][0])
    assert not passes(lax, browser)


def test_forged_trust(lax: Site) -> None:
    """Case 82: changed, cut, empty and doubled trust cookies, and other cookies' values in it, are worth nothing."""
    browser = trusted(lax)
    value = browser.cookies[TRUST].value
    token, _, named = value.partition(".")
    fakes = [
        value[:-1],
        value + "A",
        ("B" if value[0] == "A" else "A") + value[1:],
        f"{'A' * 22}.{named}",
        token,
        "",
        ".",
    ]
    fakes += [
        browser.cookies[f"__Host-twofa-{kind}-main"].value for kind in ("verification", "known", "browser")
    ]
    thief = lax.browser("u1")
    for fake in fakes:
        thief.cookies.set(TRUST, fake, "https://app.test/")
        assert not passes(lax, thief), fake
    sent = lax.cookie_header(lax.browser("u1")) + f"; {TRUST}={value}; {TRUST}={value}"
    before = len(lax.calls)
    assert lax.raw("GET", "/app/x", [("Cookie", sent)]).status != 200
    assert len(lax.calls) == before


def test_a_trust_cookie_is_no_verification(lax: Site) -> None:
    """Case 83: the trust cookie's value in the place of a verification, and the other way round, is worth nothing."""
    browser = trusted(lax)
    thief = lax.browser("u1")
    thief.cookies.set("__Host-twofa-verification-main", browser.cookies[TRUST].value, "https://app.test/")
    assert not passes(lax, thief)
    fresh, other = lax.verified("u1"), lax.browser("u1")
    other.cookies.set(TRUST, fresh.cookies["__Host-twofa-verification-main"].value, "https://app.test/")
    assert not passes(lax, other)


def test_trust_manages_nothing(lax: Site) -> None:
    """Case 83: a trusted browser that isn't verified is challenged at every page that manages, and in the API."""
    browser = trusted(lax)
    assert passes(lax, browser)
    before = lax.store.load("main/user/u1")
    for page in ("/2fa/", "/2fa/enroll", "/2fa/recovery-codes", "/2fa/disable"):
        assert browser.send("GET", page, headers={"Accept": "text/html"}).status == 303
    for endpoint in ("enrollment", "recovery-codes", "disable", "browsers"):
        payload = {"code": lax.phones["u1"].display(), "action": "forget-trusted"}
        assert lax.api(browser, endpoint, payload).status == 403
    assert lax.store.load("main/user/u1") == before


def test_trust_where_it_is_not_offered(lax: Site) -> None:
    """Case 83: a browser trusted at one location is challenged at one that offers no trust."""
    browser = trusted(lax)
    assert browser.navigate("/strict/x").status == 303
    assert passes(lax, browser)


def test_trust_that_a_recovery_code_bought(lax: Site) -> None:
    """Case 83: trust that a recovery code bought does not pass where recovery codes don't count."""
    browser = trusted(lax, code=lax.recovery_codes["u1"][0])
    assert passes(lax, browser)
    assert browser.navigate("/codes/x").status == 303
    assert trusted(lax).navigate("/codes/x").status == 200


def test_trust_that_was_not_offered_or_asked_for(lax: Site) -> None:
    """Case 83: asking for trust where a location doesn't offer it makes none; nor does it come unasked."""
    lax.policies["default"] = POLICIES["strict"]
    browser = lax.browser("u1")
    answer = lax.api(browser, "challenge", {"code": lax.phones["u1"].code(), "trust": True})
    assert answer.status == 200
    assert TRUST not in browser.cookies
    form = code_form(lax.browser("u1"))
    assert "trust" not in form.names()
    other = lax.browser("u1")
    token = code_form(other).value("csrf") or ""
    body = urlencode({"csrf": token, "code": lax.phones["u1"].code(), "trust": "1"}).encode()
    assert other.send("POST", "/2fa/challenge", content=body, headers=FORM).status == 303
    assert TRUST not in other.cookies
    lax.policies["default"] = POLICIES["default"]
    third = lax.browser("u1")
    assert enter(lax, third, lax.phones["u1"].code()).status == 303
    assert TRUST not in third.cookies
