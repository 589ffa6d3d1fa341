"""A store in memory whose process dies as it writes, so far as that can be told from outside."""

from __future__ import annotations

from typing import Literal

from twofa_gate import hookimpl
from twofa_gate.stores.memory import MemoryStore

__all__ = ["Died", "DyingStore"]


class Died(BaseException):
    """The process has died: nothing in it may catch this."""


class DyingStore(MemoryStore):
    """Dies at the next write, before or after it, if it is told to."""

    dies: Literal["before", "after"] | None = None

    @hookimpl(blocking=False)
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`."""
        if self.dies == "before":
            raise Died
        saved = super().save(key, document, version, expected)
        if self.dies == "after":
            raise Died
        return saved
