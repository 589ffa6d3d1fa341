"""The main job through the JSON API, as a front end of the application's own would do it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Way
from tests.e2e.sites import EMAIL, log_in, log_out
from tests.support.http import Answer, PlainBrowser

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]

API = "/2fa/api/v1"


class FrontEnd:
    """The script on a page: it asks for the status, and posts JSON with the token that the status told."""

    def __init__(self, browser: PlainBrowser) -> None:
        self.browser = browser

    def status(self) -> Any:
        """Ask where this browser stands."""
        answer = self.browser.fetch("GET", f"{API}/status")
        assert answer.status == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    def post(self, endpoint: str, **members: Any) -> Answer:
        """Post to an endpoint."""
        headers = {"X-CSRF-Token": self.status()["csrf"]}
        return self.browser.fetch("POST", f"{API}/{endpoint}", json=members, headers=headers)

    def done(self, endpoint: str, **members: Any) -> Any:
        """Post what has to succeed."""
        answer = self.post(endpoint, **members)
        assert answer.status == 200, answer.text
        return answer.json()


def problem(answer: Answer, status: int) -> Any:
    """Read a refusal, RFC 9457."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def test_from_a_login_to_a_verified_session_and_back(way: Way) -> None:
    """Refused in JSON, set up, a code, a backup device, a recovery code, disable: all by the API."""
    browser = way.browser
    front = FrontEnd(browser)
    log_in(browser)

    refusal = problem(browser.fetch("GET", way.office.data), 403)
    assert (refusal["decision"], refusal["location"]) == ("enroll", "billing")
    assert refusal["url"].startswith("/2fa/enroll?")
    standing = front.status()
    assert (standing["user"], standing["enrolled"], standing["verified"]) == (EMAIL, False, False)

    begun = front.done("enrollment")
    assert "<svg" in begun["qr_svg"]
    phone = way.phone()
    assert phone.scan(begun["otpauth_uri"]).secret == begun["secret"]
    assert problem(front.post("enrollment", code=phone.wrong_code()), 403)["title"]
    enabled = front.done("enrollment", code=phone.fresh_code(), name="Phone")
    assert len(set(enabled["recovery_codes"])) == 10
    assert set(browser.fetch("GET", way.office.data).json()) == {"open", "cents"}

    log_out(browser)
    log_in(browser)
    refusal = problem(browser.fetch("GET", way.office.data), 403)
    assert (refusal["decision"], refusal["url"][:16]) == ("challenge", "/2fa/challenge?n")
    standing = front.status()
    assert (standing["enrolled"], standing["verified"]) == (True, False)
    assert "authenticators" not in standing
    assert problem(front.post("enrollment"), 403)["decision"] == "challenge"
    code = phone.fresh_code()
    assert front.done("challenge", code=code)["method"] == "totp"
    assert problem(front.post("challenge", code=code), 403)
    assert browser.fetch("GET", way.office.data).status == 200

    tablet = way.phone()
    tablet.scan(front.done("enrollment")["otpauth_uri"])
    front.done("enrollment", code=tablet.fresh_code(), name="Tablet")
    assert [each["name"] for each in front.status()["authenticators"]] == ["Phone", "Tablet"]
    log_out(browser)
    log_in(browser)
    assert front.done("challenge", code=tablet.fresh_code())["verified"] is True

    other = FrontEnd(browser.another())
    log_in(other.browser)
    used = other.done("challenge", code=enabled["recovery_codes"][0])
    assert used["method"] == "recovery_code"
    assert other.browser.fetch("GET", way.office.data).status == 200
    assert other.status()["recovery_left"] == 9
    assert problem(front.post("enrollment"), 403)["decision"] == "challenge"

    assert other.done("disable", code=tablet.fresh_code()) == {"enrolled": False}
    assert other.browser.fetch("GET", way.office.open_data).status == 200
    assert problem(other.browser.fetch("GET", way.office.data), 403)["decision"] == "enroll"


def test_a_script_without_the_token_or_from_elsewhere_changes_nothing(way: Way) -> None:
    """No token, another browser's, a form's content type, another site's origin: refused, nobody set up."""
    browser = way.browser
    front = FrontEnd(browser)
    log_in(browser)
    token = front.status()["csrf"]
    other = FrontEnd(browser.another())
    log_in(other.browser)
    foreign = other.status()["csrf"]
    for headers, status in (
        ({}, 403),
        ({"X-CSRF-Token": foreign}, 403),
        ({"X-CSRF-Token": token, "Content-Type": "text/plain"}, 415),
        ({"X-CSRF-Token": token, "Origin": "https://elsewhere.test"}, 403),
    ):
        answer = browser.fetch("POST", f"{API}/enrollment", content=b"{}", headers=_json(headers))
        problem(answer, status)
        assert "secret" not in answer.json()
    assert browser.fetch("POST", f"{API}/enrollment", json={}, headers={"X-CSRF-Token": token}).status == 200


