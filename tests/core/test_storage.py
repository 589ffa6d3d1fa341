"""Reading accounts, and the one atomic act that changes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.stepping import NOW, Host, Observer, Performer, World
from twofa_gate.core import events, storage
from twofa_gate.core.account import Account, encode
from twofa_gate.core.effects import CallHook, Effect, Flow
from twofa_gate.core.storage import (
    MAX_TRIES,
    location_key,
    read_account,
    require_installed,
    transact,
    user_key,
)
from twofa_gate.errors import (
    ConfigurationError,
    ContentionError,
    DocumentError,
    HookError,
    SealError,
    StoreError,
)
from twofa_gate.model import EventKind, Stored

INSTALLATION = "main/installation"
stored: Any = Stored  # wrongly filled below


def mark(account: Account, now: float) -> Flow[tuple[Account, str]]:
    """Be an act: note the time in the account, with an event."""
    return (yield from events.queue(account.but(enabled_at=now), EventKind.ENABLED, now)), "outcome"


def nothing(account: Account, now: float) -> Flow[tuple[Account, str]]:
    """Be an act that changes nothing."""
    yield from ()
    return account, "nothing"


def intercept(world: World, name: str, *replies: Any) -> Performer:
    """Answer the first calls of a hook with these: an exception, a function of the call, or a value."""
    waiting = list(replies)

    def perform(effect: Effect[Any]) -> Any:
        if isinstance(effect, CallHook) and effect.hook.name == name and waiting:
            reply = waiting.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply(effect) if callable(reply) else reply
        return world.perform(effect)

    return perform


def calls(world: World, name: str) -> int:
    """Count the calls of a hook."""
    return sum(1 for each in world.effects if isinstance(each, CallHook) and each.hook.name == name)


# keys


@given(st.text(), st.text())
def test_keys_never_collide(one: str, other: str) -> None:
    """Keys are short ASCII, and two ids never have the same key, nor a user and a location."""
    keys = [user_key("main", one), user_key("main", other), location_key("main", one)]
    assert all(key.isascii() and len(key) <= 255 for key in keys)
    assert (keys[0] == keys[1]) is (one == other)
    assert keys[2] not in keys[:2]


@pytest.mark.parametrize("long", ["x" * 181, "é" * 100, "x" * 10_000])
def test_long_ids_are_hashed(long: str) -> None:
    """A long id is hashed, and nobody can be given an id that spells the hash."""
    key = user_key("main", long)
    assert len(key) <= 255
    assert user_key("main", key.removeprefix("main/user/")) != key
    assert user_key("main", long + "x") != key


def test_ids_can_not_leave_their_place() -> None:
    """Slashes, dots and percent signs of an id stay within it."""
    assert user_key("main", "../location/x") == "main/user/..%2Flocation%2Fx"
    assert user_key("main", "a%2Fb") != user_key("main", "a/b")
    assert user_key("a", "x") != user_key("b", "x")


# what the store answers


@pytest.mark.parametrize(
    "reply",
    [b"{}", (b"{}", "v"), stored("{}", "v"), stored(b"{}", 1), stored(bytearray(), "v"), True, 0, "", [], object()],
)  # fmt: skip
def test_load_must_give_stored_or_none(reply: Any) -> None:
    """Anything but `Stored(bytes, str)` or `None` is an error, and never read as "nothing stored"."""
    world = World()
    with pytest.raises(HookError, match=r"MemoryStore\.load must return Stored"):
        world.run(read_account(world.settings, "u1"), intercept(world, "load", reply))


@pytest.mark.parametrize("reply", [None, 1, 0, "True", [], object(), "lost"])
def test_save_must_give_true_or_false(reply: Any) -> None:
    """Anything but `True` or `False` of `save` is an error; nothing counts as won."""
    world = World()
    with pytest.raises(HookError, match=r"MemoryStore\.save must return True or False"):
        world.run(transact(world.settings, "u1", mark), intercept(world, "save", reply))
    assert world.account() is None


def test_nothing_stored_needs_the_installation_record() -> None:
    """That there is no account is believed only of a store that has this realm's installation record."""
    world = World()
    assert world.run(read_account(world.settings, "u1")) == (None, None)
    world.store.save(INSTALLATION, None, "gone", world.store._stored[INSTALLATION].version)
    with pytest.raises(StoreError, match="'main': is it the right one"):
        world.run(read_account(world.settings, "u1"))
    with pytest.raises(StoreError):
        world.run(require_installed(world.settings))


def test_other_realms_record_does_not_count() -> None:
    """A store in which another realm is installed is not this realm's."""
    one = World()
    other = World(realm="other")
    other.store._stored = one.store._stored
    with pytest.raises(StoreError):
        other.run(read_account(other.settings, "u1"))


def test_unknown_key_is_no_missing_account() -> None:
    """An account sealed with an unlisted key is an error, not a user who never set up."""
    world = World()
    account = world.enrolled()
    one = account.authenticators[0]
    world.put(account.but(authenticators=(one.but(secret="v1.00000000.AAAA"),)))
    with pytest.raises(SealError, match="00000000"):
        world.run(read_account(world.settings, "u1"))


