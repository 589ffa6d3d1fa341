"""A location's settings page: what holds there, the change of it in two steps, and the adoption report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from twofa_gate.core import events, location_policy
from twofa_gate.core.answer import Answer
from twofa_gate.core.cookies import Header
from twofa_gate.core.decision import NamedPolicy, rule
from twofa_gate.core.effects import DrawRandom, Flow, perform
from twofa_gate.core.location_rules import SOURCE, LocationDocument, LocationRules, policy_of, rules_of
from twofa_gate.core.refusal import redirect
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.locations.adoption import AdoptionReader
from twofa_gate.locations.dates import local
from twofa_gate.locations.form import FIELDS, read_rules, values_of
from twofa_gate.locations.impact import Impact
from twofa_gate.model import Decision, EventKind
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.location_access import Desk, open_desk
from twofa_gate.pages.location_report import list_members
from twofa_gate.pages.rendering import render
from twofa_gate.pages.visit import Visit

__all__ = ["show", "submit"]

MAX_IMPACT = 5_000
"""Members that a preview looks at; the download and the command line count all of them."""

NOTICES = ("saved", "extended", "reset")
GUARD = Text(
    "With these settings you would be kept out yourself: you set up after that date. Choose a later day, "
    "or send people to set up instead of keeping them out."
)


def show(visit: Visit, location: str, *, error: str | None = None, status: int = 200) -> Flow[Answer]:
    """Show the settings and the report."""
    desk = yield from open_desk(visit, location)
    if isinstance(desk, Answer):
        return desk
    document, _ = yield from location_policy.read_location(visit.settings, location)
    return (yield from _page(desk, document, values_of(_rules(desk, document)), error=error, status=status))


def submit(visit: Visit, location: str) -> Flow[Answer]:
    """Show what a change would do, or save it."""
    desk = yield from open_desk(visit, location)
    if isinstance(desk, Answer):
        return desk
    try:
        values = {name: text_field(visit.fields, name) for name in FIELDS}
        action = text_field(visit.fields, "action")
    except BadRequest as error:
        return (yield from show(visit, location, error="malformed", status=error.status))
    document, _ = yield from location_policy.read_location(visit.settings, location)
    if not visit.fresh:
        return (yield from _page(desk, document, values, error="unverified", status=403))
    if text_field(visit.fields, "revision") != _revision(document):
        return (yield from _page(desk, document, values, error="conflict", status=409))
    reading = read_rules(values, _rules(desk, document), visit.now)
    errors = reading.errors or _guard(desk, reading.rules)
    if errors or reading.rules is None:
        return (yield from _page(desk, document, values, errors=errors, status=400))
    if action == "save":
        return (yield from _save(desk, reading.rules, values))
    if action == "edit":
        return (yield from _page(desk, document, values))
    return (yield from _preview(desk, document, reading.rules, values))


def _rules(desk: Desk, document: LocationDocument | None) -> LocationRules:
    """Give what is stored, or what the default says, so that a form sent as it stands weakens nothing."""
    if document is not None:
        return document.rules
    locations = desk.visit.settings.locations
    default = None if locations is None else locations.default
    return LocationRules(zone=desk.zone) if default is None else rules_of(default, desk.zone)


def _revision(document: LocationDocument | None) -> str:
    return "" if document is None else document.revision


def _guard(desk: Desk, rules: LocationRules | None) -> dict[str, str]:
    """Refuse what would keep out the administrator who saves it, now or when the date comes."""
    if rules is None:
        return {}
    facts = replace(desk.visit.standing.facts, location=desk.location)
    moments = {facts.now, max(facts.now, rules.cutoff or 0)}
    own = [NamedPolicy(policy_of(rules), SOURCE)]
    refused = any(
        rule(own, replace(facts, now=now)).decision in (Decision.DENY, Decision.ENROLL) for now in moments
    )
    return {"from_date": GUARD} if refused else {}


def _preview(
    desk: Desk, document: LocationDocument | None, rules: LocationRules, values: dict[str, str]
) -> Flow[Answer]:
    settings = desk.visit.settings
    impact = Impact(settings, rules)
    if settings.hooks.location_members is not None:
        reader = AdoptionReader(settings, desk.location)
        while chunk := (yield from reader.chunk()):
            impact.count(chunk)
            if impact.total >= MAX_IMPACT:
                impact.complete = False
                break
    context = _context(desk, document, values) | {
        "impact": impact if settings.hooks.location_members is not None else None,
        "changes": _changes(_rules(desk, document), rules),
        "starts": None if rules.cutoff is None else local(rules.cutoff, rules.zone),
    }
    return render(desk.visit, "location_preview.html", context=context)


def _changes(before: LocationRules, after: LocationRules) -> list[tuple[str, str, str]]:
    old, new = values_of(before), values_of(after)
    return [(name, old[name], new[name]) for name in FIELDS if old[name] != new[name]]


def _save(desk: Desk, rules: LocationRules, values: dict[str, str]) -> Flow[Answer]:
    visit = desk.visit
    revision = (yield from perform(DrawRandom(8))).hex()
    seen = text_field(visit.fields, "revision")

    def act(document: LocationDocument | None, now: float) -> Flow[tuple[LocationDocument | None, bool]]:
        if _revision(document) != seen:
            return document, False
        event = yield from events.queued(
            EventKind.SETTINGS_CHANGED,
            now,
            location=desk.location,
            by=visit.user.id,
            before=None if document is None else _told(document.rules),
            after=_told(rules),
        )
        kept = () if document is None else document.outbox
        extra = {} if document is None else document.extra
        changed = LocationDocument(
            location=desk.location,
            rules=rules,
            revision=revision,
            changed_at=now,
            changed_by=visit.user.id,
            changed_by_label=visit.user.label,
            outbox=(*kept, event),
            extra=extra,
        )
        return changed, True

    saved = yield from location_policy.change_location(visit.settings, desk.location, act)
    if saved is not True:
        document, _ = yield from location_policy.read_location(visit.settings, desk.location)
        return (yield from _page(desk, document, values, error="conflict", status=409))
    return redirect(f"{desk.url}?notice=saved", *visit.cookies)


def _told(rules: LocationRules) -> list[str]:
    """Give the rules as an event tells them: a list of `name=value`."""
    told = values_of(rules)
    if rules.cutoff is not None:
        told["from_date"] = local(rules.cutoff, rules.zone).isoformat()
    return [f"{name}={value or 'no'}" for name, value in told.items()]


def _context(desk: Desk, document: LocationDocument | None, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "location": desk.location,
        "url": desk.url,
        "token": desk.visit.csrf(desk.purpose),
        "revision": _revision(document),
        "values": SimpleNamespace(**values),
        "stored": SimpleNamespace(**values_of(_rules(desk, document))),
        "changed": None if document is None else _changed(document),
    }


def _changed(document: LocationDocument) -> SimpleNamespace:
    at = local(document.changed_at, document.rules.zone)
    return SimpleNamespace(at=at, by=document.changed_by_label or document.changed_by)


def _page(
    desk: Desk,
    document: LocationDocument | None,
    values: Mapping[str, str],
    *headers: Header,
    error: str | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Flow[Answer]:
    visit = desk.visit
    notice = visit.request.query.get("notice")
    rules = _rules(desk, document)
    context = _context(desk, document, values) | {
        "error": error or ("fields" if errors else None),
        "errors": errors or {},
        "notice": notice if notice in NOTICES and not (error or errors) else None,
        "starts": None if rules.cutoff is None else local(rules.cutoff, rules.zone),
        "challenge_url": visit.leading_to(desk.url).url("/challenge"),
        "others": [each for each in desk.policies if not each.source.startswith(SOURCE)],
        "report_only": visit.settings.report_only_until is not None
        and visit.now < visit.settings.report_only_until,
        "report": (yield from list_members(desk)),
    }
    return render(visit, "location.html", *headers, status=status, context=context)
