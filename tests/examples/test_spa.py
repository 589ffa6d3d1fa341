"""The page without a framework, in Chromium: refused calls and sockets, the question in place, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.sites import STARLETTE, Site, running
from tests.support.browser import watch
from tests.support.http import PlainBrowser
from tests.support.phone import Phone

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium", "oathtool")]

ADA = ("ada@example.com", "correct horse")
MAX = ("max@example.com", "open sesame")
API = "/2fa/api/v1"
OFFICE = replace(STARLETTE, name="spa", package="examples.spa")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve the example with uvicorn."""
    with running(OFFICE, tmp_path_factory.mktemp("spa")) as site:
        yield site


@pytest.fixture
def site(served: Site) -> Site:
    """Serve it; nobody has set up yet."""
    served.forget()
    return served


@pytest.fixture
def ada(site: Site) -> Ada:
    """Let Ada have set up."""
    return Ada(site)


@pytest.fixture
def phone(ada: Ada) -> Phone:
    """Take her phone."""
    return ada.phone


def api(browser: PlainBrowser, endpoint: str, **members: str) -> Any:
    """Post to the gate's API."""
    token = browser.fetch("GET", f"{API}/status").json()["csrf"]
    answer = browser.fetch("POST", f"{API}/{endpoint}", json=members, headers={"X-CSRF-Token": token})
    assert answer.status == 200, answer.text
    return answer.json()


class Ada:
    """What Ada has set up, elsewhere: her phone and her recovery codes."""

    def __init__(self, site: Site) -> None:
        self.phone = site.phone()
        with site.browser() as browser:
            browser.fetch("POST", "/login", json={"email": ADA[0], "password": ADA[1]})
            self.phone.scan(api(browser, "enrollment")["otpauth_uri"])
            done = api(browser, "enrollment", code=self.phone.fresh_code())
        self.recovery_codes: list[str] = done["recovery_codes"]


