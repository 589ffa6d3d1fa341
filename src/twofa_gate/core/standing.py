"""Where a user stands at a location: the facts that a decision needs, read once, and the ruling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from twofa_gate.core import asking, location_policy, storage
from twofa_gate.core.account import Account, secret_thing
from twofa_gate.core.decision import Facts, NamedPolicy, Ruling, rule
from twofa_gate.core.effects import READ_CLOCK, Clock, Flow
from twofa_gate.core.events import record
from twofa_gate.core.settings import Settings
from twofa_gate.core.verification import Token, Verification, digest, names_user, read_token
from twofa_gate.errors import StoreError
from twofa_gate.model import Credential, Decision, Enforcement, EventKind, Policy, Tokens, User
from twofa_gate.request import GateRequest

__all__ = ["Heading", "Standing", "ask", "ask_in_place", "assess", "login_digest", "may_pass", "token_of"]

REDELIVER_AFTER = 30
"""Seconds after which an event still in the outbox was left by a process that died."""


Heading: TypeAlias = tuple[str, list[Policy | None], Clock]
"""Where a request is heading, what the hooks say of that place, and when they said it."""


class Reading(NamedTuple):
    """What was read for a decision: the account, and the location's own policies.

    `version`: the account's, where this request itself has read it; `generation`: of `PassCache`, before that.
    """

    account: Account | None
    own: tuple[NamedPolicy, ...]
    version: str | None = None
    generation: int = -1


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
    def passes_by_verification(self) -> bool:
        """Whether it is a PASS that may be reused: by a verification, and not because nothing was asked."""
        return self.ruling.decision is Decision.PASS and self.verification is not None

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
    heading = yield from ask(settings, request, user, location)
    if use_verification and not fresh:
        known = remembered(settings, user, heading)
        recalled = None if known is None else recall(settings, request, user, heading, known)
        if recalled is not None:
            return recalled
    reading = yield from read(settings, request, user, heading, with_account=with_account)
    return judge(settings, request, user, heading, reading, use_verification=use_verification)


def ask(settings: Settings, request: GateRequest, user: User, location: str | None = None) -> Flow[Heading]:
    """Ask the hooks all that a decision needs of them, and the clock."""
    if location is None and settings.hooks.locate is None:
        location = asking.DEFAULT_LOCATION
    elif location is None:
        location = yield from asking.locate(settings, request, user)
    opinions = yield from asking.opinions(settings, location, user)
    clock: Clock = yield READ_CLOCK
    return location, opinions, clock


def ask_in_place(settings: Settings, request: GateRequest, user: User, clock: Callable[[], Clock]) -> Heading:
    """Do as `ask` does, where none of the hooks has to be waited for."""
    hooks = settings.hooks
    location = asking.DEFAULT_LOCATION
    if hooks.locate is not None:
        location = asking.checked_location(hooks.locate, hooks.locate.function(request, user))
    opinions: list[Policy | None] = []
    for hook in hooks.policy:
        # A comprehension is a function of its own in Python 3.11, and every request comes this way
        opinions.append(asking.opinion(hook, hook.function(location, user)))  # noqa: PERF401 - see above
    return location, opinions, clock()


def recall(
    settings: Settings, request: GateRequest, user: User, heading: Heading, reading: Reading
) -> Standing | None:
    """Judge by what is remembered; `None` unless that is a PASS by a verification, which alone is reused."""
    if token_of(settings, request) is None:
        return None
    found = _standing(settings, request, user, heading, reading, use_verification=True)
    return found if found.passes_by_verification else None


def remembered(settings: Settings, user: User, heading: Heading) -> Reading | None:
    """Return what this process read at most `revocation_lag` ago, if it is all there."""
    location, _, clock = heading
    account = settings.passes.get(user.id, clock.monotonic)
    own = location_policy.remembered(settings, location, clock.monotonic)
    return None if account is None or own is None else Reading(account, own)


def read(
    settings: Settings, request: GateRequest, user: User, heading: Heading, *, with_account: bool = False
) -> Flow[Reading]:
    """Read the store: the location's own policies, and the account if a policy, or the caller, needs it."""
    location, opinions, clock = heading
    own = yield from location_policy.own_policies(settings, location, clock)
    policies = asking.combine(settings, asking.named(settings, opinions), own)
    if policies and not with_account and not any(_needs_account(each, user) for each in policies):
        return Reading(None, own)
    generation = settings.passes.generation
    account, version = yield from _read(settings, request, user, clock)
    return Reading(account, own, version, generation)


def judge(
    settings: Settings,
    request: GateRequest,
    user: User,
    heading: Heading,
    reading: Reading,
    *,
    use_verification: bool = True,
) -> Standing:
    """Judge by what was read just now; a PASS by a verification is remembered."""
    found = _standing(settings, request, user, heading, reading, use_verification=use_verification)
    if found.passes_by_verification:
        keep(settings, user, heading, reading)
    if reading.account is not None and found.ruling.decision is Decision.CHALLENGE:
        _require_readable(settings, reading.account)
    return found


def keep(settings: Settings, user: User, heading: Heading, reading: Reading) -> None:
    """Remember an account that was read just now, and by which a verification was good enough."""
    if reading.account is not None:
        settings.passes.put(user.id, reading.account, heading[2].monotonic, reading.generation)


def _standing(
    settings: Settings,
    request: GateRequest,
    user: User,
    heading: Heading,
    reading: Reading,
    *,
    use_verification: bool,
) -> Standing:
    (location, opinions, clock), account = heading, reading.account
    policies = tuple(asking.combine(settings, asking.named(settings, opinions), reading.own))
    token = token_of(settings, request) if use_verification else None
    trusted = read_token(request.cookies.single(settings.cookies.trust)) if request.cookie_header else None
    found = account.verification(digest(token.token)) if account and token else None
    browser = account.trusted_browser(digest(trusted.token)) if account and trusted else None
    login = login_digest(user)
    facts = Facts(user, location, account, found, browser, login, clock.now, settings.void_before)
    return Standing(user, location, policies, facts, rule(policies, facts), clock, reading.version)


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
    settings: Settings, request: GateRequest, user: User, clock: Clock
) -> Flow[tuple[Account | None, str | None]]:
    account, version = yield from storage.read_account(settings, user.id)
    token = token_of(settings, request) if account is None else None
    if token is not None and names_user(token, settings.keys, user.id):
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
