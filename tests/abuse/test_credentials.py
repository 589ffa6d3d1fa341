"""Cases 27a and 27b: credentials on public paths, and credentials that two readers read in two ways.

The classes: what is served without asking must be served as to nobody; and the gate must never take a request
for one person's while the application takes it for another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

import pytest
from django.http.cookie import parse_cookie as django_cookies
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.requests import cookie_parser as starlette_cookies
from werkzeug.http import parse_cookie as werkzeug_cookies

from twofa_gate import Enforcement, Policy, Tokens
from twofa_gate.errors import AmbiguousCookie
from twofa_gate.request import StrictCookies

from .calling import is_refusal
from .conftest import SiteMaker
from .site import Site
from .target import PRIVATE, BasicHost, Call, Reply, TokenHost

Reader = Callable[[str], Mapping[str, str]]


def standard_cookies(header: str) -> dict[str, str]:
    """Read a cookie header by the standard library."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


READERS: dict[str, Reader] = {
    "werkzeug": werkzeug_cookies,
    "starlette": starlette_cookies,
    "django": django_cookies,
    "standard library": standard_cookies,
}


@pytest.mark.parametrize("path", ["/static/x", "/static/deep/down/"])
def test_a_public_path_is_served_as_to_nobody(site: Site, path: str) -> None:
    """Case 27a: the application sees no cookie, no Authorization, and no user that somebody outside named."""
    browser = site.verified("u1")
    site.target.routes[path] = site.target.private
    outside = (
        {"REMOTE_USER": "u1", "AUTH_TYPE": "Basic"}
        if site.driver == "wsgi"
        else {"session": {"user": "u1"}, "user": "u1", "auth": ["authenticated"]}
    )
    given_headers = [
        ("aUtHoRiZaTiOn", "Basic dTE6cGFzc3dvcmQ="),
        ("Proxy-Authorization", "Basic dTE6cGFzc3dvcmQ="),
        ("COOKIE", site.cookie_header(browser)),
        ("cookie", site.cookie_header(browser)),
    ]
    site.calls.clear()
    sent = site.raw("GET", path, given_headers, browser=browser, scope=outside)
    (call,) = site.calls
    assert PRIVATE.encode() not in sent.body
    assert sent.status == 401
    assert not {"cookie", "authorization", "proxy-authorization"} & set(call.headers)
    assert not {"REMOTE_USER", "AUTH_TYPE"} & set(call.scope)
    assert call.scope.get("session") in (None, {})
    assert getattr(call.scope.get("user"), "is_authenticated", False) is False


def test_a_public_answer_sets_no_cookie(site: Site) -> None:
    """Case 27a: an answer to a stripped request could overwrite somebody's session; no Set-Cookie gets out."""
    names = ["Set-Cookie", "set-cookie", "SET-COOKIE"]
    site.target.routes["/static/x"] = lambda call: Reply(
        [b"x"],
        200,
        [("Content-Length", "1"), *[(name, f"sid=new{n}; Path=/") for n, name in enumerate(names)]],
    )
    sent = site.raw("GET", "/static/x", browser=site.browser("u1"))
    assert (sent.status, sent.body, sent.all("set-cookie")) == (200, b"x", [])


def test_a_public_event_stream_goes_on(site: Site) -> None:
    """Case 27a: a stream on a public path is anonymous, so a logged-in browser doesn't lose it."""
    site.target.routes["/static/events"] = lambda call: Reply(
        [b"data: 1\n\n", b"data: 2\n\n"], 200, [("Content-Type", "text/event-stream")]
    )
    sent = site.raw("GET", "/static/events", browser=site.browser("u1"))
    assert sent.body == b"data: 1\n\ndata: 2\n\n"


FRAMINGS = [
    "sid={own}; sid={victim}",
    "sid={victim}; sid={own}",
    "sid={own}, sid={victim}",
    "sid={own} sid={victim}",
    "sid={own};sid={victim};sid={own}",
    'x="; sid={own}; y="; sid={victim}',
    'x="; sid={victim}; y="; sid={own}',
    'sid={own}; x="a\\"; sid={victim}',
    'sid={own}; x="; sid={victim}"',
    'sid="{victim}"; sid={own}',
    'sid="{victim}"',
    "sid ={victim}; sid={own}",
    "sid= {victim}",
    "\tsid={victim}; sid={own}",
    "$Version=1; sid={own}; $Path=/; sid={victim}",
    "sid={own}; SID={victim}",
    "sid={own}; s%69d={victim}",
    "sid; sid={victim}; sid={own}",
    "=sid={victim}; sid={own}",
    "sid={own}; =sid={victim}",
    "bad[]=1; sid={victim}",
    "sid={own}\x0b; sid={victim}",
    "sid={own}; \xa0sid={victim}",
    "a=b c=d; sid={victim}; sid={own}",
    "sid={own};;;; sid={victim}",
    'sid={own}; a= sid="{victim}"',
    'a= sid="{victim}"',
]


