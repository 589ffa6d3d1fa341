"""The settings page of a location, through both drivers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.locations.town import ODD, Person, Stage
from twofa_gate import AfterCutoff, Enforcement, Enrollment, Policy, Stored, Tokens
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.location_rules import LocationDocument, LocationRules, encode, policy_of, rules_of
from twofa_gate.core.storage import location_key
from twofa_gate.locations import LocationSettings
from twofa_gate.locations.addresses import from_segment, to_segment

OFFICE = "/2fa/locations/office"
CONFIRM = "Yes, save settings"


def test_saving_takes_two_steps_and_tells_the_impact(stage: Stage, admin: Person) -> None:
    """The first step shows figures and names and saves nothing; the second saves, with an event."""
    stage.person("mia").set_up()
    preview = admin.settings_form(enforce="1", from_date="2027-01-04", missed="deny")
    assert "3 of 5 have not set up. 3 would be kept out at once" not in preview.words
    assert preview.status == 400, "who set up today would be kept out by a date of today"
    stage.time.advance(86400)
    admin.verify()
    preview = admin.settings_form(enforce="1", from_date="2027-01-05", missed="deny")
    assert "3 of 5 have not set up. 3 would be kept out at once." in preview.words
    for name in ("max", "tom", "zoe"):
        assert f"{name}@example.com" in preview.words
    assert "settings_changed" not in stage.town.kinds()
    assert stage.person("max").go("/office").status == 200
    saved = admin.confirm(preview)
    assert saved.status == 303
    assert "The settings have been saved." in admin.browser.follow(saved).words
    event = next(each for each in stage.town.events if each.kind.value == "settings_changed")
    assert event.facts["by"] == "ada"
    assert event.facts["before"] is None
    assert "enforce=1" in list(event.facts["after"])  # type: ignore[call-overload]  # a list of strings
    assert stage.person("max").go("/office").status == 403
    assert admin.go("/office").status == 200


def test_a_location_is_independent_of_the_other(stage: Stage, admin: Person) -> None:
    """What holds at one location holds there alone."""
    admin.save(enforce="1", from_date="2027-01-05")
    stage.time.advance(86400)
    assert stage.person("max").go("/office").status == 303
    assert stage.person("max").go("/billing").status == 200


def test_only_verified_administrators_get_in(stage: Stage) -> None:
    """Others, and administrators who are not set up or not verified, see nothing of the page."""
    assert stage.person("max").go(OFFICE).status == 403
    assert stage.person("grace").go(OFFICE).status == 403
    ada = stage.person("ada")
    assert "/2fa/enroll" in ada.go(OFFICE).location
    ada.set_up()
    again = stage.person("ada")
    assert "/2fa/challenge" in again.go(OFFICE).location
    again.phone = ada.phone
    back = again.go(OFFICE, follow=True)
    form = next(each for each in back.forms if "code" in each.names())
    arrived = again.browser.submit(form, follow=True, code=again.phone.fresh_code())
    assert arrived.url.endswith(OFFICE)
    assert arrived.status == 200
    root = stage.root.another()
    assert root.navigate(OFFICE).status == 403


def test_the_locations_own_demand_holds_for_its_page(stage: Stage, admin: Person) -> None:
    """A verification too old for the location does not open its page, however lax the place it was made at."""
    admin.save(enforce="1", from_date="2027-01-05", max_age_minutes="5")
    stage.time.advance(301)
    assert "/2fa/challenge" in admin.go(OFFICE).location


def test_changing_takes_a_code_in_the_last_minutes(stage: Stage, admin: Person) -> None:
    """After five minutes a change is refused, and what was typed stays in the form."""
    stage.time.advance(301)
    refused = admin.settings_form(enforce="1", from_date="2027-02-01")
    assert refused.status == 403
    assert "more than five minutes old" in refused.words
    assert refused.form(field="from_date").value("from_date") == "2027-02-01"
    assert "settings_changed" not in stage.town.kinds()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"from_date": "2027-01-03"}, "This day is past."),
        ({"from_date": "2027-02-30"}, "There is no such day."),
        ({"from_date": "next week"}, "There is no such day."),
        ({"from_date": "\u0662\u0660\u0662\u0667-01-05"}, "There is no such day."),
        ({"from_date": "2999-01-01"}, "in the next five years"),
        ({"from_date": ""}, "Choose the day from which it is required."),
        ({"zone": "Mars/Olympus"}, "There is no such time zone."),
        ({"zone": "../../etc/passwd"}, "There is no such time zone."),
        ({"zone": ""}, "There is no such time zone."),
        ({"max_age_minutes": "-5"}, "whole number from 5 to 43"),
        ({"max_age_minutes": "4"}, "whole number from 5 to 43"),
        ({"max_age_minutes": "1_0"}, "whole number from 5 to 43"),
        ({"max_age_minutes": "\uff16\uff10"}, "whole number from 5 to 43"),
        ({"grace_days": "1.5"}, "whole number from 0 to 365"),
        ({"trust_days": "91"}, "whole number from 0 to 90"),
        ({"missed": "perhaps"}, "Choose one of the two."),
    ],
)
def test_bad_input_is_told_beside_its_field(
    stage: Stage, admin: Person, fields: dict[str, str], said: str
) -> None:
    """A message stands beside the field, tied to it, and nothing is saved."""
    good = {"enforce": "1", "from_date": "2027-02-01"}
    answer = admin.settings_form(**{**good, **fields})
    assert answer.status == 400
    assert said in answer.words
    name = next(iter(fields))
    assert f'id="{name}-error"' in answer.text
    assert stage.store.load(location_key("main", "office")) is None


def test_a_stale_form_is_refused_with_both_versions(stage: Stage, admin: Person) -> None:
    """Of two administrators who edit at once, the second sees both versions and overwrites nothing."""
    stage.town.members["office"].append("ben")
    ben = stage.person("ben")
    ben.set_up()
    bens = ben.settings_form(max_age_minutes="60")
    admin.save(max_age_minutes="30")
    late = ben.confirm(bens)
    assert late.status == 409
    assert "Somebody else has saved other settings meanwhile." in late.words
    assert "Maximum session duration in minutes 30 60" in late.words
    assert len([kind for kind in stage.town.kinds() if kind == "settings_changed"]) == 1
    form = late.form(field="from_date")
    again = ben.browser.submit(form)
    assert again.status == 200, "the page that showed both versions can be saved from"
    assert ben.confirm(again).status == 303


def test_a_stale_form_is_refused_before_the_preview_too(stage: Stage, admin: Person) -> None:
    """Nobody is shown the impact of a change to settings that hold no more."""
    form = admin.go(OFFICE).form(field="from_date")
    admin.save(max_age_minutes="30")
    admin.go(OFFICE)
    assert admin.browser.submit(form, max_age_minutes="60").status == 409


def test_of_two_saves_at_once_one_wins(stage: Stage, admin: Person) -> None:
    """What comes between reading and writing is noticed: the later writer is shown both versions."""
    preview = admin.settings_form(max_age_minutes="60")
    key, hook = location_key("main", "office"), stage.gate.settings.hooks.save
    save = stage.store.save
    theirs = LocationDocument(
        location="office",
        rules=LocationRules(max_age_minutes=30),
        revision="theirs",
        changed_at=stage.time.now,
        changed_by="ben",
    )

    def overtaken(name: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if name == key:
            save(key, encode(theirs), "theirs", None)
        return save(name, document, version, expected)

    object.__setattr__(hook, "function", overtaken)
    late = admin.confirm(preview)
    assert late.status == 409
    assert "Maximum session duration in minutes 30 60" in late.words
    stored = stage.store.load(key)
    assert stored is not None
    assert stored.version == "theirs"


def test_a_change_that_locks_its_author_out_is_refused(stage: Stage, admin: Person) -> None:
    """Keeping out who set up after the date would keep out the administrator: refused at both steps."""
    stage.time.advance(86400)
    admin.verify()
    preview = admin.settings_form(enforce="1", from_date="2027-01-05", missed="deny")
    assert preview.status == 200
    ben = stage.person("ben")
    stage.town.members["office"].append("ben")
    ben.set_up()
    refused = ben.settings_form(enforce="1", from_date="2027-01-05", missed="deny")
    assert refused.status == 400
    assert "you would be kept out yourself" in refused.words
    sent_anyway = {"action": "save"}
    page = ben.go(OFFICE).form(field="from_date")
    pairs = page.filled({"enforce": "1", "from_date": "2027-01-05", "missed": "deny"}, None)
    body = "&".join(f"{name}={value}" for name, value in {**dict(pairs), **sent_anyway}.items())
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
    assert ben.browser.send("POST", OFFICE, content=body.encode(), headers=form).status == 400
    assert stage.store.load(location_key("main", "office")) is None


def test_a_form_of_one_location_is_of_no_use_at_another(stage: Stage, admin: Person) -> None:
    """The CSRF token is bound to the location, and a form without it changes nothing."""
    office = admin.go(OFFICE).form(field="from_date")
    pairs = dict(office.filled({"max_age_minutes": "60"}, None))
    pairs["action"] = "save"
    odd = f"/2fa/locations/{to_segment(ODD)}"
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}
    for target, token in ((odd, pairs["csrf"]), (OFFICE, "")):
        body = "&".join(f"{name}={value}" for name, value in {**pairs, "csrf": token}.items())
        assert admin.browser.send("POST", target, content=body.encode(), headers=form).status == 403
    assert "settings_changed" not in stage.town.kinds()


def test_odd_location_keys_have_one_plain_address(stage: Stage, admin: Person) -> None:
    """A key with slashes, blanks and percent signs is saved and shown at its encoded address alone."""
    url = f"/2fa/locations/{to_segment(ODD)}"
    assert admin.save(url, max_age_minutes="45").status == 303
    assert admin.go(url).form(field="from_date").value("max_age_minutes") == "45"
    assert ODD in admin.go(url).words
    assert admin.go(url + "=").status == 404
    assert admin.go("/2fa/locations/~b2ZmaWNl").status == 404, "a plain key has its plain address alone"
    assert admin.go("/2fa/locations/").status == 404
    assert admin.go("/2fa/locations/office/").status == 404


@pytest.mark.parametrize(
    "key", ["office", "a/b", "~x", ".", "..", "a%2Fb", "x" * 200, "ü", "\ud800", "-", " "]
)
def test_addresses_and_keys_are_one_to_one(key: str) -> None:
    """Every key has one address, which is read back to it."""
    segment = to_segment(key)
    assert from_segment(segment) == key
    assert "/" not in segment
    assert "%" not in segment


def test_an_unknown_location_is_answered_like_a_foreign_one(stage: Stage, admin: Person) -> None:
    """Nobody learns from the page which locations exist."""
    unknown, foreign = admin.go("/2fa/locations/nowhere"), admin.go("/2fa/locations/billing")
    assert (unknown.status, unknown.words) == (foreign.status, foreign.words) == (403, foreign.words)


def test_the_strictest_rule_decides_and_the_page_names_it(stage: Stage, admin: Person) -> None:
    """Another plugin's stricter policy holds beside the stored settings, and is named on the page."""
    admin.save(max_age_minutes="60")
    stage.town.extra = Policy(Enforcement.REQUIRED, max_age=timedelta(minutes=15))
    page = admin.go(OFFICE)
    assert "Town: required · a code lasts 15 minutes" in page.words
    assert stage.person("max").go("/office").status == 303
    stage.time.advance(16 * 60)
    assert admin.go("/office").status == 303


