"""The languages on a person's way; what holds for every page in every language is in tests/pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.locations.town import NOON, ODD, Person, Stage
from tests.support.small_site import TestTime
from twofa_gate import AfterCutoff, Enforcement, Policy, User, hookimpl
from twofa_gate.locations.addresses import to_segment
from twofa_gate.pages.language import LANGUAGES, speaking
from twofa_gate.request import GateRequest

TAGS = list(LANGUAGES.values())
OTHERS = [each for each in TAGS if each != "en"]
every_tag = pytest.mark.parametrize("tag", TAGS)
every_other = pytest.mark.parametrize("tag", OTHERS)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> TestTime:
    """Stop both clocks at a Monday noon."""
    clock = TestTime()
    clock.now = NOON
    clock.install(monkeypatch)
    return clock


class Speaker:
    """A host that knows its users' languages, or fails to."""

    def __init__(self) -> None:
        self.word: Any = None
        self.asked: list[str] = []

    @hookimpl
    def language(self, request: GateRequest, user: User) -> Any:
        """Say what the test says."""
        self.asked.append(user.id)
        if isinstance(self.word, Exception):
            raise self.word
        return self.word


@pytest.fixture
def speaker() -> Speaker:
    """Give the host's word."""
    return Speaker()


@pytest.fixture(params=["wsgi", "asgi"])
def stage(request: pytest.FixtureRequest, time: TestTime, speaker: Speaker) -> Iterator[Stage]:
    """Give a town whose host has something to say about languages."""
    made = Stage(request.param, time, plugins=[speaker])
    yield made
    made.root.close()


def wishing(stage: Stage, name: str, wish: str) -> Person:
    """Log somebody in whose browser wishes for a language with everything it sends."""
    person = stage.person(name)
    send: Callable[..., Any] = person.browser.send

    def wishing(method: str, url: str, *, headers: Any = None, **more: Any) -> Any:
        return send(method, url, headers={**(headers or {}), "Accept-Language": wish}, **more)

    person.browser.send = wishing  # type: ignore[method-assign] # as the owner of this browser has set it
    return person


@every_tag
def test_the_way_in(stage: Stage, tag: str) -> None:
    """Setting up, the account, the challenge with a wrong code, and the codes, each in the person's language."""
    say = speaking(tag).gettext
    max_ = wishing(stage, "max", f"{tag};q=0.9, zz")
    page = max_.go("/2fa/")
    assert page.title.startswith(say("Two-factor authentication"))
    assert f'<html lang="{tag}"' in page.text
    codes = max_.set_up()
    assert codes.title.startswith(say("Save your recovery codes")), codes.words
    stage.time.advance(13 * 3600)
    challenge = max_.go("/2fa/challenge")
    form = next(each for each in challenge.forms if "code" in each.names())
    wrong = max_.browser.submit(form, code="000000")
    assert wrong.status == 403
    assert say("That code didn\u2019t work.") in wrong.words
    assert speaking(tag).say(say("Error: %(title)s") % {"title": say("Enter your code")}) in wrong.title


@every_tag
def test_a_locations_pages(stage: Stage, tag: str) -> None:
    """An administrator's pages, their errors and the preview, in each language."""
    spoken = speaking(tag)
    say = spoken.gettext
    stage.town.admins["office"].add("max")
    admin = wishing(stage, "max", tag)
    admin.set_up()
    page = admin.go("/2fa/locations/office")
    assert say("Security settings") in page.words
    wrong = admin.settings_form(grace_days="9999", max_age_minutes="1")
    assert wrong.status == 400
    told = say("Enter a whole number from %(low)s to %(high)s.")
    assert " ".join((told % {"low": spoken.number(5), "high": spoken.number(43_200)}).split()) in wrong.words
    preview = admin.settings_form(enforce="1", from_date="2027-07-01", missed="deny")
    assert preview.status == 200
    assert say("Before this is saved") in preview.words
    begins = spoken.moment(datetime(2027, 7, 1, tzinfo=ZoneInfo("Europe/Vienna")))
    assert " ".join(begins.split()) in preview.words
    member = admin.go("/2fa/locations/office/member?id=zoe")
    assert say("More time") in member.words
    nobody = admin.go("/2fa/locations/office/member?id=nobody")
    assert (nobody.status, say("No such member") in nobody.words) == (404, True)
    foreign = admin.go("/2fa/locations/billing")
    assert (foreign.status, say("Not one of your locations") in foreign.words) == (403, True)


