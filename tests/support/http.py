"""A plain browser without JavaScript: keeps cookies as browsers do, reads forms, sends what browsers send.

One class drives a server over the network, a WSGI application in this process, and an ASGI application in
this process (on an event loop in a thread of its own), so that one test can be played through each of them.
"""

from __future__ import annotations

import contextlib
import io
import json as json_module
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote_to_bytes, urlencode, urljoin, urlsplit

import anyio
import anyio.from_thread
import httpx

from .cookies import Cookies
from .html import Form, Link, read_page

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Answer", "PlainBrowser"]

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ASGIApplication = Callable[..., Any]


@dataclass(frozen=True)
class Answer:
    """A response, and what a page in it holds."""

    response: httpx.Response
    url: str
    forms: Sequence[Form] = field(repr=False)
    links: Sequence[Link] = field(repr=False)
    title: str
    words: str = field(repr=False)

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status_code

    @property
    def headers(self) -> httpx.Headers:
        """The header fields."""
        return self.response.headers

    @property
    def content(self) -> bytes:
        """The body."""
        return self.response.content

    @property
    def text(self) -> str:
        """The body as text, with its markup; :attr:`words` is what a person reads."""
        return self.response.text

    @property
    def location(self) -> str:
        """Where a redirect leads, made absolute."""
        return urljoin(self.url, self.headers["location"])

    @property
    def redirects(self) -> bool:
        """Whether a browser would go on to :attr:`location`."""
        return self.status in (301, 302, 303, 307, 308) and "location" in self.headers

    def json(self) -> Any:
        """Read the body as JSON."""
        return json_module.loads(self.content)

    def form(self, *, action: str | None = None, button: str | None = None, field: str | None = None) -> Form:
        """Find the one form that has this action (its path's end), this button's words, this field."""
        found = [form for form in self.forms if form.fits(action=action, button=button, field=field)]
        assert len(found) == 1, f"{len(found)} such forms among {list(self.forms)} on {self.url}"
        return found[0]

    def link(self, words: str) -> str:
        """Return the absolute URL of the one link with these words."""
        found = {link.url for link in self.links if link.words == words}
        assert len(found) == 1, f"{len(found)} links read {words!r} among {list(self.links)} on {self.url}"
        return found.pop()


