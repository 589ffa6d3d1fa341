"""ASGI: `from twofa_gate.asgi import TwoFactorMiddleware`. Needs the extra `starlette`."""

from twofa_gate.adapters.asgi import TwoFactorMiddleware

__all__ = ["TwoFactorMiddleware"]
