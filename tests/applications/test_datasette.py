"""Datasette with datasette-auth-passwords: its login cookie is the same value at every login."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.applications.environments import ROOT, python_of
from tests.compat.flow import api, set_up
from tests.support.http import Answer, PlainBrowser
from tests.support.servers import Server, serve

pytestmark = pytest.mark.e2e

BASIC = {"Authorization": "Basic YWRhOmNvcnJlY3QgaG9yc2U="}


@pytest.fixture(scope="module")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the gated Datasette under uvicorn."""
    python = python_of(
        "datasette", "datasette", "datasette-auth-passwords", "uvicorn", "starlette", "setuptools<81"
    )
    folder = tmp_path_factory.mktemp("datasette")
    connection = sqlite3.connect(folder / "things.db")
    connection.executescript(
        "create table things (name text); insert into things values ('a hidden treasure')"
    )
    connection.close()
    command = [
        python,
        "-m",
        "uvicorn",
        "--host=127.0.0.1",
        "--port=0",
        "tests.applications.datasette_gated:app",
    ]
    env = {"DATASETTE_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}
    listening = r"Uvicorn running on (http://[0-9.:]+)"
    with serve(command, listening=listening, ready="startup complete", env=env) as running:
        yield running


def log_in(browser: PlainBrowser) -> Answer:
    """Log in by the plugin's own form."""
    form = next(
        each
        for each in browser.navigate("/-/login").forms
        if any(field.name == "username" for field in each.fields)
    )
    return browser.submit(form, username="ada", password="correct horse")


def test_nothing_private_before_the_code(datasette: Server) -> None:
    """After the login, and with Basic credentials, no page, JSON or CSV shows the data."""
    with PlainBrowser.on_server(datasette.url) as browser:
        assert browser.navigate("/things/things").status == 403
        log_in(browser)
        for page in (
            "/",
            "/things/things",
            "/things/things.json",
            "/things/things.csv?_stream=1",
            "/-/actor.json",
        ):
            answer = browser.navigate(page)
            assert answer.status == 303
            assert "treasure" not in answer.text
        json = browser.send("GET", "/things/things.json", headers={**BASIC, "Accept": "application/json"})
        assert json.status == 403
        assert "treasure" not in json.text


def test_whole_use_and_a_new_login(datasette: Server) -> None:
    """Set up, use pages, JSON and streamed CSV, log out; the next login has the same cookie and is challenged."""
    with PlainBrowser.on_server(datasette.url) as browser:
        log_in(browser)
        cookie = browser.cookies.header(datasette.url + "/")
        codes = set_up(browser)
        assert "a hidden treasure" in browser.navigate("/things/things").text
        assert "a hidden treasure" in browser.navigate("/things/things.json").text
        assert "a hidden treasure" in browser.navigate("/things/things.csv?_stream=1").text
        page = browser.navigate("/-/logout")
        form = next(each for each in page.forms if each.url.endswith("/-/logout"))
        browser.submit(form)
        assert browser.navigate("/things/things").status == 403
        log_in(browser)
        same = [part for part in cookie.split("; ") if part.startswith("ds_actor=")]
        assert same[0] in browser.cookies.header(datasette.url + "/")
        assert "/2fa/challenge" in browser.navigate("/things/things").location
        assert api(browser, "challenge", {"code": codes[0]}).status == 200
        assert "a hidden treasure" in browser.navigate("/things/things").text
