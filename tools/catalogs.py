"""Keep the gettext catalogs: `python tools/catalogs.py update`, then translate, then `compile`.

`update` writes what there is to say into every `locale/<language>/LC_MESSAGES/twofa_gate.po`, and `compile` makes
the `.mo` that the pages read. `new <language>` begins another one. (Not named `locale.py`: that would hide the
standard library's module of that name from the other tools.)
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

__all__ = ["FOLDER", "compiled", "extract", "languages", "main", "read"]

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "twofa_gate"
FOLDER = SOURCE / "pages" / "locale"
NAME = "twofa_gate"
METHODS = [("pages/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"pages/templates/**.html": {"trim_blocks": "true", "encoding": "utf-8", "silent": "false"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "Text": None}
ARABIC = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
)
"""As most translators have it; Babel has the last two forms the other way round."""


def extract() -> Catalog:
    """Collect everything that the pages and the mails can say."""
    catalog = Catalog()
    found = extract_from_dir(
        str(SOURCE),
        METHODS,
        OPTIONS,
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
    )
    for name, _line, message, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(message, None, [(name, 0)], auto_comments=comments, context=context)
    return catalog


def path(language: str, suffix: str = "po") -> Path:
    """Name the file of a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{NAME}.{suffix}"


def languages() -> list[str]:
    """List the languages that have a catalog."""
    return sorted(each.name for each in FOLDER.iterdir() if each.is_dir() and each.name != "__pycache__")


def read(language: str) -> Catalog:
    """Read a catalog."""
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalog: Catalog) -> None:
    """Write a catalog, without what changes from run to run."""
    made = BytesIO()
    write_po(made, catalog, width=110, omit_header=True, ignore_obsolete=True, include_lineno=False)
    forms = ARABIC if language == "ar" else catalog.plural_forms
    head = (
        f"# {catalog.locale.english_name if catalog.locale else language}: the texts of twofa_gate.\n"
        'msgid ""\nmsgstr ""\n'
        f'"Project-Id-Version: {NAME}\\n"\n'
        f'"Language: {language}\\n"\n'
        f'"Plural-Forms: {forms}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    path(language).write_text(head + made.getvalue().decode("utf-8").strip() + "\n", "utf-8")


def update() -> None:
    """Bring every catalog up to date with the code; what has to be translated anew is empty."""
    said = extract()
    for language in languages():
        catalog = read(language)
        catalog.update(said, no_fuzzy_matching=True)
        write(language, catalog)


class _Dateless(Catalog):
    """A catalog whose header is always the same: without dates, and without the version of Babel."""

    forms = ""

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        return [("Content-Type", "text/plain; charset=utf-8"), ("Plural-Forms", self.forms)]

    mime_headers = property(_get_mime_headers)


def compiled(language: str) -> bytes:
    """Return what the `.mo` of a language has to be."""
    catalog, dateless, made = read(language), _Dateless(language, fuzzy=False), BytesIO()
    dateless.forms = catalog.plural_forms
    for message in catalog:
        if message.id:
            dateless[message.id] = message
    write_mo(made, dateless)
    return made.getvalue()


def compile_all() -> None:
    """Write every `.mo`."""
    for language in languages():
        path(language, "mo").write_bytes(compiled(language))


def begin(language: str) -> None:
    """Begin a catalog."""
    path(language).parent.mkdir(parents=True)
    write(language, Catalog(language))


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    match arguments:
        case ["update"]:
            update()
        case ["compile"]:
            compile_all()
        case ["new", language]:
            begin(language)
            update()
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
