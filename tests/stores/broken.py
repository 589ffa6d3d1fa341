"""Stores that are wrong in one way each, and the tests of the conformance suite that have to say so.

Not collected by itself: `test_conformance.py` runs it and compares.
"""

from __future__ import annotations

import fnmatch
import pickle
import threading
import time
from bisect import bisect_left
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

_PAUSE = 0.0002  # long enough for another thread to come in between


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
        globals()[f"Test{broken.__name__}"] = type(f"Test{broken.__name__}", (StoreConformance,), fixtures)
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


# -- what is returned ----------------------------------------------------------------------------------------


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
        return int(super().put(*arguments))  # type: ignore[return-value]


@caught_by("load_returns_exactly_stored")
class LoadsTuples(Base):
    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        return found and tuple(found)  # type: ignore[return-value]


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


# -- comparing and setting -----------------------------------------------------------------------------------


@caught_by(
    "create_is_refused_where_something_is_stored",
    "save_returns_exactly_true_or_false",
    "one_of_many_creators_wins",
)
class CreatesOverWhatIsStored(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if expected is None and found is not None and document is not None:
            expected = found.version
        return super().put(key, document, version, expected)


@caught_by(
    "update_is_refused_where_nothing_is_stored",
    "save_returns_exactly_true_or_false",
    "delete",
    "scan_follows_delete",
)
class UpdatesWhatIsNotStored(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if document is not None and key not in self._stored:
            expected = None
        return super().put(key, document, version, expected)


@caught_by("stale_delete_is_refused", "save_returns_exactly_true_or_false", "one_of_many_deleters_wins")
class DeletesAnyVersion(Base):
    """All but what a deletion with a version on a new account of the same key does."""

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if document is not None or key not in self._stored:
            deleted = document is None and expected is not None and expected in self._dead
            return deleted or super().put(key, document, version, expected)
        if expected not in self._dead:
            expected = self._stored[key].version
            self._dead.add(expected)
        return super().put(key, document, version, expected)

    def __init__(self) -> None:
        super().__init__()
        self._dead: set[str] = set()


@caught_by("document_that_came_back_is_another_version")
class ComparesDocuments(Base):
    def __init__(self) -> None:
        super().__init__()
        self._documents: dict[str | None, bytes | None] = {}

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if (
            found is not None
            and self._documents.get(expected) == found.document
            and document != found.document
        ):
            expected = found.version
        self._documents[version] = document
        return super().put(key, document, version, expected)


@caught_by("stale_writer_is_refused_after_delete_and_create")
class CountsVersionsAnew(Base):
    """Compares how often a key was written since it was created: the count begins again after a deletion."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[tuple[str, str | None], int] = {}

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        count = 0 if found is None else self._counts[key, found.version]
        if found is not None and self._counts.get((key, expected)) == count:
            expected = found.version
        self._counts[key, version] = count + 1
        return super().put(key, document, version, expected)


@caught_by(
    "stale_update_is_refused",
    "stale_delete_is_refused",
    "lost_acknowledgement_is_settled_by_a_reload",
    "save_returns_exactly_true_or_false",
    perhaps=("no_update_is_lost",),
)
class AcceptsThePreviousVersion(Base):
    def __init__(self) -> None:
        super().__init__()
        self._previous: dict[str, str | None] = {}

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if found is not None and expected is not None and self._previous.get(key) == expected:
            expected = found.version
        done = super().put(key, document, version, expected)
        if done:
            self._previous[key] = found and found.version
        return done


@caught_by("versions_are_compared_exactly")
class FoldsVersions(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if expected and found is not None and expected.strip().lower() == found.version.lower():
            expected = found.version
        return super().put(key, document, version, expected)


@caught_by("lost_acknowledgement_is_settled_by_a_reload")
class RepeatsItsAnswer(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        return found == (document, version) or super().put(key, document, version, expected)


@caught_by("delete_of_nothing")
class RefusesToDeleteNothing(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        if document is None and key not in self._stored:
            return False
        return super().put(key, document, version, expected)


@caught_by("document_of_no_bytes_is_a_document")
class TakesNoBytesForNothing(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return super().put(key, document or None, version, expected)


@caught_by("documents_of_any_bytes", "large_documents")
class EndsAtNul(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return super().put(key, document and document.split(b"\0")[0], version, expected)


@caught_by("large_documents")
class CutsDocuments(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return super().put(key, document and document[:65_535], version, expected)


# -- keys ----------------------------------------------------------------------------------------------------


class OtherKeys(Base):
    """Stores under another key than it was told; lists the right ones."""

    def other(self, key: str) -> str:
        raise NotImplementedError

    def get(self, key: str) -> Stored | None:
        return super().get(self.other(key))

    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        return super().put(self.other(key), document, version, expected)


@caught_by("keys_differ_in_case", "scan_is_in_byte_order", "scan_prefix_is_literal")
class FoldsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.lower()


@caught_by("keys_differ_in_trailing_blanks")
class TrimsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.rstrip(" ")


@caught_by("keys_of_255_bytes")
class CutsKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key[:254]


@caught_by("keys_with_wildcards")
class DecodesKeys(OtherKeys):
    def other(self, key: str) -> str:
        return key.replace("%2F", "/")


# -- listing -------------------------------------------------------------------------------------------------


@caught_by("scan_prefix_is_literal")
class ListsByPattern(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page("", after, len(self._keys))
        return [key for key in found if fnmatch.fnmatchcase(key, prefix + "*")][:limit]


@caught_by("scan_is_in_byte_order", "scan_prefix_is_literal")
class ListsLikeADictionary(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return sorted(super().page(prefix, after, limit), key=str.casefold)


@caught_by("scan_pages", "scan_goes_on_after_a_key", "scan_of_everything", "scan_while_others_write")
class ListsAfterAgain(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page(prefix, None, len(self._keys))
        return [key for key in found if after is None or key >= after][:limit]


@caught_by("scan_goes_on_after_a_key", perhaps=("scan_while_others_write",))
class NeedsAfterToExist(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        found = super().page(prefix, None, len(self._keys))
        if after is None:
            return found[:limit]
        return found[found.index(after) + 1 :][:limit] if after in found else []


@caught_by("scan_pages", "scan_while_others_write")
class IgnoresLimit(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return super().page(prefix, after, len(self._keys))


@caught_by("scan_pages")
class LeavesPagesHalfFull(Base):
    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return super().page(prefix, after, (limit + 1) // 2)


@caught_by("scan_while_others_write")
class CountsItsWayThroughPages(Base):
    """Goes on at a number of keys, which is another place when keys came or went."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, int] = {}

    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        with self._lock:
            found = [key for key in self._keys if key.startswith(prefix)]
            place = 0 if after is None else self._places.pop(after, bisect_left(found, f"{after}\0"))
            page = found[place : place + limit]
            if page:
                self._places[page[-1]] = place + len(page)
        time.sleep(_PAUSE)
        return page


@caught_by("scan_follows_delete")
class ListsWhatWasDeleted(Base):
    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def put(self, key: str, *arguments: Any) -> bool:
        done = super().put(key, *arguments)
        if done and arguments[0] is not None:
            self._seen.add(key)
        return done

    def page(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return [key for key in sorted(self._seen) if key.startswith(prefix) and (not after or key > after)][
            :limit
        ]


# -- others at work ------------------------------------------------------------------------------------------


@caught_by("one_of_many_creators_wins", "one_of_many_deleters_wins", "no_update_is_lost")
class ComparesThenSets(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if (None if found is None else found.version) != expected:
            return False
        time.sleep(_PAUSE)
        now = self._stored.get(key)
        super().put(key, document, version, None if now is None else now.version)
        return True


@caught_by("readers_see_whole_writes", perhaps=("no_update_is_lost",))
class ReadsInTwoSteps(Base):
    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        time.sleep(_PAUSE)
        again = super().get(key)
        return found and again and Stored(found.document, again.version)


@caught_by(
    "no_update_is_lost_between_processes",
    "one_of_many_processes_wins",
    "done_is_durable_and_shared",
    "second_store_sees_the_same",
    "reopened_store_has_everything",
)
class KeepsEverythingToItself(Base):
    """Does not say that it is volatile."""

    volatile = False


@caught_by("no_update_is_lost_between_processes", "one_of_many_processes_wins")
class LocksOutThreadsOnly(FileStore):
    """One file, guarded by a lock that other processes don't know."""

    def put(self, *arguments: Any) -> bool:
        with self._outer:
            self._read()
            time.sleep(_PAUSE)
            done = super().put(*arguments)
            if done:
                self._write()
        return done

    def page(self, *arguments: Any) -> list[str]:
        with self._outer:
            self._read()
            return super().page(*arguments)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._outer = threading.RLock()

    def get(self, key: str) -> Stored | None:
        with self._outer:
            return super().get(key)
