"""Case 24: WebSockets and event streams that were opened in time, and what becomes of them.

The class: an answer without an end is judged again while it runs. It ends within `revocation_lag` (1 s) and a second
after its verification was revoked, ran out, or ended in another process, or when a socket that nobody had opened has
become somebody's; whether it is idle or busy. WSGI has event streams only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from .live import Live, run
from .served import make_gate
from .target import PRIVATE

pytestmark = pytest.mark.e2e
STATED = 2.0
SLACK = 2.0
"""For a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def asgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run uvicorn."""
    with run("uvicorn", tmp_path_factory.mktemp("asgi")) as running:
        yield running


@pytest.fixture(scope="module")
def wsgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run gunicorn with threads, since a stream keeps its worker."""
    with run("gunicorn-gthread", tmp_path_factory.mktemp("wsgi")) as running:
        yield running


def revoke(live: Live, cookie: str) -> None:
    """Revoke from another process."""
    gate = make_gate(str(live.store))
    gate.revoke("u1")
    gate.close()


def run_out(live: Live, cookie: str) -> None:
    """Let twelve hours go by."""
    live.clock.sleep(12 * 3600 + 1)


def log_out(live: Live, cookie: str) -> None:
    """Log out in another tab."""
    httpx.get(f"{live.server.url}/logout", headers={"Cookie": cookie})


ENDINGS = [revoke, run_out, log_out]
Ending = Callable[[Live, str], None]


def open_socket(live: Live, cookie: str, path: str = "/app/ws") -> ClientConnection:
    """Open a WebSocket as the application's own page does."""
    return connect(
        live.server.url.replace("http:", "ws:") + path,
        additional_headers={"Cookie": cookie},
        origin=Origin(live.server.url),
        proxy=None,
    )


def closed_with(socket: ClientConnection, *, busy: bool) -> int | None:
    """Wait until the socket is closed, sending on or not; its code. `TimeoutError` if it stays open too long."""
    deadline = time.monotonic() + STATED + SLACK
    try:
        while time.monotonic() < deadline:
            if busy:
                socket.send("hello")
            try:
                socket.recv(timeout=0.05)
            except TimeoutError:
                continue
    except ConnectionClosed:
        return socket.close_code
    raise TimeoutError("the socket stayed open")


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_sockets_close(asgi: Live, ending: Ending, busy: bool) -> None:
    """Case 24: an idle and a busy WebSocket whose verification ends: 4403 in the stated time."""
    cookie = asgi.verified()
    with open_socket(asgi, cookie) as socket:
        assert PRIVATE in str(socket.recv(timeout=5))
        socket.send("hello")
        assert socket.recv(timeout=5) == "echo hello"
        ending(asgi, cookie)
        assert closed_with(socket, busy=busy) == 4403
    if ending is log_out:
        with open_socket(asgi, cookie) as again:
            assert again.recv(timeout=5) == "hello"  # nobody's now, and greeted as such
    else:
        with pytest.raises(InvalidStatus):
            open_socket(asgi, cookie)


def test_a_socket_opened_as_nobody_closes_once_it_is_somebodys(asgi: Live) -> None:
    """Case 24: opened before the login, used after it: 4403, whether or not messages pass."""
    for busy in (False, True):
        browser = asgi.browser.another()
        browser.send("GET", "/visit")
        cookie = browser.cookies.header(asgi.server.url + "/")
        with open_socket(asgi, cookie) as socket:
            assert socket.recv(timeout=5) == "hello"
            assert httpx.post(f"{asgi.server.url}/join", headers={"Cookie": cookie}).status_code == 303
            assert closed_with(socket, busy=busy) == 4403


def test_a_socket_stays_open_while_it_may(asgi: Live) -> None:
    """The control: a verified socket, idle and busy, outlives the time in which the others are closed."""
    with open_socket(asgi, asgi.verified()) as socket:
        with pytest.raises(TimeoutError):
            closed_with(socket, busy=False)
        with pytest.raises(TimeoutError):
            closed_with(socket, busy=True)


def test_a_socket_without_a_verification_is_not_accepted(asgi: Live) -> None:
    """Case 23, over a real server: 403 before the handshake is done, on any path, from any origin."""
    for path in ("/app/ws", "/login", "/logout", "/2fa/x"):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(asgi, f"sid={asgi.sid}", path)
        assert refused.value.response.status_code == 403
    headers = {"Cookie": asgi.verified(), "Origin": "https://evil.test"}
    url = asgi.server.url.replace("http:", "ws:")
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{url}/app/ws", additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("protocol", ["wsgi", "asgi"])
def test_event_streams_end(protocol: str, ending: Ending, request: pytest.FixtureRequest) -> None:
    """Case 24: an event stream whose verification ends: nothing more comes after the stated time, and it ends."""
    live: Live = request.getfixturevalue(protocol)
    cookie = live.verified()
    with httpx.stream("GET", f"{live.server.url}/events", headers={"Cookie": cookie}, timeout=10) as answer:
        ticks = answer.iter_raw()
        assert PRIVATE.encode() in next(ticks)
        ending(live, cookie)
        ended = time.monotonic()
        for _ in ticks:
            assert time.monotonic() - ended < STATED + SLACK
