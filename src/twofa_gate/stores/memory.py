"""A store in this process's memory: for tests and trials. It forgets everything when the process ends."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored

__all__ = ["MemoryStore"]


class MemoryStore:
    """Accounts in a dictionary, safe under threads. It serves one process, so it needs no `twofa-gate init`."""

    volatile = True
    """It starts empty each time, so an empty one is no sign of a wrong database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stored: dict[str, Stored] = {}
        self._keys: list[str] = []

    @hookimpl(blocking=False)
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`."""
        return self._stored.get(key)

    @hookimpl(blocking=False)
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`."""
        with self._lock:
            current = self._stored.get(key)
            if (None if current is None else current.version) != expected:
                return False
            if document is not None:
                if current is None:
                    insort(self._keys, key)
                self._stored[key] = Stored(bytes(document), version)
            elif current is not None:
                del self._stored[key]
                del self._keys[bisect_left(self._keys, key)]
            return True

    @hookimpl(blocking=False)
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`."""
        with self._lock:
            first = bisect_left(self._keys, prefix)
            if after is not None:
                first = max(first, bisect_right(self._keys, after))
            page = self._keys[first : first + limit]
        return [key for key in page if key.startswith(prefix)]
