"""A location's stored settings: reading them for a decision, and the one atomic act that changes them.

What is remembered of them serves the reuse of a PASS and nothing else; see `standing.assess`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twofa_gate.core import events, storage
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.effects import Clock, Flow, ReadClock, perform
from twofa_gate.core.location_rules import SOURCE, LocationDocument, decode, encode, policy_of
from twofa_gate.core.settings import Settings
from twofa_gate.errors import ContentionError, DocumentError
from twofa_gate.model import EventKind

__all__ = ["REDELIVER_AFTER", "LocationAct", "change_location", "own_policies", "read_location", "remembered"]

T = TypeVar("T")

LocationAct = Callable[[LocationDocument | None, float], Flow[tuple[LocationDocument | None, T]]]
"""Computes the next document and the outcome from the document and the time; the same document: no change."""

REDELIVER_AFTER = 30
"""Seconds after which an event still in the outbox was left by a process that died."""


def remembered(settings: Settings, location: str, monotonic: float) -> tuple[NamedPolicy, ...] | None:
    """Return the location's own policy as it was read at most `revocation_lag` ago; `None` if it wasn't.

    An empty tuple is what is known of a location that has none.
    """
    if settings.locations is None:
        return ()
    return settings.location_memory.get(location, monotonic)


def own_policies(settings: Settings, location: str, clock: Clock) -> Flow[tuple[NamedPolicy, ...]]:
    """Read the location's own policy: one, or none where nothing is stored and there is no default.

    Raises if the store can't tell: settings that can't be read are not settings that aren't there.
    """
    if settings.locations is None:
        return ()
    generation = settings.location_memory.generation
    document, _ = yield from read_location(settings, location)
    if document is not None and document.outbox and clock.now - document.outbox[0].at > REDELIVER_AFTER:
        yield from _announce(settings, document)
    found = _named(settings, document)
    settings.location_memory.put(location, found, clock.monotonic, generation)
    return found


def _named(settings: Settings, document: LocationDocument | None) -> tuple[NamedPolicy, ...]:
    if document is not None:
        try:
            return (NamedPolicy(policy_of(document.rules), SOURCE),)
        except (ValueError, OverflowError) as error:
            raise DocumentError(f"The settings of a location mean no policy: {error}") from error
    default = None if settings.locations is None else settings.locations.default
    return () if default is None else (NamedPolicy(default, f"{SOURCE}(default=...)"),)


def read_location(settings: Settings, location: str) -> Flow[tuple[LocationDocument | None, str | None]]:
    """Read a location's document and its version; `None` only if a store that is the right one has none."""
    stored = yield from storage.load(settings, storage.location_key(settings.realm, location))
    if stored is None:
        yield from storage.require_installed(settings)
        return None, None
    return decode(stored.document, location), stored.version


def change_location(settings: Settings, location: str, act: LocationAct[T]) -> Flow[T]:
    """Change a location's document in one atomic act; what `act` returned counts only if the write won.

    Raises `ContentionError` where others were faster again and again.
    """
    for _ in range(storage.MAX_TRIES):
        before, version = yield from read_location(settings, location)
        now = (yield from perform(ReadClock())).now
        after, outcome = yield from act(before, now)
        if after is None or after is before:
            return outcome
        if (yield from _write(settings, after, version)):
            yield from _announce(settings, after)
            return outcome
    raise ContentionError("The location's settings changed again and again; nothing was done.")


def _write(settings: Settings, after: LocationDocument, version: str | None) -> Flow[bool]:
    """Compare and set. Both before and after it this process forgets what it remembers."""
    kept = after if settings.hooks.on_event else after.but(outbox=())
    settings.location_memory.forget(after.location)
    try:
        key = storage.location_key(settings.realm, after.location)
        return (yield from storage.save(settings, key, encode(kept), version))
    finally:
        settings.location_memory.forget(after.location)


def _announce(settings: Settings, document: LocationDocument) -> Flow[None]:
    """Deliver what is in the outbox, and take it out. If that fails it is delivered again: at least once."""
    yield from events.deliver(settings, None, document.outbox)
    if not settings.hooks.on_event:
        return
    done = {event.id for event in document.outbox}
    try:
        current, version = yield from read_location(settings, document.location)
        if current is not None:
            left = tuple(event for event in current.outbox if event.id not in done)
            if len(left) < len(current.outbox):
                yield from _write(settings, current.but(outbox=left), version)
    except Exception as error:  # the change itself stands, whatever happens here
        yield from events.record(
            settings, EventKind.ALARM, None, what="outbox of a location not cleared", error=repr(error)
        )
