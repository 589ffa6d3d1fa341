"""ASGI's messages and headers: which pass, and how they are read and written."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

from starlette.types import Scope

__all__ = [
    "BODIES",
    "LATER",
    "STARTS",
    "decode",
    "encode",
    "is_unremarkable",
    "spellings",
    "without_credentials",
]

STARTS = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
BODIES = frozenset({"http.response.body", "websocket.http.response.body"})
LATER = frozenset(
    {"http.response.trailers", "http.response.pathsend", "http.response.zerocopysend", "websocket.send"}
)
"""Messages that pass once the start has passed; any other that the driver doesn't know never does."""


def decode(headers: Any) -> list[tuple[str, str]]:
    """Read headers as text."""
    return [(bytes(name).decode("latin-1"), bytes(value).decode("latin-1")) for name, value in headers]


def encode(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Write headers as ASGI wants them: bytes, with names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


@lru_cache(maxsize=8)
def spellings(names: frozenset[str]) -> frozenset[bytes]:
    """Spell headers in every way: where ASGI is bridged to WSGI an underscore is folded into a hyphen."""
    found: set[str] = set()
    for name in names:
        parts = name.split("-")
        found.update(
            "".join(part + mark for part, mark in zip(parts, (*marks, ""), strict=True))
            for marks in product("-_", repeat=len(parts) - 1)
        )
    return frozenset(spelt.encode("latin-1") for spelt in found)


@lru_cache(maxsize=8)
def lengths_of(names: frozenset[str]) -> frozenset[int]:
    """Give the lengths of these spellings, which tell most other names from them."""
    return frozenset(len(spelt) for spelt in spellings(names))


def without_credentials(scope: Scope, names: frozenset[str]) -> Scope:
    """Make the request anonymous, also to applications inside a session or authentication middleware."""
    dropped, lengths = spellings(names), lengths_of(names)
    headers = scope["headers"]
    kept = [each for each in headers if len(each[0]) not in lengths or each[0].lower() not in dropped]
    bare = {**scope, "headers": kept}
    if "session" in scope:
        bare["session"] = {}
    if "user" in scope or "auth" in scope:
        from starlette.authentication import AuthCredentials, UnauthenticatedUser

        bare.update(user=UnauthenticatedUser(), auth=AuthCredentials())
    return bare


def is_unremarkable(headers: Any) -> bool:
    """Whether an answer's headers surely announce nothing that must be looked at: see `is_remarkable`."""
    if type(headers) is not list:
        return False
    for name, value in headers:
        if type(name) is not bytes:
            return False
        # Its length tells most names from the two without spelling them anew, and one letter most types.
        length = len(name)
        if length == 10:
            if name.lower() == b"set-cookie":
                return False
        elif length == 12:
            if type(value) is not bytes:
                return False
            if len(value) > 16 and value[5] in b"eE" and _announces_stream(name, value):
                return False
    return True


def _announces_stream(name: bytes, value: bytes) -> bool:
    return name.lower() == b"content-type" and value[:17].lower() == b"text/event-stream"
