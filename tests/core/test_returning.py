"""Where a person goes on after a page of the gate."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import NOW, Request, World
from twofa_gate.core.answer import Answer
from twofa_gate.core.flow import handle
from twofa_gate.core.returning import (
    MAX_ADDRESS,
    MAX_AGE,
    Return,
    address_of,
    allows_origin,
    home,
    is_same_origin,
    is_within,
    read_return,
    sign_return,
)

WORLD = World(logout_paths=["/logout", "/bye/"], origins=["https://listed.test"])
SETTINGS = WORLD.settings
PAGE = Request("/x")


@pytest.mark.parametrize(
    "address",
    ["/", "/x", "/x?a=b&c=d", "/x#y", "/x?next=https://evil.test", "/a/b/", "/%C3%BC", "/2fa", "/2fa/", "/2fa/enroll",
     "/2fa/recovery-codes", "/2fa/disable", "/2fa/locations/office", "/2fafoo", "/logoutx", "/x?a=//e",
     "/" + "x" * (MAX_ADDRESS - 1)],
)  # fmt: skip
def test_own_addresses(address: str) -> None:
    """A path of the application, or one of our pages that change nothing, is fit to return to."""
    assert is_within(SETTINGS, PAGE, address)


@pytest.mark.parametrize(
    "address",
    [
        "", "//e", "///e", "/\\e", "\\/e", "https:e", "https://e", "https:///e", "javascript:alert(1)", "@e", "e", "?x",
        "#x", "/\t/e", "\t//e", " //e", "/x\r\nSet-Cookie: a=b", "/x\n", "/x y", "/\x00", "/ü", "/x\\y",
        "data:text/html,x",
        "/" + "x" * MAX_ADDRESS,
        "/2fa/challenge", "/2fa/challenge?next=x", "/2fa/sign-out", "/2fa/unlock", "/2fa/api/v1/status", "/2fa/x",
        "/2fa/static/style.css", "/logout", "/logout?x", "/logout#x", "/bye/", "/bye/x",
        "/log%6Fut", "/%6cogout", "/x/../logout", "/x/%2e%2e/logout", "/./logout", "//logout", "/2%66a/challenge",
        "/x/../2fa/challenge", "/2fa/%63hallenge", "/2fa//challenge", "/2fa/enroll/../challenge",
        "/bye//..", "/bye//%2e%2e", "/x/../y", "/x/.", "/x/%2e%5cy",
    ],
)  # fmt: skip
def test_other_addresses(address: str) -> None:
    """Other hosts, odd letters, the challenge itself and a logout are not, however they are spelt."""
    assert not is_within(SETTINGS, PAGE, address)


def test_prefix_is_kept_to() -> None:
    """Mounted under a prefix, only what lies below it is fit to return to."""
    request = Request("/x", prefix="/app")
    assert home(request) == "/app/"
    assert is_within(SETTINGS, request, "/app/x")
    for address in ("/x", "/app", "/apple", "/app/logout", "/app/2fa/challenge", "/"):
        assert not is_within(SETTINGS, request, address), address


@given(st.text(alphabet="/\\@:.e?#%\t\r\n x2fa", max_size=12))
def test_never_another_host(tail: str) -> None:
    """Whatever is fit to return to leads, as a browser resolves it, to our own origin."""
    for address in (tail, "/" + tail):
        if is_within(SETTINGS, PAGE, address):
            parts = urlsplit(urljoin("https://app.test/2fa/challenge", address))
            assert (parts.scheme, parts.netloc) == ("https", "app.test")


def test_round_trip() -> None:
    """What was signed is read back, until a day has passed."""
    signed = sign_return(SETTINGS, "/x?a=b", "office", NOW)
    assert read_return(SETTINGS, PAGE, signed, NOW) == Return("/x?a=b", "office")
    assert read_return(SETTINGS, PAGE, signed, NOW + MAX_AGE) == Return("/x?a=b", "office")
    assert read_return(SETTINGS, PAGE, signed, NOW + MAX_AGE + 1) == Return("/", None)


@pytest.mark.parametrize("text", [None, "", "/x", "https://evil.test", "x.y", "é"])
def test_unsigned_is_never_followed(text: str | None) -> None:
    """Anything that isn't signed leads to the default page, and names no location."""
    assert read_return(SETTINGS, PAGE, text, NOW) == Return("/", None)


def test_signed_for_another_purpose() -> None:
    """A value that was signed for another purpose is not followed."""
    signed = SETTINGS.signer.sign("csrf", ["/x", "office"], NOW)
    assert read_return(SETTINGS, PAGE, signed, NOW) == Return("/", None)


def test_signed_address_is_looked_at_again() -> None:
    """A signed address that isn't fit (any more) leads to the default page; its location holds."""
    for address in ("https://evil.test/", "//e", "/logout", "/2fa/challenge"):
        signed = sign_return(SETTINGS, address, "office", NOW)
        assert read_return(SETTINGS, PAGE, signed, NOW) == Return("/", "office")


