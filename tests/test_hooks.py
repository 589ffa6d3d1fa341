"""Hooks: how they are marked, bound and documented."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from tests.core.stepping import Host, Request, World, user
from twofa_gate import Enforcement, Event, GateRequest, Policy, User, hookimpl
from twofa_gate.binding import bind
from twofa_gate.core import asking
from twofa_gate.hooks import HookTraits, HostHooks, StoreHooks, hook_traits
from twofa_gate.stores.memory import MemoryStore

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "hooks.md"
SPECIFIED = {
    name: function
    for kind in (HostHooks, StoreHooks)
    for name, function in vars(kind).items()
    if inspect.isfunction(function)
}


def test_documented_as_specified() -> None:
    """Each hook has a heading with its arguments in the reference, and no other hook has one."""
    headings = re.findall(r"^### `(\w+)\(([^)]*)\)`$", PAGE.read_text(), re.MULTILINE)
    documented = {name: [each.strip() for each in arguments.split(",")] for name, arguments in headings}
    assert len(headings) == len(documented), "a hook is documented twice"
    specified = {name: list(inspect.signature(each).parameters)[1:] for name, each in SPECIFIED.items()}
    assert documented == specified


@pytest.mark.parametrize("name", SPECIFIED)
def test_specification_is_described(name: str) -> None:
    """Each specification says what the hook is asked, and has the types of its arguments and answer."""
    function = SPECIFIED[name]
    assert inspect.getdoc(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(
        each.annotation is not inspect.Parameter.empty for each in list(signature.parameters.values())[1:]
    )


def test_marks() -> None:
    """A hook is marked bare or with what it promises; unmarked functions promise nothing."""

    @hookimpl
    def bare(self: object) -> None: ...

    @hookimpl(blocking=False, live=True)
    def promising(self: object) -> None: ...

    @hookimpl()
    def called(self: object) -> None: ...

    def unmarked(self: object) -> None: ...

    assert hook_traits(bare) == hook_traits(called) == hook_traits(unmarked) == HookTraits(True, False)
    assert hook_traits(promising) == HookTraits(blocking=False, live=True)
    vars(unmarked)["twofa_gate_traits"] = "something else"
    assert hook_traits(unmarked) == HookTraits()


class Sparing:
    """A plugin whose hooks take fewer arguments than they could have, and in their own order."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    @hookimpl
    def identify(self) -> User:
        """Take nothing."""
        return user()

    @hookimpl
    def locate(self, user: User, request: GateRequest) -> str:
        """Take both, the other way round."""
        self.told.append((user.id, request.path))
        return "billing"

    @hookimpl
    def policy(self, user: User) -> Policy:
        """Take the second alone."""
        self.told.append(user.id)
        return Policy(Enforcement.OFF)


def test_fewer_arguments_in_any_order() -> None:
    """A hook may leave out arguments, and name them in its own order."""
    plugin = Sparing()
    world = World(plugin)
    named = world.run(asking.identify(world.settings, Request("/x")))
    assert named == user()
    assert world.run(asking.locate(world.settings, Request("/x"), user())) == "billing"
    world.run(asking.policies(world.settings, "billing", user()))
    assert plugin.told == [("u1", "/x"), "u1"]


def test_bound_once_with_their_traits() -> None:
    """Hooks are bound at start, with the name of their plugin and what they promise."""

    class Quick(Host):
        @hookimpl(blocking=False, live=True)
        def identify(self, request: GateRequest) -> User | None:
            """Know nobody."""
            return None

        @hookimpl
        async def is_logout(self, request: GateRequest) -> bool:
            """Say no, later."""
            return False

    bound = bind([Quick(), MemoryStore()])
    (identify,) = bound.identify
    assert (identify.plugin, identify.name, identify.blocking, identify.live) == (
        "Quick",
        "identify",
        False,
        True,
    )
    assert bound.live
    assert bound.is_logout is not None
    assert bound.is_logout.is_async
    assert not bound.load.blocking
    assert {each.name for each in bound.all()} == {
        "identify", "is_logout", "locate", "policy", "load", "save", "scan",
    }  # fmt: skip
    assert not bind([Host(), MemoryStore()]).live


def test_adapted_hooks_stay_async() -> None:
    """A hook that takes fewer arguments and is `async def` is still awaited."""

    class Later(Host):
        @hookimpl
        async def on_event(self) -> None:
            """Take nothing."""

    (bound,) = bind([Later(), MemoryStore()]).on_event
    assert bound.is_async
    coroutine = bound.function(None)
    assert inspect.iscoroutine(coroutine)
    coroutine.close()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_all_are_asked(count: int) -> None:
    """`identify`, `policy` and `on_event` may be implemented by any number of plugins, each of them asked."""

    class Everything:
        @hookimpl
        def identify(self) -> None:
            """Know nobody."""

        @hookimpl
        def policy(self) -> None:
            """Have no opinion."""

        @hookimpl
        def on_event(self, event: Event) -> None:
            """Do nothing."""

    bound = bind([MemoryStore(), *[Everything() for _ in range(count)]])
    assert (len(bound.identify), len(bound.policy), len(bound.on_event)) == (count, count, count)