def test_a_settings_document_that_cannot_be_read_is_no_pass(stage: Stage, admin: Person) -> None:
    """A broken, foreign or too new document is 503 for everybody, and never the default policy."""
    admin.save(max_age_minutes="60")
    key = location_key("main", "office")
    good = stage.store.load(key)
    assert good is not None
    for bad in (
        b"{",
        good.document.replace(b'"location":"office"', b'"location":"billing"'),
        good.document.replace(b'"format":1', b'"format":9'),
        good.document.replace(b'"max_age_minutes":60', b'"max_age_minutes":0'),
    ):
        assert bad != good.document
        current = stage.store.load(key)
        assert current is not None
        assert stage.store.save(key, bad, "v", current.version) is True
        stage.time.advance(5)
        assert stage.person("max").go("/office").status == 503
        assert admin.go("/office").status == 503
        assert stage.person("max").go("/billing").status == 200


def test_a_change_holds_at_once_in_its_process_and_soon_in_others(
    make_stage: Callable[..., Stage],
) -> None:
    """A verified browser reads no settings within the lag, and feels a change after it at the latest."""
    stage = make_stage(revocation_lag=timedelta(seconds=10))
    loads: list[str] = []
    load = stage.store.load
    ada = stage.person("ada")
    ada.set_up()
    assert ada.go("/office").status == 200
    hook = stage.gate.settings.hooks.load

    def counted(key: str) -> Stored | None:
        loads.append(key)
        return load(key)

    object.__setattr__(hook, "function", counted)
    assert ada.go("/office").status == 200
    assert loads == []
    stage.town.extra = None
    ada.save(enforce="1", from_date="2027-01-05", max_age_minutes="5")
    stage.time.advance(299)
    assert ada.go("/office").status == 200
    key = location_key("main", "office")
    stored = load(key)
    assert stored is not None
    shorter = stored.document.replace(b'"max_age_minutes":5,', b'"max_age_minutes":1,')
    assert stage.store.save(key, shorter, "by another process", stored.version) is True
    assert ada.go("/office").status == 200
    stage.time.advance(10)
    assert ada.go("/office").status == 303


