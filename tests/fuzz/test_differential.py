"""Case 13 and its class: what reaches a private handler of the bare application is refused behind the gate.

The short run of the differential fuzzer; `make fuzz` is the long one. `TWOFA_GATE_FUZZ` sets how many requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .holes import PATHS, WHERE
from .running import make_worlds, one, request_of, run, shrink
from .wire import SERVERS, run_server
from .worlds import World

INPUTS = int(os.environ.get("TWOFA_GATE_FUZZ", "6000"))
BUDGET = 12_000
"""Requests within which each planted hole is found."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[World]]:
    """Make every world once."""
    with make_worlds(tmp_path_factory.mktemp("django")) as made:
        yield made


def test_what_the_bare_application_shows_is_refused(worlds: list[World]) -> None:
    """Case 13: no request of a grammar of targets, headers and cookies passes; two in five reach something private."""
    tally = run(worlds, INPUTS, "short")
    assert not tally.hits, "\n".join(tally.lines())
    assert tally.reached > INPUTS // 3, tally.lines()
    assert tally.kinds["private as u2: passed"] > INPUTS // 50, tally.lines()
    assert tally.kinds["public as somebody: passed"] > INPUTS // 100, tally.lines()


@pytest.mark.parametrize("name", PATHS)
def test_planted_holes_are_found(worlds: list[World], name: str) -> None:
    """The fuzzer is worth something: it finds each planted hole, and nothing once the hole is closed again."""
    chosen = [world for world in worlds if WHERE.get(name, "") in world.name]
    for world in worlds:
        world.forget()
    with PATHS[name]():
        tally = run(chosen, BUDGET, "holes", most_hits=1, shrinks=False)
        assert tally.hits, tally.lines()
    for world in worlds:
        world.forget()
    assert not run(chosen, tally.inputs, "holes").hits


def test_a_hit_is_told_so_that_it_can_be_had_again(worlds: list[World]) -> None:
    """What is found is told with its seed and number, by which it comes again, and made smaller."""
    with PATHS["HEAD is exempt"]():
        tally = run(worlds, BUDGET, "again", most_hits=1)
        number = tally.inputs - 1
        world = worlds[number % len(worlds)]
        request = request_of(world, "again", number)
        hit = one(world, request).hit
        assert hit
        assert f"seed 'again', number {number}" in tally.hits[0]
        small = shrink(world, request, hit)
    assert (small.method, len(small.headers)) == ("HEAD", 1)
    assert len(small.target) <= 1


@pytest.mark.e2e
@pytest.mark.parametrize("server", ["gunicorn-gthread below /static", "uvicorn"])
def test_in_front_of_servers(server: str) -> None:
    """Cases 1-13, 27b in bytes: what a server makes of a request goes to both applications, and the gate holds."""
    tally = run_server(server, 600, "short")
    assert not tally.hits, "\n".join(tally.lines())
    assert tally.reached > 100, tally.lines()
    assert server in SERVERS
