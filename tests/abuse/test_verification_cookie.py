"""Cases 28 to 31 and 37 to 39: the verification cookie, whose and in which login.

The class: nothing but a live record of this user, this login, this realm counts; what a cookie says is never more
than the name of a record.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Policy

from .calling import is_refusal
from .conftest import SiteMaker
from .site import BASE, KEY, Site, passes
from .target import PRIVATE, Call, Reply

VERIFICATION = "__Host-twofa-verification-main"


def with_cookie(site: Site, user: str, value: str, name: str = VERIFICATION) -> PlainBrowser:
    """Give a browser in which this user has logged in, with a verification cookie put in by hand."""
    browser = site.browser(user)
    browser.cookies.set(name, value, BASE)
    return browser


def test_a_verification_passes(site: Site) -> None:
    """What the following tests spoil does pass when it is not spoilt."""
    browser = site.verified("u1")
    assert passes(site, browser)
    again = site.browser()
    browser.cookies.copy_to(again.cookies)
    assert passes(site, again)


def test_forged_and_damaged_tokens(site: Site) -> None:
    """Case 28: missing, changed anywhere, truncated, extended, or another kind of token: gated.

    What stands beside the token, the keyed digest of its user, is no credential: it tells a lost store.
    """
    site.host.names_logins = False  # so that nothing but the token stands between,
    site.gate.revoke("u1")  # and there is one verification alone
    browser = site.verified("u1")
    sid = browser.cookies["sid"].value
    good = browser.cookies[VERIFICATION].value
    token, _, named = good.partition(".")
    kinds = {cookie.name: cookie.value for cookie in browser.cookies if cookie.name != VERIFICATION}
    signed = site.gate.settings.signer
    bad = [
        *[good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1 :] for at in range(len(token))],
        *[good[:length] for length in (0, 1, 21, 22, 23, len(good) - 1)],
        good + "A", good + ".", "." + good, good.upper(), good.swapcase(), named + "." + token,
        good.replace(".", "%2e"), token.encode().hex(), "null", "true", "0", "{}", "[]", "A" * 22 + "." + named,
        *kinds.values(),
        *[signed.sign(purpose, ["u1", "default"], site.clock.now) for purpose in ("return", "csrf", "known-browser")],
    ]  # fmt: skip
    for value in bad:
        forged = site.browser()
        forged.cookies.set("sid", sid, BASE)
        forged.cookies.set(VERIFICATION, value, BASE)
        assert not passes(site, forged), value


def test_our_cookie_twice_or_renamed_counts_for_nothing(site: Site) -> None:
    """Case 28: the right cookie, but twice, or under a name that only some readers take for it: gated."""
    browser = site.verified("u1")
    sid, good = f"sid={browser.cookies['sid'].value}", browser.cookies[VERIFICATION].value
    assert site.raw("GET", "/app/x", [("Cookie", f"{sid}; {VERIFICATION}={good}")]).status == 200
    for header in (
        f"{sid}; {VERIFICATION}={good}; {VERIFICATION}={good}",
        f"{sid}; {VERIFICATION}={good}; {VERIFICATION}=",
        f'{sid}; {VERIFICATION}="{good}"',
        f"{sid}; {VERIFICATION.lower()}={good}",
        f"{sid}; twofa-verification-main={good}",
        f"{sid}; __Secure-twofa-verification-main={good}",
        f"{sid}; x={VERIFICATION}={good}",
        f"{sid}; {VERIFICATION}{good}",
    ):
        site.calls.clear()
        assert is_refusal(site.raw("GET", "/app/x", [("Cookie", header)])), header
        assert not site.calls


@pytest.mark.parametrize("shared", ["key", "store", "both"])
def test_a_verification_of_another_realm(make_site: SiteMaker, site: Site, shared: str) -> None:
    """Case 29: another installation with the same key, database and host name: its verification is none here."""
    store = site.store if shared != "key" else None
    keys = [KEY] if shared != "store" else ["another key of thirty-two bytes!!"]
    other = make_site(realm="other", target=site.target, store=store, secret_keys=keys)
    other.enroll("u1")
    verified = other.verified("u1")
    value = verified.cookies["__Host-twofa-verification-other"].value
    here = site.browser()
    verified.cookies.copy_to(here.cookies)
    assert not passes(site, here)
    here.cookies.set(VERIFICATION, value, BASE)
    assert not passes(site, here)


def test_a_verification_of_another_user(site: Site) -> None:
    """Case 30: u2's verification in u1's session: gated, and the cookie is cleared."""
    value = site.verified("u2").cookies[VERIFICATION].value
    browser = with_cookie(site, "u1", value)
    assert not passes(site, browser)
    assert VERIFICATION not in browser.cookies


@pytest.mark.parametrize("named", [True, False])
def test_after_logout_and_login_of_the_same_user(site: Site, named: bool) -> None:
    """Case 31: the old verification after logout and a new login, whether the host names logins or not: gated."""
    site.host.names_logins = named
    browser = site.verified("u1")
    stolen = browser.cookies[VERIFICATION].value
    assert passes(site, browser)
    browser.navigate("/logout")
    assert VERIFICATION not in browser.cookies
    site.login(browser, "u1")
    assert not passes(site, browser)
    assert not passes(site, with_cookie(site, "u1", stolen))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("visits", [0, 1])
def test_after_the_session_ran_out_silently(site: Site, named: bool, visits: int) -> None:
    """Case 31: the session ended on the server without a word; the same user logs in again: gated."""
    site.host.names_logins = named
    browser = site.verified("u1")
    stolen = browser.cookies[VERIFICATION].value
    site.target.sessions.clear()
    for _ in range(visits):
        assert browser.navigate("/app/x").status == 401
    site.login(browser, "u1")
    assert not passes(site, browser)
    assert not passes(site, with_cookie(site, "u1", stolen))


def test_after_a_login_posted_from_another_site(site: Site) -> None:
    """Case 31: a login by a cross-site POST comes without our Lax cookie; the old one ends in the browser too."""
    site.host.names_logins = False
    browser = site.verified("u1")
    site.target.sessions.clear()
    session = site.target.cookie_for("u1")
    site.target.routes["/saml"] = lambda call: Reply.redirect("/app/home", session)
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://idp.test"}
    browser.send("POST", "/saml", content=b"x=y", headers=headers, cookies=False)
    assert not passes(site, browser)


def test_a_session_cookie_that_merely_changes_its_value(site: Site) -> None:
    """Case 31, the other way: a rolling session is the same login, and is not asked again at each request."""
    browser = site.verified("u1")

    def rolling(call: Call) -> Reply:
        session = site.target.sessions[site.target.open_session()]
        assert call.session is not None
        session.update(call.session)
        (sid,) = [key for key, value in site.target.sessions.items() if value is session]
        return Reply.page(PRIVATE, ("Set-Cookie", f"sid={sid}; Path=/"))

    site.target.routes["/app/rolling"] = rolling
    for _ in range(3):
        assert passes(site, browser, "/app/rolling")


def test_session_fixation(site: Site) -> None:
    """Case 37: the attacker's session is used by the victim, who verifies: of no use in any other login session."""
    fixed = site.target.open_session()
    victim, attacker = site.browser(), site.browser()
    for browser in (victim, attacker):
        browser.cookies.set("sid", fixed, BASE)
    site.target.log_in(site.target.sessions[fixed], "u1")
    site.verify(victim, "u1")
    assert passes(site, victim)
    assert not passes(site, attacker)
    another = site.browser("u1")
    another.cookies.set(VERIFICATION, victim.cookies[VERIFICATION].value, BASE)
    assert not passes(site, another)


