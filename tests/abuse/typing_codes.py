"""Typing codes into the challenge, as a browser or anybody else does, and what a refusal must be."""

from __future__ import annotations

from tests.support.html import Form
from tests.support.http import Answer, PlainBrowser

from .site import Site

__all__ = ["FORM", "code_form", "enter", "failures", "passes", "post", "refused"]

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}


def failures(site: Site, user: str = "u1") -> int:
    """Return how many failures count against a user."""
    return site.gate.status(user).failures


def code_form(browser: PlainBrowser) -> Form:
    """Open the challenge page and find a form for a code in it; locked, it has one for recovery codes alone."""
    page = browser.navigate("/2fa/challenge")
    return next(form for form in page.forms if form.fits(action="/challenge", button=None, field="code"))


def enter(site: Site, browser: PlainBrowser, code: str) -> Answer:
    """Type a code into the form of the challenge page."""
    return browser.submit(code_form(browser), code=code)


def post(site: Site, browser: PlainBrowser, body: bytes, kind: str | None = None, **headers: str) -> Answer:
    """Post any body at all to the challenge page; `CSRF` in it becomes this browser's token."""
    token = code_form(browser).value("csrf") or ""
    sent = {**FORM, **({"Content-Type": kind} if kind else {}), **headers}
    return browser.send("POST", "/2fa/challenge", content=body.replace(b"CSRF", token.encode()), headers=sent)


def passes(site: Site, browser: PlainBrowser) -> bool:
    """Whether the application answers this browser."""
    before = len(site.calls)
    status = browser.navigate("/app/x").status
    assert (status == 200) is (len(site.calls) > before)
    return status == 200


def refused(site: Site, browser: PlainBrowser, answer: Answer, status: int, *, counted: int) -> None:
    """Hold a refusal against what a refusal is: that status, that many failures, and nobody passes."""
    assert answer.status == status, answer.text
    assert failures(site) == counted
    assert not passes(site, browser)
