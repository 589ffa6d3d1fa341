"""What went wrong in other products, by class: those classes that no other test here holds.

The README has the whole list, class by class, with the tests that hold them. The advisories named are public; each
is one example of its class.
"""

from __future__ import annotations

from pathlib import Path

import pyotp
import pytest

from twofa_gate.hosts.remote_user import RemoteUser
from twofa_gate.stores.sqlite import SQLiteStore

from .conftest import SiteMaker
from .site import Site, passes


def test_the_code_of_another_users_phone(site: Site) -> None:
    """Class: a second factor that is not tied to the user: an attacker answers the challenge with their own code.

    u2's TOTP code and recovery code in u1's session are wrong codes, and stay good for u2.
    """
    site.enroll("u2")
    code = site.phones["u2"].code()
    victim = site.browser("u1")
    for typed in (code, site.recovery_codes["u2"][0]):
        assert site.api(victim, "challenge", {"code": typed}).status == 403
        assert not passes(site, victim)
    assert passes(site, site.verify(site.browser("u2"), "u2", code))


def test_a_verification_is_not_taken_along_to_another_login(site: Site) -> None:
    """Class: the verified flag lives in a session that is kept when another user logs in to it.

    An attacker verifies as themselves, then logs in with the victim's password in the same browser.
    """
    browser = site.verified("u2")
    assert passes(site, browser)
    site.login(browser, "u1")
    assert not passes(site, browser)


def test_the_secret_of_a_setup_that_waits(make_site: SiteMaker) -> None:
    """Class: a secret that was shown and never confirmed, or a default one, that answers the challenge.

    Neither the pending secret's code nor one of a secret of zeros passes, for who has set up and for who has not.
    """
    site = make_site()
    site.enroll("u1")
    new = site.verified("u1")
    pending = site.api(new, "enrollment", {}).json()["secret"]
    other = site.browser("u1")
    for secret in (pending, "A" * 32):
        typed = pyotp.TOTP(secret).at(int(site.clock.time()))
        assert site.api(other, "challenge", {"code": typed}).status in (403, 429)
        assert not passes(site, other)
    nobody = site.browser("u3")
    begun = site.api(nobody, "enrollment", {}).json()["secret"]
    typed = pyotp.TOTP(begun).at(int(site.clock.time()))
    assert site.api(nobody, "challenge", {"code": typed}).status == 409


def test_every_node_counts(make_site: SiteMaker, tmp_path: Path) -> None:
    """Class: counters in a process, so that a farm of servers gives an attacker as many budgets as it has nodes.

    What one process counted holds in another at once, and after a restart.
    """
    first = make_site(store=SQLiteStore(tmp_path / "a.db"), initialize=True)
    first.enroll("u1")
    nodes = [first, *(make_site(store=SQLiteStore(tmp_path / "a.db"), target=first.target) for _ in range(3))]
    browsers = [node.browser("u1") for node in nodes]
    wrong = first.phones["u1"].wrong()
    statuses = [
        node.api(browser, "challenge", {"code": wrong}).status
        for _ in range(3)
        for node, browser in zip(nodes, browsers, strict=True)
    ]
    assert statuses[:3] == [403] * 3
    assert set(statuses[3:]) == {429}
    right = first.phones["u1"].display()
    assert {n.api(b, "challenge", {"code": right}).status for n, b in zip(nodes, browsers, strict=True)} == {
        429
    }


@pytest.mark.parametrize("spelt", ["X-Remote-User", "X_Remote_User", "x_remote-user", "X-REMOTE_USER"])
def test_a_header_that_names_the_user_in_another_spelling(make_site: SiteMaker, spelt: str) -> None:
    """Class: a proxy's identity header that a client sends in a spelling which the backend folds into the same.

    CVE-2025-64484 (OAuth2 Proxy): underscores for hyphens. From anywhere but the proxy: 400, spy 0.
    """
    site = make_site(plugins=[RemoteUser(header="X-Remote-User", proxies=["192.0.2.1"])])
    sent = site.raw("GET", "/app/x", [(spelt, "u1")])
    assert sent.status == 400
    assert not site.calls


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-URI", "X-Envoy-Original-Path"]
)
def test_a_path_that_the_client_claims(site: Site, header: str) -> None:
    """Class: exempt paths that are matched against a header. CVE-2026-40575 (OAuth2 Proxy): X-Forwarded-Uri."""
    browser = site.browser("u1")
    site.calls.clear()
    assert site.raw("GET", "/app/x", [(header, "/static/x")], browser=browser).status == 303
    assert not site.calls
