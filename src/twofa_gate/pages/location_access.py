"""Who may use a location's pages: its administrators, themselves verified; and for whom they may act."""

from __future__ import annotations

from dataclasses import dataclass

from twofa_gate.core import asking
from twofa_gate.core.answer import Answer
from twofa_gate.core.decision import NamedPolicy, is_alive
from twofa_gate.core.effects import Flow
from twofa_gate.core.refusal import redirect
from twofa_gate.core.words import Text
from twofa_gate.locations.addresses import to_segment
from twofa_gate.model import Enforcement, User
from twofa_gate.pages import challenge
from twofa_gate.pages.rendering import message
from twofa_gate.pages.visit import Visit

__all__ = ["Desk", "may_manage", "open_desk"]


@dataclass(frozen=True, slots=True)
class Desk:
    """An administrator at the pages of one location. `policies`: those that hold there for them."""

    visit: Visit
    location: str
    policies: tuple[NamedPolicy, ...]

    @property
    def url(self) -> str:
        """The URL of the location's page."""
        return f"{self.visit.base}/locations/{to_segment(self.location)}"

    @property
    def zone(self) -> str:
        """The time zone that a location begins with."""
        settings = self.visit.settings
        return "UTC" if settings.locations is None else settings.locations.zone

    @property
    def purpose(self) -> str:
        """What the CSRF tokens of this location's forms are for."""
        return purpose_of(self.location)


def purpose_of(location: str) -> str:
    """Name a location's forms for CSRF: a token for one location is of no use at another."""
    return f"location/{location}"


def open_desk(visit: Visit, location: str, back: str = "") -> Flow[Desk | Answer]:
    """Let in an administrator who is verified as the location itself demands, or answer why not.

    `back` is the path below the location's page to come back to, after a challenge. A location that doesn't
    exist and one that somebody else administers are answered alike.
    """
    settings = visit.settings
    allowed = settings.locations is not None and (
        yield from asking.may_administer(settings, visit.user, location)
    )
    if allowed is not True:
        paragraphs = [Text("There is no location of this name whose settings you may see.")]
        heading = Text("Not one of your locations")
        return message(settings, visit.base, heading, paragraphs, status=403, visit=visit)
    desk = Desk(visit, location, tuple((yield from asking.policies(settings, location, visit.user))))
    leading = visit.leading_to(f"{desk.url}{back}")
    posted = visit.request.method == "POST"
    if not visit.account.enrolled:
        if posted:
            paragraphs = [Text("Set up two-factor authentication yourself before you ask it of others.")]
            heading = Text("Nothing was changed")
            return message(settings, visit.base, heading, paragraphs, status=403, visit=visit)
        return redirect(leading.url("/enroll"), *visit.cookies)
    if not _verified_here(desk):
        if posted:
            return (yield from challenge.show(leading, status=403))
        return redirect(leading.url("/challenge"), *visit.cookies)
    return desk


def _verified_here(desk: Desk) -> bool:
    visit, made = desk.visit, desk.visit.standing.verification
    if made is None or not visit.verified:
        return False
    demands = [each.policy for each in desk.policies if each.policy.enforcement is not Enforcement.OFF]
    return all(
        is_alive(made.at, policy.max_age.total_seconds(), visit.standing.facts)
        and any(made.method == method.value for method in policy.methods)
        for policy in demands
    )


def may_manage(desk: Desk, member: User) -> Flow[bool]:
    """Whether this administrator may reset a member or issue a ticket for them.

    They must administer every location of the member, or the host's `may_reset` must say so; and nobody may
    do it for themselves.
    """
    settings, admin = desk.visit.settings, desk.visit.user
    if member.id == admin.id:
        return False
    if (yield from asking.may_reset(settings, admin, member, desk.location)) is True:
        return True
    locations = yield from asking.user_locations(settings, member)
    if locations is None:
        return False
    for location in {desk.location, *locations}:
        if (yield from asking.may_administer(settings, admin, location)) is not True:
            return False
    return True
