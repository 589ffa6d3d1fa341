"""What users do with their own second factor."""

from __future__ import annotations

import pytest

from tests.core.stepping import NOW, SECRET, TOKEN, World
from twofa_gate.core import management, recovery
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.attempts import Attempts, Lane, failures
from twofa_gate.core.challenge import CodeResult, Outcome, Passage
from twofa_gate.core.codes import parse_code
from twofa_gate.core.management import Change
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import TrustedBrowser, Verification, digest
from twofa_gate.model import Method

NEW = "new-token-new-token-ne"
PASSAGE = Passage(False, None, NEW, digest(TOKEN))


@pytest.fixture
def world() -> World:
    """u1 with two authenticators, recovery codes, two verified browsers and a trusted one."""
    world = World()
    account = world.enrolled()
    sealed = world.settings.sealer.seal(SECRET, b"m" * 12, user_id="u1", thing=secret_thing("a2"))
    backup = Authenticator(id="a2", name="Backup", secret=sealed, last_step=2**40)
    codes, _ = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    world.put(account.but(authenticators=(*account.authenticators, backup), recovery=codes))
    world.verified()
    account = stored(world).with_verification(Verification(digest="o" * 64, at=NOW, method="totp"))
    world.put(account.with_trusted(TrustedBrowser(digest="t" * 64, at=NOW)))
    return world


def stored(world: World) -> Account:
    """Read u1's account."""
    account = world.account()
    assert account is not None
    return account


def test_new_recovery_codes(world: World) -> None:
    """For a code there are ten new ones, and the old set is void at once."""
    old = stored(world).recovery
    renewal = world.run(management.renew_codes(world.settings, "u1", parse_code(world.code()), PASSAGE))
    assert renewal.result.accepted
    account = stored(world)
    assert old is not None
    assert account.recovery is not None
    assert account.recovery.id != old.id
    index = recovery.find(account.recovery, renewal.codes[0].replace("-", ""), world.settings.sealer, "u1")
    assert (index, len(renewal.codes)) == (0, 10)
    assert {each.digest for each in account.verifications} == {digest(NEW), "o" * 64}
    assert '"recovery_codes_renewed"' in world.log[-1]


def test_wrong_code_changes_nothing(world: World) -> None:
    """Without a right code codes, authenticators, verifications and names stay as they are; it is counted."""
    before = stored(world)
    wrong = parse_code(world.wrong())
    for flow in (
        management.renew_codes(world.settings, "u1", wrong, PASSAGE),
        management.disable(world.settings, "u1", wrong, False),
    ):
        world.run(flow)
    assert stored(world).but(attempts=Attempts()) == before
    assert failures(stored(world).attempts, NOW) == 2


@pytest.mark.parametrize("change", ["remove", "rename"])
def test_wrong_code_for_an_authenticator(world: World, change: str) -> None:
    """So it is for renaming and removing."""
    before = stored(world)
    wrong = parse_code(world.wrong())
    if change == "remove":
        result = world.run(management.remove(world.settings, "u1", "a2", wrong, PASSAGE))
    else:
        result = world.run(management.rename(world.settings, "u1", "a2", "X", wrong, PASSAGE))
    assert result == CodeResult(Outcome.WRONG)
    assert stored(world).but(attempts=Attempts()) == before


def test_disable(world: World) -> None:
    """Disabling takes away authenticators, codes, verifications, trust and what is pending."""
    assert world.run(management.disable(world.settings, "u1", parse_code(world.code()), False)).accepted
    account = stored(world)
    assert not account.enrolled
    assert (
        account.recovery,
        account.verifications,
        account.trusted,
        account.pending,
        account.enabled_at,
    ) == (
        None,
        (),
        (),
        None,
        None,
    )
    assert '"disabled"' in world.log[-1]
    again = world.run(management.disable(world.settings, "u1", parse_code("123456"), False))
    assert again.outcome is Outcome.NOT_ENROLLED


def test_rename(world: World) -> None:
    """With a code, or without one where that is fresh, an authenticator gets another name."""
    assert world.run(management.rename(world.settings, "u1", "a2", "Tablet", None, PASSAGE)) is Change.DONE
    assert [each.name for each in stored(world).authenticators] == ["Phone", "Tablet"]
    assert {each.digest for each in stored(world).verifications} == {digest(TOKEN), "o" * 64}
    code = parse_code(world.code())
    assert world.run(management.rename(world.settings, "u1", "a1", "iPhone", code, PASSAGE)) is Change.DONE
    account = stored(world)
    assert [each.name for each in account.authenticators] == ["iPhone", "Tablet"]
    assert account.authenticators[0].last_step == NOW // 30, "the code that was typed is spent"
    assert digest(NEW) in {each.digest for each in account.verifications}


def test_what_is_not_there(world: World) -> None:
    """An id of nothing, or of another user's authenticator, is missing, and no code is spent."""
    code = parse_code(world.code())
    for typed in (None, code):
        assert world.run(management.rename(world.settings, "u1", "x", "N", typed, PASSAGE)) is Change.MISSING
        assert world.run(management.remove(world.settings, "u1", "x", typed, PASSAGE)) is Change.MISSING
    assert stored(world).authenticators[0].last_step == -1


