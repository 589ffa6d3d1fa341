"""The host's name, logo and color on the gate's pages: checked, and made into files, when the gate starts.

Contrast is that of WCAG 2.2: text keeps 4.5:1 to what it stands on, and a button 3:1 to the page.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from twofa_gate.core.settings import Brand, BrandFile
from twofa_gate.errors import ConfigurationError

__all__ = ["MAX_LOGO", "brand", "contrast", "style_of"]

MAX_LOGO = 128 * 1024
"""Bytes. A logo is held in memory, and loaded by every browser that is asked for a code."""

TEXT_CONTRAST = 4.5
PART_CONTRAST = 3.0

_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}

Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)


class Scheme(NamedTuple):
    """What `style.css` shows texts on, and where colors go that don't stand out from it."""

    media: str
    surfaces: tuple[Rgb, ...]
    towards: Rgb
    tint: float
    """How much of the color the background of a note takes."""


SCHEMES = (
    Scheme("all", ((255, 255, 255), (243, 245, 248)), BLACK, 0.08),
    Scheme("(prefers-color-scheme: dark)", ((26, 32, 41), (16, 20, 26)), WHITE, 0.16),
)


def brand(issuer: str, name: str | None, logo: str | os.PathLike[str] | None, color: str | None) -> Brand:
    """Check the three settings. Raises `ConfigurationError` that says what to write instead."""
    if name is not None and (not isinstance(name, str) or not name.strip() or not name.isprintable()):
        raise ConfigurationError("brand_name must be the name that the pages show, without line breaks.")
    if color is not None and (not isinstance(color, str) or not _COLOR.fullmatch(color)):
        raise ConfigurationError(f'brand_color: {color!r} is not a color; write it like "#0a7d5c".')
    style = None if color is None else _file("brand.css", "text/css; charset=utf-8", style_of(color).encode())
    return Brand(issuer if name is None else name.strip(), style, None if logo is None else _logo(logo))


def _file(name: str, kind: str, body: bytes) -> BrandFile:
    return BrandFile(name, kind, body, hashlib.sha256(body).hexdigest()[:12])


def _logo(logo: str | os.PathLike[str]) -> BrandFile:
    wanted = "it must be an SVG or PNG file on this machine, which the gate serves itself"
    if not isinstance(logo, str | os.PathLike) or re.match(r"(?i)[a-z][a-z0-9+.-]*:|//", os.fspath(logo)):
        raise ConfigurationError(f"brand_logo: {logo!r} is not a file: {wanted}, and asks no other host for.")
    path = Path(logo)
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(f"brand_logo: {os.fspath(logo)!r} ends in neither .svg nor .png: {wanted}.")
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"brand_logo: {os.fspath(logo)!r} can't be read: {error.strerror}."
        ) from error
    if len(body) > MAX_LOGO:
        raise ConfigurationError(
            f"brand_logo: {os.fspath(logo)!r} has {len(body):,} bytes; {MAX_LOGO:,} at most."
        )
    if not (body.startswith(b"\x89PNG\r\n\x1a\n") if kind == "image/png" else b"<svg" in body):
        raise ConfigurationError(f"brand_logo: {os.fspath(logo)!r} is not what its name says: {wanted}.")
    return _file(f"logo{path.suffix.lower()}", kind, body)


def style_of(color: str) -> str:
    """Write the style sheet of a color: the variables of `style.css` that follow from it."""
    chosen = _parse(color)
    return "".join(_rules(chosen, scheme) for scheme in SCHEMES)


def _rules(color: Rgb, scheme: Scheme) -> str:
    note = _mix(scheme.surfaces[0], color, scheme.tint)
    surfaces = (*scheme.surfaces, note)
    button = _standing_out(color, scheme.surfaces, PART_CONTRAST, scheme.towards)
    text = WHITE if contrast(WHITE, button) >= TEXT_CONTRAST else BLACK
    variables = {
        "accent": _standing_out(color, surfaces, TEXT_CONTRAST, scheme.towards),
        "button": button,
        "on-button": text,
        "info-bg": note,
    }
    lines = "".join(f"  --twofa-{name}: #{bytes(value).hex()};\n" for name, value in variables.items())
    return f"@media {scheme.media} {{\n:root {{\n{lines}}}\n}}\n"


def _standing_out(color: Rgb, surfaces: tuple[Rgb, ...], least: float, towards: Rgb) -> Rgb:
    """Return the color itself if it stands out from all surfaces, else the nearest mix that does."""
    mixes = (_mix(color, towards, percent / 100) for percent in range(101))
    return next(mixed for mixed in mixes if all(contrast(mixed, each) >= least for each in surfaces))


def _parse(color: str) -> Rgb:
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue


def _mix(color: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(color, other, strict=True))
    return red, green, blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast ratio of two colors, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(color: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (each / 255 for each in color)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
