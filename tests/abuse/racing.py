"""Eight processes that do the same at the same moment, on one SQLite file."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twofa_gate.stores import sqlite
from twofa_gate.stores.sqlite import SQLiteStore

from .site import Driver, FakeClock, Site

__all__ = ["PROCESSES", "Racers", "kill_during"]

PROCESSES = 8
_fork = multiprocessing.get_context("fork")


class Racers:
    """An installation on one file: a site in this process to set things up, and races between eight others.

    The clock stands still while they race, in all of them at the same moment.
    """

    def __init__(self, driver: Driver, clock: FakeClock, path: Path, **settings: Any) -> None:
        self.driver, self.clock, self.path, self.settings = driver, clock, path, settings
        self.site = self.start(initialize=True)

    def start(self, **more: Any) -> Site:
        """Start a process's own gate, on a store and a connection of its own."""
        store = SQLiteStore(self.path, timeout=60.0)
        return Site(self.driver, self.clock, store=store, **{**self.settings, **more})

    def race(self, tasks: Sequence[Callable[[Site, Callable[[], None]], Any]]) -> list[Any]:
        """Run the tasks, dealt out to eight processes; what each returned, in their order.

        A task gets its process's site, and a function that waits until all processes are ready.
        """
        self.site.close()
        start = _fork.Barrier(min(PROCESSES, len(tasks)))
        with _fork.Manager() as manager:
            results = manager.dict()
            hands = [
                _fork.Process(target=self._work, args=(number, tasks, start, results))
                for number in range(start.parties)
            ]
            for each in hands:
                each.start()
            for each in hands:
                each.join(120)
            assert not any(each.is_alive() for each in hands)
            found = dict(results)
        self.site = self.start()
        failed = [text for key, text in found.items() if str(key).startswith("failed")]
        assert not failed, failed[0]
        assert len(found) == len(tasks), "a process ended early"
        return [found[number] for number in range(len(tasks))]

    def _work(self, number: int, tasks: Sequence[Any], start: Any, results: Any) -> None:
        try:
            site = self.start()
            waited = [False]

            def ready() -> None:
                if not waited[0]:
                    waited[0] = True
                    start.wait(60)

            for index in range(number, len(tasks), start.parties):
                results[index] = tasks[index](site, ready)
        except BaseException:
            results[f"failed {number}"] = traceback.format_exc()
            start.abort()
        finally:
            os._exit(0)


def kill_during(racers: Racers, code: str, moment: str) -> None:
    """Enter a code in a process that is killed before its write, inside of it, or right after it."""
    child = os.fork()
    if child == 0:
        try:
            site = racers.start()
            browser = site.browser("u1")
            token = site.api(browser, "status").json()["csrf"]
            _die_at(moment)
            browser.fetch(
                "POST", "/2fa/api/v1/challenge", json={"code": code}, headers={"X-CSRF-Token": token}
            )
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _die_at(moment: str) -> None:
    """Have this process die by SIGKILL at the write of an account."""
    connect = sqlite._connect

    class Dying(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> Any:
            if moment == "before" and sql.startswith("BEGIN IMMEDIATE"):
                os.kill(os.getpid(), signal.SIGKILL)
            if moment == "inside" and sql == "COMMIT":
                os.kill(os.getpid(), signal.SIGKILL)
            done = super().execute(sql, *more)
            if moment == "after" and sql == "COMMIT":
                os.kill(os.getpid(), signal.SIGKILL)
            return done

    def connecting(path: Path, timeout: float) -> sqlite3.Connection:
        connect(path, timeout).close()
        made = sqlite3.connect(
            path, timeout=timeout, isolation_level=None, check_same_thread=False, factory=Dying
        )
        made.execute("PRAGMA synchronous = FULL")
        return made

    sqlite._connect = connecting
    for store in list(sqlite._stores):
        store.close()
