"""Which codes are accepted, and for which time steps."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import NOW, SECRET, World
from twofa_gate.core.totp import (
    CLOCK_SEARCH,
    Authenticator,
    CodeCheck,
    check,
    draw_secret,
    latest_of_run,
    provisioning_uri,
)
from twofa_gate.errors import DocumentError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6238-appendix-b.json").read_text())
ROWS = [(row, algorithm) for row in VECTORS["vectors"] for algorithm in VECTORS["seeds"]]
ONE = Authenticator(id="a1", name="Phone", secret="sealed")
STEP = int(NOW // 30)


def code(steps: int) -> str:
    """Return the code of a step, relative to now."""
    return pyotp.TOTP(SECRET).generate_otp(STEP + steps)


@pytest.mark.parametrize(
    ("row", "algorithm"), ROWS, ids=lambda each: each if isinstance(each, str) else each["time"]
)
def test_vectors_of_the_rfc(row: dict[str, Any], algorithm: str) -> None:
    """Each code of RFC 6238, appendix B, is accepted at its time, for its step, and not a step too early."""
    secret = base64.b32encode(VECTORS["seeds"][algorithm].encode()).decode()
    one = Authenticator(
        id="a", name="", secret="", algorithm=algorithm, digits=VECTORS["digits"], period=VECTORS["period"]
    )
    step = int(row["step"], 16)
    assert step == row["time"] // 30
    assert check(secret, one, row["codes"][algorithm], row["time"]) == CodeCheck(step=step)
    assert check(secret, one, row["codes"][algorithm], row["time"] - 30).step is None


def test_seeds_are_as_long_as_their_digests() -> None:
    """The data file follows erratum 2866, and names its source."""
    assert {name: len(seed) for name, seed in VECTORS["seeds"].items()} == {
        "SHA1": 20,
        "SHA256": 32,
        "SHA512": 64,
    }
    assert "rfc6238" in VECTORS["source"]
    assert "eid2866" in VECTORS["errata"]


@pytest.mark.parametrize(("steps", "accepted"), [(1, False), (0, True), (-1, True), (-2, False)])
def test_current_and_previous_step_only(steps: int, accepted: bool) -> None:
    """The codes of now and of the step before are accepted; those of a future or an older step are not."""
    found = check(SECRET, ONE, code(steps), NOW)
    assert found == (CodeCheck(step=STEP + steps) if accepted else CodeCheck(clock_steps=steps))


def test_last_second_of_a_code() -> None:
    """A code holds until the last moment of the step after its own."""
    assert check(SECRET, ONE, code(0), NOW + 59.999).step == STEP
    assert check(SECRET, ONE, code(0), NOW + 60).step is None


@pytest.mark.parametrize(
    ("last", "steps", "accepted"),
    [(0, 0, False), (0, -1, False), (-1, 0, True), (-1, -1, False), (-2, -1, True), (5, 0, False)],
)
def test_no_step_at_or_below_the_last_accepted(last: int, steps: int, accepted: bool) -> None:
    """A code of the last accepted step or an earlier one is refused, and is no sign of a wrong clock."""
    found = check(SECRET, ONE.but(last_step=STEP + last), code(steps), NOW)
    assert found == (CodeCheck(step=STEP + steps) if accepted else CodeCheck())


def test_clock_suspicion_ends_where_it_should() -> None:
    """A refused code is looked for some steps to either side, and no further."""
    for steps in (2, CLOCK_SEARCH, -CLOCK_SEARCH):
        assert check(SECRET, ONE, code(steps), NOW).clock_steps == steps
    for steps in (CLOCK_SEARCH + 1, -CLOCK_SEARCH - 1):
        assert check(SECRET, ONE, code(steps), NOW) == CodeCheck()


def test_nearest_step_tells_how_far_the_clock_is_off() -> None:
    """Where a code is that of two steps around, the clock is taken to be off by the smaller number of steps."""
    six_before, five_after = 16_929, 16_940
    assert code(six_before) == code(five_after)
    now = (STEP + six_before + 6) * 30
    assert check(SECRET, ONE, code(five_after), now).clock_steps == 5


def test_period_is_the_authenticators_own() -> None:
    """An imported authenticator of another period is read by its own steps."""
    slow = ONE.but(period=60)
    step = int(NOW // 60)
    assert check(SECRET, slow, pyotp.TOTP(SECRET).generate_otp(step), NOW).step == step
    row = [pyotp.TOTP(SECRET).generate_otp(step - back) for back in (2, 1, 0)]
    assert latest_of_run(SECRET, slow, (row[0], row[1], row[2]), NOW) == step


def test_time_begins_at_the_epoch() -> None:
    """There is no step before the first one."""
    assert check(SECRET, ONE, pyotp.TOTP(SECRET).generate_otp(0), 5).step == 0


@given(
    st.integers(min_value=0, max_value=4 * 10**9), st.integers(min_value=-3, max_value=3), st.integers(-3, 3)
)
def test_accepted_steps_always_rise(now: int, steps: int, last: int) -> None:
    """Whatever the time and the last accepted step, an accepted step is above it, and not in the future."""
    step = now // 30
    typed = pyotp.TOTP(SECRET).generate_otp(max(step + steps, 0))
    found = check(SECRET, ONE.but(last_step=step + last), typed, now)
    if found.step is not None:
        assert step + last < found.step <= step
        assert found.step >= step - 1


@pytest.mark.parametrize("fields", [{"algorithm": "MD5"}, {"digits": 99}])
def test_unknown_parameters_are_an_error(fields: dict[str, Any]) -> None:
    """An authenticator with parameters that this release doesn't know is an error, not a wrong code."""
    with pytest.raises(DocumentError, match="parameters"):
        check(SECRET, ONE.but(**fields), "123456", NOW)


