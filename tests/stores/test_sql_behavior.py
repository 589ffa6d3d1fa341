"""`SQLStore` beyond the contract: its table, what goes wrong in a database, forks, event loops, engines."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.services import Service
from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.stores.sql import AsyncSQLStore, SQLStore, SyncSQLStore, metadata
from twofa_gate.testing._calls import in_processes, new_version

OpenEngine = Callable[..., AbstractContextManager[Engine]]
"""Opens an engine on the database under test."""


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/2fa.db"
    port = request.getfixturevalue(request.param).port
    if request.param == "postgresql":
        return f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    return f"mariadb+pymysql://root@127.0.0.1:{port}/test"


@pytest.fixture
def postgresql_url(postgresql: Service) -> str:
    return f"postgresql+psycopg://postgres@127.0.0.1:{postgresql.port}/postgres"


@contextmanager
def engine_on(url: str, **options: Any) -> Iterator[Engine]:
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        engine.dispose()


def _fresh(store: SQLStore) -> tuple[Any, str, str]:
    """Return the store, a new key, and the version under which it holds `one`."""
    key, version = f"behavior-{new_version()}", new_version()
    assert isinstance(store, SyncSQLStore)
    assert store.save(key, b"one", version, None)
    return store, key, version


# -- the table -----------------------------------------------------------------------------------------------


def test_table_is_created_by_many_at_once(url: str) -> None:
    """Workers that all start on an empty database get along, and each finds the table."""
    with engine_on(url) as engine:
        metadata.drop_all(engine)
        store = SQLStore(engine)
        assert isinstance(store, SyncSQLStore)
        assert in_processes(*[lambda: store.load("nobody")] * 6) == [None] * 6
        assert inspect(engine).has_table("twofa_gate")


def test_table_may_be_left_to_a_migration_tool(url: str) -> None:
    """With `create=False` a missing table is an error; `metadata` makes the one that the store needs."""
    with engine_on(url) as engine:
        metadata.drop_all(engine)
        store = SQLStore(engine, create=False)
        assert isinstance(store, SyncSQLStore)
        with pytest.raises(StoreError):
            store.load("nobody")
        assert not inspect(engine).has_table("twofa_gate")
        metadata.create_all(engine)
        assert store.load("nobody") is None


def test_existing_table_needs_no_right_to_create(postgresql_url: str) -> None:
    """A database user who may only read and write the table serves, since it is there already."""
    with engine_on(postgresql_url, isolation_level="AUTOCOMMIT") as engine, engine.connect() as connection:
        metadata.create_all(engine)
        connection.execute(
            text("DROP OWNED BY web; DROP ROLE web") if _role(connection) else text("SELECT 1")
        )
        connection.execute(text("CREATE ROLE web LOGIN"))
        connection.execute(text("GRANT SELECT, INSERT, UPDATE, DELETE ON twofa_gate TO web"))
        with engine_on(postgresql_url.replace("postgres@", "web@")) as narrow:
            store, key, version = _fresh(SQLStore(narrow))
            assert store.save(key, None, new_version(), version) is True


def _role(connection: Any) -> bool:
    return connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = 'web'")).first() is not None


def test_what_is_too_long_is_refused(url: str) -> None:
    """Keys and versions that do not fit are errors, also where MariaDB is set up to cut them off."""
    with engine_on(url) as engine:
        store, key, version = _fresh(SQLStore(engine))
        attempts: tuple[Callable[[], object], ...] = (
            lambda: store.load("k" * 256),
            lambda: store.save("k" * 256, b"two", "v2", None),
            lambda: store.save(key, b"two", "v" * 256, version),
            lambda: store.save(key, b"two", "v2", "v" * 256),
        )
        for attempt in attempts:
            with pytest.raises(StoreError, match="at most 255"):
                attempt()
        assert store.load(key) == (b"one", version)


def test_document_beyond_what_the_server_takes_is_an_error(mariadb: Service) -> None:
    """A document that MariaDB does not accept is a `StoreError`; what was stored is still there."""
    with engine_on(f"mariadb+pymysql://root@127.0.0.1:{mariadb.port}/test") as engine:
        store, key, version = _fresh(SQLStore(engine))
        with pytest.raises(StoreError):
            store.save(key, b"x" * 20_000_000, "v2", version)
        assert store.load(key) == (b"one", version)


# -- what goes wrong -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_lost_connection_is_a_store_error(url: str) -> None:
    """If the server drops the connection, that call fails, and the next one has a new connection."""
    kill = "SELECT pg_terminate_backend({})" if url.startswith("postgresql") else "KILL {}"
    own = "SELECT pg_backend_pid()" if url.startswith("postgresql") else "SELECT connection_id()"
    with engine_on(url, pool_size=1, max_overflow=0) as engine, engine_on(url) as administrator:
        store, key, version = _fresh(SQLStore(engine))
        with engine.connect() as connection:
            number = connection.execute(text(own)).scalar()
        with administrator.connect() as connection:
            connection.execute(text(kill.format(number)))
        with pytest.raises(StoreError):
            store.save(key, b"two", "v2", version)
        assert store.load(key) == (b"one", version)
        assert store.save(key, b"two", "v2", version) is True


@contextmanager
def _locked(url: str, key: str, version: str) -> Iterator[Any]:
    """Hold the lock on the row of `key` in another connection's transaction, which has written it."""
    sql = text("UPDATE twofa_gate SET version = :version WHERE twofa_gate.key = :key")
    with engine_on(url) as engine, engine.connect() as connection:
        connection.execute(sql, {"key": key, "version": version})
        yield connection


