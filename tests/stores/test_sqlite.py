"""`SQLiteStore` keeps the contract; its file, its connections, and what goes wrong with them."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.stores import sqlite
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.testing import StoreConformance


class TestSQLiteStore(StoreConformance):
    """The conformance suite on the SQLite store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> SQLiteStore:
        return SQLiteStore(tmp_path / "2fa.db", timeout=60)

    @pytest.fixture
    def reopen(self, tmp_path: Path) -> Callable[[], SQLiteStore]:
        return lambda: SQLiteStore(tmp_path / "2fa.db", timeout=60)

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> SQLiteStore:
        return SQLiteStore(tmp_path / "no such folder" / "2fa.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "2fa.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path, timeout=0.2)
    yield store
    store.close()


def test_nothing_is_opened_before_the_first_call(path: Path) -> None:
    """A store that nobody asked touches no file, so that it can be made before a fork or a change of user."""
    SQLiteStore(path)
    assert not path.exists()


def test_files_are_for_their_owner_only(store: SQLiteStore, path: Path) -> None:
    """The file and the logs beside it are made with mode 0600, whatever the umask."""
    old = os.umask(0)
    try:
        store.save("a", b"one", "v1", None)
    finally:
        os.umask(old)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"2fa.db": 0o600, "2fa.db-wal": 0o600, "2fa.db-shm": 0o600}


def test_mode_of_an_existing_file_is_left_alone(store: SQLiteStore, path: Path) -> None:
    """Who made the file beforehand decides who may read it."""
    path.touch(0o640)
    path.chmod(0o640)
    store.save("a", b"one", "v1", None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_writes_are_durable(store: SQLiteStore, path: Path) -> None:
    """The file is in write-ahead mode, and each connection waits for the disk (synchronous = FULL)."""
    store.save("a", b"one", "v1", None)
    (connection,) = store._idle
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_relative_path_is_fixed_when_the_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that changes its folder later does not end up with another file."""
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("2fa.db")
    monkeypatch.chdir("/")
    store.save("a", b"one", "v1", None)
    store.close()
    assert (tmp_path / "2fa.db").exists()


@pytest.mark.parametrize("path", ["", ":memory:", "file:2fa.db?mode=memory"])
def test_path_that_is_no_file_is_refused(path: str) -> None:
    """What SQLite would keep in memory, for each connection apart, is refused when the store is made."""
    with pytest.raises(ConfigurationError, match="MemoryStore"):
        SQLiteStore(path)


@pytest.mark.parametrize("name", ["a?mode=memory", "a%41", "a#b", "ä b"])
def test_odd_names_are_names(tmp_path: Path, name: str) -> None:
    """Characters that mean something in SQLite's URIs are ordinary characters of a file's name."""
    store = SQLiteStore(tmp_path / name)
    store.save("a", b"one", "v1", None)
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_file_that_vanished_is_not_made_anew(store: SQLiteStore, path: Path) -> None:
    """A file that is gone in service is an error, not an empty store; put back, it serves again."""
    store.save("a", b"one", "v1", None)
    path.rename(path.with_name("away"))
    for _ in range(2):
        with pytest.raises(StoreError, match="is gone"):
            store.load("a")
    assert not path.exists()
    path.with_name("away").rename(path)
    assert store.load("a") == (b"one", "v1")


def test_file_that_was_replaced_is_opened_anew(store: SQLiteStore, path: Path) -> None:
    """After a backup was put in its place, the store reads the backup and not the file that is gone."""
    backup = SQLiteStore(path.with_name("backup"))
    backup.save("a", b"from the backup", "v0", None)
    backup.close()
    store.save("a", b"one", "v1", None)
    store.close()
    store.load("a")
    path.with_name("backup").rename(path)
    assert store.load("a") == (b"from the backup", "v0")


def test_busy_file_is_a_store_error(store: SQLiteStore, path: Path) -> None:
    """While somebody else holds the write lock, reads go on and a write is a `StoreError`, not `False`."""
    store.save("a", b"one", "v1", None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="locked"):
            store.save("a", b"two", "v2", "v1")
        assert store.load("a") == (b"one", "v1")
    finally:
        other.close()
    assert store.save("a", b"two", "v2", "v1") is True


def test_file_that_is_no_database_is_a_store_error(store: SQLiteStore, path: Path) -> None:
    """A damaged or foreign file is refused, and left as it is."""
    path.write_bytes(b"This is a text. " * 100)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database") as caught:
            store.load("a")
        assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert path.read_bytes() == b"This is a text. " * 100


def test_failed_write_changes_nothing(store: SQLiteStore, path: Path) -> None:
    """A write that fails halfway (here: the file may not grow) is an error, and nothing is stored."""
    store.save("a", b"one", "v1", None)
    (connection,) = store._idle
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        store.save("a", b"x" * 1_000_000, "v2", "v1")
    assert store.load("a") == (b"one", "v1")
    assert store.save("a", b"x" * 1_000_000, "v2", "v1") is True


def test_connections_are_bounded(store: SQLiteStore) -> None:
    """However many threads come and go, only a few connections stay open."""
    store.save("a", b"one", "v1", None)
    threads = [threading.Thread(target=store.load, args=("a",)) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(store._idle) <= sqlite._IDLE_CONNECTIONS
    assert not store._busy


def test_closed_store_opens_again(store: SQLiteStore, path: Path) -> None:
    """`close` releases the file, twice is once, and a later call finds everything."""
    store.save("a", b"one", "v1", None)
    store.close()
    store.close()
    assert [file.name for file in path.parent.iterdir()] == ["2fa.db"]  # the last one out merges the log
    assert store.load("a") == (b"one", "v1")
