"""`RedisStore` keeps the contract: plain and async, alone and in a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.support.services import Service
from twofa_gate.stores.redis import RedisStore
from twofa_gate.testing import StoreConformance
from twofa_gate.testing._calls import StoreCalls


class TestRedis(StoreConformance):
    """redis.Redis."""

    make: Any = redis.Redis

    @pytest.fixture
    def port(self, redis_server: Service) -> int:
        return redis_server.port

    @pytest.fixture
    def reopen(self, port: int) -> Callable[[], RedisStore]:
        return lambda: RedisStore(type(self).make(host="127.0.0.1", port=port))

    @pytest.fixture
    def store(self, reopen: Callable[[], RedisStore]) -> RedisStore:
        return reopen()

    @pytest.fixture
    def unreachable(self) -> RedisStore:
        return RedisStore(type(self).make(host="127.0.0.1", port=1, retry=None))


class TestRedisAsync(TestRedis):
    """redis.asyncio.Redis."""

    make = redis.asyncio.Redis


class TestCluster(TestRedis):
    """redis.RedisCluster."""

    make: Any = redis.RedisCluster

    @pytest.fixture
    def port(self, redis_cluster: Service) -> int:
        return redis_cluster.port

    @pytest.fixture
    def unreachable(self) -> None:
        """Return nothing: this client connects, and fails, when it is made."""


class TestClusterAsync(TestCluster):
    """redis.asyncio.RedisCluster."""

    make = redis.asyncio.RedisCluster

    @pytest.fixture
    def unreachable(self) -> RedisStore:
        return RedisStore(redis.asyncio.RedisCluster(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)))

    def test_no_update_is_lost_between_processes(self, calls: StoreCalls, base: str) -> None:
        """A child of a process that has used this client is told to make its own."""
        with pytest.raises(AssertionError, match="was used before the fork"):
            super().test_no_update_is_lost_between_processes(calls, base)

    def test_one_of_many_processes_wins(self, calls: StoreCalls, base: str) -> None:
        """Likewise: nothing is decided in the child."""
        with pytest.raises(AssertionError, match="was used before the fork"):
            super().test_one_of_many_processes_wins(calls, base)

    def test_done_is_durable_and_shared(self, calls: StoreCalls, base: str) -> None:
        """Likewise: nothing is written in the child."""
        with pytest.raises(AssertionError, match="was used before the fork"):
            super().test_done_is_durable_and_shared(calls, base)
