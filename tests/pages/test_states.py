"""Every page in every state, as the gate answers it, in every language: whole, light, and safe.

What is true of all pages is held here once. A new state is one more story in `tests/pages/states`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.pages.page import Page
from tests.pages.scene import EVIL_TEXT, Names, Shown
from tests.pages.states import STATES, Theater
from tests.support.html import read_page
from twofa_gate import pages
from twofa_gate.core.refusal import SECURITY_HEADERS
from twofa_gate.pages.language import speaking

pytestmark = pytest.mark.needs("oathtool")

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(pages.__file__).parent / "templates"
LIMIT = 30_000
"""Bytes that a page may weigh with all that it loads, uncompressed."""

every_state = pytest.mark.parametrize("name", STATES)
every_page = pytest.mark.parametrize("name", [each for each in STATES if not each.startswith("plain-")])
our_pages = pytest.mark.parametrize(
    "name", [each for each in STATES if not each.startswith(("plain-", "banner"))]
)


def words(shown: Shown) -> str:
    """Return what a person reads."""
    return read_page(shown.text, shown.url)[3] if shown.is_html else shown.text


def parsed(theater: Theater, name: str) -> list[tuple[Shown, Page]]:
    """Return a state in all languages, with what its markup says."""
    return [(each, _parse(each.text)) for each in theater.every(name)]


@cache
def _parse(text: str) -> Page:
    return Page(text)


def files(shown: Shown) -> list[str]:
    """Return the addresses of the files that a page loads."""
    found = re.findall(r'<(?:link|script|img)\b[^>]*(?:href|src)="([^"]+)"', shown.text)
    return [each.replace("&amp;", "&") for each in found]


@every_state
def test_it_is_the_state(theater: Theater, name: str) -> None:
    """The story ends in the state: the page says what only this state says."""
    assert STATES[name].says in words(theater.show(name))


@every_state
def test_both_drivers_answer_alike(theater: Theater, asgi_theater: Theater, name: str) -> None:
    """Status, headers, words and forms are the same through WSGI and ASGI."""

    def told(shown: Shown) -> tuple[Any, ...]:
        forms = read_page(shown.text, shown.url)[0] if shown.is_html else []
        said = re.sub(r"[0-9A-Z]{4,6}(-[0-9A-Z]{4,6})+|\b[A-Z2-7]{4}\b", "", words(shown))
        headers = sorted(each for each in shown.headers if each != "content-length")
        return shown.status, headers, said, [(each.method, each.names()) for each in forms]

    assert told(asgi_theater.show(name)) == told(theater.show(name))


def test_every_template_is_rendered(theater: Theater) -> None:
    """Each template of a page is in some state; those that are only parts of others need none."""
    rendered = {template for name in STATES for template in theater.show(name).rendered}
    parts = {"base.html", "_macros.html", "_location.html"}
    assert rendered == {each.name for each in TEMPLATES.glob("*.html")} - parts


def _documented() -> Any:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("docs_templates", ROOT / "tools" / "docs_templates.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / "tools"))


@every_page
def test_templates_are_given_what_is_documented(theater: Theater, name: str) -> None:
    """In each state a template is given the names of the reference, no more and no fewer."""
    documented = _documented()
    everywhere = {each for names in documented.COMMON for each in names.split(", ")}
    for template, given in theater.show(name).rendered.items():
        if template in documented.TEMPLATES:
            assert set(given) == everywhere | set(documented.TEMPLATES[template])
        else:
            assert template.startswith("location")


@our_pages
def test_markup(theater: Theater, name: str) -> None:
    """A page is well formed, says its language and direction, and has one main heading and unique ids."""
    for shown, page in parsed(theater, name):
        assert page.unclosed == []
        direction = "rtl" if shown.language == "ar" else "ltr"
        assert page.attributes("html") == [{"lang": shown.language, "dir": direction}]
        assert len(page.attributes("h1")) == len(page.attributes("main")) == 1
        assert len(page.ids) == len(set(page.ids))
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        assert "%(" not in shown.text


@our_pages
def test_codes_keep_their_direction(theater: Theater, name: str) -> None:
    """Fields for codes, keys, days and zones are written from left to right in every language."""
    for _, page in parsed(theater, name):
        free = {"name", "reason", "q"}
        assert {attrs.get("dir") for attrs in page.fields if attrs["name"] in free} <= {"auto"}
        typed = [attrs for attrs in page.fields if attrs["type"] in ("text", "date")]
        assert {attrs.get("dir") for attrs in typed if attrs["name"] not in free} <= {"ltr"}


@our_pages
def test_strict_policy(theater: Theater, name: str) -> None:
    """Every answer has our headers, and holds nothing that they forbid: no inline code, no other host."""
    for shown, page in parsed(theater, name):
        assert all(shown.headers[each] == value for each, value in SECURITY_HEADERS)
        for tag, attrs in page.elements:
            assert tag not in ("style", "base", "iframe", "object")
            assert not [each for each in attrs if each == "style" or each.startswith("on")]
            assert not [value for value in attrs.values() if value.startswith(("data:", "javascript:"))]
        assert "<script>" not in shown.text
        assert all(each.startswith("/2fa/static/") for each in files(shown))


@every_state
def test_weight(theater: Theater, name: str) -> None:
    """A page weighs less than 30 kB with its style sheets, script and pictures, uncompressed."""
    for shown in theater.every(name):
        loaded = [theater.file(name, each) for each in files(shown) if "host.css" not in each]
        assert all(each.status_code == 200 for each in loaded)
        assert len(shown.text.encode()) + sum(len(each.content) for each in loaded) < LIMIT


def test_weight_of_the_longest_key() -> None:
    """A QR code for a long address and a long issuer keeps the page below 30 kB too."""
    names = Names(issuer="The Acme Company of Somewhere", domain="a" * 60 + ".example.com")
    theater = Theater("wsgi", names)
    shown = theater.show("enroll-scan")
    theater.close()
    loaded = [theater.file("enroll-scan", each).content for each in files(shown)]
    assert len(shown.text.encode()) + sum(map(len, loaded)) < LIMIT


@our_pages
def test_labels(theater: Theater, name: str) -> None:
    """Every field has a label, and every reference to an id finds its element."""
    for _, page in parsed(theater, name):
        for attrs in page.fields:
            assert (attrs.get("id") or attrs["name"]) in page.labelled
        for _, attrs in page.elements:
            for reference in ("aria-describedby", "aria-labelledby", "for", "data-copy", "data-download"):
                for target in attrs.get(reference, "").split():
                    assert target in page.ids


@our_pages
def test_errors_are_told(theater: Theater, name: str) -> None:
    """An error begins the title and is an alert, and no page without one has either; a field says its own."""
    for shown, page in parsed(theater, name):
        begins = speaking(shown.language).gettext("Error: %(title)s").partition("%")[0]
        alerts = [attrs["id"] for _, attrs in page.elements if attrs.get("role") == "alert"]
        invalid = [attrs for attrs in page.fields if attrs.get("aria-invalid") == "true"]
        assert alerts in ([], ["error"])
        assert page.title.startswith(begins) is bool(alerts)
        for attrs in invalid:
            about = attrs["aria-describedby"].split()
            assert alerts
            assert {"error", f"{attrs['id']}-error"} & set(about)


ABOUT_A_FIELD = [
    each
    for each in STATES
    if each.endswith(("-wrong", "-malformed", "-fields", "-past-day", "-no-reason", "-guard"))
    and each != "member-malformed"
]


@pytest.mark.parametrize("name", ABOUT_A_FIELD)
def test_errors_are_tied_to_their_fields(theater: Theater, name: str) -> None:
    """Where what was typed can't be taken, a field is marked as invalid and described by the error."""
    page = Page(theater.show(name).text)
    assert [attrs for attrs in page.fields if attrs.get("aria-invalid") == "true"]


