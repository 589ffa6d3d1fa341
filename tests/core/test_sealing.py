"""Sealing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofa_gate.core.keys import KeyList
from twofa_gate.core.sealing import NONCE_BYTES, Sealer
from twofa_gate.errors import SealError

OLD, NEW = "o" * 32, "n" * 32
NONCE = b"0123456789ab"


def sealer(*keys: str, realm: str = "main") -> Sealer:
    """Make one."""
    return Sealer(KeyList(keys or (OLD,), realm), realm)


SEALED = sealer().seal("secret", NONCE, user_id="u1", thing="totp/a1")


def test_form() -> None:
    """A sealed text is `v1`, the key's id, and the rest, with nothing of the text in clear."""
    version, key_id, rest = SEALED.split(".")
    assert (version, len(key_id)) == ("v1", 8)
    assert key_id == sealer().newest
    assert "secret" not in rest
    assert NONCE_BYTES == 12


def test_opens() -> None:
    """It opens for its own user, thing and realm."""
    assert sealer().open(SEALED, user_id="u1", thing="totp/a1") == "secret"


@pytest.mark.parametrize(
    ("user_id", "thing"), [("u2", "totp/a1"), ("u1", "totp/a2"), ("u1", "recovery/a1"), ("", "totp/a1")]
)
def test_moved_does_not_open(user_id: str, thing: str) -> None:
    """Moved to another user or thing it doesn't open."""
    with pytest.raises(SealError, match="altered, or belongs to another"):
        sealer().open(SEALED, user_id=user_id, thing=thing)


def test_fields_of_associated_data_do_not_run_together() -> None:
    """No two pairs of user and thing are the same associated data."""
    sealed = sealer().seal("x", NONCE, user_id="a", thing="b/c")
    with pytest.raises(SealError):
        sealer().open(sealed, user_id="a/b", thing="c")
    with pytest.raises(SealError):
        sealer().open(sealed, user_id='a", "b/c', thing="")


def test_other_realm_does_not_open() -> None:
    """A realm that shares the key can't open it: it doesn't even know the key's id."""
    with pytest.raises(SealError, match="not among secret_keys"):
        sealer(realm="other").open(SEALED, user_id="u1", thing="totp/a1")


@given(st.integers(min_value=0, max_value=10_000), st.characters())
def test_altered_does_not_open(place: int, letter: str) -> None:
    """With any one character changed, it either still is the same bytes or doesn't open."""
    place %= len(SEALED)
    altered = SEALED[:place] + letter + SEALED[place + 1 :]
    try:
        opened = sealer().open(altered, user_id="u1", thing="totp/a1")
    except SealError:
        return
    assert opened == "secret"


@pytest.mark.parametrize("end", range(0, len(SEALED), 3))
def test_truncated_does_not_open(end: int) -> None:
    """Cut off anywhere it doesn't open."""
    with pytest.raises(SealError):
        sealer().open(SEALED[:end], user_id="u1", thing="totp/a1")


@pytest.mark.parametrize("text", ["", "v1", "v1.", "v2.abc.def", "plain", "JBSWY3DP", ".x.y"])
def test_other_texts_are_no_seals(text: str) -> None:
    """A text of another form is an error, and never taken for a secret in clear."""
    with pytest.raises(SealError, match="does not read"):
        sealer().key_id(text)


def test_rotation() -> None:
    """Any listed key opens, the newest seals; without its key a text is an error that names the key's id."""
    both = sealer(NEW, OLD)
    assert both.open(SEALED, user_id="u1", thing="totp/a1") == "secret"
    again = both.seal("secret", NONCE, user_id="u1", thing="totp/a1")
    assert both.key_id(again) == both.newest != both.key_id(SEALED)
    assert sealer(NEW).open(again, user_id="u1", thing="totp/a1") == "secret"
    with pytest.raises(SealError, match=sealer(OLD).newest):
        sealer(NEW).open(SEALED, user_id="u1", thing="totp/a1")
