"""The catalogs say everything that there is to say, and break nothing in saying it."""

from __future__ import annotations

import importlib.util
import re
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message

from twofa_gate.pages.language import ENGLISH, LANGUAGES, speaking

ROOT = Path(__file__).resolve().parents[2]
SPOKEN = [each.replace("-", "_") for each in LANGUAGES.values() if each != ENGLISH]
FORMS = {"ar": 6, "de": 2, "es": 2, "fr": 2, "ja": 1, "pt_BR": 2}
UNCOUNTED = {"ar": 3}
"""How many of the first plural forms say the number in words: none, one and two of something."""
ALIKE = {"Error: %(title)s", "Name", "Filter", "Ticket", "no", "%(n)s minute", "optional", "Account"}
"""What is written the same in English and in one of the others."""


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("catalogs", ROOT / "tools" / "catalogs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogs = _load()
every_language = pytest.mark.parametrize("language", SPOKEN)


@pytest.fixture(scope="module")
def said() -> Catalog:
    """Collect from the code what there is to say."""
    found: Catalog = catalogs.extract()
    return found


def sayings(message: Message) -> list[str]:
    """Return a translation's forms."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def msgid(message: Message) -> str:
    """Return the English text that a message goes by."""
    return message.id if isinstance(message.id, str) else str(message.id[0])


def messages(language: str) -> dict[str, Message]:
    """Return a catalog's messages by their English text."""
    return {msgid(each): each for each in catalogs.read(language) if each.id}


def placeholders(text: str) -> set[str]:
    """Name what is filled in."""
    return set(re.findall(r"%\((\w+)\)s", text))


def test_what_is_extracted(said: Catalog) -> None:
    """The extraction finds texts of templates, of mails, of code, of forms and of the banner, with their plurals."""
    ids = {msgid(each) for each in said}
    for text in (
        "Enter your code",
        "Setting up takes a ticket",
        "You are kept out here for now",
        "There is no such day. Write it like 2027-01-04.",
        "A recovery code was used",
        "Hide until I next sign in",
        "%(n)s day left",
    ):
        assert text in ids
    assert len(ids) > 350


def test_there_is_a_catalog_for_each_language() -> None:
    """Each language that is chosen has a catalog, and each catalog can be chosen."""
    assert sorted(SPOKEN) == catalogs.languages() == sorted(FORMS)


@every_language
def test_nothing_is_missing(language: str, said: Catalog) -> None:
    """Every text has a translation that is not empty and not the English, and none is left of an earlier text."""
    translated = messages(language)
    assert set(translated) == {msgid(each) for each in said if each.id}
    for text, message in translated.items():
        assert all(each.strip() for each in sayings(message)), text
        assert not message.fuzzy, text
        same = [each for each in sayings(message) if each == text]
        assert not same or text in ALIKE, text


@every_language
def test_placeholders_are_whole(language: str) -> None:
    """What is filled in is filled in everywhere; a number may be said in words where the form means just one."""
    for text, message in messages(language).items():
        wanted = placeholders(text)
        for form, saying in enumerate(sayings(message)):
            found = placeholders(saying)
            in_words = message.pluralizable and form < UNCOUNTED.get(language, 0)
            assert found == (wanted & found if in_words else wanted), saying
            assert wanted - found <= {"n"}, saying
            filled = saying % dict.fromkeys(wanted, "x") if wanted else saying
            assert "%(" not in filled, saying


@every_language
def test_markup_and_blanks(language: str) -> None:
    """No translation brings markup or begins or ends otherwise than its text: with a blank, or a line break."""
    for text, message in messages(language).items():
        for saying in sayings(message):
            assert not re.search(r"[<>\n\t]|&\w+;", saying), saying
            assert (saying[0].isspace(), saying[-1].isspace()) == (text[0].isspace(), text[-1].isspace())


@every_language
def test_plural_forms(language: str) -> None:
    """Every text that counts has as many forms as the language, and each number finds the one that is its own."""
    for message in messages(language).values():
        if message.pluralizable:
            assert len(sayings(message)) == FORMS[language], message.id
    spoken = speaking(language.replace("_", "-"))
    days = [spoken.ngettext("%(n)s day", "%(n)s days", n) % {"n": n} for n in (0, 1, 2, 3, 10, 11, 99, 100)]
    assert len({re.sub(r"\d+ ?", "", each) for each in days}) == {"ar": 5}.get(language, FORMS[language])


def test_arabic_counts() -> None:
    """Arabic says one and two of something in words, a few in the plural, and many in the singular."""
    spoken = speaking("ar")
    said = {
        n: spoken.ngettext("%(n)s minute", "%(n)s minutes", n) % {"n": n} for n in (1, 2, 3, 10, 11, 99, 100)
    }
    assert said == {
        1: "دقيقة واحدة",
        2: "دقيقتين",
        3: "3 دقائق",
        10: "10 دقائق",
        11: "11 دقيقة",
        99: "99 دقيقة",
        100: "100 دقيقة",
    }


@every_language
def test_what_is_shipped_is_what_is_written(language: str) -> None:
    """The compiled catalog is made of the written one; if not: `python tools/catalogs.py compile`."""
    shipped = catalogs.path(language, "mo").read_bytes()
    assert shipped == catalogs.compiled(language)
    assert GNUTranslations(BytesIO(shipped)).gettext("Enter your code") != "Enter your code"


@every_language
def test_one_word_for_one_thing(language: str) -> None:
    """Where the English says "recovery code" the translation says the same word for it, everywhere."""
    words = {
        "ar": r"استرداد",
        "de": r"[Ww]iederherstellungscode",
        "es": r"códigos? de recuperación",
        "fr": r"codes? de récupération",
        "ja": r"リカバリーコード",
        "pt_BR": r"[Cc]ódigos? de recuperação",
    }
    for text, message in messages(language).items():
        if re.search("recovery codes?", text, re.IGNORECASE):
            for saying in sayings(message):
                assert re.search(words[language], saying, re.IGNORECASE), saying


def test_a_language_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`new` makes a catalog of all there is, `update` keeps what is translated, `compile` makes it ready."""
    monkeypatch.setattr(catalogs, "FOLDER", tmp_path)
    catalogs.main(["new", "it"])
    made = catalogs.read("it")
    assert len(made) > 350
    assert made.num_plurals == 2
    made.get("Back").string = "Indietro"
    catalogs.write("it", made)
    catalogs.main(["update"])
    catalogs.main(["compile"])
    with catalogs.path("it", "mo").open("rb") as file:
        ready = GNUTranslations(file)
    assert (ready.gettext("Back"), ready.gettext("Verify")) == ("Indietro", "Verify")
    with pytest.raises(SystemExit):
        catalogs.main(["compose"])
