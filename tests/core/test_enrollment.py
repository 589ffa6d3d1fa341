"""Setting up an authenticator."""

from __future__ import annotations

import pytest

from tests.core.stepping import BROWSER, NOW, TOKEN, World
from twofa_gate.core.account import MAX_AUTHENTICATORS, PENDING_SECONDS, Account
from twofa_gate.core.attempts import failures
from twofa_gate.core.challenge import Outcome, Passage, pass_challenge
from twofa_gate.core.codes import TotpInput, parse_code
from twofa_gate.core.enrollment import BeginResult, Confirmation, Missing, begin, confirm, mark_of
from twofa_gate.core.verification import digest

PASSAGE = Passage(False, "login", TOKEN, replaces=digest(TOKEN))
NEW = "new-token-new-token-ne"


def started(world: World, *, browser: str = BROWSER, fresh: bool = False) -> str:
    """Begin; return the secret."""
    secret = world.run(begin(world.settings, "u1", browser, fresh=fresh))
    assert isinstance(secret, str)
    return secret


def confirmed(
    world: World, code: str, *, browser: str = BROWSER, verified: bool = False, name: str = ""
) -> Confirmation:
    """Confirm; `verified`: in the browser of `World.verified`."""
    given = Passage(False, "login", NEW, digest(TOKEN)) if verified else PASSAGE
    return world.run(confirm(world.settings, "u1", browser, TotpInput(code), name, given, verified=verified))


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def test_first_authenticator() -> None:
    """A code from the new authenticator completes it: enrolled, verified here, with ten recovery codes."""
    world = World()
    secret = started(world)
    assert not stored(world).enrolled
    done = confirmed(world, world.code(secret=secret), name="Phone")
    assert done.result is not None
    assert (done.result.accepted, done.first, len(done.codes), done.missing) == (True, True, 10, None)
    account = stored(world)
    assert (account.enabled_at, account.pending, account.recovery_left) == (NOW, None, 10)
    assert [(each.digest, each.login) for each in account.verifications] == [(digest(TOKEN), "login")]
    assert account.authenticators[0].name == "Phone"
    assert any('"enabled"' in line for line in world.log)


def test_secret_is_stored_sealed() -> None:
    """The store never has the secret in clear, pending or confirmed; nor has the log."""
    world = World()
    secret = started(world)
    assert secret not in repr(stored(world))
    confirmed(world, world.code(secret=secret))
    assert secret not in repr(stored(world))
    assert not any(secret in line for line in world.log)


def test_confirming_code_is_spent() -> None:
    """The code that confirmed is not good for a challenge; the next one is."""
    world = World()
    secret = started(world)
    code = world.code(secret=secret)
    confirmed(world, code)
    again = world.run(pass_challenge(world.settings, "u1", parse_code(code), PASSAGE))
    assert again.outcome is Outcome.WRONG
    world.later(30)
    next_code = parse_code(world.code(secret=secret))
    assert world.run(pass_challenge(world.settings, "u1", next_code, PASSAGE)).accepted


def test_wrong_code_leaves_it_pending() -> None:
    """A wrong code is counted, and the enrollment still waits; the right one then completes it."""
    world = World()
    secret = started(world)
    done = confirmed(world, "000000" if world.code(secret=secret) != "000000" else "000001")
    assert done.result is not None
    assert done.result.outcome is Outcome.WRONG
    account = stored(world)
    assert (account.enrolled, failures(account.attempts, NOW)) == (False, 1)
    done = confirmed(world, world.code(secret=secret))
    assert done.result is not None
    assert done.result.accepted


def test_budget_is_shared() -> None:
    """Confirmation shares the budget with the challenge, and waits like it, for right and wrong codes alike."""
    world = World()
    secret = started(world)
    wrong = next(
        code
        for code in ("000000", "000001", "000002")
        if code not in {world.code(n, secret=secret) for n in (-1, 0)}
    )
    for _ in range(3):
        confirmed(world, wrong)
    results = {confirmed(world, code).result for code in (wrong, world.code(secret=secret))}
    assert len(results) == 1
    result = results.pop()
    assert result is not None
    assert result.outcome is Outcome.THROTTLED
    assert not stored(world).enrolled


def test_other_browser_has_nothing_to_confirm() -> None:
    """A pending enrollment is bound to the browser that began it, and ends after ten minutes."""
    world = World()
    secret = started(world)
    assert confirmed(world, world.code(secret=secret), browser="other").missing
    world.later(PENDING_SECONDS + 1)
    assert confirmed(world, world.code(secret=secret)).missing
    world.later(-1)
    assert not confirmed(world, world.code(secret=secret)).missing
    assert confirmed(World(), "123456").missing


def test_later_beginning_replaces_the_earlier() -> None:
    """At most one enrollment is pending: the later one holds."""
    world = World()
    first = started(world, browser="other")
    second = started(world)
    assert confirmed(world, world.code(secret=first), browser="other").missing
    assert not confirmed(world, world.code(secret=second)).missing


