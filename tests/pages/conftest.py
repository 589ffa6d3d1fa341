"""The theaters in which the states of the pages are played, each opened once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pages.scene import EVIL, LONG, Names
from tests.pages.states import Theater
from twofa_gate.pages.language import LANGUAGES

EVERY_LANGUAGE = tuple(LANGUAGES.values())


def _opened(driver: str, *languages: str, names: Names | None = None) -> Iterator[Theater]:
    theater = Theater(driver, names or Names(), languages=languages or ("en",))
    yield theater
    theater.close()


@pytest.fixture(scope="session")
def theater() -> Iterator[Theater]:
    """Play the states through the WSGI driver, in every language."""
    yield from _opened("wsgi", *EVERY_LANGUAGE)


@pytest.fixture(scope="session")
def asgi_theater() -> Iterator[Theater]:
    """Play them through the ASGI driver."""
    yield from _opened("asgi")


@pytest.fixture(scope="session")
def evil_theater() -> Iterator[Theater]:
    """Play them where every name that comes from outside is markup."""
    yield from _opened("wsgi", names=EVIL)


@pytest.fixture(scope="session")
def long_theater() -> Iterator[Theater]:
    """Play them in German, where every name that comes from outside is very long."""
    yield from _opened("wsgi", "de", names=LONG)
