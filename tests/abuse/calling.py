"""Calling an application by the letter of its protocol, in this process, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Sent:
    """An answer to a raw request; for ASGI, `messages` has all that was sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    messages: tuple[dict[str, Any], ...] = ()

    def all(self, name: str) -> list[str]:
        """Return the values of every header of this name."""
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next(iter(self.all(name)), None)


def call_wsgi(app: Any, environ: dict[str, Any]) -> Sent:
    """Call a WSGI application as a server does; the last start counts, if nothing was written before it."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and any(written):
            raise exc_info[1]
        assert exc_info or not started, "start_response was called twice"
        started.append((status, list(headers)))
        return written.append

    result = app(environ, start_response)
    try:
        for chunk in result:
            assert started or not chunk, "a body before its start"
            written.append(chunk)
    finally:
        if hasattr(result, "close"):
            result.close()
    assert started, "the application never called start_response"
    status, headers = started[-1]
    return Sent(int(status[:3]), headers, b"".join(written))


async def call_asgi(app: Any, scope: dict[str, Any], body: bytes = b"") -> Sent:
    """Call an ASGI application for one request as a server does."""
    messages: list[dict[str, Any]] = []
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await app(scope, receive, send)
    starts = [each for each in messages if each["type"] == "http.response.start"]
    assert len(starts) == 1, messages
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in starts[0]["headers"]]
    parts = [each.get("body", b"") for each in messages if each["type"] == "http.response.body"]
    return Sent(starts[0]["status"], headers, b"".join(parts), tuple(messages))


def is_refusal(answer: Any) -> bool:
    """Whether an answer is a refusal of the gate: its challenge, its problem, its empty 403, or a 400."""
    location = (
        answer.headers.get("location", "") if not isinstance(answer, Sent) else answer.header("location")
    )
    if answer.status == 303:
        return "/2fa/challenge?next=" in (location or "")
    return answer.status in (400, 401, 403)
