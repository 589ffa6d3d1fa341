"""Cases 84 to 87: where a person goes on after a page of ours, and what a hostile Host can do.

The class: nothing unsigned is followed, nothing signed leads out of the application, and what a client says of the
host never gets into a header that leads somewhere.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from twofa_gate.core import returning

from .conftest import SiteMaker
from .site import BASE, Site

HOSTILE = [
    "//evil.test", "///evil.test", "////evil.test", "/\\evil.test", "\\\\evil.test", "\\/evil.test", "/\\/evil.test",
    "https:evil.test", "https://evil.test", "https:///evil.test", "HTTPS://evil.test", "javascript:alert(1)",
    "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "vbscript:x", "@evil.test",
    "https://app.test@evil.test/",
    "/\t/evil.test", "/\n/evil.test", "/\r/evil.test", "/\x00/evil.test", "\t//evil.test",
    " //evil.test", "/ /evil.test",
    "/%09/evil.test\t", "evil.test", "./x", "../x", "?x", "#x", "", "/x\r\nSet-Cookie: a=b",
    "/x\nLocation: https://evil.test",
    "/ä", "/x\u2028y", "/\uff0fevil.test", "/\u3000/evil.test", "//", "/" * 2000, "/" + "a" * 2000,
]  # fmt: skip


def continues_at(site: Site, signed: str) -> str:
    """Pass the challenge with this parameter; where it leads."""
    browser = site.browser("u1")
    challenge = browser.navigate(f"{site.prefix}/2fa/challenge?next={quote(signed)}")
    done = browser.submit(challenge.form(button="Verify"), code=site.phones["u1"].code())
    assert done.status == 303
    assert len(done.headers.get_list("location")) == 1
    return str(done.headers["location"])


def sign(site: Site, address: str) -> str:
    """Sign an address as the gate does, as if it had let itself be led to."""
    return returning.sign_return(site.gate.settings, address, "default", site.clock.now)


@pytest.mark.parametrize("way", ["unsigned", "signed"])
def test_hostile_addresses_lead_home(site: Site, way: str) -> None:
    """Cases 84, 85: foreign, protocol-relative, script and split addresses, even rightly signed: the default page."""
    for address in HOSTILE:
        parameter = address if way == "unsigned" else sign(site, address)
        assert continues_at(site, parameter) == "/", address


def test_a_good_address_is_followed(site: Site) -> None:
    """What the others are refused for, a plain path of the application is not."""
    assert continues_at(site, sign(site, "/app/x?a=1&b=%2F%2Fevil.test")) == "/app/x?a=1&b=%2F%2Fevil.test"


def test_a_parameter_signed_for_something_else(site: Site) -> None:
    """Case 84: a CSRF token, another realm's or an old parameter, one that is changed: the default page."""
    signer = site.gate.settings.signer
    good = sign(site, "/app/x")
    for parameter in (
        signer.sign("csrf", ["/app/x", "default"], site.clock.now),
        signer.sign("return", ["/app/x", "default"], site.clock.now - 90_000),
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "A",
        good.partition(".")[0],
        "." + good.partition(".")[2],
    ):
        assert continues_at(site, parameter) == "/", parameter


LINE_ENDS = ["%0d%0aSet-Cookie:%20a=b", "%0aX:%20y", "%0d", "%00", "%e5%98%8d%e5%98%8aX:y"]


@pytest.mark.parametrize("line", LINE_ENDS)
def test_line_ends_split_no_header(site: Site, line: str) -> None:
    """Case 85: line ends in path, query, Referer and htmx's URL: one Location, one line, no header of theirs."""
    browser = site.browser("u1")
    before = len(browser.navigate("/app/x").headers)
    page = f"https://app.test/a{unquote(line, 'latin-1')}"
    for target, headers in (
        (f"/app/{line}", []),
        (f"/app/x?a={line}", []),
        ("/app/x", [("Sec-Fetch-Mode", "cors"), ("Referer", page)]),
        ("/app/x", [("HX-Request", "true"), ("HX-Current-URL", page)]),
    ):
        sent = site.raw("GET", target.encode(), headers, browser=browser)
        assert len(sent.all("location")) <= 1
        assert len(sent.headers) <= before + 1
        for name, value in sent.headers:
            assert not set(name + value) & set("\r\n\0"), (name, value)


