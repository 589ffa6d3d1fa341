"""The request as hooks and the core see it, alike on WSGI and ASGI."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twofa_gate import AmbiguousCookie, GateRequest
from twofa_gate.adapters.asgi_request import ASGIRequest
from twofa_gate.adapters.wsgi_request import WSGIRequest
from twofa_gate.request import StrictCookies, canonical_path, is_plain, merge_cookies

Make = Callable[..., GateRequest]


def on_wsgi(
    path: str = "/", method: str = "GET", *, prefix: str = "", query: str = "", **headers: str
) -> GateRequest:
    """Make a request as a WSGI server does; `path` is encoded."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": prefix.encode().decode("latin-1"),
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "RAW_URI": prefix + path + (f"?{query}" if query else ""),
        "QUERY_STRING": query,
        "SERVER_NAME": "server",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "192.0.2.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(b"body"),
    }
    for name, value in headers.items():
        key = name.upper()
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return WSGIRequest(environ)


def on_asgi(
    path: str = "/", method: str = "GET", *, prefix: str = "", query: str = "", **headers: str
) -> GateRequest:
    """Make a request as an ASGI server does: the prefix is part of the path."""
    return ASGIRequest(
        {
            "type": "http",
            "method": method,
            "root_path": prefix,
            "path": prefix + unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": (prefix + path).encode(),
            "query_string": query.encode(),
            "scheme": "https",
            "server": ("server", 8000),
            "client": ("192.0.2.1", 5000),
            "headers": [
                (name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
        }
    )


@pytest.fixture(params=[on_wsgi, on_asgi], ids=["wsgi", "asgi"])
def make(request: pytest.FixtureRequest) -> Make:
    """Make requests in both ways."""
    found: Make = request.param
    return found


def test_what_a_request_says(make: Make) -> None:
    """Method, path, prefix, query, headers, scheme, host and client are the same on both sides."""
    request = make(
        "/billing/invoices/",
        "POST",
        prefix="/app",
        query="a=1&a=2&b=",
        host="app.test",
        accept="x",
        cookie="c=d",
    )
    assert (request.kind, request.method, request.path, request.prefix) == (
        "http",
        "POST",
        "/billing/invoices/",
        "/app",
    )
    assert request.segments == ("billing", "invoices")
    assert request.query.getlist("a") == ["1", "2"]
    assert request.query["b"] == ""
    assert request.query_string == "a=1&a=2&b="
    assert (request.headers["Accept"], request.headers["accept"]) == ("x", "x")
    assert (request.header("accept"), request.header("x-absent")) == ("x", None)
    assert (request.scheme, request.host, request.client) == ("https", "app.test", "192.0.2.1")
    assert request.cookies["c"] == "d"
    assert request.carries_credentials
    assert (request.environ is None) is not (request.scope is None)


def test_without_headers(make: Make) -> None:
    """Without Host it is the server's own name; without cookies and Authorization nobody can be named."""
    request = make("/x")
    assert request.host == "server:8000"
    assert (request.cookie_header, request.authorization, request.carries_credentials) == ("", "", False)
    assert len(request.cookies) == 0
    assert make("/x", authorization="Basic x").carries_credentials


def test_content_type(make: Make) -> None:
    """Content-Type is a header like any other."""
    assert make("/x", content_type="text/plain").header("content-type") == "text/plain"


def test_other_cookies_in_the_native_request(make: Make) -> None:
    """A copy with other cookies has them in the native request too, and the original keeps its own."""
    request = make("/x", cookie="a=1", host="app.test")
    copy = request.with_cookie_header("a=2; b=3")
    assert (copy.cookies["a"], copy.headers["Cookie"], copy.host) == ("2", "a=2; b=3", "app.test")
    assert (request.cookies["a"], request.headers["Cookie"]) == ("1", "a=1")


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/", "/"), ("", "/"), ("x", "/x"), ("//x", "/x"), ("///x/", "/x/"), ("/x//y", "/x/y"), ("/./x", "/x"),
        ("/x/.", "/x/"), ("/x/..", "/"), ("/x/../y", "/y"), ("/../x", "/x"), ("/../../", "/"), ("/x/%2e%2e/y", "/y"),
        ("/x%2fy", "/x/y"), ("/x\\..\\y", "/y"), ("\\x", "/x"), ("/x%5c..%5cy", "/y"), ("/%C3%BC", "/ü"),
        ("/x;y", "/x;y"),
        ("/x%3fy", "/x?y"), ("/x%20", "/x "), ("/X", "/X"), ("/x/...", "/x/..."), ("/%252e%252e/x", "/%2e%2e/x"),
    ],
)  # fmt: skip
def test_one_canonical_path(make: Make, path: str, canonical: str) -> None:
    """Each path has one reading: the one that the most liberal application would have."""
    assert make(path).path == canonical
    if path[:1] in ("", "/"):
        assert make(path, prefix="/app").path == canonical


