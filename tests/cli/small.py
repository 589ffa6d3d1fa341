"""A small gated application for the commands to work on; SMALL_KIND says over which store. A cookie names the user."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twofa_gate import Enforcement, Event, Gate, GateRequest, Policy, Stored, User, hookimpl
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

KEYS = os.environ.get("SMALL_KEY", "a key of the tests that is long enough").split(",")
DATABASE = os.environ["SMALL_DATABASE"]
seen: list[Event] = []


class Host:
    """Knows users by a cookie."""

    @hookimpl
    def identify(self, request: GateRequest) -> User | None:
        """Say who asks."""
        name = request.cookies.get("user")
        return None if name is None else User(id=name, label=f"{name}@example.com", login="1")


class AsyncStore:
    """A store whose hooks must be awaited, on the same file."""

    def __init__(self, path: str) -> None:
        self._store = SQLiteStore(path)

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

    async def aclose(self) -> None:
        """Close the file."""
        self._store.close()


class AsyncObserver:
    """Notes events, and must be awaited."""

    @hookimpl
    async def on_event(self, event: Event) -> None:
        """See `HostHooks.on_event`."""
        seen.append(event)


class BrokenStore:
    """A store that fails once the gate has started."""

    volatile = False

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """Answer for the installation record alone."""
        if key.endswith("/installation"):
            return Stored(b"{}", "1")
        raise OSError("the disk is\ngone")

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Never get there."""
        raise OSError("the disk is gone")

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """Never get there."""
        raise OSError("the disk is gone")


def make(*plugins: object) -> Gate:
    """Make a gate with these plugins."""
    policy = Policy(Enforcement.OPTIONAL)
    return Gate(secret_keys=KEYS, issuer="Small", plugins=[Host(), *plugins], policy=policy)


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Be the application."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


kind = os.environ.get("SMALL_KIND", "plain")
if kind == "plain":
    gate = make(SQLiteStore(DATABASE))
    app = TwoFactorMiddleware(hello, gate)
elif kind == "async":
    gate = make(AsyncStore(DATABASE), AsyncObserver())
elif kind == "observer":
    gate = make(SQLiteStore(DATABASE), AsyncObserver())
elif kind == "broken":
    gate = make(BrokenStore())
elif kind == "raising":
    raise LookupError("no settings\nhere")
else:
    gate = make(MemoryStore())
