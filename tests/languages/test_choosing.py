"""Which language a request gets: the host's word, the browser's wishes, else English."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofa_gate.core.words import Text
from twofa_gate.pages import language
from twofa_gate.pages.language import LANGUAGES, negotiate, speaking

VIENNA = datetime(2027, 1, 4, 14, 5, tzinfo=ZoneInfo("Europe/Vienna"))


@pytest.mark.parametrize(
    ("wish", "tag"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de-AT"),
        ("de_CH", "de-CH"),
        ("pt-PT,en;q=0.8", "pt-PT"),
        ("zh-TW,zh;q=0.9", "en"),
        ("zh-TW,zh;q=0.9,ja;q=0.1", "ja"),
        ("en;q=0.5,fr;q=0.9", "fr"),
        ("fr;q=0,de;q=0.1", "de"),
        ("de;q=0.1, es;q=0.2, *;q=0.9", "es"),
        ("*", "en"),
        ("ar-EG", "ar-EG"),
        ("az-Arab", "en"),
        ("jam", "en"),
        ("es-419", "es"),
        ("sr-Latn-RS,de", "de"),
        ("de;q=nonsense", "en"),
        (";;;,,,==", "en"),
    ],
)
def test_negotiation(wish: str | None, tag: str) -> None:
    """Quality values order the wishes, a region doesn't matter for the words, and what we don't speak is passed by."""
    assert negotiate(wish) == tag


def test_first_wish_that_can_be_met() -> None:
    """The host's word comes before the browser's; where we don't speak it, the browser's counts."""
    assert negotiate("ja", "de") == "ja"
    assert negotiate("sv", "de") == "de"
    assert negotiate("sv", None) == "en"


_ODD = st.one_of(
    st.text(),
    st.text(alphabet="deptBR-_,;=q01.* \t\"'\\\0\r\n%éäب"),
    st.binary().map(lambda b: b.decode("latin-1")),
)


@given(_ODD, _ODD)
def test_anything_may_be_asked_for(first: str, second: str) -> None:
    """Whatever stands in Accept-Language or comes from a hook, a language comes out and can be spoken."""
    spoken = speaking(negotiate(first, second))
    assert spoken.tag in LANGUAGES.values()
    assert spoken.direction == ("rtl" if spoken.tag == "ar" else "ltr")
    assert spoken.moment(VIENNA)


def test_a_long_header_is_fast() -> None:
    """A header of a hundred thousand wishes costs no more than its beginning does."""
    assert negotiate("xx;q=0.5," * 100_000 + "de") == "en"


@pytest.mark.parametrize(
    ("tag", "date", "number"),
    [
        ("en", "January 4, 2027, 2:05 PM (Europe/Vienna)", "12,345"),
        ("en-GB", "4 January 2027, 14:05 (Europe/Vienna)", "12,345"),
        ("es", "4 de enero de 2027, 14:05 (Europe/Vienna)", "12.345"),
        ("fr", "4 janvier 2027, 14:05 (Europe/Vienna)", "12 345"),
        ("de", "4. Januar 2027, 14:05 (Europe/Vienna)", "12.345"),
        ("de-AT", "4. Jänner 2027, 14:05 (Europe/Vienna)", "12.345"),
        ("pt-BR", "4 de janeiro de 2027 14:05 (Europe/Vienna)", "12.345"),
        ("pt-PT", "4 de janeiro de 2027, 14:05 (Europe/Vienna)", "12 345"),
        ("ja", "2027年1月4日 14:05 (Europe/Vienna)", "12,345"),
        ("ar", "4 يناير 2027، 2:05 م (Europe/Vienna)", "12,345"),
    ],
)
def test_dates_and_numbers(tag: str, date: str, number: str) -> None:
    """Dates and numbers are written as the region does, with the digits that the codes have."""
    spoken = speaking(tag)
    assert " ".join(spoken.moment(VIENNA).split()) == date
    assert " ".join(spoken.number(12_345).split()) == number


def test_texts_carry_what_goes_into_them() -> None:
    """A text is English to whoever knows nothing of languages, and its parts are written as the language does."""
    text = Text("Enter a whole number from %(low)s to %(high)s.", low=5, high=43_200)
    assert text == "Enter a whole number from 5 to 43,200."
    assert speaking("de").say(text) == "Geben Sie eine ganze Zahl von 5 bis 43.200 ein."
    assert speaking("de").say("Back") == "Back"
    assert speaking("de").say(Text("Back")) == "Zurück"
    assert Text("100% sure") == "100% sure"


@pytest.mark.parametrize("content", [None, b"", b"no catalog", b"\xde\x12\x04\x95" + bytes(3)])
def test_missing_or_broken_catalog(
    content: bytes | None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A catalog that is missing or broken is logged, and its speakers get English pages that say so."""
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "twofa_gate.mo").write_bytes(content)
    monkeypatch.setattr(language, "files", lambda package: tmp_path)
    speaking.cache_clear()
    try:
        with caplog.at_level(logging.ERROR, "twofa_gate"):
            spoken = speaking("de-AT")
    finally:
        speaking.cache_clear()
    assert (spoken.tag, spoken.direction) == ("en", "ltr")
    assert spoken.gettext("Back") == "Back"
    assert "The catalog of de can't be read" in caplog.text


_LAZY = """
import sys
from datetime import UTC, datetime
from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.wsgi import TwoFactorMiddleware

class Host:
    @hookimpl
    def identify(self, request):
        return User("ada", "ada@example.com")

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<html><body>hello"]

def call(path, **more):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "", "HTTP_HOST": "a.test",
               "wsgi.url_scheme": "https", "HTTP_ACCEPT": "text/html", "HTTP_ACCEPT_LANGUAGE": "de", **more}
    return b"".join(gated(environ, lambda status, headers, exc_info=None: None))

gate = Gate(secret_keys=["k" * 32], issuer="A", plugins=[Host(), MemoryStore()], policy=Policy(Enforcement.OPTIONAL))
gated = TwoFactorMiddleware(app, gate)
assert b"hello" in call("/")
print(sorted(name for name in ("babel", "babel.dates") if name in sys.modules))
assert "Zwei-Faktor".encode() in call("/2fa/")
print("babel" in sys.modules)
"""


def test_an_ordinary_request_loads_no_language() -> None:
    """A request that goes to the application imports nothing of Babel; the first page does."""
    done = subprocess.run(
        [sys.executable, "-c", _LAZY], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True"], done.stderr
