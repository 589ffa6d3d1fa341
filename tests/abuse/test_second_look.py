"""Case 27: a login arrives as an anonymous request, and its answer may already be private.

The classes: every way of becoming somebody inside a request, times every form in which an answer can show
something private; then changes of who somebody is. Nothing private leaves in the answer, neither in its body
nor in a header, and the next request is refused too.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http import Answer, PlainBrowser
from twofa_gate import Enforcement, Policy

from .calling import is_refusal
from .conftest import SiteMaker
from .leaks import FORMS, WAYS, LiveHost, SwitchInSession, Way, WideHost, session_outside
from .site import BASE, Site
from .target import PRIVATE, Call, Reply, Target


def site_for(make_site: SiteMaker, way: Way, **settings: Any) -> Site:
    """Make a site whose host knows sessions in the way that this login needs; u1 and u2 are enrolled."""
    target = Target()
    policies = {"default": Policy(Enforcement.REQUIRED)}
    host = LiveHost(target, policies) if way.live else WideHost(target, policies)
    wrap = session_outside if way.live else None
    site = make_site(target=target, host=host, wrap=wrap, **settings)
    site.enroll("u1")
    site.enroll("u2")
    return site


def log_in_by(site: Site, way: Way, form: str, browser: PlainBrowser, user: str = "u1") -> Answer:
    """Send the request that logs in and is answered in that form."""

    def handler(call: Call) -> Reply:
        cookies = way.log_in(site, call, user)
        reply = FORMS[form]()
        reply.headers += cookies
        return reply

    site.target.routes["/x"] = handler
    headers = way.prepare(site, browser)
    site.calls.clear()
    answer = browser.send(
        way.method,
        f"{BASE}/x{way.query}",
        content=b"name=u1&password=right" if way.method == "POST" else None,
        headers=[("Accept", "text/html"), *headers],
    )
    assert len(site.calls) == 1, "the application was not reached, so this tests nothing"
    return answer


def shows(answer: Answer) -> bool:
    """Whether the body or a header shows anything private, or leads a browser elsewhere."""
    told = [answer.text, *answer.headers.values()]
    return (
        any(PRIVATE in each or "client.example" in each for each in told) or answer.content[:2] == b"\x1f\x8b"
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_login_inside_a_request_shows_nothing_in_its_answer(make_site: SiteMaker, way: str) -> None:
    """Case 27: however somebody becomes known inside, whatever the answer's form: nothing private goes out."""
    site = site_for(make_site, WAYS[way])
    leaks = []
    for form in FORMS:
        browser = site.browser()
        if shows(log_in_by(site, WAYS[way], form, browser)):
            leaks.append(form)
        site.calls.clear()
        if WAYS[way].in_browser:
            assert is_refusal(browser.navigate("/app/next")), form
            assert not site.calls, form
    assert not leaks


@pytest.mark.parametrize("way", [way for way in WAYS if WAYS[way].in_browser])
def test_the_login_itself_is_kept(make_site: SiteMaker, way: str) -> None:
    """Withholding an answer keeps its cookies: whoever logged in goes on to the challenge, and through it."""
    site = site_for(make_site, WAYS[way])
    browser = site.browser()
    answer = log_in_by(site, WAYS[way], "page", browser)
    assert answer.redirects
    assert "/2fa/challenge?next=" in answer.location
    challenge = browser.follow(answer)
    assert "Enter your code" in challenge.words
    browser.submit(challenge.form(button="Verify"), code=site.phones["u1"].code())
    assert PRIVATE in browser.navigate("/app/x").text


@pytest.mark.parametrize(
    "way", ["new cookie", "server-side", "magic link", "in process", "deleted, then set"]
)
def test_a_switch_to_another_user_shows_nothing_of_theirs(make_site: SiteMaker, way: str) -> None:
    """Case 27: u1 is verified; a request makes the browser u2's: the answer and the next request are withheld."""
    site = site_for(make_site, WAYS[way])
    before = site.gate.status("u1").verified_browsers
    for form in FORMS:
        browser = site.verified("u1")
        assert PRIVATE in browser.navigate("/app/x").text
        switch = SwitchInSession() if way == "server-side" else WAYS[way]
        assert not shows(log_in_by(site, switch, form, browser, "u2")), form
        site.calls.clear()
        assert is_refusal(browser.navigate("/app/next")), form
        assert not site.calls, form
        assert site.gate.status("u1").verified_browsers == before
