"""The keys: every purpose derives its own from the host's `secret_keys` (HKDF, RFC 5869).

`cryptography` is imported only when a key is derived, since a verified request needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from twofa_gate.errors import ConfigurationError

__all__ = ["MINIMUM_KEY_BYTES", "KeyList"]

MINIMUM_KEY_BYTES = 32


class KeyList:
    """The host's keys, newest first, for one realm.

    Raises `ConfigurationError` if there is none or one is shorter than 32 bytes.
    """

    def __init__(self, secret_keys: Sequence[str], realm: str) -> None:
        if isinstance(secret_keys, str) or not isinstance(secret_keys, Sequence) or not secret_keys:
            raise ConfigurationError(
                "secret_keys must be a list of strings, newest first: make one with `twofa-gate keygen`."
            )
        for key in secret_keys:
            if not isinstance(key, str) or len(key.encode()) < MINIMUM_KEY_BYTES:
                raise ConfigurationError(
                    f"Every secret key must be a string of at least {MINIMUM_KEY_BYTES} bytes: "
                    "make one with `twofa-gate keygen`."
                )
        self._secrets = tuple(key.encode() for key in secret_keys)
        self._realm = realm

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """Derive one 32-byte key for `purpose` from each of the host's keys, newest first."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        info = f"twofa_gate/1/{self._realm}/{purpose}".encode()
        return tuple(HKDF(SHA256(), 32, salt=None, info=info).derive(secret) for secret in self._secrets)

    @cached_property
    def user_digest_keys(self) -> tuple[bytes, ...]:
        """The keys of the digest that stands beside a verification token; see `verification`."""
        return self.derive("user-digest")
