"""A gate whose users have already verified, made by writing their accounts as the gate itself would."""

from __future__ import annotations

import os
import time
from typing import Any

from twofa_gate import Enforcement, Gate, Policy, User, hookimpl
from twofa_gate.core.account import Account, encode, secret_thing
from twofa_gate.core.storage import user_key
from twofa_gate.core.totp import Authenticator
from twofa_gate.core.verification import Verification, digest, write_token
from twofa_gate.stores.memory import MemoryStore

__all__ = ["KEY", "AtHand", "cookie_of", "make_gate", "verify"]

KEY = "a key for measuring, of 32 bytes or more"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of nobody


class AtHand:
    """A host that has the user at hand, as one behind a session middleware does, and a policy."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.policy_of = Policy(Enforcement.REQUIRED)

    @hookimpl(blocking=False)
    def identify(self, request: Any) -> User | None:
        """Be the hook."""
        return self.user

    @hookimpl(blocking=False)
    def policy(self, location: str, user: User) -> Policy:
        """Be the hook."""
        return self.policy_of


def make_gate(host: object, store: object | None = None, **settings: Any) -> Gate:
    """Make a gate over a store that keeps nothing, unless another is given."""
    plugins = [host, MemoryStore() if store is None else store]
    return Gate(secret_keys=[KEY], issuer="Bench", plugins=plugins, initialize=True, **settings)


def verify(gate: Gate, user: User, *, also: int = 0) -> str:
    """Enroll and verify a user; return the Cookie header of their browser. `also`: further live verifications."""
    settings = gate.settings
    token = digest(f"token of {user.id}")[:22]
    now = time.time()
    login = None if user.login is None else digest(f"{user.id}\0{user.login}")
    made = [Verification(digest=digest(f"other {n}"), at=now, method="totp") for n in range(also)]
    made.append(Verification(digest=digest(token), at=now, method="totp", login=login))
    secret = settings.sealer.seal(SECRET, os.urandom(12), user_id=user.id, thing=secret_thing("a1"))
    device = Authenticator(id="a1", name="Phone", secret=secret, added=now - 86400)
    account = Account(
        user=user.id, authenticators=(device,), enabled_at=now - 86400, verifications=tuple(made)
    )
    key = user_key(settings.realm, user.id)
    if settings.hooks.save.function(key, encode(account), "1", None) is not True:
        raise RuntimeError("The store has this user already.")
    return f"{settings.cookies.verification}={write_token(token, settings.keys, user.id)}"


def cookie_of(*cookies: str) -> str:
    """Join cookies to one header, among others that a browser has."""
    return "; ".join(("theme=dark", "consent=yes", *cookies))
