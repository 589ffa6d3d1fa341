"""Concurrent requests in orders drawn at random, on the real stores, with the invariants of `tests/core`.

There every order is run on the memory store. Here a sample of the same orders shows that the stores keep what the
invariants rest on; `--soak` runs a large one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, create_engine

from tests.core.interleaving import Race, Ran, some_orders
from tests.core.test_interleavings import (
    Scene,
    test_adding_a_device_against_being_signed_out,
    test_enrollment_begun_elsewhere_while_one_is_confirmed,
    test_removing_a_device_against_being_signed_out,
    test_renaming_a_device_against_being_signed_out,
    test_right_and_wrong_codes_at_the_end_of_the_budget,
    test_same_enrollment_confirmed,
    test_same_recovery_code,
    test_same_totp_code,
    test_sign_out_against_a_visit_by_the_same_browser,
    test_two_sets_of_recovery_codes,
    test_unlock_against_wrong_codes,
    test_verify_against_disable_and_reset,
    test_verify_against_revoke,
    test_visit_against_revoke,
    test_wrong_codes_at_the_end_of_the_budget,
    test_wrong_codes_during_the_back_off,
)
from twofa_gate.stores.redis import RedisStore
from twofa_gate.stores.sql import SQLStore, metadata
from twofa_gate.stores.sqlite import SQLiteStore

__all__ = [
    "test_adding_a_device_against_being_signed_out",
    "test_enrollment_begun_elsewhere_while_one_is_confirmed",
    "test_removing_a_device_against_being_signed_out",
    "test_renaming_a_device_against_being_signed_out",
    "test_right_and_wrong_codes_at_the_end_of_the_budget",
    "test_same_enrollment_confirmed",
    "test_same_recovery_code",
    "test_same_totp_code",
    "test_sign_out_against_a_visit_by_the_same_browser",
    "test_two_sets_of_recovery_codes",
    "test_unlock_against_wrong_codes",
    "test_verify_against_disable_and_reset",
    "test_verify_against_revoke",
    "test_visit_against_revoke",
    "test_wrong_codes_at_the_end_of_the_budget",
    "test_wrong_codes_during_the_back_off",
]

KINDS = ("sqlite", "postgresql", "mariadb", "redis")


class Sampled(Scene):
    """A scene on a real store: as many orders of each race, drawn at random."""

    def __init__(self, times: int, **more: Any) -> None:
        super().__init__(**more)
        self.times = times

    def orders(self, *races: Race, every: bool = True) -> Iterator[Ran]:
        """Run a sample of the orders."""
        for ran in some_orders(self.world, races, self.times):
            yield ran
            self.events.seen.clear()


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Make an empty store of each kind."""
    if request.param == "sqlite":
        made = SQLiteStore(tmp_path / "2fa.db")
        yield made
        made.close()
    elif request.param == "redis":
        client = redis.Redis(port=request.getfixturevalue("redis_server").port, db=7)
        client.flushdb()
        yield RedisStore(client)
        client.close()
    else:
        engine = _engine(request.param, request.getfixturevalue(request.param).port)
        metadata.drop_all(engine)
        yield SQLStore(engine)
        metadata.drop_all(engine)
        engine.dispose()


def _engine(kind: str, port: int) -> Engine:
    if kind == "postgresql":
        return create_engine(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    return create_engine(f"mariadb+pymysql://root@127.0.0.1:{port}/test")


@pytest.fixture(params=[6, pytest.param(150, marks=pytest.mark.soak)])
def scene(store: Any, request: pytest.FixtureRequest) -> Callable[..., Scene]:
    """Make scenes on the store, with an observer, whose outbox makes two more accesses out of each request."""
    return lambda **more: Sampled(request.param, observed=True, store=store, **more)
