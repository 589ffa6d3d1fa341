"""What every act on an account counts, keeps and puts on the record: one table for all of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.core.stepping import BROWSER, NOW, TOKEN, TRUST, World
from twofa_gate import Enforcement, Policy
from twofa_gate.core import administration, enrollment, management, recovery
from twofa_gate.core.account import Account, Extension, secret_thing
from twofa_gate.core.attempts import BUDGET, Attempts, Lane
from twofa_gate.core.challenge import CodeResult, Outcome, Passage
from twofa_gate.core.codes import TotpInput
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.effects import Flow
from twofa_gate.core.enrollment import Confirmation
from twofa_gate.core.management import Renewal
from twofa_gate.core.tickets import canonical
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification, digest
from twofa_gate.model import Enrollment, Method

OTHER = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
OLD = digest("what this browser had before")
ASKING = (NamedPolicy(Policy(Enforcement.REQUIRED, enrollment=Enrollment.TICKET), "Host"),)
Act = Callable[[World, TotpInput, bool], Flow[Any]]


def passage(known: bool) -> Passage:
    """Make what a browser of this kind gets for a right code, in place of what it had."""
    return Passage(known, None, TOKEN, OLD)


def made(world: World) -> Account:
    """Give u1 two authenticators, recovery codes, two verifications and a trusted browser."""
    account = world.enrolled()
    sealed = world.settings.sealer.seal(OTHER, b"m" * 12, user_id="u1", thing=secret_thing("a2"))
    codes, _ = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    second = Authenticator(id="a2", name="Tablet", secret=sealed)
    mine = Verification(digest=OLD, at=NOW - 60, method="totp")
    theirs = Verification(digest=digest("another"), at=NOW - 60, method="totp")
    return world.put(
        account.but(
            authenticators=(*account.authenticators, second),
            recovery=codes,
            vouched=True,
            verifications=(mine, theirs),
            trusted=(TrustedBrowser(digest=digest(TRUST), at=NOW - 60),),
        )
    )


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def last(world: World) -> dict[str, Any]:
    """Give the last event that was logged, without what all events have."""
    line: dict[str, Any] = json.loads(world.log[-1])
    assert line.pop("user") == "u1"
    return {name: value for name, value in line.items() if name not in ("at", "id")}


TYPING: dict[str, Act] = {
    "renew codes": lambda world, code, known: management.renew_codes(
        world.settings, "u1", code, passage(known)
    ),
    "disable": lambda world, code, known: management.disable(world.settings, "u1", code, known),
    "rename": lambda world, code, known: management.rename(
        world.settings, "u1", "a2", "Mine", code, passage(known)
    ),
    "remove": lambda world, code, known: management.remove(world.settings, "u1", "a2", code, passage(known)),
}


def result_of(outcome: object) -> object:
    """Give what became of the code."""
    return outcome.result if isinstance(outcome, (Renewal, Confirmation)) else outcome


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
@pytest.mark.parametrize("name", TYPING)
def test_each_act_counts_in_the_lane_of_its_browser(name: str, known: bool) -> None:
    """A wrong code is counted where it came from, whatever it was typed for, and nothing else changes."""
    world = World()
    before = made(world)
    result = result_of(world.run(TYPING[name](world, TotpInput(world.wrong()), known)))
    assert isinstance(result, CodeResult)
    assert result.outcome is Outcome.WRONG
    after = stored(world)
    lanes = (after.attempts.known, after.attempts.stranger)
    assert [len(each.failures) for each in lanes] == ([1, 0] if known else [0, 1])
    assert after.but(attempts=before.attempts) == before


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
def test_setting_up_counts_in_the_lane_of_its_browser(known: bool) -> None:
    """So does a wrong code for a new authenticator, and a right one clears the back-off of that lane alone."""
    world = World()
    secret = world.run(enrollment.begin(world.settings, "u1", BROWSER, fresh=False))
    assert isinstance(secret, str)
    held = Lane(failures=(NOW - 60.0,) * 3, streak=3, until=NOW - 1)
    world.put(stored(world).but(attempts=Attempts(stranger=held, known=held)))

    def confirm(code: str) -> Confirmation:
        typed, mine = TotpInput(code), passage(known)
        return world.run(enrollment.confirm(world.settings, "u1", BROWSER, typed, "", mine, verified=False))

    wrong = confirm(world.wrong()).result
    assert wrong is not None
    assert wrong.outcome is Outcome.WRONG
    assert last(world)["method"] == "totp"
    lanes = (stored(world).attempts.known, stored(world).attempts.stranger)
    assert [each.streak for each in lanes] == ([4, 3] if known else [3, 4])
    world.later(60)
    right = confirm(world.code(secret=secret))
    assert right.result == CodeResult(Outcome.ACCEPTED, Method.TOTP)
    lanes = (stored(world).attempts.known, stored(world).attempts.stranger)
    assert [each.streak for each in lanes] == ([0, 3] if known else [3, 0])
    (one,) = stored(world).authenticators
    assert (one.added, one.used, one.last_step) == (world.now, world.now, world.now // 30)
    assert last(world) == {"event": "enabled", "authenticator": "Authenticator"}
    assert not stored(world).vouched


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
def test_wrong_tickets_count_in_the_lane_of_their_browser(known: bool) -> None:
    """A wrong ticket counts where it came from; while that lane is held, none is looked at."""
    world = World()
    assert world.run(administration.issue_ticket(world.settings, "u1", by="kim", location="office"))

    def begin(ticket: str) -> object:
        return world.run(
            enrollment.begin(
                world.settings, "u1", BROWSER, fresh=False, policies=ASKING, ticket=ticket, known=known
            )
        )

    for _ in range(3):
        result = begin("00000000")
        assert isinstance(result, CodeResult)
        assert result.outcome is Outcome.WRONG
    lanes = (stored(world).attempts.known, stored(world).attempts.stranger)
    assert [len(each.failures) for each in lanes] == ([3, 0] if known else [0, 3])
    assert last(world)["method"] == "ticket"
    held = begin("00000000")
    assert isinstance(held, CodeResult)
    assert held.outcome is Outcome.THROTTLED


def test_only_a_spent_ticket_vouches() -> None:
    """Who sets up without a ticket is vouched for by nobody, even where an unused one lies ready."""
    for spends in (False, True):
        world = World()
        shown = world.run(administration.issue_ticket(world.settings, "u1", by="kim", location="office"))
        assert shown is not None
        policies, ticket = (ASKING, canonical(shown)) if spends else ((), None)
        secret = world.run(
            enrollment.begin(world.settings, "u1", BROWSER, fresh=False, policies=policies, ticket=ticket)
        )
        assert isinstance(secret, str)
        typed = TotpInput(world.code(secret=secret))
        world.run(
            enrollment.confirm(
                world.settings, "u1", BROWSER, typed, "", passage(False), verified=False, policies=policies
            )
        )
        assert stored(world).enrolled
        assert stored(world).vouched is spends
        assert (stored(world).ticket is None) is spends


def test_disabling_leaves_nothing() -> None:
    """After disabling nothing of the second factor is left, not even what was begun, or who vouched for it."""
    world = World()
    made(world)
    world.run(enrollment.begin(world.settings, "u1", BROWSER, fresh=True))
    assert stored(world).pending is not None
    extension = Extension(location="office", until=NOW + 60)
    world.put(stored(world).but(extensions=(extension,)))
    code = TotpInput(world.code())
    assert world.run(management.disable(world.settings, "u1", code, False)).accepted
    left = stored(world)
    assert (left.authenticators, left.recovery, left.pending) == ((), None, None)
    assert (left.verifications, left.trusted, left.enabled_at, left.vouched) == ((), (), None, False)
    assert left.extensions == (extension,)
    assert last(world) == {"event": "disabled"}


RECORDED: dict[str, tuple[Callable[[World], Flow[Any]], dict[str, Any]]] = {
    "codes": (
        lambda world: TYPING["renew codes"](world, TotpInput(world.code()), False),
        {"event": "recovery_codes_renewed"},
    ),
    "rename": (
        lambda world: TYPING["rename"](world, TotpInput(world.code()), False),
        {"event": "authenticator_renamed", "before": "Tablet", "after": "Mine"},
    ),
    "remove": (
        lambda world: TYPING["remove"](world, TotpInput(world.code()), False),
        {"event": "authenticator_removed", "authenticator": "Tablet"},
    ),
    "one browser": (
        lambda world: management.end_browsers(world.settings, "u1", one=stored(world).verifications[0].id),
        {"event": "browser_signed_out", "what": "one"},
    ),
    "trusted browsers": (
        lambda world: management.end_browsers(world.settings, "u1", trusted=True),
        {"event": "browser_signed_out", "what": "trusted"},
    ),
    "other browsers": (
        lambda world: management.end_browsers(world.settings, "u1", others_than=OLD),
        {"event": "browser_signed_out", "what": "others"},
    ),
    "own browser": (
        lambda world: management.end_own(world.settings, "u1", OLD),
        {"event": "browser_signed_out", "what": "own"},
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_each_act_is_on_the_record_as_what_it_was(name: str) -> None:
    """The event of an act says exactly what was done."""
    act, line = RECORDED[name]
    world = World()
    made(world)
    world.run(act(world))
    assert last(world) == line


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
def test_who_is_locked_unlocks_their_own_lane(known: bool) -> None:
    """Three codes in a row unlock where the lane of this browser is locked, and are nothing to look at elsewhere."""
    world = World()
    spent = Lane(failures=(NOW - 1000.0,) * BUDGET, locked=True)
    attempts = Attempts(known=spent, stranger=spent)
    world.enrolled(attempts=attempts)
    codes = (world.code(-3), world.code(-2), world.code(-1))
    assert world.run(management.unlock(world.settings, "u1", codes, known)) is True
    assert last(world) == {"event": "unlocked", "by": "self"}
    assert stored(world).attempts == Attempts()
    fewer = Lane(failures=(NOW - 1000.0,) * (BUDGET - 20), locked=True)
    world.put(stored(world).but(attempts=Attempts(stranger=fewer)))
    logged = len(world.log)
    assert world.run(management.unlock(world.settings, "u1", codes, True)) is True
    assert len(world.log) == logged


def test_removing_keeps_the_way_in_that_it_was_done_by() -> None:
    """Who removes a device by a recent verification keeps the method of that; every other passage ends."""
    world = World()
    account = made(world)
    mine = Verification(digest=OLD, at=NOW - 60, method="recovery_code")
    world.put(account.but(verifications=(mine, *account.verifications[1:])))
    change = world.run(management.remove(world.settings, "u1", "a2", None, passage(False)))
    assert change is management.Change.DONE
    (left,) = stored(world).verifications
    assert (left.digest, left.method) == (digest(TOKEN), "recovery_code")
    assert stored(world).trusted == ()
    assert [each.id for each in stored(world).authenticators] == ["a1"]


@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
def test_a_held_lane_confirms_nothing(known: bool) -> None:
    """While a lane is held, not even the right code of a new device counts, and nothing is counted."""
    world = World()
    secret = world.run(enrollment.begin(world.settings, "u1", BROWSER, fresh=False))
    assert isinstance(secret, str)
    held = Lane(failures=(NOW,) * 8, streak=8, until=NOW + 32)
    attempts = Attempts(known=held) if known else Attempts(stranger=held)
    world.put(stored(world).but(attempts=attempts))
    typed = TotpInput(world.code(secret=secret))

    def confirm(known: bool) -> CodeResult | None:
        flow = enrollment.confirm(world.settings, "u1", BROWSER, typed, "", passage(known), verified=False)
        return world.run(flow).result

    assert confirm(known) == CodeResult(Outcome.THROTTLED, retry_after=32)
    assert stored(world).attempts == attempts
    assert confirm(not known) == CodeResult(Outcome.ACCEPTED, Method.TOTP)


def test_a_ticket_gives_no_tries_back_to_who_has_set_up() -> None:
    """A ticket for somebody who has set up leaves the budget as it is; who has not gets a whole one with it."""
    spent = Attempts(stranger=Lane(failures=(NOW - 60.0,) * 5, streak=5))
    for enrolled in (True, False):
        world = World()
        world.enrolled(attempts=spent)
        if not enrolled:
            world.put(stored(world).but(authenticators=(), attempts=spent))
        assert world.run(administration.issue_ticket(world.settings, "u1", by="kim", location="office"))
        assert stored(world).attempts == (spent if enrolled else Attempts())
        line = last(world)
        assert (line["event"], line["by"], line["location"]) == ("ticket_issued", "kim", "office")
