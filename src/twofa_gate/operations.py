"""The operations of a gate: what operators do from Python or the command line. Each has an `a...` twin.

The twins are for hosts on an event loop and for stores whose hooks are `async def`.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from twofa_gate.adapters.performing import perform_async, run, run_async
from twofa_gate.core.effects import Flow
from twofa_gate.core.notice import REMIND_BEFORE
from twofa_gate.core.settings import Settings
from twofa_gate.errors import ConfigurationError

# What an operation needs is imported when it is used: an application that serves requests uses none.
if TYPE_CHECKING:
    from twofa_gate.core.administration import AccountStatus
    from twofa_gate.core.reminders import ReminderPage, Reminding
    from twofa_gate.core.rotation import RotationPage
    from twofa_gate.locations.adoption import MemberStatus
    from twofa_gate.locations.explain import Explanation

__all__ = ["DEFAULT_EXTENSION", "Operations", "ReminderReport", "RotationReport"]

T = TypeVar("T")

DEFAULT_EXTENSION = timedelta(hours=48)


class Operations:
    """The operations, as methods of the gate. Each raises `StoreError` if the store can't answer."""

    settings: Settings
    hook_timeout: float

    def _run(self, flow: Flow[T]) -> T:
        hooks = self.settings.hooks
        # An observer that is never awaited would miss the event without anybody noticing.
        needed = (hooks.load, hooks.save, hooks.scan, *hooks.on_event)
        waits = next((hook for hook in needed if hook.is_async), None)
        if waits is not None:
            name = inspect.stack()[1].function
            flow.close()
            raise ConfigurationError(
                f"{waits.plugin}.{waits.name} is async def: await gate.a{name}(...) instead of gate.{name}(...)."
            )
        return run(flow)

    async def _arun(self, flow: Flow[T]) -> T:
        return await run_async(flow, partial(perform_async, hook_timeout=self.hook_timeout))

    def status(self, user_id: str) -> AccountStatus:
        """Tell what is stored about a user, without secrets."""
        from twofa_gate.core import administration

        return self._run(administration.status(self.settings, user_id))

    async def astatus(self, user_id: str) -> AccountStatus:
        """See `status`."""
        from twofa_gate.core import administration

        return await self._arun(administration.status(self.settings, user_id))

    def reset(
        self,
        user_id: str,
        *,
        by: str,
        reason: str,
        extension: timedelta = DEFAULT_EXTENSION,
        ticket: bool = False,
    ) -> str | None:
        """Take away a user's second factor, on the record, with an extension so that they can set up again.

        `ticket`: return a ticket, for a user of a location that takes one for setting up.
        """
        return self._run(_reset(self.settings, user_id, by, reason, extension, ticket))

    async def areset(
        self,
        user_id: str,
        *,
        by: str,
        reason: str,
        extension: timedelta = DEFAULT_EXTENSION,
        ticket: bool = False,
    ) -> str | None:
        """See `reset`."""
        return await self._arun(_reset(self.settings, user_id, by, reason, extension, ticket))

    def adoption(self, location: str) -> Iterator[MemberStatus]:
        """Tell for each member of a location where they stand. Reads them as they are asked for, in chunks."""
        from twofa_gate.locations.adoption import AdoptionReader, status_of

        reader = AdoptionReader(self.settings, location)
        while chunk := self._run(reader.chunk()):
            yield from (status_of(self.settings, each) for each in chunk)

    async def aadoption(self, location: str) -> AsyncIterator[MemberStatus]:
        """See `adoption`."""
        from twofa_gate.locations.adoption import AdoptionReader, status_of

        reader = AdoptionReader(self.settings, location)
        while chunk := await self._arun(reader.chunk()):
            for each in chunk:
                yield status_of(self.settings, each)

    def report_adoption(self, location: str, take: Callable[[list[MemberStatus]], object]) -> None:
        """Give `take` the members of a location, chunk by chunk, as `adoption` tells them."""
        from twofa_gate.locations.adoption import AdoptionReader, status_of

        reader = AdoptionReader(self.settings, location)
        while chunk := self._run(reader.chunk()):
            take([status_of(self.settings, each) for each in chunk])

    async def areport_adoption(self, location: str, take: Callable[[list[MemberStatus]], object]) -> None:
        """See `report_adoption`."""
        from twofa_gate.locations.adoption import AdoptionReader, status_of

        reader = AdoptionReader(self.settings, location)
        while chunk := await self._arun(reader.chunk()):
            take([status_of(self.settings, each) for each in chunk])

    def explain(self, user_id: str, location: str) -> Explanation:
        """Tell what is decided for a user at a location, whose policy that is, and when it will change."""
        from twofa_gate.locations.explain import explain

        return self._run(explain(self.settings, user_id, location))

    async def aexplain(self, user_id: str, location: str) -> Explanation:
        """See `explain`."""
        from twofa_gate.locations.explain import explain

        return await self._arun(explain(self.settings, user_id, location))

    def revoke(self, user_id: str) -> None:
        """End every verification and trusted browser of a user, as after a password change."""
        from twofa_gate.core import administration

        self._run(administration.revoke(self.settings, user_id))

    async def arevoke(self, user_id: str) -> None:
        """See `revoke`."""
        from twofa_gate.core import administration

        await self._arun(administration.revoke(self.settings, user_id))

    def unlock(self, user_id: str, *, by: str) -> None:
        """Give a user a fresh budget of attempts. Raises `NotFoundError` if nothing is stored about them."""
        from twofa_gate.core import administration

        self._run(administration.unlock(self.settings, user_id, by=by))

    async def aunlock(self, user_id: str, *, by: str) -> None:
        """See `unlock`."""
        from twofa_gate.core import administration

        await self._arun(administration.unlock(self.settings, user_id, by=by))

    def forget(self, user_id: str) -> bool:
        """Delete all that is stored about a user; return whether there was anything."""
        from twofa_gate.core import administration

        return self._run(administration.forget(self.settings, user_id))

    async def aforget(self, user_id: str) -> bool:
        """See `forget`."""
        from twofa_gate.core import administration

        return await self._arun(administration.forget(self.settings, user_id))

    def rotate(self, progress: Callable[[RotationPage], object] | None = None) -> RotationReport:
        """Re-seal everything with the newest of `secret_keys`, while the gate serves.

        `progress` is called after each page of accounts. It can be interrupted and run again; once it reports
        no failure, the older keys can be taken off the list.
        """
        from twofa_gate.core import rotation

        report = RotationReport()
        after = None
        while not report.pages or after is not None:
            page = self._run(rotation.rotate_page(self.settings, after))
            after = report.add(page)
            if progress is not None:
                progress(page)
        return report

    async def arotate(self, progress: Callable[[RotationPage], object] | None = None) -> RotationReport:
        """See `rotate`."""
        from twofa_gate.core import rotation

        report = RotationReport()
        after = None
        while not report.pages or after is not None:
            page = await self._arun(rotation.rotate_page(self.settings, after))
            after = report.add(page)
            if progress is not None:
                progress(page)
        return report

    def remind(
        self,
        days: Sequence[int] = REMIND_BEFORE,
        now: datetime | None = None,
        *,
        locations: Iterable[str] | None = None,
        progress: Callable[[ReminderPage], object] | None = None,
    ) -> ReminderReport:
        """Emit an event for each member who has so many days left to set up: once for each date and number.

        `locations`: their keys; without it all that have stored settings. `now`: an aware time to go by
        instead of the clock's. `progress` is called after each page of members. It can be run again at any
        time, and on two machines at once.
        """
        report, run_ = ReminderReport(), _reminding(self.settings, locations, days, now)
        while (page := self._run(run_.page())) is not None:
            report.add(page)
            if progress is not None:
                progress(page)
        return report

    async def aremind(
        self,
        days: Sequence[int] = REMIND_BEFORE,
        now: datetime | None = None,
        *,
        locations: Iterable[str] | None = None,
        progress: Callable[[ReminderPage], object] | None = None,
    ) -> ReminderReport:
        """See `remind`."""
        report, run_ = ReminderReport(), _reminding(self.settings, locations, days, now)
        while (page := await self._arun(run_.page())) is not None:
            report.add(page)
            if progress is not None:
                progress(page)
        return report