class PlainBrowser:
    """Somebody's browser with JavaScript switched off. It follows redirects only when told to."""

    def __init__(self, transport: httpx.BaseTransport, base_url: str) -> None:
        self.base_url = base_url
        self.cookies = Cookies()
        self.page: Answer | None = None
        # httpx's own jar takes nothing: it knows no __Host- prefix and no trust in the loopback.
        nothing = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.Client(transport=transport, cookies=nothing, timeout=60, follow_redirects=False)

    @classmethod
    def on_server(cls, url: str) -> Self:
        """Over the network, to a server."""
        return cls(httpx.HTTPTransport(), url)

    @classmethod
    def on_wsgi(cls, app: WSGIApplication, base_url: str = "https://app.test", *, prefix: str = "") -> Self:
        """In this process, to a WSGI application, mounted at ``prefix``."""
        return cls(WSGITransport(app, prefix), base_url)

    @classmethod
    def on_asgi(cls, app: ASGIApplication, base_url: str = "https://app.test", *, prefix: str = "") -> Self:
        """In this process, to an ASGI application, mounted at ``prefix``; its lifespan is begun and ended."""
        return cls(ASGITransport(app, prefix), base_url)

    def another(self) -> Self:
        """Another person's browser, without a cookie, to the same server or application."""
        other = type(self).__new__(type(self))
        other.base_url, other.cookies, other.page = self.base_url, Cookies(), None
        other._client = self._client
        return other

    def close(self) -> None:
        """Close the connections, end the lifespan."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def navigate(
        self, url: str = "/", *, headers: Mapping[str, str] | None = None, follow: bool = False
    ) -> Answer:
        """Open a URL, as typed into the address bar or clicked on the page."""
        site = "none" if self.page is None else self._site(url, self.page.url)
        answer = self.send("GET", url, headers={**_navigation(site), **(headers or {})})
        return self._arrive(answer, follow=follow)

    def follow(self, answer: Answer) -> Answer:
        """Go one step where a redirect leads."""
        assert answer.redirects, f"{answer.status} is no redirect"
        return self.navigate(answer.location)

    def click(self, words: str, *, follow: bool = False) -> Answer:
        """Open the link with these words on the page."""
        return self.navigate(self._open_page().link(words), follow=follow)

    def submit(
        self,
        form: Form,
        *,
        button: str | None = None,
        headers: Mapping[str, str] | None = None,
        follow: bool = False,
        **fields: str | Sequence[str] | None,
    ) -> Answer:
        """Send a form: its hidden fields, what is typed, and the name of the button, the first by default.

        A field given as None is left out; one that the form doesn't have is an error of the test.
        """
        page = self._open_page()
        pairs = form.filled(fields, button)
        target = form.url
        sent = {**_navigation(self._site(target, page.url)), "Referer": page.url}
        if form.method == "GET":
            return self._arrive(
                self.send(
                    "GET", urljoin(target, "?" + urlencode(pairs)), headers={**sent, **(headers or {})}
                ),
                follow=follow,
            )
        sent["Origin"] = self._origin(page)
        content, sent["Content-Type"] = form.encoded(pairs)
        answer = self.send("POST", target, content=content, headers={**sent, **(headers or {})})
        return self._arrive(answer, follow=follow)

    def fetch(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        dest: str = "empty",
        mode: str = "cors",
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Do what a script, an image or a style sheet on the page does (see ``dest`` and ``mode``)."""
        page_url = self.page.url if self.page is not None else self.base_url
        sent = {"Accept": accept, "Sec-Fetch-Site": self._site(url, page_url)}
        sent |= {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
        if method not in ("GET", "HEAD"):
            sent["Origin"] = _origin_of(page_url)
        if json is not None:
            content, sent["Content-Type"] = json_module.dumps(json).encode(), "application/json"
        return self.send(method, url, content=content, headers={**sent, **(headers or {})})

    def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        cookies: bool = True,
    ) -> Answer:
        """Send a request with these headers and the cookies alone: a client that is no browser."""
        absolute = self.absolute(url)
        request = self._client.build_request(method, absolute, content=content)
        for name in ("accept", "accept-encoding", "connection", "user-agent"):
            del request.headers[name]
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
        cookie = self.cookies.header(absolute) if cookies else ""
        pairs += [("Cookie", cookie)] if cookie else []
        request.headers = httpx.Headers([*request.headers.multi_items(), *pairs])
        response = self._client.send(request)
        for line in response.headers.get_list("set-cookie"):
            self.cookies.take(line, absolute)
        return _answer(response, absolute)

    def absolute(self, url: str) -> str:
        """Return a URL as seen from the page."""
        return urljoin(self.page.url if self.page is not None else self.base_url, url)

    def _arrive(self, answer: Answer, *, follow: bool) -> Answer:
        for _ in range(20):
            if not answer.redirects:
                if answer.status != 204:
                    self.page = answer
                return answer
            if not follow:
                return answer
            assert answer.status not in (307, 308), "this browser repeats no POST"
            site = self._site(answer.location, answer.url)
            answer = self.send("GET", answer.location, headers=_navigation(site))
        raise AssertionError(f"redirects without end, now to {answer.location}")

    def _open_page(self) -> Answer:
        assert self.page is not None, "no page is open"
        return self.page

    def _site(self, url: str, from_url: str) -> str:
        return "same-origin" if _origin_of(self.absolute(url)) == _origin_of(from_url) else "cross-site"

    def _origin(self, page: Answer) -> str:
        if page.headers.get("referrer-policy", "").strip() == "no-referrer":
            return "null"  # as browsers have it
        return _origin_of(page.url)


