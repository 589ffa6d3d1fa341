"""Keys: a new one is listed, everything is re-sealed, the old one goes, and nobody notices."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.abuse.conftest import SiteMaker
from tests.abuse.site import KEY, Site
from twofa_gate import SealError
from twofa_gate.adapters.performing import run
from twofa_gate.core.keys import KeyList
from twofa_gate.core.rotation import RotationPage, rotate_page
from twofa_gate.core.sealing import Sealer
from twofa_gate.stores.memory import MemoryStore

NEW_KEY = "f" * 40


def again(make_site: SiteMaker, site: Site, keys: list[str], store: MemoryStore | None = None) -> Site:
    """Start the same installation again with other keys."""
    restarted = make_site(target=site.target, store=store or site.store, secret_keys=keys)
    restarted.phones, restarted.recovery_codes = site.phones, site.recovery_codes
    return restarted


def test_nobody_has_to_verify_again(make_site: SiteMaker, site: Site) -> None:
    """Through old key, both keys, rotation and new key alone, a verified browser stays verified."""
    browser = site.verified("u1")
    cookies = site.cookie_header(browser)
    both = again(make_site, site, [NEW_KEY, KEY])
    assert both.raw("GET", "/app/x", [("Cookie", cookies)]).status == 200
    report = both.gate.rotate()
    assert (report.accounts, report.resealed, report.failures) == (1, 1, 0)
    alone = again(make_site, site, [NEW_KEY])
    assert alone.raw("GET", "/app/x", [("Cookie", cookies)]).status == 200


def test_codes_and_recovery_codes_survive_the_old_key(make_site: SiteMaker, site: Site) -> None:
    """After the old key is removed the phone's codes and the unused recovery codes work."""
    again(make_site, site, [NEW_KEY, KEY]).gate.rotate()
    alone = again(make_site, site, [NEW_KEY])
    alone.verify(alone.browser("u1"), "u1")
    alone.verify(alone.browser("u1"), "u1", site.recovery_codes["u1"][3])


def test_without_rotation_the_removed_key_is_503(make_site: SiteMaker, site: Site) -> None:
    """An account whose key is gone is unavailable, never "not enrolled"."""
    browser = site.browser("u1")
    alone = again(make_site, site, [NEW_KEY])
    site.calls.clear()
    assert alone.raw("GET", "/app/x", browser=browser).status == 503
    assert site.calls == []


def test_a_second_run_changes_nothing(make_site: SiteMaker, site: Site) -> None:
    """What is sealed with the newest key is left as it is, version and all."""
    both = again(make_site, site, [NEW_KEY, KEY])
    both.gate.rotate()
    before = both.store.load("main/user/u1")
    assert both.gate.rotate().resealed == 0
    assert both.store.load("main/user/u1") == before


def test_an_account_that_does_not_open_is_named_and_left(make_site: SiteMaker, site: Site) -> None:
    """Rotation without the old key changes nothing and says which account failed, and why."""
    before = site.store.load("main/user/u1")
    report = again(make_site, site, [NEW_KEY]).gate.rotate()
    assert (report.resealed, report.failures) == (0, 1)
    assert report.failed[0][0] == "main/user/u1"
    assert "not among secret_keys" in report.failed[0][1]
    assert site.store.load("main/user/u1") == before


class Interrupted(Exception):
    """The process that rotates is stopped."""


def test_interrupted_and_resumed(make_site: SiteMaker, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after any page, every account opens with both keys, and the next run does the rest."""
    monkeypatch.setattr("twofa_gate.core.rotation.PAGE", 2)
    for number in range(2, 8):
        site.enroll(f"u{number}")
    both = again(make_site, site, [NEW_KEY, KEY])
    pages: list[RotationPage] = []

    def stop(page: RotationPage) -> None:
        pages.append(page)
        if len(pages) == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        both.gate.rotate(stop)
    for number in range(1, 8):
        both.verify(both.browser(f"u{number}"), f"u{number}")
    report = both.gate.rotate()
    assert (report.accounts, report.resealed, report.failures) == (7, 3, 0)
    alone = again(make_site, site, [NEW_KEY])
    for number in range(1, 8):
        alone.verify(alone.browser(f"u{number}"), f"u{number}")


def test_rotation_while_somebody_verifies(make_site: SiteMaker, site: Site) -> None:
    """A code accepted in the middle of a rotation stays spent: no write is lost on either side."""
    both = again(make_site, site, [NEW_KEY, KEY])
    code = site.phones["u1"].code()

    class Meddling(MemoryStore):
        """Lets a code be accepted between the rotation's read and its write."""

        armed = True

        def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
            if self.armed:
                self.armed = False
                both.verify(both.browser("u1"), "u1", code)
            return bool(both.store.save(key, document, version, expected))

        def load(self, key: str) -> Any:
            return both.store.load(key)

    meddling = Meddling()
    hooks = both.gate.settings.hooks
    slow = dataclasses.replace(hooks, save=dataclasses.replace(hooks.save, function=meddling.save))
    settings = dataclasses.replace(both.gate.settings, hooks=slow)
    assert run(rotate_page(settings)).resealed == 1
    answer = both.api(both.browser("u1"), "challenge", {"code": code})
    assert answer.status == 403


@pytest.mark.parametrize("moved", ["user", "realm", "authenticator"])
def test_a_moved_secret_does_not_open(site: Site, moved: str) -> None:
    """A sealed secret opens for its own user, realm and authenticator only."""
    sealer = site.gate.settings.sealer
    sealed = sealer.seal("secret", b"n" * 12, user_id="u1", thing="totp/a")
    realm = "other" if moved == "realm" else "main"
    user = "u2" if moved == "user" else "u1"
    thing = "totp/b" if moved == "authenticator" else "totp/a"
    opener = Sealer(KeyList([KEY], realm), realm)
    with pytest.raises(SealError):
        opener.open(sealed, user_id=user, thing=thing)