@pytest.mark.parametrize("reader", READERS)
def test_cookies_that_readers_read_differently(make_site: SiteMaker, reader: str) -> None:
    """Case 27b: u2, verified, smuggles u1's session into the cookie header: 400, or everybody reads u2."""
    site = make_site()
    site.enroll("u1")
    site.target.read_cookies = READERS[reader]
    own, victim = site.verified("u2"), site.browser("u1")
    values = {"own": own.cookies["sid"].value, "victim": victim.cookies["sid"].value}
    name = "__Host-twofa-verification-main"
    kept = f"{name}={own.cookies[name].value}"
    for framing in FRAMINGS:
        for header in (f"{framing.format(**values)}; {kept}", f"{kept}; {framing.format(**values)}"):
            sent = site.raw("GET", "/app/x", [("Cookie", header)])
            assert f"{PRIVATE} of u1" not in sent.body.decode(), header
            assert sent.status != 500, header


def test_doubled_session_cookies_are_refused(site: Site) -> None:
    """Case 27b: twice in one line, in two lines, quoted, oddly framed: 400, and the application isn't called."""
    sid = site.browser("u1").cookies["sid"].value
    site.calls.clear()
    for lines in (
        [f"sid={sid}; sid={sid}"],
        [f"sid={sid}", f"sid={sid}"],
        [f'sid="{sid}"'],
        [f"sid={sid} x"],
        [f"x=1 sid={sid}"],
    ):
        sent = site.raw("GET", "/app/x", [("Cookie", line) for line in lines])
        assert sent.status == 400, lines
    assert not site.calls


PIECES = ["sid=A", "sid=B", "sid", "=", ";", "; ", ",", " ", '"', "\\", "\t", "x=1", "$Path", "[]", "\x0b"]
PIECES += ["\xa0", "é", "%3d"]
HEADERS = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)


@settings(max_examples=2000, deadline=None)
@given(header=HEADERS)
@example(header='x="; sid=A; y="')
@example(header="x=1 sid=A")
def test_no_reader_finds_a_session_that_the_gate_does_not(header: str) -> None:
    """Case 27b: whatever the header, a reader finds the session that the gate found, or none, or it is 400."""
    try:
        ours = StrictCookies(header).get("sid")
    except AmbiguousCookie:
        return
    for name, reader in READERS.items():
        try:
            theirs = reader(header).get("sid")
        except UnicodeDecodeError:
            continue  # werkzeug's gives up on bytes that are not UTF-8: the application fails, and shows nothing
        assert theirs in (ours, None, ""), (name, header, ours, theirs)


def test_credentials_of_two_users_are_refused(make_site: SiteMaker) -> None:
    """Case 27b: a session of one and the password or token of another in one request: 400, whichever is verified."""
    site = make_site(plugins=[BasicHost(), TokenHost()])
    for user, header in (
        ("u1", ("Authorization", "Basic dTI6cGFzc3dvcmQ=")),
        ("u2", ("Authorization", "Bearer token-of-u1")),
    ):
        browser = site.verified(user)
        site.calls.clear()
        assert site.raw("GET", "/app/x", [header], browser=browser).status == 400
        assert not site.calls


def test_a_token_does_not_excuse_the_session_beside_it(make_site: SiteMaker) -> None:
    """Case 27b: an allowed token passes alone; beside the same user's session it is gated like the session."""
    policies = {"default": Policy(Enforcement.REQUIRED, tokens=Tokens.ALLOW)}
    site = make_site(plugins=[TokenHost(), BasicHost()], policies=policies)
    site.enroll("u1")
    token = ("Authorization", "Bearer token-of-u1")
    assert PRIVATE not in site.raw("GET", "/app/x", [token]).body.decode()  # the target knows no tokens
    assert len(site.calls) > 0
    for header in (token, ("Authorization", "Basic dTE6cGFzc3dvcmQ=")):
        browser = site.browser("u1")
        site.calls.clear()
        assert is_refusal(site.raw("GET", "/app/x", [header], browser=browser))
        assert not site.calls


def test_authorization_twice(make_site: SiteMaker) -> None:
    """Case 27b: two Authorization lines are 400: readers take the first, the last, or both as one."""
    policies = {"default": Policy(Enforcement.REQUIRED)}
    site = make_site(plugins=[BasicHost()], policies=policies)
    site.enroll("u1")
    own: tuple[str, str] = ("Authorization", "Basic dTI6cGFzc3dvcmQ=")
    victim: tuple[str, str] = ("Authorization", "Basic dTE6cGFzc3dvcmQ=")

    def by_either(call: Call) -> Any:
        return (
            Reply.page(PRIVATE) if "dTE6" in call.headers.get("authorization", "") else Reply.page("nobody")
        )

    site.target.routes["/app/x"] = by_either
    site.enroll("u2")
    browser = site.verified("u2")
    for pair in ([own, victim], [victim, own]):
        site.calls.clear()
        sent = site.raw("GET", "/app/x", pair, browser=browser)
        assert PRIVATE not in sent.body.decode(), pair
        assert sent.status == 400
        assert site.raw("GET", "/2fa/", pair, browser=browser).status == 400
        assert not site.calls
