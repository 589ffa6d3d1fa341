"""Tickets for setting up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.core.stepping import BROWSER, KEY, NOW, TOKEN, Host, World
from twofa_gate import Enforcement, Policy
from twofa_gate.adapters.performing import run
from twofa_gate.core import administration, tickets
from twofa_gate.core.account import Account
from twofa_gate.core.attempts import failures
from twofa_gate.core.challenge import CodeResult, Outcome, Passage
from twofa_gate.core.codes import TotpInput
from twofa_gate.core.decision import NamedPolicy, is_vouched
from twofa_gate.core.effects import DrawRandom, Effect
from twofa_gate.core.enrollment import BeginResult, Confirmation, begin, confirm
from twofa_gate.core.keys import KeyList
from twofa_gate.core.sealing import NONCE_BYTES, Sealer
from twofa_gate.core.tickets import TICKET_SECONDS, canonical, demanded, draw, matches, reseal
from twofa_gate.errors import BadRequest, SealError
from twofa_gate.model import Enrollment

ASKING = Policy(Enforcement.REQUIRED, enrollment=Enrollment.TICKET)
POLICIES = (NamedPolicy(ASKING, "Host"),)
PASSAGE = Passage(False, None, TOKEN)


def issued(world: World) -> str:
    """Issue a ticket for u1, in its canonical form."""
    shown = world.run(administration.issue_ticket(world.settings, "u1", by="kim", location="office"))
    assert shown is not None
    return canonical(shown)


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def started(world: World, ticket: str | None) -> str | BeginResult | CodeResult:
    """Begin with a ticket."""
    flow = begin(world.settings, "u1", BROWSER, fresh=True, policies=POLICIES, ticket=ticket)
    return world.run(flow)


def confirmed(world: World, secret: str) -> Confirmation:
    """Confirm what was begun."""
    typed = TotpInput(world.code(secret=secret))
    flow = confirm(world.settings, "u1", BROWSER, typed, "", PASSAGE, verified=False, policies=POLICIES)
    return world.run(flow)


@pytest.mark.parametrize("typed", ["0123-ABCD", "0123abcd", " o123 abcd ", "OI23-ABCD", "ol23-abcd"])
def test_read_generously(typed: str) -> None:
    """Case, blanks, hyphens and letters like digits don't matter."""
    assert canonical(typed) == "0123ABCD"


@pytest.mark.parametrize(
    "typed", ["", "0123-ABC", "0123-ABCDE", "0123-ABCU", "\uff10123ABCD", "0123ABCD\n", "0" * 33, "0123ABC\0"]
)
def test_anything_else_is_malformed(typed: str) -> None:
    """Anything that can be no ticket is a bad request, and not counted."""
    with pytest.raises(BadRequest, match="eight letters and digits"):
        canonical(typed)


def test_each_character_comes_from_random_bits_of_its_own() -> None:
    """A ticket is 40 random bits, of which each of its eight characters shows five."""
    world = World()
    drawn: list[int] = []

    def perform(effect: Effect[object]) -> object:
        if isinstance(effect, DrawRandom):
            drawn.append(effect.size)
            if effect.size == 5:
                return bytes.fromhex("0123456789")
        return world.perform(effect)

    sealer = world.settings.sealer
    made = run(draw(sealer, "u1", NOW, TICKET_SECONDS), perform)
    assert drawn == [8, 16, 5, NONCE_BYTES]
    assert made.shown == "04HM-ASW9"  # 00000 00100 10001 10100 01010 11001 11100 01001
    assert made.ticket.until == NOW + TICKET_SECONDS


def test_store_has_a_sealed_hash() -> None:
    """The store has neither the ticket nor a plain hash of it; nor has the log."""
    world = World()
    text = issued(world)
    assert text not in repr(stored(world))
    assert f"{text[:4]}-{text[4:]}" not in repr(stored(world))
    assert not any(text in line or text[:4] + "-" in line for line in world.log)
    assert '"ticket_issued"' in world.log[-1]


def test_holds_for_its_user_and_time() -> None:
    """A ticket is one user's, holds until its moment, and a new one takes its place."""
    world = World()
    first = issued(world)
    sealer = world.settings.sealer
    assert matches(sealer, stored(world), first, NOW + TICKET_SECONDS - 1)
    assert not matches(sealer, stored(world), first, NOW + TICKET_SECONDS)
    assert not matches(sealer, Account(user="u1"), first, NOW)
    with pytest.raises(SealError):
        matches(sealer, stored(world).but(user="u2"), first, NOW)
    second = issued(world)
    assert not matches(sealer, stored(world), first, NOW)
    assert matches(sealer, stored(world), second, NOW)


