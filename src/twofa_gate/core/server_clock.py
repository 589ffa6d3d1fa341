"""Whether it is this server's clock that is wrong: what several people's refused codes say together.

Kept for each process, in bounded memory; nothing is decided by it. See the decision "The server's own clock".
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from twofa_gate.core.effects import Flow, ReadClock, WriteLog, perform
from twofa_gate.core.passes import drop_oldest
from twofa_gate.model import Method

if TYPE_CHECKING:
    from twofa_gate.core.challenge import CodeResult
    from twofa_gate.core.settings import Settings

__all__ = ["ServerClock", "heed"]

ENOUGH = 3
"""People whose codes have to agree."""
AGREEMENT = 2
"""Time steps by which they may differ: people type at once or late, and phones are not exact either."""
WINDOW = 900.0
"""Seconds for which a refused code is remembered, of the clock that is never set."""
MAX_USERS = 100
STEP = 30


class ServerClock:
    """By how many time steps the last codes of people were off, and whether that has been told."""

    def __init__(self) -> None:
        self._off: dict[str, tuple[int, float]] = {}
        self._told = False

    def on_time(self) -> None:
        """Take note of a right code: the clock can't be far off."""
        self._off.clear()
        self._told = False

    def off(self, user_id: str, steps: int, monotonic: float) -> int | None:
        """Take note of a code that is right some steps off; return the suspicion, if it has to be told now."""
        self._off.pop(user_id, None)
        self._off[user_id] = (steps, monotonic)
        drop_oldest(self._off, MAX_USERS)
        suspected = self.suspicion(monotonic)
        if suspected is None or self._told:
            return None
        self._told = True
        return suspected

    def suspicion(self, monotonic: float, *, but: str | None = None) -> int | None:
        """Return by how many steps the codes of enough people agree to be off, `but` one's own; else `None`."""
        found = sorted(
            steps
            for user_id, (steps, at) in tuple(self._off.items())
            if monotonic - at < WINDOW and user_id != but
        )
        for first, last in zip(found, found[ENOUGH - 1 :], strict=False):
            if last - first <= AGREEMENT and (first > 0) == (last > 0):
                return found[(found.index(first) + found.index(last)) // 2]
        return None


def heed(settings: Settings, user_id: str, result: CodeResult, *, trustworthy: bool) -> Flow[None]:
    """Learn from what became of a code, and say so in the log when enough people agree.

    `trustworthy`: whoever typed it has verified in this browser before, or was shown the secret. The guesses of
    others teach nothing here, so that nobody learns from the health page that a guess was nearly right.
    """
    clock = settings.server_clock
    if result.method is Method.TOTP:
        clock.on_time()
    elif result.clock_steps is not None and trustworthy:
        monotonic = (yield from perform(ReadClock())).monotonic
        steps = clock.off(user_id, result.clock_steps, monotonic)
        if steps is not None:
            line = {"event": "server_clock_suspected", "seconds": abs(steps) * STEP, "told": _told(steps)}
            yield WriteLog(logging.WARNING, json.dumps(line))


def _told(steps: int) -> str:
    minutes = max(1, round(abs(steps) * STEP / 60))
    way = "behind" if steps > 0 else "ahead"
    return f"This server's clock seems to be about {minutes} min {way}: check NTP."
