"""Cases 71, 72, 76, 77: forms from elsewhere, disabling, framed pages, and other people's ids.

The class: what would weaken or replace a second factor takes the second factor, in this browser, of this user,
now, and by a form of our own; and nothing of it can be done for, or to, somebody else.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.http import PlainBrowser
from twofa_gate import Enforcement, Policy, User, hookimpl

from .conftest import SiteMaker
from .site import Site
from .typing_codes import FORM, passes

OPTIONAL = {"default": Policy(Enforcement.OPTIONAL)}
API = ("enrollment", "recovery-codes", "disable", "browsers", "authenticators/x")


FORMS = {
    "/2fa/challenge": "challenge",
    "/2fa/enroll": "enroll",
    "/2fa/recovery-codes": "recovery_codes",
    "/2fa/disable": "disable",
    "/2fa/browsers": "browsers",
    "/2fa/authenticators/x": "authenticators",
    "/2fa/unlock": "unlock",
    "/2fa/sign-out": "sign_out",
}


def csrf(site: Site, browser: PlainBrowser, page: str) -> str:
    """Find the CSRF token for a page's form: on the page itself, or on the account page."""
    shown = browser.navigate(page)
    if shown.status != 200 or not shown.forms:
        shown = browser.navigate("/2fa/")
    folder = page if page != "/2fa/authenticators/x" else "/2fa/authenticators/"
    values = [form.value("csrf") for form in shown.forms if urlsplit(form.url).path.startswith(folder)]
    return next((value for value in values if value), "")


