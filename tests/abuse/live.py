"""Real servers with the target behind them, one for each kind that is installed, and a person at each."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pyotp

from tests.support.clock import MovableClock
from tests.support.http import PlainBrowser
from tests.support.raw import RawAnswer, send_raw
from tests.support.servers import Server, gunicorn, serve, uvicorn


def _waitress(app: str, **more: Any) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "waitress", "--listen=127.0.0.1:0", app]
    return serve(command, listening=r"Serving on (http://[0-9.:]+)", ready="Serving on", **more)


def _hypercorn(app: str, **more: Any) -> AbstractContextManager[Server]:
    command = [sys.executable, "-m", "hypercorn", "--bind=127.0.0.1:0", app]
    return serve(command, listening=r"Running on (http://[0-9.:]+)", ready="Running on", **more)


def _gthread(app: str, **more: Any) -> AbstractContextManager[Server]:
    return gunicorn(app, worker_class="gthread", threads=8, **more)


SERVERS: dict[str, tuple[str, Callable[..., AbstractContextManager[Server]], str]] = {
    "gunicorn": ("gunicorn", gunicorn, "wsgi"),
    "gunicorn-gthread": ("gunicorn", _gthread, "wsgi"),
    "waitress": ("waitress", _waitress, "wsgi"),
    "uvicorn": ("uvicorn", uvicorn, "asgi"),
    "hypercorn": ("hypercorn", _hypercorn, "asgi"),
}
INSTALLED = [name for name, (package, _, _) in SERVERS.items() if importlib.util.find_spec(package)]


class Live:
    """A running server; u1 is enrolled, and logged in (`sid`) without having verified."""

    def __init__(self, server: Server, store: Path, clock: MovableClock) -> None:
        self.server, self.store, self.clock = server, store, clock
        self.browser = PlainBrowser.on_server(server.url)
        self._log_in(self.browser)
        secret = self._post(self.browser, "enrollment", {})["secret"]
        self.totp = pyotp.TOTP(secret)
        self._post(self.browser, "enrollment", {"code": self.code()})
        self.sid = self._log_in(self.browser.another())

    def verified(self) -> str:
        """Log in anew and verify; return the Cookie header of that browser."""
        browser = self.browser.another()
        self._log_in(browser)
        self._post(browser, "challenge", {"code": self.code()})
        return browser.cookies.header(self.server.url + "/")

    def code(self) -> str:
        """Return a code not given before."""
        self.clock.sleep(30)
        return self.totp.at(int(self.clock.time()))

    def calls(self) -> list[list[str | None]]:
        """Ask the spy: method, path and user of each call."""
        told: list[list[str | None]] = json.loads(httpx.get(f"{self.server.url}/static/spy").content)
        return told

    def send(self, data: bytes) -> RawAnswer:
        """Send these bytes, and read all that comes until the server closes; a server may wait for more, too."""
        try:
            return send_raw(self.server.host, self.server.port, data, until_closed=True, timeout=3)
        except TimeoutError as error:
            return RawAnswer(str(error).encode())

    def request(
        self, target: bytes, *lines: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1"
    ) -> RawAnswer:
        """Send a request with u1's session, not verified."""
        return self.send(self.bytes(target, *lines, method=method, version=version))

    def bytes(
        self,
        target: bytes,
        *lines: bytes,
        method: bytes = b"GET",
        version: bytes = b"HTTP/1.1",
        close: bool = True,
    ) -> bytes:
        """Return the bytes of such a request."""
        host = f"Host: {self.server.host}:{self.server.port}".encode()
        cookie = b"Cookie: sid=" + self.sid.encode()
        ending = [b"Connection: close"] if close else []
        return b"\r\n".join([b" ".join([method, target, version]), host, cookie, *lines, *ending, b"", b""])

    def _log_in(self, browser: PlainBrowser) -> str:
        answer = browser.send("POST", "/login", content=b"user=u1")
        assert answer.status == 303, answer.text
        return browser.cookies["sid"].value

    def _post(self, browser: PlainBrowser, endpoint: str, payload: dict[str, Any]) -> Any:
        csrf = browser.fetch("GET", "/2fa/api/v1/status").json()["csrf"]
        done = browser.fetch("POST", f"/2fa/api/v1/{endpoint}", json=payload, headers={"X-CSRF-Token": csrf})
        assert done.status == 200, done.text
        return done.json()


@contextlib.contextmanager
def run(name: str, folder: Path) -> Iterator[Live]:
    """Run one of the servers, by its name in `SERVERS`."""
    _, start, protocol = SERVERS[name]
    store, clock = folder / f"{name}.db", MovableClock(folder / f"{name}.clock")
    with start(f"tests.abuse.served:{protocol}", env={"ABUSE_STORE": str(store)}, clock=clock) as server:
        live = Live(server, store, clock)
        try:
            yield live
        finally:
            live.browser.close()
