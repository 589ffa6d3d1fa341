"""What people meet between the pages: old tabs, pages sent twice, waits, a wrong clock, and the way back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.docs.test_language_guides import come_as, opened
from tests.pages.test_brand import gate
from tests.support.clock import MovableClock
from tests.support.http import Answer, PlainBrowser
from tests.support.phone import Phone
from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.adapters import performing

pytestmark = pytest.mark.needs("oathtool")

OPTIONAL = Policy(Enforcement.OPTIONAL, max_age=timedelta(hours=1))
Person = Callable[[str], "Somebody"]


class Somebody:
    """A person with a browser and a phone."""

    def __init__(self, name: str, browser: PlainBrowser, phone: Phone) -> None:
        self.browser = browser
        self.phone = phone
        come_as(browser, name)

    def begin(self, page: str = "/2fa/enroll") -> Answer:
        """Go on from the page that begins, and let the phone scan."""
        opened_page = self.browser.navigate(page, follow=True)
        shown = self.browser.submit(opened_page.form(button="Continue"))
        self.phone.scan(shown.link("Open authenticator app"))
        return shown

    def confirm(self, shown: Answer, code: str | None = None) -> Answer:
        """Send the page that shows the key."""
        form = shown.form(button="Verify and enable")
        return self.browser.submit(form, code=code or self.phone.fresh_code())

    def set_up(self, page: str = "/2fa/enroll") -> Answer:
        """Set up."""
        return self.confirm(self.begin(page))

    def types(self, code: str) -> Answer:
        """Answer the challenge."""
        asked = self.browser.navigate("/2fa/challenge")
        return self.browser.submit(asked.form(action="/challenge", button="Verify"), code=code)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """Give a clock that the gate and the phones follow."""
    clock = MovableClock(tmp_path / "clock")
    monkeypatch.setattr(performing, "time", SimpleNamespace(time=clock.time, monotonic=time.monotonic))
    return clock


@pytest.fixture
def made() -> Gate:
    """Make a gate that asks those who have set up."""
    return gate(policy=OPTIONAL, brand_name="Acme Ovens")


@pytest.fixture(params=["wsgi", "asgi"])
def person(request: pytest.FixtureRequest, made: Gate, clock: MovableClock) -> Iterator[Person]:
    """Let people come, each with a browser of their own."""
    with opened(made, request.param) as first:
        yield lambda name: Somebody(name, first.another(), Phone(clock))


def test_codes_have_to_be_saved_first(person: Person) -> None:
    """The page with the codes goes on where the person was heading, by a form with a box that has to be ticked."""
    ada = person("ada")
    home = ada.browser.navigate("/2fa/")
    assert home.status == 200
    codes = ada.set_up()
    form = codes.form(button="Continue")
    box = next(field for field in form.fields if field.name == "saved")
    assert (box.kind, box.value, "required" in box.attributes) == ("checkbox", None, True)
    assert "They are shown only now" in codes.words
    assert "Add a backup device" in [link.words for link in codes.links]
    on = ada.browser.submit(form, saved="1")
    assert (on.status, on.location) == (303, ada.browser.absolute("/"))


def test_codes_lead_to_the_page_first_asked_for(clock: MovableClock) -> None:
    """Whoever was sent to set up goes on, from the page with the codes, to the page they had asked for."""
    with opened(gate(), "wsgi") as browser:
        ada = Somebody("ada", browser, Phone(clock))
        codes = ada.set_up("/orders?late=1")
        assert ada.browser.submit(codes.form(button="Continue"), saved="1").location.endswith(
            "/orders?late=1"
        )


def test_unsaved_codes_are_not_shown_again(person: Person) -> None:
    """A browser that lets the box be empty is told that the codes are not shown again, and to make new ones."""
    ada = person("ada")
    codes = ada.set_up()
    said = ada.browser.submit(codes.form(button="Continue"))
    assert said.status == 200
    assert "Recovery codes are shown only once." in said.words
    assert said.link("Make new recovery codes").endswith("/2fa/recovery-codes")
    assert not re.search("[0-9A-Z]{6}-[0-9A-Z]{6}", said.text)


def test_page_with_the_codes_loaded_again(person: Person) -> None:
    """Loading it again, which sends the form again, says that the device is set up, and shows no codes."""
    ada = person("ada")
    shown = ada.begin()
    code = ada.phone.fresh_code()
    assert "Save your recovery codes" in ada.confirm(shown, code).title
    again = ada.confirm(shown, code)
    assert again.status == 200
    assert "Your device is set up" in again.words
    assert "delete" not in again.words.lower()
    assert not re.search("[0-9A-Z]{6}-[0-9A-Z]{6}", again.text)
    assert ada.types(ada.phone.fresh_code()).status == 303


def test_page_sent_twice_before_its_answer(person: Person) -> None:
    """The second of two clicks, which knows nothing of the first one's cookies, is told that it is on, and to go on."""
    ada = person("ada")
    shown = ada.begin()
    code = ada.phone.fresh_code()
    twin = ada.browser.another()
    ada.browser.cookies.copy_to(twin.cookies)
    assert "Save your recovery codes" in ada.confirm(shown, code).title
    twin.page = shown
    second = twin.submit(shown.form(button="Verify and enable"), code=code)
    assert second.status == 403
    assert "Two-factor authentication is on already." in second.words
    entered = twin.submit(second.form(action="/challenge", button="Verify"), code=ada.phone.fresh_code())
    assert entered.status == 303
    account = twin.navigate("/2fa/")
    assert account.text.count('<h3 id="device') == 1


