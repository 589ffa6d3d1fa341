"""Spending a code."""

from __future__ import annotations

import json

import pytest

from tests.core.stepping import NOW, SECRET, TOKEN, TRUST, World
from twofa_gate.core import recovery
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.attempts import failures
from twofa_gate.core.challenge import CodeResult, Outcome, Passage, draw_passage, pass_challenge
from twofa_gate.core.codes import MalformedCode, parse_code
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import digest
from twofa_gate.errors import SealError
from twofa_gate.model import Method

OTHER = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def passage(*, known: bool = False, replaces: str | None = None, trust: str | None = None) -> Passage:
    """Make the passage that a right code gives."""
    return Passage(known, None, TOKEN, replaces, trust)


def answer(world: World, typed: str, given: Passage | None = None) -> CodeResult:
    """Answer u1's challenge."""
    return world.run(pass_challenge(world.settings, "u1", parse_code(typed), given or passage()))


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def with_codes(world: World) -> list[str]:
    """Give u1 recovery codes."""
    account = world.account() or world.enrolled()
    made, shown = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    world.put(account.but(recovery=made))
    return shown


def with_backup(world: World) -> None:
    """Give u1 a second authenticator, of eight digits."""
    account = world.enrolled()
    sealed = world.settings.sealer.seal(OTHER, b"m" * 12, user_id="u1", thing=secret_thing("a2"))
    world.put(
        account.but(authenticators=(*account.authenticators, Authenticator(id="a2", name="B", secret=sealed)))
    )


def test_right_code_verifies() -> None:
    """A right code stores the verification, and spends its step."""
    world = World()
    world.enrolled()
    assert answer(world, world.code()) == CodeResult(Outcome.ACCEPTED, Method.TOTP)
    account = stored(world)
    (made,) = account.verifications
    assert (made.digest, made.at, made.method, made.login) == (digest(TOKEN), NOW, "totp", None)
    assert account.authenticators[0].last_step == NOW // 30
    assert account.authenticators[0].used == NOW
    assert '"verified"' in world.log[-1]


def test_replay_is_a_counted_failure() -> None:
    """The same code again is wrong, in the next step as well, and so is the older one; each is counted."""
    world = World()
    world.enrolled()
    spent, older = world.code(), world.code(-1)
    assert answer(world, spent).accepted
    assert answer(world, older).outcome is Outcome.WRONG
    assert answer(world, spent).outcome is Outcome.WRONG
    world.later(30)
    assert answer(world, spent).outcome is Outcome.WRONG
    assert failures(stored(world).attempts, world.now) == 3
    assert len(stored(world).verifications) == 1


def test_clock_set_back() -> None:
    """With the clock ten minutes back, the codes of then and of now are refused."""
    world = World()
    world.enrolled()
    spent = world.code()
    assert answer(world, spent).accepted
    world.later(-600)
    assert answer(world, spent).outcome is Outcome.WRONG
    assert answer(world, world.code()).outcome is Outcome.WRONG


def test_clock_suspicion_is_in_the_event() -> None:
    """A code that is right some steps off is refused, and reported as such."""
    world = World()
    world.enrolled()
    assert answer(world, world.code(4)) == CodeResult(Outcome.WRONG, clock_steps=4)
    assert json.loads(world.log[-1])["clock_steps"] == 4
    assert answer(world, world.wrong()) == CodeResult(Outcome.WRONG)
    assert "clock_steps" not in json.loads(world.log[-1])


