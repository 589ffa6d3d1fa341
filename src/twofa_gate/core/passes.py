"""The memory of a PASS that was given to a verified request, for at most `revocation_lag` seconds.

What is remembered is the account that was read, not the verdict: every reuse is judged anew against `max_age`
and cut-offs. Anything that is not a PASS is decided on a fresh read.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Generic, TypeVar

__all__ = ["PassCache", "drop_oldest"]

T = TypeVar("T")

MAX_USERS = 2_000


def drop_oldest(memory: dict[str, Any], most: int) -> None:
    """Keep a memory within its bound."""
    while len(memory) > most:
        with suppress(RuntimeError, StopIteration):  # another thread adds or drops at the same time
            memory.pop(next(iter(memory)), None)


class PassCache(Generic[T]):
    """What was read (accounts by user id, a location's own policies by its key), bounded in number and age.

    Each operation is one step under the interpreter lock.
    """

    def __init__(self, lag: float) -> None:
        self._lag = lag
        self._read: dict[str, tuple[T, float]] = {}
        self.generation = 0
        """Changes with every write of this process; a read that a write overtook is not remembered."""

    def get(self, user_id: str, monotonic: float) -> T | None:
        """Return it as it was read at most `revocation_lag` ago."""
        found = self._read.get(user_id)
        if found is None or monotonic - found[1] >= self._lag:
            return None
        return found[0]

    def put(self, user_id: str, account: T, monotonic: float, generation: int) -> None:
        """Remember what was read at `monotonic`, when the generation was `generation`."""
        if self._lag <= 0 or generation != self.generation:
            return
        self._read.pop(user_id, None)
        self._read[user_id] = (account, monotonic)
        if generation != self.generation:
            # A writer in another thread came between the comparison and the entry.
            self._read.pop(user_id, None)
        drop_oldest(self._read, MAX_USERS)

    def forget(self, user_id: str) -> None:
        """Forget a user: this process is writing, or has written, their account."""
        self.generation += 1
        self._read.pop(user_id, None)
