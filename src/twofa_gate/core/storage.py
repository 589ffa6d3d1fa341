"""Accounts in the store: reading one, and the one atomic act that changes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from twofa_gate.core import events
from twofa_gate.core.account import Account, decode, encode
from twofa_gate.core.effects import CallHook, DrawRandom, Flow, ReadClock, perform
from twofa_gate.core.passes import drop_oldest
from twofa_gate.core.settings import Settings
from twofa_gate.errors import ConfigurationError, ContentionError, HookError, StoreError
from twofa_gate.model import EventKind, Stored

__all__ = [
    "Act",
    "initialize",
    "is_installed",
    "location_key",
    "read_account",
    "require_installed",
    "transact",
    "user_key",
]

T = TypeVar("T")

Act = Callable[[Account, float], Flow[tuple[Account, T]]]
"""Computes the next account and the outcome together, from the account and the time; it changes nothing."""

MAX_TRIES = 10
MAX_ID_BYTES = 180
MAX_KNOWN = 1_000
MAX_KNOWN_BYTES = 4_096
MAX_DOCUMENT_BYTES = 256 * 1024


def _name(identifier: str) -> str:
    """Encode an id for a key, so that no two ever collide: `=` occurs only in front of a hash."""
    encoded = quote(identifier, safe="", errors="surrogatepass")
    if len(encoded) <= MAX_ID_BYTES:
        return encoded
    return "=" + hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()


def user_key(realm: str, user_id: str) -> str:
    """Give the key of a user's account: `<realm>/user/<id>`."""
    return f"{realm}/user/{_name(user_id)}"


def location_key(realm: str, location: str) -> str:
    """Give the key of a location's settings: `<realm>/location/<key>`."""
    return f"{realm}/location/{_name(location)}"


def _installation_key(realm: str) -> str:
    return f"{realm}/installation"


def load(settings: Settings, key: str) -> Flow[Stored | None]:
    """Load what is stored under a key, and check that the store answered properly."""
    hook = settings.hooks.load
    stored = yield from perform(CallHook(hook, (key,)))
    if stored is None:
        return None
    if (
        not isinstance(stored, Stored)
        or type(stored.document) is not bytes
        or type(stored.version) is not str
    ):
        raise HookError(f"{hook.plugin}.load must return Stored(document: bytes, version: str) or None.")
    return stored


def save(settings: Settings, key: str, document: bytes | None, expected: str | None) -> Flow[bool]:
    """Compare and set. A write whose acknowledgement was lost is settled by reading again."""
    hook = settings.hooks.save
    version = (yield from perform(DrawRandom(16))).hex()
    try:
        won = yield from perform(CallHook(hook, (key, document, version, expected)))
    except Exception:
        stored = yield from load(settings, key)
        # Versions never come back: ours being there proves that the write went through.
        if (None if stored is None else stored.version) == (None if document is None else version):
            return True
        raise
    if won is not True and won is not False:
        raise HookError(f"{hook.plugin}.save must return True or False.")
    return bool(won)


def is_installed(settings: Settings) -> Flow[bool]:
    """Whether the store has this realm's installation record."""
    return (yield from load(settings, _installation_key(settings.realm))) is not None


def require_installed(settings: Settings) -> Flow[None]:
    """Raise `StoreError` if the store lacks this realm's installation record: it is not the right one."""
    if not (yield from is_installed(settings)):
        raise StoreError(
            f"The store has no installation record for the realm {settings.realm!r}: is it the right one?"
        )


def initialize(settings: Settings, *, may_create: bool) -> Flow[bool]:
    """Check the installation record at start, or write it; return whether it was written now.

    Raises `ConfigurationError` if it is missing and may not be written.
    """
    if (yield from is_installed(settings)):
        return False
    if not may_create:
        raise ConfigurationError(
            f"The store is empty: it has no installation record for the realm {settings.realm!r}. "
            "If that is right, run `twofa-gate init` once (or set initialize=True); if not, check that the "
            "right database is mounted."
        )
    made = (yield from perform(ReadClock())).now
    record = json.dumps({"format": 1, "realm": settings.realm, "made": made}).encode()
    written = yield from save(settings, _installation_key(settings.realm), record, None)
    if written:
        yield from events.record(settings, EventKind.INITIALIZED, None, realm=settings.realm)
    return written


