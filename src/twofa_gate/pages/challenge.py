"""The challenge page: asks for a code, and goes on to where the person was heading."""

from __future__ import annotations

from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import Outcome, pass_challenge
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.kept_form import Kept, Lost
from twofa_gate.core.refusal import redirect
from twofa_gate.core.step_up import satisfies
from twofa_gate.errors import BadRequest
from twofa_gate.model import Decision, Enforcement, Method
from twofa_gate.pages import kept_form
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.outcomes import again
from twofa_gate.pages.rendering import render
from twofa_gate.pages.visit import Visit, passage_cookies

__all__ = ["continue_at", "offers_trust", "show", "submit"]


def offers_trust(visit: Visit) -> int | None:
    """For how many seconds this browser may be trusted: the shortest of the location's policies, or `None`.

    Not where the application asks for a fresh code: trust is no answer to that.
    """
    if visit.back.demand is not None:
        return None
    asking = [
        each.policy for each in visit.standing.policies if each.policy.enforcement is not Enforcement.OFF
    ]
    spans = [policy.trust_browser_for for policy in asking]
    if not spans or any(span is None for span in spans):
        return None
    return min(int(span.total_seconds()) for span in spans if span is not None)


def _accepts_recovery(visit: Visit) -> bool:
    demand = visit.back.demand
    if demand is not None and demand.methods and Method.RECOVERY_CODE.value not in demand.methods:
        return False
    return all(Method.RECOVERY_CODE in each.policy.methods for each in visit.standing.policies)


def continue_at(visit: Visit, method: Method | None) -> str:
    """Return where to go on; where a recovery code doesn't count, a replacement has to be set up first."""
    if method is Method.RECOVERY_CODE and not _accepts_recovery(visit):
        return f"{visit.base}/enroll"
    return visit.back.address


def _reason(visit: Visit) -> str | None:
    """Name why somebody is asked who has entered a code in this browser before."""
    if visit.standing.verification is None:
        return None
    return "again" if visit.back.demand is None else "fresh"


def _passed(visit: Visit) -> bool:
    """Whether this browser has answered the challenge, in another tab or with an earlier click."""
    if visit.back.demand is not None and not satisfies(visit.standing, visit.back.demand):
        return False
    return visit.standing.ruling.decision is Decision.PASS and visit.standing.verification is not None


def show(
    visit: Visit,
    *headers: Header,
    error: str | None = None,
    status: int = 200,
    retry_after: int | None = None,
) -> Flow[Answer]:
    """Show the form."""
    if not visit.account.enrolled:
        return redirect(visit.url("/enroll"), *visit.cookies)
    if (
        error is None
        and _passed(visit)
        and visit.next
        and not visit.back.address.startswith(f"{visit.base}/")
    ):
        # Another tab was faster; there is nothing left to ask.
        return redirect(visit.back.address, *visit.cookies)
    trust = offers_trust(visit)
    yield from ()
    context = {
        "error": error,
        "retry_after": retry_after,
        "location": visit.standing.location,
        "reason": _reason(visit),
        "recovery_accepted": _accepts_recovery(visit),
        "trust_days": None if trust is None else max(1, trust // 86400),
        "form": kept_form.shown(visit, kept_form.of(visit)),
    }
    return render(visit, "challenge.html", *headers, status=status, context=context)


def submit(visit: Visit) -> Flow[Answer]:
    """Take a code; go on to the page, or to sending the form that was kept."""
    form = kept_form.of(visit)
    if isinstance(form, Kept) and _passed(visit):
        return kept_form.offer(visit, form)
    try:
        typed = parse_code(text_field(visit.fields, "code", limit=MAX_TYPED))
        trusting = visit.fields.get("trust") == "1" and offers_trust(visit) is not None
        passage = yield from visit.passage(trust=trusting)
        result = yield from pass_challenge(visit.settings, visit.user.id, typed, passage, visit.seen)
    except BadRequest as error:
        return (yield from show(visit, error="malformed", status=error.status))
    if result.outcome is Outcome.NOT_ENROLLED:
        return redirect(visit.url("/enroll"), *visit.cookies)
    if not result.accepted:
        return (yield from again(show, visit, result))
    return _go_on(visit, form, continue_at(visit, result.method), *passage_cookies(visit, passage))


def _go_on(visit: Visit, form: Kept | Lost | None, url: str, *headers: Header) -> Answer:
    if isinstance(form, Kept):
        return kept_form.offer(visit, form, *headers, next_url=None if url == visit.back.address else url)
    if form is Lost.GONE:
        return kept_form.over(visit, *headers)
    return redirect(url, *visit.cookies, *headers)
