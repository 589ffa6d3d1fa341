"""What is left of an answer that somebody may not see."""

from __future__ import annotations

import pytest

from twofa_gate.core.bare import bare_headers, is_json, leads_away, values
from twofa_gate.core.cookies import Header


def within(url: str) -> bool:
    """Take `/...` for within the origin."""
    return url.startswith("/")


@pytest.mark.parametrize(
    ("headers", "away"),
    [
        ([], False),
        ([("Location", "/home")], False),
        ([("Location", "https://evil.test")], True),
        ([("Location", "/home"), ("location", "https://evil.test")], True),
        ([("HX-Redirect", "/home")], False),
        ([("hx-redirect", "https://evil.test")], True),
        ([("Location", "/home"), ("HX-Redirect", "https://evil.test")], True),
        ([("Refresh", "0; url=/home")], True),
        ([("HX-Location", "/home")], True),
    ],
)
def test_where_headers_lead(headers: list[Header], away: bool) -> None:
    """Each header that leads somewhere must lead within; one that can't be told for sure leads away."""
    assert leads_away(headers, within) is away
    assert leads_away(iter(headers), within) is away


def test_only_harmless_headers_stay() -> None:
    """Beside the body go the headers that could tell of it; cookies and those that browsers are guarded by stay."""
    given: list[Header] = [
        ("Set-Cookie", "session=s1"),
        ("Set-Cookie", "b=2"),
        ("Strict-Transport-Security", "max-age=1"),
        ("Access-Control-Allow-Origin", "https://app.test"),
        ("Content-Type", "text/html"),
        ("Content-Length", "7"),
        ("ETag", '"balance-500"'),
        ("Content-Disposition", "attachment; filename=payslip.pdf"),
        ("X-User-Email", "kim@example.com"),
        ("Link", "</private>; rel=preload"),
        ("Location", "/home"),
    ]
    assert bare_headers(200, given) == [*given[:4], ("Content-Length", "0")]
    for redirecting in (300, 302, 399):
        assert bare_headers(redirecting, given) == [
            *given[:4],
            ("Location", "/home"),
            ("Content-Length", "0"),
        ]
    assert ("Location", "/home") not in bare_headers(400, given)


@pytest.mark.parametrize("status", [204, 304])
def test_answers_that_say_no_length(status: int) -> None:
    """A 204 or 304 gets no Content-Length."""
    assert ("Content-Length", "0") not in bare_headers(status, [("Date", "x")])


@pytest.mark.parametrize(
    ("kinds", "json"),
    [
        (["application/json"], True), (["application/json; charset=utf-8"], True), (["Application/Problem+JSON"], True),
        (["text/html"], False), (["text/json"], False), (["application/json-seq"], False), ([], False), ([""], False),
        (["application/json", "text/html"], False), (["text/x+json"], False),
    ],
)  # fmt: skip
def test_what_is_json(kinds: list[str], json: bool) -> None:
    """An answer is JSON if that is all that it says it is."""
    assert is_json([("Content-Type", kind) for kind in kinds]) is json


def test_values() -> None:
    """Every header of a name counts, in any case."""
    assert values([("A", "1"), ("a", "2"), ("B", "3")], "a") == ["1", "2"]