def test_serialization_failure_is_a_store_error(postgresql_url: str) -> None:
    """On a database that serializes, a write that lost to another is an error and changed nothing."""
    strict = {"options": "-c default_transaction_isolation=serializable"}
    with engine_on(postgresql_url, connect_args=strict) as engine:
        store, key, version = _fresh(SQLStore(engine))
        caught: list[Exception] = []

        def save() -> None:
            try:
                store.save(key, b"two", "v2", version)
            except StoreError as error:
                caught.append(error)

        with _locked(postgresql_url, key, "v of another") as other:
            writer = threading.Thread(target=save)
            writer.start()
            time.sleep(0.3)  # until it waits for the row
            other.commit()
            writer.join()
        assert "could not serialize" in str(caught)
        assert store.load(key) == (b"one", "v of another")


@pytest.mark.parametrize("url", ["postgresql", "mariadb"], indirect=True)
def test_lock_timeout_is_a_store_error(url: str) -> None:
    """A write that waits too long for a lock is an error, never `False`, and reads go on meanwhile."""
    impatient = (
        {"options": "-c lock_timeout=300"}
        if url.startswith("postgresql")
        else {"init_command": "SET innodb_lock_wait_timeout = 1"}
    )
    with engine_on(url, connect_args=impatient) as engine:
        store, key, version = _fresh(SQLStore(engine))
        with _locked(url, key, "v of another"):
            with pytest.raises(StoreError, match="timeout"):
                store.save(key, b"two", "v2", version)
            assert store.load(key) == (b"one", version)
        assert store.save(key, b"two", "v2", version) is True


def test_errors_do_not_tell_documents(url: str) -> None:
    """What was to be stored is in no error text or traceback, so that it gets into no log."""
    with engine_on(url) as engine:
        metadata.drop_all(engine)
        store, document = SQLStore(engine, create=False), new_version().encode()
        assert isinstance(store, SyncSQLStore)
        with pytest.raises(StoreError) as caught:
            store.save("a", document, "v1", None)
        assert document.decode() not in "".join(traceback.format_exception(caught.value))
        metadata.create_all(engine)


# -- forks ---------------------------------------------------------------------------------------------------


def test_child_uses_no_connection_of_its_parent(postgresql_url: str) -> None:
    """A forked child opens its own connection, and its end does not harm the parent's."""
    with engine_on(postgresql_url, pool_size=1, max_overflow=0) as engine:
        store, key, version = _fresh(SQLStore(engine))

        def backend() -> Any:
            with engine.connect() as connection:
                return connection.execute(text("SELECT pg_backend_pid()")).scalar()

        def work() -> tuple[bool, Any]:
            return store.save(key, b"two", "v2", version), backend()

        before = backend()
        ((done, other),) = in_processes(work)
        assert done is True
        assert other != before
        assert store.load(key) == (b"two", "v2")
        assert backend() == before


