"""`MemoryStore` keeps the contract, in plain and in async clothes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.testing import StoreConformance


class AsyncMemoryStore:
    """The memory store behind `async def` hooks."""

    volatile = True

    def __init__(self) -> None:
        self._store = MemoryStore()

    @hookimpl
    async def load(self, key: str) -> Stored | None:
        return self._store.load(key)

    @hookimpl
    async def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return self._store.save(key, document, version, expected)

    @hookimpl
    async def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        return self._store.scan(prefix, after, limit)


class TestMemoryStore(StoreConformance):
    """The conformance suite on the memory store."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestAsyncMemoryStore(StoreConformance):
    """The conformance suite on a store with async hooks."""

    @pytest.fixture
    def store(self) -> AsyncMemoryStore:
        return AsyncMemoryStore()
