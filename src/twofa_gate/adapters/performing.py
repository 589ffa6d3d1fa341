"""Running a flow: the loop of both drivers, and the effects that they perform alike."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from twofa_gate.core.effects import (
    READ_CLOCK,
    CallHook,
    Clock,
    DrawRandom,
    Effect,
    Flow,
    ReadBody,
    ReadClock,
    WriteLog,
)
from twofa_gate.errors import HookError

__all__ = ["begin", "perform_async", "perform_here", "read_clock", "run", "run_async"]

T = TypeVar("T")

_clock = partial(tuple.__new__, Clock)
"""Makes a `Clock` of a pair, in half the time."""
_log = logging.getLogger("twofa_gate")


def read_clock() -> Clock:
    """Read both clocks."""
    return _clock((time.time(), time.monotonic()))


def perform_here(effect: Effect[Any]) -> Any:
    """Perform an effect in place; a hook may block."""
    if type(effect) is CallHook:
        if effect.hook.is_async:  # its coroutine would never run, and nobody would notice
            raise HookError(
                f"{effect.hook.plugin}.{effect.hook.name} is async def, and nothing is awaited here."
            )
        return effect.hook.function(*effect.args)
    if type(effect) is ReadClock:
        return read_clock()
    if type(effect) is DrawRandom:
        return os.urandom(effect.size)
    if type(effect) is WriteLog:
        _log.log(effect.level, "%s", effect.line)
        return None
    if type(effect) is ReadBody:
        return b""  # an operation outside any request has no body
    raise TypeError(f"This driver does not know the effect {type(effect).__name__}.")


async def perform_async(effect: Effect[Any], hook_timeout: float) -> Any:
    """Perform an effect on the event loop: what may block goes to a thread, and nothing takes for ever.

    A hook that takes longer than `hook_timeout` seconds fails with `TimeoutError`.
    """
    if type(effect) is not CallHook:
        return perform_here(effect)
    hook = effect.hook
    if not hook.is_async and not hook.blocking:
        return hook.function(*effect.args)
    import anyio.to_thread

    with anyio.fail_after(hook_timeout):
        if hook.is_async:
            return await hook.function(*effect.args)
        return await anyio.to_thread.run_sync(partial(hook.function, *effect.args), abandon_on_cancel=True)


def run(flow: Flow[T], perform: Callable[[Effect[Any]], Any] = perform_here) -> T:
    """Run a flow to its end; a failed effect is thrown into it."""
    try:
        effect = next(flow)
        while True:
            try:
                result = perform(effect)
            except Exception as error:  # the core decides how to fail
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as done:
        value: T = done.value
        return value


def begin(flow: Flow[T]) -> tuple[Effect[Any] | None, T | None]:
    """Run a flow on the event loop as far as it goes without waiting.

    Returns what has to be awaited first, or else what came out. Most flows end here, since their hooks never
    block, and make no coroutine for each effect.
    """
    try:
        effect = next(flow)
        while True:
            try:
                if type(effect) is CallHook:
                    if not effect.hook.in_place:
                        return effect, None
                    result = effect.hook.function(*effect.args)
                elif effect is READ_CLOCK:
                    result = read_clock()
                elif type(effect) is ReadBody:
                    return effect, None
                else:
                    result = perform_here(effect)
            except Exception as error:  # the core decides how to fail
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as done:
        return None, done.value


async def run_async(
    flow: Flow[T], perform: Callable[[Effect[Any]], Awaitable[Any]], effect: Effect[Any] | None = None
) -> T:
    """Run a flow to its end on the event loop; a failed effect is thrown into it.

    `effect` is what a flow that has begun waits for.
    """
    try:
        if effect is None:
            effect = next(flow)
        while True:
            try:
                result = await perform(effect)
            except Exception as error:  # the core decides how to fail
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as done:
        value: T = done.value
        return value
