"""`RedisStore` and its client: which are refused, and how async ones live with event loops."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio

from tests.support.services import Service
from twofa_gate.errors import ConfigurationError, StoreError
from twofa_gate.stores.redis import AsyncRedisStore, RedisStore, SyncRedisStore
from twofa_gate.testing._calls import new_version


def _client(port: int, **options: Any) -> Any:
    return redis.Redis(host="127.0.0.1", port=port, **options)


def _store(port: int, **options: Any) -> Any:
    store = RedisStore(_client(port, **options))
    assert type(store) is SyncRedisStore
    return store


@pytest.fixture
def store(redis_server: Service) -> Iterator[Any]:
    store = _store(redis_server.port)
    yield store
    store.close()


@pytest.fixture
def key() -> str:
    return f"behavior-{new_version()}"


def test_client_that_decodes_is_refused(redis_server: Service, store: Any, key: str) -> None:
    """A client that makes text of documents is an error that says what to do."""
    decoding = _store(redis_server.port, decode_responses=True)
    for document in (b"text", b"\xff\xfe"):
        name = key + document.hex()
        store.save(name, document, "v1", None)
        with pytest.raises(StoreError, match="decode_responses=False"):
            decoding.load(name)
        with pytest.raises(StoreError, match="decode_responses=False"):
            decoding.scan(name, None, 1)
    decoding.close()


@pytest.mark.parametrize(
    ("client", "options"), [("redis://localhost", {}), (redis.Redis(), {"namespace": "a{b}"})]
)
def test_unfit_client_is_refused(client: Any, options: dict[str, str]) -> None:
    """What is no client, and a namespace that would break a cluster, are refused when the store is made."""
    with pytest.raises(ConfigurationError):
        RedisStore(client, **options)


def test_client_without_a_pool_is_refused(redis_server: Service) -> None:
    """A client of a single connection can't be shared by threads or survive a fork."""
    client = _client(redis_server.port, single_connection_client=True)
    with pytest.raises(ConfigurationError, match="pool"):
        RedisStore(client)
    client.close()


def _async_store(port: int, **options: Any) -> AsyncRedisStore:
    store = RedisStore(redis.asyncio.Redis(host="127.0.0.1", port=port, **options))
    assert isinstance(store, AsyncRedisStore)
    return store


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("pool", [redis.asyncio.ConnectionPool, redis.asyncio.BlockingConnectionPool])
def test_loop_after_loop(redis_server: Service, key: str, pool: Any) -> None:
    """A store that was used in an event loop that has ended serves in the next one, and many tasks in it."""
    client = redis.asyncio.Redis(connection_pool=pool(port=redis_server.port, max_connections=20))
    store: Any = RedisStore(client)

    async def crowd(*, last: bool) -> list[object]:
        found = list(await asyncio.gather(*(store.load(f"{key}-{number}") for number in range(15))))
        if last:
            await client.aclose(close_connection_pool=True)
        return found

    for last in (False, False, True):
        assert asyncio.run(crowd(last=last)) == [None] * 15
        gc.collect()


def test_two_loops_at_once_are_refused(redis_server: Service) -> None:
    """Connections of one loop are not used in another: that is an error that says what to do."""
    store = _async_store(redis_server.port)
    with asyncio.Runner() as one, asyncio.Runner() as two:
        assert one.run(store.load("nobody")) is None
        with pytest.raises(StoreError, match="a client for each loop"):
            two.run(store.load("nobody"))
        one.run(store.aclose())


def test_call_that_is_given_up_leaves_the_store_usable(redis_server: Service, key: str) -> None:
    """A call that times out while Redis hangs harms no later one, which gets its own answer and not that one's."""

    async def story() -> None:
        store = _async_store(redis_server.port, max_connections=1)
        await store.save(key, b"one", "v1", None)
        with redis_server.silent(), pytest.raises(TimeoutError):
            await asyncio.wait_for(store.load(key), 0.2)
        assert list(await store.scan(key, None, 10)) == [key]
        await store.aclose()

    asyncio.run(story())
