"""Cases 43 to 48: things that are no codes.

The class: what is not exactly six ASCII digits (after blanks and hyphens) or a recovery code, in a form or JSON
that is exactly what it should be, is never tried, never counted and never an error of the server.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .site import Site
from .typing_codes import FORM, enter, failures, passes, post, refused

FOREIGN_DIGITS = [
    "".join(chr(base + int(digit)) for digit in "123456") for base in (0xFF10, 0x0660, 0x0966, 0x1D7CE)
]
NO_CODES = {
    43: [
        *FOREIGN_DIGITS,
        "1_23456",
        "12_3456",
        "+123456",
        "-1234567",
        "1e5000",
        "0x1234",
        "12.345",
        "\uff1123456",
    ],
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
            b"csrf=CSRF&code=123456&" + b"&".join(b"f%d=" % n for n in range(10_000)),
            None,
            {},
            413,
            id="fields",
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
        pytest.param(b"&&&===&", None, {}, 403, id="signs"),
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
    # ASGI hands the body on piece by piece: there the reading stops at the limit.
    headers, body = (*FORM.items(), ("Content-Length", length)), b""
    if site.driver == "asgi":
        headers, body = (*FORM.items(),), b"x" * 16385
    assert site.raw("POST", "/2fa/challenge", headers, body, browser=browser).status == 413


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
        b'{"a":' * 2500 + b"1" + b"}" * 2500,
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
