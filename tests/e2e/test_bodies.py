"""Uploads, streams and files go through the gate as they would without it, on real servers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.file_app import PARTS, PAUSE
from tests.e2e.flows import begin_enrollment, set_up, verify_and_enable
from tests.e2e.sites import FLASK, ROOT, Site
from tests.support.http import PlainBrowser
from tests.support.phone import Phone
from tests.support.servers import gunicorn, uvicorn

pytestmark = [pytest.mark.e2e, pytest.mark.needs("oathtool")]

CONTENT = hashlib.shake_256(b"a file").digest(5_000_001)
"""Five megabytes that no buffer's size divides."""


@dataclass(frozen=True)
class Files:
    """A served file application: with a verified browser, and one that is not."""

    url: str
    verified: httpx.Client
    unverified: httpx.Client
    closed: Path


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """Serve the file application behind its gate, and set up a second factor in one of two browsers."""
    path = tmp_path_factory.mktemp("files") / "file.bin"
    path.write_bytes(CONTENT)
    serving = gunicorn if request.param == "wsgi" else uvicorn
    app = f"tests.e2e.file_app:gated_{request.param}"
    with (
        serving(app, env={"FILE_APP_FILE": str(path)}, cwd=ROOT) as server,
        PlainBrowser.on_server(server.url) as browser,
    ):
        browser.cookies.set("user", "ada", server.url)
        browser.navigate("/2fa/enroll")
        phone = Phone()
        begin_enrollment(browser, phone)
        assert verify_and_enable(browser, phone).status == 200
        with (
            httpx.Client(base_url=server.url, headers={"Cookie": browser.cookies.header(server.url)}) as ours,
            httpx.Client(base_url=server.url, headers={"Cookie": "user=ada"}) as theirs,
        ):
            yield Files(server.url, ours, theirs, path.with_suffix(".closed"))


def test_an_upload_arrives_whole(files: Files) -> None:
    """Five megabytes arrive as they were sent, with a length and in chunks; unverified nothing is told."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(CONTENT), 100_000):
            yield CONTENT[start : start + 100_000]

    expected = hashlib.sha256(CONTENT).hexdigest()
    assert files.verified.post("/upload", content=CONTENT).text == expected
    assert files.verified.post("/upload", content=pieces()).text == expected
    refused = files.unverified.post("/upload", content=b"x" * 1000)
    assert refused.status_code in (303, 403)
    assert hashlib.sha256(b"x" * 1000).hexdigest() not in refused.text


def test_a_file_is_sent_whole(files: Files) -> None:
    """A file that the server itself sends (`wsgi.file_wrapper`, `FileResponse`) comes whole, or not at all."""
    answer = files.verified.get("/file")
    assert answer.status_code == 200
    assert answer.content == CONTENT
    head = files.verified.head("/file")
    assert (head.status_code, head.content) == (200, b"")
    refused = files.unverified.get("/file")
    assert refused.status_code in (303, 403)
    assert CONTENT[:16] not in refused.content


def test_a_stream_is_not_held_back(files: Files) -> None:
    """Each part of a streamed download is there as soon as the application gave it, and it is closed."""
    files.closed.unlink(missing_ok=True)
    begin = time.monotonic()
    with files.verified.stream("GET", "/stream") as answer:
        assert "content-length" not in answer.headers
        parts = [(part, time.monotonic() - begin) for part in answer.iter_bytes()]
    assert b"".join(part for part, _ in parts) == b"".join(b"part %d\n" % number for number in range(PARTS))
    # The last part can come no earlier than all pauses; a gate that gathers would bring the first as late.
    assert parts[0][1] < parts[-1][1] - PAUSE
    deadline = time.monotonic() + 5
    while not files.closed.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert files.closed.exists()


def test_the_examples_forms_and_downloads_work(site: Site) -> None:
    """Behind the code the examples take their form's POST, and stream their whole download in chunks."""
    office = site.office
    with site.browser() as browser:
        set_up(browser, site.phone(), office.page)
        page = browser.navigate(office.open_page)
        if office is FLASK:
            form = page.form(button="Order")
            answer = browser.submit(form, bakery="Harbor", item="Plum cake", quantity="7")
        else:
            answer = browser.submit(page.form(button="Write"), berth="B4", note="Plum cake")
        assert browser.follow(answer).status == 200
        assert "Plum cake" in browser.navigate(office.open_page).words
        assert "Plum cake" in browser.fetch("GET", office.open_data).text
        download = browser.navigate(office.download)
    assert "content-length" not in download.headers
    assert download.headers["transfer-encoding"] == "chunked"
    lines = download.text.splitlines()
    assert len(lines) == office.lines + 1
    assert "Plum cake" in lines[-1]
