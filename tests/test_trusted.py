"""Trusted browsers: where a location allows them, for the time that it allows, and for nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.banner.site import DRIVERS, START, Page, Site, Time, opened
from tests.support.http import Answer, PlainBrowser
from twofa_gate import Enforcement, EventKind, Method, Policy

TRUST = "__Host-twofa-trust-main"
DAYS = timedelta(days=30)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Give the test its own time."""
    time = Time()
    time.now = START.timestamp()
    time.install(monkeypatch)
    return time


@pytest.fixture(params=DRIVERS)
def site(request: pytest.FixtureRequest, clock: Time) -> Iterator[Site]:
    """Open a site where browsers may be trusted, with a location where they may not, and two users set up."""
    with opened(request.param, clock) as site:
        site.everywhere = Policy(Enforcement.REQUIRED, trust_browser_for=DAYS)
        site.at["strict"] = Policy(Enforcement.REQUIRED)
        site.at["short"] = Policy(Enforcement.REQUIRED, trust_browser_for=timedelta(days=1))
        site.at["totp"] = Policy(
            Enforcement.REQUIRED, trust_browser_for=DAYS, methods=frozenset({Method.TOTP})
        )
        for path in ("/strict", "/short", "/totp"):
            site.pages[path] = Page.of(b"<body>", status=200)
        site.login()
        site.set_up()
        yield site


def trust(site: Site, browser: PlainBrowser | None = None) -> str:
    """Verify and have this browser trusted, and let the verification run out; return the cookie."""
    browser = browser or site.browser
    site.clock.advance(13 * 3600)
    page = browser.navigate("/", follow=True)
    assert site.verify(page, browser, trust="1").status == 200
    site.clock.advance(13 * 3600)
    return cookie_of(browser)


def cookie_of(browser: PlainBrowser) -> str:
    """Return the trust cookie, or nothing."""
    return next((each.value for each in browser.cookies if each.name == TRUST), "")


def asked(page: Answer) -> bool:
    """Whether the answer leads to the challenge."""
    return page.status == 303 and "/2fa/challenge" in page.location


def test_a_trusted_browser_is_not_asked_again(site: Site) -> None:
    """With the box ticked the browser passes for thirty days to the second, in later logins too."""
    trusted_at = site.clock.now + 13 * 3600
    trust(site)
    assert site.browser.navigate("/").status == 200
    site.browser.navigate("/logout")
    site.login()
    site.clock.now = trusted_at + DAYS.total_seconds()
    assert site.browser.navigate("/").status == 200
    site.clock.advance(1)
    assert asked(site.browser.navigate("/"))
    assert EventKind.BROWSER_TRUSTED in [each.kind for each in site.events]


def test_without_the_box_nothing_is_trusted(site: Site) -> None:
    """Without the box, or where no trust is offered, there is no trust cookie."""
    for path in ("/", "/strict"):
        site.clock.advance(13 * 3600)
        page = site.browser.navigate(path, follow=True)
        assert ("trust" in page.form(action="/challenge", button="Verify").names()) == (path == "/")
        site.verify(page)
    assert cookie_of(site.browser) == ""
    site.clock.advance(13 * 3600)
    form = site.browser.navigate("/strict", follow=True).form(action="/challenge", button="Verify")
    pairs = {**dict(form.filled({"code": site.phone.fresh_code()}, None)), "trust": "1"}
    body = "&".join(f"{name}={value}" for name, value in pairs.items()).encode()
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
    assert site.browser.send("POST", "/2fa/challenge", content=body, headers=sent).status == 303
    assert cookie_of(site.browser) == ""


def test_each_location_for_itself(site: Site) -> None:
    """Trust passes no location that doesn't offer it, and none for longer than that location allows."""
    trust(site)
    assert asked(site.browser.navigate("/strict"))
    assert site.browser.navigate("/short").status == 200
    site.clock.advance(12 * 3600)
    assert asked(site.browser.navigate("/short"))
    assert site.browser.navigate("/").status == 200


def test_a_recovery_code_buys_no_trust_where_it_does_not_count(site: Site) -> None:
    """A browser trusted with a recovery code is not trusted where recovery codes don't count."""
    page = site.browser.navigate("/2fa/recovery-codes")
    site.clock.advance(30)
    shown = site.browser.submit(page.form(action="/recovery-codes"), code=site.phone.fresh_code())
    code = re.findall(r"[0-9A-Z]{6}(?:-[0-9A-Z]{6}){3}", re.sub(r"<[^>]*>|\s", "", shown.text))[0]
    site.clock.advance(13 * 3600)
    form = site.browser.navigate("/", follow=True).form(action="/challenge", button="Verify")
    assert site.browser.submit(form, code=code, trust="1").status == 303
    site.clock.advance(13 * 3600)
    assert site.browser.navigate("/").status == 200
    assert asked(site.browser.navigate("/totp"))


def test_it_manages_nothing(site: Site) -> None:
    """A trusted browser sees neither the account nor a secret, and can't disable, add or renew anything."""
    trust(site)
    for path in ("/", "/enroll", "/recovery-codes", "/disable"):
        page = site.browser.navigate(f"/2fa{path}")
        assert asked(page), path
    status = site.browser.fetch("GET", "/2fa/api/v1/status", accept="application/json").json()
    assert (status["decision"], status["verified"]) == ("pass", False)
    assert "authenticators" not in status
    for endpoint in ("enrollment", "browsers", "recovery-codes"):
        sent = {"X-CSRF-Token": status["csrf"], "Origin": "https://app.test"}
        answer = site.browser.fetch("POST", f"/2fa/api/v1/{endpoint}", json={"action": "x"}, headers=sent)
        assert answer.status == 403, endpoint


