"""Keys: compared exactly, listed in byte order."""

from __future__ import annotations

from collections.abc import Sequence

from twofa_gate.testing._calls import Steps, StoreCalls, expect, new_version

__all__ = ["Keys"]


def _pages(prefix: str, limit: int) -> Steps[list[str]]:
    """All keys under `prefix`, read page by page."""
    found: list[str] = []
    after: str | None = None
    while page := (yield ("scan", prefix, after, limit)):
        expect(len(page) <= limit, f"scan() gave {len(page)} keys with a limit of {limit}")
        expect(after is None or page[0] > after, "scan() has to give keys that sort after `after`")
        found += page
        after = page[-1]
    return found


def _store_all(calls: StoreCalls, keys: Sequence[str]) -> None:
    for key in keys:
        calls.put(key, key.encode())


class Keys:
    """The tests of the conformance suite that tell keys apart and list them."""

    def _expect_distinct(self, calls: StoreCalls, keys: Sequence[str]) -> None:
        """Each key can be created after all the others, and holds its own document."""
        _store_all(calls, keys)
        for key in keys:
            found = calls.load(key)
            expect(
                found is not None and found[0] == key.encode(), f"{key!r} has to hold what was saved under it"
            )
        gone = calls.load(keys[0])
        expect(
            gone is not None and bool(calls.save(keys[0], None, new_version(), gone[1])), "a deletion is done"
        )
        for key in keys[1:]:
            expect(calls.load(key) is not None, f"deleting {keys[0]!r} has to leave {key!r} alone")

    def test_keys_differ_in_case(self, calls: StoreCalls, base: str) -> None:
        """Keys that differ only in the case of letters are different."""
        self._expect_distinct(calls, [f"{base}user", f"{base}User", f"{base}USER"])

    def test_keys_differ_in_trailing_blanks(self, calls: StoreCalls, base: str) -> None:
        """Keys that differ only in blanks at their end are different."""
        self._expect_distinct(calls, [f"{base}user", f"{base}user ", f"{base}user  ", f"{base}user\t"])

    def test_keys_with_wildcards(self, calls: StoreCalls, base: str) -> None:
        """Characters that are wildcards or escapes to some databases are ordinary characters in keys."""
        names = [
            "a%b",
            "a_b",
            "a*b",
            "a?b",
            "a[b]",
            "axb",
            "a\\b",
            "a{b}",
            "a'b",
            'a"b',
            "a:b",
            "a/../b",
            "a%2Fb",
            "a/b",
        ]
        self._expect_distinct(calls, [base + name for name in names])

    def test_keys_of_255_bytes(self, calls: StoreCalls, base: str) -> None:
        """Keys of up to 255 bytes are kept whole: they differ even if only their last byte does."""
        stem = base + "k" * (253 - len(base))
        self._expect_distinct(calls, [stem, stem + "a", stem + "b", stem + "ab", stem + "aa", stem + "bb"])

    def test_scan_returns_a_sequence_of_strings(self, calls: StoreCalls, base: str) -> None:
        """`scan` returns a sequence of `str`: one that is empty, not `None`, where there is nothing."""
        _store_all(calls, [f"{base}a", f"{base}b"])
        for found, length in ((calls.scan(base, None, 10), 2), (calls.scan(f"{base}none", None, 10), 0)):
            sound = isinstance(found, Sequence) and not isinstance(found, (str, bytes))
            expect(sound, f"scan() has to return a sequence, not {type(found).__name__}")
            expect(len(found) == length, f"scan() has to list {length} keys, not {len(found)}")
            expect(all(type(key) is str for key in found), "scan() has to list keys as str")

    def test_scan_is_in_byte_order(self, calls: StoreCalls, base: str) -> None:
        """Keys are listed in the order of their bytes, not in that of a language."""
        names = [
            "a-b",
            "a_b",
            "ab",
            "aB",
            "Ab",
            "a b",
            "a.b",
            "a%b",
            "a~",
            "a",
            "B",
            "1",
            "10",
            "9",
            "-1",
            "a/b",
            "a0",
        ]
        _store_all(calls, [base + name for name in names])
        wanted = sorted(base + name for name in names)
        expect(list(calls.scan(base, None, 100)) == wanted, f"scan() has to list {wanted}")

    def test_scan_pages(self, calls: StoreCalls, base: str) -> None:
        """Page after page lists every key once, whatever the size; only the last page has room."""
        keys = [f"{base}{number:03}" for number in range(23)]
        _store_all(calls, keys)
        for limit in (1, 2, 7, 22, 23, 24, 1000):
            expect(
                calls.run(_pages(base, limit)) == keys,
                f"pages of {limit} have to list every key once, in order",
            )
            expect(len(calls.scan(base, None, limit)) == min(limit, 23), f"a page of {limit} has to be full")

    def test_scan_goes_on_after_a_key(self, calls: StoreCalls, base: str) -> None:
        """`after` is a place in the order: it is left out itself, and no such key needs to exist."""
        keys = [f"{base}{name}" for name in ("b", "d", "f")]
        _store_all(calls, keys)
        for after, wanted in (
            ("a", keys),
            ("b", keys[1:]),
            ("c", keys[1:]),
            ("d", keys[2:]),
            ("f", []),
            ("z", []),
        ):
            found = list(calls.scan(base, base + after, 10))
            expect(found == wanted, f"scan() after {after!r} has to list {wanted}, not {found}")
        expect(
            list(calls.scan(base, base[:-1], 10)) == keys, "`after` may sort before all keys of the prefix"
        )
        expect(
            list(calls.scan(base, base[:-1] + "~", 10)) == [],
            "`after` may sort behind all keys of the prefix",
        )

    def test_scan_prefix_is_literal(self, calls: StoreCalls, base: str) -> None:
        """A prefix is compared exactly: no wildcards, no escapes, and no matter of case."""
        names = ["a%1", "a_1", "a*1", "a?1", "a[1", "a\\1", "ab1", "A%1", "A_1", "a", "a%", "b1"]
        _store_all(calls, [base + name for name in names])
        for prefix in ("a%", "a_", "a*", "a?", "a[", "a\\", "a", "A", "ab", "b", "c", "a%1", "a%12", ""):
            wanted = sorted(base + name for name in names if name.startswith(prefix))
            found = list(calls.scan(base + prefix, None, 100))
            expect(found == wanted, f"scan() of the prefix {prefix!r} has to list {wanted}, not {found}")

    def test_scan_of_everything(self, calls: StoreCalls, base: str) -> None:
        """The empty prefix lists every key."""
        keys = [f"{base}{number}" for number in range(3)]
        _store_all(calls, keys)
        found = calls.run(_pages("", 100))
        expect(found == sorted(set(found)), "every key is listed once, in order")
        expect([key for key in found if key.startswith(base)] == keys, "the empty prefix lists every key")

    def test_scan_follows_delete(self, calls: StoreCalls, base: str) -> None:
        """What was deleted is no longer listed, what was refused never is, and what came again is once."""
        versions = {name: calls.put(base + name) for name in ("a", "b", "c")}
        calls.save(f"{base}b", None, new_version(), versions["b"])
        calls.save(f"{base}c", None, new_version(), versions["c"])
        calls.save(f"{base}d", b"refused", new_version(), "v0")
        calls.put(f"{base}c")
        calls.put(f"{base}a", b"again", versions["a"])
        found = list(calls.scan(base, None, 10))
        expect(found == [f"{base}a", f"{base}c"], f"scan() has to list what is stored, not {found}")

    def test_scan_while_others_write(self, calls: StoreCalls, base: str) -> None:
        """Keys that stay are each listed once, in order, while others around them come and go."""
        staying = [f"{base}{number:02}-stays" for number in range(12)]
        _store_all(calls, staying)

        listing = {"first", "second"}

        def come_and_go() -> Steps[list[list[str]]]:
            for turn in range(100_000):
                if not listing:
                    break
                key, version = f"{base}{turn % 12:02}-{'aftz'[turn % 4]}", new_version()
                yield ("save", key, b"passing", version, None)
                yield ("save", key, None, new_version(), version)
            return []

        def list_all(name: str) -> Steps[list[list[str]]]:
            found: list[list[str]] = []
            try:
                for _ in range(12):
                    page = yield from _pages(base, 5)
                    found.append(page)
            finally:
                listing.remove(name)
            return found

        lists = calls.together(come_and_go(), come_and_go(), list_all("first"), list_all("second"))
        for found in (found for several in lists for found in several):
            expect(found == sorted(set(found)), "every key is listed once, in order")
            expect([key for key in found if key in staying] == staying, "keys that stay are always listed")
