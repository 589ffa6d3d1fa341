"""Forms that were refused and kept: what else could be sent with them, by whom, and how often.

The class: a form that somebody typed before their verification ran out is sent on at most once, as it was, by the
one user, login and browser that it came from, after a code, within minutes; and nothing else ever is.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.http import Answer, PlainBrowser
from twofa_gate import AfterCutoff, Enforcement, Policy

from .conftest import SiteMaker
from .site import BASE, Site
from .target import PRIVATE, Call, Reply

FORM = "application/x-www-form-urlencoded"
BODY = b"item=Plum+cake&note=a%0D%0Ab&csrf_token=hush"
TARGET = "/app/orders?x=1&y=%20"
SECRET_WORDS = ("Plum", "hush")


def typed(
    site: Site,
    browser: PlainBrowser,
    body: bytes = BODY,
    target: str = TARGET,
    **headers: Any,
) -> Answer:
    """Send a form from a page of the application, as a browser does; a header given as None is left out."""
    sent: dict[str, str | None] = {
        "Accept": "text/html",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Site": "same-origin",
        "Origin": BASE,
        "Referer": f"{BASE}{site.prefix}/app/new",
        "Content-Type": FORM,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    given = {name: value for name, value in sent.items() if value is not None}
    site.calls.clear()
    answer = browser.send("POST", site.prefix + target, content=body, headers=given)
    browser.page = answer
    return answer


def sealed_of(page: Answer) -> str:
    """Return the sealed form in a page; "" if there is none."""
    found = re.search(r'name="(?:form|twofa_form)" value="([^"]+)"', page.text)
    return found[1] if found else ""


def is_kept(page: Answer) -> bool:
    """Whether the challenge carries the form."""
    return page.status == 403 and "What you sent is kept." in page.words and bool(sealed_of(page))


def answer(site: Site, browser: PlainBrowser, user: str = "u1", **fields: Any) -> Answer:
    """Type a right code into the page that is open."""
    form = browser.page.form(button="Verify") if browser.page else None
    assert form is not None
    return browser.submit(form, code=site.phones[user].code(), **fields)


def offered(site: Site, browser: PlainBrowser) -> Answer:
    """Let a form be refused, and give the code: the page that offers to send it."""
    assert is_kept(typed(site, browser))
    page = answer(site, browser)
    assert page.status == 200
    assert "Send your form?" in page.words
    return page


def send(browser: PlainBrowser, page: Answer, **fields: Any) -> Answer:
    """Press the button of that page."""
    browser.page = page
    return browser.submit(page.form(button="Send it"), **fields)


def put(browser: PlainBrowser, target: str, sealed: str, **headers: str) -> Answer:
    """Send a sealed form somewhere by hand."""
    given = {
        "Content-Type": FORM,
        "Origin": BASE,
        "Accept": "text/html",
        "Sec-Fetch-Mode": "navigate",
        **headers,
    }
    return browser.send("POST", target, content=urlencode({"twofa_form": sealed}).encode(), headers=given)


def assert_not_sent(site: Site, page: Answer) -> None:
    """Nothing reached the application, and the page says so and shows nothing of it."""
    assert not site.calls
    assert page.status == 403, (page.status, page.words)
    assert "Your form was not kept" in page.words
    assert not any(word in page.text for word in SECRET_WORDS)


def test_the_whole_way(site: Site) -> None:
    """It is refused, kept, shown after the code, and sent on as it was, with the user's cookies."""
    browser = site.browser("u1")
    challenge = typed(site, browser)
    assert is_kept(challenge)
    assert not any(word in challenge.text for word in SECRET_WORDS), "nothing is shown before the code"
    page = answer(site, browser)
    assert not site.calls, "nothing is sent without the click"
    for words in ("/app/orders?x=1&y=%20", "item", "Plum cake", "note", "csrf_token"):
        assert words in page.words, words
    assert "hush" not in page.words
    done = send(browser, page)
    assert PRIVATE in done.text
    (call,) = site.calls
    assert (call.method, call.path, call.query, call.body) == ("POST", "/app/orders", "x=1&y=%20", BODY)
    assert call.user == "u1"
    environ, wsgi = call.scope, site.driver == "wsgi"
    assert (environ["CONTENT_TYPE"] if wsgi else call.headers["content-type"]) == FORM
    assert (environ["CONTENT_LENGTH"] if wsgi else call.headers["content-length"]) == str(len(BODY))
    assert "twofa_form" not in repr(environ.get("RAW_URI", ""))


