"""The page that disables two-factor authentication: "Verify and disable"."""

from __future__ import annotations

from dataclasses import replace

from twofa_gate.core import asking, cookies, management
from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.decision import requires_now
from twofa_gate.core.effects import Flow
from twofa_gate.core.notice import place
from twofa_gate.core.refusal import redirect
from twofa_gate.errors import BadRequest, HookError
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.outcomes import again
from twofa_gate.pages.rendering import render
from twofa_gate.pages.visit import Visit

__all__ = ["disable_in", "requiring_locations", "show", "submit"]


def requiring_locations(visit: Visit) -> Flow[list[str]]:
    """Name the user's locations that require two-factor authentication from now on."""
    named = yield from asking.user_locations(visit.settings, visit.user)
    locations = [visit.standing.location] if named is None else list(dict.fromkeys(named))
    requiring = []
    for location in locations:
        policies = yield from asking.policies(visit.settings, location, visit.user)
        if not policies:
            raise HookError(f"There is no policy for the location {location!r}.")
        facts = replace(visit.standing.facts, location=location)
        if any(requires_now(each.policy, facts) for each in policies):
            requiring.append(location)
    return requiring


def disable_in(visit: Visit, code: str) -> Flow[tuple[CodeResult, tuple[Header, ...]]]:
    """Disable, for a code; return the outcome with the headers that end what let this browser pass."""
    typed = parse_code(code)
    result = yield from management.disable(visit.settings, visit.user.id, typed, visit.known)
    ours = visit.settings.cookies
    ended = tuple(cookies.expire(ours, name) for name in (ours.verification, ours.trust))
    return result, ended if result.accepted else ()


def show(
    visit: Visit,
    *headers: Header,
    error: str | None = None,
    status: int = 200,
    retry_after: int | None = None,
) -> Flow[Answer]:
    """Show the form, or which locations require two-factor authentication."""
    if not visit.account.enrolled:
        return redirect(visit.url("/"), *visit.cookies)
    required_by = yield from requiring_locations(visit)
    named = [place(visit.settings, each) for each in required_by]
    context = {"error": error, "retry_after": retry_after, "required_by": named}
    return render(visit, "disable.html", *headers, status=status, context=context)


def submit(visit: Visit) -> Flow[Answer]:
    """Take a code and disable."""
    if (yield from requiring_locations(visit)):
        return (yield from show(visit, status=403))
    try:
        result, ended = yield from disable_in(visit, text_field(visit.fields, "code", limit=MAX_TYPED))
    except BadRequest as error:
        return (yield from show(visit, error="malformed", status=error.status))
    if not result.accepted:
        return (yield from again(show, visit, result))
    return redirect(visit.url("/", notice="disabled"), *visit.cookies, *ended)
