"""Cases 40 to 50: codes of the wrong moment, codes used before, and things that are no codes.

The classes: a code counts in its own time step and the next one, once, forwards only; what is not exactly six
ASCII digits (after blanks and hyphens) or a recovery code is never tried, never counted and never an error of
the server; and while attempts are held back a right code can't be told from a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.http import Answer, PlainBrowser
from twofa_gate.core.sealing import Sealer
from twofa_gate.stores.sqlite import SQLiteStore

from .conftest import SiteMaker
from .site import Site

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://app.test"}


def failures(site: Site, user: str = "u1") -> int:
    """Return how many failures count against a user."""
    return site.gate.status(user).failures


def enter(site: Site, browser: PlainBrowser, code: str) -> Answer:
    """Type a code into the form of the challenge page."""
    page = browser.navigate("/2fa/challenge")
    return browser.submit(page.form(field="code"), code=code)


def post(site: Site, browser: PlainBrowser, body: bytes, kind: str | None = None, **headers: str) -> Answer:
    """Post any body at all to the challenge page; `CSRF` in it becomes this browser's token."""
    token = browser.navigate("/2fa/challenge").form(field="code").value("csrf") or ""
    sent = {**FORM, **({"Content-Type": kind} if kind else {}), **headers}
    return browser.send("POST", "/2fa/challenge", content=body.replace(b"CSRF", token.encode()), headers=sent)


def passes(site: Site, browser: PlainBrowser) -> bool:
    """Whether the application answers this browser."""
    before = len(site.calls)
    status = browser.navigate("/app/x").status
    assert (status == 200) is (len(site.calls) > before)
    return status == 200


def refused(site: Site, browser: PlainBrowser, answer: Answer, status: int, *, counted: int) -> None:
    """Hold a refusal against what a refusal is: that status, that many failures, and nobody passes."""
    assert answer.status == status, answer.text
    assert failures(site) == counted
    assert not passes(site, browser)


@pytest.mark.parametrize("steps", [0, -1])
def test_the_current_and_the_previous_step(site: Site, steps: int) -> None:
    """Case 40: codes of this step and of the one before are accepted."""
    site.clock.move(120)
    browser = site.browser("u1")
    assert enter(site, browser, site.phones["u1"].display(steps)).status == 303
    assert passes(site, browser)


@pytest.mark.parametrize("steps", [1, 2, -2, -3, 10, -10, 2880])
def test_every_other_step(site: Site, steps: int) -> None:
    """Case 40: a code of a step to come, or of one older than the previous, is a wrong code."""
    site.clock.move(3000)
    browser = site.browser("u1")
    answer = enter(site, browser, site.phones["u1"].display(steps))
    refused(site, browser, answer, 403, counted=1)


@pytest.mark.parametrize("offset", [0.0, 0.001, 29.999])
def test_steps_begin_and_end_on_time(site: Site, offset: float) -> None:
    """Case 40: the window is exact to its edges: at the step's first and last moment, two are in it, not three."""
    site.clock.now = 1_800_003_000.0 + offset
    for steps in (1, -2):
        browser = site.browser("u1")
        assert enter(site, browser, site.phones["u1"].display(steps)).status == 403
    browser = site.browser("u1")
    assert enter(site, browser, site.phones["u1"].display(-1)).status == 303


def test_the_same_code_again(site: Site) -> None:
    """Case 41: a code that was accepted is refused in the same session, in another, and in the next step."""
    code = site.phones["u1"].code()
    first = site.browser("u1")
    assert enter(site, first, code).status == 303
    second = site.browser("u1")
    refused(site, second, enter(site, second, code), 403, counted=1)
    assert enter(site, first, code).status == 403
    site.clock.move(30)
    refused(site, second, enter(site, second, code), 403, counted=3)


def test_the_same_code_in_another_process(make_site: SiteMaker, tmp_path: Path) -> None:
    """Case 41: a code that was accepted is refused by another process, and after a restart."""
    site = make_site(store=SQLiteStore(tmp_path / "a.db"), initialize=True)
    phone = site.enroll("u1")
    code = phone.code()
    site.verify(site.browser("u1"), "u1", code)
    for _ in range(2):
        other = make_site(store=SQLiteStore(tmp_path / "a.db"))
        browser = other.browser("u1")
        assert enter(other, browser, code).status == 403
        assert not passes(other, browser)


