"""Re-sealing every account with the newest key, page by page, while the gate serves.

Each account is changed in one compare-and-set of its own, so that a run can be interrupted anywhere and
started again: what is sealed with the newest key already is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twofa_gate.core import events, recovery, storage, tickets
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.document import parse
from twofa_gate.core.effects import CallHook, DrawRandom, Flow, perform
from twofa_gate.core.sealing import NONCE_BYTES
from twofa_gate.core.settings import Settings
from twofa_gate.errors import DocumentError, GateError, HookError
from twofa_gate.model import EventKind

__all__ = ["PAGE", "RotationPage", "rotate_page"]

PAGE = 200
"""Accounts read in one go."""


@dataclass(frozen=True, slots=True)
class RotationPage:
    """What was done with one page: `after` is where the next one begins, `None` after the last.

    `failed` names the keys of accounts that could not be re-sealed, with the reason.
    """

    after: str | None
    seen: int
    resealed: int
    failed: tuple[tuple[str, str], ...]


def scan(settings: Settings, prefix: str, after: str | None, limit: int) -> Flow[list[str]]:
    """Read a page of keys, and check that the store answered properly and moves on."""
    hook = settings.hooks.scan
    found = yield from perform(CallHook(hook, (prefix, after, limit)))
    if not isinstance(found, Sequence) or not all(
        isinstance(key, str) and key.startswith(prefix) for key in found
    ):
        raise HookError(f"{hook.plugin}.scan must return keys that start with the prefix.")
    keys = list(found)
    if keys != sorted(set(keys)) or (after is not None and keys and keys[0] <= after):
        raise HookError(
            f"{hook.plugin}.scan must return keys in order, each once, that sort after {after!r}."
        )
    return keys


def rotate_page(settings: Settings, after: str | None = None) -> Flow[RotationPage]:
    """Re-seal the accounts of one page of keys."""
    keys = yield from scan(settings, f"{settings.realm}/user/", after, PAGE)
    resealed = 0
    failed: list[tuple[str, str]] = []
    for key in keys:
        try:
            resealed += yield from _rotate(settings, key)
        except GateError as error:
            failed.append((key, str(error)))
    return RotationPage(keys[-1] if len(keys) >= PAGE else None, len(keys), resealed, tuple(failed))


def _rotate(settings: Settings, key: str) -> Flow[int]:
    """Re-seal one account; return how many were changed, 0 or 1."""
    stored = yield from storage.load(settings, key)
    if stored is None:
        return 0  # forgotten since the page was read
    account = parse(Account, stored.document)
    if storage.user_key(settings.realm, account.user) != key:
        raise DocumentError("A stored document belongs to another user than its key.")
    if all(settings.sealer.key_id(sealed) == settings.sealer.newest for sealed in account.sealed_values()):
        return 0

    def act(account: Account, now: float) -> Flow[tuple[Account, int]]:
        # Nobody may be brought back who was forgotten in this moment.
        if not account.sealed_values():
            return account, 0
        after = yield from _reseal(settings, account)
        return (yield from events.queue(after, EventKind.RESEALED, now)), 1

    return (yield from storage.transact(settings, account.user, act))


def _reseal(settings: Settings, account: Account) -> Flow[Account]:
    authenticators = []
    for each in account.authenticators:
        secret = yield from _again(settings, account.user, each.secret, secret_thing(each.id))
        authenticators.append(each.but(secret=secret))
    pending = account.pending
    if pending is not None:
        secret = yield from _again(settings, account.user, pending.secret, secret_thing(pending.id))
        pending = pending.but(secret=secret)
    codes = account.recovery
    if codes is not None:
        codes = yield from recovery.reseal(codes, settings.sealer, account.user)
    ticket = account.ticket
    if ticket is not None:
        ticket = yield from tickets.reseal(ticket, settings.sealer, account.user)
    return account.but(authenticators=tuple(authenticators), pending=pending, recovery=codes, ticket=ticket)


def _again(settings: Settings, user_id: str, sealed: str, thing: str) -> Flow[str]:
    text = settings.sealer.open(sealed, user_id=user_id, thing=thing)
    nonce = yield from perform(DrawRandom(NONCE_BYTES))
    return settings.sealer.seal(text, nonce, user_id=user_id, thing=thing)
