"""The browser cookie: a random name for a browser, to which CSRF tokens and pending enrollments are bound.

And the known-browser cookie: the signed fact that a browser once verified as a user, which gives it a lane of
its own in the budget of attempts and nothing else.
"""

from __future__ import annotations

import re

from twofa_gate.core import cookies
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.verification import digest, draw_token
from twofa_gate.request import GateRequest

__all__ = ["browser_of", "draw_browser", "is_known", "known_cookie"]

KNOWN_SECONDS = 90 * 86400
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


def browser_of(settings: Settings, request: GateRequest) -> str | None:
    """Return the browser's random name, or `None` if it has none yet."""
    value = request.cookies.single(settings.cookies.browser)
    return value if value is not None and _TOKEN.fullmatch(value) else None


def draw_browser(settings: Settings) -> Flow[tuple[str, cookies.Header]]:
    """Draw a name for a browser; return it with the header that sets its cookie."""
    token = yield from draw_token()
    return token, cookies.set_cookie(settings.cookies, settings.cookies.browser, token)


def is_known(settings: Settings, request: GateRequest, user_id: str, now: float) -> bool:
    """Whether this browser verified as this user in the last 90 days."""
    value = request.cookies.single(settings.cookies.known)
    return bool(settings.signer.read("known-browser", value, now, KNOWN_SECONDS) == digest(user_id))


def known_cookie(settings: Settings, user_id: str, now: float) -> cookies.Header:
    """Give the header that marks a browser as known."""
    value = settings.signer.sign("known-browser", digest(user_id), now)
    return cookies.set_cookie(settings.cookies, settings.cookies.known, value, KNOWN_SECONDS)