def _json(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Type": "application/json", **headers}


def test_nobody_is_told_in_json(way: Way) -> None:
    """A browser that is not logged in gets a 401 problem, and no name."""
    answer = problem(way.browser.fetch("GET", f"{API}/status"), 401)
    assert EMAIL not in str(answer)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/status", 401, "anonymous"),
        ("POST", "/status", 405, "method-not-allowed"),
        ("GET", "/challenge", 405, "method-not-allowed"),
        ("POST", "/nothing", 404, "not-found"),
        ("POST", "/browsers/1", 404, "not-found"),
        ("POST", "/challenge", 415, "media-type"),
    ],
)
def test_refusals_are_problems_for_whoever_asks(
    way: Way, method: str, path: str, status: int, kind: str
) -> None:
    """A client that says nothing of what it reads, or a browser's address bar, gets the problem all the same."""
    for accept in ("*/*", "text/html"):
        answer = way.browser.send(
            method, API + path, headers={"Accept": accept, "Sec-Fetch-Mode": "navigate"}
        )
        assert problem(answer, status)["type"] == f"urn:twofa-gate:{kind}"


def test_mistakes_are_problems(way: Way) -> None:
    """Members that mean nothing, values of the wrong type, and text that is none are 400 with a detail."""
    front = FrontEnd(way.browser)
    log_in(way.browser)
    for endpoint, members in (
        ("challenge", {"code": "123456", "remember": True}),
        ("challenge", {"code": "123456", "trust": "yes"}),
        ("challenge", {"code": 123456}),
        ("challenge", {"code": "123456", "next": ["/"]}),
        ("disable", {}),
        ("enrollment", {"code[]": "123456"}),
        ("enrollment", {"name": "Phone"}),
        ("enrollment", {"code": "123456", "name": "\ud800"}),
        ("authenticators/1", {"action": "remove", "name": "Phone"}),
        ("authenticators/1", {"action": "rename", "name": "Phone", "code": ""}),
        ("browsers", {"action": "forget-trusted", "id": ""}),
        ("browsers", {"action": "sign-out-others", "id": "1"}),
    ):
        told = problem(front.post(endpoint, **members), 400)
        assert (told["type"], bool(told["detail"])) == ("urn:twofa-gate:bad-request", True), (
            endpoint,
            members,
        )


def test_a_token_goes_stale_with_the_login_and_not_with_a_verification(way: Way) -> None:
    """A token outlives a verification in another tab; after another login, another user, and 12 hours it is refused.

    The refusal is of a kind of its own, upon which a front end asks for the status anew: that tells who it is now.
    """
    browser = way.browser
    front = FrontEnd(browser)
    log_in(browser)
    phone = way.phone()
    phone.scan(front.done("enrollment")["otpauth_uri"])
    front.done("enrollment", code=phone.fresh_code())

    def post(token: str) -> Answer:
        members = {"action": "sign-out-others"}
        return browser.fetch("POST", f"{API}/browsers", json=members, headers={"X-CSRF-Token": token})

    def log_in_anew(*who: str) -> None:
        browser.cookies.forget("session")
        log_in(browser, *who)

    def stale(token: str) -> None:
        assert problem(post(token), 403)["type"] == "urn:twofa-gate:csrf"

    log_out(browser)
    log_in(browser)
    held = front.status()["csrf"]
    page = browser.navigate("/2fa/challenge")  # the other tab
    assert browser.submit(page.form(button="Verify"), code=phone.fresh_code()).redirects
    assert post(held).status == 200

    log_in_anew()
    stale(held)
    held = front.status()["csrf"]
    log_in_anew("max@example.com", "open sesame")
    stale(held)
    assert front.status()["user"] == "max@example.com"
    log_in_anew()
    front.done("challenge", code=phone.fresh_code())
    held = front.status()["csrf"]
    way.clock.sleep(12 * 3600 - 60)
    assert post(held).status == 200
    way.clock.sleep(120)
    stale(held)
    front.done("challenge", code=phone.fresh_code())
    assert post(front.status()["csrf"]).status == 200
