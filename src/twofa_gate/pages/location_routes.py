"""Which page of a location a path names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.locations.addresses import from_segment
from twofa_gate.pages import location_members, location_report, locations
from twofa_gate.pages.location_access import purpose_of

__all__ = ["Route", "find"]

Answering = Callable[..., Flow[Answer]]
Route = tuple[str, Answering | None, Answering | None]
"""The CSRF purpose, and what answers GET and POST."""


def find(path: str) -> Route | None:
    """Find the page for a path below `/locations/`; `None` if there is none."""
    segment, slash, rest = path.partition("/")
    location = from_segment(segment)
    if location is None or bool(slash) != bool(rest):
        return None
    shows, submits = _PAGES.get(rest, (None, None))
    if shows is None and submits is None:
        return None
    bound: list[Any] = [
        None if each is None else partial(each, location=location) for each in (shows, submits)
    ]
    return purpose_of(location), bound[0], bound[1]


_PAGES: dict[str, tuple[Answering | None, Answering | None]] = {
    "": (locations.show, locations.submit),
    "member": (location_members.show, location_members.submit),
    "members.csv": (partial(location_report.download, kind="csv"), None),
    "members.json": (partial(location_report.download, kind="json"), None),
    "tickets": (None, location_members.hand_out),
}
