"""A phone with an authenticator app, played by oathtool, which shares no code with the gate."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from .clock import Clock, TrueClock
from .parts import need


@dataclass(frozen=True)
class Key:
    """What an authenticator app takes from an ``otpauth:`` URI."""

    secret: str
    issuer: str = ""
    account: str = ""
    algorithm: str = "SHA1"
    digits: int = 6
    period: int = 30

    @classmethod
    def parse(cls, uri: str) -> Key:
        """Read a URI as apps do, strictly: what it says twice it must say alike."""
        parts = urlsplit(uri)
        assert parts.scheme == "otpauth", uri
        assert parts.netloc == "totp", uri
        query = parse_qs(parts.query, strict_parsing=True)
        assert all(len(values) == 1 for values in query.values()), f"something is given twice: {uri}"
        values = {name: values[0] for name, values in query.items()}
        unknown = set(values) - {"secret", "issuer", "algorithm", "digits", "period", "image"}
        assert not unknown, f"no app knows {unknown}: {uri}"
        prefix, colon, account = unquote(parts.path[1:]).rpartition(":")
        issuer = values.get("issuer", prefix)
        assert not colon or prefix == issuer, f"the label names another issuer: {uri}"
        return cls(
            secret=values["secret"],
            issuer=issuer,
            account=account.strip(),
            algorithm=values.get("algorithm", "SHA1"),
            digits=int(values.get("digits", "6")),
            period=int(values.get("period", "30")),
        )


class Phone:
    """One key in one app; a person's backup device is another Phone."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else TrueClock()
        self._key: Key | None = None
        self._given = -1

    @property
    def key(self) -> Key:
        """The key that was scanned or typed in."""
        assert self._key is not None, "this phone has scanned nothing yet"
        return self._key

    def scan(self, uri: str) -> Key:
        """Take the key of an ``otpauth:`` URI, as a camera reads it, in place of any earlier one."""
        self._key = Key.parse(uri)
        self._given = -1
        return self._key

    def type_in(self, secret: str) -> Key:
        """Take a key typed by hand, with the blanks and hyphens in which pages group it."""
        self._key = Key("".join(secret.split()).replace("-", "").upper())
        self._given = -1
        return self._key

    def display(self, steps: int = 0, *, at: float | None = None) -> str:
        """Return what the app shows now, or ``steps`` time steps from now, or at a given time."""
        seconds = int(self.clock.time() if at is None else at) + steps * self.key.period
        command = [
            str(need("oathtool")),
            f"--totp={self.key.algorithm}",
            "--base32",
            f"--digits={self.key.digits}",
            f"--time-step-size={self.key.period}s",
            f"--now=@{seconds}",
            "-",
        ]
        done = subprocess.run(command, input=self.key.secret, capture_output=True, text=True, timeout=30)  # noqa: PLW1510 - judged below, with what it said
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def code(self) -> str:
        """Return the code of now, which must not have been given before: a code is good once."""
        step = self._step()
        assert step > self._given, "that code was given already: take fresh_code(), or display() to replay it"
        self._given = step
        return self.display(at=step * self.key.period)

    def fresh_code(self) -> str:
        """Return a code not given before: of now, or, after letting the time go by, of the next step."""
        while self._step() <= self._given:
            until = (self._given + 1) * self.key.period
            self.clock.sleep(max(until - self.clock.time(), 0) + 0.01)
        return self.code()

    def wrong_code(self) -> str:
        """Return a code of the right form that is none of this key's near now."""
        near = {self.display(steps) for steps in range(-3, 4)}
        return next(code for code in (str(n).zfill(self.key.digits) for n in range(100)) if code not in near)

    def _step(self) -> int:
        return int(self.clock.time()) // self.key.period