def test_once_only(site: Site) -> None:
    """A second click, the back button, a reload of any page on the way: told that it was sent, and not sent."""
    browser = site.browser("u1")
    typed(site, browser)
    challenge = browser.page
    assert challenge is not None
    code = site.phones["u1"].code()
    page = browser.submit(challenge.form(button="Verify"), code=code)
    browser.page = challenge
    again = browser.submit(challenge.form(button="Verify"), code=code)
    assert "Send your form?" in again.words, "a reload asks for no other code"
    assert send(browser, page).status == 200
    for each in (page, again):
        told = send(browser, each)
        assert told.status == 409
        assert "Your form was already sent" in told.words
    browser.page = challenge
    told = browser.submit(challenge.form(button="Verify"), code=code)
    assert told.status == 409
    assert len(site.calls) == 1


def test_many_clicks_at_once(site: Site) -> None:
    """Of twenty at once one is sent, and the others are told so or that the store is busy."""
    if site.driver == "asgi":
        pytest.skip("one event loop, in which the store never waits: see the interleavings")
    browser = site.browser("u1")
    sealed = sealed_of(offered(site, browser))
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: put(browser, f"{TARGET}&twofa_form", sealed).status, range(20)))
    assert len(site.calls) == 1
    assert told.count(200) == 1
    assert set(told) <= {200, 409, 503}


def test_others(site: Site) -> None:
    """Another user's, another browser's and another login's form is neither shown nor sent."""
    site.enroll("u2")
    owner = site.browser("u1")
    typed(site, owner)
    assert owner.page is not None
    sealed = sealed_of(owner.page)
    other = site.verified("u2")
    same_user = site.verified("u1")
    again = site.browser("u1")
    site.verify(again, "u1")
    site.login(again, "u1")
    site.verify(again, "u1")
    site.calls.clear()
    for browser in (other, same_user, again):
        assert_not_sent(site, put(browser, f"{TARGET}&twofa_form", sealed))
    # the same browser, after another login of the same user
    site.login(owner, "u1")
    site.verify(owner, "u1")
    site.calls.clear()
    assert_not_sent(site, put(owner, f"{TARGET}&twofa_form", sealed))
    # and in the challenge of somebody else
    thief = site.browser("u2")
    typed(site, thief)
    form = thief.page.form(button="Verify") if thief.page else None
    assert form is not None
    fields = {**dict(form.filled({"code": site.phones["u2"].code()}, None)), "form": sealed}
    told = thief.send(
        "POST", form.url, content=urlencode(fields).encode(), headers={"Content-Type": FORM, "Origin": BASE}
    )
    assert_not_sent(site, told)


def test_without_a_verification(site: Site) -> None:
    """Without a code, or after the verification was revoked, it is not sent, and is carried on all the same."""
    browser = site.browser("u1")
    page = typed(site, browser)
    refused = put(browser, f"{TARGET}&twofa_form", sealed_of(page))
    assert is_kept(refused)
    assert not site.calls
    page = offered(site, browser)
    site.gate.revoke("u1")
    again = send(browser, page)
    assert is_kept(again)
    assert not site.calls
    second = answer(site, browser)
    assert send(browser, second).status == 200
    assert send(browser, page).status == 409, "it is the same form still"
    assert len(site.calls) == 1


def test_logged_out(site: Site) -> None:
    """Whoever has logged out sends nothing."""
    browser = site.browser("u1")
    sealed = sealed_of(offered(site, browser))
    browser.cookies.take("sid=; Path=/; Max-Age=0", BASE)
    assert put(browser, f"{TARGET}&twofa_form", sealed).status in (303, 403)
    assert not site.calls


@pytest.mark.parametrize("passed", [False, True])
def test_ten_minutes(site: Site, passed: bool) -> None:
    """Past ten minutes from the refusal it is gone, before the code and after it."""
    browser = site.browser("u1")
    typed(site, browser)
    if passed:
        page = answer(site, browser)
        site.clock.move(601)
        assert_not_sent(site, send(browser, page))
    else:
        site.clock.move(601)
        assert_not_sent(site, answer(site, browser))


