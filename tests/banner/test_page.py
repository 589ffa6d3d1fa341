"""The banner in a host's pages, through both drivers."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.banner.site import CUTOFF, HTML, WELCOME, Page, Site, Time, opened
from twofa_gate import AfterCutoff, Decision, Enforcement, Policy

BANNER = b'aria-label="Two-factor authentication"'


def test_it_says_what_where_from_when_and_how_long(site: Site) -> None:
    """The banner says what will be required, where, from when in the location's date, and what is left."""
    site.at["billing"] = Policy(
        Enforcement.REQUIRED, cutoff=datetime(2027, 1, 4, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    )
    site.pages["/billing"] = Page.of(WELCOME)
    site.login()
    page = site.browser.navigate("/billing")
    assert (
        "3 days left: billing will require two-factor authentication "
        "from Monday, January 4, 2027, 09:30 (Europe/Berlin)." in page.words
    )
    assert page.link("Set up two-factor authentication").startswith("https://app.test/2fa/enroll?next=")
    assert page.content.index(b"<body class='home'>") + 19 == page.content.index(b'<link rel="stylesheet"')


def test_the_rest_of_the_page_is_as_it_was(site: Site) -> None:
    """Without the banner the page has the host's bytes, and the length is that of what was sent."""
    page = site.login()
    assert page.content.count(BANNER) == 1
    start = page.content.index(b'<link rel="stylesheet" href="/2fa')
    end = page.content.index(b"<h1>Home")
    assert page.content[:start] + page.content[end:] == WELCOME
    assert page.headers.get_list("content-length") == [str(len(page.content))]


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_it_streams(site: Site, size: int) -> None:
    """However a page comes in pieces, the same bytes go out."""
    site.login()
    whole = site.browser.navigate("/").content
    chunks = [WELCOME[at : at + size] for at in range(0, len(WELCOME), size)]
    for headers in (
        [("Content-Type", HTML)],
        [("Content-Type", HTML), ("Content-Length", str(len(WELCOME)))],
    ):
        site.pages["/"] = Page(chunks, headers)
        page = site.browser.navigate("/")
        assert page.content == whole
        assert page.headers.get_list("content-length") == [str(len(whole))]


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (Page.of(WELCOME, ("Content-Type", "text/html; charset=utf-16le")), "utf-16"),
        (Page.of(WELCOME, ("Content-Type", "text/html; charset=iso-2022-jp")), "a shifting encoding"),
        (Page.of(WELCOME, ("Content-Type", "text/html; charset=nonsense")), "an unknown encoding"),
        (Page.of(WELCOME, ("Content-Type", "text/plain; charset=utf-8")), "plain text"),
        (Page.of(WELCOME, ("Content-Type", "image/svg+xml")), "a picture"),
        (Page.of(b'{"a": "<body>"}', ("Content-Type", "application/json")), "JSON"),
        (Page.of(WELCOME, ("Content-Type", HTML), ("Content-Type", "text/plain")), "two types"),
        (
            Page.of(WELCOME, ("Content-Type", HTML), ("Content-Disposition", 'attachment; filename="a"')),
            "a file",
        ),
        (Page.of(WELCOME, ("Content-Type", HTML), ("Content-Range", "bytes 0-1/2"), status=206), "a part"),
        (Page.of(WELCOME, status=404), "an error"),
        (Page.of(b"", ("ETag", '"1"'), status=304), "nothing new"),
        (Page.of(b"", ("Content-Type", HTML), status=204), "nothing"),
        (Page.of(WELCOME, ("Content-Type", HTML), ("Content-Encoding", "own")), "compressed"),
        (Page.of(b"<h1>Home</h1>"), "no body tag"),
        (Page.of(b"<!--" + b" " * 65536 + b"--><body>"), "a body tag too late"),
        (Page.of(b"<base href='https://cdn.test/'><body>"), "links that lead to another host"),
        (Page.of(b"\xff\xfe" + WELCOME, ("Content-Type", "text/html")), "a mark of UTF-16"),
        (Page.of(b"\x1b$B<body>\x1b(B", ("Content-Type", "text/html")), "a shifting encoding, undeclared"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_other_answers_are_left_alone(site: Site, page: Page, why: str) -> None:
    """Anything but a whole HTML page in an ASCII-based encoding goes out as it is, headers and all."""
    page.headers += [("Last-Modified", "Fri, 01 Jan 2027 00:00:00 GMT"), ("Cache-Control", "max-age=60")]
    site.pages["/x"] = page
    site.login()
    answer = site.browser.navigate("/x")
    assert answer.content == b"".join(page.chunks), why
    assert [(name.lower(), value) for name, value in page.headers] == answer.headers.multi_items()


@pytest.mark.parametrize(
    "kind", [HTML, "text/html", 'TEXT/HTML;charset="UTF-8"', "text/html; charset=shift_jis"]
)
def test_encodings_in_which_ascii_is_ascii(site: Site, kind: str) -> None:
    """A page in any ASCII-based encoding gets it, and what goes in is ASCII, whatever the location's name."""
    site.at["filiale-zürich"] = site.everywhere
    site.pages["/"] = Page.of(WELCOME, ("Content-Type", kind))
    site.login()
    page = site.browser.navigate("/?at=filiale-z%C3%BCrich")
    assert BANNER in page.content
    assert page.content.isascii()
    assert b"filiale-z&#252;rich" in page.content


@pytest.mark.parametrize(
    "sent",
    [
        {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Range": "bytes=0-"},
        {"Accept": "text/html", "HX-Request": "true"},
        {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
        {"Accept": "application/json"},
        {},
    ],
)
def test_only_a_page_that_is_opened(site: Site, sent: dict[str, str]) -> None:
    """Frames, scripts, parts of a page and clients that want no HTML get the host's page as it is."""
    site.login()
    assert site.browser.send("GET", "/", headers=sent).content == WELCOME


def test_browsers_that_do_not_say_what_they_fetch(site: Site) -> None:
    """Without Sec-Fetch headers the Accept header decides."""
    site.login()
    assert BANNER in site.browser.send("GET", "/", headers={"Accept": "text/html,*/*"}).content


def test_head_and_post(site: Site) -> None:
    """HEAD and POST answers are left alone."""
    site.login()
    sent = {"Accept": "text/html", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert site.browser.send("HEAD", "/", headers=sent).headers["content-length"] == str(len(WELCOME))
    assert site.browser.send("POST", "/", headers=sent).content == WELCOME


def test_no_cache_keeps_a_page_with_a_banner(site: Site) -> None:
    """Validators and permissions to keep the page go, for every kind of cache; Vary names the cookie."""
    site.pages["/"] = Page.of(
        WELCOME,
        ("Content-Type", HTML),
        ("ETag", '"v1"'),
        ("Last-Modified", "Fri, 01 Jan 2027 00:00:00 GMT"),
        ("Cache-Control", "public, max-age=600"),
        ("Expires", "Fri, 01 Jan 2028 00:00:00 GMT"),
        ("CDN-Cache-Control", "max-age=600"),
        ("Surrogate-Control", "max-age=600"),
        ("X-Accel-Expires", "600"),
        ("Accept-Ranges", "bytes"),
        ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="),
        ("Digest", "sha-256=abc="),
        ("Vary", "Accept-Language"),
        ("X-Other", "kept"),
    )
    page = site.login()
    assert BANNER in page.content
    assert page.headers.get_list("cache-control") == ["private, no-store"]
    assert page.headers.get_list("vary") == ["Accept-Language", "Cookie"]
    gone = ("etag", "last-modified", "expires", "cdn-cache-control", "surrogate-control", "x-accel-expires")
    for name in (*gone, "accept-ranges", "content-md5", "digest"):
        assert name not in page.headers
    assert page.headers["x-other"] == "kept"


def test_the_host_is_asked_for_a_whole_page(site: Site) -> None:
    """Old copies and compression aren't offered to the host for a page that is to have a banner."""
    site.login()
    sent = {"If-None-Match": '"v1"', "If-Modified-Since": "x", "Accept-Encoding": "gzip"}
    site.browser.navigate("/", headers=sent)
    assert not {"if-none-match", "if-modified-since", "accept-encoding"} & site.seen[-1].keys()
    site.set_up()
    site.browser.navigate("/", headers=sent)
    assert {"if-none-match", "if-modified-since", "accept-encoding"} <= site.seen[-1].keys()


def test_nobody_else_sees_it(site: Site) -> None:
    """Anonymous visitors, and those who have set up, get the host's page as it is, headers and all."""
    anonymous = site.browser.another().navigate("/")
    assert anonymous.content == WELCOME
    assert [name for name, _ in anonymous.headers.multi_items()] == ["content-type", "content-length"]
    site.login()
    site.set_up()
    assert site.browser.navigate("/").content == WELCOME


def test_a_page_that_changes_hands_has_no_banner_of_the_other(site: Site) -> None:
    """A page in whose answer somebody else is logged in shows the banner of that user's location, or none."""
    site.login("ann")
    page = site.pages["/"] = Page.of(
        WELCOME, ("Content-Type", HTML), ("Set-Cookie", "sid=; Max-Age=0; Path=/")
    )
    assert site.browser.navigate("/").content == b"".join(page.chunks)


def test_what_a_name_says_is_text(site: Site) -> None:
    """A location's name and the issuer are escaped, also where they would end an attribute."""
    name = "\"><script>alert('x')</script>"
    site.at[name] = site.everywhere
    site.login()
    page = site.browser.navigate(f"/?at={name}")
    assert BANNER in page.content
    assert b"<script" not in page.content
    assert name in page.words


def test_it_adds_no_inline_code(site: Site) -> None:
    """No script, style, event handler or javascript: URL comes with the banner, and none from elsewhere."""
    page = site.login()
    added = page.content[page.content.index(b"<link") : page.content.index(b"<h1>")].lower()
    for bad in (b"<script", b"<style", b"style=", b" on", b"javascript:", b"http", b"data:"):
        assert bad not in added.replace(b" one", b""), bad


def test_the_last_day_is_urgent(site: Site) -> None:
    """On the last day it says so, and how many hours are left; a location that keeps people out says that."""
    site.everywhere = Policy(Enforcement.REQUIRED, cutoff=CUTOFF, after_cutoff=AfterCutoff.DENY)
    assert b"twofa-banner-urgent" not in site.login().content
    site.clock.now = CUTOFF.timestamp() - 2.5 * 3600
    page = site.browser.navigate("/")
    assert b"twofa-banner-urgent" in page.content
    assert "Last day, less than 3 hours left" in page.words
    assert "after that." in page.words


def test_at_the_cut_off_the_next_request_is_enforced(site: Site) -> None:
    """One second before the date there is a banner, and at it the same browser is refused, hidden or not."""
    page = site.login()
    site.browser.submit(page.form(action="/2fa/banner"), follow=True)
    site.clock.now = CUTOFF.timestamp() - 1
    assert site.browser.navigate("/").status == 200
    site.clock.now = CUTOFF.timestamp()
    asked = len(site.contexts)
    refused = site.browser.navigate("/")
    assert refused.status == 303
    assert "/2fa/enroll" in refused.location
    assert len(site.contexts) == asked


@pytest.mark.parametrize("names_logins", [True, False])
def test_hiding_holds_for_this_login(site: Site, names_logins: bool) -> None:
    """Hidden, it stays away for this login and comes back with the next, also where logins have no names."""
    site.names_logins = names_logins
    site.pages["/deep"] = Page.of(WELCOME)
    site.login()
    page = site.browser.navigate("/deep?a=1&b=2")
    back = site.browser.submit(page.form(action="/2fa/banner"))
    assert (back.status, back.location) == (303, "https://app.test/deep?a=1&b=2")
    assert site.browser.navigate("/").content == WELCOME
    assert site.contexts[-1].reminder is not None
    assert site.contexts[-1].reminder.hidden
    site.browser.navigate("/logout")
    assert BANNER in site.login().content


def test_hiding_is_for_this_user(site: Site) -> None:
    """What one user hid is not hidden for another who carries the same cookie, nor by a forged one."""
    page = site.login("ann")
    site.browser.submit(page.form(action="/2fa/banner"))
    name = "__Host-twofa-reminder-main"
    cookie = next(each.value for each in site.browser.cookies if each.name == name)
    other = site.browser.another()
    site.login("bob", other)
    for value in (cookie, cookie[:-1] + ("A" if cookie[-1] != "A" else "B"), "x"):
        header = other.cookies.header("https://app.test/") + f"; {name}={value}"
        sent = {"Accept": "text/html", "Cookie": header}
        assert BANNER in other.send("GET", "/", headers=sent, cookies=False).content


def test_hiding_takes_the_form_of_the_page(site: Site) -> None:
    """Without the form's token, from another site, or by GET, nothing is hidden."""
    page = site.login()
    form = page.form(action="/2fa/banner")
    assert site.browser.submit(form, csrf="").status == 403
    assert site.browser.submit(form, headers={"Origin": "https://evil.test"}).status == 403
    assert site.browser.navigate("/2fa/banner").status == 405
    assert BANNER in site.browser.navigate("/").content


def test_context_only(clock: Time) -> None:
    """`reminder="context"` leaves the pages alone and gives the host the same facts."""
    for driver in ("wsgi", "asgi"):
        with opened(driver, clock, reminder="context") as site:
            site.at["billing"] = Policy(
                Enforcement.REQUIRED, cutoff=CUTOFF.astimezone(ZoneInfo("America/New_York"))
            )
            site.pages["/billing"] = Page.of(WELCOME)
            site.login()
            sent = {"Accept-Encoding": "gzip"}
            assert site.browser.navigate("/billing", headers=sent).content == WELCOME
            assert site.seen[-1]["accept-encoding"] == "gzip"
            told = site.contexts[-1].reminder
            assert site.contexts[-1].decision is Decision.REMIND
            assert told is not None
            assert (told.location, told.cutoff, told.days_left, told.last_day) == (
                "billing",
                CUTOFF,
                3,
                False,
            )
            assert told.date == "Monday, January 4, 2027, 07:00 (America/New_York)"
            assert told.url == "/2fa/enroll"
            assert told.text == (
                "billing will require two-factor authentication from "
                "Monday, January 4, 2027, 07:00 (America/New_York): 3 days left."
            )


def test_days_are_counted_by_the_clock_on_the_wall(site: Site) -> None:
    """On the day of 25 hours, from one midnight to the next one day is left, and it is the last."""
    zone = ZoneInfo("Europe/Berlin")
    site.everywhere = Policy(Enforcement.REQUIRED, cutoff=datetime(2026, 10, 26, tzinfo=zone))
    site.clock.now = datetime(2026, 10, 25, tzinfo=zone).timestamp()
    assert site.everywhere.cutoff is not None
    assert site.everywhere.cutoff.timestamp() - site.clock.now == timedelta(hours=25).total_seconds()
    site.login()
    told = site.contexts[-1].reminder
    assert told is not None
    assert (told.days_left, told.last_day, told.left) == (1, True, "less than 25 hours left")