@given(st.text(alphabet="/.\\aA%2e; \u00e9\x00", max_size=14))
def test_canonical_path_is_canonical(path: str) -> None:
    """It begins with one slash, has no empty, dot or backslash segments, and is its own reading."""
    canonical = canonical_path(path)
    assert canonical.startswith("/")
    assert canonical_path(canonical) == canonical
    assert "\\" not in canonical
    parts = canonical.split("/")[1:]
    assert all(part not in ("", ".", "..") for part in parts[:-1])
    assert parts[-1] not in (".", "..")
    if is_plain(path):
        assert canonical == path


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("/x/y.z", True), ("/", True), ("/x/", True), ("/a~b/c-d_e", True), ("/%41", True), ("", False),
        ("/x//y", False),
        ("/x/../y", False), ("/%2e%2e/x", False), ("/x%2Fy", False), ("/x;y", False), ("/x%3By", False),
        ("/x\\y", False),
        ("/x%00", False), ("/%0a", False), ("/%C3%BC", False), ("/x%25", False), ("/x%20", False), ("/x%7f", False),
    ],
)  # fmt: skip
def test_plain_paths(make: Make, path: str, plain: bool) -> None:
    """Only a path that every reader reads alike is plain."""
    assert make(path).plain is plain


def test_query_that_is_too_much(make: Make) -> None:
    """A query of too many fields has none, and is no error."""
    assert len(make("/x", query="&".join(["a=b"] * 201)).query) == 0
    assert len(make("/x", query="&".join(["a=b"] * 200)).query.getlist("a")) == 200
    assert make("/x", query="%ff=%fe&&=;").query_string == "%ff=%fe&&=;"


@pytest.mark.parametrize("header", ["é", "a=é", "\xff\xfe"])
def test_headers_in_latin_1(make: Make, header: str) -> None:
    """Bytes beyond ASCII in a cookie are no error; the cookie is ambiguous, or there is none."""
    request = make("/x", cookie=header)
    with pytest.raises((AmbiguousCookie, KeyError)):
        request.cookies[header.partition("=")[0]]


def test_asgi_prefix_is_matched_by_segments() -> None:
    """A root path that is only the beginning of a segment is none."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "root_path": "/app",
        "path": "/apple",
        "headers": [],
    }
    assert ASGIRequest(scope).path == "/apple"
    assert ASGIRequest({**scope, "path": "/app"}).path == "/"
    assert ASGIRequest({**scope, "root_path": "/app/", "path": "/app/x"}).path == "/x"


def test_a_mount_point_that_ends_in_a_slash() -> None:
    """Applications disagree whether it is to be taken off the path, so no path below it is plain."""
    scope: dict[str, Any] = {"type": "http", "path": "/app/static/x", "root_path": "/app", "headers": []}
    assert ASGIRequest(scope).plain
    assert not ASGIRequest({**scope, "root_path": "/app/"}).plain


def test_asgi_sockets() -> None:
    """A socket is a GET, and its scheme is that of its handshake."""
    scope: dict[str, Any] = {"type": "websocket", "path": "/ws", "scheme": "wss", "headers": []}
    request = ASGIRequest(scope)
    assert (request.kind, request.method, request.scheme, request.client) == (
        "websocket",
        "GET",
        "https",
        None,
    )
    assert (request.raw_path, request.query_string, request.host) == (None, "", ":None")
    assert ASGIRequest({**scope, "scheme": "ws"}).scheme == "http"


def test_hooks_get_a_copy() -> None:
    """What a hook sees is a shallow copy with an empty body: it reads nothing that the application needs."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "wsgi.input": BytesIO(b"body"),
        "session": {"user": 1},
    }
    request = WSGIRequest(environ)
    assert request.environ["wsgi.input"].read() == b""
    request.environ["REMOTE_USER"] = "x"
    assert "REMOTE_USER" not in environ
    assert request.environ["session"] is environ["session"]
    assert environ["wsgi.input"].read() == b"body"


