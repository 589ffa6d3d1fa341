"""Verifications and trusted browsers: facts about browsers, under opaque tokens of which only hashes are stored.

Nothing in a cookie can be forged, replayed after it ended, or turned back: what counts is whether the token's
hash is alive in the account.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import NamedTuple

from twofa_gate.core.document import Part
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.core.keys import KeyList

__all__ = [
    "MAX_TRUSTED",
    "MAX_VERIFICATIONS",
    "Token",
    "TrustedBrowser",
    "Verification",
    "digest",
    "draw_token",
    "names_user",
    "read_token",
    "user_digest",
    "write_token",
]

MAX_VERIFICATIONS = 20
MAX_TRUSTED = 20
TOKEN_BYTES = 16
_TOKEN_LENGTH = 22
_USER_DIGEST_LENGTH = 22


@dataclass(frozen=True, kw_only=True)
class Verification(Part):
    """The record that one browser passed a challenge.

    `digest` is the SHA-256 of its token, `at` when in seconds since the epoch, `method` a `Method` value, and
    `login` the digest of the login in which it was made, if the host names logins.
    """

    digest: str
    at: float
    method: str
    login: str | None = None

    @property
    def id(self) -> str:
        """A name for pages and forms, of no use as a token."""
        return self.digest[:16]


@dataclass(frozen=True, kw_only=True)
class TrustedBrowser(Part):
    """A browser that is not asked again where a location allows that.

    `at`: when it was trusted; `method`: the `Method` value of the code that was given then.
    """

    digest: str
    at: float
    method: str = "totp"

    @property
    def id(self) -> str:
        """A name for pages and forms, of no use as a token."""
        return self.digest[:16]


class Token(NamedTuple):
    """What a cookie holds: the opaque token, and a keyed digest of the user that it was made for."""

    token: str
    user_digest: str


def draw_token() -> Flow[str]:
    """Draw a token of 128 bits."""
    return urlsafe_b64encode((yield from perform(DrawRandom(TOKEN_BYTES)))).rstrip(b"=").decode()


def digest(text: str) -> str:
    """Return the SHA-256 of a token or a login's name, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _keyed(key: bytes, user_id: str) -> str:
    mac = hmac.digest(key, user_id.encode(), "sha256")[:TOKEN_BYTES]
    return urlsafe_b64encode(mac).rstrip(b"=").decode()


def user_digest(keys: KeyList, user_id: str) -> str:
    """Return the digest of a user under the newest key."""
    return _keyed(keys.user_digest_keys[0], user_id)


def names_user(token: Token, keys: KeyList, user_id: str) -> bool:
    """Whether the digest beside a token is this user's, under any of the keys."""
    given = token.user_digest.encode()
    return any(hmac.compare_digest(given, _keyed(key, user_id).encode()) for key in keys.user_digest_keys)


def write_token(token: str, keys: KeyList, user_id: str) -> str:
    """Give the value of a cookie for a token."""
    return f"{token}.{user_digest(keys, user_id)}"


def read_token(cookie: str | None) -> Token | None:
    """Read the value of a cookie; `None` if it can't be one."""
    if cookie is None or not cookie.isascii():
        return None
    token, _, named = cookie.partition(".")
    if len(token) != _TOKEN_LENGTH or len(named) != _USER_DIGEST_LENGTH:
        return None
    return Token(token, named)
