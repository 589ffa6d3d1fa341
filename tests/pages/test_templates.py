"""The page templates, rendered in every state with a strict environment."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from twofa_gate import pages
from twofa_gate.core.settings import Brand
from twofa_gate.pages.qr import qr_svg

PAGES = Path(pages.__file__).parent
EVIL = '"><script>alert(1)</script>'
URI = "otpauth://totp/Acme:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme"
NOON = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
CODES = [f"0123AB-CDEFGH-JKMNPQ-RSTVW{n}" for n in range(10)]
CODE_ERRORS = (None, "wrong", "malformed", "throttled", "locked", "stale")
VOID = {"input", "meta", "link", "rect", "path", "br", "hr", "img"}


@dataclass
class Links:
    """Where the pages point outside the gate."""

    login_url: str | None = "/login"
    logout_url: str | None = "/logout"
    support: str | None = "mailto:help@example.org"
    can_sign_out: bool = True


@dataclass
class Tokens:
    """One CSRF token for each page that takes a form."""

    challenge: str = "csrf-challenge"
    enroll: str = "csrf-enroll"
    recovery_codes: str = "csrf-recovery-codes"
    disable: str = "csrf-disable"
    authenticators: str = "csrf-authenticators"
    browsers: str = "csrf-browsers"
    sign_out: str = "csrf-sign-out"
    unlock: str = "csrf-unlock"


@dataclass
class Device:
    """An authenticator as the account page is told of it."""

    id: str = "a1"
    name: str = "Phone"
    added: datetime = NOON
    last_used: datetime | None = NOON


@dataclass
class Browser:
    """A verified or trusted browser."""

    id: str = "b1"
    at: datetime = NOON
    method: str = "totp"
    current: bool = False


@dataclass
class Requirement:
    """Which location requires a second factor, and from when."""

    location: str = "billing"
    cutoff: datetime | None = NOON
    passed: bool = False


@dataclass
class Action:
    """A button of the message page."""

    label: str
    url: str
    primary: bool = False


COMMON: dict[str, Any] = {
    "_": gettext.gettext,
    "ngettext": gettext.ngettext,
    "say": str,
    "number": str,
    "when": str,
    "lang": "en",
    "dir": "ltr",
    "issuer": "Acme",
    "brand": Brand("Acme"),
    "base": "/app/2fa",
    "static": "/app/2fa/static/{}".format,
    "user_label": "ada@example.org",
    "next": "signed.value",
    "server_clock": False,
    "clock_after": lambda seconds: "12:05",
    "csrf": Tokens(),
    "links": Links(),
}


@dataclass
class State:
    """One page in one state."""

    template: str
    name: str
    context: dict[str, Any] = field(default_factory=dict)


def challenge(**changes: Any) -> dict[str, Any]:
    return {
        "trust_days": None,
        "error": None,
        "retry_after": None,
        "location": "billing",
        "reason": None,
        "recovery_accepted": True,
    } | changes


def enroll(**changes: Any) -> dict[str, Any]:
    return {
        "step": "confirm",
        "adding": False,
        "qr_svg": None,
        "secret_groups": None,
        "otpauth_uri": None,
        "error": None,
        "clock_minutes": None,
        "retry_after": None,
        "ticket_needed": False,
        "device_name": "",
        "setup": "",
    } | changes


def account(**changes: Any) -> dict[str, Any]:
    return {
        "enrolled": True,
        "enabled_since": NOON,
        "authenticators": [Device(), Device("a2", "Tablet", last_used=None)],
        "can_remove": True,
        "recovery_left": 10,
        "browsers": [Browser(current=True), Browser("b2", method="recovery_code")],
        "trusted": [Browser("t1", current=True), Browser("t2")],
        "requirement": None,
        "notice": None,
        "error": None,
        "error_for": None,
        "retry_after": None,
        "home_url": "/app/orders",
    } | changes


FRESH = {
    "qr_svg": qr_svg(URI, "QR code with your setup key"),
    "secret_groups": ["JBSW", "Y3DP", "EHPK", "3PXP", "JBSW", "Y3DP", "EHPK", "3PXP"],
    "otpauth_uri": URI,
    "setup": "0123456789abcdef",
}
NOT_ENROLLED = account(
    enrolled=False,
    enabled_since=None,
    authenticators=[],
    can_remove=False,
    recovery_left=0,
    browsers=[],
    trusted=[],
)


def code_states() -> Iterator[State]:
    for error in CODE_ERRORS:
        wait = {"throttled": 62, "locked": 90_000}.get(error or "")
        for recovery in (True, False):
            context = challenge(error=error, retry_after=wait, recovery_accepted=recovery)
            yield State("challenge", f"{error}-{'' if recovery else 'no-'}recovery", context)
        yield State("recovery_codes", str(error), {"left": 4, "error": error, "retry_after": wait})
        yield State("disable", str(error), {"required_by": [], "error": error, "retry_after": wait})
    yield State("challenge", "enabled", challenge(error="enabled"))
    for reason in ("fresh", "again"):
        yield State("challenge", reason, challenge(reason=reason))
    yield State("challenge", "trust", challenge(trust_days=30, location="default"))
    yield State("challenge", "no-location", challenge(location=""))
    yield State("recovery_codes", "none-left", {"left": 0, "error": None, "retry_after": None})
    yield State("disable", "required", {"required_by": ["billing"], "error": None, "retry_after": None})
    for error in (None, "wrong", "malformed", "stale"):
        yield State("unlock", str(error), {"error": error})


def enroll_states() -> Iterator[State]:
    for adding in (False, True):
        for error in (None, "stale", "expired"):
            yield State("enroll", f"begin-{adding}-{error}", enroll(step="begin", adding=adding, error=error))
        yield State("enroll", f"confirm-{adding}", enroll(adding=adding, **FRESH))
    for error in ("wrong", "malformed", "throttled", "stale", "expired", "replaced"):
        yield State("enroll", f"again-{error}", enroll(error=error))
    yield State("enroll", "clock", enroll(error="wrong", clock_minutes=7))
    for just_enabled in (True, False):
        shown = {"codes": CODES, "just_enabled": just_enabled, "continue_url": "/app/billing"}
        yield State("codes_shown", str(just_enabled), shown)


def account_states() -> Iterator[State]:
    yield State("account", "enrolled", account())
    yield State("account", "off", NOT_ENROLLED)
    yield State("account", "required-soon", NOT_ENROLLED | {"requirement": Requirement()})
    yield State(
        "account", "required-now", NOT_ENROLLED | {"requirement": Requirement(cutoff=None, passed=True)}
    )
    one = {"authenticators": [Device()], "can_remove": False, "browsers": [], "trusted": []}
    yield State("account", "one-device", account(**one))
    for left in (0, 1, 3):
        yield State("account", f"left-{left}", account(recovery_left=left))
    for notice in ("enabled", "renamed", "removed", "signed-out", "trusted-forgotten", "disabled"):
        yield State("account", notice, account(notice=notice))
    for error in ("wrong", "malformed", "throttled", "stale", "last"):
        yield State("account", f"error-{error}", account(error=error))


def message_states() -> Iterator[State]:
    actions = [Action("Set up", "/app/2fa/enroll", primary=True), Action("Sign out", "/logout")]
    told = {"heading": "You can't get in here", "paragraphs": ["One.", "Two."], "actions": actions}
    yield State("message", "actions", told)
    yield State("message", "bare", {"heading": "Page not found", "paragraphs": [], "actions": []})


STATES = {
    f"{state.template}-{state.name}": state
    for states in (code_states(), enroll_states(), account_states(), message_states())
    for state in states
}
every_state = pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())


def render(state: State, **common: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(PAGES / "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template(f"{state.template}.html").render(COMMON | common | state.context)


class Page(HTMLParser):
    """What the claims below ask about a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.forms: list[dict[str, Any]] = []
        self.unclosed: list[str] = []
        self.labelled: set[str] = set()
        self.title = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.elements.append((tag, values))
        if tag == "form":
            self.forms.append({"attrs": values, "inputs": {}})
        elif tag == "input":
            if "form" in self.unclosed:
                self.forms[-1]["inputs"][values["name"]] = values
            if "label" in self.unclosed:
                self.labelled.add(values.get("id") or values["name"])
        elif tag == "label" and "for" in values:
            self.labelled.add(values["for"])
        if tag not in VOID:
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.unclosed and self.unclosed[-1] == "title" and "svg" not in self.unclosed:
            self.title += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    @property
    def fields(self) -> list[dict[str, str]]:
        return [attrs for attrs in self.attributes("input") if attrs["type"] != "hidden"]


