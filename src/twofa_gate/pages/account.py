"""The user's own account page, and what its forms do: authenticators and browsers."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from twofa_gate.core import management, returning
from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult
from twofa_gate.core.codes import MAX_TYPED, parse_code
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.core.enrollment import MAX_NAME
from twofa_gate.core.management import Change
from twofa_gate.core.notice import place
from twofa_gate.core.refusal import redirect
from twofa_gate.core.standing import token_of
from twofa_gate.core.verification import digest, read_token
from twofa_gate.core.words import Text
from twofa_gate.errors import BadRequest
from twofa_gate.model import Enforcement
from twofa_gate.pages import challenge
from twofa_gate.pages.forms import text_field
from twofa_gate.pages.outcomes import STATUS, retry_headers, told
from twofa_gate.pages.rendering import message, render
from twofa_gate.pages.visit import Visit, passage_cookies

__all__ = ["change_authenticator", "change_browsers", "show", "submit_authenticator", "submit_browsers"]

NOTICES = ("enabled", "renamed", "removed", "signed-out", "trusted-forgotten", "disabled")


def _date(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _requirement(visit: Visit) -> SimpleNamespace | None:
    ruling = visit.standing.ruling
    if ruling.policy is None or ruling.policy.policy.enforcement is not Enforcement.REQUIRED:
        return None
    passed = ruling.cutoff is None or visit.now >= ruling.cutoff
    where = place(visit.settings, visit.standing.location)
    return SimpleNamespace(location=where, cutoff=_date(ruling.cutoff), passed=passed)


def describe(visit: Visit) -> dict[str, Any]:
    """List what the user may see of their own account."""
    account, settings = visit.account, visit.settings
    token = token_of(settings, visit.request)
    current = None if token is None else digest(token.token)
    trust = read_token(visit.request.cookies.single(settings.cookies.trust))
    trusted = None if trust is None else digest(trust.token)
    return {
        "enrolled": account.enrolled,
        "enabled_since": _date(account.enabled_at),
        "authenticators": [
            SimpleNamespace(id=each.id, name=each.name, added=_date(each.added), last_used=_date(each.used))
            for each in account.authenticators
        ],
        "recovery_left": account.recovery_left,
        "browsers": [
            SimpleNamespace(id=each.id, at=_date(each.at), method=each.method, current=each.digest == current)
            for each in reversed(account.verifications)
        ],
        "trusted": [
            SimpleNamespace(id=each.id, at=_date(each.at), current=each.digest == trusted)
            for each in reversed(account.trusted)
        ],
    }


def show(
    visit: Visit,
    *headers: Header,
    error: str | None = None,
    status: int = 200,
    error_for: str | None = None,
    retry_after: int | None = None,
) -> Flow[Answer]:
    """Show the account at a glance."""
    notice = visit.request.query.get("notice")
    context = describe(visit)
    context |= {
        "error": error,
        "error_for": error_for,
        "retry_after": retry_after,
        "home_url": _home(visit),
        "notice": notice if notice in NOTICES and error is None else None,
        "can_remove": len(context["authenticators"]) > 1,
        "requirement": _requirement(visit),
    }
    yield from ()
    return render(visit, "account.html", *headers, status=status, context=context)


def _home(visit: Visit) -> str:
    """Return where the application goes on: where the person was heading, or its default page."""
    leads_here = visit.back.address.startswith(f"{visit.base}/")
    return returning.home(visit.request) if leads_here else visit.back.address


def _not_found(visit: Visit) -> Answer:
    actions = [(Text("Two-factor settings"), f"{visit.base}/")]
    return message(
        visit.settings,
        visit.base,
        Text("Not found"),
        [Text("There is nothing here.")],
        status=404,
        actions=actions,
        visit=visit,
    )


def change_authenticator(
    visit: Visit, authenticator_id: str
) -> Flow[tuple[Change | CodeResult | None, tuple[Header, ...]]]:
    """Rename or remove an authenticator, for a code, or after one in the last minutes; `None` if a code is due.

    Raises `BadRequest` for another action or a malformed code.
    """
    action = text_field(visit.fields, "action")
    code = text_field(visit.fields, "code", limit=MAX_TYPED)
    typed = parse_code(code) if code else None
    if visit.account.authenticator(authenticator_id) is None:
        return Change.MISSING, ()
    if typed is None and not visit.fresh:
        return None, ()
    passage = yield from visit.passage()
    if action == "remove":
        change = yield from management.remove(visit.settings, visit.user.id, authenticator_id, typed, passage)
    elif action == "rename":
        name = text_field(visit.fields, "name", limit=MAX_NAME).strip()
        if not name:
            raise BadRequest("Give the device a name.")
        change = yield from management.rename(
            visit.settings, visit.user.id, authenticator_id, name, typed, passage
        )
    else:
        raise BadRequest("action must be rename or remove.")
    renewed = change is Change.DONE and (action == "remove" or typed is not None)
    return change, passage_cookies(visit, passage) if renewed else ()


def submit_authenticator(visit: Visit, authenticator_id: str) -> Flow[Answer]:
    """Rename or remove an authenticator."""
    try:
        change, headers = yield from change_authenticator(visit, authenticator_id)
    except BadRequest as error:
        return (yield from show(visit, error="malformed", status=error.status, error_for=authenticator_id))
    if change is None:
        return (yield from challenge.show(visit.leading_to(f"{visit.base}/"), status=403))
    if change is Change.MISSING:
        return _not_found(visit)
    if change is Change.LAST:
        return (yield from show(visit, error="last", status=409))
    if isinstance(change, CodeResult):
        kind = "wrong" if told(change) == "wrong" else "throttled"
        status, waits = STATUS[change.outcome], retry_headers(change)
        wait = change.retry_after or None
        again = show(visit, *waits, error=kind, status=status, error_for=authenticator_id, retry_after=wait)
        return (yield from again)
    notice = "removed" if visit.fields["action"] == "remove" else "renamed"
    return redirect(visit.url("/", notice=notice), *visit.cookies, *headers)


def change_browsers(visit: Visit) -> Flow[Change]:
    """Sign out one verified browser or all others, or forget trusted ones. Raises `BadRequest` otherwise."""
    action = text_field(visit.fields, "action")
    one = text_field(visit.fields, "id") or None
    user_id = visit.user.id
    if action == "sign-out" and one:
        return (yield from management.end_browsers(visit.settings, user_id, one=one))
    if action == "sign-out-others":
        made = visit.standing.verification
        others_than = None if made is None else made.digest
        return (yield from management.end_browsers(visit.settings, user_id, others_than=others_than))
    if action == "forget-trusted":
        return (yield from management.end_browsers(visit.settings, user_id, one=one, trusted=one is None))
    raise BadRequest("action must be sign-out, sign-out-others or forget-trusted.")


def submit_browsers(visit: Visit) -> Flow[Answer]:
    """Sign browsers out, or forget them."""
    if (yield from change_browsers(visit)) is Change.MISSING:
        return _not_found(visit)
    notice = "trusted-forgotten" if visit.fields["action"] == "forget-trusted" else "signed-out"
    return redirect(visit.url("/", notice=notice), *visit.cookies)
