"""One member of a location: more time, a reset after a lost phone, a ticket for setting up.

Nothing here shows or sets a secret, and nothing enables two-factor authentication for somebody else.
"""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from twofa_gate.core import administration, asking, location_policy, tickets
from twofa_gate.core.answer import Answer
from twofa_gate.core.effects import Flow
from twofa_gate.core.members import find_member
from twofa_gate.core.refusal import SECURITY_HEADERS, redirect
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.locations.adoption import AdoptionReader, MemberFacts, csv_cell, status_of
from twofa_gate.locations.dates import local
from twofa_gate.locations.form import future_date
from twofa_gate.model import Enrollment, User
from twofa_gate.operations import DEFAULT_EXTENSION
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.location_access import Desk, may_manage, open_desk
from twofa_gate.pages.rendering import message, render
from twofa_gate.pages.visit import Visit

__all__ = ["hand_out", "show", "submit"]

MAX_REASON = 200
MAX_ID = 255
NOTICES = ("extended", "reset")


def _zone(desk: Desk) -> Flow[str]:
    document, _ = yield from location_policy.read_location(desk.visit.settings, desk.location)
    return desk.zone if document is None else document.rules.zone


def _find(desk: Desk, user_id: str) -> Flow[User | None]:
    if desk.visit.settings.hooks.location_members is None or not user_id:
        return None
    return (yield from find_member(desk.visit.settings, desk.location, user_id))


def show(visit: Visit, location: str, *, error: str | None = None, status: int = 200) -> Flow[Answer]:
    """Show what can be done for one member, named by `id` in the query."""
    user_id = str(visit.fields.get("id") or visit.request.query.get("id", ""))[:MAX_ID]
    desk = yield from open_desk(visit, location, f"/member?id={quote(user_id, safe='')}")
    if isinstance(desk, Answer):
        return desk
    member = yield from _find(desk, user_id)
    if member is None:
        return _no_member(desk)
    return (yield from _page(desk, member, error=error, status=status))


def submit(visit: Visit, location: str) -> Flow[Answer]:
    """Extend, reset, or issue a ticket."""
    desk = yield from open_desk(visit, location)
    if isinstance(desk, Answer):
        return desk
    try:
        user_id = text_field(visit.fields, "id", limit=MAX_ID)
        action = text_field(visit.fields, "action")
        reason = text_field(visit.fields, "reason", limit=MAX_REASON).strip()
    except BadRequest as error:
        told = [Text("The form is malformed.")]
        return message(
            visit.settings, visit.base, Text("Nothing was changed"), told, status=error.status, visit=visit
        )
    member = yield from _find(desk, user_id)
    if member is None:
        return _no_member(desk)
    if not visit.fresh:
        return (yield from _page(desk, member, error="unverified", status=403))
    return (yield from _act(desk, member, action, reason))


def _act(desk: Desk, member: User, action: str, reason: str) -> Flow[Answer]:
    if action in ("extend", "reset") and not reason:
        return (
            yield from _page(
                desk, member, errors={f"{action}_reason": Text("Say why: it is on record.")}, status=400
            )
        )
    if action == "extend":
        return (yield from _extend(desk, member, reason))
    if action in ("reset", "ticket"):
        if (yield from may_manage(desk, member)) is not True:
            return (yield from _page(desk, member, error="not-yours", status=403))
        return (yield from (_reset(desk, member, reason) if action == "reset" else _ticket(desk, member)))
    return (yield from _page(desk, member, error="malformed", status=400))


def _no_member(desk: Desk) -> Answer:
    visit = desk.visit
    return message(
        visit.settings,
        visit.base,
        Text("No such member"),
        [Text("Nobody of this id belongs to this location. Nothing was changed.")],
        status=404,
        actions=[(Text("Back to the location"), desk.url)],
        visit=visit,
    )


def _extend(desk: Desk, member: User, reason: str) -> Flow[Answer]:
    visit = desk.visit
    zone = yield from _zone(desk)
    until = future_date(text_field(visit.fields, "until").strip(), zone, visit.now)
    if not isinstance(until, str) and until <= visit.now:
        until = Text("Choose a later day: the extension ends as that day begins.")
    if isinstance(until, str):
        return (yield from _page(desk, member, errors={"until": until}, status=400))
    yield from administration.extend(
        visit.settings, member.id, desk.location, until=until, by=visit.user.id, reason=reason
    )
    return redirect(_url(desk, member, "extended"), *visit.cookies)


def _url(desk: Desk, member: User, notice: str) -> str:
    return f"{desk.url}/member?id={quote(member.id, safe='')}&notice={notice}"


def _takes_tickets(desk: Desk) -> bool:
    return any(each.policy.enrollment is Enrollment.TICKET for each in desk.policies)


