"""A phone with an authenticator app, played by pyotp; it never gives the same code twice."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable

import pyotp

__all__ = ["PERIOD", "Phone"]

PERIOD = 30
MARGIN = 3
"""Seconds that a code needs to get to the server."""


class Phone:
    """One key in one app. `wait` lets seconds go by, visibly."""

    def __init__(self, key: str, wait: Callable[[float], None], now: Callable[[], float] = time.time) -> None:
        self._totp = pyotp.TOTP(self.clean(key))
        self._wait = wait
        self._now = now
        self._given = -1

    @staticmethod
    def clean(key: str) -> str:
        """Take blanks and hyphens out of a key as a page shows it. Raises `ValueError` if it is none."""
        bare = "".join(key.split()).replace("-", "").upper()
        try:
            base64.b32decode(bare + "=" * (-len(bare) % 8))
        except binascii.Error as error:
            raise ValueError("That is no key: a key has letters and the digits 2 to 7.") from error
        if len(bare) < 16:
            raise ValueError("That key is too short: it has 32 letters and digits.")
        return bare

    def code(self) -> str:
        """Return the oldest code that is still good and was not given before; waits only if there is none.

        The gate takes the codes of this time step and of the one before.
        """
        step, into = divmod(self._now(), PERIOD)
        previous_is_safe = into < PERIOD - MARGIN
        return self._give(int(step) - 1 if previous_is_safe and self._given < step - 1 else int(step))

    def shown(self) -> tuple[str, int]:
        """Return the code of now, as an app shows it, or the next one if it was given; and for how many seconds."""
        code = self._give(int(self._now() // PERIOD))
        return code, max(1, round((self._given + 1) * PERIOD - self._now()))

    def _give(self, step: int) -> str:
        if step <= self._given:
            step = self._given + 1
            self._wait(max(0.0, step * PERIOD - self._now()) + 0.1)
        self._given = step
        return str(self._totp.at(step * PERIOD))