@our_pages
def test_titles_say_the_state(theater: Theater, name: str) -> None:
    """The title begins with the main heading's words, after the word for an error, and ends with the host's name."""
    for shown, page in parsed(theater, name):
        heading = re.search(r"<h1>(.*?)</h1>", shown.text, re.DOTALL)
        assert heading
        told = read_page(heading[1], shown.url)[3]
        assert re.fullmatch(rf"([^·]+)?{re.escape(told)}( · [^·]+)? · Acme( Ovens)?", page.title), page.title


@our_pages
def test_forms(theater: Theater, name: str) -> None:
    """Every form that posts goes to one of our pages, with a token, or sends a sealed form on; the others only look."""
    for form in (form for _, page in parsed(theater, name) for form in page.forms):
        if "twofa_form" in form["inputs"]:
            assert form["attrs"]["action"].endswith("twofa_form")
            assert set(form["inputs"]) == {"twofa_form"}
        elif form["attrs"]["method"] == "post":
            assert form["attrs"]["action"].startswith("/2fa/")
            assert len(form["inputs"]["csrf"]["value"]) > 40
        else:
            assert "csrf" not in form["inputs"]


@every_page
def test_markup_in_names_stays_text(evil_theater: Theater, name: str) -> None:
    """Names that come from outside are shown as they are, and never become markup."""
    shown = evil_theater.show(name)
    assert "<script>" not in shown.text
    assert "&lt;script&gt;" in shown.text
    assert Page(shown.text).unclosed == []
    assert EVIL_TEXT not in shown.text


@every_state
def test_no_english_is_left(theater: Theater, name: str) -> None:
    """No sentence of the English page is on the page in another language."""
    english = _sentences(theater.show(name, "en"))
    for tag, same in SAME.items():
        assert english & _sentences(theater.show(name, tag)) <= same, tag


SAME: dict[str, set[str]] = {
    "ar": set(),
    "de": {"Name", "Filter", "Ticket"},
    "es": {"no"},
    "fr": {"3 minutes", "15 minutes", "Ticket", "Filter"},
    "ja": set(),
    "pt-BR": set(),
}
"""What is written the same in English and in that language."""
SPOKEN_TO_PROGRAMS = {"The request is too large.", "Send the request as application/x-www-form-urlencoded."}


def _sentences(shown: Shown) -> set[str]:
    if shown.is_html:
        marked = shown.text.partition("<body>")[2].partition('class="twofa-banner')[0 if shown.is_ours else 2]
        html = re.sub(r"<(svg|time|bdi|code|strong)\b.*?</\1>", " ", marked, flags=re.DOTALL)
        html = html.partition("</div>\n</div>")[0] if not shown.is_ours else html
    else:
        html = shown.text
    texts = {" ".join(each.split()) for each in re.split(r"<[^>]*>", html)}
    data = re.compile(r"[\W\d]*|Acme( Ovens)?|\S+@example.com|Tablet|billing|office|Europe/\w+|[A-Z2-7]{4}")
    return {each for each in texts if not data.fullmatch(each)} - SPOKEN_TO_PROGRAMS
