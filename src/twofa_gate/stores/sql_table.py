"""The table of the SQL store and the statements on it: plain SQLAlchemy, without connections or events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    CursorResult,
    Executable,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import TypeDecorator

from twofa_gate.errors import StoreError
from twofa_gate.model import Stored

__all__ = ["DIALECTS", "ExactString", "create_table", "load", "metadata", "save", "scan"]

_MYSQL = ("mysql", "mariadb")
_DUPLICATE = 1062  # MariaDB's number for an INSERT whose key is there
DIALECTS = ("postgresql", "sqlite", *_MYSQL)
"""The databases that the statements were written for."""


class ExactString(TypeDecorator[str]):
    """Up to 255 ASCII characters that the database compares and sorts exactly, by their bytes."""

    impl = String(255)
    cache_ok = True

    def load_dialect_impl(self, dialect: Any) -> Any:
        """Choose a column type that has no language: every collation of MySQL's strings would do harm."""
        if dialect.name in _MYSQL:
            return dialect.type_descriptor(mysql.VARBINARY(255))
        return dialect.type_descriptor(String(255, collation="C" if dialect.name == "postgresql" else None))

    def process_bind_param(self, value: str | None, dialect: Any) -> Any:
        """Refuse what is too long, since MariaDB may be set up to cut it off in silence."""
        if value is not None and len(value) > 255:
            raise ValueError("keys and versions have at most 255 characters")
        return value.encode() if value is not None and dialect.name in _MYSQL else value

    def process_result_value(self, value: Any, dialect: Any) -> str | None:
        """Return the text."""
        return value.decode() if isinstance(value, bytes) else value


metadata = MetaData()
"""The store's only table, for migration tools such as Alembic. The store creates it where it is missing."""

_table = Table(
    "twofa_gate",
    metadata,
    Column("key", ExactString, primary_key=True),
    Column("document", LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL), nullable=False),
    Column("version", ExactString, nullable=False),
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)
_key, _document, _version = _table.c.key, _table.c.document, _table.c.version


def load(key: str, connection: Connection) -> Stored | None:
    """Carry out `StoreHooks.load`."""
    row = connection.execute(select(_document, _version).where(_key == key)).first()
    return None if row is None else Stored(bytes(row[0]), row[1])


def save(
    key: str, document: bytes | None, version: str, expected: str | None, connection: Connection
) -> bool:
    """Carry out `StoreHooks.save` in one statement."""
    if expected is None:
        if document is None:
            return not _exists(key, connection)
        return _create(key, document, version, connection)
    old = (_key == key, _version == expected)
    if document is None:
        return _hit_one(connection.execute(delete(_table).where(*old)))
    return _hit_one(connection.execute(update(_table).where(*old).values(document=document, version=version)))


def _create(key: str, document: bytes, version: str, connection: Connection) -> bool:
    values = {"key": key, "document": document, "version": version}
    match connection.dialect.name:
        case "postgresql":
            creation: Executable = postgresql.insert(_table).values(values).on_conflict_do_nothing()
        case "sqlite":
            creation = sqlite.insert(_table).values(values).on_conflict_do_nothing()
        case _:
            # INSERT IGNORE ignores more than this, and with ON DUPLICATE KEY the count tells nothing.
            creation = insert(_table).values(values)
    try:
        return _hit_one(connection.execute(creation, execution_options={"preserve_rowcount": True}))
    except IntegrityError as error:
        if _DUPLICATE in (getattr(error.orig, "errno", None), *getattr(error.orig, "args", ())[:1]):
            return False
        raise


def _exists(key: str, connection: Connection) -> bool:
    return connection.execute(select(_version).where(_key == key)).first() is not None


def _hit_one(result: CursorResult[Any]) -> bool:
    if result.rowcount not in (0, 1):
        raise StoreError(f"the database driver says that {result.rowcount} rows were changed, not 0 or 1")
    return result.rowcount == 1


def scan(prefix: str, after: str | None, limit: int, connection: Connection) -> Sequence[str]:
    """Carry out `StoreHooks.scan`."""
    # A range and not LIKE, to which '%' and '_' are wildcards and, in places, case is nothing.
    query = select(_key).where(_key >= prefix).order_by(_key).limit(max(limit, 0))
    if prefix:
        query = query.where(_key < prefix[:-1] + chr(ord(prefix[-1]) + 1))
    if after is not None:
        query = query.where(_key > after)
    return list(connection.execute(query).scalars())


def create_table(connection: Connection) -> None:
    """Create the table if it is missing. Many workers may do so at once, and some need no right to."""
    probe = select(_version).limit(0)
    try:
        connection.execute(probe)
        return
    except DBAPIError:
        pass
    try:
        connection.execute(CreateTable(_table, if_not_exists=True))
    except DBAPIError:
        # Even with IF NOT EXISTS the later of two may fail on PostgreSQL: what counts is that it is there.
        connection.execute(probe)
