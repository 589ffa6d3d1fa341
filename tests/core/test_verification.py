"""Tokens of verifications and trusted browsers."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode

import pytest

from tests.core.stepping import KEY, TOKEN, World
from twofa_gate.core.keys import KeyList
from twofa_gate.core.verification import (
    Token,
    digest,
    draw_token,
    names_user,
    read_token,
    user_digest,
    write_token,
)

KEYS = KeyList([KEY], "main")


def test_tokens_are_of_128_bits() -> None:
    """A token holds 128 random bits, and says nothing else."""
    world = World()
    one, two = world.run(draw_token()), world.run(draw_token())
    assert one != two
    assert len(one) == 22
    assert len(urlsafe_b64decode(one + "==")) == 16


def test_only_the_hash_is_stored() -> None:
    """The digest is the token's SHA-256."""
    assert digest(TOKEN) == hashlib.sha256(TOKEN.encode()).hexdigest()


def test_round_trip() -> None:
    """What a cookie holds is read back."""
    assert read_token(write_token(TOKEN, KEYS, "u1")) == Token(TOKEN, user_digest(KEYS, "u1"))


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        ".",
        TOKEN,
        f"{TOKEN}.",
        f".{TOKEN}",
        f"{TOKEN}.{TOKEN}x",
        f"x{TOKEN}.{TOKEN}",
        "é" * 45,
        f"{TOKEN}.{TOKEN}.x",
    ],
)
def test_what_can_be_no_token(cookie: str | None) -> None:
    """Anything of another form is none."""
    assert read_token(cookie) is None


def test_whose_token_it_is() -> None:
    """The digest beside a token is the user's, under any listed key, in this realm only."""
    token = read_token(write_token(TOKEN, KEYS, "u1"))
    assert token is not None
    assert names_user(token, KEYS, "u1")
    assert not names_user(token, KEYS, "u2")
    assert names_user(token, KeyList(["n" * 32, KEY], "main"), "u1")
    assert not names_user(token, KeyList(["n" * 32], "main"), "u1")
    assert not names_user(token, KeyList([KEY], "other"), "u1")
