"""WSGI: `from twofa_gate.wsgi import TwoFactorMiddleware`."""

from twofa_gate.adapters.wsgi import TwoFactorMiddleware

__all__ = ["TwoFactorMiddleware"]