def test_broken_document_is_an_error() -> None:
    """A broken document is an error, not a fresh start."""
    world = World()
    world.store.save(user_key("main", "u1"), b"{", "v", None)
    for flow in (read_account(world.settings, "u1"), transact(world.settings, "u1", mark)):
        with pytest.raises(DocumentError):
            world.run(flow)


# the act


def test_act_is_saved_with_its_outcome() -> None:
    """An act's account is stored, and its outcome returned."""
    world = World()
    assert world.run(transact(world.settings, "u1", mark)) == "outcome"
    account = world.account()
    assert account is not None
    assert account.enabled_at == NOW


def test_act_that_changes_nothing_writes_nothing() -> None:
    """Without a change there is no write."""
    world = World()
    assert world.run(transact(world.settings, "u1", nothing)) == "nothing"
    assert calls(world, "save") == 0


def test_faster_writer_makes_it_compute_anew() -> None:
    """Where another writer was faster, the act is computed again from what that one stored."""
    world = World()

    def other_writes(effect: CallHook) -> bool:
        world.put(Account(user="u1", enabled_at=1.0))
        return bool(effect.hook.function(*effect.args))

    seen = []

    def act(account: Account, now: float) -> Flow[tuple[Account, int]]:
        yield from ()
        seen.append(account.enabled_at)
        return account.but(enabled_at=(account.enabled_at or 0.0) + 1), len(seen)

    assert world.run(transact(world.settings, "u1", act), intercept(world, "save", other_writes)) == 2
    assert seen == [None, 1.0]
    account = world.account()
    assert account is not None
    assert account.enabled_at == 2.0


def test_contention_ends() -> None:
    """An act that loses again and again gives up, having changed and delivered nothing."""
    observer = Observer()
    world = World(Host(), observer)
    observer.kinds.clear()
    with pytest.raises(ContentionError, match="nothing was done"):
        world.run(transact(world.settings, "u1", mark), intercept(world, "save", *[False] * MAX_TRIES))
    assert world.account() is None
    assert observer.kinds == []
    assert '"enabled"' not in "".join(world.log)


# lost acknowledgements


def test_lost_acknowledgement_is_settled() -> None:
    """A write that went through though its acknowledgement was lost counts, once."""
    world = World()

    def lost(effect: CallHook) -> Any:
        assert effect.hook.function(*effect.args) is True
        raise TimeoutError

    assert world.run(transact(world.settings, "u1", mark), intercept(world, "save", lost)) == "outcome"
    assert sum('"enabled"' in line for line in world.log) == 1


def test_failed_write_fails() -> None:
    """A write that did not go through is the failure that it was."""
    world = World()
    with pytest.raises(TimeoutError):
        world.run(transact(world.settings, "u1", mark), intercept(world, "save", TimeoutError()))
    assert world.account() is None


def test_write_of_another_is_not_taken_for_ours() -> None:
    """If somebody else's write is found after a failure, ours is not reported as done."""
    world = World()

    def other_writes(effect: CallHook) -> Any:
        world.put(Account(user="u1", enabled_at=1.0))
        raise TimeoutError

    with pytest.raises(TimeoutError):
        world.run(transact(world.settings, "u1", mark), intercept(world, "save", other_writes))


def test_failure_to_settle_is_a_failure() -> None:
    """If the reading that would settle a lost acknowledgement fails too, nothing is reported as done."""
    world = World()
    perform = intercept(world, "save", TimeoutError())
    loads = intercept(world, "load", world.perform, OSError("down"))

    def both(effect: Effect[Any]) -> Any:
        is_load = isinstance(effect, CallHook) and effect.hook.name == "load"
        return loads(effect) if is_load else perform(effect)

    with pytest.raises(OSError, match="down"):
        world.run(transact(world.settings, "u1", mark), both)


@pytest.mark.parametrize("reply", [TimeoutError(), None])
def test_deletion_is_settled_too(reply: Any) -> None:
    """A deletion whose acknowledgement was lost counts if nothing is stored any more."""
    world = World()
    world.enrolled()
    stored = world.store.load(user_key("main", "u1"))
    assert stored is not None

    def lost(effect: CallHook) -> Any:
        if reply is None:
            effect.hook.function(*effect.args)
        raise TimeoutError

    flow = storage.save(world.settings, user_key("main", "u1"), None, stored.version)
    if reply is None:
        assert world.run(flow, intercept(world, "save", lost)) is True
    else:
        with pytest.raises(TimeoutError):
            world.run(flow, intercept(world, "save", lost))


def test_versions_never_come_back() -> None:
    """Each write has a version of its own, of 128 bits."""
    world = World()
    versions = set()
    for _ in range(5):
        world.run(transact(world.settings, "u1", mark))
        stored = world.store.load(user_key("main", "u1"))
        assert stored is not None
        versions.add(stored.version)
    assert len(versions) == 5
    assert all(len(version) == 32 for version in versions)