@dataclass(slots=True)
class ReminderReport:
    """What a run of reminders did: locations and members looked at, and events emitted."""

    locations: int = 0
    members: int = 0
    reminded: int = 0

    def add(self, page: ReminderPage) -> None:
        """Add a page; an empty one ends its location."""
        self.locations += page.members == 0
        self.members += page.members
        self.reminded += page.reminded


@dataclass(slots=True)
class RotationReport:
    """What a rotation did. `failed` holds keys and reasons, the first hundred of them."""

    pages: int = 0
    accounts: int = 0
    resealed: int = 0
    failures: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, page: RotationPage) -> str | None:
        """Add a page; return where the next one begins."""
        self.pages += 1
        self.accounts += page.seen
        self.resealed += page.resealed
        self.failures += len(page.failed)
        self.failed = (self.failed + list(page.failed))[:100]
        return page.after


def _reminding(
    settings: Settings, locations: Iterable[str] | None, days: Sequence[int], now: datetime | None
) -> Reminding:
    from twofa_gate.core.reminders import Reminding

    if now is not None and now.utcoffset() is None:
        raise ValueError("now must be a datetime with a time zone.")
    return Reminding(settings, locations, days, None if now is None else now.timestamp())


def _reset(
    settings: Settings, user_id: str, by: str, reason: str, extension: timedelta, ticket: bool
) -> Flow[str | None]:
    from twofa_gate.core import administration

    if not by or not reason:
        raise ValueError("reset is on the record: say by whom, and for what reason.")
    if extension < timedelta(0):
        raise ValueError("extension must be a timedelta of zero or more.")
    seconds = extension.total_seconds()
    return administration.reset(settings, user_id, by=by, reason=reason, extension=seconds, ticket=ticket)
