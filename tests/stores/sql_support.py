"""What several tests of the SQL store do to a database, apart from the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, text


@contextmanager
def engine_on(url: str, **options: Any) -> Iterator[Engine]:
    """Open an engine, and close it behind the block."""
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def locked(url: str, key: str, version: str) -> Iterator[Any]:
    """Hold the lock on the row of `key` in another connection's transaction, which has written it."""
    sql = text("UPDATE twofa_gate SET version = :version WHERE twofa_gate.key = :key")
    with engine_on(url) as engine, engine.connect() as connection:
        connection.execute(sql, {"key": key, "version": version})
        yield connection
