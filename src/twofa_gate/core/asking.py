"""Asking the host's hooks, and checking what they answer."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from typing import Any

from twofa_gate.core import location_policy
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.effects import BoundHook, CallHook, Flow, ReadClock, WriteLog, perform
from twofa_gate.core.settings import Settings
from twofa_gate.errors import BadRequest, HookError
from twofa_gate.model import Credential, Policy, User
from twofa_gate.request import GateRequest

__all__ = [
    "DEFAULT_LOCATION",
    "checked_location",
    "combine",
    "heard",
    "hook_policies",
    "identify",
    "identify_in_place",
    "is_logout",
    "language",
    "locate",
    "may_administer",
    "may_reset",
    "named",
    "opinion",
    "opinions",
    "policies",
    "refuse_ambiguous",
    "user_locations",
]

DEFAULT_LOCATION = "default"
MAX_LOCATION = 200
"""Characters of a location's key."""
_BASIC = re.compile(r"basic(?: [A-Za-z0-9+/]+={0,2})?", re.IGNORECASE)
"""Basic, RFC 7617, as all readers read it. Many take other blanks, and drop what is not base64."""


def _wrong(hook: BoundHook, result: object, expected: str) -> HookError:
    if hasattr(result, "close") and hasattr(result, "send"):
        result.close()  # a coroutine nobody will await
    return HookError(f"{hook.plugin}.{hook.name} must return {expected}, not {type(result).__name__}.")


def identify(settings: Settings, request: GateRequest) -> Flow[User | None]:
    """Ask every plugin who makes this request. Raises `BadRequest` where they don't agree."""
    refuse_ambiguous(request)
    found: User | None = None
    for hook in settings.hooks.identify:
        result = yield CallHook(hook, (request,))
        if result is not None:
            found = heard(hook, result, found)
    return found


def identify_in_place(settings: Settings, request: GateRequest) -> User | None:
    """Do as `identify` does, where none of the plugins has to be waited for."""
    if request.authorization or request.doubled_authorization:
        refuse_ambiguous(request)
    found: User | None = None
    for hook in settings.hooks.identify:
        result = hook.function(request)
        if result is not None:
            found = heard(hook, result, found)
    return found


def refuse_ambiguous(request: GateRequest) -> None:
    """Raise `BadRequest` where plugins could read different credentials."""
    if request.doubled_authorization:
        raise BadRequest("The request carries Authorization twice.")
    given = request.authorization
    if given and given.lower().split(None, 1)[:1] == ["basic"] and not _BASIC.fullmatch(given):
        raise BadRequest("The request carries Authorization in a form that is read in different ways.")


def heard(hook: BoundHook, result: object, before: User | None) -> User:
    """Put whom one plugin names as making a request beside whom the ones before it named."""
    if not isinstance(result, User):
        raise _wrong(hook, result, "a User or None")
    return result if before is None else _agree(before, result)


def _agree(first: User, second: User) -> User:
    if first.id != second.id:
        raise BadRequest("The request carries the credentials of two different users.")
    if first.login is not None and second.login is not None and first.login != second.login:
        raise BadRequest("The request carries the credentials of two different logins.")
    # Known by the credential that owes most: an allowed token does not excuse the session beside it.
    chosen, other = (second, first) if first.credential is Credential.TOKEN else (first, second)
    login = first.login if first.login is not None else second.login
    return User(chosen.id, chosen.label, login, chosen.credential, chosen.joined or other.joined)


def locate(settings: Settings, request: GateRequest, user: User) -> Flow[str]:
    """Ask which location the request is heading for."""
    hook = settings.hooks.locate
    if hook is None:
        return DEFAULT_LOCATION
    return checked_location(hook, (yield CallHook(hook, (request, user))))


def checked_location(hook: BoundHook, result: Any) -> str:
    """Check what a plugin answered when it was asked where a request is heading."""
    if not isinstance(result, str) or not 0 < len(result) <= MAX_LOCATION:
        raise _wrong(hook, result, f"a location's key, a string of 1 to {MAX_LOCATION} characters")
    return result


