"""The tables of the harbor office, its passwords, and what a new database starts with."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password TEXT NOT NULL,
        is_admin_of TEXT, joined TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS logins (
        login_id TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users,
        at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS log (
        id INTEGER PRIMARY KEY, berth TEXT NOT NULL, note TEXT NOT NULL, entered_by TEXT NOT NULL,
        at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS fees (
        id INTEGER PRIMARY KEY, boat TEXT NOT NULL, cents INTEGER NOT NULL, due TEXT NOT NULL,
        paid INTEGER NOT NULL DEFAULT 0)""",
)

USERS = (
    ("ada@example.com", "Ada", "correct horse", "office", "2021-03-01"),
    ("grace@example.com", "Grace", "battery staple", "billing", "2022-09-15"),
    ("max@example.com", "Max", "open sesame", None, "2024-06-03"),
)
BOATS = ("Albatross", "Blue Peter", "Curlew", "Dunlin", "Eider", "Fulmar")


@contextmanager
def connect(path: str, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction, which keeps other writers out from the start if asked to."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        yield connection
        connection.execute("COMMIT")
    finally:
        connection.close()  # which rolls back what was not committed


def prepare(path: str) -> None:
    """Create the tables, and fill new ones. Several workers may do this at once: the first does the work."""
    with connect(path, write=True) as database:
        for table in SCHEMA:
            database.execute(table)
        if database.execute("SELECT 1 FROM users").fetchone() is None:
            _fill(database)


def _fill(database: sqlite3.Connection) -> None:
    database.executemany(
        "INSERT INTO users (email, name, password, is_admin_of, joined) VALUES (?, ?, ?, ?, ?)",
        [(email, name, hash_password(password), *rest) for email, name, password, *rest in USERS],
    )
    database.executemany(
        "INSERT INTO log (berth, note, entered_by) VALUES (?, ?, 'ada@example.com')",
        [
            (f"{pier}{number}", f"{boat} {what}")
            for pier, what in (("A", "moored"), ("B", "took on water and diesel"), ("C", "cleared for sea"))
            for number, boat in enumerate(BOATS, 1)
        ],
    )
    database.executemany(
        "INSERT INTO fees (boat, cents, due) VALUES (?, ?, ?)",
        [(boat, 14500 + 1250 * length, "2026-04-01") for length, boat in enumerate(BOATS)],
    )


def hash_password(password: str) -> str:
    """Return the salted scrypt hash of a password, as text."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Say whether `stored` is a hash of this password."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
