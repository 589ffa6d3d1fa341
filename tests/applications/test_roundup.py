"""The Roundup issue tracker: credentials on any URL, a private page as the answer, Basic, REST, write()."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.applications.environments import ROOT, python_of
from tests.compat.flow import api, set_up
from tests.support.html import Form
from tests.support.http import Answer, PlainBrowser
from tests.support.servers import Server, serve

pytestmark = pytest.mark.e2e

PASSWORD = "adminpw"
BASIC = {"Authorization": "Basic YWRtaW46YWRtaW5wdw=="}


def make_tracker(python: str, home: Path, port: int) -> None:
    """Install and initialize a tracker with Roundup's own command."""
    admin = [str(Path(python).with_name("roundup-admin")), "-i", str(home)]
    home.mkdir()
    subprocess.run([*admin, "install", "classic", "sqlite"], check=True, capture_output=True)
    config = home / "config.ini"
    text = config.read_text()
    text = re.sub(r"(?m)^#web = .*", f"web = http://127.0.0.1:{port}/", text)
    text = re.sub(r"(?m)^#domain = .*", "domain = example.com", text)
    text = re.sub(r"(?m)^#host = .*", "host = localhost", text)
    config.write_text(text)
    subprocess.run(
        [*admin, "initialise", PASSWORD], check=True, capture_output=True, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the gated tracker under gunicorn."""
    python = python_of("roundup", "roundup", "gunicorn")
    home = tmp_path_factory.mktemp("roundup") / "tracker"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make_tracker(python, home, port)
    command = [
        python,
        "-m",
        "gunicorn",
        f"--bind=127.0.0.1:{port}",
        "--workers=2",
        "tests.applications.roundup_gated:app",
    ]
    env = {"ROUNDUP_HOME": str(home), "PYTHONPATH": str(ROOT)}
    with serve(
        command, listening=r"Listening at: (http://[0-9.:]+)", ready="Booting worker", times=2, env=env
    ) as running:
        yield running


def log_in(browser: PlainBrowser, page: str = "/") -> str:
    """Log in by Roundup's own form, which stands on every page; what it answered."""
    form = next(
        each
        for each in browser.navigate(page).forms
        if any(field.name == "__login_name" for field in each.fields)
    )
    answer = browser.submit(form, __login_name="admin", __login_password=PASSWORD)
    return answer.text + str(answer.headers)


def upload(browser: PlainBrowser, form: Form, name: str, content: bytes) -> Answer:
    """Send Roundup's issue form with a title and a file."""
    data = dict(form.filled({"title": "the tap drips", "priority": "3"}, None))
    files = {"@file": (name, content, "text/plain")}
    encoded = httpx.Request("POST", form.url, data=data, files=files)
    headers = {
        "Content-Type": encoded.headers["Content-Type"],
        "Origin": form.url.rpartition("/")[0],
        "Referer": form.url,
    }
    return browser.send("POST", form.url, content=encoded.read(), headers={**headers, "Accept": "text/html"})


def test_nothing_private_before_the_code(tracker: Server) -> None:
    """Credentials posted on any URL, Basic and REST: no answer greets the user, or shows their data."""
    for page in ("/", "/issue?@template=index", "/user1", "/keyword?@template=item"):
        with PlainBrowser.on_server(tracker.url) as browser:
            answer = log_in(browser, page)
            assert "Hello" not in answer
            for private in ("/", "/user1", "/issue?@template=index"):
                assert "Hello" not in browser.navigate(private).text
    with PlainBrowser.on_server(tracker.url) as browser:
        assert "Hello" not in browser.send("GET", "/user1", headers={**BASIC, "Accept": "text/html"}).text
        rest = browser.send(
            "GET",
            "/rest/data/user",
            headers={**BASIC, "Accept": "application/json", "X-Requested-With": "rest"},
        )
        assert "collection" not in rest.text
        assert rest.status == 403


def test_anonymous_pages_and_wrong_passwords_are_roundups_own(tracker: Server) -> None:
    """Without credentials, and with wrong ones, Roundup answers as it does without a gate."""
    with PlainBrowser.on_server(tracker.url) as browser:
        assert "__login_name" in browser.navigate("/").text
        wrong = browser.send("GET", "/user1", headers={"Authorization": "Basic YWRtaW46d3Jvbmc="})
        assert "Invalid login" in wrong.text


def test_whole_use_after_the_code(tracker: Server) -> None:
    """After setting up: pages, a form that files an issue, an upload and its download, REST, logout, a new login."""
    with PlainBrowser.on_server(tracker.url) as browser:
        log_in(browser)
        codes = set_up(browser)
        page = browser.navigate("/issue?@template=item")
        assert "Hello, admin" in page.text
        form = next(each for each in page.forms if any(field.name == "title" for field in each.fields))
        filed = upload(browser, form, "drip.txt", b"drip " * 1000)
        filed = browser.follow(filed) if filed.redirects else filed
        assert "the tap drips" in filed.text
        link = re.search(r"file[0-9]+/drip.txt", filed.text)
        assert link is not None
        assert browser.navigate(f"/{link[0]}").content == b"drip " * 1000
        rest = browser.send(
            "GET", "/rest/data/issue", headers={"Accept": "application/json", "X-Requested-With": "rest"}
        )
        assert '"collection"' in rest.text
        browser.navigate("/?@action=logout")
        assert "Hello" not in browser.navigate("/").text
        assert "Hello" not in log_in(browser)
        assert "/2fa/challenge" in browser.navigate("/issue1").location
        assert api(browser, "challenge", {"code": codes[0]}).status == 200
        assert "the tap drips" in browser.navigate("/issue1").text
