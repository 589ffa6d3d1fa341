"""The two ends of a flow: an answer of the gate, or letting the request through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

from twofa_gate.model import Decision, Method, User

if TYPE_CHECKING:
    from twofa_gate.core.cookies import Header
    from twofa_gate.core.effects import Flow
    from twofa_gate.core.settings import Settings
    from twofa_gate.core.standing import Standing
    from twofa_gate.request import GateRequest

__all__ = ["SAFE_METHODS", "Answer", "Context", "Forward", "Mode", "Reminder", "Source"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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
    """One request that went through, so that the application can ask for more; it shows nothing of itself.

    It is at `environ["twofa_gate.source"]` or `scope["twofa_gate.source"]`, for `require_verification`.
    """

    __slots__ = ("demanded", "request", "settings")

    def __init__(self, settings: Settings, request: GateRequest) -> None:
        self.settings = settings
        self.request = request
        self.demanded: Answer | None = None
        """What goes out in place of the application's answer, as `require_verification` has it."""


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


class Mode(Enum):
    """What kind of path the request went to."""

    ORDINARY = auto()
    PUBLIC = auto()
    LOGIN = auto()
    LOGOUT = auto()


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request through; a value that holds nothing of the one request, so that it can be given again.

    `standing`: where the user stood, if the banner is to remind them of it. `strip`: if not empty, forward the request
    without these headers, and without any user that a server or a middleware outside named, as to a public path.
    """

    context: Context
    mode: Mode = Mode.ORDINARY
    standing: Standing | None = None
    strip: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    """Request headers, in lower case, that would keep a page from coming whole; it is to have a banner."""
    quiet: frozenset[str] = frozenset()
    """Methods of http requests of which only what the answer itself announces can call for a second look."""
    instead: GateRequest | None = None
    """What goes to the application in place of the request whose body was read: a kept form, or itself."""
