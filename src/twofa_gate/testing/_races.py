"""Several writers at once, and what is left when a process ends: tasks or threads, processes, reopening."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from twofa_gate.testing._calls import Steps, StoreCalls, expect, in_processes, new_version

__all__ = ["Races"]

Reopen = Callable[[], Any] | None

_WORKERS = 4
_TIMES = 200 if os.environ.get("TWOFA_GATE_SOAK") == "1" else 15
_TRIES = 2000  # for one change, until we say that the store never accepts it


def _count_up(key: str, times: int) -> Steps[int]:
    """Add 1 to the number stored under `key`, `times` times, each until it is accepted."""
    for _ in range(times):
        for _ in range(_TRIES):
            document, version = yield ("load", key)
            if (yield ("save", key, b"%d" % (int(document) + 1), new_version(), version)):
                break
        else:
            raise AssertionError(f"save() was refused {_TRIES} times, though each time the version was fresh")
    return times


def _create(key: str, name: str) -> Steps[bool]:
    return bool((yield ("save", key, name.encode(), f"version of {name}", None)))


def _delete(key: str, expected: str) -> Steps[bool]:
    return bool((yield ("save", key, None, new_version(), expected)))


class Races:
    """The tests of the conformance suite in which others are at work too."""

    def test_one_of_many_creators_wins(self, calls: StoreCalls, base: str) -> None:
        """Of many who create the same key at once exactly one is told so, and its document is stored."""
        for turn in range(_TIMES):
            key, names = f"{base}{turn}", [f"writer {number}" for number in range(_WORKERS)]
            won = calls.together(*(_create(key, name) for name in names))
            expect(sum(won) == 1, f"{sum(won)} of {_WORKERS} creations of one key were done")
            winner = names[won.index(True)]
            expect(
                calls.load(key) == (winner.encode(), f"version of {winner}"),
                "the winner's document is stored",
            )

    def test_one_of_many_deleters_wins(self, calls: StoreCalls, base: str) -> None:
        """Of many who delete the same version at once exactly one is told so."""
        for turn in range(_TIMES):
            version = calls.put(f"{base}{turn}")
            won = calls.together(*(_delete(f"{base}{turn}", version) for _ in range(_WORKERS)))
            expect(sum(won) == 1, f"{sum(won)} of {_WORKERS} deletions of one version were done")

    def test_no_update_is_lost(self, calls: StoreCalls, base: str) -> None:
        """Writers who try until they are accepted each see the change of every other."""
        calls.put(f"{base}n", b"0")
        done = sum(calls.together(*(_count_up(f"{base}n", _TIMES) for _ in range(_WORKERS))))
        self._expect_count(calls, f"{base}n", done)

    def test_readers_see_whole_writes(self, calls: StoreCalls, base: str) -> None:
        """A document and its version are read together: never the one of this write and the other of that."""
        calls.save(f"{base}a", b"0" * 5000, "0", None)

        def write() -> Steps[set[bool]]:
            for number in range(1, 3 * _TIMES):
                yield ("save", f"{base}a", b"%d" % (number % 10) * 5000, str(number), str(number - 1))
            return set()

        def read() -> Steps[set[bool]]:
            whole = set()
            for _ in range(3 * _TIMES):
                document, version = yield ("load", f"{base}a")
                whole.add(document == version[-1].encode() * 5000)
            return whole

        found = calls.together(write(), read(), read())
        expect(
            set.union(*found) == {True}, "load() gave the document of one write with the version of another"
        )

    def test_no_update_is_lost_between_processes(self, calls: StoreCalls, base: str) -> None:
        """Forked processes that share the store object, which the parent has used, lose no update either."""
        _needs_processes(calls)
        calls.put(f"{base}n", b"0")

        def work() -> int:
            return sum(StoreCalls(calls.store).together(*(_count_up(f"{base}n", _TIMES) for _ in range(2))))

        self._expect_count(calls, f"{base}n", sum(in_processes(*[work] * _WORKERS)))

    def test_one_of_many_processes_wins(self, calls: StoreCalls, base: str) -> None:
        """Of many processes that create the same keys at once, exactly one creates each."""
        _needs_processes(calls)
        calls.load(f"{base}0")  # what the parent has opened must not harm its children

        def work() -> list[bool]:
            mine, name = StoreCalls(calls.store), str(os.getpid())
            return [mine.run(_create(f"{base}{number}", name)) for number in range(_TIMES)]

        won = in_processes(*[work] * _WORKERS)
        counts = Counter(number for several in won for number, done in enumerate(several) if done)
        expect(counts == Counter(range(_TIMES)), f"each key has to be created once, not {dict(counts)}")

    def test_done_is_durable_and_shared(self, calls: StoreCalls, base: str) -> None:
        """What a process was told is done is there for others at once, though the process is killed."""
        _needs_processes(calls)
        version = calls.put(f"{base}a", b"one")

        def work() -> list[bool]:
            mine = StoreCalls(calls.store)
            return [
                mine.save(f"{base}a", b"two", "v2", version),
                mine.save(f"{base}b", b"new", "v1", None),
                mine.save(f"{base}b", None, "v2", "v1"),
            ]

        (done,) = in_processes(work)
        expect(all(done), "save() in a forked process has to be done")
        expect(calls.load(f"{base}a") == (b"two", "v2"), "what save() said is done has to be there")
        expect(calls.load(f"{base}b") is None, "a deletion that save() said is done has to be there")
        expect(
            list(calls.scan(base, None, 10)) == [f"{base}a"], "scan() has to list what other processes stored"
        )

    def test_second_store_sees_the_same(self, calls: StoreCalls, base: str, reopen: Reopen) -> None:
        """Two stores on the same data see each other's writes at once: neither answers from memory."""
        other = StoreCalls(_reopened(calls, reopen))
        try:
            expect(other.load(f"{base}a") is None, "nothing is stored yet")
            first = calls.put(f"{base}a", b"one")
            expect(
                other.load(f"{base}a") == (b"one", first), "a second store has to see what the first saved"
            )
            second = other.put(f"{base}a", b"two", first)
            expect(
                calls.load(f"{base}a") == (b"two", second), "the first store has to see what the second saved"
            )
            expect(
                not calls.save(f"{base}a", b"three", new_version(), first),
                "the first store's version is stale",
            )
            calls.save(f"{base}a", None, new_version(), second)
            expect(other.load(f"{base}a") is None, "a second store has to see what the first deleted")
            expect(list(other.scan(base, None, 10)) == [], "a second store has to list what is stored")
        finally:
            other.close()

    def test_reopened_store_has_everything(self, calls: StoreCalls, base: str, reopen: Reopen) -> None:
        """What was stored is there when the store was closed and is opened again."""
        other = StoreCalls(_reopened(calls, reopen))
        try:
            version = other.put(f"{base}a", b"kept")
        finally:
            other.close()
        third = StoreCalls(_reopened(calls, reopen))
        try:
            expect(
                third.load(f"{base}a") == (b"kept", version),
                "what was stored has to be there after a restart",
            )
            expect(list(third.scan(base, None, 10)) == [f"{base}a"], "and it has to be listed")
        finally:
            third.close()

    def _expect_count(self, calls: StoreCalls, key: str, done: int) -> None:
        found = calls.load(key)
        count = int(found[0]) if found else 0
        expect(count == done, f"{done} changes were said to be done, and {done - count} of them are lost")


def _is_volatile(calls: StoreCalls) -> bool:
    return bool(getattr(calls.store, "volatile", False))


def _needs_processes(calls: StoreCalls) -> None:
    if _is_volatile(calls):
        pytest.skip("the store says that it is volatile: it lives in one process, so several are not tested")
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork, so several processes are not tested")


def _reopened(calls: StoreCalls, reopen: Reopen) -> Any:
    if _is_volatile(calls):
        pytest.skip(
            "the store says that it is volatile: it forgets everything, so opening it again is not tested"
        )
    if reopen is None:
        pytest.skip("there is no fixture `reopen`, so opening the store again is not tested")
    return reopen()
