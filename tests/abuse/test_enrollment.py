"""Cases 67 to 70 and 73 to 75: setting up, by whoever may not, too late, or with a hostile name.

The class: who has set up adds a device only with the second factor, in this browser, now; a secret is shown once,
to who asked for it, and counts once a code from it was entered in that browser, in time.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest

from tests.support.http import Answer, PlainBrowser
from twofa_gate import AfterCutoff, ConfigurationError, Enforcement, Policy, User

from .conftest import SiteMaker
from .site import PhoneApp, Site
from .typing_codes import FORM, enter, failures, passes

MANAGING = ["/2fa/", "/2fa/enroll", "/2fa/recovery-codes", "/2fa/disable"]
API = ["enrollment", "recovery-codes", "disable", "browsers", "authenticators/x"]
SECRET = re.compile(r"[A-Z2-7]{32}")


def setup(site: Site, browser: PlainBrowser) -> PhoneApp:
    """Begin to set up; the phone that holds the secret."""
    begun = site.api(browser, "enrollment", {})
    assert begun.status == 200, begun.text
    return PhoneApp(begun.json()["secret"], site.clock)


@pytest.mark.parametrize("page", MANAGING)
def test_pages_before_the_challenge(site: Site, page: str) -> None:
    """Case 67: enrolled and not verified, every managing page leads to the challenge and shows nothing."""
    browser = site.browser("u1")
    answer = browser.send("GET", page, headers={"Accept": "text/html"})
    assert answer.status == 303
    assert "/2fa/challenge?next=" in answer.headers["location"]
    assert not SECRET.search(answer.text)
    token = next(each for each in browser.navigate("/2fa/challenge").forms).value("csrf") or ""
    for fields in (
        {},
        {"code": "000000"},
        {"csrf": token},
        {"csrf": token, "code": site.phones["u1"].display()},
    ):
        answer = browser.send("POST", page, content=urlencode(fields).encode(), headers=FORM)
        assert answer.status in (403, 405)
        assert not SECRET.search(answer.text)
        assert "recovery codes left" not in answer.words.lower()
    assert site.gate.status("u1").enrolled
    assert failures(site) == 0


@pytest.mark.parametrize("endpoint", API)
def test_api_before_the_challenge(site: Site, endpoint: str) -> None:
    """Case 67: enrolled and not verified, every managing endpoint asks for the challenge and does nothing."""
    browser = site.browser("u1")
    before = site.store.load("main/user/u1")
    for payload in ({}, {"code": site.phones["u1"].display()}, {"action": "sign-out-others"}):
        answer = site.api(browser, endpoint, payload)
        assert answer.status == 403
        assert answer.json()["decision"] == "challenge"
        assert not SECRET.search(answer.text)
    status = site.api(browser, "status").json()
    assert not {"authenticators", "recovery_left", "browsers", "trusted"} & set(status)
    assert site.store.load("main/user/u1") == before


def test_an_old_verification_adds_no_device(site: Site) -> None:
    """Case 67: six minutes after the code the browser still passes, and has to enter another to add a device."""
    browser = site.verified("u1")
    site.clock.move(301)
    assert passes(site, browser)
    assert site.api(browser, "enrollment", {}).status == 403
    assert browser.navigate("/2fa/enroll").status == 303
    site.verify(browser, "u1")
    assert site.api(browser, "enrollment", {}).status == 200


def test_wrong_confirmation_enables_nothing(site: Site) -> None:
    """Case 68: after a wrong code the user has not set up, in this tab or another, and no other browser can."""
    browser = site.browser("u2")
    phone = setup(site, browser)
    assert site.api(browser, "enrollment", {"code": phone.wrong()}).status == 403
    assert not site.gate.status("u2").enrolled
    assert browser.navigate("/app/x").status == 303
    other = site.browser("u2")
    assert site.api(other, "enrollment", {"code": phone.display()}).status == 409
    assert site.api(other, "challenge", {"code": phone.display()}).status == 409
    assert not passes(site, other)
    assert site.api(browser, "enrollment", {"code": phone.display()}).status == 200


def test_somebody_elses_setup(site: Site) -> None:
    """Case 68: a setup that one user began can't be confirmed by another in the same browser."""
    browser = site.browser("u2")
    phone = setup(site, browser)
    site.login(browser, "u3")
    assert site.api(browser, "enrollment", {"code": phone.display()}).status == 409
    assert not site.gate.status("u3").enrolled
    assert not site.gate.status("u2").enrolled