def test_set_back_clock(site: Site) -> None:
    """A form that was sent is not sent again when the clock is set back."""
    browser = site.browser("u1")
    page = offered(site, browser)
    assert send(browser, page).status == 200
    for _ in range(12):
        site.clock.move(601)
        site.gate.revoke("u1")
        assert send(browser, offered(site, browser)).status == 200
    site.clock.move(-12 * 601)
    site.calls.clear()
    assert send(browser, page).status in (403, 409)
    assert not site.calls


def test_altered(site: Site) -> None:
    """Altered anywhere, cut, or of another kind, it is not sent; nor to another address than its own."""
    browser = site.browser("u1")
    sealed = sealed_of(offered(site, browser))
    middle = len(sealed) // 2
    flipped = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    for text in (
        flipped,
        sealed[:-4],
        "",
        "x",
        "v1.00000000.AAAA",
        sealed + "\u00e9",
        sealed.replace("v1", "v2"),
    ):
        assert_not_sent(site, put(browser, f"{TARGET}&twofa_form", text))
    for target in (
        "/app/other?x=1&y=%20&twofa_form",
        "/app/orders?twofa_form",
        "/app/orders?x=2&y=%20&twofa_form",
    ):
        assert_not_sent(site, put(browser, target, sealed))
    for body in (f"twofa_form={sealed}&a=b", f"twofa_form={sealed}&twofa_form={sealed}"):
        headers = {"Content-Type": FORM, "Origin": BASE, "Accept": "text/html"}
        answer = browser.send("POST", f"{TARGET}&twofa_form", content=body.encode(), headers=headers)
        assert_not_sent(site, answer)


def test_another_site(site: Site) -> None:
    """A page of another site can't have it sent."""
    browser = site.browser("u1")
    sealed = sealed_of(offered(site, browser))
    for headers in ({"Origin": "https://evil.test"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}):
        assert put(browser, f"{TARGET}&twofa_form", sealed, **headers).status == 403
    assert not site.calls


def test_another_realm(make_site: SiteMaker) -> None:
    """Another realm's form, of the same key and user, is not sent."""
    one = make_site()
    one.enroll("u1")
    browser = one.browser("u1")
    sealed = sealed_of(offered(one, browser))
    two = make_site(realm="second", target=one.target)
    two.enroll("u1")
    other = two.browser("u1")
    two.verify(other, "u1")
    name = next(name for name in other.cookies.header(BASE).split("; ") if "browser-second" in name)
    ours = next(name for name in browser.cookies.header(BASE).split("; ") if "browser-main" in name)
    value = ours.partition("=")[2]
    other.cookies.take(f"{name.partition('=')[0]}={value}; Path=/; Secure", BASE)
    two.calls.clear()
    assert_not_sent(two, put(other, f"{TARGET}&twofa_form", sealed))


UNKEPT: list[Any] = [
    pytest.param({"Content_Type": "multipart/form-data; boundary=b"}, b"--b--", "files", id="upload"),
    pytest.param({"Content_Type": "text/plain"}, BODY, "", id="text"),
    pytest.param(
        {"Content_Type": "application/x-www-form-urlencoded; charset=" + "x" * 100}, BODY, "", id="type"
    ),
    pytest.param({"Content_Encoding": "gzip"}, BODY, "", id="compressed"),
    pytest.param({}, b"a=" + b"x" * 65535, "larger", id="large"),
    pytest.param({}, b"a=b&" * 1000, "larger", id="fields"),
    pytest.param({}, b"user=u1&password=x", "Passwords", id="password"),
    pytest.param({}, b"user=u1&userPass=x", "Passwords", id="pass"),
    pytest.param({}, b"a=%FF", "", id="not UTF-8"),
    pytest.param({}, b"a=\xff", "", id="not ASCII"),
    pytest.param({}, b'a="b"', "", id="quotation marks"),
    pytest.param({}, b"twofa_form=x", "", id="a field of ours"),
    pytest.param({"Origin": "https://evil.test"}, BODY, "", id="origin"),
    pytest.param({"Origin": None, "Sec_Fetch_Site": None}, BODY, "", id="no origin"),
    pytest.param({"Origin": "null", "Sec_Fetch_Site": None}, BODY, "", id="null"),
    pytest.param({"Origin": None, "Sec_Fetch_Site": "cross-site"}, BODY, "", id="cross-site"),
    pytest.param(
        {"Sec_Fetch_Mode": None, "Accept": "*/*", "Sec_Fetch_Dest": None}, BODY, "", id="no browser"
    ),
]


