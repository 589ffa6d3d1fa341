"""The errors of the gate, in one tree.

::

    GateError
    ├── ConfigurationError      the gate refuses to start; the text says what to do
    ├── StoreError              a store could not answer; the request is refused with 503
    ├── SealError               a sealed secret does not open, or its key is not listed; 503
    ├── DocumentError           a stored document cannot be read; 503
    ├── ContentionError         the compare-and-set was lost too often; 503, and nothing was decided
    ├── HookError               a hook gave what it must not give; 503
    ├── NotFoundError           an operation names a user who has no account
    └── BadRequest              the request cannot be understood; 400, or the status that it carries
        └── AmbiguousCookie     a cookie is doubled, quoted or oddly framed, and was asked for
"""

from __future__ import annotations

__all__ = [
    "AmbiguousCookie",
    "BadRequest",
    "ConfigurationError",
    "ContentionError",
    "DocumentError",
    "GateError",
    "HookError",
    "NotFoundError",
    "SealError",
    "StoreError",
]


class GateError(Exception):
    """The base of every error that the gate raises."""


class ConfigurationError(GateError, ValueError):
    """The gate cannot work as it is set up. Raised at start; the message says what to do.

    It is a `ValueError` too, since most often a value is at fault.
    """


class StoreError(GateError):
    """A store could not answer. Stores raise it for every failure of what is behind them."""


class SealError(GateError):
    """A sealed value does not open: its key is not listed, or it was altered or moved."""


class DocumentError(GateError):
    """A stored document is not what this release can read."""


class ContentionError(GateError):
    """Others changed the same account again and again; nothing was decided or counted."""


class HookError(GateError):
    """A hook answered with something that its specification does not allow."""


class NotFoundError(GateError):
    """The operation names a user of whom the gate stores nothing."""


class BadRequest(GateError):
    """The request is malformed; nothing was counted or changed.

    `status` is the HTTP status of the refusal: 400 unless said otherwise.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class AmbiguousCookie(BadRequest):
    """Readers disagree about this cookie (it is doubled, quoted or oddly framed), so nobody may rely on it."""
