"""What broken stores are made of, and which tests of the conformance suite have to catch each."""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.testing import StoreConformance

CAUGHT_BY: dict[str, set[str]] = {}
"""The tests that must fail, by the name of the broken store."""

PAUSE = 0.0002  # long enough for another thread to come in between


PERHAPS: dict[str, set[str]] = {}
"""The tests that may fail too, as threads happen to take turns, by the name of the broken store."""


def caught_by(*tests: str, perhaps: tuple[str, ...] = ()) -> Callable[[type], type]:
    """Say which tests must fail on this store, and no others; make the suite for it."""

    def register(broken: type) -> type:
        def store(self: object, tmp_path: Path) -> Any:
            return broken(tmp_path / "data") if issubclass(broken, FileStore) else broken()

        def reopen(self: object, tmp_path: Path) -> Any:
            return lambda: store(self, tmp_path)

        fixtures = {"store": pytest.fixture(store), "reopen": pytest.fixture(reopen)}
        if hasattr(broken, "unreachable"):
            fixtures["unreachable"] = pytest.fixture(lambda self: broken.unreachable())
        CAUGHT_BY[broken.__name__] = {f"test_{name}" for name in tests}
        PERHAPS[broken.__name__] = {f"test_{name}" for name in perhaps}
        suite = type(f"Test{broken.__name__}", (StoreConformance,), fixtures)
        setattr(sys.modules[broken.__module__], suite.__name__, suite)
        return broken

    return register


class Base(MemoryStore):
    """The memory store, with its hooks as plain methods to build on."""

    def get(self, key: str) -> Stored | None:
        return self._stored.get(key)

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return MemoryStore.save(self, key, document, version, expected)

    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return list(MemoryStore.scan(self, prefix, after, limit))

    @hookimpl
    def load(self, key: str) -> Stored | None:
        return self.get(key)

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return self.put(key, document, version, expected)

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        return self.page(prefix, after, limit)


class FileStore(Base):
    """A store in one file that is right within one process."""

    volatile = False

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def _read(self) -> None:
        if self._path.exists():
            self._stored, self._keys = pickle.loads(self._path.read_bytes())  # noqa: S301 - our own

    def _write(self) -> None:
        aside = self._path.with_name(f"aside {threading.get_ident()} {time.monotonic_ns()}")
        aside.write_bytes(pickle.dumps((self._stored, self._keys)))
        aside.rename(self._path)

    def get(self, key: str) -> Stored | None:
        self._read()
        return super().get(key)


class OtherKeys(Base):
    """Stores under another key than it was told; lists the right ones."""

    def other(self, key: str) -> str:
        raise NotImplementedError

    def get(self, key: str) -> Stored | None:
        return super().get(self.other(key))

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return super().put(self.other(key), document, version, expected)
