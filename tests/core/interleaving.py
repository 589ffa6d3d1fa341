"""Running several flows against each other, in every order of what they do to the store.

A flow says by its effects when it touches anything that others see: `load` and `save`. What lies between two of
these touches nothing shared, so that every order of these is every order there is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.core.stepping import World
from twofa_gate import Stored
from twofa_gate.core.effects import CallHook, Effect, Flow, ReadBody

__all__ = ["Race", "Ran", "every_order", "some_orders"]

SHARED = ("load", "save")


@dataclass
class Race:
    """One request or operation that takes part: makes its flow, and the body that the flow reads."""

    start: Callable[[], Flow[Any]]
    body: bytes = b""


@dataclass
class Ran:
    """One order that was run: what came out of each flow, and which flows' writes won, in order."""

    results: list[Any]
    wins: list[int] = field(default_factory=list)
    choices: list[tuple[int, int]] = field(default_factory=list)


class _Runner:
    """One flow on its way: stands before its next effect on the store, or has ended."""

    def __init__(self, world: World, race: Race) -> None:
        self._world, self._body = world, race.body
        self._flow = race.start()
        self.effect: CallHook | None = None
        self.result: Any = None
        self._go(lambda: next(self._flow))

    @property
    def over(self) -> bool:
        """Whether the flow has ended."""
        return self.effect is None

    def step(self) -> bool:
        """Perform the effect it stands before; whether that was a write that won."""
        assert self.effect is not None
        effect = self.effect
        given = effect.hook.function(*effect.args)
        self._go(lambda: self._flow.send(given))
        return effect.hook.name == "save" and given is True

    def _go(self, on: Callable[[], Effect[Any]]) -> None:
        self.effect = None
        try:
            effect = on()
            while not (isinstance(effect, CallHook) and effect.hook.name in SHARED):
                given = self._body if isinstance(effect, ReadBody) else self._world.perform(effect)
                effect = self._flow.send(given)
            self.effect = effect
        except StopIteration as end:
            self.result = end.value


def _run(world: World, races: Sequence[Race], choose: Callable[[int, int], int]) -> Ran:
    runners = [_Runner(world, race) for race in races]
    ran = Ran([])
    while ready := [index for index, each in enumerate(runners) if not each.over]:
        choice = choose(len(ran.choices), len(ready))
        ran.choices.append((choice, len(ready)))
        if runners[ready[choice]].step():
            ran.wins.append(ready[choice])
    ran.results = [each.result for each in runners]
    return ran


def every_order(world: World, races: Sequence[Race]) -> Iterator[Ran]:
    """Run the flows in every order there is, each time from the state in which the world is now."""
    before = _contents(world)
    path: list[int] = []
    while True:

        def follow(at: int, options: int, path: list[int] = path) -> int:
            return path[at] if at < len(path) else 0

        ran = _run(world, races, follow)
        yield ran
        _restore(world, before)
        left = list(ran.choices)
        while left and left[-1][0] + 1 == left[-1][1]:
            left.pop()
        if not left:
            return
        path = [choice for choice, _ in left]
        path[-1] += 1


def some_orders(world: World, races: Sequence[Race], times: int, seed: int = 0) -> Iterator[Ran]:
    """Run the flows in some orders, drawn at random."""
    before = _contents(world)
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    for _ in range(times):
        yield _run(world, races, lambda at, options: draw.randrange(options))
        _restore(world, before)


def _contents(world: World) -> dict[str, Stored]:
    found = {key: world.store.load(key) for key in world.store.scan("", None, 1000)}
    return {key: stored for key, stored in found.items() if stored is not None}


def _restore(world: World, before: dict[str, Stored]) -> None:
    for key, stored in _contents(world).items():
        assert world.store.save(key, None, "", stored.version)
        world.settings.passes.forget(key.rpartition("/")[2])
    for key, stored in before.items():
        assert world.store.save(key, stored.document, stored.version, None)
