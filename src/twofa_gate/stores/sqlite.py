"""A store in one SQLite file, for applications that run on one machine.

Every write is on disk before `save` says `True`: write-ahead log, `synchronous=FULL`.

**Connections and forks.** SQLite keeps book of its file locks in the memory of the process, and a fork
copies that book but not the locks. A child that opens the file while a connection of its parent is in the
copied book believes that it holds locks which it does not hold, and committed writes can get lost. So nothing
may be open while the process forks: before a fork every store waits for the calls in progress and closes what
it holds, and parent and child open anew when they need to. A fork that Python is not told of (from C code, as
uWSGI does it) is noticed by its process id, and the store then refuses to work in the child.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored

__all__ = ["SQLiteStore"]

_T = TypeVar("_T")

_IDLE_CONNECTIONS = 8  # kept for the next calls; a burst of threads opens more and closes them again

_CREATE = """
CREATE TABLE IF NOT EXISTS twofa_gate (
    key TEXT NOT NULL COLLATE BINARY PRIMARY KEY,
    document BLOB NOT NULL,
    version TEXT NOT NULL
) WITHOUT ROWID
"""

# A parent's connections, which the child must never close, not even by forgetting them.
_inherited: list[sqlite3.Connection] = []
_stores: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()


class SQLiteStore:
    """Accounts in the SQLite file at `path`, which is created, for its owner only, when first used.

    - `path`: the file; its folder has to exist. A relative path is taken from the folder that is current now.
    - `timeout`: how many seconds a call waits while another process writes.

    Safe under threads, processes and forks. `close()` releases the connections; a later call opens new ones.
    Raises `ConfigurationError` for a `path` that names no file (`":memory:"`: use `MemoryStore`).
    The calls raise `StoreError` whenever SQLite or the file system fails.
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float = 5.0) -> None:
        name = os.fsdecode(path)
        if not name or name.startswith((":memory:", "file:")):
            raise ConfigurationError(
                f"SQLiteStore needs the path of a file, not {name!r}; use MemoryStore to keep nothing"
            )
        self._path = Path(name).absolute()
        self._timeout = timeout
        self._changed = threading.Condition()
        self._pid = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._busy: set[sqlite3.Connection] = set()
        self._active = 0  # calls in progress
        self._writing = threading.Lock()
        self._forking = False
        self._file: tuple[int, int] | None = None  # device and inode of the file that is open
        _stores.add(self)

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`. Raises `StoreError`."""
        query = "SELECT document, version FROM twofa_gate WHERE key = ?"

        def read(connection: sqlite3.Connection) -> Stored | None:
            row = connection.execute(query, (key,)).fetchone()
            return None if row is None else Stored(*row)

        return self._run("reading", read)

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`. Raises `StoreError`."""

        def write(connection: sqlite3.Connection) -> bool:
            # Threads wait in line: SQLite's own waiting is to try again after a while, which may starve some.
            with self._writing:
                connection.execute("BEGIN IMMEDIATE")  # from here on no other writer
                row = connection.execute("SELECT version FROM twofa_gate WHERE key = ?", (key,)).fetchone()
                if (None if row is None else row[0]) != expected:
                    connection.execute("ROLLBACK")
                    return False
                if document is None:
                    connection.execute("DELETE FROM twofa_gate WHERE key = ?", (key,))
                else:
                    connection.execute("REPLACE INTO twofa_gate VALUES (?, ?, ?)", (key, document, version))
                connection.execute("COMMIT")
                return True

        return self._run("writing", write)

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`. Raises `StoreError`."""
        # A range and not LIKE: '%' and '_' are ordinary characters of keys, and LIKE ignores case.
        query, values = "SELECT key FROM twofa_gate WHERE key >= ?", [prefix]
        if prefix:
            query += " AND key < ?"
            values.append(prefix[:-1] + chr(ord(prefix[-1]) + 1))
        if after is not None:
            query += " AND key > ?"
            values.append(after)
        query += " ORDER BY key LIMIT ?"

        def read(connection: sqlite3.Connection) -> Sequence[str]:
            return [row[0] for row in connection.execute(query, (*values, max(limit, 0)))]

        return self._run("listing", read)

    def close(self) -> None:
        """Close the connections that no call is using. A later call opens new ones."""
        with self._changed:
            if self._pid == os.getpid():
                self._close_idle()

    # -- one call -------------------------------------------------------------------------------------------

    def _run(self, doing: str, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            self._begin()
            connection, keep = None, False
            try:
                connection = self._take() or self._open()
                done = work(connection)
                keep = True
            finally:
                # Unless it is kept, whatever state it is in, an open transaction ends here and is rolled back.
                self._end(connection, keep=keep)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{doing} in the SQLite file {self._path} failed: {error}") from error
        return done

    def _begin(self) -> None:
        """Count this call as in progress, so that a fork waits for it, and let it wait for a fork."""
        with self._changed:
            while self._forking:
                self._changed.wait()
            self._check_process()
            self._active += 1

    def _end(self, connection: sqlite3.Connection | None, *, keep: bool) -> None:
        """Give the connection back, and count this call as over."""
        try:
            with self._changed:
                if connection is not None:
                    self._busy.discard(connection)
                    if keep and len(self._idle) < _IDLE_CONNECTIONS:
                        self._idle.append(connection)
                        connection = None
            if connection is not None:
                connection.close()
        finally:
            with self._changed:
                self._active -= 1
                if self._forking:  # who waits for a call to end has said so, under this lock
                    self._changed.notify_all()

    def _check_process(self) -> None:
        if self._pid == os.getpid():
            return
        if self._idle or self._busy:
            _inherited.extend((*self._idle, *self._busy))
            raise StoreError(
                f"the SQLite file {self._path} was open while the process forked; call close() of the store"
                " before the fork, or load the application after it (uWSGI: lazy-apps = true)"
            )
        self._pid = os.getpid()
        self._active = 0

    def _take(self) -> sqlite3.Connection | None:
        with self._changed:
            found = _identity(self._path)
            if found != self._file:
                self._close_idle()
                if found is None:
                    # Never made anew in service: an empty file would read as "nobody has enrolled".
                    raise StoreError(f"the SQLite file {self._path} is gone")
            if not self._idle:
                return None
            connection = self._idle.pop()
            self._busy.add(connection)
            return connection

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            _create(self._path)
        connection = _connect(self._path, self._timeout)
        with self._changed:
            self._busy.add(connection)
            self._file = _identity(self._path)
        return connection

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    # -- forks ----------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        self._changed.acquire()  # held over the fork, so that the child gets it in a known state
        self._forking = True
        # The bound is for a fork from inside a call (by a signal handler); the child then refuses to work.
        self._changed.wait_for(lambda: self._active == 0, timeout=self._timeout + 1)
        if self._pid == os.getpid():
            self._close_idle()

    def _after_fork(self) -> None:
        self._forking = False
        self._changed.notify_all()
        self._changed.release()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _create(path: Path) -> None:
    # SQLite gives the log beside the file the same mode.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        _use_write_ahead_log(connection, path, timeout)
        connection.execute(_CREATE)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection, path: Path, timeout: float) -> None:
    # SQLite's own waiting does not cover the change of mode, and several processes may start at once.
    deadline = time.monotonic() + timeout
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise StoreError(f"the SQLite file {path} is on a file system without write-ahead log ({mode})")
        return


_fork = threading.Lock()
_held: list[SQLiteStore] = []


def _before_fork() -> None:
    _fork.acquire()
    _held.extend(_stores)
    for store in _held:
        store._before_fork()


def _after_fork() -> None:
    for store in _held:
        store._after_fork()
    _held.clear()
    _fork.release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
