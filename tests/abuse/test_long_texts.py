"""Long texts: work for the gate must grow with what is sent, and no faster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
"""Seconds; all of them together take some ten."""


def test_no_text_keeps_a_process_busy() -> None:
    """Case 102: 50,000 characters of any piece, in any header, the path, the query or the body, are refused soon.

    Otherwise one request of a stranger, of the size that servers take, would keep a process busy for half a minute.
    """
    command = [sys.executable, "-m", "tests.abuse.long_texts"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as late:
        told = late.stdout or b""
        text = told.decode() if isinstance(told, bytes) else told
        raise AssertionError(f"this took too long: {text.splitlines()[-1:]}") from None
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1].startswith("all ")
