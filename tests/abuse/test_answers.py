"""Cases 88, 90 and 91: what the gate answers is kept by no cache, and what the host answers goes out as it is.

The classes: every answer of the gate's own is `no-store` and hardened; an answer that may pass is the bare
application's, byte for byte and message for message. (Case 89 is in test_back_button.py, what case 91 says of streams
and files in test_streams.py, case 92 and the banner itself in tests/banner.)
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from twofa_gate import Enforcement, Policy

from .calling import Sent
from .conftest import SiteMaker
from .site import Site
from .target import PRIVATE, Reply

HARDENED = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}


def assert_hardened(sent: Sent) -> None:
    """Assert that an answer is kept by no cache, framed by nobody, and runs nothing inline."""
    for name, value in HARDENED.items():
        assert sent.all(name) == [value], (name, sent)
    (policy,) = sent.all("content-security-policy")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert sent.header("etag") is None
    assert sent.header("last-modified") is None


PAGES = [
    "",
    "challenge",
    "enroll",
    "disable",
    "recovery-codes",
    "browsers",
    "sign-out",
    "unlock",
    "authenticators/x",
]
PAGES += [
    "health",
    "static/style.css",
    "static/none",
    "none",
    "api/v1/status",
    "api/v1/challenge",
    "api/v1/none",
]


@pytest.mark.parametrize("who", ["nobody", "u1", "u1 verified", "u3"])
def test_every_answer_of_ours_is_kept_by_no_cache(site: Site, who: str) -> None:
    """Case 88: every page by every method for everybody: `no-store`, no validator, and the other headers."""
    browser = site.verified("u1") if who == "u1 verified" else site.browser(None if who == "nobody" else who)
    form = ("Content-Type", "application/x-www-form-urlencoded")
    for page in PAGES:
        for method, headers, body in (
            ("GET", [], b""),
            ("HEAD", [], b""),
            ("PUT", [], b""),
            ("POST", [form], b"code=123456"),
            ("POST", [], b"x" * 20_000),
            ("POST", [("Content-Type", "application/json")], b"{}"),
        ):
            assert_hardened(site.raw(method, f"/2fa/{page}", headers, body, browser=browser))


def test_every_refusal_is_kept_by_no_cache(site: Site) -> None:
    """Case 88: redirects, problems, empty refusals, 400s and 503s in the place of the host's own pages, too."""
    browser = site.browser("u1")
    for headers in (
        [("Accept", "text/html")],
        [("Accept", "application/json")],
        [("HX-Request", "true")],
        [("Sec-Fetch-Dest", "image")],
    ):
        assert_hardened(site.raw("GET", "/app/x", headers, browser=browser))
    assert_hardened(site.raw("GET", "/app/x", [("Cookie", "sid=a; sid=b")]))
    site.target.routes["/in"] = lambda call: Reply.page(PRIVATE, site.target.cookie_for("u1"))
    assert_hardened(site.raw("POST", "/in"))
    site.host.names_logins = None  # type: ignore[assignment] # any nonsense: below, the host fails
    site.target.sessions = None  # type: ignore[assignment]  # likewise nonsense
    failed = site.raw("GET", "/app/x")
    assert failed.status == 503
    assert_hardened(failed)


def body_of(chunks: list[bytes]) -> Callable[[Any], Reply]:
    """Make a handler that answers with these chunks as a page, without a length."""
    return lambda call: Reply(chunks, 200, [("Content-Type", "text/html; charset=utf-8")])


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
ANSWERS: dict[str, Callable[[Any], Reply]] = {
    "204": lambda call: Reply([], 204, [("X-A", "1")]),
    "304": lambda call: Reply([], 304, [("ETag", '"a"'), ("Content-Type", "text/html")]),
    "205": lambda call: Reply([], 205, [("Content-Length", "0")]),
    "206": lambda call: Reply(
        [b"<p>"], 206, [("Content-Type", "text/html"), ("Content-Range", "bytes 0-2/9")]
    ),
    "json": lambda call: Reply([b'{"a": "<body>"}'], 200, [("Content-Type", "application/json")]),
    "svg": lambda call: Reply([b"<svg><body/></svg>"], 200, [("Content-Type", "image/svg+xml")]),
    "png": lambda call: Reply([PNG[:5], PNG[5:]], 200, [("Content-Type", "image/png")]),
    "attachment": lambda call: Reply(
        [b"<body></body>"], 200, [("Content-Type", "text/html"), ("Content-Disposition", "attachment")]
    ),
    "compressed": lambda call: Reply(
        [gzip.compress(b"<body></body>", mtime=0)],
        200,
        [("Content-Type", "text/html"), ("Content-Encoding", "gzip")],
    ),
    "no type": lambda call: Reply([b"<body></body>"], 200, []),
    "events": lambda call: Reply(
        [b"data: 1\n\n", b"data: 2\n\n"], 200, [("Content-Type", "text/event-stream")]
    ),
    "two cookies": lambda call: Reply([b"x"], 200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; HttpOnly")]),
    "odd headers": lambda call: Reply(
        [b"x"], 299, [("x-low", "a"), ("X-LOW", "b"), ("Content-Type", "text/plain")]
    ),
    "redirect": lambda call: Reply(
        [b"go"], 302, [("Location", "https://elsewhere.test/"), ("Content-Length", "2")]
    ),
    "error": lambda call: Reply([b"oops"], 500, [("Content-Type", "text/plain"), ("Content-Length", "4")]),
}


def ungated(app: Any, made: Site) -> Any:
    """Take the gate away again."""
    return made.target.wsgi if made.driver == "wsgi" else made.target.asgi


def reminding() -> dict[str, Policy]:
    """Return policies under which u3, who hasn't set up, is reminded."""
    return {"default": Policy(Enforcement.REQUIRED, cutoff=datetime.fromtimestamp(1_900_000_000, UTC))}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_answers_that_pass_are_the_bare_applications(make_site: SiteMaker, kind: str, method: str) -> None:
    """Cases 90, 91: for one who is verified, one who is reminded, and nobody: the same bytes in the same messages."""
    site = make_site(policies=reminding())
    bare = make_site(
        target=site.target,
        wrap=lambda app, made: made.target.wsgi if made.driver == "wsgi" else made.target.asgi,
    )
    site.target.routes["/x"] = ANSWERS[kind]
    for browser in (site.verified("u1"), site.browser("u3"), site.browser()):
        for headers in ([], [("Accept", "text/html")], [("X-Requested-With", "XMLHttpRequest")]):
            gated = site.raw(method, "/x", headers, browser=browser)
            plain = bare.raw(method, "/x", headers, browser=browser)
            assert gated == plain


def test_pages_that_pass_are_the_bare_applications(make_site: SiteMaker) -> None:
    """Case 90: HTML that needs no banner, whole and in chunks, is untouched, too: for the verified, and for nobody."""
    site = make_site(policies=reminding())
    bare = make_site(
        target=site.target,
        wrap=lambda app, made: made.target.wsgi if made.driver == "wsgi" else made.target.asgi,
    )
    pages = ([b"<html><body><h1>a</h1></body></html>"], [b"<html><bo", b"dy>", b"", b"</body>", b"</html>"])
    for chunks in pages:
        site.target.routes["/x"] = body_of(chunks)
        for browser in (site.verified("u1"), site.browser()):
            assert site.raw("GET", "/x", browser=browser) == bare.raw("GET", "/x", browser=browser)