def weight(html: str) -> int:
    return len(html.encode()) + sum(
        len((PAGES / "static" / n).read_bytes()) for n in ("style.css", "twofa.js")
    )


@every_state
def test_strict_policy(state: State) -> None:
    """A page holds nothing that the strict content policy blocks, and asks for nothing but our two files."""
    page = Page(render(state))
    for tag, attrs in page.elements:
        assert tag not in ("style", "base", "iframe", "object", "img")
        assert not [name for name in attrs if name == "style" or name.startswith("on")]
        assert not [value for value in attrs.values() if value.startswith(("data:", "javascript:"))]
    assert [attrs["src"] for attrs in page.attributes("script")] == ["/app/2fa/static/twofa.js"]
    assert [attrs["href"] for attrs in page.attributes("link")] == ["/app/2fa/static/style.css"]
    assert "<script>" not in render(state)


@every_state
def test_structure(state: State) -> None:
    """A page is well formed, says its language, and has one main heading, one main part and unique ids."""
    page = Page(render(state))
    assert page.unclosed == []
    assert page.attributes("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(page.attributes("h1")) == len(page.attributes("main")) == 1
    assert len(page.ids) == len(set(page.ids))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@every_state
def test_names(state: State) -> None:
    """Every field has a label, and every reference to an id finds its element."""
    page = Page(render(state))
    for attrs in page.fields:
        assert (attrs.get("id") or attrs["name"]) in page.labelled
    for _, attrs in page.elements:
        for reference in ("aria-describedby", "aria-labelledby", "for", "data-copy", "data-download"):
            for target in attrs.get(reference, "").split():
                assert target in page.ids


@every_state
def test_errors_are_told(state: State) -> None:
    """An error begins the title, is an alert and is tied to the fields for a code; else there is none."""
    page = Page(render(state))
    alerts = [attrs["id"] for _, attrs in page.elements if attrs.get("role") == "alert"]
    error = state.context.get("error")
    tied = [attrs for attrs in page.fields if "error" in attrs.get("aria-describedby", "").split()]
    invalid = [attrs for attrs in page.fields if attrs.get("aria-invalid") == "true"]
    if not error or (state.template == "disable" and state.context["required_by"]):
        assert (alerts, tied, invalid, page.title.startswith("Error: ")) == ([], [], [], False)
        return
    assert alerts == ["error"]
    assert page.title.startswith("Error: ")
    if error in ("wrong", "malformed"):
        assert tied
        assert tied == invalid


@every_state
def test_forms(state: State) -> None:
    """Every form posts to one of our pages, with that page's token and the signed parameter."""
    for form in Page(render(state)).forms:
        assert form["attrs"]["method"] == "post"
        match = re.fullmatch("/app/2fa/([a-z-]+)(/a[12])?", form["attrs"]["action"])
        assert match
        assert form["inputs"]["csrf"]["value"] == f"csrf-{match[1]}"
        assert form["inputs"]["next"]["value"] == "signed.value"


@every_state
def test_markup_in_names_stays_text(state: State) -> None:
    """Names that come from outside are shown as they are, and never become markup."""
    devices = [Device("a1", EVIL)]
    hostile: dict[str, Any] = {
        "location": EVIL,
        "required_by": [EVIL],
        "requirement": Requirement(EVIL),
        "heading": EVIL,
        "paragraphs": [EVIL],
        "actions": [Action(EVIL, EVIL)],
        "authenticators": devices,
        "continue_url": EVIL,
        "secret_groups": [EVIL],
        "otpauth_uri": EVIL,
        "codes": [EVIL],
    }
    context = state.context | {name: value for name, value in hostile.items() if name in state.context}
    common = {
        "user_label": EVIL,
        "issuer": EVIL,
        "brand": Brand(EVIL),
        "next": EVIL,
        "links": Links(EVIL, EVIL, EVIL, can_sign_out=False),
    }
    html = render(State(state.template, state.name, context), **common)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert Page(html).unclosed == []


@every_state
def test_weight(state: State) -> None:
    """A page weighs less than 30 kB with its style sheet and script, uncompressed."""
    assert weight(render(state)) < 30_000


def test_weight_of_the_longest_key() -> None:
    """A QR code for a long address and a long issuer keeps the page below 30 kB too."""
    uri = URI.replace("ada", "a" * 64).replace("Acme", "The+Acme+Company+of+Somewhere")
    html = render(
        State("enroll", "long", enroll(**(FRESH | {"qr_svg": qr_svg(uri, "QR"), "otpauth_uri": uri})))
    )
    assert weight(html) < 30_000


@every_state
def test_anonymous_and_bare(state: State) -> None:
    """A page renders for nobody in particular, without links to the host and without a way back."""
    page = Page(render(state, user_label=None, next="", links=Links(None, None, None, can_sign_out=False)))
    assert not [form for form in page.forms if "next" in form["inputs"]]
    assert not [attrs for attrs in page.attributes("a") if "next=" in attrs["href"]]
    assert not [form for form in page.forms if form["attrs"]["action"].endswith("/sign-out")]


def test_right_to_left() -> None:
    """The direction of the language is the page's; codes keep their own."""
    page = Page(render(STATES["challenge-None-recovery"], lang="ar", dir="rtl"))
    assert page.attributes("html") == [{"lang": "ar", "dir": "rtl"}]
    assert {attrs["dir"] for attrs in page.fields} == {"ltr"}


def test_every_word_is_translatable() -> None:
    """All text that isn't data comes from the catalog: with an empty catalog no letter of ours is left."""

    def placeholders(text: str) -> str:
        return " ".join(re.findall(r"%\([a-z]+\)s", text))

    for state in STATES.values():
        if state.template == "message":
            continue
        html = render(
            state, _=placeholders, ngettext=lambda one, many, n: placeholders(one if n == 1 else many)
        )
        text = re.sub(r"<head>.*?</head>|<svg.*?</svg>|<time.*?</time>|<[^>]*>", " ", html, flags=re.DOTALL)
        data = (
            "Acme|ada@example.org|billing|office|Phone|Tablet|[0-9A-Z]{6}(-[0-9A-Z]{6})+|[A-Z0-9]{4}|&#3[49];"
        )
        names = "Google Authenticator, Microsoft Authenticator, Aegis, 2FAS, 1Password, Bitwarden"
        assert re.findall("[A-Za-z]+", re.sub(data, "", text.replace(names, ""))) == []


def test_challenge_field() -> None:
    """The challenge's field has the focus, the numeric keyboard and the code that a phone suggests."""
    field_ = Page(render(STATES["challenge-None-recovery"])).fields[0]
    wanted = {"name": "code", "inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "40"}
    assert wanted.items() <= field_.items()
    assert "autofocus" in field_


def test_recovery_code_can_be_typed_on_a_phone() -> None:
    """Recovery codes have letters, so their field has no numeric keyboard; it posts the same name."""
    fields = Page(render(STATES["challenge-None-recovery"])).fields
    recovery = next(attrs for attrs in fields if attrs.get("id") == "recovery")
    assert recovery["name"] == "code"
    assert "inputmode" not in recovery


def test_recovery_field_only_where_accepted() -> None:
    """Where recovery codes don't count there is no field for one."""
    assert "recovery" not in Page(render(STATES["challenge-None-no-recovery"])).ids


def test_locked_offers_unlock() -> None:
    """A locked account can't use the app's code here: it gets the way to unlock, and the recovery code."""
    page = Page(render(STATES["challenge-locked-recovery"]))
    assert "/app/2fa/unlock?next=signed.value" in [attrs["href"] for attrs in page.attributes("a")]
    assert [attrs["id"] for attrs in page.fields] == ["recovery"]


def test_trust_is_never_sent_unasked() -> None:
    """The script sends the code by itself, but leaves time to tick the box where there is one."""
    trust = Page(render(STATES["challenge-trust"])).fields
    assert next(attrs for attrs in trust if attrs["name"] == "trust")["value"] == "1"
    assert "data-submit" not in trust[0]
    assert "data-submit" in Page(render(STATES["challenge-None-recovery"])).fields[0]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "1 second"),
        (59, "59 seconds"),
        (61, "2 minutes"),
        (900, "15 minutes"),
        (7200, "2 hours"),
        (260_000, "4 days"),
    ],
)
def test_wait_is_told_humanely(seconds: int, told: str) -> None:
    """A wait is told in the largest fitting unit, rounded up, and exactly to the script."""
    html = render(State("challenge", "wait", challenge(error="throttled", retry_after=seconds)))
    assert f">{told}</span>" in html
    assert f'data-retry-after="{seconds}"' in html


