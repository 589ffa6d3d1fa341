"""What single pages owe to the people before them: words, fields, and what is not shown twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from tests.pages.page import Page
from tests.pages.scene import Names
from tests.pages.states import Theater
from twofa_gate import pages
from twofa_gate.pages.language import speaking

pytestmark = pytest.mark.needs("oathtool")

TEMPLATES = Path(pages.__file__).parent / "templates"


def page(theater: Theater, name: str) -> Page:
    """Show a state."""
    return Page(theater.show(name, "en").text)


def test_challenge_field(theater: Theater) -> None:
    """The challenge's field has the focus, the numeric keyboard and the code that a phone suggests."""
    field = page(theater, "challenge").fields[0]
    wanted = {"name": "code", "inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "40"}
    assert wanted.items() <= field.items()
    assert "autofocus" in field


def test_recovery_code_can_be_typed_on_a_phone(theater: Theater) -> None:
    """Recovery codes have letters, so their field has no numeric keyboard; it posts the same name."""
    fields = page(theater, "challenge").fields
    recovery = next(attrs for attrs in fields if attrs.get("id") == "recovery")
    assert recovery["name"] == "code"
    assert "inputmode" not in recovery


def test_recovery_field_only_where_accepted(theater: Theater) -> None:
    """Where recovery codes don't count there is no field for one."""
    assert "recovery" in page(theater, "challenge").ids
    assert "recovery" not in page(theater, "challenge-no-recovery").ids


def test_locked_offers_unlock(theater: Theater) -> None:
    """A locked account can't use the app's code here: it gets the way to unlock, and the recovery code."""
    shown = page(theater, "challenge-locked")
    assert [each for each in shown.attributes("a") if each["href"].startswith("/2fa/unlock")]
    assert [attrs["id"] for attrs in shown.fields] == ["recovery"]


def test_trust_is_never_sent_unasked(theater: Theater) -> None:
    """The script sends the code by itself, but leaves time to tick the box where there is one."""
    trust = page(theater, "challenge-trust").fields
    assert next(attrs for attrs in trust if attrs["name"] == "trust")["value"] == "1"
    assert "data-submit" not in trust[0]
    assert "data-submit" in page(theater, "challenge").fields[0]


def test_nothing_leads_where_the_host_names_nothing(theater: Theater) -> None:
    """Without links of the host there is no button to sign out, and no link out of the gate."""
    shown = page(theater, "challenge-bare")
    assert not [form for form in shown.forms if form["attrs"]["action"].endswith("/sign-out")]
    assert [
        form for form in page(theater, "challenge").forms if form["attrs"]["action"].endswith("/sign-out")
    ]
    assert all(each["href"].startswith("/2fa/") for each in shown.attributes("a"))


@pytest.mark.parametrize(
    ("seconds", "told", "clock"),
    [
        (1, "1 second", "0:01"),
        (59, "59 seconds", "0:59"),
        (61, "2 minutes", "1:01"),
        (900, "15 minutes", "15:00"),
        (7200, "2 hours", None),
        (260_000, "4 days", None),
    ],
)
def test_wait_is_told_humanely(seconds: int, told: str, clock: str | None) -> None:
    """A wait is told in the largest fitting unit, rounded up; below an hour the script counts it down."""
    spoken = speaking("en")
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.globals |= {"_": spoken.gettext, "ngettext": spoken.ngettext, "number": spoken.number}
    made = environment.from_string('{% from "_macros.html" import timer with context %}{{ timer(seconds) }}')
    html = made.render(seconds=seconds)
    assert f">{told}</span>" in html
    assert f'data-retry-after="{seconds}"' in html
    assert ('class="js"' in html) is ('class="nojs"' in html) is (clock is not None)
    assert clock is None or f">{clock}</span>" in html


@pytest.mark.parametrize("name", ["enroll-wrong", "enroll-malformed", "enroll-throttled", "enroll-clock"])
def test_after_a_wrong_code_the_secret_is_not_repeated(theater: Theater, name: str) -> None:
    """After a wrong code there is neither the key nor its picture on the page, but the way to start over."""
    scan, html = theater.show("enroll-scan", "en").text, theater.show(name, "en").text
    assert ("otpauth:" in scan, 'id="key"' in scan, 'class="qr"' in scan) == (True, True, True)
    assert ("otpauth:" in html, 'id="key"' in html, 'class="qr"' in html) == (False, False, False)
    assert "Start over" in html


def test_a_wrong_code_keeps_the_name(theater: Theater) -> None:
    """The name that was typed beside a wrong code is still there."""
    fields = page(theater, "enroll-wrong").fields
    assert next(attrs for attrs in fields if attrs["name"] == "name")["value"] == Names().device


def test_button_words(theater: Theater) -> None:
    """The buttons carry the words that guides and users know."""
    assert "<button>Verify and enable</button>" in theater.show("enroll-scan", "en").text
    assert ">Verify and disable</button>" in theater.show("disable", "en").text
    assert "Verify and disable" not in theater.show("disable-required", "en").text


def test_few_codes_are_a_warning(theater: Theater) -> None:
    """Three recovery codes or fewer are a warning, ten are not."""
    assert 'class="note warning"' in theater.show("account-few-codes", "en").text
    assert 'class="note warning"' not in theater.show("account", "en").text


def test_the_form_that_failed_is_open(theater: Theater) -> None:
    """The form of the device that had the error is open again, and the error is tied to its field alone."""
    shown = page(theater, "account-wrong")
    assert ["open" in attrs for attrs in shown.attributes("details")] == [True, False]
    assert [attrs["id"] for attrs in shown.fields if "aria-invalid" in attrs] == ["device1-code"]


def test_last_device_can_not_be_removed(theater: Theater) -> None:
    """Where the only device may not go there is no button to remove it."""
    assert 'value="remove"' not in theater.show("account", "en").text
    assert 'value="remove"' in theater.show("account-many", "en").text


@pytest.mark.parametrize(
    ("support", "linked"),
    [
        ("https://example.org/help", True),
        ("mailto:help@example.org", True),
        ("Call 555-0100", False),
        ("javascript:alert(1)", False),
    ],
)
def test_support_is_a_link_only_if_it_looks_like_one(support: str, linked: bool) -> None:
    """Support may be an address or plain words; only an address becomes a link."""
    opened = Theater("wsgi", Names(support=support))
    shown = page(opened, "challenge")
    opened.close()
    assert (support in [attrs["href"] for attrs in shown.attributes("a")]) is linked
