"""The members of a location, in chunks: the host may give a generator over a hundred thousand of them.

Each chunk is pulled by an effect of its own, so that a generator that reads a database blocks no event loop.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from twofa_gate.core.effects import CallHook, Flow, perform
from twofa_gate.core.settings import Settings
from twofa_gate.errors import HookError
from twofa_gate.model import User

__all__ = ["CHUNK", "MemberReader", "find_member"]

CHUNK = 500
"""Members that are held in memory at once."""


class MemberReader:
    """Reads the members of one location once, from the first to the last.

    `chunk` gives the next ones, and an empty list at the end. Raises `HookError` for a host that names none.
    """

    def __init__(self, settings: Settings, location: str, size: int = CHUNK) -> None:
        self._hook = settings.hooks.location_members
        self._location = location
        self._size = size
        self._source: Iterable[Any] | AsyncIterator[Any] | None = None
        self._rows: Iterator[Any] | None = None

    def chunk(self) -> Flow[list[User]]:
        """Read the next members."""
        hook = self._hook
        if hook is None:
            raise HookError(
                "No plugin implements location_members: the gate has to be told who belongs to a location."
            )
        if self._source is None:
            self._source = yield from perform(CallHook(hook, (self._location,)))
        if inspect.iscoroutine(self._source):
            self._source.close()
            raise HookError(f"{hook.plugin}.location_members is async def: an event loop has to await it.")
        if hasattr(self._source, "__anext__"):
            pull = replace(hook, function=self._pull_async, is_async=True)
        else:
            pull = replace(hook, function=self._pull, is_async=False)
        members = yield from perform(CallHook(pull, ()))
        for member in members:
            if not isinstance(member, User):
                raise HookError(
                    f"{hook.plugin}.location_members must give Users, not {type(member).__name__}."
                )
        return list(members)

    def _pull(self) -> list[Any]:
        if self._rows is None:
            if isinstance(self._source, str) or not isinstance(self._source, Iterable):
                raise HookError("location_members must return Users: a list, a generator, a query.")
            self._rows = iter(self._source)
        return list(islice(self._rows, self._size))

    async def _pull_async(self) -> list[Any]:
        found: list[Any] = []
        source: Any = self._source
        async for member in source:
            found.append(member)
            if len(found) == self._size:
                break
        return found


def find_member(settings: Settings, location: str, user_id: str) -> Flow[User | None]:
    """Find a member by id; `None` if there is no such member."""
    reader = MemberReader(settings, location)
    while True:
        members = yield from reader.chunk()
        if not members:
            return None
        found = next((each for each in members if each.id == user_id), None)
        if found is not None:
            return found