def test_setting_up_takes_it() -> None:
    """Where a location asks for a ticket nobody sets up without; with it the account is vouched for."""
    world = World(Host({"office": ASKING}))
    text = issued(world)
    assert started(world, None) is BeginResult.TICKET
    secret = started(world, text)
    assert isinstance(secret, str)
    done = confirmed(world, secret)
    assert done.first
    account = stored(world)
    assert (account.vouched, account.ticket) == (True, None)
    assert is_vouched(ASKING, account)
    assert not demanded(POLICIES, account)


def test_wrong_tickets_are_counted() -> None:
    """A wrong ticket counts like a wrong code, and while the back-off holds the right one is not looked at."""
    world = World(Host({"office": ASKING}))
    text = issued(world)
    wrong = "00000000" if text != "00000000" else "00000001"
    for _ in range(3):
        assert started(world, wrong) == CodeResult(Outcome.WRONG)
    assert failures(stored(world).attempts, NOW) == 3
    results = {started(world, each) for each in (wrong, text)}
    assert results == {CodeResult(Outcome.THROTTLED, retry_after=1)}
    assert stored(world).pending is None


def test_no_ticket_was_issued() -> None:
    """Without any ticket every one is wrong."""
    world = World(Host({"office": ASKING}))
    assert started(world, "00000000") == CodeResult(Outcome.WRONG)


@pytest.mark.parametrize("change", ["expired", "replaced", "taken away"])
def test_ticket_that_ended_since_the_beginning(change: str) -> None:
    """A ticket that ended between beginning and confirmation confirms nothing."""
    world = World(Host({"office": ASKING}))
    secret = started(world, issued(world))
    assert isinstance(secret, str)
    account = stored(world)
    assert account.ticket is not None
    if change == "expired":
        world.put(account.but(ticket=account.ticket.but(until=NOW)))
    elif change == "replaced":
        issued(world)
    else:
        world.put(account.but(ticket=None))
    assert confirmed(world, secret).missing
    assert not stored(world).enrolled


def test_begun_without_ticket_elsewhere() -> None:
    """What was begun where no ticket is asked for isn't confirmed where one is."""
    world = World(Host({"office": ASKING}))
    issued(world)
    secret = world.run(begin(world.settings, "u1", BROWSER, fresh=True))
    assert isinstance(secret, str)
    assert confirmed(world, secret).missing


def test_reset_with_a_ticket() -> None:
    """A reset can hand out the ticket for setting up again; without that the old one is void."""
    world = World()
    world.enrolled(vouched=True)
    assert world.run(administration.issue_ticket(world.settings, "u1", by="kim")) is None
    text = world.gate.reset("u1", by="kim", reason="lost", ticket=True)
    assert text is not None
    account = stored(world)
    assert not account.vouched
    assert account.ticket is not None
    assert matches(world.settings.sealer, account, canonical(text), account.ticket.until - 1)
    world.gate.reset("u1", by="kim", reason="lost")
    assert stored(world).ticket is None


def test_extension_at_one_location() -> None:
    """More time at one location takes the place of what had been given there; that elsewhere stays."""
    world = World()
    for place, until in (("office", 1.0), ("billing", 2.0), ("office", 3.0)):
        flow = administration.extend(world.settings, "u1", place, until=NOW + until, by="kim", reason="ill")
        world.run(flow)
    given = [(each.location, each.until) for each in stored(world).extensions]
    assert given == [("billing", NOW + 2), ("office", NOW + 3)]
    assert '"extended"' in world.log[-1]


def test_who_set_up_before_tickets() -> None:
    """Who set up before `tickets_from` counts without one, who did at it or later doesn't."""
    since = Policy(
        Enforcement.REQUIRED, enrollment=Enrollment.TICKET, tickets_from=datetime.fromtimestamp(NOW, UTC)
    )
    world = World()
    for enabled, vouched in ((NOW - 1, True), (NOW, False), (NOW + 1, False)):
        assert is_vouched(since, world.enrolled(enabled_at=enabled)) is vouched
    assert not is_vouched(ASKING, world.enrolled())
    assert is_vouched(Policy(Enforcement.REQUIRED), world.enrolled())


def test_rotation_keeps_it() -> None:
    """Sealed anew, the same ticket holds, and the old key isn't needed any more."""
    world = World()
    drawn = world.run(draw(world.settings.sealer, "u1", NOW))
    both, new = Sealer(KeyList(["n" * 32, KEY], "main"), "main"), Sealer(KeyList(["n" * 32], "main"), "main")
    moved = world.run(reseal(drawn.ticket, both, "u1"))
    assert matches(new, Account(user="u1", ticket=moved), canonical(drawn.shown), NOW)
    assert tickets.TICKET_SECONDS == 7 * 86400
