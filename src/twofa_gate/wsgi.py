"""WSGI: `from twofa_gate.wsgi import TwoFactorMiddleware`, or without code `gunicorn twofa_gate.wsgi:application`."""

from functools import cache
from typing import TYPE_CHECKING, Any

from twofa_gate.adapters.wsgi import TwoFactorMiddleware

if TYPE_CHECKING:
    application: TwoFactorMiddleware

__all__ = ["TwoFactorMiddleware", "application"]


def __getattr__(name: str) -> Any:
    """Make `application` of the file that `TWOFA_GATE_CONFIG` names, when a server asks for it."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _application()


@cache
def _application() -> TwoFactorMiddleware:
    from twofa_gate.config import load_config
    from twofa_gate.errors import ConfigurationError

    configured = load_config()
    if configured.inside:
        raise ConfigurationError(
            'place = "inside" is for Starlette applications, which twofa_gate.asgi serves.'
        )
    return TwoFactorMiddleware(configured.application, configured.gate)
