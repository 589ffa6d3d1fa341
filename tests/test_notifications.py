"""What people are written when something happened to their second factor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.locations.town import NOON, Stage
from tests.support.small_site import TestTime
from twofa_gate import Enforcement, Event, EventKind, Policy
from twofa_gate.locations import LocationSettings
from twofa_gate.notifications import WRONG_CODES, Notification, message_for
from twofa_gate.pages.language import LANGUAGES, speaking

AT = datetime(2027, 1, 4, 12, tzinfo=UTC)
EVIL = '"><script>alert(1)</script>\r\nBcc: everybody@example.com\u202e'
FACTS: dict[EventKind, dict[str, object]] = {
    EventKind.ENABLED: {"authenticator": "Phone"},
    EventKind.DISABLED: {},
    EventKind.AUTHENTICATOR_ADDED: {"authenticator": "Tablet"},
    EventKind.AUTHENTICATOR_REMOVED: {"authenticator": "Tablet"},
    EventKind.RECOVERY_CODE_USED: {"left": 2},
    EventKind.RECOVERY_CODES_RENEWED: {},
    EventKind.CODE_REFUSED: {"method": "totp", "known_browser": False, "failures": 20},
    EventKind.LOCKED: {"known_browser": False},
    EventKind.UNLOCKED: {"by": "root"},
    EventKind.RESET: {"by": "ben", "reason": "lost phone", "extension_seconds": 172_800.0},
    EventKind.TICKET_ISSUED: {"by": "ben", "location": "office", "until": "2027-01-11 12:00:00+00:00"},
    EventKind.EXTENDED: {
        "by": "ben",
        "reason": "on leave",
        "location": "office",
        "until": "2027-02-01T00:00:00+01:00",
    },
    EventKind.REMINDER_DUE: {"location": "office", "cutoff": "2027-01-07T00:00:00+01:00", "kept_out": True},
}
EVENTS = [Event("e1", kind, AT, "ada", facts) for kind, facts in FACTS.items()]
every_event = pytest.mark.parametrize("event", EVENTS, ids=[each.kind.value for each in EVENTS])
every_tag = pytest.mark.parametrize("tag", LANGUAGES.values())


def write(event: Event, **changes: Any) -> Notification:
    """Write the mail about an event."""
    given = {
        "user_label": "ada@example.com",
        "issuer": "Acme",
        "account_url": "https://acme.test/2fa/",
    } | changes
    found = message_for(event, **given)
    assert found is not None
    return found


class Words(HTMLParser):
    """The words of an HTML mail, and its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.said).split())


@every_tag
@every_event
def test_both_parts_say_the_same(event: Event, tag: str) -> None:
    """A mail has a subject on one line, and says in HTML and in plain text the same, in its language."""
    mail = write(event, language=tag)
    assert mail.subject.startswith("Acme: ")
    assert "\n" not in mail.subject
    html = Words(mail.html)
    assert html.open == []
    assert ("html", {"lang": tag, "dir": "rtl" if tag == "ar" else "ltr"}) in html.tags
    for line in mail.plain.splitlines():
        for part in line.split(": ", 1) if "https:" not in line else line.split(": ")[:1]:
            assert " ".join(part.split()) in html.words
    assert "https://acme.test/2fa/" in mail.plain
    assert [attrs["href"] for name, attrs in html.tags if name == "a"] == ["https://acme.test/2fa/"]
    assert " ".join(speaking(tag).moment(AT).split()) in html.words
    assert "%(" not in mail.subject + mail.plain + mail.html


@pytest.mark.parametrize("tag", [each for each in LANGUAGES.values() if each != "en"])
@every_event
def test_no_english_is_left(event: Event, tag: str) -> None:
    """No line of the English mail is in the mail in another language, but for the facts themselves."""
    english, other = (set(write(event, language=each).plain.splitlines()) for each in ("en", tag))
    assert english & other <= {""}


def test_the_words_of_a_reset() -> None:
    """A reset says by whom, why, how long there is to set up again, and what to do if nobody asked for it."""
    event = next(each for each in EVENTS if each.kind is EventKind.RESET)
    mail = write(event, by_label="Ben from support")
    assert mail.subject == "Acme: Two-factor authentication was reset"
    for said in (
        "By: Ben from support",
        "Reason: lost phone",
        "You have 48 hours to do so.",
        "If you did not ask for this, tell the people who run this service at once.",
        "Account: ada@example.com",
    ):
        assert said in mail.plain.splitlines()
    assert "By: ben" in write(event).plain


