"""Clocks: the true one, and one that a test moves on for itself and for the servers that it started.

A code is good once, so a story that enters eight codes takes four minutes by the true clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

SHIFT = Path(__file__).parent / "shifted_clock"


class Clock(Protocol):
    """What a phone looks at."""

    def time(self) -> float:
        """Seconds since 1970."""

    def sleep(self, seconds: float) -> None:
        """Let that much time go by."""


class TrueClock:
    """The machine's clock."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Really wait."""
        time.sleep(seconds)


class MovableClock:
    """The machine's clock and an offset, which the processes started with :meth:`environment` share.

    They see it in ``time.time()`` and ``time.time_ns()``, from their next call on. ``datetime.now()`` and
    ``time.monotonic()`` keep the true time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0.0
        self._write()

    def time(self) -> float:
        """Seconds since 1970, moved."""
        return time.time() + self._offset

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self._offset += seconds
        self._write()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which a Python process follows this clock."""
        path = os.pathsep.join(filter(None, (str(SHIFT), base.get("PYTHONPATH"))))
        return {**base, "PYTHONPATH": path, "TWOFA_GATE_TEST_CLOCK": str(self._path)}

    def _write(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:  # one write of a fixed width over the old one: readers see the old offset or the new
            os.pwrite(descriptor, f"{self._offset:24.6f}".encode(), 0)
        finally:
            os.close(descriptor)