class Hut:
    """Somebody at the page."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page, self.site = page, site
        self.diary = watch(page)

    def open(self, who: tuple[str, str] = ADA) -> None:
        """Open the page and log in."""
        self.page.goto(self.site.url + "/")
        self.page.get_by_label("E-mail address").fill(who[0])
        self.page.get_by_label("Password").fill(who[1])
        self.page.get_by_role("button", name="Log in").click()

    @property
    def dialog(self) -> Locator:
        """The question."""
        return self.page.get_by_role("dialog", name="Enter your code")

    @property
    def field(self) -> Locator:
        """Its one field."""
        return self.dialog.get_by_role("textbox")

    @property
    def verify(self) -> Locator:
        """Its button."""
        return self.dialog.get_by_role("button", name="Verify")

    def answer(self, code: str) -> None:
        """Type a code and press the button, once it can be pressed."""
        self.field.fill(code)
        self.verify.click()

    def sees_bookings(self) -> None:
        """Read the list that the call brought."""
        self.page.get_by_text("Rope team Hofer: 4 beds").wait_for()

    def sees_weather(self) -> None:
        """Read what the socket said."""
        self.page.locator("#weather").filter(has_not_text="Not connected.").wait_for()

    def complains(self, text: str) -> None:
        """Read the error, which the field points to."""
        self.dialog.get_by_role("alert").get_by_text(text).wait_for()
        assert self.field.get_attribute("aria-invalid") == "true"
        described = (self.field.get_attribute("aria-describedby") or "").split()
        assert self.dialog.get_by_role("alert").get_attribute("id") in described


@pytest.fixture
def hut(page: Page, site: Site) -> Hut:
    """Sit down at the page."""
    return Hut(page, site)


def test_refused_calls_are_made_again_after_the_code(hut: Hut, phone: Phone) -> None:
    """One question for all that was refused: then the bookings are there and the weather comes. Nothing complains.

    The question can be answered by keyboard: the field has the focus, and browsers may fill in the code.
    """
    hut.open()
    hut.dialog.wait_for()
    assert hut.page.locator("dialog[open]").count() == 1
    assert hut.page.evaluate("document.activeElement.name") == "code"
    assert hut.field.get_attribute("autocomplete") == "one-time-code"
    assert "Rope team" not in hut.page.content()
    hut.page.keyboard.type(phone.fresh_code())
    hut.page.keyboard.press("Enter")
    hut.sees_bookings()
    hut.sees_weather()
    assert not hut.dialog.is_visible()
    assert not hut.diary.errors
    assert not [each for each in hut.diary.console if "Content Security" in each]
    assert all(
        each.startswith((hut.site.url, hut.site.url.replace("http", "ws"))) for each in hut.diary.requested
    )


def test_refused_post_is_sent_again_once(hut: Hut, phone: Phone) -> None:
    """A booking that was refused, as a verification has ended, is made once after the code."""
    hut.open()
    hut.answer(phone.fresh_code())
    hut.sees_bookings()
    hut.sees_weather()
    hut.site.operate("revoke", "1")
    hut.page.get_by_label("Guest").fill("Somebody late")
    hut.page.get_by_role("button", name="Book").click()
    hut.dialog.wait_for()
    hut.answer(phone.fresh_code())
    hut.page.get_by_text("Somebody late: 1 beds").wait_for()
    assert hut.page.get_by_text("Somebody late").count() == 1


def test_refused_socket_asks_and_connects_again(hut: Hut, phone: Phone) -> None:
    """A socket that the gate closes, since the verification has ended, is opened again after the code.

    Before the code it is refused: with HTTP 403, before it is accepted, which the browser tells as 1006.
    """
    hut.open()
    hut.answer(phone.fresh_code())
    hut.sees_weather()
    hut.site.operate("revoke", "1")
    hut.dialog.wait_for()
    assert hut.page.locator("#weather").inner_text() == "Not connected."
    code = hut.page.evaluate(
        "new Promise((r) => { new WebSocket(location.origin.replace('http', 'ws') + '/api/weather')"
        ".addEventListener('close', (event) => r(event.code)); })"
    )
    assert code == 1006
    hut.answer(phone.fresh_code())
    hut.sees_weather()


def test_wrong_codes_and_the_wait(hut: Hut, phone: Phone) -> None:
    """Wrong and malformed codes are told beside the field; too many make it wait, and count down; then it goes on."""
    hut.open()
    hut.answer("12")
    hut.complains("Enter the six digits")
    for _ in range(4):
        hut.answer(phone.wrong_code())
        hut.complains("That code is not right.")
        hut.site.clock.sleep(20)
    hut.answer(phone.wrong_code())
    hut.complains("That code is not right.")
    hut.answer(phone.fresh_code())
    hut.complains("Too many tries.")
    shown = hut.dialog.get_by_role("timer")
    assert shown.inner_text().startswith("You can try again in ")
    assert hut.verify.is_disabled()
    before = int("".join(filter(str.isdigit, shown.inner_text())))
    assert 1 < before <= 4
    shown.filter(has_text=f"in {before - 1} s").wait_for()
    shown.filter(has_not_text="again").wait_for(state="attached", timeout=30_000)
    assert hut.verify.is_enabled()
    hut.answer(phone.fresh_code())
    hut.sees_bookings()


def test_recovery_code_passes_while_others_wait(hut: Hut, ada: Ada) -> None:
    """While codes of an app have to wait, the field takes a recovery code, and the button is there for it."""
    hut.open()
    for _ in range(5):
        hut.answer(ada.phone.wrong_code())
        hut.complains("That code is not right.")
        hut.site.clock.sleep(10)
    hut.answer(ada.phone.wrong_code())
    hut.complains("That code is not right.")
    hut.answer(ada.phone.fresh_code())
    hut.complains("Too many tries.")
    hut.field.fill(ada.phone.display())
    assert hut.verify.is_disabled()
    hut.field.fill(ada.recovery_codes[0])
    assert hut.verify.is_enabled()
    hut.verify.click()
    hut.sees_bookings()


def test_lock(hut: Hut, phone: Phone) -> None:
    """A locked account is told so, with the way out."""
    with hut.site.browser() as attacker:
        attacker.fetch("POST", "/login", json={"email": ADA[0], "password": ADA[1]})
        kind = ""
        for _ in range(90):
            hut.site.clock.sleep(901)
            token = attacker.fetch("GET", f"{API}/status").json()["csrf"]
            headers, sent = {"X-CSRF-Token": token}, {"code": phone.wrong_code()}
            kind = attacker.fetch("POST", f"{API}/challenge", json=sent, headers=headers).json()["type"]
            if kind == "urn:twofa-gate:locked":
                break
        assert kind == "urn:twofa-gate:locked"
    hut.open()
    hut.answer(phone.fresh_code())
    hut.complains("Too many tries. A recovery code still works")
    hut.dialog.get_by_role("link", name="Unlock with your app").click()
    hut.page.wait_for_url("**/2fa/unlock")


def test_another_user_in_another_tab(hut: Hut, phone: Phone) -> None:
    """If somebody else has logged in meanwhile, no code is sent for them: the page starts anew, as theirs."""
    hut.open()
    hut.dialog.wait_for()
    other = hut.page.context.new_page()
    login = {"email": MAX[0], "password": MAX[1]}
    assert other.request.post(hut.site.url + "/login", data=login).status == 204
    with hut.page.expect_navigation():
        hut.answer(phone.fresh_code())
    hut.page.wait_for_url("**/2fa/enroll?next=*")  # Max has not set up
    assert hut.site.operate("status", "1")["failures"] == 0


def test_logged_out_in_another_tab(hut: Hut, phone: Phone) -> None:
    """If nobody is logged in any more, the page starts anew with the login."""
    hut.open()
    hut.dialog.wait_for()
    other = hut.page.context.new_page()
    assert other.request.post(hut.site.url + "/logout", data={}).status == 204
    with hut.page.expect_navigation():
        hut.answer(phone.fresh_code())
    hut.page.get_by_role("button", name="Log in").wait_for()


def test_verified_in_another_tab(hut: Hut, phone: Phone) -> None:
    """A code that was entered in another tab counts here: the token of this page holds, and nothing is asked again."""
    hut.open()
    hut.dialog.wait_for()
    other = Hut(hut.page.context.new_page(), hut.site)
    other.page.goto(hut.site.url + "/")
    other.answer(phone.fresh_code())
    other.sees_bookings()
    hut.dialog.get_by_role("button", name="Not now").click()
    hut.page.get_by_role("button", name="Show the bookings").click()
    hut.sees_bookings()
    assert not hut.dialog.is_visible()


def test_giving_up(hut: Hut, phone: Phone) -> None:
    """Escape closes the question; nothing is shown, and a button asks again."""
    hut.open()
    hut.dialog.wait_for()
    hut.page.keyboard.press("Escape")
    hut.page.get_by_role("button", name="Show the bookings").click()
    hut.answer(phone.fresh_code())
    hut.sees_bookings()
    hut.sees_weather()


def test_who_has_not_set_up_is_sent_to_do_so(hut: Hut) -> None:
    """A refusal because of a missing second factor leads to the gate's page, and from there back."""
    hut.open()
    hut.page.wait_for_url("**/2fa/enroll?next=*")
    hut.page.get_by_role("button", name="Continue").click()
    phone = hut.site.phone()
    phone.type_in(hut.page.locator("#key").inner_text())
    hut.page.get_by_role("textbox").first.fill(phone.fresh_code())
    hut.page.get_by_role("button", name="Verify and enable").click()
    hut.page.get_by_label("I have saved these codes").check()
    hut.page.get_by_role("button", name="Continue").click()
    hut.page.wait_for_url(hut.site.url + "/")
    hut.sees_bookings()
