"""A browser without a screen, for the suite of host plugins: WSGI and ASGI applications in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client
from werkzeug.wsgi import get_input_stream

from twofa_gate.core.cookies import set_cookie_readings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["Browser", "Seen", "as_wsgi"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer, and what was asked."""

    asked: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def shows(self, text: str) -> bool:
        """Whether a text stands in the answer; cookies, which the browser keeps to itself, don't count."""
        told = [value for name, value in self.headers if name.lower() != "set-cookie"]
        return text.encode() in self.body or any(text in value for value in told)


class Browser:
    """Keeps cookies and, in `headers`, what it sends with every request, such as Authorization."""

    def __init__(self, application: Any, origin: str = "https://app.test") -> None:
        self._client = Client(application, use_cookies=False)
        self._origin = origin
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.seen: list[Seen] = []

    def get(self, path: str, **headers: str) -> Seen:
        """Ask for a page as a person does."""
        return self._send("GET", path, headers={"Accept": "text/html", **headers})

    def post(self, path: str, data: Mapping[str, str] | None = None, **headers: str) -> Seen:
        """Send a form."""
        return self._send("POST", path, headers={"Accept": "text/html", **headers}, data=dict(data or {}))

    def json(
        self, method: str, path: str, payload: Any = None, headers: Mapping[str, str] | None = None
    ) -> Seen:
        """Send JSON as a script does."""
        return self._send(
            method, path, headers={"Accept": "application/json", **(headers or {})}, json=payload
        )

    def _send(self, method: str, path: str, *, headers: Mapping[str, str], **content: Any) -> Seen:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**({"Cookie": cookies} if cookies else {}), **self.headers, **headers}
        with self._client.open(path, method=method, base_url=self._origin, headers=sent, **content) as answer:
            told = tuple((str(name), str(value)) for name, value in answer.headers)
            seen = Seen(f"{method} {path}", answer.status_code, told, answer.get_data())
        for name, value in set_cookie_readings(told, time.time())[-1].items():
            self.cookies.pop(name, None)
            if value is not None:
                self.cookies[name] = value
        self.seen.append(seen)
        return seen


def as_wsgi(application: Any, runner: asyncio.Runner) -> Callable[..., Iterable[bytes]]:
    """Make an ASGI application callable like a WSGI one, so that one browser drives both."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent: list[dict[str, Any]] = runner.run(_ask(application, environ))
        status = next(each["status"] for each in sent if each["type"] == "http.response.start")
        headers = next(each["headers"] for each in sent if each["type"] == "http.response.start")
        text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        start_response(f"{status} -", text)
        return [each.get("body", b"") for each in sent if each["type"] == "http.response.body"]

    return call


async def _ask(application: Any, environ: WSGIEnvironment) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    body = get_input_stream(environ).read()
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if pending:
            return pending.pop()
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(dict(message))

    await application(_scope(environ), receive, send)
    return sent


def _scope(environ: WSGIEnvironment) -> dict[str, Any]:
    headers = [
        (key[5:].replace("_", "-").lower().encode(), value.encode("latin-1"))
        for key, value in environ.items()
        if key.startswith("HTTP_")
    ]
    headers += [
        (key.replace("_", "-").lower().encode(), environ[key].encode("latin-1"))
        for key in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(key)
    ]
    path = environ["PATH_INFO"].encode("latin-1")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": path.decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 4711),
        "server": ("app.test", 443),
    }
