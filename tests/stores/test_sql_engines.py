"""`SQLStore` and its engine: which are refused, and how async ones live with event loops."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tests.stores.sql_support import locked
from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.stores.sql import AsyncSQLStore, SQLStore, SyncSQLStore
from twofa_gate.testing._calls import new_version


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
        with locked(plain, key, "v of another"), pytest.raises(TimeoutError):
            await asyncio.wait_for(store.save(key, b"two", "v2", "v1"), 0.3)
        assert await store.load(key) in {(b"one", "v1"), (b"two", "v2")}  # a reload settles what became of it
        await store.aclose()

    asyncio.run(story())