@pytest.mark.parametrize("endpoint", ["challenge", "recovery-codes", "disable"])
def test_the_same_code_for_something_else(make_site: SiteMaker, endpoint: str) -> None:
    """Case 41: a code is spent for every purpose: what verified does not manage, and the other way round."""
    from twofa_gate import Enforcement, Policy

    site = make_site(policies={"default": Policy(Enforcement.OPTIONAL)})
    phone = site.enroll("u1")
    browser = site.browser("u1")
    code = phone.code()
    site.verify(browser, "u1", code)
    assert site.api(browser, endpoint, {"code": code}).status == 403
    assert site.gate.status("u1").enrolled
    code = phone.code()
    assert site.api(browser, "recovery-codes", {"code": code}).status == 200
    assert site.api(browser, endpoint, {"code": code}).status == 403


def test_the_previous_code_after_the_current(site: Site) -> None:
    """Case 42: once a step's code was accepted no earlier one is, though its time has not run out."""
    site.clock.move(300)
    phone = site.phones["u1"]
    site.verify(site.browser("u1"), "u1", phone.display())
    browser = site.browser("u1")
    refused(site, browser, enter(site, browser, phone.display(-1)), 403, counted=1)


def test_the_current_code_after_the_previous(site: Site) -> None:
    """Case 42, the other way: the previous step's code leaves the current one good, once."""
    site.clock.move(300)
    phone = site.phones["u1"]
    site.verify(site.browser("u1"), "u1", phone.display(-1))
    site.verify(site.browser("u1"), "u1", phone.display())
    assert site.api(site.browser("u1"), "challenge", {"code": phone.display()}).status == 403


FOREIGN_DIGITS = [
    "".join(chr(base + int(digit)) for digit in "123456") for base in (0xFF10, 0x0660, 0x0966, 0x1D7CE)
]
NO_CODES = {
    43: [*FOREIGN_DIGITS, "1_23456", "12_3456", "+123456", "-1234567", "1e5000", "0x1234", "12.345", "１23456"],
    45: ["", "1", "12345", "1234567", "123456789", " ", "-", "12345x", "O23456", "123456\n7", "123456;"],
    48: ["123456\0", "\0", "123\x00456", "123456\x7f", "12345\u00b2", "123456\r\n", "\ufeff123456"],
}


@pytest.mark.parametrize(
    "typed", [pytest.param(code, id=f"{case}-{code!a}") for case, codes in NO_CODES.items() for code in codes]
)
def test_what_is_no_code(site: Site, typed: str) -> None:
    """Cases 43, 45, 48: what is not six ASCII digits is refused as malformed by form and API, and not counted."""
    browser = site.browser("u1")
    body = urlencode({"csrf": "CSRF", "code": typed}).encode()
    refused(site, browser, post(site, browser, body), 400, counted=0)
    refused(site, browser, site.api(browser, "challenge", {"code": typed}), 400, counted=0)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=70))
def test_anything_typed(site: Site, text: str) -> None:
    """Cases 43 to 48: whatever is typed is at most a wrong code: 400, 403 or 429, and nobody passes by it."""
    browser = site.browser("u1")
    answer = site.api(browser, "challenge", {"code": text})
    assert answer.status in (400, 403, 429), answer.text
    assert not passes(site, browser)


def test_digits_that_only_look_right(site: Site) -> None:
    """Case 43: the right code in fullwidth or Arabic digits, or with signs around it, is not accepted."""
    code = site.phones["u1"].code()
    browser = site.browser("u1")
    disguised = ["".join(chr(base + int(digit)) for digit in code) for base in (0xFF10, 0x0660)]
    for typed in [*disguised, f"+{code}", f"{code}.0", f"{code[:3]}_{code[3:]}", f"{code}\0", f"0{code}"]:
        refused(site, browser, site.api(browser, "challenge", {"code": typed}), 400, counted=0)
    site.verify(browser, "u1", code)


@pytest.mark.parametrize("shape", ["{} {}", "{}-{}", " {}{} ", "{}\t{}", "--{}- {}--"])
def test_blanks_and_hyphens(site: Site, shape: str) -> None:
    """Case 44: what people put between the digits is dropped."""
    code = site.phones["u1"].code()
    browser = site.browser("u1")
    assert enter(site, browser, shape.format(code[:3], code[3:])).status == 303
    assert passes(site, browser)