def test_two_authenticators() -> None:
    """Either authenticator's code is right, each with its own spent steps."""
    world = World()
    with_backup(world)
    assert answer(world, world.code(secret=OTHER)).accepted
    assert answer(world, world.code(secret=OTHER)).outcome is Outcome.WRONG
    assert answer(world, world.code()).accepted
    assert [each.last_step for each in stored(world).authenticators] == [NOW // 30] * 2
    assert answer(world, world.code(-9, secret=OTHER)).clock_steps == -9


def test_digits_that_nothing_shows() -> None:
    """Eight digits, where every authenticator shows six, are malformed and not counted."""
    world = World()
    world.enrolled()
    with pytest.raises(MalformedCode):
        answer(world, "12345678")
    assert failures(stored(world).attempts, NOW) == 0


def test_not_enrolled() -> None:
    """Without an authenticator no code is right, and nothing is written."""
    world = World()
    for typed in ("123456", "0" * 24):
        assert answer(world, typed) == CodeResult(Outcome.NOT_ENROLLED)
    assert world.account() is None


def test_secret_that_does_not_open_is_an_error() -> None:
    """A secret that doesn't open is an error, and no wrong code is counted."""
    world = World()
    account = world.enrolled()
    moved = world.settings.sealer.seal(SECRET, b"n" * 12, user_id="u2", thing=secret_thing("a1"))
    world.put(account.but(authenticators=(account.authenticators[0].but(secret=moved),)))
    with pytest.raises(SealError):
        answer(world, "123456")
    assert failures(stored(world).attempts, NOW) == 0


def test_recovery_code_works_once() -> None:
    """A recovery code verifies once; it ends all other passage; what is left is told."""
    world = World()
    codes = with_codes(world)
    world.verified()
    world.trusted()
    assert answer(world, codes[4].lower()) == CodeResult(Outcome.ACCEPTED, Method.RECOVERY_CODE)
    account = stored(world)
    assert [each.method for each in account.verifications] == ["recovery_code"]
    assert account.trusted == ()
    assert account.recovery_left == 9
    assert any('"recovery_code_used"' in line and '"left": 9' in line for line in world.log)
    assert answer(world, codes[4]).outcome is Outcome.WRONG
    assert failures(stored(world).attempts, NOW) == 1
    assert answer(world, codes[5]).accepted


def test_recovery_code_without_any() -> None:
    """An account without recovery codes counts one as a failure."""
    world = World()
    world.enrolled()
    assert answer(world, "0" * 24).outcome is Outcome.WRONG
    assert failures(stored(world).attempts, NOW) == 1


def test_while_held_right_and_wrong_are_alike() -> None:
    """While the back-off holds, right and wrong codes get the same and write nothing; then the right one works."""
    world = World()
    codes = with_codes(world)
    for _ in range(3):
        assert answer(world, world.wrong()).outcome is Outcome.WRONG
    before = stored(world)
    results = {answer(world, typed) for typed in (world.code(), world.wrong(), "0" * 24)}
    assert len(results) == 1
    result = results.pop()
    assert (result.outcome, result.accepted) == (Outcome.THROTTLED, False)
    assert result.retry_after > 0
    assert stored(world) == before
    assert answer(world, codes[0]).accepted
    world.later(result.retry_after)
    assert answer(world, world.code()).accepted


def locked(world: World) -> World:
    """Fail until the strangers' lane is locked."""
    for _ in range(80):
        assert answer(world, world.wrong()).outcome is Outcome.WRONG
        world.later(901)
    return world


def test_lock_holds_for_codes_and_not_for_recovery_codes() -> None:
    """Locked, right and wrong TOTP codes are alike; the known browser and a recovery code work."""
    world = World()
    codes = with_codes(world)
    locked(world)
    assert '"locked"' in world.log[-1]
    before = stored(world)
    results = [answer(world, typed) for typed in (world.code(), world.wrong(), "0" * 24)]
    assert results == [CodeResult(Outcome.LOCKED, retry_after=900)] * 3
    assert stored(world) == before
    assert answer(world, world.code(), passage(known=True)).accepted
    assert answer(world, codes[0]).accepted
    world.later(30)
    assert answer(world, world.code()).outcome is Outcome.LOCKED


def test_one_budget_over_all_methods() -> None:
    """Failures of TOTP and recovery codes are counted together."""
    world = World()
    with_codes(world)
    assert answer(world, world.wrong()).outcome is Outcome.WRONG
    assert answer(world, "0" * 24).outcome is Outcome.WRONG
    assert answer(world, world.wrong()).outcome is Outcome.WRONG
    assert answer(world, world.wrong()).outcome is Outcome.THROTTLED
    assert failures(stored(world).attempts, NOW) == 3


def test_success_clears_the_back_off() -> None:
    """After a right code the next failures are free again; the total stays."""
    world = World()
    world.enrolled()
    for _ in range(3):
        answer(world, world.wrong())
    world.later(1)
    assert answer(world, world.code()).accepted
    assert answer(world, world.wrong()).outcome is Outcome.WRONG
    assert answer(world, world.wrong()).outcome is Outcome.WRONG
    assert failures(stored(world).attempts, world.now) == 5


def test_what_a_browser_had_is_replaced() -> None:
    """A browser that verifies again has one verification, and others keep theirs."""
    world = World()
    world.enrolled()
    world.verified()
    given = Passage(False, "login", "x" * 22, digest(TOKEN), TRUST)
    assert answer(world, world.code(), given).accepted
    account = stored(world)
    assert [(each.digest, each.login) for each in account.verifications] == [(digest("x" * 22), "login")]
    assert [each.digest for each in account.trusted] == [digest(TRUST)]
    assert any('"browser_trusted"' in line for line in world.log)


def test_passage_is_drawn() -> None:
    """A trust token is drawn where it is asked for, and only there."""
    world = World()
    assert world.run(draw_passage(True, "l", "r")).trust is None
    drawn = world.run(draw_passage(True, "l", "r", trust=True))
    assert drawn.trust is not None
    assert drawn.trust != drawn.token
    assert (drawn.known, drawn.login, drawn.replaces) == (True, "l", "r")


def test_no_code_reaches_the_log() -> None:
    """Neither right nor wrong codes, nor tokens or secrets, are in any line."""
    world = World()
    codes = with_codes(world)
    typed = [world.code(), world.wrong(), codes[0], "0" * 24, world.code(5)]
    for each in typed:
        answer(world, each, passage(trust=TRUST))
    text = "".join(world.log)
    for secret in (*typed, SECRET, TOKEN, TRUST, codes[0].replace("-", "")):
        assert secret not in text
