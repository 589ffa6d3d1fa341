"""One gate for every framework and server: the application names its user in a cookie that it sets at login."""

from __future__ import annotations

import os

from twofa_gate import Enforcement, Gate, GateRequest, Policy, User, hookimpl
from twofa_gate.stores.memory import MemoryStore
from twofa_gate.stores.sqlite import SQLiteStore

__all__ = ["make_gate"]


class CookieHost:
    """Knows users by the cookie `who`."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """See `HostHooks.identify`."""
        name = request.cookies.get("who")
        return User(name, name) if name else None


def make_gate() -> Gate:
    """Make a gate that requires a second factor; on servers it keeps accounts in COMPAT_STORE."""
    path = os.environ.get("COMPAT_STORE")
    return Gate(
        secret_keys=["compat" * 6],
        issuer="Compat",
        plugins=[CookieHost(), SQLiteStore(path) if path else MemoryStore()],
        policy=Policy(Enforcement.REQUIRED),
        initialize=True,
        login_paths=["/login"],
        logout_paths=["/logout"],
    )
