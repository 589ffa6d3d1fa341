"""How the outcomes of the core are told: the same words for pages and for the API."""

from __future__ import annotations

from collections.abc import Callable

from twofa_gate.core.answer import Answer
from twofa_gate.core.challenge import CodeResult, Outcome
from twofa_gate.core.cookies import Header
from twofa_gate.core.effects import Flow
from twofa_gate.pages.visit import Visit

__all__ = ["STATUS", "again", "retry_headers", "told"]

STATUS = {
    Outcome.ACCEPTED: 200,
    Outcome.WRONG: 403,
    Outcome.THROTTLED: 429,
    Outcome.LOCKED: 429,
    Outcome.NOT_ENROLLED: 409,
}


def retry_headers(result: CodeResult) -> tuple[Header, ...]:
    """Give `Retry-After` where there is a wait."""
    return (("Retry-After", str(result.retry_after)),) if result.retry_after else ()


def again(show: Callable[..., Flow[Answer]], visit: Visit, result: CodeResult) -> Flow[Answer]:
    """Show a form again, with what became of the code."""
    wait = result.retry_after or None
    return show(
        visit, *retry_headers(result), error=told(result), status=STATUS[result.outcome], retry_after=wait
    )


def told(result: CodeResult) -> str:
    """Name the error for a template."""
    return result.outcome.value
