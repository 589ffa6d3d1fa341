"""How large an account can get: every list in it has a cap, and all caps together stay below the bound."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.abuse.conftest import SiteMaker
from tests.abuse.site import Site
from tests.lifecycle.test_documents import put, stored
from twofa_gate import Event, hookimpl
from twofa_gate.core.account import MAX_AUTHENTICATORS, secret_thing
from twofa_gate.core.attempts import BUDGET
from twofa_gate.core.enrollment import MAX_NAME
from twofa_gate.core.storage import MAX_DOCUMENT_BYTES
from twofa_gate.core.verification import MAX_TRUSTED, MAX_VERIFICATIONS


def size(site: Site) -> int:
    """Return the bytes of u1's document, as the gate writes it."""
    return len(json.dumps(stored(site), separators=(",", ":")))


def test_all_lists_at_their_caps_fit(site: Site) -> None:
    """An account with as much of everything as there can be is a tenth of the bound, and still works."""
    full = stored(site)
    one = full["authenticators"][0]
    name = "\U0001f511" * MAX_NAME  # twelve bytes a character, as JSON writes it
    sealer = site.gate.settings.sealer
    for number in range(1, MAX_AUTHENTICATORS):
        thing = secret_thing(f"{number:016}")
        secret = sealer.seal("A" * 32, bytes([number] * 12), user_id="u1", thing=thing)
        full["authenticators"].append({**one, "id": f"{number:016}", "name": name, "secret": secret})
    one["name"] = name
    made = {"digest": "0" * 64, "at": site.clock.now - 86400.123456, "method": "recovery_code"}
    full["verifications"] = [{**made, "login": "0" * 64}] * MAX_VERIFICATIONS
    full["trusted"] = [made] * MAX_TRUSTED
    full["attempts"]["known"]["failures"] = [site.clock.now - 86400.123456] * (BUDGET - 1)
    full["pending"] = {"id": "0" * 16, "secret": one["secret"], "browser": "0" * 64, "began": site.clock.now}
    put(site, full)
    assert size(site) < MAX_DOCUMENT_BYTES // 10
    site.verify(site.browser("u1"), "u1")
    assert len(stored(site)["verifications"]) == MAX_VERIFICATIONS


def test_what_people_can_do_has_an_end(site: Site) -> None:
    """Verifying, setting up anew and failing, over and over, make no document grow without end."""
    for _ in range(30):
        site.verify(site.browser("u1"), "u1")
    grown = size(site)
    for _ in range(30):
        site.verify(site.browser("u1"), "u1")
    assert size(site) < grown + 100
    for _ in range(200):
        site.api(site.browser("u1"), "challenge", {"code": site.phones["u1"].wrong()})
        site.clock.move(1000)
    assert size(site) < grown + 3000
    for _ in range(200):
        assert site.api(site.browser("u2"), "enrollment", {}).status == 200
    begun: Any = site.store.load("main/user/u2")
    assert len(begun.document) < 1500


def test_what_operators_do_has_an_end(site: Site) -> None:
    """Resetting somebody every day for years leaves one extension, the last."""
    for _ in range(100):
        site.gate.reset("u1", by="support", reason="lost phone")
        site.clock.move(86400)
    assert len(stored(site)["extensions"]) == 1
    assert size(site) < 1000


class Failing:
    """An observer that never succeeds."""

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Fail."""
        raise ConnectionError("the audit server is away")


def test_failing_observers_leave_nothing_behind(make_site: SiteMaker) -> None:
    """An observer that fails has had its chance: the outbox does not grow while it is away."""
    site = make_site(plugins=[Failing()])
    site.enroll("u1")
    for _ in range(20):
        site.verify(site.browser("u1"), "u1")
    assert stored(site)["outbox"] == []


class Patchy:
    """An observer that is told, until it has to stop for a while."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Note it."""
        self.seen.append(event.id)


@pytest.fixture
def left_behind() -> Callable[[Site, int], list[str]]:
    """Leave events in the outbox, as processes do that die before delivery."""

    def leave(site: Site, number: int) -> list[str]:
        events = [
            {"id": f"{n:016x}", "kind": "verified", "at": site.clock.now, "facts": {"method": "totp"}}
            for n in range(number)
        ]
        put(site, {**stored(site), "outbox": events})
        return [str(event["id"]) for event in events]

    return leave


def test_a_full_outbox_refuses_and_then_heals(
    make_site: SiteMaker, left_behind: Callable[[Site, int], list[str]]
) -> None:
    """Where every process dies before delivery, changes end at the bound with 503; who comes later delivers all."""
    observer = Patchy()
    site = make_site(plugins=[observer])
    site.enroll("u1")
    left = left_behind(site, 1)
    while (room := MAX_DOCUMENT_BYTES - size(site)) >= 150:  # bytes that no event here takes
        left = left_behind(site, len(left) + room // 150)
    assert size(site) <= MAX_DOCUMENT_BYTES
    before = stored(site)
    refused = site.api(site.browser("u1"), "challenge", {"code": site.phones["u1"].wrong()})
    assert refused.status == 503
    assert stored(site) == before
    site.clock.move(31)
    assert site.raw("GET", "/app/x", browser=site.browser("u1")).status in (303, 403)
    assert [each for each in observer.seen if each in set(left)] == left
    assert stored(site)["outbox"] == []
    site.verify(site.browser("u1"), "u1")