def test_attributes(make_site: SiteMaker) -> None:
    """Case 38: each cookie of ours: HttpOnly, Secure, SameSite, Path=/, __Host-, no Domain; its deletion too."""
    for same_site in ("Lax", "Strict", "None"):
        site = make_site(cookie_samesite=same_site, policies={"default": trusting()})
        site.enroll("u1")
        browser = site.browser("u1")
        lines = browser.navigate("/app/x").headers.get_list("set-cookie")
        verified = site.api(browser, "challenge", {"code": site.phones["u1"].code(), "trust": True})
        lines += verified.headers.get_list("set-cookie")
        lines += [
            line for line in browser.navigate("/logout").headers.get_list("set-cookie") if "twofa" in line
        ]
        assert {line.partition("=")[0] for line in lines} == {
            f"__Host-twofa-{kind}-main" for kind in ("verification", "browser", "known", "trust")
        }
        assert len(lines) == 5
        for line in lines:
            attributes = {part.strip().lower() for part in line.split(";")[1:]}
            assert {"httponly", "secure", "path=/", f"samesite={same_site.lower()}"} <= attributes, line
            assert not any(each.startswith("domain") for each in attributes), line
        assert "max-age=0" in lines[-1].lower()
        assert not browser.cookies.refused


def trusting() -> Policy:
    """Return a policy that offers to trust browsers."""
    return Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=30))


def test_large_and_broken_cookie_headers(site: Site) -> None:
    """Case 39: 5 kB in one cookie, 200 cookies, broken syntax beside the session: gated, never a 500."""
    sid = f"sid={site.browser('u1').cookies['sid'].value}"
    broken = [
        "=",
        ";",
        "; ;",
        ";=;",
        "a",
        "a;b",
        "=a",
        '"',
        'x="',
        "\\",
        "\x01=\x02",
        "\xff=\xfe",
        ",",
        "[]={}",
        "a==b",
    ]
    headers = [
        f"{sid}; {VERIFICATION}={'A' * 5000}",
        f"{sid}; x={'A' * 5000}",
        f"{sid}; " + "; ".join(f"c{n}=v" for n in range(200)),
        f"{sid}; " + "; ".join(f"{VERIFICATION}=v{n}" for n in range(200)),
        f"{sid}" + "; " * 3000,
        *[f"{sid}; {each}" for each in broken],
        *[f"{each}; {sid}" for each in broken],
    ]
    site.calls.clear()
    for header in headers:
        sent = site.raw("GET", "/app/x", [("Cookie", header)])
        assert is_refusal(sent), (header[:60], sent.status)
        assert not site.calls
        assert site.raw("GET", "/2fa/challenge", [("Cookie", header)]).status in (200, 400)


def test_a_host_that_sets_our_cookies_makes_no_verification(site: Site) -> None:
    """Beyond 28: an application led to set our cookie names (a header it reflects, say) verifies nobody."""
    value = site.verified("u2").cookies[VERIFICATION].value
    lines = [
        ("Set-Cookie", f"{name}={value}; Path=/; Secure")
        for name in (VERIFICATION, "__Host-twofa-trust-main")
    ]
    site.target.routes["/login"] = lambda call: Reply.redirect(
        "/app/home", site.target.cookie_for("u1"), *lines
    )
    browser = site.browser()
    browser.send("POST", "/login", content=b"user=u1")
    assert not passes(site, browser)
