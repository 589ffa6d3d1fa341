"""Stores that don't compare, don't set, or change what they store."""

from __future__ import annotations

from tests.stores.broken.base import Base, caught_by


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
