"""The protocols' own rules: `wsgiref.validate` around and inside the gate, and ASGI's message rules on both sides."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest

from tests.compat.bare import asgi_app, wsgi_app
from tests.compat.flow import FORM, log_in, set_up, whole_flow
from tests.compat.gating import make_gate
from tests.support.http import PlainBrowser
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PAGES = (
    "/",
    "/2fa/",
    "/2fa/challenge",
    "/2fa/enroll",
    "/2fa/static/style.css",
    "/2fa/health",
    "/2fa/nothing",
)


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer as the bare application does, and keep to the rules that it bends.

    The validator wants a Content-Type with every answer that has a body, and none with 204.
    """
    if environ["PATH_INFO"] == "/write":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written")
        return [b""]
    return list(wsgi_app(environ, start_response))


def validated(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Put the validator around the application, but for `environ["twofa_gate"]`.

    It takes any key without a dot for a CGI variable, which must be a string.
    """
    cgi = {name: value for name, value in environ.items() if name != "twofa_gate"}
    return validator(plain)(cgi, start_response)


def test_wsgi_keeps_the_rules_on_both_sides() -> None:
    """The validator around the gate and the one inside it have nothing to say, in the whole flow and on any page."""
    app = validator(WSGIMiddleware(validated, make_gate()))
    with PlainBrowser.on_wsgi(app) as browser:
        whole_flow(browser)
        for page in (*PAGES, "/stream", "/write"):
            assert browser.navigate(page).status in (200, 303, 404)
            assert browser.send("HEAD", page).status in (200, 303, 404, 405)
    with PlainBrowser.on_wsgi(app) as browser:
        log_in(browser)
        for page in (*PAGES, "/stream", "/write"):
            assert browser.navigate(page).status in (200, 303, 404)
            browser.send("HEAD", page)
            browser.send("POST", page, content=b"x=1", headers=FORM)
            browser.send("POST", page, content=b"{", headers={"Content-Type": "application/json"})


def environ_of(path: str, method: str = "GET") -> dict[str, Any]:
    """Make an environ by PEP 3333 with no more than it demands."""
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "app.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@pytest.mark.parametrize("path", ["/", "/2fa/", "/2fa/health", "/stream"])
def test_wsgi_needs_no_more_than_the_standard(path: str) -> None:
    """The least environ that PEP 3333 allows is enough, HTTP/1.0 included."""
    started: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append(status)
        return lambda data: None

    body = WSGIMiddleware(wsgi_app, make_gate())(environ_of(path), start_response)
    assert b"".join(body) is not None
    assert started[0][:3] in ("200", "303", "403")
    close = getattr(body, "close", None)
    if close is not None:
        close()


class Rules:
    """Checks ASGI's rules of one side: what is sent, in which order, of which types."""

    def __init__(self, app: Any, side: str) -> None:
        self._app = app
        self._side = side

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the application, and look at what it sends."""
        assert isinstance(scope, dict), self._side
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = {"started": False, "ended": False}

        async def checked_send(message: Any) -> None:
            assert not state["ended"], f"{self._side}: {message['type']} after the end"
            if message["type"] == "http.response.start":
                assert not state["started"], f"{self._side}: started twice"
                assert type(message["status"]) is int
                for name, value in message["headers"]:
                    assert type(name) is bytes, self._side
                    assert type(value) is bytes, self._side
                    assert name == name.lower(), f"{self._side}: {name!r}"
                state["started"] = True
            else:
                assert message["type"] == "http.response.body", self._side
                assert state["started"], f"{self._side}: a body before the start"
                assert type(message.get("body", b"")) is bytes
                state["ended"] = not message.get("more_body", False)
            await send(message)

        await self._app(scope, receive, checked_send)
        assert state["ended"], f"{self._side}: no end"


def test_asgi_keeps_the_rules_on_both_sides() -> None:
    """Around the gate and inside it every answer starts once, ends once, and is made of bytes."""
    app = Rules(ASGIMiddleware(Rules(asgi_app, "inside"), make_gate()), "around")
    with PlainBrowser.on_asgi(app) as browser:
        whole_flow(browser)
        for page in (*PAGES, "/stream", "/file", "/events"):
            browser.navigate(page)
            browser.send("HEAD", page)
    with PlainBrowser.on_asgi(app) as browser:
        log_in(browser)
        for page in (*PAGES, "/stream", "/file", "/events"):
            assert browser.navigate(page).status in (200, 303, 404)
            browser.send("POST", page, content=b"x=1", headers=FORM)


def test_starlette_background_tasks_and_ranges(tmp_path: Any) -> None:
    """Background tasks run after the answer, and a Range of a file is a 206, behind the gate as without it."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import FileResponse, PlainTextResponse, Response
    from starlette.routing import Mount, Route

    done: list[str] = []
    file = tmp_path / "numbers.txt"
    file.write_text("0123456789")

    async def tasked(request: Request) -> Response:
        return PlainTextResponse("first", background=BackgroundTask(done.append, "second"))

    async def numbers(request: Request) -> Response:
        return FileResponse(file)

    inner = Starlette(routes=[Route("/tasked", tasked), Route("/numbers", numbers), Mount("/", app=asgi_app)])
    with PlainBrowser.on_asgi(ASGIMiddleware(inner, make_gate())) as browser:
        log_in(browser)
        assert browser.send("GET", "/numbers", headers={"Range": "bytes=2-4", "Accept": "*/*"}).status == 303
        set_up(browser)
        answer = browser.send("GET", "/numbers", headers={"Range": "bytes=2-4", "Accept": "*/*"})
        assert (answer.status, answer.text) == (206, "234")
        assert browser.navigate("/tasked").text == "first"
        assert done == ["second"]
