"""Events: one line in the log and one call of each observer for everything that changes or refuses."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from twofa_gate.core.account import Account, QueuedEvent
from twofa_gate.core.effects import CallHook, DrawRandom, Flow, ReadClock, WriteLog, perform
from twofa_gate.core.settings import Settings
from twofa_gate.model import Event, EventKind

__all__ = ["announce", "deliver", "queue", "queued", "record"]

_LEVELS = {
    EventKind.CODE_REFUSED: logging.WARNING,
    EventKind.LOCKED: logging.WARNING,
    EventKind.UNAVAILABLE: logging.ERROR,
    EventKind.ALARM: logging.CRITICAL,
}


def queue(account: Account, kind: EventKind, now: float, **facts: Any) -> Flow[Account]:
    """Put an event into the account's outbox, to be saved together with what it records."""
    event_id = (yield from perform(DrawRandom(8))).hex()
    return account.with_event(event_id, kind.value, now, facts)


def queued(kind: EventKind, now: float, **facts: Any) -> Flow[QueuedEvent]:
    """Make an event for the outbox of another document than an account."""
    event_id = (yield from perform(DrawRandom(8))).hex()
    return QueuedEvent(id=event_id, kind=kind.value, at=now, facts=facts)


def record(settings: Settings, kind: EventKind, user_id: str | None, **facts: Any) -> Flow[None]:
    """Announce an event that changes no account, such as a refusal."""
    now = (yield from perform(ReadClock())).now
    event_id = (yield from perform(DrawRandom(8))).hex()
    yield from announce(settings, Event(event_id, kind, datetime.fromtimestamp(now, UTC), user_id, facts))


def deliver(settings: Settings, user_id: str | None, outbox: tuple[QueuedEvent, ...]) -> Flow[None]:
    """Announce queued events in order."""
    for queued in outbox:
        at = datetime.fromtimestamp(queued.at, UTC)
        kind = next((each for each in EventKind if each.value == queued.kind), None)
        if kind is None:
            # After a roll-back; observers of this release could not know what to make of it.
            line = {
                "event": queued.kind,
                "at": at.isoformat(),
                "user": user_id,
                **queued.facts,
                "id": queued.id,
            }
            yield WriteLog(logging.WARNING, json.dumps(line, default=str))
        else:
            yield from announce(settings, Event(queued.id, kind, at, user_id, queued.facts))


def announce(settings: Settings, event: Event) -> Flow[None]:
    """Write an event to the log and tell the observers. One that fails is logged and changes no outcome."""
    line = {
        "event": event.kind.value,
        "at": event.at.isoformat(),
        "user": event.user,
        **event.facts,
        "id": event.id,
    }
    yield WriteLog(_LEVELS.get(event.kind, logging.INFO), json.dumps(line, default=str))
    for hook in settings.hooks.on_event:
        try:
            yield CallHook(hook, (event,))
        except Exception as error:  # whatever an observer raises, the outcome stands
            failure = {
                "event": "observer_failed",
                "observer": hook.plugin,
                "error": repr(error),
                "id": event.id,
            }
            yield WriteLog(logging.ERROR, json.dumps(failure))
