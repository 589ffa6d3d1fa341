"""Cases 14 to 22 and 26: headers and methods that some part of a stack treats apart.

The classes: nothing that a client may add to a request changes what is asked of it (forwarding headers, probes,
overrides, ranges, upgrades); GET changes nothing; refusals fit who waits for them.
"""

from __future__ import annotations

import pytest

from twofa_gate import Enforcement, Policy

from .calling import is_refusal
from .conftest import SiteMaker
from .site import Site
from .target import PRIVATE, BasicHost, TokenHost

OVERRIDES = [
    *[
        (name, "/static/x")
        for name in (
            "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-URI",
            "X-Forwarded-Prefix", "X-Script-Name", "Script-Name", "X-Accel-Redirect", "X-Sendfile", "Path-Info",
            "Request-Uri", "Raw-Uri", "X-HTTP-DestinationURL", "Destination", "Content-Location",
            "X-Envoy-Original-Path",
        )
    ],
    ("X-Forwarded-Prefix", "/static/"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-For", ", ".join(["127.0.0.1"] * 10_000)),
    ("X-Forwarded-For", "garbage \x00 ; <>"),
    ("X-Real-IP", "127.0.0.1"),
    ("Forwarded", "for=127.0.0.1;host=app.test;proto=http"),
    ("X-Forwarded-Host", "evil.test"),
    ("X-HTTP-Method-Override", "OPTIONS"),
    ("X-Method-Override", "HEAD"),
    ("User-Agent", "kube-probe/1.29"),
    ("User-Agent", "ELB-HealthChecker/2.0"),
    ("X-Debug", "1"),
    ("X-Middleware-Subrequest", "src/middleware:src/middleware"),
    ("X-Middleware-Next", "1"),
    ("Rsc", "1"),
    ("X-Twofa-Gate", "pass"),
    ("Twofa-Gate", "pass"),
    ("Remote-User", "nobody"),
    ("X-Remote-User", "nobody"),
    ("Purpose", "prefetch"),
    ("Sec-Purpose", "prefetch"),
    ("Range", "bytes=0-0"),
    ("If-None-Match", "*"),
    ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ("If-Match", '"x"'),
    ("Expect", "100-continue"),
    ("Upgrade", "websocket"),
    ("Upgrade", "h2c"),
    ("Connection", "Upgrade"),
    ("Connection", "Cookie"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Content-Type", "application/grpc"),
    ("Accept", "text/event-stream"),
    ("Accept-Encoding", "gzip"),
    ("TE", "trailers"),
    ("Access-Control-Request-Method", "GET"),
    ("Service-Worker", "script"),
]  # fmt: skip


@pytest.mark.parametrize(
    "header", OVERRIDES, ids=lambda header: f"{header[0]}: {header[1][:30]}".replace("\0", "NUL")
)
def test_no_header_changes_what_is_asked(site: Site, header: tuple[str, str]) -> None:
    """Cases 14, 18, 20, 26: whatever header comes with a private path: refused, no 206 or 304, spy 0."""
    browser = site.browser("u1")
    site.calls.clear()
    for path in ("/app/x", "/"):
        sent = site.raw("GET", path, [header], browser=browser)
        assert is_refusal(sent), sent
        assert not site.calls
    sent = site.raw("POST", "/app/x", [header], b"a=b", browser=browser)
    assert is_refusal(sent)
    assert not site.calls


METHODS = [
    "HEAD",
    "OPTIONS",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "head",
    "FROB",
    "LOGOUT",
]


@pytest.mark.parametrize("method", METHODS)
def test_no_method_is_exempt(site: Site, method: str) -> None:
    """Case 15: HEAD, a preflight with cookies, odd and unknown methods on a private path: refused, spy 0."""
    browser = site.browser("u1")
    site.calls.clear()
    sent = site.raw(method, "/app/x", [("Access-Control-Request-Method", "GET")], browser=browser)
    assert is_refusal(sent)
    assert not site.calls
    if method == "HEAD":
        assert sent.body == b""


@pytest.mark.parametrize(
    "page", ["", "challenge", "enroll", "disable", "recovery-codes", "unlock", "health", "static/style.css"]
)
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PUT", "FROB", "get"])
def test_our_own_pages_know_their_methods(site: Site, page: str, method: str) -> None:
    """Case 16: TRACE and other methods on the gate's own pages: 405, and nothing of the request comes back."""
    sent = site.raw(method, f"/2fa/{page}", [("X-Secret", PRIVATE)], browser=site.browser("u1"))
    assert sent.status == 405
    assert sent.header("allow")
    assert PRIVATE.encode() not in sent.body


CHANGING = [
    "challenge",
    "enroll",
    "disable",
    "recovery-codes",
    "browsers",
    "sign-out",
    "unlock",
    "authenticators/x",
]


@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_changes_nothing(site: Site, method: str, verified: bool) -> None:
    """Case 17: GET and HEAD of pages that change things, code and all in the query: the account is as it was."""
    browser = site.verified("u1") if verified else site.browser("u1")
    before = site.store.load("main/user/u1")
    for page in [
        *CHANGING,
        "api/v1/challenge",
        "api/v1/disable",
        "api/v1/enrollment",
        "api/v1/recovery-codes",
    ]:
        code = site.phones["u1"].display()
        site.clock.move(30)
        query = f"?code={code}&trust=1&action=remove&csrf=x&_method=POST"
        site.raw(method, f"/2fa/{page}{query}", [("X-HTTP-Method-Override", "POST")], browser=browser)
    assert site.store.load("main/user/u1") == before


def test_addresses_change_no_counter(site: Site) -> None:
    """Case 18: each wrong code from another claimed address: one budget; soon 429, whatever address is claimed."""
    browser = site.browser("u1")
    statuses = []
    for number in range(6):
        headers = {"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.1.{number}"}
        code = {"code": site.phones["u1"].wrong()}
        statuses.append(site.api(browser, "challenge", code, headers=headers).status)
    assert statuses[:2] == [403, 403]
    assert statuses[-1] == 429
    assert site.gate.status("u1").failures < 6


@pytest.mark.parametrize(
    "claim", [("X-Forwarded-Proto", "http"), ("Forwarded", "proto=http"), ("X-Forwarded-Ssl", "off")]
)
def test_our_cookies_stay_secure(site: Site, claim: tuple[str, str]) -> None:
    """Case 19: a client that says it came by http, or a server that does, gets Secure cookies all the same."""
    browser = site.browser("u1")
    plain = {"wsgi.url_scheme": "http"} if site.driver == "wsgi" else {"scheme": "http"}
    for scope in ({}, plain):
        lines = site.raw("GET", "/app/x", [claim], browser=browser, scope=scope).all("set-cookie")
        assert lines
        assert all("; Secure" in line and line.startswith("__Host-") for line in lines)


FETCH = {
    "json": [("Accept", "application/json")],
    "json body": [("Content-Type", "application/json"), ("Accept", "*/*")],
    "fetch": [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
    "xhr": [("X-Requested-With", "XMLHttpRequest"), ("Accept", "text/html")],
    "event source": [("Accept", "text/event-stream")],
}


@pytest.mark.parametrize("kind", FETCH)
def test_scripts_get_a_problem(site: Site, kind: str) -> None:
    """Case 21: JSON, fetch and XHR: 403 problem+json, with the decision, the location and where to go."""
    browser = site.browser("u1")
    sent = site.raw("GET", "/app/x", FETCH[kind], browser=browser)
    assert sent.status == 403
    assert sent.header("content-type") == "application/problem+json"
    assert b'"decision": "challenge"' in sent.body
    assert b'"location": "default"' in sent.body
    assert b'"url": "/2fa/challenge?next=' in sent.body


def test_htmx_is_sent_to_the_challenge(site: Site) -> None:
    """Case 21: htmx: 403 with HX-Redirect, back to the page that the person is on and to no other site."""
    browser = site.browser("u1")
    for current, leads_to in (
        ("https://app.test/app/list", "/app/list"),
        ("https://evil.test/app/list", "/"),
    ):
        headers = [("HX-Request", "true"), ("HX-Current-URL", current), ("Sec-Fetch-Mode", "cors")]
        sent = site.raw("GET", "/app/x", headers, browser=browser)
        assert sent.status == 403
        url = sent.header("hx-redirect") or ""
        assert url.startswith("/2fa/challenge?next=")
        other = site.browser("u1")
        challenge = other.navigate(url)
        done = other.submit(challenge.form(button="Verify"), code=site.phones["u1"].code())
        assert done.headers["location"] == leads_to


def test_bearer_tokens_get_the_step_up_error(make_site: SiteMaker) -> None:
    """Case 21: a bearer token: 401 with the error of RFC 9470, also where a browser's headers come with it."""
    site = make_site(plugins=[TokenHost()])
    site.enroll("u1")
    site.calls.clear()
    for more in ([], [("Accept", "text/html")], [("HX-Request", "true")]):
        sent = site.raw("GET", "/app/x", [("Authorization", "Bearer token-of-u1"), *more])
        assert sent.status == 401
        assert 'error="insufficient_user_authentication"' in (sent.header("www-authenticate") or "")
    assert not site.calls


def test_basic_on_each_request_is_gated(make_site: SiteMaker) -> None:
    """Case 22: Basic with the right password: refused; with a wrong one the host's own 401 is seen."""
    site = make_site(plugins=[BasicHost()])
    site.enroll("u1")
    site.calls.clear()
    for scheme in ("Basic", "basic", "BASIC"):
        assert is_refusal(site.raw("GET", "/app/x", [("Authorization", f"{scheme} dTE6cGFzc3dvcmQ=")]))
    assert not site.calls
    sent = site.raw("GET", "/app/x", [("Authorization", "Basic dTE6d3Jvbmc=")])
    assert (sent.status, len(site.calls)) == (401, 1)


def test_an_upgrade_by_wsgi_is_a_request_like_any(make_site: SiteMaker, driver: str) -> None:
    """Case 23: an http request that asks for an upgrade is refused before anything upgrades."""
    site = make_site()
    site.enroll("u1")
    browser = site.browser("u1")
    site.calls.clear()
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    assert is_refusal(site.raw("GET", "/app/ws", headers, browser=browser))
    assert not site.calls


def test_a_lax_policy_still_guards_what_is_strict(make_site: SiteMaker) -> None:
    """Class of case 15: HEAD and OPTIONS are judged at the location of their path like GET."""
    policies = {"default": Policy(Enforcement.OFF), "strict": Policy(Enforcement.REQUIRED)}
    site = make_site(policies=policies)
    site.enroll("u1")
    browser = site.browser("u1")
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        site.calls.clear()
        assert is_refusal(site.raw(method, "/strict/x", browser=browser))
        assert is_refusal(site.raw(method, "//strict/../strict/x", browser=browser))
        assert not site.calls
        assert site.raw(method, "/other", browser=browser).status == 200
