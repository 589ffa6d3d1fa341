"""The values that hosts and the gate exchange check themselves when they are made."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from twofa_gate import (
    AfterCutoff,
    BadRequest,
    ConfigurationError,
    Credential,
    Enforcement,
    Event,
    EventKind,
    Method,
    Policy,
    Stored,
    Tokens,
    User,
)

NAIVE = datetime(2027, 1, 4)  # noqa: DTZ001 - naive on purpose
AWARE = datetime(2027, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "User.id must be a string that is not empty"),
        ({"id": 5}, r"use str\(...\) on numeric keys"),
        ({"id": None}, "User.id"),
        ({"id": b"u1"}, "User.id"),
        ({"label": None}, "User.label must be a string"),
        ({"label": 5}, "User.label must be a string"),
        ({"login": ""}, "User.login must be None or a string"),
        ({"login": 5}, "User.login must be None or a string"),
        ({"credential": "session"}, "User.credential must be one of Credential.SESSION"),
        ({"credential": None}, "User.credential must be one of"),
        ({"joined": NAIVE}, "User.joined must be a datetime with a time zone"),
        ({"joined": "2027-01-04"}, "User.joined must be a datetime"),
    ],
)
def test_user_is_checked(fields: dict[str, Any], message: str) -> None:
    """A user with a field that it must not have is refused, by a message that names it."""
    with pytest.raises(ValueError, match=message):
        User(**{"id": "u1", "label": "a", **fields})


def test_user() -> None:
    """A user needs an id and a label; ids are compared exactly."""
    plain = User("u1", "")
    assert (plain.login, plain.credential, plain.joined) == (None, Credential.SESSION, None)
    assert User("u1", "x") != User("U1", "x")
    assert User("u1", "x", "l", Credential.TOKEN, AWARE).joined == AWARE


POLICIES: list[tuple[dict[str, Any], str]] = [
    ({"enforcement": "required"}, "Policy.enforcement must be one of Enforcement.OFF"),
    ({"enforcement": True}, "Policy.enforcement must be one of"),
    ({"enforcement": Method.TOTP}, "Policy.enforcement must be one of"),
    ({"after_cutoff": "deny"}, "Policy.after_cutoff must be one of AfterCutoff.ENROLL"),
    ({"after_cutoff": AfterCutoff.DENY}, "Policy.after_cutoff=DENY needs a cutoff"),
    ({"tokens": True}, "Policy.tokens must be one of Tokens.REFUSE"),
    ({"cutoff": NAIVE}, "Policy.cutoff must be a datetime with a time zone"),
    ({"cutoff": AWARE.date()}, "Policy.cutoff must be a datetime"),
    ({"cutoff": AWARE.timestamp()}, "Policy.cutoff must be a datetime"),
    ({"grace": timedelta(0)}, "Policy.grace must be a timedelta above zero"),
    ({"grace": 5}, "Policy.grace must be a timedelta"),
    ({"max_age": None}, "Policy.max_age must be a timedelta above zero"),
    ({"max_age": timedelta(0)}, "Policy.max_age must be a timedelta above zero"),
    ({"max_age": timedelta(seconds=-1)}, "Policy.max_age must be"),
    ({"max_age": 3600}, "Policy.max_age must be"),
    ({"trust_browser_for": timedelta(0)}, "Policy.trust_browser_for must be a timedelta above zero"),
    ({"trust_browser_for": 30}, "Policy.trust_browser_for must be"),
    ({"methods": set()}, "Policy.methods must hold at least one Method"),
    ({"methods": {"totp"}}, "Policy.methods must hold at least one Method"),
    ({"methods": "totp"}, "Policy.methods must hold"),
    ({"methods": Method.TOTP}, "Policy.methods must hold"),
    ({"methods": None}, "Policy.methods must hold"),
    ({"methods": {Method.TOTP, Enforcement.OFF}}, "Policy.methods must hold"),
]


@pytest.mark.parametrize(
    ("fields", "message"), POLICIES, ids=[f"{next(iter(each))}-{n}" for n, (each, _) in enumerate(POLICIES)]
)
def test_policy_is_checked(fields: dict[str, Any], message: str) -> None:
    """A policy with a value that it must not have is a `ConfigurationError` that names it."""
    with pytest.raises(ConfigurationError, match=message):
        Policy(**{"enforcement": Enforcement.REQUIRED, **fields})


def test_policy_defaults() -> None:
    """A policy lasts twelve hours, takes both methods, trusts no browser and refuses tokens."""
    policy = Policy(Enforcement.REQUIRED)
    assert policy.max_age == timedelta(hours=12)
    assert policy.methods == {Method.TOTP, Method.RECOVERY_CODE}
    assert (policy.cutoff, policy.after_cutoff, policy.grace) == (None, AfterCutoff.ENROLL, None)
    assert (policy.trust_browser_for, policy.tokens) == (None, Tokens.REFUSE)


@pytest.mark.parametrize("given", [{Method.TOTP}, [Method.TOTP], (Method.TOTP,), frozenset({Method.TOTP})])
def test_methods_are_kept_frozen(given: Any) -> None:
    """Methods may be given as any collection, and are kept as a frozen set: later changes don't reach the policy."""
    policy = Policy(Enforcement.REQUIRED, methods=given)
    assert policy.methods == frozenset({Method.TOTP})
    assert isinstance(policy.methods, frozenset)
    assert hash(policy) == hash(Policy(Enforcement.REQUIRED, methods=frozenset({Method.TOTP})))


@pytest.mark.parametrize(
    "value", [User("u1", "x"), Policy(Enforcement.OFF), Event("e", EventKind.VERIFIED, AWARE)]
)
def test_values_are_frozen(value: Any) -> None:
    """Nobody changes a value that was made."""
    name = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, "other")


def test_stored_and_errors() -> None:
    """What a store gives is a named pair; a bad request carries its status."""
    assert Stored(b"{}", "v") == (b"{}", "v")
    assert BadRequest("x").status == 400
    assert BadRequest("x", status=413).status == 413


def test_event_kinds_are_their_names() -> None:
    """In the log and in documents an event's kind is its name in lower case."""
    assert all(kind.value == kind.name.lower() == str(kind) for kind in EventKind)
