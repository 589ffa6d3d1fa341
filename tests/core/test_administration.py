"""What operators do, on the record."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.core.stepping import NOW, World
from twofa_gate.core import administration, storage
from twofa_gate.core.account import Account, Extension, PendingEnrollment
from twofa_gate.core.attempts import Attempts, Lane
from twofa_gate.core.effects import CallHook, Effect
from twofa_gate.errors import ContentionError, NotFoundError, StoreError


@pytest.fixture
def world() -> World:
    """u1 has set up, has a verified and a trusted browser, and is locked out."""
    world = World()
    locked = Attempts(stranger=Lane(failures=(NOW,), locked=True))
    extended = (Extension(location="office", until=NOW),)
    pending = PendingEnrollment(id="p", secret=f"v1.{world.settings.sealer.newest}.x", browser="b", began=NOW)
    world.enrolled(attempts=locked, extensions=extended, pending=pending)
    world.verified()
    world.trusted()
    return world


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def test_status(world: World) -> None:
    """Status tells what there is, and no secret."""
    told = world.run(administration.status(world.settings, "u1"))
    now = datetime.fromtimestamp(NOW, UTC)
    assert (told.enrolled, told.authenticators, told.verified_browsers, told.trusted_browsers) == (
        True,
        ("Phone",),
        1,
        1,
    )
    assert (told.last_verified, told.failures, told.locked, told.retry_after) == (now, 1, True, 900)
    assert told.enabled_at == datetime.fromtimestamp(NOW - 86400, UTC)
    assert stored(world).authenticators[0].secret not in repr(told)
    nobody = world.run(administration.status(world.settings, "nobody"))
    assert (nobody.enrolled, nobody.locked, nobody.retry_after, nobody.enabled_at) == (False, False, 0, None)


def test_reset(world: World) -> None:
    """A reset takes everything away, gives more time, and says by whom and why; it does not delete."""
    flow = administration.reset(world.settings, "u1", by="kim", reason="lost phone", extension=3600)
    world.run(flow)
    account = stored(world)
    assert (account.enrolled, account.verifications, account.trusted, account.pending) == (
        False,
        (),
        (),
        None,
    )
    assert (account.recovery, account.enabled_at, account.attempts) == (None, None, Attempts())
    assert [(each.location, each.until) for each in account.extensions] == [
        ("office", NOW),
        (None, NOW + 3600),
    ]
    line = json.loads(world.log[-1])
    assert (line["event"], line["by"], line["reason"]) == ("reset", "kim", "lost phone")


def test_reset_by_a_locations_administrator(world: World) -> None:
    """A reset from a location's page names the location."""
    flow = administration.reset(
        world.settings, "u1", by="kim", reason="lost", extension=0, ticket=True, location="office"
    )
    assert world.run(flow) is not None
    told = [json.loads(line) for line in world.log]
    assert [(each["event"], each["location"]) for each in told[-2:]] == [
        ("reset", "office"),
        ("ticket_issued", "office"),
    ]


def test_reset_without_more_time(world: World) -> None:
    """An extension of zero gives none."""
    world.run(administration.reset(world.settings, "u1", by="kim", reason="x", extension=0))
    assert [each.location for each in stored(world).extensions] == ["office"]


def test_revoke(world: World) -> None:
    """A revocation ends all passage and what is pending; the authenticators stay. Twice is once."""
    world.run(administration.revoke(world.settings, "u1"))
    account = stored(world)
    assert (account.verifications, account.trusted, account.pending, account.enrolled) == ((), (), None, True)
    lines = len(world.log)
    world.run(administration.revoke(world.settings, "u1"))
    assert len(world.log) == lines


def test_unlock(world: World) -> None:
    """An unlock gives a fresh budget, and is no verification."""
    before = stored(world)
    world.run(administration.unlock(world.settings, "u1", by="kim"))
    assert stored(world) == before.but(attempts=Attempts())
    assert json.loads(world.log[-1])["by"] == "kim"
    with pytest.raises(NotFoundError, match="'nobody'"):
        world.run(administration.unlock(world.settings, "nobody", by="kim"))
    assert world.account("nobody") is None


def test_forget(world: World) -> None:
    """Only `forget` deletes, and tells whether there was anything."""
    assert world.run(administration.forget(world.settings, "u1")) is True
    assert world.account() is None
    assert '"forgotten"' in world.log[-1]
    assert world.run(administration.forget(world.settings, "u1")) is False


def test_forget_in_the_wrong_store(world: World) -> None:
    """In a store without installation record, nothing there is no success."""
    world.store._stored.clear()
    with pytest.raises(StoreError):
        world.run(administration.forget(world.settings, "u1"))


def test_forget_against_other_writers(world: World) -> None:
    """A deletion that loses is tried again, a bounded number of times."""

    def losing(times: int) -> Any:
        left = times

        def perform(effect: Effect[Any]) -> Any:
            nonlocal left
            if isinstance(effect, CallHook) and effect.hook.name == "save" and left:
                left -= 1
                return False
            return world.perform(effect)

        return perform

    with pytest.raises(ContentionError, match="nothing was done"):
        world.run(administration.forget(world.settings, "u1"), losing(storage.MAX_TRIES))
    assert world.account() is not None
    assert world.run(administration.forget(world.settings, "u1"), losing(storage.MAX_TRIES - 1)) is True