@pytest.mark.parametrize(
    ("request_", "address"),
    [
        (Request("/x", query="a=b"), "/x?a=b"),
        (Request("/x y/ü", raw_path="/x%20y/%C3%BC"), "/x%20y/%C3%BC"),
        (Request("/a!$&'()*+,;=:@~b/%20"), "/a!$&'()*+,;=:@~b/%2520"),
        (Request("//evil.test/x"), "/evil.test/x"),
        (Request("/\\evil.test"), "/evil.test"),
        (Request("/a/../b"), "/b"),
        (Request("/x", prefix="/app"), "/app/x"),
        (Request("/x", query="a=\r\nb"), "/x"),
        (Request("/x", query="a=ü"), "/x"),
        (Request("/x", query="q" * MAX_ADDRESS), "/x"),
        (Request("/" + "x" * MAX_ADDRESS), "/"),
        (Request("/x", "HEAD"), "/x"),
        (Request("/x", headers={"sec-fetch-mode": "navigate"}), "/x"),
        (Request("/logout"), "/"),
        # not a page that a person was on: where they were is in the Referer, or htmx tells it
        (Request("/x", "POST"), "/"),
        (Request("/x", "POST", headers={"referer": "https://app.test/form?a=b"}), "/form?a=b"),
        (Request("/x", "POST", headers={"referer": "https://evil.test/form"}), "/"),
        (Request("/x", "POST", headers={"referer": "https://app.test/logout"}), "/"),
        (Request("/x", "POST", headers={"referer": "https://app.test//evil.test"}), "/"),
        (Request("/x", "POST", headers={"referer": "https://listed.test/form"}), "/form"),
        (Request("/x", headers={"sec-fetch-mode": "cors", "referer": "https://app.test/page"}), "/page"),
        (Request("/x", headers={"x-requested-with": "XMLHttpRequest", "referer": "https://app.test/page"}), "/page"),
        (Request("/x", headers={"hx-request": "true", "hx-current-url": "https://app.test/page?q"}), "/page?q"),
        (Request("/x", headers={"hx-request": "true", "hx-current-url": "https://evil.test/page"}), "/"),
        (Request("/x", headers={"hx-request": "true", "hx-current-url": "javascript:alert(1)"}), "/"),
    ],
)  # fmt: skip
def test_address_of_a_refused_request(request_: Request, address: str) -> None:
    """A page leads back to itself, another request to the page that the person was on, if that is ours."""
    assert address_of(SETTINGS, request_) == address


@pytest.mark.parametrize("host", ["evil.test", "app.test/evil", "app.test\r\nX: y", ""])
def test_hostile_host_changes_no_address(host: str) -> None:
    """Whatever Host says, the address is a path."""
    assert (
        address_of(SETTINGS, Request("/x", headers={"host": host, "x-forwarded-host": "evil.test"})) == "/x"
    )


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("https://app.test", True), ("https://APP.test/x", True), ("https://listed.test", True),
        ("HTTPS://LISTED.test/x", True), ("http://app.test", False), ("https://app.test:8443", False),
        ("https://evil.test", False), ("https://app.test.evil.test", False), ("https://app.test@evil.test", False),
        ("https://x:y@app.test", False), ("//app.test", False), ("/x", False), ("", False), ("null", False),
        ("https:app.test", False), ("https://", False), ("https://[", False), ("ftp://app.test", False),
        (" https://app.test", False), ("https://app.test\\x", False), ("https://app.test/\n", False),
        ("http://listed.test", False),
    ],
)  # fmt: skip
def test_same_origin(url: str, same: bool) -> None:
    """Only this origin and the listed ones are ours."""
    assert is_same_origin(SETTINGS, PAGE, url) is same


def test_tls_may_end_in_front_of_us() -> None:
    """Where the server says http, https of the same host is ours as well; never the other way round."""
    plain = Request("/x", scheme="http")
    assert is_same_origin(SETTINGS, plain, "http://app.test")
    assert is_same_origin(SETTINGS, plain, "https://app.test")


def test_empty_host_is_nobodys_origin() -> None:
    """A request without Host has no origin that an empty one could match."""
    assert not is_same_origin(SETTINGS, Request("/x", headers={"host": ""}), "https:///x")


@pytest.mark.parametrize(
    ("origin", "site", "allowed"),
    [
        (None, None, True), (None, "same-origin", True), (None, "none", True), (None, "same-site", False),
        (None, "cross-site", False), ("null", None, False), ("null", "same-origin", True),
        ("null", "cross-site", False), ("https://app.test", None, True), ("https://app.test", "same-origin", True),
        ("https://evil.test", None, False), ("https://evil.test", "same-origin", False), ("", None, False),
        ("https://listed.test", "cross-site", True),
    ],
)  # fmt: skip
def test_where_a_form_may_come_from(origin: str | None, site: str | None, allowed: bool) -> None:
    """`Origin` must be ours; absent or null it may be where the browser doesn't say that it is foreign."""
    headers = {"origin": origin, "sec-fetch-site": site}
    request = Request(
        "/x", "POST", headers={name: value for name, value in headers.items() if value is not None}
    )
    assert allows_origin(SETTINGS, request) is allowed


def test_a_path_that_is_no_text_is_an_address_like_any() -> None:
    """A path in which a server has left bytes that are no UTF-8 is refused like any other, and can be come back to."""
    world = World()
    address = address_of(world.settings, Request("/app/\udc82"))
    assert address == "/app/%ED%B2%82"
    world.enrolled()
    answer = world.run(handle(world.settings, Request("/app/\udc82", cookies=world.cookies())))
    assert isinstance(answer, Answer)
    assert answer.status == 303
