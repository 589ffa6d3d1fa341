"""`SQLiteStore` keeps its connections to itself when the process forks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from twofa_gate.errors import StoreError
from twofa_gate.stores import sqlite
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.testing._calls import in_processes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2fa.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, timeout=0.2)
    yield store
    store.close()


def test_many_processes_may_make_the_file(path: Path) -> None:
    """Workers that all start on a file that does not exist yet get along."""
    store = SQLiteStore(path)
    in_processes(*[lambda: store.save(f"{os.getpid()}", b"one", "v1", None)] * 6)
    assert len(store.scan("", None, 100)) == 6
    store.close()


def test_nothing_is_open_across_a_fork(store: SQLiteStore) -> None:
    """Before a fork all connections are closed: SQLite in the child must not inherit its book of locks."""
    store.save("a", b"one", "v1", None)
    assert store._idle
    assert in_processes(lambda: (len(store._idle), store._pid != os.getpid(), store.load("a"))) == [
        (0, True, (b"one", "v1"))
    ]
    assert not store._idle
    assert store.load("a") == (b"one", "v1")


_VISIT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT key FROM twofa_gate").fetchall()
connection.close()
"""


def test_child_holds_its_own_locks(store: SQLiteStore, path: Path) -> None:
    """Nobody removes the log under a child that has the file open, also when its parent closes it."""
    opened, closed = path.with_name("opened"), path.with_name("closed")
    store.save("a", b"one", "v1", None)

    def close_in_parent() -> None:
        _wait_for(opened)
        store.close()
        closed.touch()

    def work() -> bool:
        store.load("a")  # the child's connection stays open
        opened.touch()
        _wait_for(closed)
        subprocess.run([sys.executable, "-c", _VISIT, str(path)], check=True)
        return path.with_name("2fa.db-wal").exists()

    parent = threading.Thread(target=close_in_parent)
    parent.start()
    assert in_processes(work) == [True]
    parent.join()


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 20
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_fork_waits_for_calls_in_progress(path: Path) -> None:
    """A fork while other threads write waits for them, and both parent and child go on."""
    store = SQLiteStore(path, timeout=60)
    stop = threading.Event()

    def write(name: str) -> None:
        version, number = None, 0
        while not stop.is_set():
            number += 1
            assert store.save(name, b"one", str(number), version)
            version = str(number)
            time.sleep(0.001)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            done = in_processes(lambda number=number: store.save(f"child {number}", b"one", "v1", None))  # type: ignore[misc]
            assert done == [True]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(store.scan("child", None, 100)) == 5
    store.close()


def test_open_file_after_a_hidden_fork_is_refused(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Python was not told of a fork and the file was open, the child refuses, and closes nothing."""
    store.save("a", b"one", "v1", None)
    (connection,) = store._idle
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        for _ in range(2):
            with pytest.raises(StoreError, match="before the fork"):
                store.load("a")
        store.close()
        assert connection in sqlite._inherited
        assert connection.execute("SELECT 1").fetchone() == (1,)
    sqlite._inherited.clear()
    assert store.load("a") == (b"one", "v1")


def test_closed_file_survives_a_hidden_fork(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing was open when Python was not told of a fork, the child simply works."""
    store.save("a", b"one", "v1", None)
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        assert store.load("a") == (b"one", "v1")
        store.close()