def test_document_is_bounded() -> None:
    """A document beyond its bound isn't written."""
    world = World()

    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        yield from ()
        return account.but(extra={"x": "y" * storage.MAX_DOCUMENT_BYTES}), None

    with pytest.raises(StoreError, match="nothing was changed"):
        world.run(transact(world.settings, "u1", act))
    assert world.account() is None


# the outbox


def test_outbox_is_saved_with_the_change_and_cleared_afterwards() -> None:
    """With an observer, the event is in the same save as the change, delivered, then taken out."""
    observer = Observer()
    world = World(Host(), observer)
    observer.kinds.clear()
    saved = []

    def look(effect: CallHook) -> Any:
        saved.append(json.loads(effect.args[1]))
        return effect.hook.function(*effect.args)

    world.run(transact(world.settings, "u1", mark), intercept(world, "save", look, look))
    assert [[each["kind"] for each in document["outbox"]] for document in saved] == [["enabled"], []]
    assert observer.kinds == ["enabled"]


def test_without_observers_there_is_no_outbox() -> None:
    """With nobody to deliver to, one write and one log line do."""
    world = World()
    world.run(transact(world.settings, "u1", mark))
    assert calls(world, "save") == 1
    account = world.account()
    assert account is not None
    assert account.outbox == ()
    assert '"enabled"' in world.log[-1]


def test_uncleared_outbox_is_delivered_again() -> None:
    """If the outbox can't be cleared, the change stands, an alarm is raised, and it is delivered again."""
    observer = Observer()
    world = World(Host(), observer)
    observer.kinds.clear()
    perform = intercept(world, "save", world.perform, OSError("down"), OSError("down"))
    assert world.run(transact(world.settings, "u1", mark), perform) == "outcome"
    account = world.account()
    assert account is not None
    assert [each.kind for each in account.outbox] == ["enabled"]
    assert observer.kinds == ["enabled", "alarm"]
    world.run(storage.redeliver(world.settings, account))
    assert observer.kinds == ["enabled", "alarm", "enabled"]
    account = world.account()
    assert account is not None
    assert account.outbox == ()


def test_clearing_keeps_what_came_meanwhile() -> None:
    """Clearing the outbox takes out what was delivered, and nothing that another writer queued."""
    observer = Observer()
    world = World(Host(), observer)
    delivered = Account(user="u1").with_event("e1", "enabled", NOW, {})
    world.put(delivered.with_event("e2", "verified", NOW, {}))
    world.run(storage.redeliver(world.settings, delivered))
    account = world.account()
    assert account is not None
    assert [each.id for each in account.outbox] == ["e2"]
    before = calls(world, "save")
    world.run(storage.redeliver(world.settings, delivered))
    assert calls(world, "save") == before


def test_clearing_the_outbox_of_a_deleted_account() -> None:
    """An account deleted between delivery and clearing stays deleted."""
    world = World(Host(), Observer())
    world.run(storage.redeliver(world.settings, Account(user="u1").with_event("e1", "enabled", NOW, {})))
    assert world.account() is None


# the installation record


def test_empty_store_is_not_taken_into_use_by_itself() -> None:
    """An empty store is an error that says what to do."""
    world = World()
    world.store._stored.clear()
    with pytest.raises(ConfigurationError, match="twofa-gate init"):
        world.run(storage.initialize(world.settings, may_create=False))


def test_record_is_written_once() -> None:
    """Where it may be, the record is written, and told of; after that it is found."""
    world = World()
    world.store._stored.clear()
    assert world.run(storage.initialize(world.settings, may_create=True)) is True
    assert '"initialized"' in world.log[-1]
    assert json.loads(world.store._stored[INSTALLATION].document) == {
        "format": 1,
        "realm": "main",
        "made": NOW,
    }
    assert world.run(storage.initialize(world.settings, may_create=True)) is False
    assert world.run(storage.initialize(world.settings, may_create=False)) is False


def test_two_may_initialize_at_once() -> None:
    """Who loses the race for writing the record is content that it is there."""
    world = World()
    world.store._stored.clear()
    assert (
        world.run(storage.initialize(world.settings, may_create=True), intercept(world, "save", False))
        is False
    )
    assert not any('"initialized"' in line for line in world.log)


def test_encoded_account_is_what_is_stored() -> None:
    """The document under the key is the account's encoding."""
    world = World()
    account = world.enrolled()
    assert world.store._stored[user_key("main", "u1")].document == encode(account)


def test_clearing_the_outbox_ends() -> None:
    """Where others are always faster, delivered events stay in the outbox after some tries, and the change stands."""
    world = World(Host(), Observer())
    world.enrolled()
    saves = 0

    def perform(effect: Effect[Any]) -> Any:
        nonlocal saves
        if isinstance(effect, CallHook) and effect.hook.name == "save":
            saves += 1
            if saves > 1:
                return False
        return world.perform(effect)

    def act(account: Account, now: float) -> Flow[tuple[Account, str]]:
        return (yield from events.queue(account, EventKind.VERIFIED, now)), "done"

    assert world.run(storage.transact(world.settings, "u1", act), perform) == "done"
    account = world.account()
    assert account is not None
    assert len(account.outbox) == 1
    assert saves == 1 + storage.MAX_TRIES
