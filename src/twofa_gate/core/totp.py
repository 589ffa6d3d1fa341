"""TOTP, RFC 6238, through pyotp: one enrolled secret, and which time steps its codes are accepted for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from twofa_gate.core.document import Part
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.errors import DocumentError

__all__ = ["Authenticator", "CodeCheck", "check", "draw_secret", "latest_of_run", "provisioning_uri"]

SECRET_BYTES = 20
"""160 bits, RFC 4226 section 4, R6."""

CLOCK_SEARCH = 20
"""Steps to either side in which a refused code is looked for, to tell a wrong clock from a wrong code."""

_DIGESTS = {"SHA1": hashlib.sha1, "SHA256": hashlib.sha256, "SHA512": hashlib.sha512}


@dataclass(frozen=True, kw_only=True)
class Authenticator(Part):
    """One enrolled secret.

    `secret` is sealed. `last_step` is the time step of the last accepted code: no code of this step or an
    earlier one is accepted again (RFC 6238 section 5.2). `added` and `used` are seconds since the epoch.
    """

    id: str
    name: str
    secret: str
    algorithm: str = "SHA1"
    digits: int = 6
    period: int = 30
    last_step: int = -1
    added: float = 0.0
    used: float | None = None


@dataclass(frozen=True, slots=True)
class CodeCheck:
    """What a code was: accepted for `step`, or refused; `clock_steps` is set if it is right some steps off."""

    step: int | None = None
    clock_steps: int | None = None


def draw_secret() -> Flow[str]:
    """Draw a new secret, in base 32 as the authenticator apps want it."""
    return base64.b32encode((yield from perform(DrawRandom(SECRET_BYTES)))).decode()


def _code_at(secret: str, authenticator: Authenticator, step: int) -> bytes:
    import pyotp

    try:
        digest = _DIGESTS[authenticator.algorithm]
        totp = pyotp.TOTP(secret, digits=authenticator.digits, digest=digest)
        return totp.generate_otp(step).encode()
    except (KeyError, ValueError) as error:
        raise DocumentError(
            "A stored authenticator has parameters that this release does not know."
        ) from error


def _matches(secret: str, authenticator: Authenticator, step: int, digits: str) -> bool:
    return step >= 0 and hmac.compare_digest(_code_at(secret, authenticator, step), digits.encode())


def check(secret: str, authenticator: Authenticator, digits: str, now: float) -> CodeCheck:
    """Check a code at the time `now`, in seconds since the epoch.

    The current and the previous step are accepted (RFC 6238 section 5.2 allows one step of delay), never a
    future one, and never a step at or below the last accepted one.
    """
    current = int(now // authenticator.period)
    # Both steps are computed each time, so that the time taken does not tell which one was right.
    right = [step for step in (current, current - 1) if _matches(secret, authenticator, step, digits)]
    fresh = [step for step in right if step > authenticator.last_step]
    if fresh:
        return CodeCheck(step=max(fresh))
    if right:
        return CodeCheck()
    around = [*range(-CLOCK_SEARCH, -1), *range(1, CLOCK_SEARCH + 1)]
    # No early end here either: how long a refusal takes must not tell that a code was nearly right.
    off = [steps for steps in around if _matches(secret, authenticator, current + steps, digits)]
    return CodeCheck(clock_steps=min(off, key=abs, default=None))


def latest_of_run(
    secret: str, authenticator: Authenticator, codes: tuple[str, str, str], now: float
) -> int | None:
    """Return the last step of three successive ones that the three codes are of, in order, or `None`.

    The last code is of the current or the previous step; none is of a step at or below the last accepted one.
    """
    current = int(now // authenticator.period)
    for last in (current, current - 1):
        steps = (last - 2, last - 1, last)
        right = [_matches(secret, authenticator, step, code) for step, code in zip(steps, codes, strict=True)]
        if all(right) and steps[0] > authenticator.last_step:
            return last
    return None


def provisioning_uri(secret: str, *, label: str, issuer: str) -> str:
    """Return the `otpauth:` URI that the QR code holds (Google Authenticator's Key URI Format)."""
    import pyotp

    # Control characters would break out of the line in some readers, a colon separates issuer and label.
    clean = re.sub(r"[\x00-\x1f\x7f:]+", " ", label).strip() or "user"
    return pyotp.TOTP(secret).provisioning_uri(name=clean, issuer_name=issuer)
