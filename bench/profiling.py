"""Requests of a verified user, for some seconds: what `make profile` draws a flame graph of."""

from __future__ import annotations

import sys
import time

from bench.inprocess import hot_path

if __name__ == "__main__":
    batch = hot_path(sys.argv[1] if len(sys.argv) > 1 else "asgi verified")
    until = time.monotonic() + 8
    while time.monotonic() < until:
        batch(1000)
