"""The host's keys."""

from __future__ import annotations

from typing import Any

import pytest

from twofa_gate.core.keys import KeyList
from twofa_gate.errors import ConfigurationError


@pytest.mark.parametrize("keys", [[], (), None, "k" * 32, {"k" * 32}, 5])
def test_must_be_a_list(keys: Any) -> None:
    """No key, a bare string or anything else than a list is refused with what to do."""
    with pytest.raises(ConfigurationError, match=r"list of strings, newest first.*twofa-gate keygen"):
        KeyList(keys, "main")


@pytest.mark.parametrize("key", ["", "k" * 31, "é" * 15, b"k" * 32, None, 10**40])
def test_each_must_be_long_enough(key: Any) -> None:
    """An empty, short or unsuitable key is refused, wherever in the list it stands."""
    for keys in ([key], ["k" * 32, key]):
        with pytest.raises(ConfigurationError, match=r"at least 32 bytes.*twofa-gate keygen"):
            KeyList(keys, "main")


def test_message_does_not_show_the_key() -> None:
    """The error holds nothing of the key."""
    with pytest.raises(ConfigurationError) as raised:
        KeyList(["short-secret"], "main")
    assert "short-secret" not in str(raised.value)


def test_bytes_count_and_not_letters() -> None:
    """Sixteen letters of two bytes each are enough."""
    assert len(KeyList(["é" * 16], "main").derive("x")) == 1


def test_derived_keys_differ() -> None:
    """Each key, purpose and realm has a derived key of its own, of 32 bytes; deriving repeats."""
    both = KeyList(["a" * 32, "b" * 32], "main")
    derived = {*both.derive("x"), *both.derive("y"), *KeyList(["a" * 32], "other").derive("x")}
    assert len(derived) == 5
    assert all(len(key) == 32 for key in derived)
    assert both.derive("x")[0] == KeyList(("a" * 32,), "main").derive("x")[0]
    assert both.user_digest_keys == both.derive("user-digest")


def test_realm_and_purpose_can_not_be_confused() -> None:
    """No realm's purpose derives the key of another realm's purpose."""
    assert KeyList(["a" * 32], "x").derive("y/z") != KeyList(["a" * 32], "x/y").derive("w")