def test_a_setup_that_waits_ends(site: Site) -> None:
    """Case 68: a secret that was shown can be confirmed for ten minutes, and after a later one not at all."""
    browser = site.browser("u2")
    phone = setup(site, browser)
    site.clock.move(601)
    assert site.api(browser, "enrollment", {"code": phone.display()}).status == 409
    first, second = setup(site, browser), setup(site, browser)
    assert site.api(browser, "enrollment", {"code": first.display()}).status == 403
    assert site.api(browser, "enrollment", {"code": second.display()}).status == 200


def test_the_confirming_code_is_spent(site: Site) -> None:
    """Case 69: the code that completed the setup verifies nobody, neither do those before it."""
    browser = site.browser("u2")
    site.clock.move(60)
    phone = setup(site, browser)
    code, earlier = phone.display(), phone.display(-1)
    assert site.api(browser, "enrollment", {"code": code}).status == 200
    for used in (code, earlier):
        other = site.browser("u2")
        assert enter(site, other, used).status == 403
        assert not passes(site, other)


def test_where_the_secret_appears(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Case 70: the secret is in the answer to the POST that made it, and in nothing before or after it."""
    caplog.set_level(logging.DEBUG)
    browser = site.browser("u2")
    form = browser.navigate("/2fa/enroll").form(action="/enroll", button=None)
    assert not SECRET.search(browser.navigate("/2fa/enroll").text)
    shown = browser.submit(form)
    match = re.search(r"otpauth://[^\"&<]+secret=([A-Z2-7]{32})", shown.text)
    assert match is not None
    secret = match[1]
    assert secret not in repr(shown.headers)
    assert "etag" not in shown.headers
    assert shown.headers["cache-control"] == "no-store"
    seen: list[Answer] = [
        browser.navigate("/2fa/enroll"),
        browser.navigate("/2fa/"),
        site.api(browser, "status"),
    ]
    phone = PhoneApp(secret, site.clock)
    seen.append(site.api(browser, "enrollment", {"code": phone.wrong()}))
    seen.append(site.api(browser, "enrollment", {"code": phone.code()}))
    seen += [browser.navigate("/2fa/enroll"), browser.navigate("/2fa/"), site.api(browser, "status")]
    for answer in seen:
        assert secret not in answer.text
        assert secret not in "".join(answer.text.split()).replace("-", "")
        assert secret not in repr(answer.headers)
    assert secret not in site.cookie_header(browser)
    assert secret not in caplog.text
    stored = site.store.load("main/user/u2")
    assert stored is not None
    assert secret.encode() not in stored.document


def test_get_and_head_make_no_secret(site: Site) -> None:
    """Case 70: looking at the page that sets up, with any query, begins nothing and makes no secret."""
    browser = site.browser("u2")
    for method in ("GET", "HEAD", "OPTIONS", "PUT"):
        for query in ("", "?begin=1", "?code=123456", "?action=begin"):
            answer = browser.send(method, f"/2fa/enroll{query}")
            assert not SECRET.search(answer.text)
    assert site.store.load("main/user/u2") is None


@pytest.mark.parametrize("after", list(AfterCutoff))
def test_the_moment_of_the_cutoff(make_site: SiteMaker, after: AfterCutoff) -> None:
    """Case 73: a second before the date the application answers; at it, to the second, it does not any more."""
    policies: dict[str, Policy] = {}
    site = make_site(policies=policies)
    date = datetime.fromtimestamp(site.clock.now + 3600, UTC)
    policies["default"] = Policy(Enforcement.REQUIRED, cutoff=date, after_cutoff=after)
    browser = site.browser("u2")
    site.clock.now = date.timestamp() - 1
    assert passes(site, browser)
    site.clock.now = date.timestamp() - 0.001
    assert passes(site, browser)
    site.clock.now = date.timestamp()
    answer = browser.navigate("/app/x")
    assert (answer.status, "/2fa/enroll" in answer.headers.get("location", "")) == (
        (303, True) if after is AfterCutoff.ENROLL else (403, False)
    )


def test_a_date_without_time_zone(make_site: SiteMaker) -> None:
    """Case 73: a naive date, whose moment nobody knows, is refused when it is written down."""
    naive = datetime(2027, 1, 4)  # noqa: DTZ001 - what this test is about
    with pytest.raises(ConfigurationError, match="time zone"):
        Policy(Enforcement.REQUIRED, cutoff=naive)
    for setting in ("void_before", "report_only_until"):
        with pytest.raises(ConfigurationError, match="time zone"):
            make_site(**{setting: naive})


def test_setting_up_late_by_another_door(make_site: SiteMaker) -> None:
    """Case 73: who missed the date of a location that keeps out does not get in by setting up elsewhere."""
    policies: dict[str, Policy] = {"default": Policy(Enforcement.OPTIONAL)}
    site = make_site(policies=policies)
    date = datetime.fromtimestamp(site.clock.now - 60, UTC)
    policies["billing"] = Policy(Enforcement.REQUIRED, cutoff=date, after_cutoff=AfterCutoff.DENY)
    browser = site.browser("u2")
    assert browser.navigate("/billing/x").status == 403
    phone = setup(site, browser)
    assert site.api(browser, "enrollment", {"code": phone.code()}).status == 200
    assert browser.navigate("/app/x").status == 200
    assert browser.navigate("/billing/x").status == 403
    site.gate.reset("u2", by="support", reason="asked for time", extension=timedelta(hours=1))
    answer = browser.navigate("/billing/x")
    assert (answer.status, "/2fa/enroll" in answer.headers.get("location", "")) == (303, True), (
        "time to set up"
    )
    phone = setup(site, browser)
    assert site.api(browser, "enrollment", {"code": phone.code()}).status == 200
    site.clock.move(7200)
    site.verify(browser, "u2", phone.code())
    assert browser.navigate("/billing/x").status == 200


LABELS = [
    '"><script>alert(1)</script>',
    "a:b@c",
    "x\r\nSet-Cookie: y=1",
    "%0d%0a",
    "\u202eevil",
    "{{7*7}}",
    "<b>&amp;",
]


@pytest.mark.parametrize("label", LABELS)
def test_labels(make_site: SiteMaker, label: str) -> None:
    """Case 74: whatever a user is called, pages, QR code and headers say it and obey none of it."""
    site = make_site()
    site.host.user_of = (  # type: ignore[method-assign]  # a host whose labels are hostile
        lambda session: None if not session or "user" not in session else User("u9", label, session["login"])
    )
    browser = site.browser("u9")
    page = browser.navigate("/2fa/enroll")
    shown = browser.submit(page.form(action="/enroll"))
    for answer in (page, shown, browser.navigate("/2fa/")):
        assert answer.status == 200
        assert "<script>alert" not in answer.text
        assert "<b>&amp;" not in answer.text or label != "<b>&amp;"
        assert "49" not in answer.words or label != "{{7*7}}"
        assert all("\r" not in value and "\n" not in value for value in answer.headers.values())
        assert "y" not in browser.cookies.names()
    uri = site.api(browser, "enrollment", {}).json()["otpauth_uri"]
    parts = urlsplit(uri)
    assert set(parse_qs(parts.query)) == {"secret", "issuer"}
    assert unquote(parts.path).count(":") == 1
    assert re.fullmatch(r"[\x21-\x7e]+", uri)


def test_setting_up_voids_what_passed_before(make_site: SiteMaker) -> None:
    """Case 75: the sessions that passed while nobody had set up are asked for a code from the moment of setup."""
    site = make_site(policies={"default": Policy(Enforcement.OPTIONAL)})
    thief, owner = site.browser("u2"), site.browser("u2")
    assert passes(site, thief)
    phone = setup(site, owner)
    assert passes(site, thief)
    assert site.api(owner, "enrollment", {"code": phone.code()}).status == 200
    assert passes(site, owner)
    assert not passes(site, thief)
