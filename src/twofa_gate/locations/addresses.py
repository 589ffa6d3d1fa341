"""Location keys in URLs: as they are where every reader reads them alike, encoded where not."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from twofa_gate.core.asking import MAX_LOCATION

__all__ = ["from_segment", "to_segment"]

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def to_segment(location: str) -> str:
    """Give the path segment of a location: its key if that is plain, else `~` and the key in base64url.

    Servers and proxies disagree about encoded slashes and percent signs in a path, so none is ever sent.
    """
    if _PLAIN.fullmatch(location):
        return location
    return "~" + urlsafe_b64encode(location.encode("utf-8", "surrogatepass")).rstrip(b"=").decode()


def from_segment(segment: str) -> str | None:
    """Read a path segment; `None` unless it is the one form in which a location's key is written."""
    location = _decoded(segment[1:]) if segment.startswith("~") else segment
    if location is None or not 0 < len(location) <= MAX_LOCATION or to_segment(location) != segment:
        return None
    return location


def _decoded(text: str) -> str | None:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "surrogatepass")
    except ValueError:
        return None