def test_wrong_enrollment_code_does_not_repeat_the_secret() -> None:
    """After a wrong code there is neither the key nor its picture on the page, but the way to start over."""
    html = render(STATES["enroll-again-wrong"])
    assert "<svg xmlns" not in html
    assert "otpauth:" not in html
    assert "Start over" in html


def test_wrong_enrollment_code_keeps_the_name() -> None:
    """The name that was typed beside a wrong code is still there."""
    page = Page(render(State("enroll", "named", enroll(error="wrong", device_name=EVIL))))
    assert next(attrs for attrs in page.fields if attrs["name"] == "name")["value"] == EVIL


def test_button_words() -> None:
    """The buttons carry the words that guides and users know."""
    assert "<button>Verify and enable</button>" in render(STATES["enroll-confirm-False"])
    assert ">Verify and disable</button>" in render(STATES["disable-None"])
    assert "Verify and disable" not in render(STATES["disable-required"])


def test_account_warns_when_few_codes_are_left() -> None:
    """Three recovery codes or fewer are a warning, ten are not."""
    assert "Only 3 recovery codes left." in render(STATES["account-left-3"])
    assert "Only 1 recovery code left." in render(STATES["account-left-1"])
    assert "No recovery codes left." in render(STATES["account-left-0"])
    assert 'class="note warning"' not in render(STATES["account-enrolled"])


def test_account_opens_the_form_that_failed() -> None:
    """Told which device had the error, the page opens its form and ties the error to its field alone."""
    page = Page(render(State("account", "failed", account(error="wrong", error_for="a2"))))
    assert ["open" in attrs for attrs in page.attributes("details")] == [False, True]
    assert [attrs["id"] for attrs in page.fields if "aria-invalid" in attrs] == ["device2-code"]


def test_last_device_can_not_be_removed() -> None:
    """Where the only device may not go there is no button to remove it, and advice to add another."""
    html = render(STATES["account-one-device"])
    assert 'value="remove"' not in html
    assert "You have only one device." in html


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
    page = Page(render(STATES["challenge-None-recovery"], links=Links(support=support)))
    assert (support in [attrs["href"] for attrs in page.attributes("a")]) is linked
