"""What a person types into a code field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofa_gate.core.codes import MAX_TYPED, MalformedCode, RecoveryInput, TotpInput, parse_code

RECOVERY = "0123456789ABCDEFGHJKMNPQ"


@pytest.mark.parametrize("typed", ["123456", "123 456", "123-456", " 1 2 3 4 5 6 ", "\t123456", "12345-6"])
def test_blanks_and_hyphens_are_dropped(typed: str) -> None:
    """Six digits are read, however they are grouped."""
    assert parse_code(typed) == TotpInput("123456")


def test_eight_digits_are_read() -> None:
    """Imported authenticators may show eight."""
    assert parse_code("1234 5678") == TotpInput("12345678")


@pytest.mark.parametrize(
    "typed",
    [
        "", " ", "1", "12345", "1234567", "123456789",
        "\uff11\uff12\uff13\uff14\uff15\uff16", "١٢٣٤٥٦", "12345٦", "²23456",
        "1_23456", "+123456", "123456.", "0x12345", "1e5000", "123456\n", "\n123456", "123456\r", "123\u00a0456",
        "123\u2011456", "123456\0", "123456\x0b", "12345O", "é" * 24,
        "1" * (MAX_TYPED + 1), "123456" + " " * MAX_TYPED, RECOVERY + "0", RECOVERY[:-1], "U" * 24, "\u017f" * 24,
    ],
)  # fmt: skip
def test_anything_else_is_malformed(typed: str) -> None:
    """Other lengths, other alphabets' digits, signs, underscores and controls are refused, and not counted."""
    with pytest.raises(MalformedCode) as raised:
        parse_code(typed)
    assert raised.value.status == 400


@pytest.mark.parametrize(
    "typed",
    [
        RECOVERY,
        RECOVERY.lower(),
        "012345-6789AB-CDEFGH-JKMNPQ",
        "o123456789abcdefghjkmnpq",
        "OL23456789ABCDEFGHJKMNPQ",
    ],
)
def test_recovery_codes_are_read_generously(typed: str) -> None:
    """Case, hyphens, and the letters that Crockford's alphabet takes for digits don't matter."""
    assert parse_code(typed) == RecoveryInput(RECOVERY)


@given(st.text(max_size=80))
def test_never_anything_but_digits_or_an_alphabet(typed: str) -> None:
    """For any text there is a typed code in its own alphabet, or `MalformedCode`, and nothing else."""
    try:
        found = parse_code(typed)
    except MalformedCode:
        return
    if isinstance(found, TotpInput):
        assert set(found.digits) <= set("0123456789")
        assert len(found.digits) in (6, 8)
    else:
        assert set(found.code) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        assert len(found.code) == 24
