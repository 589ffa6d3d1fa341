"""Answers without an end: WebSockets and event streams are identified and decided again while they are open."""

from __future__ import annotations

from contextlib import suppress

from twofa_gate.core import asking, events
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.quiet import identity
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import assess, may_pass
from twofa_gate.model import EventKind, User
from twofa_gate.request import GateRequest

__all__ = ["CLOSE_CODE", "Watch", "is_stream"]

CLOSE_CODE = 4403
"""With which a WebSocket is closed when its user may not use it any more."""

TIMER = 1.0
"""Seconds between two looks when nothing passes."""


def is_stream(headers: list[tuple[str, str]]) -> bool:
    """Whether an answer's headers announce an event stream."""
    return any(
        name.lower() == "content-type" and value.lower().startswith("text/event-stream")
        for name, value in headers
    )


class Watch:
    """Looks again at one open socket or stream. `user` is who opened it."""

    def __init__(self, settings: Settings, request: GateRequest, user: User | None) -> None:
        self._settings = settings
        self._request = request
        self._user = user
        self._looked: float | None = None
        self.interval = min(TIMER, settings.revocation_lag) if settings.revocation_lag > 0 else TIMER

    def may_continue(self, *, timer: bool = False) -> Flow[bool]:
        """Whether it may stay open; looks at most once in `interval` for messages, and always for the timer."""
        try:
            monotonic = (yield from perform(ReadClock())).monotonic
            lag = self._settings.revocation_lag
            if not timer and self._looked is not None and monotonic - self._looked < lag:
                return True
            allowed = yield from self._look()
        except Exception as error:  # whatever failed, nothing more goes out
            yield from self._record(repr(error))
            return False
        self._looked = monotonic
        if allowed is not True:
            yield from self._record("not verified any more")
            return False
        return True

    def _look(self) -> Flow[bool]:
        user = yield from asking.identify(self._settings, self._request)
        if identity(user) != identity(self._user):
            return False
        if user is None:
            return True
        return (yield from may_pass(self._settings, (yield from assess(self._settings, self._request, user))))

    def _record(self, why: str) -> Flow[None]:
        user_id = None if self._user is None else self._user.id
        with suppress(Exception):  # it is closed, even if that can't be told
            yield from events.record(
                self._settings, EventKind.STREAM_CLOSED, user_id, why=why, path=self._request.path
            )