def test_of_another_user_forged_or_doubled(site: Site) -> None:
    """Another user's trust, an altered one, another kind of token, or the cookie twice is no trust."""
    cookie = trust(site)
    other = site.browser.another()
    phone, site.phone = site.phone, type(site.phone)(site.clock)
    site.login("bob", other)
    site.set_up(other)
    verification = next(each.value for each in other.cookies if each.name == "__Host-twofa-verification-main")
    site.clock.advance(13 * 3600)
    assert asked(other.navigate("/"))
    session = next(each.value for each in other.cookies if each.name == "sid")
    altered = ("B" if cookie[0] == "A" else "A") + cookie[1:]
    for value in (cookie, altered, cookie[:-1], verification, "", cookie.partition(".")[0]):
        sent = {"Accept": "text/html", "Cookie": f"sid={session}; {TRUST}={value}"}
        assert asked(other.send("GET", "/", headers=sent, cookies=False)), value
    mine = next(each.value for each in site.browser.cookies if each.name == "sid")
    assert site.browser.navigate("/").status == 200
    doubled = {"Accept": "text/html", "Cookie": f"sid={mine}; {TRUST}={cookie}; {TRUST}={cookie}"}
    assert asked(site.browser.send("GET", "/", headers=doubled, cookies=False))
    site.phone = phone


@pytest.mark.parametrize("how", ["forget", "revoke", "reset", "disable", "sign-out-others"])
def test_what_ends_it(site: Site, how: str) -> None:
    """Forgetting it, signing the others out, a revocation, a reset and disabling end a browser's trust."""
    cookie = trust(site)
    if how == "revoke":
        site.gate.revoke("ann")
    elif how == "reset":
        site.gate.reset("ann", by="support", reason="lost", extension=timedelta(0))
    elif how == "disable":
        site.everywhere = Policy(Enforcement.OPTIONAL, trust_browser_for=DAYS)
        site.verify(site.browser.navigate("/2fa/disable", follow=True))
        page = site.browser.navigate("/2fa/disable")
        site.browser.submit(page.form(action="/disable"), code=site.phone.fresh_code())
        site.clock.advance(30)
        site.set_up()
        site.clock.advance(13 * 3600)
    else:
        page = site.verify(site.browser.navigate("/2fa/", follow=True))
        csrf = next(form for form in page.forms if form.url.endswith("/browsers")).value("csrf")
        action = {"forget": "forget-trusted"}.get(how, how)
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
        body = f"csrf={csrf}&action={action}".encode()
        assert site.browser.send("POST", "/2fa/browsers", content=body, headers=sent).status == 303
        site.clock.advance(13 * 3600)
    session = next(each.value for each in site.browser.cookies if each.name == "sid")
    sent = {"Accept": "text/html", "Cookie": f"sid={session}; {TRUST}={cookie}"}
    refused = site.browser.send("GET", "/", headers=sent, cookies=False)
    assert refused.status == 303
    assert "/2fa/" in refused.location


def test_it_is_listed_for_its_owner(site: Site) -> None:
    """The account page lists trusted browsers, to be forgotten there."""
    trust(site)
    page = site.verify(site.browser.navigate("/2fa/", follow=True))
    buttons = [button.value for form in page.forms for button in form.buttons]
    assert "forget-trusted" in buttons


def test_the_cookie(site: Site) -> None:
    """The trust cookie has every attribute that keeps it here, and ends when the trust does."""
    site.clock.advance(13 * 3600)
    page = site.browser.navigate("/", follow=True)
    form = page.form(action="/challenge", button="Verify")
    answer = site.browser.submit(form, code=site.phone.fresh_code(), trust="1")
    (line,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(TRUST)]
    assert {part.strip().lower() for part in line.split(";")[1:]} >= {
        *("secure", "httponly", "path=/", "samesite=lax", f"max-age={30 * 86400}")
    }
    assert "domain" not in line.lower()


@pytest.mark.parametrize("driver", DRIVERS)
def test_void_before(driver: str, clock: Time) -> None:
    """What was verified or trusted before `void_before` is void; what comes after it counts."""
    with opened(driver, clock) as before:
        before.everywhere = Policy(Enforcement.REQUIRED, trust_browser_for=DAYS)
        before.login()
        before.set_up()
        trust(before)
        before.clock.advance(60)
        assert before.browser.navigate("/").status == 200
        store = before.store
        jar = before.browser.cookies
        void = datetime.fromtimestamp(clock.now, UTC)
        with opened(driver, clock, store=store, void_before=void) as after:
            after.everywhere = before.everywhere
            after.sessions = before.sessions
            after.phone = before.phone
            after.browser.cookies = jar
            refused = after.browser.navigate("/")
            assert asked(refused)
            clock.advance(30)
            assert after.verify(after.browser.navigate("/", follow=True), trust="1").status == 200
            clock.advance(13 * 3600)
            assert after.browser.navigate("/").status == 200
