"""Cases 78 to 81: recovery codes, and what a thief of the store gets.

The class: a recovery code is its owner's, of the set that was shown last, and good once; the store holds none in
clear. Trusted browsers (cases 82 and 83) are in `test_trust.py`.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest

from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Method, Policy

from .conftest import SiteMaker
from .site import PhoneApp, Site
from .typing_codes import enter, failures, passes

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


@pytest.mark.parametrize("by", ["form", "api"])
def test_a_recovery_code_is_good_once(site: Site, by: str) -> None:
    """Case 78: a used recovery code is a wrong code, in whatever spelling and session, and is counted as one."""
    code = site.recovery_codes["u1"][0]
    for number, spelling in enumerate((code, code.lower(), code.replace("-", ""), code)):
        browser = site.browser("u1")
        if by == "form":
            status = enter(site, browser, spelling).status
        else:
            status = site.api(browser, "challenge", {"code": spelling}).status
        assert status == ((303 if by == "form" else 200) if number == 0 else 403)
        assert passes(site, browser) is (number == 0)
    assert failures(site) == 3
    assert site.gate.status("u1").recovery_codes_left == 9


def test_a_recovery_code_of_another_user(site: Site) -> None:
    """Case 78: another user's recovery code is a wrong one, and stays good for its owner."""
    site.enroll("u2")
    browser = site.browser("u1")
    for code in site.recovery_codes["u2"][:2]:
        assert site.api(browser, "challenge", {"code": code}).status == 403
    assert not passes(site, browser)
    assert site.gate.status("u2").recovery_codes_left == 10
    site.verify(site.browser("u2"), "u2", site.recovery_codes["u2"][0])


def test_recovery_codes_of_a_replaced_set(site: Site) -> None:
    """Cases 78, 80: a new set voids the old one in the same act, and each of the new ones is good."""
    old = site.recovery_codes["u1"]
    browser = site.verified("u1")
    new = site.api(browser, "recovery-codes", {"code": site.phones["u1"].code()}).json()["recovery_codes"]
    assert len(set(new) | set(old)) == 20
    for code in old[:2]:
        assert site.api(site.browser("u1"), "challenge", {"code": code}).status == 403
    site.clock.move(3600)
    for code in new:
        site.verify(site.browser("u1"), "u1", code)
    assert site.gate.status("u1").recovery_codes_left == 0
    assert site.api(site.browser("u1"), "challenge", {"code": new[0]}).status == 403


def test_recovery_codes_of_an_earlier_setup(lax: Site) -> None:
    """Case 78: after disabling and setting up again, and after a reset, the codes of before are worth nothing."""
    old = lax.recovery_codes["u1"]
    browser = lax.verified("u1")
    assert lax.api(browser, "disable", {"code": lax.phones["u1"].code()}).status == 200
    assert lax.api(browser, "challenge", {"code": old[0]}).status == 409
    lax.enroll("u1")
    assert lax.api(lax.browser("u1"), "challenge", {"code": old[0]}).status == 403
    second = lax.recovery_codes["u1"]
    lax.gate.reset("u1", by="support", reason="lost phone")
    lax.enroll("u1")
    for code in (old[1], second[0]):
        assert lax.api(lax.browser("u1"), "challenge", {"code": code}).status == 403


@pytest.mark.parametrize(
    "spell", [str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " "), str.title]
)
def test_spellings(site: Site, spell: object) -> None:
    """Case 79: lower case, blanks, no hyphens: accepted, once; look-alikes are read as Crockford has them."""
    assert callable(spell)
    code = site.recovery_codes["u1"][3]
    browser = site.browser("u1")
    assert enter(site, browser, spell(code).replace("0", "O").replace("1", "l")).status == 303
    assert enter(site, site.browser("u1"), code).status == 403


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1), slice(None, 6), slice(7, None)])
def test_parts_of_a_recovery_code(site: Site, cut: slice) -> None:
    """Case 79: a part of a recovery code is no code at all; nor is one with a letter too many."""
    code = site.recovery_codes["u1"][0]
    browser = site.browser("u1")
    for typed in (code[cut], code + "0", code[:-1] + "U", code + code):
        assert site.api(browser, "challenge", {"code": typed}).status == 400
    assert failures(site) == 0


