"""The QR code that an authenticator app scans, as inline SVG."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup

__all__ = ["qr_svg"]

_BORDER = 4  # the quiet zone that ISO/IEC 18004 asks for, in modules
_RUN = re.compile(rb"(\x00*)(\x01+)")


def qr_svg(uri: str, title: str = "QR code") -> Markup:
    """Draw `uri` as a QR code: one path on white, so that it also scans in dark mode.

    `title` is the text alternative. The drawing needs no style, so it satisfies a strict CSP, and it
    scales without blur.
    """
    import qrcode  # type: ignore[import-untyped]  # qrcode ships no types

    # With a version to start from the one that fits is looked for once, and not twice.
    code = qrcode.QRCode(version=1, error_correction=qrcode.ERROR_CORRECT_M, border=0)
    code.add_data(uri)
    code.make(fit=True)
    modules = code.get_matrix()
    size = len(modules) + 2 * _BORDER
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="qr-title"'
        ' viewBox="0 0 {size} {size}" shape-rendering="crispEdges"><title id="qr-title">{title}</title>'
        '<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" stroke="#000"/></svg>'
    ).format(size=size, title=title, path=_path(modules))


def _path(modules: list[list[bool]]) -> str:
    """One line through each row, which skips what is light: half as long as a rectangle for each run."""
    lines = []
    for y, row in enumerate(modules, start=_BORDER):
        lines.append(f"M{_BORDER} {y}.5")
        lines += [_stroke(*run) for run in _RUN.findall(bytes(row))]
    return "".join(lines)


@cache
def _stroke(light: bytes, dark: bytes) -> str:
    """Skip what is light, and draw what is dark; there are few such runs, in any code."""
    return f"m{len(light)} 0h{len(dark)}" if light else f"h{len(dark)}"