def test_sqlite_is_not_open_across_a_fork(tmp_path: Path) -> None:
    """Before a fork the parent closes its SQLite file, as SQLite demands."""
    with engine_on(f"sqlite:///{tmp_path}/2fa.db") as engine:
        store, key, version = _fresh(SQLStore(engine))
        assert in_processes(store._pool_owner.pool.checkedin) == [0]
        assert store.load(key) == (b"one", version)


# -- engines and event loops ---------------------------------------------------------------------------------


def test_engine_decides_the_kind(tmp_path: Path) -> None:
    """`SQLStore(engine)` is plain for an `Engine` and async for an `AsyncEngine`."""
    url = f"{tmp_path}/2fa.db"
    assert type(SQLStore(create_engine(f"sqlite:///{url}"))) is SyncSQLStore
    store = SQLStore(create_async_engine(f"sqlite+aiosqlite:///{url}"))
    assert type(store) is AsyncSQLStore
    assert isinstance(store, SQLStore)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mssql+pymssql://somewhere"])
def test_unfit_engine_is_refused(url: str) -> None:
    """A database in memory, and a kind of database that nobody tried, are refused when the store is made."""
    engine = create_engine(url, module=sqlite3)
    with pytest.raises(ConfigurationError):
        SQLStore(engine)


def test_what_is_no_engine_is_refused() -> None:
    """A URL, or anything else that is no engine, is refused when the store is made."""
    with pytest.raises(ConfigurationError, match="Engine or AsyncEngine"):
        SQLStore("sqlite:///2fa.db")  # type: ignore[arg-type]


@pytest.fixture(params=["postgresql+psycopg", "postgresql+asyncpg", "mariadb+asyncmy", "sqlite+aiosqlite"])
def async_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    scheme = request.param
    if scheme.startswith("sqlite"):
        return f"{scheme}:///{tmp_path}/2fa.db"
    if scheme.startswith("mariadb"):
        return f"{scheme}://root@127.0.0.1:{request.getfixturevalue('mariadb').port}/test"
    return f"{scheme}://postgres@127.0.0.1:{request.getfixturevalue('postgresql').port}/postgres"


def _async_store(url: str, **options: Any) -> AsyncSQLStore:
    store = SQLStore(create_async_engine(url, **options))
    assert isinstance(store, AsyncSQLStore)
    return store


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_loop_after_loop(async_url: str) -> None:
    """A store that was used in an event loop that has ended serves in the next one."""
    store = _async_store(async_url)
    key = f"loops-{new_version()}"
    assert asyncio.run(store.save(key, b"one", "v1", None)) is True

    async def again() -> object:
        found = await store.load(key)
        await store.aclose()
        return found

    assert asyncio.run(again()) == (b"one", "v1")
    gc.collect()  # drivers warn of connections that ended with the first loop: here, and not in another test


def test_two_loops_at_once_are_refused(async_url: str) -> None:
    """Connections of one loop are not used in another: that is an error that says what to do."""
    store = _async_store(async_url)
    with asyncio.Runner() as one, asyncio.Runner() as two:
        assert one.run(store.load("nobody")) is None
        with pytest.raises(StoreError, match="NullPool"):
            two.run(store.load("nobody"))
        one.run(store.aclose())


def test_two_loops_without_a_pool(async_url: str) -> None:
    """With `NullPool` any number of loops may use the store."""
    store = _async_store(async_url, poolclass=NullPool)
    with asyncio.Runner() as one, asyncio.Runner() as two:
        for runner in (one, two, one):
            assert runner.run(store.load("nobody")) is None


@pytest.mark.parametrize(
    "async_url", ["postgresql+psycopg", "postgresql+asyncpg", "mariadb+asyncmy"], indirect=True
)
def test_call_that_is_given_up_leaves_the_store_usable(async_url: str) -> None:
    """A call that times out while it waits for the database harms no later one."""

    async def story() -> None:
        store = _async_store(async_url, pool_size=1, max_overflow=0)
        key = f"given-up-{new_version()}"
        await store.save(key, b"one", "v1", None)
        plain = async_url.replace("asyncmy", "pymysql").replace("asyncpg", "psycopg")
        with _locked(plain, key, "v of another"), pytest.raises(TimeoutError):
            await asyncio.wait_for(store.save(key, b"two", "v2", "v1"), 0.3)
        assert await store.load(key) in {(b"one", "v1"), (b"two", "v2")}  # a reload settles what became of it
        await store.aclose()

    asyncio.run(story())
