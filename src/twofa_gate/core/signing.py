"""Signed values: itsdangerous with HMAC-SHA-256, one salt for each purpose, and the time inside.

The core reads no clock, so the time comes from the flow instead of from the signer.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from twofa_gate.core.keys import KeyList

if TYPE_CHECKING:
    from itsdangerous import URLSafeSerializer

__all__ = ["CLOCK_SKEW", "ValueSigner"]

CLOCK_SKEW = 30
"""Seconds by which a time from another machine may be ahead."""


class ValueSigner:
    """Signs small JSON values for a purpose, and reads them back while they are young enough."""

    def __init__(self, keys: KeyList) -> None:
        self._keys = keys

    @cached_property
    def _secrets(self) -> list[bytes]:
        """The signing keys in the order of itsdangerous: oldest first."""
        return list(reversed(self._keys.derive("signing")))

    def _serializer(self, purpose: str) -> URLSafeSerializer:
        # Imported when a value is signed or read, which few requests need.
        from itsdangerous import URLSafeSerializer

        return URLSafeSerializer(
            self._secrets,
            salt=f"twofa_gate.{purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def sign(self, purpose: str, value: Any, now: float) -> str:
        """Sign `value` for `purpose` at the time `now` (seconds since the epoch)."""
        return str(self._serializer(purpose).dumps([int(now), value]))

    def read(self, purpose: str, text: str | None, now: float, max_age: float) -> Any | None:
        """Return the value, or `None` if it is forged, for another purpose, or older than `max_age` seconds."""
        if not text or len(text) > 4096 or not text.isascii():
            return None
        from itsdangerous import BadData

        try:
            signed_at, value = self._serializer(purpose).loads(text)
        except (BadData, ValueError, TypeError):
            return None
        return value if -CLOCK_SKEW <= now - signed_at <= max_age else None
