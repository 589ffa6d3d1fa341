"""The account document."""

from __future__ import annotations

import json

import pytest

from tests.core.stepping import NOW
from twofa_gate.core.account import FORMAT, Account, PendingEnrollment, decode, encode, end_passage
from twofa_gate.core.recovery import RecoverySet
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import MAX_TRUSTED, MAX_VERIFICATIONS, TrustedBrowser, Verification
from twofa_gate.errors import DocumentError

ONE = Authenticator(id="a1", name="Phone", secret="s1")
TWO = Authenticator(id="a2", name="Tablet", secret="s2")
FULL = Account(
    user="ü/1\ud800",
    authenticators=(ONE, TWO),
    enabled_at=NOW,
    pending=PendingEnrollment(id="p", secret="s3", browser="b", began=NOW),
    recovery=RecoverySet(id="r", salt="00", codes=("s4", "s5"), made=NOW),
    verifications=(Verification(digest="d1", at=NOW, method="totp", login="l"),),
    trusted=(TrustedBrowser(digest="t1", at=NOW),),
).with_event("e1", "verified", NOW, {"left": 3})


def test_round_trip() -> None:
    """All of an account is read back."""
    assert decode(encode(FULL), FULL.user) == FULL


@pytest.mark.parametrize("version", [1, FORMAT + 1])
def test_this_format_and_the_next_are_read(version: int) -> None:
    """A release reads the next version's format too and keeps what it doesn't know, for a roll-back."""
    document = {"user": "u1", "format": version, "novel": [1, {"a": None}]}
    account = decode(json.dumps(document).encode(), "u1")
    again = json.loads(encode(account.but(enabled_at=NOW)))
    assert again["novel"] == [1, {"a": None}]
    assert again["format"] == version


@pytest.mark.parametrize("version", [0, -1, FORMAT + 2, 99])
def test_other_formats_are_refused(version: int) -> None:
    """A format beyond that is an error that says what to do; never an account without authenticators."""
    with pytest.raises(DocumentError, match="upgrade twofa-gate"):
        decode(json.dumps({"user": "u1", "format": version}).encode(), "u1")


def test_document_of_another_user_is_refused() -> None:
    """A document that was moved under another user's key is an error."""
    with pytest.raises(DocumentError, match="another user"):
        decode(encode(Account(user="u2")), "u1")


def test_verifications_are_bounded() -> None:
    """At most twenty verifications and trusted browsers are kept; the oldest go."""
    account = Account(user="u1")
    for number in range(25):
        account = account.with_verification(Verification(digest=f"v{number}", at=number, method="totp"))
        account = account.with_trusted(TrustedBrowser(digest=f"t{number}", at=number))
    assert MAX_VERIFICATIONS == MAX_TRUSTED == 20
    assert [each.digest for each in account.verifications] == [f"v{number}" for number in range(5, 25)]
    assert [each.digest for each in account.trusted] == [f"t{number}" for number in range(5, 25)]


def test_looking_things_up() -> None:
    """Parts are found by their names; nothing is found by the name of nothing."""
    found = FULL.verification("d1")
    assert found is not None
    assert (found.id, found.login) == ("d1", "l")
    trusted = FULL.trusted_browser("t1")
    assert trusted is not None
    assert trusted.id == "t1"
    assert FULL.authenticator("a2") is TWO
    assert (FULL.verification(None), FULL.trusted_browser(None), FULL.authenticator("")) == (None, None, None)
    assert (FULL.verification("x"), FULL.trusted_browser("d1"), FULL.authenticator("x")) == (None, None, None)


def test_ids_of_browsers_are_no_tokens() -> None:
    """The name by which a page speaks of a browser is a short part of the digest."""
    made = Verification(digest="a" * 64, at=NOW, method="totp")
    assert made.id == TrustedBrowser(digest="a" * 64, at=NOW).id == "a" * 16


def test_changing_one_authenticator() -> None:
    """A changed authenticator takes the place of its own; the other stays."""
    changed = FULL.with_authenticator(TWO.but(last_step=7))
    assert changed.authenticators == (ONE, TWO.but(last_step=7))


def test_ending() -> None:
    """One verification can be ended, or all passage with the trusted browsers."""
    assert FULL.without_verification("d1").verifications == ()
    assert FULL.without_verification("x").verifications == FULL.verifications
    ended = end_passage(FULL)
    assert (ended.verifications, ended.trusted, ended.authenticators) == ((), (), FULL.authenticators)


def test_all_sealed_values_are_known() -> None:
    """The list of what is sealed holds the secrets, the pending one, and the recovery codes."""
    assert FULL.sealed_values() == ("s1", "s2", "s3", "s4", "s5")
    assert Account(user="u1").sealed_values() == ()
    assert (FULL.recovery_left, Account(user="u1").recovery_left) == (2, 0)
    assert (FULL.enrolled, Account(user="u1").enrolled) == (True, False)
