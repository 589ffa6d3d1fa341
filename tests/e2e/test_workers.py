"""Several processes serve one application: what one of them has accepted, all of them know at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.flows import enter_code, log_in_with_code, set_up
from tests.e2e.sites import FLASK, STARLETTE, USER, Site, log_in, log_out, running
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]

WORKERS = 4
REQUESTS = 20
SETUPS = {
    "gunicorn": (FLASK, "tests.e2e.numbered_flask:app", False),
    "gunicorn-preload": (FLASK, "tests.e2e.numbered_flask:app", True),
    "uvicorn": (STARLETTE, "tests.e2e.numbered_starlette:app", False),
}
ANEW = {"Connection": "close"}
"""Each request on a connection of its own, which any worker may take."""


@pytest.fixture(scope="module", params=SETUPS)
def crowd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve an example with four workers."""
    office, app, preload = SETUPS[request.param]
    folder = tmp_path_factory.mktemp("crowd")
    with running(office, folder, app=app, workers=WORKERS, preload=preload) as site:
        yield site


@pytest.fixture
def site(crowd: Site) -> Site:
    """Let everybody begin anew: nobody has set up."""
    crowd.forget()
    return crowd


def ask_everybody(site: Site, browser: PlainBrowser) -> list[Answer]:
    """Ask many times at once, so that all workers answer."""

    def ask(_number: int) -> Answer:
        headers = [
            ("Cookie", browser.cookies.header(site.url)),
            *ANEW.items(),
            ("Sec-Fetch-Mode", "navigate"),
        ]
        with site.browser() as fresh:
            return fresh.send("GET", site.office.page, headers=headers)

    with ThreadPoolExecutor(2 * WORKERS) as threads:
        answers = list(threads.map(ask, range(REQUESTS)))
    assert len({answer.headers["x-worker"] for answer in answers}) > 1, "one worker answered everything"
    return answers


def test_the_right_code_never_leads_back_to_the_challenge(site: Site) -> None:
    """Right after each code, every worker lets the browser through, at the first request it hears of it."""
    phone: Phone = site.phone()
    with site.browser() as browser:
        set_up(browser, phone, site.office.page)
        assert [answer.status for answer in ask_everybody(site, browser)] == [200] * REQUESTS
        for _ in range(2):
            log_out(browser)
            log_in(browser)
            # Before the code, every worker refuses: none of them remembers what it let through before.
            for answer in ask_everybody(site, browser):
                assert (answer.status, answer.location[len(site.url) :][:16]) == (303, "/2fa/challenge?n")
            browser.follow(browser.navigate(site.office.page))
            assert enter_code(browser, phone.fresh_code()).status == 303
            assert [answer.status for answer in ask_everybody(site, browser)] == [200] * REQUESTS


def test_a_code_sent_to_all_workers_at_once_is_accepted_once(site: Site) -> None:
    """The same right code from many browsers at the same moment opens one of them."""
    phone = site.phone()
    with site.browser() as browser:
        set_up(browser, phone, site.office.page)
    browsers = [site.browser() for _ in range(2 * WORKERS)]
    for each in browsers:
        log_in(each)
        each.follow(each.navigate(site.office.page))
    code = phone.fresh_code()
    with ThreadPoolExecutor(len(browsers)) as threads:
        statuses = list(threads.map(lambda each: enter_code(each, code).status, browsers))
    opened = [each.navigate(site.office.page).status for each in browsers]
    for each in browsers:
        each.close()
    assert statuses.count(303) == 1, statuses
    assert opened.count(200) == 1, opened
    assert opened[statuses.index(303)] == 200


def test_a_revocation_reaches_all_workers_within_the_lag(site: Site) -> None:
    """Every worker that let the browser through refuses it 1 s after another process revoked it."""
    phone = site.phone()
    with site.browser() as browser:
        set_up(browser, phone, site.office.page)
        log_out(browser)
        assert log_in_with_code(browser, phone, site.office.page).status == 303
        assert {answer.status for answer in ask_everybody(site, browser)} == {200}
        site.operate("revoke", USER)
        time.sleep(1.05)
        assert {answer.status for answer in ask_everybody(site, browser)} == {303}
