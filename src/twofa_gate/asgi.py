"""ASGI: `from twofa_gate.asgi import TwoFactorMiddleware`, or without code `uvicorn twofa_gate.asgi:application`.

Needs the extra `starlette`.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

try:
    from twofa_gate.adapters.asgi import TwoFactorMiddleware
except ModuleNotFoundError as error:
    if error.name not in ("anyio", "starlette"):
        raise
    raise ModuleNotFoundError('The ASGI side needs Starlette: pip install "twofa-gate[starlette]"') from error

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    application: ASGIApp

__all__ = ["TwoFactorMiddleware", "application"]


def __getattr__(name: str) -> Any:
    """Make `application` of the file that `TWOFA_GATE_CONFIG` names, when a server asks for it."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _application()


@cache
def _application() -> Any:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware

    from twofa_gate.config import load_config
    from twofa_gate.errors import ConfigurationError

    configured = load_config()
    if not configured.inside:
        return TwoFactorMiddleware(configured.application, configured.gate)
    if not isinstance(configured.application, Starlette):
        raise ConfigurationError('place = "inside" needs a Starlette or FastAPI application.')
    # The last one is the innermost: inside SessionMiddleware, where the session is known.
    configured.application.user_middleware.append(Middleware(TwoFactorMiddleware, gate=configured.gate))
    return configured.application