class WSGITransport(httpx.BaseTransport):
    """To a WSGI application in this process, to the letter of PEP 3333.

    httpx's own leaves out ``write()``, and gives non-ASCII paths in a form that no server does.
    """

    def __init__(self, app: WSGIApplication, prefix: str = "") -> None:
        self._app = app
        self._prefix = prefix

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Call the application and collect its answer."""
        written: list[bytes] = []
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], None]:
            assert exc_info is not None or not started, "start_response was called twice"
            started.append((status, headers))
            return written.append

        body = self._app(self._environ(request), start_response)
        try:
            written.extend(body)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        assert started, "the application never called start_response"
        status, headers = started[-1]
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return httpx.Response(int(status.split(" ")[0]), headers=encoded, content=b"".join(written))

    def _environ(self, request: httpx.Request) -> dict[str, Any]:
        url = request.url
        raw_path = url.raw_path.partition(b"?")[0]
        path = unquote_to_bytes(raw_path).decode("latin-1")
        assert path.startswith(self._prefix), f"{path} is not below the prefix {self._prefix}"
        content = request.read()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self._prefix,
            "PATH_INFO": path.removeprefix(self._prefix),
            "QUERY_STRING": url.query.decode("latin-1"),
            "RAW_URI": url.raw_path.decode("latin-1"),
            "SERVER_NAME": url.host,
            "SERVER_PORT": str(url.port or {"http": 80, "https": 443}[url.scheme]),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.multi_items():
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
        return environ


PATIENCE = 30
"""Seconds that an ASGI application may take to answer."""


class ASGITransport(httpx.BaseTransport):
    """To an ASGI application in this process, on an event loop that lives in a thread of its own."""

    def __init__(self, app: ASGIApplication, prefix: str = "") -> None:
        self._transport = httpx.ASGITransport(app, root_path=prefix)
        self._stack = contextlib.ExitStack()
        try:
            self.portal = self._stack.enter_context(anyio.from_thread.start_blocking_portal())
            self._stack.enter_context(self.portal.wrap_async_context_manager(_Lifespan(app)))
        except BaseException:
            self._stack.close()
            raise

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Call the application on the loop and collect its answer."""
        whole = httpx.Request(
            request.method, request.url, headers=request.headers.raw, content=request.read()
        )
        return self.portal.call(self._handle, whole)

    def close(self) -> None:
        """End the lifespan and the loop."""
        self._stack.close()

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        with anyio.fail_after(
            PATIENCE
        ):  # an application that waits for ever is to fail its test, not to hang it
            response = await self._transport.handle_async_request(request)
            content = await response.aread()
        return httpx.Response(response.status_code, headers=response.headers.raw, content=content)


class _Lifespan:
    """The ASGI lifespan of an application, which may have none."""

    def __init__(self, app: ASGIApplication) -> None:
        self._app = app
        self._asked = anyio.Event()
        self._messages = ["startup", "shutdown"]
        self._said: dict[str, anyio.Event] = {}
        self._failure = ""

    async def __aenter__(self) -> None:
        self._started, self._ended = anyio.Event(), anyio.Event()
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._group.start_soon(self._run)
        await self._started.wait()
        if self._failure:
            await self.__aexit__(None, None, None)
            raise RuntimeError(f"the application refused to start: {self._failure}")

    async def __aexit__(self, *unused: object) -> None:
        self._asked.set()
        await self._ended.wait()
        await self._group.__aexit__(None, None, None)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            if self._started.is_set():
                raise
            # an application without a lifespan says so by raising, and is served all the same
        finally:
            self._started.set()
            self._ended.set()

    async def _receive(self) -> dict[str, str]:
        if self._messages[0] == "startup":
            return {"type": f"lifespan.{self._messages.pop(0)}"}
        await self._asked.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "lifespan.startup.failed":
            self._failure = str(message.get("message", "")) or "without a word"
        if message["type"].startswith("lifespan.startup"):
            self._started.set()


def _answer(response: httpx.Response, url: str) -> Answer:
    html = response.headers.get("content-type", "").partition(";")[0].strip() == "text/html"
    forms, links, title, words = read_page(response.text if html else "", url)
    return Answer(response, url, forms, links, title, words)


def _navigation(site: str) -> dict[str, str]:
    return {
        "Accept": HTML,
        "Accept-Language": "en-US,en;q=0.5",
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Site": site,
        "Sec-Fetch-User": "?1",
        "Upgrade-Insecure-Requests": "1",
    }


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