# cookies


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("", {}), ("a=1", {"a": "1"}), ("a=1; b=2", {"a": "1", "b": "2"}), ("a=1;b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}), ("a=b=c", {"a": "b=c"}), ("; ;a=1;", {"a": "1"}), ("\ta=1", {"a": "1"}),
        ("__Host-x.y!#$=1", {"__Host-x.y!#$": "1"}), ("a=%22", {"a": "%22"}), ("A=1; a=2", {"A": "1", "a": "2"}),
    ],
)  # fmt: skip
def test_good_cookies(header: str, cookies: dict[str, str]) -> None:
    """Cookies as browsers send them are read."""
    assert dict(StrictCookies(header)) == cookies


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("a=1; a=2", "a"), ("a=1; a=1", "a"), ('a="1"', "a"), ('a="1; b=2"', "a"), ("a =1", "a"), ("a= 1 2", "a"),
        ("a", "a"), ("a b=1", "b"), ("a=1 b=2", "b"), ("a=1 b=2", "a"), ("a=1\tb=2", "b"), ("a b", "b"), ("=a=1", ""),
        ("b[]=1", "b[]"), ("a=\x7f", "a"), ("a=\x00", "a"), ("a=1\x0b", "a"), ("a=1\xa0", "a"), ("é=1", "é"),
        ("a=1\\\"", "a"),
    ],
)  # fmt: skip
def test_ambiguous_cookies(header: str, name: str) -> None:
    """Asking for a cookie that parsers disagree about raises, in each way of asking, and only for that one."""
    cookies = StrictCookies(f"good=1; {header}")
    assert cookies["good"] == "1"
    for ask in (cookies.__getitem__, cookies.get, cookies.__contains__):
        with pytest.raises(AmbiguousCookie):
            ask(name)
    assert cookies.single(name) is None
    assert name not in list(cookies)
    assert cookies.get("absent") is None


def test_asking_for_none() -> None:
    """An absent cookie is absent, and a broken neighbor doesn't empty the list."""
    cookies = StrictCookies('bad[]=1; a=1; "; =x')
    assert (cookies["a"], "b" in cookies, cookies.single("b"), cookies.single("a"), len(cookies)) == (
        "1",
        False,
        None,
        "1",
        1,
    )
    with pytest.raises(KeyError):
        cookies["b"]


@settings(deadline=None, database=None)
@given(st.text(alphabet='ab=;, \t"\\[]\x00\x85\u00e9', max_size=16))
def test_agrees_with_other_parsers_or_raises(header: str) -> None:
    """What is read without complaint, a simple split and Python's own parser read alike, if they read it at all."""
    cookies = StrictCookies(header)
    theirs = SimpleCookie()
    try:
        theirs.load(header)
    except CookieError:
        return
    for name, morsel in theirs.items():
        try:
            ours = cookies.get(name)
        except AmbiguousCookie:
            continue
        assert ours in (None, morsel.value)


@pytest.mark.parametrize(
    ("header", "changes", "merged"),
    [
        ("", {"a": "1"}, "a=1"),
        ("a=1; b=2", {"a": "3"}, "b=2; a=3"),
        ("a=1; b=2", {"a": None}, "b=2"),
        ("a=1;a=2 ; b=2", {"a": "3"}, "b=2; a=3"),
        ("a=1; b=2", {}, "a=1; b=2"),
        ("a=1", {"a": None}, ""),
        ("ab=1", {"a": "2"}, "ab=1; a=2"),
        ("; ; a=1", {"b": ""}, "a=1; b="),
        ("a=1", {"": "x"}, "a=1; x"),
    ],
)
def test_merging(header: str, changes: dict[str, str | None], merged: str) -> None:
    """The merged header is what the browser will send once the answer's cookies are set."""
    assert merge_cookies(header, changes) == merged


def test_five_kilobytes_and_two_hundred_cookies(make: Make) -> None:
    """A long header is read like a short one."""
    header = "; ".join(f"c{number}={'x' * 25}" for number in range(200))
    assert len(header) > 5000
    assert len(make("/x", cookie=header).cookies) == 200
    assert make("/x", cookie="a=" + "x" * 5120).cookies["a"] == "x" * 5120
