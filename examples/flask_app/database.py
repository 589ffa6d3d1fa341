"""The tables of the back office, and what a new one starts with."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, timedelta

from werkzeug.security import generate_password_hash

BAKERIES = ("Mill Street", "Harbor", "Old Town")

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS users (
        id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password TEXT NOT NULL,
        is_admin_of TEXT, joined TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS logins (
        login_id TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users,
        at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS orders (
        id INTEGER PRIMARY KEY, bakery TEXT NOT NULL, item TEXT NOT NULL, quantity INTEGER NOT NULL,
        day TEXT NOT NULL, entered_by TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS invoices (
        id INTEGER PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL, due TEXT NOT NULL,
        paid INTEGER NOT NULL DEFAULT 0)""",
)

USERS = (
    ("ada@example.com", "Ada", "correct horse", "office", "2021-03-01"),
    ("grace@example.com", "Grace", "battery staple", "billing", "2022-09-15"),
    ("max@example.com", "Max", "open sesame", None, "2024-06-03"),
)
STANDING_ORDERS = (("Rye loaf", 24), ("Baguette", 60), ("Cinnamon roll", 36), ("Seeded bun", 80))
INVOICES = (
    ("Café Lindgren", 18450, "2026-01-15"),
    ("Hotel Seeblick", 92100, "2026-01-20"),
    ("Corner Deli", 6375, "2026-02-01"),
    ("Primary School West", 31280, "2026-02-10"),
)


def connect(path: str) -> sqlite3.Connection:
    """Open the database. Whoever calls this closes it."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def prepare(path: str) -> None:
    """Create the tables, and fill new ones. Several workers may do this at once: the first does the work."""
    with closing(connect(path)) as database:
        database.execute("BEGIN IMMEDIATE")
        for table in SCHEMA:
            database.execute(table)
        if database.execute("SELECT 1 FROM users").fetchone() is None:
            _fill(database)
        database.execute("COMMIT")


def _fill(database: sqlite3.Connection) -> None:
    database.executemany(
        "INSERT INTO users (email, name, password, is_admin_of, joined) VALUES (?, ?, ?, ?, ?)",
        [
            (email, name, generate_password_hash(password), is_admin_of, joined)
            for email, name, password, is_admin_of, joined in USERS
        ],
    )
    monday = date(2026, 1, 5)
    database.executemany(
        "INSERT INTO orders (bakery, item, quantity, day, entered_by) VALUES (?, ?, ?, ?, ?)",
        [
            (bakery, item, quantity, str(monday + timedelta(days=day)), "ada@example.com")
            for day in range(5)
            for bakery in BAKERIES
            for item, quantity in STANDING_ORDERS
        ],
    )
    database.executemany("INSERT INTO invoices (customer, cents, due) VALUES (?, ?, ?)", INVOICES)