def policies(settings: Settings, location: str, user: User) -> Flow[list[NamedPolicy]]:
    """Give every policy of a location, its stored settings read from the store. The list may be empty."""
    asked = yield from hook_policies(settings, location, user)
    if settings.locations is None:
        return combine(settings, asked, ())
    clock = yield from perform(ReadClock())
    return combine(settings, asked, (yield from location_policy.own_policies(settings, location, clock)))


def combine(
    settings: Settings, asked: Iterable[NamedPolicy], own: Iterable[NamedPolicy]
) -> list[NamedPolicy]:
    """Put what the hooks say beside the location's own settings; the default holds where neither speaks."""
    found = [*asked, *own]
    if not found and settings.default_policy is not None:
        found.append(NamedPolicy(settings.default_policy, "Gate(policy=...)"))
    return found


def opinion(hook: BoundHook, result: object) -> Policy | None:
    """Check what a plugin answered when it was asked for its policy."""
    if result is not None and not isinstance(result, Policy):
        raise _wrong(hook, result, "a Policy or None")
    return result


def named(settings: Settings, found: list[Policy | None]) -> list[NamedPolicy]:
    """Put the names of the plugins beside the policies that they gave."""
    pairs = zip(found, settings.hooks.policy, strict=True)
    return [NamedPolicy(policy, hook.plugin) for policy, hook in pairs if policy is not None]


def hook_policies(settings: Settings, location: str, user: User) -> Flow[list[NamedPolicy]]:
    """Ask every plugin for its policy; those that have one are named."""
    return named(settings, (yield from opinions(settings, location, user)))


def opinions(settings: Settings, location: str, user: User) -> Flow[list[Policy | None]]:
    """Ask every plugin for its policy; `None` stands for one that has none here."""
    found: list[Policy | None] = []
    for hook in settings.hooks.policy:
        found.append(opinion(hook, (yield CallHook(hook, (location, user)))))  # noqa: PERF401 - it yields
    return found


def is_logout(settings: Settings, request: GateRequest) -> Flow[bool]:
    """Ask whether the request logs out; the listed paths are looked at first."""
    if settings.logout.match(request):
        return True
    hook = settings.hooks.is_logout
    if hook is None:
        return False
    return (yield from _yes_or_no(hook, (request,)))


def user_locations(settings: Settings, user: User) -> Flow[list[str] | None]:
    """Ask for all the locations of a user; `None` if the host does not say."""
    hook = settings.hooks.user_locations
    if hook is None:
        return None
    result = yield from perform(CallHook(hook, (user,)))
    if isinstance(result, str) or not isinstance(result, Iterable):
        raise _wrong(hook, result, "a list of location keys")
    return [checked_location(hook, each) for each in result]


def may_administer(settings: Settings, user: User, location: str) -> Flow[bool]:
    """Ask whether a user administers a location; without the hook nobody does."""
    return (yield from _yes_or_no(settings.hooks.may_administer, (user, location)))


def may_reset(settings: Settings, user: User, member: User, location: str) -> Flow[bool]:
    """Ask whether the host allows that a user resets a member whom they don't administer everywhere."""
    return (yield from _yes_or_no(settings.hooks.may_reset, (user, member, location)))


def language(settings: Settings, request: GateRequest, user: User) -> Flow[str | None]:
    """Ask which language this user's pages have; `None` if the host does not say.

    A hook that fails is logged and nothing else: nobody is kept out for want of a language.
    """
    hook = settings.hooks.language
    if hook is None:
        return None
    try:
        result = yield from perform(CallHook(hook, (request, user)))
    except Exception as error:  # whatever the hook raises, the page is to come
        failure: Exception = error
    else:
        if result is None or isinstance(result, str):
            return result
        failure = _wrong(hook, result, "a language tag or None")
    line = {"event": "language_failed", "hook": f"{hook.plugin}.{hook.name}", "error": repr(failure)}
    yield WriteLog(logging.ERROR, json.dumps(line))
    return None


def _yes_or_no(hook: BoundHook | None, args: tuple[Any, ...]) -> Flow[bool]:
    if hook is None:
        return False
    result = yield from perform(CallHook(hook, args))
    if result is not True and result is not False:
        raise _wrong(hook, result, "True or False")
    return bool(result)
