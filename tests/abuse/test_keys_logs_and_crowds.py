"""Cases 97 to 100: keys that are too weak or change, logs that tell too much, and a thousand users at once.

The classes: what is unsafe does not start; changing keys never makes anybody "not enrolled"; nothing that would let
somebody pass is ever written to a log; and what belongs to one request never reaches another, however many there are.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from twofa_gate import ConfigurationError, Enforcement, Policy
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore

from .conftest import SiteMaker
from .failing import kept
from .site import KEY, FakeClock, PhoneApp, Site
from .target import PRIVATE
from .typing_codes import enter, passes

NEW = "fedcba9876543210fedcba9876543210"
UNSAFE: dict[str, dict[str, Any]] = {
    "no keys": {"secret_keys": []},
    "an empty key": {"secret_keys": [""]},
    "a short key": {"secret_keys": ["k" * 31]},
    "a short key behind a good one": {"secret_keys": [KEY, "short"]},
    "a string of keys": {"secret_keys": KEY},
    "bytes": {"secret_keys": [KEY.encode()]},
    "none": {"secret_keys": None},
    "everything public": {"public": ["/"]},
    "everything public by dots": {"public": ["/static/../"]},
    "everything public by slashes": {"public": ["//"]},
    "a public path without slash": {"public": ["static/"]},
    "a string of paths": {"public": "/static/"},
    "everything a login": {"login_paths": ["/"]},
    "everything a logout": {"logout_paths": ["/"]},
    "the application as mount": {"mount": "/"},
    "no mount": {"mount": ""},
    "a mount that leaves": {"mount": "/../2fa"},
    "any origin": {"origins": ["*"]},
    "an origin with a path": {"origins": ["https://app.test/x"]},
    "no issuer": {"issuer": " "},
    "an odd realm": {"realm": "a/b"},
    "a naive date": {"void_before": datetime(2027, 1, 1)},  # noqa: DTZ001 - what this case is about
    "no time for hooks": {"hook_timeout": timedelta(0)},
}


@pytest.mark.parametrize("what", UNSAFE)
def test_what_does_not_start(make_site: SiteMaker, what: str) -> None:
    """Case 97: a gate that would be unsafe says so instead of starting."""
    with pytest.raises(ConfigurationError):
        make_site(**UNSAFE[what])


def test_a_store_that_was_not_initialized(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 97: an empty store, or one of another realm, is not taken into use without being told to."""
    path = tmp_path / "2fa.db"
    with pytest.raises(ConfigurationError, match="init"):
        make_site(store=SQLiteStore(path))
    make_site(store=SQLiteStore(path), initialize=True)
    make_site(store=SQLiteStore(path))
    with pytest.raises(ConfigurationError, match="init"):
        make_site(store=SQLiteStore(path), realm="other")


def test_a_policy_without_methods() -> None:
    """Case 97a: a policy that no method could satisfy, or that isn't one, can't be made."""
    for methods in (set(), {"totp"}, [None]):
        with pytest.raises(ConfigurationError):
            Policy(Enforcement.REQUIRED, methods=methods)  # type: ignore[arg-type]  # what this test is about
    with pytest.raises(ConfigurationError):
        Policy("required")  # type: ignore[arg-type]  # what this test is about


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


