"""Signed values."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import NOW
from twofa_gate.core.keys import KeyList
from twofa_gate.core.signing import CLOCK_SKEW, ValueSigner

OLD, NEW = "o" * 32, "n" * 32


def signer(*keys: str, realm: str = "main") -> ValueSigner:
    """Make one."""
    return ValueSigner(KeyList(keys or (OLD,), realm))


SIGNED = signer().sign("csrf", ["challenge", "u1", None], NOW)


def test_read_back() -> None:
    """A value is read back."""
    assert signer().read("csrf", SIGNED, NOW, 60) == ["challenge", "u1", None]


def test_it_is_an_hmac_of_sha_256() -> None:
    """The signature is an HMAC-SHA-256, under a key of the purpose's own: all 256 bits of it."""
    payload, _, signature = SIGNED.rpartition(".")
    (key,) = KeyList((OLD,), "main").derive("signing")
    of_purpose = hmac.digest(key, b"twofa_gate.csrf", "sha256")
    right = urlsafe_b64encode(hmac.digest(of_purpose, payload.encode(), "sha256"))
    assert signature.encode() == right.rstrip(b"=")


@pytest.mark.parametrize("purpose", ["return", "known-browser", "", "csrf "])
def test_other_purpose(purpose: str) -> None:
    """A value signed for one purpose is of no use for another."""
    assert signer().read(purpose, SIGNED, NOW, 60) is None


def test_other_realm() -> None:
    """Nor in another realm that shares the key."""
    assert signer(realm="other").read("csrf", SIGNED, NOW, 60) is None


@pytest.mark.parametrize(
    ("later", "good"), [(0, True), (60, True), (61, False), (-CLOCK_SKEW, True), (-CLOCK_SKEW - 1, False)]
)
def test_age(later: float, good: bool) -> None:
    """It holds up to its age, and from a clock that is up to 30 s ahead."""
    assert (signer().read("csrf", SIGNED, NOW + later, 60) is not None) is good
    assert CLOCK_SKEW == 30


def test_rotation() -> None:
    """Any listed key reads; the newest signs."""
    both = signer(NEW, OLD)
    assert both.read("csrf", SIGNED, NOW, 60) is not None
    again = both.sign("csrf", 1, NOW)
    assert signer(NEW).read("csrf", again, NOW, 60) == 1
    assert signer(OLD).read("csrf", again, NOW, 60) is None
    assert signer(NEW).read("csrf", SIGNED, NOW, 60) is None


@pytest.mark.parametrize(
    "text", [None, "", ".", "..", "a.b", "é", "x" * 5000, SIGNED[:-1], SIGNED[1:], SIGNED + "."]
)
def test_other_texts(text: str | None) -> None:
    """Anything else is nothing, and no exception."""
    assert signer().read("csrf", text, NOW, 60) is None


@given(st.integers(min_value=0), st.characters())
def test_altered(place: int, letter: str) -> None:
    """With one character changed it is nothing, or means the same (base 64 has idle bits)."""
    place %= len(SIGNED)
    altered = SIGNED[:place] + letter + SIGNED[place + 1 :]
    assert signer().read("csrf", altered, NOW, 60) in (None, ["challenge", "u1", None])


def test_value_of_another_shape() -> None:
    """A validly signed text that isn't a time and a value is nothing."""
    made = signer()
    text = made._serializer("csrf").dumps([1, 2, 3])
    assert isinstance(text, str)
    assert made.read("csrf", text, NOW, 60) is None