def test_remove_by_code(world: World) -> None:
    """Removing ends every verification but that of the browser that does it, and every trust."""
    code = parse_code(world.code())
    assert world.run(management.remove(world.settings, "u1", "a2", code, PASSAGE)) is Change.DONE
    account = stored(world)
    assert [each.id for each in account.authenticators] == ["a1"]
    assert [each.digest for each in account.verifications] == [digest(NEW)]
    assert account.trusted == ()
    assert world.run(management.remove(world.settings, "u1", "a1", None, PASSAGE)) is Change.LAST
    assert stored(world).enrolled


def test_remove_without_code_needs_a_living_verification(world: World) -> None:
    """Without a code the browser's verification must be alive in the account when it is done."""
    gone = Passage(False, None, NEW, digest("gone"))
    for passage in (gone, Passage(False, None, NEW, None)):
        assert world.run(management.remove(world.settings, "u1", "a2", None, passage)) is Change.MISSING
    assert len(stored(world).authenticators) == 2
    assert world.run(management.remove(world.settings, "u1", "a2", None, PASSAGE)) is Change.DONE
    assert [(each.digest, each.method) for each in stored(world).verifications] == [(digest(NEW), "totp")]


def test_remove_by_recovery_code(world: World) -> None:
    """The verification that remains is of the method that was used."""
    codes, shown = world.run(recovery.draw_set(world.settings.sealer, "u1", NOW))
    world.put(stored(world).but(recovery=codes))
    assert (
        world.run(management.remove(world.settings, "u1", "a2", parse_code(shown[0]), PASSAGE)) is Change.DONE
    )
    assert [each.method for each in stored(world).verifications] == [Method.RECOVERY_CODE.value]


def browsers(world: World) -> tuple[list[str], int]:
    """Return the verified browsers' first letters, and how many are trusted."""
    account = stored(world)
    return [each.digest[0] for each in account.verifications], len(account.trusted)


def test_sign_out_one(world: World) -> None:
    """One verified or trusted browser can be ended by its id; an unknown id is missing."""
    first = digest(TOKEN)[0]
    assert world.run(management.end_browsers(world.settings, "u1", one="x")) is Change.MISSING
    assert browsers(world) == ([first, "o"], 1)
    assert world.run(management.end_browsers(world.settings, "u1", one="o" * 16)) is Change.DONE
    assert browsers(world) == ([first], 1)
    assert world.run(management.end_browsers(world.settings, "u1", one="t" * 16)) is Change.DONE
    assert browsers(world) == ([first], 0)
    assert '"browser_signed_out"' in world.log[-1]


def test_sign_out_others(world: World) -> None:
    """All others are ended, verified and trusted ones; this one stays."""
    flow = management.end_browsers(world.settings, "u1", others_than=digest(TOKEN))
    assert world.run(flow) is Change.DONE
    assert browsers(world) == ([digest(TOKEN)[0]], 0)
    assert world.run(management.end_browsers(world.settings, "u1")) is Change.DONE
    assert browsers(world) == ([], 0)


def test_forget_trusted(world: World) -> None:
    """Trusted browsers alone can be forgotten."""
    assert world.run(management.end_browsers(world.settings, "u1", trusted=True)) is Change.DONE
    assert browsers(world) == ([digest(TOKEN)[0], "o"], 0)


def test_end_own(world: World) -> None:
    """The browser that signs out loses its own verification; a dead one changes nothing."""
    world.run(management.end_own(world.settings, "u1", digest(TOKEN)))
    assert browsers(world)[0] == ["o"]
    lines = len(world.log)
    world.run(management.end_own(world.settings, "u1", digest(TOKEN)))
    assert len(world.log) == lines


LOCKED = Attempts(stranger=Lane(locked=True), known=Lane(failures=(NOW,), locked=True))


def test_self_unlock(world: World) -> None:
    """Three codes in a row unlock both lanes, are spent, and are no verification."""
    account = stored(world).but(attempts=LOCKED)
    world.put(account)
    row = (world.code(-2), world.code(-1), world.code())
    assert world.run(management.unlock(world.settings, "u1", row[::-1], False)) is False
    assert world.run(management.unlock(world.settings, "u1", (world.code(),) * 3, False)) is False
    assert stored(world) == account
    assert world.run(management.unlock(world.settings, "u1", row, False)) is True
    after = stored(world)
    assert after.attempts == Attempts()
    assert after.verifications == account.verifications
    assert after.authenticators[0].last_step == NOW // 30
    assert '"unlocked"' in world.log[-1]
    world.put(after.but(attempts=LOCKED))
    assert world.run(management.unlock(world.settings, "u1", row, False)) is False


def test_self_unlock_when_not_locked(world: World) -> None:
    """Where nothing is locked nothing is written; a back-off is not unlocked by it."""
    row = (world.code(-2), world.code(-1), world.code())
    before = stored(world)
    assert world.run(management.unlock(world.settings, "u1", row, False)) is True
    assert stored(world) == before
    world.put(before.but(attempts=Attempts(stranger=Lane(streak=9, until=NOW + 60))))
    assert world.run(management.unlock(world.settings, "u1", row, False)) is False