def test_no_code_at_all(site: Site) -> None:
    """Case 45: a form without the field, and JSON without it, are malformed and not counted."""
    browser = site.browser("u1")
    refused(site, browser, post(site, browser, b"csrf=CSRF"), 400, counted=0)
    refused(site, browser, site.api(browser, "challenge", {}), 400, counted=0)


def test_eight_digits_for_an_authenticator_of_six(site: Site) -> None:
    """Case 45: eight digits, which other authenticators show, are malformed here, at the challenge and at setup."""
    browser = site.browser("u1")
    refused(site, browser, site.api(browser, "challenge", {"code": "12345678"}), 400, counted=0)
    other = site.browser("u2")
    assert site.api(other, "enrollment", {}).status == 200
    assert site.api(other, "enrollment", {"code": "12345678"}).status == 400
    assert failures(site, "u2") == 0


BIG = b"1" * (1 << 20)


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status"),
    [
        pytest.param(b"csrf=CSRF&code=" + BIG, None, {}, 413, id="a code of 1 MB"),
        pytest.param(b"csrf=CSRF&code=" + BIG * 10, None, {}, 413, id="a body of 10 MB"),
        pytest.param(
            b"csrf=CSRF&code=123456&" + b"&".join(b"f%d=" % n for n in range(10_000)), None, {}, 413, id="fields"
        ),
        pytest.param(b"csrf=CSRF&code=123456" + b"&x=" * 30, None, {}, 400, id="thirty fields"),
        pytest.param(b"--b\r\n\r\n\r\n--b--", "multipart/form-data; boundary=b", {}, 415, id="multipart"),
        pytest.param(b"\x1f\x8b", None, {"Content-Encoding": "gzip"}, 415, id="compressed"),
        pytest.param(b"csrf=CSRF&code=123456", None, {"Content-Encoding": "identity"}, 415, id="identity"),
        pytest.param(b"csrf=CSRF&code=123456", "text/plain", {}, 415, id="text/plain"),
        pytest.param(b'{"code": "123456"}', "application/json", {}, 415, id="JSON to a form"),
        pytest.param(b"csrf=CSRF&code=123456", "", {}, 415, id="no type"),
        pytest.param(b"csrf=CSRF&code=1&code=2", None, {}, 400, id="code twice"),
        pytest.param(b"csrf=CSRF&code=123456&csrf=CSRF", None, {}, 400, id="token twice"),
        pytest.param(b"csrf=CSRF&code[]=123456", None, {}, 400, id="code[]"),
        pytest.param(b"csrf=CSRF&code=%ff%fe", None, {}, 400, id="not UTF-8, encoded"),
        pytest.param(b"csrf=CSRF&code=\xff", None, {}, 400, id="not UTF-8"),
        pytest.param(b"csrf=CSRF&code=%00", None, {}, 400, id="NUL"),
        pytest.param(b"csrf=CSRF&code=%u0031%u0032", None, {}, 400, id="%u"),
        pytest.param(b"csrf=CSRF;code=123456", None, {}, 403, id="semicolons"),
        pytest.param(b"&&&===&", None, {}, 400, id="signs"),
    ],
)
def test_bodies(site: Site, body: bytes, kind: str | None, headers: dict[str, str], status: int) -> None:
    """Cases 46 to 48: oversized, doubled, miscoded and foreign bodies are refused, and nothing is counted."""
    browser = site.browser("u1")
    sent = {"Content-Type": kind} if kind == "" else {}
    answer = post(site, browser, body, kind, **headers, **sent)
    refused(site, browser, answer, status, counted=0)


@pytest.mark.parametrize("length", ["16385", "10485760", "99999999999999999999"])
def test_a_body_is_refused_by_its_length(site: Site, length: str) -> None:
    """Case 46: a body that says it is too long is refused before it is read."""
    browser = site.browser("u1")
    browser.navigate("/2fa/challenge")
    headers = [*FORM.items(), ("Content-Length", length)]
    if site.driver == "wsgi":
        answer = site.raw("POST", "/2fa/challenge", headers, browser=browser)
        assert answer.status == 413


JSON_BODIES: list[tuple[Any, int]] = [
    ({"code": 123456}, 400),
    ({"code": 1e400}, 400),
    ({"code": ["123456"]}, 400),
    ({"code": {"$ne": ""}}, 400),
    ({"code": None}, 400),
    ({"code": True}, 400),
    (["123456"], 400),
    ("123456", 400),
    (123456, 400),
    ({"code": "123456", "trust": "yes"}, 400),
    ({"code": "123456", "trust": 1}, 400),
    ({"Code": "123456"}, 400),
]