@pytest.mark.parametrize(("headers", "body", "why"), UNKEPT)
def test_not_kept(site: Site, headers: dict[str, Any], body: bytes, why: str) -> None:
    """What is no small form from a page of ours is redirected as ever, and the challenge says what was not kept."""
    browser = site.browser("u1")
    refused = typed(site, browser, body, **headers)
    assert refused.status == 303
    assert "/2fa/challenge?next=" in refused.headers["location"]
    browser.page = None
    page = browser.navigate(refused.location)
    assert "What you sent was not kept." in page.words
    assert why in page.words
    assert not site.calls
    wrong = browser.submit(page.form(button="Verify"), code=site.phones["u1"].wrong())
    assert "What you sent was not kept." in wrong.words, "it stays told"
    assert answer(site, browser).location == f"{BASE}/app/new"
    assert not site.calls


def test_the_largest(site: Site) -> None:
    """Exactly 64 KiB are kept and sent on, whatever they are made of."""
    browser = site.browser("u1")
    body = b"a=" + b"%C3%A9" * 10922 + b"xx"
    assert len(body) == 65536
    assert is_kept(typed(site, browser, body, "/app/" + "y" * 600))
    assert send(browser, answer(site, browser)).status == 200
    assert site.calls[-1].body == body


def test_scripts_are_not_concerned(site: Site) -> None:
    """JSON, fetch and htmx get what they always got."""
    browser = site.browser("u1")
    assert typed(site, browser, b"{}", Content_Type="application/json", Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty",
                 Accept="application/json").json()["decision"] == "challenge"  # fmt: skip
    fetched = typed(site, browser, Sec_Fetch_Mode="cors", Sec_Fetch_Dest="empty")
    assert fetched.headers["content-type"] == "application/problem+json"
    assert "hx-redirect" in typed(site, browser, HX_Request="true").headers


def test_the_login_form(make_site: SiteMaker) -> None:
    """The login form is never kept: not by its path, not by `login_url`, and not by the password in it."""
    site = make_site(login_url="/signin")
    site.enroll("u1")
    browser = site.browser("u1")
    typed(site, browser, b"user=u1", "/login")
    assert not sealed_of(browser.page) if browser.page else True
    assert [call.path for call in site.calls] == ["/login"]
    assert typed(site, browser, b"user=u1", "/signin").status == 303
    assert typed(site, browser, b"user=u1&passwort=1&Password=x", "/elsewhere").status == 303


def test_what_was_executed_is_not_kept(site: Site) -> None:
    """A POST whose answer was withheld has been executed: it is not kept, so it can't be sent again."""

    def login(call: Call) -> Reply:
        return Reply.page(PRIVATE, site.target.cookie_for("u1"))

    site.target.routes["/app/enter"] = login
    browser = site.browser()
    answer = typed(site, browser, b"user=u1&pin=1", "/app/enter")
    assert len(site.calls) == 1
    assert answer.status == 303
    assert "form=" not in answer.location
    assert not sealed_of(answer)


@pytest.mark.parametrize("after", [AfterCutoff.ENROLL, AfterCutoff.DENY])
def test_not_set_up(make_site: SiteMaker, after: AfterCutoff) -> None:
    """Who has not set up is told that nothing was kept, by the page to set up, or the one that keeps them out."""
    from datetime import UTC, datetime

    policy = Policy(Enforcement.REQUIRED, cutoff=datetime(2020, 1, 1, tzinfo=UTC), after_cutoff=after)
    site = make_site(policies={"default": policy})
    browser = site.browser("u1")
    page = typed(site, browser)
    if after is AfterCutoff.ENROLL:
        assert page.status == 303
        browser.page = None
        page = browser.navigate(page.location)
    assert "What you sent was not kept." in page.words
    assert not site.calls


