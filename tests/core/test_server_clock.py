"""Whether it is the server's clock that is wrong: told when people's codes agree, and only then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.stepping import NOW, TOKEN, Request, World
from twofa_gate.core import recovery
from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import Outcome, Passage, pass_challenge
from twofa_gate.core.codes import TotpInput, parse_code
from twofa_gate.core.enrollment import begin, confirm
from twofa_gate.core.flow import handle
from twofa_gate.core.server_clock import MAX_USERS, WINDOW, ServerClock

PEOPLE = ("u1", "u2", "u3", "u4")


def off(clock: ServerClock, *steps: int, monotonic: float = 0.0) -> list[int | None]:
    """Have one person for each number type a code that is off by so many steps; return what is to be told."""
    return [clock.off(name, number, monotonic) for name, number in zip(PEOPLE, steps, strict=False)]


@pytest.mark.parametrize(
    ("steps", "told"), [((4, 4, 4), 4), ((-6, -5, -7), -6), ((2, 9, 3, 4), 3), ((1, 1, 1), 1)]
)
def test_people_who_agree(steps: tuple[int, ...], told: int) -> None:
    """Three people whose codes are off by about the same are a suspicion, of the middle one; it is told once."""
    clock = ServerClock()
    assert off(clock, *steps)[-1] == told
    assert clock.suspicion(0.0) == told
    assert clock.off("u9", told, 0.0) is None
    assert clock.suspicion(0.0) is not None


@pytest.mark.parametrize("steps", [(4, 4), (4, 4, -4), (1, -1, 1), (2, 5, 8), (3, 3, 6, -3)])
def test_people_who_do_not_agree(steps: tuple[int, ...]) -> None:
    """Two people, or phones that are off each in its own way, are none."""
    clock = ServerClock()
    assert set(off(clock, *steps)) == {None}
    assert clock.suspicion(0.0) is None


def test_one_person_counts_once() -> None:
    """However many codes one person types, they are one person."""
    clock = ServerClock()
    assert [clock.off("u1", 4, float(second)) for second in range(10)] == [None] * 10
    assert clock.suspicion(10.0) is None


def test_own_codes_do_not_count() -> None:
    """What a person is told does not depend on their own codes."""
    clock = ServerClock()
    off(clock, 4, 4, 4)
    assert clock.suspicion(0.0, but="u1") is None
    off(clock, 4, 4, 4, 4)
    assert clock.suspicion(0.0, but="u1") == 4


def test_right_code_ends_it() -> None:
    """A code that is right on time ends the suspicion; a later one is told anew."""
    clock = ServerClock()
    off(clock, 4, 4, 4)
    clock.on_time()
    assert clock.suspicion(0.0) is None
    assert off(clock, 5, 5, 5) == [None, None, 5]


def test_time_ends_it() -> None:
    """A quarter of an hour without such codes ends it too."""
    clock = ServerClock()
    off(clock, 4, 4, 4)
    assert clock.suspicion(WINDOW - 1) == 4
    assert clock.suspicion(WINDOW) is None
    assert off(clock, 4, 4, monotonic=WINDOW) == [None, None]


def test_memory_is_bounded() -> None:
    """Of many people only the last ones are remembered."""
    clock = ServerClock()
    off(clock, 4, 4)
    for number in range(MAX_USERS):
        clock.off(f"x{number}", 5 * number, 0.0)
    assert clock.off("u3", 4, 0.0) is None
    assert clock.suspicion(0.0) is None


def type_code(world: World, user_id: str, steps: int, *, known: bool = True) -> Outcome:
    """Answer a challenge with a code some steps off."""
    given = Passage(known, None, TOKEN)
    return world.run(pass_challenge(world.settings, user_id, TotpInput(world.code(steps)), given)).outcome


def health(world: World) -> Answer:
    """Ask for the health page."""
    answer = world.run(handle(world.settings, Request("/2fa/health")))
    assert isinstance(answer, Answer)
    return answer


def warnings(world: World) -> list[dict[str, Any]]:
    """Return what the log says of the server's clock."""
    lines = [json.loads(line) for line in world.log]
    return [line for line in lines if line["event"] == "server_clock_suspected"]


@pytest.mark.parametrize(
    ("steps", "told"), [(6, "about 3 min behind"), (-6, "about 3 min ahead"), (1, "about 1 min behind")]
)
def test_log_and_health_page(steps: int, told: str) -> None:
    """Three people's codes that agree are one warning in the log, and named by the health page, which stays 200."""
    world = World()
    for name in PEOPLE:
        world.enrolled(name)
        assert type_code(world, name, steps) is Outcome.WRONG
    (warning,) = warnings(world)
    assert warning["told"] == f"This server's clock seems to be {told}: check NTP."
    assert warning["seconds"] == abs(steps) * 30
    assert (health(world).status, health(world).body) == (200, b"ok, but check this server's clock\n")
    assert type_code(world, "u1", 0) is Outcome.ACCEPTED
    assert health(world).body == b"ok\n"


def test_guesses_of_strangers_teach_nothing() -> None:
    """Codes from browsers that never verified count for nothing, so the health page tells nobody of a near miss."""
    world = World()
    for name in PEOPLE:
        world.enrolled(name)
        type_code(world, name, 6, known=False)
    assert warnings(world) == []
    assert health(world).body == b"ok\n"


def test_wrong_codes_teach_nothing() -> None:
    """Codes that are just wrong count for nothing."""
    world = World()
    for name in PEOPLE:
        world.enrolled(name)
        flow = pass_challenge(world.settings, name, TotpInput(world.wrong()), Passage(True, None, TOKEN))
        assert world.run(flow).outcome is Outcome.WRONG
    assert warnings(world) == []


def test_people_who_set_up_count() -> None:
    """Whoever sets up was shown the secret, so their codes count, in whichever browser."""
    world = World()
    for name in PEOPLE[:3]:
        secret = world.run(begin(world.settings, name, "browser", fresh=False))
        assert isinstance(secret, str)
        typed = TotpInput(world.code(-4, secret=secret))
        given = Passage(False, None, TOKEN)
        flow = confirm(world.settings, name, "browser", typed, "", given, verified=False)
        assert world.run(flow).result is not None
    (warning,) = warnings(world)
    assert "2 min ahead" in warning["told"]


def test_recovery_code_says_nothing_of_the_clock() -> None:
    """A recovery code that is accepted does not end a suspicion: it has nothing to do with time."""
    world = World()
    for name in PEOPLE[:3]:
        world.enrolled(name)
        type_code(world, name, 6)
    codes, shown = world.run(recovery.draw_set(world.settings.sealer, "u4", NOW))
    world.put(world.enrolled("u4").but(recovery=codes))
    flow = pass_challenge(world.settings, "u4", parse_code(shown[0]), Passage(True, None, TOKEN))
    assert world.run(flow).outcome is Outcome.ACCEPTED
    assert health(world).body != b"ok\n"
