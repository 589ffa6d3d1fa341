"""Two-factor authentication in front of the WSGI or ASGI application that you already have."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twofa_gate.core.administration import AccountStatus
    from twofa_gate.core.answer import Context, Reminder
    from twofa_gate.errors import (
        AmbiguousCookie,
        BadRequest,
        ConfigurationError,
        ContentionError,
        DocumentError,
        GateError,
        HookError,
        NotFoundError,
        SealError,
        StoreError,
    )
    from twofa_gate.gate import Gate
    from twofa_gate.hooks import hookimpl
    from twofa_gate.model import (
        AfterCutoff,
        Credential,
        Decision,
        Enforcement,
        Enrollment,
        Event,
        EventKind,
        Method,
        Policy,
        Stored,
        Tokens,
        User,
    )
    from twofa_gate.request import GateRequest

__all__ = [
    "AccountStatus",
    "AfterCutoff",
    "AmbiguousCookie",
    "BadRequest",
    "ConfigurationError",
    "ContentionError",
    "Context",
    "Credential",
    "Decision",
    "DocumentError",
    "Enforcement",
    "Enrollment",
    "Event",
    "EventKind",
    "Gate",
    "GateError",
    "GateRequest",
    "HookError",
    "Method",
    "NotFoundError",
    "Policy",
    "Reminder",
    "SealError",
    "StoreError",
    "Stored",
    "Tokens",
    "User",
    "hookimpl",
]

__version__ = "0.1.0"

_HOMES = {
    "core.administration": "AccountStatus",
    "core.answer": "Context Reminder",
    "errors": (
        "AmbiguousCookie BadRequest ConfigurationError ContentionError DocumentError GateError "
        "HookError NotFoundError SealError StoreError"
    ),
    "gate": "Gate",
    "hooks": "hookimpl",
    "model": (
        "AfterCutoff Credential Decision Enforcement Enrollment Event EventKind Method Policy "
        "Stored Tokens User"
    ),
    "request": "GateRequest",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: a plugin that needs `User` alone waits for nothing else."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
