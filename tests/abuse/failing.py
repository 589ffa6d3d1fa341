"""What must come of a failure, whichever it was."""

from __future__ import annotations

from tests.support.http import Answer
from twofa_gate import Stored

from .site import Site
from .target import PRIVATE

__all__ = ["KEY", "kept", "unavailable"]

KEY = "main/user/u1"


def unavailable(site: Site, answer: Answer, *, calls: int = 0) -> None:
    """Hold an answer against what one must be where something failed."""
    assert answer.status == 503, answer.text
    assert len(site.calls) == calls
    assert PRIVATE not in answer.text
    for word in ("Traceback", "Error", "sqlite", "secret", "broken", "/2fa/enroll"):
        assert word not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def kept(site: Site, key: str = KEY) -> Stored:
    """Read what is stored."""
    stored: Stored | None = site.store.load(key)
    assert stored is not None
    return stored
