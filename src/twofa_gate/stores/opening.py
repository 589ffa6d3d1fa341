"""Opening stores by URL, for settings that hold no Python objects."""

from __future__ import annotations

from typing import Any

__all__ = ["redis_store", "sql_store"]


def sql_store(*, url: str, asynchronous: bool = False, **options: Any) -> Any:
    """Open an `SQLStore` by SQLAlchemy URL, such as `postgresql+psycopg://user@host/database`.

    `options` go to `create_engine`. Needs the extra `sql` and the database's driver.
    """
    from sqlalchemy import create_engine

    from twofa_gate.stores.sql import SQLStore

    if not asynchronous:
        return SQLStore(create_engine(url, **options))
    from sqlalchemy.ext.asyncio import create_async_engine  # needs greenlet, which not everybody has

    return SQLStore(create_async_engine(url, **options))


def redis_store(*, url: str, asynchronous: bool = False, **options: Any) -> Any:
    """Open a `RedisStore` by URL, such as `redis://localhost:6379/0`; `options` go to the client.

    Needs the extra `redis`.
    """
    import redis
    import redis.asyncio

    from twofa_gate.stores.redis import RedisStore

    client = redis.asyncio.Redis if asynchronous else redis.Redis
    return RedisStore(client.from_url(url, **options))
