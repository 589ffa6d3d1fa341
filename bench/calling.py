"""One request through WSGI or ASGI, without a server: the same headers for every subject."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from io import BytesIO
from typing import Any

__all__ = ["asgi_batch", "bare_asgi", "bare_wsgi", "make_environ", "make_scope", "wsgi_batch"]

HEADERS = (
    ("host", "app.test"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
)
BODY = b"<!doctype html><title>Orders</title>"


def make_scope(path: str = "/orders", cookie: str = "") -> dict[str, Any]:
    """Give the scope of a page visit."""
    headers = [*HEADERS, *([("cookie", cookie)] if cookie else [])]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 40000),
        "scheme": "https",
        "root_path": "",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "state": {},
    }


def make_environ(path: str = "/orders", cookie: str = "") -> dict[str, Any]:
    """Give the environment of a page visit, with what gunicorn puts into it."""
    headers = [*HEADERS, *([("cookie", cookie)] if cookie else [])]
    return {
        "wsgi.errors": BytesIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": tuple,
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "gunicorn",
        "wsgi.input": BytesIO(),
        "gunicorn.socket": None,
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "",
        "RAW_URI": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers},
        "wsgi.url_scheme": "https",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
    }


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer a page, as shortly as ASGI can."""
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"36")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def bare_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Answer a page, as shortly as WSGI can."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "36")])
    return [BODY]


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def _finish(running: Coroutine[Any, Any, None]) -> None:
    try:
        running.send(None)
    except StopIteration:
        return
    raise RuntimeError("This request waits for something, and can't be measured without a loop.")


def asgi_batch(app: Any, *scopes: dict[str, Any], expect: int = 200) -> Callable[[int], None]:
    """Make so many requests of an application, with these scopes in turn."""
    seen: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen[:] = [message["status"]]

    _finish(app(dict(scopes[0]), _receive, send))
    if seen != [expect]:
        raise RuntimeError(f"{seen} instead of {expect}: this would measure something else.")

    async def sink(message: Any) -> None:
        return None

    def batch(size: int) -> None:
        total = len(scopes)
        for number in range(size):
            _finish(app(scopes[number % total].copy(), _receive, sink))

    return batch


def wsgi_batch(app: Any, *environs: dict[str, Any], expect: str = "200") -> Callable[[int], None]:
    """Make so many requests of an application, with these environments in turn."""
    seen: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        seen[:] = [status[:3]]

    def once(environ: dict[str, Any]) -> None:
        body = app(environ, start_response)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()

    once(dict(environs[0]))
    if seen != [expect]:
        raise RuntimeError(f"{seen} instead of {expect}: this would measure something else.")

    def batch(size: int) -> None:
        total = len(environs)
        for number in range(size):
            once(environs[number % total].copy())

    return batch
