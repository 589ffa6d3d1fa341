"""The enrollment page: "Set up two-factor authentication", and "Add a backup device"."""

from __future__ import annotations

from typing import Any

from twofa_gate.core import asking, enrollment, tickets
from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult, Outcome
from twofa_gate.core.codes import MAX_TYPED, MalformedCode, TotpInput, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.decision import NamedPolicy
from twofa_gate.core.effects import Flow
from twofa_gate.core.enrollment import MAX_NAME, BeginResult, Confirmation, Missing
from twofa_gate.core.refusal import redirect
from twofa_gate.core.totp import Authenticator, provisioning_uri
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.pages import challenge, kept_form
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.language import speaking
from twofa_gate.pages.outcomes import STATUS, retry_headers
from twofa_gate.pages.qr import qr_svg
from twofa_gate.pages.recovery_codes import not_again, shown_once
from twofa_gate.pages.rendering import message, render
from twofa_gate.pages.visit import Visit, passage_cookies

__all__ = ["begin_in", "clock_minutes", "confirm_in", "groups", "show", "submit", "ticket_policies"]


def groups(secret: str) -> list[str]:
    """Split a key into groups of four, as a person types it."""
    return [secret[at : at + 4] for at in range(0, len(secret), 4)]


def clock_minutes(steps: int | None) -> int | None:
    """Tell a clock suspicion in minutes."""
    return None if steps is None else max(1, round(abs(steps) / 2))


def _page(visit: Visit, step: str, *headers: Header, status: int = 200, **context: Any) -> Answer:
    named = ("error", "retry_after", "qr_svg", "secret_groups", "otpauth_uri", "clock_minutes")
    empty = {**dict.fromkeys(named), "ticket_needed": False, "device_name": "", "setup": ""}
    form = kept_form.shown(visit, kept_form.of(visit))
    context = {"step": step, "adding": visit.account.enrolled, "form": form, **empty, **context}
    return render(visit, "enroll.html", *headers, status=status, context=context)


def show(visit: Visit, *, error: str | None = None, status: int = 200) -> Flow[Answer]:
    """Show the page that begins. It shows no secret: that appears only in the answer to the POST that made it."""
    if visit.account.enrolled and not visit.fresh:
        return redirect(visit.leading_to(f"{visit.base}/enroll").url("/challenge"), *visit.cookies)
    needed = tickets.demanded((yield from ticket_policies(visit)), visit.account)
    return _page(visit, "begin", error=error, status=status, ticket_needed=needed)


def ticket_policies(visit: Visit) -> Flow[tuple[NamedPolicy, ...]]:
    """Give the policies of all the user's locations, any of which may ask for a ticket."""
    found = list(visit.standing.policies)
    for location in (yield from asking.user_locations(visit.settings, visit.user)) or ():
        if location != visit.standing.location:
            found += yield from asking.policies(visit.settings, location, visit.user)
    return tuple(found)


def begin_in(visit: Visit) -> Flow[str | BeginResult | CodeResult]:
    """Begin in this browser. Raises `BadRequest` for what can't be a ticket."""
    typed = text_field(visit.fields, "ticket")
    return (
        yield from enrollment.begin(
            visit.settings,
            visit.user.id,
            visit.browser,
            fresh=visit.fresh,
            policies=(yield from ticket_policies(visit)),
            ticket=tickets.canonical(typed) if typed.strip() else None,
            known=visit.known,
        )
    )


def confirm_in(
    visit: Visit, code: str, name: str, mark: str | None = None
) -> Flow[tuple[Confirmation, tuple[Header, ...]]]:
    """Confirm in this browser; return the outcome with the cookies of a browser that passed."""
    typed = parse_code(code)
    if not isinstance(typed, TotpInput) or len(typed.digits) != Authenticator.digits:
        raise MalformedCode("Enter the six digits that the new authenticator shows.")
    passage = yield from visit.passage()
    policies = yield from ticket_policies(visit)
    confirming = enrollment.confirm(
        visit.settings,
        visit.user.id,
        visit.browser,
        typed,
        name.strip() or _usual_name(visit),
        passage,
        verified=visit.verified,
        policies=policies,
        mark=mark,
    )
    done = yield from confirming
    accepted = done.result is not None and done.result.accepted
    return done, passage_cookies(visit, passage) if accepted else ()


def _usual_name(visit: Visit) -> str:
    """Name a device whose owner doesn't, in their language."""
    number = len(visit.account.authenticators) + 1
    name = Text("Authenticator") if number == 1 else Text("Authenticator %(n)s", n=number)
    return speaking(visit.language).say(name)


def submit(visit: Visit) -> Flow[Answer]:
    """Begin, or confirm with a code."""
    if "code" not in visit.fields:
        return (yield from _begin(visit))
    name = text_field(visit.fields, "name", limit=MAX_NAME)
    mark = text_field(visit.fields, "setup") or None
    kept: dict[str, Any] = {"device_name": name, "setup": mark or ""}
    try:
        code = text_field(visit.fields, "code", limit=MAX_TYPED)
        done, headers = yield from confirm_in(visit, code, name, mark)
    except BadRequest as error:
        return _page(visit, "confirm", error="malformed", status=error.status, **kept)
    result = done.result
    if done.missing is Missing.DONE:
        return not_again(visit)
    if result is None:
        replaced = done.missing is Missing.REPLACED
        return _page(visit, "confirm", error="replaced" if replaced else "expired", status=409)
    if not result.accepted:
        kind = "wrong" if result.outcome is Outcome.WRONG else "throttled"
        minutes = clock_minutes(result.clock_steps)
        status, waits = STATUS[result.outcome], retry_headers(result)
        told: dict[str, Any] = {"clock_minutes": minutes, "retry_after": result.retry_after or None, **kept}
        return _page(visit, "confirm", *waits, error=kind, status=status, **told)
    if not done.first:
        return redirect(visit.url("/", notice="enabled"), *visit.cookies, *headers)
    return shown_once(visit, done.codes, *headers, just_enabled=True)


def _begin(visit: Visit) -> Flow[Answer]:
    try:
        secret = yield from begin_in(visit)
    except BadRequest as error:
        return _page(visit, "begin", error="ticket", status=error.status, ticket_needed=True)
    if isinstance(secret, CodeResult):
        kind = "ticket" if secret.outcome is Outcome.WRONG else "throttled"
        status, waits = STATUS[secret.outcome], retry_headers(secret)
        wait = secret.retry_after or None
        return _page(visit, "begin", *waits, error=kind, status=status, retry_after=wait, ticket_needed=True)
    if secret is BeginResult.TICKET:
        return _page(visit, "begin", error="ticket", status=403, ticket_needed=True)
    if secret is BeginResult.UNVERIFIED:
        return (yield from challenge.show(visit.leading_to(f"{visit.base}/enroll"), status=403))
    if isinstance(secret, BeginResult):
        paragraphs = [Text("There are as many devices as an account can have. Remove one first.")]
        actions = [(Text("Two-factor settings"), f"{visit.base}/")]
        return message(
            visit.settings,
            visit.base,
            Text("Too many devices"),
            paragraphs,
            status=409,
            actions=actions,
            visit=visit,
        )
    uri = provisioning_uri(secret, label=visit.user.label, issuer=visit.settings.issuer)
    title = Text("QR code to scan with your authenticator app")
    drawn = qr_svg(uri, title=speaking(visit.language).say(title))
    keys: dict[str, Any] = {
        "secret_groups": groups(secret),
        "otpauth_uri": uri,
        "setup": enrollment.mark_of(secret),
    }
    return _page(visit, "confirm", qr_svg=drawn, **keys)
