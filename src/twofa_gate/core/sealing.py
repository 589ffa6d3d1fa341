"""Sealing: AES-256-GCM with key ids and associated data.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. The associated data ties it to the realm,
the user and the thing that it is, so that a sealed secret moved elsewhere does not open.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cached_property

from twofa_gate.core.keys import KeyList
from twofa_gate.errors import SealError

__all__ = ["NONCE_BYTES", "Sealer"]

NONCE_BYTES = 12
"""The nonce of GCM, NIST SP 800-38D section 8.2.2 (random construction)."""


class Sealer:
    """Seals with the newest key and opens with any key of the list."""

    def __init__(self, keys: KeyList, realm: str, purpose: str = "sealing") -> None:
        self._keys = keys
        self._realm = realm
        self._purpose = purpose

    @cached_property
    def _by_id(self) -> dict[str, bytes]:
        """Every key by its id; the id is derived separately, so that it says nothing about the key."""
        ids = self._keys.derive("sealing-key-id")
        return {
            key_id.hex()[:8]: key for key_id, key in zip(ids, self._keys.derive(self._purpose), strict=True)
        }

    @cached_property
    def newest(self) -> str:
        """The id of the key that seals."""
        return next(iter(self._by_id))

    def _associated(self, user_id: str, thing: str) -> bytes:
        return json.dumps(["twofa_gate", self._realm, user_id, thing]).encode()

    def key_id(self, sealed: str) -> str:
        """Return the id of the key that a text is sealed with.

        Raises `SealError` if it is not a sealed text, or its key is not listed.
        """
        version, _, rest = sealed.partition(".")
        key_id, _, _ = rest.partition(".")
        if version != "v1" or not rest:
            raise SealError("A sealed value has a format that this release does not read.")
        if key_id not in self._by_id:
            raise SealError(f"A value is sealed with the key {key_id}, which is not among secret_keys.")
        return key_id

    def seal(self, text: str, nonce: bytes, *, user_id: str, thing: str) -> str:
        """Seal `text` for one user and one thing (`"totp/<id>"`, ...), under a random nonce of 12 bytes."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed = AESGCM(self._by_id[self.newest]).encrypt(
            nonce, text.encode(), self._associated(user_id, thing)
        )
        return f"v1.{self.newest}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, *, user_id: str, thing: str) -> str:
        """Open a sealed text. Raises `SealError` if it was altered, moved, or its key is not listed."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._by_id[self.key_id(sealed)]
        try:
            raw = urlsafe_b64decode(sealed.rpartition(".")[2])
            opened = AESGCM(key).decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._associated(user_id, thing)
            )
        except (ValueError, InvalidTag) as error:
            raise SealError("A sealed value was altered, or belongs to another user or realm.") from error
        return opened.decode()
