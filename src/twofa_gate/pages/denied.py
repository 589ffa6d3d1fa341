"""The page of those who are kept out: since when, why, and whom to ask."""

from __future__ import annotations

from datetime import datetime

from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.notice import place, zone_of
from twofa_gate.core.settings import Settings
from twofa_gate.core.standing import Standing
from twofa_gate.core.words import Text
from twofa_gate.pages.language import choose, speaking
from twofa_gate.pages.rendering import message
from twofa_gate.request import GateRequest

__all__ = ["denied_page"]


def denied_page(
    settings: Settings, request: GateRequest, standing: Standing, *, lost: bool = False
) -> Flow[Answer]:
    """Say since when the location is closed to this user, why, whom to ask, and whether a form is lost."""
    language = yield from choose(settings, request, standing.user)
    base = f"{request.prefix}{settings.mount}"
    paragraphs = [
        _why(settings, standing, language),
        Text("Ask an administrator of this location to give you more time to set it up."),
    ]
    if lost:
        paragraphs.append(Text("What you sent was not kept."))
    actions = [(Text("Two-factor settings"), f"{base}/")]
    heading = Text("You are kept out here for now")
    return message(settings, base, heading, paragraphs, status=403, actions=actions, language=language)


def _why(settings: Settings, standing: Standing, language: str) -> Text:
    where, cutoff, named = place(settings, standing.location), standing.ruling.cutoff, standing.ruling.policy
    if cutoff is None:
        return Text(
            "%(location)s requires two-factor authentication, and it was not set up in time in your account.",
            location=where,
        )
    since = datetime.fromtimestamp(cutoff, zone_of(None if named is None else named.policy))
    return Text(
        "%(location)s requires two-factor authentication since %(date)s, "
        "and it was not set up in time in your account.",
        location=where,
        date=speaking(language).moment(since),
    )
