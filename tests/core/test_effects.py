"""Effects, and the two drivers that perform all of them."""

from __future__ import annotations

import asyncio
import dataclasses
from functools import partial
from typing import Any

import pytest

from twofa_gate.adapters.performing import perform_async, perform_here, run, run_async
from twofa_gate.core import effects
from twofa_gate.core.effects import (
    BoundHook,
    CallHook,
    Clock,
    DrawRandom,
    Effect,
    Flow,
    ReadBody,
    ReadClock,
    WriteLog,
    perform,
)

ALL = [
    CallHook(BoundHook("x", "P", str), (5,)),
    ReadClock(),
    DrawRandom(8),
    ReadBody(10),
    WriteLog(10, "line"),
]


def one(effect: Effect[Any]) -> Flow[Any]:
    """Ask for one effect."""
    return (yield from perform(effect))


def test_no_effect_is_missing() -> None:
    """The list here is complete."""
    kinds = {
        kind
        for kind in vars(effects).values()
        if isinstance(kind, type) and issubclass(kind, Effect) and kind is not Effect
    }
    assert kinds == {type(effect) for effect in ALL}


@pytest.mark.parametrize("effect", ALL, ids=lambda effect: type(effect).__name__)
def test_both_drivers_perform_it(effect: Effect[Any]) -> None:
    """Each effect has the same kind of result from both drivers, and nothing can change it."""
    here = run(one(effect))
    there = asyncio.run(run_async(one(effect), partial(perform_async, hook_timeout=5)))
    assert type(here) is type(there)
    assert dataclasses.is_dataclass(effect)
    if isinstance(effect, DrawRandom):
        assert (len(here), len(there), here == there) == (8, 8, False)
    if isinstance(effect, ReadClock):
        assert isinstance(here, Clock)


def test_unknown_effect_is_an_error() -> None:
    """An effect that a driver doesn't know is an error, thrown into the flow."""

    class Novel(Effect[int]):
        pass

    with pytest.raises(TypeError, match="Novel"):
        run(one(Novel()))
    with pytest.raises(TypeError, match="Novel"):
        perform_here(Novel())


def test_failure_is_thrown_into_the_flow() -> None:
    """The flow decides how to fail, under both drivers."""

    def failing() -> Any:
        raise OSError("down")

    def flow() -> Flow[str]:
        try:
            yield CallHook(BoundHook("x", "P", failing), ())
        except OSError as error:
            return f"caught {error}"
        return "nothing happened"

    assert run(flow()) == "caught down"
    assert asyncio.run(run_async(flow(), partial(perform_async, hook_timeout=5))) == "caught down"
