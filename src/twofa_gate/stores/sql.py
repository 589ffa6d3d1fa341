"""A store in one table of PostgreSQL, MariaDB, MySQL or SQLite, through SQLAlchemy (extra `sql`).

Comparing and setting are one conditional statement, which the database carries out as a whole. How well a
write survives a crash is the database's setting: leave `synchronous_commit` (PostgreSQL) and
`innodb_flush_log_at_trx_commit` (MariaDB) as they come, or codes that were used may be good again after one.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar, cast

from sqlalchemy import Connection, Engine, NullPool, Pool
from sqlalchemy.exc import DBAPIError, StatementError

from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored
from twofa_gate.stores.sql_table import DIALECTS, create_table, load, metadata, save, scan

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine  # needs greenlet, which not everybody has

__all__ = ["AsyncSQLStore", "SQLStore", "SyncSQLStore", "metadata"]

_T = TypeVar("_T")


class SQLStore:
    """Accounts in the table `twofa_gate` of the database behind `engine`.

    - `engine`: SQLAlchemy's `Engine` or `AsyncEngine`, which may be the host's own. With an `AsyncEngine` the
      hooks are async. `pool_pre_ping=True` spares users a refusal after the database was restarted.
    - `create`: whether the table is created where it is missing; `False` where a migration tool does it.

    Safe under threads, processes and forks. `close()`, or `await aclose()` with an `AsyncEngine`, closes idle
    connections; a later call opens new ones. An `AsyncEngine` serves one event loop at a time, unless it was
    made with `poolclass=NullPool`.

    Raises `ConfigurationError` for an engine that it cannot work with. The calls raise `StoreError` whenever
    the database fails: disconnects, timeouts, deadlocks and serialization failures among the reasons.
    """

    def __new__(cls, engine: Engine | AsyncEngine, *, create: bool = True) -> Self:
        """Return a `SyncSQLStore` or an `AsyncSQLStore`, as the engine is."""
        kind = AsyncSQLStore if hasattr(engine, "sync_engine") else SyncSQLStore
        return cast("Self", object.__new__(kind if cls is SQLStore else cls))

    def __init__(self, engine: Engine | AsyncEngine, *, create: bool = True) -> None:
        sync_engine = getattr(engine, "sync_engine", engine)
        if not isinstance(sync_engine, Engine):
            raise ConfigurationError("SQLStore needs SQLAlchemy's Engine or AsyncEngine")
        name = sync_engine.dialect.name
        if name not in DIALECTS:
            raise ConfigurationError(
                f"SQLStore works on PostgreSQL, MariaDB, MySQL and SQLite, not on {name}"
            )
        if name == "sqlite" and sync_engine.url.database in (None, "", ":memory:"):
            raise ConfigurationError(
                "SQLStore needs an SQLite database in a file; use MemoryStore to keep nothing"
            )
        # A single statement needs no transaction around it, and so only one round trip. The drivers of MariaDB
        # need more of them to change the mode, back and forth, than they save.
        self._options = {"isolation_level": "AUTOCOMMIT"} if name in ("postgresql", "sqlite") else {}
        self._pool_owner = sync_engine
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._ready = not create
        _stores.add(self)

    def _work(self, work: Callable[[Connection], _T], connection: Connection) -> _T:
        if not self._ready:
            create_table(connection)
            self._ready = True
        return work(connection)

    def _check_process(self) -> None:
        if self._pid == os.getpid():
            return
        with self._lock:
            if self._pid != os.getpid():
                # A parent's connections are kept, unused: what closes them could disturb the parent's.
                _inherited.append(self._pool_owner.pool)
                self._pool_owner.dispose(close=False)
                self._pid = os.getpid()


class SyncSQLStore(SQLStore):
    """What `SQLStore(engine)` is for an `Engine`."""

    def __init__(self, engine: Engine, *, create: bool = True) -> None:
        super().__init__(engine, create=create)
        self._engine = engine.execution_options(**self._options)

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`. Raises `StoreError`."""
        return self._run(partial(load, key))

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`. Raises `StoreError`."""
        return self._run(partial(save, key, document, version, expected))

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`. Raises `StoreError`."""
        return self._run(partial(scan, prefix, after, limit))

    def close(self) -> None:
        """Close the connections that no call is using. A later call opens new ones."""
        self._check_process()
        self._pool_owner.dispose()

    def _run(self, work: Callable[[Connection], _T]) -> _T:
        self._check_process()
        try:
            with self._engine.begin() as connection:
                return self._work(work, connection)
        except Exception as error:  # drivers raise more than SQLAlchemy wraps
            raise _store_error(error) from error


class AsyncSQLStore(SQLStore):
    """What `SQLStore(engine)` is for an `AsyncEngine`."""

    def __init__(self, engine: AsyncEngine, *, create: bool = True) -> None:
        super().__init__(engine, create=create)
        self._engine = engine.execution_options(**self._options)
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    @hookimpl
    async def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`. Raises `StoreError`."""
        return await self._run(partial(load, key))

    @hookimpl
    async def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`. Raises `StoreError`."""
        return await self._run(partial(save, key, document, version, expected))

    @hookimpl
    async def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`. Raises `StoreError`."""
        return await self._run(partial(scan, prefix, after, limit))

    async def aclose(self) -> None:
        """Close the connections that no call is using. A later call opens new ones."""
        self._check_process()
        self._check_loop()
        await self._engine.dispose()

    async def _run(self, work: Callable[[Connection], _T]) -> _T:
        self._check_process()
        self._check_loop()
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(partial(self._work, work))
        except Exception as error:  # drivers raise more than SQLAlchemy wraps
            raise _store_error(error) from error

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            self._loop = None
        super()._check_process()

    def _check_loop(self) -> None:
        # Connections belong to the event loop in which they were opened, and end with it.
        loop = asyncio.get_running_loop()
        before = None if self._loop is None else self._loop()
        if before is loop or isinstance(self._pool_owner.pool, NullPool):
            return
        if before is not None and not before.is_closed():
            raise StoreError(
                "the AsyncEngine is in use in another event loop; make it with poolclass=NullPool"
            )
        if self._loop is not None:
            self._pool_owner.dispose(close=False)
        self._loop = weakref.ref(loop)


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, StatementError):
        error.hide_parameters = True  # documents and keys have no place in a log
    reason = error.orig if isinstance(error, DBAPIError) else error
    return StoreError(f"the SQL database failed: {reason}")


_inherited: list[Pool] = []
_stores: weakref.WeakSet[SQLStore] = weakref.WeakSet()


def _before_fork() -> None:
    # SQLite must not be open across a fork, see `twofa_gate.stores.sqlite`. Others just connect anew.
    for store in list(_stores):
        if isinstance(store, SyncSQLStore) and store._pool_owner.dialect.name == "sqlite":
            store.close()


os.register_at_fork(before=_before_fork)
