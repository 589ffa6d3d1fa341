"""The page of those who are kept out: since when, why, and whom to ask."""

from __future__ import annotations

from datetime import UTC, datetime

from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing
from twofa_gate.pages.rendering import message
from twofa_gate.request import GateRequest

__all__ = ["denied_page"]


def denied_page(settings: Settings, request: GateRequest, standing: Standing) -> Flow[Answer]:
    """Say since when the location is closed to this user, why, and whom to ask."""
    yield from ()
    cutoff = standing.ruling.cutoff
    since = "" if cutoff is None else f" since {datetime.fromtimestamp(cutoff, UTC):%B %d, %Y, %H:%M} UTC"
    base = f"{request.prefix}{settings.mount}"
    paragraphs = [
        f"{standing.location} requires two-factor authentication{since}, "
        "and it was not set up in time in your account.",
        "Ask an administrator of this location to give you more time to set it up.",
    ]
    actions = [("Two-factor settings", f"{base}/")]
    return message(settings, base, "You are kept out here for now", paragraphs, status=403, actions=actions)
