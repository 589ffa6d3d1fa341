"""Measure everything, and write `docs/explanation/performance/`: results, table and plots."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from typing import Any

from bench import beside, counting, inprocess, report, servers, timing

PEERS = {"asgi": "asgi starlette session", "wsgi": "wsgi flask session"}
GOALS = {
    "asgi verified": ("asgi starlette session", 0.33),
    "wsgi verified": ("wsgi flask session", 0.12),
    "wsgi verified, SQLite, lag 0": ("django django-otp", 0.08),
    "asgi anonymous": ("asgi starlette session", 0.15),
    "asgi public": ("asgi starlette session", 0.15),
    "asgi anonymous with cookies": ("asgi starlette session", 0.33),
    "asgi verified, everything made anew": ("asgi starlette session", None),
    "asgi verified, 1000 users in turn": ("asgi starlette session", None),
    "wsgi verified, everything made anew": ("wsgi flask session", None),
    "wsgi verified, 1000 users in turn": ("wsgi flask session", None),
    "asgi asgi-csrf": ("asgi starlette session", None),
    "django django-allauth": ("django django-otp", None),
    "flask flask-security": ("django django-otp", None),
}


def hot_path(rounds: int) -> dict[str, Any]:
    """Time the hot path, and put what each subject adds beside what its peer adds."""
    series = inprocess.measure(rounds)
    found = {}
    for name, (peer, goal) in GOALS.items():
        ours = timing.added(series[name], series[name.split()[0]])
        theirs = timing.added(series[peer], series[peer.split()[0]])
        wall = timing.added(series[name], series[name.split()[0]], "wall")
        found[name] = {
            "peer": peer,
            "goal": goal,
            "adds": sorted(ours)[len(ours) // 2],
            "adds by the wall clock": sorted(wall)[len(wall) // 2],
            "peer adds": sorted(theirs)[len(theirs) // 2],
            **timing.ratio(ours, theirs),
        }
    return found


def main() -> None:
    """Run all of it, or what is named."""
    logging.getLogger("twofa_gate").setLevel(logging.ERROR)
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("parts", nargs="*", help="names of parts; without any, all")
    options = parser.parse_args()
    parts: dict[str, Callable[[], Any]] = {
        "hot path": lambda: hot_path(options.rounds),
        "growth": beside.growth,
        "imports": beside.imports,
        "challenge": beside.challenge,
        "enrollment": beside.enrollment,
        "memory": beside.memory,
        "servers": servers.throughput,
        "instructions": counting.instructions,
    }
    results = report.load()
    for name in options.parts or parts:
        began = time.monotonic()
        results[name] = parts[name]()
        print(f"bench: {name}, {time.monotonic() - began:.0f} s", flush=True)
    report.write(results)


main()