def test_an_interrupted_rotation(make_site: SiteMaker) -> None:
    """Case 98: while keys are rotated, interrupted and resumed, everybody can verify; then the old key can go."""
    users = [f"user{number:02}" for number in range(12)]
    store = MemoryStore()
    old = make_site(store=store)
    for user in users:
        old.enroll(user)
    both = make_site(store=store, secret_keys=[NEW, KEY])
    both.phones, both.recovery_codes = old.phones, old.recovery_codes
    saved: list[str] = []
    really = store.save

    def stopping(key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if len(saved) == 5:
            raise Interrupted
        saved.append(key)
        return really(key, document, version, expected)

    hooks = both.gate.settings.hooks
    object.__setattr__(hooks.save, "function", stopping)
    with pytest.raises(Interrupted):
        both.gate.rotate()
    object.__setattr__(hooks.save, "function", really)
    assert len(saved) == 5
    for user in users:
        both.verify(both.browser(user), user)
        both.verify(both.browser(user), user, both.recovery_codes[user].pop())
    both.gate.rotate()
    new = make_site(store=store, secret_keys=[NEW])
    new.phones, new.recovery_codes = both.phones, both.recovery_codes
    for user in users:
        new.verify(new.browser(user), user)
        new.verify(new.browser(user), user, new.recovery_codes[user].pop())
    without = make_site(store=store, secret_keys=[KEY])
    browser = without.browser()
    assert (
        browser.send(
            "GET", "/app/x", headers={"Cookie": f"sid={without.target.open_session('user01')}"}
        ).status
        == 503
    )


def test_a_full_run_in_the_logs(make_site: SiteMaker, caplog: pytest.LogCaptureFixture) -> None:
    """Case 99: at level DEBUG, everything that the gate is for leaves no code, secret, URI, token or cookie behind."""
    caplog.set_level(logging.DEBUG)
    site = make_site(policies={"default": Policy(Enforcement.OPTIONAL)})
    browser = site.browser("u1")
    begun = site.api(browser, "enrollment", {}).json()
    phone = site.phones["u1"] = PhoneApp(begun["secret"], site.clock)
    secrets = {begun["secret"], begun["otpauth_uri"], begun["secret"].lower()}
    typed: list[str] = []

    def code() -> str:
        typed.append(phone.code())
        return typed[-1]

    done = site.api(browser, "enrollment", {"code": code()})
    codes = done.json()["recovery_codes"]
    typed.append(phone.wrong())
    other = site.browser("u1")
    assert enter(site, other, typed[-1]).status == 403
    assert enter(site, other, phone.display(-5)).status == 403
    typed.append(phone.display(-5))
    assert enter(site, other, code()).status == 303
    fresh = site.api(other, "recovery-codes", {"code": code()}).json()["recovery_codes"]
    assert enter(site, site.browser("u1"), fresh[0]).status == 303
    assert site.api(site.browser("u1"), "challenge", {"code": codes[1]}).status == 403
    (one,) = site.api(browser, "status").json().get("authenticators", [{"id": "x"}])
    site.api(
        site.verify(browser, "u1", code()), f"authenticators/{one['id']}", {"action": "rename", "name": "P"}
    )
    cookies = {cookie.value for each in (browser, other) for cookie in each.cookies}
    stored = kept(site)
    assert site.store.save("main/user/u1", stored.document.replace(b"v1.", b"v1.00"), "x", stored.version)
    assert other.send("GET", "/app/x").status == 503
    assert site.store.save("main/user/u1", stored.document, "y", "x")
    site.gate.unlock("u1", by="support")
    site.api(browser, "disable", {"code": code()})
    site.gate.reset("u1", by="support", reason="lost phone")
    site.gate.revoke("u1")
    site.gate.forget("u1")
    text = "\n".join(f"{record.getMessage()} {record.__dict__!r}" for record in caplog.records) + caplog.text
    for word in ("verified", "code_refused", "disabled", "reset", "unavailable"):
        assert f'"{word}"' in text
    secrets |= {*codes, *fresh, *(each.replace("-", "") for each in (*codes, *fresh)), *cookies}
    assert not [secret for secret in secrets if secret in text]
    assert not [each for each in typed if re.search(rf"(?<![0-9a-f.]){each}(?![0-9a-f])", text)]
    assert "otpauth" not in text
    assert "v1." not in re.sub(r"twofa_gate[^\s]*", "", text)
    assert KEY not in text


def test_a_thousand_users(make_site: SiteMaker) -> None:
    """Case 100: a thousand users at once, on pages, banners and the API: everybody gets their own and nothing else."""
    date = datetime.fromtimestamp(1_800_000_000.0 + 86400, UTC)
    site = make_site(policies={"default": Policy(Enforcement.REQUIRED, cutoff=date)})
    names = [f"user{number:04}" for number in range(1000)]

    def live(name: str) -> str | None:
        browser = site.browser(name)
        seen = [browser.navigate(f"/app/{name}"), browser.navigate("/2fa/")]
        if int(name[4:]) % 20 == 0:
            phone = PhoneApp(site.api(browser, "enrollment", {}).json()["secret"], FakeClock())
            seen.append(site.api(browser, "enrollment", {"code": phone.display()}))
            if seen[-1].status != 200:
                return f"{name} could not set up: {seen[-1].text}"
            second = site.browser(name)
            if second.navigate(f"/app/{name}").status != 303:
                return f"{name} was not challenged in another browser"
            seen.append(browser.navigate(f"/app/{name}"))
        seen.append(site.api(browser, "status"))
        if seen[-1].json()["user"] != f"{name}@example.com":
            return f"{name} has another's status"
        if f"{PRIVATE} of {name} at" not in seen[0].text:
            return f"{name} did not get their page: {seen[0].status} {seen[0].text[:200]}"
        others = {each for answer in seen for each in re.findall(r"user\d{4}", answer.text)} - {name}
        return f"{name} saw {others}" if others else None

    with ThreadPoolExecutor(40) as crowd:
        problems = [each for each in crowd.map(live, names) if each is not None]
    assert problems == []
    enrolled = [name for name in names if site.gate.status(name).enrolled]
    assert enrolled == names[::20]


def test_users_whose_names_are_alike(site: Site) -> None:
    """Case 100: ids that differ in case, width, encoding, length or a slash are different users."""
    names = [
        "u1",
        "U1",
        "u1 ",
        " u1",
        "u%31",
        "u1/x",
        "u1%2Fx",
        "\uff551",
        "u1\u0301",
        "u",
        "u11",
        "x" * 300,
        "x" * 301,
    ]
    names += ["=" + "0" * 64, "../u1", "..", "u1\n", "\U0001f600"]
    for name in names[1:]:
        assert not site.gate.status(name).enrolled, name
        site.gate.reset(name, by="support", reason="made up")
    keys = list(site.store.scan("main/user/", None, 100))
    assert len(keys) == len(names)
    assert all(key.isascii() and len(key) <= 255 for key in keys)
    assert site.gate.status("u1").enrolled
    assert not passes(site, site.browser("u1"))
