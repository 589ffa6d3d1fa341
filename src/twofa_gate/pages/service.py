"""The answers that need no user: health, and the style sheet and script."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from twofa_gate.core import storage
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import SECURITY_HEADERS, plain_answer
from twofa_gate.core.settings import Settings

__all__ = ["health", "static"]

_STATIC = {
    "style.css": "text/css; charset=utf-8",
    "banner.css": "text/css; charset=utf-8",
    "twofa.js": "text/javascript; charset=utf-8",
}


def health(settings: Settings) -> Flow[Answer]:
    """Say whether the store answers and is the right one, and nothing else."""
    try:
        healthy = yield from storage.is_installed(settings)
    except Exception:  # whatever the store raises, it is not healthy
        healthy = False
    return plain_answer(200, "ok\n") if healthy else plain_answer(503, "unavailable\n")


def static(name: str) -> Answer | None:
    """Give the style sheet or the script."""
    kind = _STATIC.get(name)
    if kind is None:
        return None
    body = _content(name)
    return Answer(200, (("Content-Type", kind), ("Content-Length", str(len(body))), *SECURITY_HEADERS), body)


@cache
def _content(name: str) -> bytes:
    return files("twofa_gate.pages").joinpath("static", name).read_bytes()
