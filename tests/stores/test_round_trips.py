"""How many statements each kind of request sends to the database: what a deployment's load is worked out from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.abuse.conftest import SiteMaker, clock, driver, make_site
from tests.abuse.site import FakeClock, Site
from tests.stores.sql_support import engine_on
from tests.support.http import Answer, PlainBrowser
from tests.support.services import Service
from twofa_gate import hookimpl
from twofa_gate.stores.sql import SQLStore, metadata

__all__ = ["clock", "driver", "make_site"]


@pytest.fixture
def engine(postgresql: Service) -> Iterator[Engine]:
    """Return an engine on an empty database."""
    with engine_on(f"postgresql+psycopg://postgres@127.0.0.1:{postgresql.port}/postgres") as engine:
        metadata.drop_all(engine)
        yield engine
        metadata.drop_all(engine)


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """List the statements that are sent in this block, and the transactions that are begun around them."""
    sent: list[str] = []

    def note(*of: Any) -> None:
        sent.append(of[2])
        if not of[0].connection.dbapi_connection.autocommit:
            sent.extend(("BEGIN", "COMMIT"))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


class Told:
    """An observer."""

    @hookimpl
    def on_event(self, event: object) -> None:
        """Do nothing."""


@pytest.fixture
def start(make_site: SiteMaker, engine: Engine) -> Callable[..., Site]:
    """Start the usual site on PostgreSQL; u1 has set up."""

    def made(**settings: Any) -> Site:
        site = make_site(store=SQLStore(engine), initialize=True, **settings)
        site.enroll("u1")
        return site

    return made


def answer(
    site: Site, browser: PlainBrowser, engine: Engine, endpoint: str, **members: str
) -> tuple[Answer, int]:
    """Call the JSON API; return the answer and how many statements it took."""
    csrf = site.api(browser, "status").json()["csrf"]
    with counted(engine) as sent:
        given = browser.fetch("POST", f"/2fa/api/v1/{endpoint}", json=members, headers={"X-CSRF-Token": csrf})
    return given, len(sent)


def visits(site: Site, browser: PlainBrowser, engine: Engine, path: str = "/app/x") -> tuple[int, int]:
    """Visit a page; return the status and how many statements it took."""
    with counted(engine) as sent:
        status = browser.navigate(f"https://app.test{path}").status
    return status, len(sent)


def test_nothing_is_read_for_who_is_remembered(start: Callable[..., Site], engine: Engine) -> None:
    """A verified request reads the account once in `revocation_lag`, and otherwise nothing."""
    site = start(revocation_lag=3600)
    browser = site.verified("u1")
    assert visits(site, browser, engine) == (200, 1)
    assert visits(site, browser, engine) == (200, 0)
    assert visits(site, browser, engine) == (200, 0)


def test_each_request_reads_once_without_lag(start: Callable[..., Site], engine: Engine) -> None:
    """With `revocation_lag=0` each verified request reads the account, once."""
    site = start(revocation_lag=0)
    browser = site.verified("u1")
    assert [visits(site, browser, engine) for _ in range(2)] == [(200, 1)] * 2


def test_nothing_is_read_for_nobody(start: Callable[..., Site], engine: Engine) -> None:
    """Anonymous requests and public paths cost no statement."""
    site = start()
    assert visits(site, site.browser(), engine)[1] == 0
    assert visits(site, site.browser("u1"), engine, "/static/x")[1] == 0


def test_a_refusal_reads_once(start: Callable[..., Site], engine: Engine) -> None:
    """Who has not verified costs one statement a request; the challenge page one more when it is opened."""
    site = start()
    browser = site.browser("u1")
    assert visits(site, browser, engine) == (303, 1)
    assert visits(site, browser, engine, "/2fa/challenge") == (200, 1)


def test_a_user_without_account_reads_twice(start: Callable[..., Site], engine: Engine) -> None:
    """That somebody has not enrolled is believed only of the right store: the account and the installation."""
    site = start()
    assert visits(site, site.browser("u2"), engine) == (303, 2)


def test_a_challenge_takes_two(start: Callable[..., Site], engine: Engine, clock: FakeClock) -> None:
    """A code, right or wrong, costs two statements: one that reads and one that compares and sets."""
    site = start()
    browser, phone = site.browser("u1"), site.phones["u1"]
    refused, statements = answer(site, browser, engine, "challenge", code=phone.wrong())
    assert (refused.status, statements) == (403, 2)
    clock.move(60)
    passed, statements = answer(site, browser, engine, "challenge", code=phone.code())
    assert (passed.status, statements) == (200, 2)
    recovered, statements = answer(site, browser, engine, "challenge", code=site.recovery_codes["u1"][0])
    assert (recovered.status, statements) == (200, 2)


def test_a_code_in_the_form_takes_two(start: Callable[..., Site], engine: Engine) -> None:
    """The page's form costs as much as the API."""
    site = start()
    browser = site.browser("u1")
    page = browser.navigate("https://app.test/app/x", follow=True)
    with counted(engine) as sent:
        answer = browser.submit(page.form(button="Verify"), code=site.phones["u1"].code())
    assert (answer.status, len(sent)) == (303, 2)


def test_what_is_not_looked_at_takes_one(start: Callable[..., Site], engine: Engine) -> None:
    """While the back-off holds a code costs one statement, and writes nothing."""
    site = start()
    browser, phone = site.browser("u1"), site.phones["u1"]
    for _ in range(3):
        answer(site, browser, engine, "challenge", code=phone.wrong())
    held, statements = answer(site, browser, engine, "challenge", code=phone.wrong())
    assert (held.status, statements) == (429, 1)


def test_an_observer_takes_two_more(start: Callable[..., Site], engine: Engine) -> None:
    """With observers the outbox is cleared after delivery: one more read and one more write."""
    site = start(plugins=[Told()])
    passed, statements = answer(site, site.browser("u1"), engine, "challenge", code=site.phones["u1"].code())
    assert (passed.status, statements) == (200, 4)
