"""The same end-to-end flow for every framework and server."""

from __future__ import annotations

from typing import Any

import pyotp

from tests.support.http import PlainBrowser

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def log_in(browser: PlainBrowser, prefix: str = "") -> None:
    """Log in by the application's own form."""
    answer = browser.send("POST", f"{prefix}/login", content=b"user=ada", headers=FORM)
    assert answer.status in (204, 302, 303), (answer.status, answer.text)


def api(browser: PlainBrowser, endpoint: str, payload: dict[str, Any], prefix: str = "") -> Any:
    """Call the JSON API."""
    base = f"{prefix}/2fa/api/v1"
    token = browser.fetch("GET", f"{base}/status").json()["csrf"]
    return browser.fetch("POST", f"{base}/{endpoint}", json=payload, headers={"X-CSRF-Token": token})


def set_up(browser: PlainBrowser, prefix: str = "") -> list[str]:
    """Set up and pass; return the recovery codes."""
    secret = api(browser, "enrollment", {}, prefix).json()["secret"]
    done = api(browser, "enrollment", {"code": pyotp.TOTP(secret).now()}, prefix)
    assert done.status == 200, done.text
    codes: list[str] = done.json()["recovery_codes"]
    return codes


def whole_flow(browser: PlainBrowser, prefix: str = "") -> None:
    """Anonymous, log in, refused, set up, pass, log out, log in, challenged, pass by a recovery code."""
    home = f"{prefix}/"
    assert browser.navigate(home).text == "private nobody"
    log_in(browser, prefix)
    refused = browser.navigate(home)
    assert refused.status == 303
    assert f"{prefix}/2fa/enroll?next=" in refused.location
    assert "Set up two-factor authentication" in browser.follow(refused).text
    codes = set_up(browser, prefix)
    assert browser.navigate(home).text == "private ada"
    browser.send("POST", f"{prefix}/logout", headers=FORM)
    assert browser.navigate(home).text == "private nobody"
    log_in(browser, prefix)
    assert f"{prefix}/2fa/challenge?next=" in browser.navigate(home).location
    assert api(browser, "challenge", {"code": codes[0]}, prefix).status == 200
    assert browser.navigate(home).text == "private ada"
