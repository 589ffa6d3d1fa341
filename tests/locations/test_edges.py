"""What goes wrong or is missing at a location: hosts that say less, stores that fail, many members."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.locations.test_members import member_page, send
from tests.locations.test_settings_page import OFFICE
from tests.locations.town import KEY, Person, Stage
from twofa_gate import ConfigurationError, Enforcement, Event, Gate, HookError, Policy, User, hookimpl
from twofa_gate.core.location_policy import change_location
from twofa_gate.core.location_rules import LocationDocument, LocationRules
from twofa_gate.core.storage import location_key
from twofa_gate.errors import ContentionError
from twofa_gate.locations import LocationSettings
from twofa_gate.pages import location_report, locations
from twofa_gate.stores.memory import MemoryStore

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}


def without(stage: Stage, *hooks: str) -> None:
    """Make the host say less."""
    for name in hooks:
        object.__setattr__(stage.gate.settings.hooks, name, None)


def test_a_host_that_names_no_members(stage: Stage, admin: Person) -> None:
    """The settings can be changed all the same; there is no report, no member, and no download."""
    without(stage, "location_members")
    page = admin.go(OFFICE)
    assert "does not tell who belongs to a location" in page.words
    preview = admin.settings_form(max_age_minutes="60")
    assert "nobody can be counted" in preview.words
    assert admin.confirm(preview).status == 303
    assert admin.go(f"{OFFICE}/members.csv").status == 404
    assert member_page(admin, "zoe").status == 404
    assert stage.gate.explain("zoe", "office").member is None
    with pytest.raises(HookError, match="location_members"):
        list(stage.gate.adoption("office"))


def test_a_host_that_does_not_tell_a_members_locations(stage: Stage, admin: Person) -> None:
    """Where nobody knows all of a member's locations, nobody may reset them."""
    without(stage, "user_locations")
    assert send(admin, "zoe", action="reset", reason="x").status == 403


def test_a_host_without_administrators(stage: Stage, admin: Person) -> None:
    """Without `may_administer` nobody sees the page."""
    without(stage, "may_administer")
    assert admin.go(OFFICE).status == 403


@pytest.mark.parametrize("said", ["yes", 1, None])
def test_only_true_admits(stage: Stage, admin: Person, said: object) -> None:
    """A hook that answers with anything but True or False opens nothing."""
    object.__setattr__(stage.gate.settings.hooks.may_administer, "function", lambda user, location: said)
    assert admin.go(OFFICE).status == 503


@pytest.mark.parametrize("said", ["ada", 5, None, ["ada"]])
def test_members_must_be_users(stage: Stage, admin: Person, said: object) -> None:
    """What is no list of users is an error, not an empty report."""
    object.__setattr__(stage.gate.settings.hooks.location_members, "function", lambda location: said)
    with pytest.raises(HookError, match="location_members"):
        list(stage.gate.adoption("office"))
    assert admin.go(OFFICE).status == 503


