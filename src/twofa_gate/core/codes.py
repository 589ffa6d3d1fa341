"""What a person types into a code field, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from twofa_gate.core import recovery
from twofa_gate.errors import BadRequest

__all__ = ["MAX_TYPED", "MalformedCode", "RecoveryInput", "TotpInput", "TypedCode", "parse_code"]

MAX_TYPED = 64
"""Characters; a recovery code with its hyphens has 27."""

_TOTP = re.compile(r"[0-9]{6}|[0-9]{8}")


class MalformedCode(BadRequest):
    """What was typed is neither a TOTP code nor a recovery code. Not counted as an attempt."""


@dataclass(frozen=True, slots=True)
class TotpInput:
    """Six digits; eight where an imported authenticator shows eight."""

    digits: str


@dataclass(frozen=True, slots=True)
class RecoveryInput:
    """A recovery code in its canonical form."""

    code: str


TypedCode = TotpInput | RecoveryInput


def parse_code(typed: str) -> TypedCode:
    """Read a typed code; blanks and hyphens are dropped.

    Raises `MalformedCode` for anything that could be neither kind: RFC 4226 codes are ASCII digits only.
    """
    if len(typed) <= MAX_TYPED and typed.isascii():
        compact = re.sub(r"[ \t-]", "", typed)
        if _TOTP.fullmatch(compact):
            return TotpInput(compact)
        code = recovery.canonical(compact)
        if code is not None:
            return RecoveryInput(code)
    raise MalformedCode("Enter the six digits that your authenticator app shows, or a recovery code.")