@pytest.mark.parametrize(("payload", "status"), JSON_BODIES, ids=repr)
def test_json_types(site: Site, payload: Any, status: int) -> None:
    """Case 47: JSON takes an object whose code is a string, and never compares anything else."""
    browser = site.browser("u1")
    refused(site, browser, site.api(browser, "challenge", payload), status, counted=0)


@pytest.mark.parametrize(
    "body",
    [
        b'{"code": "123456", "code": "123456"}',
        b'{"code": NaN}',
        b'{"code": "\\ud800"}',
        b'{"code": "123456"',
        b"",
        b"null",
        b"[" * 8000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b'{"code": "123456"}\x00',
        b'\xef\xbb\xbf{"code": "123456"}',
        b'\xff\xfe{\x00"\x00',
        b'{"code": ' + b"1" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_json_bodies(site: Site, body: bytes) -> None:
    """Cases 47, 48: JSON that is doubled, broken, deep or miscoded is 400, and nothing is counted."""
    browser = site.browser("u1")
    token = site.api(browser, "status").json()["csrf"]
    headers = {"X-CSRF-Token": token, "Content-Type": "application/json"}
    answer = browser.fetch("POST", "/2fa/api/v1/challenge", content=body, headers=headers)
    refused(site, browser, answer, 400, counted=0)


def test_percent_and_bytes_in_a_form(site: Site) -> None:
    """Case 48: each byte that there is, in a code, is a malformed code: never a 500, never counted."""
    browser = site.browser("u1")
    for byte in range(256):
        body = f"csrf=CSRF&code=12345{quote_from_bytes(bytes([byte]), safe='')}".encode()
        if not chr(byte).isdigit() or byte > 127:
            assert post(site, browser, body).status == 400, byte
    assert failures(site) == 0


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note each thing that is unsealed."""
    noted: list[str] = []
    really = Sealer.open

    def noting(self: Sealer, sealed: str, *, user_id: str, thing: str) -> str:
        noted.append(thing)
        return really(self, sealed, user_id=user_id, thing=thing)

    monkeypatch.setattr(Sealer, "open", noting)
    yield noted


@pytest.mark.parametrize("locked", [False, True])
def test_right_and_wrong_codes_while_held_back(site: Site, opened: list[str], locked: bool) -> None:
    """Case 49: during back-off and lock right and wrong codes get one answer, by one way: no secret is opened."""
    phone = site.phones["u1"]
    browser = site.browser("u1")
    for _ in range(80 if locked else 3):
        assert site.api(browser, "challenge", {"code": phone.wrong()}).status == 403
        if locked:
            site.clock.move(901)
    if not locked:
        site.clock.now = site.clock.now // 30 * 30 + 0.5  # the back-off of a second lies within one step
        assert site.api(browser, "challenge", {"code": phone.wrong()}).status == 429
    document = site.store.load("main/user/u1")
    seen = []
    for code in (phone.display(), phone.wrong(), phone.display(-1), phone.display(1)):
        token = site.api(browser, "status").json()["csrf"]
        opened.clear()
        answer = browser.fetch(
            "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
        )
        seen.append((answer.status, answer.content, sorted(answer.headers.items()), list(opened)))
        page = enter(site, browser, code)
        assert page.status == 429
        assert int(page.headers["retry-after"]) >= 1
    status, body, _, things = seen[0]
    assert all(each == seen[0] for each in seen)
    assert status == 429
    assert code not in body.decode()
    assert site.store.load("main/user/u1") == document, "something was written"
    # What is opened comes from deciding that a code is due, the same before any code is looked at.
    assert [each for each in things if each.startswith("recovery")] == []
    assert not passes(site, browser)


def test_clock_set_back(site: Site) -> None:
    """Case 50: with the clock ten minutes back, codes that were good then and not used are not good again."""
    phone = site.phones["u1"]
    site.clock.move(900)
    unused = [phone.display(-steps) for steps in range(1, 25)]
    site.verify(site.browser("u1"), "u1", phone.display())
    site.clock.move(-600)
    browser = site.browser("u1")
    for code in (phone.display(), phone.display(-1), *unused[19:21]):
        assert site.api(browser, "challenge", {"code": code}).status in (403, 429)
        site.clock.move(-0.5)
    assert not passes(site, browser)
    site.clock.move(1300)
    site.verify(site.browser("u1"), "u1", phone.display())
