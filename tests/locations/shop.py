"""A gate that the command line works on: a store in a file, named by the environment."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence

from tests.locations.town import KEY
from twofa_gate import Enforcement, Gate, Policy, Stored, User, hookimpl
from twofa_gate.locations import LocationSettings
from twofa_gate.request import GateRequest
from twofa_gate.stores.sqlite import SQLiteStore

MEMBERS = int(os.environ.get("SHOP_MEMBERS", "3"))
NAMES = ["ada\x1b[31m", "=max", *[f"m{n}" for n in range(2, MEMBERS)]]


class Plain:
    """Names its members one by one."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Know nobody: this gate only serves the command line."""
        return None

    @hookimpl
    def location_members(self, location: str) -> Iterator[User]:
        """Give a generator."""
        return (User(f"u{n}", name) for n, name in enumerate(NAMES) if location == "office")


class Async:
    """The same, asynchronously."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Know nobody."""
        return None

    @hookimpl
    async def location_members(self, location: str) -> AsyncIterator[User]:
        """Give an asynchronous generator."""
        for n, name in enumerate(NAMES):
            if location == "office":
                yield User(f"u{n}", name)


class AsyncStore:
    """The store, asynchronously."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    @hookimpl
    async def load(self, key: str) -> Stored | None:
        """See `StoreHooks.load`."""
        return self._store.load(key)

    @hookimpl
    async def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """See `StoreHooks.save`."""
        return self._store.save(key, document, version, expected)

    @hookimpl
    async def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """See `StoreHooks.scan`."""
        return self._store.scan(prefix, after, limit)

    def close(self) -> None:
        """Close the file."""
        self._store.close()


store = SQLiteStore(os.environ["SHOP_DATABASE"])
is_async = os.environ.get("SHOP_KIND") == "async"
gate = Gate(
    secret_keys=[KEY],
    issuer="Shop",
    initialize=True,
    plugins=[
        Async() if is_async else Plain(),
        AsyncStore(store) if is_async else store,
        LocationSettings(default=Policy(Enforcement.REQUIRED)),
    ],
)
