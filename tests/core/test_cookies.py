"""Our cookies as they are set and ended, and the host's as its answers set them."""

from __future__ import annotations

import pytest

from tests.core.stepping import NOW, World
from twofa_gate.core.cookies import (
    HostCookie,
    expire,
    expire_host_cookie,
    set_cookie,
    set_cookie_readings,
)
from twofa_gate.errors import BadRequest

OURS = World().settings.cookies


def attributes(line: str) -> set[str]:
    """Return a cookie's attributes."""
    return {each.strip() for each in line.split(";")[1:]}


def test_all_attributes_of_ours() -> None:
    """Ours are Secure, HttpOnly, SameSite, for `/` and no Domain; without an age they end with the session."""
    assert attributes(set_cookie(OURS, OURS.verification, "x")[1]) == {
        "Secure",
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
    }
    assert attributes(set_cookie(OURS, OURS.known, "x", 60)[1]) >= {"Max-Age=60"}
    assert all(name.startswith("__Host-twofa-") and name.endswith("-main") for name in OURS.names)
    assert len(set(OURS.names)) == len(OURS.names) >= 4


def test_ended_with_the_attributes_they_were_set_with() -> None:
    """A deletion carries the same attributes, or browsers would keep the cookie."""
    _, line = expire(OURS, OURS.verification)
    assert line.startswith(f"{OURS.verification}=;")
    assert attributes(line) >= {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=0"}
    assert not any(each.startswith("Domain") for each in attributes(line))


def test_without_tls() -> None:
    """For development over plain http the names carry no prefix, and the cookies no Secure."""
    with pytest.warns(UserWarning, match="development"):
        ours = World(cookie_secure=False, cookie_samesite="Strict").settings.cookies
    assert ours.verification == "twofa-verification-main"
    assert attributes(set_cookie(ours, ours.verification, "x")[1]) == {
        "HttpOnly",
        "Path=/",
        "SameSite=Strict",
    }


def test_ending_a_hosts_cookie() -> None:
    """A host's session cookie is expired with its own path and domain."""
    name, line = expire_host_cookie(HostCookie("session", "/app", "example.com"), secure=False)
    assert (name, line.partition(";")[0]) == ("Set-Cookie", "session=")
    expected = {"Path=/app", "Domain=example.com", "Max-Age=0", "HttpOnly", "SameSite=Lax"}
    assert {each for each in attributes(line) if not each.startswith("Expires=")} == expected
    assert "Secure" not in attributes(line)
    assert "Secure" in attributes(expire_host_cookie(HostCookie("__Host-s"), secure=False)[1])
    assert "Secure" in attributes(expire_host_cookie(HostCookie("s"), secure=True)[1])


def readings(*lines: str) -> list[dict[str, str | None]]:
    """Read Set-Cookie lines."""
    return set_cookie_readings([("Set-Cookie", line) for line in lines], NOW)


@pytest.mark.parametrize(
    ("line", "change"),
    [
        ("a=b", {"a": "b"}),
        (" a = b ; Path=/", {"a": "b"}),
        ("a=b=c; HttpOnly", {"a": "b=c"}),
        ("a=", {"a": ""}),
        ('a="b c"', {"a": '"b c"'}),
        ("a=b; Max-Age=60", {"a": "b"}),
        ("a=b; Max-Age=1", {"a": "b"}),
        ("a=b; Max-Age=0", {"a": None}),
        ("a=b; max-age=-1", {"a": None}),
        ("a=b; Max-Age=00", {"a": None}),
        (f"a=b; Max-Age={'9' * 5000}", {"a": "b"}),
        ("a=b; Max-Age=x", {"a": "b"}),
        ("a=b; Max-Age=", {"a": "b"}),
        ("a=b; Max-Age=+0", {"a": "b"}),
        ("a=b; Max-Age=\u0660", {"a": "b"}),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT", {"a": None}),
        ("a=b; Expires=Thu, 01 Jan 2099 00:00:00 GMT", {"a": "b"}),
        ("a=b; Expires=rubbish", {"a": "b"}),
        ("a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", {"a": "b"}),
        ("a=b; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=0", {"a": None}),
        ("a=b; Max-Age=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT", {"a": None}),
    ],
)
def test_one_line(line: str, change: dict[str, str | None]) -> None:
    """A line sets a name or deletes it, as browsers read it: Max-Age wins, and odd values count for nothing."""
    assert readings(line) == [change]


def test_expiry_is_judged_by_the_gates_clock() -> None:
    """A cookie that expires at this very second is deleted, one that expires a second later is not."""
    assert readings("a=b; Expires=Fri, 15 Jan 2027 08:00:00 GMT") == [{"a": None}]
    assert readings("a=b; Expires=Fri, 15 Jan 2027 08:00:01 GMT") == [{"a": "b"}]


def test_last_of_one_place_counts() -> None:
    """Of two lines for one name, path and domain the last one holds."""
    assert readings("a=1", "a=2") == [{"a": "2"}]
    assert readings("a=1", "a=; Max-Age=0") == [{"a": None}]
    assert readings("a=; Max-Age=0", "a=1") == [{"a": "1"}]
    assert readings("a=1; Domain=.Example.com", "a=2; domain=example.COM") == [{"a": "2"}]


def test_several_places_are_several_readings() -> None:
    """One name set on several paths or domains is read in each way; what is set somewhere isn't deleted."""
    assert readings("a=1; Path=/", "a=2; Path=/x", "b=3") == [{"a": "1", "b": "3"}, {"a": "2", "b": "3"}]
    assert readings("a=1; Domain=app.test", "a=2; Domain=test") == [{"a": "1"}, {"a": "2"}]
    assert readings("a=1", "a=2; Path=/x", "a=3; Domain=test") == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert readings("a=1; Path=/", "a=; Path=/x; Max-Age=0") == [{"a": "1"}]
    assert readings("a=1; Path=/", "a=1; Path=/x") == [{"a": "1"}]
    assert readings("a=; Path=/; Max-Age=0", "a=; Path=/x; Max-Age=0") == [{"a": None}]


def test_too_many_places_are_refused() -> None:
    """An answer that sets one name in too many ways is refused rather than guessed at."""
    with pytest.raises(BadRequest, match="too many ways"):
        readings(*[f"a={number}; Path=/{number}" for number in range(5)])
    assert len(readings(*[f"a={number}; Path=/{number}" for number in range(4)])) == 4


def test_cookies_without_a_name() -> None:
    """A line without a name sets the nameless cookie, whose value browsers send bare."""
    assert readings("value") == [{"": "value"}]
    assert readings("=a=b") == [{"": "a=b"}]


def test_other_headers_are_no_cookies() -> None:
    """Only Set-Cookie counts, in any case of its name."""
    given = [("X-Set-Cookie", "a=1"), ("SET-cookie", "b=2"), ("Cookie", "c=3")]
    assert set_cookie_readings(given, NOW) == [{"b": "2"}]
    assert set_cookie_readings([], NOW) == [{}]
