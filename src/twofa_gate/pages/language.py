"""The languages of the pages: which one a request gets, and speaking it.

gettext and Babel are imported when a page is made, not before: most requests need neither.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from twofa_gate.core import asking
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.words import Text
from twofa_gate.model import User
from twofa_gate.request import GateRequest

if TYPE_CHECKING:
    from datetime import datetime
    from gettext import NullTranslations

__all__ = ["ENGLISH", "LANGUAGES", "Language", "choose", "negotiate", "speaking"]

ENGLISH = "en"
LANGUAGES = {"en": "en", "es": "es", "fr": "fr", "de": "de", "pt": "pt-BR", "ja": "ja", "ar": "ar"}
"""What we speak, by the first part of a language tag. Each but English has a catalog in `locale/`."""
RIGHT_TO_LEFT = frozenset({"ar"})

_MAX_WISH = 1000
"""Characters of an Accept-Language that are looked at."""

_log = logging.getLogger("twofa_gate")


def choose(settings: Settings, request: GateRequest, user: User | None) -> Flow[str]:
    """Choose the language of a page: the host's word, else the browser's wishes, else English."""
    wanted = None if user is None else (yield from asking.language(settings, request, user))
    return negotiate(wanted, request.header("accept-language"))


def negotiate(*wishes: str | None) -> str:
    """Return the best tag that we speak, such as `"de"` or `"de-AT"`; a region only changes how dates look.

    Each wish is what an Accept-Language header may hold; the first that can be met counts. Anything may be in
    one, since browsers and strangers write them.
    """
    from werkzeug.datastructures import LanguageAccept
    from werkzeug.http import parse_accept_header

    for wish in wishes:
        if not wish:
            continue
        for tag, quality in parse_accept_header(wish[:_MAX_WISH], LanguageAccept):
            found = _known(tag) if quality > 0 else None
            if found is not None:
                return found
    return ENGLISH


def _known(tag: str) -> str | None:
    first, *rest = re.split("[-_]", tag.strip())
    language = first.lower()
    if language not in LANGUAGES:
        return None
    region = next((each.upper() for each in rest if re.fullmatch("[A-Za-z]{2}", each)), None)
    return language if region is None else f"{language}-{region}"


@dataclass(frozen=True, slots=True)
class Language:
    """One language, spoken as in one region.

    `tag` and `direction` are what a page says of itself.
    """

    tag: str
    direction: str
    _catalog: NullTranslations = field(repr=False)
    _locale: str = ENGLISH

    def gettext(self, text: str) -> str:
        """Say a text of ours."""
        return self._catalog.gettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Say a text of ours that counts something."""
        return self._catalog.ngettext(one, many, number)

    def say(self, text: str) -> str:
        """Say a `Text`, with what goes into it; another string stays as it is."""
        if not isinstance(text, Text):
            return text
        filled = {
            name: self.number(value) if isinstance(value, int) else value
            for name, value in text.filled.items()
        }
        said = self.gettext(text.pattern)
        return said % filled if filled else said

    def number(self, value: int) -> str:
        """Write a whole number. Digits are 0 to 9 in every language, as in the codes beside them."""
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self._locale)

    def clock(self, value: datetime) -> str:
        """Write out a time of day, with the name of its time zone."""
        from babel import dates

        return f"{dates.format_time(value, 'short', locale=self._locale)} ({value.tzname()})"

    def moment(self, value: datetime, *, weekday: bool = False) -> str:
        """Write out a date and a time of day, with the name of its time zone."""
        from babel import dates

        date = dates.format_date(value, "full" if weekday else "long", locale=self._locale)
        time = dates.format_time(value, "short", locale=self._locale)
        both = str(dates.get_datetime_format("medium", locale=self._locale))
        zone = getattr(value.tzinfo, "key", None) or value.tzname()
        return f"{both.replace('{0}', time).replace('{1}', date)} ({zone})"


@lru_cache(maxsize=64)
def speaking(tag: str) -> Language:
    """Return the language of a tag that `negotiate` gave. English where its catalog is missing or broken."""
    language = LANGUAGES.get(tag.partition("-")[0], ENGLISH)
    catalog = _catalog(language.replace("-", "_"))
    if catalog is None:
        return Language(ENGLISH, "ltr", _no_catalog(), ENGLISH)
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    return Language(language, direction, catalog, _locale(tag, language))


def _no_catalog() -> NullTranslations:
    from gettext import NullTranslations

    return NullTranslations()


def _catalog(name: str) -> NullTranslations | None:
    if name == ENGLISH:
        return _no_catalog()
    from gettext import GNUTranslations

    path = files("twofa_gate.pages").joinpath("locale", name, "LC_MESSAGES", "twofa_gate.mo")
    try:
        with path.open("rb") as file:
            return GNUTranslations(file)
    except Exception as error:  # a broken catalog fails in many ways; people get English then
        _log.error("The catalog of %s can't be read; its speakers get English: %r", name, error)
        return None


def _locale(tag: str, language: str) -> str:
    """Return the name under which Babel knows the region, or else the language."""
    from babel import Locale, UnknownLocaleError

    for name in (tag, language):
        try:
            return str(Locale.parse(name.replace("-", "_")))
        except (ValueError, UnknownLocaleError):
            continue
    return ENGLISH
