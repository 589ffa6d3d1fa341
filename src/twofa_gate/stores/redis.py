"""A store in Redis or Valkey 5 or newer, or a cluster of them (extra `redis`).

**What a crash of Redis takes with it is good again**: codes that were used, attempts that were counted,
verifications that were ended. So how Redis writes to disk decides what protection against replay is worth:

- `appendonly yes` with `appendfsync always`: what `save` said is done survives a crash. Recommended.
- `appendfsync everysec` (the default of the append-only file): a crash may undo the last second, and a code
  that was seen or used in that second is good again while it lasts.
- `appendfsync no`, or snapshots alone: a crash may undo minutes, enrollments among them. Not for this store.

Replication to other servers is asynchronous: a failover may undo what the old primary had confirmed last.

Nothing may be evicted: an account that is gone reads as "never enrolled". Each call makes sure that
`maxmemory-policy` is `noeviction` or one of the `volatile-...` policies (no key of accounts ever expires),
and that an account and its entry in the index are both there or both not; otherwise it raises `StoreError`.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import os
import secrets
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.hooks import hookimpl
from twofa_gate.model import Stored
from twofa_gate.stores.redis_scripts import LOAD, SAVE, SCAN

if TYPE_CHECKING:
    import redis
    import redis.asyncio

__all__ = ["AsyncRedisStore", "RedisStore", "SyncRedisStore"]


class RedisStore:
    """Accounts in the Redis behind `client`.

    - `client`: `redis.Redis` or `redis.RedisCluster`, or one of their twins in `redis.asyncio`, with which the
      hooks are async. It gives back bytes (`decode_responses=False`).
    - `namespace`: the start of all keys in Redis, in braces, so that a cluster keeps them on one node.

    Safe under threads, processes and forks. `close()`, or `await aclose()` with an async client, closes
    connections. An async client serves one event loop at a time; an async cluster client serves the process
    and the loop that used it first, and no other.

    Raises `ConfigurationError` for a client that it cannot work with. The calls raise `StoreError` whenever
    Redis fails, is out of memory, may evict keys or has lost some.
    """

    def __new__(cls, client: Any, *, namespace: str = "twofa_gate") -> Self:
        """Return a `SyncRedisStore` or an `AsyncRedisStore`, as the client is."""
        execute = getattr(client, "execute_command", None)
        kind = AsyncRedisStore if inspect.iscoroutinefunction(execute) else SyncRedisStore
        return cast("Self", object.__new__(kind if cls is RedisStore else cls))

    def __init__(
        self,
        client: redis.Redis | redis.RedisCluster | redis.asyncio.Redis | redis.asyncio.RedisCluster,
        *,
        namespace: str = "twofa_gate",
    ) -> None:
        if not hasattr(client, "execute_command"):
            raise ConfigurationError("RedisStore needs a client, such as redis.Redis.from_url(...)")
        if getattr(client, "connection", None) is not None:
            raise ConfigurationError("RedisStore needs a client with a pool, not single_connection_client")
        if not namespace or "{" in namespace or "}" in namespace:
            raise ConfigurationError("the namespace of RedisStore is a word without braces")
        self._client: Any = client
        self._namespace = namespace

    def _load(self, key: str) -> tuple[object, ...]:
        return (LOAD, 2, *self._keys(key), key)

    def _save(
        self, key: str, document: bytes | None, version: str, expected: str | None
    ) -> tuple[object, ...]:
        # The client sends a call again if the connection broke before the answer came: known by this name, it
        # then gets the answer of the first time.
        call = secrets.token_hex(8)
        old = (0, "") if expected is None else (1, expected)
        new = (0, "") if document is None else (1, document)
        return (SAVE, 2, *self._keys(key), key, call, *old, version, *new)

    def _scan(self, prefix: str, after: str | None, limit: int) -> tuple[object, ...]:
        start = f"[{prefix}" if after is None or after < prefix else f"({after}"
        end = f"({prefix[:-1]}".encode() + bytes([ord(prefix[-1]) + 1]) if prefix else "+"
        return (SCAN, 1, self._keys("")[1], start, end, max(limit, 0))

    def _keys(self, key: str) -> tuple[str, str]:
        return f"{{{self._namespace}}}:account:{key}", f"{{{self._namespace}}}:index"


def _loaded(found: list[bytes] | None) -> Stored | None:
    return None if found is None else Stored(found[0], found[1].decode())


def _listed(found: list[bytes]) -> Sequence[str]:
    return [key.decode() for key in found]


class SyncRedisStore(RedisStore):
    """What `RedisStore(client)` is for a plain client."""

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`. Raises `StoreError`."""
        return _loaded(self._run(self._load(key)))

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`. Raises `StoreError`."""
        return bool(self._run(self._save(key, document, version, expected)) == 1)

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`. Raises `StoreError`."""
        return _listed(self._run(self._scan(prefix, after, limit)))

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def _run(self, script: tuple[object, ...]) -> Any:
        try:
            return _checked(self._client.eval(*script))
        except Exception as error:  # clients raise more than RedisError
            raise _store_error(error) from error


class AsyncRedisStore(RedisStore):
    """What `RedisStore(client)` is for a client of `redis.asyncio`."""

    def __init__(
        self, client: redis.asyncio.Redis | redis.asyncio.RedisCluster, *, namespace: str = "twofa_gate"
    ) -> None:
        super().__init__(client, namespace=namespace)
        self._pid = os.getpid()
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    @hookimpl
    async def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`. Raises `StoreError`."""
        return _loaded(await self._run(self._load(key)))

    @hookimpl
    async def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`. Raises `StoreError`."""
        return bool(await self._run(self._save(key, document, version, expected)) == 1)

    @hookimpl
    async def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`. Raises `StoreError`."""
        return _listed(await self._run(self._scan(prefix, after, limit)))

    async def aclose(self) -> None:
        """Close the client."""
        self._check_loop()
        await self._client.aclose()

    async def _run(self, script: tuple[object, ...]) -> Any:
        self._check_loop()
        try:
            return _checked(await self._client.eval(*script))
        except Exception as error:  # clients raise more than RedisError
            raise _store_error(error) from error

    def _check_loop(self) -> None:
        # Connections belong to the process and the event loop in which they were opened.
        loop = asyncio.get_running_loop()
        before = None if self._loop is None else self._loop()
        if before is loop and self._pid == os.getpid():
            return
        if before is not None and not before.is_closed() and self._pid == os.getpid():
            raise StoreError("the Redis client is in use in another event loop; make a client for each loop")
        if self._loop is not None:
            self._renew_pool()
        self._loop, self._pid = weakref.ref(loop), os.getpid()

    def _renew_pool(self) -> None:
        old = getattr(self._client, "connection_pool", None)
        if old is None:
            raise StoreError(
                "the cluster client was used before the fork or in another event loop; make it where it is used"
            )
        pool = copy.copy(old)
        pool.reset()
        for name, value in vars(old).items():
            if isinstance(value, asyncio.Lock | asyncio.Condition):
                setattr(pool, name, type(value)())
        self._client.connection_pool = pool
        if self._pid != os.getpid():
            # Kept, unused: what closes a connection of the parent takes it off the parent's event loop too.
            _inherited.append(old)


_inherited: list[object] = []


def _checked(answer: Any) -> Any:
    if isinstance(answer, list) and any(isinstance(item, str) for item in answer):
        raise StoreError("the Redis client decodes what it reads; make it with decode_responses=False")
    return answer


def _store_error(error: Exception) -> StoreError:
    if isinstance(error, UnicodeDecodeError):
        return StoreError("the Redis client decodes what it reads; make it with decode_responses=False")
    return error if isinstance(error, StoreError) else StoreError(f"Redis failed: {error}")
