"""`RedisStore` beyond the contract: eviction, lost answers, lost keys, memory, disks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.retry import Retry

from tests.support import services
from tests.support.services import Service
from twofa_gate.errors import StoreError
from twofa_gate.stores.redis import RedisStore, SyncRedisStore
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


def _calls(store: Any, key: str) -> tuple[Callable[[], object], ...]:
    return (
        lambda: store.load(key),
        lambda: store.save(key, b"two", "v2", "v1"),
        lambda: store.save(key, None, "v2", "v1"),
        lambda: store.scan(key, None, 10),
    )


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random"])
def test_redis_that_may_evict_is_refused(policy: str, key: str) -> None:
    """Every call is an error where Redis may throw accounts away, and says what to set."""
    with services.redis(f"maxmemory-policy {policy}") as service:
        store = _store(service.port)
        for call in (lambda: store.save(key, b"one", "v1", None), *_calls(store, key)):
            with pytest.raises(StoreError, match=f"{policy} and may evict accounts; set it to noeviction"):
                call()
        store.close()


def test_policy_that_changes_in_service_is_noticed(key: str) -> None:
    """An administrator who turns eviction on stops the gate, not the second factor; turned off, it goes on."""
    with services.redis("maxmemory-policy volatile-lru") as service:
        store, administrator = _store(service.port), _client(service.port)
        assert store.save(key, b"one", "v1", None) is True
        administrator.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreError, match="may evict"):
            store.load(key)
        administrator.config_set("maxmemory-policy", "noeviction")
        assert store.load(key) == (b"one", "v1")
        administrator.close()
        store.close()


@pytest.mark.parametrize("lost", ["account", "index"])
def test_lost_account_is_not_an_absent_one(store: Any, redis_server: Service, key: str, lost: str) -> None:
    """If an account or its entry in the index vanished, that is an error; nobody reads as "never enrolled"."""
    store.save(key, b"one", "v1", None)
    administrator = _client(redis_server.port)
    if lost == "account":
        administrator.delete(f"{{twofa_gate}}:account:{key}")
    else:
        administrator.zrem("{twofa_gate}:index", key)
    for call in (lambda: store.save(key, b"one", "v1", None), *_calls(store, key)[:3]):
        with pytest.raises(StoreError, match="lost"):
            call()
    administrator.delete(f"{{twofa_gate}}:account:{key}")
    administrator.zrem("{twofa_gate}:index", key)
    administrator.close()


def test_full_memory_is_a_store_error(key: str) -> None:
    """Out of memory, writes are errors that change nothing, while reading and deleting still work."""
    with services.redis("maxmemory 3mb") as service:
        store = _store(service.port)
        assert store.save(key, b"one", "v1", None) is True
        filler = _client(service.port)
        filler.eval(_FILL, 0)  # a script that has begun to write may go on beyond the limit
        filler.close()
        with pytest.raises(StoreError, match="maxmemory"):
            store.save(key, b"two", "v2", "v1")
        assert store.load(key) == (b"one", "v1")
        assert store.save(key, None, "v2", "v1") is True
        assert store.load(key) is None
        store.close()


_FILL = "for i = 1, 20 do redis.call('SET', i, string.rep('x', 500000)) end"


class _LosesOneAnswer:
    """A connection to Redis that breaks once, after a script was carried out and before the answer comes."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.left = 1
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            while question := client.recv(65536):
                server.sendall(question)
                answer = server.recv(65536)
                if self.left and b"EVAL" in question:
                    self.left -= 1
                    return
                client.sendall(answer)


@pytest.mark.parametrize("document", [b"two", None])
def test_call_that_is_sent_again_is_answered_like_the_first(
    redis_server: Service, key: str, document: bytes | None
) -> None:
    """If the answer got lost and the client asks again, `save` tells that it was done, and does it once."""
    way = _LosesOneAnswer(redis_server.port)
    way.left = 0
    store = _store(way.port, retry=Retry(NoBackoff(), 2), retry_on_error=[redis.ConnectionError])
    assert store.save(key, b"one", "v1", None) is True
    way.left = 1
    assert store.save(key, document, "v2", "v1") is True
    assert way.left == 0
    assert store.load(key) == ((b"two", "v2") if document else None)
    assert store.save(key, document, "v2", "v1") is False
    store.close()
    way.close()


def test_lost_answer_without_a_second_try(redis_server: Service, key: str) -> None:
    """A client that does not ask again raises; a reload then shows that the write was done."""
    way = _LosesOneAnswer(redis_server.port)
    store = _store(way.port, retry=None)
    with pytest.raises(StoreError):
        store.save(key, b"one", "v1", None)
    assert store.load(key) == (b"one", "v1")
    store.close()
    way.close()


def test_deletion_leaves_nothing_for_long(store: Any, redis_server: Service, key: str) -> None:
    """What remains of a deleted account is the random name of a call, for a minute, and not if created anew."""
    store.save(key, b"one", "v1", None)
    store.save(key, None, "v2", "v1")
    administrator = _client(redis_server.port)
    name = f"{{twofa_gate}}:account:{key}"
    assert set(administrator.hgetall(name)) == {b"call"}
    assert 0 < administrator.ttl(name) <= 60
    store.save(key, b"again", "v3", None)
    assert administrator.ttl(name) == -1
    administrator.close()


def test_replica_is_a_store_error(redis_server: Service, key: str) -> None:
    """A write to a server that takes none, as an old primary after a failover, is an error and not `False`."""
    with services.redis(f"replicaof 127.0.0.1 {redis_server.port}") as service:
        store = _store(service.port)
        with pytest.raises(StoreError, match=r"read only|MASTER"):
            store.save(key, b"one", "v1", None)
        store.close()


def test_written_is_durable_with_appendfsync_always(tmp_path: Path, key: str) -> None:
    """With the recommended setting, what was done is there after Redis was killed."""
    settings = (f"dir {tmp_path}", "appendfsync always")
    with services.redis(*settings) as service:
        store = _store(service.port)
        assert store.save(key, b"one", "v1", None) is True
        store.close()
    with services.redis(*settings) as service:
        store = _store(service.port)
        assert store.load(key) == (b"one", "v1")
        store.close()


def test_keys_share_a_slot(store: Any) -> None:
    """All keys in Redis hash to one slot of a cluster, whatever braces are in the gate's keys."""
    names = [name for key in ("a", "{b}", "c{d}", "main/user/}x{") for name in store._keys(key)]
    assert len({key_slot(name.encode()) for name in names}) == 1


def test_namespaces_are_apart(redis_server: Service, key: str) -> None:
    """Two stores with different namespaces in one Redis see nothing of each other."""
    one = _store(redis_server.port)
    other: Any = RedisStore(_client(redis_server.port), namespace="other")
    assert one.save(key, b"one", "v1", None) is True
    assert other.load(key) is None
    assert list(other.scan(key, None, 10)) == []
    one.close()
    other.close()
