"""How a host plugin is told where to find a user's id, label and login."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from twofa_gate.model import Credential, User

__all__ = ["Field", "read_field", "user_from"]

Field = str | Callable[[Any], object]
"""A key of a session (or an attribute of a user object), or a function that is given it whole."""


def read_field(source: Any, field: Field | None) -> object:
    """Read one field of a session or a user object; `None` if it is not there."""
    if field is None:
        return None
    if callable(field):
        return field(source)
    return source.get(field) if isinstance(source, Mapping) else getattr(source, field, None)


def user_from(
    source: Any,
    *,
    user_id: Field,
    label: Field | None,
    login: Field | None = None,
    joined: Field | None = None,
    credential: Credential = Credential.SESSION,
) -> User | None:
    """Make a `User` of a session or a user object; `None` if it names nobody.

    Numeric ids and logins become strings. Raises `ValueError` for anything else that a `User` can't hold.
    """
    found = read_field(source, user_id)
    if found is None or found == "":
        return None
    identifier = _text(found)
    named = read_field(source, label)
    session = read_field(source, login)
    since = read_field(source, joined)
    if since is not None and not isinstance(since, datetime):
        raise ValueError("joined must be a datetime with a time zone")
    return User(
        identifier, identifier if named is None else _text(named), _text(session) or None, credential, since
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