def test_recovery_codes_left() -> None:
    """It counts the codes that are left, and advises new ones when they are few."""
    said = {
        left: write(Event("e", EventKind.RECOVERY_CODE_USED, AT, "ada", {"left": left})).plain
        for left in (9, 1, 0)
    }
    assert "9 unused recovery codes are left." in said[9]
    assert "1 unused recovery code is left." in said[1]
    assert "No recovery codes left." in said[0]
    assert ["Make new ones" in said[left] for left in (9, 1, 0)] == [False, True, True]


def test_wrong_codes_are_told_now_and_then() -> None:
    """One wrong code is nothing to write about; the fifth, twentieth and fiftieth are."""
    told = [
        n
        for n in range(101)
        if message_for(
            Event("e", EventKind.CODE_REFUSED, AT, "ada", {"failures": n}), user_label="a", issuer="A"
        )
    ]
    assert told == sorted(WRONG_CODES) == [5, 20, 50]
    old = Event("e", EventKind.CODE_REFUSED, AT, "ada", {"method": "totp"})
    assert message_for(old, user_label="a", issuer="A") is None


def test_the_other_events_say_nothing() -> None:
    """What a person needs no mail about gives none."""
    for kind in set(EventKind) - set(FACTS):
        assert message_for(Event("e", kind, AT, "ada", {}), user_label="a", issuer="A") is None


@every_event
def test_hostile_names(event: Event) -> None:
    """Markup in a name stays text, and a line break or a turned direction in one reaches no header and no line."""
    facts = {name: EVIL if isinstance(value, str) else value for name, value in event.facts.items()}
    mail = write(Event("e", event.kind, AT, "ada", facts), user_label=EVIL, issuer=EVIL)
    assert "<script>" not in mail.html
    assert "\u202e" not in mail.subject + mail.plain + mail.html
    assert not re.search(r"^Bcc:", mail.plain, re.MULTILINE)
    sent = EmailMessage()
    sent["Subject"] = mail.subject
    assert sent["Bcc"] is None
    assert {name for name, _ in Words(mail.html).tags} <= {
        *("html", "head", "meta", "title", "body", "div", "p", "h1", "table", "tr", "td", "bdi", "a")
    }


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/2fa/", "", "data:text/html,x"])
def test_account_url_is_an_address(url: str) -> None:
    """A link that is no full http address is refused, and says what to give."""
    with pytest.raises(ValueError, match="https://"):
        write(EVENTS[0], account_url=url)
    assert "href" not in write(EVENTS[0], account_url=None).html


@pytest.fixture(params=["wsgi", "asgi"])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give a town whose clocks the test moves."""
    time = TestTime()
    time.now = NOON
    time.install(monkeypatch)
    settings = LocationSettings(default=Policy(Enforcement.OPTIONAL), zone="Europe/Vienna")
    made = Stage(request.param, time, plugins=[settings])
    yield made
    made.root.close()


def test_what_really_happens(stage: Stage) -> None:
    """The events of a real gate carry what the mails need: each act gives its mail, without a secret."""
    max_ = stage.person("max")
    codes = re.findall(r"(?:[0-9A-Z]{6}-){3}[0-9A-Z]{6}", max_.set_up().words)
    challenge = max_.go("/2fa/challenge")
    form = next(each for each in challenge.forms if "code" in each.names())
    for _ in range(5):
        stage.time.advance(60)
        max_.browser.submit(form, code="000000")
    stage.time.advance(900)
    max_.browser.submit(form, code=codes[0])
    stage.gate.reset("max", by="ben", reason="lost phone")
    mails = [message_for(each, user_label="max@example.com", issuer="Town") for each in stage.town.events]
    subjects = [mail.subject for mail in mails if mail is not None]
    assert subjects == [
        "Town: Two-factor authentication is on",
        "Town: Wrong codes for your account",
        "Town: A recovery code was used",
        "Town: Two-factor authentication was reset",
    ]
    everything = "".join(mail.plain + mail.html for mail in mails if mail is not None)
    assert "9 unused recovery codes are left." in everything
    assert not [code for code in codes if code in everything]
    assert max_.phone.key.secret not in everything
