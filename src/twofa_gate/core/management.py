"""What users do with their own second factor: new recovery codes, disable, rename, remove, sign out browsers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from twofa_gate.core import attempts, events, recovery
from twofa_gate.core.account import Account, end_passage, secret_thing
from twofa_gate.core.challenge import CodeResult, Passage, grant, spend_code
from twofa_gate.core.codes import TypedCode
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.storage import transact
from twofa_gate.core.totp import latest_of_run
from twofa_gate.model import EventKind, Method

__all__ = [
    "Change",
    "Renewal",
    "disable",
    "end_browsers",
    "end_own",
    "remove",
    "rename",
    "renew_codes",
    "unlock",
]


class Change(Enum):
    """What became of a change."""

    DONE = "done"
    MISSING = "missing"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of the code, and the new recovery codes, shown once."""

    result: CodeResult
    codes: tuple[str, ...] = ()


def renew_codes(settings: Settings, user_id: str, typed: TypedCode, passage: Passage) -> Flow[Renewal]:
    """Make new recovery codes, for a code; the old ones are void at once."""

    def act(account: Account, now: float) -> Flow[tuple[Account, Renewal]]:
        account, result = yield from spend_code(settings, account, typed, known=passage.known, now=now)
        if result.method is None:
            return account, Renewal(result)
        account = grant(account, passage, result.method, now)
        codes, shown = yield from recovery.draw_set(settings.sealer, user_id, now)
        account = yield from events.queue(account.but(recovery=codes), EventKind.RECOVERY_CODES_RENEWED, now)
        return account, Renewal(result, tuple(shown))

    return (yield from transact(settings, user_id, act))


def disable(settings: Settings, user_id: str, typed: TypedCode, known: bool) -> Flow[CodeResult]:
    """Disable two-factor authentication, for a code. Everything that let a browser pass ends."""

    def act(account: Account, now: float) -> Flow[tuple[Account, CodeResult]]:
        account, result = yield from spend_code(settings, account, typed, known=known, now=now)
        if not result.accepted:
            return account, result
        bare = end_passage(account).but(
            authenticators=(), pending=None, recovery=None, enabled_at=None, vouched=False
        )
        return (yield from events.queue(bare, EventKind.DISABLED, now)), result

    return (yield from transact(settings, user_id, act))


def rename(
    settings: Settings,
    user_id: str,
    authenticator_id: str,
    name: str,
    typed: TypedCode | None,
    passage: Passage,
) -> Flow[Change | CodeResult]:
    """Give an authenticator another name; `typed` as for `remove`."""

    def act(account: Account, now: float) -> Flow[tuple[Account, Change | CodeResult]]:
        found = account.authenticator(authenticator_id)
        if found is None:
            return account, Change.MISSING
        if typed is not None:
            account, result = yield from spend_code(settings, account, typed, known=passage.known, now=now)
            if result.method is None:
                return account, result
            account = grant(account, passage, result.method, now)
        elif account.verification(passage.replaces) is None:
            return account, Change.MISSING
        current = account.authenticator(authenticator_id) or found
        renamed = account.with_authenticator(current.but(name=name))
        facts = {"before": found.name, "after": name}
        return (yield from events.queue(renamed, EventKind.AUTHENTICATOR_RENAMED, now, **facts)), Change.DONE

    return (yield from transact(settings, user_id, act))


def remove(
    settings: Settings, user_id: str, authenticator_id: str, typed: TypedCode | None, passage: Passage
) -> Flow[Change | CodeResult]:
    """Remove an authenticator; every verification ends but that of the browser that does it.

    `typed` is a code, or `None` where the browser has verified by one in the last minutes. The last
    authenticator can't be removed: that is what disabling is for.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, Change | CodeResult]]:
        found = account.authenticator(authenticator_id)
        if found is None:
            return account, Change.MISSING
        if len(account.authenticators) == 1:
            return account, Change.LAST
        method = Method.TOTP
        if typed is not None:
            account, result = yield from spend_code(settings, account, typed, known=passage.known, now=now)
            if result.method is None:
                return account, result
            method = result.method
        else:
            before = account.verification(passage.replaces)
            if before is None:
                return account, Change.MISSING
            method = Method(before.method)
        left = tuple(each for each in account.authenticators if each.id != authenticator_id)
        removed = grant(end_passage(account.but(authenticators=left)), passage, method, now)
        return (
            yield from events.queue(removed, EventKind.AUTHENTICATOR_REMOVED, now, authenticator=found.name)
        ), Change.DONE

    return (yield from transact(settings, user_id, act))


def end_browsers(
    settings: Settings,
    user_id: str,
    *,
    one: str | None = None,
    others_than: str | None = None,
    trusted: bool = False,
) -> Flow[Change]:
    """End one verification or trusted browser (by id), or every verification but `others_than` (a digest).

    `trusted=True` forgets every trusted browser.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, Change]]:
        if one is not None:
            after = account.but(
                verifications=tuple(each for each in account.verifications if each.id != one),
                trusted=tuple(each for each in account.trusted if each.id != one),
            )
            if len(after.verifications) + len(after.trusted) == len(account.verifications) + len(
                account.trusted
            ):
                return account, Change.MISSING
        elif trusted:
            after = account.but(trusted=())
        else:
            kept = tuple(each for each in account.verifications if each.digest == others_than)
            after = account.but(verifications=kept, trusted=())
        what = "one" if one else "trusted" if trusted else "others"
        return (yield from events.queue(after, EventKind.BROWSER_SIGNED_OUT, now, what=what)), Change.DONE

    return (yield from transact(settings, user_id, act))


def end_own(settings: Settings, user_id: str, digest: str) -> Flow[None]:
    """End the verification of the browser that signs out."""

    def act(account: Account, now: float) -> Flow[tuple[Account, None]]:
        if account.verification(digest) is None:
            return account, None
        ended = account.without_verification(digest)
        return (yield from events.queue(ended, EventKind.BROWSER_SIGNED_OUT, now, what="own")), None

    return (yield from transact(settings, user_id, act))


def unlock(settings: Settings, user_id: str, digits: tuple[str, str, str], known: bool) -> Flow[bool]:
    """Unlock by three right codes of three successive steps, in one form. It is no verification.

    A wrong attempt writes nothing: it is one guess in 10^18, and the lock already holds.
    """

    def act(account: Account, now: float) -> Flow[tuple[Account, bool]]:
        held = attempts.hold(account.attempts, known, now)
        if held is None or not held.locked:
            return account, held is None
        for each in account.authenticators:
            secret = settings.sealer.open(each.secret, user_id=user_id, thing=secret_thing(each.id))
            last = latest_of_run(secret, each, digits, now)
            if last is not None:
                freed = account.with_authenticator(each.but(last_step=last)).but(attempts=attempts.Attempts())
                return (yield from events.queue(freed, EventKind.UNLOCKED, now, by="self")), True
        return account, False

    return (yield from transact(settings, user_id, act))
