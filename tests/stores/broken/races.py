"""Stores that are wrong only when others are at work too."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from tests.stores.broken.base import PAUSE, Base, FileStore, caught_by
from twofa_gate.model import Stored


@caught_by("one_of_many_creators_wins", "one_of_many_deleters_wins", "no_update_is_lost")
class ComparesThenSets(Base):
    def put(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        found = self._stored.get(key)
        if (None if found is None else found.version) != expected:
            return False
        time.sleep(PAUSE)
        now = self._stored.get(key)
        super().put(key, document, version, None if now is None else now.version)
        return True


@caught_by("readers_see_whole_writes", perhaps=("no_update_is_lost",))
class ReadsInTwoSteps(Base):
    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        time.sleep(PAUSE)
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
            time.sleep(PAUSE)
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