def test_two_tabs_of_one_browser() -> None:
    """A second begin in the same browser makes the first secret worthless."""
    world = World()
    first = started(world)
    started(world)
    done = confirmed(world, world.code(secret=first))
    assert done.result is not None
    assert done.result.outcome is Outcome.WRONG


def test_enrolled_user_needs_a_fresh_verification() -> None:
    """Who has set up needs a fresh code to begin with a further authenticator, and a verification to confirm."""
    world = World()
    world.enrolled()
    assert world.run(begin(world.settings, "u1", BROWSER, fresh=False)) is BeginResult.UNVERIFIED
    assert stored(world).pending is None
    secret = started(world, fresh=True)
    assert confirmed(world, world.code(secret=secret)).missing
    # Signed out between the page and its confirmation:
    assert confirmed(world, world.code(secret=secret), verified=True).missing
    world.verified()
    world.verified()
    done = confirmed(world, world.code(secret=secret), verified=True)
    assert (done.first, done.codes) == (False, ())
    account = stored(world)
    assert [each.name for each in account.authenticators] == ["Phone", "Authenticator 2"]
    assert '"authenticator_added"' in world.log[-1]


def test_verification_that_ended_meanwhile() -> None:
    """A browser that was signed out since its page was asked for adds nothing."""
    world = World()
    world.enrolled()
    secret = started(world, fresh=True)
    assert confirmed(world, world.code(secret=secret), verified=True).missing
    assert len(stored(world).authenticators) == 1


def test_begun_before_and_confirmed_after_somebody_elses() -> None:
    """Two that begin and confirm at once end with one authenticator."""
    world = World()
    secret = started(world)
    pending = stored(world).pending
    world.put(world.enrolled().but(pending=pending))
    assert confirmed(world, world.code(secret=secret)).missing
    assert len(stored(world).authenticators) == 1


def test_setting_up_voids_what_passed_before() -> None:
    """Setting up ends every other browser's passage; adding a further authenticator doesn't."""
    world = World()
    secret = started(world)
    world.verified(login="old")
    world.trusted()
    confirmed(world, world.code(secret=secret))
    account = stored(world)
    assert ([each.login for each in account.verifications], account.trusted) == (["login"], ())
    world.trusted()
    secret = started(world, fresh=True)
    confirmed(world, world.code(secret=secret), verified=True)
    assert len(stored(world).authenticators) == 2
    assert len(stored(world).trusted) == 1


def test_number_is_bounded() -> None:
    """An account takes so many authenticators and no more."""
    world = World()
    account = world.enrolled()
    world.put(account.but(authenticators=account.authenticators * MAX_AUTHENTICATORS))
    assert world.run(begin(world.settings, "u1", BROWSER, fresh=True)) is BeginResult.TOO_MANY


def test_first_one_has_a_name_too() -> None:
    """Without a name it gets one."""
    world = World()
    secret = started(world)
    confirmed(world, world.code(secret=secret))
    assert stored(world).authenticators[0].name == "Authenticator"


@pytest.mark.parametrize("steps", [3, -7])
def test_clock_suspicion(steps: int) -> None:
    """A confirming code that is right some steps off is refused and reported as such."""
    world = World()
    secret = started(world)
    done = confirmed(world, world.code(steps, secret=secret))
    assert done.result is not None
    assert (done.result.outcome, done.result.clock_steps) == (Outcome.WRONG, steps)


def marked(world: World, mark: str, code: str, *, verified: bool = False) -> Confirmation:
    """Confirm from a page that says which secret it showed."""
    given = Passage(False, "login", NEW, digest(TOKEN)) if verified else PASSAGE
    typed = TotpInput(code)
    flow = confirm(world.settings, "u1", BROWSER, typed, "", given, verified=verified, mark=mark)
    return world.run(flow)


def test_page_that_another_tab_replaced() -> None:
    """A page whose secret a later beginning replaced is told so, whatever code it sends, and nothing is counted."""
    world = World()
    first, second = started(world), started(world)
    done = marked(world, mark_of(first), world.code(secret=first))
    assert (done.result, done.missing) == (None, Missing.REPLACED)
    assert failures(stored(world).attempts, NOW) == 0
    done = marked(world, mark_of(second), world.code(secret=second))
    assert done.result is not None
    assert done.result.accepted


def test_page_that_is_sent_again() -> None:
    """The page that set up, sent again by the browser that is verified now, is told that it is done."""
    world = World()
    secret = started(world)
    code = world.code(secret=secret)
    assert marked(world, mark_of(secret), code).result is not None
    done = marked(world, mark_of(secret), code, verified=True)
    assert (done.result, done.missing) == (None, Missing.DONE)
    assert failures(stored(world).attempts, NOW) == 0
    assert marked(world, mark_of("another"), code, verified=True).missing is Missing.EXPIRED


def test_mark_without_a_verification_tells_nothing() -> None:
    """Whether a secret counts is told to the verified alone."""
    world = World()
    secret = started(world)
    marked(world, mark_of(secret), world.code(secret=secret))
    assert marked(world, mark_of(secret), "000000").missing is Missing.EXPIRED