def test_three_codes_in_a_row() -> None:
    """Three codes of successive steps, in order and fresh, unlock; anything else doesn't."""
    row = (code(-2), code(-1), code(0))
    assert latest_of_run(SECRET, ONE, row, NOW) == STEP
    assert latest_of_run(SECRET, ONE, row, NOW + 30) == STEP
    assert latest_of_run(SECRET, ONE, row, NOW + 60) is None
    assert latest_of_run(SECRET, ONE, row, NOW - 30) is None
    assert latest_of_run(SECRET, ONE, row[::-1], NOW) is None
    assert latest_of_run(SECRET, ONE, (code(0), code(0), code(0)), NOW) is None
    assert latest_of_run(SECRET, ONE.but(last_step=STEP - 2), row, NOW) is None
    assert latest_of_run(SECRET, ONE.but(last_step=STEP - 3), row, NOW) == STEP


def test_secret_has_160_bits() -> None:
    """A new secret holds 160 random bits, in base 32 without padding."""
    world = World()
    secret = world.run(draw_secret())
    assert len(base64.b32decode(secret)) == 20
    assert "=" not in secret
    assert world.run(draw_secret()) != secret


@pytest.mark.parametrize("label", ['"><script>', "a:b", "a\r\nb", ":", "", "\x7f", "ü@example.com", "a%3Ab"])
def test_label_stays_in_its_place(label: str) -> None:
    """Whatever the label, the URI has one issuer and one secret, and no line break."""
    uri = provisioning_uri(SECRET, label=label, issuer="Acme & Co")
    assert uri.isascii()
    assert uri.isprintable()
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Acme & Co"]}
    issuer, colon, account = parts.path[1:].partition(":")
    assert (unquote(issuer), colon) == ("Acme & Co", ":")
    assert account
    assert "<" not in account


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("ada@example.com", "ada%40example.com"),
        ("Ada Lovelace", "Ada%20Lovelace"),
        ("a:b", "a%20b"),
        ("\x00a\x1f\x7f:b\n", "a%20b"),
        ("::", "user"),
        ("", "user"),
    ],
)
def test_label_as_the_phone_gets_it(label: str, shown: str) -> None:
    """The label is the user's, without what would end it early; a user without one is called so."""
    uri = provisioning_uri(SECRET, label=label, issuer="Acme")
    assert uri == f"otpauth://totp/Acme:{shown}?secret={SECRET}&issuer=Acme"
