"""`SQLStore` keeps the contract on PostgreSQL, MariaDB and SQLite, plain and async, with several drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.services import Service
from twofa_gate.stores.sql import SQLStore
from twofa_gate.testing import StoreConformance

_WAIT = {"connect_args": {"timeout": 60}}  # SQLite's readers and writers exclude each other


class _OnServer(StoreConformance):
    """The conformance suite on one driver of one database server."""

    make: Callable[..., Any] = staticmethod(create_engine)
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def reopen(self, url: str) -> Callable[[], SQLStore]:
        return lambda: SQLStore(self.make(url, **self.options))

    @pytest.fixture
    def store(self, reopen: Callable[[], SQLStore]) -> SQLStore:
        return reopen()

    @pytest.fixture
    def unreachable(self, url: str) -> SQLStore:
        scheme, _, _ = url.partition("@")
        return SQLStore(self.make(f"{scheme}@127.0.0.1:1/none"))


class TestPostgreSQLPsycopg(_OnServer):
    """psycopg, plain."""

    @pytest.fixture
    def url(self, postgresql: Service) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{postgresql.port}/postgres"


class TestPostgreSQLPsycopgAsync(TestPostgreSQLPsycopg):
    """psycopg, async."""

    make = staticmethod(create_async_engine)


class TestPostgreSQLAsyncpg(_OnServer):
    """asyncpg."""

    make = staticmethod(create_async_engine)

    @pytest.fixture
    def url(self, postgresql: Service) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{postgresql.port}/postgres"


class TestMariaDBPyMySQL(_OnServer):
    """PyMySQL."""

    @pytest.fixture
    def url(self, mariadb: Service) -> str:
        return f"mariadb+pymysql://root@127.0.0.1:{mariadb.port}/test"


class TestMariaDBAsyncmy(_OnServer):
    """asyncmy."""

    make = staticmethod(create_async_engine)

    @pytest.fixture
    def url(self, mariadb: Service) -> str:
        return f"mariadb+asyncmy://root@127.0.0.1:{mariadb.port}/test"


class TestSQLite(_OnServer):
    """sqlite3, plain."""

    options = _WAIT

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/2fa.db"

    @pytest.fixture
    def unreachable(self, url: str, tmp_path: Path) -> SQLStore:
        (tmp_path / "2fa.db").write_text("This is no database. " * 100)
        return SQLStore(self.make(url))


class TestSQLiteAsync(TestSQLite):
    """aiosqlite."""

    make = staticmethod(create_async_engine)

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite+aiosqlite:///{tmp_path}/2fa.db"
