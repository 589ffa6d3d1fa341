"""The gated application that the races are run against, and the points at which its workers can be killed.

It is told by the environment: `RACES_STORE` (what `opening.open_store` takes, as JSON), `RACES_KEYS` (a JSON
list) and `RACES_FOLDER`, which holds the audit log and the orders to die.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.races.opening import open_store
from twofa_gate import Enforcement, Event, Gate, GateRequest, Policy, Stored, User, asgi, hookimpl, wsgi
from twofa_gate.audit import AuditLog

FOLDER = Path(os.environ.get("RACES_FOLDER", "."))
OFFICE = Policy(Enforcement.REQUIRED)
CLUB = Policy(Enforcement.OPTIONAL)
LAG = 0.3


def die_at(point: str) -> None:
    """Die at once if somebody ordered it for this point; one process takes each order."""
    try:
        (FOLDER / f"die-at-{point}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """A store whose process can be killed before and after each write that counts."""

    def __init__(self, store: Any) -> None:
        self.store = store

    @hookimpl
    def load(self, key: str) -> Stored | None:
        """Read."""
        found: Stored | None = self.store.load(key)
        return found

    @hookimpl
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Write, or die; take one's time where the race is to be close."""
        die_at("before")
        if (FOLDER / "slow").exists():
            time.sleep(0.03)
        done = bool(self.store.save(key, document, version, expected))
        if done:
            die_at("after")
        return done

    @hookimpl
    def scan(self, prefix: str, after: str | None, limit: int) -> Any:
        """List."""
        return self.store.scan(prefix, after, limit)


class DeadlyLog(AuditLog):
    """The audit log, whose process can be killed before it writes."""

    @hookimpl
    def on_event(self, event: Event) -> None:
        """Write, or die."""
        die_at(f"delivery-of-{event.kind.value}")
        super().on_event(event)


class Host:
    """The cookie `session` is `<user>.<login>`; the club asks nobody, everything else everybody."""

    @hookimpl(blocking=False)
    def identify(self, request: GateRequest) -> User | None:
        """Go by the cookie."""
        user, _, login = request.cookies.get("session", "").partition(".")
        return User(user, f"{user}@example.com", login=login) if user else None

    @hookimpl(blocking=False)
    def locate(self, request: GateRequest) -> str:
        """Go by the path, and for the gate's own pages by a header."""
        return (
            "club" if request.segments[:1] == ("club",) or request.header("x-place") == "club" else "office"
        )

    @hookimpl(blocking=False)
    def policy(self, location: str) -> Policy:
        """Ask everybody but in the club."""
        return CLUB if location == "club" else OFFICE


def make_gate(store: object, keys: list[str], log: AuditLog, **settings: Any) -> Gate:
    """Make the gate; in every process the same."""
    return Gate(
        secret_keys=keys,
        issuer="Races",
        plugins=[Host(), store, log],
        revocation_lag=LAG,
        hook_timeout=2,
        **settings,
    )


def private(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer what nobody may see who was not let through."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"private"]


async def private_too(scope: Any, receive: Any, send: Any) -> None:
    """Answer the same by ASGI."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"private"})


if "RACES_STORE" in os.environ:
    _told = json.loads(os.environ["RACES_STORE"])
    _opened = open_store(**_told, die=die_at)
    gate = make_gate(
        _opened if _told.get("asynchronous") else Deadly(_opened),
        json.loads(os.environ["RACES_KEYS"]),
        DeadlyLog(FOLDER / "audit.jsonl"),
    )
    application = wsgi.TwoFactorMiddleware(private, gate) if not _told.get("asynchronous") else None
    asgi_application = asgi.TwoFactorMiddleware(private_too, gate)
