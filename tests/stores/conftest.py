"""The databases that the stores are tested on: real servers, started once for a test run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import services
from tests.support.services import Service


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Service]:
    """Return a running PostgreSQL; without its package the test is skipped."""
    with services.postgresql() as service:
        yield service


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Service]:
    """Return a running MariaDB; without its package the test is skipped."""
    with services.mariadb() as service:
        yield service


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Service]:
    """Return a running Redis; without its package the test is skipped."""
    with services.redis() as service:
        yield service


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[Service]:
    """Return a running Redis cluster of one node; without its package the test is skipped."""
    with services.redis_cluster() as service:
        yield service
