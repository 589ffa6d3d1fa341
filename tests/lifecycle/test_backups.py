"""Backups by each database's own tools, restored: what holds with `void_before`, and what does not."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import create_engine, text

from tests.abuse.conftest import SiteMaker
from tests.abuse.site import Site
from tests.support import services
from twofa_gate.stores.redis import RedisStore
from twofa_gate.stores.sql import SQLStore, metadata
from twofa_gate.stores.sqlite import SQLiteStore

Kept = tuple[Any, Callable[[], Any]]
"""A store, and what makes a backup of it; that returns what restores it into a store of its own."""


def tool(*command: str, given: bytes = b"") -> bytes:
    """Run a database's tool."""
    done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def on_sqlite(folder: Path) -> Iterator[Kept]:
    """By SQLite's online backup."""
    store = SQLiteStore(folder / "2fa.db")

    def backup() -> Callable[[], Any]:
        with sqlite3.connect(folder / "2fa.db") as source, sqlite3.connect(folder / "restored.db") as target:
            source.backup(target)
        source.close()
        target.close()
        return lambda: SQLiteStore(folder / "restored.db")

    yield store, backup


def on_sql(url: str, dump: list[str], load: list[str]) -> Iterator[Kept]:
    """By `pg_dump` or `mariadb-dump`."""
    engine, other = create_engine(url.format("one")), create_engine(url.format("two"))
    metadata.drop_all(engine)

    def backup() -> Callable[[], Any]:
        saved = tool(*dump, "one")

        def restore() -> Any:
            tool(*load, "two", given=saved)
            return SQLStore(other, create=False)

        return restore

    yield SQLStore(engine), backup
    engine.dispose()
    other.dispose()


def on_postgresql() -> Iterator[Kept]:
    """By `pg_dump` and `psql`."""
    with services.postgresql() as service:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{service.port}/{{}}"
        _create(url.format("postgres"))
        where = ["-h", "127.0.0.1", "-p", str(service.port), "-U", "postgres"]
        yield from on_sql(url, ["pg_dump", *where], ["psql", "-q", "-v", "ON_ERROR_STOP=1", *where])


def on_mariadb() -> Iterator[Kept]:
    """By `mariadb-dump` and `mariadb`."""
    with services.mariadb() as service:
        url = f"mariadb+pymysql://root@127.0.0.1:{service.port}/{{}}"
        _create(url.format("test"))
        where = ["--no-defaults", "--protocol=tcp", "-h", "127.0.0.1", f"-P{service.port}", "-u", "root"]
        dump = ["mariadb-dump", *where, "--single-transaction", "--hex-blob"]
        yield from on_sql(url, dump, ["mariadb", *where])


def _create(url: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("one", "two"):
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()


def on_redis(folder: Path) -> Iterator[Kept]:
    """By the file that `SAVE` writes."""
    with services.redis("appendonly no") as service, services.redis("appendonly no") as other:
        client, restored = redis.Redis(port=service.port), redis.Redis(port=other.port)

        def backup() -> Callable[[], Any]:
            client.save()
            shutil.copy(service.folder / "dump.rdb", folder / "dump.rdb")

            def restore() -> Any:
                other.kill()
                shutil.copy(folder / "dump.rdb", other.folder / "dump.rdb")
                other.start()
                return RedisStore(restored)

            return restore

        yield RedisStore(client), backup
        client.close()
        restored.close()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "redis"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """Make a store and its backup."""
    match request.param:
        case "sqlite":
            yield from on_sqlite(tmp_path)
        case "postgresql":
            yield from on_postgresql()
        case "mariadb":
            yield from on_mariadb()
        case _:
            yield from on_redis(tmp_path)


def test_restored(make_site: SiteMaker, kept: Kept) -> None:
    """After a restore ended verifications and used TOTP codes are void; used recovery codes and counts are back.

    That is what `void_before` and a minute's time can do, and what they can't.
    """
    store, backup = kept
    site = make_site(store=store, initialize=True)
    browser = site.verified("u1")
    cookies = site.cookie_header(browser)
    restore = backup()

    _live_on(site)
    assert site.raw("GET", "/app/x", [("Cookie", cookies)]).status == 303
    code = site.phones["u1"].code()
    site.verify(site.browser("u1"), "u1", code)

    site.clock.move(60)
    now = datetime.fromtimestamp(site.clock.now, UTC)
    again = make_site(target=site.target, store=restore(), void_before=now)
    again.phones = site.phones
    # What holds.
    assert again.raw("GET", "/app/x", [("Cookie", cookies)]).status == 303
    assert again.api(again.browser("u1"), "challenge", {"code": code}).status == 403
    again.clock.move(60)
    again.verify(again.browser("u1"), "u1")
    # What does not: the guide says what to do about it.
    again.verify(again.browser("u1"), "u1", site.recovery_codes["u1"][0])
    assert again.gate.status("u1").failures == 1
    assert not again.gate.status("u3").enrolled


def _live_on(site: Site) -> None:
    """Let happen what the backup knows nothing of."""
    site.gate.revoke("u1")
    site.verify(site.browser("u1"), "u1", site.recovery_codes["u1"][0])
    for _ in range(2):
        site.api(site.browser("u1"), "challenge", {"code": site.phones["u1"].wrong()})
    assert site.gate.status("u1").failures == 2
    site.clock.move(60)
    site.enroll("u3")
