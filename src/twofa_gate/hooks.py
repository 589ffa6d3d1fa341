"""The hooks: what the gate asks of the host and of the store. This module is the normative text.

A plugin is any object whose methods are marked with `hookimpl`. Hooks are of four kinds:

- *provider* hooks are implemented by exactly one plugin (`locate`, `is_logout`, `user_locations`,
  `location_members`, `may_administer`, `may_reset`, `language`, and the store's `load`, `save` and `scan`,
  all three by one object);
- `identify` is asked of every plugin, and those that answer must agree;
- `policy` is asked of every plugin; each policy is decided by itself and the strictest decision wins;
- `on_event` observes, and changes nothing.

Under ASGI a plain function runs in a worker thread, since it may block, and an `async def` function runs on
the event loop. Under WSGI an `async def` hook is an error at start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    from twofa_gate.model import Event, Policy, Stored, User
    from twofa_gate.request import GateRequest

__all__ = ["PROJECT", "HookTraits", "HostHooks", "StoreHooks", "hook_traits", "hookimpl"]

PROJECT = "twofa_gate"

_spec = pluggy.HookspecMarker(PROJECT)
_impl = pluggy.HookimplMarker(PROJECT)
_F = TypeVar("_F", bound=Callable[..., Any])
_TRAITS = "twofa_gate_traits"


class HookTraits(NamedTuple):
    """What `hookimpl` was told of a function beyond that it implements a hook."""

    blocking: bool = True
    live: bool = False


@overload
def hookimpl(function: _F) -> _F: ...
@overload
def hookimpl(function: None = None, *, blocking: bool = True, live: bool = False) -> Callable[[_F], _F]: ...
def hookimpl(
    function: _F | None = None, *, blocking: bool = True, live: bool = False
) -> _F | Callable[[_F], _F]:
    """Mark a method as the implementation of the hook of its name.

    - `blocking=False`: the function never blocks (it reads a session that is in memory, not a database), so
      the ASGI driver calls it in place instead of in a thread. Without effect under WSGI.
    - `live=True`, on `identify`: the session can change inside the process without a cookie being set, as
      `scope["session"]` of Starlette does, so every answer is looked at again.
    """

    def mark(marked: _F) -> _F:
        setattr(marked, _TRAITS, HookTraits(blocking, live))
        return _impl(marked)

    return mark if function is None else mark(function)


def hook_traits(function: Callable[..., Any]) -> HookTraits:
    """Return what `hookimpl` was told of `function`."""
    traits = getattr(function, _TRAITS, HookTraits())
    return traits if isinstance(traits, HookTraits) else HookTraits()


class HostHooks:
    """What the host says of its users, locations and policies."""

    @_spec
    def identify(self, request: GateRequest) -> User | None:
        """Say who makes this request, or `None` if this plugin knows nobody.

        It verifies, it does not merely parse: a wrong Basic password is `None`, so that the host's own 401 is
        seen. It changes nothing. Several plugins may name the same user, who then is known by the credential
        that owes most; different users, or different logins, refuse the request with 400.
        """

    @_spec
    def locate(self, request: GateRequest, user: User) -> str:
        """Say which location this request is heading for. Without this hook it is `"default"`."""

    @_spec
    def policy(self, location: str, user: User) -> Policy | None:
        """Say what this location demands of this user, or `None` for no opinion."""

    @_spec
    def is_logout(self, request: GateRequest) -> bool:
        """Say whether this request logs out, where a path alone can't tell. Such a request is never gated."""

    @_spec
    def user_locations(self, user: User) -> Iterable[str]:
        """Name all the locations that a user belongs to; disabling is refused while one of them requires 2FA."""

    @_spec
    def location_members(self, location: str) -> Iterable[User]:
        """Name the users who belong to a location, for its adoption report."""

    @_spec
    def may_administer(self, user: User, location: str) -> bool:
        """Say whether this user may see and change that location's settings. Without this hook nobody may."""

    @_spec
    def may_reset(self, user: User, member: User, location: str) -> bool:
        """Say whether this administrator of a location may reset a member, or issue a ticket for them.

        Without this hook they may if they administer all the locations that `user_locations` names for the
        member. Nobody may do either for themselves, whatever this hook says.
        """

    @_spec
    def language(self, request: GateRequest, user: User) -> str | None:
        """Say which language this user's pages have, as a tag such as `"pt-BR"`, or `None` for no opinion.

        Without this hook, without an opinion, and for a language that the gate doesn't speak, the browser's
        `Accept-Language` decides. A hook that fails is logged, and the page comes all the same.
        """

    @_spec
    def on_event(self, event: Event) -> None:
        """Take note of an event. Delivery is at least once and in order; a failure changes no outcome."""


class StoreHooks:
    """What a storage backend does. One object implements all three.

    Keys are at most 255 bytes of ASCII and compared exactly. Documents are opaque bytes. A failure of what is
    behind the store is raised, best as `StoreError`; it is never `None` or `False`.
    """

    @_spec
    def load(self, key: str) -> Stored | None:
        """Return what is stored under `key`, or `None` if there is nothing."""

    @_spec
    def save(self, key: str, document: bytes | None, version: str, expected: str | None) -> bool:
        """Store `document` under `version` if what is stored now has the version `expected`.

        `expected=None` means that nothing is stored. `document=None` deletes. Returns `True` if it was done,
        and `False`, with nothing changed, otherwise. Comparing and setting are one atomic act, and `True` is
        returned only when the write will survive whatever the store's durability promises.
        """

    @_spec
    def scan(self, prefix: str, after: str | None, limit: int) -> Sequence[str]:
        """Return up to `limit` keys that start with `prefix` and sort after `after`, in byte order.

        `after=None` starts at the beginning.
        """
