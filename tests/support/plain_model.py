"""What the gate's answers are judged by: who may pass, told in plain words and without any of the gate's code.

It knows no documents, versions, seals or effects; only what a person would say of an account.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from twofa_gate import AfterCutoff, Enforcement, Method, Policy, User

__all__ = ["Device", "Passage", "Pending", "Person", "code_at", "may_pass", "step_of"]

PERIOD = 30
AHEAD = 30
"""Seconds by which a time may lie in the future."""


def code_at(secret: str, step: int) -> str:
    """Compute a TOTP code, straight from RFC 4226 section 5.3."""
    mac = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**6).zfill(6)


def step_of(now: float) -> int:
    """Return the time step of a moment."""
    return int(now // PERIOD)


@dataclass
class Device:
    """An authenticator app with one secret; codes up to `last` are spent."""

    secret: str
    last: int


@dataclass
class Passage:
    """That the browser with this cookie passed: when, in which login, and how."""

    cookie: str
    at: float
    login: str | None
    method: Method


@dataclass
class Pending:
    """A secret that was shown in one browser and not confirmed yet."""

    secret: str
    browser: str
    began: float


@dataclass
class Person:
    """Everything that was acknowledged to, or done with, one user."""

    devices: list[Device] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    enabled: float | None = None
    passages: list[Passage] = field(default_factory=list)
    trusted: list[Passage] = field(default_factory=list)
    pending: Pending | None = None
    set_up_until: float | None = None
    failures: int = 0  # ever, or since the last reset

    def copy(self) -> Person:
        """Return a copy that stays as it is."""
        return copy.deepcopy(self)

    def judge(self, typed: str, now: float) -> Method | None:
        """Say by which method a typed code is right now, if it is."""
        if typed in self.codes:
            return Method.RECOVERY_CODE
        return None if self._device(typed, now) is None else Method.TOTP

    def spend(self, typed: str, now: float) -> Method:
        """Spend a right code."""
        if typed in self.codes:
            self.codes.remove(typed)
            self.passages, self.trusted = [], []
            return Method.RECOVERY_CODE
        found = self._device(typed, now)
        assert found is not None, f"{typed} was accepted, and is not right now"
        device, device.last = found[0], found[1]
        return Method.TOTP

    def _device(self, typed: str, now: float) -> tuple[Device, int] | None:
        for device in self.devices:
            for step in (step_of(now), step_of(now) - 1):
                if step > device.last and code_at(device.secret, step) == typed:
                    return device, step
        return None

    def let_in(self, replaced: str | None, passage: Passage) -> None:
        """Let a browser pass, in place of what it had."""
        self.end(replaced)
        self.passages = [*self.passages, passage][-20:]

    def end(self, cookie: str | None) -> None:
        """End what a cookie stands for."""
        self.passages = [each for each in self.passages if each.cookie != cookie]

    def strip(self) -> None:
        """Take the second factor away."""
        self.devices, self.codes, self.enabled, self.pending = [], set(), None, None
        self.passages, self.trusted = [], []


def may_pass(
    person: Person,
    user: User,
    policies: Sequence[Policy],
    now: float,
    *,
    cookie: str | None,
    trust: str | None,
) -> bool:
    """Say whether the application may answer this user: only if each policy lets them pass."""
    return bool(policies) and all(_passes(person, user, each, now, cookie, trust) for each in policies)


def _passes(
    person: Person, user: User, policy: Policy, now: float, cookie: str | None, trust: str | None
) -> bool:
    if policy.enforcement is Enforcement.OFF:
        return True
    deadline = _deadline(person, user, policy)
    last = max((each for each in (deadline, person.set_up_until) if each is not None), default=None)
    missed = (
        policy.enforcement is Enforcement.REQUIRED
        and policy.after_cutoff is AfterCutoff.DENY
        and person.enabled is not None
        and last is not None
        and person.enabled >= last
    )
    if person.devices and not missed:
        return _verified(person, user, policy, now, cookie) or _trusted(person, policy, now, trust)
    if policy.enforcement is Enforcement.OPTIONAL:
        return True
    return deadline is not None and now < deadline


def _deadline(person: Person, user: User, policy: Policy) -> float | None:
    dates = [] if policy.cutoff is None else [policy.cutoff.timestamp()]
    if policy.grace is not None and user.joined is not None:
        joined = user.joined.timestamp()
        if policy.cutoff is None or joined > policy.cutoff.timestamp():
            dates.append(joined + policy.grace.total_seconds())
    return max(dates) if dates else None


def _verified(person: Person, user: User, policy: Policy, now: float, cookie: str | None) -> bool:
    return any(
        each.cookie == cookie
        and each.login == user.login
        and each.method in policy.methods
        and -AHEAD <= now - each.at <= policy.max_age.total_seconds()
        for each in person.passages
    )


def _trusted(person: Person, policy: Policy, now: float, trust: str | None) -> bool:
    span = policy.trust_browser_for
    return span is not None and any(
        each.cookie == trust
        and (each.method is Method.TOTP or each.method in policy.methods)
        and -AHEAD <= now - each.at <= span.total_seconds()
        for each in person.trusted
    )
