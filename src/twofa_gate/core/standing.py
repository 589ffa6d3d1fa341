"""Where a user stands at a location: the facts that a decision needs, read once, and the ruling."""

from __future__ import annotations

from dataclasses import dataclass

from twofa_gate.core import asking, location_policy, storage
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.decision import Facts, NamedPolicy, Ruling, rule
from twofa_gate.core.effects import Clock, Flow, ReadClock, perform
from twofa_gate.core.events import record
from twofa_gate.core.settings import Settings
from twofa_gate.core.verification import Token, Verification, digest, names_user, read_token
from twofa_gate.errors import StoreError
from twofa_gate.model import Credential, Decision, Enforcement, EventKind, Tokens, User
from twofa_gate.request import GateRequest

__all__ = ["Standing", "assess", "login_digest", "may_pass", "token_of"]

REDELIVER_AFTER = 30
"""Seconds after which an event still in the outbox was left by a process that died."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A user at a location at a moment. `account` is `None` where there is none, or none was needed.

    `version` is the account's where this request itself has read it.
    """

    user: User
    location: str
    policies: tuple[NamedPolicy, ...]
    facts: Facts
    ruling: Ruling
    clock: Clock
    version: str | None = None

    @property
    def account(self) -> Account | None:
        """The account, as it was read."""
        return self.facts.account

    @property
    def verification(self) -> Verification | None:
        """The live verification that came with the request and is of this login, however old."""
        made = self.facts.verification
        return made if made is not None and made.login == self.facts.login else None


def login_digest(user: User) -> str | None:
    """Return the digest of the login, where the host names one."""
    return None if user.login is None else digest(f"{user.id}\0{user.login}")


def token_of(settings: Settings, request: GateRequest) -> Token | None:
    """Return the verification token that came with the request; our cookie twice means none."""
    return (
        read_token(request.cookies.single(settings.cookies.verification)) if request.cookie_header else None
    )


def _needs_account(named: NamedPolicy, user: User) -> bool:
    policy = named.policy
    excused = user.credential is Credential.TOKEN and policy.tokens is Tokens.ALLOW
    return policy.enforcement is not Enforcement.OFF and not excused


def assess(
    settings: Settings,
    request: GateRequest,
    user: User,
    *,
    location: str | None = None,
    fresh: bool = False,
    with_account: bool = False,
    use_verification: bool = True,
) -> Flow[Standing]:
    """Find out where a user stands.

    `location`: the one that governs, else the host is asked. `fresh`: read the store, whatever is remembered.
    `with_account`: read the account even if no policy needs it. `use_verification=False`: as if the request
    had come without one.
    """
    if location is None:
        location = yield from asking.locate(settings, request, user)
    asked = yield from asking.hook_policies(settings, location, user)
    clock = yield from perform(ReadClock())
    token = token_of(settings, request)
    trusted = read_token(request.cookies.single(settings.cookies.trust)) if request.cookie_header else None

    def standing(
        account: Account | None, policies: tuple[NamedPolicy, ...], version: str | None = None
    ) -> Standing:
        found = account.verification(digest(token.token)) if account and token and use_verification else None
        browser = account.trusted_browser(digest(trusted.token)) if account and trusted else None
        login = login_digest(user)
        facts = Facts(user, location, account, found, browser, login, clock.now, settings.void_before)
        return Standing(user, location, policies, facts, rule(policies, facts), clock, version)

    if token is not None and use_verification and not fresh:
        remembered = settings.passes.get(user.id, clock.monotonic)
        known = location_policy.remembered(settings, location, clock.monotonic)
        if remembered is not None and known is not None:
            reused = standing(remembered, tuple(asking.combine(settings, asked, known)))
            if reused.ruling.decision is Decision.PASS and reused.verification is not None:
                return reused
    own = yield from location_policy.own_policies(settings, location, clock)
    policies = tuple(asking.combine(settings, asked, own))
    if policies and not with_account and not any(_needs_account(each, user) for each in policies):
        return standing(None, policies)
    generation = settings.passes.generation
    account, version = yield from _read(settings, user, token, clock)
    result = standing(account, policies, version)
    if account is not None and result.ruling.decision is Decision.PASS and result.verification is not None:
        settings.passes.put(user.id, account, clock.monotonic, generation)
    if account is not None and result.ruling.decision is Decision.CHALLENGE:
        _require_readable(settings, account)
    return result


def may_pass(settings: Settings, standing: Standing) -> Flow[bool]:
    """Whether the application's answer may go out: on PASS and REMIND, and nothing else.

    Until `report_only_until` the gate records what it would have refused, and refuses nothing.
    """
    decision = standing.ruling.decision
    if decision is Decision.PASS or decision is Decision.REMIND:
        return True
    until = settings.report_only_until
    if until is not None and standing.clock.now < until:
        facts = {"decision": decision.value, "location": standing.location}
        yield from record(settings, EventKind.WOULD_REFUSE, standing.user.id, **facts)
        return True
    return False


def _read(
    settings: Settings, user: User, token: Token | None, clock: Clock
) -> Flow[tuple[Account | None, str | None]]:
    account, version = yield from storage.read_account(settings, user.id)
    if account is None and token is not None and names_user(token, settings.keys, user.id):
        # This browser once verified as this user: the account did exist, so the store has lost it.
        yield from record(
            settings, EventKind.ALARM, user.id, what="verification cookie of a user without account"
        )
        raise StoreError("A user who has verified before has no account in the store: is it the right one?")
    if account is not None and account.outbox and clock.now - account.outbox[0].at > REDELIVER_AFTER:
        yield from storage.redeliver(settings, account)
    return account, version


def _require_readable(settings: Settings, account: Account) -> None:
    """Raise `SealError` rather than ask for a code that could not be checked."""
    for each in account.authenticators:
        settings.sealer.open(each.secret, user_id=account.user, thing=secret_thing(each.id))
