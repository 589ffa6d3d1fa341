"""Two-factor authentication in front of the WSGI or ASGI application that you already have."""

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
