"""What the core can ask of the world.

The core's functions are generators: they yield an `Effect` and are sent its result, or have its failure
thrown into them, so that the core decides how to fail. A driver performs each effect; there are only these
few, and each driver handles all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

__all__ = [
    "READ_CLOCK",
    "BoundHook",
    "CallHook",
    "Clock",
    "DrawRandom",
    "Effect",
    "Flow",
    "ReadBody",
    "ReadClock",
    "WriteLog",
    "perform",
]

T = TypeVar("T")


class Effect(Generic[T]):
    """Something a driver does for the core; `T` is the type of its result."""

    __slots__ = ()


Flow: TypeAlias = Generator[Effect[Any], Any, T]
"""A part of the core: yields effects, returns a `T`."""


@dataclass(frozen=True, slots=True)
class BoundHook:
    """One implementation of one hook, found at start.

    `is_async`: it must be awaited. `blocking`: it may block, so under ASGI it runs in a thread.
    `live`: on `identify`, the session can change inside the process without a cookie being set.
    """

    name: str
    plugin: str
    function: Callable[..., Any]
    is_async: bool = False
    blocking: bool = True
    live: bool = False
    in_place: bool = field(init=False)
    """Whether an event loop can call it without a thread and without waiting."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_place", not self.is_async and not self.blocking)


@dataclass(
    slots=True
)  # not frozen: one is made for each hook of each request, and that would take twice the time
class CallHook(Effect[Any]):
    """Call a hook of the host or the store. The core checks what comes back."""

    hook: BoundHook
    args: tuple[Any, ...]


class Clock(NamedTuple):
    """The time: `now` in seconds since the epoch, `monotonic` in seconds of a clock that is never set."""

    now: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class ReadClock(Effect[Clock]):
    """Read both clocks."""


READ_CLOCK = ReadClock()


@dataclass(frozen=True, slots=True)
class DrawRandom(Effect[bytes]):
    """Draw `size` bytes from the operating system's random source."""

    size: int


@dataclass(frozen=True, slots=True)
class ReadBody(Effect[bytes]):
    """Read the request's body, of at most `limit` bytes.

    Fails with `BadRequest` (413) if it is longer, (400) if it ends early.
    """

    limit: int


@dataclass(frozen=True, slots=True)
class WriteLog(Effect[None]):
    """Write one line to the logger `twofa_gate`, at a level of `logging`."""

    level: int
    line: str


def perform(effect: Effect[T]) -> Generator[Effect[Any], Any, T]:
    """Ask for one effect; a `yield from` of this has the type of the effect's own result."""
    result: T = yield effect
    return result
