"""`SQLStore` beyond the contract: its table, what goes wrong in a database, forks."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from tests.stores.sql_support import engine_on, locked
from tests.support.services import Service
from twofa_gate.errors import StoreError
from twofa_gate.stores.sql import SQLStore, SyncSQLStore, metadata
from twofa_gate.testing._calls import in_processes, new_version


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

        with locked(postgresql_url, key, "v of another") as other:
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
        with locked(url, key, "v of another"):
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
