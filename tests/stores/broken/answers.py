"""Stores that return what they must not, or are not marked as plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.stores.broken.base import Base, caught_by
from twofa_gate.model import Stored


@caught_by("load_of_an_unknown_key_is_none", "update_is_refused_where_nothing_is_stored", "delete_of_nothing")
class RaisesForUnknownKeys(Base):
    def __init__(self) -> None:
        super().__init__()
        self._known: set[str] = set()

    def get(self, key: str) -> Stored | None:
        if key not in self._known:
            raise KeyError(key)
        return super().get(key)

    def put(self, key: str, *arguments: Any) -> bool:
        done = super().put(key, *arguments)
        if done and arguments[0] is not None:
            self._known.add(key)
        return done


@caught_by("load_returns_what_was_saved", "document_of_no_bytes_is_a_document", "no_update_is_lost")
class ReadsFromMemory(Base):
    """Remembers what it read, and forgets it only when the key is deleted."""

    def __init__(self) -> None:
        super().__init__()
        self._read: dict[str, Stored | None] = {}

    def get(self, key: str) -> Stored | None:
        if self._read.get(key) is None or key not in self._stored:
            self._read[key] = super().get(key)
        return self._read[key]


@caught_by("save_returns_exactly_true_or_false")
class AnswersWithNumbers(Base):
    def put(self, *arguments: Any) -> bool:
        return int(super().put(*arguments))  # type: ignore[return-value]  # the fault to be caught


@caught_by("load_returns_exactly_stored")
class LoadsTuples(Base):
    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        return found and tuple(found)  # type: ignore[return-value]  # the fault to be caught


@caught_by("load_returns_exactly_stored")
class LoadsBytearrays(Base):
    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        return found and Stored(bytearray(found.document), found.version)  # type: ignore[arg-type]


@caught_by("scan_returns_a_sequence_of_strings")
class ListsSubclasses(Base):
    def page(self, *arguments: Any) -> list[str]:
        return [type("Key", (str,), {})(key) for key in super().page(*arguments)]


@caught_by("hooks_are_marked")
class MarksNothing(Base):
    def load(self, key: str) -> Stored | None:
        return self.get(key)

    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return self.put(key, document, version, expected)

    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        return self.page(prefix, after, limit)


@caught_by("failure_is_a_store_error")
class AnswersWhenItFails(Base):
    @classmethod
    def unreachable(cls) -> Base:
        return cls()
