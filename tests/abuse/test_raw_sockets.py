"""Cases 1 to 12, 15, 26, 27b and 39 in bytes, in front of real servers.

The class: servers parse what no client library would send, each in its own way, and hand the driver what they made
of it. Whatever that is, u1's session without a verification never gets the private page, nor reaches its handler.
Each server that is installed is tried: gunicorn (two kinds of workers), waitress, uvicorn, hypercorn.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .live import INSTALLED, Live, run
from .target import PRIVATE, liberal
from .test_paths import SPECIMENS

SECRET = PRIVATE.encode()
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=INSTALLED)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run each server once."""
    with run(request.param, tmp_path_factory.mktemp("live")) as running:
        yield running


def assert_untouched(live: Live, before: int, *, anonymous: bool = False) -> None:
    """Assert that since then the application was called for listed paths alone, or only as nobody's."""
    for method, path, user in live.calls()[before:]:
        assert path is not None
        assert anonymous or liberal(path).startswith(("/static/", "/login", "/logout")), (method, path, user)
        assert user is None or path in ("/login", "/logout"), (method, path, user)


def test_a_verified_request_does_pass(live: Live) -> None:
    """The control: the same bytes with a verified browser's cookies show the page that all others are after."""
    host, cookie = live.server.host, live.verified()
    request = f"GET /app/x HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    assert SECRET in live.send(request.encode()).content


def test_paths_as_bytes(live: Live) -> None:
    """Cases 1-12: every specimen of a path, unencoded on the wire, and percent-encoded bytes that are no UTF-8."""
    before = len(live.calls())
    for path in [path for paths in SPECIMENS.values() for path in paths]:
        for version in (b"HTTP/1.1", b"HTTP/1.0"):
            answer = live.request(path.encode() or b"/", version=version)
            assert SECRET not in answer.raw, path
            # 200 where a server takes the absolute form of a public path for that path
            assert answer.status in (0, 200, 303, 400, 404), (path, answer.head)
    assert_untouched(live, before)


RAW_TARGETS = [
    b"/static/\xff\xfe/../../app/x",
    b"/static/\x80",
    b"/app/x\x7f",
    b"/static/x\t/../app/x",
    b"/static/x%",
    b"/static/%zz/../app/x",
    b"/static/x HTTP/1.1\r\nX: y",
    b"/static/..\x5capp\x5cx",
    b"http://127.0.0.1/app/x",
    b"HTTP://127.0.0.1/static/../app/x",
    b"https://127.0.0.1/static/%2e%2e/app/x",
    b"http:/static/x",
    b"http:///static/../app/x",
    b"//127.0.0.1/app/x",
    b"*",
    b"/*",
    b"127.0.0.1:80",
    b"static/x",
    b"?/static/",
    b"/static/x?/../../app/x",
    b"/static/x#/../../app/x",
    b"/;/app/x",
    b"/static;/../app/x",
]


@pytest.mark.parametrize(
    "method", [b"GET", b"HEAD", b"OPTIONS", b"POST", b"TRACE", b"FROB", b"CONNECT", b"get", b"PRI"]
)
def test_targets_and_methods(live: Live, method: bytes) -> None:
    """Cases 1, 10, 12, 15: absolute, authority and asterisk forms, raw bytes, and any method."""
    before = len(live.calls())
    for target in [*RAW_TARGETS, b"/app/x", b"/"]:
        assert SECRET not in live.request(target, method=method).raw, target
    assert_untouched(live, before)


