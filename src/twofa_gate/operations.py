"""The operations of a gate: what operators do from Python or the command line. Each has an `a...` twin.

The twins are for hosts on an event loop and for stores whose hooks are `async def`.
"""

from __future__ import annotations

import inspect
from datetime import timedelta
from functools import partial
from typing import TypeVar

from twofa_gate.adapters.performing import perform_async, run, run_async
from twofa_gate.core import administration
from twofa_gate.core.administration import AccountStatus
from twofa_gate.core.effects import Flow
from twofa_gate.core.settings import Settings
from twofa_gate.errors import ConfigurationError

__all__ = ["DEFAULT_EXTENSION", "Operations"]

T = TypeVar("T")

DEFAULT_EXTENSION = timedelta(hours=48)


class Operations:
    """The operations, as methods of the gate. Each raises `StoreError` if the store can't answer."""

    settings: Settings
    hook_timeout: float

    def _run(self, flow: Flow[T]) -> T:
        if any(hook.is_async for hook in (self.settings.hooks.load, self.settings.hooks.save)):
            name = inspect.stack()[1].function
            flow.close()
            raise ConfigurationError(
                f"The store is asynchronous: await gate.a{name}(...) instead of gate.{name}(...)."
            )
        return run(flow)

    async def _arun(self, flow: Flow[T]) -> T:
        return await run_async(flow, partial(perform_async, hook_timeout=self.hook_timeout))

    def status(self, user_id: str) -> AccountStatus:
        """Tell what is stored about a user, without secrets."""
        return self._run(administration.status(self.settings, user_id))

    async def astatus(self, user_id: str) -> AccountStatus:
        """See `status`."""
        return await self._arun(administration.status(self.settings, user_id))

    def reset(self, user_id: str, *, by: str, reason: str, extension: timedelta = DEFAULT_EXTENSION) -> None:
        """Take away a user's second factor, on the record, with an extension so that they can set up again."""
        self._run(_reset(self.settings, user_id, by, reason, extension))

    async def areset(
        self, user_id: str, *, by: str, reason: str, extension: timedelta = DEFAULT_EXTENSION
    ) -> None:
        """See `reset`."""
        await self._arun(_reset(self.settings, user_id, by, reason, extension))

    def revoke(self, user_id: str) -> None:
        """End every verification and trusted browser of a user, as after a password change."""
        self._run(administration.revoke(self.settings, user_id))

    async def arevoke(self, user_id: str) -> None:
        """See `revoke`."""
        await self._arun(administration.revoke(self.settings, user_id))

    def unlock(self, user_id: str, *, by: str) -> None:
        """Give a user a fresh budget of attempts. Raises `NotFoundError` if nothing is stored about them."""
        self._run(administration.unlock(self.settings, user_id, by=by))

    async def aunlock(self, user_id: str, *, by: str) -> None:
        """See `unlock`."""
        await self._arun(administration.unlock(self.settings, user_id, by=by))

    def forget(self, user_id: str) -> bool:
        """Delete all that is stored about a user; return whether there was anything."""
        return self._run(administration.forget(self.settings, user_id))

    async def aforget(self, user_id: str) -> bool:
        """See `forget`."""
        return await self._arun(administration.forget(self.settings, user_id))


def _reset(settings: Settings, user_id: str, by: str, reason: str, extension: timedelta) -> Flow[None]:
    if not by or not reason:
        raise ValueError("reset is on the record: say by whom, and for what reason.")
    if extension < timedelta(0):
        raise ValueError("extension must be a timedelta of zero or more.")
    return administration.reset(settings, user_id, by=by, reason=reason, extension=extension.total_seconds())