def test_a_stricter_place(make_site: SiteMaker) -> None:
    """The place that it goes to decides when it is sent: if the code is too old by then, nothing is sent yet."""
    strict = Policy(Enforcement.REQUIRED, max_age=timedelta(minutes=5))
    site = make_site(policies={"default": Policy(Enforcement.REQUIRED), "strict": strict})
    site.enroll("u1")
    browser = site.browser("u1")
    assert is_kept(typed(site, browser, BODY, "/strict/x"))
    page = answer(site, browser)
    site.clock.move(301)
    again = send(browser, page)
    assert is_kept(again)
    assert not site.calls
    assert send(browser, answer(site, browser)).status == 200
    assert len(site.calls) == 1


def test_mounted(make_site: SiteMaker) -> None:
    """An application below a prefix gets its form at its own address."""
    site = make_site(prefix="/shop")
    site.enroll("u1")
    browser = site.browser("u1")
    page = offered(site, browser)
    assert page.form(button="Send it").url == f"{BASE}/shop{TARGET}&twofa_form"
    assert send(browser, page).status == 200
    assert site.calls[-1].body == BODY


def test_a_marked_address_is_any_other(site: Site) -> None:
    """Other bodies to a marked URL arrive as they are: of a page that posts to its own address, and of an upload."""
    browser = site.verified("u1")
    for kind, body in ((FORM, b"a=b"), ("multipart/form-data; boundary=b", b"--b--"), (FORM, b"")):
        site.calls.clear()
        headers = {"Content-Type": kind, "Origin": BASE}
        assert browser.send("POST", "/app/x?a=b&twofa_form", content=body, headers=headers).status == 200
        assert site.calls[-1].body == body
    site.gate.revoke("u1")
    site.calls.clear()
    assert is_kept(typed(site, browser, b"a=b", "/app/x?twofa_form&twofa_form"))
    assert typed(site, site.browser(), b"twofa_form=x", "/app/x?twofa_form").status in (303, 403)
    assert not site.calls


def test_public_and_own_pages(site: Site) -> None:
    """A mark changes nothing at public paths and at the gate's own pages."""
    browser = site.browser("u1")
    typed(site, browser, b"twofa_form=x", "/static/x?twofa_form")
    assert site.calls[-1].cookies == {}
    assert typed(site, browser, b"x" * 50_000, "/2fa/challenge?twofa_form").status == 413


@pytest.mark.parametrize("hint", ["", "kept", "x.y"])
def test_only_a_page_with_a_form_may_answer_at_length(site: Site, hint: str) -> None:
    """The longer body is for the challenge alone, and only where its page was made for a kept form."""
    browser = site.browser("u1")
    browser.navigate("/2fa/challenge")
    body = b"code=123456&form=" + b"x" * 60_000
    assert typed(site, browser, body, f"/2fa/challenge?form={hint}").status == 413
    page = typed(site, browser)
    signed = page.form(button="Verify").url.partition("?form=")[2]
    assert typed(site, browser, body, f"/2fa/challenge?form={signed}").status == 403
    assert typed(site, browser, body * 3, f"/2fa/challenge?form={signed}").status == 413
    assert typed(site, browser, body, f"/2fa/enroll?form={signed}").status == 413
    assert typed(site, browser, body, f"/2fa/disable?form={signed}").status == 413


def test_markup_in_a_form_stays_text(site: Site) -> None:
    """Names and values are shown as they are."""
    browser = site.browser("u1")
    body = b"%3Cscript%3Ealert(1)%3C%2Fscript%3E=%22%3E%3Cb%3E"
    for target in ("/app/x?a='b", "/app/%20", "/app/x?" + "a" * 1500):
        assert typed(site, browser, body, target).status == 303, "browsers would send it differently"
    typed(site, browser, body)
    page = answer(site, browser)
    assert "<script>alert(1)</script>" in page.words
    assert "<script>alert" not in page.text
    assert send(browser, page).status == 200


def test_nothing_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the log nor the store holds anything of the form."""
    caplog.set_level(0)
    browser = site.browser("u1")
    send(browser, offered(site, browser))
    stored = repr(vars(site.store))
    for word in (*SECRET_WORDS, "item="):
        assert word not in caplog.text
        assert word not in stored