@every_other
def test_plain_answers(stage: Stage, tag: str) -> None:
    """Answers of one line are in the browser's language too: no such page, not signed in, wrong method."""
    say = speaking(tag).gettext
    max_ = wishing(stage, "max", tag)
    assert say("There is no such page.") in max_.go("/2fa/nothing").text
    assert say("This page does not answer that method.") in max_.browser.send("PUT", "/2fa/enroll").text
    nobody = stage.root.another().navigate("/2fa/", headers={"Accept-Language": tag})
    assert (nobody.status, nobody.text) == (403, say("Sign in first.") + "\n")


def test_api_stays_english(stage: Stage) -> None:
    """The JSON API speaks English to programs, whatever the browser wishes."""
    ada = wishing(stage, "ada", "de")
    answer = ada.browser.send("POST", "/2fa/api/v1/challenge", headers={"Accept": "application/json"})
    assert answer.status == 415
    assert "application/json" in answer.json()["detail"]


@every_other
def test_kept_out(stage: Stage, tag: str) -> None:
    """Who is kept out reads since when, in the words and the dates of their language."""
    since = datetime(2027, 1, 1, 8, tzinfo=UTC)
    stage.town.extra = Policy(Enforcement.REQUIRED, cutoff=since, after_cutoff=AfterCutoff.DENY)
    page = wishing(stage, "max", tag).go("/office/")
    spoken = speaking(tag)
    assert page.status == 403
    assert page.title.startswith(spoken.gettext("You are kept out here for now"))
    told = spoken.gettext(
        "%(location)s requires two-factor authentication since %(date)s, "
        "and it was not set up in time in your account."
    )
    assert " ".join((told % {"location": "office", "date": spoken.moment(since)}).split()) in page.words


@every_tag
@pytest.mark.parametrize(("hours", "left"), [(72, "%(n)s day left"), (3, "less than %(n)s hour left")])
def test_banner(stage: Stage, tag: str, hours: int, left: str) -> None:
    """The banner in the host's page has its own language and direction, its dates, and counts what is left."""
    cutoff = datetime.fromtimestamp(NOON, UTC) + timedelta(hours=hours)
    stage.town.extra = Policy(Enforcement.REQUIRED, cutoff=cutoff)
    page = wishing(stage, "max", tag).go("/office/")
    assert "private page" in page.words
    spoken = speaking(tag)
    assert f'lang="{tag}" dir="{spoken.direction}"' in page.text
    n = hours if hours < 24 else hours // 24
    counted = spoken.ngettext(left, left.replace("day", "days").replace("hour", "hours"), n)
    assert counted % {"n": spoken.number(n)} in page.words
    assert spoken.gettext("Hide until I next sign in") in page.words


def test_the_hosts_word(stage: Stage, speaker: Speaker) -> None:
    """The host's word comes before the browser's wish; without one, or in a language that we lack, the wish counts."""
    ada = wishing(stage, "ada", "ja")
    for word, tag in (
        ("de", "de"),
        ("pt-BR", "pt-BR"),
        (None, "ja"),
        ("sv", "ja"),
        ("", "ja"),
        ("\0;q=", "ja"),
    ):
        speaker.word = word
        assert f'<html lang="{tag}"' in ada.go("/2fa/").text
    assert set(speaker.asked) == {"ada"}


@pytest.mark.parametrize("word", [RuntimeError("no such column"), 7, object()])
def test_a_hook_that_fails(
    stage: Stage, speaker: Speaker, word: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A language hook that raises, or gives nonsense, is logged, and the page comes in the browser's language."""
    speaker.word = word
    page = wishing(stage, "ada", "fr").go("/2fa/")
    assert (page.status, '<html lang="fr"' in page.text) == (200, True)
    assert "language_failed" in caplog.text


def test_nobody_is_asked_for_an_ordinary_request(stage: Stage, speaker: Speaker) -> None:
    """The hook is asked for pages, not for requests that go to the application."""
    ada = stage.person("ada")
    assert "private page" in ada.go("/lobby/").words
    assert speaker.asked == []


def test_odd_location(stage: Stage) -> None:
    """The page of a location with per cent and slash in its name renders in another language."""
    ada = wishing(stage, "ada", "ar")
    ada.set_up()
    page = ada.go(f"/2fa/locations/{to_segment(ODD)}")
    assert (page.status, ODD in page.words) == (200, True)
