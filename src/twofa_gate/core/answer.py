"""The two ends of a flow: an answer of the gate, or letting the request through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from twofa_gate.model import Decision, Method, User

if TYPE_CHECKING:
    from twofa_gate.core.cookies import Header
    from twofa_gate.core.second_look import SecondLook

__all__ = ["Answer", "Context", "Forward", "Reminder"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate answers by itself."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""

    def with_headers(self, *headers: Header) -> Answer:
        """Return a copy with further headers."""
        return Answer(self.status, (*self.headers, *headers), self.body)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What a user who has not set up is reminded of: where, from when, and the link to set up."""

    location: str
    cutoff: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the host can read at `environ["twofa_gate"]` or `scope["twofa_gate"]`.

    `verified_at` is aware (UTC); `account_url` carries the host's prefix.
    """

    decision: Decision
    account_url: str
    user: User | None = None
    location: str | None = None
    verified_at: datetime | None = None
    method: Method | None = None
    reminder: Reminder | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request through, and look at its answer as `look` says.

    `strip`: if not empty, forward it without these headers, and without any user that a server or a middleware outside
    named, as to a public path.
    """

    context: Context
    look: SecondLook
    strip: frozenset[str] = frozenset()
