"""One writer at a time: what `load` and `save` promise."""

from __future__ import annotations

import secrets

from twofa_gate.model import Stored
from twofa_gate.testing._calls import StoreCalls, expect, new_version

__all__ = ["Documents"]


class Documents:
    """The tests of the conformance suite that read and write single documents."""

    def test_load_of_an_unknown_key_is_none(self, calls: StoreCalls, base: str) -> None:
        """`load` of a key under which nothing was ever stored is `None`."""
        expect(calls.load(f"{base}nobody") is None, "load() of an unknown key has to be None")

    def test_load_returns_what_was_saved(self, calls: StoreCalls, base: str) -> None:
        """The document and the version come back as they were given, the first ones and the next ones."""
        first = calls.put(f"{base}a", b"one")
        expect(
            calls.load(f"{base}a") == (b"one", first),
            "load() has to return the document and version of save()",
        )
        second = calls.put(f"{base}a", b"two", first)
        expect(calls.load(f"{base}a") == (b"two", second), "load() has to return what the last save() stored")

    def test_load_returns_exactly_stored(self, calls: StoreCalls, base: str) -> None:
        """`load` returns a `Stored` of `bytes` and `str`, not something that merely looks like it."""
        calls.put(f"{base}a")
        found = calls.load(f"{base}a")
        expect(type(found) is Stored, f"load() has to return Stored, not {type(found).__name__}")
        if isinstance(found, Stored):
            expect(
                type(found.document) is bytes,
                f"Stored.document is {type(found.document).__name__}, not bytes",
            )
            expect(type(found.version) is str, f"Stored.version is {type(found.version).__name__}, not str")

    def test_save_returns_exactly_true_or_false(self, calls: StoreCalls, base: str) -> None:
        """`save` returns `True` or `False` in every case, not something that counts as one of them."""
        version = new_version()
        done = [calls.save(f"{base}a", b"one", version, None), calls.save(f"{base}a", b"two", "v2", version)]
        refused = [
            calls.save(f"{base}a", b"three", "v3", None),
            calls.save(f"{base}a", b"three", "v3", version),
            calls.save(f"{base}b", b"three", "v3", version),
            calls.save(f"{base}a", None, "v3", version),
        ]
        done.append(calls.save(f"{base}a", None, "v3", "v2"))
        for answer in done:
            expect(answer is True, f"save() that was done has to return True, not {answer!r}")
        for answer in refused:
            expect(answer is False, f"save() that was refused has to return False, not {answer!r}")

    def test_create_is_refused_where_something_is_stored(self, calls: StoreCalls, base: str) -> None:
        """`expected=None` means that nothing is stored: otherwise `save` is refused and changes nothing."""
        version = calls.put(f"{base}a", b"one")
        expect(not calls.save(f"{base}a", b"two", new_version(), None), "a second creation has to be refused")
        expect(calls.load(f"{base}a") == (b"one", version), "a refused save() has to change nothing")

    def test_update_is_refused_where_nothing_is_stored(self, calls: StoreCalls, base: str) -> None:
        """`save` that expects a version is refused where nothing is stored, and stores nothing."""
        expect(
            not calls.save(f"{base}a", b"one", new_version(), "v0"), "an update of nothing has to be refused"
        )
        expect(calls.load(f"{base}a") is None, "a refused save() has to store nothing")

    def test_stale_update_is_refused(self, calls: StoreCalls, base: str) -> None:
        """Of two writers who read the same version, the second is refused: no update is lost."""
        read = calls.put(f"{base}a", b"one")
        version = calls.put(f"{base}a", b"by the first writer", read)
        expect(
            not calls.save(f"{base}a", b"by the second", new_version(), read),
            "a stale writer has to be refused",
        )
        expect(
            calls.load(f"{base}a") == (b"by the first writer", version),
            "a refused save() has to change nothing",
        )

    def test_document_that_came_back_is_another_version(self, calls: StoreCalls, base: str) -> None:
        """A writer is refused although the document is again, byte for byte, the one that it read (ABA)."""
        read = calls.put(f"{base}a", b"A")
        changed = calls.put(f"{base}a", b"B", read)
        version = calls.put(f"{base}a", b"A", changed)
        expect(
            not calls.save(f"{base}a", b"C", new_version(), read),
            "save() has to compare versions, not documents",
        )
        expect(calls.load(f"{base}a") == (b"A", version), "a refused save() has to change nothing")

    def test_versions_are_compared_exactly(self, calls: StoreCalls, base: str) -> None:
        """Versions that differ only in case or in trailing blanks are different."""
        expect(bool(calls.save(f"{base}a", b"one", "Version", None)), "a creation has to be done")
        for other in ("version", "VERSION", "Version ", "Versio", "Version\n", ""):
            expect(not calls.save(f"{base}a", b"two", "v2", other), f"version 'Version' is not {other!r}")

    def test_lost_acknowledgement_is_settled_by_a_reload(self, calls: StoreCalls, base: str) -> None:
        """Whoever did not hear the answer sees its own version on a reload, and saving again is refused."""
        read = calls.put(f"{base}a", b"one")
        mine = new_version()
        calls.save(f"{base}a", b"two", mine, read)  # its answer is lost
        expect(
            not calls.save(f"{base}a", b"two", mine, read),
            "the same save() again has to be refused: it is done",
        )
        expect(
            calls.load(f"{base}a") == (b"two", mine), "a reload has to show the write whose answer was lost"
        )

    def test_delete(self, calls: StoreCalls, base: str) -> None:
        """`document=None` deletes: nothing can be loaded any more, and only a creation is accepted."""
        version = calls.put(f"{base}a")
        deletion = new_version()
        expect(
            bool(calls.save(f"{base}a", None, deletion, version)), "a deletion with the right version is done"
        )
        expect(calls.load(f"{base}a") is None, "what was deleted has to be gone")
        for stale in (version, deletion):
            expect(
                not calls.save(f"{base}a", b"two", new_version(), stale),
                "nothing is stored, so no version fits",
            )
        calls.put(f"{base}a", b"again")

    def test_stale_delete_is_refused(self, calls: StoreCalls, base: str) -> None:
        """A deletion is refused if something else is stored than it expects, or if it expects nothing."""
        read = calls.put(f"{base}a", b"one")
        version = calls.put(f"{base}a", b"two", read)
        for stale in (read, None):
            expect(
                not calls.save(f"{base}a", None, new_version(), stale), "a stale deletion has to be refused"
            )
        expect(calls.load(f"{base}a") == (b"two", version), "a refused deletion has to change nothing")

    def test_delete_of_nothing(self, calls: StoreCalls, base: str) -> None:
        """Deleting where nothing is stored is done if nothing was expected, and refused otherwise."""
        expect(not calls.save(f"{base}a", None, new_version(), "v0"), "nothing is stored, so no version fits")
        expect(
            bool(calls.save(f"{base}a", None, new_version(), None)),
            "nothing was expected, and nothing is stored",
        )
        expect(calls.load(f"{base}a") is None, "a deletion stores nothing")

    def test_stale_writer_is_refused_after_delete_and_create(self, calls: StoreCalls, base: str) -> None:
        """Who read before a key was deleted and created again changes and deletes nothing of the new one."""
        read = calls.put(f"{base}a", b"the old account")
        calls.save(f"{base}a", None, new_version(), read)
        version = calls.put(f"{base}a", b"the new account")
        expect(not calls.save(f"{base}a", b"stale", new_version(), read), "a stale writer has to be refused")
        expect(not calls.save(f"{base}a", None, new_version(), read), "a stale deletion has to be refused")
        expect(
            calls.load(f"{base}a") == (b"the new account", version), "a refused save() has to change nothing"
        )

    def test_document_of_no_bytes_is_a_document(self, calls: StoreCalls, base: str) -> None:
        """`b""` is stored like any other document; it is neither nothing nor a deletion."""
        version = calls.put(f"{base}a", b"")
        expect(calls.load(f"{base}a") == (b"", version), "the empty document has to be stored")
        second = calls.put(f"{base}a", b"one", version)
        third = calls.put(f"{base}a", b"", second)
        expect(calls.load(f"{base}a") == (b"", third), "the empty document does not delete")

    def test_documents_of_any_bytes(self, calls: StoreCalls, base: str) -> None:
        """Documents are opaque: NUL, invalid UTF-8, line ends and trailing blanks come back unchanged."""
        for document in (
            bytes(range(256)),
            b"\0",
            b"a\0b",
            b"\xff\xfe",
            b"line\r\n",
            b"blank ",
            b"'\"\\;--",
            b"\x1a",
        ):
            version = calls.put(f"{base}{document.hex()[:40]}", document)
            found = calls.load(f"{base}{document.hex()[:40]}")
            expect(found == (document, version), f"the document {document!r} has to come back unchanged")

    def test_large_documents(self, calls: StoreCalls, base: str) -> None:
        """Documents of 256 KiB and more are stored whole, or `save` raises; they are never cut off."""
        for size in (65_535, 65_536, 256 * 1024, 300_001):
            document = secrets.token_bytes(size)
            version = calls.put(f"{base}{size}", document)
            expect(
                calls.load(f"{base}{size}") == (document, version),
                f"{size} bytes have to come back unchanged",
            )