def test_the_writing_process_forgets_at_once(make_stage: Callable[..., Stage]) -> None:
    """However long a PASS may be reused, a change in the same process holds at the next request."""
    stage = make_stage(revocation_lag=timedelta(minutes=20))
    ada = stage.person("ada")
    ada.set_up()
    assert ada.go("/office").status == 200
    ada.save(max_age_minutes="5")
    assert ada.go("/office").status == 200
    stage.time.advance(301)
    assert ada.go("/office").status == 303


def test_a_read_that_a_write_overtook_is_not_kept(make_stage: Callable[..., Stage]) -> None:
    """What another thread read while the write was under way is forgotten when the write is done."""
    stage = make_stage(revocation_lag=timedelta(minutes=20))
    ada = stage.person("ada")
    ada.set_up()
    preview = ada.settings_form(max_age_minutes="5")
    settings, save = stage.gate.settings, stage.store.save
    lax = (NamedPolicy(Policy(Enforcement.OPTIONAL), "read before"),)

    def slowly(key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        memory = settings.location_memory
        memory.put("office", lax, stage.time.steady, memory.generation)
        return save(key, document, version, expected)

    object.__setattr__(settings.hooks.save, "function", slowly)
    assert ada.confirm(preview).status == 303
    object.__setattr__(settings.hooks.save, "function", save)
    assert settings.location_memory.get("office", stage.time.steady) is not lax
    assert ada.go("/office").status == 200
    stage.time.advance(301)
    assert ada.go("/office").status == 303


def test_lost_settings_are_not_the_default(make_stage: Callable[..., Stage]) -> None:
    """A store that has lost everything is 503: the lax default does not take the place of strict settings."""
    stage = make_stage(plugins=[LocationSettings(default=Policy(Enforcement.OFF))])
    ada = stage.person("ada")
    ada.set_up()
    ada.save(enforce="1", from_date="2027-01-04", zone="UTC")
    assert stage.person("zoe").go("/office").status == 303
    for key in stage.store.scan("main/", None, 100):
        stored = stage.store.load(key)
        assert stored is not None
        assert stage.store.save(key, None, "gone", stored.version) is True
    assert stage.person("zoe").go("/office").status == 503


def test_without_settings_default_and_opinion_there_is_no_pass(make_stage: Callable[..., Stage]) -> None:
    """Where nothing is stored and nobody has an opinion, the answer is 503 and never the application's."""
    stage = make_stage(plugins=[LocationSettings()])
    assert stage.person("max").go("/office").status == 503


def test_the_form_begins_with_the_default(make_stage: Callable[..., Stage]) -> None:
    """Where nothing is stored the form holds what the default policy says: sent as it is, it weakens nothing."""
    default = Policy(
        Enforcement.REQUIRED,
        cutoff=datetime(2027, 2, 1, tzinfo=UTC),
        after_cutoff=AfterCutoff.DENY,
        grace=timedelta(days=2),
        max_age=timedelta(minutes=20),
        trust_browser_for=timedelta(days=7),
        tokens=Tokens.ALLOW,
        enrollment=Enrollment.TICKET,
        tickets_from=datetime(2028, 1, 1, tzinfo=UTC),
    )
    assert policy_of(rules_of(default, "Europe/Vienna")) == default
    stage = make_stage(
        plugins=[LocationSettings(default=Policy(Enforcement.REQUIRED, cutoff=default.cutoff))]
    )
    ada = stage.person("ada")
    ada.set_up()
    form = ada.go(OFFICE).form(field="from_date")
    assert (form.value("enforce"), form.value("from_date")) == ("1", "2027-02-01")
    assert "Nothing is different from what holds now." in ada.browser.submit(form).words


def test_the_page_tells_the_moment_in_the_locations_zone(stage: Stage, admin: Person) -> None:
    """A From date begins at midnight in the location's zone, and the page tells the instant."""
    admin.save(enforce="1", from_date="2027-07-01", zone="America/New_York")
    assert "July 1, 2027, 12:00 AM (America/New_York)" in admin.go(OFFICE).words
    stage.time.now = datetime(2027, 7, 1, 3, 59, 59, tzinfo=UTC).timestamp()
    assert stage.person("max").go("/office").status == 200
    stage.time.advance(1)
    assert stage.person("max").go("/office").status == 303