HEADER_LINES = [
    [b"X-Original-URL: /static/x"],
    [b"Script_Name: /static"],
    [b"SCRIPT_NAME: /static"],
    [b"Path_Info: /static/x"],
    [b"X-Script-Name: /static"],
    [b"X-Forwarded-Prefix: /static/"],
    [b"Remote_User: nobody"],
    [b"Range: bytes=0-3"],
    [b"If-None-Match: *"],
    [b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13"],
    [b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
    [b"Expect: 100-continue"],
    [b"Host: evil.test"],
    [b"Host: 127.0.0.1\tx"],
    [b"Cookie:"],
    [b"cookie: a=b"],
    [b"COOKIE: a=b; c"],
    [b"Cookie: a=b\xff"],
    [b"Cookie: a=b\x0b"],
    [b"X: y\r\n folded: z"],
    [b"X : y"],
    [b": y"],
    [b"NoColon"],
    [b"Content-Length: 0", b"Content-Length: 5"],
    [b"Content-Length: -1"],
    [b"Content-Length: +0"],
    [b"Transfer-Encoding: chunked", b"Content-Length: 0"],
    [b"Transfer-Encoding: identity"],
    [b"Connection: Cookie"],
    [b"Connection: Upgrade, close"],
    [b"X: " + b"A" * 7000],
    [b"X-%d: y" % n for n in range(90)],
]


def test_header_lines(live: Live) -> None:
    """Cases 14, 23, 26, 39: forged CGI names, upgrades, ranges, folded, doubled and broken lines, 7 kB and 90 lines."""
    before = len(live.calls())
    for lines in HEADER_LINES:
        for target in (b"/app/x", b"/static/../app/x"):
            assert SECRET not in live.request(target, *lines).raw, lines
    # gunicorn joins two Cookie lines by a comma, and nobody's session is named so: the application sees nobody
    assert_untouched(live, before, anonymous=True)


def test_session_cookies_as_bytes(live: Live) -> None:
    """Cases 27b, 39: the session twice, in two lines, quoted, padded with white space of any kind: refused, spy 0."""
    sid = live.sid.encode()
    before = len(live.calls())
    for line in (
        b"Cookie: sid=" + sid + b"; sid=" + sid,
        b"Cookie: sid=" + sid + b"\r\nCookie: sid=" + sid,
        b'Cookie: sid="' + sid + b'"',
        b"Cookie: sid=" + sid + b"\xa0",
        b"Cookie: sid=" + sid + b"\x85",
        b"Cookie: \xa0sid=" + sid,
        b"Cookie: sid =" + sid,
        b"Cookie:sid=" + sid,
        b"cOoKiE: sid=" + sid,
        b"Cookie:\tsid=" + sid,
        b"Cookie: sid=" + sid + b" x",
        b"Cookie: a sid=" + sid,
        b"Cookie: sid=x, sid=" + sid,
        b"Cookie: $Version=1; sid=" + sid,
        b'Cookie: a="; sid=' + sid + b'; b="',
        b"Cookie: sid=" + sid + b"\r\n ;x",
    ):
        answer = live.send(b"GET /app/x HTTP/1.1\r\nHost: h\r\n" + line + b"\r\nConnection: close\r\n\r\n")
        assert SECRET not in answer.raw, line
        assert answer.status in (0, 303, 400, 401), (line, answer.head)
    for method, path, user in live.calls()[before:]:
        assert user is None, (method, path, user)


def test_a_request_behind_another(live: Live) -> None:
    """Class of 12: pipelined or smuggled behind a public one, a private request is judged by itself."""
    before = len(live.calls())
    private = live.bytes(b"/app/x")
    for first in (
        live.bytes(b"/static/x", close=False),
        live.bytes(b"/login", close=False),
        live.bytes(b"/static/x", b"Content-Length: 3", method=b"POST", close=False) + b"a=b",
        live.bytes(b"/static/x", b"Transfer-Encoding: chunked", method=b"POST", close=False)
        + b"3\r\na=b\r\n0\r\n\r\n",
        live.bytes(b"/static/x", b"Transfer-Encoding: chunked", method=b"POST", close=False)
        + b"0\r\nCookie: a=b\r\n\r\n",
        live.bytes(
            b"/static/x", b"Transfer-Encoding: chunked", b"Content-Length: 4", method=b"POST", close=False
        )
        + b"0\r\n\r\n",
        live.bytes(
            b"/static/x", b"Transfer-Encoding: xchunked", b"Content-Length: 0", method=b"POST", close=False
        ),
        live.bytes(b"/static/x", b"Content-Length: 0", method=b"HEAD", close=False),
    ):
        assert SECRET not in live.send(first + private).raw, first
    assert_untouched(live, before)


def test_bodies_where_none_belongs(live: Live) -> None:
    """Case 15: GET and HEAD with a body, a body in pieces, a line end too few: refused or hung up on."""
    before = len(live.calls())
    for method in (b"GET", b"HEAD", b"OPTIONS", b"DELETE"):
        request = live.bytes(b"/app/x", b"Content-Length: 3", method=method) + b"a=b"
        answer = live.send(request)
        assert SECRET not in answer.raw
        assert answer.status in (303, 400, 403)
        if method == b"HEAD":
            assert answer.content == b""
    assert SECRET not in live.send(live.bytes(b"/app/x").replace(b"\r\n", b"\n")).raw
    assert_untouched(live, before)
