"""The members of a location, in chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from tests.core.stepping import Host, World, user
from twofa_gate import User, hookimpl
from twofa_gate.adapters.performing import perform_async, run_async
from twofa_gate.core.members import MemberReader, find_member
from twofa_gate.errors import HookError


class Town(Host):
    """A host whose location has these members."""

    def __init__(self, members: Any) -> None:
        super().__init__()
        self.members = members

    @hookimpl
    def location_members(self, location: str) -> Any:
        """Give them."""
        return self.members


def chunks(members: Any, size: int = 2) -> list[list[str]]:
    """Read all chunks."""
    world = World(Town(members))
    reader = MemberReader(world.settings, "office", size)
    found = []
    while chunk := world.run(reader.chunk()):
        found.append([each.id for each in chunk])
    return found


USERS = [user(f"u{number}") for number in range(5)]


def test_any_iterable() -> None:
    """A list, a tuple, a generator: each is read once, in chunks, in order."""
    expected = [["u0", "u1"], ["u2", "u3"], ["u4"]]
    for members in (USERS, tuple(USERS), iter(USERS), (each for each in USERS)):
        assert chunks(members) == expected
    assert chunks([]) == []
    assert chunks(USERS[:4]) == expected[:2]


def test_no_more_than_a_chunk_is_pulled() -> None:
    """Of a generator no more is pulled than is asked for."""
    pulled = []

    def members() -> Iterator[User]:
        for each in USERS:
            pulled.append(each.id)
            yield each

    world = World(Town(members()))
    world.run(MemberReader(world.settings, "office", 2).chunk())
    assert pulled == ["u0", "u1"]


def test_async_generator() -> None:
    """An asynchronous generator is read on the loop, in chunks."""

    async def members() -> AsyncIterator[User]:
        for each in USERS:
            yield each

    world = World(Town(members()))
    reader = MemberReader(world.settings, "office", 2)

    async def read() -> list[list[str]]:
        found = []
        while chunk := await run_async(reader.chunk(), partial(perform_async, hook_timeout=5)):
            found.append([each.id for each in chunk])
        return found

    assert asyncio.run(read()) == [["u0", "u1"], ["u2", "u3"], ["u4"]]


@pytest.mark.parametrize("members", [None, "u1", 5, ["u1"], [None], {"u1": 1}, [USERS[0], 5]])
def test_anything_else_is_an_error(members: Any) -> None:
    """What holds anything but users is an error, and never an empty location."""
    with pytest.raises(HookError, match="location_members must"):
        chunks(members)


def test_coroutine_without_a_loop() -> None:
    """A hook that has to be awaited is an error where nothing can await it."""

    async def later() -> list[User]:
        return USERS

    with pytest.raises(HookError, match=r"location_members is async def"):
        chunks(later())


def test_host_that_names_nobody() -> None:
    """Without the hook there is nothing to read, which is an error too."""
    world = World()
    with pytest.raises(HookError, match="No plugin implements location_members"):
        world.run(MemberReader(world.settings, "office").chunk())


def test_finding_one() -> None:
    """A member is found by id, in whichever chunk; who isn't one is not."""
    world = World(Town([user(f"u{number}") for number in range(1200)]))
    found = world.run(find_member(world.settings, "office", "u1100"))
    assert found == user("u1100")
    assert world.run(find_member(world.settings, "office", "U1")) is None