@pytest.mark.parametrize(
    "address",
    ["/2fa/challenge", "/2fa/challenge?next=x", "/2fa/sign-out", "/logout", "/logout?x=1", "/logout#x", "/2fa/browsers",
     "/2fa/authenticators/x", "/2fa/unlock", "/2fa/api/v1/status", "/2fa/static/style.css", "/2fa/health"],
)  # fmt: skip
def test_no_way_back_to_the_challenge_or_to_logout(site: Site, address: str) -> None:
    """Case 86: an address that would ask again, log out, or change something: the default page."""
    assert continues_at(site, sign(site, address)) == "/"


@pytest.mark.parametrize("address", ["/2fa", "/2fa/", "/2fa/enroll", "/2fafoo", "/logouts"])
def test_pages_of_ours_that_one_may_come_back_to(site: Site, address: str) -> None:
    """Case 86: pages that only show, and paths that merely begin alike, are fit to come back to."""
    assert continues_at(site, sign(site, address)) == address


def test_below_a_prefix(make_site: SiteMaker) -> None:
    """Case 84: mounted below a prefix, addresses outside of it, and ones that leave it, lead to the prefix."""
    site = make_site(prefix="/shop")
    site.enroll("u1")
    for address in ("/", "/other/x", "/shopping", "/shop", "/shop/2fa/challenge", "/shop/logout"):
        assert continues_at(site, sign(site, address)) == "/shop/", address
    assert continues_at(site, sign(site, "/shop/app/x")) == "/shop/app/x"


HOSTS = [
    ("Host", "evil.test"),
    ("Host", "app.test:80@evil.test"),
    ("Host", ""),
    ("Origin", "https://evil.test"),
    ("Referer", "https://evil.test/x"),
    ("Forwarded", "host=evil.test"),
    *[(f"X-{name}", "evil.test") for name in ("Forwarded-Host", "Forwarded-Server", "Host", "Original-Host")],
    *[(f"X-{name}", "//evil.test") for name in ("Forwarded-Prefix", "Script-Name")],
]


@pytest.mark.parametrize("header", HOSTS)
def test_a_hostile_host_leads_nowhere(site: Site, header: tuple[str, str]) -> None:
    """Case 87: whatever host the client names: Location stays relative, and nothing in the answer names it."""
    browser = site.browser("u1")
    scope = {}
    if header[0] == "Host" and site.driver == "wsgi":
        scope = {"HTTP_HOST": header[1]}
    for target in ("/app/x", "/2fa", "/2fa/", "/2fa/enroll", "/2fa/challenge"):
        sent = site.raw("GET", target, [header], browser=browser, scope=scope)
        if header[0] == "Host" and site.driver == "asgi":
            pairs = [(b"host", header[1].encode()), (b"cookie", site.cookie_header(browser).encode())]
            sent = site.raw("GET", target, scope={"headers": pairs})
        location = sent.header("location") or "/"
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))
        assert "evil" not in repr(sent.headers)
        assert b"evil" not in sent.body


PIECES = ["/", "\\", "evil.test", "@", ":", "https", "//", "%2f", "?", "#", "\t", "\n", "\r", " ", "app", "."]
PIECES += ["..", "\x00", "ä"]
TEXT = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=TEXT | TEXT.map(lambda text: "/" + text))
@example(address="/\\")
def test_no_text_at_all_leads_out(site: Site, address: str) -> None:
    """Cases 84, 85: what is fit to return to is on this origin for every browser's URL parser, and one line."""
    request = FakeRequest()
    if not returning.is_within(site.gate.settings, request, address):  # type: ignore[arg-type] # reads the prefix alone
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    as_browsers_read = address.replace("\\", "/")
    assert urlsplit(urljoin(BASE + "/", as_browsers_read)).netloc == "app.test"


class FakeRequest:
    """What `is_within` reads of a request."""

    prefix = ""
