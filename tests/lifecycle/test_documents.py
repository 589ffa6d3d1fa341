"""Documents over releases: rolled forward and back, forgotten, restored from a backup, audited."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.abuse.conftest import SiteMaker
from tests.abuse.site import FakeClock, Site
from twofa_gate import Stored
from twofa_gate.audit import AuditLog
from twofa_gate.stores.memory import MemoryStore

USER = "main/user/u1"


def stored(site: Site) -> dict[str, Any]:
    """Read the account's document."""
    found: Any = site.store.load(USER)
    document: dict[str, Any] = json.loads(found.document)
    return document


def put(site: Site, document: dict[str, Any]) -> None:
    """Write the account's document, as another release would."""
    current: Any = site.store.load(USER)
    assert (
        site.store.save(USER, json.dumps(document).encode(), f"{current.version}+", current.version) is True
    )


def test_fields_of_the_next_release_are_kept(site: Site) -> None:
    """A document of the next format is read, and what this release doesn't know survives its writes."""
    document = stored(site)
    document["format"] = 2
    document["color"] = {"of": ["the", "next"]}
    document["authenticators"][0]["push"] = True
    document["attempts"]["stranger"]["asn"] = 64500
    put(site, document)
    site.verify(site.browser("u1"), "u1")
    after = stored(site)
    assert after["format"] == 2
    assert after["color"] == {"of": ["the", "next"]}
    assert after["authenticators"][0]["push"] is True
    assert after["attempts"]["stranger"]["asn"] == 64500


@pytest.mark.parametrize("number", [0, 3, 99])
def test_a_format_beyond_the_next_is_503(site: Site, number: int) -> None:
    """A document that this release can't understand is unavailable, never "not enrolled"."""
    browser = site.browser("u1")
    put(site, {**stored(site), "format": number})
    site.calls.clear()
    assert site.raw("GET", "/app/x", browser=browser).status == 503
    assert site.calls == []


def test_reset_leaves_an_account_with_its_extension(site: Site) -> None:
    """Reset takes every way to pass and keeps the account, with the time to set up again."""
    site.verified("u1")
    site.gate.reset("u1", by="support", reason="lost phone")
    document = stored(site)
    assert document["authenticators"] == []
    assert document["verifications"] == []
    assert document["recovery"] is None
    assert document["extensions"] == [
        {"location": None, "until": site.clock.now + 48 * 3600, "to_set_up": True}
    ]


def test_forget_leaves_nothing(make_site: SiteMaker, clock: FakeClock) -> None:
    """After forget the store holds nothing of the user, undelivered events included."""
    site = make_site()
    site.enroll("u1")
    left = {"id": "1", "kind": "verified", "at": clock.now, "facts": {}}
    put(site, {**stored(site), "outbox": [left]})
    assert site.gate.forget("u1") is True
    assert site.store.load(USER) is None
    assert site.gate.forget("u1") is False


def copy_of(store: MemoryStore) -> MemoryStore:
    """Restore a backup into a new store."""
    restored = MemoryStore()
    for key in store.scan("", None, 1000):
        found = store.load(key)
        assert isinstance(found, Stored)
        restored.save(key, found.document, found.version, None)
    return restored


def test_a_restored_backup_with_void_before(make_site: SiteMaker, site: Site) -> None:
    """Verifications of before the restore are void with `void_before`: ended ones don't come back."""
    browser = site.verified("u1")
    cookies = site.cookie_header(browser)
    backup = copy_of(site.store)
    site.gate.revoke("u1")
    site.clock.move(60)
    assert site.raw("GET", "/app/x", [("Cookie", cookies)]).status == 303
    careless = make_site(target=site.target, store=copy_of(backup))
    assert careless.raw("GET", "/app/x", [("Cookie", cookies)]).status == 200
    careful = make_site(
        target=site.target, store=backup, void_before=datetime.fromtimestamp(site.clock.now, UTC)
    )
    assert careful.raw("GET", "/app/x", [("Cookie", cookies)]).status == 303


def test_a_code_used_before_the_restore_is_too_old_after_it(make_site: SiteMaker, site: Site) -> None:
    """A used code is good again in a restored store only while its window lasts: 60 seconds."""
    backup = copy_of(site.store)
    code = site.phones["u1"].code()
    site.verify(site.browser("u1"), "u1", code)
    site.clock.move(60)
    restored = make_site(target=site.target, store=backup)
    answer = restored.api(restored.browser("u1"), "challenge", {"code": code})
    assert answer.status == 403


def test_audit_log_holds_each_event_once_and_no_secret(make_site: SiteMaker, tmp_path: Path) -> None:
    """The audit export is JSON lines, one an event, in order, readable by its owner only, without secrets."""
    path = tmp_path / "audit.jsonl"
    site = make_site(plugins=[AuditLog(path)])
    phone = site.enroll("u1")
    code = phone.code()
    site.verify(site.browser("u1"), "u1", code)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    kinds = [line["event"] for line in lines if line["user"] == "u1"]
    assert [kind for kind in kinds if kind != "refused"] == ["enrollment_started", "enabled", "verified"]
    assert len({line["id"] for line in lines}) == len(lines)
    assert path.stat().st_mode & 0o077 == 0
    text = path.read_text()
    for secret in (phone.secret, code, *site.recovery_codes["u1"]):
        assert secret not in text


def test_the_outbox_is_empty_once_delivered(make_site: SiteMaker, tmp_path: Path) -> None:
    """Delivered events don't stay in the document."""
    site = make_site(plugins=[AuditLog(tmp_path / "audit.jsonl")])
    site.enroll("u1")
    assert stored(site)["outbox"] == []
