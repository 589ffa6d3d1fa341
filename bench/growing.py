"""A million requests of 100,000 users through one process, to see whether it grows."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.calling import bare_wsgi, make_environ
from bench.inprocess import USER
from bench.installation import make_gate, verify
from twofa_gate import Enforcement, Policy, User, hookimpl
from twofa_gate.wsgi import TwoFactorMiddleware

__all__ = ["main"]

USERS = 100_000


class _Named:
    """A host whose requests name their user."""

    @hookimpl
    def identify(self, request: Any) -> User:
        """Be the hook."""
        return replace(USER, id=request.environ["bench.user"])

    @hookimpl
    def policy(self, location: str, user: User) -> Policy:
        """Be the hook."""
        return POLICY


POLICY = Policy(Enforcement.REQUIRED)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main() -> None:
    """Print the resident megabytes after a round of all users, and after ten, and how long that took."""
    gate = make_gate(_Named(), revocation_lag=3600)
    cookies = [verify(gate, replace(USER, id=str(number))) for number in range(USERS)]
    app = TwoFactorMiddleware(bare_wsgi, gate)
    environ = make_environ()
    began = time.monotonic()
    after = []
    for turn in range(10):
        for number, cookie in enumerate(cookies):
            environ["HTTP_COOKIE"], environ["bench.user"] = cookie, str(number)
            if app(environ.copy(), _accept)[0] != b"<!doctype html><title>Orders</title>":
                raise RuntimeError("A verified user was refused.")
        if turn in (0, 9):
            after.append(_resident())
    print(*after, time.monotonic() - began)


def _accept(status: str, headers: Any, exc_info: Any = None) -> Any:
    return None
