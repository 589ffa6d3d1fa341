"""Re-sealing with the newest key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.stepping import KEY, NOW, SECRET, World
from twofa_gate.core import recovery, tickets
from twofa_gate.core.account import PendingEnrollment, secret_thing
from twofa_gate.core.effects import CallHook, Effect
from twofa_gate.core.rotation import RotationPage, rotate_page, scan
from twofa_gate.core.storage import user_key
from twofa_gate.errors import HookError

NEW = "n" * 32


def full() -> World:
    """Make a world with the old key in which u1 has everything that is sealed."""
    old = World()
    settings = old.settings
    codes, _ = old.run(recovery.draw_set(settings.sealer, "u1", NOW))
    ticket = old.run(tickets.draw(settings.sealer, "u1", NOW)).ticket
    sealed = settings.sealer.seal(SECRET, b"p" * 12, user_id="u1", thing=secret_thing("p1"))
    pending = PendingEnrollment(id="p1", secret=sealed, browser="b", began=NOW)
    old.put(old.enrolled().but(recovery=codes, ticket=ticket, pending=pending))
    return old


def turned(old: World, *keys: str) -> World:
    """Make a world with these keys on the same store."""
    world = World(secret_keys=list(keys))
    world.store._stored = old.store._stored
    world.store._keys = old.store._keys
    return world


def test_everything_is_sealed_anew() -> None:
    """All that is sealed is sealed with the newest key, once; the old key isn't needed any more."""
    world = turned(full(), NEW, KEY)
    assert world.run(rotate_page(world.settings)) == RotationPage(None, 1, 1, ())
    account = world.account()
    assert account is not None
    assert len(account.sealed_values()) == 13
    new = turned(world, NEW)
    assert {new.settings.sealer.key_id(each) for each in account.sealed_values()} == {
        new.settings.sealer.newest
    }
    assert (
        new.settings.sealer.open(account.authenticators[0].secret, user_id="u1", thing=secret_thing("a1"))
        == SECRET
    )
    assert world.run(rotate_page(world.settings)) == RotationPage(None, 1, 0, ())


def test_account_with_an_authenticator_alone() -> None:
    """An account has nothing more afterwards than it had."""
    old = World()
    old.enrolled()
    world = turned(old, NEW, KEY)
    assert world.run(rotate_page(world.settings)).resealed == 1
    account = world.account()
    assert account is not None
    assert (account.recovery, account.pending, account.ticket) == (None, None, None)


def test_account_that_can_not_be_opened_is_reported() -> None:
    """An account whose key isn't listed is named with the reason, and the others go on."""
    old = full()
    world = turned(old, NEW)
    world.enrolled("u2")
    page = world.run(rotate_page(world.settings))
    assert (page.seen, page.resealed) == (2, 0)
    ((key, reason),) = page.failed
    assert key == user_key("main", "u1")
    assert old.settings.sealer.newest in reason


def test_moved_document_is_reported() -> None:
    """A document under another user's key is not touched."""
    world = turned(full(), NEW, KEY)
    stored = world.store.load(user_key("main", "u1"))
    assert stored is not None
    assert world.store.save(user_key("main", "u9"), stored.document, "v", None)
    page = world.run(rotate_page(world.settings))
    assert [key for key, _ in page.failed] == [user_key("main", "u9")]


def replying(world: World, keys: Any) -> Any:
    """Perform, but let `scan` give these keys."""

    def perform(effect: Effect[Any]) -> Any:
        if isinstance(effect, CallHook) and effect.hook.name == "scan":
            return keys
        return world.perform(effect)

    return perform


def test_forgotten_meanwhile() -> None:
    """Who was forgotten since the page was read, or between read and write, is not brought back."""
    world = turned(full(), NEW, KEY)
    page = world.run(rotate_page(world.settings), replying(world, [user_key("main", "gone")]))
    assert page == RotationPage(None, 1, 0, ())
    loads = 0

    def forgetting(effect: Effect[Any]) -> Any:
        nonlocal loads
        if isinstance(effect, CallHook) and effect.hook.name == "load":
            loads += 1
            if loads == 2:
                world.gate.forget("u1")
        return world.perform(effect)

    assert world.run(rotate_page(world.settings), forgetting) == RotationPage(None, 1, 0, ())
    assert world.account() is None


def test_bare_account_is_left_alone() -> None:
    """An account without anything sealed is left as it is."""
    world = turned(full(), NEW, KEY)
    world.gate.reset("u1", by="kim", reason="x")
    before = world.account()
    assert world.run(rotate_page(world.settings)) == RotationPage(None, 1, 0, ())
    assert world.account() == before


def test_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full page says where the next one begins; one that isn't full is the last. Foreign keys aren't read."""
    monkeypatch.setattr("twofa_gate.core.rotation.PAGE", 2)
    world = World()
    for name in ("u1", "u2", "u3"):
        world.enrolled(name)
    first = world.run(rotate_page(world.settings))
    assert (first.after, first.seen) == (user_key("main", "u2"), 2)
    assert world.run(rotate_page(world.settings, first.after)) == RotationPage(None, 1, 0, ())
    more = [user_key("main", name) for name in ("u1", "u2", "u3")]
    assert world.run(rotate_page(world.settings), replying(world, more)).after == more[-1]


@pytest.mark.parametrize(
    "keys",
    [
        None, "main/user/x", 5, [None], [b"main/user/x"], ["main/location/x"], ["other/user/x"], ["main/user/a"],
        ["main/user/m"], ["main/user/z", "main/user/x"], ["main/user/x", "main/user/x"],
    ],
)  # fmt: skip
def test_store_that_scans_wrongly(keys: Any) -> None:
    """Keys of another prefix, out of order, twice, or not after the last one are an error: some would be missed."""
    world = World()
    with pytest.raises(HookError):
        world.run(scan(world.settings, "main/user/", "main/user/m", 10), replying(world, keys))
    assert world.run(scan(world.settings, "main/user/", None, 10), replying(world, ())) == []
