"""Cases 94 to 96 and 97a: documents that can't be read, secrets that don't open, templates and observers that fail.

The class: what can't be read is never taken for not being there, and what only shows or observes changes nothing
of what is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twofa_gate import Enforcement, Policy, User, hookimpl

from .conftest import SiteMaker
from .failing import KEY, kept, unavailable
from .site import Site
from .typing_codes import code_form, passes


def _alter(document: bytes) -> bytes:
    at = document.index(b'"secret":"v1.') + 40
    other = b"A" if document[at : at + 1] != b"A" else b"B"
    return document[:at] + other + document[at + 1 :]


DOCUMENTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda document: b"",
    "null": lambda document: b"null",
    "a list": lambda document: b"[]",
    "an empty object": lambda document: b"{}",
    "cut off": lambda document: document[:-20],
    "another user's": lambda document: document.replace(b'"u1"', b'"u2"'),
    "a later format": lambda document: document.replace(b'"format":1', b'"format":3'),
    "an unknown key": lambda document: document.replace(b"v1.", b"v1.00"),
    "another seal": lambda document: document.replace(b'"v1.', b'"v2.'),
    "an altered secret": _alter,
    "wrong types": lambda document: document.replace(b'"authenticators":[', b'"authenticators":[1,'),
    "an unknown algorithm": lambda document: document.replace(b"SHA1", b"MD55"),
    "period 0": lambda document: document.replace(b'"period":30', b'"period":0'),
}


@pytest.mark.parametrize("how", DOCUMENTS)
def test_documents_that_cannot_be_read(site: Site, how: str) -> None:
    """Case 95: an account that can't be read or opened is 503 for whoever must be asked, never "not enrolled"."""
    stored = kept(site)
    document = DOCUMENTS[how](stored.document)
    assert document != stored.document
    browser = site.browser("u1")
    token = code_form(browser).value("csrf") or ""
    site.calls.clear()
    assert site.store.save(KEY, document, "altered", stored.version)
    readable = how in ("an unknown algorithm", "period 0")
    answer = browser.send("GET", "/app/x")
    assert answer.status == (303 if readable else 503)
    assert "enroll" not in answer.headers.get("location", "")
    body = f"csrf={token}&code={site.phones['u1'].display()}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
    assert browser.send("POST", "/2fa/challenge", content=body, headers=headers).status == 503
    assert not site.calls
    assert kept(site).document == document


def test_a_secret_moved_to_another_account(site: Site) -> None:
    """Case 95: who can write the store can't give their own authenticator to somebody else: the seal names the user."""
    site.enroll("u2")
    theirs, own = kept(site, "main/user/u2"), kept(site)
    moved = theirs.document.replace(b'"u2"', b'"u1"')
    browser = site.browser("u1")
    site.calls.clear()
    assert site.store.save(KEY, moved, "moved", own.version)
    unavailable(site, browser.send("GET", "/app/x"))


TEMPLATES = {
    "divides by zero": "{{ 1 / 0 }}",
    "names what is not there": "{{ nobody.knows.this }}",
    "includes what is not there": "{% include 'nothing.html' %}",
    "has a broken tag": "{% if %}",
    "includes itself": "{% include 'challenge.html' %}",
    "calls what it must not": "{{ [].append.__globals__['x'] }}",
}


@pytest.mark.parametrize("how", TEMPLATES)
def test_templates_that_fail(make_site: SiteMaker, tmp_path: Path, how: str) -> None:
    """Case 96: a host's template that fails is replaced by a built-in answer; the gate holds; nothing is told."""
    for name in ("challenge.html", "enroll.html", "account.html", "message.html", "base.html"):
        (tmp_path / name).write_text(TEMPLATES[how].replace("challenge.html", name))
    site = make_site(templates=str(tmp_path))
    site.enroll("u1")
    browser = site.browser("u1")
    site.calls.clear()
    for path in ("/2fa/challenge", "/2fa/recovery-codes", "/2fa/unlock"):
        answer = browser.navigate(path)
        assert answer.status in (303, 503)
        for word in ("Traceback", "jinja", "Error", "html", str(tmp_path)):
            assert word not in answer.text
    assert browser.navigate("/app/x").status == 303
    assert not site.calls
    site.verify(browser, "u1")
    assert browser.navigate("/2fa/").status == 503
    assert passes(site, browser)


def test_a_template_that_is_not_text(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 96: a template file that is no UTF-8 is a template that fails."""
    (tmp_path / "challenge.html").write_bytes(b"\xff\xfe\x00")
    site = make_site(templates=str(tmp_path))
    site.enroll("u1")
    assert site.browser("u1").navigate("/2fa/challenge").status == 503


class Deaf:
    """An observer that always fails."""

    @hookimpl
    def on_event(self, event: Any) -> None:
        """Fail."""
        raise RuntimeError("broken")


def test_observers_that_fail(make_site: SiteMaker, caplog: pytest.LogCaptureFixture) -> None:
    """Case 94: an observer that fails changes no outcome: what passes passes, what is refused is refused."""
    caplog.set_level(logging.DEBUG)
    site = make_site(plugins=[Deaf()])
    site.enroll("u1")
    browser = site.browser("u1")
    assert not passes(site, browser)
    assert site.api(browser, "challenge", {"code": site.phones["u1"].wrong()}).status == 403
    site.verify(browser, "u1")
    assert passes(site, browser)
    assert "observer_failed" in caplog.text


def test_a_policy_for_nothing(make_site: SiteMaker) -> None:
    """Case 97a: where no plugin has a policy and there is no default, known users get 503 and others pass."""

    class Nobody:
        """Has no opinion."""

        @hookimpl
        def policy(self, location: str, user: User) -> Policy | None:
            """Have none."""

    site = make_site(plugins=[Nobody()])
    site.enroll("u1")
    site.policies["default"] = None  # type: ignore[assignment]  # the host has no opinion any more
    browser = site.browser("u1")
    site.calls.clear()
    unavailable(site, browser.send("GET", "/app/x"))
    site.policies["default"] = Policy(Enforcement.OPTIONAL)
    assert browser.send("GET", "/app/x").status == 303
