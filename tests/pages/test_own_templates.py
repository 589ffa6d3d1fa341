"""A host's own templates: each is given what the reference says, and a template that fails lets nobody in."""

from __future__ import annotations

import importlib.util
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.docs.test_language_guides import come_as, opened
from tests.pages.test_brand import gate
from tests.support.clock import MovableClock
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from twofa_gate import Enforcement, Policy
from twofa_gate.adapters import performing

TOOLS = Path(__file__).parents[2] / "tools"


def _documented() -> Any:
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location("docs_templates", TOOLS / "docs_templates.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(TOOLS))


DOCUMENTED = _documented()
TEMPLATES: dict[str, dict[str, str]] = DOCUMENTED.TEMPLATES
EVERYWHERE = {each for names in DOCUMENTED.COMMON for each in names.split(", ")}


def test_every_template_is_documented() -> None:
    """Each built-in template is in the reference, but for those of a location, of mails and the shared pieces."""
    folder = TOOLS.parent / "src" / "twofa_gate" / "pages" / "templates"
    left_out = {"base.html", "_macros.html", "_location.html"}
    pages = {each.name for each in folder.glob("*.html") if not each.name.startswith("location")}
    assert pages - left_out == set(TEMPLATES)


FORM = """<form method="post" action="{{{{ base }}}}/{action}">
<input type="hidden" name="csrf" value="{{{{ csrf.{purpose} }}}}"><input name="{field}"><button>Go on</button></form>"""


class Walk:
    """Ada's way through all pages, whose templates are the host's: they tell what they are given."""

    def __init__(self, browser: PlainBrowser, clock: MovableClock) -> None:
        self.browser = browser
        self.phone = Phone(clock)
        self.seen: dict[str, Answer] = {}

    def note(self, answer: Answer) -> Answer:
        """Keep an answer by the template that made it."""
        for name in re.findall(r"own:([\w.]+)", answer.text):
            self.seen[name] = answer
        return answer

    def send(self, page: str, **fields: Any) -> Answer:
        """Send the form of a page, with the token that the template was given."""
        assert self.browser.page is not None
        return self.note(self.browser.submit(self.browser.page.form(action=page), **fields))

    def open(self, page: str) -> Answer:
        """Open a page."""
        return self.note(self.browser.navigate(page))


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """Write a template for each of ours that says which documented names are defined."""
    for name, context in TEMPLATES.items():
        lines = [f"own:{name}"]
        lines += [f"{each}={{{{ {each} is defined }}}}" for each in sorted(EVERYWHERE | set(context))]
        if name != "banner.html":
            lines += [FORM.format(action="enroll", purpose="enroll", field="code")]
            lines += [FORM.format(action="authenticators/none", purpose="authenticators", field="action")]
        if name == "challenge.html":
            lines += [FORM.format(action="challenge?form={{ form.hint }}", purpose="challenge", field="code")]
            lines[-1] = lines[-1].replace(
                "<button>", '<input type="hidden" name="form" value="{{ form.sealed }}"><button>'
            )
        if "otpauth_uri" in context:
            lines.append('<a href="{{ otpauth_uri }}">open</a>')
        (tmp_path / name).write_text("\n".join(lines))
    return tmp_path


@pytest.fixture(params=["wsgi", "asgi"])
def walk(
    request: pytest.FixtureRequest, templates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Walk]:
    """Open a browser on a gate with these templates, as Ada."""
    clock = MovableClock(tmp_path / "clock")
    monkeypatch.setattr(performing, "time", SimpleNamespace(time=clock.time, monotonic=time.monotonic))
    with opened(gate(templates=templates), request.param) as browser:
        come_as(browser, "ada")
        yield Walk(browser, clock)


@pytest.mark.needs("oathtool")
def test_every_template_is_given_what_is_documented(walk: Walk) -> None:
    """On the way through all pages, each own template has every name that the reference lists."""
    walk.open("/2fa/enroll")
    shown = walk.send("/enroll", code=None)
    walk.phone.scan(shown.link("open"))
    assert walk.send("/enroll", code=walk.phone.wrong_code()).status == 403
    assert walk.send("/enroll", code=walk.phone.fresh_code()).status == 200
    for page in ("", "recovery-codes", "disable", "challenge", "unlock"):
        walk.open(f"/2fa/{page}")
    walk.open("/2fa/")
    assert walk.send("/authenticators/none", action="rename").status == 404
    walk.browser.cookies.take(
        "__Host-twofa-verification-main=; Path=/; Secure; Max-Age=0", walk.browser.base_url
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    refused = walk.browser.send(
        "POST", "/form", content=b"a=b", headers={**headers, "Origin": walk.browser.base_url}
    )
    walk.browser.page = walk.note(refused)
    form = refused.form(field="form")
    walk.note(walk.browser.submit(form, code=walk.phone.fresh_code()))
    missing = {name for name in TEMPLATES if name not in walk.seen} - {"banner.html"}
    assert not missing
    for name, answer in walk.seen.items():
        assert re.findall(r"^(\w+)=False$", answer.text, re.MULTILINE) == [], name


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_banner_is_given_what_is_documented(driver: str, templates: Path) -> None:
    """The template of the banner, in a page of the host, has every name that the reference lists."""
    soon = datetime.now(UTC) + timedelta(days=3)
    policy = Policy(Enforcement.REQUIRED, cutoff=soon)
    with opened(gate(templates=templates, policy=policy), driver, page="<html><body><p>hello</p>") as browser:
        come_as(browser, "ada")
        page = browser.navigate("/")
        assert "own:banner.html" in page.text
        assert "<p>hello</p>" in page.text
        assert re.findall(r"^(\w+)=False$", page.text, re.MULTILINE) == []


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
@pytest.mark.parametrize("wrong", ["{{ nothing_of_this_name }}", "{% if %}", "{{ 1 / 0 }}"])
def test_template_that_fails(driver: str, wrong: str, tmp_path: Path) -> None:
    """A template that uses what isn't there, or isn't one, gives a plain 503 with the same headers."""
    (tmp_path / "enroll.html").write_text(wrong)
    with opened(gate(templates=tmp_path), driver) as browser:
        come_as(browser, "ada")
        answer = browser.navigate("/2fa/enroll")
        assert (answer.status, answer.headers["content-type"]) == (503, "text/plain; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("driver", ["wsgi", "asgi"])
def test_own_template_extends_ours(driver: str, tmp_path: Path) -> None:
    """A template may extend the built-in base, fill its blocks, and import the built-in pieces."""
    (tmp_path / "enroll.html").write_text(
        '{% extends "base.html" %}{% from "_macros.html" import hidden with context %}'
        '{% block head %}<link rel="stylesheet" href="/assets/two-factor.css">{% endblock %}'
        "{% block content %}<form>{{ hidden(csrf.enroll) }}</form>{% endblock %}"
    )
    with opened(gate(templates=tmp_path, brand_name="Acme Ovens"), driver) as browser:
        come_as(browser, "ada")
        html = browser.navigate("/2fa/enroll").text
        assert "Acme Ovens" in html
        assert "/assets/two-factor.css" in html
        assert re.search(r'name="csrf" value="[^"]{20,}"', html)