def test_two_tabs_that_set_up(person: Person) -> None:
    """The tab that another one replaced says so; the other goes on, and there is one device, which works."""
    ada = person("ada")
    first = ada.begin()
    old = ada.phone.fresh_code()
    second = ada.begin()
    told = ada.confirm(first, old)
    assert told.status == 409
    assert "You started over in another tab." in told.words
    assert told.form(button="Start over").url.endswith("/2fa/enroll")
    assert "Save your recovery codes" in ada.confirm(second).title
    late = ada.confirm(first, old)
    assert late.status == 409
    assert ada.browser.navigate("/2fa/").text.count('<h3 id="device') == 1
    assert ada.types(ada.phone.fresh_code()).status == 303


def test_wrong_code_keeps_the_tab_known(person: Person) -> None:
    """After a wrong code a replaced tab is still told what has happened, since its form carries on what it showed."""
    ada = person("ada")
    first = ada.begin()
    wrong = ada.confirm(first, ada.phone.wrong_code())
    assert wrong.status == 403
    ada.begin()
    assert "You started over in another tab." in ada.confirm(wrong).words


def test_account_page_leads_back(person: Person) -> None:
    """The account page has a way back to the application, by the name that the pages show."""
    ada = person("ada")
    assert ada.browser.navigate("/2fa/").link("Back to Acme Ovens") == ada.browser.absolute("/")


def test_account_page_after_disabling(person: Person) -> None:
    """Right after disabling the page says that it is off now, and not that it was never on."""
    ada = person("ada")
    assert "no second step yet" in ada.browser.navigate("/2fa/").words
    ada.set_up()
    form = ada.browser.navigate("/2fa/disable").form(button="Verify and disable")
    page = ada.browser.submit(form, code=ada.phone.fresh_code(), follow=True)
    assert "Signing in no longer takes a second step." in page.words
    assert "yet" not in page.words


def test_wait_says_until_when(person: Person, clock: MovableClock) -> None:
    """A wait of more than a minute is told as a time too, which is not too early; a shorter one as a span alone."""
    ada = person("ada")
    ada.set_up()
    page = ada.types(ada.phone.wrong_code())
    seen = []
    for _ in range(18):
        page = ada.types(ada.phone.wrong_code())
        if "Retry-After" in page.headers:
            wait = int(page.headers["Retry-After"])
            seen.append(wait)
            found = re.search(r"data-clock>(\d+):(\d\d)\s(AM|PM) \(UTC\)<", page.text)
            assert (found is not None) == (wait >= 60)
            if found:
                hours = int(found[1]) % 12 + (12 if found[3] == "PM" else 0)
                until = (clock.time() + wait) % 86400
                assert -1 < (hours * 3600 + int(found[2]) * 60 - until) % 86400 < 61
            clock.sleep(wait + 1)
    assert max(seen) > 60


def test_why_somebody_is_asked_again(person: Person, clock: MovableClock) -> None:
    """Whoever has entered a code before, which is too old now, is told so; whoever has not, is not."""
    ada = person("ada")
    ada.set_up()
    clock.sleep(3700)
    told = "too old for this, or of another kind"
    assert told in ada.browser.navigate("/orders", follow=True).words
    stranger = ada.browser.another()
    come_as(stranger, "ada")
    assert told not in stranger.navigate("/orders", follow=True).words


def test_old_token_gives_a_fresh_form(person: Person, clock: MovableClock) -> None:
    """A form whose token has run out comes again, says so, and works."""
    ada = person("ada")
    ada.set_up()
    asked = ada.browser.navigate("/2fa/challenge")
    clock.sleep(13 * 3600)
    stale = ada.browser.submit(asked.form(action="/challenge", button="Verify"), code=ada.phone.fresh_code())
    assert stale.status == 403
    assert "This page was open for too long." in stale.words
    form = stale.form(action="/challenge", button="Verify")
    assert ada.browser.submit(form, code=ada.phone.fresh_code()).status == 303


def test_page_of_somebody_who_has_logged_out(person: Person) -> None:
    """A form that is sent after the logout is refused, and spends no code."""
    ada = person("ada")
    ada.set_up()
    asked = ada.browser.navigate("/2fa/challenge")
    ada.browser.cookies.take("user=; Path=/; Max-Age=0; Secure", "https://app.test/")
    code = ada.phone.fresh_code()
    assert ada.browser.submit(asked.form(action="/challenge", button="Verify"), code=code).status == 403
    come_as(ada.browser, "ada")
    assert ada.types(code).status == 303


def test_server_clock(person: Person) -> None:
    """When three others' codes agree to be off, a wrong code comes with the word that it may be the server's clock."""
    told = "the clock of this service seems to be wrong"
    people = [person(name) for name in ("ada", "ben", "cid", "dan")]
    for each in people:
        each.set_up()
    for each in people[:3]:
        page = each.types(each.phone.display(8))
        assert page.status == 403
        assert told not in page.words
    assert told in people[3].types(people[3].phone.wrong_code()).words
    health = people[0].browser.navigate("/2fa/health")
    assert (health.status, health.text) == (200, "ok, but check this server's clock\n")
    assert people[3].types(people[3].phone.fresh_code()).status == 303
    assert people[0].browser.navigate("/2fa/health").text == "ok\n"
