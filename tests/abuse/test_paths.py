"""Cases 1 to 13: paths that two readers read in two ways.

The classes: a list of paths (public, login, our own mount) must never be left by a path that the application
reads otherwise, and what the gate is not sure of it takes for private. The target reads as liberally as any
application: it decodes twice, folds case, resolves dots, and drops parameters.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.http import PlainBrowser

from .calling import Sent, is_refusal
from .conftest import SiteMaker
from .site import Site
from .target import PRIVATE, liberal

SPECIMENS = {
    1: ["//app/x", "///app/x", "//app//x", "/%2fapp/x", "/\\app/x"],
    2: [
        "/static/../app/x",
        "/static/./..//app/x",
        "/static/x/../../app/x",
        "/static//../app/x",
        "/static/..",
        "/app/../static/x",
        "/./static/x",
        "/app/x/../../static/x",
        "/app/..//static/x",
    ],
    3: ["/static/%2e%2e/app/x", "/static/..%2fapp/x", "/static/%2E%2E%2Fapp/x", "/static/.%2e/app/x"],
    4: [
        "/static/%252e%252e/app/x",
        "/static/%25252e%25252e/app/x",
        "/static/..%252fapp/x",
        "/static/%255c..",
    ],
    5: ["/STATIC/../app/x", "/APP/x", "/Static/style.css", "/LOGIN", "/STATIC/%2e%2e/APP/x"],
    6: ["/app/x%00.css", "/app/x%0a", "/app/x%09", "/static/%00/../app/x", "/static/%0d%0a", "/static/%7f"],
    7: ["/app/x/", "/app/x/.", "/app/x%20", "/app/x%2e", "/app/x;.css", "/app/x/..;/x"],
    8: ["/staticfoo", "/static", "/2fafoo", "/2fa.css", "/loginx", "/login/", "/login/x", "/login.json"],
    9: [
        "/app/x?/static/",
        "/app/x%3f/static/",
        "/static/%23/../app/x",
        "/static/%3f/../app/x",
        "/app/x#/static/",
    ],
    10: ["", "app/x", "@evil", "*", "static/../app/x", "?/static/", "%2fstatic/x"],
    12: [
        "http://app.test/static/../app/x",
        "http://app.test/app/x",
        "https://evil.test/static/x",
        "//app.test/static/x",
        "http:/static/x",
    ],
    13: [
        "/static/..;/app/x",
        "/static/;/../app/x",
        "/static/;a=b",
        "/static/..\\app/x",
        "/static/%5c..%5capp/x",
        "/static/%c0%ae%c0%ae/app/x",
        "/static/%ef%bc%8e%ef%bc%8e/app/x",
        "/static/.../app/x",
        "/static/ä",
        "/2fa/static/../../app/x",
        "/2fa/../app/x",
        "/2fa/challenge/../../app/x",
        "/2fa//../app/x",
        "/2FA/challenge",
        "/logout/../app/x",
        "/login/%2e%2e/app/x",
        "/login;x/../app/x",
    ],
}


def _withheld(sent: Sent, site: Site) -> None:
    """Assert that this was a refusal, with the application never called."""
    assert not site.calls, site.calls
    assert is_refusal(sent), (sent.status, sent.headers)
    assert PRIVATE.encode() not in sent.body


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=f"{n}-{path}") for n in SPECIMENS for path in SPECIMENS[n]]
)
def test_a_path_that_is_not_plainly_listed_is_gated(site: Site, path: str) -> None:
    """Cases 1-10, 12: no spelling of a path leaves the gate by a list; 400 or the challenge, and spy 0."""
    browser = site.browser("u1")
    site.calls.clear()
    _withheld(site.raw("GET", path, browser=browser), site)


@pytest.mark.parametrize("path", ["/static/", "/static/a/b.css", "/static/a-b_c~1.css"])
def test_what_is_plainly_listed_is_served(site: Site, path: str) -> None:
    """The lists do work: otherwise refusing everything would pass for safety."""
    browser = site.browser("u1")
    site.calls.clear()
    assert site.raw("GET", path, browser=browser).status == 200
    assert len(site.calls) == 1


@pytest.mark.parametrize("prefix", ["/static", "/login", "/2fa", "/logout", "/app"])
def test_a_mount_prefix_is_no_part_of_a_listed_path(make_site: SiteMaker, prefix: str) -> None:
    """Case 11: an application mounted under the name of a public path, or of our own, is still gated."""
    site = make_site(prefix=prefix)
    site.enroll("u1")
    browser = site.browser("u1")
    for path in ("/app/x", "", "/", "/../static/x", "//static/x", "/static/../app/x"):
        site.calls.clear()
        _withheld(site.raw("GET", prefix + path, browser=browser), site)
    site.calls.clear()
    assert site.raw("GET", f"{prefix}/static/x", browser=browser).status == 200
    refused = site.raw("GET", f"{prefix}/app/x", browser=browser)
    assert (refused.header("location") or "").startswith(f"{prefix}/2fa/challenge?next=")


@pytest.mark.parametrize(
    ("prefix", "path"),
    [("/static", "/app/x"), ("/static", "/staticfoo"), ("/static/", "/static/app/x"), ("/2fa", "/app/x")],
)
def test_a_prefix_that_the_path_does_not_carry_changes_nothing(site: Site, prefix: str, path: str) -> None:
    """Case 11: servers and proxies disagree whether the path holds the mount point; neither way is public."""
    browser = site.browser("u1")
    site.calls.clear()
    changed = (
        {
            "SCRIPT_NAME": prefix,
            "PATH_INFO": path.removeprefix(prefix.rstrip("/")) if prefix[-1] == "/" else path,
        }
        if site.driver == "wsgi"
        else {"root_path": prefix}
    )
    _withheld(site.raw("GET", path, browser=browser, scope=changed), site)


def test_the_request_line_as_the_server_kept_it_is_looked_at_too(site: Site) -> None:
    """Case 3: a server that decodes before the driver sees the path leaves its undecoded form; that counts."""
    browser = site.browser("u1")
    for raw in ("/static/%2e%2e/x", "/static%2fx", "/static/%2E/x"):
        site.calls.clear()
        changed = {"PATH_INFO": "/static/x"} if site.driver == "wsgi" else {"path": "/static/x"}
        _withheld(site.raw("GET", raw, browser=browser, scope=changed), site)


PIECES = [
    "/",
    "//",
    "\\",
    ".",
    "..",
    ";",
    "%2e",
    "%2f",
    "%5c",
    "%252e",
    "%00",
    "%0a",
    "%20",
    "%3f",
    "%23",
    "?",
    "#",
    "static",
    "STATIC",
    "app",
    "x",
    "login",
    "logout",
    "2fa",
    "challenge",
    "a;b",
    "%c0%ae",
    "%61pp",
    "ä",
    "*",
    "@",
]
LOOSE = st.tuples(st.sampled_from(["/", ""]), st.lists(st.sampled_from(PIECES), max_size=9)).map(
    lambda drawn: drawn[0] + "".join(drawn[1])
)
SEPARATORS = ["/", "/", "/", "//", "/./", "/../", "/x/../", "/%2e%2e/", "%2f", "\\", "/..;/", "/;/"]
SEGMENTS = ["static", "static", "app", "login", "2fa", "x", "x.css", "", "STATIC", "static;a", "challenge"]
STEPS = st.lists(st.tuples(st.sampled_from(SEPARATORS), st.sampled_from(SEGMENTS)), min_size=1, max_size=4)
PATHS = STEPS.map(lambda steps: "".join(separator + segment for separator, segment in steps)) | LOOSE


@pytest.fixture
def fuzzed(site: Site) -> tuple[Site, PlainBrowser]:
    """Give a site and a browser with u1 logged in and not verified, for many requests."""
    return site, site.browser("u1")


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
def test_no_path_at_all_reaches_a_private_handler(fuzzed: tuple[Site, PlainBrowser], path: str) -> None:
    """Case 13: for a random path, if the bare application answers privately, the gated one refuses."""
    site, browser = fuzzed
    site.calls.clear()
    site.target.sessions[browser.cookies["sid"].value] = {"user": "u1", "login": "one"}
    sent = site.raw("GET", path.encode(), browser=browser)
    assert PRIVATE.encode() not in sent.body
    for call in site.calls:
        # What is forwarded is listed, in every reading; and to a public path it is anonymous.
        assert liberal(call.path).startswith(("/static/", "/login", "/logout")), path
        assert call.user is None or call.path in ("/login", "/logout"), path