@pytest.mark.parametrize("page", FORMS)
def test_forms_that_are_not_ours(make_site: SiteMaker, page: str) -> None:
    """Case 71: every form refuses a missing, foreign or another form's token, other types and other origins."""
    site = make_site(policies=OPTIONAL, session_cookies=["sid"])
    site.enroll("u1")
    browser, neighbor, other_user = site.verified("u1"), site.verified("u1"), site.verified("u2")
    before = site.store.load("main/user/u1")
    elsewhere = "/2fa/unlock" if page == "/2fa/challenge" else "/2fa/challenge"
    good = [csrf(site, each, page) for each in (neighbor, other_user)]
    assert all(good)
    foreign = [*good, csrf(site, browser, elsewhere), "", "x", "null", csrf(site, neighbor, elsewhere)]
    fields = {"action": "sign-out-others", "code": site.phones["u1"].display(), "name": "x"}
    for token in foreign:
        body = urlencode({**fields, "csrf": token}).encode()
        answer = browser.send("POST", page, content=body, headers=FORM)
        assert answer.status == 403, (token, answer.status)
    token = csrf(site, browser, page) or csrf(site, browser, elsewhere)
    body = urlencode({**fields, "csrf": token}).encode()
    origins: list[dict[str, str]] = [
        {"Origin": "https://evil.test"},
        {"Origin": "http://app.test"},
        {"Origin": "https://app.test.evil.test"},
        {"Origin": "https://app.test:444"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    form_type = {"Content-Type": FORM["Content-Type"]}
    for sent in origins:
        answer = browser.send("POST", page, content=body, headers={**form_type, **sent})
        assert answer.status == 403, sent
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", "TEXT/PLAIN"):
        answer = browser.send("POST", page, content=body, headers={**FORM, "Content-Type": kind})
        assert answer.status == 415
    assert site.store.load("main/user/u1") == before


def test_tokens_of_another_browser(make_site: SiteMaker) -> None:
    """Case 71: where the host names no logins, too, a token of this user's other browser is good for nothing."""
    site = make_site(policies=OPTIONAL)
    site.host.names_logins = False
    site.enroll("u1")
    browser, neighbor = site.verified("u1"), site.verified("u1")
    for page in ("/2fa/challenge", "/2fa/disable", "/2fa/browsers"):
        theirs = csrf(site, neighbor, page)
        assert theirs
        body = urlencode({"csrf": theirs, "action": "sign-out-others", "code": "000000"}).encode()
        assert browser.send("POST", page, content=body, headers=FORM).status == 403
    stranger = site.api(neighbor, "status").json()["csrf"]
    answer = browser.fetch("POST", "/2fa/api/v1/enrollment", json={}, headers={"X-CSRF-Token": stranger})
    assert (answer.status, answer.json()["type"]) == (403, "urn:twofa-gate:csrf")
    assert site.gate.status("u1").failures == 0
    assert passes(site, neighbor)


@pytest.mark.parametrize("endpoint", ["challenge", *API])
def test_api_calls_that_are_not_ours(make_site: SiteMaker, endpoint: str) -> None:
    """Case 71: every endpoint refuses a missing or foreign token, a form's token, other types and origins."""
    site = make_site(policies=OPTIONAL)
    site.enroll("u1")
    browser, neighbor = site.verified("u1"), site.verified("u1")
    before = site.store.load("main/user/u1")
    url = f"/2fa/api/v1/{endpoint}"
    token = site.api(browser, "status").json()["csrf"]
    stranger = site.api(neighbor, "status").json()["csrf"]
    form = csrf(site, browser, "/2fa/challenge")
    for foreign in (None, "", "x", stranger, form):
        headers = {} if foreign is None else {"X-CSRF-Token": foreign}
        assert browser.fetch("POST", url, json={}, headers=headers).status == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json-patch+json", ""):
        sent = {"X-CSRF-Token": token, "Content-Type": kind}
        assert browser.fetch("POST", url, content=b"{}", headers=sent).status == 415
    crossed = {"X-CSRF-Token": token, "Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    assert browser.fetch("POST", url, json={}, headers=crossed).status == 403
    assert site.store.load("main/user/u1") == before


def test_disabling_takes_a_code(make_site: SiteMaker) -> None:
    """Case 72: even just verified, disabling takes a further code; wrong, used and absent ones don't do."""
    site = make_site(policies=OPTIONAL)
    site.enroll("u1")
    browser = site.browser("u1")
    used = site.phones["u1"].code()
    site.verify(browser, "u1", used)
    for payload, status in (({}, 400), ({"code": ""}, 400), ({"code": used}, 403), ({"code": "000000"}, 403)):
        assert site.api(browser, "disable", payload).status == status
        assert site.gate.status("u1").enrolled
    assert site.api(browser, "disable", {"code": site.phones["u1"].code()}).status == 200
    assert not site.gate.status("u1").enrolled


class Locations:
    """Names all the locations that a user belongs to."""

    @hookimpl
    def user_locations(self, user: User) -> list[str]:
        """Give both."""
        return ["default", "billing"]


def test_disabling_where_it_is_required(make_site: SiteMaker) -> None:
    """Case 72: refused while any of the user's locations requires 2FA, whichever page leads there; no code spent."""
    policies = {"default": Policy(Enforcement.OPTIONAL), "billing": Policy(Enforcement.REQUIRED)}
    site = make_site(policies=policies, plugins=[Locations()])
    site.enroll("u1")
    browser = site.verified("u1")
    code = site.phones["u1"].code()
    answer = site.api(browser, "disable", {"code": code})
    assert (answer.status, answer.json()["required_by"]) == (403, ["billing"])
    token = csrf(site, browser, "/2fa/disable")
    body = urlencode({"csrf": token, "code": code}).encode()
    assert browser.send("POST", "/2fa/disable", content=body, headers=FORM).status == 403
    assert site.gate.status("u1").enrolled
    site.verify(browser, "u1", code)
    policies["billing"] = Policy(
        Enforcement.REQUIRED, cutoff=datetime.fromtimestamp(site.clock.now + 60, UTC)
    )
    assert site.api(browser, "disable", {"code": site.phones["u1"].code()}).status == 200


PATHS = (
    *("/2fa/", "/2fa/challenge", "/2fa/enroll", "/2fa/disable", "/2fa/recovery-codes", "/2fa/unlock"),
    *("/2fa/api/v1/status", "/2fa/health", "/2fa/none", "/2fa/static/style.css", "/app/x"),
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", [None, "unverified", "verified"])
def test_headers_of_every_answer(site: Site, path: str, who: str | None) -> None:
    """Case 76: whatever the gate answers, to anybody: framed by nobody, not sniffed, not stored, a strict CSP."""
    browser = (
        site.browser() if who is None else site.browser("u1") if who == "unverified" else site.verified("u1")
    )
    for method in ("GET", "POST", "TRACE"):
        if path == "/app/x" and who != "unverified":
            continue
        headers = browser.send(method, path).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "data:" not in policy


def test_ids_of_somebody_else(site: Site) -> None:
    """Case 77: with another user's ids nothing can be renamed, removed or signed out, and nothing is told."""
    site.enroll("u2")
    victim, attacker = site.verified("u1"), site.verified("u2")
    theirs = site.api(victim, "status").json()
    before = site.store.load("main/user/u1")
    device, browser_id = theirs["authenticators"][0]["id"], theirs["browsers"][0]["id"]
    for payload in ({"action": "remove"}, {"action": "rename", "name": "mine"}):
        assert site.api(attacker, f"authenticators/{device}", payload).status == 404
    for payload in ({"action": "sign-out", "id": browser_id}, {"action": "forget-trusted", "id": browser_id}):
        assert site.api(attacker, "browsers", payload).status == 404
    for extra in ({"user": "u1"}, {"user_id": "u1"}, {"_id": device}, {"login": "u1"}):
        site.api(attacker, "browsers", {"action": "sign-out-others", **extra})
        site.api(attacker, "enrollment", extra)
    assert attacker.navigate(f"/2fa/authenticators/{device}").status == 405
    assert site.store.load("main/user/u1") == before
    assert passes(site, victim)


def test_odd_ids(site: Site) -> None:
    """Case 77: ids that are no ids change nothing, and are never an error of the server."""
    browser = site.verified("u1")
    before = site.store.load("main/user/u1")
    for odd in ("x", "..", "%2e%2e", "a/b", "%00", "x" * 5000, "'--", "%ff"):
        assert site.api(browser, f"authenticators/{odd}", {"action": "remove"}).status < 500
    ids: list[object] = ["", "x", "\0", "x" * 70, 5, None, ["x"], {}]
    for each in ids:
        assert site.api(browser, "browsers", {"action": "sign-out", "id": each}).status in (400, 404)
    assert site.store.load("main/user/u1") == before
    assert passes(site, browser)