def test_many_members_come_page_by_page(stage: Stage, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-five stand on a page, the next follow; a page that can't count all says so, and the preview too."""
    monkeypatch.setattr(location_report, "MAX_READ", 600)
    monkeypatch.setattr(locations, "MAX_IMPACT", 600)
    stage.town.members["office"] += [f"m{n:04}" for n in range(1500)]
    seen, page = [], admin.go(OFFICE)
    assert "These figures count the first 1,000 members." in page.words
    for _ in range(3):
        seen += [link.words for link in page.links if link.words.startswith("m0")]
        page = admin.browser.click("Go on")
    assert len(seen) == len(set(seen)) == 3 * 25 - 5
    assert "m1499@example.com" in admin.go(f"{OFFICE}?q=m1499").words
    late = admin.go(f"{OFFICE}?show=enrolled&start=3")
    assert "Nobody to show." in late.words
    assert "Go on" in [link.words for link in late.links]
    assert "These are the first 1,000 members only." in admin.settings_form(max_age_minutes="60").words
    enrolled = admin.go(f"{OFFICE}/members.json?show=enrolled").json()
    assert [each["user_id"] for each in enrolled] == ["ada"]


def test_the_values_can_be_changed_again(stage: Stage, admin: Person) -> None:
    """From the preview a way leads back to the form, with what was typed."""
    preview = admin.settings_form(max_age_minutes="60")
    form = preview.form(button="Change them again")
    back = admin.browser.submit(form, button="Change them again")
    assert back.form(field="from_date").value("max_age_minutes") == "60"
    assert "settings_changed" not in stage.town.kinds()


def test_what_no_form_sends_is_malformed(stage: Stage, admin: Person) -> None:
    """Fields that are too long, and boxes with other values, save nothing."""
    token = admin.go(OFFICE).form(field="from_date").value("csrf")
    for extra in (f"zone={'x' * 100}", "enforce=yes&zone=UTC&missed=deny"):
        body = f"csrf={token}&action=save&revision=&{extra}".encode()
        assert admin.browser.send("POST", OFFICE, content=body, headers=FORM).status == 400
    body = f"csrf={token}&action=reset&id=zoe&reason={'x' * 300}".encode()
    assert admin.browser.send("POST", f"{OFFICE}/member", content=body, headers=FORM).status == 400
    assert send(admin, "zoe", action="enable", reason="x").status == 400
    assert "settings_changed" not in stage.town.kinds()
    assert admin.go(f"{OFFICE}/nonsense").status == 404
    assert admin.go("/2fa/locations/~%%").status in (400, 404, 200)
    assert admin.go("/2fa/locations/~____").status == 404


def test_who_was_not_set_up_changes_nothing(stage: Stage) -> None:
    """An administrator without a second factor can't even send the form."""
    ada = stage.person("ada")
    other = stage.person("ada")
    other.set_up()
    page = other.go(OFFICE)
    token = page.form(field="from_date").value("csrf")
    stage.gate.reset("ada", by="support", reason="test")
    body = f"csrf={token}&action=save&revision=".encode()
    refused = other.browser.send("POST", OFFICE, content=body, headers=FORM)
    assert refused.status == 403
    assert "Set up two-factor authentication yourself" in refused.words
    assert ada.go(OFFICE).status == 303


def test_events_of_a_location_are_delivered_at_least_once(stage: Stage, admin: Person) -> None:
    """An event that could not be cleared, or whose process died, comes again with the same id."""
    admin.save(max_age_minutes="60")
    key = location_key("main", "office")
    stored = stage.store.load(key)
    assert stored is not None
    assert b'"outbox":[]' in stored.document
    event = next(each for each in stage.town.events if each.kind.value == "settings_changed")
    facts = json.dumps(dict(event.facts))
    left = f'"outbox":[{{"id":"{event.id}","kind":"settings_changed","at":{stage.time.now},"facts":{facts}}}]'
    document = stored.document.replace(b'"outbox":[]', left.encode())
    assert stage.store.save(key, document, "died", stored.version) is True
    stage.time.advance(31)
    assert stage.person("zoe").go("/office").status == 200
    same = [each for each in stage.town.events if each.id == event.id]
    assert len(same) == 2
    again = stage.store.load(key)
    assert again is not None
    assert b'"outbox":[]' in again.document
    stage.time.advance(31)
    stage.person("zoe").go("/office")
    assert len([each for each in stage.town.events if each.id == event.id]) == 2


def test_an_outbox_that_cannot_be_cleared_is_an_alarm(stage: Stage, admin: Person) -> None:
    """The change stands, and the event comes again later."""
    save = stage.store.save
    key = location_key("main", "office")

    def failing(name: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if name == key and document is not None and b'"outbox":[]' in document:
            raise OSError("the disk is full")
        return save(name, document, version, expected)

    object.__setattr__(stage.gate.settings.hooks.save, "function", failing)
    assert admin.save(max_age_minutes="60").status == 303
    assert stage.town.kinds()[-1] == "alarm"
    assert admin.go(OFFICE).form(field="from_date").value("max_age_minutes") == "60"


def test_without_observers_nothing_is_left_in_the_outbox() -> None:
    """Where nobody listens, the log line is written and no second write made."""
    store = MemoryStore()
    gate = Gate(
        secret_keys=[KEY],
        issuer="Quiet",
        plugins=[Quiet(), store, LocationSettings(default=Policy(Enforcement.OPTIONAL))],
    )
    document = LocationDocument(**_fields())
    gate._run(change_location(gate.settings, "office", lambda before, now: _to(document)))
    assert gate._run(change_location(gate.settings, "office", lambda before, now: _to(before))) is None
    stored = store.load(location_key("main", "office"))
    assert stored is not None
    assert b'"outbox":[]' in stored.document


class Quiet:
    """A host that observes nothing."""

    @hookimpl
    def identify(self, request: Any) -> User | None:
        """Know nobody."""
        return None


def _fields() -> dict[str, Any]:
    return {
        "location": "office",
        "rules": LocationRules(),
        "revision": "r",
        "changed_at": 0.0,
        "changed_by": "ada",
    }


def _to(document: LocationDocument | None) -> Any:
    yield from ()
    return document, None


def test_a_change_that_is_always_overtaken_gives_up(stage: Stage) -> None:
    """After some tries nothing was done, and the caller hears of it."""
    object.__setattr__(stage.gate.settings.hooks.save, "function", lambda *args: False)
    document = LocationDocument(**_fields())
    with pytest.raises(ContentionError):
        stage.gate._run(change_location(stage.gate.settings, "office", lambda before, now: _to(document)))


def test_the_plugin_is_checked_at_start() -> None:
    """A default that is no policy, a zone that there is not, and a second plugin are refused."""
    policy: Any = "required"
    with pytest.raises(ConfigurationError, match="must be a Policy"):
        LocationSettings(default=policy)
    for zone in ("Mars/Olympus", "", "../UTC"):
        with pytest.raises(ConfigurationError, match="no such time zone"):
            LocationSettings(zone=zone)
    plugins = [Quiet(), MemoryStore(), LocationSettings(), LocationSettings()]
    with pytest.raises(ConfigurationError, match="twice"):
        Gate(secret_keys=[KEY], issuer="X", plugins=plugins, policy=Policy(Enforcement.OFF))
    with pytest.raises(ConfigurationError, match="no policy"):
        Gate(secret_keys=[KEY], issuer="X", plugins=[Quiet(), MemoryStore(), LocationSettings()])


class Later(Quiet):
    """A host whose members come asynchronously."""

    @hookimpl
    async def location_members(self, location: str) -> list[User]:
        """Give a list, later."""
        return [User("a", "a@example.com")]


class Streaming(Quiet):
    """A host whose members come one by one, asynchronously."""

    @hookimpl
    async def location_members(self, location: str) -> AsyncIterator[User]:
        """Give a generator of many."""
        for n in range(1200):
            yield User(f"u{n}", f"u{n}@example.com")


@pytest.mark.parametrize(("host", "count"), [(Later, 1), (Streaming, 1200)])
def test_members_may_come_asynchronously(host: Callable[[], object], count: int) -> None:
    """The asynchronous twins read them; the plain ones say what to do instead."""
    gate = Gate(
        secret_keys=[KEY],
        issuer="Later",
        plugins=[host(), MemoryStore()],
        policy=Policy(Enforcement.REQUIRED),
    )

    async def read() -> list[str]:
        return [each.user_id async for each in gate.aadoption("office")]

    async def explained() -> str:
        return (await gate.aexplain("nobody", "office")).decision

    found: list[Any] = []

    async def reported() -> None:
        await gate.areport_adoption("office", found.extend)

    assert len(asyncio.run(read())) == count
    assert asyncio.run(explained()) == "enroll"
    asyncio.run(reported())
    assert len(found) == count
    with pytest.raises((HookError, ConfigurationError)):
        list(gate.adoption("office"))


def test_the_api_takes_tickets(stage: Stage, admin: Person) -> None:
    """Front ends send the ticket with the request that begins; without it they are told what is missing."""
    stage.time.advance(1)
    admin.save(tickets="1")
    zoe = stage.person("zoe")
    zoe.go("/2fa/enroll")
    headers = {"X-CSRF-Token": zoe.browser.fetch("GET", "/2fa/api/v1/status").json()["csrf"]}
    url = "/2fa/api/v1/enrollment"
    told = zoe.browser.fetch("POST", url, json={}, headers=headers)
    assert (told.status, told.json()["type"]) == (403, "urn:twofa-gate:ticket")
    wrong = zoe.browser.fetch("POST", url, json={"ticket": "0000-0000"}, headers=headers)
    assert (wrong.status, wrong.json()["type"]) == (403, "urn:twofa-gate:wrong")
    assert zoe.browser.fetch("POST", url, json={"ticket": 5}, headers=headers).status == 400
    shown = admin.browser.submit(member_page(admin, "zoe").form(button="Issue a ticket")).words
    ticket = shown.partition("shown only now: ")[2][:9]
    begun = zoe.browser.fetch("POST", url, json={"ticket": ticket}, headers=headers)
    assert "secret" in begun.json()


def test_an_event_of_settings_names_who_and_what(stage: Stage, admin: Person) -> None:
    """Before and after stand in the event, in full."""
    admin.save(max_age_minutes="60")
    admin.save(enforce="1", from_date="2027-02-01")
    event: Event = [each for each in stage.town.events if each.kind.value == "settings_changed"][-1]
    before: Any = event.facts["before"]
    after: Any = event.facts["after"]
    assert set(after) - set(before) == {"enforce=1", "from_date=2027-02-01T00:00:00+01:00"}
    assert (event.user, event.facts["location"], event.facts["by"]) == (None, "office", "ada")
