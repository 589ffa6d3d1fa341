"""The page that makes new recovery codes, for a code; they are shown once."""

from __future__ import annotations

from twofa_gate.core.answer import Answer
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.management import renew_codes
from twofa_gate.core.refusal import redirect
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.outcomes import again
from twofa_gate.pages.rendering import message, render
from twofa_gate.pages.visit import Visit, passage_cookies

__all__ = ["show", "shown_once", "submit"]


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
    yield from ()
    context = {"error": error, "retry_after": retry_after, "left": visit.account.recovery_left}
    return render(visit, "recovery_codes.html", *headers, status=status, context=context)


def shown_once(visit: Visit, codes: tuple[str, ...], *headers: Header, just_enabled: bool) -> Answer:
    """Show new recovery codes; no other answer ever holds them."""
    context = {"codes": list(codes), "just_enabled": just_enabled, "continue_url": visit.back.address}
    return render(visit, "codes_shown.html", *headers, context=context)


def not_again(visit: Visit) -> Answer:
    """Say what to do to somebody who loads the page with the codes again, or leaves it without having saved them."""
    paragraphs = [
        Text("Your device is set up: the codes that it shows are accepted."),
        Text("Recovery codes are shown only once. If you have not saved yours, make new ones."),
    ]
    new, on = (
        (Text("Make new recovery codes"), visit.url("/recovery-codes")),
        (Text("Continue"), visit.back.address),
    )
    heading = Text("Two-factor authentication is on")
    return message(
        visit.settings, visit.base, heading, paragraphs, status=200, actions=[new, on], visit=visit
    )


def submit(visit: Visit) -> Flow[Answer]:
    """Take a code and show the new recovery codes; or, from the page that showed them, go on."""
    if "continue" in visit.fields:
        return (
            redirect(visit.back.address, *visit.cookies)
            if visit.fields.get("saved") == "1"
            else not_again(visit)
        )
    try:
        typed = parse_code(text_field(visit.fields, "code", limit=MAX_TYPED))
        passage = yield from visit.passage()
        renewal = yield from renew_codes(visit.settings, visit.user.id, typed, passage)
    except BadRequest as error:
        return (yield from show(visit, error="malformed", status=error.status))
    result = renewal.result
    if not result.accepted:
        return (yield from again(show, visit, result))
    headers = passage_cookies(visit, passage)
    leading = visit.leading_to(f"{visit.base}/")
    return shown_once(leading, renewal.codes, *headers, just_enabled=False)