def _reset(desk: Desk, member: User, reason: str) -> Flow[Answer]:
    visit = desk.visit
    shown = yield from administration.reset(
        visit.settings,
        member.id,
        by=visit.user.id,
        reason=reason,
        extension=DEFAULT_EXTENSION.total_seconds(),
        ticket=_takes_tickets(desk),
        location=desk.location,
    )
    if shown is None:
        return redirect(_url(desk, member, "reset"), *visit.cookies)
    return (yield from _page(desk, member, ticket=shown, notice="reset"))


def _ticket(desk: Desk, member: User) -> Flow[Answer]:
    visit = desk.visit
    shown = yield from administration.issue_ticket(
        visit.settings, member.id, by=visit.user.id, location=desk.location
    )
    if shown is None:
        return (yield from _page(desk, member, error="has-set-up", status=409))
    return (yield from _page(desk, member, ticket=shown))


def _needs_ticket(desk: Desk, facts: MemberFacts) -> bool:
    policies = asking.combine(desk.visit.settings, facts.asked, facts.own)
    return tickets.demanded(policies, facts.account)


def _page(
    desk: Desk,
    member: User,
    *,
    error: str | None = None,
    errors: dict[str, str] | None = None,
    ticket: str | None = None,
    notice: str | None = None,
    status: int = 200,
) -> Flow[Answer]:
    visit = desk.visit
    (facts,) = yield from AdoptionReader(visit.settings, desk.location).facts_of([member])
    zone = yield from _zone(desk)
    told = notice or visit.request.query.get("notice")
    context: dict[str, Any] = {
        "location": desk.location,
        "url": desk.url,
        "token": visit.csrf(desk.purpose),
        "member": status_of(visit.settings, facts),
        "cutoff": _cutoff(visit, facts, zone),
        "zone": zone,
        "error": error or ("fields" if errors else None),
        "errors": errors or {},
        "values": SimpleNamespace(
            until=str(visit.fields.get("until", ""))[:10],
            reason=str(visit.fields.get("reason", ""))[:MAX_REASON],
        ),
        "notice": told if told in NOTICES and not (error or errors) else None,
        "ticket": ticket,
        "may_manage": (yield from may_manage(desk, member)),
        "ticket_needed": _needs_ticket(desk, facts),
        "myself": member.id == visit.user.id,
        "challenge_url": visit.leading_to(_url(desk, member, "")).url("/challenge"),
    }
    return render(visit, "location_member.html", status=status, context=context)


def _cutoff(visit: Visit, facts: MemberFacts, zone: str) -> Any:
    moment = facts.ruling(visit.settings).cutoff
    return None if moment is None else local(moment, zone)


def hand_out(visit: Visit, location: str) -> Flow[Answer]:
    """Issue a ticket for every member who needs one and for whom this administrator may, as CSV, shown once."""
    desk = yield from open_desk(visit, location)
    if isinstance(desk, Answer):
        return desk
    refusal = None
    if visit.settings.hooks.location_members is None or not _takes_tickets(desk):
        refusal = Text("Setting up takes no tickets at this location.")
    elif not visit.fresh:
        refusal = Text("Your last code is more than five minutes old. Verify again, and come back.")
    if refusal is not None:
        actions = [
            (Text("Verify"), visit.leading_to(desk.url).url("/challenge")),
            (Text("Back"), desk.url),
        ]
        return message(
            visit.settings,
            visit.base,
            Text("No tickets were issued"),
            [refusal],
            status=403,
            actions=actions,
            visit=visit,
        )
    headers = (
        ("Content-Type", "text/csv; charset=utf-8"),
        ("Content-Disposition", 'attachment; filename="two-factor-tickets.csv"'),
        *SECURITY_HEADERS,
        *visit.cookies,
    )
    return Answer(200, headers, b"user_id,label,ticket\r\n", _HandOut(desk).more)


class _HandOut:
    """Issues tickets chunk by chunk, each chunk before it is written."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reader = AdoptionReader(desk.visit.settings, desk.location)

    def more(self) -> Flow[bytes]:
        """Issue the next tickets; `b""` after the last."""
        while chunk := (yield from self._reader.chunk()):
            out = io.StringIO()
            writer = csv.writer(out)
            for facts in chunk:
                yield from self._issue(facts, writer)
            if out.getvalue():
                return out.getvalue().encode()
        return b""

    def _issue(self, facts: MemberFacts, writer: Any) -> Flow[None]:
        desk, member = self._desk, facts.facts.user
        if not _needs_ticket(desk, facts) or (yield from may_manage(desk, member)) is not True:
            return
        shown = yield from administration.issue_ticket(
            desk.visit.settings, member.id, by=desk.visit.user.id, location=desk.location
        )
        if shown is not None:
            writer.writerow([csv_cell(member.id), csv_cell(member.label), shown])
