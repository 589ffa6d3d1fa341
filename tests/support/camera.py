"""A camera: reads the QR code in a picture with zbarimg, as a phone reads it off a screen."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from .parts import need


def read_qr(png: bytes) -> str:
    """Return what the one QR code in this picture says."""
    zbarimg = need("zbarimg")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        picture.write_bytes(png)
        command = [str(zbarimg), "--raw", "-q", "--nodbus", "-Sdisable", "-Sqrcode.enable", str(picture)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: PLW1510 - judged below, with what it said
    assert done.returncode == 0, f"no QR code found in the picture: {done.stderr}"
    codes = done.stdout.splitlines()
    assert len(codes) == 1, f"more than one QR code: {codes}"
    return codes[0]
