"""Opening each store as its users would: with time-outs, so that a database that hangs is an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

__all__ = ["KINDS", "SERVERS", "open_store"]

SERVERS = ("postgresql", "mariadb", "redis")
KINDS = ("sqlite", *SERVERS)

_SYNC = {
    "postgresql": ("postgresql+psycopg://postgres@127.0.0.1:{}/postgres", {"connect_timeout": 2}),
    "mariadb": (
        "mariadb+pymysql://root@127.0.0.1:{}/test",
        {"connect_timeout": 1, "read_timeout": 1, "write_timeout": 1},
    ),
}
_ASYNC = {
    "postgresql": ("postgresql+asyncpg://postgres@127.0.0.1:{}/postgres", {"timeout": 2}),
    "mariadb": ("mariadb+asyncmy://root@127.0.0.1:{}/test", {"connect_timeout": 2}),
}


def open_store(
    kind: str,
    where: str,
    *,
    asynchronous: bool = False,
    die: Callable[[str], object] = lambda point: None,
) -> Any:
    """Open a store; `where` is the path of a file or a port. `die` is called between compare and commit."""
    if kind == "sqlite":
        return _sqlite(where, die)
    if kind == "redis":
        return _redis(int(where), asynchronous)
    return _sql(kind, where, asynchronous, die)


def _sqlite(path: str, die: Callable[[str], object]) -> Any:
    from twofa_gate.stores.sqlite import SQLiteStore

    class Traced(SQLiteStore):
        """Says when a transaction is about to be committed."""

        def _open(self) -> sqlite3.Connection:
            connection = super()._open()
            connection.set_trace_callback(lambda sql: die("commit") if sql == "COMMIT" else None)
            return connection

    return Traced(path, timeout=1.0)


def _redis(port: int, asynchronous: bool) -> Any:
    import redis
    import redis.asyncio
    from redis.backoff import ConstantBackoff
    from redis.retry import Retry

    from twofa_gate.stores.redis import RedisStore

    patience: Any = {"socket_timeout": 0.7, "socket_connect_timeout": 0.7}
    if asynchronous:
        return RedisStore(redis.asyncio.Redis(host="127.0.0.1", port=port, **patience))
    retry = Retry(ConstantBackoff(0.05), 2)
    return RedisStore(redis.Redis(host="127.0.0.1", port=port, retry=retry, **patience))


def _sql(kind: str, port: str, asynchronous: bool, die: Callable[[str], object]) -> Any:
    from sqlalchemy import create_engine, event
    from sqlalchemy.ext.asyncio import create_async_engine

    from twofa_gate.stores.sql import SQLStore

    url, arguments = (_ASYNC if asynchronous else _SYNC)[kind]
    options: Any = {"connect_args": arguments, "pool_pre_ping": True}
    if asynchronous:
        return SQLStore(create_async_engine(url.format(port), **options))
    engine = create_engine(url.format(port), **options)
    wrote: list[bool] = [False]

    def executed(*of: Any) -> None:
        wrote[0] = str(of[2]).startswith(("UPDATE", "INSERT"))

    def committing(connection: Any) -> None:
        # Where a statement is a transaction of its own (PostgreSQL) it is committed already.
        if wrote[0]:
            die("commit")

    event.listen(engine, "after_cursor_execute", executed)
    event.listen(engine, "commit", committing)
    return SQLStore(engine)
