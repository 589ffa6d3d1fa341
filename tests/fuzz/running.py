"""Runs of the differential fuzzer in this process, each input reproducible by seed and number."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from tests.abuse.site import FakeClock
from tests.hosts.django_site import configure

from .grammar import generate
from .judging import Tally, Verdict, judge
from .requests import Request, Style
from .worlds import WORLDS, World

__all__ = ["make_worlds", "one", "run", "shrink"]


@contextmanager
def make_worlds(folder: Path, names: Sequence[str] = tuple(WORLDS)) -> Iterator[list[World]]:
    """Make worlds, in which u2 has just verified."""
    configure(folder)
    clock = FakeClock()
    clock.now = time.time() - 31 * len(names) - 10
    loggers = [logging.getLogger(name) for name in ("twofa_gate", "django")]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    with mock.patch.object(time, "time", clock.time):
        worlds = [World(name, clock) for name in names]
    try:
        yield worlds
    finally:
        for logger in loggers:
            logger.setLevel(logging.NOTSET)
        for world in worlds:
            world.close()


def request_of(world: World, seed: str, number: int) -> Request:
    """Return the request of this number."""
    return generate(random.Random(f"{seed}/{number}"), world.cast)  # noqa: S311 - a fuzzer is to be repeatable


def one(world: World, request: Request) -> Verdict:
    """Try one request."""
    return judge(request, world.cast, *world.compare(request))


def run(
    worlds: Sequence[World],
    inputs: int,
    seed: str,
    *,
    most_hits: int = 5,
    shrinks: bool = True,
    tell: Callable[[Tally], None] | None = None,
) -> Tally:
    """Try this many inputs, in turn in each world; stop at so many hits, each shrunk."""
    tally = Tally()
    for number in range(inputs):
        world = worlds[number % len(worlds)]
        request = request_of(world, seed, number)
        verdict = one(world, request)
        where = ""
        if verdict.hit:
            small = shrink(world, request, verdict.hit) if shrinks else request
            where = f"  seed {seed!r}, number {number}, world {world.name!r}\n  {request}\n  shrunk: {small}"
        tally.add(verdict, where)
        if len(tally.hits) >= most_hits:
            break
        if tell is not None and tally.inputs % 10_000 == 0:
            tell(tally)
    return tally


def shrink(world: World, request: Request, hit: str) -> Request:
    """Return a smaller request for which the gate does the same wrong."""
    shorter = True
    while shorter:
        shorter = False
        for candidate in _smaller(request):
            if candidate != request and one(world, candidate).hit == hit:
                request, shorter = candidate, True
                break
    return request


def _smaller(request: Request) -> Iterator[Request]:
    """Give requests that are a little simpler."""
    yield from _plainer(request)
    for n in range(len(request.headers)):
        yield replace(request, headers=request.headers[:n] + request.headers[n + 1 :])
    for target in _cuts(request.target):
        yield replace(request, target=target)
    for n, (name, value) in enumerate(request.headers):
        for less in _cuts(value):
            yield replace(request, headers=(*request.headers[:n], (name, less), *request.headers[n + 1 :]))


def _plainer(request: Request) -> Iterator[Request]:
    """Give requests of which one thing is as it usually is."""
    usual = Request(target=request.target, headers=request.headers)
    yield usual
    for name in ("style", "body", "method", "socket"):
        yield replace(request, **{name: getattr(usual, name)})
    for name in Style.__dataclass_fields__:
        yield replace(request, style=replace(request.style, **{name: getattr(usual.style, name)}))


def _cuts(data: bytes) -> Iterator[bytes]:
    size = len(data)
    while size:
        for at in range(0, len(data), size):
            yield data[:at] + data[at + size :]
        size //= 2