def test_a_recovery_code_ends_what_passed(lax: Site) -> None:
    """Case 78: using one ends every verification and trusted browser: a lost phone may be a lost browser."""
    verified, by_trust = lax.verified("u1"), trusted(lax)
    verified = lax.verified("u1")
    lax.verify(lax.browser("u1"), "u1", lax.recovery_codes["u1"][0])
    assert not passes(lax, verified)
    assert not passes(lax, by_trust)


def test_codes_are_shown_once(site: Site) -> None:
    """Case 80: recovery codes are in the one answer that made them, and on no page after it."""
    browser = site.verified("u1")
    page = browser.navigate("/2fa/recovery-codes")
    shown = browser.submit(page.form(action="/recovery-codes"), code=site.phones["u1"].code())
    codes = re.findall(r"(?:[0-9A-Z]{6}-){3}[0-9A-Z]{6}", shown.text)
    assert len(set(codes)) == 10
    for path in ("/2fa/", "/2fa/recovery-codes", "/2fa/challenge", "/2fa/api/v1/status"):
        text = browser.navigate(path).text
        assert not any(code in text or code.replace("-", "") in text for code in codes)
    assert not any(code in repr(shown.headers) for code in codes)


def test_making_new_codes_takes_a_code(site: Site) -> None:
    """Case 80: a verified browser needs a further code for a new set; a wrong one leaves the old set as it is."""
    browser = site.verified("u1")
    before = site.recovery_codes["u1"]
    for payload in ({}, {"code": ""}, {"code": site.phones["u1"].wrong()}):
        assert site.api(browser, "recovery-codes", payload).status in (400, 403)
    site.verify(site.browser("u1"), "u1", before[9])


def test_what_a_thief_of_the_store_gets(lax: Site) -> None:
    """Case 81: a dump of the whole store holds no secret, code, token or password in clear or merely encoded."""
    phone = lax.phones["u1"]
    browser = trusted(lax)
    lax.verify(browser, "u1", phone.code())
    waiting = lax.browser("u2")
    pending = lax.api(waiting, "enrollment", {}).json()["secret"]
    dump = b"\n".join(
        key.encode() + stored.document
        for key in lax.store.scan("", None, 1000)
        if (stored := lax.store.load(key)) is not None
    )
    assert b"v1." in dump
    secrets = [phone.secret, pending, *lax.recovery_codes["u1"]]
    tokens = [
        browser.cookies[f"__Host-twofa-{kind}-main"].value for kind in ("verification", "trust", "browser")
    ]
    secrets += [value.partition(".")[0] for value in tokens]
    for secret in secrets:
        plain = secret.replace("-", "") if len(secret) == 27 else secret
        forms = {secret.encode(), plain.encode(), plain.lower().encode(), plain.encode().hex().encode()}
        forms |= {
            base64.b64encode(plain.encode()).rstrip(b"="),
            base64.urlsafe_b64encode(plain.encode())[:-4],
        }
        if len(plain) == 32:
            raw = base64.b32decode(plain)
            forms |= {raw, raw.hex().encode(), base64.b64encode(raw)[:-2], base64.urlsafe_b64encode(raw)[:-2]}
        assert not [form for form in forms if form in dump]
    for word in (lax.gate.settings.realm + "k", phone.display(), "0123456789abcdef0123456789abcdef"):
        assert word.encode() not in dump


def test_a_phone_is_nobodys_recovery_code(site: Site) -> None:
    """Case 78: the secret itself, or its digits, are no recovery code."""
    phone = PhoneApp(site.phones["u1"].secret, site.clock)
    browser = site.browser("u1")
    for typed in (phone.secret, phone.secret[:24]):
        assert site.api(browser, "challenge", {"code": typed}).status in (400, 403)
    assert not passes(site, browser)
