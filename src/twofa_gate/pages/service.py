"""The answers that need no user: health, and the style sheets, the script and the logo."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from twofa_gate.core import storage
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow, ReadClock, perform
from twofa_gate.core.refusal import SECURITY_HEADERS, plain_answer
from twofa_gate.core.settings import Brand, BrandFile, Settings

__all__ = ["address", "health", "static"]

_STATIC = {
    "style.css": "text/css; charset=utf-8",
    "banner.css": "text/css; charset=utf-8",
    "twofa.js": "text/javascript; charset=utf-8",
}
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


def health(settings: Settings) -> Flow[Answer]:
    """Say whether the store answers and is the right one; a clock that is suspected of being wrong is named too."""
    try:
        healthy = yield from storage.is_installed(settings)
    except Exception:  # whatever the store raises, it is not healthy
        healthy = False
    if not healthy:
        return plain_answer(503, "unavailable\n")
    monotonic = (yield from perform(ReadClock())).monotonic
    suspected = settings.server_clock.suspicion(monotonic) is not None
    return plain_answer(200, "ok, but check this server's clock\n" if suspected else "ok\n")


def static(settings: Settings, name: str, version: str | None) -> Answer | None:
    """Give a style sheet, the script or the logo. An address with its version in it is kept by caches for good."""
    file = _find(settings.brand, name)
    if file is None:
        return None
    headers = {"Content-Type": file.kind, "Content-Length": str(len(file.body)), **dict(SECURITY_HEADERS)}
    if version == file.version:
        headers["Cache-Control"] = "public, max-age=31536000, immutable"
    if file.kind == "image/svg+xml":
        # Opened as a page of its own, a drawing may hold style, but runs nothing and loads nothing.
        headers["Content-Security-Policy"] = _DRAWING_POLICY
    return Answer(200, tuple(headers.items()), file.body)


def address(settings: Settings, base: str, name: str) -> str:
    """Return the address of one of these files, with its version in it."""
    file = _find(settings.brand, name)
    if file is None:
        raise LookupError(f"There is no file {name}.")
    return f"{base}/static/{name}?v={file.version}"


def _find(brand: Brand, name: str) -> BrandFile | None:
    for own in (brand.style, brand.logo):
        if own is not None and own.name == name:
            return own
    return _built_in(name) if name in _STATIC else None


@cache
def _built_in(name: str) -> BrandFile:
    body = files("twofa_gate.pages").joinpath("static", name).read_bytes()
    return BrandFile(name, _STATIC[name], body, hashlib.sha256(body).hexdigest()[:12])
