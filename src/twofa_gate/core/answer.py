"""The two ends of a flow: an answer of the gate, or letting the request through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from twofa_gate.model import Decision, Method, User

if TYPE_CHECKING:
    from twofa_gate.core.cookies import Header
    from twofa_gate.core.effects import Flow
    from twofa_gate.core.second_look import SecondLook
    from twofa_gate.core.settings import Settings
    from twofa_gate.request import GateRequest

__all__ = ["Answer", "Context", "Forward", "Reminder", "Source"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gate answers by itself.

    `more`, where a report is longer than memory should hold, gives the next part of the body each time it is
    asked, and `b""` at the end. A failure in it breaks the connection off, so that nobody takes a part for all.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""
    more: Callable[[], Flow[bytes]] | None = None

    def with_headers(self, *headers: Header) -> Answer:
        """Return a copy with further headers."""
        return replace(self, headers=(*self.headers, *headers))


@dataclass(frozen=True, slots=True)
class Reminder:
    """What a user who has not set up is reminded of, for a host that shows it in its own words and templates.

    - `location`, `cutoff` (aware, in the time zone of the location's date), `url` (the page to set up).
    - `text`: all of it in one sentence. `date`: the cut-off in words. `left`: the time left in words.
    - `days_left`: counted from now to the cut-off, at least 1; `last_day`: whether it is 1.
    - `kept_out`: whether who misses the date is kept out, instead of being sent to set up.
    - `hidden`: whether the user has hidden the banner for this login.
    """

    location: str
    cutoff: datetime
    url: str
    text: str
    date: str
    left: str
    days_left: int
    last_day: bool
    kept_out: bool = False
    hidden: bool = False


class Source:
    """What a context came from, so that the application can ask for more; it shows nothing of itself."""

    __slots__ = ("look", "request", "settings")

    def __init__(self, settings: Settings, request: GateRequest, look: SecondLook) -> None:
        self.settings = settings
        self.request = request
        self.look = look


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
    source: Source | None = field(default=None, repr=False, compare=False)
    """For `require_verification`."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request through, and look at its answer as `look` says.

    `strip`: if not empty, forward it without these headers, and without any user that a server or a middleware outside
    named, as to a public path.
    """

    context: Context
    look: SecondLook
    strip: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    """Request headers, in lower case, that would keep a page from coming whole; it is to have a banner."""
