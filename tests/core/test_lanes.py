"""In which lane a code counts, by whatever way it is typed; and what is on the record of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.stepping import NOW, TOKEN, TRUST, World
from twofa_gate.core import recovery
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.attempts import Attempts, Lane
from twofa_gate.core.challenge import CodeResult, Outcome, Passage, count_failure, pass_challenge
from twofa_gate.core.codes import parse_code
from twofa_gate.core.totp import Authenticator
from twofa_gate.model import Method

BOTH = pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
EITHER = pytest.mark.parametrize("method", [Method.TOTP, Method.RECOVERY_CODE])


def world_with(attempts: Attempts | None = None) -> tuple[World, dict[Method, str], dict[Method, str]]:
    """Give u1, right codes and wrong ones."""
    world = World()
    world.enrolled()
    made, shown = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    account = stored(world).but(recovery=made)
    world.put(account if attempts is None else account.but(attempts=attempts))
    right = {Method.TOTP: world.code(), Method.RECOVERY_CODE: shown[0]}
    other = "0" if shown[0][0] != "0" else "1"
    wrong = {Method.TOTP: world.wrong(), Method.RECOVERY_CODE: other + shown[0][1:]}
    return world, right, wrong


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def answer(world: World, typed: str, *, known: bool, trust: str | None = None) -> CodeResult:
    """Answer u1's challenge from a browser of this kind."""
    passage = Passage(known, None, TOKEN, None, trust)
    return world.run(pass_challenge(world.settings, "u1", parse_code(typed), passage))


def events(world: World, kind: str) -> list[dict[str, Any]]:
    """Give what was logged of a kind."""
    lines = [json.loads(line) for line in world.log]
    return [line for line in lines if line["event"] == kind]


@BOTH
@EITHER
def test_a_wrong_code_counts_in_the_lane_of_its_browser(method: Method, known: bool) -> None:
    """A wrong code counts where it came from, and nowhere else; the event says how and where, and how many it were."""
    world, _, wrong = world_with()
    assert answer(world, wrong[method], known=known).outcome is Outcome.WRONG
    attempts = stored(world).attempts
    lanes = (attempts.known, attempts.stranger) if known else (attempts.stranger, attempts.known)
    assert (len(lanes[0].failures), lanes[0].streak) == (1, 1)
    assert lanes[1] == Lane()
    (line,) = events(world, "code_refused")
    assert (line["method"], line["known_browser"], line["failures"]) == (method.value, known, 1)


@BOTH
@EITHER
def test_a_right_code_clears_the_back_off_of_its_lane_alone(method: Method, known: bool) -> None:
    """A right code ends the back-off of the lane it came from; the other lane's stays, and so does the total."""
    held = Lane(failures=(NOW - 60.0,) * 3, streak=3, until=NOW - 1)
    world, right, _ = world_with(Attempts(stranger=held, known=held))
    assert answer(world, right[method], known=known).accepted
    attempts = stored(world).attempts
    lanes = (attempts.known, attempts.stranger) if known else (attempts.stranger, attempts.known)
    assert (lanes[0].streak, lanes[0].until, lanes[0].failures) == (0, 0.0, held.failures)
    assert lanes[1] == held
    (line,) = events(world, "verified")
    assert line["method"] == method.value


@BOTH
@EITHER
def test_a_lane_that_is_held_looks_at_no_wrong_code(method: Method, known: bool) -> None:
    """While one lane is held its wrong codes are not counted, and those of the other lane are looked at."""
    held = Lane(failures=(NOW,) * 8, streak=8, until=NOW + 32)
    attempts = Attempts(known=held) if known else Attempts(stranger=held)
    world, _, wrong = world_with(attempts)
    assert answer(world, wrong[method], known=known) == CodeResult(Outcome.THROTTLED, retry_after=32)
    assert stored(world).attempts == attempts
    assert answer(world, wrong[method], known=not known).outcome is Outcome.WRONG


@BOTH
def test_the_failure_that_locks_says_which_lane(known: bool) -> None:
    """The failure that spends the budget locks its lane, and the event says whose it was."""
    spent = tuple(NOW - 1000.0 for _ in range(99 if known else 79))
    attempts = Attempts(known=Lane(failures=spent)) if known else Attempts(stranger=Lane(failures=spent))
    world, _, wrong = world_with(attempts)
    assert answer(world, wrong[Method.TOTP], known=known).outcome is Outcome.WRONG
    (line,) = events(world, "locked")
    assert line["known_browser"] is known
    assert answer(world, wrong[Method.TOTP], known=known).outcome is Outcome.LOCKED


@EITHER
def test_trust_remembers_by_which_method_it_came(method: Method) -> None:
    """A browser that is trusted after a recovery code is no browser of a TOTP code."""
    world, right, _ = world_with()
    assert answer(world, right[method], known=False, trust=TRUST).accepted
    (trusted,) = stored(world).trusted
    assert trusted.method == method.value


def test_a_ticket_is_counted_as_a_ticket() -> None:
    """A wrong ticket is on the record as one."""
    world, _, _ = world_with()
    account, result = world.run(count_failure(stored(world), False, NOW, method=None))
    assert result.outcome is Outcome.WRONG
    assert dict(account.outbox[-1].facts)["method"] == "ticket"


def test_the_first_suspicion_of_a_clock_is_told() -> None:
    """A code that one phone shows some steps off is told as that, whatever the next phone shows."""
    world, _, _ = world_with()
    account = stored(world)
    other = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    sealed = world.settings.sealer.seal(other, b"m" * 12, user_id="u1", thing=secret_thing("a2"))
    second = Authenticator(id="a2", name="B", secret=sealed)
    world.put(account.but(authenticators=(*account.authenticators, second)))
    assert answer(world, world.code(-5), known=False).clock_steps == -5
