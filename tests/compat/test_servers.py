"""Every server, with the gated bare callables: the flow, streams, uploads, files, sockets, and a mount point."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import websockets.sync.client as websockets
from websockets.exceptions import InvalidStatus

from tests.compat.bare import CONTENT
from tests.compat.flow import FORM, log_in, set_up, whole_flow
from tests.support.http import PlainBrowser
from tests.support.servers import Server, gunicorn, serve, uvicorn

pytestmark = pytest.mark.e2e

WSGI_APP, ASGI_APP = "tests.compat.served:wsgi", "tests.compat.served:asgi"
UPLOAD = 100 * 1024 * 1024

GUNICORN: dict[str, dict[str, Any]] = {
    "gunicorn-sync": {"workers": 2},
    "gunicorn-gthread": {"worker_class": "gthread", "threads": 4},
    "gunicorn-preload": {"workers": 2, "preload": True},
}
COMMANDS = {
    "waitress": (
        ["waitress", "--listen=127.0.0.1:0", "--max-request-body-size=200000000", WSGI_APP],
        r"Serving on (http://127.0.0.1:\d+)",
    ),
    "hypercorn": (["hypercorn", "--bind=127.0.0.1:0", ASGI_APP], r"Running on (http://127.0.0.1:\d+)"),
    "daphne": (
        ["daphne", "-b", "127.0.0.1", "-p", "0", ASGI_APP],
        r"Listening on TCP address (127.0.0.1:\d+)",
    ),
}


def start(name: str, env: dict[str, str]) -> AbstractContextManager[Server]:
    """Start a server by its name."""
    if name in GUNICORN:
        return gunicorn(WSGI_APP, env=env, **GUNICORN[name])
    if name == "uvicorn":
        return uvicorn(ASGI_APP, env=env)
    if name.startswith("granian"):
        interface = name.partition("-")[2]
        return granian(interface, WSGI_APP if interface == "wsgi" else ASGI_APP, env)
    words, listening = COMMANDS[name]
    return serve([sys.executable, "-m", *words], listening=listening, ready=listening, env=env)


def granian(interface: str, app: str, env: dict[str, str]) -> AbstractContextManager[Server]:
    """Start granian, which needs a port that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        interface,
        "--host=127.0.0.1",
        f"--port={port}",
        app,
    ]
    return serve(
        command, listening=rf"Listening at: (http://127.0.0.1:{port})", ready="Started worker", env=env
    )


WSGI_SERVERS = [*GUNICORN, "waitress", "granian-wsgi"]
ASGI_SERVERS = ["uvicorn", "hypercorn", "granian-asgi", "daphne"]


@pytest.fixture(params=["", "/mounted"], ids=["root", "mounted"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Name the path below which the application is mounted."""
    value: str = request.param
    return value


@pytest.fixture(params=[*WSGI_SERVERS, *ASGI_SERVERS])
def server(request: pytest.FixtureRequest, prefix: str, tmp_path: Path) -> Iterator[Server]:
    """Start each server in turn."""
    with start(request.param, {"COMPAT_STORE": str(tmp_path / "2fa.db"), "COMPAT_PREFIX": prefix}) as running:
        if not running.url.startswith("http"):
            running.url = f"http://{running.url}"
        yield running


def test_flow_and_bodies(server: Server, prefix: str) -> None:
    """The whole flow, then streams, a written and a lazy answer, a large upload and a file, all as without gate."""
    with PlainBrowser.on_server(server.url) as browser:
        whole_flow(browser, prefix)
        parts = "".join(f"part {number}\n" for number in range(5))
        pages = ["/stream", "/lazy", "/written"] if WSGI_APP in server.command else ["/stream"]
        if "granian" in server.command:
            pages = ["/stream"]  # it drops what is given to write(), without a gate too
        for page in pages:
            assert browser.navigate(f"{prefix}{page}").text == parts, page
        assert browser.navigate(f"{prefix}/file").content == CONTENT
        size = UPLOAD if prefix == "" else 1024 * 1024
        answer = browser.send("POST", f"{prefix}/upload", content=b"x" * size, headers=FORM)
        assert answer.text == str(size)


def test_nothing_of_it_before_the_code(server: Server, prefix: str) -> None:
    """Streams, files and uploads are refused to a user who has not passed."""
    with PlainBrowser.on_server(server.url) as browser:
        log_in(browser, prefix)
        for page in ("/stream", "/file", "/events", "/anything"):
            answer = browser.navigate(f"{prefix}{page}")
            assert answer.status == 303
            assert "part" not in answer.text
        assert browser.send("POST", f"{prefix}/upload", content=b"x" * 100_000, headers=FORM).status == 303


@pytest.mark.parametrize("name", ASGI_SERVERS)
def test_sockets_and_events(name: str, tmp_path: Path) -> None:
    """A WebSocket is refused before the code and works after it; so does an event stream."""
    with start(name, {"COMPAT_STORE": str(tmp_path / "2fa.db")}) as running:
        url = running.url if running.url.startswith("http") else f"http://{running.url}"
        with PlainBrowser.on_server(url) as browser:
            log_in(browser)
            cookies = {"Cookie": browser.cookies.header(url + "/")}
            socket_url = url.replace("http", "ws", 1) + "/ws"
            with (
                pytest.raises(InvalidStatus) as refused,
                websockets.connect(socket_url, additional_headers=cookies),
            ):
                pass
            assert refused.value.response.status_code == 403
            set_up(browser)
            cookies = {"Cookie": browser.cookies.header(url + "/")}
            with websockets.connect(socket_url, additional_headers=cookies) as socket:
                socket.send("hello")
                assert socket.recv() == "ada: hello"
            assert browser.fetch("GET", "/events").text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"