def read_account(settings: Settings, user_id: str) -> Flow[tuple[Account | None, str | None]]:
    """Read an account and its version; `None` only if a store that is known to be the right one has none.

    Raises `SealError` if a sealed value's key is not listed: an account that can't be checked is no account
    without authenticators.
    """
    stored = yield from load(settings, user_key(settings.realm, user_id))
    if stored is None:
        yield from require_installed(settings)
        return None, None
    return _understood(settings, user_id, stored.document), stored.version


def _understood(settings: Settings, user_id: str, document: bytes) -> Account:
    """Decode a document; the same bytes of the same user mean the same account, and aren't read twice."""
    known = settings.documents.get(user_id)
    if known is not None and known[0] == document:
        return known[1]
    account = decode(document, user_id)
    for sealed in account.sealed_values():
        settings.sealer.key_id(sealed)
    if len(document) <= MAX_KNOWN_BYTES:
        settings.documents[user_id] = document, account
        drop_oldest(settings.documents, MAX_KNOWN)
    return account


def transact(
    settings: Settings, user_id: str, act: Act[T], seen: tuple[Account, str] | None = None
) -> Flow[T]:
    """Change an account in one atomic act; what `act` returned counts only if the compare-and-set won.

    `seen`: the account and its version as this request has just read them, which saves reading them again.

    Where another writer was faster, the account is read again and everything computed anew, a bounded number
    of times. Raises `ContentionError` after that.
    """
    for _ in range(MAX_TRIES):
        account, version = seen or (yield from read_account(settings, user_id))
        seen = None
        before = Account(user=user_id) if account is None else account
        now = (yield from perform(ReadClock())).now
        after, outcome = yield from act(before, now)
        if after is before:
            # Others may have written since this process remembered a PASS: what was asked for here holds here.
            settings.passes.forget(user_id)
            return outcome
        if (yield from _write(settings, after, version)):
            return outcome
    raise ContentionError(
        f"The account changed {MAX_TRIES} times while it was being changed here; nothing was done."
    )


def _write(settings: Settings, after: Account, version: str | None) -> Flow[bool]:
    observed = bool(settings.hooks.on_event)
    # Without observers there is nobody to deliver to later, so the log line alone is written, right away.
    document = encode(after if observed else after.but(outbox=()))
    if len(document) > MAX_DOCUMENT_BYTES:
        raise StoreError("The account document has grown beyond its bound; nothing was changed.")
    settings.passes.forget(after.user)
    try:
        if not (yield from save(settings, user_key(settings.realm, after.user), document, version)):
            return False
    finally:
        settings.passes.forget(after.user)
    yield from events.deliver(settings, after.user, after.outbox)
    if observed:
        yield from _clear_outbox(settings, after)
    return True


def _clear_outbox(settings: Settings, delivered: Account) -> Flow[None]:
    """Take delivered events out of the outbox. If that fails they are delivered again: at least once."""
    key = user_key(settings.realm, delivered.user)
    done = {event.id for event in delivered.outbox}
    try:
        for _ in range(MAX_TRIES):
            stored = yield from load(settings, key)
            if stored is None:
                return
            account = decode(stored.document, delivered.user)
            left = tuple(event for event in account.outbox if event.id not in done)
            if len(left) == len(account.outbox):
                return
            if (yield from save(settings, key, encode(account.but(outbox=left)), stored.version)):
                return
    except Exception as error:  # the change itself stands, whatever happens here
        yield from events.record(
            settings, EventKind.ALARM, delivered.user, what="outbox not cleared", error=repr(error)
        )


def redeliver(settings: Settings, account: Account) -> Flow[None]:
    """Deliver what a process that died between save and delivery left behind."""
    yield from events.deliver(settings, account.user, account.outbox)
    yield from _clear_outbox(settings, account)
